"""The analyst's way: find a dataset, look at it masked, query it, take the answer away; asking for more; the engineer's page."""

from __future__ import annotations

import io
import re
import threading
import time
from collections.abc import Callable
from datetime import date, timedelta

import httpx2
import openpyxl  # type: ignore[import-untyped]
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page, expect

from portal import catalogue
from portal.site import Site
from tests.portal.conftest import PEOPLE

Window = Callable[..., Page]
Signed = Callable[[str], httpx2.Client]


def test_any_part_of_a_chinese_name_finds(site: Site) -> None:
    every = catalogue.entries(site.registry())

    def names(q: str) -> set[str]:
        return {e.name for e in catalogue.search(every, q)}

    assert "hotline_ticket" in names("诉求内容") & names("诉求") & names("求内")
    assert "hotline_ticket" in names("12345 工单") & names("１２３４５ 工单")
    assert "enterprise" in names("信用代码") & names("代码")
    assert "tax_filing" in names("nssb")
    assert names("没有这个东西") == set()


def test_search_answers_while_typing(window: Window) -> None:
    page = window("analyst")
    page.goto("/catalogue")
    page.locator("#main input[type=search]").press_sequentially("退税")
    expect(page.locator("#found tbody tr")).to_have_count(1)
    page.locator("#found tbody a").first.click()
    expect(page.locator("h1")).to_have_text("退税")


def test_query_lives_in_its_address_with_parameters(window: Window) -> None:
    page = window("analyst", expected="422")
    page.goto("/sql")
    expect(page.locator(".cm-editor")).to_be_visible()
    page.goto("/sql?run=1&q=SELECT problem_no, light FROM rectification_ledger WHERE light = :colour ORDER BY 1")
    expect(page.get_by_role("alert")).to_contain_text("参数 :colour 没有给值")
    page.get_by_label(":colour").fill("red")
    page.get_by_role("button", name="运行").click()
    expect(page.locator("table.tight tbody tr").first).to_contain_text("ZG2026")
    assert "p.colour=red" in page.url
    page.goto("/sql?run=1&q=SELECT * FROM generate_series(1, 5000) n")
    expect(page.locator(".say.soon")).to_contain_text("只显示前 1,000 行")
    page.goto("/sql?run=1&q=SELECT colour FROM rectification_ledgr")
    expect(page.get_by_role("alert")).to_contain_text("是否想写 'rectification_ledger'")


def test_answer_is_taken_away_whole(signed_in: Signed) -> None:
    client = signed_in("analyst")
    ask = {
        "q": "SELECT '510101199003070014' AS id, '007' AS code, '=1+1' AS formula, 1.5::numeric AS n, DATE '2026-01-02' AS d"
    }
    csv = client.get("/sql/export.csv", params=ask)
    assert csv.content.startswith(b"\xef\xbb\xbf")
    assert csv.text.splitlines()[1] == "510101199003070014,007,'=1+1,1.5,2026-01-02"
    sheet = openpyxl.load_workbook(io.BytesIO(client.get("/sql/export.xlsx", params=ask).content)).active
    assert [(c.value, c.data_type) for c in sheet[2]][:4] == [
        ("510101199003070014", "s"),
        ("007", "s"),
        ("=1+1", "s"),
        (1.5, "n"),
    ]
    table = pq.read_table(io.BytesIO(client.get("/sql/export.parquet", params=ask).content))
    assert table.column("id").to_pylist() == ["510101199003070014"]
    assert client.get("/sql/export.csv", params={"q": "SELECT * FROM generate_series(1, 300000)"}).status_code == 422
    assert client.get("/sql/export.exe", params=ask).status_code == 404


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("DELETE FROM rectification_ledger", "只能查询"),
        ("SELECT 1; SELECT 2", "只能写一条"),
        ("EXPLAIN SELECT 1; SELECT 2", "查询"),
        ("WITH x AS (DELETE FROM board.rectification_ledger RETURNING 1) SELECT * FROM x", "查询"),
        ("SELECT * FROM hub.account", "没有权限"),
        ("SELECT * FROM shared.hotline_ticket", "没有权限"),
        ("SELECT 1 AS a, 2 AS a", "出现两次"),
    ],
)
def test_what_is_not_allowed_is_said_in_chinese(signed_in: Signed, query: str, words: str) -> None:
    answer = signed_in("analyst").get("/sql", params={"q": query, "run": "1"})
    assert answer.status_code == 422
    assert words in re.search(r'role="alert">([^<]*)<', answer.text).group(1)  # type: ignore[union-attr]


def test_long_query_is_stopped_by_its_own_user_only(signed_in: Signed, site: Site) -> None:
    slow, other = signed_in("analyst"), signed_in("engineer")
    answers: list[httpx2.Response] = []
    thread = threading.Thread(
        target=lambda: answers.append(slow.get("/sql", params={"q": "SELECT pg_sleep(50)", "run": "slow1"}))
    )
    thread.start()
    until = time.monotonic() + 20
    while "slow1" not in site.running and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.3)
    assert other.post("/sql/cancel", data={"_csrf": other.csrf, "run": "slow1"}).json() == {"stopped": False}  # type: ignore[attr-defined]
    second = signed_in("analyst")
    assert second.post("/sql/cancel", data={"_csrf": second.csrf, "run": "slow1"}).json() == {"stopped": True}  # type: ignore[attr-defined]
    thread.join(20)
    assert "已停止" in answers[0].text


def test_queries_are_in_the_audit_with_their_text(signed_in: Signed) -> None:
    client = signed_in("analyst")
    client.get("/sql", params={"q": "SELECT 4711 AS only_here", "run": "1"})
    page = signed_in("auditor").get("/admin/audit", params={"q": "only_here"}).text
    assert "SELECT 4711" in page
    assert PEOPLE["analyst"][0] in page


def test_request_is_approved_by_the_security_administrator(signed_in: Signed, site: Site) -> None:
    clerk, admin = signed_in("taxclerk"), signed_in("secadmin")
    until = (date.today() + timedelta(days=30)).isoformat()
    form = {"_csrf": clerk.csrf, "dataset": "rectification_measure", "purpose": "核对措施", "until": until}  # type: ignore[attr-defined]
    assert clerk.post("/requests", data=form | {"until": "2099-01-01"}).status_code == 422
    assert clerk.post("/requests", data=form).status_code == 303
    assert "没有你可以看的行" in clerk.get("/catalogue/rectification_measure").text
    number = re.search(r"/admin/requests/(\d+)", admin.get("/admin/requests").text).group(1)  # type: ignore[union-attr]
    assert admin.post(f"/admin/requests/{number}", data={"_csrf": admin.csrf, "approved": "0"}).status_code == 422  # type: ignore[attr-defined]
    assert admin.post(f"/admin/requests/{number}", data={"_csrf": admin.csrf, "approved": "1"}).status_code == 303  # type: ignore[attr-defined]
    assert "自查自纠" in clerk.get("/catalogue/rectification_measure").text


def test_database_password_is_made_anew_and_the_old_one_ends(signed_in: Signed, site: Site) -> None:
    import psycopg

    client = signed_in("analyst")
    page = client.post("/connect/password", data={"_csrf": client.csrf}).text  # type: ignore[attr-defined]
    password = re.search(r'id="password">(\w+)<', page).group(1)  # type: ignore[union-attr]
    parts = psycopg.conninfo.conninfo_to_dict(site.home.database_url)
    mine = parts | {"user": f"portal_{PEOPLE['analyst'][0]}", "password": password}
    with psycopg.connect(**mine) as connection:  # type: ignore[arg-type]
        assert connection.execute("SELECT count(*) FROM rectification_ledger").fetchone() == (12,)
    client.post("/connect/password", data={"_csrf": client.csrf})  # type: ignore[attr-defined]
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(**mine)  # type: ignore[arg-type]


def test_metrics_are_for_prometheus(signed_in: Signed, address: str) -> None:
    text = httpx2.get(f"{address}/metrics", trust_env=False).text
    assert re.search(r'^hub_sources\{state="on_time"\} \d+$', text, re.MULTILINE)
    assert "hub_orders_open" in text
