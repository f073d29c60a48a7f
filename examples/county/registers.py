"""The market supervision bureau's own tables: subjects, their people, former names, inspections; and the confidence survey."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from examples.county import codes, people, places
from examples.county.calendar import add_working_days, after, iso, next_working_day, office_hours
from examples.county.enterprises import BRANCH, KINDS, Enterprises
from examples.county.frames import frame

_TYPE_CODES = np.array(["1130", "9500", "9100", "2130", "9610"], dtype=object)
_SCOPES = np.array(
    [
        "一般项目：日用百货销售；五金产品零售。",
        "许可项目：餐饮服务；食品销售。",
        "建筑材料销售；建设工程施工。",
        "农产品的生产、销售、加工、运输。",
        "技术服务、技术开发、技术咨询。",
    ],
    dtype=object,
)
_QUESTIONS = (
    ("Q1", "您对本县营商环境总体是否满意"), ("Q2", "您对未来一年本企业经营是否有信心"), ("Q3", "未来一年是否愿意追加投资"), ("Q4", "惠企政策是否容易获得"),
    ("Q5", "融资是否便利"), ("Q6", "用工是否容易"), ("Q7", "政府部门办事是否守信"), ("Q8", "检查执法是否规范"),
)  # fmt: skip


def subjects(rng: np.random.Generator, e: Enterprises, as_of: np.datetime64) -> pl.DataFrame:
    """The register of market subjects; `zt_id` is the bureau's own number, `gxsj` its last change."""
    count = len(e)
    place = np.arange(count)
    branch = e.kind == BRANCH
    touched = np.maximum.reduce(
        [
            e.status_on.astype("datetime64[D]"),
            e.established,
            np.where(np.isnat(e.renamed_on), e.established, e.renamed_on),
        ]
    )
    return frame(
        {
            "zt_id": np.char.add("SCZT", np.char.zfill((place + 1).astype(str), 8)).astype(object),
            "tyshxydm": e.uscc.astype(object),
            "zch": e.reg_no,
            "zzjgdm": e.org_code.astype(object),
            "名称": e.name,
            "zt_lx": _TYPE_CODES[e.kind],
            "zt_fl": KINDS[e.kind].astype(object),
            "djzt": e.status.astype(object),
            "zt_rq": e.status_on.astype("datetime64[D]"),
            "lsqy_dm": np.where(branch, e.uscc[e.parent], None),
            "lsqy_mc": np.where(branch, e.name[e.parent], None),
            "法定代表人": e.rep.name.astype(object),
            "clrq": e.established.astype("datetime64[D]"),
            "zczb": e.capital.astype(float),
            "bz": np.full(count, "CNY", dtype=object),
            "hydm": e.industry.astype(object),
            "gm": e.size.astype(object),
            "jyfw": rng.choice(_SCOPES, count),
            "xzqh": np.full(count, places.REGION, dtype=object),
            "xzjd": places.TOWN_CODES[e.town].astype(object),
            "住所": e.address.astype(object),
            "lxdh": e.phone.astype(object),
            "gxsj": np.minimum(office_hours(touched, rng), as_of.astype("datetime64[s]") + np.timedelta64(18, "h")),
            "~e": place,
        }
    )


def persons(rng: np.random.Generator, e: Enterprises) -> pl.DataFrame:
    """Legal representatives (or heads), and a contact for every third enterprise."""
    count = len(e)
    contact = np.flatnonzero(rng.random(count) < 0.3)
    clerk = people.make(rng, len(contact), 8_000_000)
    who = np.concatenate([np.arange(count), contact])
    role = np.concatenate(
        [np.where(np.isin(e.kind, (1, BRANCH)), "负责人", "法定代表人"), np.full(len(contact), "联络员")]
    )
    return frame(
        {
            "ry_id": np.char.add("RY", np.char.zfill(np.arange(1, len(who) + 1).astype(str), 8)).astype(object),
            "tyshxydm": e.uscc[who].astype(object),
            "名称": e.name[who],
            "职务": role.astype(object),
            "xm": np.concatenate([e.rep.name, clerk.name]).astype(object),
            "zjlx": np.full(len(who), "身份证", dtype=object),
            "zjhm": np.concatenate([e.rep.resident_id, clerk.resident_id]).astype(object),
            "lxdh": np.concatenate([e.phone, clerk.phone]).astype(object),
            "rzrq": e.established[who].astype("datetime64[D]"),
            "gxsj": office_hours(e.established[who], rng),
            "~e": who,
        }
    )


def former_names(rng: np.random.Generator, e: Enterprises) -> pl.DataFrame:
    """Changes of name: one row per name no longer used."""
    who = np.flatnonzero(~np.isnat(e.renamed_on))
    return frame(
        {
            "tyshxydm": e.uscc[who].astype(object),
            "现名称": e.name[who],
            "曾用名": e.former_name[who],
            "qyrq": e.established[who].astype("datetime64[D]"),
            "tyrq": e.renamed_on[who].astype("datetime64[D]"),
            "gxsj": office_hours(e.renamed_on[who], rng),
            "~e": who,
        }
    )


def inspections(rng: np.random.Generator, e: Enterprises, count: int, as_of: np.datetime64) -> pl.DataFrame:
    """Double-random inspections: planned, done (mostly), published."""
    who = e.pick(rng, count)
    back = np.sort(rng.integers(1, 364, count))[::-1]
    planned = next_working_day(as_of - back.astype("timedelta64[D]"))
    inspected = add_working_days(planned, rng.integers(1, 30, count))
    inspected = np.where(inspected <= as_of, inspected, np.datetime64("NaT"))
    published = add_working_days(np.where(np.isnat(inspected), as_of, inspected), rng.integers(3, 20, count))
    published = np.where((published <= as_of) & ~np.isnat(inspected), published, np.datetime64("NaT"))
    result = rng.choice(np.array(["未发现问题", "已责令改正", "无法联系"], dtype=object), count, p=[0.85, 0.1, 0.05])
    quarter = 1 + (planned.astype("datetime64[M]").astype(int) % 12) // 3
    return frame(
        {
            "rwbh": np.char.add("SSJ", np.char.zfill(np.arange(1, count + 1).astype(str), 7)).astype(object),
            "jhbh": np.char.add(
                np.datetime_as_string(planned.astype("datetime64[Y]")), np.char.add("Q", quarter.astype(str))
            ).astype(object),
            "tyshxydm": e.uscc[who].astype(object),
            "被查对象": e.name[who],
            "ssbm": rng.choice(
                np.array(["县市场监管局", "县应急局", "县生态环境局", "县住建局"], dtype=object),
                count,
                p=[0.7, 0.1, 0.1, 0.1],
            ),
            "jhrq": planned.astype("datetime64[D]"),
            "jcrq": inspected.astype("datetime64[D]"),
            "检查结果": np.where(np.isnat(inspected), None, result),
            "gsrq": published.astype("datetime64[D]"),
            "gxsj": office_hours(np.fmax(np.fmax(planned, inspected), published).astype("datetime64[D]"), rng),
            "~e": who,
        }
    )


def survey(rng: np.random.Generator, e: Enterprises, count: int, as_of: np.datetime64) -> pl.DataFrame:
    """Answers of surveyed enterprises, one row per question; about `count` rows, one sheet per town."""
    firms = max(12, count // len(_QUESTIONS))
    who = np.unique(e.pick(rng, firms, kinds=(0, 1, 2)))
    question = np.tile(np.arange(len(_QUESTIONS)), len(who))
    form = np.repeat(np.arange(len(who)), len(_QUESTIONS))
    mood = rng.normal(3.6, 0.6, len(who))[form]
    answer = np.clip(np.rint(mood + rng.normal(0, 0.7, len(form))), 1, 5).astype(int)
    at = after(
        office_hours(next_working_day(as_of - rng.integers(10, 60, len(who)).astype("timedelta64[D]")), rng),
        np.zeros(len(who), dtype=int),
    )[form]
    return frame(
        {
            "调查期": np.full(len(form), "2026Q3", dtype=object),
            "问卷编号": np.char.add("WJ", np.char.zfill((form + 1).astype(str), 5)).astype(object),
            "企业名称": e.name[who][form],
            "统一社会信用代码": e.uscc[who][form].astype(object),
            "联系电话": e.phone[who][form].astype(object),
            "题号": np.array([q for q, _ in _QUESTIONS], dtype=object)[question],
            "题目": np.array([t for _, t in _QUESTIONS], dtype=object)[question],
            "答案（1-5）": answer.astype(str).astype(object),
            "填答时间": iso(at),
            "权重": np.round(rng.uniform(0.6, 1.8, len(who)), 3)[form].astype(str).astype(object),
            "~sheet": places.TOWN_NAMES[e.town[who]][form].astype(object),
            "~e": who[form],
        }
    )


def refunds(rng: np.random.Generator, e: Enterprises, count: int, as_of: np.datetime64) -> pl.DataFrame:
    """Tax refunds in the tax bureau's own list."""
    who = e.pick(rng, count, kinds=(0,))
    applied = office_hours(
        next_working_day(as_of - np.sort(rng.integers(40, 360, count))[::-1].astype("timedelta64[D]")), rng
    )
    approved = office_hours(add_working_days(applied, rng.integers(1, 8, count)), rng)
    paid = office_hours(add_working_days(approved, rng.integers(1, 10, count)), rng)
    return frame(
        {
            "退税流水号": np.char.add("TS", np.char.zfill(np.arange(1, count + 1).astype(str), 6)).astype(object),
            "纳税人识别号": e.uscc[who].astype(object),
            "纳税人名称": e.name[who],
            "申请时间": iso(applied),
            "审批时间": iso(approved),
            "到账时间": iso(paid),
            "退税金额（元）": np.array(
                [f"{v:.2f}" for v in np.round(np.exp(rng.normal(9.5, 1, count)), 2).tolist()], dtype=object
            ),
            "~e": who,
        }
    )


def foreign_codes(count: int) -> NDArray[Any]:
    """Sound codes of enterprises registered elsewhere: their division is not this county's."""
    org = codes.org_codes(np.arange(500_000, 500_000 + count))
    return codes.usccs(np.full(count, "91"), org, "510998")
