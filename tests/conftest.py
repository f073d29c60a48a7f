"""Servers every test may use: a real PostgreSQL of the session's own, one fresh database a test."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from pipelines.run import prepare
from schemas import contract
from warehouse import migrations
from warehouse.engines.postgresql import Server
from warehouse.home import Home

_NUMBER = count()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The session's PostgreSQL: the embedded one, as at a site that has no server of its own."""
    server = Server(tmp_path_factory.mktemp("postgres") / "pg", shared_buffers="128MB").start()
    try:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            # No test outlives a loss of power: a database copied for each need not wait for the disk.
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def template(postgres_server: Server) -> str:
    """The name of a database that has the control tables; copying it is quicker than migrating each one."""
    migrations.upgrade(postgres_server.create_database("template_hub"))
    return "template_hub"


@pytest.fixture(scope="session")
def prepared(postgres_server: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database in which a hub has made every table and view already: a quarter of the time of making them."""
    name = "template_prepared"
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUB_DATABASE_URL", postgres_server.url(name))
        prepare(Home(tmp_path_factory.mktemp("prepared")))
    return name


@pytest.fixture
def database(request: pytest.FixtureRequest, postgres_server: Server) -> Iterator[str]:
    """The address of a warehouse, dropped after the test: a hub's own for a test with a `home`, else control tables and nothing else."""
    name = f"test_{next(_NUMBER)}"
    template = request.getfixturevalue("prepared" if "home" in request.fixturenames else "template")
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
    yield postgres_server.url(name)
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def home(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A hub home of the test's own whose warehouse is the test's database."""
    monkeypatch.setenv("HUB_DATABASE_URL", database)
    monkeypatch.setenv("HUB_HOME", str(tmp_path / "home"))
    yield Home(tmp_path / "home")
    contract.include(None)
