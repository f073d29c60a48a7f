"""Great Expectations judges a delivery by its contract, and keeps no value of any row."""

import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from quality import data_docs
from quality.expectations import BatchFacts, judge
from schemas.contract import Contract, contract
from schemas.errors import SourceChanged

NOW = datetime(2026, 3, 1, 8)
FACTS = BatchFacts("service_center/case_event", "service_case_event", "case_event", "full", NOW, [200])
SECRET = "李四13800001111"
COLUMNS = """'C' || i AS case_no, i % 7 AS seq, TIMESTAMP '2026-02-28 10:00:00' AS happened_at, '受理' AS event, '正常' AS reason,
             0::SMALLINT AS _quality, 0::BIGINT AS _w0"""


@pytest.fixture
def event() -> Contract:
    return contract("service_case_event")


def delivery(tmp_path: Path, columns: str = COLUMNS, rows: int = 200) -> Path:
    path = tmp_path / "checked.parquet"
    duckdb.sql(f"COPY (SELECT {columns} FROM range({rows}) AS t(i)) TO '{path}' (FORMAT parquet)")
    return path


def test_a_good_delivery_passes_and_its_page_is_kept(event: Contract, tmp_path: Path) -> None:
    verdict = judge(event, delivery(tmp_path), FACTS, tmp_path / "docs")
    assert verdict.passed, verdict.warnings
    assert not verdict.blocked
    assert verdict.reasons == verdict.warnings == []
    assert {"row_drop", "accepted_rows", "filled_case_no", "key_repeats"} <= {r.name for r in verdict.results}
    page = Path(str(verdict.docs_path)).read_text(encoding="utf-8")
    assert "整批质检结果" in page
    assert "http" not in page
    assert (tmp_path / "docs" / "expectations" / "service_case_event.json").exists()
    assert "service_center/case_event" in (tmp_path / "docs" / "data_docs" / "index.html").read_text(encoding="utf-8")


def test_a_whole_ledger_that_shrank_is_held(event: Contract, tmp_path: Path) -> None:
    verdict = judge(event, delivery(tmp_path), replace(FACTS, past_rows=[400, 400, 380]), tmp_path / "docs")
    assert verdict.blocked
    (reason,) = verdict.reasons
    assert reason.endswith("实际 200。")


def test_a_ledger_mostly_refused_is_held(event: Contract, tmp_path: Path) -> None:
    path = delivery(tmp_path, COLUMNS.replace("0::BIGINT AS _w0", "(i % 3)::BIGINT AS _w0"))
    verdict = judge(event, path, replace(FACTS, refused="(_w0 & 3) <> 0"), tmp_path / "docs")
    assert [r.name for r in verdict.results if not r.success] == ["accepted_rows"]
    assert verdict.blocked


def test_gaps_and_repeats_warn_and_no_value_is_kept(event: Contract, tmp_path: Path) -> None:
    path = delivery(
        tmp_path,
        f"'{SECRET}' AS case_no, 1 AS seq, NULL::TIMESTAMP AS happened_at, '{SECRET}' AS event, 0::BIGINT AS _w0",
    )
    verdict = judge(event, path, FACTS, tmp_path / "docs")
    failed = {r.name: r.observed for r in verdict.results if not r.success}
    assert failed["key_repeats"] == 100
    assert not verdict.passed
    assert not verdict.blocked
    assert SECRET not in str(verdict)
    kept = [p for p in (tmp_path / "docs").rglob("*") if p.is_file() and p.suffix in {".html", ".json", ".jsonl"}]
    assert len(kept) >= 4
    assert not [p for p in kept if SECRET in p.read_text(encoding="utf-8")]
    assert not [p for p in kept if SECRET.encode("unicode_escape") in p.read_bytes()]


@pytest.mark.parametrize(("zone", "told"), [(0, []), (8, ["daylight_event_at"])])
def test_universal_time_taken_for_county_time_is_told(
    event: Contract, tmp_path: Path, zone: int, told: list[str]
) -> None:
    at = f"TIMESTAMP '2026-02-01 09:00:00' + INTERVAL (i % 480) MINUTE - INTERVAL {zone} HOUR AS event_at"
    path = delivery(
        tmp_path, f"'C' || i AS case_no, i % 7 AS seq, {at}, 0::SMALLINT AS _quality, 0::BIGINT AS _w0", 1000
    )
    verdict = judge(event, path, replace(FACTS, past_rows=[1000]), tmp_path / "docs")
    assert [r.name for r in verdict.results if not r.success] == told
    assert all("timezone: UTC" in warning for warning in verdict.warnings)


def test_an_expectation_that_cannot_be_computed_fails_without_quoting(event: Contract, tmp_path: Path) -> None:
    path = delivery(tmp_path, COLUMNS.replace("i % 7 AS seq", f"'{SECRET}' AS seq"))
    verdict = judge(event, path, replace(FACTS, refused="seq::INTEGER > 1"), tmp_path / "docs")
    (broken,) = [r for r in verdict.results if r.name == "accepted_rows"]
    assert not broken.success
    assert "没有算成" in broken.message_zh
    assert SECRET not in str(verdict)
    assert not [p for p in (tmp_path / "docs").rglob("*.html") if SECRET in p.read_text(encoding="utf-8")]


def test_deletes_of_an_exchange_table_are_not_judged(event: Contract, tmp_path: Path) -> None:
    path = delivery(
        tmp_path,
        f"{COLUMNS}, CASE WHEN i < 150 THEN 'D' ELSE 'I' END AS _op".replace(
            "'受理' AS event", "CASE WHEN i >= 150 THEN '受理' END AS event"
        ),
    )
    verdict = judge(event, path, replace(FACTS, kind="exchange"), tmp_path / "docs")
    assert [r for r in verdict.results if r.field == "event" and not r.success] == []


def test_a_file_of_other_columns_is_refused(event: Contract, tmp_path: Path) -> None:
    with pytest.raises(SourceChanged):
        judge(event, delivery(tmp_path, "i AS other"), FACTS, tmp_path / "docs")


def test_old_results_are_dropped_per_source(tmp_path: Path) -> None:
    for hour in range(4):
        for origin in ("a/x", "b/y"):
            page = f"validations/d/{origin[0]}/{hour}/delivery.html"
            for root in ("data_docs", "."):
                (tmp_path / root / page).parent.mkdir(parents=True)
            (tmp_path / "data_docs" / page).write_text("<html><head></head></html>", encoding="utf-8")
            data_docs.publish(
                tmp_path,
                data_docs.Kept(page, "d", "走访", origin, f"2026-03-01 0{hour}:00:00", "passed", 0),
                {},
                keep=2,
            )
    assert sorted(p.parent.parent.name + p.parent.name for p in (tmp_path / "data_docs").rglob("delivery.html")) == [
        "a2",
        "a3",
        "b2",
        "b3",
    ]
    assert sorted(p.name for p in (tmp_path / "validations" / "d" / "a").iterdir()) == ["2", "3"]
    assert (tmp_path / "data_docs" / "index.html").read_text(encoding="utf-8").count("delivery.html") == 4


def test_a_page_made_readable_twice_stays_as_it_is() -> None:
    page = '<html><head><style>x</style><script src="https://a.b/c.js"></script></head><body><td> Status </td><td>town</td></body></html>'
    once = data_docs.readable(page, {"town": "乡镇"})
    assert "https" not in once
    assert "<td> 结论 </td><td>乡镇（town）</td>" in once
    assert data_docs.readable(once, {"town": "乡镇"}) == once


def test_importing_the_judge_does_not_import_great_expectations() -> None:
    code = "import sys, quality.expectations; sys.exit(any(m in sys.modules for m in ('great_expectations', 'pandas', 'sqlalchemy')))"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[3]).returncode == 0
