"""What departments report about their problems in the portal, and what the office says to it.

    clerk of the lead department  ->  progress | closure application, with a paper  ->  accepted or returned by another person
    the office or a leader        ->  a closed problem has come back, with a new limit  ->  accepted or refused by another person

An accepted report moves its problem on the boards: view rectification_ledger takes it for what the ledger does not say
yet. An application that waits stops the clock of its problem; a returned one lets it go on as if it had never stopped. It
keeps what the ledger said at that moment; once the ledger itself says something else, the ledger counts. A problem that
has come back is open again from the day another person agrees, until it is closed again or the ledger counts it.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from portal import attachments
from portal.accounts import Account
from portal.roles import can
from schemas.errors import ConfigError
from schemas.reference import department_of

if TYPE_CHECKING:
    import psycopg

Row = dict[str, Any]
KINDS = {"progress": "整改进展", "closure": "销号申请", "reopen": "反弹重开"}
OFFICE = "business_env"  # the department that keeps the ledger and closes problems


def may_report(user: Account, problem: Row) -> bool:
    """Whether this user reports about this problem: a clerk of its lead department."""
    return (
        can(user, "rectification.report") and user.dept_code is not None and user.dept_code == problem["lead_dept_code"]
    )


def may_review(user: Account) -> bool:
    """Whether this user says what becomes of reports: leaders and the rectification office."""
    return can(user, "rectification.review", {"department": OFFICE})


def reports(connection: psycopg.Connection[Any], problem: str | None = None, *, waiting: bool = False) -> list[Row]:
    """Reports about a problem, or all, the oldest first, each with its `papers`."""
    found = connection.execute(
        "SELECT * FROM hub.rectification_report WHERE (%(problem)s::text IS NULL OR problem_no = %(problem)s) AND (NOT %(waiting)s OR accepted IS NULL) "
        "ORDER BY report_id",
        {"problem": problem, "waiting": waiting},
    ).fetchall()
    papers = attachments.listed(connection, [subject(r["report_id"]) for r in found])
    return [r | {"title": KINDS[r["kind"]], "papers": papers.get(subject(r["report_id"]), [])} for r in found]


def subject(report: int) -> str:
    """What papers of a report hang on."""
    return f"rectification:{report}"


def report(
    connection: psycopg.Connection[Any], problem: Row, user: Account, *, kind: str, pct: str, content: str, paper: tuple[str, bytes] | None, today: date
) -> int:  # fmt: skip
    """A new report of the hub's day; its number.

    Raises:
        ConfigError: something is missing, the problem is closed, or one of the same kind waits already.
    """
    where = KINDS.get(kind, "报告")
    if kind not in {"progress", "closure"} or not content:
        raise ConfigError(where, "没有写内容", "请写做了什么、还差什么")
    if problem["is_closed"]:
        raise ConfigError(where, "这个问题已经销号", "有新情况请联系整改办")
    if kind == "progress" and not (pct.isdigit() and int(pct) <= 100):
        raise ConfigError(where, f"进度 '{pct}' 不是 0 到 100 的整数", "例如 60")
    if kind == "closure" and paper is None:
        raise ConfigError(where, "没有附佐证材料", "请附能证明整改到位的文件，例如验收意见的 PDF")
    return _kept(connection, problem, user, kind, 100 if kind == "closure" else int(pct), content, None, paper, today)


def reopen(
    connection: psycopg.Connection[Any], problem: Row, user: Account, *, pct: str, content: str, due: str, paper: tuple[str, bytes] | None, today: date
) -> int:  # fmt: skip
    """Say on the hub's day that a closed problem has come back: how far it is, by when it is to be put right; its number.

    Raises:
        ConfigError: something is missing, the problem is not closed, or something about it waits for review.
    """
    where = KINDS["reopen"]
    if not problem["is_closed"]:
        raise ConfigError(where, "这个问题没有销号", "还在整改的，请牵头单位报进展")
    if not content:
        raise ConfigError(where, "没有写反弹的情况", "例如：回头看发现又有 3 件超时")
    if not (pct.isdigit() and int(pct) < 100):
        raise ConfigError(where, f"现在的进度 '{pct}' 不是 0 到 99 的整数", "从头改起写 0")
    try:
        due_on = date.fromisoformat(due)
    except ValueError:
        raise ConfigError(where, f"重新定的时限 '{due}' 不是日期", "例如 2026-12-31") from None
    if due_on <= today:
        raise ConfigError(where, f"重新定的时限 {due_on} 不在今天（{today}）以后", "请写今天以后的一天")
    if any(r["accepted"] is None for r in reports(connection, problem["problem_no"])):
        raise ConfigError(where, "这个问题还有没审核的报告", "请先审核")
    return _kept(connection, problem, user, "reopen", int(pct), content, due_on, paper, today)


def _kept(
    connection: psycopg.Connection[Any], problem: Row, user: Account, kind: str, pct: int, content: str, due_on: date | None,
    paper: tuple[str, bytes] | None, today: date,
) -> int:  # fmt: skip
    lead = department_of(problem["lead_dept_code"] or "")
    row = connection.execute(
        "INSERT INTO hub.rectification_report (problem_no, kind, progress_pct, content, due_on, department, reported_by, reported_on) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING report_id",
        [problem["problem_no"], kind, pct, content, due_on, lead.code if lead else OFFICE, user.name, today],
    ).fetchone()
    if row is None:
        raise ConfigError(KINDS[kind], "上一份还没有审核", "等审核后再报，或联系整改办")
    attachments.keep(connection, subject(row["report_id"]), paper, by=user.name)
    return int(row["report_id"])


def review(connection: psycopg.Connection[Any], number: int, problem: str, user: Account, *, accepted: bool, answer: str, today: date) -> Row:  # fmt: skip
    """Accept or return a report that waits; what the ledger says now and the papers' fingerprints are kept with it.

    Raises:
        ConfigError: none waits, the reporter would review it, or it is returned without a reason.
    """
    where = f"报告 {number}"
    found = connection.execute(
        "SELECT * FROM hub.rectification_report WHERE report_id = %s AND problem_no = %s AND accepted IS NULL FOR UPDATE", [number, problem]
    ).fetchone()  # fmt: skip
    if found is None:
        raise ConfigError(where, "没有待审核的", "请刷新页面")
    if found["reported_by"].lower() == user.name.lower():
        raise ConfigError(where, "是你自己报的", "请由另一个人审核")
    if not accepted and not answer:
        raise ConfigError(where, "退回没有写理由", "请写明哪里没有到位")
    connection.execute(
        "UPDATE hub.rectification_report r SET accepted = %s, answer = %s, answered_by = %s, answered_at = clock_timestamp(), answered_on = greatest(%s, reported_on), "
        "evidence = (SELECT string_agg(name || ' sha256:' || encode(sha256(content), 'hex'), E'\n' ORDER BY attachment_id) FROM hub.attachment WHERE subject = %s), "
        "ledger_status = p.status, ledger_pct = p.progress_pct, ledger_reopened = coalesce(p.reopened_count, 0) "
        "FROM shared.rectification_problem p WHERE p.problem_no = r.problem_no AND r.report_id = %s",
        [accepted, answer or None, user.name, today, subject(number), number],
    )
    return dict(found)
