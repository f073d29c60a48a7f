"""A scheme: the tree of indicators, how each leaf becomes a score and how scores roll up.

    title: 示例
    indicators:
      - {id: time, weight: 60, best: 0.5, worst: 10}      # leaf: distance to the frontier
      - id: cost
        children: [{id: fee, best: 0, worst: 20}]

Everything but ids and the leaves' bounds has a default. One error per wrong place, all told at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from schemas.errors import ConfigError, ConfigErrors, nearest
from views.scoring import keys
from views.scoring.keys import COMBINE, FORMULAS, MISSING, NODE_KEYS, ORDERS, TIES, TOP_KEYS, TRANSFORMS

SHIPPED = Path(__file__).parent / "schemes"


@dataclass(frozen=True)
class Node:
    """One indicator. `full` None where the score is a mean of ranks; `digits` None leaves the score as it comes."""

    id: str
    title: str
    parent: str | None
    level: int
    weight: float
    names: tuple[str, ...]
    combine: str
    missing: str
    min_coverage: float
    full: float | None
    digits: int | None
    formula: str = ""
    direction: str = "higher"
    best: float | None = None
    worst: float | None = None
    best_from: str | None = None
    worst_from: str | None = None
    transform: str = "none"
    exponent: float = 1.0
    clamp: bool = True
    standard: float | None = None
    per_unit: float | None = None
    bonus: float = 0.0
    floor: float = 0.0
    ceiling: float | None = None
    out_of: float | None = None
    points: tuple[tuple[str, float], ...] = ()
    texts: tuple[tuple[str, str], ...] = ()

    @property
    def is_leaf(self) -> bool:
        """Whether its score comes from the data and not from other indicators."""
        return self.formula != ""


@dataclass(frozen=True)
class Flag:
    """A mark on scores strictly below (or above) a line: a number on the scheme's scale, a share of full marks, or
    what others score (`mean`, `median`, `best`, `subject`, `column`).
    """

    name: str
    side: str
    kind: str
    line: float | None = None
    of: str = ""
    levels: tuple[int, ...] = ()


@dataclass(frozen=True)
class Scheme:
    """A scheme as its file says it; nodes stand parents first, the total first of all."""

    name: str
    title: str
    scale: float
    nodes: tuple[Node, ...]
    flags: tuple[Flag, ...]
    rank_on: str
    ties: str
    carry: str
    rounding: str
    reference: tuple[str, ...]
    subject: tuple[str, ...]
    period: tuple[str, ...]
    blank: tuple[str, ...]
    where: str
    source: str = ""
    note: str = field(default="", compare=False)


def shipped() -> dict[str, Path]:
    """Names of the schemes that come with the hub -> their files."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def load(name: str) -> Scheme:
    """A shipped scheme by name, or one from a file.

    Raises:
        ConfigError: no such scheme; or the file is wrong somewhere (ConfigErrors tells every place).
    """
    known = shipped()
    path = known.get(name) or Path(name)
    if not path.is_file():
        raise ConfigError(
            f"评价方案 '{name}'", "既不是随附方案，也没有这个文件", nearest(name, known) or "见 hub indicator schemes"
        )
    where = path.name
    try:
        tree = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=yaml.CSafeLoader)
    except UnicodeDecodeError as error:
        raise ConfigError(where, "不是 UTF-8 编码", "请另存为 UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}：第 {mark.line + 1} 行" if mark else where
        raise ConfigError(place, "不是有效的 YAML", "请检查缩进、冒号和引号") from error
    return Reader(where, path.stem).scheme(tree)


class Reader:
    """Reads one scheme; keeps what is wrong until all of it is known."""

    def __init__(self, where: str, stem: str) -> None:
        self._where, self._stem = where, stem
        self._errors: list[ConfigError] = []
        self._ids: dict[str, str] = {}

    def scheme(self, tree: Any) -> Scheme:
        """The scheme of a parsed file.

        Raises:
            ConfigErrors: something is wrong in it.
        """
        if isinstance(tree, list):
            tree = {"indicators": tree}
        if not isinstance(tree, dict):
            raise ConfigError(self._where, "不是 名称: 内容 的形式", "请参照 hub indicator schemes 列出的随附方案")
        top = self._keyed(tree, TOP_KEYS, "")
        self._scale = self._number(top.get("scale", 100), "scale", above=0) or 100.0
        self._top = top
        nodes = self._nodes(top)
        rank = self._keyed(top.get("rank") or {}, {"by", "ties"}, "rank")
        data = self._keyed(top.get("data") or {}, {"subject", "period", "missing"}, "data")
        flags = tuple(self._flags(top.get("flags", {"below_70": "70%"})))
        scheme = Scheme(
            name=str(top.get("name", self._stem)),
            title=str(top.get("title", top.get("name", self._stem))),
            scale=self._scale,
            nodes=tuple(nodes),
            flags=flags,
            rank_on=self._choice(rank.get("by", "unrounded"), ORDERS, "rank.by"),
            ties=self._choice(rank.get("ties", "competition"), TIES, "rank.ties"),
            carry=self._choice(top.get("carry", "unrounded"), ORDERS, "carry"),
            rounding=self._choice(top.get("rounding", "half_even"), keys.ROUNDING, "rounding"),
            reference=_texts(top.get("reference")),
            subject=_texts(data.get("subject")),
            period=_texts(data.get("period")),
            blank=_texts(data.get("missing")),
            where=self._where,
            source=str(top.get("source", "")),
            note=str(top.get("note", "")),
        )
        if self._errors:
            raise ConfigErrors(self._errors) if len(self._errors) > 1 else self._errors[0]
        return scheme

    def _nodes(self, top: dict[str, Any]) -> list[Node]:
        children = top.get("children")
        if not isinstance(children, list) or not children:
            raise ConfigError(
                f"{self._where}：indicators", "没有指标", "请写成 indicators: [{id: …, best: …, worst: …}]"
            )
        head = top.get("total") or {}
        total = self._keyed({"id": head} if isinstance(head, str) else head, NODE_KEYS, "total")
        total.setdefault("id", "total")
        total.setdefault("title", top.get("title", "总分"))
        for key in ("combine", "missing", "min_coverage"):
            if key in top:
                total.setdefault(key, top[key])
        rest = {"missing": "drop", "min_coverage": 0.8}
        return list(self._node({**total, "children": children}, None, 0, rest))

    def _node(self, item: Any, parent: str | None, level: int, rest: dict[str, Any]) -> Iterator[Node]:
        """The indicator and all below it; `rest` is what it takes over from above."""
        if isinstance(item, (str, int, float)):
            item = {"id": item}
        named = item.get("id", item.get("code", item.get("title", item.get("name", "?")))) if isinstance(item, dict) else item  # fmt: skip
        spot = f"指标 {named}"
        node = self._keyed(item, NODE_KEYS, spot)
        identity = str(node.get("id", node.get("title", "")) or "").strip()
        if not identity:
            self._wrong(spot, "没有 id", "请给每个指标写 id")
            return
        if identity in self._ids:
            self._wrong(spot, f"id '{identity}' 用了两次", "每个指标的 id 要不同")
        self._ids[identity] = spot
        children = node.get("children")
        rest = {key: node.get(key, value) for key, value in rest.items()}
        below: list[Node] = []
        for child in children or []:
            below += self._node(child, identity, level + 1, rest)
        common: dict[str, Any] = {
            "id": identity, "title": str(node.get("title", identity)), "parent": parent, "level": level,
            "weight": self._weight(node, spot),
            "names": tuple(dict.fromkeys([identity, *([str(node["title"])] if "title" in node else []), *_texts(node.get("columns"))])),
            "combine": self._choice(node.get("combine", "mean"), COMBINE, f"{spot}.combine"),
            "missing": self._choice(rest["missing"], MISSING, f"{spot}.missing"),
            "min_coverage": self._number(rest["min_coverage"], f"{spot}.min_coverage", least=0) or 0.0,
            "full": self._number(node.get("full", self._scale), f"{spot}.full", above=0),
            "digits": self._digits(node, level, leaf=not children, spot=spot),
        }  # fmt: skip
        if children:
            for key in sorted(node.keys() & keys.LEAF_KEYS):
                self._wrong(f"{spot}.{key}", "有下级的指标不写取分办法", "请写到下级指标里，或去掉 children")
            yield self._parent(common, below, "full" in node, spot)
            yield from below
        else:
            yield Node(**common, **self._leaf(node, spot))

    def _weight(self, node: dict[str, Any], spot: str) -> float:
        """0 for an indicator that is shown and ranked but has no part in the one above."""
        weight = self._number(node.get("weight", 1), f"{spot}.weight", least=0)
        return 1.0 if weight is None else weight

    def _parent(self, common: dict[str, Any], below: list[Node], declared: bool, spot: str) -> Node:
        direct = [node for node in below if node.parent == common["id"]]
        if common["combine"] == "mean_rank":
            common["full"] = None
        elif any(node.full is None for node in direct):
            self._wrong(f"{spot}.combine", "下级是位次的均值，不能再按分数合成", "请用 combine: mean_rank")
        elif common["combine"] == "sum" and not declared:
            common["full"] = sum(node.full or 0 for node in direct)
        return Node(**common)

    def _leaf(self, node: dict[str, Any], spot: str) -> dict[str, Any]:
        formula = node.get("formula") or keys.implied(node)
        formula = keys.FORMULA_ALIASES.get(str(formula), str(formula))
        if formula not in FORMULAS:
            self._wrong(f"{spot}.formula", f"没有 '{formula}' 这种取分办法", nearest(formula, FORMULAS))
            return {"formula": "score"}
        for key in sorted((node.keys() & keys.LEAF_KEYS) - FORMULAS[formula].keys - {"formula", "texts"}):
            self._wrong(f"{spot}.{key}", f"{formula} 用不到 {key}", nearest(key, FORMULAS[formula].keys))
        for key in FORMULAS[formula].needed:
            if key not in node:
                self._wrong(spot, f"{formula} 缺少 {key}", FORMULAS[formula].example)
        found: dict[str, Any] = {"formula": formula}
        for key in ("standard", "per_unit", "bonus", "floor", "ceiling", "out_of", "exponent"):
            if key in node:
                found[key] = self._number(node[key], f"{spot}.{key}")
        for key, allowed in (("transform", TRANSFORMS), ("direction", keys.DIRECTIONS)):
            if key in node:
                found[key] = self._choice(keys.WORDS.get(str(node[key]), str(node[key])), allowed, f"{spot}.{key}")
        if formula == "standard" and "direction" not in node:
            found["direction"] = "lower"
        if "clamp" in node:
            found["clamp"] = bool(node["clamp"])
        if formula == "dtf":
            found |= self._bounds(node, found, spot)
        points = node.get("grades") or node.get("inputs") or node.get("bands") or self._top.get("grades") or {}
        if formula == "grade" and not points:
            points = keys.GRADES
        if formula == "share":
            points = {str(node.get("numerator")): 1, str(node.get("denominator")): -1}
        if formula in {"grade", "satisfaction", "bands", "share"}:
            pairs = points.items() if isinstance(points, dict) else [("?", points)]
            found["points"] = tuple((str(k), self._number(v, f"{spot}：{k}") or 0.0) for k, v in pairs)
            if formula == "bands":
                found["points"] = tuple(("inf" if k in keys.REST else k, v) for k, v in found["points"])
                for bound, _ in found["points"]:
                    self._number(bound, f"{spot}.bands", finite=False)
        texts = {**(self._top.get("texts") or {}), **(node.get("texts") or {})}
        found["texts"] = tuple((keys.squeezed(str(k)), str(v).strip().lower()) for k, v in texts.items())
        return found

    def _bounds(self, node: dict[str, Any], found: dict[str, Any], spot: str) -> dict[str, Any]:
        bounds: dict[str, Any] = {}
        sides = ("min", "max") if node.get("direction", "higher") in ("lower", "越低越好") else ("max", "min")
        for key, other in (("best", sides[0]), ("worst", sides[1])):
            value = node.get(key, node.get(other))
            word = str(value).strip().lower()
            if word in {"data", "min", "max"} or re.fullmatch(r"p\d{1,2}", word):
                bounds[f"{key}_from"] = other if word == "data" else word
            else:
                bounds[key] = self._number(value, f"{spot}.{key}")
        best, worst = bounds.get("best"), bounds.get("worst")
        if best is not None and best == worst:
            self._wrong(spot, f"best 和 worst 都是 {best:g}", "最优值和最差值不能相同")
        if found.get("transform") in {"log", "log10"} and any(b is not None and b <= 0 for b in (best, worst)):
            self._wrong(spot, "取对数时 best 和 worst 要大于 0", "请改界值，或用 transform: sqrt")
        return bounds

    def _flags(self, node: Any) -> Iterator[Flag]:
        if isinstance(node, (int, float, str)):
            node = {f"below_{node}".replace("%", ""): node}
        for name, said in (node or {}).items():
            spot = f"flags.{name}"
            item = said if isinstance(said, dict) and said.keys() & {"below", "above"} else {"below": said}
            self._keyed(item, {"below", "above", "levels"}, spot)
            side = "below" if "below" in item else "above"
            line = item[side]
            levels = tuple(int(level) for level in _texts(item.get("levels")) if level.isdigit())
            if isinstance(line, dict) and len(line) == 1 and line.keys() <= {"subject", "column"}:
                kind, of = next(iter(line.items()))
                yield Flag(str(name), side, kind, of=str(of), levels=levels)
            elif str(line).strip() in {"mean", "median", "best"}:
                yield Flag(str(name), side, str(line).strip(), levels=levels)
            else:
                share = str(line).strip().endswith("%")
                value = self._number(str(line).strip().rstrip("%"), spot)
                if value is not None:
                    yield Flag(str(name), side, "line", line=value / 100 if share else value / self._scale, levels=levels)  # fmt: skip

    def _digits(self, node: dict[str, Any], level: int, *, leaf: bool, spot: str) -> int | None:
        given = node.get("round")
        if given is None:
            by_level = self._top.get("round")
            if isinstance(by_level, dict):
                by_level = {str(k): v for k, v in by_level.items()}
                given = by_level.get(str(level), by_level.get("leaf" if leaf else "default", by_level.get("default")))
            else:
                given = by_level
        value = None if given is None else self._number(given, f"{spot}.round", least=0)
        return None if value is None else int(value)

    def _keyed(self, node: Any, known: Any, spot: str) -> dict[str, Any]:
        if not isinstance(node, dict):
            self._wrong(spot, "不是 名称: 内容 的形式", f"可写的有 {'、'.join(sorted(known))}")
            return {}
        found: dict[str, Any] = {}
        for key, value in node.items():
            word = keys.ALIASES.get(str(key).strip(), str(key).strip())
            if word == "name" and "title" in known and "name" not in known:
                word = "title"
            if word not in known:
                self._wrong(f"{spot}.{key}" if spot else str(key), f"没有 '{key}' 这一项", nearest(str(key), known))
            elif value is not None:
                found[word] = value
        return found

    def _number(
        self, value: Any, spot: str, *, above: float | None = None, least: float | None = None, finite: bool = True
    ) -> float | None:
        text = str(value).strip().replace("%", "") if isinstance(value, str) else value
        try:
            if isinstance(text, str) and "/" in text:
                over, under = text.split("/")
                number = float(over) / float(under)
            else:
                number = float(text)
        except (TypeError, ValueError, ZeroDivisionError):
            self._wrong(spot, f"'{value}' 不是数", "请写数字，或 1/3 这样的分数")
            return None
        if finite and number in (float("inf"), float("-inf")):
            self._wrong(spot, "不是有限的数", "请写数字")
        if (above is not None and number <= above) or (least is not None and number < least):
            self._wrong(spot, f"{number:g} 太小", f"须大于 {above:g}" if above is not None else f"须不小于 {least:g}")
            return None
        return number

    def _choice(self, value: Any, allowed: Any, spot: str) -> str:
        word = str(value) if str(value) in allowed else keys.WORDS.get(str(value), str(value))
        if word not in allowed:
            self._wrong(spot, f"没有 '{value}' 这个选择", nearest(str(value), allowed))
            return str(next(iter(allowed)))
        return word

    def _wrong(self, spot: str, what: str, cure: str) -> None:
        self._errors.append(ConfigError(f"{self._where}：{spot}" if spot else self._where, what, cure))


def _texts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(str(item) for item in value) if isinstance(value, list) else (str(value),)
