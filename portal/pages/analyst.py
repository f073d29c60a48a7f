"""Requests for access and their approval; connection settings and personal tokens."""

from __future__ import annotations

from datetime import date, timedelta
from urllib.parse import urlsplit

from fastapi import APIRouter
from fastapi.responses import Response

from portal import accounts, audit, tokens
from portal import requests as asked
from portal.figures import rows as ask_rows
from portal.web import Missing, Refused, Visit, route
from schemas.contract import contracts
from warehouse import access

router = APIRouter()
_SAMPLE = 20


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
        closed={c.dataset for c in contracts().values() if c.sharing == "none"},
        dataset=dataset,
        today=date.today(),
        soonest=date.today() + timedelta(days=90),
        wrong="",
    )


@route(router, "/requests", "access.request", methods=("POST",))
def ask(visit: Visit) -> Response:
    """Ask for a dataset of another department, or for its unmasked columns."""
    try:
        day = date.fromisoformat(visit.text("until"))
    except ValueError:
        day = date.min
    asked.ask(visit, visit.text("dataset"), visit.text("purpose"), day, visit.text("unmask") == "1")
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
        asked = ask_rows(connection, "SELECT dataset FROM hub.access_request WHERE request_id = %s", number)
        agreed = contracts().get(asked[0]["dataset"]) if asked else None
        if approved and agreed is not None and agreed.sharing == "none":
            raise Refused(
                409, f"{agreed.title}不予共享，不能批准", f"依据：{agreed.sharing_basis or '契约'}；请退回并写明理由"
            )
        done = connection.execute(
            "UPDATE hub.access_request SET approved = %s, answer = %s, decided_by = %s, decided_at = clock_timestamp() WHERE request_id = %s AND approved IS NULL",
            [approved, answer or None, visit.user.account_id, number],
        )
        if not done.rowcount:
            raise Missing(f"待审批的申请 {number}", "授权审批")
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
        base=visit.base,
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
            raise Missing(f"令牌 {number}", "连接与令牌")
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
