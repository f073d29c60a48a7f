"""The boards in a real browser: figures, ways down to rows, widths, print, and nothing said on the console."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import httpx2
import openpyxl  # type: ignore[import-untyped]
import pytest
from playwright.sync_api import Page, expect

from portal.pages import boards
from portal.site import Site

Window = Callable[..., Page]
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
BOARDS = (
    "/boards/indicators",
    "/boards/hotline",
    "/boards/rectification",
    "/boards/departments",
    "/boards/causes",
    "/boards/exposure",
)


def axe(page: Page) -> list[str]:
    """What the accessibility checker finds; run in its own world, which the page's policy does not bind."""
    page.context.new_cdp_session(page).send("Page.enable")
    page.evaluate(AXE)
    found = page.evaluate("rules => axe.run(document, rules)", RULES)
    return [f"{v['id']}: {n['target']}" for v in found["violations"] for n in v["nodes"]]


def test_three_clicks_lead_from_a_figure_to_its_ticket(window: Window) -> None:
    page = window("leader")
    page.goto("/boards/hotline")
    expect(page.locator(".title .sub")).to_contain_text("数据截至 2026-09-30")
    expect(page.locator(".keys li.bad .figure")).to_contain_text("3")
    page.locator(".keys li.bad a").click()
    page.locator("#overdue tbody a").first.click()
    expect(page.locator("h1")).to_contain_text("号问题的反映")
    expect(page.locator(".say.bad")).to_contain_text("天未办结")


def test_below_70_does_not_round_and_the_box_hides_the_others(window: Window) -> None:
    page = window("leader")
    page.goto("/boards/indicators")
    expect(page.locator("#below tbody tr").first).to_contain_text("69.97")
    rows = page.locator("#scores tbody tr:visible")
    expect(rows).to_have_count(3)
    page.get_by_label("只看低于 70 分").check()
    expect(rows).to_have_count(1)
    expect(page.locator("[data-chart] canvas")).to_be_visible()
    page.locator("#scores tbody tr:visible a").click()
    expect(page.locator("h1")).to_have_text("纳税")


@pytest.mark.parametrize("path", BOARDS[:3])
def test_board_prints_on_a4_with_charts_the_server_drew(window: Window, path: str) -> None:
    page = window("leader")
    page.goto(path)
    page.get_by_role("link", name="打印版").click()
    drawn = page.locator("img.drawn")
    assert drawn.count() == page.evaluate("document.querySelectorAll('img.drawn').length") > 0
    assert page.evaluate("[...document.querySelectorAll('img.drawn')].every(i => i.complete && i.naturalWidth > 700)")
    assert page.locator("canvas").count() == 0
    page.emulate_media(media="print")
    assert page.locator(".side").is_hidden()
    expect(page.locator(".print-only").last).to_contain_text("范围：全县")
    expect(page.locator(".print-only").last).to_contain_text("数据截至 2026-09-30")
    assert page.pdf(format="A4").startswith(b"%PDF")


@pytest.mark.parametrize("path", BOARDS[:3])
def test_wall_shows_a_board_on_one_screen_and_goes_on(window: Window, path: str) -> None:
    page = window("leader")
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.clock.install()
    page.goto(f"{path}?display=wall")
    page.wait_for_load_state("networkidle")
    assert page.locator(".side").is_hidden()
    assert page.evaluate("document.documentElement.scrollHeight") <= 1080
    expect(page.locator(".clock")).to_contain_text(":")
    assert axe(page) == []
    page.clock.fast_forward(20_500)
    page.wait_for_url(f"**{BOARDS[(BOARDS.index(path) + 1) % 3]}?display=wall")


def test_rows_come_as_a_workbook_with_codes_as_text(signed_in: Callable[[str], httpx2.Client]) -> None:
    client = signed_in("leader")
    answer = client.get("/boards/rows/rectification_ledger.xlsx?light=red")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    head = [cell.value for cell in sheet[1]]
    code = sheet.cell(2, head.index("牵头单位编码") + 1)
    assert (code.data_type, len(code.value)) == ("s", 18)
    assert client.get("/boards/rows/rectification_ledger.csv").content.startswith(b"\xef\xbb\xbf")
    assert client.get("/boards/rows/nothing_here").status_code == 404


def test_file_that_nobody_got_is_no_export(signed_in: Callable[[str], httpx2.Client], site: Site, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    def exports() -> int:
        with site.database.owner() as connection:
            found = connection.execute("SELECT count(*) AS n FROM hub.audit WHERE entry LIKE '%\"action\": \"export\"%'").fetchone()  # fmt: skip
        assert found is not None
        return int(found["n"])

    client, before = signed_in("leader"), exports()
    assert client.get("/boards/rows/rectification_ledger.exe").status_code == 404
    monkeypatch.setattr(boards, "_MOST", 1)
    answer = client.get("/boards/rows/rectification_ledger.csv")
    assert (answer.status_code, "超过一个文件的 1 行" in answer.text) == (422, True)
    assert exports() == before


def test_clerk_sees_own_department_only(signed_in: Callable[[str], httpx2.Client]) -> None:
    client = signed_in("taxclerk")
    assert client.get("/boards/rectification/ZG2026000").status_code == 200
    assert client.get("/boards/rectification/ZG2026001").status_code == 404
    page = client.get("/boards/hotline").text
    assert "县税务局" in page
    assert "县住建局" not in page


@pytest.mark.parametrize("month", ["xx", "2026-13", "1999-01"])
def test_month_without_tickets_is_told_and_not_shown_as_zeros(month: str, signed_in: Callable[[str], httpx2.Client]) -> None:  # fmt: skip
    answer = signed_in("leader").get("/boards/hotline", params={"month": month})
    assert (answer.status_code, f"没有 &#39;{month}&#39; 到期的工单" in answer.text) == (422, True)


def test_a_view_that_came_with_an_upgrade_is_told_as_not_computed_yet(
    signed_in: Callable[[str], httpx2.Client], site: Site
) -> None:
    with site.database.owner() as connection:
        kept = connection.execute(
            "DELETE FROM board.published_view WHERE view = 'hotline_topics' RETURNING file, query, as_of, row_count, published_at"
        ).fetchone()
    try:
        for place in ("/boards/hotline", "/boards/rows/hotline_topics"):
            page = signed_in("leader").get(place).text
            assert "有 1 个视图还没有核算过：12345 热线热点问题（近 30 天）" in page
            assert "最迟今晚 0:05 一起算好" in page
            assert "还没有工单" not in page
    finally:
        with site.database.owner() as connection:
            connection.execute(
                "INSERT INTO board.published_view VALUES ('hotline_topics', %(file)s, %(query)s, %(as_of)s, %(row_count)s, %(published_at)s)",
                kept,
            )


@pytest.mark.parametrize(
    ("place", "what", "where"),
    [
        ("/boards/hotline/tickets/T404", "工单 T404", "热线看板的超期清单"),
        ("/boards/rectification/ZG404", "问题 ZG404", "问题整改看板"),
        ("/boards/rows/nothing", "视图 nothing", "看板或数据目录"),
        ("/catalogue/nothing", "数据集 nothing", "数据目录"),
        ("/briefings/404.pdf", "简报 404", "简报"),
        ("/reviews/publications/404", "发布 404", "审批"),
    ],
)
def test_what_is_not_there_is_told_by_its_name_and_where_to_look(
    place: str, what: str, where: str, signed_in: Callable[[str], httpx2.Client]
) -> None:
    page = signed_in("leader").get(place)
    assert page.status_code == 404
    assert f"没有{what}，或不归你看" in page.text
    assert f"请从{where}进入" in page.text
