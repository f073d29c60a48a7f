"""Closed problems that have come back."""

from alembic import op

from warehouse.migrations import statements

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Make what 0024_reopened.sql describes."""
    for statement in statements("0024_reopened.sql"):
        op.get_bind().exec_driver_sql(statement)
