"""Resolution and survivorship of what changed only."""

from alembic import op

from warehouse.migrations import statements

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make what 0010_growth.sql describes."""
    for statement in statements("0010_growth.sql"):
        op.get_bind().exec_driver_sql(statement)
