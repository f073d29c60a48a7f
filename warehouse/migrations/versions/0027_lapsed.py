"""Doubts about who is who that lapse."""

from alembic import op

from warehouse.migrations import statements

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Make what 0027_lapsed.sql describes."""
    for statement in statements("0027_lapsed.sql"):
        op.get_bind().exec_driver_sql(statement)
