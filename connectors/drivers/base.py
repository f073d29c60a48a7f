"""What every driver is: options it declares, steps that prove it works, deliveries of Arrow batches.

A delivery is one extraction: one file, one read of a table, one sweep of an interface. Its batches are
streamed in bounded memory and all have one schema; source columns keep the source's names. Importing this
module (and any driver module) stays cheap: Arrow and the database clients are imported when they are used.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from connectors import references
from schemas import privacy
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from connectors.spec import Connector

KEY_TYPE = "json"  # in a layout: that of an interface's key
BATCH_ROWS = 50_000


@dataclass(frozen=True)
class Option:
    """One key a driver reads from `source:`."""

    title: str  # Chinese, completes «选项 x：…»
    kind: str = "text"  # text | number | flag | mapping | choice | any
    default: Any = None
    required: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """One step of a probe: resolve, connect, login, read or list."""

    name: str
    ok: bool
    message: str
    cure: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class SourceColumn:
    """A column as the source names it, with the source's own type name."""

    name: str
    type: str


@dataclass(frozen=True)
class Finding:
    """Something a person should know about a delivery that stops nothing."""

    code: str
    message: str


@dataclass(eq=False)
class Delivery:
    """One extraction unit.

    `units`, `captions` and `delimiter` are known after the first batch, `findings` and `position` after the last.
    """

    name: str
    kind: str  # cursor | full | file | file_full | exchange
    reader: Callable[[Delivery], Iterable[pa.RecordBatch]]
    content_sha256: str | None = None  # files: of the bytes; None for databases and interfaces
    position: str | None = None
    findings: list[Finding] = field(default_factory=list)
    units: dict[str, str] = field(default_factory=dict)  # column -> 万元; "*" = said once for the whole sheet
    captions: list[str] = field(default_factory=list)  # title and period lines above the header
    delimiter: str | None = None  # of a delimited text
    percent: dict[int, set[int]] = field(default_factory=dict)  # column from 0 -> rows shown as per cent
    # All columns of a database's table with their types, once the first batch is read; all keys of an interface's records
    # after the last.
    layout: dict[str, str] | None = None
    sparse: bool = False  # a record may leave out what it has no value for: a column that is not there may come back
    handled: Any = None  # what the driver needs to acknowledge it

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The records, about 50,000 rows a batch; at least one, possibly empty, batch.

        Raises:
            SourceUnavailable, ConfigError, SourceChanged: while reading.
        """
        return regrouped(self.reader(self))

    def position_after(self) -> str | None:
        """Where the next read begins; meaningful once `batches` is exhausted."""
        return self.position

    def find(self, code: str, message: str) -> None:
        """Note a finding once; what it quotes of the source is told without numbers of persons."""
        finding = Finding(code, privacy.scrub(message) or message)
        if finding not in self.findings:
            self.findings.append(finding)


class Driver(ABC):
    """Reads one connector's source."""

    options: ClassVar[Mapping[str, Option]]
    modes: ClassVar[tuple[str, ...]]
    # Whether all columns of a delivery are told when it is replayed: by what was landed, or by the source's catalogue.
    retells: ClassVar[bool] = True

    def __init__(self, connector: Connector) -> None:
        self.connector = connector
        self.secrets = references.Secrets()
        self.limit: int | None = None  # a preview asks a database for so many rows only
        self.workspace: Path | None = None  # a private folder where an interrupted read may leave what it had got
        self.span: tuple[str, str] | None = None  # a backfill: cursor values from the first on, before the second
        self.repeated: list[
            tuple[str, float]
        ] = []  # files seen before: sha256, and when they were put there (Unix time)
        self._resolved: dict[str, Any] | None = None

    @property
    def where(self) -> str:
        """How messages name this connector."""
        return self.connector.id

    def option(self, name: str) -> Any:
        """The option with its references resolved, or its default.

        Raises:
            ConfigError: a reference has no value in the environment.
        """
        if self._resolved is None:
            self.secrets.learn(self.connector.source)
            self._resolved = references.resolve(dict(self.connector.source), f"{self.where}：source")
        value = self._resolved.get(name)
        return self.options[name].default if value is None else value

    @classmethod
    def source_problem(cls, source: Mapping[str, Any]) -> str | None:
        """What is wrong with the options taken together, None when they fit."""
        return None

    def probe(self) -> Iterator[Step]:
        """Named steps, each within ten seconds; the first that fails is the last."""
        from connectors.probe import run

        return run(self)

    @abstractmethod
    def steps(self) -> Iterable[tuple[str, Callable[[], str]]]:
        """The probe's steps: name and a call that returns what it saw, or raises a HubError."""

    @abstractmethod
    def columns(self) -> list[SourceColumn]:
        """The columns the source has now."""

    @abstractmethod
    def deliveries(self, position: str | None, seen: Container[str]) -> Iterator[Delivery]:
        """What there is to load since `position`; files whose sha256 is in `seen` are left out (`files`: put back ones are not)."""

    def backfill(self, begin: str, end: str) -> None:
        """From now on read the rows whose cursor lies in [begin, end), and move no bookmark.

        Raises:
            ConfigError: this source cannot be asked for a span.
        """
        raise ConfigError(
            self.where,
            f"方式 {self.connector.mode} 不能按时间段补读",
            "已落地的批次可用 hub replay 重放；只有按游标增量的来源能补读",
        )

    def cancel(self) -> None:  # noqa: B027 - files and interfaces end with their reader
        """Stop what runs at the source on this driver's behalf, from another thread."""

    def acknowledge(self, delivery: Delivery) -> None:  # noqa: B027 - most sources are told nothing
        """Tell the source, after the commit, that a delivery was loaded; most sources are told nothing."""


def regrouped(batches: Iterable[pa.RecordBatch], rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
    """The same records with small batches put together to about `rows`; an empty one only if there is no other."""
    import pyarrow as pa

    held: list[pa.RecordBatch] = []
    count = 0
    empty: pa.RecordBatch | None = None
    any_given = False
    for batch in batches:
        if batch.num_rows == 0:
            empty = batch
            continue
        held.append(batch)
        count += batch.num_rows
        # Held batches are small by definition: a batch of half the size is passed on as it is, uncopied.
        if count >= rows // 2:
            yield held[0] if len(held) == 1 else pa.concat_batches(held)
            held, count, any_given = [], 0, True
    if held:
        yield held[0] if len(held) == 1 else pa.concat_batches(held)
    elif not any_given and empty is not None:
        yield empty


def as_meant(batches: Iterable[pa.RecordBatch], delivery: Delivery) -> Iterator[pa.RecordBatch]:
    """The records with text that the source's own system misread as it was meant; see `readback`."""
    from connectors.readback import read_back

    return read_back(batches, delivery)
