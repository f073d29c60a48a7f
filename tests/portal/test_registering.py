"""From a workbook to a live source: seven steps by keyboard, another person's approval, rows back and mended."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import openpyxl  # type: ignore[import-untyped]
import pytest
from playwright.sync_api import Page, expect

from portal import registering
from portal.site import Site
from tests.portal.test_boards import axe
from warehouse import registry
from warehouse.load import load

Window = Callable[..., Page]
Signed = Callable[[str], httpx2.Client]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _workbook(path: Path) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["停水通知台账"])
    sheet.append(["通知编号", "小区名称", "停水日期", "联系电话", "影响户数"])
    for n in range(1, 121):
        day = {7: "月底", 31: "下周"}.get(n, f"2026-10-{n % 28 + 1:02d}")
        sheet.append([f"TS2026{n:03d}", f"朝阳小区{n}", day, "13900001234", n])
    book.save(path)
    return path


def _tab_to(page: Page, selector: str) -> None:
    """Press Tab until the element has the focus."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.locator(selector).first.evaluate("(e) => e === document.activeElement"):
            return
    raise AssertionError(f"Tab never reaches {selector}")


def test_newcomer_registers_a_workbook_has_it_approved_and_mends_what_comes_back(
    window: Window, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_INBOX", str(tmp_path / "inbox"))
    clerk = window("clerk", expected="422")
    clerk.goto("/connectors")
    clerk.get_by_role("link", name="登记来源").click()
    # The whole of the wizard by keyboard alone; only choosing a file is the browser's own window.
    clerk.get_by_label("名称").focus()
    clerk.keyboard.type("停水通知")
    _tab_to(clerk, "input[name=name]")
    clerk.keyboard.type("outage")
    _tab_to(clerk, "input[name=driver]")
    clerk.keyboard.press("Space")
    expect(clerk.locator("input[value=excel]")).to_be_checked()
    assert axe(clerk) == []
    _tab_to(clerk, "button.main")
    clerk.keyboard.press("Enter")
    clerk.get_by_label("样本文件").set_input_files(_workbook(tmp_path / "停水通知_十月.xlsx"))
    _tab_to(clerk, "form#describe button.main")
    clerk.keyboard.press("Enter")
    expect(clerk.locator("[data-probe] li.good")).to_have_count(5)
    expect(clerk.locator("#probe-next")).to_be_focused()
    assert axe(clerk) == []
    clerk.keyboard.press("Enter")
    expect(clerk.locator("main h2").first).to_contain_text("这样读对不对")
    expect(clerk.locator("tbody tr")).to_have_count(50)
    expect(clerk.locator("thead")).to_contain_text("停水日期")
    assert axe(clerk) == []
    _tab_to(clerk, "button.main")
    clerk.keyboard.press("Enter")
    expect(clerk.get_by_label("tong_zhi_bian_hao 是主键")).to_be_checked()
    expect(clerk.get_by_label("lian_xi_dian_hua 的敏感级别")).to_have_value("S2")
    assert axe(clerk) == []
    _tab_to(clerk, "button.main")
    clerk.keyboard.press("Enter")
    expect(clerk.locator("main h2").first).to_have_text("怎么取")
    assert axe(clerk) == []
    _tab_to(clerk, "input[name=mode]")
    clerk.keyboard.press("ArrowDown")
    _tab_to(clerk, "select[name=schedule]")
    for _ in range(3):
        clerk.keyboard.press("ArrowDown")
    expect(clerk.get_by_label("频率")).to_have_value("30 2 * * *")
    _tab_to(clerk, "button.main")
    clerk.keyboard.press("Enter")
    expect(clerk.locator("main h2").first).to_have_text("别的部门能不能用")
    _tab_to(clerk, "input[name=sharing]")
    clerk.keyboard.press("ArrowDown")
    _tab_to(clerk, "button.main")
    clerk.keyboard.press("Enter")
    expect(clerk.get_by_role("alert")).to_contain_text("有条件共享要写明")
    expect(clerk.get_by_role("radio", name="有条件共享")).to_be_checked()  # what was chosen is still there
    _tab_to(clerk, "input[name=basis]")
    clerk.keyboard.type("应急处置")
    _tab_to(clerk, "button.main")
    clerk.keyboard.press("Enter")
    expect(clerk.locator(".keys")).to_contain_text("会退回")
    expect(clerk.locator(".keys li.bad .figure")).to_contain_text("2")
    assert axe(clerk) == []
    _tab_to(clerk, "button.main")
    clerk.keyboard.press("Enter")
    expect(clerk.locator(".say.good")).to_contain_text("已提交")
    number = clerk.url.split("/")[-2]
    assert "hotline_office/outage" not in site.registry().connectors

    engineer = window("engineer")
    engineer.goto("/inbox")
    engineer.get_by_role("link", name="停水通知").click()
    assert engineer.url.endswith(f"/reviews/{number}")
    assert axe(engineer) == []
    expect(engineer.locator(".diff").first).to_contain_text("${HUB_INBOX}/hotline_office/outage/*.xls*")
    engineer.get_by_role("button", name="批准").click()
    expect(engineer.locator(".say.good").first).to_contain_text("第 1 版已生效")

    # Live at once, its first delivery in, two rows back in the department's inbox.
    with site.database.owner() as connection:
        counts = connection.execute("SELECT count(*) AS n FROM record.outage").fetchone()
    assert counts == {"n": 118}
    clerk.goto("/inbox")
    clerk.locator("a", has_text="停水通知").first.click()
    order = clerk.url.split("/")[-1]
    expect(clerk.locator(".row")).to_have_count(2)
    with clerk.expect_download() as download:
        clerk.get_by_role("link", name="下载带原因的 Excel").click()
    book = openpyxl.load_workbook(io.BytesIO(Path(download.value.path()).read_bytes()))
    sheet = book.active
    head = [c.value for c in sheet[1]]
    sheet.cell(2, head.index("停水日期") + 1).value = "2026-10-07"
    sheet.cell(2, head.index("更正说明（必填）") + 1).value = "核对原件"
    sheet.delete_rows(3)
    book.save(tmp_path / "改好.xlsx")
    clerk.get_by_label("改好的 Excel").set_input_files(tmp_path / "改好.xlsx")
    clerk.get_by_role("button", name="上传并重检").click()
    expect(clerk.locator("#sending")).to_contain_text("全部通过")
    clerk.locator(".row input.wrong").fill("2026-11-02")
    clerk.get_by_label("更正说明").fill("补填")
    clerk.get_by_role("button", name="重新提交").click()
    expect(clerk.locator(".empty")).to_contain_text("都改好了")
    with site.database.owner() as connection:
        assert connection.execute("SELECT count(*) AS n FROM record.outage").fetchone() == {"n": 120}
    clerk.goto("/quality")
    assert f"/quality/orders/{order}" not in clerk.content()

    # Every tab of it; paused and resumed; changed by a new version, which the other person sees as a difference.
    clerk.goto("/connectors/hotline_office/outage")
    for tab in ("运行", "映射", "质量", "凭据", "变更", "概况"):
        clerk.locator(".tabs").get_by_role("link", name=tab).click()
        expect(clerk.locator(".tabs a[aria-current]")).to_have_text(tab)
        assert axe(clerk) == []
    clerk.get_by_label("原因").fill("系统升级")
    clerk.get_by_role("button", name="停用").click()
    expect(clerk.locator(".say.good")).to_contain_text("已停用")
    assert not site.registry().get("hotline_office/outage").enabled
    clerk.get_by_role("button", name="恢复采集").click()
    expect(clerk.locator(".say.good")).to_contain_text("已恢复")
    clerk.get_by_role("button", name="修改登记").click()
    assert clerk.url.endswith("/source")
    clerk.get_by_role("button", name="保存并测试连接").click()
    expect(clerk.locator("#probe-next")).to_be_focused()
    second = clerk.url.split("/")[-2]
    clerk.goto(f"/connectors/new/{second}/schedule")
    clerk.get_by_label("频率").select_option(label="每小时")
    clerk.get_by_role("button", name="下一步").click()
    clerk.get_by_role("button", name="下一步").click()
    clerk.get_by_role("button", name="提交审批").click()
    engineer.goto(f"/reviews/{second}")
    expect(engineer.locator(".diff tbody tr")).to_have_count(1)
    expect(engineer.locator(".diff tbody tr")).to_contain_text("每天凌晨 2:30")
    engineer.get_by_label("意见").fill("太勤了")
    engineer.get_by_role("button", name="退回修改").click()
    expect(engineer.locator(".say.good")).to_contain_text("已退回")
    assert site.registry().get("hotline_office/outage").schedule == "30 2 * * *"
    clerk.goto("/connectors/new")
    expect(clerk.locator("main")).to_contain_text("太勤了")


@pytest.fixture
def post(signed_in: Signed) -> Iterator[Callable[..., httpx2.Response]]:
    """Send a form as one of the PEOPLE."""

    def send(who: str, place: str, files: object = None, **data: str) -> httpx2.Response:
        client = signed_in(who)
        return client.post(place, data={"_csrf": client.csrf, **data}, files=files)  # type: ignore[attr-defined, arg-type]

    return send


def _begin(post: Callable[..., httpx2.Response], who: str, driver: str, name: str, **more: str) -> str:
    answer = post(who, "/connectors/new", driver=driver, title="试登记", name=name, **more)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]).rsplit("/", 1)[0]


def test_a_form_cannot_make_the_hub_reach_what_it_should_not(
    post: Callable[..., httpx2.Response], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_SECRET_OTHER", "geheim-4711")
    database = _begin(post, "clerk", "postgresql", "probe_a")
    given = {"database": "d", "user": "u", "password": "p", "table": "t"}
    own = str(site.home.database_url.rsplit(":", 1)[1].split("/")[0])
    for host, port in (
        ("127.0.0.1", ""),
        ("169.254.169.254", "80"),
        ("[::1]", "5432"),
        ("8.8.8.8", ""),
        ("localhost", own),
    ):
        answer = post("clerk", f"{database}/source", host=host, port=port, **given)
        assert answer.status_code == 422, host
        assert "不在允许接入的网段" in answer.text, host
    monkeypatch.setenv("HUB_SOURCE_NETWORKS", "127.0.0.0/8")
    answer = post("clerk", f"{database}/source", host="127.0.0.1", port=own, **given)
    assert "枢纽自己的服务" in answer.text
    answer = post("clerk", f"{database}/source", host="${HUB_SECRET_OTHER}", **given)
    assert answer.status_code == 422
    assert "不能写引用" in answer.text
    http = _begin(post, "clerk", "http", "probe_b")
    for more in (
        "headers={X: ${HUB_SECRET_OTHER}}",
        "proxy=http://169.254.169.254/",
        "token_url=http://8.8.8.8/",
        "ca_file=/etc/passwd",
    ):
        answer = post("clerk", f"{http}/source", url="http://127.0.0.1:1/x", more=more)
        assert answer.status_code == 422, more
        assert "geheim" not in answer.text
    file = _begin(post, "engineer", "excel", "probe_c", department="tax")
    for path in ("/etc/*.xlsx", "${HUB_INBOX}/../../etc/*.xlsx", str(site.home.path / "hub.env")):
        answer = post("engineer", f"{file}/source", path=path)
        assert answer.status_code == 422, path
        assert "不在收件目录里" in answer.text
    # A clerk's path is not even looked at.
    clerks = _begin(post, "clerk", "excel", "probe_d")
    assert "没有选文件" in post("clerk", f"{clerks}/source", path="/etc/passwd").text


def test_samples_that_are_not_what_they_say_are_refused(post: Callable[..., httpx2.Response]) -> None:
    place = _begin(post, "clerk", "excel", "probe_e")
    macro, plain = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(macro, "w") as inside:
        inside.writestr("[Content_Types].xml", "x")
        inside.writestr("xl/vbaProject.bin", "x")
    with zipfile.ZipFile(plain, "w") as inside:
        inside.writestr("x", "y")
    for name, content, words in (
        ("a.xlsx", macro.getvalue(), "宏"), ("a.xlsx", plain.getvalue(), "不是有效的"), ("a.exe", b"MZ", "不收 .exe"),
        ("../../a.sh", b"x", "不收 .sh"),
    ):  # fmt: skip
        answer = post("clerk", f"{place}/source", files={"file": (name, content, XLSX)})
        assert answer.status_code == 422, name
        assert words in answer.text


def test_drafts_are_their_makers_and_nobody_approves_their_own(
    post: Callable[..., httpx2.Response], signed_in: Signed, site: Site
) -> None:
    place = _begin(post, "clerk", "csv", "probe_f")
    number = int(place.rsplit("/", 1)[1])
    assert signed_in("taxclerk").get(f"{place}/source").status_code == 404
    assert post("taxclerk", f"{place}/source").status_code == 404
    assert signed_in("engineer").get(f"{place}/source").status_code == 200
    assert post("engineer", f"{place}/source").status_code == 409
    assert post("engineer", f"{place}/withdraw").status_code == 409
    assert post("clerk", "/connectors/new", driver="csv", title="重名", name="probe_f").status_code == 422
    assert post("clerk", "/connectors/new", driver="csv", title="已有", name="callback").status_code == 422
    assert post("clerk", f"{place}/submit").status_code == 422
    assert post("engineer", f"/reviews/{number}/approve").status_code == 404
    known = site.registry().get("hotline_office/callback")
    with site.database.control() as connection:
        mine = registry.save(connection, "hotline_office/own", dict(known.document), by="gongcheng")
        registry.submit(connection, mine.registration_id, by="gongcheng")
    answer = post("engineer", f"/reviews/{mine.registration_id}/approve")
    assert answer.status_code == 403
    assert "自己登记" in answer.text
    assert "另一位数据工程师" in signed_in("engineer").get(f"/reviews/{mine.registration_id}").text
    with site.database.control() as connection:
        registry.withdraw(connection, mine.registration_id, by="gongcheng")
    assert post("clerk", f"{place}/withdraw").status_code == 303


def test_change_of_a_source_is_decided_in_the_portal_and_the_held_file_goes_in(
    window: Window, site: Site, signed_in: Signed, tmp_path: Path
) -> None:
    folder = site.home.path / "connectors" / "hotline_office"
    (folder / "visit.yaml").write_text(
        f"title: 热线走访\ndataset: hotline_callback\nsource: {{driver: csv, path: '{tmp_path}/*.csv', settle: 0}}\nload: {{mode: file}}\n"
        "fields: {callback_id: 编号, ticket_no: 工单, round: 轮次, called_at: 时间, reached: 接通, solved: 解决}\n",
        encoding="utf-8",
    )
    head = "编号,工单,轮次,时间,接通,"
    row = "{},T1,1,2026-03-01 10:00:00,是,已解决\n"
    (tmp_path / "a.csv").write_text(head + "解决\n" + row.format("V1"), encoding="utf-8")
    load(site.registry().get("hotline_office/visit"), site.home)
    (tmp_path / "b.csv").write_text(head + "是否解决\n" + row.format("V2"), encoding="utf-8")
    load(site.registry().get("hotline_office/visit"), site.home)
    page = window("clerk", expected="422")
    page.goto("/drift")
    assert axe(page) == []
    line = page.locator("tbody tr", has_text="热线走访")
    expect(line).to_contain_text("扣住")
    line.get_by_role("link").click()
    assert axe(page) == []
    page.get_by_role("button", name="拒收").click()
    expect(page.get_by_role("alert")).to_contain_text("拒收要写明原因")
    number = int(page.url.split("/")[4])
    assert signed_in("taxclerk").get(f"/drift/{number}").status_code == 404
    assert "热线走访" not in signed_in("taxclerk").get("/drift").text
    with site.database.owner() as connection:
        held = connection.execute("SELECT batch_id FROM hub.drift WHERE drift_id = %s", [number]).fetchone()
    assert held is not None
    told = signed_in("clerk").get(f"/runs/{held['batch_id']}").text
    assert f'<a href="/drift/{number}">列改名</a>' in told
    assert "hub replay" not in told
    page.get_by_role("button", name="是改名").click()
    expect(page.locator(".say.good")).to_contain_text("已接受，正在重新读取 1 批")
    with site.database.owner() as connection:
        found = connection.execute(
            "SELECT count(*) AS n FROM record.hotline_callback WHERE callback_id = 'V2'"
        ).fetchone()
    assert found == {"n": 1}
    told = signed_in("clerk").get(f"/runs/{held['batch_id']}").text
    assert re.search(r'入库的是<a href="/runs/\d+">批次', told)
    assert "更新看板" not in told
    (folder / "visit.yaml").unlink()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("台账.xlsx", "台账.xlsx"),
        ("张三13800000000.XLSX", "样本.xlsx"),
        (".a.csv", "样本.csv"),
        ("C:\\下载\\表.csv", "表.csv"),
    ],
)
def test_a_sample_is_not_kept_under_a_persons_number(given: str, kept: str) -> None:
    assert registering.sample_name(given) == kept
