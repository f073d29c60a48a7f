"""One source: how it stands, its deliveries, mapping, quality, secrets and versions; pausing and retiring it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from connectors.spec import Connector
from portal import credentials, mapping
from portal.differences import changes
from portal.registering import STEP_TITLES
from portal.standing import STATES, deliveries, sources
from portal.web import Refused, Visit, route
from schemas.contract import contract
from schemas.errors import HubError
from warehouse import inbox, registry
from warehouse.precheck import takes_files

router = APIRouter()
TABS = {"overview": "概况", "runs": "运行", "mapping": "映射", "quality": "质量", "secrets": "凭据", "changes": "变更"}
_EVENTS = {
    "submitted": "提交审批", "approved": "批准", "rejected": "退回", "withdrawn": "撤回登记", "revised": "按变化处理改版", "paused": "停用",
    "resumed": "恢复", "retired": "撤销",
}  # fmt: skip
_DOES = {"pause": ("paused", "已停用，不再采集；已有的数据不动"), "resume": ("active", "已恢复，从停下的地方接着采"), "retire": ("retired", "已撤销；数据、历史和各个版本都留着")}  # fmt: skip


def named(visit: Visit, dept: str, name: str, action: str = "source.read") -> Connector:
    """The connector, if the user may do this to it."""
    known = visit.site.registry().connectors.get(f"{dept}/{name}")
    visit.require(action, None if known is None else {"department": known.dept})
    assert known is not None
    return known


@route(router, "/connectors/{dept}/{name}", "source.read")
def connector(visit: Visit, dept: str, name: str, tab: str = "overview") -> Response:
    """One source, a tab at a time."""
    return _page(visit, named(visit, dept, name), tab if tab in TABS else "overview")


def _page(visit: Visit, one: Connector, tab: str, status: int = 200, wrong: str = "", steps: Any = ()) -> Response:
    agreed = contract(one.dataset)
    values: dict[str, Any] = {}
    with visit.site.database.control() as connection:
        found = [s for s in sources(connection, visit.site, one.dept) if s["connector"] == one.id]
        if tab in {"overview", "runs"}:
            values["runs"] = deliveries(connection, connector=one.id, limit=10 if tab == "overview" else 100)
        elif tab == "quality":
            values["rules"] = connection.execute(
                "SELECT r ->> 'title' AS field, r ->> 'reason' AS reason, count(*) AS rows, count(*) FILTER (WHERE q.resolved_at IS NULL) AS waiting, "
                "max(q.order_id) FILTER (WHERE q.resolved_at IS NULL) AS order_id FROM hub.quarantine q JOIN hub.source s USING (source_id) "
                "CROSS JOIN LATERAL jsonb_array_elements(q.reasons) r WHERE s.connector = %s GROUP BY 1, 2 ORDER BY 4 DESC, 3 DESC LIMIT 100",
                [one.id],
            ).fetchall()
            values["drifts"] = inbox.items(connection, tuple(inbox.STATES), one.id)[:50]
        elif tab == "secrets":
            values["secrets"] = credentials.credentials(visit.site.registry(), one)
        elif tab == "changes":
            versions = registry.versions(connection, one.id)
            values["versions"] = [
                (v, changes(versions[n - 1].document if n else None, v.document, agreed) if n else None) for n, v in enumerate(versions)
            ][::-1]  # fmt: skip
            values["events"] = [e | {"what": _EVENTS.get(e["kind"], e["kind"])} for e in registry.events(connection, one.id)][::-1]  # fmt: skip
    return visit.page(
        "connector.html", status, one=one, agreed=agreed, standing=found[0] if found else None, states=STATES, files=takes_files(one), tab=tab, tabs=TABS,
        wrong=wrong, steps=steps, titles=STEP_TITLES, how=mapping.how, levels=mapping.LEVELS, always=registry.ALWAYS, drift_kinds=inbox.KINDS,
        drift_states=inbox.STATES, **values,
    )  # fmt: skip


@route(router, "/connectors/{dept}/{name}/run", "source.run", methods=("POST",))
def run(visit: Visit, dept: str, name: str) -> Response:
    """Collect from it now."""
    one = named(visit, dept, name, "source.run")
    if visit.site.collect is None:
        raise Refused(503, "采集没有启动", "请用 hub up 启动门户，或运行 hub run")
    visit.site.collect([one.id])
    visit.note("run", one.id)
    return visit.go(f"/connectors/{one.id}", "已开始采集，完成后在运行记录里看结果")


@route(router, "/connectors/{dept}/{name}/stand/{verb}", "source.stand", methods=("POST",))
def stand(visit: Visit, dept: str, name: str, verb: str) -> Response:
    """Pause it, resume it, or retire it."""
    one = named(visit, dept, name, "source.stand")
    if verb not in _DOES:
        raise Refused(404, "没有这个操作", "可以停用、恢复、撤销")
    state, told = _DOES[verb]
    try:
        with visit.site.database.control() as connection:
            registry.stand(connection, one.id, state, by=visit.user.name, reason=visit.text("reason"))
    except HubError as error:
        return _page(visit, one, "overview", 422, str(error))
    visit.note("stand", one.id, state=state, reason=visit.text("reason"))
    visit.site.reload()
    return visit.go("/connectors" if verb == "retire" else f"/connectors/{one.id}", f"{one.title}{told}")


@route(router, "/connectors/{dept}/{name}/secrets", "source.register", methods=("POST",))
def replace(visit: Visit, dept: str, name: str) -> Response:
    """Try a new secret, and put it in place when the source lets it in."""
    one = named(visit, dept, name, "source.register")
    try:
        kept, steps, held = credentials.change(
            visit.site.home, visit.site.registry(), one, visit.text("name"), visit.text("value"), department=visit.user.department
        )  # fmt: skip
    except HubError as error:
        return _page(visit, one, "secrets", 422, str(error))
    told = [vars(step) for step in steps]
    if not held:
        return _page(visit, one, "secrets", 422, "新口令没有通过测试，没有更换，仍用原来的", told)
    visit.note("secret", one.id, name=kept.name, shared=len(kept.shared))
    visit.site.reload()
    return _page(visit, one, "secrets", steps=told)
