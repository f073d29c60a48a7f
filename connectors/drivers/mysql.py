"""MySQL and MariaDB: described by pymysql, read by connectorx in a child process.

Dates, times and decimals are cast to text in the source: connectorx panics at 0000-00-00 and fails on wide
decimals, and a zero date must stay visible so that it can be set aside with its reason. One million rows of
15 columns arrive in about 4 s; the DuckDB scanner took 24 s, pymysql's own cursor longer.
"""

from __future__ import annotations

import errno
import re
import secrets
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, unquote, urlsplit
from zoneinfo import ZoneInfo

from connectors import mysql_pieces, mysql_types
from connectors.database import OPTIONS, Database, barred, cut_off, missing_table
from connectors.drivers.base import Option, SourceColumn
from connectors.mysql_spool import Child, Moment
from connectors.mysql_types import INTEGERS
from connectors.network import CONNECT_SECONDS, reach, wordless
from connectors.session import LISTED, Session, Table, like_pattern, limited, listed, parts
from schemas.errors import ConfigError, HubError, SourceUnavailable

if TYPE_CHECKING:
    import pyarrow as pa

_NOT_NULL = 1  # a flag of a column
_LOCK_SECONDS = 3
_PAUSE = 0.01  # seconds between two looks whether a statement runs
_FEW = 2000  # rows that pymysql may fetch one by one
# Seconds for a question that nobody watches: the server notices a killed hub only when it answers. A read that takes
# longer is begun anew in the child process, which has a watcher and the connector's own limit.
_UNWATCHED = 60.0
_KINDS = {"decimal": "decimal", "date": "date", "datetime": "timestamp", "timestamp": "timestamp"}
# How the reader's client tells of a connection that ended: without the server's number.
_CUT_OFF = re.compile(r"IO error|bytes remaining on stream|onnection reset|roken pipe|disconnected")


class MySQL(Database):
    """One MySQL or MariaDB database."""

    default_port: ClassVar[int] = 3306
    options: ClassVar[Mapping[str, Option]] = {
        **OPTIONS,
        "parallel": Option("一张大表同时分几路读；各路看到同一时刻", kind="number", default=1),
    }

    def open(self, *, writable: bool = False) -> MySQLSession:
        """A session, read-only unless an exchange table's read flag is to be set."""
        import pymysql

        host, port = self.address()
        login = self.login()
        try:
            connection = pymysql.connect(
                host=host, port=port, user=login["user"], password=login["password"], database=login["database"],
                charset="utf8mb4", connect_timeout=CONNECT_SECONDS, autocommit=True, read_timeout=CONNECT_SECONDS,
            )  # fmt: skip
            # Who does not greet is not waited for; an answer may take its time. The library asks for one limit for both.
            connection._read_timeout = float(self.option("timeout")) + CONNECT_SECONDS
            return MySQLSession(self, connection, writable=writable)
        except pymysql.MySQLError as error:
            raise self._unreached(host, port) if error.args[:1] in {(2006,), (2013,)} else self.failure(error) from None

    def login(self) -> dict[str, str]:
        """User, password and database of the address.

        Raises:
            ConfigError: no database is named.
        """
        parts = urlsplit(str(self.option("url")))
        database = unquote(parts.path.lstrip("/"))
        if not database:
            raise ConfigError(f"{self.where}：source.url", "地址里没有库名", "写法：mysql://用户:密码@主机:端口/库名")
        return {
            "user": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
            "database": database,
        }

    def failure(self, error: BaseException | str, session: MySQLSession | None = None) -> HubError:
        """The error for what pymysql or connectorx reported."""
        text = str(error)
        found = re.search(r"ERROR (\d{4})|\((\d{4}),", text)
        number = int(found.group(1) or found.group(2)) if found else 0
        host, port = self.address()
        brief = self.secrets.hide(re.sub(r"^.*?(?:ERROR \d+ \(\w+\): |\(\d+, )", "", text)).strip("'\") }")[:160]
        where = self.where
        match number:
            case 1045 | 1698:
                return ConfigError(
                    where, "用户名或密码不对", "请核对用户名和口令，写在 var/hub.env 里的请系统管理员核对；都对的，问部门是不是只许加密连接（REQUIRE SSL）"
                )  # fmt: skip
            case 1130:
                return ConfigError(where, "数据库不允许从本机连接", "请部门的数据库管理员放行本机地址")
            case 1044:
                # Whether there is such a database the server does not tell who may not use it.
                return ConfigError(
                    where, f"没有库 '{self.login()['database']}'，或这个用户没有用它的权限", "请核对库名；库名没错的，请部门执行 GRANT SELECT"
                )  # fmt: skip
            case 1049:
                return ConfigError(
                    where, f"服务器上没有数据库 '{self.login()['database']}'", "请核对地址最后一段的库名"
                )
            case 1146:
                return missing_table(where, self.table or "query 里的表", session)
            case 1142 | 1143:
                return ConfigError(
                    where,
                    f"这个用户没有读取 {self.table or '查询所用的表'} 的权限",
                    "请核对表名；表名没错的，请部门执行 GRANT SELECT，或改用有权限的视图",
                )
            case 3118 | 4151:
                return barred(where)
            case 3159:
                return ConfigError(
                    where, "服务器只接受加密连接（SSL），通衢连 MySQL 不加密", "请部门准许这个用户从本机不加密连接"
                )
            case 1820 | 1862:
                return ConfigError(where, "密码已过期", "请部门的数据库管理员换密码，再改 var/hub.env")
            case 1054 | 1064 | 1052 | 1305:
                return ConfigError(f"{where}：source", f"SQL 有误（{brief}）", "请核对 table、query、where 和列名")
            case 1356:
                return ConfigError(
                    where, f"视图 {self.table or ''} 打不开：它用的表或列已经不在，或定义它的用户没有权限", "请部门修好这个视图"
                )  # fmt: skip
            case 1969 | 3024:
                return SourceUnavailable(
                    where, f"读取超过 {self.option('timeout')} 秒被中止", "请避开高峰，给游标列加索引，或调大 timeout"
                )
            case 1205 | 1213:
                return SourceUnavailable(where, "表被源系统锁住，没等到", "稍后会自动重试")
            case 1040 | 1203 | 1226:
                return SourceUnavailable(
                    where, "数据库暂时不接受新连接", "稍后会自动重试；若常有，请减少同一 pool 的并发"
                )
            case 2003 | 2005:
                return self._unreached(host, port)
            case 1053 | 1927 | 2006 | 2013:
                return cut_off(where)
        if "Could not connect" in text:
            return self._unreached(host, port)
        if _CUT_OFF.search(text):
            return cut_off(where)
        return SourceUnavailable(where, f"读取中断（{brief}）", "稍后会自动重试")

    def _unreached(self, host: str, port: int) -> HubError:
        try:
            reach(host, port, self.where)
        except HubError as error:
            return error
        return wordless(host, port, "MySQL", self.where)


class MySQLSession(Session):
    """A pymysql connection for questions; rows come through the child process."""

    folds_case: ClassVar[bool] = True
    integers: ClassVar[frozenset[str]] = INTEGERS

    def __init__(self, driver: MySQL, connection: Any, *, writable: bool) -> None:
        self._driver, self._connection = driver, connection
        self._nullable: dict[str, bool] = {}
        self._child: Child | None = None
        self._cancelled = False
        self._moment: Moment | None = None  # at which this session and others have to begin
        seconds = float(driver.option("timeout"))
        self.setup = [f"SET time_zone = '{_offset(driver.connector.timezone)}'", self._limit(seconds)]
        if not writable:
            self.setup.append("SET SESSION TRANSACTION READ ONLY")
        for statement in [*self.setup, self._limit(min(seconds, _UNWATCHED))]:
            self.rows(statement)

    def _limit(self, seconds: float) -> str:
        if "MariaDB" in self._connection.get_server_info():
            return f"SET SESSION max_statement_time = {seconds:.0f}"
        return f"SET SESSION max_execution_time = {seconds * 1000:.0f}"

    def quote(self, name: str) -> str:
        """The name in backticks."""
        return "`" + name.replace("`", "``") + "`"

    def columns(self, relation: str) -> list[SourceColumn]:
        """Read from an empty result, so that tables, views and queries answer alike; who may read some columns only sees those."""
        with self._connection.cursor() as cursor:
            try:
                self._run(cursor, f"SELECT * FROM {relation} LIMIT 0")
            except ConfigError:
                if not (names := self._permitted()):
                    raise
                self._run(cursor, f"SELECT {', '.join(map(self.quote, names))} FROM {relation} LIMIT 0")
            fields = cursor._result.fields
        self._nullable = {f.name.casefold(): not f.flags & _NOT_NULL for f in fields}
        return [SourceColumn(f.name, mysql_types.type_name(f.type_code, f.charsetnr, f.flags, f.scale)) for f in fields]

    def _permitted(self) -> list[str]:
        """The columns of the connector's table this user was given the right to, one by one."""
        if not self._driver.table:
            return []
        seen = f"SELECT t.column_name FROM information_schema.columns t WHERE {self.named(self._driver.table)}"
        return [str(name) for (name,) in self.rows(f"{seen} ORDER BY t.ordinal_position")]

    def tables(self, like: str = "", limit: int = LISTED) -> list[Table]:
        """The tables and views of the database the address names.

        Names first: comment and estimate make the server open each table, so they are asked for the listed ones.
        """
        pattern = self._connection.escape(like_pattern(like))
        names = [
            str(row[0])
            for row in self.rows(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
                f" AND LOWER(table_name) LIKE {pattern} ESCAPE '!' ORDER BY table_name LIMIT {limit:d}"
            )
        ]
        if not names:
            return []
        among = ", ".join(str(self._connection.escape(name)) for name in names)
        told = self.rows(
            "SELECT table_name, table_comment, table_rows, table_type FROM information_schema.tables"
            f" WHERE table_schema = DATABASE() AND table_name IN ({among}) ORDER BY table_name"
        )
        return [
            Table(listed(str(name)), "" if kind == "VIEW" else str(comment or ""), None if rows is None else int(rows))
            for name, comment, rows, kind in told
        ]

    def item(self, column: SourceColumn) -> str:
        """Whole numbers, doubles and text as they are, everything else as its text."""
        name = self.quote(column.name)
        match column.type:
            case "text" | "double":
                return name
            case integer if integer in INTEGERS:
                return name
            case "binary":
                return f"LOWER(HEX({name})) AS {name}"
            case "bit":
                return f"CAST({name} + 0 AS CHAR) AS {name}"
            case "geometry":
                return f"ST_AsText({name}) AS {name}"
            case "float":  # shown with six digits, whatever it holds
                return f"CAST({name} + 0e0 AS CHAR) AS {name}"
        return f"CAST({name} AS CHAR) AS {name}"

    def kind(self, column: SourceColumn) -> str:
        """By the server's type."""
        return "integer" if column.type in INTEGERS else _KINDS.get(column.type, "text")

    def comparable(self, column: SourceColumn) -> str:
        """Text in byte order: collations fold case and width, Arrow's maximum does not."""
        name = self.quote(column.name)
        return f"CAST(CONVERT({name} USING utf8mb4) AS BINARY)" if self.kind(column) == "text" else name

    def length(self, column: SourceColumn) -> str:
        """Characters, not bytes."""
        return f"CHAR_LENGTH({self.quote(column.name)})"

    def literal(self, text: str, kind: str) -> str:
        """Numbers are parsed first; times and text are quoted by the client library."""
        if kind == "integer":
            return str(int(Decimal(text)))
        if kind == "decimal":
            return format(Decimal(text), "f")
        return str(self._connection.escape(text))

    def clock(self, timezone: str) -> str:
        """The server's time; the session runs in the connector's zone."""
        return str(self.rows("SELECT DATE_FORMAT(NOW(6), '%Y-%m-%d %H:%i:%s.%f')")[0][0])

    def may_be_null(self, relation: str, column: SourceColumn) -> bool:
        """By the column's NOT NULL flag, which views and queries pass on."""
        return bool(self._nullable.get(column.name.casefold(), True))

    def primary_key(self, table: str, relation: str) -> list[str]:
        """By the table's index."""
        found = self.rows(
            f"SELECT t.column_name FROM information_schema.statistics t WHERE t.index_name = 'PRIMARY' AND {self.named(table)} ORDER BY t.seq_in_index"
        )
        return [str(name) for (name,) in found]

    def is_small(self, table: str) -> bool:
        """By the server's own estimate of a base table's rows."""
        found = self.rows(
            f"SELECT t.table_rows FROM information_schema.tables t WHERE t.table_type = 'BASE TABLE' AND {self.named(table)}"
        )
        return bool(found) and found[0][0] is not None and int(found[0][0]) <= _FEW

    def stream(
        self, sql: str, columns: Sequence[SourceColumn], *, limit: int | None = None, few: bool = False
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a query: few of them by pymysql, more through the child process and a spool file.

        Raises:
            SourceUnavailable: the connection broke, or the local disk for spooling is full.
        """
        import pyarrow as pa

        from connectors.batches import empty, without_nul

        schema = mysql_types.schema(columns)
        if few or (limit is not None and limit <= _FEW):
            batch = self._few(sql, schema, limit)
            if batch is not None:
                yield mysql_types.digits(batch, columns)
                return
        with tempfile.TemporaryFile(prefix="tongqu-", suffix=".arrow") as spool:
            self._fill(spool.fileno(), limited(sql, limit))
            spool.seek(0)
            given = False
            for batch in pa.ipc.open_stream(spool):
                given = True
                yield mysql_types.digits(without_nul(batch.cast(schema)), columns)
            if not given:
                yield empty(schema)

    def _few(self, sql: str, schema: pa.Schema, limit: int | None) -> pa.RecordBatch | None:
        """The whole answer when it is small, None when it is not: a child process costs half a second."""
        import pyarrow as pa

        from connectors.batches import empty, without_nul

        begun = time.monotonic()
        try:
            rows = self.rows(limited(sql, _FEW + 1 if limit is None else limit))
        except SourceUnavailable:
            if time.monotonic() - begun < _UNWATCHED or float(self._driver.option("timeout")) <= _UNWATCHED:
                raise
            return None
        if len(rows) > _FEW:
            return None
        if not rows:
            return empty(schema)
        columns = zip(*rows, strict=True)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
        return without_nul(pa.RecordBatch.from_arrays(arrays, schema=schema))

    def execute(self, sql: str) -> None:
        """One statement, committed by itself."""
        self.rows(sql)

    def pieces(self, table: str, relation: str, ways: int) -> list[str]:
        """By ranges of a whole-numbered primary key, when the table may be locked for the moment they all begin."""
        return mysql_pieces.pieces(self, table, relation, ways)

    def named(self, table: str) -> str:
        """The condition under which `information_schema.tables t` shows this table."""
        *schema, name = parts(table)
        among = f"t.table_schema = {self._connection.escape(schema[-1]) if schema else 'DATABASE()'}"
        return f"{among} AND t.table_name = {self._connection.escape(name)}"

    def estimate(self, sql: str) -> int:
        """How many rows the server thinks a query reads."""
        with self._connection.cursor() as cursor:
            self._run(cursor, f"EXPLAIN {sql}")
            place = [entry[0].lower() for entry in cursor.description].index("rows")
            return sum(int(row[place] or 0) for row in cursor.fetchall())

    def share_snapshot(self, others: Sequence[Session], relation: str) -> None:
        """By a consistent snapshot in each, all of them taken while this session keeps writers away from the table."""
        moment = Moment(len(others), lambda: self.lock(relation), lambda: self.execute("UNLOCK TABLES"))
        for other in others:
            assert isinstance(other, MySQLSession)
            other._moment = moment
            other.setup += [
                "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
                "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
            ]

    def lock(self, relation: str) -> None:
        """Keep writers away; a table that is busy is not waited for long, as others would wait behind."""
        self.rows(f"SET SESSION lock_wait_timeout = {_LOCK_SECONDS:d}")
        self.rows(f"LOCK TABLES {relation} READ")

    def cancel(self) -> None:
        """End the reading process with its statement, and what this connection asks by a second one, as its owner may."""
        self._cancelled = True
        if (child := self._child) is not None:
            child.end()
        with closing(self._driver.open()) as other, suppress(HubError):
            other.rows(f"KILL QUERY {self._connection.thread_id():d}")

    def close(self) -> None:
        """End the connection."""
        with suppress(Exception):
            self._connection.close()

    def _fill(self, descriptor: int, sql: str) -> None:
        host, port = self._driver.address()
        login = self._driver.login()
        user, password = quote(login["user"], safe=""), quote(login["password"], safe="")
        token = f"tongqu-{secrets.token_hex(8)}"  # by which its statement is known in the server
        child = Child(descriptor, {
            "url": f"mysql://{user}:{password}@{host}:{port}/{quote(login['database'], safe='')}",
            "sql": f"{sql} /* {token} */", "setup": self.setup, "token": token, "login": {**login, "host": host, "port": port},
        })  # fmt: skip
        self._child = child
        try:
            child.ready()
            if self._cancelled:
                raise SourceUnavailable(self._driver.where, "读取被中止", "需要时请重新运行")
            self._let_go(child, token)
            told = child.result(float(self._driver.option("timeout")) + 60)
        except subprocess.TimeoutExpired:
            raise self._driver.failure("ERROR 1969") from None
        except threading.BrokenBarrierError:
            raise SourceUnavailable(
                self._driver.where, "没能让各路从同一时刻开始读", "稍后会自动重试；总是这样时请把 parallel 改为 1"
            ) from None
        finally:
            self._child = None
            child.close()
            if self._moment is not None:
                self._moment.give_up()
        if told is None:
            return
        if told == f"OS {errno.ENOSPC}":
            raise SourceUnavailable(
                self._driver.where,
                f"本机磁盘已满，放不下读到的数据（{tempfile.gettempdir()}）",
                "请清理磁盘，或用环境变量 TMPDIR 换一个目录",
            )
        raise self._driver.failure(told, self)

    def _let_go(self, child: Child, token: str) -> None:
        """Let the child begin, at the moment it shares with others when there are any."""
        if self._moment is None:
            child.go()
            return
        self._moment.ready()
        child.go()
        # Its snapshot is taken once its statement runs.
        running = f"SELECT 1 FROM information_schema.processlist WHERE command = 'Execute' AND info LIKE '%{token}%' AND id <> CONNECTION_ID()"
        while not child.is_done and not self.rows(running):
            time.sleep(_PAUSE)
        self._moment.begun()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The whole answer to a short question."""
        with self._connection.cursor() as cursor:
            self._run(cursor, sql)
            return list(cursor.fetchall())

    def _run(self, cursor: Any, sql: str) -> None:
        import pymysql

        try:
            cursor.execute(sql)
        except pymysql.MySQLError as error:
            raise self._driver.failure(error, self) from None
        except BaseException:  # nobody waits for the answer any more: the server would work on it all the same
            with suppress(Exception):
                self.cancel()
            raise


def _offset(timezone: str) -> str:
    """A zone as +08:00: servers seldom have the tables of zone names."""
    shift = datetime.now(ZoneInfo(timezone)).strftime("%z")
    return f"{shift[:3]}:{shift[3:5]}"


DRIVER = MySQL
