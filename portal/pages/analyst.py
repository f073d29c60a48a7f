"""The analyst's pages: catalogue, dataset, column lineage, requests, connection settings and tokens."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter
from fastapi.responses import Response
from psycopg import sql as pg

from portal import accounts, audit, catalogue, tokens
from portal.figures import rows as ask_rows
from portal.standing import STATES, sources
from portal.web import Refused, Visit, route
from schemas.contract import contracts
from warehouse import access

router = APIRouter()
_SAMPLE = 20


@route(router, "/catalogue", "catalogue.read")
def index(visit: Visit, q: str = "", domain: str = "", owner: str = "", kind: str = "") -> Response:
    """Search and facets."""
    every = catalogue.entries(visit.site.registry())
    found = catalogue.search(every, q, domain=domain, owner=owner, kind=kind)
    chosen = {"q": q, "domain": domain, "owner": owner, "kind": kind}
    facets = [
        ("类型", "kind", [(v, catalogue.KINDS[v], n) for v, n in catalogue.facet(found, "kind")]),
        ("主题", "domain", [(v, catalogue.domain_title(v), n) for v, n in catalogue.facet(found, "domain")]),
        ("提供单位", "owner", [(v, v, n) for v, n in catalogue.facet(found, "owner")]),
    ]
    hints = sorted({e.title for e in every if e.kind == "dataset"})[:8]
    return visit.page(
        "catalogue.html",
        found=found,
        chosen=chosen,
        facets=facets,
        kinds=catalogue.KINDS,
        domain_title=catalogue.domain_title,
        hints=hints,
    )


def _entry(visit: Visit, name: str) -> catalogue.Entry:
    found = next((e for e in catalogue.entries(visit.site.registry()) if e.name == name), None)
    if found is None:
        raise Refused(404, "目录里没有这一项", "请从数据目录里搜索")
    return found


@route(router, "/catalogue/{name}", "catalogue.read")
def entry(visit: Visit, name: str) -> Response:
    """One dataset or view: fields, a masked sample, freshness, quality, what is made of it."""
    one = _entry(visit, name)
    relation = "enterprise_record" if name == "enterprise" else name
    rows: list[dict[str, Any]] = []
    wanted = {k: v for k, v in visit.request.query_params.items() if k in {c.name for c in one.columns}}
    with visit.site.database.seen_by(visit.user) as connection:
        made = connection.execute(
            "SELECT to_regclass(%s) AS made", [f"{'board' if one.kind == 'view' else 'masked'}.{relation}"]
        ).fetchone()
        if made and made["made"] is not None:
            where: pg.Composable = pg.SQL("true")
            for k, v in wanted.items():
                where += pg.SQL(" AND {}::text = {}").format(pg.Identifier(k), pg.Literal(v))
            rows = connection.execute(
                pg.SQL("SELECT * FROM {} WHERE {} LIMIT {}").format(pg.Identifier(relation), where, _SAMPLE)
            ).fetchall()
    with visit.site.database.owner() as connection:
        standing = [s for s in sources(connection, visit.site) if s["dataset"] == name]
        problems = ask_rows(
            connection,
            "SELECT r ->> 'title' AS field, r ->> 'reason' AS reason, count(*) AS rows, count(*) FILTER (WHERE q.resolved_at IS NULL) AS waiting "
            "FROM hub.quarantine q JOIN hub.source s USING (source_id) CROSS JOIN LATERAL jsonb_array_elements(q.reasons) r WHERE s.dataset = %s "
            "GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 10", name,
        )  # fmt: skip
    shown = list(rows[0]) if rows else []
    headings = {c.name: c.title for c in one.columns}
    return visit.page(
        "entry.html", one=one, rows=rows, columns=[(c, headings.get(c, c)) for c in shown], standing=standing, states=STATES, problems=problems,
        kinds=catalogue.KINDS, domain=catalogue.domain_title(one.domain), wanted=wanted, relation=relation, contract=contracts().get(name),
    )  # fmt: skip


@route(router, "/catalogue/{name}/columns/{column}", "catalogue.read")
def column(visit: Visit, name: str, column: str) -> Response:
    """Three lanes: sources, the column, what is made of it."""
    one, registry = _entry(visit, name), visit.site.registry()
    found = next((c for c in one.columns if c.name == column), None)
    if found is None:
        raise Refused(404, f"没有 '{column}' 这个字段", "请从字段表进入")
    titles = {e.name: e.title for e in catalogue.entries(registry)}
    return visit.page(
        "column.html", one=one, column=found, up=catalogue.upstream(one, column, registry), down=catalogue.downstream(one, column), titles=titles,
        connectors=registry.connectors,
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------- requests
_REQUESTS = """
SELECT r.*, a.name, a.person, a.role, a.department, d.person AS decider FROM hub.access_request r JOIN hub.account a USING (account_id)
LEFT JOIN hub.account d ON d.account_id = r.decided_by
"""


@route(router, "/requests", "access.request")
def requests(visit: Visit, dataset: str = "") -> Response:
    """The user's requests, and the form for a new one."""
    with visit.site.database.owner() as connection:
        found = ask_rows(
            connection, f"{_REQUESTS} WHERE r.account_id = %s ORDER BY request_id DESC", visit.user.account_id
        )
    known = {c.dataset: c.title for c in contracts().values() if c.fields}
    return visit.page(
        "requests.html",
        requests=found,
        known=known,
        dataset=dataset,
        today=date.today(),
        soonest=date.today() + timedelta(days=90),
        wrong="",
    )


@route(router, "/requests", "access.request", methods=("POST",))
def ask(visit: Visit) -> Response:
    """Ask for a dataset of another department, or for its unmasked columns."""
    dataset, purpose, until = visit.text("dataset"), visit.text("purpose"), visit.text("until")
    try:
        day = date.fromisoformat(until)
    except ValueError:
        day = date.min
    if dataset not in contracts() or not purpose or not date.today() <= day <= date.today() + timedelta(days=366):
        raise Refused(422, "申请没有填全", "数据集、用途必填，期限在一年以内")
    with visit.site.database.owner() as connection:
        connection.execute(
            "INSERT INTO hub.access_request (account_id, dataset, unmask, purpose, until) VALUES (%s, %s, %s, %s, %s)",
            [visit.user.account_id, dataset, visit.text("unmask") == "1", purpose, day],
        )
        audit.write(
            connection,
            visit.user.name,
            "request",
            dataset,
            address=visit.address,
            purpose=purpose,
            unmask=visit.text("unmask") == "1",
            until=until,
        )
    return visit.go("/requests", "申请已提交，由安全管理员审批")


@route(router, "/admin/requests", "access.decide")
def pending(visit: Visit) -> Response:
    """Requests that wait, then those decided."""
    with visit.site.database.owner() as connection:
        found = ask_rows(connection, f"{_REQUESTS} ORDER BY r.approved IS NOT NULL, request_id DESC LIMIT 200")
        waiting = [a for a in accounts.everybody(connection) if a.approved_at is None and a.disabled_at is None]
    known = {c.dataset: c.title for c in contracts().values()}
    return visit.page("grants.html", requests=found, known=known, accounts=waiting)


@route(router, "/admin/requests/{number}", "access.decide", methods=("POST",))
def decide(visit: Visit, number: int) -> Response:
    """Approve or refuse; the database refuses whoever asked."""
    approved, answer = visit.text("approved") == "1", visit.text("answer")
    if not approved and not answer:
        raise Refused(422, "不批准要写理由", "请写明理由再提交")
    with visit.site.database.owner() as connection:
        done = connection.execute(
            "UPDATE hub.access_request SET approved = %s, answer = %s, decided_by = %s, decided_at = clock_timestamp() WHERE request_id = %s AND approved IS NULL",
            [approved, answer or None, visit.user.account_id, number],
        )
        if not done.rowcount:
            raise Refused(404, "没有这件待审批的申请", "请刷新列表")
        audit.write(
            connection,
            visit.user.name,
            "grant",
            f"申请 {number}",
            address=visit.address,
            approved=approved,
            answer=answer,
        )
    return visit.go("/admin/requests", "已批准" if approved else "已退回")


# ------------------------------------------------------------------------------------------------- connect
@route(router, "/connect", "token.manage")
def connect(visit: Visit) -> Response:
    """Settings to copy for psql, pandas, ODBC and BI tools; personal tokens."""
    return _connect(visit)


def _connect(visit: Visit, token: str = "", password: str = "") -> Response:
    place = urlsplit(visit.site.database.url)
    with visit.site.database.owner() as connection:
        mine = tokens.listed(connection, visit.user)
    return visit.page(
        "connect.html", host=place.hostname, port=place.port or 5432, dbname=place.path.lstrip("/"), tokens=mine, token=token, password=password,
        base=str(visit.request.base_url).rstrip("/"),
    )  # fmt: skip


@route(router, "/connect/tokens", "token.manage", methods=("POST",))
def make_token(visit: Visit) -> Response:
    """A new personal token, shown once."""
    title, days = visit.text("title") or "未命名", visit.text("days", "90")
    if not days.isdigit() or not 1 <= int(days) <= 366:
        raise Refused(422, "有效期须在 1 至 366 天", "请改后重试")
    with visit.site.database.owner() as connection:
        token = tokens.make(connection, visit.user, title, int(days))
        audit.write(connection, visit.user.name, "token", title, address=visit.address, did="make", days=int(days))
    return _connect(visit, token=token)


@route(router, "/connect/tokens/{number}/revoke", "token.manage", methods=("POST",))
def revoke_token(visit: Visit, number: int) -> Response:
    """End a token."""
    with visit.site.database.owner() as connection:
        if not tokens.revoke(connection, visit.user, number):
            raise Refused(404, "没有这个令牌", "请刷新页面")
        audit.write(connection, visit.user.name, "token", str(number), address=visit.address, did="revoke")
    return visit.go("/connect", "令牌已作废")


@route(router, "/connect/password", "token.manage", methods=("POST",))
def database_password(visit: Visit) -> Response:
    """A new password of the user's own database role, shown once; the old one ends."""
    with visit.site.database.owner() as connection:
        connection.execute(
            "UPDATE hub.account SET db_generation = db_generation + 1 WHERE account_id = %s", [visit.user.account_id]
        )
        account = accounts.by_id(connection, visit.user.account_id)
        assert account is not None
        assert account.db_role is not None
        password = visit.site.database.password(account)
        access.grant_login(connection, account.db_role, password)
        audit.write(connection, visit.user.name, "connect", address=visit.address)
    return _connect(visit, password=password)
