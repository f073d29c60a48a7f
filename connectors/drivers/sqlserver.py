"""Microsoft SQL Server (2012 and newer) by pymssql.

Not yet tried on a real server: dialect, type mapping and error mapping are unit-tested.

SQL Server has no read-only session: the hub sends nothing but SELECT, reads a snapshot where the database allows
one (so that it neither waits for writers nor makes them wait), and the department's account should only read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from connectors.database import barred, missing_table
from connectors.dbapi import (
    BYTES,
    DAY,
    DECIMAL,
    DOUBLE,
    MOMENT,
    SINGLE,
    TEXT,
    WHOLE,
    DBAPIDatabase,
    DBAPISession,
    code,
    library,
    offset,
)  # fmt: skip
from connectors.drivers.base import SourceColumn
from connectors.network import CONNECT_SECONDS, reach
from connectors.session import LISTED, Session, Table, like_pattern
from schemas.errors import ConfigError, HubError

_SHAPES = {
    "tinyint": WHOLE, "smallint": WHOLE, "int": WHOLE, "bigint": WHOLE, "float": DOUBLE, "real": SINGLE, "decimal": DECIMAL,
    "numeric": DECIMAL, "money": DECIMAL, "smallmoney": DECIMAL, "date": DAY, "datetime": MOMENT, "smalldatetime": MOMENT,
    "datetime2": MOMENT, "datetimeoffset": MOMENT, "binary": BYTES, "varbinary": BYTES, "image": BYTES, "timestamp": BYTES,
    "rowversion": BYTES, "bit": "bit", "time": "other", "uniqueidentifier": "other", "xml": "other", "sql_variant": "other",
    "hierarchyid": "other", "geometry": "shape", "geography": "shape", "text": "other", "ntext": "other",
}  # fmt: skip


class SQLServer(DBAPIDatabase):
    """One SQL Server database."""

    default_port: ClassVar[int] = 1433

    def open(self, *, writable: bool = False) -> SQLServerSession:
        """A session that reads; see the module."""
        pymssql = library("pymssql", "sqlserver", self.where)
        host, port = self.address()
        parts = urlsplit(str(self.option("url")))
        if not self.database:
            raise ConfigError(f"{self.where}：source.url", "地址里没有库名", "写法：mssql://用户:密码@主机:1433/库名")
        try:
            connection = pymssql.connect(
                server=host, port=str(port), user=unquote(parts.username or ""), password=unquote(parts.password or ""),
                database=self.database, timeout=max(int(float(self.option("timeout"))), 1), login_timeout=CONNECT_SECONDS,
                charset="UTF-8", appname="tongqu", autocommit=True, conn_properties=SETUP,
            )  # fmt: skip
        except Exception as error:
            raise self.failed(error) from None
        session = SQLServerSession(self, connection)
        session.begin()
        return session

    @property
    def database(self) -> str:
        """The database the address names."""
        return unquote(urlsplit(str(self.option("url"))).path.lstrip("/"))

    def failure(self, text: str, session: Session | None = None) -> HubError | None:
        """By SQL Server's and DB-Library's numbers, the first one there is."""
        # An unreachable server is 20009 (DB-Library), a refused login 18456 followed by 20002.
        numbers = re.findall(r"(?<![\d.])(\d{3,5})(?![\d.])", text)
        known = next((n for n in numbers if n in _NUMBERS), code(r"error (\d+)", text))
        match _NUMBERS.get(known):
            case "login":
                return self.wrong_login()
            case "barred":
                return barred(self.where)
            case "expired":
                return self.expired()
            case "database":
                return self.wrong_database(self.database)
            case "table":
                return missing_table(self.where, self.table or "query 里的表", session)
            case "right":
                return self.no_right()
            case "sql":
                return self.wrong_sql(text)
            case "time":
                return self.timed_out()
            case "lock":
                return self.locked()
            case "busy":
                return self.too_busy()
            case "network":
                host, port = self.address()
                try:
                    reach(host, port, self.where)
                except HubError as error:
                    return error
        return None


_NUMBERS = {
    "18456": "login", "18452": "login", "18470": "barred", "18486": "barred", "18487": "expired", "18488": "expired", "4060": "database", "911": "database", "208": "table",
    "229": "right", "230": "right", "262": "right", "916": "right", "207": "sql", "102": "sql", "156": "sql", "170": "sql", "245": "sql",
    "8120": "sql", "20003": "time", "1205": "lock", "1222": "lock", "3960": "lock", "10928": "busy", "10929": "busy", "17809": "busy",
    "20009": "network",
}  # fmt: skip
# What every session of pymssql sets, and a bounded wait for locks.
SETUP = (
    "SET ARITHABORT ON", "SET CONCAT_NULL_YIELDS_NULL ON", "SET ANSI_NULLS ON", "SET ANSI_NULL_DFLT_ON ON", "SET ANSI_PADDING ON",
    "SET ANSI_WARNINGS ON", "SET QUOTED_IDENTIFIER ON", "SET TEXTSIZE 2147483647", "SET LOCK_TIMEOUT 10000",
)  # fmt: skip
_SNAPSHOT = "SELECT snapshot_isolation_state FROM sys.databases WHERE database_id = DB_ID()"


class SQLServerSession(DBAPISession):
    """One pymssql connection."""

    def begin(self) -> None:
        """Read a snapshot where the database keeps versions."""
        if [int(row[0] or 0) for row in self.rows(_SNAPSHOT)] == [1]:
            with self._cursor() as cursor:
                self._run(cursor, "SET TRANSACTION ISOLATION LEVEL SNAPSHOT")

    def quote(self, name: str) -> str:
        """The name in brackets."""
        return "[" + name.replace("]", "]]") + "]"

    def described(self, relation: str) -> list[tuple[SourceColumn, bool]]:
        """By the server's description of the statement; DB-Library's own types are too coarse."""
        rows = self.rows(
            "SELECT name, system_type_name, is_nullable, error_number, error_message FROM sys.dm_exec_describe_first_result_set("
            f"{self.literal(f'SELECT * FROM {relation}', 'text')}, NULL, 0) ORDER BY column_ordinal"
        )
        for *_, number, message in rows:
            if number:
                raise self._driver.failed(ValueError(f"{number} {message}"), self)
        return [(SourceColumn(str(name), str(kind).lower()), bool(null)) for name, kind, null, *_ in rows]

    def shape(self, column: SourceColumn) -> str:
        """By the type's name without its length."""
        return _SHAPES.get(column.type.partition("(")[0], TEXT)

    def text(self, column: SourceColumn, name: str) -> str:
        """Exact decimals, times as the type is precise, bytes as hexadecimal."""
        match column.type.partition("(")[0]:
            case "money" | "smallmoney":
                return f"CONVERT(varchar(40), {name}, 2)"
            case "decimal" | "numeric":
                return f"CONVERT(varchar(60), {name})"
            case "date":
                return f"CONVERT(char(10), {name}, 23)"
            case "smalldatetime":
                return f"CONVERT(char(19), {name}, 120)"
            case "datetime":
                return f"CONVERT(char(23), {name}, 121)"
            case "datetime2":
                return f"CONVERT(varchar(27), {name}, 121)"
            case "datetimeoffset":
                zone = offset(self._driver.connector.timezone)
                return f"CONVERT(varchar(27), CONVERT(datetime2, SWITCHOFFSET({name}, '{zone}')), 121)"
            case "bit":
                return f"CASE {name} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"
            case "time":
                return f"CONVERT(varchar(16), {name})"
            case "uniqueidentifier":
                return f"LOWER(CONVERT(char(36), {name}))"
            case "geometry" | "geography":
                return f"{name}.STAsText()"
            case "binary" | "varbinary" | "image" | "timestamp" | "rowversion":
                return f"LOWER(CONVERT(varchar(max), CONVERT(varbinary(max), {name}), 2))"
        return f"CONVERT(nvarchar(max), {name})"

    def comparable(self, column: SourceColumn) -> str:
        """Text by code point: collations fold case and width, Arrow's maximum does not."""
        name = self.column(column.name)
        match self.shape(column):
            case "text":
                return f"CONVERT(nvarchar(4000), {name}) COLLATE Latin1_General_BIN2"
            case "bytes":
                return self.text(column, name)
        return name

    def length(self, column: SourceColumn) -> str:
        """Without the blanks at its end, as the server counts."""
        return f"LEN({self.comparable(column)})"

    def literal(self, text: str, kind: str) -> str:
        """Text is national text, so that Chinese survives any collation."""
        found = super().literal(text, kind)
        return f"N{found}" if kind == "text" else found

    def moment(self, moment: datetime, spelled: str) -> str:
        """A literal of the very type that was spelled so: a DATETIME rounds to 3 ms, another type would miss the tie."""
        text = spelled.replace("T", " ")
        match len(text):
            case 10:
                return f"CONVERT(date, '{moment:%Y-%m-%d}', 23)"
            case 23:
                return f"CONVERT(datetime, '{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}', 121)"
            case 19:
                return f"CONVERT(datetime2(0), '{moment:%Y-%m-%d %H:%M:%S}', 121)"
        # Seven digits of a second are more than Python's: the text is passed on as it came, its form is checked.
        if not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{1,7}", text):
            raise ValueError(spelled)
        return f"CONVERT(datetime2(7), '{text}', 121)"

    def limited(self, sql: str, limit: int) -> str:
        """By TOP, which may stand before an ORDER BY."""
        return re.sub(r"\A\s*SELECT\s", f"SELECT TOP ({limit:d}) ", sql, count=1)

    def clock(self, timezone: str) -> str:
        """The server's time in the connector's zone."""
        return str(
            self.rows(f"SELECT CONVERT(varchar(26), SWITCHOFFSET(SYSDATETIMEOFFSET(), '{offset(timezone)}'), 121)")[0][
                0
            ]
        )

    def is_small(self, table: str) -> bool:
        """Not asked: rows are fetched as they are needed anyway."""
        return False

    def tables(self, like: str = "", limit: int = LISTED) -> list[Table]:
        """`schema.table` of all that may be read."""
        rows: Sequence[tuple[Any, ...]] = self.rows(self.tables_sql(like, limit))
        return [
            Table(str(name), str(comment or ""), None if count is None else int(count)) for name, comment, count in rows
        ]

    def tables_sql(self, like: str, limit: int) -> str:
        """The names are chosen first; comments and counts are looked up for those only."""
        pattern = self.literal(like_pattern(like).replace("[", "!["), "text")
        return (
            "SELECT s.name + '.' + o.name, CONVERT(nvarchar(400), p.value),"
            " (SELECT SUM(c.rows) FROM sys.partitions c WHERE c.object_id = o.object_id AND c.index_id IN (0, 1))"
            f" FROM (SELECT TOP ({limit:d}) object_id, name, schema_id FROM sys.objects WHERE type IN ('U', 'V') AND is_ms_shipped = 0"
            f" AND LOWER(name) LIKE {pattern} ESCAPE '!' ORDER BY name) o JOIN sys.schemas s ON s.schema_id = o.schema_id"
            " LEFT JOIN sys.extended_properties p ON p.major_id = o.object_id AND p.minor_id = 0 AND p.name = 'MS_Description'"
            " ORDER BY o.name, s.name"
        )


DRIVER = SQLServer
