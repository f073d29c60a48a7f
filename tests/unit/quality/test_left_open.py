"""N/A, 暂无 and 不详 in a column of numbers, dates or codes mean that nothing is known; other words are not understood."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

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
      - {name: capital, businessName: 资本, logicalType: number, physicalType: "numeric(18,2)", customProperties: [{property: standardise, value: yuan}]}
      - {name: staff, businessName: 人数, logicalType: integer, physicalType: integer}
      - {name: seen_at, businessName: 时间, logicalType: timestamp, physicalType: timestamp}
      - {name: kind, businessName: 类型, logicalType: string, physicalType: varchar(9), customProperties: [{property: codeSet, value: kind}]}
"""
COLUMNS = ("ledger_no", "capital", "staff", "seen_at", "kind")


def test_words_for_nothing_are_nothing_and_others_are_refused(tmp_path: Path) -> None:
    rows = [
        ("1", "1,000(万)", "3", "2026-01-02 08:00", "甲"), ("2", "N/A", "暂无", "无", "不详"), ("3", "面议", "3", "2026-01-02 08:00", "甲"),
        ("4", "5", "若干", "2026-01-02 08:00", "甲"), ("5", "5", "3", "明天", "甲"), ("6", "5", "3", None, "丙"),
    ]  # fmt: skip
    landed = tmp_path / "landed.parquet"
    pq.write_table(pa.table(dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))), landed)
    con = duckdb.connect()
    macros.install(con)
    mapping = Mapping("x", {c: c for c in COLUMNS}, {}, {}, False, "full", {"kind": {"甲": "A"}}, (b"key",))
    checked = check(
        con, landed, contract.parse(CONTRACT, "ledger"), mapping, datetime(2026, 3, 1), tmp_path / "checked"
    )
    found = con.execute(
        f"SELECT {', '.join(COLUMNS)} FROM read_parquet('{checked.parquet}') WHERE NOT ({checked.bad}) ORDER BY ledger_no"
    ).fetchall()
    assert found == [("1", Decimal("10000000.00"), 3, datetime(2026, 1, 2, 8), "A"), ("2", None, None, None, None)]
    assert (checked.quarantined, checked.by_rule["unparsed"]) == (4, 3)
    # Whoever has to mend a value is told how such a value is written.
    told = {r.field: r.reason for r in checked.rules if r.name in {"unparsed", "too_long"}}
    assert told == {
        "ledger_no": "超过约定的长度（最多 9 个字）。",
        "capital": "读不懂，应写成金额，如 1200.50、3.5万元。",
        "staff": "读不懂，应写成整数，如 12。",
        "seen_at": "读不懂，应写成日期和时间，如 2026-03-31 14:05。",
    }


@pytest.mark.parametrize(
    ("units", "capital"),
    [
        ({}, "12.50"),
        ({"*": "万元"}, "125000.00"),
        ({"*": "户"}, "12.50"),
        ({"*": "万元", "capital": "元"}, "12.50"),
        ({"*": "元", "capital": "亿元"}, "1250000000.00"),
    ],
)
def test_an_amount_is_in_the_unit_of_its_column_or_of_the_whole_sheet(tmp_path, units, capital):
    landed = tmp_path / "landed.parquet"
    pq.write_table(pa.table({"ledger_no": ["1"], "capital": ["12.5"], "staff": ["3"]}), landed)
    con = duckdb.connect()
    macros.install(con)
    fields = {c: c for c in COLUMNS[:3]}
    mapping = Mapping("x", fields, {}, units, False, "full", {"kind": {"甲": "A"}}, (b"key",))
    agreed = contract.parse(CONTRACT, "ledger")
    checked = check(con, landed, agreed, mapping, datetime(2026, 3, 1), tmp_path / "checked")
    found = con.execute(f"SELECT capital, staff FROM read_parquet('{checked.parquet}')").fetchall()
    assert found == [(Decimal(capital), 3)]


@pytest.mark.parametrize("type_", [pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.date32()])
def test_a_day_no_calendar_has_is_refused(tmp_path: Path, type_: pa.DataType) -> None:
    """Infinity, a year before our era and one of five digits, as a database of typed columns gives them."""
    us = 86_400_000_000 if pa.types.is_timestamp(type_) else 1
    last = 2**63 - 1 if us > 1 else 2**31 - 1
    wrapped = -9_222_425_352_054_775_809 if us > 1 else -2_147_472_692  # infinity as PostgreSQL's driver has it
    days = [20_000 * us, -720_000 * us, 3_000_000 * us, last, -last, wrapped, None]
    table = {
        "ledger_no": pa.array(map(str, range(7))),
        "seen_at": pa.array(days, pa.int64() if us > 1 else pa.int32()).view(type_),
    }
    landed = tmp_path / "landed.parquet"
    pq.write_table(pa.table(table), landed)
    con = duckdb.connect()
    macros.install(con)
    mapping = Mapping("x", {c: c for c in table}, {}, {}, False, "full", {}, (b"key",))
    checked = check(
        con, landed, contract.parse(CONTRACT, "ledger"), mapping, datetime(2026, 3, 1), tmp_path / "checked"
    )
    found = con.execute(f"SELECT ledger_no FROM read_parquet('{checked.parquet}') WHERE NOT ({checked.bad})").fetchall()
    assert sorted(found) == [("0",), ("6",)]
    assert checked.by_rule == {"unparsed": 5}


WIDE = """
name: 台账
schema:
  - name: ledger
    businessName: 台账
    properties:
      - {name: ledger_no, businessName: 编号, logicalType: string, physicalType: varchar(9), primaryKey: true}
      - {name: big, businessName: 大数, logicalType: integer, physicalType: bigint}
      - {name: wide, businessName: 宽数, logicalType: number, physicalType: "numeric(38,10)"}
"""


@pytest.mark.parametrize(
    ("written", "big", "wide"),
    [
        ("1772352000000", 1772352000000, "1772352000000"), ("9007199254740993", 2**53 + 1, "9007199254740993"),
        ("0.33333334", None, "0.33333334"), ("1e-7", None, "0.0000001"), ("0.0000001234", None, "0.0000001234"),
        ("1234567890123456789012345678.0123456789", None, "1234567890123456789012345678.0123456789"),
        ("1,234.5", None, "1234.5"), ("12", 12, "12"), ("1.0e+20", None, "100000000000000000000"),
    ],
)  # fmt: skip
def test_a_number_keeps_every_digit_its_field_holds(tmp_path: Path, written: str, big: int | None, wide: str) -> None:
    """As text too, with more than six places or twelve digits before the point."""
    table = {"ledger_no": ["1"], "big": [written], "wide": [written]}
    landed = tmp_path / "landed.parquet"
    pq.write_table(pa.table(table), landed)
    con = duckdb.connect()
    macros.install(con)
    mapping = Mapping("x", {c: c for c in table}, {}, {}, False, "full", {}, (b"key",))
    checked = check(con, landed, contract.parse(WIDE, "ledger"), mapping, datetime(2026, 3, 1), tmp_path / "checked")
    assert con.execute(f"SELECT big, wide FROM read_parquet('{checked.parquet}')").fetchone() == (big, Decimal(wide))
    assert checked.quarantined == (big is None)
