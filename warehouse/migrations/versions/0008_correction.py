"""Correction orders: refused rows on their way back to the department, with a working-day clock."""

from alembic import op

from warehouse.migrations import statements

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make what 0008_correction.sql describes."""
    for statement in statements("0008_correction.sql"):
        op.get_bind().exec_driver_sql(statement)
