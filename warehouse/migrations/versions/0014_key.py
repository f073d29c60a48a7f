"""Rotations of the county key."""

from alembic import op

from warehouse.migrations import statements

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make what 0014_key.sql describes."""
    for statement in statements("0014_key.sql"):
        op.get_bind().exec_driver_sql(statement)
