"""What stands between the records of a table: the names once more, another table, headings and notes alone in their rows,
and, in a text, a number dressed as a formula.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy
import pyarrow as pa
import pyarrow.compute as pc

from connectors import header, ledger, shape
from connectors.batches import has_byte, has_short
from connectors.cells import Kinds, is_value

_SUM = [
    re.compile(word.encode()) for word in ("计", "otal", "OTAL")
]  # one after the other: together they take thrice as long
_FORMULA = re.compile(b'="')
_APOSTROPHE = re.compile(b"'[0-9]")
_HASH = re.compile(b"#")
_GROUP = re.compile(r"^[（(]?[一二三四五六七八九十]{1,3}[）)、.．]?$")
_NUMBERED = re.compile(r"^\d{1,6}$")
_GROUP_BYTES = re.compile("一|二".encode())
GROUP = "序号是汉字数字，别的行是 1、2、3，像是小标题或一组的合计"
COMMENTED = "以 # 开头，像是注释掉的一行"
NULL_MARK = "\\N"
_NULL_BYTES = re.compile(rb"\\N")
_UNIT = re.compile("单位".encode())
_LOOKED = 20
_AGAIN = 1000  # rows of a block that begin like the header and are compared with it
LONE = "这一行只填了一格，像是小标题或说明"
_FULL = 3  # cells that most rows of a table fill in which a row of one cell is no record
_WORD = r"^\s*[\p{Han}A-Za-z]"
SWAPPED = "“{}”与“{}”两格像是对调了"
DITTO = "写的是“同上”之类，离开上一行就看不懂，请写全"
DITTOS = frozenset(["同上", "〃", "″", "〞"])
_DITTO_LONGEST = 15  # bytes of one, with blanks about it
_DITTO_BYTES = [mark.encode() for mark in DITTOS]
_ENDED = 2  # rows without the right columns: the last one often waits to be filled in
_BLANKS = 100  # blank lines of a block or sheet below which another table is looked for


def furniture(batch: pa.RecordBatch, names: Sequence[str], above: Sequence[Sequence[str]]) -> tuple[Any, Any]:
    """Rows in which the names stand once more, as on every page of a printed list, and rows that are lines or page numbers.

    `above` are the rows of a header of several, as they stand.
    """
    again, rules = numpy.zeros(batch.num_rows, bool), numpy.zeros(batch.num_rows, bool)
    if len(names) > 1 and batch.num_rows:
        begun = [r"[\s\x{3000}]*".join(map(re.escape, name)) for name in (names[0], *(row[0] for row in above)) if name]
        pattern = f"^[\\s\\x{{3000}}\\x{{FEFF}}]*(?:{'|'.join(begun)})|{header.RULE_PATTERN}"
        alike = pc.fill_null(pc.match_substring_regex(batch.column(0), pattern), any(not row[0] for row in above))
        for place in numpy.flatnonzero(alike.to_numpy(zero_copy_only=False))[:_AGAIN]:
            cells = [batch.column(column)[place].as_py() or "" for column in range(len(names))]
            again[place] = header.fit(cells, names).names == list(names) or any(
                ledger.stands_in(cells, row) for row in above
            )
            rules[place] = header.is_rule(cells)
    return again, rules


def names_above_rule(batch: pa.RecordBatch, rules: numpy.ndarray) -> int | None:
    """The line of another drawn table's names: below a blank line or a title, and right above a line of dashes."""
    lines = batch.column("_row").to_numpy()
    for place in numpy.flatnonzero(rules):
        if place and ledger.stands_in(
            [column[place - 1].as_py() or "" for column in batch.columns[:-3]], batch.schema.names
        ):
            continue  # this table's own, on the next page
        alone = place > 1 and lines[place - 1] == lines[place] - 1 > lines[place - 2] + 1
        if alone and header.is_drawn([column[place].as_py() for column in batch.columns[:-3]]):
            return int(lines[place - 1])
    return None


def sums(columns: Sequence[pa.Array]) -> numpy.ndarray:
    """The places of rows that say that they may be the sum of others: 小计 behind a name, Total, 全县."""
    found = pc.fill_null(pc.match_substring_regex(columns[0], header.WHOLE_PATTERN), False)
    begun = pc.is_valid(columns[0])  # where something stands before the next column; 合计 alone is told anyway
    for column in columns[1:]:
        if any(has_byte(column, word) for word in _SUM):
            told = pc.match_substring_regex(column, f"{header.TOTAL_PATTERN}|{header.ENGLISH_PATTERN}")
            begun = pc.or_(begun, pc.fill_null(pc.match_substring_regex(column, header.ENGLISH_PATTERN), False))
            found = pc.or_(found, pc.and_(pc.fill_null(told, False), begun))
        begun = pc.or_(begun, pc.is_valid(column))
    return numpy.flatnonzero(found.to_numpy(zero_copy_only=False))


def other_table(batch: pa.RecordBatch, lines: numpy.ndarray, blank: Sequence[int], names: Sequence[str]) -> int | None:
    """The line on which another table's names stand: below a blank line or a title, and over columns that held figures.

    The same `names` once more are the next page of this table. `lines` are the rows' lines, `blank` the lines that are empty; rows without any value are blank too.
    """
    places = numpy.searchsorted(lines, numpy.array(blank, numpy.int64)).tolist()
    if batch.num_rows and sum(not column.null_count for column in batch.columns) <= 1:
        title = 1 if batch.num_columns > 2 else 0
        filled = _filled(batch)
        places += (numpy.flatnonzero((filled[:-1] <= title) & (filled[1:] > title)) + 1).tolist()
    for place in places[:_BLANKS]:
        if place < 2 or place + 1 >= batch.num_rows:
            continue
        above = batch.slice(max(place - _LOOKED, 0), min(place, _LOOKED))
        row = [column[place].as_py() or "" for column in batch.columns]
        if _names_others(row, [[text or "" for text in column.to_pylist()] for column in above.columns], names):
            return int(lines[place])
    return None


def _names_others(row: Sequence[str], above: Iterable[Sequence[str]], names: Sequence[str]) -> bool:
    """Whether a row has the names of another table: texts, all different, one of them over columns that held figures."""
    given = [cell for cell in row if cell]
    if len(given) < 2 or len(set(given)) < len(given) or any(map(is_value, given)):
        return False
    if header.fit(row[: len(names)], names).names == list(names):
        return False
    for column, cell in zip(above, row, strict=True):
        known = [text for text in column if text]
        if cell and len(known) > 1 and all(map(is_value, known)):
            return True
    return False


def are_known(row: Sequence[Any], figures: Sequence[int], names: Sequence[str]) -> bool:
    """Whether a row right below a record has another table's names.

    Texts stand over two columns of figures or more, in all of them; all cells differ, and one is known as a name.
    """
    if len(figures) < 2 or not all(isinstance(row[c], str) and row[c] and not is_value(row[c]) for c in figures):
        return False
    given = [cell for cell in row if cell != ""]
    if len(set(given)) < len(given) or any(is_value(str(cell)) for cell in given):
        return False
    known = any(header.key(header.split_unit(str(cell))[0]) in header.known_names() for cell in given)
    return known and header.fit([str(cell) for cell in row][: len(names)], names).names != list(names)


def next_names(batch: pa.RecordBatch, lines: numpy.ndarray, figures: Sequence[int], names: Sequence[str]) -> int | None:
    """The line on which another table's names stand right below a record; None without one."""
    if len(figures) < 2:
        return None
    worded = pc.match_substring_regex(batch.column(figures[0]), _WORD)
    worded = pc.fill_null(pc.and_(worded, pc.match_substring_regex(batch.column(figures[1]), _WORD)), False)
    for place in numpy.flatnonzero(worded.to_numpy(zero_copy_only=False))[:_BLANKS]:
        if place > 1 and are_known([column[place].as_py() or "" for column in batch.columns], figures, names):
            return int(lines[place])
    return None


def swapped(cells: Sequence[Any], kinds: Kinds, names: Sequence[str]) -> str | None:
    """Why a row is no record whose cells changed places with one another, as where a file's columns do; None when they did not."""
    if not any(isinstance(cells[column], str) and cells[column][:1].isalpha() for column in kinds.measured):
        return None
    found = kinds.swapped([str(cell) for cell in cells])
    return SWAPPED.format(names[found[0]], names[found[1]]) if found else None


def swapped_rows(batch: pa.RecordBatch, kinds: Kinds, names: Sequence[str]) -> dict[int, str]:
    """The places of such rows in a batch of text columns, and why they are no records."""
    worded = numpy.zeros(batch.num_rows, bool)
    for column in kinds.measured:
        told = pc.match_substring_regex(batch.column(column), _WORD)
        worded |= pc.fill_null(told, False).to_numpy(zero_copy_only=False)
    found: dict[int, str] = {}
    for place in numpy.flatnonzero(worded).tolist():
        cells = [column[place].as_py() or "" for column in batch.columns]
        if why := swapped(cells, kinds, names):
            found[place] = why
    return found


def says_units(cells: Sequence[Any]) -> str | None:
    """The unit that a row of nothing but a caption or two gives for what stands below; None when it gives none."""
    given = [str(cell).strip() for cell in cells if cell not in ("", None)]
    if not 0 < len(given) < 3 or not shape.says_whose(given):
        return None
    return next((unit for text in given if (unit := header.sheet_unit(text))), None)


def other_units(cells: Sequence[Any], names: Sequence[str], units: Mapping[str, str]) -> bool:
    """Whether a row between the records says another unit than the table's: in a caption, or in names that stand once more."""
    if (said := says_units(cells)) is not None:
        return said != units.get("*")
    given = [(column, header.squeezed(cell)) for column, cell in enumerate(cells) if cell not in ("", None)]
    bare = [header.key(header.split_unit(header.squeezed(name))[0]) for name in names]
    again = [(column, *header.split_unit(text)) for column, text in given]
    return (
        len(given) > 1
        and all(header.key(base) == bare[column] for column, base, _ in again)
        and not header.same_units({names[column]: unit for column, _, unit in again if unit}, units)
    )


def unit_rows(
    batch: pa.RecordBatch, lines: numpy.ndarray, names: Sequence[str], units: Mapping[str, str]
) -> tuple[int | None, pa.BooleanArray]:
    """The line from which on another unit holds, None when none does; and the rows that only say the table's own once more."""
    begun = re.escape(header.split_unit(header.squeezed(names[0]))[0]) if any(name in units for name in names) else None
    found, captions = numpy.zeros(batch.num_rows, bool), numpy.zeros(batch.num_rows, bool)
    for place, column in enumerate(batch.columns):
        pattern = [begun] if place == 0 and begun else []
        pattern += [r"[（(]?(?:金额|计量)?单位[：:]"] if has_byte(column, _UNIT) else []
        if pattern:
            told = pc.match_substring_regex(column, rf"^[\s\x{{3000}}]*(?:{'|'.join(pattern)})")
            found |= pc.fill_null(told, False).to_numpy(zero_copy_only=False)
    for place in numpy.flatnonzero(found)[:_BLANKS]:
        cells = [column[place].as_py() for column in batch.columns]
        if other_units(cells, names, units):
            return int(lines[place]), pa.array(captions)
        captions[place] = says_units(cells) is not None
    return None, pa.array(captions)


def _filled(batch: pa.RecordBatch) -> numpy.ndarray:
    """How many cells each row fills."""
    filled = numpy.zeros(batch.num_rows, numpy.int32)
    for column in batch.columns:
        filled += column.is_valid().to_numpy(zero_copy_only=False)
    return filled


def is_full(filled: Iterable[int]) -> bool:
    """Whether most rows of a table fill so many cells that one which fills a single cell is no record."""
    counts = list(filled)
    while len(counts) > 1 and counts[-1] < 2:
        counts.pop()  # notes below the table
    counts.sort()
    return bool(counts) and counts[len(counts) // 2] >= _FULL


def lone_texts(batch: pa.RecordBatch, kinds: Kinds) -> pa.BooleanArray:
    """Rows with a single cell that is no value: headings of groups, titles and notes between the records."""
    lone = _filled(batch) == 1
    for place in numpy.flatnonzero(lone):
        column, cell = next((c, cell) for c, each in enumerate(batch.columns) if (cell := each[place].as_py()))
        lone[place] = not is_value(cell) and (column > 0 or not kinds.suits(cell))
    return pa.array(lone)


def headings(batch: pa.RecordBatch, kinds: Kinds) -> pa.BooleanArray:
    """Rows that fill the first column only, with a text that is no record's; in tables most of whose rows fill no more than two."""
    lone = (_filled(batch) == 1) & batch.column(0).is_valid().to_numpy(zero_copy_only=False)
    for place in numpy.flatnonzero(lone)[_BLANKS:]:
        lone[place] = False
    for place in numpy.flatnonzero(lone):
        lone[place] = kinds.heads(batch.column(0)[place].as_py())
    return pa.array(lone)


def one_sided(batch: pa.RecordBatch, width: int) -> tuple[int, str, int, str] | None:
    """The line from which on the columns of one side are blank that were filled, the side, how many they are, and the other side.

    Two tables of different length stand side by side like this; None when there is no such line among the last rows.
    """
    batch = batch.filter(pc.is_null(batch.column("_flaw")))
    rows, columns = batch.num_rows, batch.columns[:width]
    if width < 4 or rows < 3:
        return None
    blank = [
        column.null_count if column.slice(rows - column.null_count).null_count == column.null_count else -1
        for column in columns
    ]
    for side, counts in (("左", blank), ("右", blank[::-1])):
        ended = next((place for place, count in enumerate(counts) if count != counts[0]), width)
        enough = 1 if side == "左" else _ENDED
        others = counts[ended:]
        full = others.count(0) > 1 and (side == "左" or all(count < counts[0] for count in others))
        if 1 < ended < width - 1 and full and enough <= counts[0] < rows - 1:
            return batch.column("_row")[rows - counts[0]].as_py(), side, ended, "右" if side == "左" else "左"
    return None


def dittos(batch: pa.RecordBatch, mapped: Sequence[int]) -> pa.BooleanArray | None:
    """Rows that say 同上 in a column in use; None when none does."""
    found = None
    for column in (batch.column(place) for place in mapped):
        data = column.buffers()[2]
        if data is None or not has_short(column, _DITTO_LONGEST) or not _holds(data.to_pybytes()):
            continue
        same = pc.fill_null(pc.is_in(pc.utf8_trim_whitespace(column), pa.array(sorted(DITTOS))), False)
        found = same if found is None else pc.or_(found, same)
    return found if found is not None and pc.any(found).as_py() else None


def _holds(text: bytes) -> bool:
    return not text.isascii() and any(mark in text for mark in _DITTO_BYTES)


def odd_text(cells: Sequence[Any], mapped: Sequence[int]) -> str | None:
    """Why a row of a sheet is no record by itself: 同上 in a column in use, 平均, 承前页 or 示例 at its beginning."""
    if any(isinstance(cells[column], str) and cells[column].strip() in DITTOS for column in mapped):
        return DITTO
    first = next((cell for cell in cells[:3] if cell != ""), "")
    if not isinstance(first, str):
        return None
    return ledger.EXAMPLE if header.is_example(first) else ledger.WORKED_OUT if header.is_carried(first) else None


class Watch:
    """Says of a sheet's records, one after another, why one is none."""

    def __init__(self, names: Sequence[str], sample: Sequence[Sequence[Any]], units: Mapping[str, str]) -> None:
        self._names, self._width, self._units = list(names), len(names), units
        self._bare = header.split_unit(header.squeezed(names[0]))[0] if units and names else None
        self._full = is_full(self._width - row.count("") for row in sample)
        first = [row[0] for row in sample if names and row[0] != ""]
        counted = sum(not isinstance(cell, str) or _NUMBERED.match(cell.strip()) is not None for cell in first)
        self._counted = counted * 2 > len(first)
        self._kinds = Kinds([[str(cell) for cell in row] for row in sample], self._width)
        self.figures = self._kinds.figures
        self._above: deque[Sequence[Any]] = deque(maxlen=_LOOKED)
        self._last = self._gaps = 0
        self._titled = False  # the row above stands alone below a blank line
        self.second: int | None = None  # the line on which another table begins

    def flaw(self, line: int, cells: Sequence[Any]) -> str | None:
        """Why a row is no record, None when it is one. Lines rise; those left out between are gaps."""
        after = line > self._last + 1 or self._titled
        self._titled = after and cells.count("") == self._width - 1
        if self.second is None and after and len(self._above) > 1 and self._gaps < _BLANKS:
            self._gaps += 1
            above = zip(*([str(cell) for cell in row] for row in self._above), strict=True)
            if _names_others([str(cell) for cell in cells], above, self._names):
                self.second = line
        if self.second is None and len(self._above) > 1 and are_known(cells, self._kinds.figures, self._names):
            self.second = line
        if self.second is None and self._may_say_units(cells):
            if other_units(cells, self._names, self._units):
                self.second = line
            elif says_units(cells) is not None:
                return LONE
        if self.second is not None:
            return f"第 {self.second} 行起像是另一张表"
        if self._full and cells.count("") == self._width - 1:
            text = next(cell for cell in cells if cell != "")
            if isinstance(text, str) and not is_value(text) and (cells[0] == "" or not self._kinds.suits(text)):
                return LONE
        lone = not self._full and isinstance(cells[0], str) and cells.count("") == self._width - 1 > 0
        if lone and cells[0] and self._kinds.heads(cells[0]):
            return LONE
        if self.second is None and reordered(cells, self._names):
            self.second = line
            return f"第 {line} 行起像是另一张表"
        self._last = line
        if (why := swapped(cells, self._kinds, self._names)) is not None:
            return why
        if self._counted and isinstance(cells[0], str) and _GROUP.match(cells[0].strip()):
            return GROUP
        self._above.append(cells)
        return None

    def _may_say_units(self, cells: Sequence[Any]) -> bool:
        first = cells[0]
        if isinstance(first, str) and self._bare and first.startswith(self._bare):
            return True
        return cells.count("") > self._width - 3 and any(isinstance(cell, str) and "单位" in cell for cell in cells)


def reordered(cells: Sequence[Any], names: Sequence[str]) -> bool:
    """Whether a row has all the names once more, in another order."""
    return (
        len(cells) == len(names) > 1
        and isinstance(cells[0], str)
        and cells[0] in names[1:]
        and sorted(map(header.squeezed, cells)) == sorted(map(header.squeezed, names))
    )


def names_reordered(batch: pa.RecordBatch, names: Sequence[str]) -> int | None:
    """The line on which the names stand once more in another order; None when they do not."""
    if len(names) < 2:
        return None
    column = batch.column(0)
    for place in numpy.flatnonzero(
        pc.fill_null(pc.is_in(column, pa.array(names[1:])), False).to_numpy(zero_copy_only=False)
    )[:_AGAIN]:
        if reordered([each[place].as_py() or "" for each in batch.columns[: len(names)]], names):
            return int(batch.column("_row")[place].as_py())
    return None


def commented(column: pa.Array) -> pa.BooleanArray | None:
    """Records that begin with # where all others begin with a number: commented out, perhaps; None when there is none."""
    if not has_byte(column, _HASH):
        return None
    hashed = pc.fill_null(pc.match_substring_regex(column, r"^#\s*\d+$"), False)
    numbers = pc.fill_null(pc.match_substring_regex(column, r"^\d+$"), True)
    return (
        hashed
        if pc.any(hashed).as_py() and pc.all(pc.or_(hashed, numbers)).as_py() and pc.any(numbers).as_py()
        else None
    )


def groups(column: pa.Array) -> pa.BooleanArray | None:
    """Records that begin with 一、 or （二） among more that begin with 1, 2, 3: headings of groups, or their sums; None when there is none."""
    if not has_byte(column, _GROUP_BYTES):
        return None
    bare = pc.utf8_trim_whitespace(column)
    group = pc.fill_null(pc.match_substring_regex(bare, _GROUP.pattern), False)
    numbers = pc.fill_null(pc.match_substring_regex(bare, _NUMBERED.pattern), False)
    told, counted = pc.sum(group).as_py() or 0, pc.sum(numbers).as_py() or 0
    return group if counted > told > 0 and told + counted == len(column) - column.null_count else None


def bared(column: pa.Array, *, formulas: bool) -> pa.Array:
    """A column without the ="…" and the ' that keep a spreadsheet from taking a code for a number."""
    if formulas and has_byte(column, _FORMULA):
        column = pc.replace_substring_regex(column, r'^="([^"]*)"$', r"\1")
    if has_byte(column, _APOSTROPHE):
        column = pc.replace_substring_regex(column, r"^'(\d+[Xx]?)$", r"\1")
    return column


def has_null_mark(column: pa.Array) -> bool:
    """Whether a cell of a column is what databases write for a value that is missing."""
    return has_byte(column, _NULL_BYTES) and pc.any(pc.equal(column, NULL_MARK)).as_py() is True
