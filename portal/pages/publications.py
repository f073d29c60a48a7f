"""Figures given out: one person asks for a view's rows to be fixed as of a day, another approves them or sends them back."""

from __future__ import annotations

from typing import Any

import psycopg
from fastapi import APIRouter
from fastapi.responses import Response

from portal import figures
from portal.accounts import Account
from portal.downloads import as_download, offered
from portal.web import Missing, Refused, Visit, route, there
from schemas.errors import HubError
from views import publication

router = APIRouter()
STATES = {"proposed": ("待批准", "soon"), "approved": ("已批准", "good"), "rejected": ("已退回", "bad")}
_PAGE = 50


def own(user: Account, found: dict[str, Any]) -> bool:
    """Whether this user asked for it, here by account or at the console by name."""
    return found["proposed_by"].casefold() in {user.name.casefold(), user.person.casefold()}


def _whole_county(visit: Visit) -> None:
    """A publication holds every department's rows."""
    if visit.user.department is not None:
        raise Missing("这项发布", "审批")


def _known(connection: psycopg.Connection[Any], number: int) -> dict[str, Any]:
    try:
        return publication.get(connection, number)
    except HubError:
        raise Missing(f"发布 {number}", "审批") from None


@route(router, "/boards/rows/{name}/publish", "publication.propose", methods=("POST",))
def propose(visit: Visit, name: str) -> Response:
    """Fix the rows of a view as of the board's day for another person to approve."""
    _whole_county(visit)
    with visit.site.database.owner() as connection:
        published = figures.published(connection).get(name)
    published = there(published, f"核算过的视图 {name}", "看板")
    try:
        with visit.site.database.alone() as connection:
            number = publication.propose(
                connection, name, published["as_of"], by=visit.user.name, note=visit.text("note"), catalog=figures.catalog()
            )  # fmt: skip
    except HubError as error:
        raise Refused(422, error.what, error.cure) from error
    visit.note("publication", name, did="propose", number=number)
    return visit.go(f"/boards/rows/{name}", f"发布 {number} 已提出，等领导或数据工程师批准")


@route(router, "/reviews/publications/{number}.{kind}", "review.read")
def file(visit: Visit, number: int, kind: str) -> Response:
    """The rows of an approved publication as a file (.csv, .xlsx, .json, .parquet)."""
    _whole_county(visit)
    offered(kind)
    with visit.site.database.alone() as connection:
        found = _known(connection, number)
        if found["state"] != "approved":
            raise Refused(409, f"发布 {number} 还没有批准" if found["state"] == "proposed" else f"发布 {number} 被退回了", "批准以后才能下载")  # fmt: skip
        rows = [row for _, row in publication.rows(connection, number)]
    visit.note("export", found["view"], rows=len(rows), kind=kind, number=number)
    columns = [(c["name"], c["title"]) for c in found["columns"]]
    return as_download(kind, f"{found['title']}_{found['as_of']}_发布{number}", columns, rows)


@route(router, "/reviews/publications/{number}", "review.read")
def one(visit: Visit, number: int, page: int = 1) -> Response:
    """One publication: what it is, who asked, its rows."""
    return _page(visit, number, page=page)


def _page(visit: Visit, number: int, status: int = 200, wrong: str = "", page: int = 1) -> Response:
    _whole_county(visit)
    page = max(page, 1)
    with visit.site.database.alone() as connection:
        found = _known(connection, number)
        rows = [row for _, row in publication.rows(connection, number, _PAGE, (page - 1) * _PAGE)]
    columns = [(c["name"], c["title"]) for c in found["columns"]]
    return visit.page(
        "publication.html", status, one=found, columns=columns, rows=rows, states=STATES, own=own(visit.user, found), wrong=wrong,
        page=page, size=_PAGE,
    )  # fmt: skip


@route(router, "/reviews/publications/{number}/decide", "publication.decide", methods=("POST",))
def decide(visit: Visit, number: int) -> Response:
    """Approve it, computed once more, or send it back with a reason; never by whoever asked."""
    _whole_county(visit)
    approve, reason = visit.text("verdict") == "approved", visit.text("reason")
    try:
        with visit.site.database.alone() as connection:
            found = publication.get(connection, number)
            if own(visit.user, found):
                raise HubError(f"发布 {number}", "是你自己提出的", "请由另一个人批准")
            if not approve and not reason:
                raise HubError(f"发布 {number}", "退回没有写理由", "请写明哪里不对")
            publication.decide(connection, number, by=visit.user.name, approve=approve, reason=reason)
    except HubError as error:
        return _page(visit, number, 422, str(error))
    verdict = "approved" if approve else "rejected"
    visit.note("publication", found["view"], number=number, verdict=verdict, reason=reason)
    return visit.go("/reviews", f"发布 {number} {STATES[verdict][0]}")
