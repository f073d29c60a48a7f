"""The drift inbox in a browser: a held delivery is mapped, refused or let in, and what becomes of it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx2
import pytest
from playwright.sync_api import Page, expect

from portal.site import Site
from tests.portal.test_boards import axe
from warehouse.load import BatchResult, load

NAME = "hotline_office/doorstep"
HEAD = "编号,工单,轮次,时间,接通,解决"
Window = Callable[..., Page]
Signed = Callable[[str], httpx2.Client]


class Visits:
    """A file source of the hotline office whose files are written here."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site, self.folder = site, folder
        self.yaml = site.home.path / "connectors" / "hotline_office" / "doorstep.yaml"
        self.yaml.write_text(
            f"title: 热线入户\ndataset: hotline_callback\nsource: {{driver: csv, path: '{folder}/*.csv', settle: 0, order: name}}\nload: {{mode: file}}\n"
            "fields: {callback_id: 编号, ticket_no: 工单, round: 轮次, called_at: 时间, reached: 接通, solved: 解决}\n",
            encoding="utf-8",
        )

    def drop(self, name: str, head: str = HEAD, *, blocked: bool = False) -> BatchResult:
        """A file of one call, read; with `blocked` the batch rules are not met."""
        (self.folder / f"{name}.csv").write_text(
            f"{head}\n{name},T1,1,2026-03-01 10:00:00,是,已解决\n", encoding="utf-8"
        )
        verdict = SimpleNamespace(
            passed=False, blocked=blocked, docs_path=None, results=[], reasons=["解决为空的超过 5%"]
        )
        (done,) = load(self.site.registry().get(NAME), self.site.home, judge=(lambda *_: verdict) if blocked else None)
        return done

    def there(self) -> set[str]:
        """The calls that are in the warehouse."""
        with self.site.database.owner() as connection:
            found = connection.execute(
                "SELECT callback_id FROM record.hotline_callback r JOIN hub.source s ON s.source_id = r._source_id WHERE s.connector = %s", [NAME]
            ).fetchall()  # fmt: skip
        return {row["callback_id"] for row in found}

    def status(self, batch: int) -> str:
        """What became of a batch."""
        with self.site.database.owner() as connection:
            row = connection.execute("SELECT status FROM hub.batch WHERE batch_id = %s", [batch]).fetchone()
        assert row is not None
        return str(row["status"])


@pytest.fixture
def visits(site: Site, tmp_path: Path) -> Iterator[Visits]:
    made = Visits(site, tmp_path)
    yield made
    made.yaml.unlink()


def _open(page: Page) -> None:
    page.goto("/drift")
    page.locator("tbody tr", has_text="热线入户").get_by_role("link").click()


def test_what_the_batch_rules_hold_is_let_in_by_an_engineer_who_says_why(
    window: Window, signed_in: Signed, visits: Visits
) -> None:
    assert visits.drop("J1").status == "committed"
    held = visits.drop("J2", blocked=True)
    assert (held.status, visits.there()) == ("held", {"J1"})
    page = window("clerk")
    page.goto(f"/runs/{held.batch_id}")
    page.get_by_role("link", name="整批规则不合格").click()
    expect(page.get_by_text("请书面确认，由数据工程师放行")).to_be_visible()
    expect(page.get_by_role("button", name="拒收")).to_be_visible()
    expect(page.get_by_role("button", name="放行")).to_have_count(0)
    assert axe(page) == []
    place = f"/drift/{page.url.rpartition('/')[2]}"
    clerk = signed_in("clerk")
    answer = clerk.post(f"{place}/accept", data={"_csrf": clerk.csrf, "reason": "属实"})  # type: ignore[attr-defined]
    assert (answer.status_code, "由数据工程师放行" in answer.text) == (403, True)

    page = window("engineer", expected="422")
    _open(page)
    assert axe(page) == []
    page.get_by_role("button", name="属实，放行入库").click()
    expect(page.get_by_role("alert")).to_contain_text("放行要写明谁核实、为什么")
    page.get_by_label("说明").fill("热线办王芳书面确认")
    page.get_by_role("button", name="属实，放行入库").click()
    expect(page.locator(".say.good")).to_contain_text("已接受，正在重新读取 1 批")
    assert (visits.there(), visits.status(held.batch_id)) == ({"J1", "J2"}, "released")
    page.goto(place)
    expect(page.locator(".say.good")).to_contain_text("热线办王芳书面确认")


def test_a_gone_column_is_mapped_and_a_wrong_file_refused_in_the_browser(window: Window, visits: Visits) -> None:
    visits.drop("M1")
    held = visits.drop("M2", HEAD.replace("解决", "办理情况"))
    assert held.status == "held"
    page = window("clerk")
    page.goto(f"/runs/{held.batch_id}")
    page.locator(".say a[href^='/drift/']").first.click()
    page.get_by_label("由哪一列代替").select_option("办理情况")
    page.get_by_label("说明").fill("平台升级改了列名")
    page.get_by_role("button", name="由这一列代替").click()
    expect(page.locator(".say.good")).to_contain_text("已对应")
    while page.locator("tbody tr", has_text="热线入户").count():  # what else held it: the other column is new
        _open(page)
        page.get_by_role("button", name="知道了").click()
        expect(page.locator(".say.good")).to_contain_text("已接受")
    assert (visits.there() & {"M1", "M2"}, visits.status(held.batch_id)) == ({"M1", "M2"}, "released")

    wrong = visits.drop("M3", HEAD.replace("解决", "满意"))
    assert wrong.status == "held"
    _open(page)
    page.get_by_label("说明").fill("导错了表，请重报")
    page.get_by_role("button", name="拒收，请部门重报").click()
    expect(page.locator(".say.good")).to_contain_text("已拒收")
    expect(page.locator("tbody tr", has_text="热线入户")).to_have_count(0)
    page.goto(f"/runs/{wrong.batch_id}")
    expect(page.locator("ol.steps")).to_contain_text("导错了表，请重报")
    expect(page.locator("ol.steps")).not_to_contain_text("新增")
    assert ("M3" in visits.there(), visits.status(wrong.batch_id)) == (False, "rejected")
    assert visits.drop("M4", HEAD.replace("解决", "办理情况")).status == "committed"
