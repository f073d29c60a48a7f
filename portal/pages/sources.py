"""Sources and their runs in plain words; sending a file in, with a check before it counts."""

from __future__ import annotations

import fnmatch
import io
import secrets
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import Response
from starlette.datastructures import UploadFile

from connectors.drivers import open_driver
from connectors.spec import Connector
from portal.downloads import KINDS, attachment
from portal.pages.connector import named
from portal.standing import STATES, deliveries, sources
from portal.web import Refused, Visit, route
from schemas.contract import contract
from schemas.errors import HubError
from schemas.identifiers import COUNTY_TIME
from warehouse import inbox, registry
from warehouse.precheck import precheck, safe_file, takes_files
from warehouse.workbook import reasons

router = APIRouter()


@route(router, "/connectors", "source.read")
def connectors(visit: Visit) -> Response:
    """The department's sources: state, last delivery, rows, what is refused."""
    with visit.site.database.control() as connection:
        found = sources(connection, visit.site, visit.user.department)
        drafts = [
            r for r in registry.registrations(connection)
            if visit.user.department is None or r.connector.startswith(f"{visit.user.department}/")
        ]  # fmt: skip
    return visit.page("connectors.html", sources=found, states=STATES, drafts=drafts, draft_states=registry.STATES)


@route(router, "/runs", "source.read")
def runs(visit: Visit, before: int = 2**31 - 1) -> Response:
    """All deliveries, newest first."""
    with visit.site.database.owner() as connection:
        found = deliveries(connection, department=visit.user.department, before=before, limit=51)
    return visit.page("runs.html", runs=found[:50], more=found[49]["batch_id"] if len(found) > 50 else None)


@route(router, "/runs/{batch}", "source.read")
def one_run(visit: Visit, batch: int) -> Response:
    """One delivery as a timeline: read, checked, merged, published."""
    with visit.site.database.owner() as connection:
        found = deliveries(connection, batch=batch, limit=1)
        visit.require("source.read", found[0] if found else None)
        rules = connection.execute(
            "SELECT r ->> 'title' AS field, r ->> 'rule' AS rule, r ->> 'reason' AS reason, count(*) AS rows, min(q.order_id) AS order_id "
            "FROM hub.quarantine q CROSS JOIN LATERAL jsonb_array_elements(q.reasons) r WHERE q.batch_id = %s GROUP BY 1, 2, 3 ORDER BY 4 DESC",
            [batch],
        ).fetchall()
        changes = connection.execute(
            "SELECT drift_id, kind, state, decided_by, decided_at, reason FROM hub.drift WHERE batch_id = %s AND holds ORDER BY 1",
            [batch],
        ).fetchall()
        later = connection.execute(
            "SELECT min(n.batch_id) AS batch FROM hub.batch b JOIN hub.batch n USING (source_id, delivery, extracted_at) "
            "WHERE b.batch_id = %s AND n.batch_id > b.batch_id AND n.status = 'committed'",
            [batch],
        ).fetchone()
    return visit.page(
        "run.html",
        run=found[0],
        rules=rules,
        changes=[c for c in changes if c["state"] == "open"],
        kinds=inbox.KINDS,
        states=inbox.STATES,
        decided=[c for c in changes if c["decided_by"]],
        later=later and later["batch"],
    )


# ------------------------------------------------------------------------------------------------- sending a file
def _sendable(visit: Visit) -> list[Connector]:
    return [c for c in visit.site.registry().connectors.values() if takes_files(c) and c.dept == visit.user.department]


@route(router, "/uploads", "upload")
def uploads(visit: Visit) -> Response:
    """Which files the department sends, and those that came lately."""
    found = _sendable(visit)
    with visit.site.database.owner() as connection:
        lately = [
            r
            for r in deliveries(connection, department=visit.user.department, limit=50)
            if r["connector"] in {c.id for c in found}
        ]
        told = sources(connection, visit.site, visit.user.department)
    return visit.page(
        "uploads.html", connectors=found, runs=lately[:20], titles={c.id: contract(c.dataset) for c in found},
        problems={s["connector"]: (s["problem"], s["asked_at"]) for s in told if s["problem"]},
    )  # fmt: skip


@route(router, "/uploads/{dept}/{name}/template", "upload")
def template(visit: Visit, dept: str, name: str) -> Response:
    """An empty workbook with the source's columns, and what each means on a second sheet."""
    import xlsxwriter  # type: ignore[import-untyped]

    one = named(visit, dept, name, "upload")
    agreed, target = contract(one.dataset), io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        sheet, told = book.add_worksheet(str(one.source.get("sheet") or "数据")[:31]), book.add_worksheet("填写说明")
        head, text = book.add_format({"bold": True, "bottom": 1}), book.add_format({"num_format": "@"})
        columns = one.source_columns
        sheet.set_column(0, max(len(columns) - 1, 0), 18, text)
        sheet.write_row(0, 0, columns, head)
        sheet.freeze_panes(1, 0)
        told.set_column(0, 3, 24)
        told.write_row(0, 0, ["列", "含义", "必填", "说明"], head)
        fields = {column: agreed.fields[f] for f, column in one.fields.items() if f in agreed.fields}
        for at, column in enumerate(columns, 1):
            f = fields.get(column)
            if f:
                told.write_row(
                    at,
                    0,
                    [
                        column,
                        f.title,
                        "是" if f.required else "",
                        f.description or "；".join(r.description for r in f.rules),
                    ],
                )
    return attachment(target.getvalue(), f"{one.title}_模板.xlsx", KINDS["xlsx"])


def _staged(visit: Visit, ticket: str) -> Path:
    folder = visit.site.home.path / "uploads" / visit.user.name / ticket
    if not ticket.isalnum() or not folder.is_dir():
        raise Refused(404, "这份文件已经报送或过期", "请重新上传")
    return folder


@route(router, "/uploads/{dept}/{name}", "upload", methods=("POST",))
def check(visit: Visit, dept: str, name: str) -> Response:
    """Judge a file before it is sent in: how many rows would pass, and why the others would not."""
    one = named(visit, dept, name, "upload")
    given = visit.form.get("file")
    if not takes_files(one):
        raise Refused(404, "这个来源不收文件", "它直接从系统里取数")
    if not isinstance(given, UploadFile) or not given.filename:
        raise Refused(422, "没有选文件", "请选择要报送的文件")
    ticket = secrets.token_hex(8)
    folder = visit.site.home.path / "uploads" / visit.user.name / ticket
    folder.mkdir(mode=0o700, parents=True)
    # The sender's name for the file is only shown: on disk it has one of ours.
    path = folder / f"file{Path(given.filename).suffix.lower()[:6]}"
    with path.open("wb") as target:
        shutil.copyfileobj(given.file, target)
    try:
        safe_file(one.driver, given.filename, path)
        told = precheck(one, visit.site.home, path)
    except HubError as error:
        shutil.rmtree(folder)
        return visit.page(
            "upload.html",
            422,
            one=one,
            told=None,
            name=given.filename,
            ticket="",
            wrong=str(error).replace(path.name, given.filename),
        )
    (folder / "name").write_text(given.filename, encoding="utf-8")
    rows = [r | {"why": reasons(r)} for r in told.rows]
    return visit.page(
        "upload.html", one=one, told=replace(told, rows=rows), name=given.filename, ticket=ticket, wrong=""
    )


@route(router, "/uploads/{dept}/{name}/send", "upload", methods=("POST",))
def send(visit: Visit, dept: str, name: str) -> Response:
    """Put a checked file where the source is read from, and collect it."""
    one = named(visit, dept, name, "upload")
    folder = _staged(visit, visit.text("ticket"))
    told = (folder / "name").read_text(encoding="utf-8")
    file = next(p for p in folder.iterdir() if p.name != "name")
    pattern = Path(str(open_driver(one).option("path")))
    target = pattern.with_name(_fitting(pattern.name, told, file.suffix))
    if not target.parent.is_dir():
        raise Refused(422, f"收件目录不在：{one.title}", "请数据工程师检查这个来源的目录")
    part = target.with_name(f".{target.name}.part")
    shutil.copyfile(file, part)
    part.replace(target)
    shutil.rmtree(folder)
    visit.note("upload", one.id, file=told)
    if visit.site.collect is not None:
        visit.site.collect([one.id])
    return visit.go("/uploads", f"{told} 已报送，正在采集；结果在下面的记录里")


def _fitting(pattern: str, name: str, ending: str) -> str:
    """A file name that the source's pattern takes; the sender's own if it fits and is plain."""
    plain = Path(name).name
    if fnmatch.fnmatch(plain, pattern) and not plain.startswith((".", "~")):
        return plain
    stamp = datetime.now(COUNTY_TIME).strftime("报送%Y%m%d%H%M%S")
    made = pattern.replace("*", stamp)
    return made if Path(made).suffix else made + ending
