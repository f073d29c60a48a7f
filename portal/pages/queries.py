"""The SQL workbench: one query as the reader's own database role, kept in its address, stopped, saved, taken away."""

from __future__ import annotations

import secrets
from datetime import date, datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from portal import saved, workbench
from portal.downloads import as_download, offered
from portal.figures import rows as ask_rows
from portal.render import numeric
from portal.web import Missing, Refused, Visit, route
from schemas.errors import ConfigError, HubError
from schemas.identifiers import COUNTY_TIME
from warehouse import access
from warehouse.question import QueryError, names

router = APIRouter()
_EXAMPLE = "SELECT indicator, lead_department, score, city_avg\nFROM indicator_overview\nORDER BY score"
# What the reader may complete: relations and columns their role may read, with their Chinese titles.
_SCHEMA = """
SELECT c.relname AS name, coalesce(obj_description(c.oid), '') AS title,
  array_agg(a.attname::text ORDER BY a.attnum) AS columns, array_agg(coalesce(col_description(c.oid, a.attnum), '') ORDER BY a.attnum) AS titles
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace::regnamespace::text IN ('board', 'masked') AND c.relkind IN ('r', 'v') AND has_table_privilege(c.oid, 'SELECT')
GROUP BY c.oid, c.relname ORDER BY c.relname
"""


def _values(visit: Visit) -> dict[str, str]:
    return {k[2:]: v for k, v in visit.request.query_params.items() if k.startswith("p.")}


def _today() -> date:
    """The day of the county's clock, wherever the server stands."""
    return datetime.now(COUNTY_TIME).date()


def _day(text: str) -> date | None:
    """The as-of day an address gives; None for now.

    Raises:
        ConfigError: it is no day, or one to come.
    """
    if not text.strip():
        return None
    try:
        day = date.fromisoformat(text.strip())
    except ValueError as error:
        raise ConfigError("截至", f"'{text}' 不是日期", "例如 2026-03-31") from error
    if day > _today():
        raise ConfigError("截至", f"{day} 还没有到", "请写今天或以前的日子，不写就是现在")
    return day


def _completion(tables: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        t["name"]: {
            "self": {"label": t["name"], "detail": _first(t["title"]), "type": "type"},
            "children": [
                {"label": c, "detail": _first(w), "type": "property"}
                for c, w in zip(t["columns"], t["titles"], strict=True)
            ],
        }
        for t in tables
    }


def _first(text: str) -> str:
    """The title out of a comment: what stands before the first sign that goes on."""
    for sign in "\n；。：":
        text = text.split(sign, maxsplit=1)[0]
    return text[:24]


@route(router, "/sql", "query.run")
def sql(visit: Visit, q: str = "", run: str = "", as_of: str = "", explain: str = "") -> Response:
    """The workbench; the address holds the query, and runs it when it has `run`."""
    answer, wrong, values, line = None, "", _values(visit), 0
    open_ = [name for name in names(q) if name not in values] if run else []
    if q.strip() and run and not open_:
        try:
            text = q if not explain or q.lstrip().lower().startswith("explain") else f"EXPLAIN {q}"
            answer = workbench.ask(visit, text, values, run=run, as_of=_day(as_of))
        except HubError as error:
            wrong, line = str(error), error.line if isinstance(error, QueryError) else 0
    with visit.site.database.seen_by(visit.user) as connection:
        known = ask_rows(connection, _SCHEMA)
    with visit.site.database.owner() as connection:
        kept = saved.listed(connection, visit.user)
    link = [(k, v) for k, v in visit.request.query_params.multi_items() if k in {"q", "as_of"} or k.startswith("p.")]
    return visit.page(
        "sql.html", 200 if not wrong else 422, q=q or _EXAMPLE, answer=answer, wrong=wrong, line=line, needed=names(q) if q else [], open=open_, values=values, link=link,
        schema=_completion(known), tables=known, run=secrets.token_hex(6), history=workbench.history(visit.site, visit.user), saved=kept,
        as_of=as_of, explain=explain, seconds=access.SECONDS, shown=workbench.SHOWN, exported=workbench.EXPORTED, numbers=_numeric(answer),
    )  # fmt: skip


def _numeric(answer: workbench.Answer | None) -> set[str]:
    if answer is None:
        return set()
    return {c for c in answer.columns if any(numeric(r[c]) for r in answer.rows[:50])}


@route(router, "/sql/cancel", "query.run", methods=("POST",))
def cancel(visit: Visit) -> Response:
    """Stop the user's own running query."""
    return JSONResponse({"stopped": workbench.stop(visit.site, visit.user, visit.text("run"))})


@route(router, "/sql/saved", "query.run", methods=("POST",))
def save(visit: Visit) -> Response:
    """Keep a query under a title, for oneself or for all who may query."""
    title, text = visit.text("title"), visit.text("q")
    if not title or not text or len(title) > 60:
        raise Refused(422, "没有填标题，或没有查询语句", "标题在 60 字以内，例如：各镇超期工单")
    values = {k[2:]: str(v) for k, v in visit.form.multi_items() if k.startswith("p.") and k[2:] in names(text)}
    with visit.site.database.owner() as connection:
        saved.save(connection, visit.user, title, text, values, visit.text("shared") == "1")
    return visit.go("/sql/saved", f"已保存“{title}”")


@route(router, "/sql/saved", "query.run")
def kept(visit: Visit) -> Response:
    """Saved queries: one's own and those shared; and one's history."""
    with visit.site.database.owner() as connection:
        found = saved.listed(connection, visit.user)
    return visit.page("saved.html", saved=found, history=workbench.history(visit.site, visit.user, 100))


@route(router, "/sql/saved/{number}/drop", "query.run", methods=("POST",))
def drop(visit: Visit, number: int) -> Response:
    """Forget one of one's own."""
    with visit.site.database.owner() as connection:
        if not saved.drop(connection, visit.user, number):
            raise Missing(f"存下的查询 {number}", "查询的列表")
    return visit.go("/sql/saved", "已删除")


@route(router, "/sql/export.{kind}", "query.export")
def export(visit: Visit, kind: str, q: str = "", as_of: str = "") -> Response:
    """The whole answer as a file; more rows than a file takes are refused, not cut in silence."""
    day = _day(as_of)
    answer = workbench.ask(visit, q, _values(visit), limit=workbench.EXPORTED, export=offered(kind), as_of=day)
    if answer.cut:
        raise Refused(
            422, f"超过 {workbench.EXPORTED:,} 行，不能一次导出", "请缩小范围，或用 /connect 页的方法直接连库"
        )
    name = f"查询结果_{day or _today()}"
    return as_download(kind, name, [(c, c) for c in answer.columns], answer.rows, answer.described)
