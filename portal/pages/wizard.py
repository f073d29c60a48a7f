"""Registering a source in seven steps; each step is kept, so that a draft is never lost. Here the frame: the first step and the last.

1 type · 2 source, 3 preview (wizard_source) · 4 mapping, 5 schedule, 6 sharing (wizard_dataset) · 7 submit
"""

from __future__ import annotations

from typing import Any

import yaml
from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from portal import kinds, mapping, registering
from portal.registering import STEPS
from portal.web import Refused, Visit, route
from schemas.contract import SHARING
from schemas.errors import HubError
from warehouse import registry, wizard
from warehouse.registry import Registration

router = APIRouter()
_ORDER = list(STEPS)


def draft(visit: Visit, number: int, *, change: bool = False) -> Registration:
    """The draft, if the user may see it; with `change`, only whoever began it, while it is open."""
    with visit.site.database.control() as connection:
        row = connection.execute("SELECT connector FROM hub.registration WHERE registration_id = %s", [number]).fetchone()  # fmt: skip
        found = registry.registration(connection, number) if row else None
    visit.require("source.register", found and {"department": registering.department(found)})
    assert found is not None
    if change and not registering.editable(found, visit.user):
        raise Refused(409, f"登记 {number} 是{found.created_by}的，现在是{registry.STATES[found.state]}，你不能改", "请由登记人修改，或另起一份")  # fmt: skip
    return found


def step_page(visit: Visit, found: Registration, step: str, status: int = 200, /, **values: Any) -> Response:
    """The page of one step of a draft."""
    common = {
        "one": found, "step": step, "steps": STEPS, "done": _ORDER.index(str(found.seen.get("step", "source"))), "wrong": "", "note": "",
        "editable": registering.editable(found, visit.user), "states": registry.STATES, "kind": kinds.kind_of(str(found.document["source"].get("driver"))),
    }  # fmt: skip
    return visit.page(f"wizard_{step}.html", status, **(common | values))


def place(found: Registration, step: str) -> str:
    """The address of one step of a draft."""
    return f"/connectors/new/{found.registration_id}/{step}"


def furthest(found: Registration, step: str) -> str:
    """The furthest step this draft may be opened at."""
    before = str(found.seen.get("step", "source"))
    return step if _ORDER.index(step) > _ORDER.index(before) else before


def reckon(visit: Visit, found: Registration) -> None:
    """Keep what the connector would do to the warehouse, or why that cannot be said."""
    try:
        told = wizard.impact(visit.site.home, found)
        impact: dict[str, Any] = told.told() if told else {"none": True}
    except HubError as error:
        impact = {"wrong": str(error)}
    with visit.site.database.control() as connection:
        registering.keep(connection, found, found.document, contract=found.contract, seen={"impact": impact})


def texts(visit: Visit) -> dict[str, str]:
    """The fields of the form that are texts."""
    return {key: value for key, value in visit.form.items() if isinstance(value, str)}


# ------------------------------------------------------------------------------------------------ 1 type
@route(router, "/connectors/new", "source.register")
def begin(visit: Visit) -> Response:
    """Which kind of source; and the drafts that are open."""
    return _begin(visit)


def _begin(visit: Visit, status: int = 200, wrong: str = "") -> Response:
    with visit.site.database.control() as connection:
        mine = [
            r for r in registry.registrations(connection)
            if r.created_by == visit.user.name or (visit.user.department and registering.department(r) == visit.user.department)
        ]  # fmt: skip
    return visit.page(
        "wizard_type.html", status, kinds=kinds.kinds(engineer=visit.user.role == "engineer"), drafts=mine, states=registry.STATES, wrong=wrong,
        steps=STEPS, step="type", done=0, one=None, owners=mapping.owners(), given=texts(visit), editable=True,
    )  # fmt: skip


@route(router, "/connectors/new", "source.register", methods=("POST",))
def make(visit: Visit) -> Response:
    """Begin a draft."""
    driver, title, name = visit.text("driver"), visit.text("title"), visit.text("name")
    dept = visit.user.department or visit.text("department")
    if driver not in {k.driver for k in kinds.kinds(engineer=visit.user.role == "engineer")}:
        return _begin(visit, 422, "请选择来源的类型。")
    if not title:
        return _begin(visit, 422, "请给来源起个名字，例如“停水通知台账”。")
    try:
        with visit.site.database.control() as connection:
            made = registering.new(connection, visit.site, visit.user, dept=dept, title=title, name=name, driver=driver)
    except HubError as error:
        return _begin(visit, 422, str(error))
    visit.note("register", made.connector, registration=made.registration_id, did="begin")
    return visit.go(place(made, "source"))


@route(router, "/connectors/{dept}/{name}/change", "source.register", methods=("POST",))
def change(visit: Visit, dept: str, name: str) -> Response:
    """Begin a draft that changes a live connector."""
    known = visit.site.registry().connectors.get(f"{dept}/{name}")
    visit.require("source.register", known and {"department": known.dept})
    with visit.site.database.control() as connection:
        made = registering.change(connection, visit.site, visit.user, f"{dept}/{name}")
    visit.note("register", made.connector, registration=made.registration_id, did="change")
    return visit.go(place(made, "mapping" if made.seen.get("steps") else "source"))


# ------------------------------------------------------------------------------------------------ 7 submit
@route(router, "/connectors/new/{number}/submit", "source.register")
def last(visit: Visit, number: int) -> Response:
    """All of it once more, with its impact."""
    return _last(visit, draft(visit, number))


def _last(visit: Visit, found: Registration, status: int = 200, wrong: str = "") -> Response:
    agreed = registering.agreed_of(found)
    return step_page(
        visit, found, "submit", status, agreed=agreed, problems=registering.problems(found) if found.state in registering.OPEN else [], impact=found.seen.get("impact") or {},
        text=yaml.safe_dump(found.document, allow_unicode=True, sort_keys=False), wrong=wrong, sharing=SHARING,
    )  # fmt: skip


@route(router, "/connectors/new/{number}/impact", "source.register", methods=("POST",))
def estimate(visit: Visit, number: int) -> Response:
    """Reckon the impact anew."""
    found = draft(visit, number, change=True)
    reckon(visit, found)
    return visit.go(place(found, "submit"))


@route(router, "/connectors/new/{number}/submit", "source.register", methods=("POST",))
def submit(visit: Visit, number: int) -> Response:
    """Ask another person for approval."""
    found = draft(visit, number, change=True)
    if told := registering.problems(found):
        return _last(visit, found, 422, f"还不能提交：{'；'.join(told)}")
    with visit.site.database.control() as connection:
        registering.keep(connection, found, found.document, contract=found.contract, seen={"impact": found.seen.get("impact"), "note": visit.text("note")})  # fmt: skip
        registry.submit(connection, number, by=visit.user.name)
    visit.note("register", found.connector, registration=number, did="submit")
    return visit.go(place(found, "submit"), "已提交，等另一个人审批；批准后当即生效")


@route(router, "/connectors/new/{number}/withdraw", "source.register", methods=("POST",))
def withdraw(visit: Visit, number: int) -> RedirectResponse:
    """Give it up, or take it back from approval."""
    found = draft(visit, number)
    if found.created_by != visit.user.name:
        raise Refused(409, f"登记 {number} 是{found.created_by}的", "请由登记人撤回")
    with visit.site.database.control() as connection:
        registry.withdraw(connection, number, by=visit.user.name)
    registering.forget_sample(visit.site, found)
    visit.note("register", found.connector, registration=number, did="withdraw")
    return visit.go("/connectors/new", f"登记 {number} 已撤回")
