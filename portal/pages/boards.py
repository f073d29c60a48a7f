"""The three boards leaders look at, and the way from each figure down to its rows."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import APIRouter
from fastapi.responses import Response

from portal import attachments, audit, board_charts, figures, rectifying
from portal.downloads import as_download, offered
from portal.web import Missing, Refused, Visit, route, there
from schemas.errors import ConfigError

router = APIRouter()
_PAGE = 50
_MOST = 1_000_000  # rows of a board in one file
_PROBLEMS = "问题整改看板"
T = TypeVar("T")
_WALL = {"indicators": "hotline", "hotline": "rectification", "rectification": "indicators"}
# Columns of a view whose values have a page of their own.
_PLACES = {"problem_no": "/boards/rectification/", "ticket_no": "/boards/hotline/tickets/", "root_ticket_no": "/boards/hotline/tickets/",
           "indicator_code": "/boards/indicators/", "main_dept_code": "/boards/hotline/units/"}  # fmt: skip


def standing(visit: Visit, prefix: str, title: str, *only: str) -> dict[str, Any] | None:
    """What every board says about itself: as-of day, when it was computed, late inputs; None before its views are published.

    `only` are the views it shows; without them all of the prefix.
    """
    with visit.site.database.owner() as connection:
        found = figures.published(connection, prefix)
        late = figures.late_inputs(connection, prefix)
    wanted = set(only) or {view for view in figures.catalog().views if view.startswith(prefix + "_")}
    if not wanted <= found.keys():
        return None
    found = {view: found[view] for view in wanted}
    made = max(row["published_at"] for row in found.values())
    return {"board_title": title, "as_of": figures.as_of(found), "made": made, "late": late, "next": "", "scope": visit.user.scope}  # fmt: skip


def _board(visit: Visit, name: str) -> dict[str, Any] | None:
    found = standing(visit, figures.BOARDS[name], figures.TITLES[name])
    return found and found | {"next": f"/boards/{_WALL[name]}?display=wall"}


def _one(visit: Visit, name: str, query: Callable[[Any], T | None], what: str, place: str) -> tuple[dict[str, Any], T]:
    """What a board says about itself and one thing of it, asked for with the reader's own row rules.

    Raises:
        Missing: the thing is not there or not the reader's.
    """
    board = there(_board(visit, name), what, place)
    with visit.site.database.seen_by(visit.user) as connection:
        return board, there(query(connection), what, place)


def _unpublished(visit: Visit, name: str) -> Response:
    return empty(visit, figures.BOARDS[name], figures.TITLES[name])


def empty(visit: Visit, prefix: str, title: str) -> Response:
    """The page of a board, or of a view of it, that is not published yet: nothing has come, or a view is newer than the figures."""
    with visit.site.database.owner() as connection:
        found = figures.published(connection, prefix)
    what, who = figures.EMPTY[prefix]
    cure = f"{who}；采集一次就会出现"
    if found:
        views = figures.catalog().views.values()
        lacking = [v.title for v in views if v.board == prefix and v.name not in found]
        what = f"有 {len(lacking)} 个视图还没有核算过：{'、'.join(lacking[:5])}{'等' if len(lacking) > 5 else ''}"
        cure = "平台升级新加的视图，下一次有数据入库时，最迟今晚 0:05 一起算好"
    return visit.page("board_empty.html", title=title, what=what, cure=f"{cure}，很久没有请找数据工程师")


@route(router, "/boards/indicators", "board.read")
def indicators(visit: Visit, edition: str = "") -> Response:
    """Scores of the level-1 indicators beside the city's and the province's, and the list below 70."""
    board = _board(visit, "indicators")
    if board is None:
        return _unpublished(visit, "indicators")
    with visit.site.database.seen_by(visit.user) as connection:
        found = figures.indicators(connection, edition)
    if found["overview"]:
        with visit.site.database.owner() as connection:
            code = found["overview"][0]["scheme_code"]
            found["scheme"] = figures.schemes(connection).get(code, code)
    return visit.page(
        "board_indicators.html",
        **board,
        **found,
        line=figures.LINE,
        scores=board_charts.scores(found["overview"], edition),
    )


@route(router, "/boards/indicators/{code}", "board.read")
def indicator(visit: Visit, code: str, edition: str = "") -> Response:
    """One indicator: its years, its parts, where points were lost, the problems of its lead department."""
    board, found = _one(
        visit, "indicators", lambda c: figures.indicator(c, code, edition), f"指标 {code}", "营商指标看板"
    )  # fmt: skip
    chart, trend = board_charts.parts(found["one"]["indicator"], found["parts"]), board_charts.years(found["years"])
    return visit.page("indicator.html", **board, **found, chart=chart, trend=trend)


@route(router, "/boards/hotline", "board.read")
def hotline(visit: Visit, month: str = "") -> Response:
    """On-time rate, three rates, units, overdue tickets, what is asked most."""
    board = _board(visit, "hotline")
    if board is None:
        return _unpublished(visit, "hotline")
    with visit.site.database.seen_by(visit.user) as connection:
        found = figures.hotline(connection, month)
    if month and month not in found["months"]:
        raise Refused(422, f"没有 '{month}' 到期的工单", "请从看板上的月份里选，月份如 2026-03")
    chart, problems = board_charts.on_time(found.pop("trend")), board_charts.frequent(found["frequent"])
    return visit.page("board_hotline.html", **board, **found, month=month, chart=chart, problems=problems)


@route(router, "/boards/hotline/problems/{category}", "board.read")
def crowd(visit: Visit, category: str, town: str = "") -> Response:
    """One thing many people ask about: how many, since when, which tickets, whose."""
    board, found = _one(
        visit, "hotline", lambda c: figures.crowd(c, category, town), "这个近 30 天的高频问题", "热线看板的高频问题"
    )  # fmt: skip
    return visit.page("hotline_problem.html", **board, **found)


@route(router, "/boards/hotline/units/{code}", "board.read")
def unit(visit: Visit, code: str) -> Response:
    """One unit's months and overdue tickets."""
    board, found = _one(visit, "hotline", lambda c: figures.unit(c, code), f"编码为 {code} 的单位", "热线看板")
    months = [r | {"due": r["tickets_due"]} for r in reversed(found["months"][:13])]
    chart = board_charts.on_time(months, found["unit"]) if months else None
    return visit.page("hotline_unit.html", **board, **found, chart=chart)


@route(router, "/boards/hotline/tickets/{number}", "board.read")
def ticket(visit: Visit, number: str) -> Response:
    """One ticket's way: recorded, dispatched, handled, answered."""
    board, found = _one(
        visit, "hotline", lambda c: figures.ticket(c, number), f"工单 {number}", "热线看板的超期清单"
    )  # fmt: skip
    return visit.page("ticket.html", **board, **found, number=number)


@route(router, "/boards/rectification", "board.read")
def rectification(visit: Visit) -> Response:
    """How many problems are closed, which are overdue, what falls due next."""
    board = _board(visit, "rectification")
    if board is None:
        return _unpublished(visit, "rectification")
    with visit.site.database.seen_by(visit.user) as connection:
        found = figures.rectification(connection)
    chart = board_charts.found_and_closed(found.pop("months"))
    gantt = board_charts.timetable(found["timetable"], board["as_of"])
    return visit.page("board_rectification.html", **board, **found, chart=chart, gantt=gantt)


@route(router, "/boards/rectification/{number}", "board.read")
def problem(visit: Visit, number: str) -> Response:
    """One problem: responsible people, dates, measures, progress, reviews, and what is reported here."""
    return _problem(visit, number)


def _problem(visit: Visit, number: str, status: int = 200, wrong: str = "") -> Response:
    board, one = _one(visit, "rectification", lambda c: figures.problem(c, number), f"问题 {number}", _PROBLEMS)
    with visit.site.database.owner() as connection:
        measures = figures.measures(connection, [number]).get(number, [])
        parts = figures.problem_parts(connection, number)
        reports = rectifying.reports(connection, number)
    return visit.page(
        "problem.html", status, **board, one=one, measures=measures, **parts, reports=reports, wrong=wrong, accept=attachments.ACCEPTED,
        reports_it=rectifying.may_report(visit.user, one), reviews_it=rectifying.may_review(visit.user),
        filled={k: v for k, v in visit.form.items() if isinstance(v, str)},
    )  # fmt: skip


def _known(visit: Visit, number: str) -> dict[str, Any]:
    with visit.site.database.seen_by(visit.user) as connection:
        one = figures.problem(connection, number)
    return there(one, f"问题 {number}", _PROBLEMS)


@route(router, "/boards/rectification/{number}/reports", "rectification.report", methods=("POST",))
def report(visit: Visit, number: str) -> Response:
    """Report progress, or apply for the problem's closure."""
    one = _known(visit, number)
    if not rectifying.may_report(visit.user, one):
        raise Refused(404, "这个问题不是你的单位牵头", "整改进展由牵头单位的经办人报")
    kind = visit.text("kind")
    answer = _reported(visit, number, kind, functools.partial(rectifying.report, problem=one, kind=kind))
    if kind == "closure" and answer.status_code == 303:  # the department's clock stands while it waits
        visit.site.settle(set())
    return answer


@route(router, "/boards/rectification/{number}/reopen", "rectification.review", methods=("POST",))
def reopen(visit: Visit, number: str) -> Response:
    """Say that a closed problem has come back."""
    one = _known(visit, number)
    if not rectifying.may_review(visit.user):
        raise Refused(404, "反弹不归你提", "由整改办或领导提出")
    return _reported(visit, number, "reopen", functools.partial(rectifying.reopen, problem=one, due=visit.text("due")))


def _reported(visit: Visit, number: str, kind: str, keep: Callable[..., int]) -> Response:
    """Keep what the form says about a problem, for another person to review."""
    paper = attachments.taken(visit)
    try:
        with visit.site.database.owner() as connection:
            made = keep(
                connection, user=visit.user, pct=visit.text("pct"), content=visit.text("content"), paper=paper, today=visit.site.home.today()
            )  # fmt: skip
            audit.write(connection, visit.user.name, "rectify", number, address=visit.address, did=kind, report=made)
    except ConfigError as error:
        return _problem(visit, number, 422, str(error))
    return visit.go(f"/boards/rectification/{number}", f"{rectifying.KINDS[kind]}已报出，等另一人审核")


@route(router, "/boards/rectification/{number}/reports/{report}", "rectification.review", methods=("POST",))
def review(visit: Visit, number: str, report: int) -> Response:
    """Accept a report or return it."""
    if not rectifying.may_review(visit.user):
        raise Refused(404, "整改报告不归你审", "由整改办或领导审核")
    accepted = visit.text("verdict") == "accepted"
    try:
        with visit.site.database.owner() as connection:
            rectifying.review(
                connection, report, number, visit.user, accepted=accepted, answer=visit.text("answer"), today=visit.site.home.today()
            )  # fmt: skip
            audit.write(
                connection,
                visit.user.name,
                "rectify",
                number,
                address=visit.address,
                did="accepted" if accepted else "rejected",
                report=report,
            )
    except ConfigError as error:
        return _problem(visit, number, 422, str(error))
    visit.site.settle(set())
    return visit.go(f"/boards/rectification/{number}", "已同意，看板已更新" if accepted else "已退回")


@route(router, "/boards/rectification/{number}/reports/{report}/papers/{paper}", "board.read")
def paper(visit: Visit, number: str, report: int, paper: int) -> Response:
    """A paper of a report, for whoever may see the problem."""
    _known(visit, number)
    with visit.site.database.owner() as connection:
        if all(r["report_id"] != report for r in rectifying.reports(connection, number)):
            raise Missing(f"附件 {paper}", "问题页")
    return attachments.given(visit, paper, rectifying.subject(report))


def _linked(columns: list[tuple[str, str]]) -> tuple[dict[str, tuple[str, str]], list[tuple[str, str]]]:
    """Column -> (page its link begins with, column that completes it); and the columns a page shows.

    A code whose name stands beside it is left out of the page and its link moves to the name; files have both.
    """
    titles = dict(columns)
    named = {t.removesuffix("编码").removesuffix("代码"): c for c, t in columns if t.endswith(("编码", "代码"))}
    hidden = {code: c for c, t in columns if (code := named.get(t)) and titles[code] != t}
    links = {hidden.get(c, c): (place, c) for c, place in _PLACES.items() if c in titles}
    return links, [(c, t) for c, t in columns if c not in hidden]


@route(router, "/boards/rows/{name}", "board.read")
def rows(visit: Visit, name: str, page: int = 1) -> Response:
    """The rows of any board view, filtered by its columns as the address says; also as a file (.csv, .xlsx)."""
    stem, _, kind = name.partition(".")
    view = figures.catalog().views.get(stem)
    view = there(view, f"视图 {stem}", "看板或数据目录")
    columns = [(c.name, c.title) for c in view.columns]
    places, shown = _linked(columns)
    known = {c for c, _ in columns}
    wanted = {k: v for k, v in visit.request.query_params.items() if k in known}
    with visit.site.database.owner() as connection:
        published = figures.published(connection, view.board).get(stem)
    if published is None:
        return empty(visit, view.board, view.title)
    with visit.site.database.seen_by(visit.user) as connection:
        if kind:
            offered(kind)
            found, total = figures.drill(connection, view, wanted, _MOST)
            if total > len(found):
                raise Refused(
                    422, f"共 {total:,} 行，超过一个文件的 {_MOST:,} 行", "请先筛选，或在查询页按条件分几次导出"
                )
            visit.note("export", stem, rows=total, kind=kind, filter=wanted)
            return as_download(kind, f"{view.title}_{published['as_of']}", columns, found)
        found, total = figures.drill(connection, view, wanted, _PAGE, (max(page, 1) - 1) * _PAGE)
    return visit.page(
        "rows.html",
        view=view,
        columns=columns,
        shown=shown,
        rows=found,
        total=total,
        page=max(page, 1),
        size=_PAGE,
        wanted=wanted,
        as_of=published["as_of"],
        places=places,
    )
