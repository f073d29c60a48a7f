"""Clocks of tickets and problems, assessments and their rules."""

from alembic import op

from warehouse.migrations import statements

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make what 0006_clock.sql describes."""
    for statement in statements("0006_clock.sql"):
        op.get_bind().exec_driver_sql(statement)
