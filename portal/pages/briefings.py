"""Briefings: choose the sections, freeze the figures, take them away as docx or pdf."""

from __future__ import annotations

import json
import re
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from portal import audit, briefing, figures, papers
from portal.downloads import attachment
from portal.web import Missing, Refused, Visit, route

router = APIRouter()
_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@route(router, "/briefings", "briefing.make")
def index(visit: Visit) -> Response:
    """Briefings made so far, and the form for a new one."""
    with visit.site.database.owner() as connection:
        made = connection.execute(
            "SELECT b.*, a.person FROM hub.briefing b JOIN hub.account a ON a.account_id = b.made_by ORDER BY briefing_id DESC LIMIT 50"
        ).fetchall()
        published = {
            name: figures.as_of(figures.published(connection, prefix)) for name, prefix in figures.BOARDS.items()
        }
    months: list[Any] = []
    editions: list[dict[str, Any]] = []
    with visit.site.database.seen_by(visit.user) as connection:
        if published["hotline"]:
            months = figures.hotline_months(connection)
        if published["indicators"]:
            editions = figures.editions(connection)
    return visit.page(
        "briefings.html", made=made, sections=briefing.SECTIONS, published=published, months=months, editions=editions
    )


@route(router, "/briefings", "briefing.make", methods=("POST",))
def make(visit: Visit) -> Response:
    """Freeze the figures as they stand now."""
    chosen = [s for s in briefing.SECTIONS if s in visit.form.getlist("section")]
    with visit.site.database.owner() as connection:
        days = [figures.as_of(figures.published(connection, figures.BOARDS[s])) for s in chosen]
    if not chosen or any(day is None for day in days):
        raise Refused(422, "没有选章节，或所选看板还没有数据", "请至少选一个有数据的看板")
    if visit.user.department is not None:
        raise Refused(403, "简报是全县的数字", "部门的数字请在看板上打印")
    month = visit.text("month")
    if month and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise Refused(422, f"月份 '{month}' 写得不对", "请从列表里选，例如 2026-09")
    as_of = min(day for day in days if day is not None)
    title = visit.text("title") or f"营商环境工作简报（{as_of.isoformat()}）"
    with visit.site.database.owner() as connection:
        named = figures.schemes(connection)
    with visit.site.database.seen_by(visit.user) as connection:
        content = briefing.compose(connection, chosen, as_of, month=month, edition=visit.text("edition"), schemes=named)
    with visit.site.database.owner() as connection:
        connection.execute(
            "INSERT INTO hub.briefing (title, as_of, sections, content, made_by) VALUES (%s, %s, %s, %s, %s)",
            [title, as_of, chosen, json.dumps(content, ensure_ascii=False), visit.user.account_id],
        )
        audit.write(connection, visit.user.name, "briefing", title, address=visit.address, sections=chosen, month=month)
    failed = [s["title"] for s in content["sections"] if s.get("failed")]
    missing = f"；没有生成的章节：{'、'.join(failed)}" if failed else ""
    return visit.go("/briefings", f"已生成《{title}》，数字已定稿，以后不会变{missing}")


def _one(visit: Visit, number: int) -> dict[str, Any]:
    with visit.site.database.owner() as connection:
        found = connection.execute("SELECT * FROM hub.briefing WHERE briefing_id = %s", [number]).fetchone()
    if found is None or visit.user.department is not None:
        raise Missing(f"简报 {number}", "简报")
    return found


@route(router, "/briefings/{number}.docx", "briefing.make")
def as_docx(visit: Visit, number: int) -> Response:
    """The briefing for Word and WPS."""
    found = _one(visit, number)
    return attachment(papers.docx(found["title"], found["content"]), f"{found['title']}.docx", _DOCX)


@route(router, "/briefings/{number}.pdf", "briefing.make")
def as_pdf(visit: Visit, number: int) -> Response:
    """The briefing for print."""
    found = _one(visit, number)
    return attachment(papers.pdf(found["title"], found["content"]), f"{found['title']}.pdf", "application/pdf")


@route(router, "/briefings/{number}", "briefing.make")
def show(visit: Visit, number: int) -> Response:
    """The briefing as a page, to read before it is sent on."""
    found = _one(visit, number)
    return visit.page("briefing.html", one=found, content=found["content"])
