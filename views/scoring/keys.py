"""The words of a scheme file: keys with their other spellings, formulas with what each needs, allowed values."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Formula:
    """One way a leaf becomes a score: its own keys, those it cannot do without, and an example."""

    title: str
    keys: frozenset[str]
    needed: tuple[str, ...]
    example: str


def _formula(title: str, keys: str, needed: str, example: str) -> Formula:
    return Formula(title, frozenset(keys.split()), tuple(needed.split()), f"例如 {example}")


FORMULAS = {
    "score": _formula("数据里已是分数", "out_of", "", "{id: a, out_of: 10}"),
    "dtf": _formula(
        "前沿距离、极差标准化", "best worst min max direction transform exponent clamp", "", "{id: a, best: 0.5, worst: 10}"
    ),
    "standard": _formula(
        "标准分扣分", "standard per_unit bonus floor ceiling direction", "standard per_unit",
        "{id: a, full: 5, standard: 2, per_unit: 1}",
    ),
    "relative": _formula("与最优者之比", "direction best", "", "{id: a, formula: relative, direction: lower}"),
    "grade": _formula("等次折分", "grades", "", "{id: a, grades: {优秀: 95, 良好: 85, 一般: 70}}"),
    "satisfaction": _formula("各档人数加权", "inputs", "inputs", "{id: a, inputs: {很满意人数: 100, 满意人数: 80}}"),
    "share": _formula("两列之比，满比得满分", "numerator denominator", "numerator denominator", "{id: a, numerator: 按时件数, denominator: 应办件数}"),
    "bands": _formula("分档给分", "bands direction", "bands", "{id: a, bands: {3: 100, 5: 80, 其余: 0}}"),
}  # fmt: skip
FORMULA_ALIASES = {
    "frontier": "dtf", "minmax": "dtf", "min_max": "dtf", "min-max": "dtf", "前沿距离": "dtf", "deduction": "standard",
    "标准分": "standard", "标准分扣分": "standard", "grades": "grade", "等次": "grade", "percentage": "score", "percent": "score",
    "points": "score", "得分": "score", "ratio": "share", "满意度": "satisfaction", "best_performer": "relative",
}  # fmt: skip

LEAF_KEYS = frozenset().union(*(formula.keys for formula in FORMULAS.values())) | {"formula", "texts"}
_COMMON = {"id", "title", "weight", "children", "columns", "combine", "missing", "min_coverage", "full", "round"}
_TOLD = {"source", "note", "lead", "unit"}  # kept for people; no effect on the score
NODE_KEYS = frozenset(_COMMON | _TOLD | LEAF_KEYS)
TOP_KEYS = frozenset(
    {
        "name",
        "title",
        "source",
        "note",
        "scale",
        "round",
        "rounding",
        "carry",
        "combine",
        "missing",
        "min_coverage",
        "rank",
        "flags",
    }
    | {"reference", "data", "grades", "texts", "total", "children"}
)
ALIASES = {
    "indicators": "children", "items": "children", "指标": "children", "下级": "children", "code": "id", "编号": "id",
    "标识": "id", "名称": "title", "label": "title", "权重": "weight", "column": "columns", "aliases": "columns", "列": "columns",
    "列名": "columns", "aggregate": "combine", "aggregation": "combine", "合成": "combine", "满分": "full", "full_score": "full",
    "method": "formula", "办法": "formula", "frontier": "best", "最优值": "best", "最差值": "worst", "方向": "direction",
    "power": "exponent", "标准值": "standard", "每单位扣分": "per_unit", "deduct": "per_unit", "最低分": "floor",
    "小数位": "round", "ranking": "rank", "标记": "flags", "levels_points": "grades", "maximum": "max",
    "minimum": "min", "goalposts": "bounds", "缺失": "missing", "来源": "source", "说明": "note", "description": "note",
    "True": "by", "on": "by",  # YAML reads a bare on as true
}  # fmt: skip
WORDS = {
    "arithmetic": "mean", "average": "mean", "weighted": "mean", "weighted_mean": "mean", "均值": "mean",
    "geometric_mean": "geometric", "几何平均": "geometric", "harmonic_mean": "harmonic", "weakest": "min",
    "rank": "mean_rank", "reweight": "drop", "ignore": "drop", "0": "zero", "none": "none", "blank": "null",
    "min": "min", "max": "max", "1224": "competition", "1223": "dense", "1334": "max", "ln": "log",
    "higher_better": "higher", "lower_better": "lower", "越高越好": "higher", "越低越好": "lower", "high": "higher", "low": "lower",
}  # fmt: skip
COMBINE = ("mean", "sum", "geometric", "harmonic", "min", "max", "mean_rank")
MISSING = ("drop", "zero", "null")
TIES = ("competition", "min", "dense", "max", "average", "ordinal")
ROUNDING = ("half_even", "half_up")
ORDERS = ("unrounded", "rounded")
TRANSFORMS = ("none", "log", "log10", "sqrt")
DIRECTIONS = ("higher", "lower")
REST = frozenset({"其余", "rest", "else", "otherwise", "inf"})
GRADES = {"A": 95, "B": 85, "C": 70, "D": 50}


def implied(node: dict[str, Any]) -> str:
    """The formula a leaf means when it does not say: by the keys it has."""
    for formula, signs in (
        ("standard", {"standard", "per_unit"}),
        ("satisfaction", {"inputs"}),
        ("share", {"numerator", "denominator"}),
        ("bands", {"bands"}),
        ("grade", {"grades"}),
        ("dtf", {"best", "worst", "min", "max", "transform", "exponent"}),
    ):
        if node.keys() & signs:
            return formula
    return "score"


def squeezed(text: str) -> str:
    """A name as names are compared: NFKC, lower case, without blanks, quotes and punctuation between words."""
    return re.sub(r"[\s_\-–—'\"“”‘’、，,：:；;（）()\[\]]+", "", unicodedata.normalize("NFKC", text)).lower()
