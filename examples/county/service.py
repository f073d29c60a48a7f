"""Cases of the government service centre with their steps, and the construction permits of the housing bureau."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from examples.county import codes, people
from examples.county.calendar import add_working_days, after, iso, next_working_day, office_hours
from examples.county.enterprises import COMPANY, INDIVIDUAL, Enterprises
from examples.county.frames import frame, texts

# code, name, kind, department, days promised, days by law, share of cases, share of enterprises, documents, fee 元
_ITEMS: tuple[tuple[str, str, str, str, int, int, float, float, int, int], ...] = (
    ("510199001001", "企业设立登记", "许可", "县市场监管局", 1, 15, 0.09, 1.0, 6, 0),
    ("510199001002", "企业变更登记", "许可", "县市场监管局", 1, 15, 0.07, 1.0, 5, 0),
    ("510199001003", "企业注销登记", "许可", "县市场监管局", 1, 15, 0.02, 1.0, 4, 0),
    ("510199001004", "个体工商户登记", "许可", "县市场监管局", 1, 15, 0.09, 1.0, 3, 0),
    ("510199001005", "食品经营许可", "许可", "县市场监管局", 5, 20, 0.06, 1.0, 7, 0),
    ("510199002001", "公章刻制备案", "备案", "县公安局", 1, 5, 0.04, 1.0, 2, 0),
    ("510199002002", "居民身份证换领", "确认", "县公安局", 10, 60, 0.08, 0.0, 2, 20),
    ("510199003001", "社会保险参保登记", "确认", "县人社局", 1, 10, 0.07, 0.6, 3, 0),
    ("510199003002", "失业保险金申领", "给付", "县人社局", 5, 10, 0.03, 0.0, 4, 0),
    ("510199004001", "异地就医备案", "备案", "县医保局", 1, 5, 0.06, 0.0, 2, 0),
    ("510199004002", "医疗费用手工报销", "给付", "县医保局", 15, 30, 0.04, 0.0, 6, 0),
    ("510199005001", "建设工程规划许可", "许可", "县自然资源局", 7, 20, 0.02, 1.0, 9, 0),
    ("510199005002", "建设用地规划许可", "许可", "县自然资源局", 7, 20, 0.01, 1.0, 8, 0),
    ("510199006001", "取水许可", "许可", "县水利局", 10, 45, 0.01, 1.0, 7, 0),
    ("510199007001", "环境影响评价审批", "许可", "县生态环境局", 10, 30, 0.02, 1.0, 6, 0),
    ("510199008001", "道路货物运输经营许可", "许可", "县交通运输局", 3, 20, 0.03, 0.8, 5, 0),
    ("510199009001", "最低生活保障审核", "给付", "县民政局", 12, 30, 0.04, 0.0, 8, 0),
    ("510199009002", "高龄津贴申领", "给付", "县民政局", 5, 20, 0.05, 0.0, 3, 0),
    ("510199010001", "公共场所卫生许可", "许可", "县卫健局", 5, 20, 0.05, 0.9, 6, 0),
    ("510199011001", "民办学校设立审批", "许可", "县教体局", 20, 60, 0.01, 0.7, 10, 0),
    ("510199012001", "惠企政策兑现申请", "公共服务", "县营商环境建设局", 5, 20, 0.03, 1.0, 4, 0),
    ("510199013001", "发票领用", "其他", "县税务局", 1, 5, 0.08, 1.0, 1, 0),
)  # fmt: skip


def _column(place: int) -> NDArray[Any]:
    values = [item[place] for item in _ITEMS]
    return np.array(values, dtype=object if isinstance(values[0], str) else None)


def _founders(
    rng: np.random.Generator, enterprises: Enterprises, firm: NDArray[Any], item: NDArray[Any], as_of: np.datetime64
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Applicants and items such that each enterprise founded in the last year applies once, on its founding day."""
    young = rng.permutation(np.flatnonzero((enterprises.established > as_of - 364) & (enterprises.twin < 0)))
    rows = np.flatnonzero(np.isin(item, (0, 3)))
    founding, rest = rows[: len(young)], rows[len(young) :]
    firm, item = firm.copy(), item.copy()
    firm[founding] = young[: len(founding)]
    item[founding] = np.where(enterprises.kind[firm[founding]] == INDIVIDUAL, 3, 0)
    item[rest] = rng.choice([1, 4, 18, 21], len(rest))
    return firm, item


def make(
    rng: np.random.Generator, enterprises: Enterprises, count: int, as_of: np.datetime64, *, days: int = 364
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """So many cases of the last `days` up to `as_of`, and their steps; a whole year holds each founding of it."""
    now = (as_of + 1).astype("datetime64[s]")
    item = rng.choice(len(_ITEMS), count, p=_column(6) / _column(6).sum())
    firm = np.where(rng.random(count) < _column(7)[item], enterprises.pick(rng, count), -1)
    company = firm >= 0
    if days > 100:
        firm, item = _founders(rng, enterprises, firm, item, as_of)
    else:
        item = np.where(np.isin(item, (0, 3)), 1, item)
    founding = np.isin(item, (0, 3))
    day = np.where(
        founding, enterprises.established[firm], as_of - rng.integers(0, days, count).astype("timedelta64[D]")
    )
    order = np.argsort(day, kind="stable")
    day, item, firm, company, founding = day[order], item[order], firm[order], company[order], founding[order]
    applied = office_hours(np.where(founding, day, next_working_day(day)), rng)
    applied = np.minimum(applied, now - np.timedelta64(8, "h"))
    accepted = after(applied, rng.integers(300, 6 * 3600, count))
    promise, legal = _column(4)[item], _column(5)[item]
    paused = np.where(rng.random(count) < 0.06, rng.integers(2, 12, count), 0)
    late = np.where(rng.random(count) < 0.025, rng.integers(1, 6, count), 0)
    used = (
        np.where(promise == 1, 0, (promise * rng.uniform(0.1, 0.95, count)).astype(int))
        + paused
        + np.where(late > 0, promise + late, 0)
    )
    same_day = after(accepted, rng.integers(1200, 4 * 3600, count))
    finished = np.where(used == 0, same_day, office_hours(add_working_days(accepted, np.maximum(used, 1)), rng))
    finished = np.where(finished < now, finished, np.datetime64("NaT"))
    done = ~np.isnat(finished)
    resident = people.make(rng, count, 3_000_000)
    day = np.char.replace(np.datetime_as_string(applied.astype("datetime64[D]")), "-", "")
    number = np.char.add(np.char.add("ZW", day), np.char.zfill(np.arange(1, count + 1).astype(str), 7)).astype(object)
    result = np.where(done, rng.choice(["准予", "不予", "撤回", "退件"], count, p=[0.955, 0.015, 0.015, 0.015]), None)
    granted = result == "准予"
    lasting = granted & (_column(2)[item] == "许可")
    touched = np.fmax(finished, accepted)
    cases = frame(
        {
            "sblsh": number,
            "sxbm": _column(0)[item],
            "sxmc": _column(1)[item],
            "sxlx": _column(2)[item],
            "sqrlx": np.where(company, "enterprise", "person"),
            "qydm": np.where(company, enterprises.uscc[firm], None),
            "qymc": np.where(company, enterprises.name[firm], None),
            "sqrxm": np.where(company, enterprises.rep.name[firm], resident.name).astype(object),
            "lxdh": np.where(company, enterprises.phone[firm], resident.phone).astype(object),
            "slbm": _column(3)[item],
            "blqd": rng.choice(["窗口", "网办", "自助", "代办"], count, p=[0.4, 0.48, 0.07, 0.05]),
            "sqsj": iso(applied),
            "slsj": iso(accepted),
            "cnsx": promise,
            "fdsx": legal,
            "tbcxts": paused,
            "bjsj": iso(finished),
            "bljg": result,
            "wsh": np.where(
                lasting,
                "示行审〔" + np.char.array(day).astype("U4") + "〕" + np.arange(1, count + 1).astype(str) + "号",
                None,
            ),
            "yxqz": iso(
                np.where(
                    lasting & (promise >= 5), finished.astype("datetime64[D]") + 1826, np.datetime64("NaT")
                ).astype("datetime64[D]")
            ),
            "pdcs": rng.choice(4, count, p=[0.45, 0.4, 0.12, 0.03]),
            "cls": np.maximum(1, _column(8)[item] + rng.integers(-1, 3, count)),
            "sfje": _column(9)[item].astype(float),
            "hpdj": np.where(
                done & (rng.random(count) < 0.6), rng.choice(6, count, p=[0, 0.004, 0.006, 0.02, 0.17, 0.8]), 0
            ),
            "sfqcwb": (rng.random(count) < 0.35).astype(int),
            "gxsj": iso(touched),
            "~e": firm,
        }
    )
    cases = cases.with_columns(hpdj=pl.when(pl.col("hpdj") > 0).then(pl.col("hpdj")))
    return cases, _steps(rng, number, applied, accepted, finished, paused)


def _steps(
    rng: np.random.Generator,
    number: NDArray[Any],
    applied: NDArray[Any],
    accepted: NDArray[Any],
    finished: NDArray[Any],
    paused: NDArray[Any],
) -> pl.DataFrame:
    """The steps of each case in order: 收件, 受理, a pause where there was one, 决定, 送达."""
    nat = np.datetime64("NaT", "s")
    pause = np.where(paused > 0, after(accepted, rng.integers(600, 5000, len(number))), nat)
    finish = finished.astype("datetime64[s]")
    pause = np.where(pause < finish, pause, nat)
    moments = (("收件", applied), ("受理", accepted), ("特别程序开始", pause), ("决定", finish))
    rows = [np.flatnonzero(~np.isnat(m)) for _, m in moments]
    case = np.concatenate(rows)
    step = np.concatenate([np.full(len(r), name, dtype=object) for r, (name, _) in zip(rows, moments, strict=True)])
    at = np.concatenate([m[r] for r, (_, m) in zip(rows, moments, strict=True)])
    rank = np.concatenate([np.full(len(r), i) for i, r in enumerate(rows)])
    order = np.lexsort((rank, case))
    case, step, at = case[order], step[order], at[order]
    starts = np.flatnonzero(np.r_[True, case[1:] != case[:-1]])
    seq = np.arange(len(case)) - np.repeat(starts, np.diff(np.r_[starts, len(case)])) + 1
    clerk = people.names(rng, 80)
    return frame(
        {
            "sblsh": number[case],
            "hjxh": seq,
            "hjmc": step,
            "clsj": iso(at),
            "clry": clerk[rng.integers(0, len(clerk), len(case))].astype(object),
            "clyj": np.where(step == "决定", "符合条件，予以办理", None),
            "gxsj": iso(at),
            "~t": case,
        }
    )


_PERMITS = (
    ("510199101001", "建筑工程施工许可证核发", 3, 7), ("510199101002", "建设工程消防设计审查", 7, 15),
    ("510199101003", "建设工程竣工联合验收备案", 5, 15), ("510199101004", "商品房预售许可", 5, 10),
)  # fmt: skip


def permits(rng: np.random.Generator, enterprises: Enterprises, count: int, as_of: np.datetime64) -> pl.DataFrame:
    """Construction permits as the housing bureau's old system exports them: every cell a text, dates without time."""
    firm = enterprises.pick(rng, count, kinds=(COMPANY,))
    kind = rng.integers(0, len(_PERMITS), count)
    back = np.sort(rng.integers(20, 360, count))[::-1]
    applied = next_working_day(as_of - back.astype("timedelta64[D]"))
    accepted = add_working_days(applied, rng.integers(1, 3, count))
    promise = np.array([p[2] for p in _PERMITS])[kind]
    decided = add_working_days(accepted, np.maximum(1, (promise * rng.uniform(0.3, 1.2, count)).astype(int)))
    year = applied.astype("datetime64[Y]").astype(int) + 1970
    builders = people.names(rng, count).astype(object)
    name = texts(frame({"n": enterprises.name[firm]}), "n")
    return frame(
        {
            "许可编号": np.char.add(
                np.char.add("ZJ", year.astype(str)), np.char.zfill(np.arange(1, count + 1).astype(str), 5)
            ).astype(object),
            "项目代码": codes.project_codes(year, rng.permutation(900_000)[:count]).astype(object),
            "事项编码": np.array([p[0] for p in _PERMITS], dtype=object)[kind],
            "事项名称": np.array([p[1] for p in _PERMITS], dtype=object)[kind],
            "建设单位": name,
            "统一社会信用代码/组织机构代码": enterprises.uscc[firm].astype(object),
            "项目负责人": builders,
            "法定代表人": enterprises.rep.name[firm].astype(object),
            "申请日期": iso(applied),
            "受理日期": iso(accepted),
            "承诺时限（工作日）": promise.astype(str).astype(object),
            "法定时限（工作日）": np.array([p[3] for p in _PERMITS])[kind].astype(str).astype(object),
            "决定日期": iso(decided),
            "办理结果": rng.choice(np.array(["准予", "不予"], dtype=object), count, p=[0.97, 0.03]),
            "建设地点": enterprises.address[firm].astype(object),
            "备注": np.where(rng.random(count) < 0.1, "小型低风险项目，适用简化流程", "").astype(object),
            "~e": firm,
        }
    )
