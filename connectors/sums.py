"""Sums of a ledger's records between its totals, and which rows that say so are the sums of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
import pyarrow as pa
import pyarrow.compute as pc

_FIGURE = r"^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$"
_LEVELS = 9  # of indentation, in blanks


def agree(given: Any, found: Any) -> Any:
    """Whether a total and the sum of its records are the same but for rounding; of arrays, which are. NaN agrees with nothing."""
    return numpy.abs(given - found) <= numpy.maximum(0.01, numpy.abs(found) * 1e-9)


class Sums:
    """Sums of some columns over the records between totals, and how many records there are, by how far they are indented."""

    def __init__(self, columns: Sequence[int], totals: Sequence[int]) -> None:
        self._columns, self._lines = list(columns), numpy.array(totals)
        self._rows = numpy.zeros((_LEVELS, len(totals) + 1), numpy.int64)
        self._of = numpy.zeros((len(self._columns), _LEVELS, len(totals) + 1))

    def add(self, line: int, cells: Sequence[Any]) -> None:
        """Add one record."""
        part, first = int(numpy.searchsorted(self._lines, line)), cells[0]
        level = min(len(first) - len(first.lstrip()), _LEVELS - 1) if isinstance(first, str) else 0
        self._rows[level, part] += 1
        for place, column in enumerate(self._columns):
            self._of[place, level, part] += number(cells[column]) or 0.0

    def add_batch(self, batch: pa.RecordBatch) -> None:
        """Add records of text columns that have a `_row`; what is no number counts as nothing."""
        size = self._rows.shape[1]
        first = pc.fill_null(batch.column(0), "")
        indent = pc.subtract(pc.utf8_length(first), pc.utf8_length(pc.utf8_ltrim_whitespace(first))).to_numpy()
        places = numpy.searchsorted(self._lines, batch.column("_row").to_numpy())
        places += numpy.minimum(indent, _LEVELS - 1) * size
        self._rows += numpy.bincount(places, minlength=_LEVELS * size).reshape(_LEVELS, size)
        for place, column in enumerate(self._columns):
            text = pc.replace_substring(
                pc.utf8_trim_whitespace(pc.utf8_normalize(batch.column(column), "NFKC")), ",", ""
            )
            figure = pc.fill_null(pc.match_substring_regex(text, _FIGURE), False)
            values = pc.cast(pc.if_else(figure, text, "0"), pa.float64()).to_numpy()
            self._of[place] += numpy.bincount(places, weights=values, minlength=_LEVELS * size).reshape(_LEVELS, size)

    def between(self, first: int, last: int) -> tuple[int, dict[int, float]]:
        """Records and sums by column from behind the total number `first` up to number `last` (from 1; 0 is the top)."""
        return int(self._rows[:, first:last].sum()), self._sums(self._of[:, :, first:last].sum(axis=(1, 2)))

    def shallow(self, first: int, last: int) -> dict[int, float]:
        """The sums of the records there that are indented least: those below are parts of them."""
        level = int((self._rows[:, first:last].sum(axis=1) > 0).argmax())
        return self._sums(self._of[:, level, first:last].sum(axis=1))

    def _sums(self, sums: numpy.ndarray) -> dict[int, float]:
        return dict(zip(self._columns, sums.tolist(), strict=True))


def number(cell: Any) -> float | None:
    """A cell as a number, None for what is none."""
    if isinstance(cell, bool):
        return None
    if isinstance(cell, (int, float)):
        return float(cell)
    try:
        return float(str(cell).replace(",", "")) if isinstance(cell, str) and cell.strip() else None
    except ValueError:
        return None


def proven(figures: numpy.ndarray, plain: numpy.ndarray, said: Sequence[int], whole: Sequence[int]) -> dict[int, bool]:
    """Which of the rows that are called a sum (`said`) or the whole (`whole`) add up others, and whether in all columns.

    `figures` has a row per row and a column per column, NaN where there is no number; `plain` tells which rows are
    records beyond doubt. A row adds up those since the last such row, all above, those down to the next, or all others:
    in half its columns of numbers or more, and in one that is not 0 or in all of them. Where half of the sums are proven all of them are.
    """
    marks = sorted({*said, *whole})
    totals = numpy.cumsum(numpy.nan_to_num(figures) * plain[:, None], axis=0)
    totals, count = numpy.vstack([numpy.zeros(figures.shape[1]), totals]), numpy.concatenate([[0], numpy.cumsum(plain)])
    found: dict[int, bool] = {}
    for place, row in enumerate(marks):
        before = marks[place - 1] + 1 if place else 0
        after = marks[place + 1] if place + 1 < len(marks) else len(plain)
        given = ~numpy.isnan(figures[row])
        for first, last in ((before, row), (0, row), (row + 1, after), (0, len(plain))):
            if count[last] - count[first] < (1 if row in said else 2):
                continue
            same = agree(figures[row], totals[last] - totals[first])
            telling = (same & (figures[row] != 0)).any() or (row in said and given.any() and same[given].all())
            if telling and same.sum() * 2 >= given.sum():
                found[row] = bool(same.sum() == given.sum())
                break
    sure = sum(row in found for row in said)
    return {**dict.fromkeys(said, False), **found} if sure and sure * 2 >= len(said) else found
