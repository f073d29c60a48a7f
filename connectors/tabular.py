"""Any table file a person has at hand, read whole as Arrow text columns: what `hub read` reads, told by its content.

`read` gives the table under its names, `grids` every row as it stands to who knows better which of them is the header.

Unlike a connector's driver, nothing is agreed beforehand: of a workbook's sheets, and of the first thirty rows where the
header is in doubt, the one with the most known column names is taken. Empty cells are NULL; rows that are no records are
left out and counted.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import ConfigError, SourceChanged

if TYPE_CHECKING:
    from connectors.drivers.base import Delivery

Score = Callable[[Sequence[str]], int]
Keep = Callable[[list[str]], Iterable[str]]
_HEAD_ROWS = 30
_ASIDE = ("_sheet", "_row", "_flaw")
_NUMBERED = re.compile(r"列\d+")
_FEATURE = "properties."  # a GeoJSON record keeps its fields in there


@dataclass
class Read:
    """A file's table, and what was noticed on the way."""

    table: pa.Table
    notes: list[str] = field(default_factory=list)
    left_out: int = 0  # rows that are no records: torn, or of another width


@dataclass
class Grid:
    """A file's or a sheet's rows as they stand.

    Text columns, then `_row`, and `_flaw` where a row may be none. The columns are called 列1, 列2 … unless the file
    names them itself, as JSON and Parquet do.
    """

    table: pa.Table
    named: bool
    delimiter: str | None = None  # of a delimited text
    notes: list[str] = field(default_factory=list)
    percent: dict[int, set[int]] = field(default_factory=dict)  # column from 0 -> rows shown as per cent


def grids(path: Path) -> Iterator[Grid]:
    """The rows of a file, sheet by sheet of a workbook's visible ones; no row is taken for the header.

    Raises:
        ConfigError: there is no such file.
        SourceChanged, SourceUnavailable: it is not a table, not readable text, or cut off.
    """
    if not path.is_file():
        raise ConfigError(str(path), "找不到这个文件", "请检查路径")
    sheets = _sheets(path)
    western = not sheets and _is_western(path)
    chosen: list[str | None] = [*sheets] or [None]
    for sheet in chosen:
        options = {"encoding": "cp1252"} if western else {} if sheet is None else {"sheet": sheet}
        delivery, batches = _opened(path, {**options, "header_row": 0, "fill_merged": False})
        try:
            table = pa.Table.from_batches(list(batches))
        except SourceChanged:
            if len(sheets) > 1:
                continue  # an empty sheet beside others
            raise
        named = any(not _NUMBERED.fullmatch(name) for name in _names(table))
        aside = ("more_sheets", "no_header", "percent")
        notes = [finding.message for finding in delivery.findings if finding.code not in aside]
        if western:
            notes.append("文件不是 UTF-8，按西文编码（Windows-1252）读")
        yield Grid(table.drop_columns("_sheet"), named, delivery.delimiter, notes, delivery.percent)


def read(path: Path, score: Score, keep: Keep = lambda names: names, sheet: str | None = None) -> Read:
    """The table in a file.

    Args:
        path: The file; its kind is told by its content.
        score: How many cells of a row are known column names.
        keep: Chooses which of the header's columns are kept.
        sheet: The sheet of a workbook; without one, the first whose header scores best.

    Raises:
        ConfigError: there is no such file or sheet.
        SourceChanged, SourceUnavailable: it is not a table, not readable text, or cut off.
    """
    if not path.is_file():
        raise ConfigError(str(path), "找不到这个文件", "请检查路径")
    sheets = _sheets(path)
    if sheet is not None and sheets and sheet not in sheets:
        raise ConfigError(path.name, f"没有叫 '{sheet}' 的工作表", f"有的是 {'、'.join(sheets)}")
    chosen: list[str | None] = [sheet] if sheet is not None else [*sheets] or [None]
    common = {} if sheets or not _is_western(path) else {"encoding": "cp1252"}
    options = max(
        (_fitting(path, score, common if name is None else {"sheet": name}) for name in chosen),
        key=lambda found: found[0],
    )[1]
    delivery, batches = _opened(path, options)
    kept: dict[str, str] = {}
    parts: list[pa.RecordBatch] = []
    left_out = 0
    for batch in batches:
        if not kept:
            fields = dict(zip(_distinct(names := _names(batch)), names, strict=True))
            kept = {name: fields[name] for name in keep(list(fields))}
        sound, odd = _sound(batch)
        left_out += odd
        parts.append(sound.select(list(kept.values())).rename_columns(list(kept)))
    notes = [finding.message for finding in delivery.findings if finding.code != "more_sheets"]
    if len(sheets) > 1:
        notes.append(f"读的是工作表“{options['sheet']}”，共 {len(sheets)} 张")
    if left_out:
        notes.append(f"{left_out} 行的列数与表头不同或引号没有成对，没有读")
    return Read(_tidy(pa.Table.from_batches(parts)), notes, left_out)


def _sheets(path: Path) -> list[str]:
    """The visible sheets of a workbook, none of any other file."""
    import python_calamine as calamine

    from connectors.container import judge
    from connectors.content import WEB, kind_of

    if not path.stat().st_size:
        raise SourceChanged(path.name, "文件是空的", "请重新导出")
    if (kind := kind_of(path)) in WEB:
        from connectors.webtable import opened

        return [
            s.name
            for s in opened(path, kind, path.name).sheets_metadata
            if s.visible == calamine.SheetVisibleEnum.Visible
        ]
    if kind != "workbook":
        return []
    judge(path, path.name)
    try:
        book = calamine.CalamineWorkbook.from_path(str(path))
    except calamine.PasswordError:
        raise SourceChanged(path.name, "文件加了打开密码", "请去掉密码后再试") from None
    except BaseException as error:  # calamine panics at some damaged files
        if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
            raise
        raise SourceChanged(path.name, "不是能打开的 Excel 文件", "请另存为 xlsx 后再试") from None
    return [s.name for s in book.sheets_metadata if s.visible == calamine.SheetVisibleEnum.Visible]


def _is_western(path: Path) -> bool:
    """Whether a file is no UTF-8 and no two high bytes stand side by side in it: é, never Chinese."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while block := file.read(1 << 20):
                decoder.decode(block)
        except UnicodeDecodeError:
            file.seek(0)
            before = b""
            while block := file.read(1 << 20):
                if re.search(rb"[\x80-\xff]{2}|\x00", before + block):
                    return False
                before = block[-1:]
            return True
    return False


def _fitting(path: Path, score: Score, options: dict[str, Any]) -> tuple[tuple[int, int], dict[str, Any]]:
    """How well the best header of a file or sheet fits (known names, names), and the options it is read with."""
    try:
        names = _names(next(_opened(path, options)[1]))
    except SourceChanged:
        if "sheet" not in options:
            raise
        return (-1, 0), options  # an empty sheet beside others
    best = (score(names), len(names))
    try:
        rows = next(_opened(path, {**options, "header_row": 0})[1]).slice(0, _HEAD_ROWS)
    except SourceChanged:
        return best, options
    for place, *cells in zip(
        rows.column("_row").to_pylist(), *(rows.column(n).to_pylist() for n in _names(rows)), strict=True
    ):
        said = [str(cell) for cell in cells if cell]
        if score(said) > best[0]:
            best, options = (score(said), len(said)), {**options, "header_row": place}
    return best, options


def _opened(path: Path, options: dict[str, Any]) -> tuple[Delivery, Iterator[pa.RecordBatch]]:
    """A file read as `hub read` reads it."""
    from connectors.drivers import open_driver
    from connectors.drivers.base import Delivery
    from connectors.files import FileDriver
    from connectors.spec import Connector

    driver = open_driver(
        Connector(
            id="文件", dept="", title=path.name, dataset="", source={"driver": "file", "path": str(path), "settle": 0, **options}, mode="file",
            cursor=None, lookback="0s", schedule=None, pool="", timezone="Asia/Shanghai", fields={}, constants={}, path=path,
        )
    )  # fmt: skip
    assert isinstance(driver, FileDriver)
    drop = driver.inspect(path)
    delivery = Delivery(path.name, "file", lambda delivery: driver.checked(drop, delivery))
    return delivery, delivery.batches()


def _names(batch: pa.RecordBatch | pa.Table) -> list[str]:
    return [name for name in batch.schema.names if name not in _ASIDE]


def _distinct(names: Sequence[str]) -> list[str]:
    """Names without what GeoJSON puts before them; a second of one name (in any case of letters) has #2 behind it."""
    made: list[str] = []
    seen = {"row_no"}  # what readers call the row's own number
    for place, name in enumerate(names, 1):
        name = name.removeprefix(_FEATURE)  # noqa: PLW2901
        made.append(f"{name}#{place}" if name.lower() in seen else name)
        seen.add(made[-1].lower())
    return made


def _sound(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, int]:
    """The batch without rows that are no records, and how many these were."""
    if "_flaw" not in batch.schema.names:
        return batch, 0
    flawed = pc.is_valid(batch.column("_flaw"))
    odd = int(pc.sum(flawed).as_py() or 0)
    return (batch.filter(pc.invert(flawed)), odd) if odd else (batch, 0)


def _tidy(table: pa.Table) -> pa.Table:
    """Cells trimmed, blanks NULL, rows without any cell gone."""
    if not table.num_columns:
        return table
    columns = []
    for column in table.columns:
        text = pc.utf8_trim_whitespace(column)
        columns.append(pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text))
    tidy = pa.table(columns, names=table.column_names)
    filled = None
    for column in tidy.columns:
        valid = pc.is_valid(column)
        filled = valid if filled is None else pc.or_(filled, valid)
    return tidy.filter(filled)
