"""Examples good and bad; saved queries."""

from alembic import op

from warehouse.migrations import statements

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make what 0009_leader.sql describes."""
    for statement in statements("0009_leader.sql"):
        op.get_bind().exec_driver_sql(statement.replace("%", "%%"))
