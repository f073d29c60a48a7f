"""What leaders look at across the boards: report cards, causes, task books, examples good and bad; charts without a browser."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable
from datetime import date

import httpx2
import psycopg
import pytest
from playwright.sync_api import Page, expect

from portal import charts, drawing, exposure
from portal.site import Site
from tests.portal.conftest import PEOPLE
from tests.portal.county import BUSINESS, HOUSING, TAX

Window = Callable[..., Page]
Signed = Callable[[str], httpx2.Client]


def _dark_share(png: bytes, left: int, top: int, right: int, bottom: int) -> float:
    """Share of dark pixels in a box of an 8-bit RGBA picture without interlacing."""
    width, _, depth, colour = struct.unpack(">IIBB", png[16:26])
    assert (depth, colour) == (8, 6)
    packed, at = b"", 8
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        packed += png[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    raw, rows, before = zlib.decompress(packed), [], bytearray(width * 4)
    for y in range(bottom):
        start = y * (width * 4 + 1)
        how, line = raw[start], bytearray(raw[start + 1 : start + 1 + width * 4])
        for i in range(width * 4):
            a, b, c = (line[i - 4] if i > 3 else 0), before[i], (before[i - 4] if i > 3 else 0)
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            line[i] = (line[i] + (0, a, b, (a + b) // 2, paeth)[how]) & 255
        before = line
        rows.append(bytes(line))
    box = [rows[y][4 * x] for y in range(top, bottom) for x in range(left, right)]
    return sum(v < 128 for v in box) / len(box)


def test_chart_is_drawn_without_a_browser_words_and_all() -> None:
    chart = charts.bars(
        ["开办企业", "纳税"], [85.07, 69.97], unit="分", says="x", line=(70, "70 分线"), bad=[False, True]
    )
    text = drawing.svg(chart.option, 400, 200)
    assert text.startswith("<svg")
    assert "开办企业" in text
    assert "69.97" in text
    assert charts.RED in text
    picture = drawing.png(chart.option, 400, 200)
    # Where the two names stand; a picture without the font is white there.
    assert _dark_share(picture, 16, 80, 120, 360) > 0.01


def test_timetable_has_a_bar_for_each_problem_and_the_day() -> None:
    chart = charts.spans(
        ["甲", "乙"], [date(2026, 1, 1), date(2026, 3, 1)], [date(2026, 5, 1), date(2026, 7, 1)], ["red", "green"], today=date(2026, 6, 1), says="x",
        colours={"red": ("红灯", charts.RED), "green": ("绿灯", "#0f7b5f")},
    )  # fmt: skip
    text = drawing.svg(chart.option)
    assert all(word in text for word in ("甲", "乙", "红灯", "绿灯", "数据日 2026-06-01", charts.RED))
    assert chart.rows == [
        ["甲", date(2026, 1, 1), date(2026, 5, 1), "红灯"],
        ["乙", date(2026, 3, 1), date(2026, 7, 1), "绿灯"],
    ]


def test_a_short_timetable_names_each_month_once() -> None:
    chart = charts.spans(
        ["甲"], [date(2026, 8, 28)], [date(2026, 12, 12)], ["green"], today=date(2026, 9, 30), says="x", colours={"green": ("绿灯", "#0f7b5f")}
    )  # fmt: skip
    assert re.findall(r">(20\d\d-\d\d)<", drawing.svg(chart.option)) == ["2026-09", "2026-10", "2026-11", "2026-12"]


def test_a_department_is_told_which_figures_are_the_countys(signed_in: Signed) -> None:
    told = "总数和分类是全县的，走势和清单只有县税务局的"
    assert told in signed_in("taxclerk").get("/boards/rectification").text
    assert "是全县的" not in signed_in("leader").get("/boards/rectification").text


def test_report_card_leads_down_to_tickets_and_the_task_book(window: Window) -> None:
    page = window("leader")
    page.goto("/boards/departments")
    page.get_by_role("link", name="县税务局").click()
    expect(page.locator("h1")).to_have_text("县税务局成绩单")
    expect(page.locator(".keys li.bad .figure").last).to_contain_text("63.97")
    page.get_by_role("link", name="任务书").click()
    expect(page.locator("h1")).to_have_text("县税务局整改任务书")
    expect(page.locator("section.task").first).to_contain_text("自查自纠")
    assert page.locator("section.task").count() == 4
    page.goto("/boards/causes")
    row = page.locator("tbody tr", has_text="纳税").last
    expect(row).to_contain_text("69.97")
    expect(row).to_contain_text("待观察")
    row.get_by_role("link", name="纳税").click()
    expect(page.locator("main")).to_contain_text("牵头单位主办热线工单")


def test_clerk_sees_own_card_and_task_book_only(signed_in: Signed) -> None:
    client = signed_in("taxclerk")
    assert client.get(f"/boards/departments/{TAX}").status_code == 200
    assert client.get(f"/boards/departments/{HOUSING}").status_code == 404
    assert client.get(f"/boards/rectification/units/{TAX}").status_code == 200
    assert client.get(f"/boards/rectification/units/{HOUSING}").status_code == 404
    assert "县住建局" not in client.get("/boards/departments").text + client.get("/boards/causes").text


def test_example_needs_two_people_and_is_withdrawn_with_a_reason(window: Window, signed_in: Signed, site: Site) -> None:
    page = window("analyst")
    page.goto("/boards/rectification/ZG2026000")
    page.get_by_role("link", name="列入红黑榜").click()
    expect(page.get_by_label("标题")).to_have_value("第 0 个整改问题")
    expect(page.get_by_label("内容")).to_have_value(re.compile("超期 29 天"))
    page.get_by_role("button", name="提交审核").click()
    expect(page.locator("tbody tr").first).to_contain_text("待审核")
    leader, clerk = signed_in("leader"), signed_in("taxclerk")
    assert "第 0 个整改问题" not in clerk.get("/boards/exposure").text
    number = re.search(r"/boards/exposure/(\d+)/decide", leader.get("/boards/exposure").text).group(1)  # type: ignore[union-attr]
    where, form = f"/boards/exposure/{number}", {"_csrf": leader.csrf}  # type: ignore[attr-defined]
    assert leader.post(f"{where}/publish", data=form).status_code == 409
    assert leader.post(f"{where}/decide", data=form | {"approved": "0"}).status_code == 422
    assert leader.post(f"{where}/decide", data=form | {"approved": "1"}).status_code == 303
    assert leader.post(f"{where}/publish", data=form).status_code == 303
    seen = clerk.get("/boards/exposure").text
    assert "第 0 个整改问题" in seen
    assert "/withdraw" not in seen
    assert leader.post(f"{where}/withdraw", data=form).status_code == 422
    assert leader.post(f"{where}/withdraw", data=form | {"reason": "数字有误"}).status_code == 303
    assert "第 0 个整改问题" not in clerk.get("/boards/exposure").text
    page = signed_in("auditor").get("/admin/audit", params={"q": f"红黑榜 {number}"}).text
    assert all(word in page for word in ("起草", "批准", "发布", "撤回"))


def test_nobody_approves_an_example_of_their_own(signed_in: Signed, site: Site) -> None:
    leader = signed_in("leader")
    form = {"_csrf": leader.csrf, "kind": "red", "title": "办得快", "content": "按期办结", "dept_code": TAX, "link": ""}  # type: ignore[attr-defined]
    assert leader.post("/boards/exposure/new", data=form | {"link": "https://elsewhere"}).status_code == 422
    assert leader.post("/boards/exposure/new", data=form).status_code == 303
    with site.database.owner() as connection:
        one = exposure.every(connection)[0]
        account = connection.execute(
            "SELECT account_id FROM hub.account WHERE name = %s", [PEOPLE["leader"][0]]
        ).fetchone()
    assert account is not None
    assert "自己起草的由别人审核" in leader.get("/boards/exposure").text
    assert (
        leader.post(
            f"/boards/exposure/{one['exposure_id']}/decide", data={"_csrf": leader.csrf, "approved": "1"}
        ).status_code
        == 409
    )  # type: ignore[attr-defined]
    with pytest.raises(psycopg.errors.CheckViolation), site.database.owner() as connection:
        connection.execute(
            "UPDATE hub.exposure SET approved = true, decided_by = drafted_by, decided_at = now() WHERE exposure_id = %s",
            [one["exposure_id"]],
        )


def test_example_begins_for_a_unit_none_of_whose_tickets_has_fallen_due(signed_in: Signed) -> None:
    answer = signed_in("leader").get("/boards/exposure/new", params={"unit": BUSINESS, "kind": "black"})
    assert answer.status_code == 200
    assert f'value="{BUSINESS}" selected' in answer.text
    page = signed_in("leader").get(f"/boards/hotline/units/{BUSINESS}")
    assert (page.status_code, "县营商环境建设局" in page.text) == (200, True)
    assert signed_in("leader").get("/boards/hotline/units/business_env").status_code == 404  # a name is no code
