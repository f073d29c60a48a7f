"""Units that number formats show and cells do not hold: 12.5万元 of 12.5 in 0.0"万元", or of 125000 in 0!.0,"万元".

A number is worth what the clerk sees. One that its format shows smaller, under names that say in which unit, is read as
it is shown; a unit shown behind it is its column's; rows whose format says another unit than their column are no records.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors import header
from connectors.container import place
from connectors.formats import tells_nothing

_PREFIX = re.compile("(百万|千(?=元|$)|万|亿)?(.*)")
_PLACES = {"千": 3, "万": 4, "百万": 6, "亿": 8}
OTHER = "“{}”按单元格格式以{}计，与表头或别的行不同，不知以哪个为准"

Percent = Mapping[str, "array[int]"]
Measures = Mapping[str, Mapping[tuple[str, int], "array[int]"]]


@dataclass
class Settled:
    """What formats come to in one sheet, by its lines."""

    smaller: dict[int, list[tuple[int, int]]] = field(
        default_factory=dict
    )  # columns from 0, and by how many places (−2: per cent)
    flaws: dict[int, str] = field(default_factory=dict)  # why it is no record
    told: list[str] = field(default_factory=list)  # columns shown smaller in no unit


def settle(measures: Measures, found: header.Header, lines: Iterable[tuple[int, Sequence[Any]]]) -> Settled:
    """What the formats of a sheet's numbers come to; a unit that all numbers of a column show becomes the header's."""
    settled = Settled()
    shown: dict[int, dict[int, str]] = {}  # column -> line -> unit, where the header says none
    for letters, formats in measures.items():
        column = place(f"{letters}1")[1] - 1
        if column >= len(found.names):
            continue
        name = found.names[column]
        for (label, places), rows in formats.items():
            text = label if header.is_unit(label) or label in _PLACES else ""
            stated = _stated(found.units, name, text)
            if stated is None and not places:
                if header.is_unit(text):
                    shown.setdefault(column, {}).update(dict.fromkeys(rows, text))
            elif (shift := _shift(text, places, stated)) is None:
                settled.flaws.update(dict.fromkeys(rows, OTHER.format(name, text or f"缩小 {10**places:,} 倍的数")))
            elif shift:
                for row in rows:
                    settled.smaller.setdefault(row, []).append((column, shift))
            elif places and not text:
                settled.told.append(name)
    if shown:
        _agree(shown, found, lines, settled)
    return settled


def shown_as_percent(found: header.Header, column: int, lines: Iterable[int], settled: Settled) -> bool:
    """Whether the header too says that a column is in per cent; then its numbers are settled to be read as they are shown."""
    if column >= len(found.names) or found.units.get(found.names[column], found.units.get("*")) != "%":
        return False
    for line in lines:
        settled.smaller.setdefault(line, []).append((column, -2))
    return True


def _stated(units: Mapping[str, str], name: str, text: str) -> str | None:
    """The unit that the header says a column is in; that of the whole sheet is of no account to people among amounts."""
    if name in units or "*" not in units:
        return units.get(name)
    return units["*"] if not text or _parts(text)[1] in ("", _parts(units["*"])[1]) else None


def _shift(text: str, places: int, stated: str | None) -> int | None:
    """By how many places a number is read smaller than it is kept; None when its format contradicts the header.

    `text` is the unit it is shown in, "" for none, `places` by how many it is shown smaller.
    """
    shown, over = _parts(text)[0], _parts(stated or "")[0]
    if stated is None:
        return 0 if not text or shown == places else None
    if not text:
        return 0 if not places or not over else places if over == places else None
    return places - shown + over if places or shown == over else None


def _parts(unit: str) -> tuple[int, str]:
    """万元 is four places and 元."""
    found = _PREFIX.fullmatch(header.key(unit))
    return (_PLACES.get(found[1], 0), found[2]) if found else (0, unit)


def _agree(
    shown: Mapping[int, Mapping[int, str]], found: header.Header, lines: Iterable[tuple[int, Sequence[Any]]], settled: Settled
) -> None:  # fmt: skip
    """Give each column the unit most of its numbers show; the rows of the others are no records. Totals do not count."""
    groups: dict[int, dict[str, list[int]]] = {column: {} for column in shown}
    for line, cells in lines:
        if header.is_total(str(next((cell for cell in cells[:3] if cell != ""), ""))):
            continue
        for column, units in shown.items():
            if isinstance(cells[column], (int, float)) and cells[column]:
                groups[column].setdefault(_telling(units.get(line, "")), []).append(line)
    for column, numbers in groups.items():
        name = found.names[column]
        usual = max(numbers, key=lambda unit: len(numbers[unit]), default="")
        if usual:
            found.units[name] = usual
        for unit, rows in numbers.items():
            if unit != usual:
                settled.flaws.update(dict.fromkeys(rows, OTHER.format(name, unit or "原数")))


def _telling(unit: str) -> str:
    """A unit that a column without one is not in anyway: 万元 and 亩, and not 元 or 人."""
    return "" if tells_nothing(unit) else unit
