"""The high-frequency problems of the tickets, with every version."""

from alembic import op

from warehouse.migrations import statements

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Make what 0023_topic.sql describes."""
    for statement in statements("0023_topic.sql"):
        op.get_bind().exec_driver_sql(statement)
