"""Standard fields, code lists, spellings of headers; proposals to them."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from portal import audit, standards
from portal.web import Visit, route
from schemas.errors import HubError

router = APIRouter()
TABS = {"fields": "标准字段", "codes": "代码表", "proposals": "建议"}


@route(router, "/standards", "standard.read")
def look_up(visit: Visit, tab: str = "fields", q: str = "") -> Response:
    """One tab of the standards, by any part of a word."""
    return _page(visit, tab if tab in TABS else "fields", q)


def _page(visit: Visit, tab: str, q: str = "", status: int = 200, wrong: str = "") -> Response:
    with visit.site.database.owner() as connection:
        proposals = standards.proposals(connection) if tab == "proposals" else []
    return visit.page(
        "standards.html", status, tab=tab, tabs=TABS, q=q, fields=standards.fields(q) if tab == "fields" else [], codes=standards.codes(q) if tab == "codes" else [],
        proposals=proposals, kinds=standards.KINDS, places=standards.PLACES, wrong=wrong, given={k: v for k, v in visit.form.items() if isinstance(v, str)} or dict(visit.request.query_params),
    )  # fmt: skip


@route(router, "/standards/proposals", "standard.propose", methods=("POST",))
def propose(visit: Visit) -> Response:
    """Say what should be in the standards."""
    try:
        with visit.site.database.owner() as connection:
            standards.propose(
                connection, kind=visit.text("kind"), subject=visit.text("subject"), proposed=visit.text("proposed"), basis=visit.text("basis"),
                by=visit.user.name, department=visit.user.department,
            )  # fmt: skip
            audit.write(
                connection, visit.user.name, "standard", visit.text("subject"), address=visit.address, did="propose"
            )
    except HubError as error:
        return _page(visit, "proposals", status=422, wrong=str(error))
    return visit.go("/standards?tab=proposals", "建议已提交，由数据工程师答复")


@route(router, "/standards/proposals/{number}", "standard.decide", methods=("POST",))
def answer(visit: Visit, number: int) -> Response:
    """Take a proposal up or not."""
    try:
        with visit.site.database.owner() as connection:
            standards.answer(
                connection,
                number,
                accepted=visit.text("verdict") == "yes",
                text=visit.text(f"answer{number}"),
                by=visit.user.name,
            )
            audit.write(
                connection,
                visit.user.name,
                "standard",
                f"建议 {number}",
                address=visit.address,
                did=visit.text("verdict"),
            )
    except HubError as error:
        return _page(visit, "proposals", status=422, wrong=str(error))
    told = "；采纳的要写进标准文件、随下一版发布才生效" if visit.text("verdict") == "yes" else ""
    return visit.go("/standards?tab=proposals", f"建议 {number} 已答复{told}")
