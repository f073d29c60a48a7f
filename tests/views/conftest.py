"""One database for the tests that only read what they have put into temporary tables."""

from collections.abc import Iterator

import psycopg
import pytest

from warehouse.engines.postgresql import Server


@pytest.fixture(scope="session")
def postgres_url(postgres_server: Server) -> str:
    """Address of an empty database; whoever writes to it undoes that."""
    return postgres_server.create_database("views")


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[psycopg.Connection]:
    """A connection whose work is undone after the test."""
    with psycopg.connect(postgres_url) as connection:
        yield connection
        connection.rollback()
