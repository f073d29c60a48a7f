"""Text encodings of departments' files: recognised by rule, never guessed, turned into UTF-8 as a stream.

Statistical detectors misread short GBK texts, so the order is: byte-order mark, strict UTF-8, strict GB18030
(which contains GBK and GB2312), and otherwise a refusal that names the byte.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

from schemas.errors import SourceChanged, SourceUnavailable

HEAD_BYTES = 1 << 18
_TAIL = 1 << 15
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SIGNATURES = (
    (b"PK\x03\x04", "Excel（xlsx）或压缩包"),
    (b"\xd0\xcf\x11\xe0", "Excel（xls）"),
    (b"%PDF", "PDF"),
    (b"\x1f\x8b", "gzip 压缩包"),
    (b"Rar!", "RAR 压缩包"),
    (b"{\\rtf", "Word 文档"),
)


def recognise(path: Path, valid: str | None, declared: str, wanted: Collection[str], where: str) -> str:
    """The codec of a file. `valid` says that the whole file is valid UTF-8.

    Raises:
        SourceChanged: it is no text at all, or damaged UTF-8.
        SourceUnavailable: it is UTF-8 that ends within a character.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            raise SourceChanged(where, f"内容是{kind}，不是文本", "请部门另存为 CSV，或把连接器的驱动改为 excel")
    for mark, codec in _MARKS:
        if head.startswith(mark):
            return codec
    if declared != "auto":
        return "gb18030" if declared in ("gbk", "gb2312") else declared
    if valid:
        return valid
    # The mapped column names, found as UTF-8 bytes, say that UTF-8 was meant and the file is damaged.
    if any(not name.isascii() and name.encode() in head for name in wanted):
        _refuse_damaged(path, where)
    return "gb18030"


def _refuse_damaged(path: Path, where: str) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        before = 0
        while block := file.read(1 << 20):
            held = len(decoder.getstate()[0])
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                raise _unreadable(where, "UTF-8", before - held + error.start, error) from None
            before += len(block)
    raise SourceUnavailable(where, "文件在一个字的中间断了，可能没有传完", "等传完后会自动重试；总是这样时请部门重发")


def _unreadable(where: str, encoding: str, place: int, error: UnicodeDecodeError) -> SourceChanged:
    found = error.object[error.start : error.start + 2].hex(" ")
    return SourceChanged(
        where, f"第 {place + 1} 个字节（{found}）不是有效的 {encoding} 编码", "请部门用 GB18030 或 UTF-8 编码重新导出"
    )


class Transcoder:
    """A file as a stream of UTF-8 bytes from a given line on, read block by block.

    `quotes` are counted and the `tail` is kept on the way. NUL becomes U+FFFD: no database takes a NUL, and
    the row is then set aside as damaged.

    Raises:
        SourceChanged: while reading, at a byte that is no valid text; its place is told.
        SourceUnavailable: the file ends within a character.
    """

    closed = False

    def __init__(self, file: BinaryIO, codec: str, where: str, skip_lines: int = 0) -> None:
        self._file, self._codec, self._where, self._skip = file, codec, where, skip_lines
        self._decoder = codecs.getincrementaldecoder("utf-8-sig" if codec == "utf-8" else codec)("strict")
        self._fed = 0
        self.quotes = 0
        self.tail = b""

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Never."""
        return False

    def writable(self) -> bool:
        """Never."""
        return False

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self, size: int = -1) -> bytes:
        """The UTF-8 of the next block; b"" only at the end."""
        while True:
            block = self._file.read(size if size > 0 else 1 << 22)
            text = self._decoded(block)
            if self._skip and text:
                text = self._after_skipped(text)
            if text or not block:
                break
        if not text:
            return b""
        data = text.encode()
        if b"\0" in data:
            data = data.replace(b"\0", "\ufffd".encode())
        self.quotes += data.count(b'"')
        self.tail = (self.tail + data)[-_TAIL:]
        return data

    @property
    def ends_with_newline(self) -> bool:
        """Whether the last line is a whole one."""
        return self.tail.endswith(b"\n")

    def _decoded(self, block: bytes) -> str:
        state = self._decoder.getstate()[0]
        held = len(state) if isinstance(state, bytes) else 0
        try:
            text = self._decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            if not block:
                raise SourceUnavailable(
                    self._where, "文件在一个字的中间断了，可能没有传完", "等传完后会自动重试；总是这样时请部门重发"
                ) from None
            raise _unreadable(self._where, self._codec.upper(), self._fed - held + error.start, error) from None
        except UnicodeError:  # UTF-16 without its mark
            raise SourceChanged(
                self._where, f"内容不是 {self._codec.upper()} 编码", "请核对 source.encoding，或去掉它让程序自己识别"
            ) from None
        self._fed += len(block)
        return text

    def _after_skipped(self, text: str) -> str:
        for match in re.finditer("\n", text):
            self._skip -= 1
            if not self._skip:
                return text[match.end() :]
        return ""
