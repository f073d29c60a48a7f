"""The container of a workbook: whether all of it has arrived, and what in it is hidden.

Judged before calamine opens the file: its answer to a cut-off .xls is a panic, and to a web page named .xls
a riddle.
"""

from __future__ import annotations

import itertools
import re
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from xml.sax.saxutils import unescape

from connectors import header
from connectors.formats import tells_nothing
from connectors.glance import Look, old, see_format, tells
from schemas.errors import SourceChanged, SourceUnavailable

_ZIP = b"PK\x03\x04"
_SHARED_TEXTS = "xl/sharedStrings.xml"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_UNUSED = 0xFFFFFFFF
_LARGEST = 5 << 29  # bytes of a workbook's parts together: the largest sheet below has 2.2 GB
_FREE = 64 << 20  # bytes below which a part may be packed as tightly as it likes
_RATIO = 200  # a full sheet packs to a seventh or a twentieth
_TEXT = 2 << 30  # bytes of all text cells: a text kept once is copied into each cell that shows it
_SMALL_OLD = 512 << 10  # bytes of an .xls that cannot show enough cells to fill the memory
_MEMORY, _SECONDS = 4 << 30, 120  # of a trial
_TRIAL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]), int(sys.argv[2])))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
import python_calamine
book = python_calamine.CalamineWorkbook.from_path(sys.argv[1])
for name in book.sheet_names:
    book.get_sheet_by_name(name)
"""
_CELLS = 64_000_000  # of the rectangle a sheet spans: three times the most a ledger has
_TOLD = 5
# What to do about a workbook that does not open: it may still be on its way, or be damaged for good.
RETRY = "等传完后会自动重试；总是这样时请部门用 Excel 或 WPS 打开，另存为 .xlsx 后重发"
# A formula nobody has worked out yet: programs write it without a value, or with 0.
_FORMULA = re.compile(rb"<c\b([^>]*)>\s*<f\b(?:[^>]*/>|[^>]*>[^<]*</f>)\s*(?:<v\b[^>]*/>|<v\b[^>]*>([^<]*)</v>)?")
_STYLED = re.compile(
    rb'<c\b[^>]*?\br="([A-Z]{1,3})(\d+)"([^>]*?)\bs="(\d+)"([^>]*)>\s*(?:<f\b[^<]*(?:</f>)?\s*)?<(?:v|is)>'
)
_STRIKE = re.compile(rb'<strike\b(?![^>]*\bval="(?:0|false)")')
_TEXTUAL = re.compile(rb'\bt="[^n]')
_SHEET = re.compile(rb'<sheet\b[^>]*?\bname="([^"]*)"[^>]*?\br:id="([^"]*)"')
_RELATION = re.compile(rb"<Relationship\b[^>]*>")
_HIDDEN_ROW = re.compile(rb'<row\b[^>]*\bhidden="(?:1|true)"')
_ERROR = re.compile(rb'<c\b[^>]*\br="([A-Z]{1,3}\d+)"[^>]*\bt="e"')
_ROW = re.compile(rb'<(?:\w+:)?row\b[^>]*?\br="(\d{1,9})"')
_THREE_LETTERS = re.compile(rb'\br="[A-Z]{3}\d')
_FILLED = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})\d+"(?:[^>]*[^/>])?>')
_SHARED = re.compile(rb't="s"[^>]*>\s*<(?:\w+:)?v>(\d{1,9})<')
_HIDDEN_COLUMN = re.compile(rb'<col\b[^>]*\bhidden="(?:1|true)"[^>]*>')


def judge(path: Path, where: str) -> None:
    """Nothing when the file is a whole workbook.

    Raises:
        SourceUnavailable: it is cut off.
        SourceChanged: it is something else, or encrypted.
    """
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(_ZIP):
        _judge_zip(path, where)
    elif head.startswith(_OLE):
        _judge_ole(path, head, where)
    elif _ZIP.startswith(head[:4]) or _OLE.startswith(head[:8]):
        raise _cut_off(where)
    else:
        kind = (
            "Excel 97 以前的旧格式"
            if re.match(rb"\x09[\x00\x02\x04]", head)
            else "文本"
            if b"\0" not in head
            else "别的格式"
        )
        raise SourceChanged(
            where, f"内容是{kind}，不是 Excel", "请部门用 Excel 打开后另存为 .xlsx；文本请改用 csv 驱动"
        )


def _cut_off(where: str) -> SourceUnavailable:
    return SourceUnavailable(where, "文件不完整，可能没有传完", RETRY)


def _judge_zip(path: Path, where: str) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError):
        raise _cut_off(where) from None
    if any(entry.flag_bits & 1 for entry in entries):
        raise SourceChanged(where, "文件加了打开密码", "请部门去掉密码后重发")
    if sum(entry.file_size for entry in entries) > _LARGEST or any(
        entry.file_size > _FREE and entry.file_size > _RATIO * max(entry.compress_size, 1) for entry in entries
    ):
        raise SourceChanged(where, "工作簿解开后异常地大，拒绝读取", "请部门核实文件，或导出为 CSV 后重发")
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise SourceChanged(where, "工作簿带有宏，拒绝读取", "请部门另存为不带宏的 .xlsx 后重发")
    if "META-INF/manifest.xml" in names:
        with zipfile.ZipFile(path) as archive:
            if b"encryption-data" in archive.read("META-INF/manifest.xml"):
                raise SourceChanged(where, "文件加了打开密码", "请部门去掉密码后重发")
    if not any(name.lower().startswith("xl/") for name in names) and "content.xml" not in names:
        raise SourceChanged(where, "内容是压缩包或别的文档，不是 Excel", "请部门解压或另存为 .xlsx 后重发")
    try:
        with zipfile.ZipFile(path) as archive:
            _judge_spans(archive, where)
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error, NotImplementedError, KeyError):
        raise _cut_off(where) from None


def _judge_ole(path: Path, head: bytes, where: str) -> None:
    """The allocation table names every sector; the file must reach the last one in use."""
    try:
        shift = struct.unpack_from("<H", head, 30)[0]
        if shift not in (9, 12):
            raise _cut_off(where)
        sector = 1 << shift
        size = path.stat().st_size
        last = -1
        with path.open("rb") as file:
            for number, start in enumerate(s for s in struct.unpack_from("<109I", head, 76) if s != _UNUSED):
                file.seek((start + 1) * sector)
                table = file.read(sector)
                if len(table) < sector:
                    raise _cut_off(where)
                entries = struct.unpack(f"<{sector // 4}I", table)
                used = [index for index, entry in enumerate(entries) if entry != _UNUSED]
                last = max(last, number * (sector // 4) + used[-1]) if used else last
            file.seek(0)
            start = file.read(1 << 20)
            encrypted = "EncryptedPackage".encode("utf-16-le") in start
            file.seek(max(size - (1 << 20), 0))
            macros = "_VBA_PROJECT_CUR".encode("utf-16-le") in start + file.read(1 << 20)
    except struct.error:
        raise _cut_off(where) from None
    # The last sector may be short: some writers do not pad it.
    if size <= (last + 1) * sector:
        raise _cut_off(where)
    if encrypted:
        raise SourceChanged(where, "文件加了打开密码", "请部门去掉密码后重发")
    if macros:
        raise SourceChanged(where, "工作簿带有宏，拒绝读取", "请部门另存为不带宏的 .xlsx 后重发")


def remarks(name: str, look: Look) -> Iterator[tuple[str, str]]:
    """What a person should know of a sheet, as a finding's code and text: hidden parts, error values."""
    if look.rows or look.columns:
        told = [f"{look.rows} 行" if look.rows else "", f"{look.columns} 列" if look.columns else ""]
        hidden = "、".join(text for text in told if text)
        yield "hidden_rows", f"工作表“{name}”里有隐藏的 {hidden}，已一并读入，请填报人确认"
    if look.shaped:
        columns = "、".join(sorted({cell.rstrip("0123456789") for cell in look.shaped})[:_TOLD])
        yield "padded", f"工作表“{name}”的 {columns} 列按固定位数显示，读出时照样补零：123 读作 000123"
    labels = ((column, text) for column, shown in look.measures.items() for text, _ in shown)
    odd = ((column, text) for column, text in labels if not (tells_nothing(text) or header.is_unit(text)))
    for column, text in itertools.islice(odd, _TOLD):
        yield (
            "format_text",
            f"工作表“{name}”的 {column} 列里“{text}”是单元格格式显示的，不在内容里，读出的只有数，请核对单位和含义",
        )
    for code, cells, what in (
        ("struck", look.struck, "有划掉的字，没有读入；全都划掉的仍照原样读入"),
        ("raised", look.raised, "数后面有上标，像是脚注的号，没有读入"),
        ("pictures", look.pictures, "只有图片，读作图片的文字说明或空值"),
    ):
        if cells:
            yield code, f"工作表“{name}”里 {'、'.join(cells[:_TOLD])} 共 {len(cells)} 格{what}，请核对"
    if look.errors:
        first = "、".join(look.errors[:_TOLD]) + ("等" if len(look.errors) > _TOLD else "")
        yield "error_value", f"工作表“{name}”里 {first} 共 {len(look.errors)} 格是公式错误，按空值读入"


def _sheets(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """Each sheet's name and the part it is written in."""
    inside = set(archive.namelist())
    if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= inside:
        return
    targets = dict(_relations(archive.read("xl/_rels/workbook.xml.rels")))
    for raw_name, relation in _SHEET.findall(archive.read("xl/workbook.xml")):
        name = unescape(raw_name.decode("utf-8", "replace"), {"&quot;": '"', "&apos;": "'"})
        part = "xl/" + targets.get(relation.decode(), "").removeprefix("/").removeprefix("xl/")
        if part in inside:
            yield name, part


def _relations(xml: bytes) -> Iterator[tuple[str, str]]:
    for tag in _RELATION.findall(xml):
        identity, target = re.search(rb'\bId="([^"]*)"', tag), re.search(rb'\bTarget="([^"]*)"', tag)
        if identity and target:
            yield identity.group(1).decode(), target.group(1).decode()


def looks(path: Path, sheets: Sequence[str], names: Sequence[str]) -> dict[str, Look]:
    """What some sheets of an .xlsx or .xls show at a glance; `sheets` are all there are, in the workbook's order.

    Of other workbooks nothing is known.
    """
    if not is_zip(path):
        found = old(path)
        return (
            {n: look for n, look in zip(sheets, found, strict=True) if n in names} if len(found) == len(sheets) else {}
        )
    with zipfile.ZipFile(path) as archive:
        parts = [(name, part) for name, part in _sheets(archive) if name in names]
        if not parts:
            return {}
        book = archive.read("xl/workbook.xml")
        due, since_1904 = (
            re.search(rb'\b%b="(?:1|true)"' % key, book) is not None for key in (b"fullCalcOnLoad", b"date1904")
        )
        return {name: replace(_look(archive, part), due=due, since_1904=since_1904) for name, part in parts}


def is_zip(path: Path) -> bool:
    """Whether it begins as an archive; zipfile also takes an .xls for one, in whose theme an archive is embedded."""
    with path.open("rb") as file:
        return file.read(4) == _ZIP


def place(address: str) -> tuple[int, int]:
    """Row and column, from 1, of an address such as AB12; 0, 0 for a cell that does not say where it is."""
    letters = address.rstrip("0123456789")
    if not letters.isascii() or len(letters) == len(address):
        return 0, 0
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - 64
    return int(address[len(letters) :]), column


def _formats(archive: zipfile.ZipFile) -> dict[bytes, str]:
    """The number formats of the cells' styles, by the style's number, that show a number as it is not."""
    if "xl/styles.xml" not in archive.namelist():
        return {}
    styles = archive.read("xl/styles.xml")
    formats = {b"9": "0%", b"10": "0.00%"}
    for tag in re.findall(rb"<numFmt\b[^>]*>", styles):
        number, code = re.search(rb'\bnumFmtId="(\d+)"', tag), re.search(rb'\bformatCode="([^"]*)"', tag)
        if number and code:
            formats[number.group(1)] = unescape(code.group(1).decode("utf-8", "replace"), {"&quot;": '"'})
    cells = re.search(rb"<cellXfs\b.*?</cellXfs>", styles, re.DOTALL)
    used = re.findall(rb'<xf\b[^>]*?\bnumFmtId="(\d+)"', cells.group(0)) if cells else []
    codes = {b"%d" % index: formats.get(number, "") for index, number in enumerate(used)}
    return {style: code for style, code in codes.items() if tells(code)}


def _struck_out(archive: zipfile.ZipFile) -> set[bytes]:
    """The cells' styles, by their number, whose font is struck out."""
    styles = archive.read("xl/styles.xml") if "xl/styles.xml" in archive.namelist() else b""
    fonts = re.findall(rb"<font/>|<font\b.*?</font>", styles, re.DOTALL) if b"<strike" in styles else []
    struck = {b"%d" % index for index, font in enumerate(fonts) if _STRIKE.search(font)}
    cells = re.search(rb"<cellXfs\b.*?</cellXfs>", styles, re.DOTALL) if struck else None
    used = re.findall(rb'<xf\b[^>]*?\bfontId="(\d+)"', cells.group(0)) if cells else []
    return {b"%d" % index for index, font in enumerate(used) if font in struck}


def _look(archive: zipfile.ZipFile, part: str) -> Look:
    found = Look()
    formats, struck = _formats(archive), _struck_out(archive)
    for whole in _texts(archive, part, b"<row"):
        if b"<f" in whole:
            for about, value in _FORMULA.findall(whole):
                found.formulas += 1
                cell = re.search(rb'\br="([A-Z]{1,3}\d+)"', about)
                place = cell.group(1).decode() if cell else "？"
                if not value and b't="str"' not in about:  # an empty text is a result
                    found.blank.append(place)
                elif value == b"0":
                    found.zero.append(place)
        for column, row, before, style, behind in _STYLED.findall(whole) if formats or struck else ():
            if style in struck:
                found.struck.append(f"{column.decode()}{int(row)}")
            if style in formats and not _TEXTUAL.search(before + behind):
                see_format(found, formats[style], column.decode(), int(row))
        found.rows += len(_HIDDEN_ROW.findall(whole))
        found.errors += [cell.decode() for cell in _ERROR.findall(whole)]
        for tag in _HIDDEN_COLUMN.findall(whole):
            low, high = re.search(rb'\bmin="(\d+)"', tag), re.search(rb'\bmax="(\d+)"', tag)
            found.columns += int(high.group(1)) - int(low.group(1)) + 1 if low and high else 1
    return found


def _texts(archive: zipfile.ZipFile, part: str, tag: bytes = b"<") -> Iterator[bytes]:
    """A part in blocks that end before a tag."""
    rest = b""
    with archive.open(part) as stream:
        while block := stream.read(1 << 20):
            text = rest + block
            cut = text.rfind(tag) if len(block) == 1 << 20 else len(text)
            cut = cut if cut > 0 else text.rfind(b"<") if len(text) > 1 << 24 else 0
            rest = text[cut:]
            yield text[:cut]
    if rest:
        yield rest


def _judge_spans(archive: zipfile.ZipFile, where: str) -> None:
    """A sheet is held as the whole rectangle it spans: two cells in opposite corners would fill the memory."""
    lengths: list[int] | None = None
    copied = 0
    for name, part in _sheets(archive):
        height, wide, last, shown = 0, False, 0, 0
        for text in _texts(archive, part):
            shown += text.count(b't="s"')
            height = max(height, max(map(int, _ROW.findall(text)), default=0))
            wide = wide or (b'"' in text and _THREE_LETTERS.search(text) is not None)
        if height * (16_384 if wide else 702) > _CELLS:
            for text in _texts(archive, part):
                last = max(last, max(map(_column, set(_FILLED.findall(text))), default=0))
            if height * last > _CELLS:
                raise SourceChanged(
                    where,
                    f"工作表“{name}”横跨 {height:,} 行 {last:,} 列，拒绝读取",
                    "请部门删去表外的零散内容，另存后重发",
                )
        if not shown:
            continue
        lengths = _shared_lengths(archive) if lengths is None else lengths
        if shown * max(lengths, default=0) > _TEXT:
            for text in _texts(archive, part):
                copied += sum(lengths[n] for n in map(int, _SHARED.findall(text)) if n < len(lengths))
        if copied > _TEXT:
            raise SourceChanged(
                where, f"工作表“{name}”的文字展开后异常地大，拒绝读取", "请部门核实文件，或导出为 CSV 后重发"
            )


def _shared_lengths(archive: zipfile.ZipFile) -> list[int]:
    """The bytes of each text that cells refer to by its number."""
    if _SHARED_TEXTS not in archive.namelist():
        return []
    lengths: list[int] = []
    for text in _texts(archive, _SHARED_TEXTS, b"<si"):
        lengths += map(len, re.split(rb"<(?:\w+:)?si\b", text)[1:])
    return lengths


def parts_of_text(archive: zipfile.ZipFile) -> Iterator[bytes]:
    """What an .xlsx writes texts in, block by block: the shared ones, and the sheets."""
    shared = [_SHARED_TEXTS] if _SHARED_TEXTS in archive.namelist() else []
    yield from (block for part in shared for block in _texts(archive, part, b"<si"))
    yield from (block for _, part in _sheets(archive) for block in _texts(archive, part, b"<c"))


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def needs_trial(path: Path) -> bool:
    """Whether how much a workbook grows in memory cannot be told from its parts: .xlsb, .ods and larger .xls."""
    if not is_zip(path):
        return path.stat().st_size > _SMALL_OLD
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    return "content.xml" in names or any(name.lower().endswith("workbook.bin") for name in names)


def try_out(path: Path, where: str) -> None:
    """Read a workbook once in a process of its own that may take _MEMORY and _SECONDS.

    Raises:
        SourceChanged: it took more.
    """
    try:
        tried = subprocess.run(
            [sys.executable, "-c", _TRIAL, str(path), str(_MEMORY)], capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        tried = None
    if tried is None or tried.returncode < 0:
        raise SourceChanged(where, "工作簿读起来异常地大，拒绝读取", "请部门核实文件，或导出为 CSV 后重发")
