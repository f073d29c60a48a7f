"""Fixed-width text files, as banks and social insurance send them: each column so many bytes of GB18030 or UTF-8.

A driver of your own is a subclass of `Driver`: the options it reads, the steps that prove it works, the columns
it has now, and its deliveries. A delivery streams Arrow batches of one schema, in bounded memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from connectors.batches import empty, without_nul
from connectors.drivers.base import Delivery, Driver, Option, SourceColumn
from schemas.errors import ConfigError, SourceChanged, SourceUnavailable, nearest

_LINES = 50_000


class FixedWidth(Driver):
    """One file whose lines are cut at fixed bytes."""

    options: ClassVar[Mapping[str, Option]] = {
        "path": Option("文件的路径", required=True),
        "widths": Option("列名: 占几个字节，按先后写", kind="mapping", required=True),
        "encoding": Option("编码", kind="choice", choices=("gb18030", "utf-8"), default="gb18030"),
    }
    modes: ClassVar[tuple[str, ...]] = ("file_full",)

    @classmethod
    def source_problem(cls, source: Mapping[str, Any]) -> str | None:
        """Every width is a whole number of bytes."""
        wrong = [
            name for name, width in (source.get("widths") or {}).items() if not isinstance(width, int) or width < 1
        ]
        return f"widths.{wrong[0]} 须是正整数" if wrong else None

    def columns(self) -> list[SourceColumn]:
        """As declared: the file itself has no names."""
        return [SourceColumn(str(name), f"bytes({width})") for name, width in self.option("widths").items()]

    def steps(self) -> Iterable[tuple[str, Callable[[], str]]]:
        """The file in place of host and port."""
        return (
            ("resolve", lambda: str(self.path())),
            ("connect", lambda: f"{self.path().stat().st_size} 字节"),
            ("login", lambda: "无需登录"),
            ("read", lambda: f"第一批 {next(self._batches()).num_rows} 行"),
            ("list", lambda: f"共 {len(self._wanted())} 列"),
        )

    def path(self) -> Path:
        """The file.

        Raises:
            SourceUnavailable: it is not there.
        """
        path = Path(str(self.option("path")))
        if not path.is_file():
            raise SourceUnavailable(self.where, f"找不到文件 {path.name}", "请核对路径，或确认共享目录已挂载")
        return path

    def deliveries(self, position: str | None, seen: Container[str]) -> Iterator[Delivery]:
        """The file, unless the very same bytes were loaded before."""
        path = self.path()
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest not in seen:
            yield Delivery(path.name, "file_full", lambda delivery: self._batches(), content_sha256=digest)

    def _wanted(self) -> dict[str, tuple[int, int]]:
        """Start and end of each mapped column."""
        places, start = {}, 0
        for name, width in self.option("widths").items():
            places[str(name)] = (start, start + int(width))
            start += int(width)
        missing = [name for name in self.connector.source_columns if name not in places]
        if missing:
            raise ConfigError(f"{self.where}：fields", f"widths 里没有列 '{missing[0]}'", nearest(missing[0], places))
        return {name: places[name] for name in self.connector.source_columns}

    def _batches(self) -> Iterator[pa.RecordBatch]:
        wanted, length = self._wanted(), sum(self.option("widths").values())
        schema = pa.schema([(name, pa.string()) for name in wanted])
        given = 0
        with self.path().open("rb") as file:
            while lines := [line.rstrip(b"\r\n") for line in file.readlines(_LINES * length)]:
                array = pa.array(lines, pa.binary())
                short = pc.index(pc.equal(pc.binary_length(array), length), False).as_py()
                if short >= 0:
                    raise SourceChanged(
                        self.where,
                        f"第 {given + short + 1} 行不是 {length} 个字节",
                        "文件可能没有传完，或列宽改了；请部门核对",
                    )
                given += len(lines)
                columns = [self._text(pc.binary_slice(array, start, end)) for start, end in wanted.values()]
                yield without_nul(pa.RecordBatch.from_arrays(columns, schema=schema))
        if not given:
            yield empty(schema)

    def _text(self, cells: pa.Array) -> pa.Array:
        try:
            if self.option("encoding") == "gb18030":
                # All cells in one go: a decoder called once a cell is ten times slower.
                joined = b"\n".join(cells.to_pylist()).decode("gb18030").split("\n")
                cells = pa.array(joined, pa.string())
            else:
                cells = pc.cast(cells, pa.string())
        except (UnicodeDecodeError, pa.ArrowInvalid):
            raise SourceChanged(
                self.where, f"有字节不是 {self.option('encoding')}", "请核对 encoding 和 widths"
            ) from None
        text = pc.utf8_rtrim(cells, " ")
        return pc.if_else(pc.equal(text, ""), None, text)
