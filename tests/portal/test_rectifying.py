"""Reports about problems: a clerk of the lead department reports, another person says what becomes of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

import httpx2
import psycopg
import pytest
from playwright.sync_api import Page, expect

from portal import notices, watch
from portal.site import Site
from tests.portal import county
from warehouse import history

Signed = Callable[[str], httpx2.Client]
PLACE = "/boards/rectification/ZG2026003"
PDF = ("验收意见.pdf", b"%PDF-1.4 x", "application/pdf")


def test_progress_and_closure_are_reported_with_papers_and_reviewed_by_another(signed_in: Signed, site: Site) -> None:
    clerk, other, leader = signed_in("taxclerk"), signed_in("clerk"), signed_in("leader")

    def report(client: httpx2.Client, paper: tuple[str, bytes, str] | None = None, **given: str) -> httpx2.Response:
        data = {"_csrf": client.csrf, "kind": "progress", "pct": "80", "content": "已完成自查"} | given  # type: ignore[attr-defined]
        return client.post(f"{PLACE}/reports", data=data, files={"file": paper} if paper else {})

    assert report(other).status_code == 404  # the hotline office does not lead this problem
    assert report(leader).status_code == 403
    assert report(clerk, pct="101").status_code == 422
    assert report(clerk).status_code == 303
    assert "上一份还没有审核" in report(clerk).text
    assert "没有附佐证材料" in report(clerk, kind="closure").text
    assert "不是它的扩展名所说的文件" in report(clerk, ("a.docx", b"MZ", "x"), kind="closure").text
    assert report(clerk, PDF, kind="closure").status_code == 303
    with site.database.owner() as connection:
        first, second = (
            r["report_id"] for r in connection.execute("SELECT report_id FROM hub.rectification_report ORDER BY 1")
        )
        paper = connection.execute(
            "SELECT attachment_id FROM hub.attachment WHERE subject = %s", [f"rectification:{second}"]
        ).fetchone()
    answer = {"_csrf": leader.csrf, "verdict": "returned", "answer": ""}  # type: ignore[attr-defined]
    assert "退回没有写理由" in leader.post(f"{PLACE}/reports/{first}", data=answer).text
    assert leader.post(f"{PLACE}/reports/{first}", data=answer | {"answer": "缺验收"}).status_code == 303
    assert leader.post(f"{PLACE}/reports/{second}", data=answer | {"verdict": "accepted"}).status_code == 303
    review = {"_csrf": clerk.csrf, "verdict": "accepted"}  # type: ignore[attr-defined]
    assert clerk.post(f"{PLACE}/reports/{second}", data=review).status_code == 404
    page = clerk.get(PLACE).text
    assert "缺验收" in page
    assert "已同意" in page
    file = f"{PLACE}/reports/{second}/papers/{paper['attachment_id']}"  # type: ignore[index]
    assert leader.get(file).content == PDF[1]
    assert "attachment" in leader.get(file).headers["content-disposition"]
    assert other.get(file).status_code == 404
    assert leader.get(f"{PLACE}/reports/{first}/papers/{paper['attachment_id']}").status_code == 404  # type: ignore[index]


def _said(site: Site, name: str) -> set[str]:
    """Titles of a person's messages about reports."""
    with site.database.owner() as connection:
        found = connection.execute(
            "SELECT n.title FROM hub.notice n JOIN hub.notice_receipt r USING (notice_id) JOIN hub.account a ON a.account_id = r.account_id WHERE a.name = %s "
            "AND n.kind IN ('rectification_report', 'decided')", [name],
        ).fetchall()  # fmt: skip
    return {row["title"] for row in found}


def _tell(site: Site) -> None:
    """What the minute's look at reports does; the others' clocks are not this test's."""
    with site.database.owner() as connection:
        notices.put_all(connection, list(watch.reports(connection, site)))


def _line(site: Site, number: str) -> dict[str, object]:
    with site.database.owner() as connection:
        return connection.execute(
            "SELECT light, status, progress_pct, is_closed, is_on_time, stopped_on, closed_at FROM board.rectification_ledger WHERE problem_no = %s", [number]
        ).fetchone()  # type: ignore[return-value]  # fmt: skip


def test_accepted_reports_move_the_lights_until_the_ledger_itself_moves(
    signed_in: Signed, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Progress counts, closure turns a red light grey; who, when and what papers stay; the ledger has the last word."""
    monkeypatch.setattr(type(site.home), "today", lambda self: county.DAY)
    number, place = "ZG2026009", "/boards/rectification/ZG2026009"
    clerk, leader = signed_in("taxclerk"), signed_in("leader")
    before = _line(site, number)
    assert (before["light"], before["progress_pct"]) == ("red", 60)

    def report(kind: str, pct: str) -> int:
        data = {"_csrf": clerk.csrf, "kind": kind, "pct": pct, "content": "已完成自查"}  # type: ignore[attr-defined]
        assert clerk.post(f"{place}/reports", data=data, files={"file": PDF}).status_code == 303
        _tell(site)
        with site.database.owner() as connection:
            found = connection.execute("SELECT max(report_id) AS n FROM hub.rectification_report").fetchone()
        return int(found["n"])  # type: ignore[index]

    def answer(made: int, verdict: str) -> None:
        data = {"_csrf": leader.csrf, "verdict": verdict, "answer": "缺验收意见"}  # type: ignore[attr-defined]
        assert leader.post(f"{place}/reports/{made}", data=data).status_code == 303
        _tell(site)

    first = report("progress", "90")
    assert f"{number} 的整改进展等待审核" in _said(site, "lingdao")
    assert _line(site, number) == before  # nobody has accepted it yet
    answer(first, "returned")
    assert f"{number} 的整改进展被退回，理由在问题页" in _said(site, "shuiwu")
    assert f"{number} 的整改进展被退回，理由在问题页" not in _said(site, "lingdao")
    assert _line(site, number) == before

    second = report("progress", "95")
    answer(second, "accepted")
    assert f"{number} 的整改进展已同意" in _said(site, "shuiwu")
    assert _line(site, number)["progress_pct"] == 95
    begun = datetime.now(UTC)
    third = report("closure", "")
    assert f"{number} 的销号申请等待审核" in _said(site, "lingdao")
    waiting = _line(site, number)  # its clock stands from that day
    assert (waiting["light"], waiting["status"], waiting["stopped_on"]) == ("green", "closure_applied", county.DAY)
    answer(third, "accepted")
    closed = _line(site, number)
    assert (closed["light"], closed["status"], closed["is_on_time"], closed["stopped_on"]) == (
        "grey",
        "closed",
        True,
        county.DAY,
    )
    assert "已销号" in leader.get(place).text

    with site.database.owner() as connection:
        kept = connection.execute("SELECT * FROM shared.rectification_report WHERE report_id = %s", [third]).fetchone()
    assert kept is not None
    assert (kept["reporter"], kept["reviewer"], kept["answered_on"]) == ("shuiwu同志", "lingdao同志", county.DAY)
    assert kept["evidence"] == f"验收意见.pdf sha256:{hashlib.sha256(PDF[1]).hexdigest()}"
    with psycopg.connect(site.home.database_url) as connection:
        known = {
            at: connection.execute(
                f"SELECT count(*) FROM ({history.relation(connection, 'rectification_report', at)}) r WHERE report_id = {third}"
            ).fetchone()
            for at in (begun, datetime.now(UTC))
        }
    assert list(known.values()) == [(0,), (1,)]
    for change in (
        "UPDATE hub.rectification_report SET progress_pct = 1 WHERE report_id = %s",
        "DELETE FROM hub.rectification_report WHERE report_id = %s",
    ):
        with pytest.raises(psycopg.errors.RaiseException, match="stays"), site.database.owner() as connection:
            connection.execute(change, [third])

    with site.database.owner() as connection:  # the ledger says it came back
        connection.execute("UPDATE record.rectification_problem SET status = 'reopened', progress_pct = 30 WHERE problem_no = %s", [number])  # fmt: skip
    site.settle({"rectification_problem"})
    moved = _line(site, number)
    assert (moved["status"], moved["progress_pct"], moved["is_closed"]) == ("reopened", 30, False)
    with site.database.owner() as connection:
        connection.execute("UPDATE record.rectification_problem SET status = 'rectifying', progress_pct = 60 WHERE problem_no = %s", [number])  # fmt: skip
        connection.execute("ALTER TABLE hub.rectification_report DISABLE TRIGGER answered_stays")
        connection.execute("DELETE FROM hub.rectification_report WHERE problem_no = %s", [number])
        connection.execute("ALTER TABLE hub.rectification_report ENABLE TRIGGER answered_stays")
    site.settle({"rectification_problem"})
    assert _line(site, number) == before


def test_a_closed_problem_that_came_back_is_reopened_by_two_people(
    signed_in: Signed, window: Callable[..., Page], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The office proposes on the problem's page, a leader agrees there; the board counts it open, the lead department is told."""
    monkeypatch.setattr(type(site.home), "today", lambda self: county.DAY)
    number, place = "ZG2026004", "/boards/rectification/ZG2026004"
    before = _line(site, number)
    assert before["is_closed"]
    office, clerk = signed_in("office"), signed_in("taxclerk")
    wanted = {"_csrf": office.csrf, "pct": "30", "content": "回头看又有 3 件超时", "due": "2026-10-30"}  # type: ignore[attr-defined]
    assert clerk.post(f"{place}/reopen", data=wanted | {"_csrf": clerk.csrf}).status_code == 404  # type: ignore[attr-defined]
    for wrong, told in (
        ({"due": "2026-09-30"}, "不在今天（2026-09-30）以后"),
        ({"due": "下月底"}, "不是日期"),
        ({"pct": "100"}, "不是 0 到 99 的整数"),
        ({"content": ""}, "没有写反弹的情况"),
    ):
        answer = office.post(f"{place}/reopen", data=wanted | wrong)
        assert (answer.status_code, told in answer.text) == (422, True), told
    assert "没有销号" in office.post("/boards/rectification/ZG2026003/reopen", data=wanted).text

    page = window("office")
    page.goto(place)
    page.get_by_text("又反弹了，提出重新整改").click()
    page.get_by_label("重新定的时限").fill("2026-10-30")
    page.get_by_label("现在的进度（%）").fill("30")
    page.get_by_label("反弹的情况").fill("回头看又有 3 件超时")
    page.get_by_role("button", name="提出重开").click()
    expect(page.get_by_text("反弹重开已报出，等另一人审核")).to_be_visible()
    expect(page.get_by_text("重新定的时限 2026-10-30")).to_be_visible()
    expect(page.get_by_role("button", name="同意")).to_have_count(0)  # not by whoever asked
    assert _line(site, number) == before
    with site.database.owner() as connection:
        found = connection.execute("SELECT max(report_id) AS n FROM hub.rectification_report").fetchone()
    own = {"_csrf": office.csrf, "verdict": "accepted"}  # type: ignore[attr-defined]
    assert "是你自己报的" in office.post(f"{place}/reports/{found['n']}", data=own).text  # type: ignore[index]

    page = window("leader")
    page.goto(place)
    page.get_by_role("button", name="同意").click()
    expect(page.get_by_text("已同意，看板已更新")).to_be_visible()
    expect(page.get_by_text("反弹 1 次")).to_be_visible()
    now = _line(site, number)
    assert (now["status"], now["is_closed"], now["progress_pct"], now["closed_at"]) == ("reopened", False, 30, None)
    page.goto("/boards/rows/rectification_ledger?is_closed=false")
    expect(page.get_by_role("link", name=number)).to_be_visible()
    page.goto("/boards/rectification")
    expect(page.locator("#back")).to_contain_text("第 4 个整改问题")
    with site.database.owner() as connection:
        told = list(watch.reports(connection, site))
        kept = connection.execute(
            "SELECT entry::jsonb #>> '{detail,did}' AS did FROM hub.audit WHERE action = 'rectify' AND entry::jsonb ->> 'object' = %s ORDER BY audit_id", [number]
        ).fetchall()  # fmt: skip
    (event,) = (e for e in told if e.kind == "reopened")
    assert (event.department, event.title) == ("housing", f"{number} 反弹，重新整改，2026-10-30 前完成")
    assert [row["did"] for row in kept] == ["reopen", "accepted"]

    with site.database.owner() as connection:
        connection.execute("ALTER TABLE hub.rectification_report DISABLE TRIGGER answered_stays")
        connection.execute("DELETE FROM hub.rectification_report WHERE problem_no = %s", [number])
        connection.execute("ALTER TABLE hub.rectification_report ENABLE TRIGGER answered_stays")
    site.settle(set())
    assert _line(site, number) == before
