"""Reading a department's database: one SELECT of the columns a connector maps, whole or from a cursor on.

Drivers bring a `Session` (one read-only connection that quotes, describes and streams in its own dialect);
what is the same for all of them is here. The hub must never harm a department's database: one connection,
read-only, with a time limit, and only the columns that are needed.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

from connectors import cursor as cursors
from connectors.drivers.base import Delivery, Driver, Option, SourceColumn, as_meant
from connectors.network import PLAIN_HOST, permitted, reach, resolve
from connectors.session import LISTED, Session, Table, parts
from schemas.errors import ConfigError, HubError, SourceChanged, SourceUnavailable, nearest

if TYPE_CHECKING:
    import pyarrow as pa

    from connectors.spec import Connector

OPTIONS: dict[str, Option] = {
    "url": Option("数据库地址，如 postgresql://用户:密码@主机:端口/库，写成 ${HUB_SOURCE_…}", required=True),
    "table": Option("表或视图，可写 模式.表"),
    "query": Option("一条 SELECT，代替 table"),
    "where": Option("附加的筛选条件（SQL）"),
    "timeout": Option("一次读取的时限（秒）", kind="number", default=600),
}
# With one of these behind the question mark a client library goes elsewhere than the address says.
_ELSEWHERE = frozenset({"host", "hostaddr", "port", "service", "servicefile", "unix_socket", "server"})
_SELECT = re.compile(r"\s*(select|with)\b", re.IGNORECASE)


class Database(Driver):
    """A driver over a `Session`."""

    options: ClassVar[Mapping[str, Option]] = OPTIONS
    modes: ClassVar[tuple[str, ...]] = ("full", "cursor")
    default_port: ClassVar[int] = 0

    def __init__(self, connector: Connector) -> None:
        super().__init__(connector)
        self.table = str(connector.source.get("table") or "")
        self._running: set[Session] = set()
        self._there: dict[
            str, str
        ] = {}  # all columns of the table as last seen, by the connector's spelling, and their types

    @classmethod
    def source_problem(cls, source: Mapping[str, Any]) -> str | None:
        """`table` or `query`, one of them; a query is one SELECT."""
        table, query = source.get("table"), source.get("query")
        if bool(table) == bool(query):
            return "table 和 query 须写且只写一个"
        if query and (not _SELECT.match(str(query)) or ";" in str(query).rstrip().rstrip(";")):
            return "query 须是一条 SELECT"
        if ";" in str(source.get("where") or ""):
            return "where 里不能有分号"
        return None

    @abstractmethod
    def open(self, *, writable: bool = False) -> Session:
        """A new connection.

        Raises:
            SourceUnavailable: the host or the server does not answer.
            ConfigError: it refuses user, password or database.
        """

    @contextmanager
    def session(self, *, writable: bool = False) -> Iterator[Session]:
        """A connection for one piece of work; it can be cancelled meanwhile.

        Raises:
            ConfigError: the hub must not be sent there, judged anew each time: names change their addresses.
        """
        if self.default_port:
            permitted(*self.address(), self.where)
        opened = self.open(writable=writable)
        self._running.add(opened)
        try:
            with closing(opened):
                yield opened
        finally:
            self._running.discard(opened)

    def cancel(self) -> None:
        """Stop what runs in the source's database on this driver's behalf, from another thread."""
        for session in list(self._running):
            with suppress(Exception):  # it may end by itself at this very moment
                session.cancel()

    def tables(self, like: str = "", limit: int = LISTED) -> list[Table]:
        """At most `limit` tables and views whose names fit; see `Session.tables`."""
        with self.session() as session:
            return session.tables(like, limit)

    def relation(self, session: Session) -> str:
        """The table, quoted, or the query as a sub-query."""
        query = self.connector.source.get("query")
        if query:
            text = str(self.option("query")).strip().rstrip(";")
            return session.sub_query.format(text)
        return ".".join(session.quote(part) for part in parts(str(self.option("table"))))

    def needed(
        self, session: Session, relation: str, *, extra: Iterable[str] = (), loaded_before: bool = False
    ) -> list[SourceColumn]:
        """The columns to read, as the database spells them.

        Raises:
            ConfigError: the connector names a column that is not there.
            SourceChanged: the same, after it had been read before.
        """
        there = {column.name: column for column in session.columns(relation)}
        by_folded = {name.casefold(): column for name, column in there.items()} if session.folds_case else {}
        wanted = list(dict.fromkeys([*self.connector.source_columns, *extra]))
        spelled = {name.casefold(): name for name in wanted if name not in there} if session.folds_case else {}
        self._there = {spelled.get(name.casefold(), name): column.type for name, column in there.items()}
        missing = [name for name in wanted if name not in there and name.casefold() not in by_folded]
        if missing:
            what = f"{self.table or '查询结果'} 里没有列 {'、'.join(repr(name) for name in missing)}"
            hint = nearest(missing[0], there)
            if loaded_before:
                raise SourceChanged(self.where, what, f"{hint}以前读得到，请向数源部门核实表结构是否改动，再改 fields")
            raise ConfigError(f"{self.where}：fields", what, hint)
        return [SourceColumn(name, (there.get(name) or by_folded[name.casefold()]).type) for name in wanted]

    def columns(self) -> list[SourceColumn]:
        """All columns of the table or query, in the source's order."""
        with self.session() as session:
            return session.columns(self.relation(session))

    def described(self) -> tuple[list[SourceColumn], list[str]]:
        """All columns of the table or query, and which of them are the table's declared key."""
        with self.session() as session:
            relation = self.relation(session)
            return session.columns(relation), session.primary_key(self.table, relation) if self.table else []

    def backfill(self, begin: str, end: str) -> None:
        """Any span of the cursor, as the database has its rows now."""
        if self.connector.mode != "cursor":
            super().backfill(begin, end)
        self.span = begin, end

    def deliveries(self, position: str | None, seen: Container[str]) -> Iterator[Delivery]:
        """One delivery: everything, what changed since `position`, or a span to fill in, which moves no bookmark."""
        name = self.table or "query"
        yield Delivery(
            name=name if self.span is None else f"{name}（补读 {self.span[0]} 至 {self.span[1]}）",
            kind=self.connector.mode,
            reader=lambda delivery: as_meant(self._read(delivery, position), delivery),
            position=position if self.span is None else None,
        )

    def _read(self, delivery: Delivery, position: str | None) -> Iterator[pa.RecordBatch]:
        with self.session() as session:
            relation = self.relation(session)
            columns = self.needed(session, relation, loaded_before=position is not None)
            delivery.layout = self._there
            conditions = [f"({self.option('where')})"] if self.option("where") else []
            tracker: cursors.Tracker | None = None
            name = self.connector.cursor
            if self.connector.mode == "cursor" and name:
                column = next(c for c in columns if c.name == name)
                if self.span is not None:
                    conditions += self._between(session, column, self.span)
                else:
                    kind = session.kind(column)
                    ceiling = self._now(session) if kind in ("timestamp", "date") else None
                    tracker = cursors.Tracker(kind, position, ceiling)
                    if position is not None:
                        conditions.append(self._since(session, relation, column, position))
            # A query may be dear to run: only tables are first tried as if they gave few rows.
            few = bool(self.table) and (position is not None or session.is_small(self.table))
            seen = 0
            for batch in self._selected(session, relation, columns, conditions, few=few, delivery=delivery):
                seen += batch.num_rows
                if tracker is not None:
                    values = batch.column(name)
                    if kind == "text" or (not session.pads_times and kind in ("timestamp", "date")):
                        self._in_order(values, position)
                    self._see(tracker, values)
                yield batch
            if tracker is not None:
                if position is not None and kind == "integer" and not seen:
                    self._judge_end(
                        session, relation, column, conditions[: bool(self.option("where"))], position, delivery
                    )
                delivery.position = tracker.position()
                self._tell(delivery, tracker)

    def _now(self, session: Session) -> str:
        """The source's time with its offset, so that columns with a zone and without one are held against the same moment."""
        zone = self.connector.timezone
        return datetime.fromisoformat(session.clock(zone)).replace(tzinfo=ZoneInfo(zone)).isoformat(sep=" ")

    def _selected(
        self,
        session: Session,
        relation: str,
        columns: Sequence[SourceColumn],
        conditions: Sequence[str],
        *,
        few: bool,
        delivery: Delivery,
    ) -> Iterable[pa.RecordBatch]:
        """In several pieces at once where the connector asks for it and the source can show one moment to all."""
        ways = int(self.option("parallel")) if "parallel" in self.options else 1
        pieces = (
            session.pieces(self.table, relation, ways) if ways > 1 and self.table and not few and not self.limit else []
        )
        if session.whole:
            delivery.find("read_whole", session.whole)
        if len(pieces) < 2:
            return session.select(relation, columns, conditions=conditions, limit=self.limit, few=few)
        return self._in_pieces(session, relation, columns, conditions, pieces)

    def _in_pieces(
        self,
        session: Session,
        relation: str,
        columns: Sequence[SourceColumn],
        conditions: Sequence[str],
        pieces: Sequence[str],
    ) -> Iterator[pa.RecordBatch]:
        from connectors.parallel import merged

        with ExitStack() as stack:
            others = [stack.enter_context(self.session()) for _ in pieces]
            session.share_snapshot(others, relation)

            def reader(other: Session, piece: str) -> Callable[[], Iterator[pa.RecordBatch]]:
                return lambda: iter(other.select(relation, columns, conditions=[*conditions, piece]))

            yield from merged([reader(o, p) for o, p in zip(others, pieces, strict=True)], self.cancel)

    def _since(self, session: Session, relation: str, column: SourceColumn, position: str) -> str:
        kind = session.kind(column)
        try:
            bound = cursors.lower_bound(position, self.connector.lookback, kind, self.where)
            literal = session.literal(bound, kind)
        except (ValueError, ArithmeticError):
            raise SourceChanged(
                f"{self.where}：游标 {column.name}",
                f"上次读到的位置与现在的列类型（{column.type}）对不上",
                f"源系统可能改了列类型；核实后请从头读一次：hub run --select {self.where} --from-start",
            ) from None
        condition = f"{session.comparable(column)} >= {literal}"
        if kind == "text" and re.fullmatch(r"\D*\d+", bound):
            # 100 sorts before 99: it has to be seen to be told of.
            condition = f"({condition} OR {session.length(column)} > {len(bound)})"
        if session.may_be_null(relation, column):
            # A row without a cursor value would never be read again: better each time than never.
            condition = f"({condition} OR {session.column(column.name)} IS NULL)"
        return condition

    def _between(self, session: Session, column: SourceColumn, span: tuple[str, str]) -> list[str]:
        kind, bounds = session.kind(column), []
        for text, sign in zip(span, (">=", "<"), strict=True):
            try:
                bounds.append(f"{session.comparable(column)} {sign} {session.literal(text, kind)}")
            except (ValueError, ArithmeticError):
                raise ConfigError(
                    f"{self.where}：--backfill",
                    f"'{text}' 不能与游标 {column.name}（{column.type}）比较",
                    "时间写成 2026-03-01 或 '2026-03-01 08:00:00'，编号写整数",
                ) from None
        return bounds

    def _see(self, tracker: cursors.Tracker, values: pa.Array) -> None:
        try:
            tracker.see(values)
        except ValueError:
            raise SourceChanged(
                f"{self.where}：游标 {self.connector.cursor}",
                "列里有不是数的值，不能作编号游标",
                "请换一列作游标，或改为 mode: full",
            ) from None

    def _judge_end(
        self, session: Session, relation: str, column: SourceColumn, conditions: Sequence[str], position: str, delivery: Delivery
    ) -> None:  # fmt: skip
        """The row the last read ended with is gone: deleted, or the numbers begin anew, and what comes would never be read."""
        last = session.largest(relation, column, conditions)
        if last is not None and int(last) < int(position):
            delivery.find(
                "cursor_behind",
                f"表里最大的 {column.name} 是 {last}，比读过的 {position} 小：末尾的行删了，或表重建了、编号从头排；"
                f"从头编号的，请从头读一次：hub run --select {self.where} --from-start",
            )

    def _in_order(self, values: pa.Array, position: str | None) -> None:
        found = cursors.misordered(values, position)
        if found is not None:
            told = (
                f"'{found[0]}' 排在 '{found[1]}' 后面" if found[0] != found[1] else f"'{found[0]}' 这样的写法排不出先后"
            )
            raise SourceChanged(
                f"{self.where}：游标 {self.connector.cursor}", f"是文字，{told}，按它取会漏行",
                "请换时间或编号类型的列作游标，或用 query 把它转换成时间、数，或改为 mode: full",
            )  # fmt: skip

    def _tell(self, delivery: Delivery, tracker: cursors.Tracker) -> None:
        if hint := self._write_once(list(self._there)):
            delivery.find("cursor_write_once", hint)
        if tracker.missing:
            delivery.find("cursor_null", f"有 {tracker.missing} 行的 {self.connector.cursor} 为空，每次都会重读")
        if tracker.beyond:
            delivery.find(
                "cursor_future",
                f"有 {tracker.beyond} 行的 {self.connector.cursor} 晚于源系统当前时间，位置停在当前时间之前",
            )

    def steps(self) -> Iterable[tuple[str, Callable[[], str]]]:
        """Name resolution, TCP, login, one row, columns."""
        return (
            ("resolve", self._step_resolve),
            ("connect", self._step_connect),
            ("login", self._step_login),
            ("read", self._step_read),
            ("list", self._step_list),
        )

    def address(self) -> tuple[str, int]:
        """Host and port of the URL.

        Raises:
            ConfigError: the URL has none.
        """
        parts = urlsplit(str(self.option("url")))
        try:
            host, port = parts.hostname, parts.port or self.default_port
        except ValueError:
            host, port = None, 0
        if not host or not parts.scheme or not PLAIN_HOST.fullmatch(host):
            raise ConfigError(
                f"{self.where}：source.url", "不是完整的数据库地址", "写法：postgresql://用户:密码@主机:端口/库名"
            )
        if other := _ELSEWHERE & {key.lower() for key in parse_qs(parts.query, keep_blank_values=True)}:
            raise ConfigError(f"{self.where}：source.url", f"问号后面不能写 {min(other)}", "主机和端口写在 // 后面")
        if parts.password:
            self.secrets.add(parts.password, unquote(parts.password))
        return host, port

    def _step_resolve(self) -> str:
        host, _ = self.address()
        return resolve(host, self.where)

    def _step_connect(self) -> str:
        host, port = self.address()
        return reach(host, port, self.where)

    def _step_login(self) -> str:
        with self.session() as session:
            session.clock(self.connector.timezone)
        return "用户名和密码有效"

    def _step_read(self) -> str:
        with self.session() as session:
            relation = self.relation(session)
            columns = self.needed(session, relation)
            rows = sum(batch.num_rows for batch in session.select(relation, columns, limit=1))
        return "读到一行" if rows else "能读，目前没有数据"

    def _step_list(self) -> str:
        there = self.columns()
        hint = self._write_once([column.name for column in there])
        return f"共 {len(there)} 列，用到 {len(self.connector.source_columns)} 列{f'。注意：{hint}' if hint else ''}"

    def _write_once(self, names: Sequence[str]) -> str:
        """A warning when the cursor looks like a column that is written once: changed rows would never be read."""
        return cursors.write_once(self.connector.cursor, names) if self.connector.mode == "cursor" else ""


def barred(where: str) -> HubError:
    """The user is known, and locked or without the right to log in."""
    return ConfigError(where, "这个用户被锁定或不准登录", "请部门的数据库管理员解锁，或授予登录的权限")


def cut_off(where: str) -> HubError:
    """The server ended the connection while it was read from."""
    return SourceUnavailable(
        where, "源数据库断开了连接，多半是重启了，或被管理员中止", "没有读完的不入库；稍后会自动重试，从头读起"
    )


def missing_table(where: str, table: str, session: Session | None) -> HubError:
    """The error for a table that is not there, with the nearest one; a large catalogue is asked for like names only."""
    tables: list[str] = []
    own = parts(table)[-1]
    with suppress(HubError):
        for like in (own, f"{own[: max(2, len(own) // 2)]}*", "") if session is not None else ():
            tables += [entry.name for entry in session.tables(like)]  # type: ignore[union-attr]
            if tables:
                break
    named = {parts(name)[-1].casefold(): name for name in reversed(tables)}
    # The same name in another schema is the likeliest, and the schema has to be written.
    cure = nearest(table, [named[own.casefold()]]) if own.casefold() in named else nearest(table, tables)
    return ConfigError(
        f"{where}：source.table", f"库里没有表或视图 '{table}'", cure or "这个用户看不到任何表，请让部门授予读权限"
    )
