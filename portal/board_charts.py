"""The boards' charts from the boards' figures: the same on the page, on paper and in the briefing. None where there is nothing to draw."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlencode

from portal import charts
from portal.charts import Chart
from portal.figures import LINE
from portal.render import number, short

Rows = list[dict[str, Any]]
_LIGHTS = {
    "red": ("红灯", charts.RED),
    "yellow": ("黄灯", "#c27803"),
    "green": ("绿灯", "#0f7b5f"),
    "blue": ("长期坚持", charts.BLUE),
}
_LINE = (LINE, f"{LINE} 分线")


def _of(rows: Rows, column: str) -> list[Any]:
    return [r[column] for r in rows]


def scores(rows: Rows, edition: str = "") -> Chart | None:
    """Level-1 indicators beside the city's average."""
    if not rows:
        return None
    below = [r["indicator"] for r in rows if r["below_70"]]
    after = f"?{urlencode({'edition': edition})}" if edition else ""
    return charts.bars(
        _of(rows, "indicator"), _of(rows, "score"), unit="分", own="本县得分",
        says=f"{len(rows)} 项一级指标中 {len(below)} 项低于 {LINE} 分" + (f"：{'、'.join(below)}" if below else ""),
        beside=[("全市均值", _of(rows, "city_avg"))], line=_LINE, bad=_of(rows, "below_70"),
        links=[f"/boards/indicators/{r['indicator_code']}{after}" for r in rows],
    )  # fmt: skip


def parts(indicator: str, rows: Rows) -> Chart | None:
    """Level-2 indicators of one level-1 indicator beside both averages."""
    if not rows:
        return None
    below = [r["indicator"] for r in rows if r["below_70"]]
    return charts.bars(
        _of(rows, "indicator"), _of(rows, "score"), unit="分", own="本县得分",
        says=f"{indicator}的 {len(rows)} 项二级指标" + (f"，低于 {LINE} 分的有{'、'.join(below)}" if below else f"都不低于 {LINE} 分"),
        beside=[("全市均值", _of(rows, "city_avg")), ("全省均值", _of(rows, "province_avg"))], line=_LINE, bad=_of(rows, "below_70"),
    )  # fmt: skip


def years(rows: Rows) -> Chart | None:
    """One indicator over the years it was assessed; None for a single year."""
    if len(rows) < 2:
        return None
    last = rows[-1]
    return charts.lines(
        [str(r["year"]) for r in rows], [("本县得分", _of(rows, "score")), ("全市均值", _of(rows, "city_avg")), ("全省均值", _of(rows, "province_avg"))],
        says=f"{last['year']} 年 {number(last['score'], 2)} 分，比 {last['previous_year']} 年{last['moved']}{number(abs(last['change']), 2) if last['change'] else ''}",
    )  # fmt: skip


def on_time(rows: Rows, whose: str = "") -> Chart | None:
    """Tickets due, done in time and late, by month of the deadline."""
    if not rows:
        return None
    last = rows[-1]
    rate = 100 * last["on_time"] / last["due"] if last["due"] else None
    return charts.lines(
        _of(rows, "month"), [("到期（件）", _of(rows, "due")), ("按期办结（件）", _of(rows, "on_time"))], least=0, columns=("超时（件）", _of(rows, "overdue")),
        says=f"{whose}近 {len(rows)} 个月工单，最近的 {last['month']} 到期 {number(last['due'])} 件，按期办结率 {number(rate, 1)}%，超时 {number(last['overdue'])} 件",
    )  # fmt: skip


def frequent(rows: Rows) -> Chart | None:
    """What is asked most, the first eight."""
    if not rows:
        return None
    top, shown = rows[0], rows[:8]
    return charts.bars(
        [f"{r['town'] or '未知'} {r['category'] or '未分类'}" for r in shown], _of(shown, "tickets"), unit="件", own="近 30 天工单",
        says=f"近 30 天最集中的是{top['town'] or ''}{top['category'] or ''}，{number(top['tickets'])} 件",
        links=[f"/boards/hotline/problems/{r['category_code']}?{urlencode({'town': r['town_code'] or ''})}" for r in shown],
    )  # fmt: skip


def found_and_closed(rows: Rows) -> Chart | None:
    """Problems found and closed so far, month by month."""
    if not rows:
        return None
    last = rows[-1]
    return charts.lines(
        _of(rows, "month"), [("累计发现（个）", _of(rows, "found")), ("累计销号（个）", _of(rows, "closed"))], least=0,
        says=f"到 {last['month']} 累计发现 {last['found']} 个问题，销号 {last['closed']} 个",
    )  # fmt: skip


def timetable(rows: Rows, as_of: date) -> Chart | None:
    """Open problems by due date, from the day each was found."""
    if not rows:
        return None
    late = [r for r in rows if r["days_overdue"]]
    return charts.spans(
        [f"{r['problem_no']} {short(r['title'])}" for r in rows], _of(rows, "found_on"), _of(rows, "due_on"), _of(rows, "light"),
        today=as_of, colours=_LIGHTS, links=[f"/boards/rectification/{r['problem_no']}" for r in rows],
        says=f"未销号、时限最近的 {len(rows)} 个问题，{len(late)} 个超期" + (f"，最早的是 {late[0]['due_on']} 到期的 {late[0]['problem_no']}" if late else ""),
    )  # fmt: skip


def behind(rows: Rows) -> Chart | None:
    """Overdue tickets of the departments behind the newest year's weak indicators."""
    newest = [r for r in rows if r["year"] == rows[0]["year"]]
    if not newest:
        return None
    worst = max(newest, key=lambda r: r["tickets_overdue"])
    return charts.bars(
        _of(newest, "indicator"), _of(newest, "tickets_overdue"), unit="件", own="牵头单位的超期工单",
        says=f"{newest[0]['year']} 年 {len(newest)} 项短板指标，牵头单位超期工单最多的是{worst['indicator']}（{worst['lead_department']}，{number(worst['tickets_overdue'])} 件）",
        links=[f"/boards/indicators/{r['indicator_code']}" for r in newest],
    )  # fmt: skip
