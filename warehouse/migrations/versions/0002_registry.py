"""Registered connectors with their versions, drafts and approvals; held deliveries and their decisions."""

from alembic import op

from warehouse.migrations import statements

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make what 0002_registry.sql describes."""
    for statement in statements("0002_registry.sql"):
        op.get_bind().exec_driver_sql(statement)
