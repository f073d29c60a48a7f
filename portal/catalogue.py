"""What there is to read: datasets, boards' views, reference tables; found by any part of a Chinese name."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pypinyin import Style, lazy_pinyin

from connectors.spec import Registry
from portal.figures import catalog
from schemas.contract import Contract, contracts
from schemas.reference import departments
from views.catalog import BOARDS, View
from views.lineage import lineage
from warehouse.access import is_masked
from warehouse.reference import TABLES

DOMAINS = {"enterprise": "市场主体", "service": "政务服务", "hotline": "12345 热线", "indicator": "营商环境指标", "rectification": "问题整改",
           "quality": "数据质量", "reference": "公共代码", "survey": "调查"}  # fmt: skip
KINDS = {"dataset": "共享数据集", "view": "专题视图", "reference": "参考表"}
_SPAN = {"s": "秒", "m": "分钟", "h": "小时", "d": "天", "w": "周", "mo": "个月", "y": "年"}


@dataclass(frozen=True)
class Column:
    """One column; `level` is the classification (S0–S3), `masked` whether it shows masked without a request."""

    name: str
    title: str
    kind: str
    level: str
    masked: bool
    note: str


@dataclass(frozen=True)
class Entry:
    """One thing in the catalogue; `sources` are the connectors that fill it, `words` what it is found by."""

    name: str
    kind: str
    title: str
    told: str
    domain: str
    owner: str
    frequency: str
    columns: tuple[Column, ...]
    sources: tuple[str, ...] = ()
    words: str = field(default="", repr=False)


def plain(text: str) -> str:
    """Text as it is compared: width and case do not matter."""
    return unicodedata.normalize("NFKC", text).casefold()


@cache
def _initials(text: str) -> str:
    return "".join(lazy_pinyin(text, style=Style.FIRST_LETTER)).casefold()


def entries(registry: Registry) -> list[Entry]:
    """Everything, datasets first."""
    owners: dict[str, list[str]] = {}
    for one in registry.connectors.values():
        owners.setdefault(one.dataset, []).append(one.id)
    found = [_dataset(c, tuple(owners.get(c.dataset, ()))) for c in contracts().values() if c.fields]
    found += [_view(v) for v in catalog().views.values()]
    found += [
        _worded(
            Entry(
                t.name, "reference", t.title, "公共代码和日历，随平台发布", "reference", "县数据管理部门", "随版本", ()
            )
        )
        for t in TABLES
    ]
    return found


def _dataset(c: Contract, sources: tuple[str, ...]) -> Entry:
    columns = tuple(
        Column(f.name, f.title, f.physical_type, f.classification, is_masked(f.name, f), f.description)
        for f in {**c.fields, **c.derived}.values()
    )
    units = [departments().get(s.split("/")[0]) for s in sources]
    owner = "、".join(dict.fromkeys(d.short_name or d.name for d in units if d)) or c.owner
    often = c.sla.get("frequency")
    frequency = (
        f"每 {often[0]:g} {_SPAN[often[1]]}".replace("每 1 天", "每天").replace("每 1 个月", "每月")
        if often
        else "不定期"
    )
    return _worded(
        Entry(c.dataset, "dataset", c.title, c.purpose or c.grain, c.domain, owner, frequency, columns, sources)
    )


def _view(v: View) -> Entry:
    columns = tuple(Column(c.name, c.title, "", "S0", False, v.definitions.get(c.name, "")) for c in v.columns)
    return _worded(Entry(v.name, "view", v.title, v.question, v.board, v.owner, "随来源更新", columns))


def _worded(entry: Entry) -> Entry:
    from dataclasses import replace

    texts = [entry.name, entry.title, entry.told, entry.owner, *(t for c in entry.columns for t in (c.name, c.title))]
    return replace(entry, words=plain("\n".join([*texts, _initials(entry.title)])))


def search(found: list[Entry], q: str, *, domain: str = "", owner: str = "", kind: str = "") -> list[Entry]:
    """Entries that hold every word of `q` in a name or text of theirs or of a column, the nearest title first."""
    words = plain(q).split()
    kept = [
        e for e in found
        if all(w in e.words for w in words) and (not domain or e.domain == domain) and (not owner or e.owner == owner) and (not kind or e.kind == kind)
    ]  # fmt: skip
    return (
        sorted(kept, key=lambda e: (not any(w in plain(e.title) for w in words), list(KINDS).index(e.kind), e.title))
        if words
        else kept
    )


def facet(found: list[Entry], attribute: str) -> list[tuple[str, int]]:
    """The values of an attribute with how many entries have each, most first."""
    counts: dict[str, int] = {}
    for e in found:
        value = getattr(e, attribute)
        counts[value] = counts.get(value, 0) + 1
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def domain_title(domain: str) -> str:
    """A domain or board in words."""
    return DOMAINS.get(domain) or BOARDS.get(domain) or domain


@cache
def _every_lineage() -> dict[str, dict[str, tuple[Any, ...]]]:
    from schemas.errors import HubError
    from views.lineage import schemas

    views = catalog()
    known, found = schemas(views), {}
    for name in views.views:
        try:
            found[name] = lineage(views, name, known)
        except HubError:  # `hub check` tells; the other views keep theirs
            continue
    return found


def warm() -> None:
    """Trace all lineage once, before somebody asks: it takes some seconds."""
    _every_lineage()


def upstream(entry: Entry, column: str, registry: Registry) -> list[tuple[str, str]]:
    """Where a column comes from: (place, what) pairs; sources' own columns for datasets, dataset fields for views."""
    if entry.kind == "view":
        return [
            (s.dataset, "行数" if s.field == "*" else s.field)
            for s in _every_lineage().get(entry.name, {}).get(column, ())
        ]
    return [
        (c, registry.connectors[c].fields[column]) for c in entry.sources if column in registry.connectors[c].fields
    ]


def downstream(entry: Entry, column: str) -> list[tuple[str, str]]:
    """Which views' columns are computed from this field: (view, column) pairs."""
    return [
        (view, out) for view, columns in _every_lineage().items() for out, sources in columns.items()
        if any(s.dataset == entry.name and s.field == column for s in sources)
    ]  # fmt: skip
