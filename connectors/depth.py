"""How many rows a header takes: groups over sub-headers, units below names, codes over what they mean."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Collection, Sequence

from connectors import header
from connectors.cells import YEAR, breadth, is_value
from connectors.header import known_names

_DEPTH = 3
_FIGURES = 3  # columns of values, and rows of them, that tell a second row of names from a record
_LONGEST = 60  # characters: a longer text is a sentence
_CODE = re.compile(r"^[A-Za-z_]\w*$", re.ASCII)
_HAN = re.compile("[\u4e00-\u9fff]")


def depth(rows: Sequence[Sequence[str]], start: int, joined: Collection[int]) -> int:
    """How many rows a header takes that begins at `start`: groups stand over sub-headers."""
    taken = _depth_with_units(rows, start) or (2 if _explains(rows, start) else 1)
    while taken < _DEPTH and start + taken + 1 < len(rows):
        upper, lower = rows[start + taken - 1], rows[start + taken]
        grouped = start + taken - 1 in joined or _has_gaps(upper, lower)
        texts = [cell for cell in lower if cell]
        grouped = grouped or _parts_repeated(upper, lower)
        if not grouped and header.are_types(lower):
            break
        # The header once more, as on the next page, says nothing of the rows below.
        below = [row for row in rows[start + taken + 1 :] if breadth(row) and row not in (upper, lower)]
        if header.are_units(lower):
            taken += 1
            continue
        grouped = (
            grouped or _names_figures(lower, below) or _names_figures(lower, below[1:]) or _translates(upper, lower)
        )
        if not grouped or not texts or any(is_value(cell) and not YEAR.match(cell) for cell in texts):
            break
        under = start + taken - 1 in joined and lower[0] == "" != upper[0]  # names under a group, whatever stands below
        if under:
            below = list(rows_below(rows, start + taken, (start + taken,)))
        if not below or not (under or any(is_value(cell) for row in below[:5] for cell in row)):
            break
        if any(cell and cell == row[column] for row in below for column, cell in enumerate(lower) if column < len(row)):
            break
        taken += 1
    return taken


def rows_below(rows: Sequence[Sequence[str]], start: int, joined: Collection[int]) -> Sequence[Sequence[str]]:
    """The rows below one, without those that a name merged downwards stands in as well."""
    place = start + 1
    while start in joined and place < len(rows) and any(map(same, rows[start], rows[place])):
        place += 1
    return rows[place:]


def same(name: str, below: str) -> bool:
    """Whether a cell is the one above it, as of a name merged downwards."""
    return name != "" and name == below


def _depth_with_units(rows: Sequence[Sequence[str]], start: int) -> int:
    """The rows down to one that says the units, when nothing but texts stands between; 0 without such a row."""
    for depth in range(1, _DEPTH):
        row = rows[start + depth] if start + depth + 1 < len(rows) else ()
        if header.are_units(row):
            return depth + 1
        if not any(row) or any(is_value(cell) for cell in row):
            break
    return 0


def _explains(rows: Sequence[Sequence[str]], start: int) -> bool:
    """Whether the row below a header of codes says what they mean: XM | JE over 姓名 | 金额.

    Half of what it says is known as a name, or one stands over values.
    """
    if start + 2 >= len(rows):
        return False
    pairs = [(code, name) for code, name in zip(rows[start], rows[start + 1], strict=False) if code or name]
    if len(pairs) < 2 or not all(_CODE.match(code) and _HAN.search(name) for code, name in pairs):
        return False
    names = [name for _, name in pairs]
    known = sum(header.key(header.split_unit(name)[0]) in known_names() or header.is_label(name) for name in names)
    return len(set(names)) == len(names) and (
        known * 2 >= len(names) or (known > 0 and any(map(is_value, filter(None, rows[start + 2]))))
    )


def _parts_repeated(upper: Sequence[str], lower: Sequence[str]) -> bool:
    """Whether a row tells names apart that stand several times above it, and says nothing below the others.

    序号 | 2023年 | 2023年 over  | 计划 | 完成
    """
    pairs = list(itertools.zip_longest(upper, lower, fillvalue=""))
    often = Counter(over for over, _ in pairs if over)
    return (
        len(often) < sum(often.values())
        and len(set(pairs)) == len(pairs)
        and all(over and (under != "") is (often[over] > 1) for over, under in pairs)
    )


def _translates(upper: Sequence[str], lower: Sequence[str]) -> bool:
    """Whether a row says the Chinese names above it once more in English."""
    pairs = [(over, under) for over, under in zip(upper, lower, strict=False) if over or under]
    return len(pairs) > 1 and all(
        over and under and not over.isascii() and under.isascii() and under[:1].isalpha() and not is_value(under)
        for over, under in pairs
    )


def _names_figures(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a full row of different names stands over at least three columns of nothing but values."""
    if "" in row or len(set(row)) < len(row) or len(below) < _FIGURES or any(len(cell) > _LONGEST for cell in row):
        return False
    figures = [c for c in range(len(row)) if all(is_value(other[c]) for other in below if c < len(other) and other[c])]
    return len(figures) >= _FIGURES and all(any(ch.isalpha() for ch in row[column]) for column in figures)


def levels(rows: Sequence[Sequence[str]], start: int) -> int:
    """How many rows a header of groups takes whose sub-headers leave open what needs none; 0 when it is none.

    序号 | 2024年 |      |         over two rows of sub-headers, all columns named in one of the three
         | 计划   | 完成 |
    """
    top = rows[start]
    if breadth(top) < 2 or not top[0] or "" not in top:
        return 0
    for depth in range(_DEPTH, 1, -1):
        part = rows[start : start + depth]
        below = [row for row in rows[start + depth :] if breadth(row) and row not in part]
        lower = part[1:]
        if len(part) < depth or not below or not below[0][0]:
            continue
        if not any(map(is_value, below[0])) and not (depth == 2 and _fills_gaps(top, lower[0], below)):
            continue
        texts = [cell for row in lower for cell in row if cell]
        if any(not breadth(row) or row[0] for row in lower) or any(is_value(c) and not YEAR.match(c) for c in texts):
            continue
        width = max(map(len, (*part, below[0])))
        if all(any(column < len(row) and row[column] for row in part) for column in range(width)):
            return depth
    return 0


def _fills_gaps(top: Sequence[str], lower: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a row stands under the groups of the one above and nowhere else, over two records or more without such gaps."""
    gaps = {column for column, cell in enumerate(top) if not cell}
    texts = {cell for cell in lower if cell}
    grouped = gaps | {column - 1 for column in gaps}
    return (
        {column for column, cell in enumerate(lower) if cell} == grouped
        and len(below) > 1
        and all(row[0] and not texts & set(row) for row in below)
    )


def groups(upper: Sequence[str], lower: Sequence[str]) -> bool:
    """Whether a row names groups over the names: it fills what they leave open, and leaves open what they fill behind it.

    项目 | 2024年 |    | 2025年 |         over          | 1月 | 2月 | 1月 | 2月
    """
    width = max(len(lower), len(upper))
    pairs = [(over[:1], under) for over, under in itertools.zip_longest(upper, lower, fillvalue="")][:width]
    open_ones = [column for column, (_, under) in enumerate(pairs) if not under]
    texts = [cell for cell in upper if cell]
    return (
        len(texts) > 2
        and bool(open_ones)
        and all(pairs[column][0] for column in open_ones)
        and _has_gaps(upper, lower)
        and not any(is_value(cell) and not YEAR.match(cell) for cell in texts)
    )


def tells_apart(upper: Sequence[str], lower: Sequence[str]) -> bool:
    """Whether a row names groups over names that are the same in each of them: 2022年 and 2023年 over 数量 | 占比 | 数量 | 占比."""
    texts = [cell for cell in upper if cell]
    if len(texts) < 2 or len(upper) > len(lower) or any(is_value(cell) and not YEAR.match(cell) for cell in texts):
        return False
    names = header.joined(header.carried([upper, lower]))
    return len(set(lower)) < len(lower) and len(set(names)) == len(names)


def _has_gaps(upper: Sequence[str], lower: Sequence[str]) -> bool:
    """Whether the lower row names columns that the upper one leaves open behind a group's first."""
    gaps = [column for column, cell in enumerate(upper) if not cell]
    return bool(gaps) and gaps[0] > 0 and all(column < len(lower) and lower[column] for column in gaps)
