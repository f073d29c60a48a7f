"""Reference data of the county: departments, code sets, deadline rules, header spellings.

Four YAML files beside this module are the only place they are kept; a person edits them, the row path and the
warehouse read them from here. Spellings are compared after NFKC and without blanks at either end.

Source: GB/T 2260 (divisions), GB 32100-2015 (department codes); the legal basis of each deadline stands in its row.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml

from schemas.errors import ConfigError, nearest

ROOM = Path(__file__).parent
DEPARTMENT_TYPES = frozenset({"county_dept", "town", "vertical", "utility", "bank", "court", "other"})
CLOCK_UNITS = frozenset({"workday", "day", "hour", "minute"})
EVIDENCE = frozenset({"S", "I", "K"})

T = TypeVar("T")
Rows = dict[str, list[Any]]
# What a spelling stood for over time: (code, from, until), the last day apart; None is open. Every day is covered.
Spans = tuple[tuple[str, date | None, date | None], ...]
Lookup = dict[str, str | Spans]


@dataclass(frozen=True, slots=True)
class Alias:
    """Another spelling of a department; `valid_to` is the day a former name ended, None for one still in use.

    With a `short_name` it is what the department was officially called in those days.
    """

    name: str
    valid_from: date | None = None
    valid_to: date | None = None
    short_name: str | None = None


@dataclass(frozen=True, slots=True)
class Department:
    """One body that delivers or handles data. `code` names its folder, `dept_code` is its USCC.

    `successor` is the folder code of the body that took over what it had left open on the day of its end, `valid_to`.
    """

    code: str
    dept_code: str
    name: str
    short_name: str
    dept_type: str
    region_code: str
    aliases: tuple[Alias, ...]
    valid_from: date | None = None
    valid_to: date | None = None
    successor: str | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """One allowed value. `code` is what the warehouse stores, `name` what people see."""

    code: str
    name: str
    aliases: tuple[str, ...]
    parent: str | None
    valid_from: date | None
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class CodeSet:
    """One list of allowed values, in the order people expect."""

    id: str
    title: str
    standard: str | None
    codes: tuple[Code, ...]

    def spellings(self) -> dict[str, str]:
        """Every accepted spelling (code, name, alias) → stored code; the latest where it has passed from one to another."""
        return {spelling: _latest(bearers).code for spelling, bearers in self._bearers().items()}

    def spans(self) -> dict[str, Spans]:
        """Spellings that passed from one code to another when the list was revised → which code, when."""
        return _spans({s: [(c.code, c) for c in bearers] for s, bearers in self._bearers().items()})

    def _bearers(self) -> dict[str, list[Code]]:
        found: dict[str, list[Code]] = {}
        for code in self.codes:
            # A town's division code has nine digits, or twelve that end in noughts.
            longer = [f"{code.code}000"] if self.id == "town" else []
            for spelling in dict.fromkeys(spelled(s) for s in (code.code, code.name, *code.aliases, *longer)):
                found.setdefault(spelling, []).append(code)
        return found


@dataclass(frozen=True, slots=True)
class DeadlineRule:
    """One time limit. `days` and `extension_days` count `clock_unit`; a `region` of None is for reference only."""

    rule_id: str
    domain: str
    item: str
    clock_unit: str
    days: int
    extension_days: int
    legal_basis: str
    effective_from: date | None
    effective_to: date | None
    region: str | None
    source: str  # S read in a source, I inferred, K to be confirmed


def spelled(text: str) -> str:
    """A spelling as it is compared: NFKC, trimmed."""
    return unicodedata.normalize("NFKC", text).strip()


# ------------------------------------------------------------------------------------------------ departments
@cache
def departments(path: Path = ROOM / "departments.yaml") -> dict[str, Department]:
    """All departments by their folder code.

    Raises:
        ConfigError: the file is unreadable, a line lacks a word, or a code, name or spelling stands for two bodies.
    """
    found: dict[str, Department] = {}
    for n, line in enumerate(_items(_read(path), "departments", path), 1):
        where = f"{path.name}：第 {n} 个部门"
        _words(where, line, {"code", "dept_code", "name", "short_name", "dept_type", "region_code"},
               {"aliases", "from", "to", "successor"})  # fmt: skip
        start, end = _period(where, line)
        department = Department(
            **{
                k: _text(where, line, k)
                for k in ("code", "dept_code", "name", "short_name", "dept_type", "region_code")
            },
            aliases=tuple(_alias(where, a) for a in line.get("aliases") or []),
            valid_from=start,
            valid_to=end,
            successor=_text(where, line, "successor") if "successor" in line else None,
        )
        if department.dept_type not in DEPARTMENT_TYPES:
            raise ConfigError(
                f"{where}.dept_type",
                f"没有类别 '{department.dept_type}'",
                nearest(department.dept_type, DEPARTMENT_TYPES),
            )
        if department.code in found:
            raise ConfigError(where, f"编号 '{department.code}' 用了两次", "请改成没有用过的编号")
        found[department.code] = department
    for code, department in found.items():
        _check_succession(f"{path.name}：{code}", department, found)
    _spellings_of(found, path)
    return found


def _check_succession(where: str, department: Department, found: dict[str, Department]) -> None:
    if department.successor is None:
        return
    if department.valid_to is None:
        raise ConfigError(where, "写了 successor，没有写到哪一天为止", "请加上 to: 撤并的日期")
    if department.successor not in found:
        raise ConfigError(f"{where}.successor", f"没有部门 '{department.successor}'", nearest(department.successor, found))  # fmt: skip
    seen = [department]
    while (heir := seen[-1].successor) is not None and heir in found:
        if found[heir] in seen or (found[heir].valid_to or date.max) <= (seen[-1].valid_to or date.max):
            raise ConfigError(
                f"{where}.successor", f"'{heir}' 在 '{seen[-1].code}' 撤并时已不在", "请改正 successor 或 to"
            )
        seen.append(found[heir])


def heirs(department: Department, found: dict[str, Department]) -> list[tuple[Department, date]]:
    """Who took over after a department's end, one after the other, and from which day."""
    line: list[tuple[Department, date]] = []
    while department.successor is not None and department.valid_to is not None:
        line.append((found[department.successor], department.valid_to))
        department = found[department.successor]
    return line


def department_of(
    name_or_code: str, on: date | None = None, path: Path = ROOM / "departments.yaml"
) -> Department | None:
    """The department a name, short name, former name or code stands for; None when nobody bears it.

    Args:
        name_or_code: as departments write it, with or without 示例县 or 县 in front.
        on: the day of the event. A name that went from one body to another is read as of that day, before its first
            bearer as that one's; without it the body that bears the name now, or bore it last. A former name is still
            understood after its end.
        path: the list of departments.
    """
    bearers = bearers_of(path).get(spelled(name_or_code).replace(" ", ""))
    return _bearer(bearers, on) if bearers else None


def department_spellings(path: Path = ROOM / "departments.yaml") -> dict[str, str]:
    """Every accepted spelling of a department today → dept_code, for the row path's look-up."""
    return {spelling: _bearer(found, None).dept_code for spelling, found in bearers_of(path).items()}


def department_spans(path: Path = ROOM / "departments.yaml") -> dict[str, Spans]:
    """Spellings that passed from one department to another → dept_code by the day of the event."""
    return _spans({s: [(d.dept_code, alias) for d, alias in found] for s, found in bearers_of(path).items()})


def _spans(bearers: dict[str, list[tuple[str, Alias | Code]]]) -> dict[str, Spans]:
    return {spelling: _over_time(found) for spelling, found in bearers.items() if len({code for code, _ in found}) > 1}


def _over_time(found: list[tuple[str, Alias | Code]]) -> Spans:
    cuts: list[date] = sorted({day for _, period in found for day in (period.valid_from, period.valid_to) if day})
    spans: list[tuple[str, date | None, date | None]] = []
    for begin, end in zip([None, *cuts], [*cuts, None], strict=True):
        day = begin or date.min
        code = _bearer(found, day)
        if spans and spans[-1][0] == code:
            spans[-1] = (code, spans[-1][1], end)
        else:
            spans.append((code, begin, end))
    return tuple(spans)


def _latest(codes: list[Code]) -> Code:
    return max(codes, key=lambda c: c.valid_to or date.max)


def _bearer(found: Sequence[tuple[T, Alias | Code]], on: date | None) -> T:
    """Who bears a spelling on a day: of those it covers the last to end; else who bore it last before, or else bears it first after.

    Without a day, who bears it now or bore it last.
    """

    def end(pair: tuple[T, Alias | Code]) -> date:
        return pair[1].valid_to or date.max

    if on is None:
        return max(found, key=end)[0]
    begun = [pair for pair in found if (pair[1].valid_from or date.min) <= on]
    if not begun:
        return min(found, key=lambda pair: pair[1].valid_from or date.min)[0]
    return max([pair for pair in begun if on < end(pair)] or begun, key=end)[0]


Bearers = dict[str, list[tuple[Department, Alias]]]


@cache
def bearers_of(path: Path) -> Bearers:
    """Spelling → the departments that bear or bore it, each with its days."""
    return _spellings_of(departments(path), path)


def _spellings_of(found: dict[str, Department], path: Path) -> Bearers:
    """Who bears each spelling. Written ones first; the forms with and without the county's name only where free."""
    county = str(_read(path).get("county", ""))
    bearers: Bearers = {}
    for d in found.values():
        own = dict.fromkeys(spelled(s) for s in (d.code, d.dept_code, d.name, d.short_name))
        short = (Alias(a.short_name, a.valid_from, a.valid_to) for a in d.aliases if a.short_name)
        for alias in (_living(d, a) for a in (*(Alias(s, d.valid_from) for s in own), *d.aliases, *short)):
            named = bearers.setdefault(spelled(alias.name), [])
            if any(other is d for other, _ in named):
                continue
            rival = next((other for other, a in named if _overlap(a, alias)), None)
            if rival:
                raise ConfigError(
                    f"{path.name}：{d.code}",
                    f"'{alias.name}' 同时指 '{rival.short_name}' 和 '{d.short_name}'",
                    "请去掉一个，或写明起止日期 from、to",
                )
            named.append((d, alias))
    for named in bearers.values():
        # What is written under the name of a body that is no more is for the one that took over, unless another bears it.
        for heir, start in [taken for d, _ in named for taken in heirs(d, found)]:
            claim = Alias(heir.name, start, heir.valid_to)
            if not any(_overlap(alias, claim) for _, alias in named):
                named.append((heir, claim))
    derived: Bearers = {}
    for spelling, named in bearers.items():
        if spelling.isascii():
            continue
        base = spelling.removeprefix(county).removeprefix("县")
        for form in (base, "县" + base, county + base):
            if form not in bearers:
                derived.setdefault(form, []).extend(named)
    for form, named in derived.items():
        if len({d.code for d, _ in named}) == 1:
            bearers[form] = named[:1]
        elif not any(
            d is not e and _overlap(a, b) for place, (d, a) in enumerate(named) for e, b in named[place + 1 :]
        ):
            # One name that moved on with its dates.
            bearers[form] = list({(d.code, a.valid_from, a.valid_to): (d, a) for d, a in named}.values())
    return bearers


def _living(department: Department, alias: Alias) -> Alias:
    """A spelling no longer than the body itself."""
    end = min(alias.valid_to or date.max, department.valid_to or date.max)
    return replace(alias, valid_to=None if end == date.max else end)


def _overlap(a: Alias | Code, b: Alias | Code) -> bool:
    low, high = date.min, date.max
    return (a.valid_from or low) < (b.valid_to or high) and (b.valid_from or low) < (a.valid_to or high)


def _alias(where: str, item: Any) -> Alias:
    if isinstance(item, str):
        return Alias(item)
    if not isinstance(item, dict):
        raise ConfigError(f"{where}.aliases", f"'{item}' 不是名称", "请写名称，或 {name: 名称, from: 日期, to: 日期}")
    _words(f"{where}.aliases", item, {"name"}, {"from", "to", "short_name"})
    short_name = _text(where, item, "short_name") if "short_name" in item else None
    if short_name and "to" not in item:
        raise ConfigError(f"{where}.aliases", f"曾用名 '{item['name']}' 没有写到哪一天为止", "请加上 to: 改名的日期")
    return Alias(_text(where, item, "name"), *_period(f"{where}.aliases", item), short_name)


# ------------------------------------------------------------------------------------------------ code sets
@cache
def code_sets(path: Path = ROOM / "code_sets.yaml") -> dict[str, CodeSet]:
    """All code sets by id.

    Raises:
        ConfigError: the file is unreadable, a code is not text, or a spelling stands for two codes of a set.
    """
    listed = _read(path).get("code_sets")
    if not isinstance(listed, dict):
        raise ConfigError(path.name, "缺少 code_sets", "请参照文件开头的说明")
    return {name: _code_set(f"{path.name}：{name}", name, node) for name, node in listed.items()}


def _code_set(where: str, name: str, node: dict[str, Any]) -> CodeSet:
    _words(where, node, {"title", "codes"}, {"standard"})
    codes = []
    for item in node["codes"]:
        _words(where, item, {"code"}, {"name", "aliases", "parent", "from", "to"})
        code = _text(where, item, "code")
        named = _text(where, item, "name") if "name" in item else code
        parent = _text(where, item, "parent") if "parent" in item else None
        aliases = [_text(f"{where}.{code}", {"aliases": a}, "aliases") for a in item.get("aliases") or []]
        codes.append(Code(code, named, tuple(aliases), parent, *_period(f"{where}.{code}", item)))
    taken: dict[str, list[Code]] = {}
    for code_ in codes:
        for spelling in (code_.code, code_.name, *code_.aliases):
            bearers = taken.setdefault(spelled(spelling), [])
            if rival := next((c for c in bearers if c.code != code_.code and _overlap(c, code_)), None):
                raise ConfigError(
                    where,
                    f"'{spelling}' 同时指 '{rival.code}' 和 '{code_.code}'",
                    "请去掉一个，或写明起止日期 from、to",
                )
            bearers.append(code_)
    known = {c.code for c in codes}
    if len(known) < len(codes):
        twice = next(c.code for n, c in enumerate(codes) if c.code in {d.code for d in codes[:n]})
        raise ConfigError(
            f"{where}.{twice}", "这个代码写了两行", "请只留一行；修订后换了含义的，请给新含义另用一个代码"
        )
    for orphan in (c for c in codes if c.parent and c.parent not in known):
        raise ConfigError(
            f"{where}.{orphan.code}", f"没有上级代码 '{orphan.parent}'", nearest(str(orphan.parent), known)
        )
    return CodeSet(name, _text(where, node, "title"), node.get("standard"), tuple(codes))


def code_value_rows(path: Path = ROOM / "code_sets.yaml") -> Rows:
    """One row per code: code_set, code, name, parent, valid_from, valid_to (NULL = open), position (1 = first)."""
    flat = [(s.id, c, n) for s in code_sets(path).values() for n, c in enumerate(s.codes, 1)]
    return {
        "code_set": [s for s, _, _ in flat],
        "code": [c.code for _, c, _ in flat],
        "name": [c.name for _, c, _ in flat],
        "parent": [c.parent for _, c, _ in flat],
        "valid_from": [c.valid_from for _, c, _ in flat],
        "valid_to": [c.valid_to for _, c, _ in flat],
        "position": [n for _, _, n in flat],
    }


def code_alias_rows(path: Path = ROOM / "code_sets.yaml") -> Rows:
    """One row per accepted spelling: code_set, alias, code (the code and its name are spellings too)."""
    flat = [(s.id, spelling, code) for s in code_sets(path).values() for spelling, code in s.spellings().items()]
    return {"code_set": [r[0] for r in flat], "alias": [r[1] for r in flat], "code": [r[2] for r in flat]}


# ------------------------------------------------------------------------------------------------ deadlines
@cache
def deadline_rules(path: Path = ROOM / "deadline_rules.yaml") -> tuple[DeadlineRule, ...]:
    """All time limits, the county's and those it compares itself with.

    Raises:
        ConfigError: the file is unreadable, a line lacks a word or holds one that is not known.
    """
    rules: dict[str, DeadlineRule] = {}
    needed = {"rule_id", "domain", "item", "clock_unit", "days", "legal_basis", "effective_from", "region", "source"}
    for n, line in enumerate(_items(_read(path), "deadline_rules", path), 1):
        where = f"{path.name}：{line.get('rule_id', f'第 {n} 条')}"
        _words(where, line, needed, {"extension_days", "effective_to"})
        for word, known in (("clock_unit", CLOCK_UNITS), ("source", EVIDENCE)):
            if line[word] not in known:
                raise ConfigError(f"{where}.{word}", f"没有 '{line[word]}'", nearest(str(line[word]), known))
        for word in ("days", "extension_days"):
            if not isinstance(line.get(word, 0), int) or line.get(word, 0) < 0:
                raise ConfigError(f"{where}.{word}", f"'{line[word]}' 不是天数", "请写不小于 0 的整数")
        if line["rule_id"] in rules:
            raise ConfigError(where, "编号用了两次", "请改成没有用过的编号")
        start, end = _period(where, {"from": line["effective_from"], "to": line.get("effective_to")})
        rules[line["rule_id"]] = DeadlineRule(
            **{k: _text(where, line, k) for k in ("rule_id", "domain", "item", "clock_unit", "legal_basis", "source")},
            days=line["days"],
            extension_days=line.get("extension_days", 0),
            effective_from=start,
            effective_to=end,
            region=None if line["region"] is None else _text(where, line, "region"),
        )
    return tuple(rules.values())


def deadline_rule_rows(path: Path = ROOM / "deadline_rules.yaml") -> Rows:
    """One row per time limit; columns are DeadlineRule's fields (effective_from/to NULL = unknown/open)."""
    return {f.name: [getattr(rule, f.name) for rule in deadline_rules(path)] for f in fields(DeadlineRule)}


# ------------------------------------------------------------------------------------------------ headers
@cache
def column_aliases(dataset: str | None = None, path: Path = ROOM / "column_alias.yaml") -> dict[str, tuple[str, ...]]:
    """Contract field → header spellings departments use, best first; those of `dataset` before the general ones.

    Raises:
        ConfigError: the file is unreadable or a spelling is not text.
    """
    listed = _read(path)
    sections = [listed.get("datasets", {}).get(dataset) or {}, listed.get("any") or {}]
    merged: dict[str, dict[str, None]] = {}
    for section in sections:
        for name, spellings in section.items():
            for spelling in spellings:
                where = f"{path.name}：{name}"
                merged.setdefault(name, {})[spelled(_text(where, {"spelling": spelling}, "spelling"))] = None
    return {name: tuple(found) for name, found in merged.items()}


def column_datasets(path: Path = ROOM / "column_alias.yaml") -> tuple[str, ...]:
    """The datasets with header spellings of their own."""
    return tuple(_read(path).get("datasets", {}))


# ------------------------------------------------------------------------------------------------ reading
@cache
def _read(path: Path) -> dict[str, Any]:
    try:
        doc = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except FileNotFoundError as error:
        raise ConfigError(path.name, "找不到这个文件", "请从代码仓库恢复") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path.name}：第 {mark.line + 1} 行" if mark else path.name
        raise ConfigError(place, "不是有效的 YAML", "请检查缩进、冒号、逗号和引号") from error
    if not isinstance(doc, dict):
        raise ConfigError(path.name, "内容是空的", "请参照文件开头的说明")
    return doc


def _items(doc: dict[str, Any], name: str, path: Path) -> list[dict[str, Any]]:
    listed = doc.get(name)
    if not isinstance(listed, list):
        raise ConfigError(path.name, f"缺少 {name}", "请参照文件开头的说明")
    return listed


def _words(where: str, line: dict[str, Any], needed: set[str], optional: set[str]) -> None:
    for word in line.keys() - needed - optional:
        raise ConfigError(f"{where}.{word}", "没有这一项", nearest(word, needed | optional))
    for word in sorted(needed - line.keys()):
        raise ConfigError(where, f"缺少 {word}", "请补上")


def _text(where: str, line: dict[str, Any], word: str) -> str:
    value = line[word]
    if not isinstance(value, str) or not value.strip():
        # YAML reads 01 as the number 1: a code without quotes has lost its zero.
        raise ConfigError(f"{where}.{word}", f"'{value}' 不是文字", '数字样的代码要加引号，如 "01"')
    return value


def _period(where: str, line: dict[str, Any]) -> tuple[date | None, date | None]:
    start, end = line.get("from"), line.get("to")
    for value in (start, end):
        if value is not None and type(value) is not date:
            raise ConfigError(where, f"'{value}' 不是日期", "请写成 2019-03-01 的样子")
    if start and end and start >= end:
        raise ConfigError(where, f"起 {start} 不早于止 {end}", "请对调或改正")
    return start, end
