"""The drift inbox on real files and PostgreSQL: held, not lost; decided with a date and a name; nothing good removed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from connectors.spec import Connector
from pipelines.run import prepare
from pipelines.run import run as go
from schemas.errors import ConfigError
from schemas.identifiers import county_today
from tests.conformance.interface import serving
from tests.integration.polled import Polled
from warehouse import inbox, registry
from warehouse.home import Home
from warehouse.load import BatchResult

NAME = "hotline_office/callback_sheet"
HEADER = "回访编号,工单编号,轮次,回访时间,方式"
FIELDS = {
    "callback_id": "回访编号",
    "ticket_no": "工单编号",
    "round": "轮次",
    "called_at": "回访时间",
    "method": "方式",
}
Control = psycopg.Connection[dict[str, Any]]
Site = Callable[..., list[BatchResult]]


def lines(first: int, many: int = 30, method: str = "电话", more: str = "") -> list[str]:
    return [f"CB{n},GD{n},1,2026-03-01 09:00:00,{method}{more}" for n in range(first, first + many)]


class Desk:
    """A folder of a department and its registered connector."""

    def __init__(self, home: Home, control: Control, folder: Path, mode: str) -> None:
        self.home, self.control, self.folder = home, control, folder
        document = {
            "title": "热线回访", "dataset": "hotline_callback", "fields": FIELDS, "load": {"mode": mode},
            "source": {"driver": "csv", "path": f"{folder}/*.csv", "settle": 0, "order": "name"},
        }  # fmt: skip
        number = registry.save(control, NAME, document, by="王芳").registration_id
        registry.submit(control, number, by="王芳")
        registry.approve(control, number, by="李强")

    @property
    def connector(self) -> Connector:
        return registry.load(self.home).get(NAME)

    def drop(self, name: str, rows: list[str], header: str = HEADER) -> list[BatchResult]:
        (self.folder / f"{name}.csv").write_text("\n".join([header, *rows, ""]), encoding="utf-8")
        return self.load()

    def load(self) -> list[BatchResult]:
        report = go([self.connector], self.home)
        assert not report.failures, report.failures
        return report.results

    def replay(self, done: inbox.Decided) -> list[BatchResult]:
        report = go([self.connector], self.home, from_landing=True, batches=set(done.replay))
        assert not report.failures, report.failures
        return report.results

    def open(self) -> list[inbox.Item]:
        return inbox.items(self.control)

    def rows(self, columns: str = "callback_id, method") -> list[tuple[Any, ...]]:
        found = self.control.execute(
            f"SELECT {columns} FROM record.hotline_callback ORDER BY length(callback_id), 1"
        ).fetchall()  # type: ignore[call-overload]
        self.control.commit()
        return [tuple(row.values()) for row in found]


@pytest.fixture
def control(home: Home) -> Iterator[Control]:
    prepare(home)
    with registry.connect(home) as connection:
        yield connection


@pytest.fixture
def desk(home: Home, control: Control, tmp_path: Path) -> Desk:
    (tmp_path / "inbox").mkdir()
    return Desk(home, control, tmp_path / "inbox", "file")


@pytest.fixture
def ledger(home: Home, control: Control, tmp_path: Path) -> Desk:
    (tmp_path / "inbox").mkdir()
    return Desk(home, control, tmp_path / "inbox", "file_full")


def test_a_renamed_column_is_held_proposed_and_followed(desk: Desk) -> None:
    desk.drop("01", lines(1))
    (held,) = desk.drop("02", lines(100), HEADER.replace("回访时间", "回访日期时间"))
    assert (held.status, held.extracted) == ("held", 30)
    assert len(desk.rows()) == 30
    (found,) = desk.open()
    assert (found.kind, found.subject, found.detail["to"]) == ("column_renamed", "回访时间", "回访日期时间")
    assert desk.load() == []  # held is known by its content: not read again, not lost
    marks = {d["column"]: d["mark"] for d in inbox.difference(desk.control, desk.home, found)}
    assert (marks["回访时间"], marks["回访日期时间"], marks["方式"]) == ("gone", "new", "same")
    done = inbox.accept(desk.control, desk.home, found.drift_id, by="王芳", connector=desk.connector)
    (let_in,) = desk.replay(done)
    assert (let_in.status, let_in.new_rows) == ("committed", 30)
    assert desk.connector.fields["called_at"] == "回访日期时间"
    assert not desk.open()
    (taken,) = desk.drop("03", lines(200), HEADER.replace("回访时间", "回访日期时间"))
    assert taken.status == "committed"
    # The file of before is replayed by the layout of its day, the later ones by theirs.
    again = go([desk.connector], desk.home, from_landing=True)
    assert not again.failures
    assert {(r.status, r.extracted, r.quarantined) for r in again.results} == {("committed", 30, 0)}
    assert len(desk.rows()) == 90


def renamed_after(desk: Desk, day: str) -> inbox.Item:
    """A file of that day, then one in which a column has another name: what the inbox says of it."""
    desk.drop("01", lines(1))
    desk.control.execute("UPDATE hub.batch SET extracted_at = %s", [day])
    desk.control.commit()
    desk.drop("02", lines(100), HEADER.replace("方式", "回访途径"))
    (found,) = desk.open()
    return found


def test_old_files_replay_under_the_layout_of_their_day(desk: Desk) -> None:
    found = renamed_after(desk, "2026-01-05")
    with pytest.raises(ConfigError, match="晚于"):
        inbox.map_(desk.control, desk.home, found.drift_id, by="王芳", connector=desk.connector, column="回访途径",
                   effective_on=county_today() + timedelta(2))  # fmt: skip
    done = inbox.map_(desk.control, desk.home, found.drift_id, by="王芳", connector=desk.connector, column="回访途径")
    desk.replay(done)
    layouts = registry.versions(desk.control, NAME)
    assert registry.as_of(layouts, desk.connector, date(2026, 1, 5)).fields["method"] == "方式"
    assert registry.as_of(layouts, desk.connector, county_today()).fields["method"] == "回访途径"
    assert all(method is not None for _, method in desk.rows())


def test_an_effective_date_in_the_past_leaves_the_files_of_before_their_layout(desk: Desk) -> None:
    """The change is dated before a file that still has the old column: that file's columns tell its layout."""
    found = renamed_after(desk, "2026-06-05")
    done = inbox.map_(desk.control, desk.home, found.drift_id, by="王芳", connector=desk.connector, column="回访途径",
                      effective_on=date(2026, 5, 1))  # fmt: skip
    assert done.item.effective_on == date(2026, 5, 1)
    desk.replay(done)
    before = desk.rows()
    again = go([desk.connector], desk.home, from_landing=True)
    assert not again.failures
    assert {(r.status, r.extracted, r.quarantined) for r in again.results} == {("committed", 30, 0)}
    assert desk.rows() == before
    assert len(before) == 60
    assert all(method is not None for _, method in before)
    # A file of before that comes late, with the old column, is held: today's layout has another.
    (late,) = desk.drop("03", lines(200))
    assert late.status == "held"


def test_a_gone_column_of_a_required_field_is_not_accepted_but_rejected(desk: Desk) -> None:
    desk.drop("01", lines(1))
    (held,) = desk.drop("02", [line.replace(",GD", "|", 1).partition("|")[0] + ",1,2026-03-01,电话" for line in lines(100)],
                        "回访编号,轮次,回访时间,方式")  # fmt: skip
    assert held.status == "held"
    (found,) = desk.open()
    assert (found.kind, found.subject) == ("column_gone", "工单编号")
    with pytest.raises(ConfigError, match="必填"):
        inbox.accept(desk.control, desk.home, found.drift_id, by="王芳", connector=desk.connector)
    with pytest.raises(ConfigError, match="原因"):
        inbox.reject(desk.control, found.drift_id, by="王芳", reason="")
    inbox.reject(desk.control, found.drift_id, by="王芳", reason="漏导了")
    assert desk.load() == []
    assert len(desk.rows()) == 30
    state = inbox.item(desk.control, found.drift_id)
    assert (state.state, state.decided_by, state.batch_status) == ("rejected", "王芳", "rejected")
    (mended,) = desk.drop("02", lines(100))  # the department sends it again, whole
    assert (mended.status, mended.new_rows) == ("committed", 30)


def test_a_mended_file_closes_what_was_open(desk: Desk) -> None:
    desk.drop("01", lines(1))
    desk.drop("02", lines(100), HEADER.replace("方式", "途径甲"))
    assert len(desk.open()) == 1
    (mended,) = desk.drop("02", lines(100))
    assert mended.status == "committed"
    assert not desk.open()
    states = desk.control.execute("SELECT status FROM hub.batch ORDER BY batch_id").fetchall()
    assert [row["status"] for row in states] == ["committed", "skipped", "committed"]


def test_a_new_column_is_known_first_and_filled_from_landed_deliveries_later(desk: Desk) -> None:
    desk.drop("01", lines(1))
    wide = HEADER + ",满意度"
    (held,) = desk.drop("02", lines(100, more=",满意"), wide)
    assert held.status == "held"
    (found,) = desk.open()
    assert found.kind == "column_added"
    assert found.detail["may_be"][0]["field"] == "satisfaction"
    desk.replay(inbox.accept(desk.control, desk.home, found.drift_id, by="王芳", connector=desk.connector))
    (third,) = desk.drop("03", lines(200, more=",满意"), wide)
    assert third.status == "committed"
    assert {row[0] for row in desk.rows("satisfaction")} == {None}
    done = inbox.map_(
        desk.control, desk.home, found.drift_id, by="王芳", connector=desk.connector, field="satisfaction"
    )
    assert len(done.replay) == 2
    desk.replay(done)
    filled = dict(desk.rows("callback_id, satisfaction"))
    assert filled["CB1"] is None
    assert filled["CB100"] == filled["CB229"] is not None


def test_a_new_code_in_number_is_held_and_mapped(desk: Desk) -> None:
    desk.drop("01", lines(1))
    (held,) = desk.drop("02", [*lines(100, 20), *lines(120, 10, "小程序回访")])
    assert held.status == "held"
    (found,) = desk.open()
    assert (found.kind, found.detail["spelling"], found.detail["rows"]) == ("code_added", "小程序回访", 10)
    with pytest.raises(ConfigError, match="代码表"):
        inbox.map_(desk.control, desk.home, found.drift_id, by="王芳", connector=desk.connector, code="nonsense")
    known = dict(desk.rows())["CB1"]
    done = inbox.map_(desk.control, desk.home, found.drift_id, by="王芳", connector=desk.connector, code=known)
    (let_in,) = desk.replay(done)
    assert (let_in.new_rows, let_in.quarantined) == (30, 0)
    assert dict(desk.rows())["CB125"] == known


def test_one_odd_code_is_a_row_for_quarantine_not_a_drift(desk: Desk) -> None:
    desk.drop("01", lines(1))
    (taken,) = desk.drop("02", [*lines(100, 29), *lines(129, 1, "乱填")])
    assert (taken.status, taken.quarantined) == ("committed", 1)
    assert not desk.open()


def test_a_column_that_changed_its_kind_is_held(desk: Desk) -> None:
    desk.drop("01", lines(1))
    odd = [line.replace("2026-03-01 09:00:00", "三号上午头一个") for line in lines(100)]
    (held,) = desk.drop("02", odd)
    assert held.status == "held"
    assert [(i.kind, i.subject) for i in desk.open()] == [("type_changed", "回访时间")]


def test_a_column_in_another_unit_is_held(desk: Desk) -> None:
    """One that is no longer said is only told: nobody knows that it is another."""
    desk.drop("01", lines(1), HEADER.replace("轮次", "轮次（次）"))
    (held,) = desk.drop("02", lines(100), HEADER.replace("轮次", "轮次（万件）"))
    (found,) = desk.open()
    assert (held.status, found.kind, found.message) == ("held", "type_changed", "列“轮次”的单位由次变为万件")
    desk.replay(inbox.accept(desk.control, desk.home, found.drift_id, by="王芳", connector=desk.connector))
    (taken,) = desk.drop("03", lines(200))
    assert (taken.status, [i.message for i in desk.open()]) == ("committed", ["列“轮次”的单位由万件变为没有写"])


def test_fewer_rows_empty_and_missing_are_three_findings(ledger: Desk) -> None:
    for month in range(1, 4):
        ledger.drop(f"0{month}", lines(1, 30 + month))
    assert len(ledger.rows()) == 33
    (few,) = ledger.drop("04", lines(1, 20))
    assert few.status == "held"
    (dropped,) = ledger.open()
    assert dropped.kind == "rows_dropped"
    (none,) = ledger.drop("05", [])
    assert none.status == "held"
    assert {i.kind for i in ledger.open()} == {"rows_dropped", "empty"}
    assert len(ledger.rows()) == 33  # nothing good was closed
    assert inbox.missing(ledger.control, [ledger.connector]) == 0
    ledger.control.execute("UPDATE hub.batch SET extracted_at = now() - interval '90 days'")
    ledger.control.execute("UPDATE hub.source_layout SET delivered_at = now() - interval '90 days'")
    assert inbox.missing(ledger.control, [ledger.connector]) == 1
    assert {i.kind for i in ledger.open()} == {"rows_dropped", "empty", "missing"}
    silent = next(i.drift_id for i in ledger.open() if i.kind == "missing")
    with pytest.raises(ConfigError, match="没有什么可拒收的"):
        inbox.reject(ledger.control, silent, by="王芳", reason="没报")
    inbox.accept(ledger.control, ledger.home, silent, by="王芳", connector=ledger.connector, reason="放假")
    assert inbox.missing(ledger.control, [ledger.connector]) == 0  # somebody knows
    ledger.control.execute("UPDATE hub.drift SET decided_at = now() - interval '91 days' WHERE kind = 'missing'")
    assert inbox.missing(ledger.control, [ledger.connector]) == 1  # it has reported since, and is silent anew
    done = inbox.accept(
        ledger.control, ledger.home, dropped.drift_id, by="王芳", connector=ledger.connector, reason="属实"
    )
    (let_in,) = ledger.replay(done)
    assert (let_in.status, let_in.closed_rows) == ("committed", 13)
    ledger.drop("06", lines(1, 33))
    assert "missing" not in {i.kind for i in ledger.open()}


def test_a_whole_that_shrinks_at_its_second_coming_is_held(ledger: Desk) -> None:
    ledger.drop("01", lines(1, 30))
    (few,) = ledger.drop("02", lines(1, 5))
    assert (few.status, len(ledger.rows())) == ("held", 30)


def test_what_is_in_already_is_not_rejected(desk: Desk) -> None:
    """A file of new rows with fewer than usual is let in with a reminder: refusing it then would take nothing back."""
    for n in range(3):
        desk.drop(f"0{n}", lines(1 + 30 * n))
    (few,) = desk.drop("09", lines(500, 10))
    assert few.status == "committed"
    (found,) = desk.open()
    assert (found.kind, found.holds) == ("rows_dropped", False)
    with pytest.raises(ConfigError, match="已经入库，拒收不了"):
        inbox.reject(desk.control, found.drift_id, by="王芳", reason="少了")
    assert inbox.item(desk.control, found.drift_id).state == "open"
    inbox.accept(desk.control, desk.home, found.drift_id, by="王芳", connector=desk.connector)
    assert desk.open() == []


def test_a_held_ledger_let_in_late_does_not_overwrite_newer_good_data(ledger: Desk) -> None:
    ledger.drop("01", lines(1))
    ledger.drop("02", lines(1, 25), HEADER.replace("方式", "途径甲"))
    (newer,) = ledger.drop("03", lines(1, 31, "短信"))
    assert newer.status == "committed"
    before = ledger.rows()
    (found,) = ledger.open()
    done = inbox.map_(
        ledger.control, ledger.home, found.drift_id, by="王芳", connector=ledger.connector, column="途径甲"
    )
    assert len(done.replay) == 2
    ledger.replay(done)
    assert ledger.rows() == before


def test_a_table_that_changed_is_held_too(polled: Polled, control: Control, table: psycopg.Connection[Any]) -> None:
    assert polled.load()[0].new_rows == 40
    table.execute("ALTER TABLE hf RENAME fs TO method_of_call")
    table.execute("INSERT INTO hf VALUES ('CB41', 'GD41', 1, '2026-03-02', '短信', '2026-03-02')")
    assert [r.status for r in polled.load()] == ["held"]
    assert [r.status for r in polled.load()] == ["held"]  # asked again, still one finding
    (found,) = inbox.items(control)
    assert (found.kind, found.subject) == ("column_renamed", "fs")
    polled.decide(inbox.map_, column="method_of_call")
    assert polled.load()[0].status in {"committed", "skipped"}
    rows = control.execute("SELECT method FROM record.hotline_callback WHERE callback_id = 'CB41'").fetchall()
    assert len(rows) == 1
    assert rows[0]["method"] is not None
    # A column more is seen at the very next read, not an hour later.
    table.execute("ALTER TABLE hf ADD COLUMN xz text")
    table.execute("INSERT INTO hf VALUES ('CB42', 'GD42', 1, '2026-03-03', '短信', '2026-03-03', '城东')")
    assert [r.status for r in polled.load()] == ["held"]
    (found,) = inbox.items(control)
    assert (found.kind, found.subject) == ("column_added", "xz")
    polled.decide()
    table.execute("INSERT INTO hf VALUES ('CB43', 'GD43', 1, '2026-03-04', '短信', '2026-03-04', '城东')")
    assert [r.status for r in polled.load()] == ["committed"]
    taken = "SELECT callback_id FROM record.hotline_callback WHERE callback_id IN ('CB42', 'CB43')"
    assert len(control.execute(taken).fetchall()) == 2
    told = control.execute("SELECT asked_at, answered_at, problem FROM hub.source_layout").fetchone()
    assert told is not None
    assert told["problem"] is None
    assert told["answered_at"] > datetime.now(UTC) - timedelta(minutes=5)


def test_an_increment_of_known_rows_alone_is_held_too(
    polled: Polled, control: Control, table: psycopg.Connection[Any]
) -> None:
    """Rows that are only read again move no bookmark; what is wrong with them is told all the same, and what is decided counts."""
    polled.load()
    table.execute("UPDATE hf SET fs = '飞鸽' WHERE id <> 'CB1'")
    assert [r.status for r in polled.load()] == ["held"]
    (changed,) = polled.decide(inbox.map_, code="人工")
    assert (changed.status, changed.changed_rows) == ("committed", 39)
    assert [r.status for r in polled.load()] == ["skipped"]
    table.execute("ALTER TABLE hf ADD COLUMN xz text")
    assert [r.status for r in polled.load()] == ["held"]
    table.execute("ALTER TABLE hf DROP COLUMN xz")
    assert [r.status for r in polled.load()] == ["committed"]  # it came right by itself
    assert not inbox.items(control)
    table.execute("ALTER TABLE hf ADD COLUMN xz text")
    polled.load()
    assert [r.status for r in polled.decide()] == ["committed"]
    assert [r.status for r in polled.load()] == ["skipped"]  # the new column is known now
    assert not control.execute("SELECT 1 FROM hub.batch WHERE status = 'held'").fetchall()


def test_the_same_file_sent_again_is_a_receipt(desk: Desk) -> None:
    (first,) = desk.drop("01", lines(1))
    assert desk.load() == []  # it has lain there since: nobody sent anything
    time.sleep(0.05)
    sent = desk.folder / "01.csv"
    sent.chmod(0o640)
    assert desk.load() == []  # new rights are no delivery
    (again,) = desk.drop("01", lines(1))  # the same bytes, written once more
    assert (again.status, again.delivery, again.touched) == ("skipped", first.delivery, False)
    assert [f["code"] for f in again.findings] == ["same_file"]
    assert desk.load() == []
    time.sleep(0.05)
    (renamed,) = desk.drop("01 again", lines(1))
    assert renamed.status == "skipped"
    time.sleep(0.05)
    (desk.folder / "01 again.csv").unlink()
    shutil.copy2(sent, desk.folder / "01 copied.csv")  # with the time it was written at
    assert [r.status for r in desk.load()] == ["skipped"]
    desk.drop("02", lines(31))
    time.sleep(0.05)
    assert desk.drop("01", lines(1)) == []  # an older file put back is no report
    told = desk.control.execute(
        "SELECT status, received_on IS NOT NULL AS received FROM shared.batch ORDER BY batch_id"
    ).fetchall()
    assert [tuple(row.values()) for row in told] == [
        ("committed", True), *[("skipped", True)] * 3, ("committed", True),
    ]  # fmt: skip


def test_a_new_field_of_an_interface_is_held(home: Home, control: Control) -> None:
    """All fields are learnt at the first read, in use or not; one that is left out and comes back is not new."""
    with serving() as site:
        site.records = [
            {"id": f"CB{n}", "gd": f"GD{n}", "lc": 1, "sj": "2026-03-01 09:00:00", "区": {"镇": "东镇"}, **({"注": "x"} if n % 2 else {})}
            for n in range(1, 31)
        ]  # fmt: skip
        document = {
            "title": "回访接口", "dataset": "hotline_callback", "source": {"driver": "http", "url": site.url, "records": "data.list"},
            "load": {"mode": "full"}, "fields": {"callback_id": "id", "ticket_no": "gd", "round": "lc", "called_at": "sj"},
        }  # fmt: skip
        number = registry.save(control, "hotline_office/jk", document, by="王芳").registration_id
        registry.submit(control, number, by="王芳")
        registry.approve(control, number, by="李强")

        def load(**how: Any) -> list[BatchResult]:
            report = go([registry.load(home).get("hotline_office/jk")], home, **how)
            assert not report.failures, report.failures
            return report.results

        def decide(number: int, decision: Any = inbox.accept, **to: str) -> list[BatchResult]:
            connector = registry.load(home).get("hotline_office/jk")
            done = decision(control, home, number, by="王芳", connector=connector, **to)
            return load(from_landing=True, batches=set(done.replay))

        assert load()[0].new_rows == 30
        for record in site.records:
            record.pop("注", None)
        assert load()[0].status == "committed"
        for record in site.records:
            record["注"] = "又有了"
        assert load()[0].status == "committed"
        site.records[-1]["区"]["村"] = "东村"  # one record of thirty, and within another field
        site.records[0]["lc"] = 2
        assert [r.status for r in load()] == ["held"]
        assert [r.status for r in load()] == ["held"]
        (found,) = inbox.items(control)
        assert (found.kind, found.subject) == ("column_added", "区.村")
        marks = {row["column"]: row["mark"] for row in inbox.difference(control, home, found)}
        assert [name for name, mark in marks.items() if mark != "same"] == ["区.村"]
        assert marks["区.村"] == "new"
        kept = "SELECT round FROM record.hotline_callback WHERE callback_id = 'CB1'"
        assert [row["round"] for row in control.execute(kept).fetchall()] == [1]
        assert [r.status for r in decide(found.drift_id)] == ["committed"]
        assert [row["round"] for row in control.execute(kept).fetchall()] == [2]
        assert [r.status for r in load()] == ["committed"]
        assert not inbox.items(control)
        for record in site.records:
            record["方式"] = "电话"
        load()
        (found,) = inbox.items(control)
        decide(found.drift_id, inbox.map_, field="method")
        assert load()[0].changed_rows == 30
        methods = control.execute("SELECT DISTINCT method FROM record.hotline_callback").fetchall()
        assert len(methods) == 1
        assert methods[0]["method"] is not None
