"""Resolution and survivorship of what changed only."""

from alembic import op

from warehouse.migrations import statements

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Make what 0011_growth.sql describes."""
    for statement in statements("0011_growth.sql"):
        op.get_bind().exec_driver_sql(statement)
