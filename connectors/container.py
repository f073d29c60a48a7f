"""The container of a workbook: whether all of it has arrived, and what in it is hidden.

Judged before calamine opens the file: its answer to a cut-off .xls is a panic, and to a web page named .xls
a riddle.
"""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import unescape

from schemas.errors import SourceChanged, SourceUnavailable

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_FREE = 0xFFFFFFFF
_SHEET = re.compile(rb'<sheet\b[^>]*?\bname="([^"]*)"[^>]*?\br:id="([^"]*)"')
_RELATION = re.compile(rb"<Relationship\b[^>]*>")
_HIDDEN_ROW = re.compile(rb'<row\b[^>]*\bhidden="(?:1|true)"')
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
        text = head.lstrip().lower()
        kind = (
            "网页（HTML）"
            if text.startswith((b"<html", b"<!doctype", b"<table", b"<meta"))
            else "文本"
            if b"\0" not in head
            else "别的格式"
        )
        raise SourceChanged(
            where, f"内容是{kind}，不是 Excel", "请部门用 Excel 打开后另存为 .xlsx；文本请改用 csv 驱动"
        )


def _cut_off(where: str) -> SourceUnavailable:
    return SourceUnavailable(where, "文件不完整，可能没有传完", "等传完后会自动重试；总是这样时请部门重发")


def _judge_zip(path: Path, where: str) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        raise _cut_off(where) from None
    if not any(name.startswith("xl/") for name in names):
        raise SourceChanged(where, "内容是压缩包或别的文档，不是 Excel", "请部门解压或另存为 .xlsx 后重发")


def _judge_ole(path: Path, head: bytes, where: str) -> None:
    """The allocation table names every sector; the file must reach the last one in use."""
    try:
        sector = 1 << struct.unpack_from("<H", head, 30)[0]
        size = path.stat().st_size
        last = -1
        with path.open("rb") as file:
            for number, start in enumerate(s for s in struct.unpack_from("<109I", head, 76) if s != _FREE):
                file.seek((start + 1) * sector)
                table = file.read(sector)
                if len(table) < sector:
                    raise _cut_off(where)
                entries = struct.unpack(f"<{sector // 4}I", table)
                used = [index for index, entry in enumerate(entries) if entry != _FREE]
                last = max(last, number * (sector // 4) + used[-1]) if used else last
            file.seek(0)
            encrypted = "EncryptedPackage".encode("utf-16-le") in file.read(1 << 20)
    except struct.error:
        raise _cut_off(where) from None
    # The last sector may be short: some writers do not pad it.
    if size <= (last + 1) * sector:
        raise _cut_off(where)
    if encrypted:
        raise SourceChanged(where, "文件加了打开密码", "请部门去掉密码后重发")


def hidden_parts(path: Path, names: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Per named sheet of an .xlsx, its hidden rows and columns; sheets without any are left out."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        inside = set(archive.namelist())
        if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= inside:
            return
        targets = dict(_relations(archive.read("xl/_rels/workbook.xml.rels")))
        for raw_name, relation in _SHEET.findall(archive.read("xl/workbook.xml")):
            name = unescape(raw_name.decode("utf-8", "replace"), {"&quot;": '"', "&apos;": "'"})
            part = "xl/" + targets.get(relation.decode(), "").removeprefix("/xl/")
            if name not in names or part not in inside:
                continue
            rows, columns = _count_hidden(archive, part)
            if rows or columns:
                yield name, rows, columns


def _relations(xml: bytes) -> Iterator[tuple[str, str]]:
    for tag in _RELATION.findall(xml):
        identity, target = re.search(rb'\bId="([^"]*)"', tag), re.search(rb'\bTarget="([^"]*)"', tag)
        if identity and target:
            yield identity.group(1).decode(), target.group(1).decode()


def _count_hidden(archive: zipfile.ZipFile, part: str) -> tuple[int, int]:
    rows = columns = 0
    rest = b""
    with archive.open(part) as stream:
        while block := stream.read(1 << 20):
            text = rest + block
            cut = text.rfind(b"<") if len(block) == 1 << 20 else len(text)
            whole, rest = text[:cut], text[cut:]
            rows += len(_HIDDEN_ROW.findall(whole))
            for tag in _HIDDEN_COLUMN.findall(whole):
                low, high = re.search(rb'\bmin="(\d+)"', tag), re.search(rb'\bmax="(\d+)"', tag)
                columns += int(high.group(1)) - int(low.group(1)) + 1 if low and high else 1
    return rows, columns
