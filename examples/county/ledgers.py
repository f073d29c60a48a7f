"""The county's 72 rectification problems, with their measures, progress reports and closure reviews.

As of 2026-09-30, by status and due date (and so by light):

    closed            51   42 on time and due by now, 5 on time and due later, 4 late        grey
    closure_applied    6   1 due before now and applied before that, 5 due later             green
    rectifying        11   3 overdue (red), 2 due within 7 days (yellow), 6 later (green)
    long_term          4                                                                     blue

    completed 51/72 = 70.83 %     on time (42 + 1)/50 = 86.00 %
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from examples.county import people
from examples.county.calendar import iso
from examples.county.frames import frame
from examples.county.ledger_text import LEADS, MEASURES, PROBLEMS

STATUS = {"closed": "已销号", "closure_applied": "申请销号", "rectifying": "整改中", "long_term": "长期坚持"}
_SOURCES = ("自查", "热线", "督查", "评估", "暗访", "企业反映")


@dataclass(frozen=True)
class Ledgers:
    """The four tables the office of the business environment keeps; every cell as it stands in the workbook."""

    problems: pl.DataFrame
    measures: pl.DataFrame
    progress: pl.DataFrame
    reviews: pl.DataFrame


def _plan() -> list[tuple[str, str]]:
    """Status and case of each problem, 72 in all."""
    return (
        [("closed", "due")] * 42 + [("closed", "early")] * 5 + [("closed", "late")] * 4
        + [("closure_applied", "due")] + [("closure_applied", "early")] * 5
        + [("rectifying", "overdue")] * 3 + [("rectifying", "soon")] * 2 + [("rectifying", "later")] * 6
        + [("long_term", "")] * 4
    )  # fmt: skip


def _written_limits(
    rng: np.random.Generator, due: NDArray[Any], case: NDArray[Any], as_of: np.datetime64
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Due dates some of which the clerk wrote in words (D24), with the words; "" where a plain date stands."""
    words = np.full(len(due), "", dtype=object)
    past = rng.permutation(np.flatnonzero(case == "due"))
    month = as_of.astype("datetime64[M]")
    for place, back in zip(past[:4], (1, 2, 3, 1), strict=True):
        end = month - (back - 1)
        due[place] = end.astype("datetime64[D]") - 1
        last = (end - 1).item()
        words[place] = f"{last.year}年{last.month}月底前"
    quarter = month - (month.astype(int) % 3)
    due[past[4]] = quarter.astype("datetime64[D]") - 1
    last = (quarter - 1).item()
    words[past[4]] = f"{last.year}年{'一二三四'[(last.month - 1) // 3]}季度"
    words[past[5:7]] = "立行立改"
    ahead = rng.permutation(np.flatnonzero(case == "later"))[0]
    due[ahead] = (as_of.astype("datetime64[Y]") + 1).astype("datetime64[D]") - 1
    words[ahead] = f"{as_of.astype('datetime64[Y]')}年底前"
    return due, words


def make(rng: np.random.Generator, as_of: np.datetime64) -> Ledgers:
    """The ledgers as they stand on `as_of`; all that varies with the seed are names, texts and days."""
    plan = _plan()
    order = rng.permutation(len(plan))
    plan = [plan[i] for i in order]
    count = len(plan)
    status = np.array([s for s, _ in plan])
    case = np.array([c for _, c in plan])
    day = lambda n: n.astype("timedelta64[D]")  # noqa: E731
    none = np.datetime64("NaT", "D")
    due = as_of + day(
        np.select(
            [case == "due", case == "late", case == "overdue", case == "soon", case == ""],
            [
                -rng.integers(8, 120, count),
                -rng.integers(40, 120, count),
                -rng.integers(5, 40, count),
                rng.integers(2, 7, count),
                0,
            ],
            rng.integers(20, 90, count),
        )
    )
    due, words = _written_limits(rng, due, case, as_of)
    # Found a little ago where the end is far away, so that no green one lags behind its own schedule.
    found = np.where(due > as_of, as_of - day(rng.integers(20, 40, count)), due - day(rng.integers(60, 150, count)))
    found = np.where(case == "", as_of - day(rng.integers(100, 200, count)), found)
    confirmed = found + day(rng.integers(0, 4, count))
    at_once = words == "立行立改"
    confirmed = np.where(at_once, due - 7, confirmed)
    found = np.where(at_once, confirmed - 1, found)
    closed = np.where(
        case == "late",
        due + day(rng.integers(3, 20, count)),
        np.where(due < as_of, due - day(rng.integers(0, 6, count)), as_of - day(rng.integers(1, 8, count))),
    )
    applied = np.where(
        case == "early", closed - day(rng.integers(2, 6, count)), closed - day(rng.integers(1, 4, count))
    )
    applied = np.where((status == "closure_applied") & (case == "due"), due - 1, applied)
    closed = np.where(status == "closed", closed, none)
    applied = np.where(np.isin(status, ("closed", "closure_applied")), np.maximum(applied, found), none)
    progress = np.select(
        [status == "closed", status == "closure_applied", case == "overdue", case == "soon", case == ""],
        [100, 100, rng.integers(50, 90, count), rng.integers(85, 98, count), 60],
        rng.integers(60, 80, count),
    )
    kinds = list(PROBLEMS)
    category = np.array([kinds[i * len(kinds) // count] for i in range(count)])
    lead = [LEADS[i] for i in rng.integers(0, len(LEADS), count)]
    topic = [PROBLEMS[c][k] for c, k in zip(category, rng.integers(0, 6, count), strict=True)]
    number = [f"ZG2026{i + 1:03d}" for i in range(count)]
    helper = [
        LEADS[(LEADS.index(x) + int(k)) % len(LEADS)]
        for x, k in zip(lead, rng.integers(1, len(LEADS), count), strict=True)
    ]
    staff = people.names(rng, 3 * count).reshape(3, -1)
    due_text = np.where(status == "long_term", "长期坚持", np.where(words == "", iso(due), words))
    problems = frame(
        {
            "问题编号": np.array(number, dtype=object),
            "问题类别": category.astype(object),
            "问题子类": np.array([t[0] for t in topic], dtype=object),
            "问题来源": rng.choice(np.array(_SOURCES, dtype=object), count, p=[0.5, 0.12, 0.12, 0.1, 0.08, 0.08]),
            "问题名称": np.array([t[1].format(unit=u) for t, u in zip(topic, lead, strict=True)], dtype=object),
            "问题描述": np.array([t[2] for t in topic], dtype=object),
            "发现日期": iso(found),
            "责任/牵头单位": np.array(lead, dtype=object),
            "责任/责任单位": np.array(helper, dtype=object),
            "责任/责任领导": staff[0].astype(object),
            "责任/责任人": np.char.add(staff[1], "").astype(object),
            "责任/复核人": np.where(staff[2] == staff[1], np.char.add(staff[2], "华"), staff[2]).astype(object),
            "整改/整改目标": np.array([t[3] for t in topic], dtype=object),
            "整改/整改时限": due_text.astype(object),
            "整改/确认日期": iso(confirmed),
            "整改/是否长期坚持": np.where(status == "long_term", "是", "否").astype(object),
            "整改/完成进度（%）": progress.astype(str).astype(object),
            "整改/当前状态": np.array([STATUS[s] for s in status], dtype=object),
            "销号/申请日期": iso(applied),
            "销号/销号日期": iso(closed),
            "销号/销号人": np.where(status == "closed", staff[2], None),
            "是否公开曝光": np.where(rng.random(count) < 0.08, "是", "否").astype(object),
            "备注": np.full(count, None, dtype=object),
            "~due": due,
            "~found": found,
            "~closed": closed,
            "~applied": applied,
            "~status": status.astype(object),
            "~case": case.astype(object),
        }
    )
    return Ledgers(problems, *_children(rng, problems, as_of))


def _content(place: int, words: str) -> str:
    """A measure as it stands in its cell: numbered, the first one with numbered steps on lines of their own (D8)."""
    steps = "\n（1）建立问题台账，逐条明确责任\n（2）每周调度一次，及时更新进展" if place == 0 else ""
    return f"{place + 1}. {words}{steps}"


def _children(
    rng: np.random.Generator, problems: pl.DataFrame, as_of: np.datetime64
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Measures (weights add to 100), monthly progress, and reviews of closure applications."""
    measures, progress, reviews = [], [], []
    for p in problems.iter_rows(named=True):
        found, due = np.datetime64(p["~found"]), np.datetime64(p["~due"])
        end = due if p["~case"] else as_of + 90
        if p["~applied"] is not None:
            end = min(end, np.datetime64(p["~applied"]))
        parts = int(rng.integers(2, 5))
        edge = found + ((end - found).astype(int) * np.arange(parts + 1) // parts).astype("timedelta64[D]")
        weights = [100 // parts] * (parts - 1) + [100 - 100 // parts * (parts - 1)]
        words = rng.choice(len(MEASURES), parts, replace=False)
        finished = (
            None if np.isnat(np.datetime64(p["~closed"] or "NaT")) and p["~status"] != "closure_applied" else True
        )
        stop = np.datetime64(p["~applied"] or as_of)
        for k in range(parts):
            late = p["~case"] == "overdue" and k == parts - 1
            done = min(edge[k + 1], stop) if finished or (edge[k + 1] <= as_of and not late) else None
            measures.append(
                (
                    f"{p['问题编号']}-{k + 1}",
                    p["问题编号"],
                    str(k + 1),
                    _content(k, MEASURES[words[k]]),
                    p["责任/牵头单位"],
                    p["责任/责任人"],
                    str(edge[k]),
                    str(edge[k + 1]),
                    str(weights[k]),
                    None if done is None else str(done),
                )
            )
        last = int(p["整改/完成进度（%）"])
        stop = np.datetime64(p["~closed"] or as_of)
        steps = max(1, min(4, int((stop - found).astype(int)) // 30 + 1))
        for k in range(steps):
            at = found + (stop - found) * (k + 1) // steps
            text = (
                "已完成全部整改措施，佐证材料已归档"
                if k == steps - 1 and last == 100
                else f"已完成第 {k + 1} 阶段工作，正在推进后续措施"
            )
            progress.append(
                (
                    f"{p['问题编号']}-J{k + 1}",
                    p["问题编号"],
                    str(at),
                    str(at)[:7],
                    str(last * (k + 1) // steps),
                    text,
                    p["责任/责任人"],
                )
            )
        if p["~applied"] is not None:
            if rng.random() < 0.12 and p["~status"] == "closed":
                back = np.datetime64(p["~applied"]) - 12
                reviews.append(
                    (
                        f"{p['问题编号']}-S0",
                        p["问题编号"],
                        str(back),
                        p["责任/复核人"],
                        "退回",
                        "佐证材料不足，补充后重新申请",
                        f"{back + 2} 10:00:00",
                    )
                )
            if p["~status"] == "closed":
                reviews.append(
                    (
                        f"{p['问题编号']}-S1",
                        p["问题编号"],
                        str(p["~applied"]),
                        p["责任/复核人"],
                        "通过",
                        None,
                        f"{p['~closed']} 10:00:00",
                    )
                )
    row = {"orient": "row", "infer_schema_length": None}
    return (
        pl.DataFrame(
            measures,
            schema=[
                "措施编号",
                "问题编号",
                "序号",
                "整改措施",
                "责任单位",
                "责任人",
                "计划开始",
                "计划完成",
                "权重",
                "实际完成",
            ],
            **row,
        ),
        pl.DataFrame(
            progress, schema=["进展编号", "问题编号", "填报时间", "所属月份", "进度（%）", "进展情况", "填报人"], **row
        ),
        pl.DataFrame(
            reviews, schema=["审核编号", "问题编号", "申请日期", "审核人", "审核结果", "退回原因", "审核时间"], **row
        ),
    )
