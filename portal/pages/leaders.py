"""What leaders look at across the boards: department report cards, causes and consequences, task books, 红黑榜."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from portal import audit, board_charts, exposure, faults, figures
from portal.pages.boards import empty, standing
from portal.roles import can
from portal.web import Missing, Refused, Visit, route
from schemas.reference import departments

router = APIRouter()
_CARD, _CAUSES = "quality_department_report_card", "indicator_cause_and_consequence"


@route(router, "/boards/departments", "board.read")
def report_cards(visit: Visit) -> Response:
    """All departments: deliveries, quality, hotline, rectification, indicators."""
    board = standing(visit, "quality", "部门成绩单", _CARD)
    if board is None:
        return empty(visit, "quality", "部门成绩单")
    with visit.site.database.seen_by(visit.user) as connection:
        cards = figures.report_card(connection)
    return visit.page("report_cards.html", **board, cards=cards)


@route(router, "/boards/departments/{code}", "board.read")
def report_card(visit: Visit, code: str) -> Response:
    """One department: its figures beside the county's middle, what is late, what it leads."""
    board = standing(visit, "quality", "部门成绩单", _CARD)
    with visit.site.database.seen_by(visit.user) as connection:
        cards = figures.report_card(connection) if board else []
        one = next((c for c in cards if c["dept_code"] == code), None)
        if board is None or one is None:
            raise Missing(f"单位 {code} 的成绩单", "部门成绩单")
        found = figures.department(connection, code)
    chart = board_charts.on_time(found["months"], one["department"])
    found["refused"] = faults.worded(found["refused"], visit.site.registry())
    return visit.page("report_card.html", **board, one=one, chart=chart, middle=_middle(cards), **found)


def _middle(cards: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of each rate over the departments that have it."""
    from statistics import median

    rates = ("passed_pct", "hotline_on_time_pct", "rectification_on_time_pct", "lowest_score")
    known = {rate: [c[rate] for c in cards if c[rate] is not None] for rate in rates}
    return {rate: median(values) if values else None for rate, values in known.items()}


@route(router, "/boards/causes", "board.read")
def causes(visit: Visit) -> Response:
    """Weak indicators: what people complained of, what is being put right, whether the next score rose."""
    board = standing(visit, "indicator", "短板因果", _CAUSES)
    if board is None:
        return empty(visit, "indicator", "短板因果")
    with visit.site.database.seen_by(visit.user) as connection:
        found = figures.causes(connection)
    return visit.page("causes.html", **board, rows=found, chart=board_charts.behind(found))


@route(router, "/boards/rectification/units/{code}", "board.read")
def task_book(visit: Visit, code: str) -> Response:
    """A unit's task book, to print and sign: each problem, who answers, by when, measures, progress."""
    board = standing(visit, "rectification", "整改任务书")
    with visit.site.database.seen_by(visit.user) as connection:
        problems = figures.task_book(connection, code) if board else []
    if board is None or not problems:
        raise Missing(f"单位 {code} 牵头的整改问题", "问题整改看板")
    with visit.site.database.owner() as connection:
        measures = figures.measures(connection, [p["problem_no"] for p in problems])
    return visit.page(
        "task_book.html", **board, problems=problems, measures=measures, unit=problems[0]["lead_department"]
    )


# ------------------------------------------------------------------------------------------------- 红黑榜
@route(router, "/boards/exposure", "board.read")
def exposed(visit: Visit) -> Response:
    """Published examples; those who draft see all with their state."""
    works = visit.user.department is None and can(visit.user, "exposure.draft")
    with visit.site.database.owner() as connection:
        shown = exposure.published(connection)
        every = exposure.every(connection) if works else []
    return visit.page(
        "exposure.html", shown=shown, every=every, works=works, kinds=exposure.KINDS, states=exposure.STATES
    )


@route(router, "/boards/exposure/new", "exposure.draft")
def draft_form(visit: Visit, problem: str = "", unit: str = "", kind: str = "black") -> Response:
    """The form; from a problem or a hotline unit its figures are filled in."""
    given = {
        "kind": kind if kind in exposure.KINDS else "black",
        "title": "",
        "content": "",
        "dept_code": "",
        "link": "",
    }
    with visit.site.database.seen_by(visit.user) as connection:
        if problem:
            given |= exposure.from_problem(figures.problem(connection, problem))
        elif unit:
            given |= exposure.from_unit(figures.unit(connection, unit), given["kind"])
    units = sorted((d.dept_code, d.short_name or d.name) for d in departments().values() if d.dept_code)
    return visit.page("exposure_form.html", given=given, kinds=exposure.KINDS, units=units)


@route(router, "/boards/exposure/new", "exposure.draft", methods=("POST",))
def draft(visit: Visit) -> Response:
    """Keep a draft, which another person decides."""
    fields = {name: visit.text(name) for name in ("kind", "title", "content", "dept_code", "link")}
    known = {d.dept_code for d in departments().values()}
    if visit.user.department is not None:
        raise Refused(403, "红黑榜是全县的", "请把情况报县营商环境建设局")
    if (
        fields["kind"] not in exposure.KINDS
        or not fields["title"]
        or not fields["content"]
        or fields["dept_code"] not in known
    ):
        raise Refused(422, "没有填全", "榜别、单位、标题、内容都要填")
    if fields["link"] and not fields["link"].startswith("/boards/"):
        raise Refused(422, "依据须是看板里的一页", "请从问题或单位的页面上点“列入红黑榜”")
    with visit.site.database.owner() as connection:
        day = figures.as_of(figures.published(connection))
        if day is None:
            raise Refused(422, "看板还没有数据", "请在数据发布后再起草")
        number_ = exposure.draft(connection, visit.user, as_of=day, **fields)
        audit.write(
            connection, visit.user.name, "exposure", f"红黑榜 {number_}", address=visit.address, did="draft", **fields
        )
    return visit.go("/boards/exposure", "已起草，由另一位领导审核")


@route(router, "/boards/exposure/{number}/decide", "exposure.decide", methods=("POST",))
def decide(visit: Visit, number: int) -> Response:
    """Approve or refuse another person's draft."""
    approved, answer = visit.text("approved") == "1", visit.text("answer")
    if not approved and not answer:
        raise Refused(422, "不通过要写理由", "请写明理由再提交")
    _act(
        visit,
        number,
        "approve" if approved else "refuse",
        lambda c: exposure.decide(c, number, visit.user, approved, answer),
        answer,
    )
    return visit.go("/boards/exposure", "已通过，可以发布" if approved else "已退回起草人")


@route(router, "/boards/exposure/{number}/publish", "exposure.decide", methods=("POST",))
def publish(visit: Visit, number: int) -> Response:
    """Show an approved example to everybody."""
    _act(visit, number, "publish", lambda c: exposure.publish(c, number, visit.user))
    return visit.go("/boards/exposure", "已发布，各单位都能看到")


@route(router, "/boards/exposure/{number}/withdraw", "exposure.decide", methods=("POST",))
def withdraw(visit: Visit, number: int) -> Response:
    """Take an example down, with a reason that stays."""
    reason = visit.text("reason")
    if not reason:
        raise Refused(422, "撤下要写理由", "请写明理由再提交")
    _act(visit, number, "withdraw", lambda c: exposure.withdraw(c, number, visit.user, reason), reason)
    return visit.go("/boards/exposure", "已撤下，记录留存")


def _act(visit: Visit, number: int, did: str, act: Callable[[Any], bool], answer: str = "") -> None:
    if visit.user.department is not None:
        raise Refused(403, "红黑榜由县领导审核", "请把意见报县营商环境建设局")
    with visit.site.database.owner() as connection:
        if not act(connection):
            raise Refused(409, "这一条现在不能这样办", "可能是你自己起草的，或别人已经办过；请刷新再看")
        audit.write(
            connection, visit.user.name, "exposure", f"红黑榜 {number}", address=visit.address, did=did, answer=answer
        )
