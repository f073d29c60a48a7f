"""Text columns that Arrow reads, cell by cell and strictly, as what they say.

    '2026-01-05 08:00:00', '2026-01-05 09:30'  ->  timestamps     '2026-01-05', '2026/1/5'  ->  stays text

Most sources write a column the same way from its first row to its last, and Arrow's parser reads such a column for a
tenth of what asking each cell for its spelling costs. It reads a column only where every cell has the plain spelling
that the contract's kind has too, so that nothing changes but the time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

import numpy
import pyarrow as pa
import pyarrow.compute as pc

_FIRST, _LAST = datetime(1900, 1, 1), datetime(2999, 12, 31)  # outside, a date is an odd one: it is looked at as text
_DATE_AND_HOUR = 13  # the length of '2026-01-05 08', which Arrow would read
_NO_FIGURE = re.compile(rb"[^0-9.-]")  # Arrow would read 0x1F, 1e5 and +1 too


def read(rows: pa.Table, wanted: Mapping[str, pa.DataType]) -> tuple[pa.Table, frozenset[str]]:
    """The rows with those of the wanted text columns read in which every cell can be, and these columns' names."""
    found = []
    for name, kind in wanted.items():
        place = rows.schema.get_field_index(name)
        column = _read(rows.column(place), kind)
        if column is not None:
            rows = rows.set_column(place, name, column)
            found.append(name)
    return rows, frozenset(found)


def _read(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray | None:
    instant = pa.types.is_temporal(kind)
    if not instant and not all(map(_plain_figures, column.chunks)):
        return None
    if pa.types.is_timestamp(kind) and pc.any(pc.equal(pc.binary_length(column), _DATE_AND_HOUR)).as_py():
        return None
    try:
        values = pc.cast(column, kind)
    except pa.ArrowInvalid:
        return None
    if instant and values.null_count < len(values):
        span = pc.min_max(pc.cast(values, pa.timestamp("us"))).as_py()
        if not _FIRST <= span["min"] <= span["max"] <= _LAST:
            return None
    return values


def _plain_figures(column: pa.StringArray) -> bool:
    """Whether the cells hold nothing but what a plain number has."""
    _, offsets, data = column.buffers()
    if data is None or not len(column):
        return True
    first, last = numpy.frombuffer(offsets, numpy.int32)[[column.offset, column.offset + len(column)]]
    return _NO_FIGURE.search(memoryview(data)[first:last]) is None
