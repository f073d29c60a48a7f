"""Any table file a person has at hand, read whole as Arrow text columns: CSV in any encoding, workbook, JSON, Parquet.

Unlike a connector's driver, nothing is agreed beforehand: the caller scores rows, and the best of the first thirty is
the header. Cells are trimmed, empty ones are NULL; rows of another width are left out and counted.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from connectors import encoding
from schemas.errors import ConfigError, SourceChanged

Score = Callable[[Sequence[str]], int]
Keep = Callable[[list[str]], Iterable[str]]
_HEAD_ROWS = 30
_DELIMITERS = (",", "\t", ";", "|")


@dataclass
class Read:
    """A file's table, and what was noticed on the way."""

    table: pa.Table
    notes: list[str] = field(default_factory=list)


def read(path: Path, score: Score, keep: Keep = lambda names: names, sheet: str | None = None) -> Read:
    """The table in a file.

    Args:
        path: The file; its kind is told by its content, then by its name.
        score: How many cells of a row are known column names.
        keep: Chooses which of the header's columns are read at all.
        sheet: The sheet of a workbook; without one, the first whose header scores best.

    Raises:
        ConfigError: there is no such file.
        SourceChanged: it is not a table, or not readable text.
    """
    if not path.is_file():
        raise ConfigError(str(path), "找不到这个文件", "请检查路径")
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return _workbook(path, score, keep, sheet)
    if start.startswith(b"PAR1"):
        import pyarrow.parquet as pq

        names = list(keep(pq.read_schema(path).names))
        table = pq.read_table(path, columns=names)
        return Read(_tidy(pa.table({n: pc.cast(table[n], pa.string()) for n in names})))
    if path.suffix.lower() in (".json", ".jsonl", ".ndjson", ".geojson"):
        return _json(path, keep)
    return _delimited(path, score, keep)


def _delimited(path: Path, score: Score, keep: Keep) -> Read:
    where = path.name
    codec = _codec(path, where)
    with closing(encoding.Transcoder(path.open("rb", buffering=0), codec, where)) as stream:
        head = stream.read(encoding.HEAD_BYTES).decode()
    lines = head.splitlines(keepends=True)
    if not any(line.strip() for line in lines):
        raise SourceChanged(where, "文件是空的", "请重新导出")
    best: tuple[int, int, int, str, list[str]] | None = None
    for delimiter in _DELIMITERS:
        reader = csv.reader(io.StringIO("".join(lines)), delimiter=delimiter)
        for row in itertools.islice(reader, _HEAD_ROWS):
            rank = (score(row), sum(bool(cell.strip()) for cell in row) if len(row) > 1 else 0)
            if best is None or rank > (best[0], best[1]):
                best = (*rank, reader.line_num, delimiter, row)
    assert best is not None
    _, _, skip, delimiter, row = best
    names = _unique(row)
    kept = list(keep(names))
    odd: list[int] = []

    def aside(line: arrow_csv.InvalidRow) -> str:
        odd.append(line.actual_columns)
        return "skip"

    columns = [f"c{i}" for i in range(len(names))]
    chosen = [columns[names.index(name)] for name in kept]
    source = encoding.Transcoder(path.open("rb", buffering=0), codec, where, skip)
    try:
        with closing(source), arrow_csv.open_csv(
            pa.PythonFile(source, mode="r"),
            read_options=arrow_csv.ReadOptions(block_size=1 << 22, column_names=columns, use_threads=False),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=aside),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(chosen, pa.string()), include_columns=chosen,
                strings_can_be_null=True, quoted_strings_can_be_null=True, null_values=[""],
            ),
        ) as reader:  # fmt: skip
            table = reader.read_all()
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            table = pa.table({c: pa.array([], pa.string()) for c in chosen})
        else:
            raise SourceChanged(where, "表格读不下去，多半是引号没有成对", "请重新导出为 CSV 或 xlsx") from error
    notes = [f"{len(odd)} 行的列数与表头不同，没有读"] if odd else []
    return Read(_tidy(table.rename_columns(kept)), notes)


def _codec(path: Path, where: str) -> str:
    """UTF-8 when all of the file is, Windows-1252 when no two high bytes stand side by side in it (é, never Chinese), else
    what `encoding.recognise` makes of it.
    """
    import codecs

    decoder, valid = codecs.getincrementaldecoder("utf-8")(), "utf-8"
    with path.open("rb", buffering=0) as file:
        try:
            while block := file.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            valid = ""
            file.seek(0)
            lone, before = True, b""
            while lone and (block := file.read(1 << 20)):
                lone, before = not re.search(rb"[\x80-\xff]{2}|\x00", before + block), block[-1:]
            if lone:
                return "cp1252"
    return encoding.recognise(path, valid or None, "auto", (), where)


def _workbook(path: Path, score: Score, keep: Keep, sheet: str | None) -> Read:
    import python_calamine as calamine

    from connectors.workbook import spelled

    try:
        book = calamine.CalamineWorkbook.from_path(path)
    except Exception as error:
        raise SourceChanged(path.name, "不是能打开的 Excel 文件", "请另存为 xlsx 后再试") from error
    if sheet is not None and sheet not in book.sheet_names:
        raise ConfigError(path.name, f"没有叫 '{sheet}' 的工作表", f"有的是 {'、'.join(book.sheet_names)}")
    best: tuple[tuple[int, int], str, int] | None = None
    for name in [sheet] if sheet else book.sheet_names:
        rows = book.get_sheet_by_name(name).to_python(nrows=_HEAD_ROWS)
        for number, row in enumerate(rows):
            cells = [spelled(cell) for cell in row]
            rank = (score(cells), sum(bool(cell.strip()) for cell in cells))
            if best is None or rank > best[0]:
                best = rank, name, number
    if best is None:
        raise SourceChanged(path.name, "工作簿是空的", "请重新导出")
    rows = book.get_sheet_by_name(best[1]).to_python()
    names = _unique([spelled(cell) for cell in rows[best[2]]])
    body = rows[best[2] + 1 :]
    columns = {}
    for name in keep(names):
        at = names.index(name)
        columns[name] = pa.array([spelled(row[at]) for row in body], pa.string())
    notes = [f"读的是工作表“{best[1]}”，共 {len(book.sheet_names)} 张"] if len(book.sheet_names) > 1 else []
    return Read(_tidy(pa.table(columns)), notes)


def _json(path: Path, keep: Keep) -> Read:
    where = path.name
    text = path.read_text(encoding="utf-8-sig")
    try:
        loaded: Any = json.loads(text)
    except json.JSONDecodeError:
        try:
            loaded = [json.loads(line) for line in text.splitlines() if line.strip()]
        except json.JSONDecodeError as error:
            raise SourceChanged(where, f"第 {error.lineno} 行不是有效的 JSON", "请重新导出") from error
    if isinstance(loaded, dict):
        lists = [value for value in loaded.values() if isinstance(value, list)]
        loaded = lists[0] if lists else [loaded]
    rows = [row.get("properties", row) if isinstance(row, dict) else {} for row in loaded]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return Read(
        _tidy(
            pa.table({name: pa.array([_spelled(row.get(name)) for row in rows], pa.string()) for name in keep(names)})
        )
    )


def _spelled(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _unique(cells: Sequence[str]) -> list[str]:
    """Header cells as column names: trimmed, never empty, a second of one name (in any case of letters) with #2."""
    names: list[str] = []
    seen = {"row_no"}  # what readers call the row's own number
    for index, cell in enumerate(cells):
        name = " ".join(cell.replace("\ufeff", "").split()) or f"列{index + 1}"
        if name.lower() in seen:
            name += f"#{index + 1}"
        seen.add(name.lower())
        names.append(name)
    return names


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
