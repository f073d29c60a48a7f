"""SQLite files: read by DuckDB's scanner, every value as text.

SQLite's types belong to values, not columns, so text is the only type that is always true. One million rows
of 15 columns take 5.6 s; Python's own sqlite3 took 10.5 s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote

from connectors.database import OPTIONS, Database, missing_table
from connectors.drivers.base import Option, SourceColumn
from connectors.session import LISTED, Session, Table, like_pattern, limited, listed
from schemas.errors import ConfigError, HubError, SourceChanged, SourceUnavailable

if TYPE_CHECKING:
    import pyarrow as pa


class SQLite(Database):
    """One SQLite file, named by a path or a `sqlite:///` address."""

    options: ClassVar[Mapping[str, Option]] = {
        **OPTIONS,
        "url": Option("SQLite 文件的路径，或 sqlite:///路径", required=True),
    }

    def path(self) -> Path:
        """The file.

        Raises:
            SourceUnavailable: it is not there.
            SourceChanged: it is empty or no SQLite file.
        """
        text = str(self.option("url"))
        path = Path(unquote(text.removeprefix("sqlite:///")) if text.startswith("sqlite:") else text)
        try:
            with path.open("rb") as file:
                head = file.read(16)
        except FileNotFoundError:
            raise SourceUnavailable(
                self.where, f"找不到文件 {path}", "请核对路径，或确认部门的共享目录已挂载"
            ) from None
        except OSError as error:
            raise ConfigError(self.where, f"文件 {path} 读不了（{error.strerror}）", "请检查文件权限") from None
        if not head:
            raise SourceChanged(self.where, f"文件 {path.name} 是空的", "请部门重新导出")
        if head != b"SQLite format 3\0":
            raise SourceChanged(self.where, f"文件 {path.name} 不是 SQLite 数据库", "请部门核对发来的文件")
        return path

    def open(self, *, writable: bool = False) -> SQLiteSession:
        """A DuckDB of its own with the file attached read-only."""
        import duckdb

        path = self.path()
        spec = find_spec("duckdb_extension_sqlite_scanner")
        folder = Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None
        if folder is None:
            raise ConfigError(
                self.where, "没有安装 duckdb-extension-sqlite-scanner", "请重新安装依赖（make demo 会做）"
            )
        extension = next(folder.rglob("sqlite_scanner.duckdb_extension"))
        connection = duckdb.connect(config={"threads": 1, "memory_limit": "256MB"})
        try:
            connection.execute(f"LOAD '{extension}'")
            connection.execute("SET sqlite_all_varchar = true")
            name = str(path).replace("'", "''")
            patience = int(min(float(self.option("timeout")), 5) * 1000)
            connection.execute(f"ATTACH '{name}' AS source (TYPE sqlite, READ_ONLY, BUSY_TIMEOUT {patience})")
        except duckdb.Error as error:
            connection.close()
            raise self.failure(str(error)) from None
        return SQLiteSession(self, connection)

    def failure(self, text: str, session: SQLiteSession | None = None) -> HubError:
        """The error for what SQLite reported through DuckDB."""
        brief = next((line for line in text.splitlines() if line.strip()), "").rpartition('": ')[2][:160]
        if "locked" in text or "busy" in text:
            return SourceUnavailable(self.where, "数据库文件正被源系统占用（锁住）", "稍后会自动重试")
        if "no such table" in text:
            return missing_table(self.where, self.table or "query 里的表", session)
        if "no such column" in text or "syntax error" in text or "no such function" in text:
            return ConfigError(f"{self.where}：source", f"SQL 有误（{brief}）", "请核对 table、query、where 和列名")
        if "malformed" in text or "not a database" in text or "disk image" in text:
            return SourceUnavailable(
                self.where, "数据库文件不完整，可能还在复制", "稍后会自动重试；总是这样时请部门重新导出"
            )
        return SourceUnavailable(self.where, f"读取中断（{brief}）", "稍后会自动重试")

    def steps(self) -> Iterable[tuple[str, Callable[[], str]]]:
        """The file in place of host and port."""
        return (
            ("resolve", lambda: str(self.path())),
            ("connect", lambda: f"{self.path().stat().st_size} 字节"),
            ("login", self._step_open),
            ("read", self._step_read),
            ("list", self._step_list),
        )

    def _step_open(self) -> str:
        with closing(self.open()) as session:
            return f"无需登录，共 {len(session.tables())} 张表"


class SQLiteSession(Session):
    """One in-memory DuckDB; the SQL inside `sqlite_query` is SQLite's own."""

    folds_case: ClassVar[bool] = True
    pads_times: ClassVar[bool] = False

    def __init__(self, driver: SQLite, connection: Any) -> None:
        self._driver, self._connection = driver, connection

    def quote(self, name: str) -> str:
        """The name in double quotes; SQLite would take an unknown one for a text, so names are checked before."""
        return '"' + name.replace('"', '""') + '"'

    def columns(self, relation: str) -> list[SourceColumn]:
        """Names from an empty result; declared types where the relation is a table."""
        names = self._query(f"SELECT * FROM {relation} LIMIT 0").description
        declared: dict[str, str] = {}
        if not relation.startswith("("):
            rows = self._query(f"SELECT name, type FROM {_info(relation)}").fetchall()
            declared = {str(name): str(kind or "").lower() for name, kind in rows}
        return [SourceColumn(entry[0], declared.get(entry[0], "text") or "text") for entry in names]

    def primary_key(self, table: str, relation: str) -> list[str]:
        """As it is declared; the number every row has besides is none."""
        found = self._query(f"SELECT name FROM {_info(relation)} WHERE pk > 0 ORDER BY pk").fetchall()
        return [str(name) for (name,) in found]

    def tables(self, like: str = "", limit: int = LISTED) -> list[Table]:
        """Tables and views."""
        pattern = like_pattern(like).replace("'", "''")
        rows = self._query(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
            f" AND lower(name) LIKE '{pattern}' ESCAPE '!' ORDER BY name LIMIT {limit:d}"
        ).fetchall()
        return [Table(listed(str(row[0]))) for row in rows]

    def item(self, column: SourceColumn) -> str:
        """The text of the value; bytes as hexadecimal."""
        name = self.quote(column.name)
        return f"CASE typeof({name}) WHEN 'blob' THEN lower(hex({name})) ELSE CAST({name} AS TEXT) END AS {name}"

    def kind(self, column: SourceColumn) -> str:
        """By the declared type's affinity."""
        if "int" in column.type:
            return "integer"
        if any(word in column.type for word in ("real", "floa", "doub", "dec", "num")):
            return "decimal"
        if "date" in column.type or "time" in column.type:
            return "date" if column.type == "date" else "timestamp"
        return "text"

    def comparable(self, column: SourceColumn) -> str:
        """Text byte by byte, whatever the column's collation."""
        name = self.quote(column.name)
        return f"{name} COLLATE BINARY" if self.kind(column) == "text" else name

    def literal(self, text: str, kind: str) -> str:
        """Numbers are parsed first; text is quoted (SQLite knows no other escape than the doubled quote)."""
        if kind == "integer":
            return str(int(Decimal(text)))
        if kind == "decimal":
            return format(Decimal(text), "f")
        if "\0" in text:
            raise ValueError("a cursor holds no NUL")
        if len(text) == 26:
            text = text.removesuffix(".000000")  # times compare as text: the shorter spelling comes first
        return "'" + text.replace("'", "''") + "'"

    def clock(self, timezone: str) -> str:
        """This machine's time: a file has no other."""
        from datetime import datetime
        from zoneinfo import ZoneInfo

        return datetime.now(ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M:%S.%f")

    def stream(
        self, sql: str, columns: Sequence[SourceColumn], *, limit: int | None = None, few: bool = False
    ) -> Iterator[pa.RecordBatch]:
        """Batches of text columns.

        Raises:
            SourceChanged: text that is not UTF-8.
        """
        import duckdb
        import pyarrow as pa

        from connectors.batches import empty, without_nul
        from connectors.drivers.base import BATCH_ROWS

        try:
            reader = self._query(limited(sql, limit)).to_arrow_reader(BATCH_ROWS)
            given = False
            for batch in reader:
                given = True
                batch.validate(full=True)
                yield without_nul(batch)
            if not given:
                yield empty(reader.schema)
        except pa.ArrowInvalid:
            raise SourceChanged(
                self._driver.where,
                "库里有不是 UTF-8 的文字（多半是 GBK 直接写入）",
                "请部门按 UTF-8 重新导出，或改交 CSV 文件",
            ) from None
        except duckdb.Error as error:
            raise self._driver.failure(str(error), self) from None

    def close(self) -> None:
        """Detach the file."""
        self._connection.close()

    def _query(self, sql: str) -> Any:
        import duckdb

        try:
            return self._connection.execute("SELECT * FROM sqlite_query('source', ?)", [sql])
        except duckdb.Error as error:
            raise self._driver.failure(str(error), self) from None


def _info(relation: str) -> str:
    """What SQLite tells of a table's columns."""
    table = relation.strip('"').replace('""', '"').replace("'", "''")
    return f"pragma_table_info('{table}')"


DRIVER = SQLite
