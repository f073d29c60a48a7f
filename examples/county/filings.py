"""What other departments know of enterprises: tax, real estate, loans, water and power.

File sources give every cell as the clerk's system writes it, as text; the exchange table is typed.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from examples.county import codes, people, places
from examples.county.calendar import add_working_days, after, iso, next_working_day, office_hours
from examples.county.enterprises import BRANCH, COMPANY, COOP, INDIVIDUAL, Enterprises
from examples.county.frames import frame

_TAXES = np.array(["增值税", "企业所得税", "个人所得税", "城市维护建设税", "印花税"], dtype=object)
_TAX_CODES = np.array(["10101", "10104", "10106", "10109", "10111"], dtype=object)
_BANKS = (
    ("示例农商银行", "9151099900A001"), ("工商银行示例支行", "9151099900A002"), ("农业银行示例支行", "9151099900A003"),
    ("中国银行示例支行", "9151099900A004"), ("建设银行示例支行", "9151099900A005"), ("邮储银行示例支行", "9151099900A006"),
)  # fmt: skip


def months(as_of: np.datetime64, count: int = 12) -> list[np.datetime64]:
    """The last so many whole months before `as_of`'s month, oldest first."""
    return list(as_of.astype("datetime64[M]") - np.arange(count, 0, -1).astype("timedelta64[M]"))


def tax_month(
    rng: np.random.Generator, enterprises: Enterprises, count: int, month: np.datetime64, first: int
) -> pl.DataFrame:
    """The filings for one month's taxes, handed in during the next month; `first` is the first serial number."""
    firm = enterprises.pick(rng, count, kinds=(COMPANY, INDIVIDUAL, COOP))
    tax = np.where(
        enterprises.kind[firm] == INDIVIDUAL,
        rng.choice([0, 2, 4], count),
        rng.choice(5, count, p=[0.5, 0.2, 0.1, 0.1, 0.1]),
    )
    start = np.full(count, month.astype("datetime64[D]"))
    end = np.full(count, (month + 1).astype("datetime64[D]") - 1)
    due = next_working_day(np.full(count, (month + 1).astype("datetime64[D]") + 14))
    filed = office_hours(next_working_day(start + 31 + rng.integers(0, 14, count)), rng)
    filed = np.where(rng.random(count) < 0.02, office_hours(due + rng.integers(1, 4, count), rng), filed)
    base = np.round(np.exp(rng.normal(10.5, 1.3, count)), 2)
    payable = np.round(base * np.array([0.03, 0.05, 0.015, 0.0021, 0.0003])[tax], 2)
    paid = np.where(rng.random(count) < 0.97, payable, 0.0)
    stamp = str(month).replace("-", "")
    number = np.char.add(f"SB{stamp}", np.char.zfill(np.arange(first, first + count).astype(str), 6)).astype(object)
    corrects = (rng.random(count) < 0.01) & (np.arange(count) > 0)
    money = lambda values: np.array([f"{v:.2f}" for v in values.tolist()], dtype=object)  # noqa: E731
    return frame(
        {
            "申报流水号": number,
            "纳税人识别号": enterprises.uscc[firm].astype(object),
            "纳税人名称": enterprises.name[firm],
            "法定代表人": enterprises.rep.name[firm].astype(object),
            "征收项目代码": _TAX_CODES[tax],
            "征收项目": _TAXES[tax],
            "所属期起": iso(start),
            "所属期止": iso(end),
            "申报期限": iso(due),
            "申报日期": iso(filed),
            "申报方式": rng.choice(
                np.array(["网报", "自助", "大厅", "批扣"], dtype=object), count, p=[0.82, 0.05, 0.05, 0.08]
            ),
            "计税依据": money(base),
            "应纳税额": money(payable),
            "已缴税额": money(paid),
            "缴款日期": iso(np.where(paid > 0, after(filed, rng.integers(60, 86400, count)), np.datetime64("NaT"))),
            "办税耗时（分钟）": rng.integers(3, 60, count).astype(str).astype(object),
            "是否更正": np.where(corrects, "是", "否").astype(object),
            "更正原流水号": np.where(corrects, number[np.maximum(np.arange(count) - 1, 0)], None),
            "~e": firm,
        }
    )


def property_log(rng: np.random.Generator, enterprises: Enterprises, count: int, as_of: np.datetime64) -> pl.DataFrame:
    """The exchange table of the real-estate centre: `count` registrations as inserts, later updates and a few deletes.

    Ordered by cd_id; `~e` is the holder's enterprise, `~state` what the row is to its registration (I, U, D).
    """
    firm = np.where(rng.random(count) < 0.55, enterprises.pick(rng, count), -1)
    company = firm >= 0
    back = np.sort(rng.integers(3, 360, count))[::-1]
    accepted = office_hours(next_working_day(as_of - back.astype("timedelta64[D]")), rng)
    reviewed = office_hours(add_working_days(accepted, rng.integers(1, 4, count)), rng)
    now = as_of.astype("datetime64[s]") + np.timedelta64(20, "h")
    registered = after(reviewed, rng.integers(600, 86400, count))
    registered = np.where(registered < now, registered, np.datetime64("NaT"))
    issued = after(registered, rng.integers(600, 3 * 86400, count))
    issued = np.where(issued < now, issued, np.datetime64("NaT"))
    kind = rng.choice(
        np.array(["首次", "转移", "变更", "抵押", "注销", "预告"], dtype=object),
        count,
        p=[0.15, 0.35, 0.08, 0.3, 0.1, 0.02],
    )
    moved = kind == "转移"
    area = np.round(rng.gamma(4, 30, count) + 20, 2)
    citizen = people.make(rng, count, 5_000_000)
    serial = np.arange(1, count + 1)
    number = np.char.add(
        np.char.replace(np.datetime_as_string(accepted.astype("datetime64[D]")), "-", ""),
        np.char.zfill(serial.astype(str), 6),
    ).astype(object)
    base = {
        "slbh": number,
        "bdcdyh": codes.unit_nos(serial * 11).astype(object),
        "bdcqzh": np.where(
            np.isnat(registered),
            None,
            "示（2026）示例县不动产权第" + np.char.zfill(serial.astype(str), 7).astype(object) + "号",
        ),
        "djlx": kind,
        "qlrlx": np.where(company, "enterprise", "person").astype(object),
        "qymc": np.where(company, enterprises.name[firm], None),
        "qlrxm": np.where(company, enterprises.rep.name[firm], citizen.name).astype(object),
        "qlrzjh": np.where(company, enterprises.uscc[firm], None),
        "yt": rng.choice(
            np.array(["城镇住宅用地", "商服用地", "工业用地", "其他"], dtype=object), count, p=[0.6, 0.2, 0.15, 0.05]
        ),
        "mj": area,
        "jyjg": np.where(moved, np.round(area * rng.uniform(3500, 7000, count), 2), np.nan),
        "wssj": np.where(moved, after(accepted, np.full(count, -7200)), np.datetime64("NaT")),
        "slsj": accepted,
        "shsj": reviewed,
        "dbsj": registered,
        "fzsj": issued,
        "djf": np.where(kind == "抵押", 80.0, 550.0) * (rng.random(count) < 0.9),
        "hjs": rng.integers(2, 6, count),
        "cls": rng.integers(3, 9, count),
        "yczl": rng.random(count) < 0.85,
    }
    first = np.arange(count)
    updated = np.flatnonzero((rng.random(count) < 0.06) & ~np.isnat(issued))
    deleted = np.setdiff1d(np.flatnonzero((rng.random(count) < 0.006) & ~np.isnat(issued)), updated)
    rows = np.concatenate([first, updated, deleted])
    operation = np.concatenate([np.full(count, "I"), np.full(len(updated), "U"), np.full(len(deleted), "D")])
    at = np.concatenate(
        [
            np.fmax(issued, reviewed),
            after(issued[updated], np.full(len(updated), 90_000)),
            after(issued[deleted], np.full(len(deleted), 180_000)),
        ]
    )
    at = np.minimum(at, as_of.astype("datetime64[s]") + np.timedelta64(21, "h"))
    order = np.lexsort((operation == "D", operation == "U", at))
    rows, operation, at = rows[order], operation[order], at[order]
    log = {name: values[rows] for name, values in base.items()}
    # An update brings another finding of the surveyors: same registration, other area.
    log["mj"] = np.where(operation == "U", np.round(log["mj"] + 1.5, 2), log["mj"])
    return frame(
        {
            **log,
            "cd_id": np.arange(1, len(rows) + 1),
            "cd_operation": operation.astype(object),
            "cd_time": at,
            "cd_batch": np.char.add(
                "PC", np.char.replace(np.datetime_as_string(at.astype("datetime64[D]")), "-", "")
            ).astype(object),
            "~e": firm[rows],
        }
    ).with_columns(jyjg=pl.col("jyjg").fill_nan(None))


def loans(rng: np.random.Generator, enterprises: Enterprises, count: int, as_of: np.datetime64) -> pl.DataFrame:
    """The finance office's ledger of loans; amounts stand in 万元, as its header says."""
    firm = enterprises.pick(rng, count, kinds=(COMPANY, COOP, INDIVIDUAL))
    back = np.sort(rng.integers(30, 364, count))[::-1]
    applied = next_working_day(as_of - back.astype("timedelta64[D]"))
    approved = add_working_days(applied, rng.integers(2, 12, count))
    granted = add_working_days(approved, rng.integers(1, 6, count))
    result = rng.choice(np.array(["通过", "拒绝", "撤回"], dtype=object), count, p=[0.82, 0.14, 0.04])
    agreed = result == "通过"
    bank = rng.integers(0, len(_BANKS), count)
    asked = rng.choice([10, 20, 30, 50, 80, 100, 200, 300, 500], count)
    given = np.where(rng.random(count) < 0.75, asked, (asked * 0.8).astype(int))
    none = np.datetime64("NaT")
    return frame(
        {
            "序号": np.arange(1, count + 1).astype(str).astype(object),
            "贷款编号": np.char.add("DK", np.char.zfill(np.arange(1, count + 1).astype(str), 6)).astype(object),
            "企业名称": enterprises.name[firm],
            "统一社会信用代码": enterprises.uscc[firm].astype(object),
            "法定代表人": enterprises.rep.name[firm].astype(object),
            "贷款银行": np.array([b[0] for b in _BANKS], dtype=object)[bank],
            "银行机构编码": np.array([b[1] for b in _BANKS], dtype=object)[bank],
            "产品": rng.choice(np.array(["税e贷", "农担贷", "抵押快贷", "园保贷", "创业贷"], dtype=object), count),
            "申请日期": iso(applied),
            "审批日期": iso(approved),
            "放款日期": iso(np.where(agreed, granted, none)),
            "审批结果": result,
            "拒绝原因": np.where(
                result == "拒绝",
                rng.choice(["征信不符合要求", "缺少抵押物", "经营年限不足", "负债率过高"], count),
                None,
            ),
            "申请金额（万元）": asked.astype(str).astype(object),
            "放款金额（万元）": np.where(agreed, given.astype(str), None),
            "年利率（%）": np.where(
                agreed, np.char.mod("%.2f", rng.choice([3.45, 3.85, 4.1, 4.35, 4.8, 5.2], count)), None
            ),
            "期限（月）": rng.choice([12, 24, 36], count).astype(str).astype(object),
            "担保方式": rng.choice(
                np.array(["信用", "抵押", "质押", "保证", "政府增信"], dtype=object),
                count,
                p=[0.3, 0.35, 0.05, 0.2, 0.1],
            ),
            "材料数": rng.integers(4, 15, count).astype(str).astype(object),
            "是否首贷": np.where(rng.random(count) < 0.2, "是", "否").astype(object),
            "渠道": np.where(rng.random(count) < 0.4, "平台", "柜面").astype(object),
            "~e": firm,
        }
    )


def connections(
    rng: np.random.Generator, enterprises: Enterprises, count: int, as_of: np.datetime64, *, power: bool
) -> pl.DataFrame:
    """New connections of enterprises to water or to power, every cell a text."""
    firm = enterprises.pick(rng, count, kinds=tuple(k for k in range(4) if k != BRANCH))
    back = np.sort(rng.integers(25, 364, count))[::-1]
    applied = office_hours(next_working_day(as_of - back.astype("timedelta64[D]")), rng)
    surveyed = office_hours(add_working_days(applied, np.ones(count, dtype=int)), rng)
    planned = office_hours(add_working_days(surveyed, rng.integers(1, 3, count)), rng)
    works = rng.random(count) < 0.4
    begin = office_hours(add_working_days(planned, rng.integers(1, 3, count)), rng)
    end = office_hours(add_working_days(begin, rng.integers(1, 5, count)), rng)
    none = np.datetime64("NaT")
    supplied = office_hours(add_working_days(np.where(works, end, planned), rng.integers(1, 4, count)), rng)
    delay = np.where(rng.random(count) < 0.1, rng.integers(1, 8, count), 0)
    number = np.char.add("D" if power else "S", np.char.zfill(np.arange(1, count + 1).astype(str), 6)).astype(object)
    category = (
        rng.choice(np.array(["低压", "高压", "小微"], dtype=object), count, p=[0.4, 0.15, 0.45])
        if power
        else rng.choice(np.array(["小微", "其他"], dtype=object), count, p=[0.7, 0.3])
    )
    capacity = rng.choice([20, 50, 100, 160, 315, 630], count) if power else rng.choice([15, 20, 25, 40, 50, 80], count)
    return frame(
        {
            "报装编号": number,
            "用户名称": enterprises.name[firm],
            "信用代码": enterprises.uscc[firm].astype(object),
            "法定代表人": enterprises.rep.name[firm].astype(object),
            "联系电话": enterprises.phone[firm].astype(object),
            "经办人": people.names(rng, count).astype(object),
            "经办人电话": codes.mobiles(7_000_000 + np.arange(count)).astype(object),
            "用户类别": category,
            "申请时间": iso(applied),
            "勘查时间": iso(surveyed),
            "方案时间": iso(planned),
            "外线开工": iso(np.where(works, begin, none)),
            "外线完工": iso(np.where(works, end, none)),
            "用户原因天数": delay.astype(str).astype(object),
            "通达时间": iso(supplied),
            "环节数": rng.integers(2, 5, count).astype(str).astype(object),
            "材料数": rng.integers(1, 5, count).astype(str).astype(object),
            "费用": np.where(works, rng.integers(800, 30_000, count), 0).astype(str).astype(object),
            "容量": capacity.astype(str).astype(object),
            "用水用电地址": enterprises.address[firm].astype(object),
            "承诺天数": np.full(count, "8" if power else "5", dtype=object),
            "状态": np.full(count, "已通", dtype=object),
            "乡镇": places.TOWN_NAMES[enterprises.town[firm]].astype(object),
            "~e": firm,
        }
    )
