"""Exchange tables (前置机交换表): a department's front-end table of insert, update and delete records.

Besides the business columns each record carries a rising number, an operation (I, U, D), a time and a batch.
Records beyond the last number are read in order. Numbers are given out before their transactions commit, so
a gap near the end may still fill: the position then stays before the gap until it is `gap_wait` seconds old, what
lies behind it is noted and read again, which changes nothing. Gaps that were passed stay in the position, and one
that fills after all is read from there on, in order; where the records behind it are gone by now nobody can tell which
word is the later, and it is quarantined. So is a record whose operation is unknown.

Source: the common shape of national exchange specifications (CD_ID, CD_OPERATION, CD_TIME, CD_BATCH).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar
from zoneinfo import ZoneInfo

from connectors.database import OPTIONS, Database
from connectors.drivers.base import Delivery, Driver, Option, SourceColumn, as_meant
from connectors.session import Session
from schemas.errors import ConfigError, SourceChanged

if TYPE_CHECKING:
    import pyarrow as pa

    from connectors.spec import Connector

_RANGES_AT_ONCE = 200
_STRAYS = 5  # later rows with an unknown operation that go to quarantine even when they are the greater part
_WATCHED = 500  # gaps behind the position, the newest


class Exchange(Driver):
    """One exchange table in PostgreSQL or MySQL."""

    options: ClassVar[Mapping[str, Option]] = {
        "url": OPTIONS["url"],
        "table": Option("交换表，可写 模式.表", required=True),
        "where": OPTIONS["where"],
        "timeout": OPTIONS["timeout"],
        "id": Option("递增编号列", default="cd_id"),
        "operation": Option("操作列（I/U/D）", default="cd_operation"),
        "time": Option("写入时间列，没有时写空", default="cd_time"),
        "batch": Option("批次列，没有时写空", default="cd_batch"),
        "operations": Option("操作代码的写法，如 {I: 新增, U: 修改, D: 删除}", kind="mapping"),
        "gap_wait": Option("编号有缺口时最多等多少秒", kind="number", default=300),
        "mark_read": Option("入库后是否回写已读标志", kind="flag", default=False),
        "flag": Option("已读标志列", default="cd_flag"),
        "flag_value": Option("已读标志的值", default="1"),
    }
    modes: ClassVar[tuple[str, ...]] = ("exchange",)

    def __init__(self, connector: Connector) -> None:
        super().__init__(connector)
        self._opened: Database | None = None

    @property
    def backend(self) -> Database:
        """The database driver the address asks for.

        Raises:
            ConfigError: the address is of neither kind.
        """
        if self._opened is None:
            from connectors.catalogue import driver_of
            from connectors.drivers import driver_class

            name = driver_of(str(self.option("url")), self.where)
            if name == "sqlite":
                raise ConfigError(
                    f"{self.where}：source.url", "交换表须在数据库服务器里", "写法：postgresql://… 或 mysql://…"
                )
            made = driver_class(name)(self.connector)
            if not isinstance(made, Database):
                raise TypeError(f"{made} is no database driver")
            made.secrets = self.secrets
            self._opened = made
        return self._opened

    def columns(self) -> list[SourceColumn]:
        """All columns of the table."""
        return self.backend.columns()

    def deliveries(self, position: str | None, seen: Container[str]) -> Iterator[Delivery]:
        """One delivery: the records numbered beyond `position`, in order."""
        yield Delivery(
            name=str(self.option("table")),
            kind="exchange",
            reader=lambda delivery: as_meant(self._read(delivery, position), delivery),
            position=position,
        )

    def backfill(self, begin: str, end: str) -> None:
        """Never: old operations read again would put old values over new ones."""
        raise ConfigError(
            self.where, "交换表的旧记录不能补读，会把新值改回旧值", "要从头来过，请部门把全部数据作为新增（I）再写一遍"
        )

    def cancel(self) -> None:
        """Stop what runs in the source's database."""
        if self._opened is not None:
            self._opened.cancel()

    def acknowledge(self, delivery: Delivery) -> None:
        """Set the read flag of exactly the records that were read, if the connector says so.

        Raises:
            ConfigError: the user may not write the flag.
        """
        if not self.option("mark_read") or not delivery.handled:
            return
        with self.backend.session(writable=True) as session:
            table = self.backend.relation(session)
            session.columns(table)
            number, flag = session.column(str(self.option("id"))), session.column(str(self.option("flag")))
            value = session.literal(str(self.option("flag_value")), "text")
            for start in range(0, len(delivery.handled), _RANGES_AT_ONCE):
                ranges = delivery.handled[start : start + _RANGES_AT_ONCE]
                among = " OR ".join(f"{number} BETWEEN {first:d} AND {last:d}" for first, last in ranges)
                try:
                    session.execute(f"UPDATE {table} SET {flag} = {value} WHERE {among}")
                except ConfigError as error:
                    raise ConfigError(
                        f"{self.where}：source.mark_read", f"数据已入库，已读标志 {self.option('flag')} 写不进去（{error.what}）",
                        "请部门授予这一列的 UPDATE 权限，或去掉 mark_read",
                    ) from None  # fmt: skip

    def steps(self) -> Iterable[tuple[str, Callable[[], str]]]:
        """Those of the database, with the exchange columns among the columns asked for."""
        kept = ("resolve", "connect", "login")
        steps = [step for step in self.backend.steps() if step[0] in kept]
        return [*steps, ("read", self._step_read), ("list", self._step_list)]

    def _step_read(self) -> str:
        with self.backend.session() as session:
            relation = self.backend.relation(session)
            columns = self.backend.needed(session, relation, extra=self._own())
            rows = sum(batch.num_rows for batch in session.select(relation, columns, limit=1))
        return "读到一行" if rows else "能读，目前没有记录"

    def _step_list(self) -> str:
        return f"共 {len(self.columns())} 列，用到 {len(self.connector.source_columns)} 列，另有交换列 {'、'.join(self._own())}"

    def _own(self) -> list[str]:
        return [str(self.option(key)) for key in ("id", "operation", "time", "batch") if self.option(key)]

    def _read(self, delivery: Delivery, position: str | None) -> Iterator[pa.RecordBatch]:
        with self.backend.session() as session:
            relation = self.backend.relation(session)
            columns = self.backend.needed(session, relation, extra=self._own(), loaded_before=position is not None)
            by_name = {column.name: column for column in columns}
            number = str(self.option("id"))
            if session.kind(by_name[number]) not in ("integer", "decimal"):
                raise ConfigError(f"{self.where}：source.id", f"'{number}' 不是数字列，不能排先后", "请写递增的编号列")
            column, place = session.column(number), _Place.of(position)
            filters = [f"({self.option('where')})"] if self.option("where") else []

            def numbers(condition: str) -> Iterator[pa.Array]:
                for batch in session.select(relation, [by_name[number]], conditions=[condition, *filters], few=True):
                    yield batch.column(0)

            late = sorted(int(n) for some in numbers(_among(column, place.gaps)) for n in some.to_pylist()) if place.gaps else []  # fmt: skip
            conditions = [f"{column} > {place.number:d}"] if position else []
            unordered: list[int] = []
            if place.ahead:
                span = f"{column} BETWEEN {(place.number or 0) + 1:d} AND {place.ahead[-1][1]:d}"
                if unordered := place.overtaken([int(n) for some in numbers(span) for n in some.to_pylist()]):
                    delivery.find(
                        "late_record",
                        f"编号 {_listed(unordered)} 在其后的记录读过以后才提交，其后的已被清走，分不出先后，已退回",
                    )
            if late:
                there = sum(len(some) for some in numbers(f"{column} BETWEEN {late[0]:d} AND {place.number:d}"))
                lost = there - len(late) < place.read_from(late[0])
                unordered += late if lost else []
                conditions = [f"({conditions[0]} OR {_among(column, [(n, n) for n in late])})"] if lost else [f"{column} >= {late[0]:d}"]  # fmt: skip
                told = "其后读过的记录已被清走，分不出先后，已退回" if lost else "已从那里按次序重读"
                delivery.find("late_record", f"编号 {_listed(late)} 在读过 {place.number} 以后才提交，{told}")
            progress = _Progress(self, session, place.without(late))
            for batch in session.select(
                relation,
                columns,
                conditions=[*conditions, *filters],
                order=column,
                limit=self.limit,
                few=bool(position),
            ):
                yield self._shaped(batch, progress, unordered, strays=_STRAYS if position else 0)
            if place.number is not None and not progress.ranges and not late:
                self._judge_end(session, relation, by_name[number], filters, place.number)
            delivery.position = progress.place.text
            delivery.handled = [*((n, n) for n in late), *progress.ranges]
            if progress.waiting:
                delivery.find(
                    "sequence_gap", f"编号 {progress.place.number} 之后有缺口，可能还有未提交的记录，下次从缺口处重读"
                )

    def _judge_end(
        self, session: Session, relation: str, column: SourceColumn, filters: Sequence[str], read: int
    ) -> None:
        """Whether nothing is new, or the numbers begin anew: then what comes would lie behind the position for ever."""
        last = session.largest(relation, column, filters)
        if last is not None and int(last) < read:
            raise SourceChanged(
                f"{self.where}：{column.name}", f"表里最大的编号是 {last}，比读过的 {read} 小，多半是表重建了、编号从头排",
                f"请部门核实；确实如此的，从头读一次：hub run --select {self.where} --from-start",
            )  # fmt: skip

    def _shaped(
        self, batch: pa.RecordBatch, progress: _Progress, unordered: Sequence[int], strays: int
    ) -> pa.RecordBatch:
        """The business columns, then `_op`, `_seq`, and `_flaw` where the operation or the order is not known."""
        import pyarrow as pa
        import pyarrow.compute as pc

        numbers = batch.column(str(self.option("id")))
        sequence = pc.cast(
            pc.cast(numbers, pa.decimal128(38, 0)) if pa.types.is_string(numbers.type) else numbers, pa.int64()
        )
        if sequence.null_count:
            raise SourceChanged(f"{self.where}：{self.option('id')}", "交换表里有没有编号的记录", "请部门补上递增编号")
        operation, flaw = self._operations(batch.column(str(self.option("operation"))), strays)
        if unordered:
            lost = pa.scalar("编号在读过以后才提交，其后的记录已被清走，分不出先后，请部门核对后作为新记录再写一遍")
            flaw = pc.if_else(pc.is_in(sequence, pa.array(unordered, pa.int64())), lost, flaw)
        time = str(self.option("time") or "")
        progress.see(sequence, batch.column(time) if time else None)
        return batch.append_column("_op", operation).append_column("_seq", sequence).append_column("_flaw", flaw)

    def _operations(self, values: pa.Array, strays: int) -> tuple[pa.Array, pa.Array]:
        """The operation column as I, U, D, and why a row is no record whose code is none of the three.

        Raises:
            SourceChanged: most codes are none of them: they are spelled in another way.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        text = pc.utf8_upper(pc.utf8_trim_whitespace(pc.cast(values, pa.string())))
        for standard, spelled in (self.option("operations") or {}).items():
            text = pc.if_else(pc.equal(text, str(spelled).strip().upper()), str(standard), text)
        known = pc.fill_null(pc.is_in(text, pa.array(["I", "U", "D"])), False)
        told = pc.coalesce(pc.if_else(pc.equal(text, ""), None, text), "空")
        strange = pc.filter(told, pc.invert(known))
        if len(strange) > strays and len(strange) * 2 > len(text):
            raise SourceChanged(
                f"{self.where}：{self.option('operation')}",
                f"有不认识的操作代码 '{strange[0].as_py()}'",
                "应为 I、U、D；写法不同时请在 source.operations 里对应",
            )
        reason = pc.binary_join_element_wise("操作代码 '", told, "' 不是 I、U、D，请部门改正后作为新记录再写一遍", "")
        return pc.fill_null(text, ""), pc.if_else(known, pa.scalar(None, pa.string()), reason)


def _among(column: str, ranges: Sequence[tuple[int, int]]) -> str:
    return "(" + " OR ".join(f"{column} BETWEEN {first:d} AND {last:d}" for first, last in ranges) + ")"


def _listed(numbers: Sequence[int]) -> str:
    return "、".join(map(str, numbers[:5])) + (f" 等 {len(numbers)} 条" if len(numbers) > 5 else "")


@dataclass(frozen=True)
class _Place:
    """Up to which number records were read (None: nothing was), which gaps below it may still fill, and what was read beyond
    it, behind a gap that is waited for.

    Its text is `9 2-4 6-6 >12-14`.
    """

    number: int | None = None
    gaps: tuple[tuple[int, int], ...] = ()
    ahead: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, position: str | None) -> _Place:
        if position is None:
            return cls()
        number, *told = position.split()
        ranges = [(part[0] == ">", *map(int, part.lstrip(">").split("-"))) for part in told]
        gaps, ahead = (tuple((a, b) for further, a, b in ranges if further == beyond) for beyond in (False, True))
        return cls(int(number), gaps, ahead)

    @property
    def text(self) -> str | None:
        """As the books keep it."""
        if self.number is None:
            return None
        return " ".join([str(self.number), *(f"{a}-{b}" for a, b in self.gaps), *(f">{a}-{b}" for a, b in self.ahead)])

    def overtaken(self, there: Sequence[int]) -> list[int]:
        """Which of the numbers there lie before others that were read and are gone: nobody can tell which word is the later."""
        new = [n for n in there if not any(a <= n <= b for a, b in self.ahead)]
        is_whole = len(there) - len(new) == sum(b - a + 1 for a, b in self.ahead)
        return [] if is_whole else [n for n in new if n < self.ahead[-1][1]]

    def read_from(self, first: int) -> int:
        """How many numbers from `first` on were read."""
        missing = sum(b - max(a, first) + 1 for a, b in self.gaps if b >= first)
        return (self.number or 0) - first + 1 - missing

    def without(self, numbers: Sequence[int]) -> _Place:
        """The same with these numbers read too."""
        gaps = list(self.gaps)
        for n in numbers:
            place = next(place for place, (a, b) in enumerate(gaps) if a <= n <= b)
            a, b = gaps[place]
            gaps[place : place + 1] = [gap for gap in ((a, n - 1), (n + 1, b)) if gap[0] <= gap[1]]
        return _Place(self.number, tuple(gaps), self.ahead)

    def beyond(self, number: int, runs: Sequence[tuple[int, int]]) -> _Place:
        """Read up to `number`, by runs of neighbouring numbers beyond this place; what was read ahead before counts as well."""
        runs = _joined([*self.ahead, *runs])
        number = next((b for a, b in runs if a <= number <= b), number)
        ends = [last for last in (self.number, *(last for _, last in runs)) if last is not None]
        starts = [first for first, _ in runs][self.number is None :]
        passed = [(a + 1, b - 1) for a, b in zip(ends, starts, strict=False) if b - a > 1 and b <= number]
        ahead = tuple((a, b) for a, b in runs if a > number)
        return _Place(number, (*self.gaps, *passed)[-_WATCHED:], ahead)


def _joined(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same numbers in the fewest ranges, rising."""
    made: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if made and first <= made[-1][1] + 1:
            made[-1] = (made[-1][0], max(made[-1][1], last))
        else:
            made.append((first, last))
    return made


class _Progress:
    """How far the numbers have been read, and up to where that is safe."""

    def __init__(self, driver: Exchange, session: Session, place: _Place) -> None:
        now = datetime.fromisoformat(session.clock(driver.connector.timezone))
        self._young = now - timedelta(seconds=float(driver.option("gap_wait")))
        self._zone = ZoneInfo(driver.connector.timezone)
        self._start, self._last, self._safe = place, place.number, place.number
        self.waiting = False
        self.ranges: list[tuple[int, int]] = []

    @property
    def place(self) -> _Place:
        """Where the next read begins."""
        return self._start if self._safe is None else self._start.beyond(self._safe, self.ranges)

    def see(self, sequence: pa.Array, times: pa.Array | None) -> None:
        """Take in the numbers of one batch, which rise from batch to batch; those below the start say nothing."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if self._start.number is not None:
            beyond = pc.greater(sequence, self._start.number)
            sequence, times = sequence.filter(beyond), None if times is None else times.filter(beyond)
        if not len(sequence):
            return
        first, last = sequence[0].as_py(), sequence[-1].as_py()
        before = pa.concat_arrays(
            [pa.array([first - 1 if self._last is None else self._last], pa.int64()), sequence[:-1]]
        )
        jumps = pc.greater(pc.subtract(sequence, before), 1)
        starts = pc.filter(sequence, jumps).to_pylist()
        ends = pc.filter(before, jumps).to_pylist()
        self._extend(first, last, starts, ends)
        if not self.waiting:
            young = self._young_gaps(jumps, times)
            held = pc.filter(before, young) if young is not None else None
            self.waiting = bool(held is not None and len(held))
            self._safe = held[0].as_py() if self.waiting and held is not None else last
        self._last = last

    def _young_gaps(self, jumps: pa.Array, times: pa.Array | None) -> pa.Array | None:
        """Gaps whose next record is younger than the waiting time."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if times is None or not pc.any(jumps).as_py():
            return None
        if pa.types.is_timestamp(times.type):
            moment = self._young.replace(tzinfo=self._zone) if times.type.tz else self._young
            return pc.and_(jumps, pc.fill_null(pc.greater(times, pa.scalar(moment, times.type)), False))
        # 2026-03-01 08:00:00, 20260301080000, a day alone (young until it is over), seconds or milliseconds since 1970.
        digits = pc.replace_substring_regex(pc.cast(times, pa.string()), r"\D", "")
        since = self._young.replace(tzinfo=self._zone).timestamp()
        passed = pc.if_else(
            pc.and_(pc.starts_with(digits, "1"), pc.less(pc.binary_length(digits), 14)), pc.greater(digits, f"{since:.0f}"),
            pc.greater(pc.utf8_rpad(digits, 20, "9"), self._young.strftime("%Y%m%d%H%M%S%f")),
        )  # fmt: skip
        return pc.and_(jumps, pc.fill_null(passed, False))

    def _extend(self, first: int, last: int, starts: list[int], ends: list[int]) -> None:
        """Add the batch's runs of neighbouring numbers to the ranges read."""
        firsts = starts if starts and starts[0] == first else [first, *starts]
        inner = [end for end in ends if end >= first]
        runs = list(zip(firsts, [*inner, last], strict=True))
        if self.ranges and self.ranges[-1][1] + 1 == runs[0][0]:
            self.ranges[-1] = (self.ranges[-1][0], runs[0][1])
            runs = runs[1:]
        self.ranges += runs


DRIVER = Exchange
