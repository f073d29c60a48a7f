"""The demo on a small county: every figure of the answer sheet, a second run that changes nothing, and whose word stands."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hub.cli import main
from schemas.contract import contracts
from schemas.identifiers import COUNTY_TIME
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


@pytest.fixture
def county(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:  # fmt: skip
    """A hub command on the demo's county, in this process; gives what it wrote to stdout."""
    home = Path(environment["HUB_HOME"])
    monkeypatch.delenv("HUB_DATABASE_URL", raising=False)
    monkeypatch.setenv("HUB_ENV_NAMES", "")
    for line in (f"HUB_HOME={home}", f"HUB_INBOX={home}/inbox", *(home / "hub.env").read_text().splitlines()):
        name, _, value = line.partition("=")
        monkeypatch.setenv(name, value)

    def hub(*words: str) -> str:
        capfd.readouterr()
        code = main(list(words))
        told = capfd.readouterr()
        assert code == 0, told.out + told.err
        return told.out

    return hub


def test_whose_word_stands_from_a_wrong_name_to_an_undone_merge_and_the_past_as_it_was(
    county: Callable[..., str], environment: dict[str, str]
) -> None:
    """The guide's «从头走一遍»: each step by a command, and last quarter's views the same bytes throughout."""

    def ask(question: str, *options: str) -> list[dict[str, str]]:
        return list(csv.DictReader(county("query", question, "-o", "csv", *options).splitlines()))

    then = datetime.now(COUNTY_TIME).isoformat()
    views = ("hotline_on_time_by_department", "enterprise", "enterprise_provenance WHERE field_group = 'name_status'")

    def last_quarter() -> list[str]:
        return [county("query", f"SELECT * FROM {v}", "-o", "csv", "--as-of", then, "--valid-on", "2026-06-30") for v in views]  # fmt: skip

    was = last_quarter()
    assert all(answer.count("\n") > 10 for answer in was)
    right, code, one = ask(
        "SELECT e.name, e.uscc, e.enterprise_id FROM utility_connection u JOIN enterprise e USING (enterprise_id) WHERE u.utility = 'water' "
        "AND u.enterprise_name = e.name AND u.quality_status = 'passed' AND e.uscc IS NOT NULL AND e.name LIKE '%有限公司' ORDER BY u.apply_no LIMIT 1"
    )[0].values()
    wrong = right.replace("有限公司", "有限责任公司")
    water = next(p for p in (Path(environment["HUB_HOME"]) / "county/files/water").glob("*.csv") if code in p.read_text("utf-8-sig"))  # fmt: skip
    bytes_before = water.read_bytes()

    # The water company calls it something else: overruled, with reasons, and its owner's department has a case.
    water.write_bytes(bytes_before.replace(right.encode(), wrong.encode()))
    county("run", "--select", "water/utility_connection")
    claims = json.loads(county("trace", "enterprise", one, "name", "-o", "json"))
    [stands] = [c for c in claims if c["stands"]]
    assert (stands["connector"], stands["rule"], stands["said"]["name"]) == ("market_supervision/enterprise", "owner", right)  # fmt: skip
    [loser] = [c for c in claims if c["said"]["name"] == wrong]
    assert (loser["connector"], loser["delivery"], loser["source_row"] > 1) == ("water/utility_connection", water.name, True)  # fmt: skip
    number = str(loser["conflict_id"])
    [case] = [c for c in json.loads(county("conflict", "list", "--owner", "market_supervision", "-o", "json")) if c["conflict_id"] == loser["conflict_id"]]  # fmt: skip
    assert (case["said"], case["stands"]["name"]) == ({"name": wrong}, right)

    # A verdict: dated, signed, with evidence; the golden value changes, and says by whose word.
    county("conflict", "decide", number, "--keep", "other", "--by", "李四", "--reason", "现场核实", "--evidence", "核查单 12")  # fmt: skip
    assert ask(f"SELECT name FROM enterprise WHERE enterprise_id = '{one}'") == [{"name": wrong}]
    [shown] = json.loads(county("conflict", "show", number, "-o", "json"))
    assert (shown["by_whom"], shown["evidence"], shown["signed_under"], shown["expired_at"]) == ("李四", "核查单 12", 0, None)  # fmt: skip
    assert datetime.fromisoformat(shown["decided_at"]) > datetime.fromisoformat(then)
    [stands] = [c for c in json.loads(county("trace", "enterprise", one, "name", "-o", "json")) if c["stands"]]
    assert (stands["rule"], stands["said"]) == ("verdict", {"name": wrong})

    # The water company puts its file right: the verdict falls at the next run, and the owner's word stands again.
    water.write_bytes(bytes_before)
    county("run", "--select", "water/utility_connection")
    [shown] = json.loads(county("conflict", "show", number, "-o", "json"))
    assert (shown["outcome"], shown["expired_because"]) == ("overruled", "agreed")
    claims = json.loads(county("trace", "enterprise", one, "name", "-o", "json"))
    assert {c["said"]["name"] for c in claims} == {right}
    assert ask(f"SELECT name FROM enterprise WHERE enterprise_id = '{one}'") == [{"name": right}]

    # Two firms merged by mistake, and parted: ids and what each was called are as before.
    other = ask(f"SELECT enterprise_id FROM enterprise WHERE NOT is_branch AND enterprise_id <> '{one}' AND source_of_truth IS NOT NULL ORDER BY 1 LIMIT 1")[0]["enterprise_id"]  # fmt: skip
    both = f"enterprise_id IN ('{one}', '{other}')"
    told = [f"SELECT * FROM {t} WHERE {both} ORDER BY 1, 2, 3, 4" for t in ("enterprise_name", "enterprise_provenance")]
    told.append(f"SELECT * FROM enterprise WHERE {both} ORDER BY 1")
    apart = [[{k: v for k, v in row.items() if k != "known_from"} for row in ask(question)] for question in told]
    county("identity", "merge", one, other, "--by", "王芳", "--reason", "以为是同一家")
    assert len(ask(told[-1])) == 1
    [merge] = [m for m in json.loads(county("identity", "show", one, "-o", "json"))[0]["history"] if m["undone_at"] is None]  # fmt: skip
    county("identity", "unmerge", merge["younger"], "--by", "王芳", "--reason", "两家企业")
    assert [[{k: v for k, v in row.items() if k != "known_from"} for row in ask(question)] for question in told] == apart  # fmt: skip
    assert len(ask(f"SELECT * FROM enterprise_version WHERE {both}")) > 2

    # Last quarter, by what was known before all this.
    assert last_quarter() == was
