"""Companies by their full legal names in several departments' lists, with branches and look-alikes beside them."""

from __future__ import annotations

import random
from typing import Any

from examples.resolution.noise import widen

_TOWNS = ("示例县", "邻水县", "射山县", "青石县", "白河市", "云台区")
_CHARS = "鑫源恒达瑞丰盛兴隆华宇康泰安顺祥和金鼎博远天成宏图嘉禾润泽明辉立信诚德广汇通利永昌新世纪"
_TRADES = (
    "商贸",
    "建材",
    "农业科技",
    "餐饮管理",
    "物流",
    "机械制造",
    "电子商务",
    "建筑工程",
    "食品",
    "纺织",
    "信息技术",
    "医药",
    "汽车销售服务",
    "环保科技",
    "文化传媒",
)
_FORMS = ("有限公司", "有限责任公司", "股份有限公司", "专业合作社", "有限公司", "有限公司")


def lists(seed: int = 0, count: int = 1500, sources: int = 3) -> list[dict[str, Any]]:
    """Rows: source, id, name. A third of the firms have a namesake in another town or one character away; some have branches."""
    rng = random.Random(seed)
    names: list[str] = []
    while len(names) < count:
        core = "".join(rng.sample(_CHARS, rng.choice([2, 2, 3])))
        town, trade, form = rng.choice(_TOWNS), rng.choice(_TRADES), rng.choice(_FORMS)
        name = rng.choice([f"{town}{core}{trade}{form}", f"{core}（{town[:2]}）{trade}{form}"])
        names.append(name)
        if rng.random() < 0.2:
            names.append(name.replace(core, core[:-1] + rng.choice(_CHARS)))
        if rng.random() < 0.2:
            names.append(name.replace(town[:2], rng.choice(_TOWNS)[:2]))
        if rng.random() < 0.15:
            names.append(f"{name}{rng.choice(['城东', '第一', '城西', '成都'])}分公司")
    rows = []
    for entity, name in enumerate(dict.fromkeys(names)):
        for source in range(sources):
            if rng.random() < 0.8:
                rows.append({"source": f"部门{source + 1}", "name": _noisy(name, rng), "entity": entity})
    rng.shuffle(rows)
    return [{"id": str(place), **row} for place, row in enumerate(rows)]


def _noisy(name: str, rng: random.Random) -> str:
    if rng.random() < 0.5:
        name = name.translate(str.maketrans("（）", rng.choice(["()", "〔〕", "【】", "（）"])))
    if rng.random() < 0.3:
        place = rng.randrange(1, len(name))
        name = name[:place] + rng.choice([" ", "　", "\u200b", "  ", "\t"]) + name[place:]
    if rng.random() < 0.2:
        name = rng.choice([" ", "　"]) + name + rng.choice([" ", "　", ""])
    if rng.random() < 0.2:
        name = widen(name)
    return name
