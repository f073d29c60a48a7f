"""Alembic migrations of the control tables and a quick way to bring a warehouse up to date.

Tables of datasets are not migrated here: they follow their contracts (warehouse.tables).
"""

from __future__ import annotations

from pathlib import Path

from warehouse.engines.adbc import Connection

_HERE = Path(__file__).parent
SCRIPTS = tuple(sorted(path.name for path in _HERE.glob("*.sql")))
HEAD = SCRIPTS[-1][:4]


def statements(script: str) -> list[str]:
    """The statements of one .sql file beside this one; a body between $$ marks is one statement with its semicolons."""
    parts, quoted = [""], False
    for line in (_HERE / script).read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("--"):
            continue
        parts[-1] += line + "\n"
        quoted ^= line.count("$$") % 2 == 1
        if not quoted and line.endswith(";"):
            parts.append("")
    return [part.strip().rstrip(";") for part in parts if part.strip()]


def current(warehouse: Connection) -> str | None:
    """The revision the warehouse stands at; None when it is empty."""
    found = warehouse.scalar("SELECT to_regclass('hub.alembic_version')::text")
    return warehouse.scalar("SELECT version_num FROM hub.alembic_version") if found else None


def ensure(warehouse: Connection) -> None:
    """Bring the control tables to HEAD through an open connection; nothing happens when they are there.

    An empty warehouse is made from the .sql files directly: importing alembic takes longer than making the tables.
    """
    found = current(warehouse)
    if found == HEAD:
        return
    if found is None:
        warehouse.execute("SELECT pg_advisory_xact_lock(hashtext('tongqu-migrations'))")
        if current(warehouse) is None:
            warehouse.execute("CREATE SCHEMA IF NOT EXISTS hub")
            for script in SCRIPTS:
                for statement in statements(script):
                    warehouse.execute(statement)
            warehouse.execute("CREATE TABLE hub.alembic_version (version_num varchar(32) PRIMARY KEY)")
            warehouse.execute("INSERT INTO hub.alembic_version VALUES ($1)", HEAD)
        found = HEAD
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
