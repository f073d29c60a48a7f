"""A ledger's time limits on the row path: read from their words, counted from each row's own day, the words kept."""

from __future__ import annotations

import types
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from quality.check import check
from quality.plan import Mapping
from schemas import macros
from schemas.contract import contract
from warehouse.store import lookups

FIELDS = {"problem_no": "编号", "category": "类别", "description": "问题", "found_on": "发现", "confirmed_at": "确认",
          "lead_dept_code": "牵头", "responsible_person": "责任人", "status": "状态", "due_on": "时限"}  # fmt: skip


class _Connector:
    fields = FIELDS
    codes = types.MappingProxyType({})


def test_each_row_counts_from_its_own_day(tmp_path: Path) -> None:
    said = [
        ("1", "2026-03-02", None, "十个工作日内"), ("2", "2026-03-02", "2026-03-09", "十个工作日内"), ("3", "2026.3.2", None, "2026-06-30"),
        ("4", "2026-03-02", None, "每季度末"), ("5", "2026-03-02", None, "长期坚持"), ("6", "2026-03-02", None, "尽快"),
        ("7", "2026-03-02", None, None), ("8", "2026-03-02", None, "第一阶段6月底前，第二阶段9月底前"),
    ]  # fmt: skip
    rows = [
        (no, "不规范", "甲", found, confirmed, "县住建局", "王某", "整改中", due) for no, found, confirmed, due in said
    ]
    columns = ("编号", "类别", "问题", "发现", "确认", "牵头", "责任人", "状态", "时限")
    landed = tmp_path / "landed.parquet"
    pq.write_table(
        pa.table({c: pa.array(v, pa.string()) for c, v in zip(columns, zip(*rows, strict=True), strict=True)}), landed
    )
    agreed = contract("rectification_problem")
    con = duckdb.connect()
    macros.install(con)
    mapping = Mapping("x", FIELDS, {}, {}, False, "full", lookups(agreed, _Connector()), (b"key",))  # type: ignore[arg-type]
    checked = check(con, landed, agreed, mapping, datetime(2026, 4, 1), tmp_path / "checked")
    found = con.execute(
        f"SELECT problem_no, due_on, due_precision, due_recurrence, due_text FROM read_parquet('{checked.parquet}') WHERE NOT ({checked.bad}) ORDER BY 1"
    ).fetchall()
    assert found == [
        ("1", date(2026, 3, 16), "工作日", None, "十个工作日内"),
        ("2", date(2026, 3, 23), "工作日", None, "十个工作日内"),
        ("3", date(2026, 6, 30), "日", None, "2026-06-30"),
        ("4", date(2026, 3, 31), "周期", "quarter", "每季度末"),
        ("5", None, "长期坚持", None, "长期坚持"),
        ("8", date(2026, 9, 30), "月", None, "第一阶段6月底前，第二阶段9月底前"),
    ]
    assert checked.quarantined == 2
