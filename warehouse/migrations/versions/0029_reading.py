"""A bookmark is of what was read."""

from alembic import op

from warehouse.migrations import statements

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Make what 0029_reading.sql describes."""
    for statement in statements("0029_reading.sql"):
        op.get_bind().exec_driver_sql(statement)
