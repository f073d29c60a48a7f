"""What a sheet shows at a glance beside its values: hidden parts, error values, formulas nobody has worked out.

Of an .xls it is told from the records of its stream (BIFF5 and BIFF8), which calamine reads past.
Source: [MS-XLS] 2.4 records, [MS-CFB] 2 structures.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from connectors.formats import is_percent, is_weekday, measure, template

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LAST_SECTOR = 0xFFFFFFFA  # from here on a number is no sector's
_BOF, _EOF, _SHEET, _UNCALCULATED, _ROW, _COLUMNS, _FAULT = 0x809, 0x0A, 0x85, 0x5E, 0x208, 0x7D, 0x205
_EPOCH = 0x22
_STYLE, _FORMAT, _BIFF8 = 0xE0, 0x41E, 0x600
_FONT, _STRUCK, _LABELS = 0x31, 0x08, (0xFD, 0x204)
_FIGURES = _NUMBER, _INTEGER, _INTEGERS, _FORMULA = 0x203, 0x27E, 0xBD, 0x06
_HIDDEN_ROW, _HIDDEN_COLUMN = 0x20, 0x01
_TEXT, _ERROR, _BLANK = 0, 2, 3  # a formula's result that is no number says so in its first byte


@dataclass
class Look:
    """What a sheet shows at a glance."""

    rows: int = 0
    columns: int = 0
    errors: list[str] = field(default_factory=list)  # addresses
    formulas: int = 0
    blank: list[str] = field(default_factory=list)  # addresses of formulas without a value
    zero: list[str] = field(default_factory=list)  # and of those that come to 0
    percent: dict[str, array[int]] = field(default_factory=dict)  # column -> rows of the numbers shown as per cent
    shaped: dict[str, str] = field(default_factory=dict)  # address -> how a whole number is shown: 000123, QX-012
    days: dict[str, array[int]] = field(default_factory=dict)  # column -> rows of the dates shown as weekdays
    # column -> what formats show beside the numbers, 万元, and by how many places smaller -> rows of those numbers
    measures: dict[str, dict[tuple[str, int], array[int]]] = field(default_factory=dict)
    struck: list[str] = field(default_factory=list)  # addresses of cells that are struck out, of a web page in part
    raised: list[str] = field(default_factory=list)  # and with a figure raised behind another, as a footnote's mark is
    pictures: list[str] = field(default_factory=list)  # and with nothing but a picture
    since_1904: bool = False  # the first day of the book's calendar
    due: bool = False  # the file itself says that its formulas are still to be worked out

    @property
    def uncomputed(self) -> list[str]:
        """The addresses of the formulas that have no value; where all came to 0 and are due, none has been worked out."""
        return self.blank or (self.zero if self.due and len(self.zero) == self.formulas else [])


def see_format(look: Look, code: str, column: str, row: int) -> None:
    """Note how a cell with a number is shown, when it is not as it is."""
    if is_percent(code):
        look.percent.setdefault(column, array("L")).append(row)
    elif is_weekday(code):
        look.days.setdefault(column, array("L")).append(row)
    elif shape := template(code):
        look.shaped[f"{column}{row}"] = shape
    elif any(shown := measure(code)):
        look.measures.setdefault(column, {}).setdefault(shown, array("L")).append(row)


def tells(code: str) -> bool:
    """Whether a format shows a number as it is not."""
    return bool(is_percent(code) or is_weekday(code) or template(code) or any(measure(code)))


def address(row: int, column: int) -> str:
    """A cell as people write it: row 12, column 28 is AB12."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row}"


def old(path: Path) -> list[Look]:
    """The looks of an .xls, one a sheet in the workbook's order; none when it is something else or damaged."""
    with path.open("rb") as file:
        data = file.read()
    try:
        stream = _stream(data) if data.startswith(_OLE) else data
        starts = [struct.unpack_from("<I", body)[0] for kind, body, _ in _records(stream, 0) if kind == _SHEET]
        formats = _formats(stream)
        since_1904 = any(kind == _EPOCH and body[:1] == b"\x01" for kind, body, _ in _records(stream, 0))
        struck = _struck_out(stream)
        return [replace(_look(stream, start, formats, struck), since_1904=since_1904) for start in starts]
    except (struct.error, IndexError, RecursionError):
        return []


def _records(stream: bytes, start: int) -> Iterator[tuple[int, bytes, int]]:
    """Kind, body and place of each record of one substream, up to its end; what is embedded in it is left out."""
    depth, place = 0, start
    while place + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, place)
        depth += (kind == _BOF) - (kind == _EOF)
        if depth == 1:
            yield kind, stream[place + 4 : place + 4 + length], place
        elif depth == 0:
            return
        place += 4 + length


def _formats(stream: bytes) -> list[str]:
    """The number format of each style of a cell."""
    codes, styles, version = {9: "0%", 10: "0.00%"}, [], 0
    for kind, body, _ in _records(stream, 0):
        if kind == _BOF:
            version = struct.unpack_from("<H", body)[0]
        elif kind == _STYLE:
            styles.append(struct.unpack_from("<H", body, 2)[0])
        elif kind == _FORMAT and version >= _BIFF8:
            number, length, wide = struct.unpack_from("<HHB", body)
            codes[number] = body[5 : 5 + length * (2 if wide & 1 else 1)].decode("utf-16-le" if wide & 1 else "latin-1")
        elif kind == _FORMAT:
            number, length = struct.unpack_from("<HB", body)
            codes[number] = body[3 : 3 + length].decode("latin-1")
    return [codes.get(number, "") for number in styles]


def _struck_out(stream: bytes) -> set[int]:
    """The styles of cells whose font is struck out. There is no font 4: the fifth is called 5."""
    fonts: list[bool] = []
    styles: list[int] = []
    for kind, body, _ in _records(stream, 0):
        if kind == _FONT:
            fonts.append(bool(struct.unpack_from("<H", body, 2)[0] & _STRUCK))
        elif kind == _STYLE:
            styles.append(struct.unpack_from("<H", body)[0])
    return {style for style, font in enumerate(styles) if (font - (font > 4)) < len(fonts) and fonts[font - (font > 4)]}


def _styled(kind: int, body: bytes) -> Iterator[tuple[int, int, int]]:
    """Row, column and style of the numbers in a record, from 1, 1 and 0."""
    row, column, style = struct.unpack_from("<3H", body)
    if kind in (_NUMBER, _INTEGER, _FORMULA, *_LABELS):
        yield row + 1, column + 1, style
    elif kind == _INTEGERS:
        for each in range((len(body) - 6) // 6):
            yield row + 1, column + 1 + each, struct.unpack_from("<H", body, 4 + each * 6)[0]


def _look(stream: bytes, start: int, formats: list[str], struck: set[int]) -> Look:
    found = Look()
    telling = {style for style, code in enumerate(formats) if tells(code)}
    for kind, body, _ in _records(stream, start):
        for row, column, style in _styled(kind, body) if struck and kind in (*_FIGURES, *_LABELS) else ():
            if style in struck:
                found.struck.append(address(row, column))
        for row, column, style in _styled(kind, body) if telling and kind in _FIGURES else ():
            if style in telling:
                see_format(found, formats[style], address(1, column)[:-1], row)
        if kind == _FORMULA:
            found.formulas += 1
            row, column = struct.unpack_from("<HH", body)
            place, result = address(row + 1, column + 1), body[6:14]
            if result[6:] != b"\xff\xff":
                if not any(result):
                    found.zero.append(place)
            elif result[0] == _BLANK:
                found.blank.append(place)
            elif result[0] == _ERROR:
                found.errors.append(place)
        elif kind == _FAULT and body[7]:
            row, column = struct.unpack_from("<HH", body)
            found.errors.append(address(row + 1, column + 1))
        elif kind == _ROW:
            found.rows += bool(struct.unpack_from("<H", body, 12)[0] & _HIDDEN_ROW)
        elif kind == _COLUMNS:
            first, last, _, _, flags = struct.unpack_from("<5H", body)
            # Excel hides «all further columns» with one record up to the last one there can be.
            found.columns += last - first + 1 if flags & _HIDDEN_COLUMN and last < 255 else 0
        elif kind == _UNCALCULATED:
            found.due = True
    # An empty text is a result too; but a program that works nothing out leaves all of them empty.
    if len(found.blank) < found.formulas:
        found.blank = []
    return found


def _stream(data: bytes) -> bytes:
    """The workbook in a compound file."""
    size, small = (1 << n for n in struct.unpack_from("<HH", data, 30))
    directory, cutoff, minifat, _, difat, _ = struct.unpack_from("<IxxxxIIIII", data, 48)
    tables = list(struct.unpack_from("<109I", data, 76))
    while difat < _LAST_SECTOR and len(tables) < len(data) // size:
        *more, difat = struct.unpack_from(f"<{size // 4}I", data, (difat + 1) * size)
        tables += more
    fat = [n for t in tables if t < _LAST_SECTOR for n in struct.unpack_from(f"<{size // 4}I", data, (t + 1) * size)]
    entries = _chain(data, fat, directory, size, size)
    root = b""
    for place in range(0, len(entries), 128):
        name = entries[place : place + struct.unpack_from("<H", entries, place + 64)[0]].decode("utf-16-le", "ignore")
        start, length = struct.unpack_from("<II", entries, place + 116)
        if entries[place + 66] == 5:
            root = _chain(data, fat, start, size, size)
        if name.rstrip("\0") not in ("Workbook", "Book"):
            continue
        if length >= cutoff:
            return _chain(data, fat, start, size, size)[:length]
        table = _chain(data, fat, minifat, size, size)
        return _chain(root, struct.unpack(f"<{len(table) // 4}I", table), start, small, 0)[:length]
    return b""


def _chain(data: bytes, table: list[int] | tuple[int, ...], start: int, size: int, header: int) -> bytes:
    """The sectors that follow one another from `start` on."""
    parts: list[bytes] = []
    while start < _LAST_SECTOR and len(parts) <= len(table):
        parts.append(data[header + start * size : header + (start + 1) * size])
        start = table[start]
    return b"".join(parts)
