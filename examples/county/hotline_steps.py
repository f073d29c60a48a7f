"""What happens to a hotline ticket: its steps, the units it is sent to, the callbacks."""

from __future__ import annotations

import numpy as np
import polars as pl

from examples.county import people
from examples.county.calendar import Moments, iso
from examples.county.frames import frame, texts


def events(rng: np.random.Generator, tickets: pl.DataFrame, t: dict[str, Moments]) -> pl.DataFrame:
    """One row per step of a ticket, about five a ticket, numbered in the order they happened."""
    steps = (
        ("记录", None, "recorded", "recorded"), ("受理", "recorded", "accepted", "accepted"), ("派单", "accepted", "dispatched", "dispatched"),
        ("退单", "dispatched", "returned", "returned"), ("签收", "dispatched", "signed", "signed"), ("延期申请", "signed", "extended", "extended"),
        ("办理", "signed", "handling", "contacted"), ("答复", "handling", "replied", "replied"), ("回访", "replied", "called_back", "called_back"),
        ("重办", "called_back", "reopened", "redone"), ("结案", "called_back", "closed", "closed"),
    )  # fmt: skip
    count = len(tickets)
    # The platform does not write every step down, but always the one a ticket stands at.
    some = np.arange(count) % 5 == 0
    keep = {
        "accepted": rng.random(count) < 0.35,
        "contacted": some | np.isnat(t["replied"]),
        "called_back": some | np.isnat(t["closed"]),
    }
    turned_away = texts(tickets, "status") == "rejected"
    parts = []
    for step, before, behind, moment in steps:
        rows = np.flatnonzero(~np.isnat(t[moment]) & keep.get(moment, True))
        parts.append(
            (
                rows,
                np.full(len(rows), step, dtype=object),
                np.full(len(rows), before, dtype=object),
                np.where((step == "结案") & turned_away[rows], "rejected", behind).astype(object),
                t[moment][rows],
            )
        )
    ticket = np.concatenate([p[0] for p in parts])
    at = np.concatenate([p[4] for p in parts])
    order = np.lexsort((np.concatenate([np.full(len(p[0]), i) for i, p in enumerate(parts)]), at, ticket))
    ticket, at = ticket[order], at[order]
    starts = np.flatnonzero(np.r_[True, ticket[1:] != ticket[:-1]])
    seq = np.arange(len(ticket)) - np.repeat(starts, np.diff(np.r_[starts, len(ticket)])) + 1
    number = texts(tickets, "ticketNo")[ticket]
    step = np.concatenate([p[1] for p in parts])[order]
    inside = np.isin(step, ["签收", "退单", "延期申请", "办理", "答复"])
    main = texts(tickets, "mainDept")[ticket]
    staff = people.names(rng, 60)
    event_id = number + "-" + np.char.zfill(seq.astype(str), 2).astype(object)
    return frame(
        {
            "eventId": event_id,
            "ticketNo": number,
            "seq": seq,
            "step": step,
            "fromStatus": np.concatenate([p[2] for p in parts])[order],
            "toStatus": np.concatenate([p[3] for p in parts])[order],
            "at": iso(at),
            "dept": np.where(inside, main, "县12345热线办"),
            "operator": staff[rng.integers(0, len(staff), len(ticket))],
            "reasonCode": np.where(step == "退单", "not_our_duty", None),
            "note": np.where(step == "退单", "非本单位职责，申请退回", None),
            "sourceEventId": "YX" + event_id,
            "updatedAt": iso(at),
            "~t": ticket,
        }
    )


def assignments(tickets: pl.DataFrame, t: dict[str, Moments]) -> pl.DataFrame:
    """One row per ticket and unit it was sent to."""
    rows = np.flatnonzero(~np.isnat(t["dispatched"]))
    return frame(
        {
            "ticketNo": texts(tickets, "ticketNo")[rows],
            "dept": texts(tickets, "mainDept")[rows],
            "role": np.full(len(rows), "主办", dtype=object),
            "assignedAt": iso(t["dispatched"][rows]),
            "signedAt": iso(t["signed"][rows]),
            "dueAt": texts(tickets, "dueAt")[rows],
            "returnedAt": iso(t["returned"][rows]),
            "finishedAt": iso(t["closed"][rows]),
            "updatedAt": texts(tickets, "updatedAt")[rows],
            "~t": rows,
        }
    )


def callbacks(rng: np.random.Generator, tickets: pl.DataFrame, t: dict[str, Moments]) -> pl.DataFrame:
    """One row per callback; the unreached and those who refuse are told apart."""
    rows = np.flatnonzero(~np.isnat(t["called_back"]) & (rng.random(len(tickets)) < 0.92))
    count = len(rows)
    reached = rng.random(count) < 0.9
    answered = reached & (rng.random(count) < 0.93)
    solved = np.where(answered, texts(tickets, "solved")[rows], None)
    pleased = rng.choice(["非常满意", "满意", "基本满意"], count, p=[0.42, 0.4, 0.18])
    cross = rng.choice(["不满意", "非常不满意", "基本满意"], count, p=[0.6, 0.15, 0.25])
    verdict = np.where(
        ~answered, "未评价", np.where(solved == "未解决", cross, np.where(rng.random(count) < 0.92, pleased, cross))
    )
    number = texts(tickets, "ticketNo")[rows]
    return frame(
        {
            "callbackId": number + "-H1",
            "ticketNo": number,
            "round": np.ones(count, dtype=int),
            "at": iso(t["called_back"][rows]),
            "method": rng.choice(["电话", "短信", "人工", "自动"], count, p=[0.6, 0.2, 0.1, 0.1]),
            "reached": reached,
            "answered": answered,
            "solved": solved,
            "satisfaction": verdict,
            "reason": np.where(
                np.isin(verdict, ["不满意", "非常不满意"]),
                rng.choice(["处理结果不满意", "办理时间太长", "服务态度"], count),
                None,
            ),
            "updatedAt": iso(t["called_back"][rows]),
            "~t": rows,
        }
    )
