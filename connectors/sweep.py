"""The answers an interrupted sweep had already got, so that the next one goes on where it stopped.

Each answer is appended to one file as it comes; the file is gone when the sweep is complete. It holds raw
records, so it lies in the hub's private folder (0600), and what is older than a day is deleted by whoever
comes next. A tail cut off by a kill is left out.
"""

from __future__ import annotations

import json
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HEAD = struct.Struct("<II")
_OLDEST = 86400.0


@dataclass(frozen=True)
class Answer:
    """One answer of an interface as it came."""

    content: bytes
    date: str | None = None
    link: str | None = None


class Journal:
    """The answers of one sweep, in order; without a folder nothing is kept."""

    def __init__(self, folder: Path | None, identity: str, seconds: float) -> None:
        self._path = folder / f"{identity}.sweep" if folder and seconds > 0 else None
        self._held: list[tuple[str, int, int]] = []  # request, offset, length
        self._next = 0
        if self._path is None or folder is None:
            return
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep_out(folder)
        if self._path.exists() and time.time() - self._path.stat().st_mtime > seconds:
            self._path.unlink()
        if self._path.exists():
            self._held = list(self._frames())

    def __len__(self) -> int:
        return len(self._held)

    def last(self) -> tuple[str, Answer] | None:
        """The request and answer the earlier sweep ended with."""
        if not self._held:
            return None
        request, offset, length = self._held[-1]
        return request, self._answer(offset, length)

    def recall(self, request: str) -> Answer | None:
        """The kept answer to the next request, None when there is none; another request ends recalling."""
        if self._next >= len(self._held):
            return None
        kept, offset, length = self._held[self._next]
        if kept != request:
            self._cut()
            return None
        self._next += 1
        return self._answer(offset, length)

    def keep(self, request: str, answer: Answer) -> None:
        """Append one answer."""
        if self._path is None:
            return
        head = json.dumps({"request": request, "date": answer.date, "link": answer.link}).encode()
        content = zlib.compress(answer.content, 1)
        new = not self._path.exists()
        with self._path.open("ab") as file:
            if new:
                self._path.chmod(0o600)
            offset = file.tell()
            file.write(_HEAD.pack(len(head), len(content)) + head + content)
        self._held.append((request, offset, _HEAD.size + len(head) + len(content)))
        self._next = len(self._held)

    def forget(self) -> None:
        """Delete what is kept."""
        self._held, self._next = [], 0
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _cut(self) -> None:
        """Drop the answers beyond those recalled."""
        if self._path is not None:
            with self._path.open("r+b") as file:
                file.truncate(self._held[self._next][1])
        del self._held[self._next :]

    def _frames(self) -> Iterator[tuple[str, int, int]]:
        path = self._path
        if path is None:
            return
        size, offset = path.stat().st_size, 0
        with path.open("r+b") as file:
            while offset + _HEAD.size <= size:
                file.seek(offset)
                head, content = _HEAD.unpack(file.read(_HEAD.size))
                length = _HEAD.size + head + content
                if offset + length > size:
                    break
                yield json.loads(file.read(head))["request"], offset, length
                offset += length
            file.truncate(offset)

    def _answer(self, offset: int, length: int) -> Answer:
        if self._path is None:
            raise ValueError("nothing is kept")
        with self._path.open("rb") as file:
            file.seek(offset)
            frame = file.read(length)
        head, _ = _HEAD.unpack(frame[: _HEAD.size])
        about = json.loads(frame[_HEAD.size : _HEAD.size + head])
        return Answer(zlib.decompress(frame[_HEAD.size + head :]), about["date"], about["link"])


def _sweep_out(folder: Path) -> None:
    for path in folder.glob("*.sweep"):
        try:
            if time.time() - path.stat().st_mtime > _OLDEST:
                path.unlink()
        except FileNotFoundError:
            continue  # another source's sweep has just ended
