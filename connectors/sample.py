"""A source that is not mapped yet: proved in named steps, its columns, its first rows.

Used by registration, before anybody has said which column is which contract field. A sheet with title lines above
its header is read with each of its first lines as the header, and the line most like a header wins.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors import header, spec
from connectors.database import Database
from connectors.drivers import driver_class, open_driver
from connectors.drivers.base import SourceColumn, Step
from connectors.files import FileDriver
from connectors.probe import timed
from schemas.errors import ConfigError, HubError
from schemas.reference import column_aliases

if TYPE_CHECKING:
    import pyarrow as pa

    from connectors.drivers.base import Delivery, Driver
    from connectors.spec import Connector

ROWS = 1000  # what proposals are made from; people are shown the first PREVIEW
PREVIEW = 50
_HEADER_LINES = 8
_NO_HEADER = (-999, 0, 0)
_MADE_UP = re.compile(r"列\d+(#\d+)?")  # what a column without a name is called


@dataclass(frozen=True)
class Sample:
    """The first rows of a source as text. `source` is the given one with what was found out about it."""

    source: dict[str, Any]
    columns: list[SourceColumn]
    rows: list[dict[str, str | None]]
    captions: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)  # the declared key of a database's table

    def values(self, column: str) -> list[str]:
        """What stands in a column, blanks left out."""
        return [value for row in self.rows if (value := row.get(column))]


def unmapped(connector_id: str, source: dict[str, Any], *, title: str = "", timezone: str = "Asia/Shanghai") -> Connector:  # fmt: skip
    """A connector without a dataset, enough to reach its source.

    Raises:
        ConfigError: an option is unknown, missing or of the wrong shape; all are told.
    """
    spec.check_source(source, connector_id)
    modes = driver_class(str(source["driver"])).modes
    mode = next((m for m in modes if m != "cursor"), modes[0])
    dept = connector_id.partition("/")[0]
    return spec.Connector(
        id=connector_id, dept=dept, title=title, dataset="", source=source, mode=mode, cursor=None, lookback="0s", schedule=None,
        pool=dept, timezone=timezone, fields={}, constants={}, path=Path(f"{connector_id}.yaml"),
    )  # fmt: skip


def probe(connector: Connector) -> Iterator[Step]:
    """The steps resolve, connect, login, read and list of a source without a mapping, up to the first that fails."""
    driver = open_driver(connector)
    for name, action in driver.steps():
        if name in {"read", "list"}:
            break
        step = timed(driver, name, action)
        yield step
        if not step.ok:
            return
    found: list[Sample] = []
    if isinstance(driver, FileDriver):
        # On a busy machine importing what reads a file takes longer than reading it: that is not the source's time.
        for library in ("clevercsv", "pandas"):
            import_module(library)

    def read() -> str:
        found.append(take(connector, rows=PREVIEW))
        return f"读到 {len(found[0].rows)} 行" if found[0].rows else "能读，目前没有数据"

    step = timed(driver, "read", read)
    yield step
    if step.ok:
        yield timed(driver, "list", lambda: _listed(found[0]))


def _listed(sample: Sample) -> str:
    names = [column.name for column in sample.columns]
    if not names:
        raise ConfigError("来源", "没有列", "请核对表名、文件或接口里记录的位置")
    return f"共 {len(names)} 列：{'、'.join(names[:12])}{'…' if len(names) > 12 else ''}"


def take(connector: Connector, *, rows: int = ROWS) -> Sample:
    """Columns and first rows of a source.

    Raises:
        HubError: it cannot be reached or read; nothing has come yet.
    """
    driver = open_driver(connector)
    if isinstance(driver, FileDriver):
        return _of_file(connector, rows)
    columns, keys = driver.described() if isinstance(driver, Database) else (driver.columns(), [])
    everything = replace(connector, fields={column.name: column.name for column in columns})
    _, taken = _first(open_driver(everything), rows)
    return Sample(dict(connector.source), columns, taken, keys=keys)


def _of_file(connector: Connector, rows: int) -> Sample:
    source = dict(connector.source)
    options = driver_class(str(source["driver"])).options
    if "header_row" in options and source.get("header_row") is None:
        line = _header_line(connector)
        if line is not None:
            source["header_row"] = line
    bare = replace(connector, source=source)
    delivery, head = _head(bare)
    if delivery is None:
        raise ConfigError(
            f"{connector.id}：source.path", "还没有符合的文件", "请先放一份部门的文件，再登记；路径里可用 * 通配"
        )
    names = [name for name in head if name not in header.COORDINATES]
    # Read again by those names: a reader tells records from totals and notes by the columns that are wanted.
    mapped = replace(bare, fields={name: name for name in names})
    delivery, taken = _first(open_driver(mapped), rows)
    captions = list(delivery.captions) if delivery else []
    findings = [finding.message for finding in delivery.findings] if delivery else []
    return Sample(source, [SourceColumn(name, "text") for name in names], taken, captions, findings)


def _header_line(connector: Connector) -> int | None:
    """The line of the header; None when the reader finds it as well by itself."""
    best, line = _NO_HEADER, None
    with suppress(HubError):
        best = _likeness(_names(connector))
    if best[0] == 0:
        return None
    for number in range(1, _HEADER_LINES + 1):
        try:
            found = _likeness(_names(replace(connector, source={**connector.source, "header_row": number})))
        except HubError:
            continue
        if found[:2] > best[:2]:
            best, line = found, number
    return line


def _names(connector: Connector) -> list[str]:
    return [name for name in _head(connector)[1] if name not in header.COORDINATES]


def _likeness(names: list[str]) -> tuple[int, int, int]:
    """How much a row is like a header: names nobody had to make up, known spellings, columns."""
    known = _spellings()
    named = [n for n in names if not _MADE_UP.fullmatch(n)]
    numbers = sum(n.replace(".", "", 1).replace("-", "").isdigit() for n in named)
    made_up = len(names) - len(named) + numbers
    hits = sum(header.key(n) in known for n in named)
    return (-made_up, hits, len(named)) if len(named) > 1 else _NO_HEADER


def _spellings() -> frozenset[str]:
    return frozenset(header.key(s) for spellings in column_aliases().values() for s in spellings)


def _newest(driver: Driver) -> Delivery | None:
    """The last delivery there is: a department's form is as it is now."""
    kept = deque(driver.deliveries(None, ()), maxlen=1)
    return kept.pop() if kept else None


def _head(connector: Connector) -> tuple[Delivery | None, list[str]]:
    delivery = _newest(open_driver(connector))
    if delivery is None:
        return None, []
    batch = next(iter(delivery.batches()))
    return delivery, list(batch.schema.names)


def _first(driver: Driver, rows: int) -> tuple[Delivery | None, list[dict[str, str | None]]]:
    driver.limit = rows
    delivery = _newest(driver)
    if delivery is None:
        return None, []
    taken: list[dict[str, str | None]] = []
    for batch in delivery.batches():
        taken += _texts(batch.slice(0, rows - len(taken)))
        if len(taken) >= rows:
            break
    return delivery, taken


def _texts(batch: pa.RecordBatch) -> list[dict[str, str | None]]:
    names = [name for name in batch.schema.names if name not in header.COORDINATES]
    columns = [[None if v is None else str(v) for v in shown(batch.column(name))] for name in names]
    return [dict(zip(names, row, strict=True)) for row in islice(zip(*columns, strict=True), batch.num_rows)]


def shown(column: pa.Array) -> list[Any]:
    """The values as people are shown them: an instant by the county's clock, and one no calendar has as such."""
    import pyarrow as pa

    if pa.types.is_temporal(column.type):
        column = _told(column)
    values: list[Any] = column.to_pylist()
    return values


def _told(column: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if getattr(column.type, "tz", None):
        column = pc.local_timestamp(column.cast(pa.timestamp(column.type.unit, "Asia/Shanghai")))
    return pc.replace_substring_regex(pc.cast(column, pa.string()), "^<.*>$", "（日历上没有）")
