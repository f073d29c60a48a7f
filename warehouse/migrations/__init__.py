"""Alembic migrations of the control tables and a quick way to bring a warehouse up to date.

Tables of datasets are not migrated here: they follow their contracts (warehouse.tables).
"""

from __future__ import annotations

from pathlib import Path

HEAD = "0001"
_HERE = Path(__file__).parent


def current(connection: object) -> str | None:
    """The revision the warehouse stands at; None when it is empty. `connection` is an adbc.Connection."""
    found = connection.scalar("SELECT to_regclass('hub.alembic_version')::text")  # type: ignore[attr-defined]
    return connection.scalar("SELECT version_num FROM hub.alembic_version") if found else None  # type: ignore[attr-defined]


def upgrade(url: str) -> None:
    """Bring the control tables to HEAD; two processes at once take turns on an advisory lock."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.attributes["url"] = url.replace("postgresql://", "postgresql+psycopg://", 1)
    command.upgrade(config, "head")
