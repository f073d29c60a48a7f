"""The leaders' briefing: the boards' figures frozen at one moment, with what they stand for printed; portal.papers makes docx and pdf.

A briefing keeps its figures (hub.briefing): made again from the same record it says the same, whatever came since.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

import psycopg
import structlog

from portal import board_charts, figures
from portal.charts import Chart
from portal.render import DASH, moment, number, signed
from schemas.errors import HubError
from schemas.identifiers import COUNTY_TIME

_NUMBER = re.compile(r"[+−-]?\d{1,3}(,?\d{3}){0,3}(\.\d+)?|—")
log = structlog.get_logger("portal")
Row = dict[str, Any]
SECTIONS = {"indicators": "营商环境指标", "hotline": "12345 热线", "rectification": "问题整改"}


def compose(
    connection: psycopg.Connection[Any], sections: list[str], as_of: date, *, month: str = "", edition: str = "",
    schemes: Mapping[str, str] | None = None,
) -> Row:  # fmt: skip
    """The briefing's content: per section a heading, paragraphs, charts and tables, the figures as text.

    `month` (2026-09) narrows the hotline's figures, `edition` chooses the assessment; both are printed, the assessment by
    the name `schemes` has for its code. A section that
    cannot be made says so in its place, the others are kept.
    """
    made = {
        "indicators": lambda: _indicators(connection, edition, schemes or {}),
        "hotline": lambda: _hotline(connection, month),
        "rectification": lambda: _rectification(connection, as_of),
    }
    built = [{"title": SECTIONS[s], **_kept(connection, made[s])} for s in sections]
    filters = "；".join(f"{b['title']}：{b['filter']}" for b in built if b["filter"])
    return {
        "as_of": as_of.isoformat(),
        "made_at": datetime.now(COUNTY_TIME).strftime("%Y-%m-%d %H:%M"),
        "scope": f"范围：全县；数据截至 {as_of.isoformat()}；{filters or '章节：' + '、'.join(SECTIONS[s] for s in sections)}",
        "sections": built,
    }


def _kept(connection: psycopg.Connection[Any], make: Callable[[], Row]) -> Row:
    try:
        with connection.transaction():  # a savepoint: what fails in here does not take the other sections with it
            return make()
    except (psycopg.Error, HubError) as error:
        log.exception("briefing_section_failed")
        told = str(error) if isinstance(error, HubError) else "取数时出错，已记入日志"
        return {"filter": "", "failed": True, "paragraphs": [f"这一节没有生成：{told}。其余各节不受影响；修好后请重新生成。"], "charts": [], "tables": []}  # fmt: skip


def _drawn(*charts: tuple[str, Chart | None]) -> list[Row]:
    """Charts under their titles as they are kept: the option is drawn when the paper is made, by the same release or a later one."""
    return [
        {"title": title, "option": json.loads(json.dumps(c.option, default=float)), "says": c.says}
        for title, c in charts
        if c is not None
    ]


def _table(title: str, head: list[str], rows: list[list[str]]) -> Row:
    """A table of texts; `right` says which columns are numbers, so that they stand right-aligned."""
    right = [all(_NUMBER.fullmatch(row[i]) for row in rows) for i in range(len(head))]
    return {"title": title, "head": head, "rows": rows, "right": right}


def _indicators(connection: psycopg.Connection[Any], edition: str, schemes: Mapping[str, str]) -> Row:
    found = figures.indicators(connection, edition)
    overview, below = found["overview"], found["below"]
    if not overview:
        return {"filter": "", "paragraphs": ["本期没有评估结果。"], "charts": [], "tables": []}
    both = [r for r in overview if r["above_both"]]
    under = [r for r in overview if r["below_70"]]
    text = f"{overview[0]['year']} 年评估一级指标 {len(overview)} 项，{len(both)} 项同时高于全市、全省均值；"
    text += f"低于 70 分 {len(under)} 项" + (
        f"：{'、'.join(r['indicator'] + ' ' + number(r['score'], 2) for r in under)}。" if under else "。"
    )
    scores = [
        [
            r["indicator"],
            r["lead_department"] or DASH,
            number(r["score"], 2),
            number(r["city_avg"], 2),
            signed(r["city_gap"]),
            number(r["province_avg"], 2),
        ]
        for r in overview
    ]
    short = [
        [
            r["indicator"],
            "一级" if r["level"] == 1 else "二级",
            r["lead_department"] or DASH,
            number(r["score"], 2),
            number(r["points_short"], 2),
        ]
        for r in below
    ]
    tables = [_table("一级指标得分", ["指标", "牵头单位", "得分", "全市均值", "较全市", "全省均值"], scores)]
    if short:
        tables.append(_table("低于 70 分清单（不四舍五入）", ["指标", "级别", "牵头单位", "得分", "差几分"], short))
    code = overview[0]["scheme_code"]
    period = f"{overview[0]['year']} 年{overview[0]['period'] or ''}（{schemes.get(code, code)}）"
    return {
        "filter": period,
        "paragraphs": [text],
        "charts": _drawn(("一级指标得分", board_charts.scores(overview))),
        "tables": tables,
    }


def _hotline(connection: psycopg.Connection[Any], month: str) -> Row:
    found = figures.hotline(connection, month)
    total, rates, overdue = found["total"], found["rates"], found["overdue"]
    text = f"到期工单 {number(total['due'])} 件，按期办结率 {number(total['on_time_pct'], 1)}%；响应率 {number(rates['response_pct'], 1)}%，"
    text += f"解决率 {number(rates['solved_pct'], 1)}%，满意率 {number(rates['satisfaction_pct'], 1)}%。超期未办结 {number(found['overdue_open'])} 件"
    text += f"，最长 {overdue[0]['days_overdue']} 天。" if overdue else "。"
    late = [
        [r["ticket_no"], r["title"] or DASH, r["department"] or DASH, moment(r["due_at"])[:10], str(r["days_overdue"])]
        for r in overdue
    ]
    units = [
        [r["department"] or DASH, number(r["due"]), number(r["overdue"]), number(r["on_time_pct"], 1)]
        for r in found["units"][:10]
    ]
    tables = [_table("按期办结率最低的十个单位", ["单位", "到期", "超时", "按期率（%）"], units)]
    if late:
        every = len(late) == found["overdue_open"]
        told = "超期未办结清单" if every else f"超期未办结清单（最久的 {len(late)} 件）"
        tables.insert(0, _table(told, ["工单", "诉求", "承办单位", "到期", "超期（天）"], late))
    drawn = _drawn(
        ("按期办结（按到期月份）", board_charts.on_time(found["trend"])),
        ("近 30 天高频问题", board_charts.frequent(found["frequent"])),
    )
    return {
        "filter": f"{month} 到期的工单" if month else "全部月份",
        "paragraphs": [text],
        "charts": drawn,
        "tables": tables,
    }


def _rectification(connection: psycopg.Connection[Any], as_of: date) -> Row:
    found = figures.rectification(connection)
    total = found["overview"].get("合计")
    if total is None:
        return {"filter": "", "paragraphs": ["没有整改问题。"], "charts": [], "tables": []}
    text = f"问题 {total['problems']} 个，已销号 {total['closed']} 个，完成率 {number(total['completion_pct'], 1)}%，按期率 {number(total['on_time_pct'], 1)}%；"
    text += f"红灯 {total['red']} 个，黄灯 {total['yellow']} 个。"
    late = [
        [
            r["problem_no"],
            r["title"] or DASH,
            r["lead_department"] or DASH,
            r["responsible_person"] or DASH,
            moment(r["due_on"]),
            str(r["days_overdue"]),
        ]
        for r in found["overdue"]
    ]
    tables = (
        [_table("超期未销号清单", ["编号", "问题", "牵头单位", "责任人", "时限", "超期（天）"], late)] if late else []
    )
    drawn = _drawn(
        ("发现和销号（累计）", board_charts.found_and_closed(found["months"])),
        ("未销号问题的时间表", board_charts.timetable(found["timetable"], as_of)),
    )
    return {"filter": "全部问题", "paragraphs": [text], "charts": drawn, "tables": tables}
