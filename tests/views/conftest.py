"""One PostgreSQL server for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from warehouse.engines.postgresql import Server


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an empty database on a server that lives as long as the test run."""
    server = Server(Path(tmp_path_factory.mktemp("views")) / "pg", shared_buffers="64MB").start()
    try:
        yield server.create_database("views")
    finally:
        server.stop()


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[psycopg.Connection]:
    """A connection whose work is undone after the test."""
    with psycopg.connect(postgres_url) as connection:
        yield connection
        connection.rollback()
