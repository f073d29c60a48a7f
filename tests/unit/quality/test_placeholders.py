"""What stands in a code's cell in place of a code: read as none, and told; an empty cell is told nothing of (domain.md D14)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quality.check import check
from quality.plan import Mapping
from schemas import contract, macros

CONTRACT = """
name: 走访
schema:
  - name: visit
    businessName: 走访
    properties:
      - {name: visit_no, businessName: 编号, logicalType: string, physicalType: varchar(9), primaryKey: true}
      - {name: code, businessName: 企业代码, logicalType: string, physicalType: varchar(18), customProperties: [{property: standardise, value: enterprise_code}]}
      - {name: remark, businessName: 备注, logicalType: string, physicalType: text}
      - {name: firm, businessName: 企业, logicalType: string, physicalType: varchar(50), customProperties: [{property: standardise, value: name}]}
      - {name: person, businessName: 联系人, logicalType: string, physicalType: varchar(50), customProperties: [{property: standardise, value: mask_name}]}
      - {name: reason, businessName: 原因, logicalType: string, physicalType: text, customProperties: [{property: standardise, value: free_text}]}
      - {name: content, businessName: 内容, logicalType: string, physicalType: text, required: true, customProperties: [{property: standardise, value: free_text}]}
"""


@pytest.mark.parametrize(
    ("written", "told"),
    [("/", 1), ("／", 1), ("—", 1), (" - ", 1), ("无", 1), ("暂无", 1), ("000000000000000000", 1), ("", 0), ("  ", 0), (None, 0), ("91510999MA7TE5T00T", 0)],
)  # fmt: skip
def test_a_slash_for_a_code_is_told(tmp_path: Path, written: str | None, told: int) -> None:
    landed = tmp_path / "landed.parquet"
    pq.write_table(pa.table({"visit_no": ["1"], "code": pa.array([written], pa.string()), "remark": ["/"]}), landed)
    con = duckdb.connect()
    macros.install(con)
    fields = {name: name for name in ("visit_no", "code", "remark")}
    mapping = Mapping("x", fields, {}, {}, False, "full", {}, (b"key",))
    checked = check(con, landed, contract.parse(CONTRACT, "visit"), mapping, datetime(2026, 1, 1), tmp_path / "checked")
    ((code, remark, quality),) = con.execute(
        f"SELECT code, remark, _quality FROM read_parquet('{checked.parquet}')"
    ).fetchall()
    assert (code is None, remark, quality) == (written != "91510999MA7TE5T00T", None, told)


@pytest.mark.parametrize("word", ["无", "暂无", "不详", " NULL ", "n/a"])
def test_a_word_for_nothing_is_no_name_and_no_text_that_may_be_left_out(tmp_path: Path, word: str) -> None:
    landed = tmp_path / "landed.parquet"
    columns = ("visit_no", "firm", "person", "reason", "content")
    pq.write_table(pa.table({"visit_no": ["1", "2"]} | {name: [word, "无锡饭店"] for name in columns[1:]}), landed)
    con = duckdb.connect()
    macros.install(con)
    mapping = Mapping("x", {name: name for name in columns}, {}, {}, False, "full", {}, (b"key",))
    checked = check(con, landed, contract.parse(CONTRACT, "visit"), mapping, datetime(2026, 1, 1), tmp_path / "checked")
    told = con.execute(
        f"SELECT firm, person, reason, content FROM read_parquet('{checked.parquet}') ORDER BY visit_no"
    ).fetchall()
    assert told == [(None, None, None, word.strip()), ("无锡饭店", "无***", "无锡饭店", "无锡饭店")]
