"""Charts as ECharts options, made here once, drawn by the browser or by portal.drawing; each says its finding in a sentence.

Tooltips are canvas text (`richText`): HTML ones would set styles the policy forbids and could carry markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from portal.render import number

BLUE, RED, GREY = "#1d5fbf", "#b42318", "#c3ccd9"
SERIES = (BLUE, "#0f7b5f", "#c27803", "#7a4fb5", "#0e8fa8", "#7d8796")
_LEGEND = {"top": 0, "left": 0, "itemHeight": 8, "itemWidth": 14, "textStyle": {"color": "#18212f", "fontSize": 12}}
_FONT = "'Microsoft YaHei','Source Han Sans SC','Noto Sans CJK SC',sans-serif"


@dataclass(frozen=True)
class Chart:
    """An option, the sentence that says what it shows, and the same figures as a table."""

    option: dict[str, Any]
    says: str
    head: Sequence[str]
    rows: Sequence[Sequence[Any]] = field(repr=False)


# The same drawing on the wall's dark ground: each colour of the paper and the one that takes its place, types larger.
_DARK = {
    "#18212f": "#e8eef8", "#4b5768": "#b9c6da", "#dce2eb": "#35537a", "#eef1f6": "#223a5a", "rgba(255,255,255,.85)": "rgba(19,35,59,.85)", BLUE: "#6aa6ff",
    RED: "#ff8478", GREY: "#7f90aa", "#0f7b5f": "#4fc49b", "#c27803": "#e6a83c", "#e0c489": "#b99a56", "#e08b83": "#d4665b",
}  # fmt: skip


def dark(option: dict[str, Any]) -> dict[str, Any]:
    """The option for wall mode."""

    def change(part: Any) -> Any:
        if isinstance(part, dict):
            return {k: 17 if k == "fontSize" else change(v) for k, v in part.items()}
        if isinstance(part, list):
            return [change(v) for v in part]
        return _DARK.get(part, part) if isinstance(part, str) else part

    return dict(change(option))


def _base() -> dict[str, Any]:
    return {
        "animationDuration": 250,
        "textStyle": {"fontFamily": _FONT, "fontSize": 12},
        "aria": {"enabled": False},  # the element itself has role and label
        "tooltip": {"renderMode": "richText", "trigger": "axis", "axisPointer": {"type": "shadow"}},
    }


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def bars(
    names: Sequence[str], values: Sequence[Any], *, unit: str, says: str, beside: Sequence[tuple[str, Sequence[Any]]] = (),
    line: tuple[float, str] | None = None, links: Sequence[str] = (), own: str = "本县", bad: Sequence[bool] = (),
) -> Chart:  # fmt: skip
    """Horizontal bars in the order given, top first; those marked `bad` are red; `beside` adds thin grey ones, `line` a dashed one."""
    data = [
        {
            "value": _plain(v),
            "itemStyle": {"color": RED if bad and bad[i] else BLUE},
            "link": links[i] if links else "",
            "label": {"formatter": number(v, 2 if unit == "分" else None)},
        }
        for i, v in enumerate(values)
    ]
    main: dict[str, Any] = {
        "type": "bar", "name": own, "data": data, "barWidth": 12, "itemStyle": {"color": BLUE},
        "label": {"show": len(names) <= 12, "position": "right", "fontSize": 12, "color": "#18212f", "backgroundColor": "rgba(255,255,255,.85)", "padding": [1, 3]},
    }  # fmt: skip
    if line:
        main["markLine"] = {
            "silent": True, "symbol": "none", "z": 1, "data": [{"xAxis": line[0]}], "lineStyle": {"color": RED, "type": "dashed"},
            "label": {"formatter": line[1], "color": RED, "fontSize": 12, "position": "start", "distance": 4}, "animation": False,
        }  # fmt: skip
    others = [
        {
            "type": "bar",
            "name": name,
            "data": [_plain(v) for v in numbers],
            "barWidth": 5,
            "itemStyle": {"color": colour},
        }
        for (name, numbers), colour in zip(beside, (GREY, "#e0c489"), strict=False)
    ]
    option = _base() | {
        "grid": {"left": 8, "right": 56, "top": 34, "bottom": 8, "containLabel": True},
        "legend": _LEGEND | {"data": [own, *(name for name, _ in beside)]},
        "xAxis": {"type": "value", "min": 0, "splitLine": {"lineStyle": {"color": "#eef1f6"}}, "axisLabel": {"fontSize": 12, "color": "#4b5768"}},
        "yAxis": {"type": "category", "inverse": True, "data": list(names), "axisTick": {"show": False}, "axisLine": {"lineStyle": {"color": "#dce2eb"}},
                  "axisLabel": {"fontSize": 12, "color": "#18212f", "interval": 0}},
        "series": [main, *others],
    }  # fmt: skip
    head = ["名称", f"{own}（{unit}）", *(f"{name}（{unit}）" for name, _ in beside)]
    rows = [[name, values[i], *(numbers[i] for _, numbers in beside)] for i, name in enumerate(names)]
    return Chart(option, says, head, rows)


def lines(
    names: Sequence[str], series: Sequence[tuple[str, Sequence[Any]]], *, says: str, columns: tuple[str, Sequence[Any]] | None = None,
    least: float | None = None,
) -> Chart:  # fmt: skip
    """Lines over time, with small red columns under them for a count of what went wrong; all in one unit, which the names say."""
    drawn: list[dict[str, Any]] = [
        {"type": "line", "name": name, "data": [_plain(v) for v in numbers], "symbolSize": 6, "lineStyle": {"width": 2},
         "itemStyle": {"color": SERIES[i % len(SERIES)]}}
        for i, (name, numbers) in enumerate(series)
    ]  # fmt: skip
    if columns:
        drawn.append(
            {
                "type": "bar",
                "name": columns[0],
                "data": [_plain(v) for v in columns[1]],
                "barWidth": 10,
                "itemStyle": {"color": "#e08b83"},
            }
        )
    option = _base() | {
        "tooltip": {"renderMode": "richText", "trigger": "axis"},
        "grid": {"left": 8, "right": 16, "top": 40, "bottom": 8, "containLabel": True},
        "legend": _LEGEND,
        "xAxis": {"type": "category", "data": list(names), "axisLine": {"lineStyle": {"color": "#dce2eb"}}, "axisLabel": {"fontSize": 12, "color": "#4b5768"}},
        "yAxis": {"type": "value", "splitLine": {"lineStyle": {"color": "#eef1f6"}},
                  "axisLabel": {"fontSize": 12, "color": "#4b5768"}, **({"min": least} if least is not None else {})},
        "series": drawn,
    }  # fmt: skip
    every = [*series, *([columns] if columns else [])]
    rows = [[name, *(numbers[i] for _, numbers in every)] for i, name in enumerate(names)]
    return Chart(option, says, ["时间", *(name for name, _ in every)], rows)


_MONTH_MS = 28 * 86_400_000  # ticks no closer: they are labelled by their month


def spans(
    names: Sequence[str], begins: Sequence[date | None], ends: Sequence[date | None], groups: Sequence[str], *, today: date, says: str,
    colours: dict[str, tuple[str, str]], links: Sequence[str] = (),
) -> Chart:  # fmt: skip
    """A timetable: one bar a name from its begin to its end, coloured by group, with a line at `today`.

    `colours` gives each group its word and colour. A bar is a piece of a thick line: ECharts stacks no time axis.
    """
    drawn: list[dict[str, Any]] = []
    for group, (word, colour) in colours.items():
        points: list[Any] = []
        for i, name in enumerate(names):
            if groups[i] == group and begins[i] and ends[i]:
                link = links[i] if links else ""
                points += [{"value": [str(begins[i]), name], "link": link}, {"value": [str(ends[i]), name], "link": link}, [None, None]]  # fmt: skip
        if points:
            drawn.append(
                {
                    "type": "line", "name": word, "data": points, "symbol": "rect", "symbolSize": [2, 12], "connectNulls": False,
                    "lineStyle": {"width": 12, "cap": "butt", "color": colour}, "itemStyle": {"color": colour}, "triggerLineEvent": True,
                }
            )  # fmt: skip
    if drawn:
        drawn[0]["markLine"] = {
            "silent": True, "symbol": "none", "data": [{"xAxis": str(today)}], "lineStyle": {"color": "#18212f", "type": "dashed"},
            "label": {"formatter": f"数据日 {today}", "color": "#18212f", "position": "start", "distance": 4}, "animation": False,
        }  # fmt: skip
    option = _base() | {
        "tooltip": {"renderMode": "richText", "trigger": "item"},
        "grid": {"left": 8, "right": 24, "top": 56, "bottom": 8, "containLabel": True},
        "legend": _LEGEND | {"data": [s["name"] for s in drawn]},
        "xAxis": {"type": "time", "minInterval": _MONTH_MS, "splitLine": {"show": True, "lineStyle": {"color": "#eef1f6"}}, "axisLabel": {"fontSize": 12, "color": "#4b5768", "formatter": "{yyyy}-{MM}", "hideOverlap": True}},
        "yAxis": {"type": "category", "inverse": True, "data": list(names), "axisTick": {"show": False}, "axisLine": {"lineStyle": {"color": "#dce2eb"}},
                  "axisLabel": {"fontSize": 12, "color": "#18212f", "interval": 0}},
        "series": drawn,
    }  # fmt: skip
    rows = [[n, begins[i], ends[i], colours[groups[i]][0]] for i, n in enumerate(names)]
    return Chart(option, says, ["名称", "开始", "到期", "状态"], rows)
