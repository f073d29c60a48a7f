"""Databases reached through a Python client library: their dialect in SQL, their rows fetched column-wise into Arrow.

The SELECT turns every value that Python or Arrow would bend (wide numbers, money, times, bytes) into its exact
text; whole numbers of at most 18 digits and doubles come as they are, short floats as their fewest digits.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from datetime import datetime
from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo

from connectors.database import Database
from connectors.drivers.base import SourceColumn
from connectors.session import Session
from schemas.errors import ConfigError, HubError, SourceUnavailable

if TYPE_CHECKING:
    import pyarrow as pa

FETCH_ROWS = 10_000
WHOLE, DOUBLE, SINGLE, DECIMAL, MOMENT, DAY, TEXT, BYTES, LARGE = (
    "whole", "double", "single", "decimal", "moment", "day", "text", "bytes", "large",
)  # fmt: skip
_KINDS = {WHOLE: "integer", DECIMAL: "decimal", MOMENT: "timestamp", DAY: "date"}


def library(name: str, extra: str, where: str) -> Any:
    """A client library that only some sites have.

    Raises:
        ConfigError: it is not installed; how to install it is told.
    """
    try:
        return import_module(name)
    except ImportError:
        raise ConfigError(
            f"{where}：source.driver", f"没有安装 {name}", f"请执行 .venv/bin/pip install 'tongqu[{extra}]'"
        ) from None


class DBAPISession(Session):
    """One connection of a client library; a dialect says what its SQL and its types are."""

    folds_case: ClassVar[bool] = True
    setup: ClassVar[tuple[str, ...]] = ()

    def __init__(self, driver: DBAPIDatabase, connection: Any) -> None:
        self._driver, self._connection = driver, connection
        self._actual: dict[str, str] = {}  # folded name -> the name as the database spells it
        self._nullable: dict[str, bool] = {}

    @abstractmethod
    def shape(self, column: SourceColumn) -> str:
        """Which of WHOLE, DOUBLE, SINGLE, DECIMAL, MOMENT, DAY, TEXT, BYTES, LARGE a column's type is."""

    @abstractmethod
    def text(self, column: SourceColumn, name: str) -> str:
        """The expression that gives a column's exact text."""

    @abstractmethod
    def moment(self, moment: datetime, spelled: str) -> str:
        """A time as a literal of the type that was spelled so."""

    @abstractmethod
    def limited(self, sql: str, limit: int) -> str:
        """The statement, of so many rows at most."""

    @abstractmethod
    def described(self, relation: str) -> list[tuple[SourceColumn, bool]]:
        """The columns of a table or sub-query, and whether each may be NULL."""

    def column(self, name: str) -> str:
        """A column as the database spells it, whatever case the connector used."""
        return self.quote(self._actual.get(name.casefold(), name))

    def columns(self, relation: str) -> list[SourceColumn]:
        """Read from the description of an empty result, so that tables, views and queries answer alike."""
        found = self.described(relation)
        self._actual = {column.name.casefold(): column.name for column, _ in found}
        self._nullable = {column.name.casefold(): null for column, null in found}
        return [column for column, _ in found]

    def item(self, column: SourceColumn) -> str:
        """The column where Python and Arrow carry it exactly, else its text."""
        name, shape = self.column(column.name), self.shape(column)
        if shape == LARGE:
            raise ConfigError(
                f"{self._driver.where}：fields",
                f"'{column.name}' 是二进制大对象（{column.type}），不能作字段",
                "请去掉这一列",
            )
        return name if shape in (WHOLE, DOUBLE, SINGLE, TEXT) else self.text(column, name)

    def kind(self, column: SourceColumn) -> str:
        """By the type's shape."""
        return _KINDS.get(self.shape(column), "text")

    def literal(self, text: str, kind: str) -> str:
        """Numbers and times are parsed first; in a text the quotation mark is doubled, there is no other escape."""
        match kind:
            case "integer":
                return str(int(Decimal(text)))
            case "decimal":
                return format(Decimal(text), "f")
            case "timestamp" | "date":
                return self.moment(datetime.fromisoformat(text), text)
        if "\0" in text:
            raise ValueError("a cursor holds no NUL")
        return "'" + text.replace("'", "''") + "'"

    def may_be_null(self, relation: str, column: SourceColumn) -> bool:
        """By the description of the result."""
        return self._nullable.get(column.name.casefold(), True)

    def stream(
        self, sql: str, columns: Sequence[SourceColumn], *, limit: int | None = None, few: bool = False
    ) -> Iterator[pa.RecordBatch]:
        """Batches of 10,000 rows, fetched as they are asked for."""
        import pyarrow as pa

        from connectors.batches import empty, plain_schema, shortest, without_nul

        types = {WHOLE: pa.int64(), DOUBLE: pa.float64(), SINGLE: pa.float32()}
        fetched = pa.schema([(c.name, types.get(self.shape(c), pa.string())) for c in columns])
        schema = plain_schema(fetched)
        given = False
        with closing(self._cursor()) as cursor:
            cursor.arraysize = FETCH_ROWS
            self._run(cursor, sql if limit is None else self.limited(sql, limit))
            while rows := self._fetched(cursor):
                given = True
                arrays = [shortest(pa.array(v, f.type)) for v, f in zip(zip(*rows, strict=True), fetched, strict=True)]
                yield without_nul(pa.RecordBatch.from_arrays(arrays, schema=schema))
        if not given:
            yield empty(schema)

    def execute(self, sql: str) -> None:
        """One writing statement, committed."""
        with closing(self._cursor()) as cursor:
            self._run(cursor, sql)
        self._connection.commit()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a small answer."""
        with closing(self._cursor()) as cursor:
            self._run(cursor, sql)
            return [tuple(row) for row in cursor.fetchall()]

    def cancel(self) -> None:
        """Stop the statement where the client library can; otherwise the time limit does."""
        if hasattr(self._connection, "cancel"):
            self._connection.cancel()

    def close(self) -> None:
        """End the connection."""
        with suppress(Exception):
            self._connection.close()

    def _cursor(self) -> Any:
        return self._connection.cursor()

    def _run(self, cursor: Any, sql: str) -> None:
        try:
            cursor.execute(sql)
        except Exception as error:
            raise self._driver.failed(error, self) from None

    def _fetched(self, cursor: Any) -> Any:
        try:
            return cursor.fetchmany(FETCH_ROWS)
        except Exception as error:
            raise self._driver.failed(error, self) from None


class DBAPIDatabase(Database):
    """A driver over a client library."""

    @abstractmethod
    def failure(self, text: str, session: Session | None = None) -> HubError | None:
        """The error for what the library reported; None when it is not one it knows."""

    def failed(self, error: Exception, session: Session | None = None) -> HubError:
        """Any exception of the library as an error a user can act on."""
        if isinstance(error, HubError):
            return error
        self.option("url")  # its password is hidden from here on
        text = error_text(error)
        return self.failure(text, session) or SourceUnavailable(
            self.where, f"读取中断（{self.brief(text)}）", "稍后会自动重试"
        )

    def brief(self, text: str) -> str:
        """The first telling line, without secrets."""
        line = next((line for line in text.splitlines() if line.strip()), "")
        return self.secrets.hide(" ".join(line.split()))[:160]

    # The causes every database knows; what differs is how each of them says it.
    def wrong_login(self) -> HubError:
        """User or password."""
        return ConfigError(
            self.where, "用户名或密码不对", "请核对用户名和口令；写在 var/hub.env 里的，请系统管理员核对"
        )

    def expired(self) -> HubError:
        """The password has to be changed first."""
        return ConfigError(self.where, "密码已过期", "请部门的数据库管理员换密码，再改 var/hub.env")

    def wrong_database(self, name: str) -> HubError:
        """No such database or service."""
        return ConfigError(self.where, f"服务器上没有数据库 '{name}'", "请核对地址最后一段的库名")

    def no_right(self) -> HubError:
        """The user may not read it."""
        return ConfigError(
            self.where,
            f"这个用户没有读取 {self.table or '查询所用的表'} 的权限",
            "请部门授予 SELECT，或改用有权限的视图",
        )

    def wrong_sql(self, text: str) -> HubError:
        """A column or the syntax."""
        return ConfigError(
            f"{self.where}：source", f"SQL 有误（{self.brief(text)}）", "请核对 table、query、where 和列名"
        )

    def timed_out(self) -> HubError:
        """The time limit was reached."""
        return SourceUnavailable(
            self.where, f"读取超过 {self.option('timeout')} 秒被中止", "请避开高峰，给游标列加索引，或调大 timeout"
        )

    def locked(self) -> HubError:
        """Another one holds it."""
        return SourceUnavailable(self.where, "表被源系统锁住，没等到", "稍后会自动重试")

    def too_busy(self) -> HubError:
        """No more connections."""
        return SourceUnavailable(self.where, "数据库暂时不接受新连接", "稍后会自动重试；若常有，请减少同一 pool 的并发")


def error_text(error: BaseException) -> str:
    """What a client library says, bytes and nested tuples (pymssql) as text."""
    parts: list[str] = []

    def walk(value: object) -> None:
        if isinstance(value, (tuple, list)):
            for item in value:
                walk(item)
        else:
            parts.append(value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value))

    walk(error.args)
    return " ".join(part for part in parts if part)


def code(pattern: str, text: str) -> str:
    """The first error code of a pattern with one group in a text, or nothing."""
    found = re.search(pattern, text)
    return found.group(1) if found else ""


def offset(timezone: str) -> str:
    """A zone as +08:00: servers seldom have the tables of zone names."""
    shift = datetime.now(ZoneInfo(timezone)).strftime("%z")
    return f"{shift[:3]}:{shift[3:5]}"
