"""What an accepted report stands on, and that it stays."""

from alembic import op

from warehouse.migrations import statements

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Make what 0021_rectified.sql describes."""
    for statement in statements("0021_rectified.sql"):
        op.get_bind().exec_driver_sql(statement)
