"""The history of parties is kept row by row."""

from alembic import op

from warehouse.migrations import statements

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Make what 0022_kept.sql describes."""
    for statement in statements("0022_kept.sql"):
        op.get_bind().exec_driver_sql(statement)
