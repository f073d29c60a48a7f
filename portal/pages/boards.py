"""The three boards leaders look at, and the way from each figure down to its rows."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from portal import charts, figures
from portal.charts import Chart
from portal.downloads import as_download
from portal.render import number
from portal.web import Refused, Visit, route

router = APIRouter()
_PAGE = 100
_WALL = {"indicators": "hotline", "hotline": "rectification", "rectification": "indicators"}


def _board(visit: Visit, name: str) -> dict[str, Any] | None:
    """What every board says about itself; None before its views are published."""
    prefix = figures.BOARDS[name]
    with visit.site.database.owner() as connection:
        found = figures.published(connection, prefix)
        late = figures.late_inputs(connection, prefix)
    wanted = {view for view in figures.catalog().views if view.startswith(prefix + "_")}
    if not wanted <= found.keys():
        return None
    made = max(row["published_at"] for row in found.values())
    return {"board": name, "board_title": figures.TITLES[name], "as_of": figures.as_of(found), "made": made, "late": late,
            "next": f"/boards/{_WALL[name]}?display=wall"}  # fmt: skip


def _unpublished(visit: Visit, name: str) -> Response:
    return visit.page("board_empty.html", title=figures.TITLES[name])


@route(router, "/boards/indicators", "board.read")
def indicators(visit: Visit) -> Response:
    """Scores of the level-1 indicators beside the city's and the province's, and the list below 70."""
    board = _board(visit, "indicators")
    if board is None:
        return _unpublished(visit, "indicators")
    with visit.site.database.seen_by(visit.user) as connection:
        found = figures.indicators(connection)
    return visit.page("board_indicators.html", **board, **found, line=figures.LINE, scores=_scores(found["overview"]))


def _scores(rows: list[dict[str, Any]]) -> Chart | None:
    if not rows:
        return None
    below = [r["indicator"] for r in rows if r["below_70"]]
    least = min((float(r["score"]) for r in rows if r["score"] is not None), default=60.0)
    return charts.bars(
        [r["indicator"] for r in rows], [r["score"] for r in rows], unit="分", own="本县得分",
        says=f"{len(rows)} 项一级指标中 {len(below)} 项低于 70 分" + (f"：{'、'.join(below)}" if below else ""),
        beside=[("全市均值", [r["city_avg"] for r in rows])], line=(figures.LINE, "70 分线"),
        links=[f"/boards/indicators/{r['indicator_code']}" for r in rows], least=max(0, int(least // 10) * 10 - 10),
    )  # fmt: skip


@route(router, "/boards/indicators/{code}", "board.read")
def indicator(visit: Visit, code: str) -> Response:
    """One indicator: its parts, where points were lost, the problems of its lead department."""
    board = _board(visit, "indicators")
    with visit.site.database.seen_by(visit.user) as connection:
        found = figures.indicator(connection, code) if board else None
    if board is None or found is None:
        raise Refused(404, "没有这个指标，或不属于你的部门", "请从营商指标看板进入")
    parts = found["parts"]
    chart = None
    if parts:
        below = [r["indicator"] for r in parts if r["below_70"]]
        chart = charts.bars(
            [r["indicator"] for r in parts], [r["score"] for r in parts], unit="分", own="本县得分",
            says=f"{found['one']['indicator']}的 {len(parts)} 项二级指标" + (f"，低于 70 分的有 {'、'.join(below)}" if below else "都不低于 70 分"),
            beside=[("全市均值", [r["city_avg"] for r in parts]), ("全省均值", [r["province_avg"] for r in parts])], line=(figures.LINE, "70 分线"),
        )  # fmt: skip
    return visit.page("indicator.html", **board, **found, chart=chart)


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
        )  # fmt: skip
    return visit.page("board_hotline.html", **board, **found, month=month, chart=chart, problems=problems)


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
    return visit.page("board_rectification.html", **board, **found, chart=chart)


@route(router, "/boards/rectification/{number}", "board.read")
def problem(visit: Visit, number: str) -> Response:
    """One problem: responsible people, dates, measures, progress, reviews."""
    board = _board(visit, "rectification")
    with visit.site.database.seen_by(visit.user) as connection:
        one = figures.problem(connection, number) if board else None
    if board is None or one is None:
        raise Refused(404, "没有这个问题，或不属于你的部门", "请从整改看板进入")
    with visit.site.database.owner() as connection:
        parts = figures.problem_parts(connection, number)
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
    )
