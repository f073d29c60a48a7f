"""hub resolve on sites of a Chinese county as nine agencies write them: towns, doors, chains, signs."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from examples.resolution import agencies
from examples.resolution.scoring import scores
from tests.unit.warehouse.lists import compared, resolved, truth

NAMED = {"name": "organisation", "address": "address"}


@pytest.mark.parametrize("seed", [1, 2])
def test_sites_of_nine_agencies_by_name_and_address(tmp_path: Path, seed: int) -> None:
    files = {"sites": agencies.sites(seed)}
    precision, recall, _ = scores(truth(files), resolved(tmp_path, files, source_column="source", fields=NAMED))
    assert precision >= 0.98
    assert recall >= 0.88


@pytest.mark.parametrize(
    ("given", "key", "road", "estate", "house"),
    [
        ("示例县柳树镇竹林村六队12号", "柳树镇竹林村6组12", "竹林村", "竹林村", "6组"),
        ("柳树镇竹林村6社", "柳树镇竹林村6组", "竹林村", "竹林村", "6组"),
        ("卫生中路七十六-11号", "卫生中路76-11", "卫生中路", None, "76"),
        ("体育街193之7", "体育街193-7", "体育街", None, "193"),
        ("西门街４５号叁栋", "西门街45号3栋", "西门街", None, "45"),
        ("学校路2＃底层", "学校路2", "学校路", None, "2"),
        ("粮油市场B-48", "粮油市场B48", None, "粮油市场", None),
        ("太和镇粮油市场Ｂ区48号铺", "太和镇粮油市场B48", None, "粮油市场", None),
        ("凤凰街232号国际商贸城3层57号", "凤凰街232号国际商贸城3楼57", "凤凰街", "国际商贸城", "232"),
        ("御景湾2F-17", "御景湾2楼-17", None, "御景湾", None),
        ("锦绣社区三组", "锦绣社区3组", "锦绣社区", "锦绣社区", "3组"),
        ("工业集中区园区二路16栋", "工业集中区园区二路16栋", "园区二路", "工业集中区", None),
        ("永兴镇场镇街98号", "永兴镇场鎭街98", "场鎭街", None, "98"),
    ],
)
def test_an_address_and_what_it_names(tmp_path: Path, given: str, key: str, road: str, estate: str, house: str) -> None:
    con = compared(tmp_path, [{"address": given}], {"address": "address"})
    assert con.execute("SELECT f1, f1_road, f1_estate, f1_house FROM feature").fetchone() == (key, road, estate, house)


def test_a_town_and_a_county_of_then_are_those_of_today(tmp_path: Path) -> None:
    """Names that stand at one door in both say so; two that only one name shares stay two."""
    rows = [
        {"name": f"{county}{core}商贸有限公司", "address": f"{county}{town}人民路{number}号"}
        for number, core in enumerate(("鑫源", "恒达", "瑞丰"), 1)
        for county, town in (("邓县", "城关镇"), ("邓州市", "古城街道"), ("邓州市", "古城街道"))
    ]
    rows += [{"name": "宝华副食店", "address": f"{town}人民路9号"} for town in ("金华镇", "仁和镇")]
    con = compared(tmp_path, rows, NAMED)
    found = con.execute("SELECT f1_region, f2_town FROM feature ORDER BY rid").fetchall()
    assert found == [("邓州", "古城")] * 9 + [(None, "金华"), (None, "仁和")]


def test_shops_of_a_chain_are_told_by_what_stands_behind_their_names(tmp_path: Path) -> None:
    names = (
        "悦萃火锅店水口分店",
        "悦萃火锅（水口店）",
        "悦萃火锅店第二分店",
        "悦萃火锅二店",
        "张三店",
        "悦萃火锅店建材市场店",
    )
    rows = [{"name": name, "address": address} for name in names for address in ("金华镇水口村2组", "建材市场3号")]
    con = compared(tmp_path, rows, NAMED)
    found = con.execute("SELECT DISTINCT ON (f1) f1_bare, f1_shop FROM feature ORDER BY f1, rid").fetchall()
    assert sorted(found, key=str) == sorted(
        [("悦萃火锅店", "水口"), ("悦萃火锅店", "水口"), ("悦萃火锅店", "二"), ("悦萃火锅店", "二"), ("张三店", None), ("悦萃火锅店", "建材市场")],
        key=str,
    )  # fmt: skip


def test_names_that_sound_alike_and_endings_that_many_names_have(tmp_path: Path) -> None:
    names = [f"{core}砂锅粥" for core in ("鑫源", "恒达", "瑞丰", "盛兴", "隆华", "佳盛")] + [
        "佳胜砂锅粥",
        "佳盛酸辣粉",
    ]
    names += [f"{core}酸辣粉" for core in ("宇康", "泰安", "顺祥", "和金", "鼎博")]
    con = compared(tmp_path, [{"name": name} for name in names], {"name": "organisation"})
    found = defaultdict(set)
    for name, sound, core in con.execute("SELECT f1, f1_sound, f1_core FROM feature").fetchall():
        found["sound", sound].add(name)
        found["core", core].add(name)
    assert found["sound", "jia sheng sha guo zhou"] == {"佳盛砂锅粥", "佳胜砂锅粥"}
    assert found["core", "jia sheng"] == {"佳盛砂锅粥", "佳胜砂锅粥", "佳盛酸辣粉"}
