"""A column read whole by Arrow gives what its cells give one by one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quality import native
from quality.check import check
from quality.plan import Mapping
from schemas import contract, macros

CONTRACT = """
name: 台账
schema:
  - name: ledger
    businessName: 台账
    properties:
      - {name: ledger_no, businessName: 编号, logicalType: string, physicalType: varchar(9), primaryKey: true}
      - {name: day, businessName: 日期, logicalType: date, physicalType: date}
      - {name: moment, businessName: 时间, logicalType: timestamp, physicalType: timestamp}
      - {name: people, businessName: 人数, logicalType: integer, physicalType: integer}
      - {name: area, businessName: 面积, logicalType: number, physicalType: "numeric(12,3)"}
      - {name: money, businessName: 金额, logicalType: number, physicalType: "numeric(14,2)", customProperties: [{property: standardise, value: yuan}]}
      - {name: share, businessName: 占比, logicalType: number, physicalType: "numeric(7,4)", customProperties: [{property: standardise, value: percent}]}
"""
ODD = "若干"  # no kind reads it: a column that holds it is looked at cell by cell

DAYS = [
    "2026-01-05",
    "2020-02-29",
    "1900-01-01",
    "2026-02-30",
    "2026/1/5",
    "1899-12-31",
    "9999-12-31",
    " 2026-01-05",
    "2026年1月5日",
    "46027",
]
MOMENTS = ["2026-01-05 08:30:00", "2026-01-05T08:30", "2026-01-05 08", "2026-01-05", "2026-01-05 08:30:15.123456", "2026-01-05 08:30:15.1234567",
           "2026-01-05 24:00:00", "2026-01-05 08:30:00Z", "0201-01-01 00:00:00"]  # fmt: skip
NUMBERS = [
    "1",
    "007",
    "-1",
    "+1",
    "0x1F",
    "1e3",
    "1.5",
    "1.0000",
    "1.005",
    ".5",
    "5.",
    "1,000",
    "12345678901234",
    "9223372036854775808",
    "-",
    "一百",
    " 2",
]
CELLS = {
    "day": DAYS,
    "moment": [*DAYS, *MOMENTS],
    "people": NUMBERS,
    "area": NUMBERS,
    "money": NUMBERS,
    "share": NUMBERS,
}


@pytest.fixture(scope="module")
def con() -> Any:
    connection = duckdb.connect()
    macros.install(connection)
    return connection


def judged(con: Any, folder: Path, columns: dict[str, list[str | None]], *, utc: bool) -> list[dict[str, object]]:
    """What the check makes of rows with these cells, by row."""
    folder.mkdir()
    landed = folder / "landed.parquet"
    rows = len(next(iter(columns.values())))
    table = {"ledger_no": list(map(str, range(rows))), **columns}
    pq.write_table(pa.table({name: pa.array(cells, pa.string()) for name, cells in table.items()}), landed)
    mapping = Mapping("x", {name: name for name in table}, {}, {}, utc, "full", {}, (b"key",))
    checked = check(con, landed, contract.parse(CONTRACT, "ledger"), mapping, datetime(2026, 3, 1), folder / "checked")
    return list(con.execute(f"FROM read_parquet('{checked.parquet}') ORDER BY _n").to_arrow_table().to_pylist())


@pytest.mark.parametrize("utc", [False, True])
def test_a_column_read_whole_gives_what_its_cells_give_one_by_one(con: Any, tmp_path: Path, utc: bool) -> None:
    count = max(map(len, CELLS.values()))
    cells = {name: [spellings[n % len(spellings)] for n in range(count)] for name, spellings in CELLS.items()}
    singly = judged(con, tmp_path / "singly", {name: [*column, ODD] for name, column in cells.items()}, utc=utc)
    for n in range(count):
        (whole,) = judged(con, tmp_path / str(n), {name: [column[n]] for name, column in cells.items()}, utc=utc)
        told = singly[n] | {"ledger_no": "0", "_n": 0, "_row_hash": whole["_row_hash"]}  # the number counts in the hash
        assert whole == told, cells


@pytest.mark.parametrize(
    ("kind", "cell", "value"),
    [
        (pa.timestamp("us"), "2026-01-05 08:30", datetime(2026, 1, 5, 8, 30)), (pa.timestamp("us"), "2026-01-05 08", None),
        (pa.int64(), "007", 7), (pa.int64(), "0x1F", None), (pa.int64(), "1.0", None), (pa.int64(), "", None),
    ],
)  # fmt: skip
def test_only_plain_cells_are_read(kind: pa.DataType, cell: str, value: object) -> None:
    # The column is a slice: what lies beside it in memory does not count.
    column = pa.array(["明天", None, cell, "明天"], pa.string()).slice(1, 2)
    rows, read = native.read(pa.table({"c": column}), {"c": kind})
    assert (rows["c"].to_pylist(), read) == (
        ([None, value], {"c"}) if value is not None else ([None, cell], frozenset())
    )
