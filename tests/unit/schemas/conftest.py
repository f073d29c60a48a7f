"""Fixtures of the schemas tests: the vector tables and one DuckDB connection that knows the macros."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from schemas import macros


@pytest.fixture(scope="session")
def vectors() -> dict[str, Any]:
    return json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def con() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'Asia/Shanghai'")
    macros.install(connection)
    return connection
