"""Departments renamed and merged, divisions recoded, code lists revised: each record tells of the world of its day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from connectors.spec import load as load_connector
from hub.cli import main
from pipelines.run import prepare, settle
from schemas import reference
from schemas.departments import department_period_rows
from warehouse import objection, truth
from warehouse.home import Home
from warehouse.load import load

AS_OF = date(2026, 4, 20)
CITY, HOUSING, TAX = "11510999MB0010364X", "11510999MB00100650", "11510999MB0010049A"
HEADER = "编号,诉求类型,内容,来电时间,转办时间,承办单位,办理时限,办结时间,乡镇,来源\n"
CONNECTOR = """title: 工单
dataset: hotline_ticket
source: {driver: csv, path: PATH}
load: {mode: file}
constants: {status: dispatched}
fields: {ticket_no: 编号, demand_type: 诉求类型, content: 内容, content_scrubbed: 内容, recorded_at: 来电时间, dispatched_at: 转办时间, main_dept_code: 承办单位,
  due_at: 办理时限, closed_at: 办结时间, town_code: 乡镇, channel: 来源}
"""
Edit = Callable[[str, Callable[[dict[str, Any]], None]], None]


@pytest.fixture
def edit(monkeypatch: pytest.MonkeyPatch) -> Iterator[Edit]:
    """Change a reference file as a person would who edits it."""
    read, edited = reference._read, dict[str, dict[str, Any]]()

    def forget() -> None:
        for cached in (reference.departments, reference.bearers_of, reference.code_sets):
            cached.cache_clear()

    def change(name: str, by: Callable[[dict[str, Any]], None]) -> None:
        edited.setdefault(name, yaml.safe_load((reference.ROOM / name).read_text(encoding="utf-8")))
        by(edited[name])
        forget()

    monkeypatch.setattr(reference, "_read", lambda path: edited.get(path.name) or read(path))
    yield change
    forget()


def one(document: dict[str, Any], code: str) -> dict[str, Any]:
    return next(line for line in document["departments"] if line["code"] == code)


def take(home: Home, tmp_path: Path, rows: str, name: str = "a") -> Any:
    """One delivery of tickets, and the boards after it."""
    inbox = tmp_path / "inbox"
    inbox.mkdir(exist_ok=True)
    (inbox / f"{name}.csv").write_text(HEADER + rows, encoding="utf-8")
    path = tmp_path / "hotline_office" / "ticket.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(CONNECTOR.replace("PATH", str(inbox / "*.csv")), encoding="utf-8")
    prepare(home)
    (result,) = load(load_connector(path), home)
    assert result.passed + result.quarantined == result.extracted
    assert [p for p in settle(home, {"hotline_ticket"}, as_of=AS_OF) if p.error] == []
    return result


def rows(database: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(query.encode()).fetchall()


MONTHS = "SELECT to_char(due_month, 'YYYY-MM'), department, tickets_due FROM board.hotline_on_time_by_department ORDER BY 1, 2"
OPEN = "SELECT ticket_no, main_dept_code, department FROM board.hotline_overdue_open ORDER BY 1"


def renamed(document: dict[str, Any]) -> None:
    """县住建局 is 县住房城建委 from the middle of March."""
    line = one(document, "housing")
    line["aliases"].append({"name": line["name"], "short_name": line["short_name"], "to": date(2026, 3, 16)})
    line |= {"name": "示例县住房和城市建设委员会", "short_name": "县住房城建委"}


def merged(document: dict[str, Any]) -> None:
    """县综合行政执法局 goes into 县住建局 on 1 April."""
    one(document, "urban_management").update({"to": date(2026, 4, 1), "successor": "housing"})


def test_a_renamed_department_is_called_what_it_was_called(home: Home, tmp_path: Path, database: str, edit: Edit, capfd: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    take(home, tmp_path, (
        "T1,投诉,停水,2026-01-05 09:00,2026-01-05 10:00,县住建局,2026-01-12 18:00,2026-01-10 10:00,,\n"
        "T2,投诉,停水,2026-03-20 09:00,2026-03-20 10:00,县住建局,2026-03-27 18:00,,,\n"
    ))  # fmt: skip
    assert {unit for _, unit, _ in rows(database, MONTHS)} == {"县住建局"}
    edit("departments.yaml", renamed)
    # The file of departments alone has changed: boards of all months are computed anew, on the same day.
    take(home, tmp_path, "T3,投诉,停水,2026-03-20 09:00,2026-03-20 10:00,县住房城建委,2026-03-27 18:00,2026-03-25 10:00,,\n", "b")  # fmt: skip
    assert rows(database, MONTHS) == [("2026-01", "县住建局", 1), ("2026-03", "县住房城建委", 2)]
    assert rows(database, "SELECT DISTINCT main_dept_code FROM record.hotline_ticket") == [(HOUSING,)]
    assert rows(database, OPEN) == [("T2", HOUSING, "县住房城建委")]
    assert main(["query", "SELECT service_request_id, agency_responsible FROM hotline_open311", "-o", "csv"]) == 0
    capfd.readouterr()


def test_what_a_merged_department_left_open_is_its_successors(home: Home, tmp_path: Path, database: str, edit: Edit) -> None:  # fmt: skip
    edit("departments.yaml", merged)
    take(home, tmp_path, (
        "T1,投诉,占道,2025-12-05 09:00,2025-12-05 10:00,县城管局,2025-12-12 18:00,2025-12-10 10:00,,\n"
        "T2,投诉,占道,2026-03-05 09:00,2026-03-05 10:00,县综合行政执法局,2026-03-12 18:00,2026-03-10 10:00,,\n"
        "T3,投诉,占道,2026-03-20 09:00,2026-03-20 10:00,县综合行政执法局,2026-03-27 18:00,,,\n"
        "T4,投诉,占道,2026-04-02 09:00,2026-04-02 10:00,县城管局,2026-04-09 18:00,,,\n"
        f"T5,投诉,占道,2026-04-03 09:00,2026-04-03 10:00,{CITY},2026-04-10 18:00,2026-04-09 10:00,,\n"
        "T6,投诉,公积金,2026-04-03 09:00,2026-04-03 10:00,县税务局,2026-04-10 18:00,,,\n"
    ))  # fmt: skip
    # Written in its days it stays with it, written after its end it is its successor's, by any of its names or its code.
    assert rows(database, "SELECT ticket_no, main_dept_code FROM record.hotline_ticket ORDER BY 1") == [
        ("T1", CITY), ("T2", CITY), ("T3", CITY), ("T4", HOUSING), ("T5", HOUSING), ("T6", TAX),
    ]  # fmt: skip
    assert rows(database, MONTHS) == [
        ("2025-12", "县城管局", 1), ("2026-03", "县综合行政执法局", 2), ("2026-04", "县住建局", 2), ("2026-04", "县税务局", 1),
    ]  # fmt: skip
    assert rows(database, OPEN) == [("T3", HOUSING, "县住建局"), ("T4", HOUSING, "县住建局"), ("T6", TAX, "县税务局")]
    assert rows(database, "SELECT DISTINCT department FROM board.hotline_warning WHERE ticket_no = 'T3'") == [("县住建局",)]  # fmt: skip


def test_a_successor_that_was_merged_and_renamed_itself(edit: Edit) -> None:
    edit("departments.yaml", merged)
    edit("departments.yaml", renamed)
    edit("departments.yaml", lambda d: one(d, "housing").update({"to": date(2028, 1, 1), "successor": "tax"}))
    found = department_period_rows()
    city = [row[1:] for row in zip(*found.values(), strict=True) if row[0] == CITY]
    assert [(str(start), short, who, name) for start, _, _, short, who, name in city] == [
        ("0001-01-01", "县城管局", CITY, "县城管局"),
        ("2026-01-01", "县综合行政执法局", CITY, "县综合行政执法局"),
        ("2026-03-16", "县综合行政执法局", CITY, "县综合行政执法局"),
        ("2026-04-01", "县综合行政执法局", HOUSING, "县住房城建委"),
        ("2028-01-01", "县综合行政执法局", TAX, "县税务局"),
    ]
    for day, code in ((date(2026, 3, 31), CITY), (date(2026, 4, 1), HOUSING), (date(2029, 1, 1), TAX), (None, TAX)):
        assert {reference.department_of(n, day).dept_code for n in ("县城管局", "城管局", CITY, "urban_management")} == {code}  # type: ignore[union-attr]  # fmt: skip


@pytest.mark.parametrize("known", [[], ["瞿河镇", "510999102"]], ids=["the source keeps its past", "or recodes it"])
def test_a_division_that_was_recoded_is_told_as_of_the_event(home: Home, tmp_path: Path, database: str, edit: Edit, known: list[str]) -> None:  # fmt: skip
    """瞿河乡 510999200 became 瞿河镇 510999102 on 2026-02-01; a source goes on writing the old code and name, or writes the new ones of old events."""

    def recoded(document: dict[str, Any]) -> None:
        towns = document["code_sets"]["town"]["codes"]
        next(t for t in towns if t["code"] == "510999102")["from"] = date(2026, 2, 1)
        towns.append({"code": "510999200", "name": "瞿河乡", "aliases": known, "to": date(2026, 2, 1)})

    edit("code_sets.yaml", recoded)
    took = take(home, tmp_path, (
        "T1,投诉,路灯,2026-01-31 09:00,2026-01-31 10:00,县住建局,2026-02-06 18:00,,瞿河乡,\n"
        "T2,投诉,路灯,2026-01-31 09:00,2026-01-31 10:00,县住建局,2026-02-06 18:00,,510999200,\n"
        "T3,投诉,路灯,2026-02-01 09:00,2026-02-01 10:00,县住建局,2026-02-06 18:00,,瞿河乡,\n"
        "T4,投诉,路灯,2026-03-02 09:00,2026-03-02 10:00,县住建局,2026-03-06 18:00,,510999200,\n"
        "T5,投诉,路灯,2026-03-02 09:00,2026-03-02 10:00,县住建局,2026-03-06 18:00,,瞿河镇,\n"
        "T6,投诉,路灯,2026-01-02 09:00,2026-01-02 10:00,县住建局,2026-01-06 18:00,,瞿河镇,\n"
    ))  # fmt: skip
    assert rows(database, "SELECT ticket_no, town_code, town FROM board.hotline_overdue_open ORDER BY 1") == [
        ("T1", "510999200", "瞿河乡"), ("T2", "510999200", "瞿河乡"), ("T3", "510999102", "瞿河镇"), ("T4", "510999102", "瞿河镇"), ("T5", "510999102", "瞿河镇"),
        *([("T6", "510999200", "瞿河乡")] if known else []),
    ]  # fmt: skip
    assert took.quarantined == (0 if known else 1)  # 瞿河镇 before there was one
    assert reference.code_sets()["town"].spellings()["510999200"] == "510999102"


def test_a_revised_code_is_good_for_the_days_it_was_in_force(home: Home, tmp_path: Path, database: str, edit: Edit) -> None:  # fmt: skip
    def revised(document: dict[str, Any]) -> None:
        document["code_sets"]["hotline_channel"]["codes"] += [
            {"code": "传真", "to": date(2026, 2, 1)}, {"code": "短视频", "from": date(2026, 2, 1)},
        ]  # fmt: skip

    edit("code_sets.yaml", revised)
    took = take(home, tmp_path, (
        "T1,投诉,路灯,2026-01-31 23:59,,,,,,传真\n"
        "T2,投诉,路灯,2026-02-01 00:00,,,,,,传真\n"
        "T3,投诉,路灯,2026-01-31 23:59,,,,,,短视频\n"
        "T4,投诉,路灯,2026-02-01 00:00,,,,,,短视频\n"
        "T5,投诉,路灯,2026-02-01 00:00,,,,,,电话\n"
    ))  # fmt: skip
    assert (took.extracted, took.passed, took.quarantined) == (5, 3, 2)
    assert rows(database, "SELECT ticket_no, channel FROM record.hotline_ticket ORDER BY 1") == [("T1", "传真"), ("T4", "短视频"), ("T5", "电话")]  # fmt: skip
    assert rows(database, "SELECT row_key, rules FROM hub.quarantine ORDER BY 1") == [("T2", ["code_time"]), ("T3", ["code_time"])]  # fmt: skip


def test_a_conflict_of_a_dissolved_owner_is_its_successors_and_the_past_has_its_names(
    home: Home, database: str, edit: Edit, capfd: pytest.CaptureFixture[str]
) -> None:
    prepare(home)
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO hub.source (connector, dataset, department, title) VALUES ('tax/enterprise', 'enterprise', 'tax', '名单')")  # fmt: skip
        connection.execute(
            "INSERT INTO hub.conflict (enterprise_id, field_group, owner, source_id, batch_id, stands, said, former, due_on, provisional, rule_id, legal_basis) "
            """SELECT gen_random_uuid(), 'address', 'market_supervision', source_id, 1, '{"reg_address": "甲"}', '{"reg_address": "乙"}', false, '2026-05-06', false, 'r', '条例' """
            "FROM hub.source"
        )
        found = connection.execute("SELECT clock_timestamp() AT TIME ZONE 'Asia/Shanghai'").fetchone()
    assert found is not None

    def past() -> str:
        told = []
        for view in ("enterprise_conflict", "quality_conflict_by_department"):
            capfd.readouterr()
            assert main(["query", f"SELECT * FROM {view}", "-o", "csv", "--as-of", str(found[0])]) == 0
            told.append(capfd.readouterr().out)
        return "".join(told)

    was = past()
    assert was.count("县市场监管局") == 2
    edit("departments.yaml", lambda d: one(d, "market_supervision").update({"short_name": "县市场局", "to": date(2026, 4, 1), "successor": "housing"}))  # fmt: skip
    prepare(home)
    settle(home, set())
    with psycopg.connect(database) as connection:
        assert [c["owner"] for c in truth.conflicts(connection, owner="housing")] == ["housing"]
        assert truth.conflicts(connection, owner="market_supervision") == []
        assert [(c["owner"], c["open"]) for c in truth.counts(connection, date(2026, 12, 1))] == [("housing", 1)]
        assert [c["department"] for c in objection.running(connection, date(2026, 12, 1))] == ["housing"]
    assert rows(database, "SELECT owner, department, open FROM board.quality_conflict_by_department") == [("housing", "县住建局", 1)]  # fmt: skip
    assert past() == was
