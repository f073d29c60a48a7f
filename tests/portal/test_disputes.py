"""Whose value is right: objections, conflicts and cases of identity in the same inbox; proposals to the standards."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable

import httpx2
import pytest
from playwright.sync_api import Page, expect

from portal import mending, watch
from portal.pages import disputes
from portal.site import Site
from schemas.contract import contract
from tests.portal.test_boards import axe
from warehouse import objection

Window = Callable[..., Page]
Signed = Callable[[str], httpx2.Client]


@pytest.fixture
def conflict(site: Site) -> int:
    """A disagreement with a value the hotline office owns, about an enterprise."""
    site.settle({"enterprise"})
    with site.database.owner() as connection:
        source = connection.execute("SELECT source_id FROM hub.source LIMIT 1").fetchone()["source_id"]  # type: ignore[index]
        number = connection.execute(
            "INSERT INTO hub.conflict (enterprise_id, field_group, owner, source_id, batch_id, stands, said, former, due_on, provisional, rule_id, legal_basis) "
            "VALUES (%s, 'identity', 'hotline_office', %s, 1, %s, %s, false, '2030-01-04', false, 'sharing.correction', '第二十六条') RETURNING conflict_id",
            [uuid.uuid4(), source, json.dumps({"name": "鑫源商贸有限公司"}), json.dumps({"name": "鑫原商贸有限公司"})],
        ).fetchone()["conflict_id"]  # type: ignore[index]
    return int(number)


def test_objection_goes_to_its_provider_and_is_answered_by_another_person(
    window: Window, signed_in: Signed, site: Site
) -> None:
    analyst = window("analyst", expected="422")
    analyst.goto("/objections?dataset=hotline_callback&record_key=CB1")
    assert axe(analyst) == []
    analyst.get_by_label("哪个字段").select_option(label=contract("hotline_callback").fields["solved"].title)
    analyst.get_by_label("哪里不对").fill("录音里说没有解决")
    analyst.get_by_role("button", name="送提供单位核实").click()
    expect(analyst.locator(".say.good")).to_contain_text("十个工作日")
    assert axe(analyst) == []
    number = int(analyst.url.rsplit("/", 1)[1])
    with site.database.owner() as connection:
        (kept,) = objection.objections(
            connection, mending.today(), number=number
        )  # the county's day, not the machine's
    assert (kept["provider"], kept["used_pct"], kept["rule_id"]) == ("hotline_office", 0, "sharing.correction")
    assert 9 <= kept["days_left"] <= 11
    assert signed_in("taxclerk").get(f"/objections/{number}").status_code == 404
    stranger = signed_in("taxclerk")
    assert stranger.post(f"/objections/{number}/answer", data={"_csrf": stranger.csrf}).status_code == 404  # type: ignore[attr-defined]
    clerk = window("clerk", expected="422")
    clerk.goto("/inbox")
    clerk.locator("tr", has_text="数据异议").get_by_role("link").first.click()
    assert axe(clerk) == []
    clerk.get_by_role("radio", name="已更正").check()
    clerk.get_by_label("核了什么").fill("重听录音，已在源系统改为未解决")
    clerk.get_by_role("button", name="答复").click()
    expect(clerk.locator(".say.good")).to_contain_text("已答复")
    analyst.goto(f"/objections/{number}")
    expect(analyst.locator("main")).to_contain_text("重听录音")
    # Whoever raises one does not answer it, through the page or past it.
    own = signed_in("clerk")
    data = {"_csrf": own.csrf, "dataset": "hotline_callback", "record_key": "CB2", "said": "重了", "kind": "duplicate"}  # type: ignore[attr-defined]
    place = own.post("/objections", data=data).headers["location"]
    answer = own.post(f"{place}/answer", data={"_csrf": own.csrf, "result": "kept", "answer": "没有重"})  # type: ignore[attr-defined]
    assert answer.status_code == 422
    assert "自己提的" in answer.text
    for wrong in ({"dataset": ""}, {"record_key": " "}, {"kind": "x"}, {"field": "nosuch"}):
        assert own.post("/objections", data=data | wrong).status_code == 422, wrong


def test_codes_of_the_register_are_said_by_their_names() -> None:
    said = {"entity_kind": "company", "name": "company", "status": None, "nosuch": "x"}
    assert [disputes.valued(f, v) for f, v in said.items()] == ["企业", "company", None, "x"]


def test_conflict_is_settled_by_the_owner_with_reason_and_evidence(
    window: Window, signed_in: Signed, conflict: int, site: Site
) -> None:
    clerk = window("clerk", expected="422")
    clerk.goto("/inbox")
    clerk.locator(f"a[href='/conflicts/{conflict}']").click()
    assert axe(clerk) == []
    assert signed_in("taxclerk").get(f"/conflicts/{conflict}").status_code == 404
    assert f"/conflicts/{conflict}" not in signed_in("taxclerk").get("/conflicts").text
    other = signed_in("clerk")
    data = {"_csrf": other.csrf, "verdict": "kept", "reason": "登记档案为准", "evidence": ""}  # type: ignore[attr-defined]
    assert "没有写依据" in other.post(f"/conflicts/{conflict}/decide", data=data).text
    clerk.get_by_role("radio", name="都不对").check()
    clerk.locator("input[name='value:name']").fill("鑫源商贸有限责任公司")
    clerk.get_by_label("理由").fill("现场核实")
    clerk.get_by_label("依据").fill("核查单 12")
    clerk.get_by_role("button", name="裁定").click()
    expect(clerk.locator(".say.good")).to_contain_text("已裁定")
    with site.database.owner() as connection:
        kept = connection.execute(
            "SELECT chosen, by_whom FROM hub.verdict WHERE conflict_id = %s", [conflict]
        ).fetchone()
    assert kept == {"chosen": {"name": "鑫源商贸有限责任公司"}, "by_whom": "wang_fang"}
    clerk.goto("/conflicts?closed=1")
    assert axe(clerk) == []


def test_case_of_identity_is_decided_with_a_reason(window: Window, site: Site) -> None:
    with site.database.owner() as connection:
        number = connection.execute(
            "INSERT INTO hub.identity_case (kind, subject, ids, names) VALUES ('same_name_other_code', '鑫源商贸', '{}', '{鑫源商贸有限公司}') RETURNING case_id AS n"
        ).fetchone()["n"]  # type: ignore[index]
    page = window("engineer")
    page.goto("/identity")
    assert axe(page) == []
    line = page.locator("tr", has_text="鑫源商贸")
    line.get_by_label(f"疑点 {number} 的理由").fill("查登记档案，两家企业")
    line.get_by_role("button", name="不是一家").click()
    expect(page.locator(".say.good")).to_contain_text("已定")
    expect(page.locator("main")).to_contain_text("没有待定的疑点")


def test_standards_are_found_by_any_word_and_proposals_answered(window: Window, signed_in: Signed) -> None:
    page = window("analyst")
    page.goto("/standards?q=信用代码")
    assert axe(page) == []
    expect(page.locator("tbody")).to_contain_text("enterprise_code")
    page.goto("/standards?tab=codes&q=半年报装")
    expect(page.locator(".empty")).to_contain_text("没有这样的代码表")
    page.get_by_role("link", name="没有？提个建议").click()
    expect(page.get_by_label("哪个字段或代码表")).to_have_value("半年报装")
    page.get_by_label("内容").fill("报装方式加一个代码")
    page.get_by_role("button", name="提交建议").click()
    expect(page.locator(".say.good")).to_contain_text("建议已提交")
    engineer = window("engineer")
    engineer.goto("/standards?tab=proposals")
    assert axe(engineer) == []
    line = engineer.locator("tr", has_text="半年报装")
    line.get_by_role("textbox").fill("随下一版发布")
    line.get_by_role("button", name="采纳", exact=True).click()
    expect(engineer.locator("tr", has_text="半年报装")).to_contain_text("随下一版发布")
    leader = signed_in("leader")
    assert leader.get("/standards").status_code == 200
    assert leader.post("/standards/proposals", data={"_csrf": leader.csrf}).status_code == 403  # type: ignore[attr-defined]


def test_conflicts_are_told_of_and_reminded_of_by_their_clock(conflict: int, site: Site) -> None:
    with site.database.owner() as connection:
        connection.execute(
            "UPDATE hub.conflict SET opened_at = clock_timestamp() - interval '60 days', due_on = CURRENT_DATE - 40 WHERE conflict_id = %s",
            [conflict],
        )
        told = {event.cause: event for event in watch.disputes(connection, site)}
    assert told[f"conflict:{conflict}"].department == "hotline_office"
    late = told[f"conflict:{conflict}:late"]
    assert (late.kind, late.link) == ("dispute_overdue", f"/conflicts/{conflict}")
    assert "已超期" in late.title
