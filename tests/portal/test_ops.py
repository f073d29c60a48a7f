"""The engineer's matrix: what is expected and has not come is told apart from what came as no rows, what is late, and what fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Page, expect

from portal.site import Site
from schemas.errors import HubError
from tests.portal.test_boards import axe
from warehouse.load import load

HEAD = "编号,工单,轮次,时间,接通,解决\n"
ROW = "O1,T1,1,2026-03-01 10:00:00,是,已解决\n"
SOURCES = {
    "expected": "该报没报",
    "nothing": "报了零行",
    "overdue": "过了时效",
    "failing": "一直出错",
    "fresh": "刚刚报到",
}


@pytest.fixture
def sources(site: Site, tmp_path: Path) -> Iterator[None]:
    """One source of the tax office in each state."""
    folder = site.home.path / "connectors" / "tax"
    folder.mkdir(exist_ok=True)
    for name, title in SOURCES.items():
        (tmp_path / name).mkdir()
        (folder / f"{name}.yaml").write_text(
            f"title: {title}\ndataset: hotline_callback\nsource: {{driver: csv, path: '{tmp_path / name}/*.csv', settle: 0}}\nload: {{mode: file}}\n"
            "fields: {callback_id: 编号, ticket_no: 工单, round: 轮次, called_at: 时间, reached: 接通, solved: 解决}\n",
            encoding="utf-8",
        )
    for name, text in (("nothing", HEAD), ("overdue", HEAD + ROW), ("fresh", HEAD + ROW), ("failing", "甲,乙\n1,2\n")):
        (tmp_path / name / "a.csv").write_text(text, encoding="utf-8")
        for _ in range(2):
            try:
                load(site.registry().get(f"tax/{name}"), site.home)
            except HubError:
                assert name == "failing"
    with site.database.owner() as connection:
        connection.execute(
            "UPDATE hub.batch SET extracted_at = extracted_at - interval '400 days' WHERE source_id = (SELECT source_id FROM hub.source WHERE connector = 'tax/overdue')"
        )
    yield
    for name in SOURCES:
        (folder / f"{name}.yaml").unlink()


@pytest.mark.usefixtures("sources")
def test_what_has_not_come_is_told_apart_from_no_rows(
    window: Callable[..., Page], signed_in: Callable[[str], httpx2.Client]
) -> None:
    page = window("engineer")
    page.goto("/ops")
    assert axe(page) == []
    lines = {name: page.locator("tr", has_text=title) for name, title in SOURCES.items()}
    for name, state in (
        ("expected", "未报"),
        ("nothing", "正常"),
        ("overdue", "迟到"),
        ("failing", "采集失败"),
        ("fresh", "正常"),
    ):
        expect(lines[name].locator(".tag")).to_have_text(state)
    cells = {name: [t.strip() for t in line.locator("td.num").all_text_contents()] for name, line in lines.items()}
    assert cells["expected"][2:4] == ["—", "—"]  # nothing is known of it
    assert cells["nothing"][2:4] == ["0", "0"]  # it came, without a row
    assert cells["fresh"][2:4] == ["1", "0"]
    expect(lines["failing"].locator(".hint")).to_contain_text("编号")  # what is wrong, in words
    expect(page.locator("ul.keys")).to_contain_text("未报")
    told = signed_in("engineer").get("/metrics").text
    assert 'hub_sources{state="failed"} 1' in told
    assert 'connector="tax/expected"' not in told  # no age of what never came
