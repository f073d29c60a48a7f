"""The catalogue: search with facets, one page a dataset in tabs, where each column comes from and goes to."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from psycopg import sql as pg

from portal import catalogue, saved
from portal.downloads import as_download
from portal.figures import catalog
from portal.figures import rows as ask_rows
from portal.standing import STATES, sources
from portal.web import Refused, Visit, route, there
from schemas.contract import SHARING, contracts
from schemas.reference import code_sets

router = APIRouter()
_SAMPLE, _PAGE, _COUNTED = 20, 25, 100_000  # counting a table of millions takes longer than a page may
_TABS = {
    "": "概况",
    "fields": "字段",
    "sample": "样例",
    "quality": "质量",
    "fresh": "时效",
    "lineage": "血缘",
    "usage": "使用",
    "ask": "申请",
}
_QUALITY = {"clean": "没有待改的行", "waiting": "有待改的行", "silent": "还没有报过数"}
_HEADINGS = {
    "kind": "类型",
    "domain": "主题",
    "owner": "提供单位",
    "frequency": "更新频率",
    "sharing": "共享级别",
    "share": "敏感",
    "quality": "质量",
}
_COLUMNS = [("name", "名称"), ("title", "标题"), ("kind", "类型"), ("domain", "主题"), ("owner", "提供单位"), ("frequency", "更新频率"), ("sharing", "共享级别"), ("share", "敏感"), ("quality", "质量"), ("fields", "字段数"), ("told", "说明")]  # fmt: skip
_EDGES = [
    ("dataset", "数据集"),
    ("column", "字段"),
    ("title", "字段名"),
    ("direction", "方向"),
    ("place", "来源或去处"),
    ("field", "列"),
    ("rule", "算法"),
]


def _quality(visit: Visit) -> dict[str, str]:
    """Dataset -> clean, waiting or silent."""
    with visit.site.database.owner() as connection:
        found = ask_rows(
            connection,
            "SELECT s.dataset, bool_or(EXISTS (SELECT FROM hub.quarantine q WHERE q.source_id = s.source_id AND q.resolved_at IS NULL)) AS waiting, "
            "bool_or(EXISTS (SELECT FROM hub.batch b WHERE b.source_id = s.source_id AND b.status = 'committed')) AS came FROM hub.source s GROUP BY 1",
        )
    told = {r["dataset"]: "waiting" if r["waiting"] else "clean" if r["came"] else "silent" for r in found}
    return {name: told.get(name, "silent") for name, c in contracts().items() if c.fields}


def _word(facet: str, value: str) -> str:
    return {"kind": catalogue.KINDS, "sharing": SHARING, "share": catalogue.SHARES, "quality": _QUALITY}.get(
        facet, {}
    ).get(value) or (catalogue.domain_title(value) if facet == "domain" else value)


def _chosen(visit: Visit) -> dict[str, str]:
    """Facet -> the value the address asks for, "" for any."""
    return {name: visit.request.query_params.get(name, "") for name in catalogue.FACETS}


@route(router, "/catalogue", "catalogue.read")
def index(visit: Visit, q: str = "", page: int = 1) -> Response:
    """Search and facets."""
    chosen = _chosen(visit)
    every, known = catalogue.entries(visit.site.registry()), _quality(visit)
    found = catalogue.search(every, q, chosen, known)
    facets = []
    for name in catalogue.FACETS:
        # Counted as if this facet were not chosen, so that its other values can be chosen instead.
        among = catalogue.search(every, q, chosen | {name: ""}, known)
        facets.append(
            (_HEADINGS[name], name, [(v, _word(name, v), n) for v, n in catalogue.counts(among, name, known)])
        )
    start = (max(page, 1) - 1) * _PAGE
    shown = found[start : start + _PAGE]
    return visit.page(
        "catalogue.html", found=shown, total=len(found), page=max(page, 1), size=_PAGE, chosen={"q": q, **chosen}, facets=facets, kinds=catalogue.KINDS,
        domain_title=catalogue.domain_title, known=known, hits={e.name: catalogue.hits(e, q) for e in shown}, quality_words=_QUALITY,
        hints=sorted({e.title for e in every if e.kind == "dataset"})[:8],
    )  # fmt: skip


@route(router, "/catalogue.{form}", "catalogue.read")
def index_file(visit: Visit, form: str, q: str = "") -> Response:
    """The same list as a file (.json, .csv, .xlsx)."""
    known = _quality(visit)
    rows = [
        {n: _word(n, catalogue.facet_of(e, n, known)) for n in catalogue.FACETS} | {"name": e.name, "title": e.title, "fields": len(e.columns), "told": e.told}
        for e in catalogue.search(catalogue.entries(visit.site.registry()), q, _chosen(visit), known)
    ]  # fmt: skip
    return as_download(form, "数据目录", _COLUMNS, rows)


def _entry(visit: Visit, name: str) -> catalogue.Entry:
    found = next((e for e in catalogue.entries(visit.site.registry()) if e.name == name), None)
    return there(found, f"数据集 {name}", "数据目录")


@route(router, "/catalogue/{name}", "catalogue.read")
def entry(visit: Visit, name: str, tab: str = "") -> Response:
    """One dataset or view, a tab at a time."""
    one = _entry(visit, name)
    if tab not in _TABS:
        raise Refused(404, f"没有 '{tab}' 这一栏", f"可以看 {'、'.join(_TABS.values())}")
    relation = "enterprise_record" if name == "enterprise" else name
    made = {
        "": _about,
        "sample": _sample,
        "quality": _refused,
        "fresh": _fresh,
        "lineage": _lineage,
        "usage": _usage,
        "ask": _asked,
    }
    found = made[tab](visit, one, relation) if tab in made else {}
    tabs = {k: w for k, w in _TABS.items() if one.kind == "dataset" or k not in {"quality", "ask"}}
    return visit.page(
        "entry.html", one=one, tab=tab, tabs=tabs, kinds=catalogue.KINDS, domain=catalogue.domain_title(one.domain), relation=relation,
        contract=contracts().get(name), view=catalog().views.get(name), states=STATES, shares=catalogue.SHARES, **found,
    )  # fmt: skip


Found = dict[str, Any]


def _about(visit: Visit, one: catalogue.Entry, relation: str) -> Found:
    rows, more = (None, False) if one.kind == "view" else _count(visit, one, relation)
    found = _fresh(visit, one, relation) | {"rows": rows, "more": more}
    with visit.site.database.owner() as connection:
        waiting = ask_rows(connection, "SELECT count(*) AS n FROM hub.quarantine q JOIN hub.source s USING (source_id) WHERE s.dataset = %s AND q.resolved_at IS NULL", one.name)  # fmt: skip
    return found | {"refused": waiting[0]["n"]}


def _count(visit: Visit, one: catalogue.Entry, relation: str) -> tuple[int | None, bool]:
    """How many rows the reader may see, None where there is no such table yet; and whether there are more than were counted."""
    query = pg.SQL("SELECT count(*) AS n FROM (SELECT FROM {} LIMIT {}) x")
    with visit.site.database.seen_by(visit.user) as connection:
        if not _made(connection, one, relation):
            return None, False
        found = connection.execute(query.format(pg.Identifier(relation), pg.Literal(_COUNTED + 1))).fetchone()
    n = int(found["n"]) if found else 0
    return min(n, _COUNTED), n > _COUNTED


def _made(connection: Any, one: catalogue.Entry, relation: str) -> bool:
    place = f"{'board' if one.kind == 'view' else 'masked'}.{relation}"
    found = connection.execute("SELECT to_regclass(%s) AS made", [place]).fetchone()
    return bool(found and found["made"] is not None)


def _sample(visit: Visit, one: catalogue.Entry, relation: str) -> Found:
    """Some rows as the reader may see them, masked; narrowed by columns named in the address."""
    names = {c.name for c in one.columns}
    wanted = {k: v for k, v in visit.request.query_params.items() if k in names}
    rows: list[dict[str, Any]] = []
    with visit.site.database.seen_by(visit.user) as connection:
        if _made(connection, one, relation):
            where: pg.Composable = pg.SQL("true")
            for k, v in wanted.items():
                where += pg.SQL(" AND {}::text = {}").format(pg.Identifier(k), pg.Literal(v))
            query = pg.SQL("SELECT * FROM {} WHERE {} LIMIT {}").format(pg.Identifier(relation), where, _SAMPLE)
            rows = connection.execute(query).fetchall()
    headings = {c.name: c.title for c in one.columns}
    _name_codes(one.name, rows)
    return {"rows": rows, "columns": [(c, headings.get(c, c)) for c in (rows[0] if rows else ())], "wanted": wanted}


def _name_codes(dataset: str, rows: list[dict[str, Any]]) -> None:
    """Put the meaning of a code beside it."""
    agreed = contracts().get(dataset)
    for f in agreed.fields.values() if agreed else ():
        known = {c.code: c.name for c in code_sets()[f.code_set].codes} if f.code_set in code_sets() else {}
        for row in rows:
            if (name := known.get(row.get(f.name) or "")) and name != row[f.name]:
                row[f.name] = f"{name}（{row[f.name]}）"


def _fresh(visit: Visit, one: catalogue.Entry, relation: str) -> Found:
    """Standing of its sources, and its last deliveries."""
    with visit.site.database.owner() as connection:
        standing = [s for s in sources(connection, visit.site) if s["dataset"] == one.name]
        last = ask_rows(
            connection,
            "SELECT b.extracted_at, s.title, b.extracted, b.passed, b.quarantined, b.new_rows, b.changed_rows, b.status FROM hub.batch b JOIN hub.source s USING (source_id) "
            "WHERE s.dataset = %s AND b.kind <> 'correction' ORDER BY b.batch_id DESC LIMIT 12", one.name,
        )  # fmt: skip
        as_of = ask_rows(connection, "SELECT as_of, published_at, row_count FROM board.published_view WHERE view = %s", one.name) if one.kind == "view" else []  # fmt: skip
    return {"standing": standing, "last": last, "published": as_of[0] if as_of else None}


def _refused(visit: Visit, one: catalogue.Entry, relation: str) -> Found:
    """What its rows were refused for, and the rules its contract has."""
    with visit.site.database.owner() as connection:
        return {"problems": catalogue.problems(connection, one.name)}


def _lineage(visit: Visit, one: catalogue.Entry, relation: str) -> Found:
    """Per column how many fields it comes from and how many it goes into; the views made of it."""
    registry = visit.site.registry()
    lines = [
        (c, catalogue.upstream(one, c.name, registry), catalogue.downstream(one.name, c.name)) for c in one.columns
    ]
    titles = {e.name: e.title for e in catalogue.entries(registry)}
    views = sorted({view for _, _, down in lines for view, _ in down}, key=lambda v: titles.get(v, v))
    return {"lines": lines, "views": [(v, titles.get(v, v)) for v in views]}


def _usage(visit: Visit, one: catalogue.Entry, relation: str) -> Found:
    """How often it was asked in the last 90 days, by how many; shared queries that name it."""
    word = rf"\m{re.escape(relation)}\M"
    with visit.site.database.owner() as connection:
        asked = ask_rows(
            connection,
            "SELECT to_char(date_trunc('month', asked_at), 'YYYY-MM') AS month, count(*) AS queries, count(DISTINCT account_id) AS people, count(*) FILTER (WHERE error IS NOT NULL) AS failed, "
            "max(asked_at) AS last FROM hub.query_history WHERE sql ~* %s AND asked_at > now() - interval '90 days' GROUP BY 1 ORDER BY 1 DESC", word,
        )  # fmt: skip
        granted = ask_rows(connection, "SELECT count(*) FILTER (WHERE approved AND until >= current_date) AS now, count(*) AS ever FROM hub.access_request WHERE dataset = %s", one.name)[0]  # fmt: skip
        shared = [
            s
            for s in saved.listed(connection, visit.user)
            if re.search(rf"\b{re.escape(relation)}\b", s["sql"], re.IGNORECASE)
        ]
    return {"asked": asked, "granted": granted, "shared": shared}


def _asked(visit: Visit, one: catalogue.Entry, relation: str) -> Found:
    """The reader's own requests for it."""
    with visit.site.database.owner() as connection:
        found = ask_rows(connection, "SELECT * FROM hub.access_request WHERE account_id = %s AND dataset = %s ORDER BY request_id DESC", visit.user.account_id, one.name)  # fmt: skip
        today = ask_rows(connection, "SELECT current_date AS day")[0]["day"]
    return {"requests": found, "today": today}


# ------------------------------------------------------------------------------------------------- one column
@route(router, "/catalogue/{name}/lineage.{form}", "catalogue.read")
def lineage_file(visit: Visit, name: str, form: str, column: str = "") -> Response:
    """Every edge of a dataset's columns (or of one column) as a file (.csv, .xlsx, .json)."""
    one = _entry(visit, name)
    return as_download(form, f"{one.title}_血缘", _EDGES, catalogue.edges(one, visit.site.registry(), column))


@route(router, "/catalogue/{name}/columns/{column}", "catalogue.read")
def column(visit: Visit, name: str, column: str) -> Response:
    """Three lanes: sources, the column, what is made of it; how, on each edge."""
    one, registry = _entry(visit, name), visit.site.registry()
    found = next((c for c in one.columns if c.name == column), None)
    found = there(found, f"字段 {column}", "字段表")
    titles = {e.name: e.title for e in catalogue.entries(registry)}
    agreed = contracts().get(name)
    field = {**agreed.fields, **agreed.derived}.get(column) if agreed else None
    down = [(view, out, catalogue.rule_of(view, out)) for view, out in catalogue.downstream(one.name, column)]
    return visit.page(
        "column.html", one=one, column=found, up=catalogue.upstream(one, column, registry), down=down, titles=titles, connectors=registry.connectors,
        own=catalogue.rule_of(name, column) if one.kind == "view" else "", field=field,
    )  # fmt: skip
