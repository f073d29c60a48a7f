"""Rotations of the county key."""

from alembic import op

from warehouse.migrations import statements

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make what 0015_key.sql describes."""
    for statement in statements("0015_key.sql"):
        op.get_bind().exec_driver_sql(statement)
