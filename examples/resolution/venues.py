"""Sites in a Chinese county as nine departments list them: names with and without prefix, addresses as spoken, a point on the map."""

from __future__ import annotations

import random
from typing import Any

_TOWNS = ("城关镇", "太和镇", "金华镇", "仁和镇", "青岗镇", "沱牌镇", "洋溪镇", "大榆镇")
_ROADS = (
    "人民",
    "解放",
    "建设",
    "文化",
    "滨江",
    "新华",
    "太和",
    "虹桥",
    "广场",
    "城南",
    "美丰",
    "伯玉",
    "子昂",
    "武安",
)
_VILLAGES = ("新民村", "红旗村", "凉水村", "白鹤村", "双江村", "石门村", "油坊村", "金星村")
_WORDS = "星阳光花宝贝蓝天育英康乐福寿和平安泰锦绣朝春蕾启明德馨惠民同心百佳汇丰鑫源家兴盛旺"
_KINDS = {
    "幼儿园": ("幼儿园", "幼稚园"), "养老院": ("养老院", "敬老院", "养老服务中心"), "卫生室": ("卫生室", "诊所", "卫生所"), "药店": ("大药房", "药店", "药房"),
    "超市": ("超市", "生活超市", "购物中心"), "网吧": ("网吧", "网络会所", "网咖"), "宾馆": ("宾馆", "酒店", "商务宾馆"), "餐馆": ("饭店", "餐馆", "酒楼"),
    "培训": ("培训学校", "教育培训中心", "培训中心"), "加油站": ("加油站", "加油加气站"),
}  # fmt: skip
_SURNAMES = "王李张刘陈杨黄赵周吴徐孙马朱胡郭何高林罗"
_GIVEN = "伟芳娜敏静强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰建国志文"
_FIGURES = "零一二三四五六七八九"


def sites(seed: int = 0, count: int = 600, departments: int = 9) -> list[dict[str, Any]]:
    """Rows: 来源, 编号, 名称, 地址, 电话, 负责人, 经度, 纬度; `entity` is the site. A department lists most sites once."""
    rng = random.Random(seed)
    places = [_place(rng) for _ in range(count)]
    for entity in range(1, count):
        luck = rng.random()
        if luck < 0.04:  # next door: the same house number, another business
            for key in ("town", "road", "number", "village", "point"):
                places[entity][key] = places[entity - 1][key]
        elif luck < 0.1:  # a namesake in another town
            for key in ("core", "kind", "words"):
                places[entity][key] = places[entity - 1][key]
            if rng.random() < 0.5:  # of one owner
                for key in ("person", "phone"):
                    places[entity][key] = places[entity - 1][key]
    rows: list[dict[str, Any]] = []
    for department in range(departments):
        shift = rng.choice([0.0, 0.0, 0.0025])  # the other map datum lies a few hundred metres off
        habits = {key: rng.random() for key in ("prefix", "county", "figures", "people", "points")}
        for entity, place in enumerate(places):
            for _ in range(2 if rng.random() < 0.01 else 1):
                if rng.random() < 0.4:
                    rows.append({"来源": f"部门{department + 1}", **_line(place, habits, shift, rng), "entity": entity})
    rng.shuffle(rows)
    return [{"编号": str(place), **row} for place, row in enumerate(rows)]


def _place(rng: random.Random) -> dict[str, Any]:
    kind = rng.choice(list(_KINDS))
    rural = rng.random() < 0.35
    return {
        "kind": kind, "words": rng.choice(_KINDS[kind]), "core": "".join(rng.sample(_WORDS, rng.choice([2, 2, 3]))), "town": rng.choice(_TOWNS),
        "road": rng.choice(_ROADS) + rng.choice(["路", "街", "大道", "东路", "中路"]), "number": rng.randrange(1, 420), "group": rng.randrange(1, 12),
        "village": rng.choice(_VILLAGES) if rural else "", "person": rng.choice(_SURNAMES) + "".join(rng.sample(_GIVEN, rng.choice([1, 2, 2]))),
        "phone": rng.choice([f"0825-6{rng.randrange(100000, 999999)}", f"1{rng.choice('35789')}{rng.randrange(10**8, 10**9)}"]),
        "point": (105.2 + rng.random() * 0.5, 30.6 + rng.random() * 0.5), "second": f"139{rng.randrange(10**7, 10**8)}",
    }  # fmt: skip


def _line(place: dict[str, Any], habits: dict[str, float], shift: float, rng: random.Random) -> dict[str, str]:
    words = place["words"] if rng.random() < 0.85 else rng.choice(_KINDS[place["kind"]])
    name = place["core"] + words
    if rng.random() < habits["prefix"]:
        name = rng.choice(["射洪市", "射洪县", "射洪", place["town"], "射洪市" + place["town"]]) + name
    if rng.random() < 0.08:
        name += rng.choice(["（普惠）", "(连锁)", f"（{place['road']}店）", "有限公司"])
    if rng.random() < 0.05 and len(name) > 4:
        at = rng.randrange(len(name) - 1)
        name = rng.choice(
            [name[:at] + rng.choice(_WORDS) + name[at + 1 :], name[:at] + name[at + 1 :], name[:at] + " " + name[at:]]
        )
    number = str(place["number"])
    if rng.random() < habits["figures"] * 0.3 and place["number"] < 10:
        number = _FIGURES[place["number"]]
    if place["village"]:
        address = (
            place["town"]
            + place["village"]
            + rng.choice([f"{place['group']}组", f"{place['group']}社", f"{_figure(place['group'])}组", ""])
        )
    else:
        address = (
            place["road"]
            + number
            + rng.choice(["号", "号", "号", "", f"号附{place['group']}号" if rng.random() < 0.3 else "号"])
        )
        if rng.random() < 0.5:
            address = place["town"] + address
        if rng.random() < 0.08:
            address = rng.choice(
                [
                    place["town"] + place["road"],
                    place["road"] + "中段",
                    address + rng.choice(["一楼", "底商", "（农贸市场旁）"]),
                ]
            )
    if rng.random() < habits["county"]:
        address = rng.choice(["射洪市", "四川省遂宁市射洪市", "射洪县", "四川省射洪县"]) + address
    phone = place["phone"] if rng.random() < 0.85 else rng.choice([place["second"], ""])
    phone = phone if rng.random() < 0.7 else phone.replace("-", rng.choice(["", "－", " "]))
    east, north = (value + shift + rng.gauss(0, 0.0003) for value in place["point"])
    pointed = rng.random() < habits["points"]
    return {
        "名称": name, "地址": address if rng.random() > 0.03 else "", "电话": phone if rng.random() < 0.8 else "",
        "负责人": place["person"] if rng.random() < habits["people"] * 0.95 else "",
        "经度": f"{east:.6f}" if pointed else "", "纬度": f"{north:.6f}" if pointed else "",
    }  # fmt: skip


def _figure(n: int) -> str:
    return _FIGURES[n] if n < 10 else "十" + (_FIGURES[n - 10] if n > 10 else "")
