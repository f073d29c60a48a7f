"""The drift inbox: what sources no longer deliver as agreed, and deciding about it."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter
from fastapi.responses import Response

from portal.roles import can
from portal.web import Refused, Visit, route
from schemas.contract import contract
from schemas.errors import ConfigError, HubError
from schemas.reference import code_sets, departments
from warehouse import inbox
from warehouse.inbox import Decided, Item

router = APIRouter()
VERBS = {"accept": "接受", "map": "对应", "reject": "拒收"}


@route(router, "/drift", "source.drift")
def drifts(visit: Visit, closed: int = 0) -> Response:
    """Changes of the user's sources, newest first; sources that did not report are looked for on the way."""
    known = visit.site.registry()
    with visit.site.database.control() as connection:
        inbox.missing(connection, known)
        found = inbox.items(connection, tuple(inbox.STATES) if closed else ("open",))
    found = [i for i in found if visit.user.department in {None, department(i)}]
    return visit.page("drifts.html", items=found, kinds=inbox.KINDS, states=inbox.STATES, closed=bool(closed))


def department(found: Item) -> str:
    """Whose source changed."""
    return found.connector.partition("/")[0]


def _one(visit: Visit, number: int) -> Item:
    with visit.site.database.control() as connection:
        row = connection.execute("SELECT 1 FROM hub.drift WHERE drift_id = %s", [number]).fetchone()
        found = inbox.item(connection, number) if row else None
    visit.require("source.drift", found and {"department": department(found)})
    assert found is not None
    return found


@route(router, "/drift/{number}", "source.drift")
def drift(visit: Visit, number: int) -> Response:
    """One change: columns before and now beside each other, and what can be done."""
    return _page(visit, _one(visit, number))


def _page(visit: Visit, found: Item, status: int = 200, wrong: str = "") -> Response:
    agreed = contract(found.dataset)
    known = visit.site.registry().connectors.get(found.connector)
    with visit.site.database.control() as connection:
        difference = inbox.difference(connection, visit.site.home, found)
    codes: list[tuple[str, str]] = []
    if found.kind == "code_added":
        f = agreed.fields.get(str(found.detail.get("field")))
        if f and f.code_set:
            codes = [(c.code, c.name) for c in code_sets()[f.code_set].codes]
        else:
            codes = [(d.dept_code, d.name) for d in departments().values()]
    free = [f for f in agreed.fields.values() if known and f.name not in known.fields and f.name not in known.constants]
    return visit.page(
        "drift.html", status, one=found, agreed=agreed, difference=difference, kinds=inbox.KINDS, states=inbox.STATES, wrong=wrong, free=free, codes=codes,
        likely=list(found.detail.get("may_be", ())), columns=[d["column"] for d in difference if d["mark"] == "new"], known=known is not None,
        given={k: v for k, v in visit.form.items() if isinstance(v, str)},
        mappable=found.kind in {"column_added", "column_gone", "column_renamed", "code_added"} and (found.state == "open" or (found.kind == "column_added" and found.state == "accepted")),
    )  # fmt: skip


@route(router, "/drift/{number}/{verb}", "source.drift", methods=("POST",))
def decide(visit: Visit, number: int, verb: str) -> Response:
    """Accept the change, say what it means, or refuse the delivery."""
    found = _one(visit, number)
    if verb not in VERBS:
        raise Refused(404, "没有这个操作", "可以接受、对应、拒收")
    if found.kind == "judged" and verb == "accept" and not can(visit.user, "source.release"):
        raise Refused(403, "整批规则扣住的由数据工程师放行", "属实的请书面确认后告诉数据工程师；不对的请拒收后重报")
    try:
        done = _done(visit, found, verb)
    except HubError as error:
        return _page(visit, found, 422, str(error))
    visit.note("drift", f"变化 {number}", connector=found.connector, verdict=verb, reason=visit.text("reason"))
    visit.site.reload()
    told = f"变化 {number} 已{VERBS[verb]}"
    if done.replay and visit.site.replay is not None:
        visit.site.replay(found.connector, done.replay)
        told += f"，正在重新读取 {len(done.replay)} 批已收下的数据"
    return visit.go("/drift", told)


def _done(visit: Visit, found: Item, verb: str) -> Decided:
    reason, by, text = visit.text("reason"), visit.user.name, visit.text("from")
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        raise ConfigError("从哪天的数据起", f"'{text}' 不是日期", "例如 2026-03-01") from None
    with visit.site.database.control() as connection:
        if verb == "reject":
            return inbox.reject(connection, found.drift_id, by=by, reason=reason)
        home, known = visit.site.home, visit.site.registry().get(found.connector)
        if verb == "accept":
            return inbox.accept(
                connection, home, found.drift_id, by=by, connector=known, effective_on=day, reason=reason
            )
        return inbox.map_(
            connection, home, found.drift_id, by=by, connector=known, field=visit.text("field") or None, column=visit.text("column") or None,
            code=visit.text("code") or None, effective_on=day, reason=reason,
        )  # fmt: skip
