"""The day a delivery was taken in."""

from alembic import op

from warehouse.migrations import statements

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Make what 0018_delivery.sql describes."""
    for statement in statements("0018_delivery.sql"):
        op.get_bind().exec_driver_sql(statement)
