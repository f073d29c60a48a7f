"""The day a delivery was taken in."""

from alembic import op

from warehouse.migrations import statements

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Make what 0017_delivery.sql describes."""
    for statement in statements("0017_delivery.sql"):
        op.get_bind().exec_driver_sql(statement)
