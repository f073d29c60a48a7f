"""How hot a topic is, and whether its share is rising."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any


def rank(topics: list[dict[str, Any]], weights: dict[str, float], has_votes: bool) -> None:
    """Put `heat` (0–100) and `heat_rank` on each topic and the hottest first.

    Each part (messages, callers, votes, most messages in one window) is compressed by ln(1 + x) and divided by the
    largest; parts the file has not leave their weight to the others. A loose topic counts less than a close one,
    and one that is nowhere in particular (a question everybody asks) by the factor `no_place`.
    """
    parts: dict[str, Callable[[dict[str, Any]], float]] = {
        "tickets": lambda t: t["tickets"],
        "callers": lambda t: t["callers"],
        "burst": lambda t: t["_burst"],
    }
    if has_votes:
        parts["votes"] = lambda t: t["_votes"]
    total = sum(weights[name] for name in parts) or 1.0
    largest = {name: max((math.log1p(part(t)) for t in topics), default=0.0) or 1.0 for name, part in parts.items()}
    for topic in topics:
        heat = sum(weights[name] / total * math.log1p(part(topic)) / largest[name] for name, part in parts.items())
        where = 1.0 if topic["place"] else weights["no_place"]
        topic["heat"] = round(100 * heat * where * (0.5 + 0.5 * min(topic["_near"] or 1.0, 1.0)), 2)
    topics.sort(key=lambda t: (-t["heat"], -t["tickets"], t["topic_id"]))
    for number, topic in enumerate(topics, 1):
        topic["heat_rank"] = number


def rise(recent: int, before: int, recent_all: int, before_all: int, thresholds: dict[str, float]) -> dict[str, Any]:
    """The topic's share of all messages in the last window, its change against the window before, and the warning.

    share_rise_pct is NULL when there was nothing before; a topic that is new, or whose share rose by `rise_pct`, with at
    least `rise_tickets` messages lately, is warned of.
    """
    share = 100 * recent / recent_all if recent_all else 0.0
    earlier = 100 * before / before_all if before_all else 0.0
    change = 100 * (share / earlier - 1) if earlier else None
    enough = recent >= thresholds["rise_tickets"]
    warning = None
    if enough and change is None and before_all:
        warning = "新出现"
    elif enough and change is not None and change >= thresholds["rise_pct"]:
        warning = "占比上升"
    if recent == before:
        trend = "平" if recent else "已息"
    else:
        trend = "新" if not before else "升" if recent > before else "降"
    return {
        "share_pct": round(share, 2), "share_rise_pct": None if change is None else round(change, 1), "trend": trend, "warning": warning,
    }  # fmt: skip


def burst(times: Sequence[datetime], window: timedelta) -> int:
    """The most messages in any stretch of `window`."""
    ordered, most, begin = sorted(times), 0, 0
    for end, at in enumerate(ordered):
        while at - ordered[begin] > window:
            begin += 1
        most = max(most, end - begin + 1)
    return most
