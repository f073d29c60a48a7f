"""People of a Chinese county in six lists: numbers of identity cards and telephones whole, masked or missing, and families under one roof."""

from __future__ import annotations

import random
from typing import Any

from schemas import identifiers

_SURNAMES = "王李张刘陈杨黄赵周吴徐孙马朱胡郭何高林罗"
_GIVEN = "伟芳娜敏静强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰建国志文红梅丽波"
_HEARD = {"伟": "炜", "芳": "方", "静": "净", "军": "君", "志": "智", "文": "雯", "玉": "钰", "英": "瑛", "建": "健"}
_VILLAGES = ("太和镇新民村", "太和镇白鹤村", "金华镇石门村", "仁和镇城东社区", "瞿河镇双江村")
# A list, how many of the people it has, and how it shows the card and the telephone.
_LISTS = (
    ("医保", 0.8, "whole", "whole"), ("村委", 0.7, "ends", "whole"), ("养老", 0.5, "year", "ends"), ("低保", 0.25, "whole", "whole"), ("残联", 0.15, "whole", "ends"), ("热线", 0.15, "none", "whole"),
)  # fmt: skip


def people(seed: int = 0, count: int = 320) -> list[dict[str, Any]]:
    """Rows: source, id, 姓名, 身份证号, 手机, 村组; `entity` is the person. A quarter have a child, a wife or a namesake beside them."""
    rng = random.Random(seed)
    known: list[dict[str, Any]] = []
    while len(known) < count:
        one: dict[str, Any] = {"name": _called(rng), "card": _card(rng), "phone": _phone(rng), "second": _phone(rng), "village": rng.choice(_VILLAGES), "group": rng.randrange(1, 12)}  # fmt: skip
        known.append(one)
        luck = rng.random()
        if luck < 0.15:
            child = {**one, "name": one["name"][0] + "".join(rng.sample(_GIVEN, 2)), "card": _card(rng)}
            known.append(child if rng.random() < 0.5 else {**child, "phone": _phone(rng)})
        elif luck < 0.2:
            known.append({**one, "name": _called(rng), "card": _card(rng)})
        elif luck < 0.25:
            known.append({**one, "card": _card(rng), "phone": _phone(rng), "second": _phone(rng), "group": rng.randrange(1, 12)})  # fmt: skip
    rows: list[dict[str, Any]] = []
    for source, share, card, phone in _LISTS:
        for entity, one in enumerate(known[:count]):
            if rng.random() < share:
                name = one["name"]
                if rng.random() < 0.04:
                    name = name[0] + "".join(_HEARD.get(letter, letter) for letter in name[1:])
                called = one["phone"] if rng.random() < 0.85 else one["second"]
                rows.append(
                    {
                        "source": source, "姓名": name, "身份证号": _shown(one["card"], card) if rng.random() < 0.95 else "",
                        "手机": _shown(called, phone) if rng.random() < 0.8 else "",
                        "村组": one["village"] + (f"{one['group']}{rng.choice('组社')}" if rng.random() < 0.9 else ""), "entity": entity,
                    }
                )  # fmt: skip
    rng.shuffle(rows)
    return [{"id": str(place), **row} for place, row in enumerate(rows)]


def _called(rng: random.Random) -> str:
    return rng.choice(_SURNAMES) + "".join(rng.sample(_GIVEN, rng.choice([1, 2, 2])))


def _phone(rng: random.Random) -> str:
    return f"13{rng.randrange(10**9):09}"


def _card(rng: random.Random) -> str:
    body = f"510922{rng.randrange(1940, 2010)}{rng.randrange(1, 13):02}{rng.randrange(1, 29):02}{rng.randrange(999):03}"
    return next(card for last in "0123456789X" if identifiers.resident_id_valid(card := body + last))


def _shown(number: str, how: str) -> str:
    match how:
        case "none":
            return ""
        case "ends":
            kept = 6 if len(number) == 18 else 3
            return number[:kept] + "*" * (len(number) - kept - 4) + number[-4:]
        case "year":
            return number[:10] + "****" + number[14:]
        case _:
            return number
