"""What an .xlsx says of its texts that calamine reads past: characters written by their number, parts struck out, raised figures.

_x4E2D_ is 中, of which calamine knows _x0000_ to _x00FF_ only; in 5001 with the 1 raised, as a footnote's mark is, the 1
is none of the number. Source: [ECMA-376] part 1, 18.4.7 rPr, 22.9.2.19 ST_Xstring.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import unescape

from connectors.container import is_zip, parts_of_text

if TYPE_CHECKING:
    import python_calamine as calamine

_WRITTEN = re.compile(rb"(_x005[Ff])?(_x(?!00)[0-9A-Fa-f]{4}_)")
_RUN_OF = re.compile("(?:_x(?!00)[0-9A-Fa-f]{4}_)+")
_TEXT = re.compile(rb"<(?:\w+:)?(si|is)\b[^>]*>(.*?)</(?:\w+:)?\1>", re.DOTALL)
_PART = re.compile(rb"<(?:\w+:)?r>(.*?)</(?:\w+:)?r>", re.DOTALL)
_LETTERS = re.compile(rb"<(?:\w+:)?t\b[^>/]*>(.*?)</(?:\w+:)?t>", re.DOTALL)
_SPOKEN = re.compile(rb"<(?:\w+:)?rPh\b.*?</(?:\w+:)?rPh>", re.DOTALL)
_STRUCK = re.compile(rb"<(?:\w+:)?strike\b(?![^>]*\bval=\"(?:0|false)\")")
_RAISED = re.compile(rb"<(?:\w+:)?vertAlign\b[^>]*\bval=\"superscript\"")
_FIGURE = re.compile(r"^[-+(]?[\d,]*\.?\d+\)?%?$")


@dataclass
class Told:
    """What the texts of a workbook are besides what calamine makes of them."""

    escapes: frozenset[str] = frozenset()  # that stand for characters
    shown: dict[str, str] = field(default_factory=dict)  # a text -> without what is struck out or raised
    doubtful: frozenset[str] = frozenset()  # escapes of which nobody can tell whether they stand for a character


class Sheet:
    """A sheet of calamine's, its texts as they are shown."""

    def __init__(self, sheet: calamine.CalamineSheet, told: Told) -> None:
        self._sheet, self._told = sheet, told
        self.name, self.start, self.total_height = sheet.name, sheet.start, sheet.total_height
        self.merged_cell_ranges = sheet.merged_cell_ranges

    def to_python(self, *, skip_empty_area: bool, nrows: int) -> list[list[Any]]:
        """The first rows, all as wide as the widest of them."""
        rows = self._sheet.to_python(skip_empty_area=skip_empty_area, nrows=nrows)
        return [list(map(self._read, row)) for row in rows]

    def iter_rows(self) -> Iterator[list[Any]]:
        """All rows from the very first one on, without the empty columns on the left."""
        return (list(map(self._read, row)) for row in self._sheet.iter_rows())

    def _read(self, cell: Any) -> Any:
        if not isinstance(cell, str):
            return cell
        cell = self._told.shown.get(cell, cell)
        return _RUN_OF.sub(self._decoded, cell) if "_x" in cell else cell

    def _decoded(self, found: re.Match[str]) -> str:
        """The characters of a run of escapes: what lies beyond U+FFFF takes two, and half of one is none."""
        units = [found[0][place : place + 7] for place in range(0, len(found[0]), 7)]
        if not self._told.escapes.issuperset(units):
            return found[0]
        pairs = b"".join(int(unit[2:6], 16).to_bytes(2, "little") for unit in units)
        return pairs.decode("utf-16-le", "replace")


def told(path: Path) -> Told:
    """What the texts of an .xlsx are; nothing of any other file.

    An escape that also stands with its underscore escaped, _x005F_x4E2D_, comes out of calamine the same and stays; so
    does a text that stands elsewhere without its parts struck out.
    """
    if not is_zip(path):
        return Told()
    meant: set[str] = set()
    kept: set[str] = set()
    shown: dict[str, str] = {}
    with zipfile.ZipFile(path) as archive:
        for block in parts_of_text(archive):
            for escaped, unit in _WRITTEN.findall(block) if b"_x" in block else ():
                (kept if escaped else meant).add(unit.decode())
            if b"strike" in block or b"superscript" in block:
                shown.update(_changed(block))
        for block in parts_of_text(archive) if shown else ():
            for _, text in _TEXT.findall(block):
                if not _PART.search(text):
                    shown.pop(_letters(text), None)
    return Told(frozenset(meant - kept), shown, frozenset(meant & kept))


def _changed(block: bytes) -> Iterator[tuple[str, str]]:
    """The texts of which a part is struck out, or raised behind a figure, and what is left of them."""
    for _, text in _TEXT.findall(block):
        parts = [(part, _letters(part)) for part in _PART.findall(_SPOKEN.sub(b"", text))]
        whole = "".join(letters for _, letters in parts)
        left = "".join(letters for part, letters in parts if not _STRUCK.search(part)).strip() or whole
        bare = "".join(letters for part, letters in parts if not (_STRUCK.search(part) or _RAISED.search(part)))
        left = bare if _FIGURE.match(bare.strip()) else left
        if left != whole:
            yield whole, left


def _letters(part: bytes) -> str:
    found = b"".join(_LETTERS.findall(_SPOKEN.sub(b"", part)))
    return unescape(found.decode("utf-8", "replace"), {"&quot;": '"', "&apos;": "'"})
