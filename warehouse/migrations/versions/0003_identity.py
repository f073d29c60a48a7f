"""How records became enterprises: links, merges, unmerges, redirects."""

from alembic import op

from warehouse.migrations import statements

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make what 0003_identity.sql describes."""
    for statement in statements("0003_identity.sql"):
        op.get_bind().exec_driver_sql(statement)
