"""Reports about problems: a clerk of the lead department reports, another person says what becomes of it."""

from __future__ import annotations

from collections.abc import Callable

import httpx2

from portal.site import Site

Signed = Callable[[str], httpx2.Client]
PLACE = "/boards/rectification/ZG2026003"
PDF = ("验收意见.pdf", b"%PDF-1.4 x", "application/pdf")


def test_progress_and_closure_are_reported_with_papers_and_reviewed_by_another(signed_in: Signed, site: Site) -> None:
    clerk, other, leader = signed_in("taxclerk"), signed_in("clerk"), signed_in("leader")

    def report(client: httpx2.Client, paper: tuple[str, bytes, str] | None = None, **given: str) -> httpx2.Response:
        data = {"_csrf": client.csrf, "kind": "progress", "pct": "80", "content": "已完成自查"} | given  # type: ignore[attr-defined]
        return client.post(f"{PLACE}/reports", data=data, files={"file": paper} if paper else {})

    assert report(other).status_code == 404  # the hotline office does not lead this problem
    assert report(leader).status_code == 403
    assert report(clerk, pct="101").status_code == 422
    assert report(clerk).status_code == 303
    assert "上一份还没有审核" in report(clerk).text
    assert "没有附佐证材料" in report(clerk, kind="closure").text
    assert "不是它的扩展名所说的文件" in report(clerk, ("a.docx", b"MZ", "x"), kind="closure").text
    assert report(clerk, PDF, kind="closure").status_code == 303
    with site.database.owner() as connection:
        first, second = (
            r["report_id"] for r in connection.execute("SELECT report_id FROM hub.rectification_report ORDER BY 1")
        )
        paper = connection.execute(
            "SELECT attachment_id FROM hub.attachment WHERE subject = %s", [f"rectification:{second}"]
        ).fetchone()
    answer = {"_csrf": leader.csrf, "verdict": "returned", "answer": ""}  # type: ignore[attr-defined]
    assert "退回没有写理由" in leader.post(f"{PLACE}/reports/{first}", data=answer).text
    assert leader.post(f"{PLACE}/reports/{first}", data=answer | {"answer": "缺验收"}).status_code == 303
    assert leader.post(f"{PLACE}/reports/{second}", data=answer | {"verdict": "accepted"}).status_code == 303
    review = {"_csrf": clerk.csrf, "verdict": "accepted"}  # type: ignore[attr-defined]
    assert clerk.post(f"{PLACE}/reports/{second}", data=review).status_code == 404
    page = clerk.get(PLACE).text
    assert "缺验收" in page
    assert "已同意" in page
    file = f"{PLACE}/reports/{second}/papers/{paper['attachment_id']}"  # type: ignore[index]
    assert leader.get(file).content == PDF[1]
    assert "attachment" in leader.get(file).headers["content-disposition"]
    assert other.get(file).status_code == 404
    assert leader.get(f"{PLACE}/reports/{first}/papers/{paper['attachment_id']}").status_code == 404  # type: ignore[index]
