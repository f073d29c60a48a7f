"""Figures given out in the portal: asked for on a view's page, approved or sent back by another person, proved afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx2
from playwright.sync_api import Page, expect

from portal import watch
from portal.site import Site
from tests.portal.test_boards import axe
from views import publication

Window = Callable[..., Page]
Signed = Callable[[str], httpx2.Client]
VIEW = "/boards/rows/rectification_overview"


def _ask(window: Window, who: str) -> int:
    page = window(who)
    page.goto(VIEW)
    page.get_by_text("提出发布", exact=True).click()
    page.get_by_label("用途").fill("县长办公会材料")
    page.get_by_role("button", name="提出，等另一人批准").click()
    told = page.locator(".say.good").text_content() or ""
    assert axe(page) == []
    return int(re.search(r"发布 (\d+) 已提出", told)[1])  # type: ignore[index]


def test_figures_are_given_out_by_two_people_in_the_portal(window: Window, signed_in: Signed, site: Site) -> None:
    number = _ask(window, "analyst")
    place = f"/reviews/publications/{number}"
    analyst, clerk = signed_in("analyst"), signed_in("clerk")
    assert "要由另一个人批准" in analyst.get(place).text
    assert analyst.get(f"{place}.csv").status_code == 409
    mine = {"_csrf": analyst.csrf, "verdict": "approved"}  # type: ignore[attr-defined]
    assert analyst.post(f"{place}/decide", data=mine).status_code == 403
    assert clerk.get("/reviews").status_code == 403
    assert clerk.post(f"{VIEW}/publish", data={"_csrf": clerk.csrf}).status_code == 403  # type: ignore[attr-defined]
    assert analyst.post("/boards/rows/nothing/publish", data={"_csrf": analyst.csrf}).status_code == 404  # type: ignore[attr-defined]
    with site.database.owner() as connection:
        told = [e for e in watch.publications(connection, site) if e.cause == f"publication:{number}"]
    assert [(e.kind, e.link) for e in told] == [("publication", place)]

    page = window("leader", expected="422")
    page.goto("/reviews")
    assert axe(page) == []
    expect(page.get_by_text("待审批的登记")).to_have_count(0)  # not theirs
    page.get_by_role("row", name=re.compile(f"^{number} ")).get_by_role("link").click()
    assert axe(page) == []
    expect(page.get_by_role("row", name=re.compile("^合计"))).to_be_visible()
    page.get_by_role("button", name="退回").click()
    expect(page.get_by_role("alert")).to_contain_text("退回没有写理由")
    page.get_by_role("button", name="批准", exact=True).click()
    expect(page.locator(".say.good")).to_contain_text(f"发布 {number} 已批准")
    with site.database.alone() as connection:
        found = publication.get(connection, number)
        assert (found["state"], found["proposed_by"], found["decided_by"], found["note"]) == (
            "approved",
            "fenxi",
            "lingdao",
            "县长办公会材料",
        )
        assert publication.prove(connection, number).same
        given = [row for _, row in publication.rows(connection, number)]
    page.goto(place)
    with page.expect_download() as saved:
        page.get_by_role("link", name="CSV").click()
    assert saved.value.suggested_filename.endswith(f"_发布{number}.csv")
    assert len(saved.value.path().read_text(encoding="utf-8-sig").splitlines()) == len(given) + 1
    assert analyst.get(f"{place}.xlsx").content[:2] == b"PK"
    assert clerk.get(f"{place}.xlsx").status_code == 403
    assert analyst.get("/reviews/publications/999999.xlsx").status_code == 404
    with site.database.owner() as connection:
        kept = connection.execute(
            "SELECT entry::jsonb ->> 'actor' AS who, coalesce(entry::jsonb #>> '{detail,did}', entry::jsonb #>> '{detail,verdict}') AS did "
            "FROM hub.audit WHERE action = 'publication' AND entry::jsonb #>> '{detail,number}' = %s ORDER BY audit_id",
            [str(number)],
        ).fetchall()
    assert [(row["who"], row["did"]) for row in kept] == [("fenxi", "propose"), ("lingdao", "approved")]


def test_nobody_gives_out_what_they_asked_for_under_either_of_their_names(
    window: Window, signed_in: Signed, site: Site
) -> None:
    number = _ask(window, "leader")
    with site.database.alone() as connection:  # at the console one writes one's name
        at_console = publication.propose(
            connection, "rectification_overview", publication.get(connection, number)["as_of"], by="lingdao同志"
        )
    leader = signed_in("leader")
    form = {"_csrf": leader.csrf, "verdict": "approved"}  # type: ignore[attr-defined]
    for own in (number, at_console):
        answer = leader.post(f"/reviews/publications/{own}/decide", data=form)
        assert (answer.status_code, "是你自己提出的" in answer.text) == (422, True)
    engineer = signed_in("engineer")
    form = {"_csrf": engineer.csrf, "verdict": "rejected", "reason": "口径要先改"}  # type: ignore[attr-defined]
    assert "批准发布" in engineer.get("/inbox").text
    for one in (number, at_console):
        assert engineer.post(f"/reviews/publications/{one}/decide", data=form).status_code == 303
    page = leader.get("/reviews").text
    assert "口径要先改" in page
    assert engineer.post(f"/reviews/publications/{number}/decide", data=form).status_code == 422  # once
    assert leader.get("/reviews/publications/999999").status_code == 404
