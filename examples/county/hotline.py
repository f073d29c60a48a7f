"""The county's 12345 tickets, their steps, assignments and callbacks, as the hotline platform keeps them.

Frames carry the platform's own column names. Columns whose names start with `~` are the county's private
knowledge (`~e`: place of the enterprise, −1 for none) and never reach a source system.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from examples.county import hotline_steps, people, places
from examples.county import hotline_text as text
from examples.county.calendar import Moments, add_working_days, after, any_hour, iso, office_hours
from examples.county.enterprises import BRANCH, Enterprises
from examples.county.frames import frame

_CHANNELS = np.array(["电话", "网站", "APP", "微信", "信箱", "省转", "市转", "互联网+督查", "领导留言板"])
_CHANNEL_SHARES = np.array([0.68, 0.04, 0.06, 0.12, 0.02, 0.02, 0.04, 0.01, 0.01])
_NAT = np.datetime64("NaT", "s")
_HOUR, _DAY = 3600, 86400
# Rules of the county hotline: enquiries and requests three working days, all else five.
_PROMISE = np.array([3, 3, 5, 5, 5, 5])

# Many people, one trouble, one place, one month: what a leader should see first.
_HOT = (
    ("0201", 0, 95, 120),
    ("0303", 1, 60, 90),
    ("0401", 2, 40, 70),
    ("0302", 0, 20, 110),
    ("0901", 4, 75, 60),
    ("1201", 1, 30, 40),
)
# A matter by the name the department had until the reform of 1 January 2026 (D38).
RENAMED = {"县综合行政执法局": "县城市管理局", "县金融办": "县金融工作局"}
REFORM = np.datetime64("2026-01-01")


@dataclass(frozen=True)
class Hotline:
    """Tickets, events, assignments and callbacks; `hot` lists the planted clusters."""

    tickets: pl.DataFrame
    events: pl.DataFrame
    assignments: pl.DataFrame
    callbacks: pl.DataFrame
    hot: list[dict[str, object]]


def _days_back(rng: np.random.Generator, count: int, days: int) -> NDArray[np.int64]:
    """Days before as_of, below `days`; the hotline is used a little more each month."""
    return np.minimum((days * (1 - np.sqrt(rng.random(count) * 0.75 + 0.25)) * 2).astype(int), days - 1)


def _matters(rng: np.random.Generator, count: int, scale: float, days: int) -> dict[str, NDArray[np.int64]]:
    """Who rings about what, where and when; planted clusters and repeats included."""
    m = {
        "category": rng.choice(len(text.CATEGORIES), count, p=text.WEIGHTS),
        "town": rng.choice(len(places.TOWNS), count, p=places.TOWN_WEIGHTS),
        "item": rng.integers(0, text.VARIANTS, count),
        "problem": rng.integers(0, text.VARIANTS, count),
        "back": _days_back(rng, count, days),
        "caller": rng.integers(0, max(50, int(count * 0.7)), count),
        "repeat_of": np.full(count, -1),
    }
    if days < 100:
        return m
    place = 0
    for code, town, back, full in _HOT:
        size = max(6, round(full * scale))
        rows = np.arange(place, place + size)
        place += size
        m["category"][rows] = np.flatnonzero(code == text.CODES)[0]
        m["town"][rows], m["item"][rows], m["problem"][rows] = town, 0, 0
        m["back"][rows] = back - rng.integers(0, 20, size)
        m["caller"][rows] = rng.permutation(max(50, int(count * 0.7)))[:size]
    # One person, one matter, again within thirty days.
    again = np.arange(place, place + max(4, int(count * 0.04)))
    first = rng.choice(
        np.flatnonzero((m["back"] > 45) & (np.arange(count) >= again[-1] + 1)), len(again), replace=False
    )
    for field in ("category", "town", "item", "problem", "caller"):
        m[field][again] = m[field][first]
    m["back"][again] = m["back"][first] - rng.integers(3, 25, len(again))
    m["repeat_of"][again] = first
    return m


def _span(rng: np.random.Generator, low: float, high: float, count: int) -> NDArray[np.int64]:
    return np.exp(rng.uniform(np.log(low), np.log(high), count)).astype(int)


def _by_day(moments: Moments, rng: np.random.Generator) -> Moments:
    """The same moment if it is between 08:00 and 18:00, else a little after 08:30 of the next such day."""
    day = moments.astype("datetime64[D]")
    second = (moments - day).astype(np.int64)
    later = after(
        day.astype("datetime64[s]"), 30_600 + rng.integers(0, 5400, len(moments)) + np.where(second > 64_800, _DAY, 0)
    )
    return np.where((second < 28_800) | (second > 64_800), later, moments)


def _course(
    rng: np.random.Generator, m: dict[str, NDArray[np.int64]], demand: NDArray[np.int64], as_of: np.datetime64
) -> tuple[dict[str, Moments], dict[str, NDArray[np.bool_]], NDArray[np.int64]]:
    """When each step of each ticket happened (NaT where it did not, or not yet), what befell it, and its days allowed."""
    count = len(demand)
    now = (as_of + 1).astype("datetime64[s]")
    recorded = any_hour(as_of - m["back"].astype("timedelta64[D]"), rng)
    flags = {
        "rejected": rng.random(count) < 0.015,
        "direct": (demand == 0) & (rng.random(count) < 0.35),
        "returned": rng.random(count) < 0.06,
        "redone": rng.random(count) < 0.03,
        "extended": rng.random(count) < 0.04,
        "supervised": rng.random(count) < 0.02,
        "late": rng.random(count) < 0.07,
        "stuck": rng.random(count) < 0.004,
    }
    flags["direct"] &= ~flags["rejected"]
    sent = ~flags["rejected"] & ~flags["direct"]
    for name in ("returned", "redone", "extended", "supervised", "late", "stuck"):
        flags[name] &= sent
    allowed = _PROMISE[demand]
    t: dict[str, Moments] = {"recorded": recorded, "accepted": after(recorded, _span(rng, 30, 900, count))}
    t["dispatched"] = np.where(sent, after(t["accepted"], _span(rng, 300, 4 * _HOUR, count)), _NAT)
    back = after(t["dispatched"], _span(rng, _HOUR, 20 * _HOUR, count))
    t["returned"] = np.where(flags["returned"], back, _NAT)
    t["signed"] = after(
        np.where(flags["returned"], after(back, _span(rng, 600, 3 * _HOUR, count)), t["dispatched"]),
        _span(rng, 600, 8 * _HOUR, count),
    )
    t["signed"] = _by_day(t["signed"], rng)
    t["contacted"] = _by_day(after(t["signed"], _span(rng, 900, 26 * _HOUR, count)), rng)
    work = np.maximum(1, allowed - rng.integers(0, 3, count)) + np.where(flags["late"], rng.integers(2, 9, count), 0)
    work = work + np.where(flags["extended"], rng.integers(3, 8, count), 0)
    done = office_hours(add_working_days(t["contacted"], np.maximum(work - 1, 0)), rng)
    t["replied"] = np.where(
        sent & ~flags["stuck"], np.maximum(done, after(t["contacted"], _span(rng, 1800, 9000, count))), _NAT
    )
    t["redone"] = np.where(flags["redone"], after(t["replied"], _span(rng, _DAY, 2 * _DAY, count)), _NAT)
    final = np.where(flags["redone"], after(t["redone"], _span(rng, _DAY, 3 * _DAY, count)), t["replied"])
    t["extended"] = np.where(flags["extended"], after(t["signed"], _span(rng, 20 * _HOUR, 40 * _HOUR, count)), _NAT)
    t["called_back"] = _by_day(after(final, _span(rng, 2 * _HOUR, 2 * _DAY, count)), rng)
    t["closed"] = np.where(
        sent,
        after(t["called_back"], _span(rng, 300, 6 * _HOUR, count)),
        after(t["accepted"], _span(rng, 120, 1800, count)),
    )
    t["archived"] = after(t["closed"], _span(rng, _DAY, 12 * _DAY, count))
    t["final_reply"] = final
    return {name: np.where(moment < now, moment, _NAT) for name, moment in t.items()}, flags, allowed


def _status(t: dict[str, Moments], flags: dict[str, NDArray[np.bool_]]) -> NDArray[np.object_]:
    reached = lambda name: ~np.isnat(t[name])  # noqa: E731
    return np.select(
        [
            flags["rejected"] & reached("closed"), reached("archived"), reached("closed"), reached("called_back"),
            reached("redone") & np.isnat(t["final_reply"]), reached("replied"), reached("extended"), reached("contacted"), reached("signed"),
            reached("returned"), reached("dispatched"), reached("accepted"),
        ],
        ["rejected", "archived", "closed", "called_back", "reopened", "replied", "extended", "handling", "signed", "returned", "dispatched", "accepted"],
        "recorded",
    ).astype(object)  # fmt: skip


def department_names(department: NDArray[np.object_], day: NDArray[np.datetime64]) -> NDArray[np.object_]:
    """The name each department had on that day."""
    former = np.array([RENAMED.get(name, name) for name in department.tolist()], dtype=object)
    return np.where(day.astype("datetime64[D]") < REFORM, former, department)


def make(
    rng: np.random.Generator,
    enterprises: Enterprises,
    count: int,
    as_of: np.datetime64,
    scale: float,
    *,
    days: int = 365,
) -> Hotline:
    """So many tickets of the last `days` up to `as_of`; a whole year holds the hot clusters and the repeats."""
    m = _matters(rng, count, scale, days)
    crowd = people.make(rng, int(m["caller"].max()) + 1, 1_000_000)
    order = np.lexsort((rng.random(count), -m["back"]))
    position = np.empty(count, dtype=np.int64)
    position[order] = np.arange(count)
    m["repeat_of"] = np.where(m["repeat_of"] >= 0, position[m["repeat_of"]], -1)
    m = {name: values[order] for name, values in m.items()}
    category, town = m["category"], m["town"]
    cumulative = np.cumsum(text.DEMAND_SHARES, axis=1)
    demand = (rng.random(count)[:, None] > cumulative[category]).sum(axis=1).clip(0, 5)
    is_enterprise = rng.random(count) < text.ENTERPRISE_SHARE[category]
    firm = np.where(is_enterprise, enterprises.pick(rng, count, kinds=tuple(k for k in range(5) if k != BRANCH)), -1)
    t, flags, allowed = _course(rng, m, demand, as_of)
    number = _numbers(t["recorded"])
    address = places.addresses(rng, town).astype(object)
    due = add_working_days(
        t["dispatched"], allowed + np.where(flags["extended"] & ~np.isnat(t["extended"]), 5, 0)
    ).astype("datetime64[s]")
    due = np.where(np.isnat(t["dispatched"]), _NAT, after(due, np.full(count, 18 * _HOUR)))
    repeat = m["repeat_of"] >= 0
    merged = repeat & (rng.random(count) < 0.4)
    root = np.where(merged, number[np.maximum(m["repeat_of"], 0)], None)
    city = rng.random(count) < 0.05
    anonymous = rng.random(count) < 0.02
    replied = ~np.isnat(t["replied"])
    solved = np.where(replied, rng.choice(["已解决", "部分", "未解决"], count, p=[0.78, 0.12, 0.1]), None)
    excluded = replied & (rng.random(count) < 0.01)
    tickets = frame(
        {
            "ticketNo": number,
            "rootTicketNo": root,
            "upstreamNo": np.where(city, np.char.add("SJ", number.astype(str)).astype(object), None),
            "channel": np.where(city, "市转", rng.choice(_CHANNELS, count, p=_CHANNEL_SHARES)),
            "demandType": text.DEMANDS[demand],
            "categoryCode": text.CODES[category],
            "title": text.titles(category, m["item"], m["problem"], town),
            "content": text.contents(rng, category, m["item"], m["problem"], address, is_enterprise),
            "callerName": np.where(
                anonymous,
                None,
                np.where(is_enterprise, enterprises.rep.name[firm], crowd.name[m["caller"]]).astype(object),
            ),
            "callerPhone": np.where(is_enterprise, enterprises.phone[firm], crowd.phone[m["caller"]]),
            "isEnterprise": is_enterprise,
            "enterpriseCode": np.where(is_enterprise, enterprises.uscc[firm], None),
            "enterpriseName": np.where(is_enterprise, enterprises.name[firm], None),
            "secrecy": rng.random(count) < 0.03,
            "anonymous": anonymous,
            "address": address,
            "townCode": places.TOWN_CODES[town],
            "lon": np.round(105.30 + town * 0.02 + rng.random(count) * 0.018, 6),
            "lat": np.round(30.80 + town * 0.015 + rng.random(count) * 0.014, 6),
            "recordedAt": iso(t["recorded"]),
            "acceptedAt": iso(t["accepted"]),
            "dispatchedAt": iso(t["dispatched"]),
            "mainDept": np.where(
                np.isnat(t["dispatched"]), None, department_names(text.DEPARTMENTS[category], t["recorded"])
            ),
            "dueAt": iso(due),
            "firstContactAt": iso(t["contacted"]),
            "repliedAt": iso(t["replied"]),
            "closedAt": iso(t["closed"]),
            "archivedAt": iso(t["archived"]),
            "status": _status(t, flags),
            "extensionDays": np.where(flags["extended"] & ~np.isnat(t["extended"]), 5, 0),
            "returnCount": (flags["returned"] & ~np.isnat(t["returned"])).astype(int),
            "redoCount": (flags["redone"] & ~np.isnat(t["redone"])).astype(int),
            "superviseLevel": flags["supervised"].astype(int),
            "demandTrue": np.where(replied, rng.choice(["是", "否", "部分"], count, p=[0.85, 0.08, 0.07]), None),
            "outOfDuty": flags["rejected"],
            "rejectReason": np.where(
                flags["rejected"], rng.choice(["not_government", "litigation", "petition", "decided"], count), None
            ),
            "solved": solved,
            "unsolvedReason": np.where(
                solved == "未解决",
                rng.choice(["政策不支持", "历史遗留问题", "正在协调", "诉求人不认可处理结果"], count),
                None,
            ),
            "replyPublic": np.where(replied, "您好，经核实，您反映的情况已由承办单位处理，感谢您的关心与监督。", None),
            "exclude": excluded,
            "excludeReason": np.where(excluded, "超出行政职责范围", None),
            "excludeApprovedBy": np.where(excluded, "热线办审核组", None),
            "updatedAt": iso(_last(t)),
            "~e": firm,
            "~demand": demand,
            "~category": category,
            "~repeat": repeat,
        }
    )
    return Hotline(
        tickets,
        hotline_steps.events(rng, tickets, t),
        hotline_steps.assignments(tickets, t),
        hotline_steps.callbacks(rng, tickets, t),
        _planted(scale),
    )


def _numbers(recorded: Moments) -> NDArray[np.object_]:
    """18-digit ticket numbers: yymmddHHMMSS and a six-digit serial."""
    stamp = np.char.replace(
        np.char.replace(np.char.replace(np.datetime_as_string(recorded), "-", ""), ":", ""), "T", ""
    )
    serial = np.char.zfill((np.arange(len(recorded)) % 1_000_000).astype(str), 6)
    return np.char.add(np.array([s[2:] for s in stamp.tolist()]), serial).astype(object)


def _last(t: dict[str, Moments]) -> Moments:
    """The moment the platform last touched each ticket."""
    stacked = np.stack([t[name] for name in t])
    return np.fmax.reduce(stacked, axis=0)


def _planted(scale: float) -> list[dict[str, object]]:
    return [
        {"category_code": code, "town_code": places.TOWNS[town][0], "tickets_at_least": max(6, round(size * scale))}
        for code, town, _, size in _HOT
    ]
