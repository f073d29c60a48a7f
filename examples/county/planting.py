"""The defects of the systems that are asked directly: register, service centre, hotline, real-estate exchange table."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from examples.county import codes, defects
from examples.county.defects import PASSED, QUARANTINED, REPAIRED, WARNED, Source
from examples.county.enterprises import BRANCH, COLLECTIVE, COMPANY, Enterprises
from examples.county.frames import put, texts

_FUTURE = "2036-05-01"


def register(source: Source, e: Enterprises, mentioned: NDArray[Any]) -> NDArray[Any]:
    """Spoil the register; returns which enterprises still have a sound row in it that shows their code.

    Enterprises that lose their code here must have a registration number, and be named by no other system:
    what links them then is that number alone.
    """
    kind, count = e.kind, len(e)
    plain = (e.twin < 0) & (kind != COLLECTIVE) & (kind != BRANCH) & ~np.isin(np.arange(count), e.parent)
    lonely = plain & ~mentioned & np.array([r is not None for r in e.reg_no])
    source.keep(np.flatnonzero(e.twin >= 0))
    uscc = "tyshxydm"

    source.spoil("D11", uscc, "uscc", defects.full_width, REPAIRED, rate=0.0015, where=plain)
    source.spoil("D11", uscc, "uscc", defects.spaced, REPAIRED, rate=0.0015, where=plain)
    source.spoil("D12", uscc, "uscc", defects.lower, REPAIRED, rate=0.002, where=plain)
    source.spoil("D10", uscc, "uscc", defects.apostrophe, REPAIRED, rate=0.001, where=plain)
    source.spoil("D12", uscc, "uscc", defects.letter_o, QUARANTINED, "uscc", rate=0.0005, where=plain)
    source.spoil("D13", uscc, "uscc", defects.wrong_check, QUARANTINED, "uscc", rate=0.002, where=plain)
    blank = lambda old: [None] * len(old)  # noqa: E731
    word = lambda old: ["无", "暂无", "000000000000000000"] * (len(old) // 3) + ["无"] * (len(old) % 3)  # noqa: E731
    lost = [source.spoil("D14", uscc, "uscc", word, WARNED, "placeholder", rate=0.001, where=lonely)]
    lost.append(source.spoil("D16", uscc, "uscc", blank, PASSED, None, rate=0.004, where=lonely, note="只有注册号"))
    for rows in lost:
        source.table = put(source.table, "zzjgdm", rows, None)
    branches = source.spoil(
        "D19", uscc, "uscc", blank, QUARANTINED, "branch_own_code", rate=0.0015, where=kind == BRANCH
    )
    source.table = put(source.table, uscc, branches, texts(source.table[branches.tolist()], "lsqy_dm"))
    source.table = put(source.table, "zzjgdm", branches, None)

    dates = source.take(0.001, plain & (e.established > np.datetime64("2012-01-01")))
    source.table = put(source.table, "zt_rq", dates, (e.established[dates] - 40).astype(object))
    source.mark("D25", "status_on", QUARANTINED, "status_after_established", dates)
    future = source.take(0.0005, plain)
    source.table = put(source.table, "zt_rq", future, np.full(len(future), np.datetime64(_FUTURE)).astype(object))
    source.mark("D26", "status_on", QUARANTINED, "status_not_future", future)
    negative = source.take(0.0005, plain & (kind == COMPANY))
    source.table = put(source.table, "zczb", negative, -1.0)
    source.mark("负数", "reg_capital", QUARANTINED, "range", negative)

    sound = source.outcome() != QUARANTINED
    sound[np.concatenate(lost)] = False
    return sound


def by_code_only(source: Source, e: Enterprises, code: str, *, rate: float, sound: NDArray[Any]) -> None:
    """Codes of the kinds that were in use before the USCC: they link, they are no defect of the row (D15, D16)."""
    target = np.maximum(source.truth, 0)
    named = (source.truth >= 0) & sound[target]
    old = np.array([r is not None for r in e.reg_no])[target]
    rows = source.take(rate / 2, named)
    source.table = put(source.table, code, rows, e.org_code[source.truth[rows]].tolist())
    source.mark("D15", "enterprise_code", PASSED, None, rows, "组织机构代码")
    rows = source.take(rate / 2, named & old)
    source.table = put(source.table, code, rows, e.reg_no[source.truth[rows]].tolist())
    source.mark("D16", "enterprise_code", PASSED, None, rows, "只有注册号")


def names(source: Source, e: Enterprises, code: str, name: str, *, rate: float, sound: NDArray[Any]) -> None:
    """Other names under a sound code (D17), branches under their parent's code (D19)."""
    target = np.maximum(source.truth, 0)
    named = (source.truth >= 0) & sound[target]
    # The other half of the renamed is kept for D21: a former name that some record shows with its code would link.
    renamed = np.array([f is not None for f in e.former_name])[target] & (target % 2 == 1)
    rows = source.take(rate, named & renamed)
    source.table = put(source.table, name, rows, e.former_name[source.truth[rows]].tolist())
    source.mark("D17", "enterprise_name", PASSED, None, rows, "信用代码相同，名称仍是曾用名")
    rows = source.take(rate / 4, named & (e.kind[target] == COMPANY))
    source.table = put(source.table, name, rows, [n + "城南分公司" for n in e.name[source.truth[rows]]])
    source.mark("D19", "enterprise_code", PASSED, None, rows, "分支机构填了隶属主体的代码")
    source.leave_unmatched(rows, "D19")


def codes_as_text(source: Source, code: str, *, rate: float) -> None:
    """Codes that were typed by hand: width, case, spaces (read), wrong letters and digits (refused)."""
    named = (source.truth >= 0) & np.array([v is not None and len(v) == 18 for v in texts(source.table, code)])
    source.spoil("D11", code, "enterprise_code", defects.full_width, REPAIRED, rate=rate, where=named)
    source.spoil("D11", code, "enterprise_code", defects.spaced, REPAIRED, rate=rate, where=named)
    source.spoil("D12", code, "enterprise_code", defects.lower, REPAIRED, rate=rate, where=named)
    source.spoil(
        "D12", code, "enterprise_code", defects.letter_o, QUARANTINED, "enterprise_code", rate=rate / 4, where=named
    )
    source.spoil(
        "D13", code, "enterprise_code", defects.wrong_check, QUARANTINED, "enterprise_code", rate=rate, where=named
    )


def later(hours: int) -> np.timedelta64:
    """So many hours."""
    return np.timedelta64(hours, "h")


def moved(
    source: Source,
    number: str,
    column: str,
    base: str,
    hours: int,
    field_name: str,
    outcome: str,
    rule: str,
    *,
    rate: float,
    where: NDArray[Any],
) -> None:
    """Put the moment in `column` so many hours from the one in `base`, for some rows."""
    rows = source.take(rate, where)
    if len(rows):
        moment = np.array(texts(source.table[rows.tolist()], base), dtype="datetime64[s]") + later(hours)
        source.table = put(
            source.table, column, rows, np.char.replace(np.datetime_as_string(moment), "T", " ").tolist()
        )
        source.mark(number, field_name, outcome, rule, rows)


def _filled(source: Source, *columns: str) -> NDArray[Any]:
    mask = np.ones(len(source), dtype=bool)
    for column in columns:
        mask &= source.table[column].is_not_null().to_numpy()
    return mask


def service_cases(source: Source, e: Enterprises, sound: NDArray[Any]) -> None:
    """The service centre's cases."""
    codes_as_text(source, "qydm", rate=0.0008)
    by_code_only(source, e, "qydm", rate=0.004, sound=sound)
    names(source, e, "qydm", "qymc", rate=0.002, sound=sound)
    done = _filled(source, "bjsj")
    days = _gap_days(source, "sqsj", "bjsj")
    moved(
        source,
        "D25",
        "slsj",
        "bjsj",
        30,
        "finished_at",
        QUARANTINED,
        "finished_after_accepted",
        rate=0.0008,
        where=done & (days >= 3),
    )
    rows = source.take(0.0004, done)
    source.table = put(source.table, "bjsj", rows, [_FUTURE + " 10:00:00"] * len(rows))
    source.mark("D26", "finished_at", QUARANTINED, "finished_not_future", rows)
    rows = source.take(0.0003)
    source.table = put(source.table, "cnsx", rows, [0] * len(rows))
    source.mark("范围", "promise_days", QUARANTINED, "range", rows)
    source.spoil(
        "机构", "slbm", "dept_code", lambda old: ["县不存在局"] * len(old), QUARANTINED, "code_set", rate=0.0002
    )


def _gap_days(source: Source, first: str, last: str) -> NDArray[Any]:
    gap = source.table.select(
        (pl.col(last).str.to_datetime() - pl.col(first).str.to_datetime()).dt.total_days().fill_null(-1).alias("d")
    )
    return gap["d"].to_numpy()


def case_steps(source: Source) -> None:
    """The steps of cases: a clock set ten years ahead."""
    rows = source.take(0.0002)
    source.table = put(source.table, "clsj", rows, [_FUTURE + " 10:00:00"] * len(rows))
    source.mark("D26", "event_at", QUARANTINED, "event_not_future", rows)


def tickets(source: Source, e: Enterprises, sound: NDArray[Any]) -> None:
    """Hotline tickets: names without codes, reversed times, identity numbers in the text, one matter by two roads."""
    company = source.truth >= 0
    rows = source.take(0.03, company)
    source.table = put(source.table, "enterpriseCode", rows, None)
    source.mark("无代码", "enterprise_code", PASSED, None, rows, "只有名称，没有第二字段，不得自动对上")
    source.leave_unmatched(rows, "只有名称")
    codes_as_text(source, "enterpriseCode", rate=0.0004)
    names(source, e, "enterpriseCode", "enterpriseName", rate=0.0005, sound=sound)
    moved(
        source,
        "D25",
        "archivedAt",
        "closedAt",
        -30,
        "archived_at",
        QUARANTINED,
        "archived_after_closed",
        rate=0.001,
        where=_filled(source, "archivedAt", "closedAt"),
    )
    moved(
        source,
        "D25",
        "acceptedAt",
        "recordedAt",
        -30,
        "accepted_at",
        QUARANTINED,
        "accepted_after_recorded",
        rate=0.0005,
        where=_filled(source, "acceptedAt"),
    )
    early = np.array([t[11:13] >= "02" for t in texts(source.table, "recordedAt")])
    moved(
        source,
        "D25",
        "acceptedAt",
        "recordedAt",
        -1,
        "accepted_at",
        WARNED,
        "accepted_after_recorded",
        rate=0.0005,
        where=_filled(source, "acceptedAt") & early,
    )
    source.spoil("空值", "content", "content", lambda old: [None] * len(old), QUARANTINED, "required", rate=0.0003)
    source.spoil(
        "分类", "categoryCode", "category_code", lambda old: ["9999"] * len(old), QUARANTINED, "code_set", rate=0.0003
    )
    person = codes.resident_ids(np.datetime64("1970-01-01") + np.arange(len(source)) % 9000, np.arange(len(source)))
    phone = codes.mobiles(6_000_000 + np.arange(len(source)))
    rows = source.take(0.01)
    told = [
        f"{t}联系人身份证号{i}，电话{p}。"
        for t, i, p in zip(texts(source.table[rows.tolist()], "content"), person[rows], phone[rows], strict=True)
    ]
    source.table = put(source.table, "content", rows, told)
    source.mark("D40", "content", PASSED, None, rows, "正文里有身份证号和电话，入视图前抹去")
    _transferred_twice(source)


def _transferred_twice(source: Source) -> None:
    """A matter that came from the city's line and was recorded by the county's own too: one upstream number (D37)."""
    rows = source.take(0.003, source.table["upstreamNo"].is_not_null().to_numpy() & (source.truth < 0))
    again = source.table[rows.tolist()].with_columns(
        pl.format("{}{}{}", pl.col("ticketNo").str.slice(0, 12), pl.lit("9"), pl.col("ticketNo").str.slice(13)).alias(
            "ticketNo"
        ),
        pl.lit("省转").alias("channel"),
    )
    places = source.append(again, np.full(len(rows), -1))
    source.mark("D37", "upstream_no", PASSED, None, places, "与另一张工单的上级工单号相同")


def ticket_events(source: Source) -> None:
    """Steps sent twice and in the wrong order (D36), and a future clock (D26)."""
    rows = source.take(0.001)
    source.table = put(source.table, "at", rows, [_FUTURE + " 10:00:00"] * len(rows))
    source.mark("D26", "event_at", QUARANTINED, "event_not_future", rows)
    rows = source.take(0.002, (source.table["seq"] > 1).to_numpy())
    moment = np.array(texts(source.table[rows.tolist()], "updatedAt"), dtype="datetime64[s]") + later(3)
    source.table = put(
        source.table, "updatedAt", rows, np.char.replace(np.datetime_as_string(moment), "T", " ").tolist()
    )
    source.mark("D36", "event_at", PASSED, None, rows, "后到的环节，按（时间，序号）重排")
    rows = source.take(0.002)
    source.append(source.table[rows.tolist()], np.full(len(rows), -1))
    source.mark("D36", "event_id", PASSED, None, rows, "同一环节推送两次，取最后一次")
    source.superseded += len(rows)


def property_log(source: Source, e: Enterprises, sound: NDArray[Any]) -> None:
    """The exchange table; only inserts that no later row of it touches are spoiled."""
    table = source.table
    single = (table["cd_operation"] == "I").to_numpy() & ~table["slbh"].is_duplicated().to_numpy()
    source.keep(np.flatnonzero(~single))
    latest = table.with_row_index("n").group_by("slbh", maintain_order=True).agg(pl.col("n").max())["n"].to_numpy()
    source.superseded = len(table) - len(latest)
    codes_as_text(source, "qlrzjh", rate=0.001)
    by_code_only(source, e, "qlrzjh", rate=0.01, sound=sound)
    names(source, e, "qlrzjh", "qymc", rate=0.003, sound=sound)
    source.spoil(
        "单元号",
        "bdcdyh",
        "unit_no",
        lambda old: [v[:-1] for v in old],
        QUARANTINED,
        "unit_no",
        rate=0.002,
        where=single,
    )
    rows = source.take(0.001, single)
    source.table = put(source.table, "djf", rows, [-80.0] * len(rows))
    source.mark("负数", "fee", QUARANTINED, "range", rows)
    issued = single & source.table["fzsj"].is_not_null().to_numpy()
    rows = source.take(0.002, issued)
    shifted = source.table[rows.tolist()].select(pl.col("dbsj") - pl.duration(hours=30)).to_series()
    source.table = put(source.table, "fzsj", rows, shifted.to_list())
    source.mark("D25", "issued_at", QUARANTINED, "issued_after_registered", rows)
