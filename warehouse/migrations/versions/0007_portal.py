"""Accounts, sessions, grants, correction orders, audit, notices."""

from alembic import op

from warehouse.migrations import statements

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make what 0007_portal.sql describes."""
    for statement in statements("0007_portal.sql"):
        op.get_bind().exec_driver_sql(statement.replace("%", "%%"))
