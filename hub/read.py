"""`hub read`: what a connector would deliver of one file, without registering anything."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub import output
from hub.output import UsageError
from schemas.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

    from connectors.drivers.base import Delivery

# As a number is kept, and as a spreadsheet shows eleven digits and more in a narrow column.
_LONG = r"^\d(?:\.\d+)?[eE]\+?(?:1[5-9]|2\d)$|^\d(?:\.\d{1,5})?E\+1\d$"
_TOLD = 5
_COORDINATES = ("_sheet", "_row", "_flaw")


def run(path: Path, *, options: dict[str, Any], format: str, coordinates: bool) -> int:
    """Write the rows to stdout and what to know about them to stderr; 1 when no row of several was fit, else 0.

    Raises:
        UsageError: an option is none.
        ConfigError: there is no such file.
        SourceChanged, SourceUnavailable: the file is refused.
    """
    from connectors.drivers import open_driver
    from connectors.drivers.base import Delivery
    from connectors.spec import Connector

    output.one_of("--output", format, ("csv", "json"))
    if not path.is_file():
        raise ConfigError(str(path), "没有这个文件", "请核对路径")
    connector = Connector(
        id="file", dept="", title=path.name, dataset="", source={"driver": "file", "path": str(path), "settle": 0, **options}, mode="file",
        cursor=None, lookback="0s", schedule=None, pool="", timezone="Asia/Shanghai", fields={}, constants={}, path=path,
    )  # fmt: skip
    driver: Any = open_driver(connector)
    if problem := driver.source_problem(connector.source):
        raise UsageError("--delimiter", problem, "例如 --delimiter ';'")
    drop = driver.inspect(path)
    delivery = Delivery(path.name, "file", lambda delivery: driver.checked(drop, delivery))
    judge = _Judge(delivery)
    batches = judge.sound(delivery.batches())
    first = next(batches)
    names = [name for name in first.schema.names if name != "_flaw" and (coordinates or name not in _COORDINATES)]
    if format == "json":
        output.write_json(dict(zip(names, row, strict=True)) for row in _rows(first, batches, names))
    else:
        output.write_csv_batches(names, chain((first,), batches), sys.stdout)
    judge.tell()
    return 1 if judge.set_aside == judge.extracted > 0 else 0


def _rows(first: pa.RecordBatch, others: Iterator[pa.RecordBatch], names: list[str]) -> Iterator[tuple[Any, ...]]:
    for batch in (first, *others):
        yield from zip(*(batch.column(name).to_pylist() for name in names), strict=True)


class _Judge:
    """Takes the rows out that would be quarantined whatever the contract, and tells of them."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self.extracted = self.set_aside = 0
        self._reasons: list[str] = []
        self._long: list[str] = []

    def sound(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches without rows of a wrong shape or with characters that were lost."""
        import pyarrow.compute as pc

        for batch in batches:
            self.extracted += batch.num_rows
            bad = None
            names = batch.schema.names
            for name in names:
                if name in ("_sheet", "_row"):
                    continue
                column = batch.column(name)
                if name == "_flaw":
                    flawed = pc.is_valid(column)
                    self._note(batch, flawed, lambda row: str(row["_flaw"]))
                else:
                    flawed = pc.fill_null(pc.match_substring(column, "\ufffd"), False)
                    self._note(batch, flawed, lambda row, name=name: f"“{name}”里有乱码（�）：{row[name]}")
                    if len(self._long) <= _TOLD:
                        self._find_long(batch, name)
                bad = flawed if bad is None else pc.or_(bad, flawed)
            some = bad is not None and pc.any(bad).as_py()
            if some:
                self.set_aside += pc.sum(bad).as_py()
            yield batch.filter(pc.invert(bad)) if some else batch

    def _note(self, batch: pa.RecordBatch, flawed: Any, reason: Any) -> None:
        import pyarrow.compute as pc

        if len(self._reasons) < _TOLD and pc.any(flawed).as_py():
            for row in batch.filter(flawed).slice(0, _TOLD).to_pylist():
                self._reasons.append(f"{_place(row)} {reason(row)}")

    def _find_long(self, batch: pa.RecordBatch, name: str) -> None:
        """Numbers of sixteen digits and more: the spreadsheet has lost their last digits."""
        import pyarrow.compute as pc

        lost = pc.fill_null(pc.match_substring_regex(batch.column(name), _LONG), False)
        if pc.any(lost).as_py():
            for row in batch.filter(lost).slice(0, _TOLD).to_pylist():
                self._long.append(f"{_place(row)}“{name}” {row[name]}")

    def tell(self) -> None:
        """Everything there is to know, on stderr."""
        delivery = self._delivery
        for caption in delivery.captions:
            output.say(f"表上文字：{caption}", "note")
        for column, unit in delivery.units.items():
            output.say(f"计量单位：{'整张表' if column == '*' else column} 以{unit}计", "note")
        for finding in delivery.findings:
            output.say(finding.message, "warn")
        if self._long:
            output.say(f"像是以数字保存的长编号，末位已失真，作编号时会退回：{'；'.join(self._long[:_TOLD])}", "warn")
        for reason in self._reasons[:_TOLD]:
            output.say(f"退回 {reason}", "fail")
        if self.set_aside > _TOLD:
            output.say(f"……共退回 {self.set_aside} 行", "fail")
        passed = self.extracted - self.set_aside
        output.say(
            f"读出 {self.extracted} 行：可用 {passed}，退回 {self.set_aside}", "ok" if not self.set_aside else "warn"
        )


def _place(row: dict[str, Any]) -> str:
    return (f"工作表“{row['_sheet']}” " if row.get("_sheet") else "") + f"第 {row['_row']} 行"
