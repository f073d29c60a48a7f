"""The clerk's way: refused rows in the inbox, mended in place or in the workbook, contested; a file checked and sent."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx2
import openpyxl  # type: ignore[import-untyped]
import pytest
from playwright.sync_api import Page, expect

from portal import faults, mending
from portal.site import Site
from tests.portal import county
from tests.portal.test_boards import axe
from warehouse import correction, registry
from warehouse.load import load

Window = Callable[..., Page]
Signed = Callable[[str], httpx2.Client]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
def order(site: Site) -> int:
    """A new order of the hotline office with two rows: one outside the code list, one without its ticket."""
    with site.database.owner() as connection:
        n = connection.execute("SELECT count(*) AS n FROM hub.batch").fetchone()["n"]  # type: ignore[index]
    county.drop(
        site.home.path / "inbox" / f"回访{n}.csv",
        [f"X{n},T2,1,2026-03-02 10:00:00,是,不知道", f"Y{n},,1,2026-03-03 10:00:00,是,已解决"],
    )
    load(registry.load(site.home).get("hotline_office/callback"), site.home)
    with site.database.owner() as connection:
        return int(connection.execute("SELECT max(order_id) AS n FROM hub.correction_order").fetchone()["n"])  # type: ignore[index]


def test_rows_are_mended_in_place_and_the_order_closes_itself(window: Window, order: int) -> None:
    page = window("clerk", expected="422")
    page.goto(f"/quality/orders/{order}")
    assert axe(page) == []
    expect(page.locator(".row")).to_have_count(2)
    page.locator(".row").nth(0).get_by_label("解决（有问题）").fill("大概")
    expect(page.locator("#edited")).to_have_text("已改 1 行")
    page.get_by_role("button", name="重新提交").click()
    expect(page.get_by_role("alert")).to_contain_text("请写明更正说明")
    page.get_by_label("更正说明").fill("核对录音")
    page.get_by_role("button", name="重新提交").click()
    expect(page.locator("#sending")).to_contain_text("退回 1，原因写在行上")
    bounced = page.locator(".row").filter(has_text="退回 1 次")
    expect(bounced.locator("input.wrong")).to_have_value("大概")
    bounced.locator("input.wrong").fill("未解决")
    page.locator(".row").filter(has_text="待更正").locator("input.wrong").fill("T3")
    page.get_by_label("更正说明").fill("补填")
    page.get_by_role("button", name="重新提交").click()
    expect(page.locator("#sending")).to_contain_text("全部通过")
    expect(page.locator(".empty")).to_contain_text("都改好了")


def test_an_order_closes_part_by_part(window: Window, signed_in: Signed, order: int, site: Site) -> None:
    """One row mended today, the other later: the order stays open with what is left, and says so everywhere."""
    page = window("clerk")
    page.goto(f"/quality/orders/{order}")
    page.locator(".row").nth(1).locator("input.wrong").fill("T3")
    page.get_by_label("更正说明").fill("补填工单号")
    page.get_by_role("button", name="重新提交").click()
    expect(page.locator("#sending")).to_contain_text("全部通过")
    page.reload()
    expect(page.locator(".row input.wrong:not([readonly])")).to_have_count(1)
    with site.database.owner() as connection:
        (left,) = correction.orders(connection, mending.today(), order=order)
    assert (left["rows"], left["open_rows"], left["closed_at"]) == (2, 1, None)
    page.goto("/inbox")
    line = page.locator("tr", has=page.locator(f"a[href='/quality/orders/{order}']"))
    expect(line.locator("td.num")).to_have_text([str(order), "2", "1", "0"])
    assert axe(page) == []
    page.goto(f"/quality/orders/{order}")
    page.locator(".row input.wrong:not([readonly])").fill("未解决")
    page.get_by_label("更正说明").fill("核对录音")
    page.get_by_role("button", name="重新提交").click()
    expect(page.locator("#sending")).to_contain_text("全部通过")
    with site.database.owner() as connection:
        (done,) = correction.orders(connection, mending.today(), order=order)
    assert (done["open_rows"], done["closed_at"] is not None) == (0, True)
    page.goto("/inbox")
    expect(page.locator(f"a[href='/quality/orders/{order}']")).to_have_count(0)


def test_workbook_goes_out_and_comes_back_sorted_and_short(signed_in: Signed, order: int, window: Window) -> None:
    client = signed_in("clerk")
    book = openpyxl.load_workbook(io.BytesIO(client.get(f"/quality/orders/{order}/workbook").content))
    sheet = book.active
    head = [c.value for c in sheet[1]]
    sheet.delete_rows(3)
    sheet.cell(2, head.index("解决") + 1).value = "已解决"
    changed = io.BytesIO()
    book.save(changed)
    post = {"data": {"_csrf": client.csrf}, "files": {"file": ("改好.xlsx", changed.getvalue(), XLSX)}}  # type: ignore[attr-defined]
    answer = client.post(f"/quality/orders/{order}/workbook", **post)
    assert answer.status_code == 422
    assert "没有写更正说明" in answer.text
    sheet.cell(2, head.index("更正说明（必填）") + 1).value = "笔误"
    changed = io.BytesIO()
    book.save(changed)
    post["files"] = {"file": ("改好.xlsx", changed.getvalue(), XLSX)}
    answer = client.post(f"/quality/orders/{order}/workbook", **post)
    assert answer.status_code == 303
    assert "全部通过" in client.get(answer.headers["location"]).text
    page = client.post(
        f"/quality/orders/{order}/workbook",
        data={"_csrf": client.csrf},
        files={"file": ("a.xlsx", b"no workbook", XLSX)},
    )  # type: ignore[attr-defined]
    assert page.status_code == 422
    assert "不是有效的 .xlsx" in page.text


def test_of_two_rows_with_one_key_the_right_one_goes_back_as_it_is(signed_in: Signed, site: Site) -> None:
    inbox = site.home.path / "inbox"
    county.drop(
        inbox / "回访双.csv", ["TW1,T1,1,2026-03-02 10:00:00,是,已解决", "TW1,T2,1,2026-03-03 10:00:00,是,已解决"]
    )
    load(registry.load(site.home).get("hotline_office/callback"), site.home)
    with site.database.owner() as connection:
        order = connection.execute("SELECT max(order_id) AS n FROM hub.correction_order").fetchone()["n"]  # type: ignore[index]
        first, second = (r["quarantine_id"] for r in correction.rows(connection, order=order))
    client = signed_in("clerk")
    post = {"_csrf": client.csrf, "reason": "第二行抄错编号"}  # type: ignore[attr-defined]
    answer = client.post(f"/quality/orders/{order}", data=post | {f"r{second}:编号": "TW2", f"same{first}": "1"})
    assert "sent=2&passed=2" in answer.headers["location"]
    assert "都改好了" in client.get(answer.headers["location"]).text


def test_a_rule_is_explained_with_its_rows(signed_in: Signed, order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults.catalogue, "downstream", lambda dataset, column: [("hotline_trend", "tickets")])
    place = "/quality/rules?connector=hotline_office/callback&field=ticket_no&rule=required"
    text = signed_in("clerk").get(place).text
    assert "不能为空" in text
    assert "没有进入用到这一列的 1 个专题视图" in text
    assert f"/quality/orders/{order}#row" in text
    assert signed_in("taxclerk").get(place).status_code == 404
    assert "unparsed" not in signed_in("clerk").get("/quality").text


def test_contest_is_decided_by_an_engineer(window: Window, order: int) -> None:
    clerk = window("clerk")
    clerk.goto(f"/quality/orders/{order}")
    row = clerk.locator(".row").first
    row.get_by_text("数据没错").click()
    row.get_by_label("理由").fill("代码表缺这一项")
    row.get_by_label("附件").set_input_files(
        {"name": "代码表.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 x"}
    )
    row.get_by_role("button", name="提交申诉").click()
    expect(clerk.locator(".say.good")).to_contain_text("申诉已提交")
    engineer = window("engineer")
    engineer.goto("/inbox")
    engineer.locator("section").filter(has_text="申诉待裁定").locator(f"a[href*='orders/{order}#']").click()
    with engineer.expect_download() as paper:
        engineer.get_by_role("link", name="代码表.pdf").click()
    assert Path(paper.value.path()).read_bytes() == b"%PDF-1.4 x"
    engineer.get_by_label("裁定依据").fill("属实，规则待修订")
    engineer.get_by_role("button", name="申诉成立").click()
    expect(engineer.locator(".say.good")).to_contain_text("申诉成立")


def test_whole_order_is_contested_and_its_values_are_veiled_for_others(
    signed_in: Signed, order: int, site: Site
) -> None:
    client, engineer = signed_in("clerk"), signed_in("engineer")
    post = {"_csrf": client.csrf, "why": "规则不适用"}  # type: ignore[attr-defined]
    wrong = {"file": ("证明.pdf", b"<html>", "application/pdf")}
    assert client.post(f"/quality/orders/{order}/contest", data=post, files=wrong).status_code == 422
    assert client.post(f"/quality/orders/{order}/contest", data=post).status_code == 303
    assert client.get(f"/quality/orders/{order}").text.count("申诉中") >= 2
    with site.database.owner() as connection:
        known = site.registry().connectors["hotline_office/callback"]
        one = mending.order(connection, order)
        assert one is not None
        shown = mending.items(connection, site, one, veil=True)[0]
        columns = mending._plain_columns(replace(known, fields={"ticket_no": "工单", "caller_hash": "来电"}))
    assert {c["name"] for c in shown["cells"]} == set(known.fields.values())
    assert columns == {"工单"}  # a column no field of the contract takes up is veiled like a sensitive one
    assert engineer.get(f"/quality/orders/{order}/workbook").status_code == 403
    raw = {"_csrf": engineer.csrf, "reason": ""}  # type: ignore[attr-defined]
    assert engineer.post(f"/quality/orders/{order}/raw", data=raw).status_code == 422
    assert engineer.post(f"/quality/orders/{order}/raw", data=raw | {"reason": "核对申诉"}).status_code == 200


def test_other_departments_orders_are_not_there(signed_in: Signed, order: int, site: Site) -> None:
    other = signed_in("taxclerk")
    with site.database.owner() as connection:
        row = connection.execute(
            "SELECT min(quarantine_id) AS n FROM hub.quarantine WHERE order_id = %s", [order]
        ).fetchone()["n"]  # type: ignore[index]
        batch = connection.execute("SELECT batch_id FROM hub.correction_order WHERE order_id = %s", [order]).fetchone()[
            "batch_id"
        ]  # type: ignore[index]
    for path in (
        f"/quality/orders/{order}",
        f"/quality/orders/{order}/workbook",
        f"/runs/{batch}",
        "/connectors/hotline_office/callback",
    ):
        assert other.get(path).status_code == 404, path
    for path in (f"/quality/orders/{order}", f"/quality/rows/{row}/contest", "/uploads/hotline_office/callback/send"):
        assert other.post(path, data={"_csrf": other.csrf, "reason": "x"}).status_code == 404, path  # type: ignore[attr-defined]
    assert f"/quality/orders/{order}" not in other.get("/inbox").text
    assert signed_in("engineer").get(f"/quality/orders/{order}").status_code == 200


def test_file_is_checked_before_it_counts_and_then_sent(window: Window, site: Site, tmp_path: Path) -> None:
    file = tmp_path / "回访_九月.csv"
    county.drop(file, ["U1,T1,1,2026-03-01 10:00:00,是,已解决", "U2,T2,1,2026-03-02 10:00:00,是,也许"])
    page = window("clerk")
    page.goto("/uploads")
    page.get_by_label("12345 热线回访的文件").set_input_files(file)
    page.get_by_role("button", name="检查这份文件").click()
    expect(page.locator("h1")).to_have_text("回访_九月.csv")
    expect(page.locator(".keys li.bad .figure")).to_contain_text("1")
    expect(page.locator("tbody tr")).to_contain_text("也许")
    assert axe(page) == []
    with site.database.owner() as connection:
        count = "SELECT count(*) AS n FROM hub.batch WHERE delivery LIKE '%%九月%%'"
        assert connection.execute(count.replace("%%", "%")).fetchone() == {"n": 0}  # type: ignore[arg-type]
    page.get_by_role("button", name="照样报送").click()
    expect(page.locator(".say.good")).to_contain_text("已报送")
    expect(page.locator("tbody tr").first).to_contain_text("回访_九月.csv")


def test_files_that_are_not_what_they_say_are_refused(signed_in: Signed, tmp_path: Path) -> None:
    client = signed_in("clerk")
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as inside:
        inside.writestr("x", b"0" * 1000)

    def send(name: str, content: bytes) -> httpx2.Response:
        return client.post(
            "/uploads/hotline_office/callback", data={"_csrf": client.csrf}, files={"file": (name, content, "text/csv")}
        )  # type: ignore[attr-defined]

    for name, content, words in (
        ("a.exe", b"MZ", "不收 .exe"),
        ("a.csv", bomb.getvalue(), "压缩包"),
        ("a.csv", "别的列\n1\n".encode(), "没有报送"),
        ("../../etc/a.csv", b"", "没有报送"),
    ):
        answer = send(name, content)
        assert answer.status_code == 422, name
        assert words in answer.text, name
    for ticket in ("../x", "abc", ""):
        answer = client.post("/uploads/hotline_office/callback/send", data={"_csrf": client.csrf, "ticket": ticket})  # type: ignore[attr-defined]
        assert answer.status_code == 404
