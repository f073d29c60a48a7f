"""Papers of contests and reports; rectification reports."""

from alembic import op

from warehouse.migrations import statements

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make what 0014_evidence.sql describes."""
    for statement in statements("0014_evidence.sql"):
        op.get_bind().exec_driver_sql(statement)
