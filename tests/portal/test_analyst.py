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
from tests.portal.test_boards import axe

Window = Callable[..., Page]
Signed = Callable[[str], httpx2.Client]
TABS = ("fields", "sample", "quality", "fresh", "usage", "ask")


@pytest.mark.parametrize("tab", TABS)
def test_tab_is_clean_wide_narrow_and_accessible(window: Window, tab: str) -> None:
    page = window("analyst")
    assert page.goto(f"/catalogue/hotline_callback?tab={tab}").status == 200  # type: ignore[union-attr]
    assert axe(page) == []
    for width in (1440, 1024, 390):
        page.set_viewport_size({"width": width, "height": 900})
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, (tab, width)


def test_any_part_of_a_chinese_name_finds(site: Site) -> None:
    every = catalogue.entries(site.registry())

    def names(q: str) -> set[str]:
        return {e.name for e in catalogue.search(every, q)}

    assert "hotline_ticket" in names("诉求内容") & names("诉求") & names("求内")
    assert "hotline_ticket" in names("12345 工单") & names("１２３４５ 工单")
    assert "enterprise" in names("信用代码") & names("代码")
    assert "tax_filing" in names("nssb") & names("nashui") & names("NSSB")
    assert "hotline_ticket" in names("zbdw")  # 主办单位, a field
    ticket = next(e for e in every if e.name == "hotline_ticket")
    assert [c.name for c in catalogue.hits(ticket, "诉求内容")] == ["content", "content_scrubbed"]
    assert "utility_connection" in names("用水") & names("用电") & names("ysbz")  # what the departments call it
    assert names("没有这个东西") == set()


def test_facets_count_and_narrow_and_the_list_is_a_file_too(signed_in: Signed) -> None:
    client = signed_in("analyst")
    page = client.get("/catalogue", params={"owner": "县热线办", "kind": "dataset"}).text
    listed = client.get("/catalogue.json", params={"owner": "县热线办", "kind": "dataset"}).json()["rows"]
    assert {r["owner"] for r in listed} == {"县热线办"}
    assert f"{len(listed)} 项" in page
    waiting = client.get("/catalogue.json", params={"quality": "waiting"}).json()["rows"]
    assert [r["name"] for r in waiting] == ["hotline_callback"]
    assert client.get("/catalogue.csv").content.startswith(b"\xef\xbb\xbf")
    assert client.get("/catalogue/hotline_ticket", params={"tab": "nothing"}).status_code == 404


def test_lineage_says_how_and_is_a_file_too(signed_in: Signed) -> None:
    catalogue.warm()
    client = signed_in("analyst")
    edges = client.get(
        "/catalogue/hotline_on_time_by_department/lineage.json", params={"column": "on_time_pct"}
    ).json()["rows"]
    assert {(e["direction"], e["place"]) for e in edges} >= {("来自", "hotline_ticket")}
    assert all("/" in e["rule"] for e in edges if e["direction"] == "来自")
    page = client.get("/catalogue/hotline_ticket/columns/due_at").text
    assert "用到" in page
    assert "hotline_on_time_by_department" in page


def test_past_is_asked_with_the_masks_and_rows_of_today(signed_in: Signed, site: Site) -> None:
    analyst, clerk = signed_in("analyst"), signed_in("taxclerk")
    today = site_today(site)
    query = {"q": "SELECT lead_department, title FROM rectification_ledger ORDER BY 1", "as_of": today, "run": "1"}
    with site.database.owner() as connection:  # what a killed query leaves behind
        connection.execute("CREATE SCHEMA past_0123456789ab")
        connection.execute("CREATE SCHEMA past_0123456789ab_raw")
    assert "县住建局" in analyst.get("/sql", params=query).text
    own = clerk.get("/sql", params=query).text
    assert "县税务局" in own
    assert "县住建局" not in own
    masked = analyst.get(
        "/sql/export.json", params={"q": "SELECT content FROM hotline_ticket LIMIT 5", "as_of": today}
    ).json()["rows"]
    assert len(masked) == 5
    assert not any("13800000000" in str(r) or "陈大文" in str(r) for r in masked)
    none = analyst.get(
        "/sql/export.json", params={"q": "SELECT count(*) AS n FROM hotline_ticket", "as_of": "2020-01-01"}
    )
    assert none.json()["rows"] == [{"n": 0}]
    assert "还没有到" in analyst.get("/sql", params=query | {"as_of": "2099-01-01"}).text
    with site.database.owner() as connection:
        left = connection.execute(
            "SELECT count(*) AS n FROM pg_namespace WHERE starts_with(nspname, 'past_')"
        ).fetchone()
    assert left == {"n": 0}


def site_today(site: Site) -> str:
    with site.database.owner() as connection:
        row = connection.execute("SELECT (now() AT TIME ZONE 'Asia/Shanghai')::date::text AS day").fetchone()
    assert row is not None
    return str(row["day"])


def test_query_is_saved_shared_and_forgotten_by_its_owner_alone(signed_in: Signed) -> None:
    mine, other = signed_in("analyst"), signed_in("engineer")
    form = {
        "_csrf": mine.csrf,
        "title": "红灯问题",
        "q": "SELECT * FROM rectification_ledger WHERE light = :light",
        "p.light": "red",
    }  # type: ignore[attr-defined]
    assert mine.post("/sql/saved", data=form | {"title": ""}).status_code == 422
    assert mine.post("/sql/saved", data=form).status_code == 303
    assert "红灯问题" not in other.get("/sql/saved").text
    assert mine.post("/sql/saved", data=form | {"shared": "1"}).status_code == 303
    seen = other.get("/sql/saved").text
    assert "红灯问题" in seen
    assert "p.light=red" in seen
    number = re.search(r"/sql/saved/(\d+)/drop", mine.get("/sql/saved").text).group(1)  # type: ignore[union-attr]
    assert other.post(f"/sql/saved/{number}/drop", data={"_csrf": other.csrf}).status_code == 404  # type: ignore[attr-defined]
    assert mine.post(f"/sql/saved/{number}/drop", data={"_csrf": mine.csrf}).status_code == 303  # type: ignore[attr-defined]
    assert "红灯问题" not in other.get("/sql/saved").text


def test_editor_marks_the_wrong_line_and_completes_what_the_reader_may_read(window: Window) -> None:
    page = window("analyst", expected="422")
    page.goto("/sql?run=1&q=SELECT indicator,%0A  scoer%0AFROM indicator_overview")
    expect(page.locator(".cm-line.cm-wrong")).to_have_text("  scoer")
    page.locator(".cm-content").press("Control+End")
    page.keyboard.press("Enter")
    page.keyboard.type("JOIN rectification_led")
    offered = page.locator(".cm-tooltip-autocomplete li")
    expect(offered.first).to_contain_text("rectification_ledger")
    assert "account" not in page.locator("#sql-text").get_attribute("data-schema")  # type: ignore[operator]


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
    expect(page.get_by_role("alert")).to_contain_text("请先在编辑框下面填上参数 :colour")
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
        "q": "SELECT '510101199003070014' AS id, '007' AS code, '=1+1' AS formula, 1.5::numeric AS n, DATE '2026-01-02' AS d, NULL::timestamptz AS gone"
    }
    csv = client.get("/sql/export.csv", params=ask)
    assert csv.content.startswith(b"\xef\xbb\xbf")
    assert csv.text.splitlines()[1] == "510101199003070014,007,'=1+1,1.5,2026-01-02,"
    sheet = openpyxl.load_workbook(io.BytesIO(client.get("/sql/export.xlsx", params=ask).content)).active
    assert [(c.value, c.data_type) for c in sheet[2]][:4] == [
        ("510101199003070014", "s"),
        ("007", "s"),
        ("=1+1", "s"),
        (1.5, "n"),
    ]
    table = pq.read_table(io.BytesIO(client.get("/sql/export.parquet", params=ask).content))
    assert table.column("id").to_pylist() == ["510101199003070014"]
    assert str(table.schema.field("gone").type) == "timestamp[us, tz=Asia/Shanghai]"
    ask = {
        "q": "SELECT TIMESTAMPTZ '2026-01-02 02:03:04.5Z' AS at, INTERVAL '1 day 2:03' AS took, '{\"甲\": null}'::jsonb AS j, 0.0000012 AS n"
    }
    assert client.get("/sql/export.csv", params=ask).text.splitlines()[1] == '2026-01-02 10:03:04.500000,1 天 2:03:00,"{""甲"": null}",0.0000012'  # fmt: skip
    sheet = openpyxl.load_workbook(io.BytesIO(client.get("/sql/export.xlsx", params=ask).content)).active
    assert [c.value for c in sheet[2]] == ["2026-01-02 10:03:04.500000", "1 天 2:03:00", '{"甲": null}', 0.0000012]
    page = client.get("/sql", params={"run": "1", "q": "SELECT 69.9974 AS score, 0.0000001 AS tiny, TIMESTAMP '2026-01-02 03:04:05' AS at"}).text  # fmt: skip
    assert re.findall(r"<td[^>]*>([^<]*)</td>", page.partition("<tbody>")[2].partition("</tbody>")[0]) == ["69.9974", "1e-7", "2026-01-02 03:04:05"]  # fmt: skip
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
    while not any(run == "slow1" for _, run in site.running) and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.3)
    assert other.post("/sql/cancel", data={"_csrf": other.csrf, "run": "slow1"}).json() == {"stopped": False}  # type: ignore[attr-defined]
    assert other.get("/sql", params={"q": "SELECT 1", "run": "slow1"}).status_code == 200  # the address was handed on
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
    assert "没有你可以看的行" in clerk.get("/catalogue/rectification_measure?tab=sample").text
    number = re.search(r"/admin/requests/(\d+)", admin.get("/admin/requests").text).group(1)  # type: ignore[union-attr]
    assert admin.post(f"/admin/requests/{number}", data={"_csrf": admin.csrf, "approved": "0"}).status_code == 422  # type: ignore[attr-defined]
    assert admin.post(f"/admin/requests/{number}", data={"_csrf": admin.csrf, "approved": "1"}).status_code == 303  # type: ignore[attr-defined]
    assert "自查自纠" in clerk.get("/catalogue/rectification_measure?tab=sample").text


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


def test_a_view_in_the_catalogue_says_what_a_row_is_and_leads_to_its_rows(signed_in: Signed) -> None:
    page = signed_in("analyst").get("/catalogue/rectification_ledger").text
    assert "<dt>每行</dt><dd>每行一个整改问题</dd>" in page
    assert 'href="/boards/rows/rectification_ledger"' in page
