"""Characters that an .xlsx writes by their number, _x4E2D_ for 中, and calamine leaves as they stand: it reads _x0000_ to _x00FF_ only.

Source: [ECMA-376] part 1, 22.9.2.19 ST_Xstring.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.container import is_zip, parts_of_text

if TYPE_CHECKING:
    import python_calamine as calamine

_WRITTEN = re.compile(rb"(_x005[Ff])?(_x(?!00)[0-9A-Fa-f]{4}_)")
_RUN = re.compile("(?:_x(?!00)[0-9A-Fa-f]{4}_)+")


class Sheet:
    """A sheet of calamine's, its texts without escapes."""

    def __init__(self, sheet: calamine.CalamineSheet, escapes: frozenset[str]) -> None:
        self._sheet, self._escapes = sheet, escapes
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
        return _RUN.sub(self._decoded, cell) if isinstance(cell, str) and "_x" in cell else cell

    def _decoded(self, found: re.Match[str]) -> str:
        """The characters of a run of escapes: what lies beyond U+FFFF takes two, and half of one is none."""
        units = [found[0][place : place + 7] for place in range(0, len(found[0]), 7)]
        if not self._escapes.issuperset(units):
            return found[0]
        pairs = b"".join(int(unit[2:6], 16).to_bytes(2, "little") for unit in units)
        return pairs.decode("utf-16-le", "replace")


def escapes(path: Path) -> frozenset[str]:
    """The escapes of an .xlsx that calamine leaves, as they stand; none of any other file.

    One that also stands with its underscore escaped, _x005F_x4E2D_, comes out of calamine the same and stays.
    """
    if not is_zip(path):
        return frozenset()
    meant: set[str] = set()
    kept: set[str] = set()
    with zipfile.ZipFile(path) as archive:
        for text in parts_of_text(archive):
            for escaped, unit in _WRITTEN.findall(text) if b"_x" in text else ():
                (kept if escaped else meant).add(unit.decode())
    return frozenset(meant - kept)
