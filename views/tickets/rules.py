"""Which time limit a ticket of a file has: rules of the county or of a person's YAML, as one SQL CASE.

A rule applies when it is in force on the ticket's first day and all its `when` columns hold one of the listed values.
Of several, the one with more conditions wins, then the more specific region, then the later effective date.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from schemas import reference
from schemas.clock import UNITS
from schemas.errors import ConfigError, nearest

COUNTY = "510999"
_WORDS = {
    "rule_id", "domain", "item", "clock_unit", "days", "extension_days", "legal_basis", "effective_from", "effective_to",
    "region", "source", "when", "unit", "limit",
}  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """One time limit a ticket may have."""

    rule_id: str
    item: str
    clock_unit: str
    days: int
    extension_days: int = 0
    legal_basis: str = ""
    effective_from: date | None = None
    effective_to: date | None = None
    region: str | None = COUNTY
    when: dict[str, tuple[str, ...]] = field(default_factory=dict, hash=False)

    @property
    def text(self) -> str:
        """The rule in words, as every deadline prints it."""
        basis = f"；依据：{self.legal_basis}" if self.legal_basis else ""
        return f"{self.item} {self.days} {UNITS[self.clock_unit]}{basis}"


def county_rules(names: Sequence[str], region: str = COUNTY) -> list[Rule]:
    """The county's rules of these ids, and those of the same item from the levels above it."""
    every = reference.deadline_rules()
    items = {rule.item for rule in every if rule.rule_id in names}
    levels = (region, region[:4] + "00", region[:2] + "0000", "000000")
    found = [r for r in every if r.rule_id in names or (r.item in items and r.region in levels)]
    return [
        Rule(r.rule_id, r.item, r.clock_unit, r.days, r.extension_days, r.legal_basis, r.effective_from, r.effective_to, r.region)
        for r in found
    ]  # fmt: skip


def load(path: Path) -> list[Rule]:
    """Rules from a YAML file: a list, or one under deadline_rules; each needs rule_id, clock_unit, days.

    Raises:
        ConfigError: a rule lacks a word or holds one that is not known.
    """
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(str(path), "找不到这个文件", "请检查 --rules 的路径") from error
    except yaml.YAMLError as error:
        raise ConfigError(path.name, "不是有效的 YAML", "请检查缩进、冒号和引号") from error
    listed = loaded.get("deadline_rules", loaded.get("rules")) if isinstance(loaded, dict) else loaded
    if not isinstance(listed, list) or not listed:
        raise ConfigError(
            path.name, "没有时限规则", "请写 deadline_rules: 下面一条一行，写法同 schemas/deadline_rules.yaml"
        )
    return [_rule(f"{path.name}：第 {n} 条", line) for n, line in enumerate(listed, 1)]


def _rule(where: str, line: dict[str, Any]) -> Rule:
    if not isinstance(line, dict):
        raise ConfigError(where, "不是一条规则", "请写 {rule_id: …, clock_unit: workday, days: 5}")
    for word in line.keys() - _WORDS:
        raise ConfigError(f"{where}.{word}", "没有这一项", nearest(str(word), _WORDS))
    unit = line.get("clock_unit", line.get("unit"))
    days = line.get("days", line.get("limit"))
    if unit not in UNITS:
        raise ConfigError(f"{where}.clock_unit", f"没有 '{unit}'", f"可用的有 {'、'.join(UNITS)}")
    if type(days) is not int or days < 0:
        raise ConfigError(f"{where}.days", f"'{days}' 不是天数", "请写不小于 0 的整数")
    when = {str(k): tuple(map(str, v if isinstance(v, list) else [v])) for k, v in (line.get("when") or {}).items()}
    for word in ("effective_from", "effective_to"):
        if line.get(word) is not None and type(line[word]) is not date:
            raise ConfigError(f"{where}.{word}", f"'{line[word]}' 不是日期", "请写成 2019-03-01 的样子")
    return Rule(
        str(line.get("rule_id", where)), str(line.get("item", "办理时限")), unit, days, int(line.get("extension_days", 0)),
        str(line.get("legal_basis", "")), line.get("effective_from"), line.get("effective_to"),
        str(line["region"]) if line.get("region") is not None else None, when,
    )  # fmt: skip


def choice(rules: Sequence[Rule], start: str, column: dict[str, str]) -> tuple[list[Rule], str]:
    """The rules in order of precedence, and SQL for the position of the first that applies (NULL: none does).

    `start` is SQL for the clock's start, `column` the SQL of each name a `when` may use.

    Raises:
        ConfigError: a `when` names a column the file has not.
    """
    ordered = sorted(
        rules, key=lambda r: (-len(r.when), -_depth(r.region), -(r.effective_from or date.min).toordinal(), r.rule_id)
    )
    cases = []
    for position, rule in enumerate(ordered):
        tests = ["TRUE"]
        for name, values in rule.when.items():
            if name not in column:
                raise ConfigError(f"{rule.rule_id}.when", f"文件里没有列 '{name}'", nearest(name, column))
            tests.append(f"{column[name]} IN ({', '.join(_text(v) for v in values)})")
        if rule.effective_from:
            tests.append(f"{start} >= DATE '{rule.effective_from}'")
        if rule.effective_to:
            tests.append(f"{start} < DATE '{rule.effective_to}'")
        cases.append(f"WHEN {' AND '.join(tests)} THEN {position}")
    return ordered, f"CASE {' '.join(cases)} END" if cases else "CAST(NULL AS INTEGER)"


def _depth(region: str | None) -> int:
    return len(region.rstrip("0")) if region else 0


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
