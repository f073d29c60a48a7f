"""Quotation marks that are not in pairs: the line is set aside, and the next one is read as the record it is.

A parser takes an opened mark for the beginning of a cell of many lines and swallows what follows. Here a record is
let pass when it is well formed, over several lines too; a line that is not becomes one quoted cell, whose width no
record has.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy

from schemas.errors import SourceChanged

if TYPE_CHECKING:
    from connectors.dialect import Dialect

_LONGEST = 1 << 20  # bytes of a record: a longer one is refused by the parser anyway
_NEWLINE = 10
_RETURN = 13


class Mender:
    """Whole lines in, whole lines out; records that go on in the next block are held back until it comes."""

    def __init__(self, dialect: Dialect, width: int, where: str, skipped: int = 0) -> None:
        mark, quote = re.escape(dialect.mark.encode()), re.escape((dialect.quote or '"').encode())
        blank = b"".join(char for char in (b" ", b"\t") if char != dialect.mark.encode())
        cell = rb"(?>%b(?>[^%b]|%b%b)*+%b[%b]*+|[^%b%b\n][^%b\n]*+|)" % (
            quote, quote, quote, quote, quote, blank, quote, mark, mark,
        )  # fmt: skip
        self._record = re.compile(rb"%b(?>%b%b)*+\r?(?:\n|\Z)" % (cell, mark, cell))
        self._open = re.compile(rb"(?>%b%b)*+%b(?>[^%b]|%b%b)*+\Z" % (cell, mark, quote, quote, quote, quote))
        # A quoted cell stuck to the one before it: 61"Round table, 49" is split within its quotation.
        self._stuck = re.compile(rb"(?:^|%b)[^%b%b\n][^%b%b\n]*%b(?:[^%b%b\n]|%b%b)+%b[^\n]*%b(?:%b|\r?\n|\Z)" % (
            mark, quote, mark, quote, mark, quote, quote, mark, quote, quote, mark, quote, mark,
        ))  # fmt: skip
        self._quoted = re.compile(rb"%b(?>[^%b]|%b%b)*+%b" % (quote, quote, quote, quote, quote))
        self._mark, self._quote = dialect.mark.encode(), (dialect.quote or '"').encode()
        self._width, self._where = width, where
        self._held, self._line = b"", 1 + skipped
        self.active = dialect.quote is not None and dialect.escape is None and width > 1
        self.lines: list[int] = []  # that were set aside, from 1
        self.texts: set[str] = set()

    def __call__(self, data: bytes, *, final: bool) -> bytes:
        """The lines that are settled."""
        data, self._held = self._held + data, b""
        if not final:
            cut = data.rfind(b"\n") + 1
            data, self._held = data[:cut], data[cut:]
        if self._quote in data:
            data = self._mended(data, final=final)
        self._line += data.count(b"\n")
        return data

    def _mended(self, data: bytes, *, final: bool) -> bytes:
        starts, doubtful = self._doubtful(data)
        out, done, resume = [], 0, 0
        for index in doubtful:
            start = int(starts[index])
            if start < resume:
                continue
            end = int(starts[index + 1]) if index + 1 < len(starts) else len(data)
            found = self._record.match(data, start, min(start + _LONGEST, len(data)))
            if found and found.end() == end:
                if self._stuck.search(data[start:end]):
                    out += [data[done:start], self._aside(data[start:end], int(index))]
                    done = resume = end
                continue
            open_ended = self._open.fullmatch(data[start:end]) is not None
            following = data[end : int(starts[index + 2]) if index + 2 < len(starts) else len(data)]
            if open_ended and found and (final or data[found.end() - 1] == _NEWLINE):
                resume = found.end()
                continue
            if open_ended and self._open.fullmatch(data[start : start + _LONGEST]):  # nothing closes it so far
                if not self._is_record(following):
                    if final or len(data) - start > _LONGEST:
                        break  # torn off, or told by the parser
                    self._held = data[start:] + self._held
                    data = data[:start]
                    break
            elif open_ended and self._width == 2 and not self._is_record(following):
                line = self._line + int(index)
                raise SourceChanged(self._where, f"第 {line} 行附近有没配对的引号", "请部门重新导出，不要手工拼接")
            out += [data[done:start], self._aside(data[start:end], int(index))]
            done = resume = end
        out.append(data[done:])
        return b"".join(out)

    def _doubtful(self, data: bytes) -> tuple[numpy.ndarray, list[int]]:
        """Where each line starts, and the lines with an odd number of marks or one within a cell."""
        seen = numpy.frombuffer(data, numpy.uint8)
        ends = numpy.flatnonzero(seen == _NEWLINE)
        starts = numpy.concatenate([[0], ends + 1])
        if starts[-1] == len(data):
            starts = starts[:-1]
        marks = numpy.flatnonzero(seen == self._quote[0])
        line = numpy.searchsorted(ends, marks)
        odd = numpy.flatnonzero(numpy.bincount(line, minlength=len(starts)) & 1)
        edges = numpy.array([_NEWLINE, self._mark[0], self._quote[0]], numpy.uint8)
        around = numpy.concatenate([[_NEWLINE], seen, [_NEWLINE]]).astype(numpy.uint8)
        left = numpy.isin(around[marks], edges)
        right = numpy.isin(around[marks + 2], numpy.append(edges, numpy.uint8(_RETURN)))
        return starts, numpy.union1d(odd, line[~left & ~right]).tolist()

    def _is_record(self, line: bytes) -> bool:
        """Whether a line is a whole record by itself."""
        if not line or not self._record.fullmatch(line):
            return False
        return self._quoted.sub(b"", line).count(self._mark) + 1 == self._width

    def _aside(self, line: bytes, index: int) -> bytes:
        body = line.rstrip(b"\r\n")
        self.lines.append(self._line + index)
        self.texts.add(body.decode("utf-8", "replace"))
        doubled = body.replace(self._quote, self._quote * 2)
        return self._quote + doubled + self._quote + line[len(body) :]


def mended(lines: Sequence[str], dialect: Dialect, width: int) -> tuple[list[str], list[int]]:
    """The first lines of a file, and which of them (from 1) were set aside."""
    mender = Mender(dialect, width, "")
    if not mender.active or not any((dialect.quote or "") in line for line in lines):
        return list(lines), []
    try:
        text = mender("".join(lines).encode(), final=True).decode()
    except SourceChanged:
        return list(lines), []
    return [line + "\n" for line in text.split("\n")[:-1]], mender.lines
