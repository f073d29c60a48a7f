"""Cursors: from where an incremental read begins, and how far it came.

A read takes `cursor >= last - lookback`: rows that share the last value are read again and merge to nothing,
so none is lost at a tie. The new position is the largest value seen, but never beyond the source's own clock
taken before the read: one row dated 2099 would otherwise hide every later row.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from schemas.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

_SPAN = re.compile(r"(\d+)\s*(s|m|h|d|w)\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

# As they stand once every digit is a 9: days and hours of one digit, years at the end.
_UNPADDED = re.compile(r"^9999([-/.年])(9(?!9)|99?[-/.月]9(?!9))|^9999\D99?\D99?[ T]9(?!9)|^99?[-/.]99?[-/.]9999")
_RUNS = re.compile("9+")
_MANY = 1000  # shapes: no numbers, no times

_CREATED = re.compile(
    r"创建|新建|建立|录入|登记|受理|来电|插入|(^|_)(create|insert|add|register|reg|entry)[a-z]*(_|$)", re.IGNORECASE
)
_CHANGED = re.compile(r"更新|修改|变更|改动|(^|_)(update|upd|modif|change|last)[a-z]*(_|$)", re.IGNORECASE)

KINDS = ("timestamp", "date", "integer", "decimal", "text")


def write_once(cursor: str | None, names: Sequence[str]) -> str:
    """A warning when a cursor is named like a time of creation, "" otherwise; a better column is named if there is one."""
    if not cursor or _CHANGED.search(cursor) or not _CREATED.search(cursor):
        return ""
    better = [name for name in names if _CHANGED.search(name)]
    cure = f"表里有 '{better[0]}'，是否该用它作游标" if better else "请设够长的 lookback，或改为 mode: full"
    return f"游标 '{cursor}' 像是只写一次的列，以后改动的行读不到；{cure}"


def lookback_problem(text: str) -> str | None:
    """What is wrong with a lookback, None when it can be used."""
    if text.isdigit() or _SPAN.match(text):
        return None
    return f"'{text}' 不是一段时长"


def lower_bound(position: str, lookback: str, kind: str, where: str) -> str:
    """The smallest cursor value to read: `position` less `lookback`, in the position's own spelling.

    Raises:
        ConfigError: the lookback cannot be taken from a cursor of this kind.
    """
    span = _SPAN.match(lookback)
    amount = int(span.group(1)) * _SECONDS[span.group(2)] if span else int(lookback)
    if amount == 0:
        return position
    if kind in ("integer", "decimal"):
        return str(Decimal(position) - amount)
    try:
        return _earlier(position, timedelta(seconds=amount))
    except ValueError:
        raise ConfigError(
            f"{where}：load.lookback", f"文字游标不能回看 {lookback}", "请去掉 lookback，或改用时间、编号列作游标"
        ) from None


def _earlier(position: str, span: timedelta) -> str:
    if len(position) == 10:
        whole_days = timedelta(days=-(-span.total_seconds() // 86400))
        return (date.fromisoformat(position) - whole_days).isoformat()
    moment = datetime.fromisoformat(position)
    text = (moment - span).isoformat(sep=position[10], timespec="microseconds" if "." in position else "seconds")
    return text.replace("+00:00", "Z") if position.endswith("Z") else text


def misordered(values: pa.Array, start: str | None = None) -> tuple[str, str] | None:
    """Two cursor texts of which the earlier one sorts behind the later, 9 and 10 or 2026-3-9 and 2026-3-10; None when all sort well.

    `start` is the text the read began at. Reading on from the largest of such texts would lose rows without a word.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    shapes = pc.unique(pc.replace_substring_regex(values.drop_null(), r"\d", "9"))
    given = dict.fromkeys(shapes.to_pylist()) if len(shapes) < _MANY else {}
    if start:
        given.setdefault(re.sub(r"\d", "9", start))
    alike: dict[str, str] = {}  # shape with its runs of digits drawn together -> a shape

    def example(shape: str) -> str:
        found = pc.filter(values, pc.equal(pc.replace_substring_regex(values, r"\d", "9"), shape))
        return str(found[0].as_py()) if isinstance(found, pa.Array) and len(found) else str(start)

    for shape in given:
        if _UNPADDED.search(shape):
            return example(shape), example(shape)
        other = alike.setdefault(_RUNS.sub("9", shape), shape)
        if len(other) != len(shape) and not _same_but_fraction(other, shape):
            return example(min(other, shape, key=len)), example(max(other, shape, key=len))
    return None


def _same_but_fraction(one: str, other: str) -> bool:
    """Whether two shapes differ in the digits behind a point at their end alone."""
    return one.rstrip("9") == other.rstrip("9") and one.rstrip("9").endswith(".")


class Tracker:
    """The largest cursor value seen in a read, kept batch by batch; NULL cursors are counted, not compared.

    Numbers that travel as text (exact decimals, SQLite) are compared as numbers; times that travel as text
    compare rightly as they are, because one column spells them all at one width.
    """

    def __init__(self, kind: str, start: str | None, ceiling: str | None = None) -> None:
        self._kind, self._start, self._ceiling = kind, start, ceiling
        self._largest: Any = None
        self.missing = 0
        self.beyond = 0  # rows dated after the source's own clock

    def see(self, values: pa.Array) -> None:
        """Take in the cursor column of one batch.

        Raises:
            ValueError: a number cursor holds text that is no number.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        self.missing += values.null_count
        if self._kind in ("integer", "decimal") and pa.types.is_string(values.type):
            values = pc.cast(values, pa.int64() if self._kind == "integer" else pa.decimal256(60, 20))
        if self._ceiling is not None and self._kind in ("timestamp", "date"):
            over = pc.greater(values, _scalar(self._ceiling, values.type))
            count = pc.sum(over).as_py() or 0
            if count:
                self.beyond += count
                values = pc.filter(values, pc.invert(pc.fill_null(over, True)))
        largest = None
        with suppress(OverflowError):  # minus infinity alone is no place to go on from
            largest = pc.max(values).as_py()
        if largest is not None and (self._largest is None or largest > self._largest):
            self._largest = largest

    def position(self) -> str | None:
        """Where the next read begins: never behind the start, the start itself when nothing was seen."""
        if self._largest is None:
            return self._start
        if self._start is not None and not self._largest > _typed_like(self._start, self._largest):
            return self._start
        return spelled(self._largest)


def spelled(value: Any) -> str:
    """A cursor value as text: ISO for times, digits for numbers."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(value)


def _scalar(text: str, arrow_type: pa.DataType) -> pa.Scalar:
    """The value as an Arrow scalar, made from its bytes: made from a Python value it would import pandas, 1.2 s."""
    import pyarrow as pa

    value = _typed(text, arrow_type)
    if isinstance(value, datetime):
        since = value - datetime(1970, 1, 1, tzinfo=UTC if value.tzinfo else None)
        return (
            _from_bytes(pa.int64(), struct.pack("<q", since // timedelta(microseconds=1)))
            .cast(pa.timestamp("us", arrow_type.tz))
            .cast(arrow_type, safe=False)[0]
        )
    if isinstance(value, date):
        days = (value - date(1970, 1, 1)).days
        return _from_bytes(pa.int32(), struct.pack("<i", days)).cast(pa.date32()).cast(arrow_type)[0]
    data = value.encode()
    offsets = pa.py_buffer(struct.pack("<2i", 0, len(data)))
    return pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(data)]).cast(arrow_type)[0]


def _from_bytes(kind: pa.DataType, data: bytes) -> pa.Array:
    import pyarrow as pa

    return pa.Array.from_buffers(kind, 1, [None, pa.py_buffer(data)])


def _typed(text: str, arrow_type: pa.DataType) -> Any:
    import pyarrow as pa

    if pa.types.is_timestamp(arrow_type):
        return _moment(text, aware=arrow_type.tz is not None)
    return date.fromisoformat(text[:10]) if pa.types.is_date(arrow_type) else text


def _typed_like(text: str, sample: Any) -> Any:
    if isinstance(sample, datetime):
        return _moment(text, aware=sample.tzinfo is not None)
    if isinstance(sample, date):
        return date.fromisoformat(text[:10])
    return type(sample)(text)


def _moment(text: str, *, aware: bool) -> datetime:
    moment = datetime.fromisoformat(text)
    if (moment.tzinfo is not None) == aware:
        return moment
    return moment.replace(tzinfo=UTC if aware else None)
