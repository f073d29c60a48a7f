"""Oracle by oracledb in thin mode (12.1 and newer; older ones through Oracle's own client library).

Not yet tried on a real server: dialect, type mapping and error mapping are unit-tested.

The session is one read-only transaction, so everything it reads is of one moment. DATE holds a time of day; it
and TIMESTAMP come as text. NUMBER without a scale, or wider than 18 digits, comes as exact text; the text of
0.5 is made to begin with a zero, as Oracle does not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from connectors.database import OPTIONS, barred, missing_table
from connectors.dbapi import (
    BYTES,
    DECIMAL,
    DOUBLE,
    LARGE,
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
from connectors.drivers.base import Option, SourceColumn
from connectors.network import CONNECT_SECONDS, refused, silent
from connectors.session import LISTED, Session, Table, like_pattern
from schemas.errors import ConfigError, HubError, SourceUnavailable

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_$#]*\Z")
_SHAPES = {
    "date": MOMENT, "timestamp": MOMENT, "timestamp_tz": MOMENT, "timestamp_ltz": MOMENT, "binary_double": DOUBLE,
    "binary_float": SINGLE, "raw": BYTES, "long_raw": LARGE, "blob": LARGE, "bfile": LARGE,
}  # fmt: skip
# Accounts that come with the server; ORACLE_MAINTAINED exists only since 12c.
SYSTEM = (
    "SYS", "SYSTEM", "XDB", "MDSYS", "CTXSYS", "ORDSYS", "ORDDATA", "OLAPSYS", "WMSYS", "LBACSYS", "DVSYS", "DBSNMP", "OUTLN", "EXFSYS",
    "GSMADMIN_INTERNAL", "AUDSYS", "OJVMSYS", "APPQOSSYS", "SYSMAN", "FLOWS_FILES", "SYSAUDITOR", "SYSSSO", "CTISYS", "SYSJOB",
)  # fmt: skip


class Oracle(DBAPIDatabase):
    """One Oracle service."""

    options: ClassVar[Mapping[str, Option]] = {
        **OPTIONS,
        "client": Option("Oracle Instant Client 的目录；11g 及更早的库须写"),
    }
    default_port: ClassVar[int] = 1521

    def open(self, *, writable: bool = False) -> OracleSession:
        """A session in one read-only transaction, unless an exchange table's read flag is to be set."""
        oracledb = library("oracledb", "oracle", self.where)
        host, port = self.address()
        parts = urlsplit(str(self.option("url")))
        given = dict(parse_qsl(parts.query))
        service = unquote(parts.path.lstrip("/"))
        name = {"sid": given["sid"]} if "sid" in given else {"service_name": service}
        if not any(name.values()):
            raise ConfigError(
                f"{self.where}：source.url", "地址里没有服务名", "写法：oracle://用户:密码@主机:1521/服务名"
            )
        try:
            if self.option("client"):
                oracledb.init_oracle_client(lib_dir=str(self.option("client")))
            oracledb.defaults.fetch_lobs = False
            connection = oracledb.connect(
                user=unquote(parts.username or ""), password=unquote(parts.password or ""), host=host, port=port,
                tcp_connect_timeout=CONNECT_SECONDS, program="tongqu", **name,
            )  # fmt: skip
            connection.call_timeout = int(float(self.option("timeout")) * 1000)
        except Exception as error:
            raise self.failed(error) from None
        session = OracleSession(self, connection)
        session.begin(writable=writable)
        return session

    def failure(self, text: str, session: Session | None = None) -> HubError | None:
        """By Oracle's and the client's numbers."""
        host, port = self.address()
        match code(r"((?:ORA|DPY|DPI)-\d+)", text):
            case "ORA-01017" | "ORA-01005" | "DPY-4001":
                return self.wrong_login()
            case "ORA-28000":
                return barred(self.where)
            case "ORA-28001":
                return self.expired()
            case "ORA-01045":
                return ConfigError(self.where, "这个用户不许登录", "请部门授予 CREATE SESSION")
            case "ORA-12514" | "ORA-12505" | "DPY-6001" | "DPY-6003":
                return self.wrong_database(unquote(urlsplit(str(self.option("url"))).path.lstrip("/")))
            case "ORA-00942" | "ORA-04043":
                return missing_table(self.where, self.table or "query 里的表", session)
            case "ORA-01031":
                return self.no_right()
            case "ORA-00904" | "ORA-00933" | "ORA-00936" | "ORA-00907" | "ORA-00911" | "ORA-00918" | "ORA-01722":
                return self.wrong_sql(text)
            case "DPY-4024" | "ORA-01013" | "ORA-03136" | "ORA-02396":
                return self.timed_out()
            case "ORA-00054" | "ORA-00060" | "ORA-30006":
                return self.locked()
            case "ORA-00018" | "ORA-00020" | "ORA-12516" | "ORA-12519" | "ORA-12520" | "ORA-01033" | "ORA-01034":
                return self.too_busy()
            case "ORA-01555":
                return SourceUnavailable(
                    self.where, "读取太久，源库的回滚信息已被覆盖（ORA-01555）", "请避开高峰，用游标增量，或请部门调大 undo_retention"
                )  # fmt: skip
            case "DPY-3010" | "DPY-3015" | "DPY-3001":
                return ConfigError(
                    self.where, "服务器是 11g 或更早，或密码是旧式的，要用 Oracle 自己的客户端", "请装 Oracle Instant Client，把目录写进 source.client"
                )  # fmt: skip
            case "DPI-1047":
                return ConfigError(
                    f"{self.where}：source.client", "这个目录里没有可用的 Oracle 客户端", "请核对目录和位数"
                )
            case "ORA-12541" | "ORA-12543":
                return refused(host, port, self.where)
            case "DPY-6005" | "DPY-4011" | "ORA-12170" | "ORA-12535" | "ORA-03113" | "ORA-03114":
                if "refused" in text:
                    return refused(host, port, self.where)
                return silent(host, port, self.where) if "timed out" in text or "12170" in text else None
        return None


class OracleSession(DBAPISession):
    """One Oracle connection."""

    sub_query: ClassVar[str] = "({}) source_query"  # Oracle takes no AS before a table's alias

    def begin(self, *, writable: bool) -> None:
        """Byte order for text, the connector's zone, and one read-only transaction."""
        self._starts("ALTER SESSION SET NLS_SORT = BINARY NLS_COMP = BINARY")
        self._starts(f"ALTER SESSION SET TIME_ZONE = '{offset(self._driver.connector.timezone)}'")
        if not writable:
            self._starts("SET TRANSACTION READ ONLY")

    def _starts(self, sql: str) -> None:
        cursor = self._cursor()
        self._run(cursor, sql)
        cursor.close()

    def quote(self, name: str) -> str:
        """The name in double quotes; a plain one in capitals, as Oracle stores it."""
        if name.startswith('"') and name.endswith('"') and len(name) > 2:
            name = name[1:-1]
        elif _PLAIN.match(name) and name.casefold() not in self._actual:
            name = name.upper()
        return '"' + name.replace('"', '""') + '"'

    def described(self, relation: str) -> list[tuple[SourceColumn, bool]]:
        """By the cursor's description; a number's type carries its precision and scale."""
        cursor = self._cursor()
        self._run(cursor, f"SELECT * FROM {relation} WHERE 1 = 0")
        found = [(self._column(entry), bool(entry[6])) for entry in cursor.description]
        cursor.close()
        return found

    def _column(self, entry: Any) -> SourceColumn:
        kind = str(getattr(entry[1], "name", entry[1])).removeprefix("DB_TYPE_").lower()
        return SourceColumn(entry[0], f"number({entry[4] or 0},{entry[5] or 0})" if kind == "number" else kind)

    def shape(self, column: SourceColumn) -> str:
        """NUMBER(1..18, 0) is whole; another number is exact text."""
        if column.type.startswith("number"):
            precision, scale = map(int, column.type[7:-1].split(","))
            return WHOLE if scale == 0 and 0 < precision <= 18 else DECIMAL
        return _SHAPES.get(column.type, TEXT)

    def item(self, column: SourceColumn) -> str:
        """Types that Python would receive as objects are turned into text as well."""
        name = self.column(column.name)
        match column.type:
            case "rowid" | "urowid":
                return f"ROWIDTOCHAR({name})"
            case "interval_ds" | "interval_ym":
                return f"TO_CHAR({name})"
            case "xmltype":
                return f"XMLSERIALIZE(CONTENT {name} AS CLOB)"
            case "json":
                return f"JSON_SERIALIZE({name} RETURNING CLOB)"
            case "boolean":
                return f"CASE WHEN {name} THEN 'true' WHEN NOT {name} THEN 'false' END"
        return super().item(column)

    def text(self, column: SourceColumn, name: str) -> str:
        """Exact decimals, times at one width, bytes as hexadecimal."""
        match column.type:
            case "date":
                return f"TO_CHAR({name}, 'YYYY-MM-DD HH24:MI:SS')"
            case "timestamp" | "timestamp_ltz":
                return f"TO_CHAR({name}, 'YYYY-MM-DD HH24:MI:SS.FF6')"
            case "timestamp_tz":
                # SESSIONTIMEZONE is the connector's zone: the hub keeps the county's wall clock.
                return f"TO_CHAR({name} AT TIME ZONE SESSIONTIMEZONE, 'YYYY-MM-DD HH24:MI:SS.FF6')"
            case "raw":
                return f"LOWER(RAWTOHEX({name}))"
        number = f"TO_CHAR({name}, 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''')"
        return rf"REGEXP_REPLACE({number}, '^(-?)[.]', '\10.')"

    def kind(self, column: SourceColumn) -> str:
        """A number without fraction is an integer however wide."""
        if column.type.startswith("number") and column.type.endswith(",0)") and column.type != "number(0,0)":
            return "integer"
        return super().kind(column)

    def moment(self, moment: datetime, spelled: str) -> str:
        """A DATE where seconds were spelled, so that an index on a DATE column serves; a TIMESTAMP otherwise."""
        if moment.tzinfo is not None:
            text = moment.isoformat(sep=" ", timespec="microseconds")
            return f"TO_TIMESTAMP_TZ('{text}', 'YYYY-MM-DD HH24:MI:SS.FF6TZH:TZM')"
        if "." not in spelled:
            return f"TO_DATE('{moment:%Y-%m-%d %H:%M:%S}', 'YYYY-MM-DD HH24:MI:SS')"
        return f"TO_TIMESTAMP('{moment:%Y-%m-%d %H:%M:%S.%f}', 'YYYY-MM-DD HH24:MI:SS.FF6')"

    def limited(self, sql: str, limit: int) -> str:
        """By ROWNUM, which every version knows."""
        return f"SELECT * FROM ({sql}) WHERE ROWNUM <= {limit:d}"

    def clock(self, timezone: str) -> str:
        """The server's time in the connector's zone."""
        sql = f"SELECT TO_CHAR(SYSTIMESTAMP AT TIME ZONE '{offset(timezone)}', 'YYYY-MM-DD HH24:MI:SS.FF6') FROM DUAL"
        return str(self.rows(sql)[0][0])

    def tables(self, like: str = "", limit: int = LISTED) -> list[Table]:
        """`OWNER.TABLE` of all that may be read and did not come with the server."""
        return [
            Table(str(name), str(comment or ""), None if rows is None else int(rows))
            for name, comment, rows in self.rows(self.tables_sql(like, limit))
        ]

    def tables_sql(self, like: str, limit: int) -> str:
        """The names are chosen first; comments and estimates are looked up for those only."""
        pattern = self.literal(like_pattern(like), "text")
        system = ", ".join(f"'{owner}'" for owner in SYSTEM)
        chosen = self.limited(
            "SELECT owner, object_name FROM all_objects WHERE object_type IN ('TABLE', 'VIEW', 'MATERIALIZED VIEW')"
            f" AND owner NOT IN ({system}) AND LOWER(object_name) LIKE {pattern} ESCAPE '!' ORDER BY object_name, owner",
            limit,
        )
        return (
            f"SELECT o.owner || '.' || o.object_name, c.comments, t.num_rows FROM ({chosen}) o"
            " LEFT JOIN all_tab_comments c ON c.owner = o.owner AND c.table_name = o.object_name"
            " LEFT JOIN all_tables t ON t.owner = o.owner AND t.table_name = o.object_name ORDER BY o.object_name, o.owner"
        )


DRIVER = Oracle
