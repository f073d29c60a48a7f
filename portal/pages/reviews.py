"""What waits for a second person: registered sources and changes of them, with what they would do and what they change."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from portal import registering
from portal.differences import changes, contract_changes
from portal.pages import publications
from portal.registering import STEP_TITLES
from portal.roles import can
from portal.web import Refused, Visit, route
from schemas.errors import HubError
from views import publication
from warehouse import registry
from warehouse.registry import Registration

router = APIRouter()


@route(router, "/reviews", "review.read")
def reviews(visit: Visit) -> Response:
    """Registrations and publications to approve, the oldest first; those decided lately."""
    asked: list[dict[str, Any]] = []
    found: list[Registration] = []
    decided: list[Registration] = []
    with visit.site.database.control() as connection:
        if can(visit.user, "source.review"):
            found = registry.registrations(connection, ("submitted",))
            decided = registry.registrations(connection, ("approved", "rejected"))[:20]
        if visit.user.department is None:  # a publication holds every department's rows
            asked = publication.listed(connection)
    return visit.page(
        "reviews.html", pending=found[::-1], decided=decided, states=registry.STATES, given=publications.STATES,
        asked=[p for p in reversed(asked) if p["state"] == "proposed"], given_out=[p for p in asked if p["state"] != "proposed"][:20],
    )  # fmt: skip


def _one(visit: Visit, number: int) -> Registration:
    with visit.site.database.control() as connection:
        row = connection.execute("SELECT 1 FROM hub.registration WHERE registration_id = %s AND state <> 'draft'", [number]).fetchone()  # fmt: skip
        found = registry.registration(connection, number) if row else None
    visit.require("source.review", found and {"department": registering.department(found)})
    assert found is not None
    return found


@route(router, "/reviews/{number}", "source.review")
def review(visit: Visit, number: int) -> Response:
    """One registration: what it changes, what it would do, what its test said."""
    return _review(visit, _one(visit, number))


def _review(visit: Visit, found: Registration, status: int = 200, wrong: str = "") -> Response:
    with visit.site.database.control() as connection:
        versions = registry.versions(connection, found.connector)
    # A version this registration made is not what it is compared with.
    versions = [v for v in versions if found.decided_at is None or v.made_at < found.decided_at]
    live = visit.site.registry().connectors.get(found.connector)
    was = versions[-1].document if versions else live.document if live and found.state != "approved" else None
    try:
        agreed = registering.agreed_of(found)
    except HubError:
        agreed = None
    before = next((v.contract for v in reversed(versions) if v.contract), None)
    return visit.page(
        "review.html", status, one=found, agreed=agreed, first=was is None, changes=changes(was, found.document, agreed),
        fields=contract_changes(before, found.contract) if found.contract else [], impact=found.seen.get("impact") or {}, titles=STEP_TITLES, wrong=wrong,
        states=registry.STATES, own=visit.user.name.casefold() in {found.created_by.casefold(), (found.submitted_by or "").casefold()},
    )  # fmt: skip


def _other(visit: Visit, found: Registration) -> None:
    if visit.user.name.casefold() in {found.created_by.casefold(), (found.submitted_by or "").casefold()}:
        raise Refused(403, "自己登记、提交的不能自己审批", "请另一位数据工程师审批")


@route(router, "/reviews/{number}/approve", "source.review", methods=("POST",))
def approve(visit: Visit, number: int) -> Response:
    """Let it in; it is live at once."""
    found = _one(visit, number)
    _other(visit, found)
    try:
        with visit.site.database.control() as connection:
            version = registry.approve(connection, number, by=visit.user.name, reason=visit.text("reason"))
            registry.write_contracts(visit.site.home, connection)
    except HubError as error:
        return _review(visit, found, 422, str(error))
    visit.note("review", found.connector, registration=number, verdict="approved", version=version.version)
    visit.site.reload()
    told = f"{found.document['title']} 第 {version.version} 版已生效"
    if visit.text("collect") and visit.site.collect is not None:
        visit.site.collect([found.connector])
        told += "，正在采集第一批；结果在运行记录里"
    return visit.go(f"/reviews/{number}", told)


@route(router, "/reviews/{number}/reject", "source.review", methods=("POST",))
def reject(visit: Visit, number: int) -> Response:
    """Send it back with a reason."""
    found = _one(visit, number)
    _other(visit, found)
    if not visit.text("reason"):
        return _review(visit, found, 422, "退回要写明原因，登记人照着改。")
    with visit.site.database.control() as connection:
        registry.reject(connection, number, by=visit.user.name, reason=visit.text("reason"))
    visit.note("review", found.connector, registration=number, verdict="rejected", reason=visit.text("reason"))
    return visit.go("/reviews", f"登记 {number} 已退回给 {found.created_by}")
