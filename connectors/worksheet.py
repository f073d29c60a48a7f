"""One sheet of a workbook: its rows as a person counts them, its cells as text, and where its header is."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import python_calamine as calamine

from connectors import around, header, opendocument, shape, texts, webtable
from connectors.formats import filled

_HEADER_SEARCH = 60
_HEADER_DEPTH = 3
_DEEPEST = 8  # rows of a header whose cells are merged downwards
# Excel keeps 15 significant digits: an integer of 16 is no longer the one that was typed.
_UNSAFE = 1e15
_DAYS = 2_958_466  # the first day after the year 9999
_SAMPLE = 200  # rows that tell whether there is a table

AnySheet = calamine.CalamineSheet | webtable.Sheet | opendocument.Sheet | texts.Sheet
Merge = tuple[tuple[int, int], tuple[int, int]]
Cell = Any  # str | float | int | bool | date | datetime | time | timedelta, as calamine gives it


class Located:
    """Where a sheet's header is."""

    def __init__(
        self, found: header.Header, data_row: int, captions: list[str], rows: list[list[str]], *, card: bool,
        above: int | None, narrow: int | None,
    ) -> None:  # fmt: skip
        self.header, self.data_row, self.captions, self.named = found, data_row, captions, bool(rows)
        self.card = card  # it is one form filled in
        self.above = above  # the row, from 1, in which another table begins above the header
        self.narrow = narrow  # the row, from 1, in which two columns begin above it that may be a table
        self.rows = rows if len(rows) > 1 else []  # of a header of several, as they stand


def locate(sheet: AnySheet, wanted: Sequence[str], at: int | None, depth: int | None) -> Located | None:
    """The rows that read best as a header; None for an empty sheet. Rows and columns count from 0."""
    top = [[spelled(cell) for cell in row] for row in rows_of(sheet, _notes(sheet) + _HEADER_SEARCH + _HEADER_DEPTH)]
    if not any(any(row) for row in top):
        return None
    width = max(len(row) for row in top)
    top = [[*row, *[""] * (width - len(row))] for row in top]
    merges = [m for m in sheet.merged_cell_ranges or [] if m[0][0] < len(top)]
    for (row0, col0), (row1, col1) in merges:
        for row in range(row0, min(row1 + 1, len(top))):
            for column in range(col0, min(col1 + 1, width)):
                top[row][column] = top[row0][col0]
    joined = {row for (row, first), (_, last) in merges if last > first}
    chosen = _mapped(top, joined, wanted, at, depth) if wanted else _told(top, joined, merges, at, depth)
    if chosen is None:
        return None
    start, rows = chosen
    # A header cell merged downwards says that the header goes on, whether or not a mapped column does.
    if depth is None and rows:
        deeper = start + rows - 1
        for (first, _), (last, _) in sorted(merges):
            deeper = max(deeper, last) if start <= first <= deeper else deeper
        if start + rows <= deeper < len(top) - 1 and deeper - start < _DEEPEST:
            deep = _names(top, joined, start, deeper - start + 1)
            if header.fit(deep, wanted).hits >= header.fit(_names(top, joined, start, rows), wanted).hits:
                rows = deeper - start + 1
    found = header.fit(_names(top, joined, start, rows) if rows else [""] * width, wanted)
    last = _last_column(sheet, top[start:], width)
    while len(found.names) > last and found.names[-1].startswith("列") and found.names[-1] not in wanted:
        found.names.pop()
    captions = [" ".join(dict.fromkeys(cell.strip() for cell in row if cell.strip())) for row in top[:start]]
    captions = [caption for caption in captions if caption]
    for caption in captions:
        if unit := header.sheet_unit(caption):
            found.units["*"] = unit
    alone = not wanted and at is None
    above = around.table_above(top, start) if alone and rows else None
    return Located(
        found,
        start + rows,
        captions,
        top[start : start + rows],
        card=alone and shape.is_card(top),
        above=above,
        narrow=around.narrow_above(top, start) if alone and rows else None,
    )


def _notes(sheet: AnySheet) -> int:
    """How many rows of one cell or none stand above the first wider one."""
    wide = (place for place, row in enumerate(rows_of(sheet)) if len(row) - row.count("") > 1)
    return next(wide, 0)


def is_table(sheet: AnySheet) -> bool:
    """Whether two of a sheet's first rows fill two cells or more, as those of covers and instructions do not, and it is no form."""
    rows = list(itertools.islice(rows_of(sheet), _notes(sheet), _notes(sheet) + _SAMPLE))
    return sum(len(row) - row.count("") > 1 for row in rows) > 1 and not shape.is_card(
        [[spelled(cell) for cell in row] for row in rows]
    )


def _last_column(sheet: AnySheet, top: list[list[str]], width: int) -> int:
    """The last column with anything in it; the whole sheet is looked at only when its first rows leave some empty."""
    last = max((column + 1 for row in top for column, cell in enumerate(row) if cell), default=0)
    for row in rows_of(sheet) if last < width else ():
        while last < len(row) and any(cell != "" for cell in row[last:]):
            last += 1
    return last


def _names(top: list[list[str]], joined: Collection[int], start: int, rows: int) -> list[str]:
    """Header rows put together; in rows without merged cells a group goes as far as its sub-headers."""
    return header.joined(header.carried(top[start : start + rows], [row - start for row in joined]))


def _mapped(
    top: list[list[str]], joined: Collection[int], wanted: Sequence[str], at: int | None, depth: int | None
) -> tuple[int, int] | None:
    """The rows most of the mapped columns are named in: the first, and how many."""
    best: tuple[int, int, int] | None = None
    starts = range(len(top)) if at is None else [at - 1] if 0 < at <= len(top) else []
    for start in starts:
        for rows in range(1, _HEADER_DEPTH + 1) if depth is None else [depth]:
            if start + rows > len(top) or not any(top[start]):
                continue
            hits = header.fit(_names(top, joined, start, rows), wanted).hits
            if best is None or hits > best[0]:
                best = hits, start, rows
    return best and best[1:]


def _merged_header(merges: Sequence[Merge]) -> tuple[int, int] | None:
    """The rows that merged cells show to be a header: groups merged sideways stand beside a name merged down as far as their sub-headers."""
    sideways = {row0 for (row0, col0), (row1, col1) in merges if row0 == row1 and col1 > col0}
    down = {row0: row1 - row0 + 1 for (row0, col0), (row1, col1) in merges if row1 > row0 and col0 == col1 == 0}
    return next(((row, down[row]) for row in sorted(sideways & down.keys()) if down[row] <= _HEADER_DEPTH), None)


def _told(
    top: list[list[str]], joined: Collection[int], merges: Sequence[Merge], at: int | None, depth: int | None
) -> tuple[int, int] | None:
    """The rows that look like a header; 0 rows when there is none."""
    if at is not None:
        return (max(at - 1, 0), (depth or 1) if at else 0) if at <= len(top) else None
    place = shape.guess(top, joined)
    if (place is None or not place.depth) and (grouped := _merged_header(merges)):
        return grouped
    return (place.start, depth if depth and place.depth else place.depth) if place else None


def spelled(cell: Cell) -> str:
    """A cell as text: whole numbers without ".0", dates as ISO, booleans as true and false."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, (int, float)):
        if abs(cell) >= _UNSAFE:
            return repr(float(cell)) if "e" in repr(float(cell)) else f"{float(cell):.14e}"
        # Fifteen digits are what Excel shows: 0.1 + 0.2 is 0.3 there.
        return str(int(cell)) if cell == int(cell) else f"{cell:.15g}"
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        seconds = round(cell.total_seconds())
        sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
        return f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return str(cell)


def as_shown(number: float, shown: str | datetime) -> Cell:
    """A number as its format's template shows it, or the day it is since another."""
    if isinstance(shown, datetime):
        moment = shown + timedelta(seconds=round(number * 86400)) if 0 <= number < _DAYS else None
        return number if moment is None else moment if number % 1 else moment.date()
    return filled(shown, int(number)) if number == int(number) >= 0 else number


def texts_of(cells: Sequence[Cell]) -> list[str]:
    """A column as text; a column that is text already is passed on without looking at each cell."""
    if set(map(type, cells)) <= {str}:
        return list(cells)
    return [cell if type(cell) is str else spelled(cell) for cell in cells]


def rows_of(sheet: AnySheet, limit: int | None = None) -> Iterator[list[Cell]]:
    """The sheet's rows from its very first row and column on, as a person counts them."""
    if sheet.start is None:
        return
    if limit is not None:
        yield from sheet.to_python(skip_empty_area=False, nrows=limit)
        return
    # calamine leaves out empty columns on the left here, though not empty rows above.
    left = [""] * sheet.start[1]
    for row in sheet.iter_rows():
        yield [*left, *row] if left else row
