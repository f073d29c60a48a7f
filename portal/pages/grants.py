"""The security administrator's pages: who may read what, and how sensitive columns look."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from psycopg import sql

from portal import audit, mapping, matrix
from portal.downloads import KINDS, attachment
from portal.roles import ACTIONS, ROLES
from portal.web import Missing, Refused, Visit, route
from schemas.contract import contracts
from warehouse import access

router = APIRouter()
LEVELS = {"S0": "公开", "S1": "内部", "S2": "敏感（脱敏显示）", "S3": "高度敏感（不显示）"}


@route(router, "/admin/grants", "grant.read")
def grants(visit: Visit) -> Response:
    """Roles by action, people by dataset, and the requests that opened something; one is ended here."""
    with visit.site.database.owner() as connection:
        running = connection.execute(
            "SELECT r.*, a.name, a.person, a.role, d.person AS decider FROM hub.access_request r JOIN hub.account a USING (account_id) "
            "LEFT JOIN hub.account d ON d.account_id = r.decided_by WHERE r.approved AND r.until >= current_date ORDER BY r.until"
        ).fetchall()
        who = matrix.people(connection)
    known = {c.dataset: c.title for c in contracts().values()}
    return visit.page(
        "access.html", units=mapping.owners(), running=running, known=known, people=who, roles=ROLES, actions={matrix.title(a): held for a, held in ACTIONS.items()},
    )  # fmt: skip


@route(router, "/admin/grants.xlsx", "grant.read")
def workbook(visit: Visit) -> Response:
    """The whole matrix as a workbook."""
    with visit.site.database.owner() as connection:
        body = matrix.workbook(connection)
        audit.write(connection, visit.user.name, "export", "权限矩阵", address=visit.address)
    return attachment(body, "权限矩阵.xlsx", KINDS["xlsx"])


@route(router, "/admin/grants/{number}/end", "access.decide", methods=("POST",))
def end(visit: Visit, number: int) -> Response:
    """Take an approved request back at once; the reason is kept."""
    why = visit.text("reason")
    if not why:
        raise Refused(422, "收回要写理由", "请写明理由再提交")
    with visit.site.database.owner() as connection:
        done = connection.execute(
            "UPDATE hub.access_request SET until = current_date - 1, answer = concat_ws('；', answer, '收回：' || %s) WHERE request_id = %s AND approved AND until >= current_date",
            [why, number],
        )
        if not done.rowcount:
            raise Missing(f"还在期限内的授权 {number}", "授权")
        audit.write(
            connection, visit.user.name, "grant", f"申请 {number}", address=visit.address, did="end", reason=why
        )
    return visit.go("/admin/grants", f"申请 {number} 的授权已收回，数据库里当即生效")


@route(router, "/admin/classification", "data.classify")
def classification(visit: Visit, dataset: str = "", text: str = "张小明 13812345678") -> Response:
    """Every sensitive column with its level and its mask, and what the mask makes of a text of one's own."""
    rows: list[dict[str, Any]] = []
    for agreed in contracts().values():
        rows += [
            {"dataset": agreed.dataset, "title": agreed.title, "field": f.title, "name": f.name, "level": f.classification,
             "mask": access.mask_words(f.name, f)}
            for f in {**agreed.fields, **agreed.derived}.values() if f.classification != "S0" and dataset in {"", agreed.dataset}
        ]  # fmt: skip
    shown = text[:100]
    with visit.site.database.owner() as connection:
        masked = connection.execute(sql.SQL("SELECT hub.mask({}) AS masked").format(sql.Literal(shown))).fetchone()
    counts = {level: sum(r["level"] == level for r in rows) for level in LEVELS}
    known = {c.dataset: c.title for c in contracts().values() if c.fields}
    return visit.page(
        "classification.html", rows=sorted(rows, key=lambda r: (r["level"] != "S3", r["level"] != "S2", r["dataset"])), levels=LEVELS, counts=counts,
        known=known, dataset=dataset, text=shown, masked=(masked or {"masked": ""})["masked"],
    )  # fmt: skip
