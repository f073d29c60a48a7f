"""达梦 (DM8) by dmPython: Oracle's dialect with its own client library, types and error codes.

Not yet tried on a real server: dialect, type mapping and error mapping are unit-tested.
"""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from connectors.database import barred, missing_table
from connectors.dbapi import (
    BYTES,
    DAY,
    DECIMAL,
    DOUBLE,
    LARGE,
    MOMENT,
    SINGLE,
    TEXT,
    WHOLE,
    DBAPIDatabase,
    code,
    library,
    offset,
)  # fmt: skip
from connectors.drivers.base import SourceColumn
from connectors.drivers.oracle import OracleSession
from connectors.network import CONNECT_SECONDS, reach
from connectors.session import Session
from schemas.errors import HubError

_SHAPES = {
    "number": WHOLE, "bigint": WHOLE, "decimal": DECIMAL, "double": DOUBLE, "real": SINGLE, "date": DAY, "timestamp": MOMENT,
    "datetime": MOMENT, "timestamp_with_timezone": MOMENT, "binary": BYTES, "fixed_binary": BYTES, "long_binary": LARGE, "blob": LARGE,
    "bfile": LARGE,
}  # fmt: skip


class DM(DBAPIDatabase):
    """One DM server."""

    default_port: ClassVar[int] = 5236

    def open(self, *, writable: bool = False) -> DMSession:
        """A read-only session, unless an exchange table's read flag is to be set."""
        dm = library("dmPython", "dm", self.where)
        host, port = self.address()
        parts = urlsplit(str(self.option("url")))
        try:
            connection = dm.connect(
                user=unquote(parts.username or ""), password=unquote(parts.password or ""), server=host, port=port,
                access_mode=dm.DSQL_MODE_READ_WRITE if writable else dm.DSQL_MODE_READ_ONLY, autoCommit=writable,
                login_timeout=CONNECT_SECONDS, connection_timeout=max(int(float(self.option("timeout"))), 1), app_name="tongqu",
                local_code=dm.PG_UTF8,
            )  # fmt: skip
        except Exception as error:
            raise self.failed(error) from None
        session = DMSession(self, connection)
        session.begin(writable=writable)
        return session

    def failure(self, text: str, session: Session | None = None) -> HubError | None:
        """By the server's code, else by its words: codes differ between versions, the words hardly."""
        number = code(r"CODE:\s*(-?\d+)", text)

        def says(*words: str) -> bool:
            return any(word in text for word in words)

        if says("锁定"):
            return barred(self.where)
        if says("口令过期", "密码过期", "口令已过期", "密码已过期"):
            return self.expired()
        if number == "-2501" or says("用户名或密码", "密码错误", "口令"):
            return self.wrong_login()
        if number in ("-2106", "-2103") or says("无效的表或视图", "无效的模式"):
            return missing_table(self.where, self.table or "query 里的表", session)
        if number == "-5504" or says("查询权限", "没有权限", "权限不足"):
            return self.no_right()
        if number in ("-2111", "-2007") or says("无效的列名", "语法分析出错"):
            return self.wrong_sql(text)
        if says("锁超时", "死锁"):
            return self.locked()
        if says("超时") and session is not None:
            return self.timed_out()
        if says("会话数", "连接数", "session number"):
            return self.too_busy()
        if number in ("-70028", "-6007", "-70019") or says("连接失败", "网络通信异常", "create SOCKET"):
            host, port = self.address()
            try:
                reach(host, port, self.where)
            except HubError as error:
                return error
        return None


class DMSession(OracleSession):
    """One DM connection."""

    def begin(self, *, writable: bool) -> None:
        """The connector's zone; reading is a transaction that sees one moment."""
        self._starts(f"SET TIME ZONE '{offset(self._driver.connector.timezone)}'")
        if not writable:
            self._starts("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")

    def _column(self, entry: Any) -> SourceColumn:
        return SourceColumn(entry[0], str(getattr(entry[1], "__name__", entry[1])).rpartition(".")[2].lower())

    def shape(self, column: SourceColumn) -> str:
        """By dmPython's type names."""
        return _SHAPES.get(column.type, TEXT)

    def item(self, column: SourceColumn) -> str:
        """Times of day, intervals and truth values as text too."""
        name = self.column(column.name)
        if column.type == "boolean":
            return f"CASE {name} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"
        if column.type in ("time", "time_with_timezone", "interval", "year_month_interval", "rowid"):
            return f"CAST({name} AS VARCHAR(64))"
        return super().item(column)

    def text(self, column: SourceColumn, name: str) -> str:
        """Exact decimals, times at one width, bytes as hexadecimal."""
        match column.type:
            case "date":
                return f"TO_CHAR({name}, 'YYYY-MM-DD')"
            case "timestamp_with_timezone":
                # Local is the session's zone, which is the connector's: the hub keeps the county's wall clock.
                return f"TO_CHAR(CAST({name} AS TIMESTAMP WITH LOCAL TIME ZONE), 'YYYY-MM-DD HH24:MI:SS.FF6')"
            case "timestamp" | "datetime":
                return f"TO_CHAR({name}, 'YYYY-MM-DD HH24:MI:SS.FF6')"
            case "binary" | "fixed_binary":
                return f"LOWER(RAWTOHEX({name}))"
        return f"CAST({name} AS VARCHAR(80))"

    def kind(self, column: SourceColumn) -> str:
        """By the type's shape."""
        return {WHOLE: "integer", DECIMAL: "decimal", MOMENT: "timestamp", DAY: "date"}.get(self.shape(column), "text")


DRIVER = DM
