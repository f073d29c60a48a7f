"""What the views may read is what a real warehouse has, and every view of the hub publishes there."""

import datetime

import psycopg
import pytest

from pipelines.run import prepare
from views.catalog import load_catalog
from views.inputs import tables
from views.publish import publish
from warehouse.home import Home


@pytest.fixture
def warehouse(home: Home, database: str) -> str:
    """A warehouse with every table and no data but the reference tables'."""
    prepare(home)
    return database


def test_every_known_table_and_column_is_there(warehouse: str) -> None:
    with psycopg.connect(warehouse) as connection:
        found = connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'shared'"
        ).fetchall()
    known = {(table, column) for table, columns in tables().items() for column in columns}
    assert known - set(found) == set()


def test_every_view_publishes(warehouse: str) -> None:
    with psycopg.connect(warehouse) as connection:
        done = publish(connection, None, datetime.date(2026, 9, 30))
        assert [(p.name, p.error) for p in done if p.error] == []
        assert {p.name for p in done} == set(load_catalog().views)
        assert publish(connection, set(), datetime.date(2026, 9, 30)) == []
