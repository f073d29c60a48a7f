"""The clerk's pages: the inbox, an order and its rows, quality by rule."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse
from starlette.datastructures import UploadFile

from portal import attachments, audit, faults, figures, mending
from portal.downloads import KINDS, attachment
from portal.tasks import tasks
from portal.web import Missing, Refused, Visit, route
from schemas.errors import HubError
from warehouse import correction, workbook

router = APIRouter()
_PAGE, _LISTED = 20, 100


@route(router, "/inbox", "inbox.read")
def inbox(visit: Visit) -> Response:
    """What waits for this user: orders of the department, contests to decide."""
    with visit.site.database.owner() as connection:
        found = mending.orders(connection, visit.user)
        contests = connection.execute(
            "SELECT c.quarantine_id, c.raised_by, c.raised_at, c.reason, q.order_id, s.title, s.department FROM hub.correction_contest c "
            "JOIN hub.quarantine q USING (quarantine_id) JOIN hub.source s USING (source_id) WHERE c.verdict IS NULL AND q.resolved_at IS NULL "
            "AND (%(department)s::text IS NULL OR s.department = %(department)s) ORDER BY c.raised_at",
            {"department": visit.user.department},
        ).fetchall()
    with visit.site.database.control() as connection:
        others = tasks(connection, visit.user)
    clocked = [*(o["urgency"] for o in found), *(t.urgency for t in others if t.due_on)]
    counts = {"late": clocked.count("bad"), "soon": clocked.count("soon"), "rows": sum(o["open_rows"] for o in found)}
    return visit.page("inbox.html", orders=found, contests=contests, counts=counts, tasks=others)


@route(router, "/quality", "correction.read")
def quality(visit: Visit, closed: int = 0) -> Response:
    """Problems by rule and field, and every order."""
    with visit.site.database.owner() as connection:
        found = mending.orders(connection, visit.user, all=bool(closed))
        published = connection.execute("SELECT to_regclass('board.quality_quarantine_by_rule') AS made").fetchone()
    rules: list[dict[str, Any]] = []
    if published and published["made"] is not None:
        with visit.site.database.seen_by(visit.user) as connection:
            rules = connection.execute(
                "SELECT * FROM quality_quarantine_by_rule ORDER BY unresolved DESC, quarantined DESC"
            ).fetchall()
    return visit.page(
        "quality.html", orders=found, rules=faults.worded(rules, visit.site.registry()), closed=bool(closed)
    )


@route(router, "/quality/rules", "correction.read")
def rule(visit: Visit, connector: str = "", rule: str = "", field: str = "") -> Response:
    """One rule on one field of a source: what it asks, why it matters, and the rows that wait."""
    if not connector:
        return visit.go("/quality")
    known = visit.site.registry().connectors.get(connector)
    visit.require("correction.read", known and {"department": known.dept})
    assert known is not None
    with visit.site.database.seen_by(visit.user) as connection:
        found = figures.rows(
            connection,
            "SELECT * FROM quality_quarantine_by_rule WHERE connector = %s AND rule = %s AND coalesce(field, '') = %s",
            connector,
            rule,
            field,
        )
    if not found:
        raise Missing("这条规则退回的行", "数据质量")
    with visit.site.database.owner() as connection:
        waiting = faults.examples(connection, connector, field, rule, _LISTED)
    rows = [r | {"place": workbook.place(r)} for r in waiting]
    return visit.page(
        "rule.html", one=found[0], fault=faults.fault(known.dataset, field, rule), source=known, rows=rows, listed=_LISTED,
        shown=visit.user.role == "clerk",
    )  # fmt: skip


def _owns(visit: Visit, one: dict[str, Any]) -> bool:
    """Whether the user is of the department whose rows these are: others see personal values veiled."""
    return bool(visit.user.department == one["department"])


def _order(visit: Visit, number: int, action: str = "correction.read") -> dict[str, Any]:
    with visit.site.database.owner() as connection:
        one = mending.order(connection, number)
    visit.require(action, one)
    assert one is not None
    return one


@route(router, "/quality/orders/{number}", "correction.read")
def order(visit: Visit, number: int, page: int = 1, all: int = 0, sent: int = 0, passed: int = 0) -> Response:
    """One order: each refused row with its reasons, to be mended in place."""
    return _shown(visit, _order(visit, number), page=page, all=all, sent=sent, passed=passed)


def _shown(
    visit: Visit, one: dict[str, Any], *, page: int = 1, all: int = 0, sent: int = 0, passed: int = 0, raw: bool = False
) -> Response:
    veil = not raw and not _owns(visit, one)
    with visit.site.database.owner() as connection:
        rows = mending.items(connection, visit.site, one, veil=veil)
    shown = rows if all else [r for r in rows if not r["resolved_at"]]
    start = (max(page, 1) - 1) * _PAGE
    return visit.page(
        "order.html", one=one, rows=shown[start : start + _PAGE], total=len(shown), page=max(page, 1), size=_PAGE, all=bool(all), wrong="",
        reason=workbook.REASON, filled={}, sent=sent, passed=passed, stages=mending.STAGES, veil=veil, accept=attachments.ACCEPTED,
    )  # fmt: skip


@route(router, "/quality/orders/{number}", "correction.fix", methods=("POST",))
def fix(visit: Visit, number: int) -> Response:
    """Take the cells that were changed and have the same rules judge their rows again."""
    one = _order(visit, number, "correction.fix")
    with visit.site.database.owner() as connection:
        rows = {r["quarantine_id"]: r for r in mending.items(connection, visit.site, one) if not r["resolved_at"]}
    changed: dict[int, tuple[dict[str, str | None], str]] = {}
    why = visit.text("reason")
    for key, given in visit.form.items():
        head, _, name = key.partition(":")
        if (
            not head.startswith("r")
            or not head[1:].isdigit()
            or int(head[1:]) not in rows
            or not isinstance(given, str)
        ):
            continue
        row = rows[int(head[1:])]
        if name in row["raw"] and given.strip() != (row["raw"][name] or "").strip():
            edited, _ = changed.setdefault(row["quarantine_id"], ({}, why))
            edited[name] = given.strip() or None
    # A value that bounced and was left standing is no new attempt.
    changed = {n: (edited, why) for n, (edited, why) in changed.items() if _anew(rows[n], edited)}
    # Of two rows with one key the right one is sent back as it is, once the other has been mended.
    kept = [n for n, row in rows.items() if mending.twin(row) and visit.text(f"same{n}") and n not in changed]
    changed |= {n: ({}, why) for n in kept}
    wrong = "没有改动过的行" if not changed else "改了数据，请写明更正说明" if not why else ""
    if wrong:
        shown = list(rows.values())[:_PAGE]
        filled = {k: v for k, v in visit.form.items() if isinstance(v, str)}
        return visit.page(
            "order.html",
            422,
            one=one,
            rows=shown,
            total=len(rows),
            page=1,
            size=_PAGE,
            all=False,
            wrong=wrong,
            reason=workbook.REASON,
            filled=filled,
            sent=0,
            passed=0,
            stages=mending.STAGES,
            veil=False,
            accept=attachments.ACCEPTED,
        )
    if "ndjson" in visit.request.headers.get("accept", ""):
        return StreamingResponse(_told(visit, one, changed), media_type="application/x-ndjson")
    sent = mending.send(visit.site, visit.user, one, changed)
    visit.note("fix", f"更正单 {number}", rows=sent.rows, passed=sent.passed)
    return visit.go(_came(number, sent))


def _came(number: int, sent: mending.Sent) -> str:
    """The order's page with what came of the rows sent in."""
    return f"/quality/orders/{number}?sent={sent.rows}&passed={sent.passed}"


def _told(visit: Visit, one: dict[str, Any], changed: dict[int, tuple[dict[str, str | None], str]]) -> Iterator[str]:
    """A line of JSON as each stage begins; the last says where to go on."""
    sent = mending.Sent(0, 0)
    try:
        for stage, sent in mending.stages(visit.site, visit.user, one, changed):
            yield json.dumps({"stage": stage, "rows": sent.rows, "passed": sent.passed}) + "\n"
    except HubError as error:
        yield json.dumps({"wrong": str(error)}, ensure_ascii=False) + "\n"
        return
    visit.note("fix", f"更正单 {one['order_id']}", rows=sent.rows, passed=sent.passed)
    yield json.dumps({"place": _came(one["order_id"], sent)}) + "\n"


def _anew(row: dict[str, Any], edited: dict[str, str | None]) -> bool:
    shown = {cell["name"]: cell["now"].strip() for cell in row["cells"]}
    whole = {name: (row["raw"][name] or "").strip() for name in shown} | {n: v or "" for n, v in edited.items()}
    return any(whole[name] != value for name, value in shown.items())


@route(router, "/quality/orders/{number}/workbook", "correction.read")
def download(visit: Visit, number: int) -> Response:
    """The one workbook of an order: its open rows, reasons beside them."""
    one = _order(visit, number)
    if not _owns(visit, one):
        raise Refused(403, "带原值的 Excel 只给数据所属的部门", "要核对个别的值，在更正单页写明理由看原值")
    with visit.site.database.owner() as connection:
        rows = correction.rows(connection, order=number, open_only=True)
    target = io.BytesIO()
    connector = visit.site.registry().connectors.get(one["connector"])
    workbook.workbook(rows, target, list(connector.fields.values()) if connector else ())
    visit.note("export", f"更正单 {number}", rows=len(rows))
    return attachment(target.getvalue(), f"更正单{number}_{one['title']}.xlsx", KINDS["xlsx"])


@route(router, "/quality/orders/{number}/workbook", "correction.fix", methods=("POST",))
def upload(visit: Visit, number: int) -> Response:
    """Take the edited workbook back: changed rows are judged again, the others left alone."""
    one = _order(visit, number, "correction.fix")
    file = visit.form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise Refused(422, "没有选文件", "请选择改好的 .xlsx")
    given = workbook.read(file.file, file.filename)
    with visit.site.database.owner() as connection:
        known = {r["quarantine_id"]: r for r in correction.rows(connection, order=number)}
    strange = next((n for n in given if n not in known), None)
    if strange is not None:
        raise Refused(422, f"这张更正单里没有行编号 {strange}", "请不要改动“行编号”一列；可重新下载")
    changed = {
        n: (edited, why)
        for n, (raw, why) in given.items()
        if not known[n]["resolved_at"]
        and ((edited := workbook.changes(known[n], raw)) or (why and mending.twin(known[n])))
    }
    silent = next((n for n, (_, why) in changed.items() if not why), None)
    if silent is not None:
        raise Refused(
            422, f"行编号 {silent} 改了数据但没有写更正说明", f"请在“{workbook.REASON}”一列写明理由后重新上传"
        )
    if not changed:
        return visit.go(f"/quality/orders/{number}", "文件里没有改动过的行，什么也没有送回")
    sent = mending.send(visit.site, visit.user, one, changed)
    visit.note("fix", f"更正单 {number}", rows=sent.rows, passed=sent.passed, file=file.filename)
    return visit.go(_came(number, sent))


def _row(visit: Visit, row: int, action: str) -> dict[str, Any]:
    """The order of a refused row, if the user may do this to it."""
    with visit.site.database.owner() as connection:
        found = correction.rows(connection, ids=[row])
        one = mending.order(connection, found[0]["order_id"]) if found and found[0]["order_id"] else None
    visit.require(action, one)
    assert one is not None
    return one


@route(router, "/quality/rows/{row}/contest", "correction.fix", methods=("POST",))
def contest(visit: Visit, row: int) -> Response:
    """Say that the row is right; another person decides."""
    one = _row(visit, row, "correction.fix")
    _contest(visit, [row])
    return visit.go(f"/quality/orders/{one['order_id']}", "申诉已提交，等待裁定；裁定之前时限照走")


def _contest(visit: Visit, rows: list[int]) -> None:
    """Contest these rows with the form's reason, evidence and paper, all or none."""
    why, evidence, paper = visit.text("why"), visit.text("evidence") or None, attachments.taken(visit)
    with visit.site.database.owner() as connection:
        for row in rows:
            correction.contest(connection, row, by=visit.user.name, reason=why, evidence=evidence)
            attachments.keep(connection, f"contest:{row}", paper, by=visit.user.name)
        audit.write(
            connection,
            visit.user.name,
            "contest",
            f"行 {'、'.join(map(str, rows[:50]))}",
            address=visit.address,
            reason=why,
            rows=len(rows),
        )


@route(router, "/quality/orders/{number}/contest", "correction.fix", methods=("POST",))
def contest_all(visit: Visit, number: int) -> Response:
    """Say that all rows that are still open are right, for one reason."""
    one = _order(visit, number, "correction.fix")
    with visit.site.database.owner() as connection:
        rows = [
            r["quarantine_id"]
            for r in mending.items(connection, visit.site, one)
            if not r["resolved_at"] and not r["contested"]
        ]
    if not rows:
        return visit.go(f"/quality/orders/{number}", "没有还能申诉的行")
    _contest(visit, rows)
    return visit.go(f"/quality/orders/{number}", f"{len(rows)} 行都已申诉，等待裁定；裁定之前时限照走")


@route(router, "/quality/rows/{row}/papers/{paper}", "correction.read")
def paper(visit: Visit, row: int, paper: int) -> Response:
    """A paper that came with a contest."""
    _row(visit, row, "correction.read")
    return attachments.given(visit, paper, f"contest:{row}")


@route(router, "/quality/orders/{number}/raw", "correction.decide", methods=("POST",))
def raw(visit: Visit, number: int) -> Response:
    """The order with its values as they came, for those who do not own them; why is written down."""
    why = visit.text("reason")
    if not why:
        raise Refused(422, "看原值要写理由", "例如：核对申诉 124 的证件号")
    one = _order(visit, number)
    visit.note("unmask", f"更正单 {number}", reason=why)
    return _shown(visit, one, raw=True)


@route(router, "/quality/rows/{row}/decide", "correction.decide", methods=("POST",))
def decide(visit: Visit, row: int) -> Response:
    """Settle a contest."""
    one = _row(visit, row, "correction.decide")
    upheld, why = visit.text(f"verdict{row}") == "upheld", visit.text(f"why{row}")
    with visit.site.database.owner() as connection:
        correction.decide(connection, row, by=visit.user.name, upheld=upheld, reason=why)
        audit.write(
            connection, visit.user.name, "decide", f"行 {row}", address=visit.address, upheld=upheld, reason=why
        )
    return visit.go(
        f"/quality/orders/{one['order_id']}", "申诉成立，不再计入该单位的问题" if upheld else "维持原判，请部门继续更正"
    )
