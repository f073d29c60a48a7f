"""Files that are put back as they were."""

from alembic import op

from warehouse.migrations import statements

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Make what 0016_truth.sql describes."""
    for statement in statements("0016_truth.sql"):
        op.get_bind().exec_driver_sql(statement)
