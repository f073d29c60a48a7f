"""The county's market subjects as they truly are: what every source system knows a part of.

An enterprise is its place (0 … n−1) in these arrays; answers call it `E0000001` and so on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from examples.county import codes, people, places
from examples.county.calendar import Days, next_working_day

_HEAD = np.array(
    list(
        "鑫恒泰瑞祥盛宏达福隆华美佳诚信德和顺永昌金源新天地海川山水云龙凤鸿运吉利富康安宁东方中正大同伟业博远志锦绣嘉禾丰茂"
    )
)
_TAIL = np.array(
    list("源泰瑞祥盛达隆华诚信顺昌运利康宁升腾辉煌耀邦兴旺发展程翔宇轩阳晟晨曦茂森林泉洲岳峰岭溪湖舟帆景园庭")
)
_TRADES: tuple[tuple[str, str], ...] = (
    ("商贸", "F5191"), ("建筑工程", "E4710"), ("农业科技", "A0190"), ("餐饮管理", "H6210"), ("物流", "G5430"),
    ("食品", "C1499"), ("机械制造", "C3490"), ("装饰工程", "E5011"), ("房地产开发", "K7010"), ("信息技术", "I6510"),
    ("劳务", "L7263"), ("电子商务", "F5292"), ("药业", "F5251"), ("环保科技", "N7722"), ("文化传媒", "R8710"),
    ("纺织", "C1711"), ("建材", "F5165"), ("汽车服务", "O8111"), ("家具", "C2110"), ("酿造", "C1512"),
)  # fmt: skip
_SHOPS: tuple[tuple[str, str], ...] = (
    ("餐馆", "H6210"), ("超市", "F5212"), ("面馆", "H6210"), ("理发店", "O8040"), ("五金店", "F5274"),
    ("服装店", "F5232"), ("药房", "F5251"), ("水果店", "F5223"), ("茶楼", "H6231"), ("农资店", "F5299"),
    ("小吃店", "H6291"), ("花店", "F5299"), ("烟酒店", "F5227"), ("奶茶店", "H6239"), ("文具店", "F5241"),
)  # fmt: skip
_CROPS = np.array(["柑橘种植", "生猪养殖", "水稻种植", "蔬菜种植", "中药材种植", "水产养殖"])

KINDS = np.array(["company", "individual", "coop", "branch", "rural_collective"])
_PREFIX = np.array(["91", "92", "93", "91", "N2"])
_REG_DIGIT = np.array([0, 6, 1, 0, 2])
COMPANY, INDIVIDUAL, COOP, BRANCH, COLLECTIVE = range(5)


@dataclass(frozen=True)
class Enterprises:
    """Parallel arrays, one place per market subject; the twins (one name, two codes) are in `twin`."""

    kind: NDArray[np.int64]
    uscc: NDArray[np.str_]
    reg_no: NDArray[np.object_]  # None for those registered after the codes were joined
    name: NDArray[np.object_]
    former_name: NDArray[np.object_]  # None without a change of name
    renamed_on: Days
    rep: people.People
    phone: NDArray[np.str_]
    capital: NDArray[np.int64]  # 元
    established: Days
    status: NDArray[np.str_]
    status_on: Days
    industry: NDArray[np.str_]
    size: NDArray[np.str_]
    town: NDArray[np.int64]
    address: NDArray[np.str_]
    parent: NDArray[np.int64]  # place of the parent, -1 for all but branches
    twin: NDArray[np.int64]  # place of the other enterprise of that name, -1 mostly
    settled: NDArray[np.bool_]  # alive, and older than the year the other systems tell of

    def __len__(self) -> int:
        return len(self.uscc)

    @property
    def org_code(self) -> NDArray[np.str_]:
        """Places 9 to 17 of the USCC."""
        return np.array([code[8:17] for code in self.uscc.tolist()])

    def pick(
        self, rng: np.random.Generator, count: int, *, kinds: tuple[int, ...] = (), at_least: int = 0
    ) -> NDArray[np.int64]:
        """Places of settled enterprises, some far busier than others; twins are left out.

        Args:
            rng: where the choice comes from.
            count: how many, with repetition.
            kinds: only these kinds.
            at_least: raise an error when fewer candidates exist.
        """
        candidates = np.flatnonzero(self.settled & (self.twin < 0) & (np.isin(self.kind, kinds) if kinds else True))
        if len(candidates) <= at_least:
            raise ValueError(f"only {len(candidates)} candidates")
        busy = 1 / (np.arange(len(candidates)) + 30.0) ** 0.6
        order = np.random.default_rng(len(candidates)).permutation(len(candidates))
        return candidates[order[rng.choice(len(candidates), count, p=busy / busy.sum())]]


def _house_names(
    rng: np.random.Generator, kind: NDArray[np.int64], town: NDArray[np.int64]
) -> tuple[NDArray[np.object_], NDArray[np.str_]]:
    """Names that are all different, with the industry each name tells."""
    count = len(kind)
    width, depth = len(_HEAD) * len(_TAIL), len(_TRADES)
    draw = np.resize(rng.permutation(width * depth), count)
    brand = np.char.add(_HEAD[draw % width // len(_TAIL)], _TAIL[draw % len(_TAIL)]).astype(object)
    trade = draw // width
    short = np.array([name.rstrip("街道镇乡") for name in places.TOWN_NAMES], dtype=object)
    company = places.COUNTY + brand + np.array([t for t, _ in _TRADES], dtype=object)[trade]
    limited = np.where(rng.random(count) < 0.12, "有限责任公司", "有限公司").astype(object)
    shop = places.COUNTY + short[town] + brand + np.array([s for s, _ in _SHOPS], dtype=object)[trade % len(_SHOPS)]
    coop = places.COUNTY + brand + _CROPS.astype(object)[trade % len(_CROPS)] + "专业合作社"
    collective = places.COUNTY + short[town] + brand + "股份经济合作社"
    name = np.choose(kind, [company + limited, shop, coop, company + limited, collective])
    industry = np.where(
        np.isin(kind, (COMPANY, BRANCH)),
        np.array([code for _, code in _TRADES])[trade],
        np.where(kind == INDIVIDUAL, np.array([code for _, code in _SHOPS])[trade % len(_SHOPS)], "A0190"),
    )
    # Fifteen shops stand for twenty trades, and a big county has more subjects than there are names: one already given
    # gets another first word.
    seen: set[str] = set()
    for place, text in enumerate(name.tolist()):
        unique = text
        while unique in seen:
            unique = unique.replace(places.COUNTY, places.COUNTY + str(rng.choice(_HEAD)), 1)
        seen.add(unique)
        name[place] = unique
    return name, industry


def make(rng: np.random.Generator, count: int, as_of: np.datetime64) -> Enterprises:
    """So many market subjects registered until `as_of`."""
    kind = rng.choice(4, count, p=[0.42, 0.51, 0.04, 0.03])
    kind[: max(2, count // 2000)] = COLLECTIVE
    town = rng.choice(len(places.TOWNS), count, p=places.TOWN_WEIGHTS)
    serial = np.arange(count)
    org = codes.org_codes(serial)
    uscc = codes.usccs(_PREFIX[kind], org)
    name, industry = _house_names(rng, kind, town)
    rep = people.make(rng, count, 0)
    phone = rep.phone.copy()
    agent = rng.random(count) < 0.02  # bookkeeping agents leave their own phone for all their clients
    phone[agent] = phone[rng.choice(max(1, count // 1000), int(agent.sum()))]

    # A tenth is younger than a year: those are the sample frame of 开办企业.
    age = np.where(rng.random(count) < 0.1, rng.integers(1, 365, count), rng.integers(365, 365 * 18, count))
    established = as_of - age.astype("timedelta64[D]")
    established = np.where(age < 365, np.minimum(next_working_day(established), as_of), established)
    gone = (rng.random(count) < 0.09) & (age > 500)
    status = np.where(
        gone,
        rng.choice(["注销", "吊销", "停业"], count, p=[0.75, 0.2, 0.05]),
        rng.choice(["存续", "在业"], count, p=[0.9, 0.1]),
    )
    status_on = np.where(gone, as_of - rng.integers(30, 450, count).astype("timedelta64[D]"), established).astype(
        "datetime64[D]"
    )
    old = established < np.datetime64("2015-10-01")
    reg_no = np.where(
        old | (rng.random(count) < 0.35), codes.reg_nos(_REG_DIGIT[kind], serial + 1).astype(object), None
    )

    parent = np.full(count, -1)
    twin = np.full(count, -1)
    companies = np.flatnonzero((kind == COMPANY) & ~gone)
    branches = np.flatnonzero(kind == BRANCH)
    heads = rng.choice(companies, len(branches), replace=False)
    parent[branches] = heads
    name[branches] = (
        name[heads]
        + np.array([t.rstrip("街道镇乡") for t in places.TOWN_NAMES], dtype=object)[town[branches]]
        + "分公司"
    )
    industry[branches] = industry[heads]

    # Closed down and registered anew under the old name, by the same person: one name, two codes.
    free = np.setdiff1d(companies, heads)
    pairs = rng.choice(free, 2 * max(2, count // 1500), replace=False).reshape(2, -1)
    twin[pairs[0]], twin[pairs[1]] = pairs[1], pairs[0]
    name[pairs[1]] = name[pairs[0]]
    phone[pairs[1]] = phone[pairs[0]]
    people_of = serial.copy()
    people_of[pairs[1]] = pairs[0]
    rep = rep.take(people_of)

    former = np.full(count, None, dtype=object)
    renamed = np.full(count, np.datetime64("NaT"), dtype="datetime64[D]")
    changed = np.setdiff1d(companies[rng.random(len(companies)) < 0.06], np.concatenate([heads, pairs.ravel()]))
    new_brand = np.char.add(
        rng.choice(_HEAD, len(changed)), rng.choice(np.array(["隆兴", "兴达", "达泰"]), len(changed))
    ).astype(object)
    former[changed] = [text[:3] + brand + text[5:] for text, brand in zip(name[changed], new_brand, strict=True)]
    renamed[changed] = as_of - rng.integers(20, 340, len(changed)).astype("timedelta64[D]")
    renamed[changed] = np.maximum(renamed[changed], established[changed] + 1)

    capital = np.select(
        [kind == COMPANY, kind == INDIVIDUAL],
        [
            rng.choice([50, 100, 200, 500, 1000, 3000], count, p=[0.25, 0.3, 0.2, 0.15, 0.07, 0.03]),
            rng.integers(1, 30, count),
        ],
        rng.integers(10, 200, count),
    )
    capital = np.where(np.isin(kind, (BRANCH, COLLECTIVE)), 0, capital * 10_000)
    size = np.where(
        capital >= 30_000_000, "大", np.where(capital >= 10_000_000, "中", np.where(capital >= 2_000_000, "小", "微"))
    )
    return Enterprises(
        kind, uscc, reg_no, name, former, renamed, rep, phone, capital, established, status, status_on, industry, size,
        town, places.addresses(rng, town), parent, twin, ~gone & (age > 366),
    )  # fmt: skip
