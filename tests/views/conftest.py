"""Databases without the hub's own tables: what a view needs, its test puts in."""

from collections.abc import Iterator
from itertools import count

import psycopg
import pytest

from warehouse.engines.postgresql import Server

_NUMBER = count()


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


@pytest.fixture
def empty_database(postgres_server: Server) -> Iterator[str]:
    """Address of a database with no table in it, dropped after the test."""
    name = f"views_{next(_NUMBER)}"
    yield postgres_server.create_database(name)
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
