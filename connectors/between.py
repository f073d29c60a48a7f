"""What stands between the records of a delimited text: the names once more, another table, a number dressed as a formula."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy
import pyarrow as pa
import pyarrow.compute as pc

from connectors import header, shape
from connectors.batches import has_byte

_FORMULA = re.compile(b'="')
_LOOKED = 20
_AGAIN = 1000  # rows of a block that begin like the header and are compared with it
_BLANKS = 100  # lines of a block below which another table is looked for


def names_again(batch: pa.RecordBatch, names: Sequence[str]) -> pa.BooleanArray:
    """Rows in which the names stand once more, as on every page of a printed list."""
    again = numpy.zeros(batch.num_rows, bool)
    if len(names) > 1 and batch.num_rows:
        first = "^" + r"[\s\x{3000}]*".join(map(re.escape, names[0]))
        alike = pc.fill_null(pc.match_substring_regex(batch.column(0), first), False)
        for place in numpy.flatnonzero(alike.to_numpy(zero_copy_only=False))[:_AGAIN]:
            cells = [batch.column(column)[place].as_py() or "" for column in range(len(names))]
            again[place] = header.fit(cells, names).names == list(names)
    return pa.array(again)


def other_table(batch: pa.RecordBatch, lines: numpy.ndarray, blank: Sequence[int], names: Sequence[str]) -> int | None:
    """The line on which another table's names stand: below a blank line, and over columns that held figures.

    The same `names` once more are the next page of this table. `lines` are the rows' lines, `blank` the lines that are empty; rows without any value are blank too.
    """
    places = numpy.searchsorted(lines, numpy.array(blank, numpy.int64)).tolist()
    if batch.num_rows and all(column.null_count for column in batch.columns):
        filled = numpy.zeros(batch.num_rows, bool)
        for column in batch.columns:
            filled |= column.is_valid().to_numpy(zero_copy_only=False)
        places += (numpy.flatnonzero(~filled[:-1] & filled[1:]) + 1).tolist()
    for place in places[:_BLANKS]:
        if place < 2 or place + 1 >= batch.num_rows:
            continue
        row = [column[place].as_py() for column in batch.columns]
        given = [cell for cell in row if cell]
        if header.fit([cell or "" for cell in row[: len(names)]], names).names == list(names):
            continue
        if len(given) < 2 or len(set(given)) < len(given) or any(map(shape.is_value, given)):
            continue
        above = batch.slice(max(place - _LOOKED, 0), min(place, _LOOKED))
        for column, cell in zip(above.columns, row, strict=True):
            known = [text for text in column.to_pylist() if text]
            if cell and len(known) > 1 and all(map(shape.is_value, known)):
                return int(lines[place])
    return None


def bared(column: pa.Array) -> pa.Array:
    """A column without the ="…" that keeps a spreadsheet from taking a number for one."""
    if not has_byte(column, _FORMULA):
        return column
    return pc.replace_substring_regex(column, r'^="([^"]*)"$', r"\1")
