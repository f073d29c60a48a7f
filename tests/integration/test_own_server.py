"""A site's own PostgreSQL, where the hub's role is no superuser: what its administrator runs once, as the guide has it."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

from portal import accounts, sessions
from portal.site import Site
from warehouse import access, migrations, reference
from warehouse.engines.adbc import Connection
from warehouse.engines.postgresql import Server
from warehouse.home import ROOT, Home

GUIDE = ROOT / "docs" / "guide-zh" / "数据工程师.md"


@pytest.fixture
def own(postgres_server: Server, tmp_path: Path) -> Site:
    """A hub whose role may make roles and nothing else, after the guide's SQL has been run."""
    (told,) = re.findall(r"```sql\n(DO \$\$.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute("CREATE ROLE own_hub LOGIN CREATEROLE PASSWORD 'x'")
        connection.execute("CREATE DATABASE own OWNER own_hub ENCODING 'UTF8' TEMPLATE template0")
    with psycopg.connect(postgres_server.url("own"), autocommit=True) as connection:
        connection.execute(told.replace("tongqu", "own_hub"))

    class Alone(Home):
        database_url = property(lambda self: re.sub("//.*@", "//own_hub:x@", postgres_server.url("own")))  # type: ignore[assignment]

    site = Site(Alone(tmp_path))
    with Connection(site.home.database_url) as warehouse:
        migrations.ensure(warehouse)
        reference.refresh(warehouse)
        warehouse.commit()
    with psycopg.connect(site.home.database_url) as connection:
        access.secure(connection)
    return site


def test_a_plain_role_keeps_house_on_a_sites_own_server(own: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(own.home.database_url, row_factory=dict_row) as connection:
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == {
            "rolsuper": False
        }
        accounts.add(
            connection, name="fenxi", person="x", role="analyst", department=None, by="root@console", approved=True
        )
        found = accounts.find(connection, "fenxi")
        assert found is not None
        sessions.ready_role(own.database, connection, found)
        user = accounts.find(connection, "fenxi")
        assert user is not None
    for text in (
        "SELECT pg_advisory_lock(1)",
        "SELECT lo_create(0)",
        "SELECT pg_logical_emit_message(false, '', '')",
        "SELECT * FROM hub.account",
        "SET temp_file_limit = -1",
    ):
        with own.database.login(user) as connection:
            connection.execute("SET TRANSACTION READ WRITE")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(text)  # type: ignore[arg-type]
    with own.database.login(user) as connection:
        assert connection.execute("SHOW temp_file_limit").fetchone() == {"temp_file_limit": "2GB"}
        assert connection.execute("SELECT count(*) > 10 AS some FROM department").fetchone() == {"some": True}

    told: list[type[BaseException]] = []

    def lift() -> None:
        with own.database.login(user) as connection:
            connection.execute("SET statement_timeout = 0")  # PostgreSQL lets everybody
            try:
                connection.execute("SELECT pg_sleep(120)")
            except psycopg.Error as error:
                told.append(type(error))

    monkeypatch.setattr(access, "SECONDS", -4)
    running = threading.Thread(target=lift)
    running.start()
    until = time.monotonic() + 60
    while running.is_alive() and time.monotonic() < until:
        time.sleep(0.5)
        with own.database.owner() as connection:
            access.curb(connection)
    running.join(1)
    assert told == [psycopg.errors.QueryCanceled]
    with own.database.owner() as connection:
        access.revoke_login(connection, user.db_role or "")
    with pytest.raises(Exception, match="连接不上"):
        own.database.login(user)
    own.database.close()
