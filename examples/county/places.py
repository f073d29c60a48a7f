"""Departments, towns and streets of the demo county, as its systems write them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

COUNTY = "示例县"
REGION = "510999"

TOWNS: tuple[tuple[str, str], ...] = (
    ("510999001", "城东街道"),
    ("510999002", "城西街道"),
    ("510999100", "太和镇"),
    ("510999101", "金华镇"),
    ("510999102", "瞿河镇"),
    ("510999103", "青堤镇"),
    ("510999104", "洋溪镇"),
    ("510999105", "香山镇"),
    ("510999106", "明星镇"),
    ("510999107", "仁和镇"),
    ("510999108", "复兴乡"),
    ("510999109", "双溪乡"),
)
TOWN_CODES = np.array([code for code, _ in TOWNS])
TOWN_NAMES = np.array([name for _, name in TOWNS])
# Half the county lives in and around the seat; later towns are smaller.
TOWN_WEIGHTS = np.array([20, 16, 12, 9, 8, 7, 7, 6, 5, 4, 3, 3], dtype=float)
TOWN_WEIGHTS /= TOWN_WEIGHTS.sum()

STREETS = np.array(
    [
        "人民路",
        "解放街",
        "滨江大道",
        "商业街",
        "学府路",
        "工业园三路",
        "朝阳街",
        "迎宾路",
        "建设路",
        "和平巷",
        "伯玉路",
        "太空路",
    ]
)
VILLAGES = np.array(
    ["新桥村", "石龙村", "白塔村", "双庙村", "红旗村", "柏林村", "长岭村", "龙泉社区", "滨河社区", "玉泉社区"]
)


def addresses(rng: np.random.Generator, town: NDArray[Any]) -> NDArray[Any]:
    """A street or village address in each town (places into TOWNS)."""
    count = len(town)
    head = np.char.add(COUNTY, TOWN_NAMES[town])
    number = np.char.add(rng.integers(1, 400, count).astype(str), "号")
    return np.char.add(np.char.add(head, rng.choice(np.concatenate([STREETS, VILLAGES]), count)), number)
