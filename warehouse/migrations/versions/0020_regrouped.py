"""Conflicts that a merge or a parting ends."""

from alembic import op

from warehouse.migrations import statements

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Make what 0020_regrouped.sql describes."""
    for statement in statements("0020_regrouped.sql"):
        op.get_bind().exec_driver_sql(statement)
