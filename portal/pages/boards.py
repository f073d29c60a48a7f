"""The three boards leaders look at, and the way from each figure down to its rows."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from fastapi.responses import Response

from portal import charts, figures
from portal.charts import Chart
from portal.downloads import as_download
from portal.render import number, short
from portal.web import Refused, Visit, route

router = APIRouter()
_PAGE = 100
_WALL = {"indicators": "hotline", "hotline": "rectification", "rectification": "indicators"}
_LIGHTS = {
    "red": ("红灯", charts.RED),
    "yellow": ("黄灯", "#c27803"),
    "green": ("绿灯", "#0f7b5f"),
    "blue": ("长期坚持", charts.BLUE),
}
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


def _unpublished(visit: Visit, name: str) -> Response:
    return visit.page("board_empty.html", title=figures.TITLES[name])


@route(router, "/boards/indicators", "board.read")
def indicators(visit: Visit, edition: str = "") -> Response:
    """Scores of the level-1 indicators beside the city's and the province's, and the list below 70."""
    board = _board(visit, "indicators")
    if board is None:
        return _unpublished(visit, "indicators")
    with visit.site.database.seen_by(visit.user) as connection:
        found = figures.indicators(connection, edition)
    return visit.page(
        "board_indicators.html", **board, **found, line=figures.LINE, scores=_scores(found["overview"], edition)
    )


def _scores(rows: list[dict[str, Any]], edition: str) -> Chart | None:
    if not rows:
        return None
    below = [r["indicator"] for r in rows if r["below_70"]]
    least = min((float(r["score"]) for r in rows if r["score"] is not None), default=60.0)
    after = f"?{urlencode({'edition': edition})}" if edition else ""
    return charts.bars(
        [r["indicator"] for r in rows], [r["score"] for r in rows], unit="分", own="本县得分",
        says=f"{len(rows)} 项一级指标中 {len(below)} 项低于 70 分" + (f"：{'、'.join(below)}" if below else ""),
        beside=[("全市均值", [r["city_avg"] for r in rows])], line=(figures.LINE, "70 分线"), bad=[bool(r["below_70"]) for r in rows],
        links=[f"/boards/indicators/{r['indicator_code']}{after}" for r in rows], least=max(0, int(least // 10) * 10 - 10),
    )  # fmt: skip


@route(router, "/boards/indicators/{code}", "board.read")
def indicator(visit: Visit, code: str, edition: str = "") -> Response:
    """One indicator: its years, its parts, where points were lost, the problems of its lead department."""
    board = _board(visit, "indicators")
    with visit.site.database.seen_by(visit.user) as connection:
        found = figures.indicator(connection, code, edition) if board else None
    if board is None or found is None:
        raise Refused(404, "没有这个指标，或不属于你的部门", "请从营商指标看板进入")
    parts, years = found["parts"], found["years"]
    chart = trend = None
    if parts:
        below = [r["indicator"] for r in parts if r["below_70"]]
        chart = charts.bars(
            [r["indicator"] for r in parts], [r["score"] for r in parts], unit="分", own="本县得分",
            says=f"{found['one']['indicator']}的 {len(parts)} 项二级指标" + (f"，低于 70 分的有 {'、'.join(below)}" if below else "都不低于 70 分"),
            beside=[("全市均值", [r["city_avg"] for r in parts]), ("全省均值", [r["province_avg"] for r in parts])], line=(figures.LINE, "70 分线"),
            bad=[bool(r["below_70"]) for r in parts],
        )  # fmt: skip
    if len(years) > 1:
        last = years[-1]
        trend = charts.lines(
            [str(r["year"]) for r in years], [(name, [r[column] for r in years]) for name, column in (("本县得分", "score"), ("全市均值", "city_avg"), ("全省均值", "province_avg"))],
            says=f"{last['year']} 年 {number(last['score'], 2)} 分，比 {last['previous_year']} 年{last['moved']}{number(abs(last['change']), 2) if last['change'] else ''}",
        )  # fmt: skip
    return visit.page("indicator.html", **board, **found, chart=chart, trend=trend)


@route(router, "/boards/hotline", "board.read")
def hotline(visit: Visit, month: str = "") -> Response:
    """On-time rate, three rates, units, overdue tickets, what is asked most."""
    board = _board(visit, "hotline")
    if board is None:
        return _unpublished(visit, "hotline")
    with visit.site.database.seen_by(visit.user) as connection:
        found = figures.hotline(connection, month)
    trend = found.pop("trend")
    chart = None
    if trend:
        last = trend[-1]
        chart = charts.lines(
            [r["month"] for r in trend], [("到期（件）", [r["due"] for r in trend]), ("按期办结（件）", [r["on_time"] for r in trend])], least=0,
            columns=("超时（件）", [r["overdue"] for r in trend]),
            says=f"近 {len(trend)} 个月按期办结率，最近的 {last['month']} 为 {number(last['on_time_pct'], 1)}%，超时 {last['overdue']} 件",
        )  # fmt: skip
    frequent = found["frequent"]
    problems = None
    if frequent:
        top = frequent[0]
        problems = charts.bars(
            [f"{r['town'] or '未知'} {r['category'] or '未分类'}" for r in frequent[:8]], [r["tickets"] for r in frequent[:8]], unit="件", own="近 30 天工单",
            says=f"近 30 天最集中的是{top['town'] or ''}{top['category'] or ''}，{top['tickets']} 件",
            links=[f"/boards/hotline/problems/{r['category_code']}?{urlencode({'town': r['town_code'] or ''})}" for r in frequent[:8]],
        )  # fmt: skip
    return visit.page("board_hotline.html", **board, **found, month=month, chart=chart, problems=problems)


@route(router, "/boards/hotline/problems/{category}", "board.read")
def crowd(visit: Visit, category: str, town: str = "") -> Response:
    """One thing many people ask about: how many, since when, which tickets, whose."""
    board = _board(visit, "hotline")
    with visit.site.database.seen_by(visit.user) as connection:
        found = figures.crowd(connection, category, town) if board else None
    if board is None or found is None:
        raise Refused(404, "近 30 天没有这个高频问题", "请从热线看板的高频问题进入")
    return visit.page("hotline_problem.html", **board, **found)


@route(router, "/boards/hotline/units/{code}", "board.read")
def unit(visit: Visit, code: str) -> Response:
    """One unit's months and overdue tickets."""
    board = _board(visit, "hotline")
    with visit.site.database.seen_by(visit.user) as connection:
        found = figures.unit(connection, code) if board else None
    if board is None or found is None:
        raise Refused(404, "这个单位没有热线工单，或不属于你的部门", "请从热线看板进入")
    months = list(reversed(found["months"]))[-13:]
    chart = charts.lines(
        [r["month"] for r in months], [("到期（件）", [r["tickets_due"] for r in months]), ("按期办结（件）", [r["on_time"] for r in months])], least=0,
        columns=("超时（件）", [r["overdue"] for r in months]), says=f"{months[-1]['department']}近 {len(months)} 个月的按期办结率",
    )  # fmt: skip
    return visit.page("hotline_unit.html", **board, **found, chart=chart, unit=months[-1]["department"])


@route(router, "/boards/hotline/tickets/{number}", "board.read")
def ticket(visit: Visit, number: str) -> Response:
    """One ticket's way: recorded, dispatched, handled, answered."""
    board = _board(visit, "hotline")
    with visit.site.database.seen_by(visit.user) as connection:
        found = figures.ticket(connection, number) if board else None
    if board is None or found is None:
        raise Refused(404, "没有这件工单，或不属于你的部门", "请从热线看板的超期清单进入")
    return visit.page("ticket.html", **board, **found, number=number)


@route(router, "/boards/rectification", "board.read")
def rectification(visit: Visit) -> Response:
    """How many problems are closed, which are overdue, what falls due next."""
    board = _board(visit, "rectification")
    if board is None:
        return _unpublished(visit, "rectification")
    with visit.site.database.seen_by(visit.user) as connection:
        found = figures.rectification(connection)
    months = found.pop("months")
    chart = None
    if months:
        chart = charts.lines(
            [r["month"] for r in months], [("累计发现（个）", [r["found"] for r in months]), ("累计销号（个）", [r["closed"] for r in months])], least=0,
            says=f"到 {months[-1]['month']} 累计发现 {months[-1]['found']} 个问题，销号 {months[-1]['closed']} 个",
        )  # fmt: skip
    return visit.page(
        "board_rectification.html", **board, **found, chart=chart, gantt=_timetable(found["timetable"], board)
    )


def _timetable(rows: list[dict[str, Any]], board: dict[str, Any]) -> Chart | None:
    """Open problems by due date, from the day each was found."""
    if not rows:
        return None
    late = [r for r in rows if r["days_overdue"]]
    return charts.spans(
        [f"{r['problem_no']} {short(r['title'])}" for r in rows], [r["found_on"] for r in rows], [r["due_on"] for r in rows], [r["light"] for r in rows],
        today=board["as_of"], colours=_LIGHTS, links=[f"/boards/rectification/{r['problem_no']}" for r in rows],
        says=f"未销号、时限最近的 {len(rows)} 个问题，{len(late)} 个超期" + (f"，最早的是 {late[0]['due_on']} 到期的 {late[0]['problem_no']}" if late else ""),
    )  # fmt: skip


@route(router, "/boards/rectification/{number}", "board.read")
def problem(visit: Visit, number: str) -> Response:
    """One problem: responsible people, dates, measures, progress, reviews."""
    board = _board(visit, "rectification")
    with visit.site.database.seen_by(visit.user) as connection:
        one = figures.problem(connection, number) if board else None
    if board is None or one is None:
        raise Refused(404, "没有这个问题，或不属于你的部门", "请从整改看板进入")
    with visit.site.database.owner() as connection:
        parts = figures.problem_parts(connection, [number])
    return visit.page("problem.html", **board, one=one, **parts)


@route(router, "/boards/rows/{name}", "board.read")
def rows(visit: Visit, name: str, page: int = 1) -> Response:
    """The rows of any board view, filtered by its columns as the address says; also as a file (.csv, .xlsx)."""
    stem, _, kind = name.partition(".")
    view = figures.catalog().views.get(stem)
    if view is None:
        raise Refused(404, "没有这个视图", "请从看板或数据目录进入")
    columns = [(c.name, c.title) for c in view.columns]
    known = {c for c, _ in columns}
    wanted = {k: v for k, v in visit.request.query_params.items() if k in known}
    with visit.site.database.owner() as connection:
        published = figures.published(connection, view.board).get(stem)
    if published is None:
        return visit.page("board_empty.html", title=view.title)
    with visit.site.database.seen_by(visit.user) as connection:
        if kind:
            found, total = figures.drill(connection, view, wanted, 1_000_000)
            visit.note("export", stem, rows=total, kind=kind, filter=wanted)
            return as_download(kind, f"{view.title}_{published['as_of']}", columns, found)
        found, total = figures.drill(connection, view, wanted, _PAGE, (max(page, 1) - 1) * _PAGE)
    return visit.page(
        "rows.html",
        view=view,
        columns=columns,
        rows=found,
        total=total,
        page=max(page, 1),
        size=_PAGE,
        wanted=wanted,
        as_of=published["as_of"],
        places=_PLACES,
    )
