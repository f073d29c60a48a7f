"""Case files of the views: rows in, exact rows out, run on any engine.

    - case: 为什么有这一例
      as_of: 2025-10-31
      given:
        hotline_ticket:
          - {ticket_no: T1, recorded_at: 2025-09-26 09:24:00}
          - {repeat: 3, ticket_no: "R{n}", status: recorded}     # three rows, R1 R2 R3
      expect:
        - {department: 县住建局, tickets_due: 1}

Columns left out of a given row are NULL; a table left out is empty; an expected row names every column. Rows may
also be given for a view below the one tested: then it is not computed.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import yaml

from schemas.errors import nearest
from views.catalog import Catalog, load_catalog
from views.lineage import schemas
from views.render import render

ROOT = Path(__file__).parent
CATALOG = load_catalog()
KNOWN = schemas(CATALOG)
Row = dict[str, Any]
Query = Callable[[str], tuple[list[str], list[tuple[Any, ...]]]]  # a statement -> column names, rows


@dataclass(frozen=True)
class Case:
    view: str
    title: str
    as_of: datetime.date
    given: dict[str, list[Row]]
    expect: list[Row]


def cases() -> Iterator[Case]:
    """Every case of every file; a repeated case title or an unknown key is an error of the file."""
    for path in sorted(ROOT.glob("*/*.yaml")):
        for node in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader):
            unknown = node.keys() - {"case", "as_of", "given", "expect"}
            assert not unknown, f"{path.name}: {unknown}"
            given = {table: list(_repeated(rows)) for table, rows in node["given"].items()}
            yield Case(f"{path.parent.name}_{path.stem}", node["case"], node["as_of"], given, node["expect"])


def _repeated(rows: list[Row]) -> Iterator[Row]:
    for row in rows:
        for number in range(1, row.get("repeat", 1) + 1):
            yield {
                name: value.replace("{n}", str(number)) if isinstance(value, str) else value
                for name, value in row.items()
                if name != "repeat"
            }


def run(case: Case, query: Query, engine: str) -> list[Row]:
    """The view's rows for the case's rows."""
    create(query, sorted(CATALOG.datasets(case.view) | (case.given.keys() & CATALOG.views.keys())))
    for table, rows in case.given.items():
        insert(query, table, rows)
    for view in CATALOG.upstream(case.view):
        if view.name not in case.given:
            query(f"CREATE TEMP TABLE {view.name} AS {render(view, engine, case.as_of)}")
    return read(query, CATALOG, case.view)


def create(query: Query, names: list[str], prefix: str = "CREATE TEMP TABLE ") -> None:
    """Empty tables with the columns the contracts, reference tables and views give them."""
    for name in names:
        columns = ", ".join(f'"{column}" {kind}' for column, kind in KNOWN[name].items())
        query(f"{prefix}{name} ({columns})")


def insert(query: Query, table: str, rows: list[Row]) -> None:
    """Put rows in; an unknown table or column is told with its nearest name."""
    assert table in KNOWN, f"{table}: {nearest(table, KNOWN)}"
    for row in rows:
        for column in row:
            assert column in KNOWN[table], f"{table}.{column}: {nearest(column, KNOWN[table])}"
    if rows:
        names = list(dict.fromkeys(column for row in rows for column in row))
        values = ", ".join(
            f"({', '.join(_literal(row.get(name), KNOWN[table][name]) for name in names)})" for row in rows
        )
        columns = ", ".join(f'"{name}"' for name in names)
        query(f"INSERT INTO {table} ({columns}) VALUES {values}")


def read(query: Query, catalog: Catalog, name: str) -> list[Row]:
    """All rows of a computed view; its columns are those of the file, in their order."""
    names, rows = query(f"SELECT * FROM {name}")
    assert names == [column.name for column in catalog.views[name].columns]
    return [dict(zip(names, row, strict=True)) for row in rows]


def query_of(connection: duckdb.DuckDBPyConnection | psycopg.Connection) -> Query:
    """One way to ask either engine."""

    def query(text: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        cursor = connection.execute(text.encode() if isinstance(connection, psycopg.Connection) else text)
        if not cursor.description:
            return [], []
        return [column[0] for column in cursor.description], cursor.fetchall()

    return query


def plain(rows: list[Row]) -> list[dict[str, str | None]]:
    """Rows in one order and one notation, so that engines and YAML can be compared: 5, 5.0 and 5.00 are one number."""
    texts = [{name: _plain(value) for name, value in row.items()} for row in rows]
    return sorted(texts, key=lambda row: [(value is not None, value or "") for _, value in sorted(row.items())])


def _plain(value: Any) -> str | None:
    if value is None or isinstance(value, (str, bool)):
        return value if value is None or isinstance(value, str) else str(value).lower()
    if isinstance(value, (int, float, Decimal)):
        number = Decimal(str(value)).normalize()
        return f"{number if number else Decimal(0):f}"
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None).isoformat(" ")
    return str(value)


def _literal(value: Any, kind: str) -> str:
    if value is None:
        return "NULL"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return "CAST('{}' AS {})".format(text.replace("'", "''"), kind)
