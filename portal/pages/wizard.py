"""Registering a source in seven steps; each step is kept, so that a draft is never lost."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

import yaml
from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from starlette.datastructures import UploadFile

from connectors.drivers import driver_class
from connectors.sample import PREVIEW, Sample
from portal import kinds, mapping, registering
from portal.registering import STEP_TITLES, STEPS
from portal.schedules import MODES, SCHEDULES, lateness
from portal.web import Refused, Visit, route
from schemas import contract as contracts
from schemas.contract import SHARING
from schemas.errors import ConfigError, HubError
from schemas.identifiers import COUNTY_TIME
from schemas.reference import code_sets
from warehouse import registry, wizard
from warehouse.registry import Registration

router = APIRouter()
_ORDER = list(STEPS)


def _found(visit: Visit, number: int, *, change: bool = False) -> Registration:
    """The draft, if the user may see it; with `change`, only whoever began it, while it is open."""
    with visit.site.database.control() as connection:
        row = connection.execute("SELECT connector FROM hub.registration WHERE registration_id = %s", [number]).fetchone()  # fmt: skip
        found = registry.registration(connection, number) if row else None
    visit.require("source.register", found and {"department": registering.department(found)})
    assert found is not None
    if change and not registering.editable(found, visit.user):
        raise Refused(409, f"登记 {number} 是{found.created_by}的，现在是{registry.STATES[found.state]}，你不能改", "请由登记人修改，或另起一份")  # fmt: skip
    return found


def _page(visit: Visit, found: Registration, step: str, status: int = 200, /, **values: Any) -> Response:
    common = {
        "one": found, "step": step, "steps": STEPS, "done": _ORDER.index(str(found.seen.get("step", "source"))), "wrong": "", "note": "",
        "editable": registering.editable(found, visit.user), "states": registry.STATES, "kind": kinds.kind_of(str(found.document["source"].get("driver"))),
    }  # fmt: skip
    return visit.page(f"wizard_{step}.html", status, **(common | values))


def _next(found: Registration, step: str) -> str:
    return f"/connectors/new/{found.registration_id}/{step}"


def _reached_step(found: Registration, step: str) -> str:
    """The furthest step this draft may be opened at."""
    before = str(found.seen.get("step", "source"))
    return step if _ORDER.index(step) > _ORDER.index(before) else before


def _plain(visit: Visit) -> dict[str, str]:
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
        steps=STEPS, step="type", done=0, one=None, owners=mapping.owners(), given=_plain(visit), editable=True,
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
    return visit.go(_next(made, "source"))


@route(router, "/connectors/{dept}/{name}/change", "source.register", methods=("POST",))
def change(visit: Visit, dept: str, name: str) -> Response:
    """Begin a draft that changes a live connector."""
    known = visit.site.registry().connectors.get(f"{dept}/{name}")
    visit.require("source.register", known and {"department": known.dept})
    with visit.site.database.control() as connection:
        made = registering.change(connection, visit.site, visit.user, f"{dept}/{name}")
    visit.note("register", made.connector, registration=made.registration_id, did="change")
    return visit.go(_next(made, "mapping" if made.seen.get("steps") else "source"))


# ------------------------------------------------------------------------------------------------ 2 source
@route(router, "/connectors/new/{number}/source", "source.register")
def source(visit: Visit, number: int) -> Response:
    """How it is reached, and whether it can be."""
    return _source(visit, _found(visit, number))


def _source(visit: Visit, found: Registration, status: int = 200, wrong: str = "", tables: Any = None) -> Response:
    given = found.document["source"]
    kind = kinds.kind_of(str(given["driver"]))
    shown = kinds.filled(kind, given) | {k: v for k, v in _plain(visit).items() if k != "_csrf"}
    if kind.way == "file":
        shown.setdefault("path", str(given.get("path", "")))
    return _page(
        visit, found, "source", status, kind=kind, shown=shown, wrong=wrong, tables=tables, more=kinds.MORE, titles=STEP_TITLES,
        options=driver_class(kind.driver).options if kind.way == "options" else {}, tested=registering.reached(found), ready=_described(found),
        engineer=visit.user.department is None,
    )  # fmt: skip


def _described(found: Registration) -> bool:
    return len(found.document["source"]) > 1


@route(router, "/connectors/new/{number}/source", "source.register", methods=("POST",))
def describe(visit: Visit, number: int) -> Response:
    """Keep how it is reached; the test follows."""
    found = _found(visit, number, change=True)
    kind, before, seen = kinds.kind_of(str(found.document["source"]["driver"])), dict(found.document["source"]), {}
    file = visit.form.get("file")
    try:
        if kind.way == "file":
            if isinstance(file, UploadFile) and file.filename:
                given = registering.take_sample(visit.site, found, file.filename, file.file)
                seen = {"sample": registering.sample_name(file.filename), "sample_id": secrets.token_hex(4)}
            elif visit.text("path") and visit.user.department is None:
                given = {**before, "path": visit.text("path")}
            elif before.get("path"):
                given = before
            else:
                raise ConfigError("样本文件", "没有选文件", "请选一份部门平常报的文件")
        else:
            given = kinds.compose(kind, _plain(visit), before)
        given = registering.guarded(visit.site, visit.user, found, given, _own_port(visit))
    except HubError as error:
        return _source(visit, found, 422, str(error))
    with visit.site.database.control() as connection:
        found = registering.keep(
            connection, found, {**found.document, "source": given}, contract=found.contract,
            seen=seen | {"kept": registering.kept_names(found, given), "steps": [], "tested": None},
        )  # fmt: skip
    if visit.text("do") == "tables":
        return _tables(visit, found)
    return visit.go(_next(found, "source") + "?test=1")


def _own_port(visit: Visit) -> int | None:
    return visit.request.url.port


def _tables(visit: Visit, found: Registration) -> Response:
    from connectors.database import Database
    from connectors.drivers import open_driver
    from connectors.sample import unmapped

    try:
        probe = dict(found.document["source"])
        probe.setdefault("table", "x")  # only to make the description whole; it is not read
        driver = open_driver(unmapped(found.connector, probe))
        tables = driver.tables(visit.text("like"), 50) if isinstance(driver, Database) else []
    except HubError as error:
        return _source(visit, found, 422, str(error))
    return _source(visit, found, tables=tables)


@route(router, "/connectors/new/{number}/test", "source.register", methods=("POST",))
def test(visit: Visit, number: int) -> Response:
    """The steps of reaching it, live: one line of JSON as each ends; for browsers without script, all at once."""
    found = _found(visit, number, change=True)
    try:
        registering.guarded(visit.site, visit.user, found, dict(found.document["source"]), _own_port(visit))
    except HubError as error:
        return _source(visit, found, 422, str(error))
    visit.note("register", found.connector, registration=number, did="test")
    steps = registering.test(visit.site, found)
    if "ndjson" not in visit.request.headers.get("accept", ""):
        list(steps)
        return visit.go(_next(found, "source"))

    def lines() -> Iterator[str]:
        fine = True
        for step in steps:
            fine = fine and step.ok
            yield json.dumps(vars(step) | {"title": STEP_TITLES.get(step.name, step.name)}, ensure_ascii=False) + "\n"
        yield json.dumps({"done": True, "ok": fine}) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


# ------------------------------------------------------------------------------------------------ 3 preview
@route(router, "/connectors/new/{number}/preview", "source.register")
def preview(visit: Visit, number: int) -> Response:
    """The first fifty rows, and for files how they are read."""
    found = _found(visit, number)
    if not registering.reached(found):
        return visit.go(_next(found, "source"), "请先测试连接")
    return _preview(visit, found)


def _preview(visit: Visit, found: Registration, status: int = 200, wrong: str = "") -> Response:
    seen: Sample | None = None
    names: list[str] = []
    try:
        names = registering.sheets(found)
        seen = registering.look(found)
    except HubError as error:
        wrong, status = wrong or str(error), 422 if status == 200 else status
    options = driver_class(str(found.document["source"]["driver"])).options
    shown = {k: str(v) for k, v in found.document["source"].items() if k in kinds.FILE_OPTIONS} | _plain(visit)
    return _page(
        visit, found, "preview", status, seen=seen, rows=seen.rows[:PREVIEW] if seen else [], sheets=names, shown=shown, options=options, wrong=wrong,
        ways=[n for n in kinds.FILE_OPTIONS if n in options] if registering.way(found) == "file" else [],
    )  # fmt: skip


@route(router, "/connectors/new/{number}/preview", "source.register", methods=("POST",))
def read_as(visit: Visit, number: int) -> Response:
    """Read the file another way, or go on."""
    found = _found(visit, number, change=True)
    given = dict(found.document["source"])
    try:
        if registering.way(found) == "file":
            bare = {k: v for k, v in given.items() if k not in kinds.FILE_OPTIONS}
            given = bare | kinds.file_options(str(given["driver"]), _plain(visit), registering.sheets(found))
            registering.guarded(visit.site, visit.user, found, given, _own_port(visit))
    except HubError as error:
        return _preview(visit, found, 422, str(error))
    with visit.site.database.control() as connection:
        found = registering.keep(connection, found, {**found.document, "source": given}, contract=found.contract, seen={"step": _reached_step(found, "preview")})  # fmt: skip
    try:
        seen = registering.look(found)
    except HubError as error:
        return _preview(visit, found, 422, str(error))
    if visit.text("do") != "next":
        return visit.go(_next(found, "preview"))
    if not seen.rows:
        return _preview(visit, found, 422, "一行数据也没有读到。请确认文件里有数据，或改一改表头在第几行。")
    with visit.site.database.control() as connection:
        # What the reader found out about the file is part of how it is read from now on.
        found = registering.keep(connection, found, {**found.document, "source": seen.source}, contract=found.contract, seen={"step": _reached_step(found, "mapping")})  # fmt: skip
    return visit.go(_next(found, "mapping"))


# ------------------------------------------------------------------------------------------------ 4 mapping
@route(router, "/connectors/new/{number}/mapping", "source.register")
def fields(visit: Visit, number: int, dataset: str = "") -> Response:
    """Which column is which field."""
    found = _found(visit, number)
    if not registering.reached(found):
        return visit.go(_next(found, "source"), "请先测试连接")
    try:
        seen = registering.look(found)
        if dataset and dataset != found.document.get("dataset"):
            found = _propose(visit, found, seen, dataset)
        elif not found.document.get("dataset"):
            found = _propose(visit, found, seen, "")
    except HubError as error:
        return _page(visit, found, "preview", 422, seen=None, rows=[], sheets=[], shown={}, options={}, ways=[], wrong=str(error))  # fmt: skip
    if not found.document.get("dataset"):
        return visit.go(_next(found, "preview"), "登记人还没有走到字段对应这一步")
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
    common = {"agreed": agreed, "datasets": listed, "others": found.seen.get("others") or [], "wrong": wrong, "form": _plain(visit)}  # fmt: skip
    if found.contract:
        samples = {n: _samples(seen, c, agreed.fields[n].classification if n in agreed.fields else "S0") for n, c in found.document["fields"].items()}  # fmt: skip
        return _page(
            visit, found, "mapping", status, fresh=True, properties=mapping.drafted(found.contract), columns=found.document["fields"], samples=samples, astray=mapping.astray(agreed, found.document["fields"], seen),
            types=mapping.TYPES, levels=mapping.LEVELS, **common,
        )  # fmt: skip
    return _page(
        visit, found, "mapping", status, fresh=False, sheet=mapping.sheet(found, agreed, seen), columns=[c.name for c in seen.columns], codes=code_sets(),
        how=mapping.how, chosen_codes=found.document.get("codes", {}), **common,
    )  # fmt: skip


def _samples(seen: Sample, column: str, level: str) -> list[str]:
    values = list(dict.fromkeys(seen.values(column)))[:3]
    return [mapping.veiled(v) for v in values] if level in {"S2", "S3"} else values


@route(router, "/connectors/new/{number}/mapping", "source.register", methods=("POST",))
def map_(visit: Visit, number: int) -> Response:
    """Keep the mapping; what is still open is told."""
    found = _found(visit, number, change=True)
    seen, agreed, given = registering.look(found), registering.agreed_of(found), _plain(visit)
    if agreed is None:
        return visit.go(_next(found, "mapping"))
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
        found = registering.keep(connection, found, document, contract=contract, seen={"mapped": True, "step": _reached_step(found, "mapping")})  # fmt: skip
    if visit.text("do") == "keep":
        return visit.go(_next(found, "mapping"), f"已保存 {datetime.now(COUNTY_TIME):%H:%M}")
    if not contract and (missing := mapping.sheet(found, agreed, seen).missing):
        return _mapping(visit, found, seen, 422, f"必填字段还没有着落：{'、'.join(f.title for f in missing)}。请选一列，或填一个固定值。")  # fmt: skip
    with visit.site.database.control() as connection:
        registering.keep(connection, found, document, contract=contract, seen={"step": _reached_step(found, "schedule")})  # fmt: skip
    return visit.go(_next(found, "schedule"))


# ------------------------------------------------------------------------------------------------ 5 schedule
@route(router, "/connectors/new/{number}/schedule", "source.register")
def often(visit: Visit, number: int) -> Response:
    """How it is read and how often."""
    return _often(visit, _found(visit, number))


def _often(visit: Visit, found: Registration, status: int = 200, wrong: str = "") -> Response:
    modes = driver_class(str(found.document["source"]["driver"])).modes
    try:
        columns = [c.name for c in registering.look(found).columns]
    except HubError as error:
        columns, wrong = list(found.document.get("fields", {}).values()), wrong or str(error)
    load = found.document.get("load", {})
    now = found.document.get("schedule") or ""
    return _page(
        visit, found, "schedule", status, modes=[(m, *MODES[m]) for m in modes], mode=load.get("mode") or next(m for m in modes if m != "cursor"), cursor=load.get("cursor", ""),
        columns=columns, schedules=SCHEDULES, now=now, known=now in {s.cron for s in SCHEDULES}, wrong=wrong, given=_plain(visit),
    )  # fmt: skip


@route(router, "/connectors/new/{number}/schedule", "source.register", methods=("POST",))
def set_often(visit: Visit, number: int) -> Response:
    """Keep the mode and the schedule."""
    found = _found(visit, number, change=True)
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
        registering.keep(connection, found, document, contract=found.contract, seen={"step": _reached_step(found, "sharing")})  # fmt: skip
    return visit.go(_next(found, "sharing"))


# ------------------------------------------------------------------------------------------------ 6 sharing
@route(router, "/connectors/new/{number}/sharing", "source.register")
def sharing(visit: Visit, number: int) -> Response:
    """Who may use it: share level of the dataset, level of each field."""
    return _sharing(visit, _found(visit, number))


def _sharing(visit: Visit, found: Registration, status: int = 200, wrong: str = "") -> Response:
    agreed = registering.agreed_of(found)
    if agreed is None:
        return visit.go(_next(found, "mapping"), "请先选数据集")
    used = {*found.document.get("fields", {}), *found.document.get("constants", {})}
    return _page(
        visit, found, "sharing", status, agreed=agreed, used=[f for f in agreed.fields.values() if f.name in used], levels=mapping.LEVELS, sharing=SHARING,
        fresh=bool(found.contract), chosen=visit.text("sharing") or agreed.sharing, basis=visit.text("basis") or agreed.sharing_basis, wrong=wrong,
    )  # fmt: skip


@route(router, "/connectors/new/{number}/sharing", "source.register", methods=("POST",))
def set_sharing(visit: Visit, number: int) -> Response:
    """Keep the levels; then see what the connector would do."""
    found = _found(visit, number, change=True)
    contract, level, basis = found.contract, visit.text("sharing"), visit.text("basis")
    if contract:
        if level not in SHARING:
            return _sharing(visit, found, 422, "请选共享级别。")
        if level == "none" and not basis:
            return _sharing(visit, found, 422, "不予共享要写明依据（法律、行政法规或国务院文件）。")
        if level == "conditional" and not basis:
            return _sharing(visit, found, 422, "有条件共享要写明给谁、做什么用。")
        levels = {k.removeprefix("level:"): v for k, v in _plain(visit).items() if k.startswith("level:")}
        contract = mapping.shared(contract, level, basis, levels, lateness(str(found.document.get("schedule") or "")))
    with visit.site.database.control() as connection:
        found = registering.keep(connection, found, found.document, contract=contract, seen={"sharing": level or "contract", "step": "submit"})  # fmt: skip
    _estimate(visit, found)
    return visit.go(_next(found, "submit"))


def _estimate(visit: Visit, found: Registration) -> None:
    """Keep what the connector would do to the warehouse, or why that cannot be said."""
    try:
        told = wizard.impact(visit.site.home, found)
        impact: dict[str, Any] = told.told() if told else {"none": True}
    except HubError as error:
        impact = {"wrong": str(error)}
    with visit.site.database.control() as connection:
        registering.keep(connection, found, found.document, contract=found.contract, seen={"impact": impact})


# ------------------------------------------------------------------------------------------------ 7 submit
@route(router, "/connectors/new/{number}/submit", "source.register")
def last(visit: Visit, number: int) -> Response:
    """All of it once more, with its impact."""
    return _last(visit, _found(visit, number))


def _last(visit: Visit, found: Registration, status: int = 200, wrong: str = "") -> Response:
    agreed = registering.agreed_of(found)
    return _page(
        visit, found, "submit", status, agreed=agreed, problems=registering.problems(found) if found.state in registering.OPEN else [], impact=found.seen.get("impact") or {},
        text=yaml.safe_dump(found.document, allow_unicode=True, sort_keys=False), wrong=wrong, sharing=SHARING,
    )  # fmt: skip


@route(router, "/connectors/new/{number}/impact", "source.register", methods=("POST",))
def estimate(visit: Visit, number: int) -> Response:
    """Reckon the impact anew."""
    found = _found(visit, number, change=True)
    _estimate(visit, found)
    return visit.go(_next(found, "submit"))


@route(router, "/connectors/new/{number}/submit", "source.register", methods=("POST",))
def submit(visit: Visit, number: int) -> Response:
    """Ask another person for approval."""
    found = _found(visit, number, change=True)
    if told := registering.problems(found):
        return _last(visit, found, 422, f"还不能提交：{'；'.join(told)}")
    with visit.site.database.control() as connection:
        registering.keep(connection, found, found.document, contract=found.contract, seen={"impact": found.seen.get("impact"), "note": visit.text("note")})  # fmt: skip
        registry.submit(connection, number, by=visit.user.name)
    visit.note("register", found.connector, registration=number, did="submit")
    return visit.go(_next(found, "submit"), "已提交，等另一个人审批；批准后当即生效")


@route(router, "/connectors/new/{number}/withdraw", "source.register", methods=("POST",))
def withdraw(visit: Visit, number: int) -> RedirectResponse:
    """Give it up, or take it back from approval."""
    found = _found(visit, number)
    if found.created_by != visit.user.name:
        raise Refused(409, f"登记 {number} 是{found.created_by}的", "请由登记人撤回")
    with visit.site.database.control() as connection:
        registry.withdraw(connection, number, by=visit.user.name)
    registering.forget_sample(visit.site, found)
    visit.note("register", found.connector, registration=number, did="withdraw")
    return visit.go("/connectors/new", f"登记 {number} 已撤回")
