"""A file of scores as one text table: CSV of any usual spelling, a workbook's likeliest sheet, or Parquet.

Every column is text under its header's name, beside `_row`, the row as a person counts it in the file.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import ConfigError, ConfigErrors
from views.scoring.keys import squeezed

if TYPE_CHECKING:
    import pyarrow as pa

YEAR = re.compile(r"(?:yr)?(?:19|20)\d\d(?:yr(?:19|20)\d\d)?")
_HEAD = 40
_DELIMITERS = ",\t;|"

# How well a header cell is known: 0 not at all, 1 an indicator or a usual column, 2 what the rows are about.
Known = Callable[[str], int]


@dataclass
class Text:
    """The table, whether commas may be decimal points in it, and what a person should know of the file."""

    table: pa.Table
    commas: bool = False
    notes: list[str] = field(default_factory=list)


def read(path: Path, known: Known) -> Text:
    """The file as text.

    Raises:
        ConfigError: it cannot be read, or rows have more or fewer cells than the header.
    """
    kind = path.suffix.lower()
    if kind in {".xlsx", ".xlsm", ".xls", ".ods"}:
        return _workbook(path, known)
    if kind in {".parquet", ".pq"}:
        return _parquet(path)
    return _delimited(path, known)


def _parquet(path: Path) -> Text:
    import duckdb
    import pyarrow as pa

    try:
        with duckdb.connect() as con:
            found = con.read_parquet(str(path)).project("COLUMNS(*)::VARCHAR").to_arrow_table()
    except duckdb.Error as error:
        raise ConfigError(path.name, "不是可读的 Parquet 文件", "请重新导出") from error
    return Text(found.append_column("_row", pa.array(range(1, found.num_rows + 1), pa.int32())))


def _workbook(path: Path, known: Known) -> Text:
    import python_calamine as calamine

    from connectors.container import looks, remarks
    from connectors.workbook import spelled

    try:
        with calamine.CalamineWorkbook.from_path(str(path)) as book:
            best: tuple[int, list[list[Any]], int, str] | None = None
            sheets = book.sheet_names
            for meta in book.sheets_metadata:
                if meta.visible != calamine.SheetVisibleEnum.Visible:
                    continue
                rows = book.get_sheet_by_name(meta.name).to_python(skip_empty_area=False)
                at, hits = _header([[str(c) for c in row] for row in rows[:_HEAD]], known)
                if rows and (best is None or hits > best[0]):
                    best = (hits, rows, at, meta.name)
    except calamine.CalamineError as error:
        raise ConfigError(path.name, "工作簿打不开", "请检查文件是否完整、有没有密码") from error
    if best is None:
        raise ConfigError(path.name, "没有可见的、有内容的工作表", "请检查文件")
    _, rows, at, sheet = best
    names = _names([[str(c) for c in row] for row in rows[: at + 2]], at)
    texts = [[spelled(cell) for cell in row] for row in rows[at + 1 :]]
    seen = looks(path, sheets, [sheet]).get(sheet)
    notes = [text for code, text in remarks(sheet, seen) if code in {"percent", "error_value"}] if seen else []
    return Text(_columns(names, texts, range(at + 2, at + 2 + len(texts))), notes=notes)


def _delimited(path: Path, known: Known) -> Text:
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    text, notes = _decoded(path)
    head = text.splitlines()[:_HEAD]
    if not head:
        raise ConfigError(path.name, "文件是空的", "请检查文件")
    # The delimiter is the one that gives the header most known names, then most columns.
    candidates = []
    for delimiter in _DELIMITERS:
        rows = list(csv.reader(head, delimiter=delimiter))
        at, hits = _header(rows, known)
        candidates.append((hits, len(rows[at]) if rows else 0, delimiter, at, rows))
    hits, _, delimiter, at, rows = max(candidates, key=lambda found: found[:2])
    names = _names(rows[: at + 2], at)
    skipped = at if len(rows) == len(head) else _line_of(head, delimiter, at)
    lines = text.splitlines(keepends=True)[skipped + 1 :]
    odd: dict[int, list[str]] = {}  # rows of another width, by their number below the header

    def put_by(row: arrow_csv.InvalidRow) -> str:
        odd[row.number or 0] = next(csv.reader([row.text or ""], delimiter=delimiter), [])
        return "skip"

    try:
        found = arrow_csv.read_csv(
            io.BytesIO("".join(lines).rstrip("\r\n").encode() + b"\n"),
            read_options=arrow_csv.ReadOptions(column_names=names, use_threads=False, block_size=1 << 26),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=put_by
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
            ),
        )
    except pa.ArrowInvalid as error:
        raise ConfigError(
            path.name, "CSV 读不懂（引号不成对，或没有数据行）", "请用 Excel 打开另存为 CSV 再试"
        ) from error
    straight = [n for n in range(1, found.num_rows + len(odd) + 1) if n not in odd]
    widened = _widened(path.name, odd, len(names), straight[-1] if straight else 0, skipped + 1)
    table = found.append_column("_row", pa.array([n + skipped + 1 for n in straight], pa.int32()))
    if widened:
        table = pa.concat_tables(
            [table, _columns(names, list(widened.values()), [n + skipped + 1 for n in widened]).cast(table.schema)]
        )
    return Text(table, commas=delimiter != ",", notes=notes)


def _widened(
    file: str, odd: dict[int, list[str]], width: int, last: int, skipped: int
) -> dict[int, list[str]]:  # fmt: skip
    """Rows too wide by blanks only, cut; notes (one cell, or words below the last row) are left out.

    Raises:
        ConfigErrors: any other row of another width: a comma or a quote is wrong in it.
    """
    kept, torn = {}, []
    for number, cells in odd.items():
        if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
            kept[number] = cells[:width]
            continue
        words = sum(bool(cell.strip()) for cell in cells)
        below = number > last and not any(re.fullmatch(r"[-+]?[\d.,]+%?", cell.strip()) for cell in cells[1:])
        if len(cells) < width and (words <= 1 or below):
            continue
        torn.append(ConfigError(file, f"第 {number + skipped} 行有 {len(cells)} 列，表头有 {width} 列", "请检查这一行多余的逗号或引号"))  # fmt: skip
    if torn:
        raise ConfigErrors(torn[:5])
    return kept


def _decoded(path: Path) -> tuple[str, list[str]]:
    raw = path.read_bytes()
    codecs = ["utf-16"] if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "gb18030"]
    if codecs[-1] == "gb18030" and not re.search(rb"[\x80-\xff]{2}", raw):
        codecs[-1] = "cp1252"  # no two high bytes side by side: Western letters such as é, never Chinese
    for codec in codecs:
        try:
            text = raw.decode(codec)
        except UnicodeDecodeError:
            continue
        return text, ["文件不是 UTF-8，按西文编码（Windows-1252）读"] if codec == "cp1252" else []
    raise ConfigError(path.name, "既不是 UTF-8 也不是 GB18030 编码", "请另存为 UTF-8 的 CSV")


def _header(rows: Sequence[Sequence[str]], known: Known) -> tuple[int, int]:
    """Which row is the header: among those with two known names and more the one that names what the rows are about,
    then the one with most of them; otherwise the first row.
    """
    hits = []
    for at, row in enumerate(rows):
        levels = (
            [known(cell) or bool(YEAR.fullmatch(squeezed(cell))) for cell in _names(rows[: at + 2], at)] if row else []
        )
        plain = [known(cell) for cell in row]
        hits.append((sum(map(bool, levels)), 2 in levels or 2 in plain))
    enough = [(about, count, -at) for at, (count, about) in enumerate(hits) if count >= 2]
    if not enough:
        return 0, max((count for count, _ in hits), default=0)
    about, count, at = max(enough)
    return -at, count + about


def _line_of(head: list[str], delimiter: str, at: int) -> int:
    reader = csv.reader(head, delimiter=delimiter)
    for number, _ in enumerate(reader):
        if number == at:
            return reader.line_num - 1
    return at


def _names(rows: Sequence[Sequence[str]], at: int) -> list[str]:
    """The header in row `at` as names, each once; a heading over several columns goes before theirs.

    Starting a business |       | Paying taxes |             Economy | Score | Rank | Score | Rank
    Score               | Rank  | Score        | Rank   or   with the headings in the row above
    """
    header = [_clean(cell) for cell in rows[at]]
    if at > 0 and len([cell for cell in rows[at - 1] if cell.strip()]) > 1:
        twice = Counter(map(squeezed, header))
        above = _filled([*map(_clean, rows[at - 1]), *[""] * len(header)])[: len(header)]
        header = [f"{over} - {cell}" if cell and over and twice[squeezed(cell)] > 1 else cell for over, cell in zip(above, header, strict=True)]  # fmt: skip
    if at + 1 < len(rows) and any(not cell for cell in header[:-1]):
        below = [*map(_clean, rows[at + 1]), *[""] * len(header)][: len(header)]
        over = _filled(header)
        # Units below single columns are no names; words below a blank cell are, and so is what stands beside them.
        shared = {name for name, cell, sub in zip(over, header, below, strict=True) if not cell and sub and name and not _number(sub)}  # fmt: skip
        if shared and not below[0]:
            header = [f"{name} - {sub}" if name in shared and sub else cell for name, cell, sub in zip(over, header, below, strict=True)]  # fmt: skip
    return _distinct(header)


def _clean(cell: str) -> str:
    return re.sub(r"\s+", " ", cell.replace("\ufeff", "")).strip()


def _number(cell: str) -> bool:
    return bool(re.fullmatch(r"[-+]?[\d.,]+%?", cell))


def _filled(cells: Sequence[str]) -> list[str]:
    """Blanks take what stands to their left."""
    filled, last = [], ""
    for cell in cells:
        last = cell or last
        filled.append(last)
    return filled


def _columns(names: list[str], rows: list[list[str]], numbers: Sequence[int]) -> pa.Table:
    import pyarrow as pa

    turned = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    arrays = [pa.array([v if v != "" else None for v in column], pa.string()) for column in turned]
    return pa.table([*arrays, pa.array(numbers, pa.int32())], names=[*names, "_row"])


def _distinct(header: Sequence[str]) -> list[str]:
    """Header cells as names: blanks numbered, later ones of the same name (in any case of letters) too."""
    names: list[str] = []
    seen = {"_row"}
    for number, cell in enumerate(header, 1):
        name = cell or f"第{number}列"
        while name.lower() in seen:
            name += f"#{number}"
        seen.add(name.lower())
        names.append(name)
    return names
