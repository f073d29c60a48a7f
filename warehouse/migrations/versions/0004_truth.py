"""Whose value stands: provenance per field, conflicts, verdicts."""

from alembic import op

from warehouse.migrations import statements

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make what 0004_truth.sql describes."""
    for statement in statements("0004_truth.sql"):
        op.get_bind().exec_driver_sql(statement)
