"""The demo on a small county: every figure of the answer sheet, and a second run that changes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from schemas.contract import contracts
from warehouse.home import Home

HUB = Path(sys.executable).with_name("hub")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    environment = kept | {"HUB_HOME": str(tmp_path_factory.mktemp("demo")), "PYTHONIOENCODING": "utf-8"}
    yield environment
    assert _hub(environment, "down").returncode == 0


def _hub(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([HUB, *words], env=environment, capture_output=True, text=True, encoding="utf-8", check=False)


def _state(home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Rows and their hashes of every record and history table, open quarantine, identities."""
    monkeypatch.delenv("HUB_DATABASE_URL", raising=False)
    with psycopg.connect(Home(home).database_url) as connection:

        def ask(sql: str) -> Any:
            return connection.execute(sql).fetchone()  # type: ignore[arg-type]

        tables = [name for name, agreed in contracts().items() if agreed.fields]
        state = {
            f"{schema}.{name}": ask(f'SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {schema}."{name}" t')
            for schema in ("record", "record_history")
            for name in tables
        }
        state["quarantine"] = ask("SELECT count(*), count(resolved_at), max(quarantine_id) FROM hub.quarantine")
        state["keys"] = ask("SELECT count(*), count(DISTINCT enterprise_id) FROM hub.enterprise_key")
        return state


def test_demo_meets_the_answer_sheet_and_a_second_run_changes_nothing(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _hub(environment, "demo", "--scale", "0.02")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "全部一致" in first.stdout
    for board in (
        "营商环境指标：一级指标 9 项，6 项高于全市和全省均值；4 个牵头单位不足 70 分",
        "12345 热线：到期",
        "问题整改：72 个问题",
    ):
        assert board in first.stdout
    home = Path(environment["HUB_HOME"])
    before = _state(home, monkeypatch)
    second = _hub(environment, "demo", "--scale", "0.02")
    assert second.returncode == 0, second.stdout + second.stderr
    assert "新增" not in second.stderr
    assert _state(home, monkeypatch) == before
    other = _hub(environment, "demo", "--scale", "0.03")
    assert other.returncode == 1
    assert "同一数据目录只放一个县" in other.stderr
