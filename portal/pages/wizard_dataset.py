"""The wizard's steps 4 to 6: which dataset it is, how often it comes, who may see it."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from connectors.drivers import driver_class
from connectors.sample import Sample
from portal import mapping, registering
from portal.pages.wizard import draft, furthest, place, reckon, step_page, texts
from portal.schedules import MODES, SCHEDULES, lateness
from portal.web import Visit, route
from schemas import contract as contracts
from schemas.contract import SHARING
from schemas.errors import ConfigError, HubError
from schemas.identifiers import COUNTY_TIME
from schemas.reference import code_sets
from warehouse import registry, wizard
from warehouse.registry import Registration

router = APIRouter()


# ------------------------------------------------------------------------------------------------ 4 mapping
@route(router, "/connectors/new/{number}/mapping", "source.register")
def fields(visit: Visit, number: int, dataset: str = "") -> Response:
    """Which column is which field."""
    found = draft(visit, number)
    if not registering.reached(found):
        return visit.go(place(found, "source"), "请先测试连接")
    try:
        seen = registering.look(found)
        if dataset and dataset != found.document.get("dataset"):
            found = _propose(visit, found, seen, dataset)
        elif not found.document.get("dataset"):
            found = _propose(visit, found, seen, "")
    except HubError as error:
        return step_page(visit, found, "preview", 422, seen=None, rows=[], sheets=[], shown={}, options={}, ways=[], wrong=str(error))  # fmt: skip
    if not found.document.get("dataset"):
        return visit.go(place(found, "preview"), "登记人还没有走到字段对应这一步")
    return _mapping(visit, found, seen)


def _propose(visit: Visit, found: Registration, seen: Sample, dataset: str) -> Registration:
    """The draft with a dataset: the one named, «new», or the one that fits best."""
    if not registering.editable(found, visit.user):
        return found
    stem = found.connector.partition("/")[2]
    name = stem if stem not in contracts.contracts() else found.connector.replace("/", "_")
    made = wizard.propose(
        found.connector, seen, title=str(found.document["title"]), dataset=name if dataset == "new" else dataset or None,
        schedule=found.document.get("schedule"), new_dataset=dataset == "new",
    )  # fmt: skip
    if made.contract and not dataset:
        made = wizard.propose(
            found.connector, seen, title=str(found.document["title"]), dataset=name, schedule=found.document.get("schedule"), new_dataset=True
        ) if name != stem else made  # fmt: skip
    document = {**found.document, **made.document, "title": found.document["title"], "source": found.document["source"]}
    for key in ("constants", "codes"):
        document.pop(key, None)
    others = [list(o) for o in made.others] or found.seen.get("others", [])
    with visit.site.database.control() as connection:
        return registering.keep(connection, found, document, contract=made.contract, seen={"mapped": False, "others": others, "sharing": None})  # fmt: skip


def _mapping(visit: Visit, found: Registration, seen: Sample, status: int = 200, wrong: str = "") -> Response:
    agreed = registering.agreed_of(found)
    assert agreed is not None
    listed = sorted(
        ((c.dataset, c.title) for c in contracts.contracts().values() if c.fields), key=lambda pair: pair[1]
    )
    common = {"agreed": agreed, "datasets": listed, "others": found.seen.get("others") or [], "wrong": wrong, "form": texts(visit)}  # fmt: skip
    if found.contract:
        samples = {n: _samples(seen, c, agreed.fields[n].classification if n in agreed.fields else "S0") for n, c in found.document["fields"].items()}  # fmt: skip
        return step_page(
            visit, found, "mapping", status, fresh=True, properties=mapping.drafted(found.contract), columns=found.document["fields"], samples=samples, astray=mapping.astray(agreed, found.document["fields"], seen),
            types=mapping.TYPES, levels=mapping.LEVELS, **common,
        )  # fmt: skip
    return step_page(
        visit, found, "mapping", status, fresh=False, sheet=mapping.sheet(found, agreed, seen), columns=[c.name for c in seen.columns], codes=code_sets(),
        how=mapping.how, chosen_codes=found.document.get("codes", {}), **common,
    )  # fmt: skip


def _samples(seen: Sample, column: str, level: str) -> list[str]:
    values = list(dict.fromkeys(seen.values(column)))[:3]
    return [mapping.veiled(v) for v in values] if level in {"S2", "S3"} else values


@route(router, "/connectors/new/{number}/mapping", "source.register", methods=("POST",))
def map_(visit: Visit, number: int) -> Response:
    """Keep the mapping; what is still open is told."""
    found = draft(visit, number, change=True)
    seen, agreed, given = registering.look(found), registering.agreed_of(found), texts(visit)
    if agreed is None:
        return visit.go(place(found, "mapping"))
    contract, document = found.contract, dict(found.document)
    for key in ("constants", "codes"):
        document.pop(key, None)
    try:
        if contract:
            contract, document["fields"] = mapping.redrafted(contract, document["fields"], given)
            document.setdefault("source", found.document["source"])
        else:
            document |= mapping.answered(agreed, seen, given)
    except ConfigError as error:
        return _mapping(visit, found, seen, 422, str(error))
    with visit.site.database.control() as connection:
        found = registering.keep(connection, found, document, contract=contract, seen={"mapped": True, "step": furthest(found, "mapping")})  # fmt: skip
    if visit.text("do") == "keep":
        return visit.go(place(found, "mapping"), f"已保存 {datetime.now(COUNTY_TIME):%H:%M}")
    if not contract and (missing := mapping.sheet(found, agreed, seen).missing):
        return _mapping(visit, found, seen, 422, f"必填字段还没有着落：{'、'.join(f.title for f in missing)}。请选一列，或填一个固定值。")  # fmt: skip
    with visit.site.database.control() as connection:
        registering.keep(connection, found, document, contract=contract, seen={"step": furthest(found, "schedule")})  # fmt: skip
    return visit.go(place(found, "schedule"))


# ------------------------------------------------------------------------------------------------ 5 schedule
@route(router, "/connectors/new/{number}/schedule", "source.register")
def often(visit: Visit, number: int) -> Response:
    """How it is read and how often."""
    return _often(visit, draft(visit, number))


def _often(visit: Visit, found: Registration, status: int = 200, wrong: str = "") -> Response:
    modes = driver_class(str(found.document["source"]["driver"])).modes
    try:
        columns = [c.name for c in registering.look(found).columns]
    except HubError as error:
        columns, wrong = list(found.document.get("fields", {}).values()), wrong or str(error)
    load = found.document.get("load", {})
    now = found.document.get("schedule") or ""
    return step_page(
        visit, found, "schedule", status, modes=[(m, *MODES[m]) for m in modes], mode=load.get("mode") or next(m for m in modes if m != "cursor"), cursor=load.get("cursor", ""),
        columns=columns, schedules=SCHEDULES, now=now, known=now in {s.cron for s in SCHEDULES}, wrong=wrong, given=texts(visit),
    )  # fmt: skip


@route(router, "/connectors/new/{number}/schedule", "source.register", methods=("POST",))
def set_often(visit: Visit, number: int) -> Response:
    """Keep the mode and the schedule."""
    found = draft(visit, number, change=True)
    mode, cursor, cron = visit.text("mode"), visit.text("cursor"), visit.text("schedule")
    cron = visit.text("cron") if cron == "own" else cron
    if mode == "cursor" and not cursor:
        return _often(visit, found, 422, "增量要写明哪一列是更新时间。")
    document: dict[str, Any] = {**found.document, "load": {"mode": mode}}
    if mode == "cursor":
        kept = found.document.get("load", {}).get("lookback")
        with suppress(HubError):  # a source that is away now gives no sample to tell it from
            kept = kept or wizard.usual_lookback(registering.look(found), cursor)
        document["load"] |= {"cursor": cursor, "lookback": kept or "0s"}
    document.pop("schedule", None)
    if cron:
        document["schedule"] = cron
    try:
        registry.checked(Registration(**{**vars(found), "document": document}))
    except HubError as error:
        told = [str(e) for e in getattr(error, "errors", (error,)) if any(w in str(e) for w in ("schedule", "load"))]
        if told:
            return _often(visit, found, 422, "；".join(told))
    with visit.site.database.control() as connection:
        registering.keep(connection, found, document, contract=found.contract, seen={"step": furthest(found, "sharing")})  # fmt: skip
    return visit.go(place(found, "sharing"))


# ------------------------------------------------------------------------------------------------ 6 sharing
@route(router, "/connectors/new/{number}/sharing", "source.register")
def sharing(visit: Visit, number: int) -> Response:
    """Who may use it: share level of the dataset, level of each field."""
    return _sharing(visit, draft(visit, number))


def _sharing(visit: Visit, found: Registration, status: int = 200, wrong: str = "") -> Response:
    agreed = registering.agreed_of(found)
    if agreed is None:
        return visit.go(place(found, "mapping"), "请先选数据集")
    used = {*found.document.get("fields", {}), *found.document.get("constants", {})}
    return step_page(
        visit, found, "sharing", status, agreed=agreed, used=[f for f in agreed.fields.values() if f.name in used], levels=mapping.LEVELS, sharing=SHARING,
        fresh=bool(found.contract), chosen=visit.text("sharing") or agreed.sharing, basis=visit.text("basis") or agreed.sharing_basis, wrong=wrong,
    )  # fmt: skip


@route(router, "/connectors/new/{number}/sharing", "source.register", methods=("POST",))
def set_sharing(visit: Visit, number: int) -> Response:
    """Keep the levels; then see what the connector would do."""
    found = draft(visit, number, change=True)
    contract, level, basis = found.contract, visit.text("sharing"), visit.text("basis")
    if contract:
        if level not in SHARING:
            return _sharing(visit, found, 422, "请选共享级别。")
        if level == "none" and not basis:
            return _sharing(visit, found, 422, "不予共享要写明依据（法律、行政法规或国务院文件）。")
        if level == "conditional" and not basis:
            return _sharing(visit, found, 422, "有条件共享要写明给谁、做什么用。")
        levels = {k.removeprefix("level:"): v for k, v in texts(visit).items() if k.startswith("level:")}
        contract = mapping.shared(contract, level, basis, levels, lateness(str(found.document.get("schedule") or "")))
    with visit.site.database.control() as connection:
        found = registering.keep(connection, found, found.document, contract=contract, seen={"sharing": level or "contract", "step": "submit"})  # fmt: skip
    reckon(visit, found)
    return visit.go(place(found, "submit"))
