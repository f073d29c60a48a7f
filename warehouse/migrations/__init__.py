"""Alembic migrations of the control tables and a quick way to bring a warehouse up to date.

Tables of datasets are not migrated here: they follow their contracts (warehouse.tables).
"""

from __future__ import annotations

from pathlib import Path

from warehouse.engines.adbc import Connection

BASELINE = HEAD = "0001"
_HERE = Path(__file__).parent


def statements() -> list[str]:
    """The statements of baseline.sql."""
    text = (_HERE / "baseline.sql").read_text(encoding="utf-8")
    return [statement for statement in text.split(";\n") if statement.strip()]


def current(warehouse: Connection) -> str | None:
    """The revision the warehouse stands at; None when it is empty."""
    found = warehouse.scalar("SELECT to_regclass('hub.alembic_version')::text")
    return warehouse.scalar("SELECT version_num FROM hub.alembic_version") if found else None


def ensure(warehouse: Connection) -> None:
    """Bring the control tables to HEAD through an open connection; nothing happens when they are there.

    An empty warehouse is made from baseline.sql directly: importing alembic takes longer than making the tables.
    """
    found = current(warehouse)
    if found == HEAD:
        return
    if found is None:
        warehouse.execute("SELECT pg_advisory_xact_lock(hashtext('tongqu-migrations'))")
        if current(warehouse) is None:
            warehouse.execute("CREATE SCHEMA IF NOT EXISTS hub")
            for statement in statements():
                warehouse.execute(statement)
            warehouse.execute("CREATE TABLE hub.alembic_version (version_num varchar(32) PRIMARY KEY)")
            warehouse.execute("INSERT INTO hub.alembic_version VALUES ($1)", BASELINE)
        found = BASELINE
    warehouse.commit()
    if found != HEAD:
        upgrade(warehouse.url)


def upgrade(url: str) -> None:
    """Bring the control tables to HEAD; two processes at once take turns on an advisory lock."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.attributes["url"] = url.replace("postgresql://", "postgresql+psycopg://", 1)
    command.upgrade(config, "head")
