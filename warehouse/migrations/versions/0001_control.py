"""Control tables: sources, batches, cursors, quarantine, identity."""

from alembic import op

from warehouse.migrations import statements

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the schemas and the control tables."""
    for statement in statements("0001_control.sql"):
        op.get_bind().exec_driver_sql(statement)
