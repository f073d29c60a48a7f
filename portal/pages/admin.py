"""The three administrators' pages: accounts (system), approvals (security), audit (auditor)."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse

from portal import accounts, audit
from portal.roles import ADMINS, ROLES
from portal.web import Refused, Visit, route
from schemas.reference import departments

router = APIRouter()
_PAGE = 100


@route(router, "/admin/users", "user.read")
def users(visit: Visit) -> Response:
    """All accounts."""
    with visit.site.database.owner() as connection:
        found = accounts.everybody(connection)
    return visit.page(
        "users.html", accounts=found, roles=ROLES, departments=departments(), admins=sorted(ADMINS), made=None
    )


@route(router, "/admin/users", "user.manage", methods=("POST",))
def add(visit: Visit) -> Response:
    """Make an account that waits for the security administrator; its first password is shown once."""
    name = visit.text("name")
    with visit.site.database.owner() as connection:
        word = accounts.add(
            connection, name=name, person=visit.text("person") or name, role=visit.text("role"),
            department=visit.text("department") or None, by=visit.user.name,
        )  # fmt: skip
        audit.write(
            connection, visit.user.name, "user", name, address=visit.address, did="add", role=visit.text("role")
        )
        found = accounts.everybody(connection)
    made = {"name": name, "password": word}
    return visit.page(
        "users.html", accounts=found, roles=ROLES, departments=departments(), admins=sorted(ADMINS), made=made
    )


_VERBS = {"disable": "停用", "enable": "恢复", "totp": "清除动态口令", "passwd": "重置口令"}


@route(router, "/admin/users/{name}/do/{verb}", "user.manage", methods=("POST",))
def change(visit: Visit, name: str, verb: str) -> Response:
    """Disable, enable, give a new password or forget the one-time codes of an account."""
    if verb not in _VERBS:
        raise Refused(404, "没有这个操作", "请从账号页操作")
    made = None
    with visit.site.database.owner() as connection:
        if verb == "passwd":
            made = {"name": name, "password": accounts.set_password(connection, name)}
        else:
            {"disable": accounts.disable, "enable": accounts.enable, "totp": accounts.forget_totp}[verb](
                connection, name
            )
        audit.write(connection, visit.user.name, "user", name, address=visit.address, did=verb)
        found = accounts.everybody(connection)
    if made is None:
        return visit.go("/admin/users", f"{name} 已{_VERBS[verb]}")
    return visit.page(
        "users.html", accounts=found, roles=ROLES, departments=departments(), admins=sorted(ADMINS), made=made
    )


@route(router, "/admin/users/{name}/approve", "user.approve", methods=("POST",))
def approve(visit: Visit, name: str) -> Response:
    """Let a new account in."""
    with visit.site.database.owner() as connection:
        accounts.approve(connection, name, by=visit.user.name)
        audit.write(connection, visit.user.name, "approve", name, address=visit.address)
    return visit.go("/admin/users", f"已批准 {name}")


@route(router, "/admin/audit", "audit.read")
def trail(visit: Visit, q: str = "", action: str = "", before: int = 2**62) -> Response:
    """The audit, newest first, with whether the chain holds."""
    with visit.site.database.owner() as connection:
        rows = connection.execute(
            "SELECT audit_id, at, actor, action, entry::jsonb AS entry FROM hub.audit WHERE audit_id < %(before)s "
            "AND (%(action)s = '' OR action = %(action)s) AND (%(q)s = '' OR position(%(q)s IN entry) > 0) ORDER BY audit_id DESC LIMIT %(page)s",
            {"before": before, "action": action, "q": q, "page": _PAGE + 1},
        ).fetchall()
        count, last, broken = audit.verify(audit.stored(connection), audit.sealed(visit.site.home.path / audit.SEALS))
    more = rows[_PAGE - 1]["audit_id"] if len(rows) > _PAGE else None
    return visit.page(
        "audit.html",
        rows=rows[:_PAGE],
        more=more,
        q=q,
        action=action,
        actions=audit.ACTIONS,
        words=audit.DETAIL,
        values=audit.VALUES | ROLES,
        count=count,
        last=last.hex(),
        broken=broken,
    )


@route(router, "/admin/audit.txt", "audit.read")
def export(visit: Visit) -> Response:
    """The whole audit as a file that `hub audit verify` checks without the database."""
    with visit.site.database.owner() as connection:
        body = "".join(audit.lines(audit.stored(connection)))
    visit.note("export", "audit")
    return StreamingResponse(
        iter([body]),
        media_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="audit.txt"'},
    )
