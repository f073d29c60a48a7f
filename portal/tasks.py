"""What waits for a person beside correction orders: one list of everything, the most urgent first, on one clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from portal import rectifying
from portal.accounts import Account
from portal.mending import today, urgency
from portal.roles import can
from schemas.contract import contracts
from warehouse import inbox, objection, registry, truth
from warehouse.workbook import clock

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class Task:
    """One line of the inbox; `due_on` None for what has no legal time limit."""

    kind: str
    title: str
    place: str
    told: str
    since: Any
    due_on: date | None = None
    clock: str = ""
    urgency: str = ""


def tasks(connection: psycopg.Connection[Any], user: Account) -> list[Task]:
    """Everything that waits for this user, what is due first."""
    found = [
        *_reviews(connection, user),
        *_publications(connection, user),
        *_drifts(connection, user),
        *_objections(connection, user),
        *_conflicts(connection, user),
        *_reports(connection, user),
    ]
    return sorted(found, key=lambda t: (t.due_on or date.max, str(t.since)))


def _reviews(connection: psycopg.Connection[Any], user: Account) -> list[Task]:
    if can(user, "source.review"):
        return [
            Task("审批登记", str(r.document["title"]), f"/reviews/{r.registration_id}", f"{r.submitted_by} 提交的{'修改' if r.seen.get('changes') else '新来源'}", r.submitted_at)
            for r in registry.registrations(connection, ("submitted",)) if user.name not in {r.created_by, r.submitted_by}
        ]  # fmt: skip
    return [
        Task("登记退回", str(r.document["title"]), f"/connectors/new/{r.registration_id}/submit", f"{r.decided_by}：{r.reason}", r.decided_at, urgency="soon")
        for r in registry.registrations(connection, ("rejected",)) if r.created_by == user.name
    ]  # fmt: skip


def _publications(connection: psycopg.Connection[Any], user: Account) -> list[Task]:
    if user.department is not None or not can(user, "publication.decide"):
        return []
    return [
        Task("批准发布", p["title"], f"/reviews/publications/{p['publication_id']}", f"{p['proposed_by']} 提出，数据截至 {p['as_of']}，{p['row_count']:,} 行", p["proposed_at"])
        for p in connection.execute(
            "SELECT * FROM hub.publication WHERE state = 'proposed' AND lower(proposed_by) NOT IN (lower(%s), lower(%s))", [user.name, user.person]
        )
    ]  # fmt: skip


def _drifts(connection: psycopg.Connection[Any], user: Account) -> list[Task]:
    if not can(user, "source.drift"):
        return []
    return [
        Task("来源变化", i.title, f"/drift/{i.drift_id}", f"{inbox.KINDS[i.kind]}：{i.message}", i.found_at, urgency="bad" if i.holds else "soon",
             clock="扣住，没有入库" if i.holds and i.batch_id else "")
        for i in inbox.items(connection) if user.department in {None, i.connector.partition("/")[0]}
    ]  # fmt: skip


def _objections(connection: psycopg.Connection[Any], user: Account) -> list[Task]:
    if not can(user, "objection.answer"):
        return []
    found = objection.objections(connection, today(), department=user.department)
    titles = {c.dataset: c.title for c in contracts().values()}
    return [
        Task("数据异议", f"{titles.get(o['dataset'], o['dataset'])} {o['record_key']}", f"/objections/{o['objection_id']}",
             f"{objection.KINDS[o['kind']]}：{o['said']}", o["raised_at"], o["due_on"], clock(o), urgency(o))
        for o in found if o["provider"] == user.department
    ]  # fmt: skip


def _conflicts(connection: psycopg.Connection[Any], user: Account) -> list[Task]:
    if user.department is None or not can(user, "conflict.decide"):
        return []
    found = truth.conflicts(connection, owner=user.department, limit=50)
    objection.clocked(connection, found, today())
    return [
        Task("数据冲突", str(c["enterprise"] or c["enterprise_id"]), f"/conflicts/{c['conflict_id']}", f"{c['title']} 的说法与数源部门不一致", c["opened_on"],
             c["due_on"], clock(c), urgency(c))
        for c in found
    ]  # fmt: skip


def _reports(connection: psycopg.Connection[Any], user: Account) -> list[Task]:
    """Rectification reports to review; those of one's own that came back are on the problem's page."""
    if not rectifying.may_review(user):
        return []
    return [
        Task("整改审核", f"{r['problem_no']} {r['title']}", f"/boards/rectification/{r['problem_no']}#reports", r["content"], r["reported_at"], urgency="soon")
        for r in rectifying.reports(connection, waiting=True) if r["reported_by"] != user.name
    ]  # fmt: skip
