"""Published figures, sample frames and their drawings."""

from alembic import op

from warehouse.migrations import statements

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make what 0005_publication.sql describes."""
    for statement in statements("0005_publication.sql"):
        op.get_bind().exec_driver_sql(statement)
