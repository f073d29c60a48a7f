"""PostgreSQL spoken in Arrow: query to record batches, record batches to COPY, all in one transaction.

Only the low-level driver manager is imported: its DB-API module pulls in pandas and polars, 1.4 s of every
short job. The driver streams COPY in binary both ways, so nothing here grows with the number of rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import adbc_driver_manager as adm
import adbc_driver_postgresql
import pyarrow as pa

from schemas.errors import WarehouseUnavailable

_SENT_ROWS = 2000  # the driver sends each batch as one message and waits until it is taken


def _bound(sql: str, values: Sequence[object]) -> str:
    """The statement with $1.. as literals.

    Binding through Arrow would import pandas, because pyarrow looks for it whenever it makes an array from Python
    values: 1.2 s of every short job.
    """
    return re.sub(r"\$(\d+)", lambda match: _literal(values[int(match.group(1)) - 1]), sql) if values else sql


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, (bool, int, float)):
        return str(value).lower()
    return "'" + str(value).replace("\0", "").replace("'", "''") + "'"


class Connection:
    """One connection with autocommit off: `commit()` or nothing happened."""

    def __init__(self, url: str) -> None:
        # The plain PostgreSQL scheme: drivers named in SQLAlchemy's way are not libpq's.
        self.url = url.replace("postgresql+psycopg://", "postgresql://").replace(
            "postgresql+psycopg2://", "postgresql://"
        )
        try:
            self._database = adbc_driver_postgresql.connect(self.url)
            self._connection = adm.AdbcConnection(self._database)
        except adm.Error as error:
            raise WarehouseUnavailable(
                "共享库", f"连接不上（{_first_line(error)}）", "请运行 hub doctor 检查"
            ) from error
        self._connection.set_autocommit(False)

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close; what was not committed is gone."""
        self._connection.close()
        self._database.close()

    def commit(self) -> None:
        """Make all since the last commit durable."""
        with _told():
            self._connection.commit()

    def rollback(self) -> None:
        """Forget all since the last commit."""
        self._connection.rollback()

    def execute(self, sql: str, *values: object) -> int:
        """Run one statement, $1.. standing for the values; returns the rows it touched (-1: unknown)."""
        with _told(), adm.AdbcStatement(self._connection) as statement:
            statement.set_sql_query(_bound(sql, values))
            return int(statement.execute_update())

    def query(self, sql: str, *values: object) -> pa.Table:
        """The whole answer of one small query."""
        with _told(), adm.AdbcStatement(self._connection) as statement:
            statement.set_sql_query(_bound(sql, values))
            handle, _ = statement.execute_query()
            return pa.RecordBatchReader._import_from_c(handle.address).read_all()

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """A small answer as dictionaries."""
        return [dict(row) for row in self.query(sql, *values).to_pylist()]

    def scalar(self, sql: str, *values: object) -> Any:
        """The first value of the first row; None when there is no row."""
        table = self.query(sql, *values)
        return table.column(0)[0].as_py() if table.num_rows else None

    def stream(self, sql: str) -> tuple[adm.AdbcStatement, pa.RecordBatchReader]:
        """A large answer batch by batch; close the statement after the last."""
        statement = adm.AdbcStatement(self._connection)
        statement.set_sql_query(sql)
        handle, _ = statement.execute_query()
        return statement, pa.RecordBatchReader._import_from_c(handle.address)

    def ingest(
        self, reader: pa.RecordBatchReader, table: str, schema: str | None = None, *, create: bool = False
    ) -> int:
        """COPY the batches into a table of `schema`, or into a temporary one, which `create` makes; returns the rows written."""
        mode = "create" if create else "append"
        options = {"adbc.ingest.target_table": table, "adbc.ingest.mode": f"adbc.ingest.mode.{mode}"}
        if create and schema is None:
            options["adbc.ingest.temporary"] = "true"
        else:
            # Told to append to a temporary table, the driver looks for it in `public`; PostgreSQL's own alias finds it.
            options["adbc.ingest.target_db_schema"] = schema or "pg_temp"
        with _told(), adm.AdbcStatement(self._connection) as statement:
            statement.set_options(**options)
            handle = adm.ArrowArrayStreamHandle()
            _in_pieces(reader)._export_to_c(handle.address)
            statement.bind_stream(handle)
            return int(statement.execute_update())


def _in_pieces(reader: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """The same rows in batches small enough for the server to work on one while the driver encodes the next."""
    pieces = (batch.slice(first, _SENT_ROWS) for batch in reader for first in range(0, batch.num_rows, _SENT_ROWS))
    return pa.RecordBatchReader.from_batches(reader.schema, pieces)


# What an engineer mends outside the program: resources, intervention, locks, a broken connection.
_OUTSIDE = {
    "53": "磁盘、内存或连接数不够",
    "55": "被锁住了",
    "57": "正在停止或被中断",
    "08": "连接断了",
    "40": "与另一个事务相争",
    "25": "处于只读状态",
    "58": "读写文件出错",
}


@contextmanager
def _told() -> Iterator[None]:
    """Turn the server's troubles into WarehouseUnavailable; a wrong statement stays the programmer's error.

    Source: PostgreSQL appendix A, error classes by the first two characters of SQLSTATE.
    """
    try:
        yield
    except adm.Error as error:
        state = (error.sqlstate or "")[:2]
        what = _OUTSIDE.get(state) or ("连接断了" if isinstance(error, adm.OperationalError) and not state else None)
        if what is None:
            raise
        raise WarehouseUnavailable(
            "共享库", f"{what}（{_first_line(error)}）", "数据没有变动，处理后重跑即可；可用 hub doctor 检查"
        ) from error


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()[0]
    return text[:200]
