"""Papers of contests and reports; rectification reports."""

from alembic import op

from warehouse.migrations import statements

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Make what 0013_evidence.sql describes."""
    for statement in statements("0013_evidence.sql"):
        op.get_bind().exec_driver_sql(statement)
