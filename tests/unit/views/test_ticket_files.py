"""Ticket files nobody registered: columns recognised, verdicts equal to counting by hand, rates with what they leave out."""

from __future__ import annotations

import csv
import io
import json
import random
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from hub.cli import main
from schemas.calendar import WorkCalendar
from views.tickets.mapping import fit

_HEADER = [
    "Unique Key", "Created Date", "Closed Date", "Agency", "Agency Name", "Complaint Type", "Descriptor", "Status", "Due Date",
    "Resolution Action Updated Date", "Borough",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _no_warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HUB_DATABASE_URL", raising=False)


def _assess(capsys: pytest.CaptureFixture[str], path: Path, *words: str) -> list[dict[str, str]]:
    capsys.readouterr()
    assert main(["hotline", "assess", "--data", str(path), "-o", "csv", *words]) == 0, capsys.readouterr().err
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))


def _write(path: Path, header: list[str], rows: list[list[Any]], encoding: str = "utf-8", above: str = "") -> Path:
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    path.write_bytes((above + text.getvalue()).encode(encoding))
    return path


def _us(moment: datetime | None) -> str:
    return moment.strftime("%m/%d/%Y %I:%M:%S %p") if moment else ""


def test_us_service_requests_by_due_date(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dice, as_of = random.Random(311), datetime(2011, 4, 15)
    rows, truth = [], {}
    for n in range(1000):
        created = datetime(2011, 3, 1) + timedelta(seconds=dice.randrange(40 * 86400))
        due = None if dice.random() < 0.05 else created + timedelta(seconds=dice.randrange(30 * 86400))
        closed = None if dice.random() < 0.2 else created + timedelta(seconds=dice.randrange(20 * 86400))
        status = "Closed" if closed else dice.choice(("Open", "Pending", "Assigned", "In Progress"))
        rows.append(
            [
                n,
                _us(created),
                _us(closed),
                dice.choice(("DOT", "HPD")),
                "x",
                'Noise, "loud"',
                "a\nb",
                status,
                _us(due),
                "",
                "",
            ]
        )
        if due is None:
            truth[str(n)] = "undeterminable"
        elif closed and closed < as_of + timedelta(1):
            truth[str(n)] = "on_time" if closed <= due else "late"
        else:
            truth[str(n)] = "open_overdue" if due < as_of else "open_not_due"
    found = _assess(capsys, _write(tmp_path / "311.csv", _HEADER, rows), "--as-of", "2011-04-15")
    assert {r["ticket_no"]: r["verdict"] for r in found} == truth
    assert {r["reason"] for r in found if r["verdict"] == "undeterminable"} == {"没有写明时限"}
    total, *units = _assess(capsys, tmp_path / "311.csv", "--as-of", "2011-04-15", "--by", "unit")
    counts = {v: sum(t == v for t in truth.values()) for v in set(truth.values())}
    assert int(total["late"]) == counts["late"]
    assert int(total["tickets"]) == 1000 == sum(int(u["tickets"]) for u in units)
    assert int(total["undeterminable"]) == counts["undeterminable"]
    assert float(total["on_time_pct"]) == round(100 * int(total["on_time"]) / int(total["due"]), 2)
    harsh = _assess(capsys, tmp_path / "311.csv", "--as-of", "2011-04-15", "--by", "unit", "--missing", "late")[0]
    assert int(harsh["late"]) == counts["late"] + counts["undeterminable"]
    assert float(harsh["on_time_pct"]) < float(total["on_time_pct"])


@pytest.mark.parametrize(
    ("header", "times"),
    [
        ("SR_NUMBER,SR_TYPE,OWNER_DEPARTMENT,STATUS,CREATED_DATE,LAST_MODIFIED_DATE,CLOSED_DATE", "CREATED_DATE,CLOSED_DATE,-"),
        ("Creation Date,Status,Completion Date,Service Request Number,Expected Completion Date", "Creation Date,Completion Date,Expected Completion Date"),
        ("case_id,open_date,service_name,closure_reason,close_date,target_close_date,on_time", "open_date,close_date,target_close_date"),
        ("CASE NUMBER,SR TYPE,SLA,STATUS,SR CREATE DATE,DUE DATE,DATE CLOSED,OVERDUE", "SR CREATE DATE,DATE CLOSED,DUE DATE"),
        ("Service Request Number,Created Date,Update Date,Closed Date,ERT (Estimated Response Time),Overall Service Request Due Date", "Created Date,Closed Date,Overall Service Request Due Date"),
        ("CASEID,OPENEDDATETIME,SLA_Date,CLOSEDDATETIME,Late (Yes/No),Dept", "OPENEDDATETIME,CLOSEDDATETIME,SLA_Date"),
        ("OBJECTID,ORGANIZATIONACRONYM,ADDDATE,RESOLUTIONDATE,SERVICEDUEDATE,SERVICEORDERSTATUS", "ADDDATE,RESOLUTIONDATE,SERVICEDUEDATE"),
        ("CASE ID,CREATION DATE,CREATION TIME,DAYS TO CLOSE,CLOSED DATE,ESTIMATED COMPLETION DATE", "CREATION DATE,CLOSED DATE,ESTIMATED COMPLETION DATE"),
        ("id,created_on,finished_at,promised_at", "created_on,finished_at,promised_at"),
        ("CaseID,Opened,Closed,Due,Status,Category", "Opened,Closed,Due"),
    ],
)  # fmt: skip
def test_time_columns_of_cities_nobody_listed(header: str, times: str) -> None:
    columns = fit(header.split(",")).columns
    assert ",".join(columns.get(c, "-") for c in ("recorded_at", "closed_at", "due_at")) == times


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("Case Number|Created Date|Due Date|Date Closed|Owner\n-----|----|----|---|---\n1|{o:%-m/%-d/%y %-I:%M %p}|{d:%-m/%-d/%y %-I:%M %p}|{c:%-m/%-d/%y %-I:%M %p}|é\n2|1/13/21 9:00 AM||1/14/21 9:00 AM|x\n", "cp1252"),
        ("id,ID,row_no,created_at,due_at,closed_at\n1,a,b,{o:%d-%b-%Y %H:%M:%S},{d:%Y %b %d %I:%M:%S %p},{c:%b %d, %Y %I:%M %p}\n2,a,b,\"Jan 13, 2021\",,\n".replace("{c:%b %d, %Y %I:%M %p}", '"{c:%b %d, %Y %I:%M %p}"'), "utf-8"),
        ("Completed,Creation Date,Expected Completion\n{c:%Y/%m/%d %H:%M:%S+08},{o:%Y/%m/%d %H:%M:%S+08},{d:%Y/%m/%d %H:%M:%S+08}\n2021/01/14 09:00:00+08,2021/01/13 09:00:00+08,\n", "utf-8"),
        ("工单编号,派单时间,办结时限,办结时间\n1,2021-01-13 09:00,2个工作日,2021-01-16 09:00\n", "utf-8"),
        ("工单编号,派单时间,截止办理时间,实际办结时间\n1,{o:%Y年%-m月%-d日 %H:%M},{d:%Y/%-m/%-d %H:%M},{c:%Y.%m.%d %H:%M}\n", "gb18030"),
    ],
)  # fmt: skip
def test_files_of_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, codec: str) -> None:
    """Months by name, years of two digits, lines under the header, columns named as ours; the county's rule is not theirs."""
    opened = datetime(2021, 1, 13, 9)
    late = text.format(o=opened, d=opened + timedelta(days=2), c=opened + timedelta(days=2, minutes=1))
    (tmp_path / "t.csv").write_bytes(late.encode(codec))
    found = _assess(capsys, tmp_path / "t.csv", "--as-of", "2021-12-31")
    assert [row["verdict"] for row in found] == ["late", "undeterminable"][: len(found)]
    assert {row["reason"] for row in found[1:]} <= {"没有写明时限"}


def test_limits_told_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = {"两个工作日": "01-15 23:59:59", "请在3天内回复": "01-18 23:59:59", "自受理之日起五个工作日内办结": "01-20 23:59:59", "24小时内": "01-14 09:00:00",
            "一周内": "01-20 23:59:59", "90分钟": "01-13 10:30:00", "3日": "01-18 23:59:59"}  # fmt: skip
    lines = [f"{n},2021-01-13 09:00,{words},2021-01-14 08:00" for n, words in enumerate(said)]
    (tmp_path / "t.csv").write_text("\n".join(["工单编号,派单时间,办结时限,办结时间", *lines]), encoding="utf-8")
    found = _assess(capsys, tmp_path / "t.csv", "--as-of", "2021-12-31")
    assert [row["due_at"][5:] for row in found] == list(said.values())


def test_messages_by_working_days(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dice, calendar = random.Random(7), WorkCalendar()
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["留言编号", "留言用户", "留言主题", "留言时间", "留言详情", "答复意见", "答复时间"])
    truth = {}
    for n in range(300):
        at = datetime(2019, 1, 5) + timedelta(minutes=dice.randrange(400_000))
        replied = at + timedelta(minutes=dice.randrange(60_000))
        shape = dice.choice(("%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y年%m月%d日"))
        # A text, a real date cell, or nothing.
        cell: Any = dice.choice((replied.strftime(shape), replied, replied.date(), None))
        sheet.append(
            [
                f"L{n}",
                f"U{n % 40}",
                "咨询落户",
                f"{at.year}/{at.month}/{at.day} {at:%H:%M:%S}",
                "内容",
                "您好" if cell else None,
                cell,
            ]
        )
        last = calendar.add(at.date(), 10).date
        if cell is None:
            truth[f"L{n}"] = "open_overdue" if last < date(2019, 12, 31) else "open_not_due"
        else:
            truth[f"L{n}"] = "on_time" if replied.date() <= last else "late"
    book.save(tmp_path / "留言.xlsx")
    (tmp_path / "rules.yaml").write_text(
        "deadline_rules:\n  - {rule_id: m10, item: 留言答复, clock_unit: workday, days: 10, legal_basis: 办法第三条}\n"
    )
    found = _assess(capsys, tmp_path / "留言.xlsx", "--rules", str(tmp_path / "rules.yaml"), "--as-of", "2019-12-31")
    assert {r["ticket_no"]: r["verdict"] for r in found} == truth
    assert found[0]["rule"] == "留言答复 10 个工作日；依据：办法第三条"
    assert all(r["due_at"].endswith("23:59:59") for r in found)


def test_the_same_words_in_another_order_and_a_county_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header = ["编号", "一级标签", "用户", "主题", "时间", "详情", "答复时间", "答复"]
    rows = [
        ["1", "城建", "甲", "路灯", "2025-09-26 09:24", "不亮", "2025-10-22 10:00", "已修"],
        ["2", "城建", "乙", "路灯", "2025-09-26 09:24", "不亮", "", "已修"],
        ["3", "城建", "丙", "路灯", "二○二五年九月二十六日", "不亮", "昨天", ""],
        ["4", "城建", "丁", "路灯", "2025-09-26 09:24", "不亮", "2025-09-20", "早了"],
        ["5", "城建", "戊", "路灯", "2025-09-26 09:24", "不亮", "2025-09-26", "当天"],
    ]
    found = _assess(
        capsys, _write(tmp_path / "m.csv", header, rows, "gb18030", "网上留言清单,,,\n"), "--as-of", "2025-12-01"
    )
    assert [(r["verdict"], r["reason"]) for r in found] == [
        ("on_time", ""), ("undeterminable", "有答复内容，但没有答复时间"), ("undeterminable", "办结或答复时间读不懂"),
        ("undeterminable", "办结或答复早于受理"), ("on_time", ""),
    ]  # fmt: skip
    assert {r["rule_id"] for r in found if r["due_from"]} == {"message.reply"}
    assert "默认值" in found[0]["rule"]


def test_hotline_tickets_with_our_own_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header = [
        "工单编号", "来电时间", "转办时间", "签收时间", "首次联系时间", "答复时间", "办结时间", "办理时限", "状态", "承办单位", "延期天数",
        "是否挂账", "剔除考核", "剔除原因", "主单编号", "上级工单号", "是否接通", "是否解决", "满意度",
    ]  # fmt: skip
    base = [
        "2025-09-26 09:24",
        "2025-09-26 09:41",
        "2025-09-26 10:00",
        "2025-09-26 11:00",
        "2025-09-26 14:29",
        "2025-09-26 15:14",
    ]
    late = [*base[:4], "2025-10-13 09:00", "2025-10-13 10:00"]
    opened = [*base[:2], "", "", "", ""]
    rows = [
        ["A", *base, "", "已办结", "住建局", "", "", "", "", "", "", "是", "已解决", "满意"],
        ["B", *late, "", "已办结", "住建局", "", "", "", "", "", "", "是", "未解决", "不满意"],
        ["C", *late, "", "已办结", "住建局", "10", "", "", "", "", "", "否", "", ""],
        ["D", *late, "2025-10-13", "已办结", "住建局", "", "", "", "", "", "", "", "", ""],  # a day: until 24:00
        ["E", *opened, "", "已签收", "水务局", "", "是", "", "", "", "", "", "", ""],
        ["F", *opened, "", "待签收", "水务局", "", "", "", "", "", "", "", "", ""],
        ["G", *late, "", "已办结", "水务局", "", "", "是", "不可抗力", "", "", "", "", ""],
        ["H", *late, "", "已办结", "水务局", "", "", "", "", "A", "", "", "", ""],
        ["I", *opened, "", "不予受理", "水务局", "", "", "", "", "", "", "", "", ""],
        ["J", *base, "", "已办结", "水务局", "", "", "", "", "", "S9", "", "", ""],
        ["K", *base, "", "已办结", "水务局", "", "", "", "", "", "S9", "", "", ""],
        ["L", *opened, "", "已办结", "水务局", "", "", "", "", "", "", "", "", ""],
    ]
    path = _write(tmp_path / "t.csv", header, rows)
    found = {r["ticket_no"]: r for r in _assess(capsys, path, "--as-of", "2025-10-20")}
    assert {n: r["verdict"] for n, r in found.items()} == {
        "A": "on_time", "B": "late", "C": "on_time", "D": "on_time", "E": "suspended", "F": "open_overdue", "G": "late",
        "H": "not_assessed", "I": "not_assessed", "J": "on_time", "K": "not_assessed", "L": "undeterminable",
    }  # fmt: skip
    a = found["A"]
    assert (a["dispatch_minutes"], a["sign_minutes"], a["contact_minutes"], a["reply_minutes"]) == (
        "17",
        "19",
        "79",
        "288",
    )
    assert a["due_at"] == "2025-10-10 23:59:59"
    assert found["C"]["due_at"] == "2025-10-23 23:59:59"
    assert found["D"]["rule"] == "工单写明的时限"
    total, housing, water = _assess(capsys, path, "--as-of", "2025-10-20", "--by", "unit")
    assert (housing["unit"], housing["due"], housing["on_time_pct"], housing["not_due"]) == (
        "住建局",
        "3",
        "66.67",
        "1",
    )
    assert (water["unit"], water["excluded"], water["not_assessed"], water["suspended"]) == ("水务局", "1", "3", "1")
    assert (total["callbacks"], total["unreached"], total["satisfaction_pct"], total["solved_pct"]) == (
        "3",
        "1",
        "50.0",
        "50.0",
    )
    harsh = _assess(capsys, path, "--as-of", "2025-10-20", "--by", "unit", "--unreached", "dissatisfied")[0]
    assert harsh["satisfaction_pct"] == "33.33"
    early = {r["ticket_no"]: r["verdict"] for r in _assess(capsys, path, "--as-of", "2025-10-10")}
    assert (early["B"], early["F"]) == ("open_not_due", "open_not_due")


def test_open311_closes_with_its_last_update(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    requests = [
        {"service_request_id": "1", "status": "closed", "service_name": "Pothole", "requested_datetime": "2025-09-01T08:00:00+08:00",
         "updated_datetime": "2025-09-03T08:00:00+08:00", "expected_datetime": "2025-09-02T08:00:00+08:00"},
        {"service_request_id": "2", "status": "open", "service_name": "Pothole", "requested_datetime": "2025-09-01T00:00:00Z",
         "updated_datetime": "2025-09-03T08:00:00Z", "expected_datetime": "2025-09-09T08:00:00Z"},
    ]  # fmt: skip
    (tmp_path / "r.json").write_text(json.dumps(requests))
    found = _assess(capsys, tmp_path / "r.json", "--as-of", "2025-09-09")
    assert [(r["verdict"], r["start_at"]) for r in found] == [
        ("late", "2025-09-01 08:00:00"),
        ("open_not_due", "2025-09-01 08:00:00"),
    ]


def test_what_a_person_maps_and_rules_with_conditions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _write(tmp_path / "x.csv", ["k", "made", "done", "kind"], [
        ["1", "13/01/2025 08:00", "15/01/2025 08:00", "急"], ["2", "13/01/2025 08:00", "15/01/2025 08:00", "缓"],
        ["3", "13/01/2025 08:00", "13/01/2025 09:59", "急"], ["4", "13/01/2024 08:00", "16/01/2024 08:00", "缓"],
    ])  # fmt: skip
    assert main(["hotline", "assess", "--data", str(path)]) == 1
    assert "recorded_at" in capsys.readouterr().err
    (tmp_path / "m.yaml").write_text("{ticket_no: k, recorded_at: made, closed_at: done}")
    (tmp_path / "r.yaml").write_text("""
- {rule_id: fast, clock_unit: hour, days: 2, when: {kind: [急]}}
- {rule_id: slow, clock_unit: day, days: 1, effective_to: 2025-01-01}
- {rule_id: slow, clock_unit: day, days: 3, effective_from: 2025-01-01}
""")
    found = _assess(capsys, path, "--mapping", str(tmp_path / "m.yaml"), "--rules", str(tmp_path / "r.yaml"))
    assert [(r["verdict"], r["rule_id"]) for r in found] == [
        ("late", "fast"),
        ("on_time", "slow"),
        ("on_time", "fast"),
        ("late", "slow"),
    ]
    (tmp_path / "m.yaml").write_text("{recorded_at: mad, closed_at: done}")
    assert main(["hotline", "assess", "--data", str(path), "--mapping", str(tmp_path / "m.yaml")]) == 1
    assert "made" in capsys.readouterr().err
    (tmp_path / "r.yaml").write_text("- {rule_id: fast, clock_unit: fortnight, days: 2}")
    (tmp_path / "m.yaml").write_text("{recorded_at: made, closed_at: done}")
    assert (
        main(
            [
                "hotline",
                "assess",
                "--data",
                str(path),
                "--mapping",
                str(tmp_path / "m.yaml"),
                "--rules",
                str(tmp_path / "r.yaml"),
            ]
        )
        == 1
    )


def test_dates_that_may_be_read_two_ways_are_not_guessed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _write(tmp_path / "x.csv", ["编号", "受理时间", "办结时间"], [["1", "02/01/2025 08:00", "03/01/2025 08:00"]])
    assert [r["verdict"] for r in _assess(capsys, path)] == ["undeterminable"]
    (tmp_path / "m.yaml").write_text("day_order: mdy\n")
    assert _assess(capsys, path, "--mapping", str(tmp_path / "m.yaml"))[0]["start_at"] == "2025-02-01 08:00:00"


def test_a_number_on_several_rows_counts_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        ["1", "2025-09-01", "", "2025-09-01"],
        ["1", "2025-09-01", "2025-09-02", "2025-09-02"],
        ["2", "2025-09-01", "", "2025-09-01"],
    ]
    found = _assess(
        capsys,
        _write(tmp_path / "x.csv", ["工单编号", "来电时间", "办结时间", "更新时间"], rows),
        "--as-of",
        "2025-09-03",
    )
    assert [(r["ticket_no"], r["verdict"]) for r in found] == [("1", "on_time"), ("2", "open_not_due")]
    assert "2 行同号" in found[0]["note"]
