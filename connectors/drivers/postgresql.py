"""PostgreSQL and what speaks its protocol (openGauss, KingbaseES): streamed by ADBC as COPY in binary.

Only the low-level driver manager is imported: its DB-API module pulls in pandas and polars, 1.7 s of every
short job. One million rows of 15 columns arrive in 2.5 s and 175 MB.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from connectors.database import OPTIONS, Database, barred, cut_off, missing_table
from connectors.drivers.base import Option, SourceColumn
from connectors.network import CONNECT_SECONDS, reach, refused, wordless
from connectors.session import LISTED, Session, Table, like_pattern, limited, listed
from schemas.errors import ConfigError, HubError, SourceChanged, SourceUnavailable

if TYPE_CHECKING:
    import pyarrow as pa

# Types that come across as they are; everything else is read as text.
_AS_IS = frozenset(
    {
        "smallint", "integer", "bigint", "real", "double precision", "numeric", "boolean", "date", "text", "name",
        "character varying", "timestamp without time zone", "timestamp with time zone", "json", "jsonb",
    }
)  # fmt: skip
# The type's name; of a domain, which only narrows a type, that type's.
_TYPE = "(SELECT format_type(coalesce(nullif(typbasetype, 0), oid), NULL) FROM pg_type WHERE oid = pg_typeof(q.{}))"
_KINDS = {
    "smallint": "integer", "integer": "integer", "bigint": "integer", "numeric": "decimal", "money": "decimal", "date": "date",
    "timestamp without time zone": "timestamp", "timestamp with time zone": "timestamp",
}  # fmt: skip
_ONE_MOMENT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# A statement ends when the program that asked is gone (PostgreSQL 14): it must not go on burdening the source.
_NOBODY_WAITS = (
    "SELECT set_config('client_connection_check_interval', '10s', false)"
    " WHERE current_setting('client_connection_check_interval', true) IS NOT NULL"
)
_MOST_WAYS = 8  # connections a department's server may be asked for at once
_BIG_BLOCKS = 1024  # 8 MB: below that another connection costs more than it brings
_SQLSTATE = re.compile(r"SQLSTATE: (\w{5})")
# What breaks off in the middle of a COPY comes without its code, and so does what the client library notices.
_TOLD = {
    "57014": re.compile("statement timeout|语句.*超时"),
    "55P03": re.compile("lock timeout|锁.*超时"),
    "57P01": re.compile(
        "terminating connection|closed the connection|no connection to the server|onnection reset|broken pipe|could not receive data|SSL SYSCALL|"
        "正在终止连接|中止联接|关闭.*连接|关闭.*联接"
    ),
}


class PostgreSQL(Database):
    """One PostgreSQL database."""

    options: ClassVar[Mapping[str, Option]] = {
        **OPTIONS,
        "parallel": Option("一张大表同时分几路读；各路看到同一时刻", kind="number", default=1),
    }
    default_port: ClassVar[int] = 5432

    def open(self, *, writable: bool = False) -> PostgreSQLSession:
        """A session, read-only unless an exchange table's read flag is to be set."""
        import adbc_driver_manager as adm
        import adbc_driver_postgresql

        host, port = self.address()
        uri = _uri(str(self.option("url")), float(self.option("timeout")), self.connector.timezone, writable=writable)
        try:
            # By default every connection reads the whole catalogue of types, and each table is one: 4 s at 20,000 tables.
            database = adbc_driver_postgresql.connect(uri, db_kwargs={"adbc.postgresql.type_resolver_mode": "builtin"})
            connection = adm.AdbcConnection(database)
        except adm.Error as error:
            raise self._refusal(str(error), host, port) from None
        return PostgreSQLSession(self, database, connection)

    def _refusal(self, text: str, host: str, port: int) -> HubError:
        """The error for a connection that was not made. The server may speak Chinese, so both are read."""
        where = self.where
        if "password" in text or "口令" in text or "no pg_hba.conf" in text or "pg_hba.conf" in text:
            if "pg_hba.conf" in text:
                return ConfigError(
                    where, "数据库不允许从本机用这个用户连接", "请部门的数据库管理员在 pg_hba.conf 里放行本机地址"
                )
            return ConfigError(where, "用户名或密码不对", "请核对用户名和口令；写在 var/hub.env 里的，请系统管理员核对")
        if re.search(r"database .* does not exist|数据库.*不存在", text):
            return ConfigError(where, f"服务器上没有数据库 '{self._database_name()}'", "请核对地址最后一段的库名")
        if re.search(r"not permitted to log ?in|account has been locked|不允许.*登录|被锁定", text):
            return barred(where)
        if re.search(r"permission denied for database|对数据库.*权限不够", text):
            return ConfigError(
                where,
                f"这个用户没有连接数据库 '{self._database_name()}' 的权限",
                "请部门执行 GRANT CONNECT ON DATABASE",
            )
        if re.search(r"role .* does not exist|角色.*不存在", text):
            return ConfigError(where, "用户名或密码不对", "请核对用户名和口令；写在 var/hub.env 里的，请系统管理员核对")
        if "does not support SSL" in text:
            return ConfigError(
                where, "服务器不支持加密连接（SSL），地址里却要求加密", "请去掉地址里的 sslmode=…，或请部门打开 SSL"
            )
        if re.search(r"certificate|SSL error", text):
            return ConfigError(
                where, f"服务器的证书没有通过核对（{self.brief(text)}）", "请向部门要上级 CA 证书，写在地址里：?sslmode=verify-full&sslrootcert=文件"
            )  # fmt: skip
        if "invalid response to SSL negotiation" in text:
            return ConfigError(where, f"{host}:{port} 连得通，应答的却不是 PostgreSQL", "请核对端口")
        if "refused" in text or "拒绝" in text:
            return refused(host, port, where)
        if "timeout" in text or "timed out" in text:
            return self._wordless(host, port)
        if "could not translate host name" in text:
            return SourceUnavailable(where, f"找不到主机 '{host}'", "请核对地址里的主机名，或检查本机的域名解析（DNS）")
        if "too many" in text or "starting up" in text or "shutting down" in text or "连接" in text:
            return SourceUnavailable(where, "数据库暂时不接受新连接", "稍后会自动重试；若常有，请减少同一 pool 的并发")
        return SourceUnavailable(
            where, f"连接不上 {host}:{port}（{self.brief(text)}）", "请用 hub connector test 逐步检查"
        )

    def _wordless(self, host: str, port: int) -> HubError:
        try:
            reach(host, port, self.where)
        except HubError as error:
            return error
        return wordless(host, port, "PostgreSQL", self.where)

    def failure(self, text: str, session: PostgreSQLSession | None = None) -> HubError:
        """The error for a statement that failed."""
        found = _SQLSTATE.search(text)
        state = found.group(1) if found else next((code for code, told in _TOLD.items() if told.search(text)), "")
        match state:
            case "42P01" | "3F000":
                return missing_table(self.where, self.table or "query 里的表", session)
            case "42501":
                return ConfigError(
                    self.where,
                    f"这个用户没有读取 {self.table or '查询所用的表'} 的权限",
                    "请部门执行 GRANT SELECT，或改用有权限的视图",
                )
            case "42703" | "42601" | "42883" | "42804":
                return ConfigError(
                    f"{self.where}：source", f"SQL 有误（{self.brief(text)}）", "请核对 table、query、where 和列名"
                )
            case "57014":
                return SourceUnavailable(
                    self.where,
                    f"读取超过 {self.option('timeout')} 秒被中止",
                    "请避开高峰，给游标列加索引，或调大 timeout",
                )
            case "55P03" | "40P01" | "40001":
                return SourceUnavailable(self.where, "表被源系统锁住，没等到", "稍后会自动重试")
            case "57P01" | "57P02" | "57P03" | "08006" | "08003":
                return cut_off(self.where)
        if state.startswith("22"):
            return SourceChanged(
                self.where, f"源库里有读不出的值（{self.brief(text)}）", "请核对 query、where 里的转换"
            )
        return SourceUnavailable(self.where, f"读取中断（{self.brief(text)}）", "稍后会自动重试")

    def brief(self, text: str) -> str:
        """The first telling line of a driver's message, without secrets and without row values."""
        line = text.strip().splitlines()[0]
        line = re.sub(r"^.*?(?:ERROR|FATAL|错误|致命错误):\s*", "", line)
        line = re.sub(r"^[A-Z_]+: (\[libpq\] )?", "", line)
        return self.secrets.hide(re.sub(r': "[^"]*"$', "", line))[:160]

    def _database_name(self) -> str:
        return urlsplit(str(self.option("url"))).path.lstrip("/")


class PostgreSQLSession(Session):
    """One ADBC connection."""

    def __init__(self, driver: PostgreSQL, database: Any, connection: Any) -> None:
        self._driver, self._database, self._connection = driver, database, connection
        self._statement: Any = None
        self._encodes = True  # False for a database that does not know what its texts are written in

    def quote(self, name: str) -> str:
        """The name in double quotes."""
        return '"' + name.replace('"', '""') + '"'

    def columns(self, relation: str) -> list[SourceColumn]:
        """Read from an empty result, so that tables, views and queries answer alike; who may read some columns only sees those."""
        asked = "*"
        try:
            names = self._table(f"SELECT * FROM {relation} LIMIT 0").schema.names
        except ConfigError:
            if not (names := self._permitted(relation)):
                raise
            asked = ", ".join(map(self.quote, names))
        if not names:
            return []
        types = ", ".join(_TYPE.format(self.quote(name)) for name in names) + ", current_setting('server_encoding')"
        row = self._table(
            f"SELECT {types} FROM (SELECT 1) one LEFT JOIN (SELECT {asked} FROM {relation} LIMIT 0) q ON true"
        )
        *kinds, encoding = (column[0].as_py() for column in row.columns)
        if encoding == "SQL_ASCII":
            self.take_bytes()
        return [SourceColumn(name, kind) for name, kind in zip(names, kinds, strict=True)]

    def _permitted(self, relation: str) -> list[str]:
        """The columns of a table this user was given the right to, one by one."""
        if relation.startswith("("):
            return []
        found = self._table(
            "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped"
            " AND has_column_privilege(attrelid, attnum, 'SELECT') ORDER BY attnum",
            relation,
        )
        return [str(name) for name in found.column(0).to_pylist()]

    def take_bytes(self) -> None:
        """Have texts handed out as they lie in a database that does not know what they are written in."""
        self._encodes = False
        self.execute("SET client_encoding = 'SQL_ASCII'")

    def tables(self, like: str = "", limit: int = LISTED) -> list[Table]:
        """`schema.table` of all that is no system table; comments and estimates of those listed only."""
        found = self._table(
            "SELECT n.nspname AS schema, c.relname AS name, obj_description(c.oid, 'pg_class') AS comment,"
            " nullif(c.reltuples, -1)::bigint AS rows FROM (SELECT oid, relname, relnamespace, reltuples FROM pg_class"
            " WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND relnamespace NOT IN (SELECT oid FROM pg_namespace"
            " WHERE nspname ~ '^(pg_|sys)' OR nspname = 'information_schema') AND has_any_column_privilege(oid, 'SELECT')"
            " AND lower(relname) LIKE $1 ESCAPE '!') c JOIN pg_namespace n ON n.oid = c.relnamespace"
            f" ORDER BY c.relname, n.nspname LIMIT {limit:d}",
            like_pattern(like),
        )
        return [
            Table(listed(schema, name), comment or "", rows)
            for schema, name, comment, rows in zip(*found.to_pydict().values(), strict=True)
        ]

    def item(self, column: SourceColumn) -> str:
        """The column itself where Arrow carries it exactly, else its text (bytes as hexadecimal); money without its sign."""
        name = self.quote(column.name)
        if column.type in _AS_IS:
            return name
        if column.type == "money":
            return f"{name}::numeric AS {name}"
        return f"encode({name}, 'hex') AS {name}" if column.type == "bytea" else f"{name}::text AS {name}"

    def kind(self, column: SourceColumn) -> str:
        """By the server's type name."""
        return _KINDS.get(column.type, "text")

    def comparable(self, column: SourceColumn) -> str:
        """Text in byte order: the database's own collation may sort otherwise than Arrow's maximum."""
        name = self.quote(column.name)
        if column.type == "money":
            return f"{name}::numeric"
        return f'{name}::text COLLATE "C"' if self.kind(column) == "text" else name

    def length(self, column: SourceColumn) -> str:
        """Of whatever is compared as text."""
        return f"length({self.quote(column.name)}::text)"

    def literal(self, text: str, kind: str) -> str:
        """Numbers and times are parsed first; text is quoted by the server."""
        match kind:
            case "integer":
                return str(int(Decimal(text)))
            case "decimal":
                return format(Decimal(text), "f")
            case "timestamp":
                moment = datetime.fromisoformat(text)
                return f"'{moment.isoformat(sep=' ')}'::{'timestamptz' if moment.tzinfo else 'timestamp'}"
            case "date":
                return f"'{datetime.fromisoformat(text).date().isoformat()}'::date"
        return str(self._table("SELECT quote_literal($1)", text).column(0)[0].as_py())

    def clock(self, timezone: str) -> str:
        """The server's time; the session runs in the connector's zone."""
        return str(self._table("SELECT to_char(clock_timestamp(), 'YYYY-MM-DD HH24:MI:SS.US')").column(0)[0].as_py())

    def may_be_null(self, relation: str, column: SourceColumn) -> bool:
        """By the table's NOT NULL; a view or query may always be NULL."""
        if relation.startswith("("):
            return True
        found = self._table(
            "SELECT attnotnull FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = $2",
            relation,
            column.name,
        )
        return not (found.num_rows and found.column(0)[0].as_py())

    def primary_key(self, table: str, relation: str) -> list[str]:
        """By the table's index."""
        found = self._table(
            "SELECT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)"
            " WHERE i.indrelid = to_regclass($1) AND i.indisprimary ORDER BY array_position(i.indkey::int2[], a.attnum)",
            relation,
        )
        return [str(name) for name in found.column(0).to_pylist()]

    def stream(
        self, sql: str, columns: Sequence[SourceColumn], *, limit: int | None = None, few: bool = False
    ) -> Iterator[pa.RecordBatch]:
        """Batches of about 16 MB, of 3 MB where few rows are expected, so that the first is there soon; numerics as exact text."""
        import adbc_driver_manager as adm
        import pyarrow as pa

        if not few:
            self.execute(_NOBODY_WAITS)
        with adm.AdbcStatement(self._connection) as statement:
            self._statement = statement
            try:
                statement.set_sql_query(limited(sql, limit))
                if few:
                    statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": 3 << 20})
                yield from self._interruptible(statement)
            except (adm.Error, pa.ArrowException, OSError) as error:
                raise self._driver.failure(str(error), self) from None
            finally:
                self._statement = None

    def _interruptible(self, statement: Any) -> Iterator[pa.RecordBatch]:
        """The answer, waited for in a thread: within the client library nobody hears Ctrl-C."""
        import pyarrow as pa

        from connectors.batches import plain, plain_schema
        from connectors.readback import as_utf8

        with ThreadPoolExecutor(max_workers=1) as waiting:
            try:
                handle, _ = waiting.submit(statement.execute_query).result()
                reader = pa.RecordBatchReader._import_from_c(handle.address)
                batches = plain(reader, plain_schema(reader.schema))
                while (batch := waiting.submit(next, batches, None).result()) is not None:
                    yield batch if self._encodes else as_utf8(batch, self._driver.where)
            except KeyboardInterrupt:
                self.cancel()
                raise

    def cancel(self) -> None:
        """Ask the server to end the statement."""
        statement = self._statement
        if statement is not None:
            statement.cancel()

    def pieces(self, table: str, relation: str, ways: int) -> list[str]:
        """By ranges of disk blocks: no column is needed, and each piece reads its own blocks only (PostgreSQL 14)."""
        found = self._table(
            "SELECT pg_relation_size(oid) / current_setting('block_size')::int AS blocks FROM pg_class"
            " WHERE oid = to_regclass($1) AND relkind IN ('r', 'm') AND current_setting('server_version_num')::int >= 140000",
            relation,
        )
        blocks = int(found.column(0)[0].as_py()) if found.num_rows else 0
        ways = min(ways, _MOST_WAYS)
        if blocks < _BIG_BLOCKS:
            return []
        edges = [blocks * n // ways for n in range(1, ways)]
        # The last piece is open: what is appended meanwhile is not in the snapshot, but a wrong size must lose nothing.
        lower = [""] + [f"ctid >= '({edge},0)'::tid" for edge in edges]
        upper = [f"ctid < '({edge},0)'::tid" for edge in edges] + [""]
        return [" AND ".join(filter(None, pair)) for pair in zip(lower, upper, strict=True)]

    def share_snapshot(self, others: Sequence[Session], relation: str) -> None:
        """By pg_export_snapshot; it lives on in the others when this session ends its transaction."""
        self.execute(_ONE_MOMENT)
        name = str(self._table("SELECT pg_export_snapshot()").column(0)[0].as_py())
        for other in others:
            assert isinstance(other, PostgreSQLSession)
            if not self._encodes:
                other.take_bytes()
            other.execute(_ONE_MOMENT)
            other.execute(f"SET TRANSACTION SNAPSHOT '{name}'")
        self.execute("COMMIT")

    def execute(self, sql: str) -> None:
        """One statement, committed by itself."""
        import adbc_driver_manager as adm

        try:
            with adm.AdbcStatement(self._connection) as statement:
                statement.set_sql_query(sql)
                statement.execute_update()
        except adm.Error as error:
            raise self._driver.failure(str(error), self) from None

    def close(self) -> None:
        """End the connection."""
        self._connection.close()
        self._database.close()

    def _table(self, sql: str, *values: str) -> pa.Table:
        import adbc_driver_manager as adm
        import pyarrow as pa

        try:
            with adm.AdbcStatement(self._connection) as statement:
                statement.set_sql_query(sql)
                if values:
                    batch = pa.RecordBatch.from_arrays(
                        [_text(v) for v in values], [f"p{i}" for i in range(len(values))]
                    )
                    array, schema = adm.ArrowArrayHandle(), adm.ArrowSchemaHandle()
                    batch._export_to_c(array.address, schema.address)
                    statement.bind(array, schema)
                handle, _ = statement.execute_query()
                return pa.RecordBatchReader._import_from_c(handle.address).read_all()
        except (adm.Error, pa.ArrowException, OSError) as error:
            raise self._driver.failure(str(error), self) from None


def _text(value: str) -> pa.Array:
    """One text as an Arrow array, made from its bytes: making it from a Python list would import pandas, 1.2 s."""
    import pyarrow as pa

    data = value.encode()
    offsets = struct.pack("<2i", 0, len(data))
    return pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def _uri(url: str, timeout: float, timezone: str, *, writable: bool) -> str:
    """The address in libpq's form with the session's limits in it."""
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query))
    settings = {
        "default_transaction_read_only": "off" if writable else "on",
        "statement_timeout": f"{int(timeout * 1000)}",
        "lock_timeout": "10000",
        "idle_in_transaction_session_timeout": "600000",
        "TimeZone": timezone,
    }
    options = " ".join([given.pop("options", ""), *(f"-c {key}={value}" for key, value in settings.items())]).strip()
    # The client library would else hand out texts in the database's own encoding.
    encoding = {"client_encoding": "UTF8"}
    given = {
        "application_name": "tongqu",
        "connect_timeout": str(CONNECT_SECONDS),
        **given,
        **encoding,
        "options": options,
    }
    return urlunsplit(("postgresql", parts.netloc, parts.path, urlencode(given, quote_via=quote), ""))


DRIVER = PostgreSQL
