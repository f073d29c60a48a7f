"""红黑榜: examples good and bad. One person drafts, another approves, then it is published; withdrawn with a reason.

The figures in an example are those of the day it was drafted. Nothing is changed after that: who is wrong withdraws
it and drafts another.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from portal.accounts import Account
from portal.render import moment, number

if TYPE_CHECKING:
    import psycopg

Row = dict[str, Any]
KINDS = {"red": "红榜", "black": "黑榜"}
_ALL = """
SELECT e.*, coalesce(d.short_name, e.dept_code) AS department, w.person AS drafter, a.person AS decider, p.person AS publisher, x.person AS withdrawer,
  CASE WHEN e.withdrawn_at IS NOT NULL THEN 'withdrawn' WHEN e.published_at IS NOT NULL THEN 'published' WHEN e.approved THEN 'approved'
    WHEN e.approved IS NULL THEN 'waiting' ELSE 'refused' END AS state
FROM hub.exposure e JOIN hub.account w ON w.account_id = e.drafted_by LEFT JOIN hub.account a ON a.account_id = e.decided_by
LEFT JOIN hub.account p ON p.account_id = e.published_by LEFT JOIN hub.account x ON x.account_id = e.withdrawn_by
LEFT JOIN shared.department d ON d.dept_code = e.dept_code
"""
STATES = {"waiting": ("待审核", "soon"), "approved": ("已审核，待发布", "pick"), "refused": ("没有通过", "bad"), "published": ("已发布", "good"), "withdrawn": ("已撤下", "")}  # fmt: skip


def published(connection: psycopg.Connection[Any]) -> list[Row]:
    """Examples everybody sees, newest first."""
    return connection.execute(
        f"{_ALL} WHERE e.published_at IS NOT NULL AND e.withdrawn_at IS NULL ORDER BY e.published_at DESC"
    ).fetchall()


def every(connection: psycopg.Connection[Any]) -> list[Row]:
    """All examples with their state, those that wait first."""
    return connection.execute(
        f"{_ALL} ORDER BY (e.approved IS NULL) DESC, (e.approved AND e.published_at IS NULL) DESC, e.exposure_id DESC LIMIT 300"
    ).fetchall()


def draft(
    connection: psycopg.Connection[Any], by: Account, *, kind: str, title: str, content: str, dept_code: str, link: str, as_of: date
) -> int:  # fmt: skip
    """A new example, which waits for another person; its number."""
    row = connection.execute(
        "INSERT INTO hub.exposure (kind, title, content, dept_code, link, as_of, drafted_by) VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING exposure_id",
        [kind, title, content, dept_code, link, as_of, by.account_id],
    ).fetchone()
    assert row is not None
    return int(row["exposure_id"])


def decide(connection: psycopg.Connection[Any], number: int, by: Account, approved: bool, answer: str) -> bool:
    """Approve or refuse; False when it does not wait, or the one who decides has drafted it."""
    done = connection.execute(
        "UPDATE hub.exposure SET approved = %s, answer = %s, decided_by = %s, decided_at = clock_timestamp() "
        "WHERE exposure_id = %s AND approved IS NULL AND drafted_by <> %s",
        [approved, answer or None, by.account_id, number, by.account_id],
    )
    return bool(done.rowcount)


def publish(connection: psycopg.Connection[Any], number: int, by: Account) -> bool:
    """Show an approved example to everybody; False when it is not approved or already shown."""
    done = connection.execute(
        "UPDATE hub.exposure SET published_by = %s, published_at = clock_timestamp() WHERE exposure_id = %s AND approved AND published_at IS NULL",
        [by.account_id, number],
    )
    return bool(done.rowcount)


def withdraw(connection: psycopg.Connection[Any], number: int, by: Account, reason: str) -> bool:
    """Take a published example down; it and the reason are kept. False when it is not up."""
    done = connection.execute(
        "UPDATE hub.exposure SET withdrawn_by = %s, withdrawn_at = clock_timestamp(), withdrawn_reason = %s "
        "WHERE exposure_id = %s AND published_at IS NOT NULL AND withdrawn_at IS NULL",
        [by.account_id, reason, number],
    )
    return bool(done.rowcount)


def from_problem(problem: Row | None) -> Row:
    """What a problem's line says, as the beginning of an example; empty when the reader has no such problem."""
    if problem is None:
        return {}
    late = f"，超期 {problem['days_overdue']} 天" if problem["days_overdue"] and not problem["is_closed"] else ""
    return {
        "kind": "red" if problem["is_closed"] and not problem["days_overdue"] else "black",
        "title": problem["title"],
        "dept_code": problem["lead_dept_code"],
        "link": f"/boards/rectification/{problem['problem_no']}",
        "content": f"{problem['lead_department']}牵头的整改问题“{problem['title']}”，{moment(problem['found_on'])} 发现，时限 {moment(problem['due_on'])}，"
        f"进度 {number(problem['progress_pct'])}%，{problem['status_name']}{late}。",
    }


def from_unit(found: Row | None, kind: str) -> Row:
    """What a unit's last hotline month says, as the beginning of an example."""
    if found is None:
        return {}
    if not found["months"]:  # none of its tickets has fallen due
        return {"dept_code": found["code"]}
    last, late = found["months"][0], found["overdue"]
    return {
        "title": f"{last['department']}办理热线工单{'按期办结率高' if kind == 'red' else '超期较多'}",
        "dept_code": last["main_dept_code"],
        "link": f"/boards/hotline/units/{last['main_dept_code']}",
        "content": f"{last['department']} {last['month']} 到期工单 {number(last['tickets_due'])} 件，按期办结 {number(last['on_time'])} 件，"
        f"按期办结率 {number(last['on_time_pct'], 1)}%；现有超期未办结 {len(late)} 件"
        + (f"，最长 {late[0]['days_overdue']} 天。" if late else "。"),
    }
