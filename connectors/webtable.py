"""Tables that programs save as .xls without being one: a web page, a web archive (MHTML), Excel's XML of 2003.

They are given as a workbook of sheets, as calamine gives one, every cell as text: a web page's tables in their order,
a cell over several rows or columns as a merged one. What stands in a page only as a shown rounding keeps that rounding,
unless Excel wrote the number beside it (`x:num`). Source: [XML Spreadsheet Reference], RFC 2557.
"""

from __future__ import annotations

import email
import io
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import python_calamine as calamine

from connectors import header
from connectors.content import ARCHIVE, PAGE, XML_2003
from connectors.encoding import is_utf8_by_chance
from connectors.glance import Look, address
from schemas.errors import SourceChanged, SourceUnavailable

if TYPE_CHECKING:
    from lxml.etree import _Element

_LARGEST = 256 << 20  # bytes of a page
_CELLS = 64_000_000  # of the rectangle a table spans
_WIDEST, _HIGHEST = 16_384, 1_048_576
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
_SHEET_NAME = re.compile(r"<x:ExcelWorksheet>.*?<x:Name>(.*?)</x:Name>", re.DOTALL)
_ENTERED = {"input", "select", "textarea"}
_STRUCK = ("del", "s", "strike")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)", re.IGNORECASE)
_UNSEEN = {"script", "style", "head", "noscript"}
_SCRIPT = re.compile(r"<script\b.*?</script>|<!--.*?-->", re.DOTALL)
_FIGURE = re.compile(r"^[-+(]?[\d,]*\.?\d+\)?$")
_BLANKS = re.compile(r"[ \t\r\n\f]+")
_MIDNIGHT = re.compile(r"T00:00:00(?:\.0+)?$")
_CURE = "请部门用 Excel 打开后另存为 .xlsx"
_SS = "{urn:schemas-microsoft-com:office:spreadsheet}"

Merge = tuple[tuple[int, int], tuple[int, int]]


@dataclass
class Sheet:
    """One table, with what Workbook asks of a sheet. Rows and columns count from 0."""

    name: str
    rows: list[list[str]] = field(default_factory=list)
    merged_cell_ranges: list[Merge] = field(default_factory=list)
    look: Look = field(default_factory=Look)
    visible: Any = field(default_factory=lambda: calamine.SheetVisibleEnum.Visible)
    captions: list[str] = field(default_factory=list)  # of a page's table, and what stands right above it with a unit
    unseen: set[int] = field(default_factory=set)  # columns with cells that are not shown
    held: dict[int, int] = field(default_factory=dict)  # column -> first row below a cell that reaches down

    @property
    def start(self) -> tuple[int, int] | None:
        """Where the first cell is; None when there is none."""
        return (0, 0) if any(any(row) for row in self.rows) else None

    @property
    def total_height(self) -> int:
        """The number of rows."""
        return len(self.rows)

    def to_python(self, *, skip_empty_area: bool, nrows: int) -> list[list[str]]:
        """The first rows, all as wide as the widest of them."""
        rows = self.rows[:nrows]
        width = max(map(len, rows), default=0)
        return [[*row, *[""] * (width - len(row))] for row in rows]

    def iter_rows(self) -> Iterator[list[str]]:
        """All rows."""
        return map(list, self.rows)

    def put(self, row: int, column: int, text: str, across: int, down: int) -> None:
        """Write a cell, over several columns or rows perhaps."""
        while len(self.rows) <= row:
            self.rows.append([])
        cells = self.rows[row]
        cells += [""] * (column + 1 - len(cells))
        cells[column] = text
        if across or down:
            self.merged_cell_ranges.append(((row, column), (row + down, column + across)))


class Book:
    """The sheets of one file."""

    def __init__(self, sheets: list[Sheet]) -> None:
        self._sheets = {sheet.name: sheet for sheet in sheets}
        self.sheet_names = list(self._sheets)
        self.sheets_metadata = sheets
        self.looks = {name: sheet.look for name, sheet in self._sheets.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        """Nothing is held open."""

    def get_sheet_by_name(self, name: str) -> Sheet:
        """A sheet."""
        return self._sheets[name]


def opened(path: Path, kind: str, where: str) -> Book:
    """The tables of a file of one of content.WEB.

    Raises:
        SourceUnavailable: it is cut off.
        SourceChanged: there is no table in it, or a form to be filled in, or far too much.
    """
    if path.stat().st_size > _LARGEST:
        raise SourceChanged(where, f"{kind}超过 {_LARGEST >> 20} MB", _CURE)
    data = path.read_bytes()
    read = {PAGE: _page, ARCHIVE: _archive, XML_2003: _xml_2003}[kind]
    sheets = [sheet for sheet in read(data, where) if sheet.start is not None]
    if not sheets:
        raise SourceChanged(where, f"{kind}里没有表格", _CURE)
    return Book(sheets)


def _cut_off(where: str) -> SourceUnavailable:
    return SourceUnavailable(where, "表格不完整，可能没有传完", "等传完后会自动重试；总是这样时请部门重发")


def _text(data: bytes, declared: str | None, where: str) -> str:
    """The characters of a page: by its mark, else strict UTF-8, else as it says itself, else strict GB18030."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        codecs = ["utf-16"]
    else:
        said = declared or (found.group(1).decode() if (found := _CHARSET.search(data[:4096])) else "")
        codecs = [
            *([] if is_utf8_by_chance(data) else ["utf-8-sig"]),
            *(["gb18030"] if said.lower() in ("", "gbk", "gb2312", "utf-8", "x-gbk") else [said]),
        ]
    for codec in codecs:
        try:
            return data.decode(codec)
        except (UnicodeDecodeError, LookupError):
            continue
    raise SourceChanged(where, "文字编码认不出来", _CURE)


def _page(data: bytes, where: str, declared: str | None = None) -> list[Sheet]:
    return _tables(_text(data, declared, where), where)


def _tables(text: str, where: str) -> list[Sheet]:
    """The tables of a page in which no other stands."""
    from lxml import etree

    low = _SCRIPT.sub("", text.lower())
    if len(re.findall(r"<table\b", low)) != low.count("</table"):
        raise _cut_off(where)
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text)
    sheets: dict[Any, Sheet] = {}
    around: set[Any] = set()
    events = etree.iterparse(
        io.BytesIO(text.encode("utf-8", "replace")), tag=("tr", "table"), html=True, huge_tree=True, no_network=True,
        encoding="utf-8", remove_comments=True, remove_pis=True,
    )  # fmt: skip
    for _, element in events:
        table = next(element.iterancestors("table"), None)
        if element.tag == "table":
            if table is not None:
                around.add(table)
            continue
        if table is not None and table not in around:
            if table not in sheets:
                sheets[table] = Sheet("", captions=_captions(table))
            sheet = sheets[table]
            _add_row(sheet, element, where)
            for cell in element:
                cell.clear()
    found = [sheet for table, sheet in sheets.items() if table not in around]
    for number, sheet in enumerate(found, 1):
        sheet.name = f"表{number}"
    return found


def _captions(table: _Element) -> list[str]:
    """What a page says above a table: its caption, and the text before it that gives a unit."""
    before = itertools.islice((each for each in table.itersiblings(preceding=True) if each.tag != "table"), 3)
    texts = [
        *("".join(each.itertext()) for each in before),
        *("".join(each.itertext()) for each in table.iterchildren("caption")),
    ]
    captioned = next(table.iterchildren("caption"), None) is not None
    return [
        text
        for place, text in enumerate(map(header.tidied, texts))
        if text and (header.sheet_unit(text) or (captioned and place == len(texts) - 1))
    ]


def _add_row(sheet: Sheet, row: _Element, where: str) -> None:
    number, column = len(sheet.rows), 0
    sheet.rows.append([])
    sheet.look.rows += _is_hidden(row)
    for cell in row.iterchildren("td", "th"):
        while sheet.held.get(column, 0) > number:
            column += 1
        if any(each.tag in _ENTERED and each.get("type") != "hidden" for each in cell.iter()):
            raise SourceChanged(where, "网页的表格里有待填的输入框，看不出填了什么", _CURE)
        across, down = _span(cell.get("colspan")), _span(cell.get("rowspan"))
        if column + across > _WIDEST or (number + 1) * (column + across) > _CELLS:
            raise SourceChanged(where, "网页里的表格异常地大，拒绝读取", _CURE)
        sheet.put(number, column, _shown(cell, sheet.look, address(number + 1, column + 1)), across - 1, down - 1)
        if _is_hidden(cell) and column not in sheet.unseen:
            sheet.unseen.add(column)
            sheet.look.columns += 1
        for each in range(column, column + across):
            sheet.held[each] = number + down
        column += across


def _span(given: str | None) -> int:
    return min(max(int(given), 1), _HIGHEST) if given and given.strip().isdigit() else 1


def _is_hidden(element: _Element) -> bool:
    """Whether a page does not show an element."""
    return element.get("hidden") is not None or _HIDDEN.search(element.get("style") or "") is not None


def _shown(cell: _Element, look: Look, place: str) -> str:
    """What a cell shows: blanks as one, lines where the page breaks them; of a number all its digits.

    What is struck out stands only where there is nothing else, and a raised figure behind another not at all.
    """

    def walk(each: _Element, without: tuple[str, ...]) -> Iterator[str]:
        if each.tag in ("br", "p", "div", "li"):
            yield "\n"
        if each.tag not in _UNSEEN and each.tag not in without and (each is cell or not _is_hidden(each)):
            yield _BLANKS.sub(" ", each.text or "")
            for child in each:
                yield from walk(child, without)
                yield _BLANKS.sub(" ", child.tail or "")

    def text(*without: str) -> str:
        lines = "".join(walk(cell, without)).replace("\xa0", " ").split("\n")
        return "\n".join(line.strip() for line in lines).strip()

    shown = text()
    if next(cell.iter(*_STRUCK), None) is not None:
        look.struck.append(place)
        shown = text(*_STRUCK) or shown
    if next(cell.iter("sup"), None) is not None and _FIGURE.match((bare := text("sup", *_STRUCK)).replace(" ", "")):
        look.raised.append(place)
        shown = bare
    if not shown and (pictures := [picture.get("alt") or "" for picture in cell.iter("img")]):
        look.pictures.append(place)
        shown = " ".join(filter(None, pictures))
    number = cell.get("x:num")
    return number if number and _FIGURE.match(shown.replace(" ", "")) else shown


def _archive(data: bytes, where: str) -> list[Sheet]:
    """The tables of the pages in a web archive, named as Excel names its sheets when each page is one."""
    message = email.message_from_bytes(data.lstrip())
    boundary = message.get_boundary()
    if boundary and f"--{boundary}--".encode() not in data:
        raise _cut_off(where)
    sheets: list[Sheet] = []
    names: list[str] = []
    for part in message.walk():
        if part.get_content_type() != "text/html":
            continue
        body = part.get_payload(decode=True)
        text = _text(body if isinstance(body, bytes) else b"", part.get_content_charset(), where)
        names += _SHEET_NAME.findall(text)
        sheets += _tables(text, where)
    for number, sheet in enumerate(sheets, 1):
        sheet.name = names[number - 1] if len(names) == len(sheets) else f"表{number}"
    return sheets


def _xml_2003(data: bytes, where: str) -> list[Sheet]:
    from lxml import etree

    sheets: list[Sheet] = []
    row = column = 0
    try:
        events = etree.iterparse(
            io.BytesIO(data), events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False,
            tag=(f"{_SS}Worksheet", f"{_SS}Row", f"{_SS}Cell", f"{_SS}Column"), remove_comments=True,
        )  # fmt: skip
        for event, element in events:
            kind = str(element.tag).removeprefix(_SS)
            if event == "start":
                if kind == "Worksheet":
                    sheets.append(Sheet(element.get(f"{_SS}Name") or f"表{len(sheets) + 1}"))
                    row = -1
                elif kind == "Row":
                    row, column = _index(element, row, _HIGHEST, where), -1
                continue
            sheet = sheets[-1]
            hidden = element.get(f"{_SS}Hidden") == "1"
            if kind == "Cell":
                column = _index(element, column, _WIDEST, where)
                while sheet.held.get(column, 0) > row and element.get(f"{_SS}Index") is None:
                    column += 1
                across, down = int(element.get(f"{_SS}MergeAcross", 0)), int(element.get(f"{_SS}MergeDown", 0))
                if column + across > _WIDEST or (row + 1) * (column + across + 1) > _CELLS:
                    raise SourceChanged(where, f"工作表“{sheet.name}”异常地大，拒绝读取", _CURE)
                sheet.put(row, column, _value(element, sheet, row, column), across, down)
                for each in range(column, column + across + 1) if down else ():
                    sheet.held[each] = row + down + 1
                column += across
                element.clear(keep_tail=False)
            elif kind == "Row":
                sheet.look.rows += hidden
                element.clear()
            elif kind == "Column":
                sheet.look.columns += hidden
            elif any(each.tag.endswith("}Visible") and "Hidden" in (each.text or "") for each in element.iter("{*}Visible")):  # fmt: skip
                sheet.visible = calamine.SheetVisibleEnum.Hidden
    except etree.XMLSyntaxError as error:
        if re.search(r"EndTag|[Pp]remature", str(error.msg or "")):
            raise _cut_off(where) from None
        raise SourceChanged(
            where, f"第 {error.lineno} 行不是有效的 XML（{str(error.msg)[:80]}）", "请部门重新导出"
        ) from None
    except (ValueError, IndexError):
        raise SourceChanged(where, "不是有效的 XML 表格", _CURE) from None
    return sheets


def _index(element: _Element, before: int, most: int, where: str) -> int:
    given = element.get(f"{_SS}Index")
    index = int(given) - 1 if given else before + 1
    if not before < index < most:
        raise SourceChanged(where, f"XML 表格里的行列号 {index + 1} 写了两次或不按次序", _CURE)
    return index


def _value(cell: _Element, sheet: Sheet, row: int, column: int) -> str:
    """A cell's text; a formula without a value and an error are noted."""
    data = cell.find(f"{_SS}Data")
    formula = cell.get(f"{_SS}Formula") is not None
    sheet.look.formulas += formula
    if data is None:
        if formula:
            sheet.look.blank.append(address(row + 1, column + 1))
        return ""
    text = "".join(data.itertext())
    kind = data.get(f"{_SS}Type")
    if kind == "Error":
        sheet.look.errors.append(address(row + 1, column + 1))
        return ""
    if kind == "DateTime":
        return _MIDNIGHT.sub("", text).replace("T", " ").removesuffix(".000")
    if kind == "Boolean":
        return "true" if text.strip() == "1" else "false"
    return text
