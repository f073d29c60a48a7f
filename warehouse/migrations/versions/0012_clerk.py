"""Data objections; proposals to the standards."""

from alembic import op

from warehouse.migrations import statements

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make what 0012_clerk.sql describes."""
    for statement in statements("0012_clerk.sql"):
        op.get_bind().exec_driver_sql(statement)
