"""Spellings that are looked up once each: many columns of them fit into the memory there is."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from quality.check import check
from quality.plan import Mapping
from schemas import contract
from warehouse.store import duckdb_connection

COLUMNS = 60
CONTRACT = "name: 走访\nschema:\n  - name: visit\n    businessName: 走访\n    properties:\n      - {name: visit_no, businessName: 编号, logicalType: string, physicalType: varchar(9), primaryKey: true}\n"


def test_odd_spellings_in_every_column(tmp_path: Path) -> None:
    kinds = {f"day_{n}": "date" for n in range(COLUMNS)} | {f"note_{n}": "text" for n in range(COLUMNS)}
    properties = [
        f"      - {{name: {name}, businessName: {name}, logicalType: {'date' if kind == 'date' else 'string'}, physicalType: {kind}}}\n"
        for name, kind in kinds.items()
    ]
    rows = {name: ["2026年3月1日" if kind == "date" else "电话13908 255417"] for name, kind in kinds.items()}
    landed = tmp_path / "landed.parquet"
    pq.write_table(pa.table({"visit_no": ["1"], **rows}), landed)
    fields = {name: name for name in ("visit_no", *kinds)}
    con = duckdb_connection(tmp_path)
    mapping = Mapping("x", fields, {}, {}, False, "full", {}, (b"key",))
    agreed = contract.parse(CONTRACT + "".join(properties), "visit")
    checked = check(con, landed, agreed, mapping, datetime(2026, 1, 1), tmp_path / "checked")
    assert checked.passed == 1
    found = con.execute(f"SELECT day_0, day_59, note_0, note_59 FROM read_parquet('{checked.parquet}')").fetchone()
    assert found == (date(2026, 3, 1), date(2026, 3, 1), "电话139****5417", "电话139****5417")
