"""What an accepted report stands on, and that it stays."""

from alembic import op

from warehouse.migrations import statements

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Make what 0020_rectified.sql describes."""
    for statement in statements("0020_rectified.sql"):
        op.get_bind().exec_driver_sql(statement)
