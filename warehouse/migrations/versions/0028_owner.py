"""Who owned a field group at an instant."""

from alembic import op

from warehouse.migrations import statements

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Make what 0028_owner.sql describes."""
    for statement in statements("0028_owner.sql"):
        op.get_bind().exec_driver_sql(statement)
