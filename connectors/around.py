"""What stands around a table on its sheet: another one beside or above it, a note among its names."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from connectors import header, shape
from connectors.cells import breadth, is_value

_VALUES = 3  # rows of two columns that may be a table


def beside(names: Sequence[str], rows: Sequence[Sequence[str]]) -> int | None:
    """The column, from 1, in which the names begin once more; None when they do not.

    All of them stand a second time beside themselves, the serial number does, or the first ones behind a column without
    name or value.
    """
    plain = [re.sub(r"#\d+$", "", name) for name in names]
    for width in range(2, len(names) // 2 + 1):
        if plain[width] == plain[0] and plain == plain[:width] * (len(names) // width):
            return width + 1
    if header.key(plain[0]) in header.SERIALS and plain[0] in plain[2:]:
        return plain.index(plain[0], 2) + 1
    for gap in range(2, len(names) - 2):
        if names[gap] != f"列{gap + 1}" or any(row[gap].strip() for row in rows if gap < len(row)):
            continue
        if plain[gap + 1 : gap + 3] == plain[:2]:
            return gap + 2
    return None


def gap(names: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """The column, from 1, without name or value that parts two columns or more on either side; 0 without one."""
    for place in range(2, len(names) - 2):
        sides = (*names[place - 2 : place], *names[place + 1 : place + 3])
        blank = not any(row[place].strip() for row in rows if place < len(row))
        if names[place] == f"列{place + 1}" and blank and not any(re.fullmatch(r"列\d+", name) for name in sides):
            return place + 1
    return 0


def noted(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str | None:
    """A name over nothing that is a note written beside the names: 说明：以系统为准; None without one."""
    return next(
        (
            name
            for column, name in enumerate(names)
            if header.is_signature(name) and not any(row[column].strip() for row in rows if column < len(row))
        ),
        None,
    )


def table_above(rows: Sequence[Sequence[str]], start: int) -> int | None:
    """The row, from 1, of the names of another table that stands above a header; None without one.

    Names over two rows or more with figures side by side below them, as pairs of labels and values have not; or some of the
    header's own names.
    """
    above = [[cell.strip() for cell in row] for row in rows[:start]]
    for place, row in enumerate(above):
        width = breadth(row)
        if width > 1 and all(cell in ("", *rows[start][column : column + 1]) for column, cell in enumerate(row)):
            return place + 1  # the same names, fewer of them
        below = [other for other in above[place + 1 :] if breadth(other) > 1]
        if width < 3 or any(map(is_value, filter(None, row))) or shape.is_pairs(row) or len(below) < 2:
            continue
        figures = [
            c for c, cell in enumerate(row)
            if cell and all(c < len(other) and other[c] and is_value(other[c]) for other in below)
        ]  # fmt: skip
        if any(right == left + 1 for left, right in itertools.pairwise(figures)):
            return place + 1
    return None


def narrow_above(rows: Sequence[Sequence[str]], start: int) -> int | None:
    """The row, from 1, in which two columns begin above a header and a blank line that may be a table of their own; None without them.

    Names over two values or more, which pairs of labels and values may be as well.
    """
    block: list[int] = []
    for place, row in enumerate(rows[:start]):
        filled = [cell.strip() for cell in row if cell.strip()]
        if len(filled) == 2:
            block.append(place)
        elif filled or len(block) < _VALUES:
            block = []
        else:
            names, *others = ([cell.strip() for cell in rows[at] if cell.strip()] for at in block)
            if (
                not any(map(is_value, names))
                and not header.is_label(names[0])
                and all(is_value(other[1]) for other in others)
            ):
                return block[0] + 1
    return None
