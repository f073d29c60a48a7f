"""What a spreadsheet of OpenDocument (.ods) says beside its values, which calamine reads past: merged cells, hidden parts, errors, long durations.

Source: [ODF 1.3] part 3, 9.1 tables, 19.6 attributes.
"""

from __future__ import annotations

import itertools
import math
import re
import zipfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.formats import SLOT
from connectors.glance import Look, address

if TYPE_CHECKING:
    import python_calamine as calamine

_PART = "content.xml"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_ERROR = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}value-type"
_DURATION = re.compile(r"(-?)PT(\d+)H(\d+)M(\d+)(?:[.,]\d+)?S")
_NUMBERS = ("float", "currency", "percentage")
_PADDED = re.compile(r"(\D*)(0\d+)(\D*)")
_SHOWN = re.compile(r"[^\d\w]*?([\d,]+)(?:\.(\d+))?\s*([^\W\d]\D*)?")
_HIDDEN = ("collapse", "filter")
_FULL = 10_000  # repeated rows and columns beyond that reach to the sheet's end and are empty

Merge = tuple[tuple[int, int], tuple[int, int]]


@dataclass
class Told:
    """What one sheet says; rows and columns count from 0."""

    look: Look = field(default_factory=Look)
    merges: list[Merge] = field(default_factory=list)
    texts: dict[int, dict[int, str]] = field(default_factory=dict)  # row -> column -> what is shown there


class Sheet:
    """A sheet of calamine's, its cells as the document shows them."""

    def __init__(self, sheet: calamine.CalamineSheet, told: Told) -> None:
        self._sheet, self._told = sheet, told
        self.name, self.start, self.total_height = sheet.name, sheet.start, sheet.total_height
        self.merged_cell_ranges = told.merges

    def to_python(self, *, skip_empty_area: bool, nrows: int) -> list[list[Any]]:
        """The first rows, all as wide as the widest of them."""
        rows = self._sheet.to_python(skip_empty_area=skip_empty_area, nrows=nrows)
        return [self._shown(number, row, 0) for number, row in enumerate(rows)]

    def iter_rows(self) -> Iterator[list[Any]]:
        """All rows from the very first one on, without the empty columns on the left."""
        left = self.start[1] if self.start else 0
        return (self._shown(number, row, left) for number, row in enumerate(self._sheet.iter_rows()))

    def _shown(self, number: int, row: list[Any], left: int) -> list[Any]:
        for column, text in self._told.texts.get(number, {}).items():
            if 0 <= column - left < len(row):
                row[column - left] = text
        return row


def told(path: Path) -> dict[str, Told]:
    """What each sheet of an .ods says, by its name; nothing of any other file."""
    from lxml import etree

    found: dict[str, Told] = {}
    with zipfile.ZipFile(path) as archive:
        if _PART not in archive.namelist():
            return {}
        with archive.open(_PART) as stream:
            one, row = Told(), 0
            tags = [f"{_TABLE}table", f"{_TABLE}table-row", f"{_TABLE}table-column"]
            for event, element in etree.iterparse(
                stream, events=("start", "end"), tag=tags, resolve_entities=False, no_network=True, huge_tree=True
            ):
                if element.tag == tags[0]:
                    if event == "start":
                        one, row = found.setdefault(element.get(f"{_TABLE}name") or "", Told()), 0
                    else:
                        element.clear()
                elif event == "end":
                    if element.tag == tags[1]:
                        row = _see_row(one, element, row)
                        element.clear()
                    elif (
                        element.get(f"{_TABLE}visibility") in _HIDDEN and (count := _times(element, "columns")) < _FULL
                    ):
                        one.look.columns += count
    return found


def _times(element: Any, what: str) -> int:
    return int(element.get(f"{_TABLE}number-{what}-repeated") or 1)


def _see_row(one: Told, element: Any, row: int) -> int:
    """Take in a row, which may stand for several; the next one's number."""
    times, column, filled = _times(element, "rows"), 0, False
    for cell in element.iterchildren(f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
        count = _times(cell, "columns")
        across, down = (int(cell.get(f"{_TABLE}number-{way}-spanned") or 1) for way in ("columns", "rows"))
        if across > 1 or down > 1:
            one.merges.append(((row, column), (row + down - 1, column + across - 1)))
        if len(cell):
            filled = True
            if cell.get(f"{_OFFICE}value-type") in _NUMBERS:
                for line, place in itertools.product(range(min(times, _FULL)), range(min(count, _FULL))):
                    _see_number(one.look, cell, row + line + 1, address(1, column + place + 1)[:-1])
            if (text := _spelt(cell)) is not None:
                for line in range(row, row + min(times, _FULL)):
                    one.texts.setdefault(line, {}).update(
                        dict.fromkeys(range(column, column + min(count, _FULL)), text)
                    )
                    if cell.get(_ERROR) == "error":
                        one.look.errors.append(address(line + 1, column + 1))
        column += count
    if filled and element.get(f"{_TABLE}visibility") in _HIDDEN:
        one.look.rows += times
    return row + times


def _see_number(look: Look, cell: Any, row: int, column: str) -> None:
    """Note how a number is shown, when it is not as it is: 85%, 000123, 12.5万元, 12.5 of 125000."""
    if cell.get(f"{_OFFICE}value-type") == "percentage":
        look.percent.setdefault(column, array("L")).append(row)
        return
    value = float(cell.get(f"{_OFFICE}value") or 0)
    text = "".join("".join(_inner(part)) for part in cell.iterchildren(f"{_TEXT}p")).strip()
    if (padded := _PADDED.fullmatch(text)) and value == int(padded[2]):
        look.shaped[f"{column}{row}"] = f"{padded[1]}{SLOT * len(padded[2])}{padded[3]}"
    elif found := _SHOWN.fullmatch(text):
        whole, behind, unit = found[1].replace(",", ""), found[2] or "", found[3] or ""
        shown = float(f"{whole or 0}.{behind or 0}")
        places = round(math.log10(abs(value) / shown)) if shown and value else 0
        rounded = abs(abs(value) / 10**places - shown) <= 0.5001 * 10 ** -len(behind)
        if rounded and (unit or places > 2):  # a thousand at least
            look.measures.setdefault(column, {}).setdefault((unit, max(places, 0)), array("L")).append(row)


def _spelt(cell: Any) -> str | None:
    """What a cell shows that calamine reads otherwise: nothing for an error, 30:15:00, a text with tabs or line breaks; else None."""
    if cell.get(_ERROR) == "error":
        return ""
    if found := _DURATION.fullmatch(cell.get(f"{_OFFICE}time-value") or ""):
        sign, hours, minutes, seconds = found.groups()
        return f"{sign}{int(hours):02}:{minutes:0>2}:{seconds:0>2}" if int(hours) > 23 else None
    if next(cell.iter(f"{_TEXT}tab", f"{_TEXT}line-break"), None) is None:
        return None
    return "\n".join("".join(_inner(part)) for part in cell.iterchildren(f"{_TEXT}p"))


def _inner(element: Any) -> Iterator[str]:
    yield element.text or ""
    for each in element:
        if each.tag == f"{_TEXT}tab":
            yield "\t"
        elif each.tag == f"{_TEXT}s":
            yield " " * int(each.get(f"{_TEXT}c") or 1)
        elif each.tag == f"{_TEXT}line-break":
            yield "\n"
        else:
            yield from _inner(each)
        yield each.tail or ""
