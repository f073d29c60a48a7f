"""The briefing: figures frozen, as docx and pdf."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import docx
import httpx2
import psycopg
import pytest
from playwright.sync_api import Page, expect

from portal import briefing, figures, papers
from portal.site import Site
from tests.portal import county
from tests.portal.test_boards import axe


def test_briefing_is_made_frozen_and_taken_away(
    window: Callable[..., Page], signed_in: Callable[[str], httpx2.Client], site: Site
) -> None:
    page = window("leader")
    page.goto("/briefings")
    assert axe(page) == []
    page.get_by_label("标题").fill("九月简报")
    page.get_by_label("热线月份").select_option("2026-09")
    page.get_by_role("button", name="生成").click()
    expect(page.locator(".say.good")).to_contain_text("九月简报")
    page.get_by_role("link", name="九月简报").click()
    expect(page.locator(".title .sub")).to_contain_text("2026-09 到期的工单")
    assert page.evaluate("[...document.querySelectorAll('img.drawn')].map(i => i.naturalWidth > 700)") == [True] * 4
    assert page.locator("h3", has_text="发现和销号（累计）").count() == 1
    expect(page.locator(".title .sub")).to_contain_text("省营商环境评价")
    assert axe(page) == []
    number = re.search(r"/briefings/(\d+)", page.url).group(1)  # type: ignore[union-attr]
    client = signed_in("leader")
    before = client.get(f"/briefings/{number}.docx").content
    paper = docx.Document(io.BytesIO(before))
    text = "\n".join(
        [p.text for p in paper.paragraphs] + [c.text for t in paper.tables for r in t.rows for c in r.cells]
    )
    assert len(paper.inline_shapes) == 4
    for words in (
        "九月简报",
        "数据截至 2026-09-30",
        "12345 热线：2026-09 到期的工单",
        "低于 70 分",
        "69.97",
        "超期未办结",
        "超期未销号清单",
        "一级指标得分",
        "按期办结（按到期月份）",
        "未销号问题的时间表",
        "发现和销号（累计）",
    ):
        assert words in text, words
    assert round(paper.sections[0].left_margin.mm) == 28
    assert client.get(f"/briefings/{number}.pdf").content.startswith(b"%PDF")
    with site.database.owner() as connection:
        connection.execute("UPDATE record.indicator_score SET score = 10 WHERE indicator_code = 'A02'")
    try:
        after = docx.Document(io.BytesIO(client.get(f"/briefings/{number}.docx").content))
        assert [p.text for p in after.paragraphs] == [p.text for p in paper.paragraphs]
    finally:
        with site.database.owner() as connection:
            connection.execute("UPDATE record.indicator_score SET score = 69.97 WHERE indicator_code = 'A02'")


def test_section_that_fails_says_so_and_the_others_are_kept(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise psycopg.errors.UndefinedColumn("x")

    monkeypatch.setattr(figures, "hotline", broken)
    with site.database.owner() as connection:
        connection.execute("SET LOCAL search_path = board, masked")
        content = briefing.compose(connection, ["hotline", "rectification"], county.DAY)
    failed, kept = content["sections"]
    assert failed["failed"]
    assert "没有生成" in failed["paragraphs"][0]
    assert "12 个" in kept["paragraphs"][0]
    assert papers.docx("x", content)[:2] == b"PK"
    assert papers.pdf("x", content).startswith(b"%PDF")


def test_briefing_without_sections_or_for_a_department_is_refused(signed_in: Callable[[str], httpx2.Client]) -> None:
    client = signed_in("leader")
    assert client.post("/briefings", data={"_csrf": client.csrf}).status_code == 422  # type: ignore[attr-defined]
    assert (
        client.post("/briefings", data={"_csrf": client.csrf, "section": "hotline", "month": "2026-13"}).status_code
        == 422
    )  # type: ignore[attr-defined]
    assert client.get("/briefings/99.docx").status_code == 404
    assert signed_in("taxclerk").get("/briefings").status_code == 403


def test_no_column_on_paper_is_narrower_than_its_numbers_and_days() -> None:
    line = [
        "260207100404000550",
        "关于窨井盖破损无人处理的问题，希望有关部门尽快处理",
        "县营商环境建设局",
        "2026-02-11",
        "231",
    ]
    table = {"head": ["工单", "诉求", "承办单位", "到期", "超期（天）"], "rows": [line] * 3}
    paper = docx.Document(io.BytesIO(papers.docx("表", {"scope": "", "made_at": "", "sections": [{"title": "", "paragraphs": [], "tables": [table | {"title": ""}]}]})))  # fmt: skip
    margins = docx.shared.Pt(11)
    for cell in (0, 3, 4):
        width = paper.tables[0].columns[cell].width
        assert width is not None
        assert width - margins >= docx.shared.Pt(6 * len(line[cell])), line[cell]
    assert sum(column.width or 0 for column in paper.tables[0].columns) <= docx.shared.Mm(156)
