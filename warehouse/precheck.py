"""What would become of a file if it were sent in: read and judged as a delivery is, and nothing kept.

The same driver, standardisation and rules as warehouse.load; what the rules of a whole delivery would say, and what
the rows would change in the warehouse, is not asked.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from connectors.container import is_zip
from connectors.drivers import open_driver
from connectors.spec import Connector
from quality.check import check
from quality.plan import Mapping
from schemas.contract import contract
from schemas.errors import ConfigError, SourceChanged
from schemas.identifiers import COUNTY_TIME
from warehouse import quarantine, store
from warehouse.home import Home
from warehouse.landing import land
from warehouse.load import workspace

SHOWN = 200
ENDINGS = {
    "csv": (".csv", ".txt"), "excel": (".xlsx", ".xls"), "file": (".csv", ".txt", ".xlsx", ".xls", ".json", ".xml", ".parquet"),
}  # fmt: skip
_LARGEST = 500 * 1024 * 1024  # a workbook is a zip: what it unpacks to


@dataclass(frozen=True)
class Precheck:
    """How the rows of a file fall; `rows` are the first refused ones: sheet, row_number, row_key, reasons."""

    extracted: int
    passed: int
    refused: int
    repaired: int
    by_rule: dict[str, int]
    findings: list[str]
    rows: list[dict[str, Any]] = field(repr=False)


def takes_files(connector: Connector) -> bool:
    """Whether the connector reads files a person could send."""
    return connector.driver in ENDINGS


def safe_file(driver: str, name: str, path: Path) -> None:
    """Refuse what is no such file, holds macros, or would unpack to more than a machine holds.

    Raises:
        ConfigError: with what to send instead.
    """
    ending = Path(name).suffix.lower()
    if ending not in ENDINGS[driver]:
        raise ConfigError(
            name,
            f"这个来源收 {'、'.join(ENDINGS[driver])}，不收 {ending or '没有后缀的文件'}",
            "请另存后再送",
        )
    if not is_zip(path):
        return
    if ending not in {".xlsx"}:
        raise ConfigError(name, "内容是压缩包，与后缀不符", "请在 WPS 或 Excel 里另存后再送")
    with zipfile.ZipFile(path) as inside:
        names = inside.namelist()
        if sum(entry.file_size for entry in inside.infolist()) > _LARGEST:
            raise ConfigError(name, "解开后超过 500 MB", "请拆成几份再送")
    if any("vbaProject" in each for each in names):
        raise ConfigError(name, "带有宏", "请另存为不带宏的 .xlsx 再送")
    if "[Content_Types].xml" not in names:
        raise ConfigError(name, "不是有效的 .xlsx", "请在 WPS 或 Excel 里另存为 .xlsx 再送")


def precheck(connector: Connector, home: Home, file: Path) -> Precheck:
    """Read the file as this connector would and judge every row.

    Raises:
        SourceChanged: it cannot be read, holds no rows, or lacks a column.
    """
    agreed = contract(connector.dataset)
    source = {k: v for k, v in connector.source.items() if k not in {"marker", "order"}} | {
        "path": str(file),
        "settle": 0,
    }
    alone = replace(connector, source=source)
    with workspace(home) as work:
        found = list(open_driver(alone).deliveries(None, frozenset()))
        if not found:
            raise SourceChanged(file.name, "没有读到数据", "请确认文件不是空的，表头在第一行附近")
        delivery = found[0]
        landed = land(delivery, work / "landed")
        con = store.duckdb_connection(work)
        try:
            mapping = Mapping(
                connector=connector.id, fields=connector.fields, constants=connector.constants, units=delivery.units,
                utc=connector.timezone == "UTC", kind=delivery.kind, lookups=store.lookups(agreed, connector), keys=(store.county_key(home),),
            )  # fmt: skip
            checked = check(
                con, landed.path, agreed, mapping, datetime.now(COUNTY_TIME).replace(tzinfo=None), work / "checked"
            )
            quarantine.collect(con, agreed, checked, landed.path, delivery.name)
            rows = []
            if checked.quarantined:
                names = ("sheet", "row_number", "row_key", "reasons")
                rows = [
                    dict(zip(names, row, strict=True))
                    for row in con.execute(
                        f"SELECT {', '.join(names)} FROM refused ORDER BY sheet, row_number LIMIT {SHOWN}"
                    ).fetchall()
                ]
        finally:
            con.close()
    for row in rows:
        row["reasons"] = json.loads(row["reasons"])
    return Precheck(
        checked.extracted,
        checked.passed,
        checked.quarantined,
        checked.repaired,
        dict(checked.by_rule),
        [f.message for f in delivery.findings],
        rows,
    )
