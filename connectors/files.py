"""Files a department drops into a folder: which are complete, which are new, in which order.

A file counts as complete when neither its size nor its times have moved for `settle` seconds, or when its
marker (`file.csv.ok`) lies beside it. It is known by the sha256 of its bytes, so a file sent again under
another name is not loaded twice and a corrected one under the same name is.
"""

from __future__ import annotations

import codecs
import glob
import hashlib
import re
import time
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from connectors.drivers.base import Delivery, Driver, Option, SourceColumn
from schemas.errors import ConfigError, HubError, SourceChanged, SourceUnavailable

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK = 4 << 20
_UNFINISHED = re.compile(r"(\.(tmp|part|partial|crdownload|filepart|swp|downloading)$)|(^[.~])", re.IGNORECASE)

OPTIONS: dict[str, Option] = {
    "path": Option("文件的路径，可用 * 通配，如 ${HUB_INBOX}/housing/*.csv", required=True),
    "settle": Option("文件多少秒没有变化才算传完", kind="number", default=2),
    "marker": Option("传完标记的后缀，如 .ok；写了就以标记为准"),
    "order": Option("多个文件的先后", kind="choice", choices=("time", "name"), default="time"),
    "allow_empty": Option("整本台账允许没有数据行", kind="flag", default=False),
}


@dataclass(frozen=True)
class Drop:
    """One complete file."""

    path: Path
    sha256: str
    encoding: str | None  # utf-8 when every byte is valid UTF-8, else None


class FileDriver(Driver):
    """A driver over files that match one pattern; each new file is one delivery."""

    modes: ClassVar[tuple[str, ...]] = ("file", "file_full")
    options: ClassVar[Mapping[str, Option]] = OPTIONS

    @abstractmethod
    def read(self, drop: Drop, delivery: Delivery) -> Iterator[pa.RecordBatch]:
        """The records of one file: every cell as text, then `_sheet`, `_row`, and `_flaw` where a row may have one.

        Raises:
            SourceChanged: it is not what was agreed.
            SourceUnavailable: it is cut off.
        """

    def columns(self) -> list[SourceColumn]:
        """The columns of the newest file; none while there is no file."""
        sample = self._sample()
        names = [] if sample is None else sample[1].schema.names
        return [SourceColumn(name, "text") for name in names if name not in ("_sheet", "_row", "_flaw")]

    def paths(self) -> list[Path]:
        """All files that match and are not plainly unfinished, oldest first.

        Raises:
            SourceUnavailable: the folder is not there.
        """
        pattern = str(self.option("path"))
        folder = _fixed_folder(pattern)
        if not folder.is_dir():
            raise SourceUnavailable(
                f"{self.where}：source.path", f"没有文件夹 {folder}", "请建立它，或确认部门的共享目录已挂载"
            )
        marker = self.option("marker")
        found = [Path(name) for name in glob.glob(pattern, recursive=True)]  # noqa: PTH207 - the pattern may be absolute
        kept = [
            p
            for p in found
            if p.is_file() and not _UNFINISHED.search(p.name) and not (marker and p.name.endswith(marker))
        ]
        if self.option("order") == "name":
            return sorted(kept, key=lambda p: p.name)
        return sorted(kept, key=lambda p: (p.stat().st_mtime_ns, p.name))

    def complete(self) -> list[Path]:
        """The matching files that have arrived whole; waits at most `settle` seconds for fresh ones."""
        paths, marker, settle = self.paths(), self.option("marker"), float(self.option("settle"))
        if marker:
            return [p for p in paths if p.with_name(p.name + marker).exists() or p.with_suffix(marker).exists()]
        before = {p: stamp(p) for p in paths}
        wait = max((settle - _age(state) for state in before.values()), default=0)
        if wait > 0:
            time.sleep(min(wait, settle))
        return [p for p in paths if stamp(p) == before[p] and _age(before[p]) >= settle]

    def deliveries(self, position: str | None, seen: Container[str]) -> Iterator[Delivery]:
        """One delivery per complete file whose bytes were not loaded before; the same bytes only once.

        A file that was overwritten and is put back as it was is new again: `seen` then holds its name and sha256. Of
        several files of one name nobody can tell which was put back. A whole ledger written after the last one that came
        says how things stand, also in the very words of an earlier one: `seen` holds «@», when it was written, and its sha256.
        """
        given: set[str] = set()
        complete = self.complete()
        names = Counter(path.name for path in complete)
        for path in complete:
            try:
                drop = self.inspect(path)
            except HubError as error:
                # Told when this delivery is read, so that the other files are still delivered.
                yield Delivery(path.name, self.connector.mode, reader=_raising(error), position=position, handled=path)
                continue
            put_back = names[path.name] == 1 and f"{path.name} {drop.sha256}" in seen
            if drop.sha256 in given:
                continue
            written = path.stat().st_mtime
            returned = self.connector.mode == "file_full" and f"@{written} {drop.sha256}" in seen
            if drop.sha256 in seen and not (put_back or returned):
                self.repeated.append((drop.sha256, _put_at(path)))
                continue
            given.add(drop.sha256)
            yield Delivery(
                name=path.name,
                kind=self.connector.mode,
                reader=lambda delivery, drop=drop: self.checked(drop, delivery),  # type: ignore[misc]
                content_sha256=drop.sha256,
                position=position,
                handled=path,
            )

    def inspect(self, path: Path) -> Drop:
        """Hash and encoding of a file, in one pass over its bytes.

        Raises:
            SourceUnavailable: it is gone, or locked by who writes it.
            ConfigError: it may not be read.
        """
        try:
            sha256, encoding = _fingerprint(path, stamp(path))
        except FileNotFoundError:
            raise SourceUnavailable(f"{self.where}：{path.name}", "文件读到一半不见了", "稍后会自动重试") from None
        except PermissionError:
            raise ConfigError(
                f"{self.where}：{path.name}", "没有读这个文件的权限", "请让文件对运行本系统的用户可读"
            ) from None
        except OSError as error:
            raise SourceUnavailable(
                f"{self.where}：{path.name}", f"文件读不了（{error.strerror}）", "请检查磁盘或共享目录"
            ) from None
        return Drop(path, sha256, encoding)

    def checked(self, drop: Drop, delivery: Delivery) -> Iterator[pa.RecordBatch]:
        """The records of one file; an empty file is refused, one without rows is told."""
        where = f"{self.where}：{drop.path.name}"
        if drop.path.stat().st_size == 0:
            raise SourceChanged(where, "文件是空的（0 字节）", "请部门重新导出后再放一次")
        from connectors.oddities import notice

        rows = 0
        for batch in self.read(drop, delivery):
            rows += batch.num_rows
            notice(batch, delivery)
            yield batch
        if rows == 0:
            if delivery.kind == "file_full" and not self.option("allow_empty"):
                raise SourceChanged(
                    where, "整本台账里没有一行数据", "若确实清空，请在 source 里写 allow_empty: true，否则请部门重发"
                )
            delivery.find("no_rows", "文件里只有表头，没有数据行")

    def steps(self) -> Iterable[tuple[str, Callable[[], str]]]:
        """The folder in place of a host, the newest file in place of a table."""
        return (
            ("resolve", lambda: str(_fixed_folder(str(self.option("path"))))),
            ("connect", lambda: f"共 {len(self.paths())} 个文件"),
            ("login", lambda: "文件夹，无需登录"),
            ("read", self._step_read),
            ("list", self._step_list),
        )

    def newest(self) -> Drop | None:
        """The last of the matching files, None when there is none."""
        paths = self.paths()
        return self.inspect(paths[-1]) if paths else None

    def _sample(self) -> tuple[str, pa.RecordBatch] | None:
        drop = self.newest()
        if drop is None:
            return None
        delivery = Delivery(drop.path.name, "file", lambda delivery: self.checked(drop, delivery))
        return drop.path.name, next(iter(self.checked(drop, delivery)))

    def _step_read(self) -> str:
        sample = self._sample()
        return f"{sample[0]} 可以读" if sample else "还没有文件，放入第一个后再试"

    def _step_list(self) -> str:
        sample = self._sample()
        if sample is None:
            return "还没有文件"
        columns = len(self.columns())
        return f"共 {columns} 列，用到 {len(self.connector.source_columns)} 列"


def _raising(error: HubError) -> Callable[[Delivery], Iterator[pa.RecordBatch]]:
    def reader(delivery: Delivery) -> Iterator[pa.RecordBatch]:
        raise error

    return reader


def _fixed_folder(pattern: str) -> Path:
    """The part of a pattern before its first wildcard."""
    path = Path(pattern)
    for parent in reversed([path, *path.parents]):
        if glob.has_magic(parent.name):
            return parent.parent
    return path.parent


def stamp(path: Path) -> tuple[int, int, int]:
    """Size and times of a file (ns); when none of the three moved, nor did its bytes.

    The modification time alone does not tell: copying tools set it back after they wrote. The change time they cannot.
    """
    try:
        stat = path.stat()
    except OSError:
        return (-1, 0, time.time_ns())
    return (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def _put_at(path: Path) -> float:
    """When a file was put where it is (Unix time).

    Copying tools set the modification time back, but then the folder has a new entry; new rights make none.
    """
    state = stamp(path)
    return max(state[1], min(state[2], stamp(path.parent)[1])) / 1e9


def _age(state: tuple[int, int, int]) -> float:
    """Seconds since a file moved. The change time counts too: copying tools set the modification time back."""
    return time.time() - max(min(state[1], time.time_ns()), state[2]) / 1e9


@lru_cache(maxsize=10_000)
def _fingerprint(path: Path, state: tuple[int, int, int]) -> tuple[str, str | None]:
    """sha256 of the bytes, and "utf-8" if they all are; kept while the file does not move, as polling asks often."""
    digest, decoder, valid = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")(), True
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            if valid:
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    valid = False
    return digest.hexdigest(), "utf-8" if valid and not decoder.getstate()[0] else None
