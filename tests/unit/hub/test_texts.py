"""Small texts: where a refused row stands, cells safe for Excel, a source that never reported."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from hub.answers import Item
from hub.help import cells
from hub.quarantine import safe
from hub.status import _age, line
from schemas.errors import HubError
from warehouse.workbook import place, reasons


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"delivery": "台账.xlsx", "sheet": "问题清单", "row": 7, "key": "P1"}, "台账.xlsx 工作表“问题清单” 第 7 行"),
        ({"delivery": "报装.csv", "sheet": None, "row": 7, "key": None}, "报装.csv 第 7 行"),
        ({"delivery": "scjg.zt", "sheet": None, "row": None, "key": "SCZT01"}, "scjg.zt 主键 SCZT01"),
        ({"delivery": "scjg.zt", "sheet": None, "row": None, "key": None}, "scjg.zt（主键为空）"),
    ],
)
def test_place(row: dict[str, Any], text: str) -> None:
    assert place(row) == text


def test_reasons_are_sentences() -> None:
    found = [
        {"title": "信用代码", "reason": "校验位不正确。"},
        {"title": None, "reason": "主键重复"},
        {"title": "回访时间", "reason": "回访时间晚于当前时间。"},
    ]
    assert reasons({"reasons": found}) == "信用代码校验位不正确；主键重复；回访时间晚于当前时间"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2+3", "'-2+3"),
        ("-12.5", "-12.5"),
        ("+8613800000000", "+8613800000000"),
        ("示例", "示例"),
        ("", ""),
    ],
)
def test_formulas_stay_text(cell: str, text: str) -> None:
    assert safe(cell) == text


def _last(now: datetime, hours: float, **more: Any) -> dict[str, Any]:
    batch = {
        "batch_id": 3,
        "delivery": "d",
        "extracted_at": now - timedelta(hours=hours),
        "extracted": 10,
        "passed": 9,
        "quarantined": 1,
        "waiting": 1,
        "held_batch": None,
        "held_delivery": None,
    }
    return batch | more


def test_status_of_a_source() -> None:
    now = datetime(2026, 9, 30, 12).astimezone()
    never = line("tax/tax_filing", "申报", 3600.0, None, now)
    assert never["state"] == "never"
    assert "extracted" not in never
    assert line("t", "", 3600.0, _last(now, 0.5), now)["state"] == "on_time"
    assert line("t", "", 3600.0, _last(now, 2), now)["state"] == "late"
    assert line("t", "", None, _last(now, 2000), now)["state"] == "on_time"
    assert line("t", "", 3600.0, _last(now, 2, held_batch=4, held_delivery="e"), now)["state"] == "held"
    only_held = _last(now, 1, batch_id=None, held_batch=4, held_delivery="e")
    assert line("t", "", 3600.0, only_held, now)["state"] == "held"
    assert "extracted" not in line("t", "", 3600.0, only_held, now)


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (0, "0 分钟"), (3599, "59 分钟"), (7300, "2 小时"), (200000, "2 天")]
)
def test_age(seconds: float | None, text: str) -> None:
    assert _age(seconds) == text


def test_a_source_without_report_differs_from_no_rows() -> None:
    assert not Item("x", 0, None).agrees
    assert Item("x", 0, 0).agrees


def test_cells_of_chinese() -> None:
    assert cells("隔离区 ab") == 9


def test_unexpected_errors_go_to_the_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from hub import cli, setup

    monkeypatch.setenv("HUB_HOME", str(tmp_path))
    monkeypatch.delenv("HUB_DEBUG", raising=False)

    def fail() -> None:
        raise ZeroDivisionError("a value nobody may see on a screen")

    monkeypatch.setattr(setup, "init", fail)
    assert cli.main(["init"]) == 1
    told = capsys.readouterr().err
    assert "ZeroDivisionError" in told
    assert "a value nobody" not in told
    log = next((tmp_path / "logs").glob("*.log"))
    assert str(log) in told.replace("\n", "")
    assert "a value nobody" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0
    monkeypatch.setenv("HUB_DEBUG", "1")
    assert cli.main(["init"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_hub_errors_are_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from hub import cli, setup

    def fail() -> None:
        raise HubError("共享库", "连接不上", "请运行 hub doctor 检查")

    monkeypatch.setattr(setup, "init", fail)
    assert cli.main(["init"]) == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("", "✗ 共享库：连接不上。请运行 hub doctor 检查。\n")
