"""Charts as ECharts options, made here once and drawn by the browser; each says its finding in a sentence.

Tooltips are canvas text (`richText`): HTML ones would set styles the policy forbids and could carry markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

BLUE, RED, GREY = "#1d5fbf", "#b42318", "#c3ccd9"
SERIES = (BLUE, "#0f7b5f", "#c27803", "#7a4fb5", "#0e8fa8", "#7d8796")
_FONT = "'Microsoft YaHei','Source Han Sans SC','Noto Sans CJK SC',sans-serif"


@dataclass(frozen=True)
class Chart:
    """An option, the sentence that says what it shows, and the same figures as a table."""

    option: dict[str, Any]
    says: str
    head: Sequence[str]
    rows: Sequence[Sequence[Any]] = field(repr=False)


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
    line: tuple[float, str] | None = None, links: Sequence[str] = (), own: str = "本县", least: float = 0,
) -> Chart:  # fmt: skip
    """Horizontal bars in the order given, top first; below `line` they are red; `beside` adds thin grey ones."""
    data = [
        {
            "value": _plain(v),
            "itemStyle": {"color": RED if line and v is not None and v < line[0] else BLUE},
            "link": links[i] if links else "",
            "label": {"formatter": f"{v:.2f}" if isinstance(v, Decimal) else str(v)},
        }
        for i, v in enumerate(values)
    ]
    main: dict[str, Any] = {
        "type": "bar", "name": own, "data": data, "barWidth": 12, "itemStyle": {"color": BLUE},
        "label": {"show": len(names) <= 12, "position": "right", "color": "#18212f", "backgroundColor": "rgba(255,255,255,.85)", "padding": [1, 3]},
    }  # fmt: skip
    if line:
        main["markLine"] = {
            "silent": True, "symbol": "none", "data": [{"xAxis": line[0]}], "lineStyle": {"color": RED, "type": "dashed"},
            "label": {"formatter": line[1], "color": RED, "position": "start", "distance": 4}, "animation": False,
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
        "legend": {"top": 0, "left": 0, "itemHeight": 8, "itemWidth": 14, "data": [own, *(name for name, _ in beside)]},
        "xAxis": {"type": "value", "min": least, "splitLine": {"lineStyle": {"color": "#eef1f6"}}, "axisLabel": {"color": "#4b5768"}},
        "yAxis": {"type": "category", "inverse": True, "data": list(names), "axisTick": {"show": False}, "axisLine": {"lineStyle": {"color": "#dce2eb"}},
                  "axisLabel": {"color": "#18212f", "interval": 0}},
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
        "legend": {"top": 0, "left": 0, "itemHeight": 8, "itemWidth": 14},
        "xAxis": {"type": "category", "data": list(names), "axisLine": {"lineStyle": {"color": "#dce2eb"}}, "axisLabel": {"color": "#4b5768"}},
        "yAxis": {"type": "value", "splitLine": {"lineStyle": {"color": "#eef1f6"}},
                  "axisLabel": {"color": "#4b5768"}, **({"min": least} if least is not None else {})},
        "series": drawn,
    }  # fmt: skip
    every = [*series, *([columns] if columns else [])]
    rows = [[name, *(numbers[i] for _, numbers in every)] for i, name in enumerate(names)]
    return Chart(option, says, ["时间", *(name for name, _ in every)], rows)
