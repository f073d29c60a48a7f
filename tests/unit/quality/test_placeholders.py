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
