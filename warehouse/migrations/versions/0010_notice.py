"""Messages, who has them, the channels that carry them."""

from alembic import op

from warehouse.migrations import statements

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make what 0010_notice.sql describes."""
    for statement in statements("0010_notice.sql"):
        op.get_bind().exec_driver_sql(statement.replace("%", "%%"))
