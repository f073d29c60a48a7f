"""Tickets rebuilt from their steps: any order, duplicates, returns, pauses, re-opened ones."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

import pytest

from hub.cli import main

_HEADER = ["流转编号", "工单编号", "环节", "发生时间", "承办单位", "说明"]
_SHARED = [("记录", "09-26 09:24", ""), ("受理", "09-26 09:30", "")]
_EARLY = [("记录", "09-01 09:24", ""), ("受理", "09-01 09:30", "")]
_TICKETS = {
    # The plain way: four firsts, closed in time (5 working days from Friday 09-26 end on 10-10).
    "A": [*_SHARED, ("派单", "09-26 09:41", "住建局"), ("签收", "09-26 10:00", "住建局"), ("首次联系", "09-26 11:41", ""),
          ("答复", "09-26 14:29", "住建局"), ("回访", "09-26 15:00", ""), ("结案", "09-26 15:14", ""), ("归档", "09-27 10:00", "")],
    # Returned and given to another: the new unit's clock starts on 10-13.
    "B": [*_SHARED, ("派单", "09-26 09:41", "住建局"), ("退单", "09-29 10:00", "住建局"), ("改派", "10-13 09:00", "水务局"),
          ("签收", "10-13 10:00", "水务局"), ("结案", "10-17 10:00", "")],
    # Returned and given back to the same unit: the first clock runs on.
    "C": [*_SHARED, ("派单", "09-26 09:41", "住建局"), ("退单", "09-29 10:00", "住建局"), ("改派", "10-13 09:00", "住建局"),
          ("结案", "10-17 10:00", "")],
    # Closed, opened again, still open.
    "D": [*_SHARED, ("派单", "09-26 09:41", "住建局"), ("结案", "09-28 10:00", ""), ("重办", "10-09 10:00", "")],
    # Paused for three working days, extended by ten.
    "E": [*_EARLY, ("派单", "09-01 09:41", "住建局"), ("挂起", "09-02 09:00", ""), ("恢复", "09-05 09:00", ""), ("结案", "09-11 23:00", "")],
    "F": [*_EARLY, ("派单", "09-01 09:41", "住建局"), ("延期申请", "09-02 09:00", ""), ("延期批复", "09-03 09:00", "", "同意延期10个工作日"),
          ("结案", "09-22 10:00", "")],
    "G": [*_SHARED, ("派单", "09-26 09:41", "住建局"), ("挂起", "09-29 09:00", "")],
    "H": _SHARED,
}  # fmt: skip


@pytest.fixture
def found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> dict[str, dict[str, str]]:
    monkeypatch.setenv("HUB_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HUB_DATABASE_URL", raising=False)
    rows = []
    for ticket, steps in _TICKETS.items():
        for n, (step, at, unit, *note) in enumerate(steps):
            rows.append([f"{ticket}{n}", ticket, step, f"2025-{at}", unit, *(note or [""])])
    rows += rows[::3]
    random.Random(1).shuffle(rows)
    text = io.StringIO()
    csv.writer(text).writerows([_HEADER, *rows])
    (tmp_path / "events.csv").write_text(text.getvalue(), encoding="utf-8")
    assert (
        main(["hotline", "assess", "--data", str(tmp_path / "events.csv"), "--as-of", "2025-10-20", "-o", "csv"]) == 0
    )
    return {row["ticket_no"]: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}


def test_states(found: dict[str, dict[str, str]]) -> None:
    assert {n: r["state"] for n, r in found.items()} == {
        "A": "archived", "B": "closed", "C": "closed", "D": "reopened", "E": "closed", "F": "closed", "G": "dispatched", "H": "accepted",
    }  # fmt: skip


def test_verdicts_charge_the_unit_that_has_it(found: dict[str, dict[str, str]]) -> None:
    assert {n: (r["verdict"], r["unit"], r["due_at"][:10]) for n, r in found.items()} == {
        "A": ("on_time", "住建局", "2025-10-10"), "B": ("on_time", "水务局", "2025-10-20"), "C": ("late", "住建局", "2025-10-10"),
        "D": ("open_overdue", "住建局", "2025-10-10"), "E": ("on_time", "住建局", "2025-09-11"), "F": ("on_time", "住建局", "2025-09-22"),
        "G": ("suspended", "住建局", "2025-10-23"), "H": ("open_overdue", "", "2025-10-10"),
    }  # fmt: skip
    assert (found["B"]["returns"], found["D"]["reopened"], found["F"]["extension"]) == ("1", "1", "10")
    assert "暂停顺延" in found["E"]["rule"]


def test_four_firsts(found: dict[str, dict[str, str]]) -> None:
    a = found["A"]
    assert [a[f"{what}_minutes"] for what in ("dispatch", "sign", "contact", "reply")] == ["17", "19", "120", "288"]
    assert found["B"]["dispatch_minutes"] == "17"
