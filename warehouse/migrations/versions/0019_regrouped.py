"""Conflicts that a merge or a parting ends."""

from alembic import op

from warehouse.migrations import statements

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Make what 0019_regrouped.sql describes."""
    for statement in statements("0019_regrouped.sql"):
        op.get_bind().exec_driver_sql(statement)
