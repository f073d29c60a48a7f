"""The wizard's steps 2 and 3: where the source is and whether it is reached, and whether it is read right."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse
from starlette.datastructures import UploadFile

from connectors.drivers import driver_class
from connectors.sample import PREVIEW, Sample
from portal import kinds, registering
from portal.pages.wizard import draft, furthest, place, step_page, texts
from portal.registering import STEP_TITLES
from portal.web import Visit, route
from schemas.errors import ConfigError, HubError
from warehouse.registry import Registration

router = APIRouter()


# ------------------------------------------------------------------------------------------------ 2 source
@route(router, "/connectors/new/{number}/source", "source.register")
def source(visit: Visit, number: int) -> Response:
    """How it is reached, and whether it can be."""
    return _source(visit, draft(visit, number))


def _source(visit: Visit, found: Registration, status: int = 200, wrong: str = "", tables: Any = None) -> Response:
    given = found.document["source"]
    kind = kinds.kind_of(str(given["driver"]))
    shown = kinds.filled(kind, given) | {k: v for k, v in texts(visit).items() if k != "_csrf"}
    if kind.way == "file":
        shown.setdefault("path", str(given.get("path", "")))
    return step_page(
        visit, found, "source", status, kind=kind, shown=shown, wrong=wrong, tables=tables, more=kinds.MORE, titles=STEP_TITLES,
        options=driver_class(kind.driver).options if kind.way == "options" else {}, tested=registering.reached(found), ready=_described(found),
        engineer=visit.user.department is None,
    )  # fmt: skip


def _described(found: Registration) -> bool:
    return len(found.document["source"]) > 1


@route(router, "/connectors/new/{number}/source", "source.register", methods=("POST",))
def describe(visit: Visit, number: int) -> Response:
    """Keep how it is reached; the test follows."""
    found = draft(visit, number, change=True)
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
            given = kinds.compose(kind, texts(visit), before)
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
    return visit.go(place(found, "source") + "?test=1")


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
    found = draft(visit, number, change=True)
    try:
        registering.guarded(visit.site, visit.user, found, dict(found.document["source"]), _own_port(visit))
    except HubError as error:
        return _source(visit, found, 422, str(error))
    visit.note("register", found.connector, registration=number, did="test")
    steps = registering.test(visit.site, found)
    if "ndjson" not in visit.request.headers.get("accept", ""):
        list(steps)
        return visit.go(place(found, "source"))

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
    found = draft(visit, number)
    if not registering.reached(found):
        return visit.go(place(found, "source"), "请先测试连接")
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
    shown = {k: str(v) for k, v in found.document["source"].items() if k in kinds.FILE_OPTIONS} | texts(visit)
    return step_page(
        visit, found, "preview", status, seen=seen, rows=seen.rows[:PREVIEW] if seen else [], sheets=names, shown=shown, options=options, wrong=wrong,
        ways=[n for n in kinds.FILE_OPTIONS if n in options] if registering.way(found) == "file" else [],
    )  # fmt: skip


@route(router, "/connectors/new/{number}/preview", "source.register", methods=("POST",))
def read_as(visit: Visit, number: int) -> Response:
    """Read the file another way, or go on."""
    found = draft(visit, number, change=True)
    given = dict(found.document["source"])
    try:
        if registering.way(found) == "file":
            bare = {k: v for k, v in given.items() if k not in kinds.FILE_OPTIONS}
            given = bare | kinds.file_options(str(given["driver"]), texts(visit), registering.sheets(found))
            registering.guarded(visit.site, visit.user, found, given, _own_port(visit))
    except HubError as error:
        return _preview(visit, found, 422, str(error))
    with visit.site.database.control() as connection:
        found = registering.keep(connection, found, {**found.document, "source": given}, contract=found.contract, seen={"step": furthest(found, "preview")})  # fmt: skip
    try:
        seen = registering.look(found)
    except HubError as error:
        return _preview(visit, found, 422, str(error))
    if visit.text("do") != "next":
        return visit.go(place(found, "preview"))
    if not seen.rows:
        return _preview(visit, found, 422, "一行数据也没有读到。请确认文件里有数据，或改一改表头在第几行。")
    with visit.site.database.control() as connection:
        # What the reader found out about the file is part of how it is read from now on.
        found = registering.keep(connection, found, {**found.document, "source": seen.source}, contract=found.contract, seen={"step": furthest(found, "mapping")})  # fmt: skip
    return visit.go(place(found, "mapping"))
