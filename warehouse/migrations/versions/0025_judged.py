"""Deliveries held by batch rules wait in the drift inbox."""

from alembic import op

from warehouse.migrations import statements

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Make what 0025_judged.sql describes."""
    for statement in statements("0025_judged.sql"):
        op.get_bind().exec_driver_sql(statement)
