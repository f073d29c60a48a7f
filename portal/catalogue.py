"""What there is to read: datasets, boards' views, reference tables; found by any part of a Chinese name."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from pypinyin import Style, lazy_pinyin

from connectors.spec import Connector, Registry
from portal.figures import catalog
from schemas.contract import Contract, contracts
from schemas.reference import departments
from views.catalog import BOARDS, View
from warehouse.access import is_masked
from warehouse.reference import TABLES

if TYPE_CHECKING:
    import psycopg

DOMAINS = {"enterprise": "市场主体", "service": "政务服务", "hotline": "12345 热线", "indicator": "营商环境指标", "rectification": "问题整改",
           "quality": "数据质量", "reference": "公共代码", "survey": "调查", "other": "其他"}  # fmt: skip
# What follows from the classification of the columns: whether a request is needed to see all of it.
SHARES = {"open": "县内直接可查", "partly": "有脱敏列，须申请", "": "—"}
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
    """One thing in the catalogue; `sources` are the connectors that fill it, `known_as` what the departments call it, `sharing` a key of SHARING, `words` what it is found by."""

    name: str
    kind: str
    title: str
    told: str
    domain: str
    owner: str
    frequency: str
    columns: tuple[Column, ...]
    sources: tuple[str, ...] = ()
    known_as: tuple[str, ...] = ()
    share: str = ""
    sharing: str = ""
    words: str = field(default="", repr=False)


def plain(text: str) -> str:
    """Text as it is compared: width and case do not matter."""
    return unicodedata.normalize("NFKC", text).casefold()


@cache
def _pinyin(text: str) -> str:
    """A Chinese text as initials and in full: yhbh yonghubianhao."""
    return f"{''.join(lazy_pinyin(text, style=Style.FIRST_LETTER))} {''.join(lazy_pinyin(text))}".casefold()


def entries(registry: Registry) -> list[Entry]:
    """Everything, datasets first."""
    owners: dict[str, list[Connector]] = {}
    for one in registry.connectors.values():
        owners.setdefault(one.dataset, []).append(one)
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


_PLACE = re.compile(r"%\((\w+)\)s")  # how a parameter is written out for the driver; people know it as :name
_EVERY: dict[tuple[float, str], str] = {(7, "d"): "每周", (3, "mo"): "每季度", (6, "mo"): "每半年", (12, "mo"): "每年"}


def _every(count: float, unit: str) -> str:
    if count == 1:
        return f"每{_SPAN[unit].removeprefix('个')}"
    return _EVERY.get((count, unit), f"每 {count:g} {_SPAN[unit]}")


def _dataset(c: Contract, connectors: tuple[Connector, ...]) -> Entry:
    sources = tuple(one.id for one in connectors)
    columns = tuple(
        Column(f.name, f.title, f.physical_type, f.classification, is_masked(f.name, f), f.description)
        for f in {**c.fields, **c.derived}.values()
    )
    units = [departments().get(s.split("/")[0]) for s in sources]
    owner = "、".join(dict.fromkeys(d.short_name or d.name for d in units if d)) or c.owner
    often = c.sla.get("frequency")
    frequency = _every(*often) if often else "不定期"
    share = "partly" if any(f.masked for f in columns if f.level in {"S2", "S3"}) else "open"
    return _worded(
        Entry(
            c.dataset,
            "dataset",
            c.title,
            c.purpose or c.grain,
            c.domain,
            owner,
            frequency,
            columns,
            sources,
            tuple(dict.fromkeys(one.title for one in connectors if one.title != c.title)),
            share,
            c.sharing or "conditional",
        )
    )


def _view(v: View) -> Entry:
    columns = tuple(Column(c.name, c.title, "", "S0", False, v.definitions.get(c.name, "")) for c in v.columns)
    return _worded(Entry(v.name, "view", v.title, v.question, v.board, v.owner, "随来源更新", columns))


def _worded(entry: Entry) -> Entry:
    from dataclasses import replace

    texts = [
        entry.name,
        entry.title,
        *entry.known_as,
        entry.told,
        entry.owner,
        *(t for c in entry.columns for t in (c.name, c.title)),
    ]
    spoken = [_pinyin(t) for t in (entry.title, *entry.known_as, entry.owner, *(c.title for c in entry.columns))]
    return replace(entry, words=plain("\n".join([*texts, *spoken])))


FACETS = ("kind", "domain", "owner", "frequency", "sharing", "share", "quality")


def search(
    found: list[Entry], q: str, chosen: dict[str, str] | None = None, quality: dict[str, str] | None = None
) -> list[Entry]:
    """Entries that hold every word of `q` in a name, a text or the pinyin of theirs or of a column, the nearest title first.

    `chosen` keeps those whose facets have these values; `quality` says of a dataset what the entry itself does not know.
    """
    words, wanted = plain(q).split(), {k: v for k, v in (chosen or {}).items() if v}
    kept = [
        e
        for e in found
        if all(w in e.words for w in words) and all(facet_of(e, k, quality or {}) == v for k, v in wanted.items())
    ]
    if not words:
        return kept
    return sorted(
        kept,
        key=lambda e: (
            not any(w in plain(f"{e.title} {' '.join(e.known_as)}") for w in words),
            list(KINDS).index(e.kind),
            e.title,
        ),
    )


def facet_of(entry: Entry, facet: str, quality: dict[str, str]) -> str:
    """The entry's value of a facet."""
    return quality.get(entry.name, "") if facet == "quality" else str(getattr(entry, facet))


def counts(found: list[Entry], facet: str, quality: dict[str, str]) -> list[tuple[str, int]]:
    """The values of a facet with how many entries have each, most first; those without a value are left out."""
    told: dict[str, int] = {}
    for e in found:
        value = facet_of(e, facet, quality)
        if value:
            told[value] = told.get(value, 0) + 1
    return sorted(told.items(), key=lambda pair: (-pair[1], pair[0]))


def hits(entry: Entry, q: str, most: int = 4) -> list[Column]:
    """The columns whose own name or title holds a word of the search: why an entry was found when its title does not say."""
    words = plain(q).split()
    return (
        [c for c in entry.columns if any(w in plain(f"{c.name} {c.title}") or w in _pinyin(c.title) for w in words)][
            :most
        ]
        if words
        else []
    )


def domain_title(domain: str) -> str:
    """A domain or board in words."""
    return DOMAINS.get(domain) or BOARDS.get(domain) or domain


_tracing = Lock()


def _every_lineage() -> dict[str, dict[str, tuple[Any, ...]]]:
    with _tracing:  # who asks while the first is tracing waits for it, and does not trace it all again
        return _traced()


@cache
def _traced() -> dict[str, dict[str, tuple[Any, ...]]]:
    from views.lineage import lineages

    return lineages(catalog())  # a view that cannot be read is told by `hub check`; the others keep theirs


def warm() -> None:
    """Trace all lineage once, before somebody asks: it takes some seconds."""
    _every_lineage()
    _every_rule()
    _uses()


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


@cache
def _every_rule() -> dict[str, dict[str, str]]:
    """View -> column -> how it is computed, where it is not taken as it is."""
    from schemas.errors import HubError

    found: dict[str, dict[str, str]] = {}
    for name, view in catalog().views.items():
        try:
            parts = view.tree.selects
        except HubError:  # `hub check` tells
            continue
        told = {
            part.alias_or_name: _PLACE.sub(r":\1", part.unalias().sql(dialect="postgres", comments=False))
            for part in parts
        }
        found[name] = {column: text for column, text in told.items() if text.split(".")[-1] != column}
    return found


def rule_of(view: str, column: str) -> str:
    """How a view computes a column, as its file says it; "" where it is taken as it is."""
    return _every_rule().get(view, {}).get(column, "")


@cache
def _uses() -> dict[tuple[str, str], list[tuple[str, str]]]:
    """(dataset, field) -> the (view, column) pairs computed from it."""
    found: dict[tuple[str, str], dict[tuple[str, str], None]] = {}
    for view, columns in _every_lineage().items():
        for out, sources in columns.items():
            for source in sources:
                found.setdefault((source.dataset, source.field), {})[view, out] = None
    return {field: list(pairs) for field, pairs in found.items()}


def downstream(dataset: str, column: str) -> list[tuple[str, str]]:
    """Which views' columns are computed from this field: (view, column) pairs."""
    return _uses().get((dataset, column), [])


def edges(one: Entry, registry: Registry, column: str = "") -> list[dict[str, str]]:
    """Every edge of an entry's columns, or of one: direction 来自 or 用到, the other end, and how a view computes it."""
    found = []
    for c in one.columns:
        if column and c.name != column:
            continue
        told = {"dataset": one.name, "column": c.name, "title": c.title}
        own = rule_of(one.name, c.name) if one.kind == "view" else ""
        found += [
            told | {"direction": "来自", "place": place, "field": what, "rule": own}
            for place, what in upstream(one, c.name, registry)
        ]
        found += [
            told | {"direction": "用到", "place": view, "field": out, "rule": rule_of(view, out)}
            for view, out in downstream(one.name, c.name)
        ]
    return found


def problems(connection: psycopg.Connection[Any], dataset: str) -> list[dict[str, Any]]:
    """What a dataset's rows were refused for: field, reason, rows ever, rows still waiting; most first."""
    return connection.execute(
        "SELECT r ->> 'title' AS field, r ->> 'reason' AS reason, count(*) AS rows, count(*) FILTER (WHERE q.resolved_at IS NULL) AS waiting "
        "FROM hub.quarantine q JOIN hub.source s USING (source_id) CROSS JOIN LATERAL jsonb_array_elements(q.reasons) r WHERE s.dataset = %s "
        "GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 15", [dataset],
    ).fetchall()  # fmt: skip
