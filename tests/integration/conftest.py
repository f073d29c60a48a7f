"""Sources of departments that more than one file of tests reads."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import psycopg
import pytest

from pipelines.run import prepare
from tests.integration.polled import Polled
from warehouse.engines.postgresql import Server
from warehouse.home import Home

_NUMBER = count()


@pytest.fixture
def source(postgres_server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a department's own empty database, for tests.integration.callbacks; dropped after the test."""
    name = f"source_{next(_NUMBER)}"
    url = postgres_server.create_database(name)
    monkeypatch.setenv("HUB_SOURCE_CALLBACK", url)
    yield url
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def table(source: str) -> Iterator[psycopg.Connection[Any]]:
    """The department's own connection to its table `hf` of forty call-backs."""
    with psycopg.connect(source, autocommit=True) as connection:
        connection.execute("CREATE TABLE hf (id text, gd text, lc int, sj timestamp, fs text, gx timestamp NOT NULL)")
        connection.execute(
            "INSERT INTO hf SELECT 'CB'||n, 'GD'||n, 1, '2026-03-01', '电话', '2026-03-01' FROM generate_series(1, 40) n"
        )
        yield connection


@pytest.fixture
def polled(home: Home, table: psycopg.Connection[Any]) -> Polled:
    """The connector of `table`, registered and approved."""
    prepare(home)
    return Polled(home)
