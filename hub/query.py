"""Read-only queries for analysts: one SELECT in, a table, CSV, JSON or Parquet out.

A query runs in a read-only transaction with a time limit and sees the boards' views and the shared datasets
first. PostgreSQL writes the CSV itself, so a large answer streams through without being held.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub import output
from hub.output import UsageError
from schemas.errors import ConfigError, HubError, WarehouseUnavailable
from warehouse.question import CHANGE, FIXED, PLAIN, bind, explain, same_order

if TYPE_CHECKING:
    import psycopg

FORMATS = ("table", "csv", "json", "parquet")
SCREENFUL = 1000  # rows a table shows unless --limit says otherwise
SEARCH_PATH = "board, shared"

_BOOLEAN = 16  # PostgreSQL's number of the type
_CHUNK = 5000


@dataclass(frozen=True)
class Request:
    """One query and how its answer is wanted; `limit` None means every row."""

    sql: str
    format: str = "table"
    file: Path | None = None
    limit: int | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    bom: bool = False
    seconds: int = 60
    as_of: date | datetime | None = None  # known time; a day means its end
    valid_on: date | datetime | None = None  # valid time; None: whatever was valid last


def run(url: str, request: Request) -> int:
    """Run the query and write the answer; returns the rows written.

    Raises:
        HubError: the SQL is wrong, not allowed, or took too long; told in Chinese with the nearest name.
        WarehouseUnavailable: the warehouse does not answer.
    """
    import psycopg

    try:
        text = bind(request.sql, request.parameters)
    except ConfigError as error:
        raise UsageError("hub query", error.what, error.cure.replace("填一个值", "加 --param 名=值")) from error
    if not text:
        raise UsageError("hub query", "没有查询语句", '例如 hub query "SELECT * FROM department"')
    if CHANGE.match(text):
        raise HubError("查询", *FIXED["25006"])
    write = {"table": _table, "csv": _csv, "json": _json, "parquet": _parquet}[request.format]
    try:
        with psycopg.connect(url, connect_timeout=10, options="-c default_transaction_read_only=on") as connection:
            if request.as_of is None and request.valid_on is None:
                connection.execute(f"SET LOCAL search_path = {SEARCH_PATH}")
            else:
                text = _past(connection, text, request.as_of, request.valid_on)
            connection.execute(f"SET LOCAL statement_timeout = {request.seconds * 1000}")
            try:
                return write(connection, text, request)
            except psycopg.Error as error:
                connection.rollback()
                raise explain(error, text, connection, request.seconds) from error
    except psycopg.OperationalError as error:
        raise WarehouseUnavailable("共享库", "连接不上", "请运行 hub doctor 检查") from error


def moment(text: str | None, option: str = "--as-of") -> date | datetime | None:
    """A day or an instant as written after the option; an instant without a zone is by the county's clock.

    Raises:
        UsageError: it is neither.
    """
    if text is None:
        return None
    from warehouse.history import COUNTY_TIME

    try:
        if len(text.strip()) <= len("2026-03-31"):
            return date.fromisoformat(text.strip())
        at = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(option, f"'{text}' 不是日期", "例如 2026-03-31 或 '2026-03-31 12:00'") from error
    return at if at.tzinfo else at.replace(tzinfo=COUNTY_TIME)


def _past(
    connection: psycopg.Connection[Any], text: str, as_of: date | datetime | None, valid_on: date | datetime | None
) -> str:
    """Let the session see the warehouse as it was known, and what was valid; the query, in an order that is always the same.

    Rows of the record tables and of their history come in any order.
    """
    from views.past import named_in, open_past
    from warehouse.history import COUNTY_TIME, end_of, instant, settled

    def at(told: date | datetime) -> datetime:
        return told.astimezone(COUNTY_TIME) if isinstance(told, datetime) else end_of(told)

    connection.execute("SET TRANSACTION READ WRITE")
    if as_of is None:
        known_at = instant(connection).astimezone(COUNTY_TIME)
    else:
        known_at = at(as_of)
        settled(connection, known_at)
        if known_at > datetime.now(COUNTY_TIME):
            output.say(f"{known_at:%Y-%m-%d %H:%M} 还没有到，这是现在所知的；此后入库的会改变结果", "note")
    valid_at = None if valid_on is None else at(valid_on)
    # Boards are assessed as of the day in question: the day that is valid, else the day that was known.
    need, also = named_in(text, (valid_at or known_at).date())
    open_past(connection, known_at, need, also, valid_at)
    connection.commit()
    return text if PLAIN.match(text) else same_order(connection, text)


def _rows(
    connection: psycopg.Connection[Any], sql: str, limit: int | None
) -> tuple[list[psycopg.Column], Iterator[tuple[Any, ...]]]:
    """The columns and the rows, fetched in chunks so that memory stays bounded."""
    cursor: psycopg.Cursor[Any] = connection.cursor() if PLAIN.match(sql) else connection.cursor("answer")
    try:
        cursor.execute(sql)
    except BaseException:
        cursor.close()
        raise

    def chunks() -> Iterator[tuple[Any, ...]]:
        left = limit
        while left is None or left > 0:
            rows = cursor.fetchmany(_CHUNK if left is None else min(_CHUNK, left))
            yield from rows
            if len(rows) < (_CHUNK if left is None else min(_CHUNK, left)):
                return
            left = None if left is None else left - len(rows)

    return list(cursor.description or ()), chunks()


def _table(connection: psycopg.Connection[Any], sql: str, request: Request) -> int:
    limit = SCREENFUL if request.limit is None else request.limit or None
    columns, found = _rows(connection, sql, None if limit is None else limit + 1)
    names = [column.name for column in columns]
    rows = list(found)
    cut = limit is not None and len(rows) > limit
    if cut:
        rows = rows[:limit]
    numbers = {n for n, value in zip(names, rows[0], strict=True) if _is_number(value)} if rows else set()
    with _target(request) as file:
        output.table(names, rows, right=numbers, target=file)
    if cut and request.limit is None:
        output.say(f"只显示前 {output.thousands(len(rows))} 行；全部请加 --limit 0，或用 -o csv", "note")
    return len(rows)


def _is_number(value: object) -> bool:
    from decimal import Decimal

    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _csv(connection: psycopg.Connection[Any], sql: str, request: Request) -> int:
    if PLAIN.match(sql):
        columns, rows = _rows(connection, sql, request.limit or None)
        with _target(request) as file:
            return output.write_csv([column.name for column in columns], rows, file)
    cut = _with_words(connection, sql)
    if request.limit:
        cut = f"SELECT * FROM ({cut}\n) AS answer LIMIT {request.limit}"
    with connection.cursor() as cursor, _target(request, binary=True) as file:
        if request.bom:
            file.write(output.BOM.encode())
        with cursor.copy(f"COPY ({cut}\n) TO STDOUT (FORMAT csv, HEADER, ENCODING 'UTF8')") as copy:
            for block in copy:
                file.write(block)
        return max(cursor.rowcount, 0)


def _with_words(connection: psycopg.Connection[Any], sql: str) -> str:
    """The query with booleans as true and false: PostgreSQL's CSV has t and f, which few programs read."""
    columns = connection.execute(f"SELECT * FROM ({sql}\n) AS answer LIMIT 0").description or []
    names = [column.name for column in columns]
    if not any(column.type_code == _BOOLEAN for column in columns) or len(set(names)) < len(names):
        return sql
    wanted = ", ".join(
        '"{}"{}'.format(c.name.replace('"', '""'), "::text" if c.type_code == _BOOLEAN else "") for c in columns
    )
    return f"SELECT {wanted} FROM ({sql}\n) AS answer"


def _json(connection: psycopg.Connection[Any], sql: str, request: Request) -> int:
    columns, rows = _rows(connection, sql, request.limit or None)
    _distinct(columns)
    names = [column.name for column in columns]
    with _target(request) as file:
        return output.write_json((dict(zip(names, row, strict=True)) for row in rows), file)


def _parquet(connection: psycopg.Connection[Any], sql: str, request: Request) -> int:
    from hub import parquet

    columns, rows = _rows(connection, sql, request.limit or None)
    _distinct(columns)
    with _target(request, binary=True) as file:
        return parquet.write(columns, rows, file, _CHUNK)


def _distinct(columns: list[psycopg.Column]) -> None:
    names = [column.name for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise HubError("查询", f"列名 '{name}' 出现两次", "请用 AS 另起名称")


class _target:  # noqa: N801 - used as a with-statement word
    """Where the answer goes: stdout, or a file that appears only when it is complete."""

    def __init__(self, request: Request, *, binary: bool = False) -> None:
        self._path, self._binary = request.file, binary
        self._part = request.file.with_name(f".{request.file.name}.part") if request.file else None

    def __enter__(self) -> Any:
        if self._part is None:
            return sys.stdout.buffer if self._binary else sys.stdout
        try:
            self._file = self._part.open("wb") if self._binary else self._part.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise UsageError(str(self._path), f"写不进去（{error.strerror}）", "请换一个可写的位置") from error
        return self._file

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._part is None or self._path is None:
            sys.stdout.flush()
            return
        self._file.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)
