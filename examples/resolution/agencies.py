"""Sites of a Chinese county as nine agencies know them: registered names and signs, chains, doors as spoken, a hotline that hears of one site often."""

from __future__ import annotations

import random
from typing import Any

# An agency, how many of the sites it lists, and how often by the registered name.
_AGENCIES = (
    ("市场监管", 0.85, 1.0), ("税务", 0.7, 0.95), ("消防", 0.5, 0.5), ("卫健", 0.4, 0.6), ("人社", 0.35, 0.7),
    ("教体", 0.3, 0.7), ("城管", 0.45, 0.1), ("燃气", 0.35, 0.3), ("热线", 0.3, 0.15),
)  # fmt: skip
# As registered, and over the door.
_TRADES = (
    ("烧烤店", ("烧烤", "烤吧")), ("餐饮店", ("餐馆", "家常菜", "私房菜")), ("理发店", ("造型", "美发")), ("副食店", ("副食", "超市")), ("服装店", ("童装", "女装")),
    ("陶瓷经营部", ("瓷砖", "陶瓷")), ("药房", ("大药房", "药店")), ("口腔诊所", ("牙科", "口腔")), ("手机店", ("通讯", "手机专卖")), ("幼儿园", ("幼稚园", "双语幼儿园")),
)  # fmt: skip
_LETTERS = "鑫源恒达瑞丰盛兴隆华宇康泰安顺祥和金鼎博远天成宏嘉禾润泽明辉立信诚德"
_HEARD = {
    "鑫": "新",
    "源": "原",
    "恒": "衡",
    "盛": "胜",
    "丰": "峰",
    "诚": "成",
    "嘉": "佳",
    "辉": "晖",
    "祥": "翔",
    "禾": "和",
}
_TOWNS = (("太和街道", "城关镇"), ("金华镇", "金华镇"), ("瞿河镇", "瞿河乡"), ("仁和镇", "仁和镇"))
_ROADS = ("人民路", "解放街", "滨江大道", "学府路", "文化东路", "正街", "迎宾路", "虹桥路", "车站路", "新华街")
_VILLAGES = ("水口村", "石门村", "桂花村", "白鹤村", "长岭村", "龙潭村")
_ESTATES = ("建材市场", "时代广场", "国际商贸城", "御景湾")
_FIGURES = "零一二三四五六七八九"


def sites(seed: int = 0, count: int = 240) -> list[dict[str, Any]]:
    """Rows: source, id, name, address; `entity` is the site. One in ten is of a chain, next door to another, or a namesake elsewhere."""
    rng = random.Random(seed)
    places: list[dict[str, Any]] = []
    while len(places) < count:
        trade, signs = rng.choice(_TRADES)
        core = "".join(rng.sample(_LETTERS, rng.choice([2, 2, 3])))
        place = {"core": core, "trade": trade, "signs": signs, "shop": "", "towned": rng.random() < 0.4, **_door(rng)}
        places.append(place)
        luck = rng.random()
        if luck < 0.04:
            places += [{**place, **(door := _door(rng)), "shop": door["at"]} for _ in range(2)]
        elif luck < 0.07:
            places.append({**place, "core": "".join(rng.sample(_LETTERS, 3))})
        elif luck < 0.1:
            places.append({**place, **_door(rng)})
    rows: list[dict[str, Any]] = []
    for agency, share, registered in _AGENCIES:
        habits = {"registered": registered, "then": agency in ("税务", "燃气"), "figures": rng.random() < 0.3, "group": rng.choice("组社队"), "annex": rng.choice(["附{}号", "-{}号", "之{}号"])}  # fmt: skip
        for entity, place in enumerate(places[:count]):
            if rng.random() < share:
                for _ in range(2 if rng.random() < (0.35 if agency == "热线" else 0.015) else 1):
                    rows.append({"source": agency, "name": _name(place, habits, rng), "address": _address(place, habits, rng), "entity": entity})  # fmt: skip
    rng.shuffle(rows)
    return [{"id": str(place), **row} for place, row in enumerate(rows)]


def _door(rng: random.Random) -> dict[str, Any]:
    town = rng.choice(_TOWNS)
    match rng.randrange(10):
        case 0 | 1 | 2:
            village = rng.choice(_VILLAGES)
            return {"town": town, "at": village[:-1], "village": village, "number": rng.randrange(1, 12), "second": 0}
        case 3:
            estate = rng.choice(_ESTATES)
            return {"town": town, "at": estate, "village": "", "number": rng.randrange(1, 9), "second": rng.randrange(1, 60)}  # fmt: skip
        case _:
            road = rng.choice(_ROADS)
            return {"town": town, "at": road, "village": "", "number": rng.randrange(1, 300), "second": rng.choice([0, 0, 0, rng.randrange(1, 20)])}  # fmt: skip


def _name(place: dict[str, Any], habits: dict[str, Any], rng: random.Random) -> str:
    core: str = place["core"]
    if rng.random() < 0.04:
        core = "".join(_HEARD.get(letter, letter) for letter in core)
    if rng.random() < habits["registered"]:
        town = place["town"][habits["then"]] if place["towned"] else ""
        name = f"示例县{town}{core}{place['trade']}" + (f"{place['shop']}分店" if place["shop"] else "")
        return name + rng.choice(["", "", "", "（个体工商户）"])
    shop = f"{place['shop']}店" if place["shop"] and rng.random() < 0.8 else ""
    sign: str = rng.choice(place["signs"])
    return core + sign + rng.choice([shop, f"（{shop}）" if shop else "", shop])


def _address(place: dict[str, Any], habits: dict[str, Any], rng: random.Random) -> str:
    number, second = str(place["number"]), place["second"]
    text: str
    if habits["figures"] and place["number"] < 10:
        number = _FIGURES[place["number"]]
    before = rng.choice(["", "", place["town"][habits["then"]]])
    vague = rng.random() < 0.06
    if place["village"]:
        text = place["town"][habits["then"]] + place["village"] + ("" if vague else f"{number}{habits['group']}")
    elif place["at"] in _ESTATES:
        text = before + place["at"] + ("" if vague else rng.choice([f"{number}楼{second}号铺", f"{number}层{second}号", f"{place['number']}F-{second}"]))  # fmt: skip
    elif vague:
        text = before + place["at"] + rng.choice(["农业银行旁", "路口", ""])
    else:
        text = f"{before}{place['at']}{number}号"
        if second:
            text = (text if habits["annex"].startswith("附") else text[:-1]) + habits["annex"].format(second)
        text += rng.choice(["", "", "", "门面", "一楼"])
    return rng.choice(["", "示例县", "四川省示例县"]) + text if rng.random() > 0.01 else ""
