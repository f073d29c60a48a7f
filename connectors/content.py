"""What a file holds, told from its bytes: a workbook, a table in text, JSON, XML, Parquet, or one of them packed.

Packed files are unpacked beside nothing else, into a folder of their own, and never beyond LARGEST bytes: an
archive that would grow more is refused before the disk is full.
"""

from __future__ import annotations

import bz2
import fnmatch
import gzip
import json
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from schemas.errors import SourceChanged, SourceUnavailable

LARGEST = 16 << 30  # bytes of one unpacked file
_MEMBERS = 1000
_RATIO = 250  # times: text packs to a tenth or a fiftieth, a bomb to a thousandth
_FREE = 256 << 20  # bytes below which the ratio is of no interest
_BLOCK = 1 << 20
_PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz"}
_REFUSED = {
    b"%PDF": "PDF", b"Rar!": "RAR 压缩包", b"7z\xbc\xaf": "7z 压缩包", b"{\\rtf": "Word 文档（RTF）", b"\x89PNG": "图片", b"\xff\xd8\xff": "图片",
    b"GIF8": "图片", b"SQLite format 3": "SQLite 数据库", b"\x7fELF": "程序", b"MZ": "程序", b"ARROW1": "Arrow 文件",
}  # fmt: skip
# What programs save under the name .xls without its being one.
PAGE, ARCHIVE, XML_2003 = "网页（HTML）", "网页存档（MHTML）", "Excel 2003 的 XML 表格"
WEB = (PAGE, ARCHIVE, XML_2003)
_OLD_WORKBOOK = (b"\x09\x00\x04\x00", b"\x09\x02\x06\x00", b"\x09\x04\x06\x00")
_WIDE = (b"\xff\xfe", b"\xfe\xff")
# An element of its own and a delimiter behind it: a cell of a delimited text, for nothing stands behind an XML's root.
_MARKED_CELL = re.compile(rb"<(\w+)\b[^\n]*?(?:/>|</\1>)[ ]*[,;|\t]")
# What is meant to be JSON and is not: written with apostrophes, or below a comment.
_NEARLY_JSON = re.compile(
    rb"(?:(?://|#)[^\n]*\n\s*|/\*.*?\*/\s*)*[\[{]\s*(?:\{\s*)?(?:'[^'\n]*'|\"[^\"\n]*\")\s*:", re.DOTALL
)
_LATEX = re.compile(rb"(?:%[^\n]*\n|\s)*\\(?:begin\{|documentclass|usepackage|toprule|hline|caption)")
_LATEX_ROW = re.compile(rb"^[^\n]*&[^\n]*\\\\[ \t]*(?:\\\w+[ \t]*)?\r?$", re.MULTILINE)  # 甲 & 5 \\ \hline
_TABLE = re.compile(rb"<table(?=[\s>]).*<t[rdh][\s>]", re.DOTALL)  # of a page, and not an element of that name
_CURE = "请部门导出为 Excel（.xlsx）或 CSV 后重发"


@dataclass(frozen=True)
class Content:
    """One table-bearing file, unpacked: `name` as the person who sent it sees it."""

    path: Path
    name: str
    kind: str  # workbook | text | json | lines | xml | parquet, or one of WEB


@contextmanager
def opened(path: Path, where: str, member: str | None = None) -> Iterator[list[Content]]:
    """The tables of one file: itself, or what is packed in it (of a zip only what `member` fits), in the order of the names.

    Raises:
        SourceChanged: it holds no table, is encrypted, or would unpack to more than LARGEST.
        SourceUnavailable: it is cut off.
    """
    with TemporaryDirectory(prefix="unpacked-") as folder:
        yield list(_contents(path, path.name, where, Path(folder), member))


def kind_of(path: Path) -> str:
    """workbook, text, json, lines, xml, parquet, zip, gzip, zstd, bzip2, xz, or what else it is, in Chinese."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
        file.seek(-min(path.stat().st_size, 256), 2)
        tail = file.read()
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return _kind_of_zip(path)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") or head.startswith(_OLD_WORKBOOK):
        return "workbook"
    if head.startswith(b"PAR1"):
        return "parquet"
    for signature, kind in (_PACKED | _REFUSED).items():
        if head.startswith(signature):
            return kind
    return "tar 压缩包" if head[257:262] == b"ustar" else _kind_of_text(head, tail)


def _kind_of_text(head: bytes, tail: bytes) -> str:
    if head.startswith(_WIDE):
        told = _kind_of_text(head.decode("utf-16", "ignore").encode(), b"")
        return "json" if told in ("json", "lines") else "xml" if told == "xml" else "text"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _MARKED_CELL.match(text):
        return "text"
    if re.match(rb"<[?!A-Za-z_]", text) and (text.startswith(b"<?xml") or tail.rstrip().endswith(b">")):
        low = text[:4096].lower()
        page = any(mark in low for mark in (b"<html", b"<!doctype html")) or _TABLE.search(low)
        if page and b"office:spreadsheet" not in low:
            return PAGE
        if b"<office:document" in low:
            return "单个 XML 的 OpenDocument"
        return XML_2003 if b"office:spreadsheet" in low else "xml"
    if re.match(rb"<(?:!doctype\s+html|html|head|meta|style|table)\b", text, re.IGNORECASE):
        return PAGE  # cut off
    if re.match(rb"(?:[\w-]+:[^\n]*\n|[ \t][^\n]*\n)*mime-version:", text[:2048], re.IGNORECASE):
        return ARCHIVE
    if re.match(rb"ID;P[^\r\n]*[\r\n]+(?:P;P|[FBO];|C;[XY]|NN;)", text):
        return "SYLK 表格"
    if re.match(rb"TABLE\r?\n0,1\r?\n", text):
        return "DIF 表格"
    if re.match(rb"(?:%[^\n]*\n\s*)*@relation\s", text, re.IGNORECASE):
        return "ARFF（Weka）"
    if _LATEX.match(text) or len(_LATEX_ROW.findall(text)) * 2 > text.count(b"\n") > 1:
        return "LaTeX 源文件"
    if re.match(rb"[\w.$]+\(\s*[\[{]\s*[\[{\"]", text):
        return "JSONP"
    if text[:1] in (b"{", b"["):
        line, _, more = text.partition(b"\n")
        whole = _is_json(line.strip())
        following = more.lstrip().partition(b"\n")[0]
        if whole and following[:1] == text[:1] and _is_json(following):
            return "lines"
        if whole or _begins_json(text) or line.strip() in (b"{", b"[", b"[{"):
            return "json"
    return "json" if _NEARLY_JSON.match(text) else "text"


def _is_json(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), (dict, list))
    except (ValueError, RecursionError):
        return False


def _begins_json(text: bytes) -> bool:
    """Whether JSON goes on beyond the part that is looked at: the decoder gets past its first value or its end."""
    decoded = text.decode("utf-8", "ignore")
    try:
        found, end = json.JSONDecoder().raw_decode(decoded)
    except json.JSONDecodeError as error:
        # Cut off where the look ended, or by whoever sent it, or damaged: a key and its value say that JSON was meant.
        return error.pos > 0 and re.match(r'\s*(?:\[\s*)?\{\s*"[^"]*"\s*:', decoded) is not None
    except RecursionError:
        return True
    return isinstance(found, (dict, list)) and (
        not decoded[end:].strip() or (isinstance(found, dict) and len(found) > 0)
    )


def _kind_of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.lower().replace("\\", "/") for name in archive.namelist()}
    except (zipfile.BadZipFile, ValueError, OSError):
        return "workbook" if path.suffix.lower() in (".xlsx", ".xlsm", ".xlsb", ".ods", ".et") else "zip"
    folders = {name.partition("/")[0] for name in names if "/" in name}
    if "xl" in folders or {"content.xml", "mimetype"} <= names:
        return "workbook"
    if "[content_types].xml" in names:
        return "演示文稿" if "ppt" in folders else "Word 文档"
    return "zip"


def _contents(path: Path, name: str, where: str, folder: Path, member: str | None) -> Iterator[Content]:
    kind = kind_of(path)
    if kind == "zip":
        yield from _members(path, where, folder, member)
    elif kind in ("gzip", "zstd", "bzip2", "xz"):
        target = folder / "one"
        _unpack(_decompressor(path, kind), target, path.stat().st_size, where)
        inner = Path(name).stem if Path(name).suffix.lower() in (".gz", ".zst", ".bz2", ".xz", ".zstd") else name
        yield _plain(target, inner, where)
    else:
        yield _plain(path, name, where)


def _plain(path: Path, name: str, where: str) -> Content:
    kind = kind_of(path)
    if kind not in ("workbook", "text", "json", "lines", "xml", "parquet", *WEB):
        told = "压缩包里的压缩包" if kind in ("zip", *_PACKED.values()) else kind
        raise SourceChanged(where, f"内容是{told}，不是表格", _CURE)
    return Content(path, name, kind)


def _members(path: Path, where: str, folder: Path, member: str | None) -> Iterator[Content]:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError):
        raise SourceUnavailable(
            where, "压缩包不完整，可能没有传完", "等传完后会自动重试；总是这样时请部门重发"
        ) from None
    with archive:
        inside = [entry for entry in archive.infolist() if not _is_aside(entry)]
        if not inside:
            raise SourceChanged(where, "压缩包里没有文件", _CURE)
        if member is not None:
            found = [entry for entry in inside if fnmatch.fnmatchcase(_name(entry), member)]
            if not found:
                told = "、".join(_name(entry) for entry in inside)[:200]
                raise SourceChanged(where, f"压缩包里没有 '{member}'", f"里面有：{told}")
            inside = found
        if len(inside) > _MEMBERS or sum(entry.file_size for entry in inside) > LARGEST:
            raise SourceChanged(where, "压缩包里的文件太多，或解开后太大", "请部门分成几个小的压缩包重发")
        if any(entry.flag_bits & 1 for entry in inside):
            raise SourceChanged(where, "压缩包加了密码", "请部门去掉密码后重发")
        for number, entry in enumerate(sorted(inside, key=lambda entry: entry.filename)):
            target = folder / str(number)
            try:
                _unpack(archive.open(entry), target, max(entry.compress_size, 1), where)
            except (zipfile.BadZipFile, EOFError):
                raise SourceUnavailable(
                    where, "压缩包里的文件与目录对不上，可能没有传完", "等传完后会自动重试；总是这样时请部门重新打包"
                ) from None
            except NotImplementedError:
                raise SourceChanged(where, "压缩包的压缩方法不认识", "请部门用普通的 zip 重新打包") from None
            yield _plain(target, _name(entry), where)


def _is_aside(entry: zipfile.ZipInfo) -> bool:
    name = entry.filename
    return entry.is_dir() or name.startswith("__MACOSX/") or Path(name).name.startswith((".", "~$"))


def _name(entry: zipfile.ZipInfo) -> str:
    """Windows packs Chinese names in GBK without saying so."""
    if not entry.flag_bits & 0x800:
        try:
            return entry.filename.encode("cp437").decode("gb18030")
        except UnicodeError:
            pass
    return entry.filename


def _decompressor(path: Path, kind: str) -> IO[bytes]:
    import pyarrow as pa

    if kind == "zstd":
        stream: Any = pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")
        return stream  # type: ignore[no-any-return]
    opener: Any = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}[kind]
    return opener(path, "rb")  # type: ignore[no-any-return]


def _unpack(stream: IO[bytes], target: Path, packed: int, where: str) -> None:
    written = 0
    try:
        with stream, target.open("wb") as file:
            while block := stream.read(_BLOCK):
                written += len(block)
                if written > LARGEST or (written > _FREE and written > packed * _RATIO):
                    raise SourceChanged(where, "压缩包解开后异常地大，拒绝读取", "请部门核实文件，直接发送未压缩的表格")
                file.write(block)
    except (EOFError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise SourceUnavailable(
            where, "压缩包不完整，可能没有传完", "等传完后会自动重试；总是这样时请部门重发"
        ) from None
