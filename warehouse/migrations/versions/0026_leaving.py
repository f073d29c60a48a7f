"""Signing out at the identity provider too."""

from alembic import op

from warehouse.migrations import statements

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Make what 0026_leaving.sql describes."""
    for statement in statements("0026_leaving.sql"):
        op.get_bind().exec_driver_sql(statement)
