"""The top of a delimited file: its dialect, its header, and how wide its records are.

With mapped names the header is the row that has most of them; without, it is the row that looks like one.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from connectors import around, between, header, ledger, shape
from connectors.cells import Kinds, is_value
from connectors.dialect import USUAL, Dialect, alone, detect, hinted, is_comment, is_framed, mapped
from connectors.header import Header
from connectors.stray import mended
from schemas.errors import SourceChanged

_ROWS = 60
_RULED = 12  # bytes of a line from which on it may hold several columns
_DIGIT = re.compile(r"\d")
_SQL = re.compile(
    r"\s*(?:(?:--[^\n]*|/\*.*?\*/;?)\s*)*(?:INSERT\s+INTO|CREATE\s+(?:TABLE|DATABASE)|DROP\s+TABLE|LOCK\s+TABLES|SET\s+(?:NAMES|FOREIGN_KEY_CHECKS))\b",
    re.IGNORECASE | re.DOTALL,
)
_GAP = re.compile(r"[ \u3000]{2,}")
_UNDERLINED = re.compile(r"^\s*-{2,}(?:\s+-{2,})+\s*$")  # as a database's client draws it under the names
_ALIGNED = "各列像是用空格对齐的，没有分隔符"
_PARTED = 3  # lines of one cell that tell a delimiter
_MARK = re.compile(r"\u3000|[^\w\s.()（）《》\"'“”%:：/-]| \"|\" ")
_SETTING = re.compile(r"\s*[\w.-]+\s*=(?!=)")
_LISTED = re.compile(r"^\s*\d{1,3}[.、．]\s*[^\s\d]")
_QUOTED = re.compile('^[^"]*"[^"]*$|^\'.*\'$')  # with one mark, or between two that are no quotation marks here
_SHOWN = 24  # characters of a name
_PROSE = 30  # characters of the lines of a text on average
_LINES = 400  # of the file's first ones, in which the heading and the usual width are looked for


@dataclass
class Heading:
    """What the first lines of a file say about the rest."""

    dialect: Dialect
    header: Header
    skip: int  # lines before the first record
    named: bool = True  # False: there is no header, the columns have numbers for names
    captions: list[str] = field(default_factory=list)
    units: dict[str, str] = field(default_factory=dict)  # "*": for the whole sheet
    width: int = 0  # cells of a record, `surplus` of them blank behind the last column
    surplus: int = 0
    rows: list[list[str]] = field(default_factory=list)  # of a header of several rows, as they stand
    numbering: bool = False  # the last line skipped numbers the columns: 1, 2, 3
    doubtful: int = 0  # the line of a first record that may number the columns too
    full: bool = False  # most records fill several cells
    ruled: bool = False  # one column of lines of one length: columns without a delimiter, perhaps
    parted: str = ""  # of one column: the mark that stands as often in each line
    prose: bool = False  # of one column: its lines are as long as those of a text
    listed: bool = False  # of one column: most lines are numbered, as of a list
    within: str = ""  # a name that has another delimiter in it, as all cells below it have
    noted: str | None = None  # a name over nothing that is a note
    narrow: int = 0  # the line on which two columns begin above the header that may be a table
    transposed: bool = False  # the names stand in the first column
    gap: int = 0  # a column, from 1, without name or value between named ones
    pads: bool = False  # blank cells at the end of a line are left out
    kinds: Kinds = field(default_factory=lambda: Kinds((), 0))

    def findings(self, *, mapped: bool) -> Iterator[tuple[str, str]]:
        """What to tell of it: code and Chinese text. A connector that maps columns knows by their names that they are columns."""
        for odd in filter(None, map(header.odd_unit, self.captions)):
            yield "unit", shape.ODD_UNIT.format(odd)
        if one := "" if mapped else self._one_column():
            yield "one_column", one
        if self.within:
            yield "one_column", f"“{self.within}”一列里像是还有一个分隔符，没有分开，请部门统一分隔符后重发"
        if self.surplus and self.named:
            yield (
                "surplus",
                f"各行比表头多 {self.surplus} 格，都是空的，按行末多写了分隔符读入；表头若少写了分隔符，各列会错位，请核对",
            )
        if marked := [name for name in self.header.names if _QUOTED.search(name)]:
            yield "quoted_name", f"表头里的 {marked[0][:_SHOWN]} 带着引号，照原样读入，请部门核对引号是否成对"
        if self.noted:
            yield "note", shape.NOTED.format(self.noted)
        if self.narrow:
            yield "table_above", shape.NARROW.format(self.narrow)
        if self.transposed:
            yield "transposed", shape.TRANSPOSED
        if self.gap:
            yield "blank_column", shape.GAP.format(self.gap)
        if self.numbering:
            yield "numbering", f"第 {self.skip} 行是各列的编号，没有读入"
        if not self.named:
            yield "no_header", "没有找到表头，各列依次叫 列1、列2……（有表头时请写明在第几行）"

    def _one_column(self) -> str:
        """Why lines of one cell may be more than that; "" when they are not."""
        if self.ruled:
            return "没有认出分隔符，每行读作一格；各行一样长，像是几列按固定宽度连在一起的，这样的请部门导出为 CSV 或 Excel 后重发"
        if self.width == 1 and self.parted:
            return f"每行读作一格，各行里却有一样多的“{self.parted}”，像是没有认出的分隔符或整行都写在一对引号里，这样的请部门导出为 CSV 或 Excel 后重发"
        if self.width == 1 and self.listed:
            return "每行读作一格，各行是编了号的一段话（像是接龙），不是表格，请部门填成表格后重发"
        return "每行读作一格，像是一段文章，不是表格，请核对" if self.width == 1 and self.prose else ""


def find(text: str, wanted: Sequence[str], *, delimiter: str | None, header_row: int | None, where: str) -> Heading:
    """The heading of a text's first part. `header_row` counts lines from 1; 0 says that there is no header.

    Raises:
        SourceChanged: no row has the mapped columns, or there is no text at all.
    """
    if not text.strip():
        raise SourceChanged(where, "文件里没有文字", "请部门重新导出后再放一次")
    lines = [line + "\n" for line in text.split("\n")]
    if _SQL.match(text):
        raise SourceChanged(where, "是 SQL 语句，不是表格", "请部门把表导出为 CSV 或 Excel 后重发")
    if wanted:
        try:
            found, above = _mapped(lines, wanted, delimiter, header_row, where)
        except SourceChanged:
            # Names over two rows, and delimiters that only a look at the whole tells, as the preview had it.
            told = _told_as_mapped(lines, wanted, delimiter, header_row, where)
            if told is None:
                raise
            found, above = told
    else:
        found, above = _told(lines, delimiter, header_row, where)
    for row in above:
        caption = " ".join(cell.strip() for cell in row if cell.strip())
        if caption and not caption.startswith("sep=") and not header.is_rule(row):
            found.captions.append(caption)
            if unit := header.sheet_unit(caption):
                found.units["*"] = unit
    _measure(found, lines, wanted, where)
    return found


def _mapped(
    lines: list[str], wanted: Sequence[str], delimiter: str | None, header_row: int | None, where: str
) -> tuple[Heading, list[list[str]]]:
    best: tuple[Header, int, str, list[list[str]]] | None = None
    hint = delimiter or hinted(lines)
    for mark in (hint,) if hint else (*USUAL, "，", "；"):
        rows, ends = _rows(lines, Dialect(mark, framed=is_framed(lines[:_LINES], mark)))
        for index, row in enumerate(rows):
            if header_row is not None and ends[index] != header_row:
                continue
            found = header.fit(row, wanted)
            if best is None or found.hits > best[0].hits:
                best = found, ends[index], mark, rows[:index]
    if best is None or (best[0].hits == 0 and not best[0].names):
        raise SourceChanged(where, "文件里没有表头", "请部门按约定的格式重发")
    chosen, skip, mark, above = best
    header.require(chosen, wanted, where)
    while chosen.names and re.fullmatch(r"列\d+", chosen.names[-1]) and chosen.names[-1] not in wanted:
        chosen.names.pop()
    return Heading(mapped("".join(lines), mark), chosen, skip), above


def _told_as_mapped(
    lines: list[str], wanted: Sequence[str], delimiter: str | None, header_row: int | None, where: str
) -> tuple[Heading, list[list[str]]] | None:
    """The heading as the table's look tells it, when it has all mapped columns; else None."""
    try:
        found, above = _told(lines, delimiter, header_row, where)
    except SourceChanged:
        return None
    found.header = header.fit(found.header.names, wanted)
    return (found, above) if found.named and all(name in found.header.names for name in wanted) else None


def _told(
    lines: list[str], delimiter: str | None, header_row: int | None, where: str
) -> tuple[Heading, list[list[str]]]:
    dialect = detect("".join(lines), delimiter)
    rows, ends = _rows(lines, dialect)
    if header_row is None and delimiter is None and dialect.delimiter == " " and _is_spaced(lines):
        raise SourceChanged(where, _ALIGNED, "请部门导出为 CSV 或 Excel 后重发")
    if header_row is None:
        if shape.is_card(rows) or shape.is_labelled(rows):
            raise SourceChanged(where, shape.CARD, shape.CARD_CURE)
        wide = any(len(row) > 1 for row in rows)
        # A comment above the names or among the records is no name.
        place = shape.guess(
            [[] if wide and len(row) == 1 and is_comment(row[0]) else row for row in rows]
        ) or shape.Place(0, 0)
        given = [row for row in rows[place.start :] if row]
        whole = [row[0] for row in given if len(row) == 1]
        if place.depth and len(whole) == len(given) and _DIGIT.search(whole[0]) and _length(whole[0]) == _ruled(whole):
            place = shape.Place(place.start, 0)  # as long as the records, and with digits: one of them
    elif header_row == 0:
        place = shape.Place(1 if hinted(lines) else 0, 0)
    else:
        at = next((index for index, end in enumerate(ends) if end >= header_row), None)
        if at is None:
            raise SourceChanged(where, f"前 {_ROWS} 行里没有第 {header_row} 行", "请核对表头所在的行号")
        if not any(cell.strip() for cell in rows[at]):
            raise SourceChanged(where, f"第 {header_row} 行是空的，不是表头", "请核对表头所在的行号")
        place = shape.Place(at, 1)
    if header_row is None and place.depth and (above := around.table_above(rows, place.start)):
        what = f"第 {ends[above - 1]} 行起在第 {ends[place.start]} 行的表头上面还有一张表"
        raise SourceChanged(where, what, shape.ABOVE_CURE)
    begun = place.start + place.depth
    aside = [line for line in _mended(lines, dialect)[1] if line <= (ends[place.start] if ends else 0)]
    if aside and header_row is None and not place.depth:
        raise SourceChanged(where, f"第 {aside[-1]} 行（像是表头）的引号没有成对", "请部门改正后重发")
    if place.depth:
        names = header.joined(header.carried(rows[place.start : begun]))
        if len(names) == 1 and header_row is None and delimiter is None and _is_aligned(rows[place.start :]):
            raise SourceChanged(where, _ALIGNED, "请部门导出为 CSV 或 Excel 后重发")
    else:
        widths = Counter(len(row) for row in rows[place.start :] if row)
        names = [""] * (widths.most_common(1)[0][0] if widths else 1)
    found = Heading(dialect, header.fit(names, ()), ends[begun - 1] if begun else 0, named=place.depth > 0)
    found.rows = rows[place.start : begun] if place.depth > 1 else []
    narrow = around.narrow_above(rows, place.start) if header_row is None and place.depth else None
    found.narrow = ends[narrow - 1] if narrow else 0
    return found, rows[: place.start]


def _measure(found: Heading, lines: list[str], wanted: Sequence[str], where: str) -> None:
    """Set how wide the records are, and where they begin.

    Raises:
        SourceChanged: there are two tables side by side.
    """
    rows, ends = _rows(lines, found.dialect)
    below = [(row, end) for row, end in zip(rows, ends, strict=True) if end > found.skip and row]
    top = below[0][0] if below else []
    if top and (header.is_rule(top) or header.are_types(top) or header.underlines(top, found.header.names)):
        found.skip = below.pop(0)[1]
    numbered = ledger.numbering([row for row, _ in below], found.header.names) if found.named else False
    if numbered:
        found.skip, found.numbering = below.pop(0)[1], True
    elif numbered is None:
        found.doubtful = below[0][1]
    body = [row for row, _ in below]
    widest = max(map(len, body), default=0)
    names = found.header.names
    # A delimiter behind the last name, and nothing behind the values: there is no such column.
    while body and found.named and len(names) > 1 and re.fullmatch(r"列\d+", names[-1]) and names[-1] not in wanted:
        if any(row[len(names) - 1].strip() for row in body if len(row) >= len(names)):
            break
        names.pop()
    columns = max(len(names), 1)
    usual = Counter(map(len, body)).most_common(1)[0][0] if body else columns
    # Lines that all end in a delimiter have a last cell more than the header, and nothing in it.
    if usual > columns and not any(cell.strip() for row in body for cell in row[columns:usual]):
        found.surplus = usual - columns
    found.width = columns + found.surplus
    found.ruled = found.width == 1 and _ruled([row[0] for row in body]) > 0
    if found.width == 1:
        above = next((row for row, end in zip(rows, ends, strict=True) if end == found.skip and row), names)
        given = [*(above[:1] if found.named else ()), *(row[0] for row in body)]
        found.parted = _parted(given)
        found.listed = sum(_LISTED.match(text) is not None for text in given) * 2 > len(given)
        found.prose = len(given) > _PARTED and sum(map(len, given)) > _PROSE * len(given)
    found.full = between.is_full(sum(cell.strip() != "" for cell in row[:columns]) for row in body)
    found.kinds = Kinds([row[:columns] for row in body if len(row) == found.width], columns)
    found.gap = around.gap(names, body) if found.named and not wanted else 0
    found.noted = around.noted(names, body) if found.named else None
    found.within = _within(names, body, found.dialect.delimiter) if found.named and not wanted else ""
    found.transposed = not wanted and shape.is_transposed([*([names] if found.named else []), *body])
    column = around.beside(names, body)
    if found.named and column and not any("#" in name for name in wanted):
        raise SourceChanged(where, f"第 {column} 列起表头又来一遍，像是两张表并排", "请部门把右边的行接到左边的下面")
    # Some programs leave out the blank cells at the end of a line; then many lines are short, some are full and
    # none is long. When none is full the names do not belong to the columns.
    short = sum(1 < len(row) < found.width for row in body[:-1])
    found.pads = short > 1 and short * 5 > len(body) and widest == found.width and not _are_torn(body, found.width)


def _are_torn(body: Sequence[Sequence[str]], width: int) -> bool:
    """Whether most short rows that stand together are one record, torn by line breaks in a cell without quotation marks."""
    runs = [list(run) for short, run in itertools.groupby(map(len, body), lambda cells: cells < width) if short]
    torn = sum(len(run) > 1 and sum(run) - len(run) + 1 == width for run in runs)
    return torn * 2 > len(runs)


def _within(names: Sequence[str], body: Sequence[Sequence[str]], delimiter: str) -> str:
    """A name that another usual delimiter parts, as often as each cell below it; "" without one."""
    for column, name in enumerate(names):
        cells = [row[column] for row in body if column < len(row)]
        for mark in USUAL:
            often = name.count(mark) if mark != delimiter else 0
            if often and len(cells) > 1 and all(cell.count(mark) == often for cell in cells):
                return name
    return ""


def _is_aligned(rows: Sequence[Sequence[str]]) -> bool:
    """Whether lines of one cell are columns set out with blanks: nearly all have as many pieces, two blanks apart, or the names have three."""
    if any(len(row) == 1 and _UNDERLINED.match(row[0]) for row in rows):
        return True
    pieces = [len(_GAP.split(row[0].strip())) for row in rows if row and row[0].strip()]
    named = len(pieces) > 1 and pieces[0] > 2 and sum(count > 1 for count in pieces) * 2 > len(pieces)
    return named or (len(pieces) > 1 and pieces[0] > 1 and pieces.count(pieces[0]) >= len(pieces) * 0.9)


def _is_spaced(lines: Sequence[str]) -> bool:
    """Whether most lines have several blanks side by side between their words: they set columns out."""
    given = [text for line in lines[:_LINES] if (text := line.strip())]
    return sum(_GAP.search(text) is not None for text in given) * 2 > len(given)


def _ruled(lines: Sequence[str]) -> int:
    """How long in GB18030 lines are that are no plain values and equally long, as columns without a delimiter are; else 0."""
    told = [line for line in lines if line.strip()]
    lengths = Counter(map(_length, told))
    length, count = lengths.most_common(1)[0] if lengths else (0, 0)
    ruled = len(told) > 2 and length >= _RULED and count >= len(told) * 0.9 and not all(map(is_value, told))
    return length if ruled else 0


def _parted(lines: Sequence[str]) -> str:
    """A mark that stands in lines of one cell as often in each of them, as in their header, or behind names; "" without one."""
    if len(lines) < _PARTED:
        return ""
    drawn = next((mark for mark in "│┃║" if sum(mark in line for line in lines) * 2 >= len(lines)), "")
    if drawn:
        return drawn
    if sum(_SETTING.match(line) is not None for line in lines) * 2 > len(lines):
        return "="
    counts = [Counter(_MARK.findall(line)) for line in lines]
    return next((mark for mark, often in counts[0].items() if all(count[mark] == often for count in counts)), "")


def _length(line: str) -> int:
    return len(line.encode("gb18030", "replace"))


def _rows(lines: list[str], dialect: Dialect) -> tuple[list[list[str]], list[int]]:
    """The first rows as cells, and the line each of them ends on."""
    rows, ends = [], []
    lines, _ = _mended(lines, dialect)
    left = _ROWS
    try:
        for row, end in replace(dialect, delimiter=dialect.mark).rows(lines):
            rows.append(row)
            ends.append(end)
            left -= left < _ROWS or sum(cell.strip() != "" for cell in row) > 1  # notes above the table do not count
            if not left:
                break
    except csv.Error:
        pass  # what was read so far decides
    return rows, ends


def _mended(lines: list[str], dialect: Dialect) -> tuple[list[str], list[int]]:
    """The first lines, their delimiter one character, those with stray quotation marks set aside and told."""
    lines = lines[:_LINES]
    edited = [dialect.edit(line) for line in lines] if dialect.edit else lines
    return mended(edited, dialect.marked, alone(edited, dialect.marked)[0])
