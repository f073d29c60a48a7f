"""A department's name and a code mean what they meant on the day of the event, not what they mean today."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quality.check import check
from quality.plan import Mapping
from schemas import contract, macros, reference
from schemas.errors import ConfigError

CONTRACT = """
name: 工单
schema:
  - name: visit
    businessName: 走访
    customProperties: [{property: eventDateField, value: seen_on}]
    properties:
      - {name: visit_no, businessName: 编号, logicalType: string, physicalType: varchar(9), primaryKey: true}
      - {name: seen_on, businessName: 走访日期, logicalType: date, physicalType: date}
      - {name: unit, businessName: 单位, logicalType: string, physicalType: varchar(18), customProperties: [{property: standardise, value: department}]}
      - {name: region, businessName: 区划, logicalType: string, physicalType: varchar(6), customProperties: [{property: codeSet, value: region}]}
"""
CODES = """
code_sets:
  region:
    title: 区划
    codes:
      - {code: "510922", name: 射洪县, to: 2019-11-20}
      - {code: "510981", name: 射洪市, aliases: ["510922", 射洪县], from: 2019-11-20}
"""
MERGED = date(2019, 3, 1)


def test_names_and_codes_are_read_as_of_the_event(tmp_path: Path) -> None:
    (tmp_path / "codes.yaml").write_text(CODES, encoding="utf-8")
    region = reference.code_sets(tmp_path / "codes.yaml")["region"]
    lookups: dict[str, reference.Lookup] = {
        "department": {"县规划局": (("甲", None, MERGED), ("乙", MERGED, None)), "县农业局": "丙"},
        "region": {**region.spellings(), **region.spans()},
    }
    rows = [
        ("1", "2019-02-28", "县规划局", "510922"), ("2", "2019-03-01", "县规划局", "射洪县"),
        ("3", "2019年11月20日", "县农业局", "510922"), ("4", None, "县规划局", "射洪市"),
    ]  # fmt: skip
    landed = tmp_path / "landed.parquet"
    pq.write_table(
        pa.table(dict(zip(("visit_no", "seen_on", "unit", "region"), zip(*rows, strict=True), strict=True))), landed
    )
    con = duckdb.connect()
    macros.install(con)
    agreed = contract.parse(CONTRACT, "visit")
    fields = {name: name for name in ("visit_no", "seen_on", "unit", "region")}
    mapping = Mapping("x", fields, {}, {}, False, "full", lookups, (b"key",))
    checked = check(con, landed, agreed, mapping, datetime(2026, 1, 1), tmp_path / "checked")
    assert checked.passed == 4
    found = con.execute(
        f"SELECT visit_no, unit, region FROM read_parquet('{checked.parquet}') ORDER BY visit_no"
    ).fetchall()
    assert found == [("1", "甲", "510922"), ("2", "乙", "510922"), ("3", "丙", "510981"), ("4", "乙", "510981")]


def test_one_spelling_for_two_codes_at_one_time_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "codes.yaml"
    path.write_text(CODES.replace(", from: 2019-11-20", ""), encoding="utf-8")
    with pytest.raises(ConfigError, match="同时指"):
        reference.code_sets(path)
