"""Which source column is which contract field: proposals with a reason and a certainty, for a person to confirm.

A name speaks by being the field's own, a spelling of the alias dictionary, its pinyin or pinyin initials, or nearly
one of these; the values speak by their check digits, dates, codes. Values that contradict a name take its certainty
away. Names are compared as headers are (NFKC, no blanks, no unit in brackets).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import islice

from connectors import header
from connectors.sample import Sample
from schemas import amounts, dates, identifiers, reference
from schemas.contract import Contract, Field
from schemas.text import is_blank_word

SURE = 0.8  # from here on a proposal is taken unless a person objects
LEAST = 0.5
_SHARE = 0.5  # of a contract's required fields, and of its fields or else of the sample's columns, that must meet
_SINGLE = 0.95  # of the rows of a sample whose key must be their own: the rest is for the quality rules
_LOOKED_AT = 50
_MASKED = frozenset({"mask_name", "mask_phone", "mask_id", "hmac", "scrub"})  # may share a column with another field
_CURSORS = re.compile(
    r"更新时间|修改时间|变更时间|update|modif|last.?chang|^(?:gx|xg|bg)sj$|(?:geng_?xin|xiu_?gai)_?shi_?jian",
    re.IGNORECASE,
)
# A name of a number ends like this: 流水号, 申请号 and 单号 are the same number in other words.
_NUMBER_WORDS = "流水号|序列号|申请号|受理号|编号|序号|单号|号码|号"
_NUMBER = re.compile(f"(?:{_NUMBER_WORDS})$")
NUMBERED = re.compile(
    rf"(?:{_NUMBER_WORDS})$|编号|编码|代码|号码|流水|主键|id$|_no$|key$|code$", re.IGNORECASE
)  # names of keys
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True)
class Suggestion:
    """One field's column. `certainty` is 0–1; `reason` is Chinese, for people."""

    field: str
    column: str
    certainty: float
    reason: str


@dataclass
class Proposal:
    """How a sample may meet a contract; `left` are columns nobody needs, `missing` required fields without one."""

    dataset: str
    fields: dict[str, Suggestion] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    cursor: str | None = None
    key: tuple[str, ...] = ()
    telling: list[str] = field(default_factory=list)  # filled, different in nearly all rows, fit for a key; codes first
    codes: dict[str, dict[str, int]] = field(default_factory=dict)  # field -> spelling nobody knows -> rows
    sensitivity: dict[str, str] = field(default_factory=dict)  # column -> level

    @property
    def sure(self) -> dict[str, str]:
        """Field -> column of what needs no further look."""
        return {name: s.column for name, s in self.fields.items() if s.certainty >= SURE}


@dataclass(frozen=True)
class _Shown:
    """What proposals are made from, worked out once for all contracts: each column's first values, the telling columns."""

    values: dict[str, tuple[str, ...]]
    telling: list[str]


def _shown(sample: Sample) -> _Shown:
    columns = {column.name: sample.values(column.name) for column in sample.columns}
    enough = len(sample.rows) * _SINGLE
    telling = [name for name, said in columns.items() if sample.rows and len(set(said)) >= enough]
    return _Shown(
        {name: tuple(islice((v for v in said if not is_blank_word(v)), _LOOKED_AT)) for name, said in columns.items()},
        sorted(telling, key=lambda name: not NUMBERED.search(name)),
    )


def propose(contract: Contract, sample: Sample) -> Proposal:
    """The best column for every field of the contract that any column may be."""
    return _proposed(contract, sample, _shown(sample))


def _proposed(contract: Contract, sample: Sample, shown: _Shown) -> Proposal:
    values = shown.values
    names = list(values)
    aliases = reference.column_aliases(contract.dataset)
    pairs = [
        Suggestion(f.name, name, certainty, reason)
        for f in contract.fields.values()
        for name in names
        for certainty, reason in [_judged(f, name, values[name], aliases.get(f.name, ()))]
        if certainty >= LEAST
    ]
    found = Proposal(contract.dataset, key=contract.key)
    taken: dict[str, list[str]] = {}
    for pair in sorted(pairs, key=lambda p: (-p.certainty, names.index(p.column))):
        if pair.field in found.fields or not _may_share(contract, pair.field, taken.get(pair.column, [])):
            continue
        found.fields[pair.field] = pair
        taken.setdefault(pair.column, []).append(pair.field)
    found.fields = {name: found.fields[name] for name in contract.fields if name in found.fields}
    found.left = [name for name in names if name not in taken]
    found.missing = [f.name for f in contract.fields.values() if f.required and f.name not in found.fields]
    found.telling = shown.telling
    found.cursor = _cursor(contract, found, names)
    found.codes = {name: c for name in found.fields if (c := _unknown_codes(contract.fields[name], sample, found))}
    found.sensitivity = {
        column: max(contract.fields[name].classification for name in fields) for column, fields in taken.items()
    }
    found.sensitivity |= {name: level for name in found.left if (level := _level(values[name]))}
    return found


def rank(contracts: Iterable[Contract], sample: Sample) -> list[tuple[float, Proposal]]:
    """The contracts a sample may be of, likest first, each 0–1 by how much of it and of the sample meet."""
    found, shown = [], _shown(sample)
    for contract in contracts:
        proposal = _proposed(contract, sample, shown)
        needed = [f.name for f in contract.fields.values() if f.required]
        met = sum(proposal.fields[n].certainty for n in needed if n in proposal.fields)
        used = {s.column: s.certainty for s in proposal.fields.values()}
        share = sum(used.values()) / max(len(sample.columns), 1)
        found.append((round(0.6 * met / max(len(needed), 1) + 0.4 * share, 3), proposal))
    return sorted(found, key=lambda pair: -pair[0])


def fits(contract: Contract, found: Proposal, sample: Sample, given: Collection[str] = ()) -> bool:
    """Whether so much of both meets that the sample is taken for the contract's without a person saying so.

    One name in common is none, and a key must tell the sample's rows apart; one without a column needs a column that
    a person may take for it. `given` are fields that a person has seen to.
    """
    needed = [f.name for f in contract.fields.values() if f.required and f.name not in given]
    met = sum(name in found.fields for name in needed)
    used = {s.column for s in found.fields.values()}
    meeting = max(len(found.fields) / max(len(contract.fields), 1), len(used) / max(len(sample.columns), 1))
    if met < len(needed) * _SHARE or meeting < _SHARE:
        return False
    key = [name for name in contract.key if name not in given]
    if any(name not in found.fields for name in key):
        return bool(found.telling)
    if not key or sample.source.get("driver") == "exchange":  # there a row stands for a change
        return True
    columns = [found.fields[name].column for name in key]
    rows = {tuple(row.items()) for row in sample.rows}
    keys = {tuple(row.get(column) for column in columns) for row in sample.rows}
    return len(keys) >= len(rows) * _SINGLE


def _may_share(contract: Contract, name: str, others: list[str]) -> bool:
    kinds = {contract.fields[other].kind for other in others}
    kind = contract.fields[name].kind
    return not others or (kind in _MASKED and kind not in kinds) or (kinds <= _MASKED and kind not in kinds)


# ------------------------------------------------------------------------------------------------ names
def _judged(f: Field, column: str, values: tuple[str, ...], aliases: tuple[str, ...]) -> tuple[float, str]:
    """Certainty and reason that a column is a field."""
    by_name, reason = named(f.name, f.title, aliases, column)
    fits = share(f, values)
    if fits is None:
        return by_name, reason
    test, part = fits
    told = f"{test} {part:.0%}"
    if by_name:
        if part >= 0.9 and test in _CONVINCING:
            return min(1.0, by_name + 0.1), f"{reason}，{told}"
        # A name alone does not stand against what is in the column.
        return by_name * (0.45 + 0.55 * part) if part < 0.6 else by_name, f"{reason}，{told}" if part < 0.9 else reason
    if part >= 0.9 and len(values) >= 5 and test in _CONVINCING:
        return 0.6, told
    return 0.0, ""


@lru_cache(maxsize=100_000)
def named(name: str, title: str, aliases: tuple[str, ...], column: str) -> tuple[float, str]:
    """How far a column's name alone says that it is a field: 0–1 and why."""
    base = header.split_unit(header.squeezed(column))[0]
    # A sub-header alone may name it as well: 责任/牵头单位.
    forms = {header.key(base), header.key(base.rpartition("/")[2])}
    if header.key(title) in forms:
        return 1.0, "与字段同名"
    if header.key(name) in forms or _words(base) == name.split("_"):
        return 0.97, "与字段英文名相同"
    for place, alias in enumerate(aliases):
        if header.key(alias) in forms:
            return max(0.9, 0.97 - place * 0.005), "同义词"
    # 退税流水号 for 退税序号: one thing's number, whatever it is called.
    numbers = {_NUMBER.sub("", form) for form in forms if _NUMBER.search(form)} - {""}
    for spelling in (title, *aliases):
        if _NUMBER.search(spelling) and _NUMBER.sub("", header.key(spelling)) in numbers:
            return 0.85, f"编号的另一种叫法（{spelling}）"
    latin = re.sub(r"[^a-z]", "", base.lower())
    if base.isascii() and len(latin) >= 2:
        for spelling in (title, *aliases):
            initials, whole = pinyin(spelling)
            if latin == whole:
                return 0.88, f"拼音（{spelling}）"
            if latin == initials:
                # Two letters stand for too many words.
                return (0.82 if len(latin) >= 3 else 0.6), f"拼音首字母 {base.upper()}（{spelling}）"
        return _nearly(name.replace("_", " "), " ".join(_words(base)), 80)
    return max((_nearly(spelling, base, 70) for spelling in (title, *aliases)), default=(0.0, ""))


def _nearly(spelling: str, said: str, least: float) -> tuple[float, str]:
    from rapidfuzz import fuzz

    a, b = header.key(spelling), header.key(said)
    if not a or not b:
        return 0.0, ""
    score = fuzz.ratio(a, b)
    # 企业登记状态 holds 登记状态: a name with more words around it.
    if min(len(a), len(b)) >= 3 and (a in b or b in a):
        score = max(score, 84.0)
    if score < least:
        return 0.0, ""
    return round(0.5 + 0.28 * (score - least) / (100 - least), 2), f"写法相近（{spelling}）"


@cache
def pinyin(text: str) -> tuple[str, str]:
    """Initials and whole pinyin of a Chinese name, letters only: 用水量 → ysl, yongshuiliang."""
    from pypinyin import Style, lazy_pinyin

    letters = [re.sub("[^a-z]", "", part.lower()) for part in lazy_pinyin(text, style=Style.NORMAL)]
    return "".join(part[:1] for part in letters), "".join(letters)


def _words(text: str) -> list[str]:
    """The words of an English column name: enterpriseCode, ENTERPRISE_CODE and enterprise-code are two each."""
    return [word.lower() for word in _WORDS.findall(text)] if text.isascii() else []


# ------------------------------------------------------------------------------------------------ values
_PROOFS = {
    "uscc": "信用代码校验位通过", "enterprise_code": "企业代码校验位通过", "org_code": "组织机构代码校验位通过",
    "reg_no": "注册号校验位通过", "taxpayer_id": "纳税人识别号校验通过", "resident_id": "身份证号校验位通过",
    "phone": "电话号码格式通过", "unit_no": "不动产单元号格式通过", "project_code": "项目代码格式通过", "department": "是已登记的部门",
}  # fmt: skip
_CONVINCING = frozenset(_PROOFS.values())
_IDS = {"mask_id": "resident_id", "mask_phone": "phone"}
_READS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "date": ("能读成日期", lambda v: dates.parse(v).precision not in {"unparsed", "invalid"}),
    "timestamp": ("能读成时间", lambda v: dates.parse(v).precision not in {"unparsed", "invalid"}),
    "integer": ("能读成整数", lambda v: amounts.integer_value(v) is not None),
    "decimal": ("能读成数", lambda v: amounts.number_value(v) is not None),
    "yuan": ("能读成金额", lambda v: amounts.amount_yuan(v) is not None),
    "percent": ("能读成比例", lambda v: amounts.percent_value(v) is not None),
    "boolean": ("能读成是否", lambda v: amounts.boolean_value(v) is not None),
}


def share(f: Field, values: Sequence[str]) -> tuple[str, float] | None:
    """What is asked of a field's values, and the share of them that meet it; None when nothing can be asked."""
    kind = _IDS.get(f.kind, f.kind)
    return _share(kind, f.code_set if kind == "code_set" else None, tuple(values)) if values else None


@lru_cache(maxsize=10_000)  # the fields of thirty contracts ask the same of a column
def _share(kind: str, code_set: str | None, values: tuple[str, ...]) -> tuple[str, float] | None:
    if kind == "code_set" and code_set in reference.code_sets():
        known: Mapping[str, str] = reference.code_sets()[code_set].spellings()
        return "在代码表内", sum(reference.spelled(v) in known for v in values) / len(values)
    if kind == "department":
        return "是已登记的部门", sum(reference.department_of(v) is not None for v in values) / len(values)
    if kind in identifiers.KINDS:
        return _PROOFS.get(kind, "格式通过"), _valid(kind, values)
    return (_READS[kind][0], sum(map(_READS[kind][1], values)) / len(values)) if kind in _READS else None


@lru_cache(maxsize=10_000)
def _valid(kind: str, values: tuple[str, ...]) -> float:
    return sum(identifiers.check(kind, v).valid for v in values) / len(values)


def _unknown_codes(f: Field, sample: Sample, found: Proposal) -> dict[str, int]:
    """Spellings of a coded field that its code list does not know, with their rows."""
    if f.kind != "code_set" or f.code_set not in reference.code_sets():
        return {}
    known = reference.code_sets()[f.code_set].spellings()
    unknown: dict[str, int] = {}
    for value in sample.values(found.fields[f.name].column):
        if reference.spelled(value) not in known and not is_blank_word(value):
            unknown[value] = unknown.get(value, 0) + 1
    return dict(sorted(unknown.items(), key=lambda pair: -pair[1])[:20])


def _level(values: tuple[str, ...]) -> str | None:
    """The sensitivity of a column nobody maps, by what stands in it; None when nothing personal is seen."""
    if len(values) >= 3:
        for kind, level in (("resident_id", "S3"), ("phone", "S2")):
            if _valid(kind, values) >= 0.8:
                return level
    return None


def _cursor(contract: Contract, found: Proposal, names: list[str]) -> str | None:
    """The source's own time of change, for reading only what is new."""
    return found.fields["updated_at"].column if "updated_at" in found.fields else change_column(names)


def change_column(names: Iterable[str]) -> str | None:
    """The column that by its name holds the time of a row's last change, None when no name says so."""
    return next((name for name in names if _CURSORS.search(name)), None)
