"""Assessment items of the hotline as data: what is measured, how it becomes points, and on whose authority.

Kept in assessment_items.yaml; a person edits it, the warehouse's assessment_item table is made from it.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from schemas.errors import ConfigError, nearest

FILE = Path(__file__).with_name("assessment_items.yaml")
METRICS = ("sign_pct", "contact_pct", "reply_pct", "close_pct", "response_pct", "solved_pct", "satisfaction_pct")
# What each formula needs besides full_score.
FORMULAS = {"piecewise": ("target", "k", "floor_score"), "weighted": ("weight",)}
_TEXTS = ("scheme", "item", "title", "metric", "formula", "source", "basis")
_NUMBERS = ("full_score", "target", "k", "floor_score", "weight")
_DAYS = ("effective_from", "effective_to")


@cache
def items(path: Path = FILE) -> tuple[dict[str, Any], ...]:
    """One mapping per item, every word present (NULL: the formula does not use it, or open-ended).

    Raises:
        ConfigError: an item lacks a word or holds one that is not known, or its points cannot be.
    """
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(path.name, "不是有效的 YAML", "请检查缩进、冒号和引号") from error
    listed = loaded.get("assessment_items") if isinstance(loaded, dict) else None
    if not isinstance(listed, list):
        raise ConfigError(path.name, "缺少 assessment_items", "请参照文件开头的说明")
    seen: set[tuple[str, str, date | None]] = set()
    for number, item in enumerate(listed, 1):
        where = f"{path.name}：第 {number} 项"
        known = {*_TEXTS, *_NUMBERS, *_DAYS}
        for word in item.keys() - known:
            raise ConfigError(f"{where}.{word}", "没有这一项", nearest(str(word), known))
        for word in (w for w in (*_TEXTS, "full_score") if item.get(w) is None):
            raise ConfigError(where, f"缺少 {word}", "请补上")
        for word, allowed in (("metric", METRICS), ("formula", tuple(FORMULAS)), ("source", ("S", "I", "K"))):
            if item[word] not in allowed:
                raise ConfigError(f"{where}.{word}", f"没有 '{item[word]}'", nearest(str(item[word]), allowed))
        for word in FORMULAS[item["formula"]]:
            if not isinstance(item.get(word), (int, float)):
                raise ConfigError(f"{where}.{word}", f"'{item.get(word)}' 不是数", f"{item['formula']} 要用到它")
        for word in _DAYS:
            if item.get(word) is not None and type(item[word]) is not date:
                raise ConfigError(f"{where}.{word}", f"'{item[word]}' 不是日期", "请写成 2025-01-01 的样子")
        key = (item["scheme"], item["item"], item.get("effective_from"))
        if key in seen:
            raise ConfigError(where, f"{item['scheme']} 的 {item['item']} 写了两次", "请去掉一个")
        seen.add(key)
    return tuple({word: item.get(word) for word in (*_TEXTS, *_NUMBERS, *_DAYS)} for item in listed)


def assessment_item_rows(path: Path = FILE) -> dict[str, Any]:
    """One row per item; columns typed even where all are NULL."""
    import pyarrow as pa

    kinds = {
        **dict.fromkeys(_TEXTS, pa.string()),
        **dict.fromkeys(_NUMBERS, pa.decimal128(18, 4)),
        **dict.fromkeys(_DAYS, pa.date32()),
    }
    return {
        word: pa.array([_exact(i[word]) if word in _NUMBERS else i[word] for i in items(path)], kind)
        for word, kind in kinds.items()
    }


def _exact(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def fingerprint(path: Path = FILE) -> str:
    """What tells that the items changed."""
    import hashlib

    return hashlib.sha256(repr(items(path)).encode()).hexdigest()[:16]
