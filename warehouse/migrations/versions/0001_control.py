"""Control tables: sources, batches, cursors, quarantine, identity."""

from alembic import op

from warehouse.migrations import statements

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the schemas and the control tables."""
    for statement in statements():
        op.execute(statement)


def downgrade() -> None:
    """Remove the hub's schemas, the records in them included."""
    for schema in ("board", "shared", "record_history", "record"):
        op.execute(f"DROP SCHEMA {schema} CASCADE")
    for table in ("party", "enterprise_key", "quarantine", "cursor", "batch", "source", "dataset"):
        op.execute(f"DROP TABLE hub.{table}")
