"""The foot of a ledger: totals, signatures and notes are no records, but a total is a check.

小计 is compared with the rows since the last 小计, 合计 and 总计 with all rows, as a sum or as a count. Sums are
made in a second look at the table, and only when there is a total: most large ones have none.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import pyarrow as pa

from connectors import header
from connectors.cells import is_value
from connectors.sums import Sums, agree, number, proven

_COUNT = re.compile(r"共?(\d+)\s*(?:项|个|户|件|家|条|人|宗|笔|次)?")
_TOLD = 3
_SHORT = 12  # characters: 小计 and 合计 behind a name
_SUMMING = re.compile("[计計数全和总分上去增同环]|total", re.IGNORECASE)
BEHIND = 5  # cells of a row among which one may say that it is a sum
_PROVABLE = 20_000  # rows of a table whose sums are proven: larger files are no ledgers
_LABELS = frozenset("甲乙丙丁戊ABCDE")
_NUMBERING = frozenset(["栏次", "列次", "栏号", "列号"])  # what a row of the columns' numbers begins with
_LETTERS = ("甲A", "乙B", "丙C", "丁D", "戊E")  # before the numbers of the columns
_NUMBERED = re.compile(r"[(\[【]?(\d{1,3})[)\]】.、]?(?:=.*)?")  # （1）, ①, 3=1+2
DOUBTFUL = "像是各列的编号，也可能是一条记录"
WORKED_OUT = "像是承转、平均等由别的行算出来的一行，不是单独的一条记录"
EXAMPLE = "像是填表的示例，不是一条记录"
PART = "像是合计的一部分，不是单独的一条记录"


@dataclass(frozen=True)
class _Total:
    line: int
    word: str
    values: dict[int, Any]  # column -> what the total row says there


class Foot:
    """Tells records from the rows between and below them."""

    def __init__(
        self, names: Sequence[str], wanted: Sequence[str], *, numbered: bool = False, above: Sequence[Sequence[str]] = (),
        units: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self._units = units or {}
        self.figures: Sequence[int] = ()  # the columns, from 0, most of whose cells are values
        self._numbered = numbered  # whether the first row only numbers the columns
        self._above = above  # the rows of a header of several, as they stand
        self._names = list(names)
        mapped = set(wanted)
        self.mapped = [index for index, name in enumerate(names) if name in mapped]
        self.serial = next((index for index in self.mapped if header.key(names[index]) in header.SERIALS), None)
        if len(self.mapped) > 1:
            self.mapped = [index for index in self.mapped if index != self.serial]
        self._whole: tuple[int, str] | None = None  # the first row that names the whole county, say
        self.proven: dict[int, bool] = {}  # lines that say 小计 behind a name, 全县 or Total and do add up others
        self._totals: list[_Total] = []
        self._left_out: set[int] = set()
        self._notes = self._signed = self._empty = 0
        self.first: int | None = None  # the line of the first record
        self._tied = self._total_line = 0  # the line of the last total or of what is part of it
        self._below: int | None = None  # from this line on all rows are part of a total
        self._first_key = header.key(names[0]) if names else ""
        self._again = self._numbering = self._rules = 0

    def is_record(self, cells: Sequence[Any], line: int) -> bool:
        """Whether a row is a record; lines count from 1 and come in order."""
        first = cells[0] if cells[0] != "" else next((cell for cell in cells if cell != ""), "")
        if first == "" or (
            isinstance(first, str) and not first.strip() and not any(str(cell).strip() for cell in cells)
        ):
            return False
        if self._numbered and self.first is None and is_numbering(cells):
            self._numbering = line
            self._left_out.add(line)
            return False
        if isinstance(first, str) and (header.is_rule(cells) or (self.first is None and header.are_types(cells))):
            self._rules += 1
            self._left_out.add(line)
            return False
        if line in self.proven or self._is_foot(first, cells, line):
            if line in self.proven:
                self.leave_out_sum(cells, line)
            self._left_out.add(line)
            return False
        if len(cells) > 1 and isinstance(first, str) and self._is_header(cells):
            self._again += 1
            self._left_out.add(line)
            return False
        if not any(cells[index] != "" for index in self.mapped):
            self._empty += any(str(cell).strip() for cell in cells)
            self._left_out.add(line)
            return False
        self.first = self.first or line
        if self._whole is None and (word := sum_word(cells)) is not None:
            self.see_whole(line, str(cells[word]))
        return True

    def prove(self, table: Iterable[tuple[int, Sequence[Any]]]) -> None:
        """Find those of a table's rows that say 小计 behind a name, 全县 or Total and add up others: they are totals."""
        rows = list(itertools.islice(table, _PROVABLE))
        words = {place: word for place, (_, cells) in enumerate(rows) if (word := sum_word(cells)) is not None}
        if not words:
            return
        whole = [place for place, word in words.items() if word == 0 and not header.is_summed(str(rows[place][1][0]))]
        columns = [column for column in range(1, len(self._names)) if column != self.serial]
        figures = [[number(cells[column]) for column in columns] for _, cells in rows]
        plain = numpy.array([place not in words and _is_plain(cells) for place, (_, cells) in enumerate(rows)])
        said = [place for place in words if place not in whole]
        known = numpy.array(figures, numpy.float64)
        found = proven(known, plain, said, whole)
        if not numpy.isnan(known[plain]).all():  # a total nobody filled in
            found |= {
                place: True for place in said if not any(cell != "" for cell in rows[place][1][words[place] + 1 :])
            }
        self.proven = {rows[place][0]: exact for place, exact in found.items()}

    def nameless(self, table: Iterable[tuple[int, Sequence[Any]]], line: int) -> bool:
        """Whether a last row without a name, nothing but figures in it, adds up all rows above in every column; then it is a total."""
        rows = list(itertools.islice(table, _PROVABLE))
        if any(is_nameless(cells) for at, cells in rows if at != line):
            return False  # rows without a name are usual here
        columns = [column for column in range(1, len(self._names)) if column != self.serial]
        figures = numpy.array([[number(cells[column]) for column in columns] for _, cells in rows], numpy.float64)
        plain = numpy.array([_is_plain(cells) and at < line and at not in self.proven for at, cells in rows])
        places = [place for place, (at, _) in enumerate(rows) if at == line]
        if not places or not proven(figures, plain, (), places).get(places[0]):
            return False
        self.proven[line] = True
        return True

    def leave_out_sum(self, cells: Sequence[Any], line: int) -> None:
        """Take in a row that is proven to be a sum; what of it agrees need not be compared again."""
        index = sum_word(cells) or 0
        values = {} if self.proven[line] else {i: cell for i, cell in enumerate(cells) if i > index and cell != ""}
        self._totals.append(_Total(line, header.squeezed(cells[index] or "合计").rstrip("：:"), values))

    def see_whole(self, line: int, text: str) -> None:
        """Note the first record that is called as the whole is of which the others may be the parts."""
        self._whole = self._whole or (line, header.squeezed(text))

    def see_empty(self, rows: int) -> None:
        """Note rows of nothing but a serial number, left out."""
        self._empty += rows

    def part(self, line: int, first: Any) -> bool:
        """Whether a record is none but part of the total above it: 其中：城镇, and what is indented below.

        Under a total at the foot everything behind such a row is. Lines rise; `first` is the row's first cell.
        """
        if self._below is not None and line >= self._below:
            return True
        if line != self._tied + 1 or not isinstance(first, str):
            return False
        named = header.is_part(first)
        if not named and (self._tied == self._total_line or first[:1] not in " \u3000"):
            return False
        self._tied = line
        if named and self.first is not None and self.first < self._total_line:
            self._below = line
        return True

    def exclude(self, line: int) -> None:
        """Leave a row out of the sums."""
        self._left_out.add(line)

    def _is_header(self, cells: Sequence[Any]) -> bool:
        """Whether the names stand here once more, as on every page of a printed list."""
        if any(stands_in(cells, row) for row in self._above):
            return True
        if not header.key(cells[0]).startswith(self._first_key):
            return False
        found = header.fit([str(cell) for cell in cells], self._names)
        return found.names == self._names and header.same_units(found.units, self._units)

    def _is_foot(self, first: Any, cells: Sequence[Any], line: int) -> bool:
        if not isinstance(first, str):
            return False
        if (
            not header.is_total(first)
            and not (header.is_signature(first) and not is_filled_in(cells, self.figures))
            and not (self._notes and sum(cell != "" for cell in cells) == 1 and len(cells) > 1)
        ):
            return False
        self.leave_out(cells, line)  # a note may go on in the next lines
        return True

    def leave_out(self, cells: Sequence[Any], line: int) -> None:
        """Take in a row that is known to be a total, a signature or a note; of the latter the next lines too."""
        index = next((i for i, cell in enumerate(cells) if cell != ""), 0)
        first = str(cells[index])
        if header.is_total(first):
            values = {i: cell for i, cell in enumerate(cells) if i > index and cell not in ("", first)}
            self._totals.append(_Total(line, header.squeezed(first).rstrip("：:"), values))
            if not header.is_subtotal(self._totals[-1].word):
                self._tied = self._total_line = line
        else:
            self._notes += 1
            self._signed += header.is_signature(first) and not header.is_remark(first)

    def findings(self, sums: Callable[[Sums], None]) -> Iterator[tuple[str, str]]:
        """What to tell about the table: code and Chinese text. `sums` adds its records, asked only when there are totals."""
        mismatches = list(self._mismatches(sums)) if self._totals else []
        for text in mismatches[:_TOLD]:
            yield "total_mismatch", text
        if len(mismatches) > _TOLD:
            yield "total_mismatch", f"另有 {len(mismatches) - _TOLD} 处合计与明细不符"
        if self._totals or self._notes:
            told = [(len(self._totals), "合计"), (self._signed, "签字"), (self._notes - self._signed, "说明")]
            yield "foot_dropped", f"去掉了 {'、'.join(f'{count} 行{what}' for count, what in told if count)}"
        if self._whole:
            line, name = self._whole
            what = "像是由别的行算出来的" if header.is_derived(name) else "像是别的行的合计"
            yield "whole_row", f"第 {line} 行“{name}”{what}，仍作一条记录读入，汇总时不要重复计算"
        if self._numbering:
            yield "numbering", f"第 {self._numbering} 行是各列的编号，没有读入"
        if self._rules:
            yield "rules", f"去掉了 {self._rules} 行分隔线或页码"
        if self._again:
            yield "header_again", f"去掉了 {self._again} 行重复的表头"
        if self._empty:
            yield "number_only", f"有 {self._empty} 行只有序号等无关内容，没有读入"

    def add_rows(self, sums: Sums, rows: Iterable[tuple[int, Sequence[Any]]]) -> None:
        """Add a sheet's rows, given once more as (line, cells), without those that are no records."""
        for line, cells in rows:
            if line not in self._left_out and any(cells[index] != "" for index in self.mapped):
                sums.add(line, cells)

    def add_batch(self, sums: Sums, batch: pa.RecordBatch) -> None:
        """Add records as text columns in the table's order and their `_row`, without those that fill no mapped column."""
        filled = numpy.zeros(batch.num_rows, bool)
        for index in self.mapped:
            filled |= batch.column(index).is_valid().to_numpy(zero_copy_only=False)
        filled &= ~batch.column("_flaw").is_valid().to_numpy(zero_copy_only=False)
        sums.add_batch(batch.filter(pa.array(filled)))

    def _mismatches(self, add: Callable[[Sums], None]) -> Iterator[str]:
        self._totals.sort(key=lambda total: total.line)
        columns = sorted({column for total in self._totals for column in total.values})
        sums = Sums(columns, [total.line for total in self._totals])
        add(sums)
        since = 0  # the part in which the last 小计 ends
        for place, total in enumerate(self._totals, 1):
            is_part = header.is_subtotal(total.word)
            reach = since if is_part else 0, place
            if not is_part and place == 1 and not sums.between(*reach)[0]:
                reach = 0, len(self._totals) + 1  # it stands above what it adds up
            yield from self._compared(total, *sums.between(*reach), sums.shallow(*reach))
            since = place if is_part else since

    def _compared(self, total: _Total, rows: int, sums: dict[int, float], shallow: dict[int, float]) -> Iterator[str]:
        """What of a total agrees neither with all its records nor with those that are indented least."""
        for column, said in total.values.items():
            given = number(said)
            if given is None:
                counted = _COUNT.fullmatch(said.strip()) if isinstance(said, str) else None
                if counted and int(counted.group(1)) != rows:
                    yield f"第 {total.line} 行{total.word}写“{said.strip()}”，实有 {rows} 行"
                continue
            found = sums[column]
            if not (agree(given, found) or agree(given, shallow[column])) and given != rows:
                yield (
                    f"第 {total.line} 行“{self._names[column]}”{total.word}写 {given:.15g}，"
                    f"明细相加为 {round(found, 6):.15g}（{rows} 行）"
                )


def sum_word(cells: Sequence[Any]) -> int | None:
    """Where a row says that it may be the sum of others; None when it does not. One that begins with nothing says so in English only: 合计 is a total there anyway."""
    begun, first = 0, cells[0]
    if isinstance(first, str) and not first.strip():
        begun = next((place for place, cell in enumerate(cells[:BEHIND]) if str(cell).strip()), 0)
        first = cells[begun]
    if isinstance(first, str) and _SUMMING.search(first) and (header.is_english if begun else header.is_whole)(first):
        return begun
    for place, cell in enumerate(cells[begun + 1 : BEHIND], begun + 1):
        short = isinstance(cell, str) and len(cell) < _SHORT and _SUMMING.search(cell)
        if short and (header.is_total(cell) or header.is_english(cell)):
            return place
    return None


def is_filled_in(cells: Sequence[Any], figures: Sequence[int]) -> bool:
    """Whether a row that begins as a note does, 注：见附件, is a record all the same.

    More than half of its cells are filled, none of the others is a label, and one holds a value where values stand;
    in a table of texts all are filled.
    """
    filled = [(column, str(cell)) for column, cell in enumerate(cells) if cell not in ("", None)]
    if filled and not header.is_remark(filled[0][1]):
        return False  # somebody signed it
    if len(filled) * 2 <= len(cells) or any(
        header.is_signature(text) or header.is_label(text) for _, text in filled[1:]
    ):
        return False
    if not figures:
        return len(filled) == len(cells) > 2
    return any(column in figures and is_value(text) for column, text in filled[1:])


def is_nameless(cells: Sequence[Any]) -> bool:
    """Whether a row begins with nothing and holds nothing but figures."""
    given = [cell for cell in cells if cell not in ("", None)]
    return bool(given) and cells[0] in ("", None) and all(number(cell) is not None for cell in given)


def _is_plain(cells: Sequence[Any]) -> bool:
    """Whether a row is no total, signature or part of a total."""
    first = next((cell for cell in cells if cell != ""), "")
    return first != "" and not (
        isinstance(first, str) and (header.is_total(first) or header.is_signature(first) or header.is_part(first))
    )


def is_numbering(cells: Sequence[Any]) -> bool:
    """Whether a row under the header may number the columns: 1, 2, 3, … (甲, 乙 or A, B may stand before them)."""
    return _numbered(cells) is not None


def _numbered(cells: Sequence[Any]) -> bool | None:
    """Whether a row that counts its cells does so as no record would, （1）, ①, 3=1+2; None when it counts none."""
    given = [unicodedata.normalize("NFKC", spelling).strip() for cell in cells if (spelling := _spelling(cell))]
    named = bool(given) and given[0] in _NUMBERING
    given = given[named:]
    letters = len(list(itertools.takewhile(lambda pair: pair[0] in pair[1], zip(given, _LETTERS, strict=False))))
    found = [_NUMBERED.fullmatch(cell) for cell in given[letters:]]
    numbers = [int(each.group(1)) for each in found if each]
    if len(given) < 3 - named or not numbers or len(numbers) < len(found) or numbers[0] not in (0, 1):
        return None
    if numbers != [numbers[0] + index for index in range(len(numbers))] or (not letters and len(numbers) < 3 - named):
        return None
    if named:
        return True
    return any(not cell.isascii() or not cell.isdigit() for cell in list(filter(None, map(_spelling, cells)))[letters:])


def _spelling(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()


def numbering(rows: Sequence[Sequence[Any]], names: Sequence[str]) -> bool | None:
    """Whether the first of a table's rows numbers its columns; None when it does so or is a record, one cannot tell.

    1, 2, 3 do over columns that hold texts in all other rows: half of them, or the first.
    """
    dressed = _numbered(rows[0]) if rows else None
    if dressed is None or dressed or len(rows) < 2:
        return bool(dressed)
    columns = [
        [row[column] for row in rows[1:] if column < len(row) and row[column] != ""]
        for column, cell in enumerate(rows[0])
        if cell != ""
    ]
    worded = [bool(column) and all(_is_word(cell, names) for cell in column) for column in columns]
    chinese = not names[0].isascii()
    begun_with = number(rows[0][0])
    if columns[0] and begun_with is not None and _spelling(columns[0][0]) == str(int(begun_with) + 1):
        return False  # a serial number that goes on
    if sum(worded) * 2 >= len(worded) or (worded[0] and (len(worded) > 3 or chinese)):
        return True
    if not _spelling(rows[0][0]).isdigit():
        first = list(map(_spelling, columns[0]))
        letters = sum(_spelling(cell) in _LABELS for cell in rows[0])
        return not _LABELS & set(first) and (letters > 1 or all(map(str.isdigit, first)))  # 甲, 1, 2 among 乙 and 丙
    begun = [bool(column) and _is_word(column[0], names) for column in columns]
    doubtful = sum(begun) * 2 >= len(begun) or begun[0] or len(begun) > 3
    return None if doubtful and chinese else False


def _is_word(cell: Any, names: Sequence[str]) -> bool:
    text = cell.strip() if isinstance(cell, str) else ""
    return bool(text) and not is_value(text) and text not in {*_LABELS, *names}


def stands_in(cells: Sequence[Any], names: Sequence[str]) -> bool:
    """Whether a row says, in two columns or more, what a row of the header says there, and nothing else."""
    given = [(column, header.squeezed(cell)) for column, cell in enumerate(cells) if cell != ""]
    return len(given) > 1 and all(
        column < len(names) and text == header.squeezed(names[column]) for column, text in given
    )
