"""What a cell of a table holds: a value or a name, and of what kind the cells of its column are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_VALUE = re.compile(
    r"""^[\s$€£¥￥]*[-+−(]?\d[\d,\s]*\.?\d*(?:[eE][-+]?\d+)?[)%‰]?\s*(?:元|万元|亿元|人|户|件|天)?$   # a number
    |^[-+]?\.\d+$
    |^\d{1,4}[-/.年]\d{1,2}(?:[-/.月]\d{1,4}日?)?(?:[\sT]\s*\d{1,2}[:时].*)?$               # a date
    |^\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?$
    |^[0-9A-Za-z_.+-]+@[\w.-]+$|^https?://\S+$                                                # an address
    |^[0-9A-F]{8}-[0-9A-F-]{27}$|^[0-9A-HJ-NPQRTUWXY]{18}$|^\d{15,20}[Xx]?$
    |^(?:true|false|null|none|n/a|nan|-+)$""",
    re.VERBOSE | re.IGNORECASE,
)


YEAR = re.compile(r"^(?:1[5-9]|20|21)\d\d\s*年?(?:度|[ (].*)?$|^(?:1[0-2]|[1-9])月$|^Q[1-4]$")


def breadth(row: Sequence[str]) -> int:
    """How many cells of a row are filled."""
    return sum(cell != "" for cell in row)


def is_value(text: str) -> bool:
    """Whether a cell is a number, a date, an address or a code rather than a name."""
    return bool(_VALUE.match(text.strip()))


_KINDS = (
    ("blank", re.compile(r"^$")),
    ("number", re.compile(r"^[$€£¥￥]?[-+−(]?[\d.,]+[)%‰]?$")),
    ("time", re.compile(r"^\d{1,4}[-/.年:时]\d{1,2}(?:[-/.月:分].*)?$")),
    ("address", re.compile(r"^https?://\S+$|^[\w.+-]+@[\w.-]+$")),
    ("word", re.compile(r"^[^\s\d]*$")),
    ("code", re.compile(r"^\S*$")),
)  # fmt: skip
_PLACE = re.compile(r"[镇乡村县区街道社区]$")
_MARKED = re.compile(r"[\d：:；;，,。*=†‡/]|^\s*[(（\[]")  # a name may end in brackets: 明英安大药房（育才街店）
_REMARKS = frozenset({"备注", "附注", "注释", "说明", "注"})
_TELLING = 5  # rows from which on a column is known to hold one kind of cell
_USUAL = 0.8  # of them: the others may be the very rows that are asked about


def _kind(cell: str) -> str:
    return next((kind for kind, pattern in _KINDS if pattern.match(cell)), "text")


def _written(cell: str) -> str:
    """How a code is written: its letters and digits are of no account, their places are."""
    return re.sub(r"\d+", "9", re.sub(r"[A-Za-z]+", "A", cell)) if cell.isascii() else ""


def _one_kind(cells: Sequence[str]) -> str | None:
    """The kind most of a column's first cells are of; None when they are too few or of several."""
    seen = Counter(map(_kind, cells)).most_common(1) if len(cells) > 1 else []
    return seen[0][0] if seen and seen[0][1] >= len(cells) * _USUAL else None


def _marks(cell: str) -> set[str]:
    """The stops, brackets and the like in a cell; a digit counts as one of them."""
    return {"0" if mark.isdigit() else mark for mark in _MARKED.findall(cell)}


class Kinds:
    """What kind of cell each column of a table's first rows holds, where all of them hold one."""

    def __init__(self, rows: Sequence[Sequence[str]], width: int) -> None:
        whole = [row for row in rows if len(row) == width]
        while width > 1 and len(whole) > 1 and sum(cell.strip() != "" for cell in whole[-1]) < 2:
            whole.pop()  # notes below the table
        self._of: list[str | None] = [None] * width
        columns = [[text for row in whole if (text := row[column].strip())] for column in range(width)]
        # The columns, from 0, most of whose cells are values.
        self.figures = [
            c for c, told in enumerate(columns) if len(told) > 1 and sum(map(is_value, told)) * 2 > len(told)
        ]
        filled = [row for row in whole if sum(cell != "" for cell in row) > 1]
        self._first = [text for row in filled if (text := row[0].strip())] if len(filled) >= _TELLING else []
        for column in range(width if len(whole) >= _TELLING else 0):
            seen = Counter(_kind(row[column].strip()) for row in whole)
            kind, count = seen.most_common(1)[0]
            self._of[column] = kind if count >= len(whole) * _USUAL else None
        # The marks in what begins the rows, most of which fill more than that cell; None where they do not.
        more = [row[0] for row in whole if row[0].strip() and any(cell.strip() for cell in row[1:])]
        self._marks = set().union(*map(_marks, more)) if len(more) > 1 and len(more) * 2 >= len(whole) else None
        # The columns, from 0, that are never blank.
        self._never_blank = {c for c in range(width) if len(whole) >= _TELLING and all(row[c].strip() for row in whole)}
        self._began = [_one_kind([row[column].strip() for row in whole[:_TELLING]]) for column in range(width)]
        # The columns, from 0, that begin with numbers or times.
        self.measured = [column for column, kind in enumerate(self._began) if kind in ("number", "time")]

    def is_odd(self, column: int, cell: str) -> bool:
        """Whether a cell is of another kind than its whole column."""
        kind = self._of[column] if column < len(self._of) else None
        return kind is not None and kind != _kind(cell.strip())

    def swapped(self, cells: Sequence[str]) -> tuple[int, int] | None:
        """Two columns whose cells have changed places: words stand where numbers or times began, and those where words did."""
        kinds = [_kind(cell.strip()) for cell in cells]
        for column in self.measured:
            for other, kind in enumerate(kinds):
                if (self._began[other], kinds[column]) == ("word", "word") and kind == self._began[column]:
                    return min(column, other), max(column, other)
        return None

    def suits(self, cell: str) -> bool:
        """Whether a text alone in its row is written as the codes or the places of the first column are.

        丁家镇 among 城关镇 and 东河镇, A009 among A001 and A002; a name of another kind may head those below it.
        """
        text = cell.strip()
        if _PLACE.search(text):
            alike = [other for other in self._first if other[-1] == text[-1]]
            return len(alike) * 2 >= len(self._first) > 0 and len(text) <= max(map(len, alike))
        written = _written(text)
        alike = [other for other in self._first if _written(other) == written]
        return "9" in written and len(alike) >= len(self._first) * _USUAL > 0

    def heads(self, cell: str) -> bool:
        """Whether a text alone in the first column of its row is no record: it is called a note, or has digits or marks in it as no other first cell has."""
        if self._marks is None or is_value(cell):
            return False
        return cell.strip() in _REMARKS or bool(_marks(cell) - self._marks)

    def contradict(self, cells: Sequence[str]) -> bool:
        """Whether two cells or more are of another kind than their whole column, or one is blank that never is: the row has slipped."""
        return sum(self.is_odd(column, cell) for column, cell in enumerate(cells)) > 1 or any(
            not cells[column].strip() for column in self._never_blank if column < len(cells)
        )
