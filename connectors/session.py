"""One read-only connection to a department's database, and what each dialect has to say for itself."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from connectors.drivers.base import SourceColumn

if TYPE_CHECKING:
    import pyarrow as pa

LISTED = 200
_PART = r'"(?:[^"]|"")+"|[^.]+'
_PARTS = re.compile(_PART)
_QUOTED = re.compile(rf"(?:{_PART})(?:\.(?:{_PART}))*")


@dataclass(frozen=True)
class Table:
    """One table or view of a source's catalogue."""

    name: str  # schema.table where the database has schemas
    comment: str = ""
    rows: int | None = None  # the server's own estimate; None when it has none


class Session(ABC):
    """One open read-only connection."""

    folds_case: ClassVar[bool] = False  # whether a quoted column name is found whatever its case
    pads_times: ClassVar[bool] = (
        True  # whether all times of a column have one width, so that as text they sort as times
    )
    sub_query: ClassVar[str] = "({}) AS source_query"
    whole: str = ""  # why `pieces` would not split a large table, for who asked for it

    @abstractmethod
    def quote(self, name: str) -> str:
        """An identifier as the database reads it."""

    def column(self, name: str) -> str:
        """A column as the database reads it, once `columns` has been asked."""
        return self.quote(name)

    @abstractmethod
    def columns(self, relation: str) -> list[SourceColumn]:
        """Names and types of what a table or sub-query gives, in its order.

        Raises:
            HubError: it does not exist, or may not be read.
        """

    @abstractmethod
    def tables(self, like: str = "", limit: int = LISTED) -> list[Table]:
        """At most `limit` tables and views that can be seen, by name.

        The server does the choosing: a catalogue of 20,000 tables never travels. `like` is a part of the name,
        or a pattern with `*` and `?`, compared without regard to case.
        """

    @abstractmethod
    def item(self, column: SourceColumn) -> str:
        """The SELECT item that brings a column across exactly."""

    @abstractmethod
    def kind(self, column: SourceColumn) -> str:
        """Which of `cursor.KINDS` a column is."""

    @abstractmethod
    def literal(self, text: str, kind: str) -> str:
        """A cursor value as a literal that cannot be anything else."""

    @abstractmethod
    def clock(self, timezone: str) -> str:
        """The source's own time, `YYYY-MM-DD HH:MM:SS.ffffff` in that zone."""

    @abstractmethod
    def stream(
        self, sql: str, columns: Sequence[SourceColumn], *, limit: int | None = None, few: bool = False
    ) -> Iterable[pa.RecordBatch]:
        """The first `limit` rows of the answer, batch by batch; `few` says that not many are expected."""

    def select(
        self, relation: str, columns: Sequence[SourceColumn], *, conditions: Sequence[str] = (), order: str = "",
        limit: int | None = None, few: bool = False,
    ) -> Iterable[pa.RecordBatch]:  # fmt: skip
        """The columns of those rows that meet all conditions, batch by batch."""
        sql = f"SELECT {', '.join(self.item(column) for column in columns)} FROM {relation}"
        if conditions:
            sql += f" WHERE {' AND '.join(conditions)}"
        if order:
            sql += f" ORDER BY {order}"
        return self.stream(sql, columns, limit=limit, few=few)

    def largest(self, relation: str, column: SourceColumn, conditions: Sequence[str] = ()) -> Any:
        """The largest value of a column, None when it has none."""
        name = self.column(column.name)
        found = self.select(
            relation, [column], conditions=[f"{name} IS NOT NULL", *conditions], order=f"{name} DESC", limit=1, few=True
        )
        return next((value for batch in found for value in batch.column(0).to_pylist()), None)

    @abstractmethod
    def close(self) -> None:
        """End the connection."""

    def cancel(self) -> None:  # noqa: B027 - embedded engines have no server to tell
        """Stop the statement that runs, from another thread; the reader then fails."""

    def comparable(self, column: SourceColumn) -> str:
        """The column as it is compared: text byte by byte, as Arrow does it."""
        return self.column(column.name)

    def length(self, column: SourceColumn) -> str:
        """How many characters a text column has."""
        return f"LENGTH({self.column(column.name)})"

    def may_be_null(self, relation: str, column: SourceColumn) -> bool:
        """Whether the cursor can be NULL; true when it cannot be known."""
        return True

    def primary_key(self, table: str, relation: str) -> list[str]:
        """The columns a table is declared to be told apart by, in their order; none for a view, or where it cannot be known."""
        return []

    def is_small(self, table: str) -> bool:
        """Whether a table is known to hold few rows; false when it is a view or cannot be known."""
        return False

    def pieces(self, table: str, relation: str, ways: int) -> list[str]:
        """Conditions that split a table into about `ways` pieces, each row in exactly one; none when it cannot be."""
        return []

    def share_snapshot(self, others: Sequence[Session], relation: str) -> None:
        """Let the others see a table at one and the same moment."""
        raise TypeError(f"{type(self).__name__} shares no snapshot")

    def execute(self, sql: str) -> None:
        """Run one writing statement; only an exchange table's read flag needs it."""
        raise TypeError(f"{type(self).__name__} only reads")


def parts(table: str) -> list[str]:
    """The names in `schema.table`; one that holds a dot stands in double quotes, as `listed` writes it."""
    found = _PARTS.findall(table) if _QUOTED.fullmatch(table) else table.split(".")
    return [part[1:-1].replace('""', '"') if "." in part else part for part in found]


def listed(*names: str) -> str:
    """The names as one, as a connector's `table` has it."""
    return ".".join('"' + name.replace('"', '""') + '"' if "." in name else name for name in names)


def limited(sql: str, limit: int | None) -> str:
    """The statement with its LIMIT."""
    return sql if limit is None else f"{sql} LIMIT {limit:d}"


def like_pattern(like: str, escape: str = "!") -> str:
    """What `tables(like)` asks for, as a lower-case LIKE pattern: a part of the name unless it has `*` or `?`."""
    text = like.strip().lower()
    for sign in (escape, "%", "_"):
        text = text.replace(sign, escape + sign)
    if not text:
        return "%"
    return text.replace("*", "%").replace("?", "_") if "*" in text or "?" in text else f"%{text}%"
