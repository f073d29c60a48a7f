"""Data objections: a user of a record says that it is wrong, its provider verifies and answers within the working days.

    raised --answer--> corrected (the source was put right) | kept (the value is right) | unverifiable

Source: 政务数据共享条例（国务院令第809号）第二十六条 (verification within ten working days, rule sharing.correction).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import psycopg
from psycopg.rows import dict_row

from schemas.contract import contract
from schemas.errors import ConfigError, nearest
from schemas.reference import deadline_rules, departments
from warehouse import calendar as county
from warehouse.correction import RULE
from warehouse.reference import answering

KINDS = {"wrong": "不准确", "missing": "不完整", "outdated": "过期", "duplicate": "重复", "conflict": "与别处不一致"}
RESULTS = {"corrected": "已更正", "kept": "核实无误", "unverifiable": "无法核实"}


def raise_(
    connection: psycopg.Connection[Any], today: date, *, dataset: str, record_key: str, kind: str, said: str, provider: str, by: str,
    department: str | None, field: str | None = None, claimed: str | None = None, evidence: str | None = None,
) -> int:  # fmt: skip
    """Put an objection before the department that provides the record; returns its number. The caller commits.

    Raises:
        ConfigError: the dataset, field, kind or department does not exist, or record or reason is not given.
    """
    agreed = contract(dataset)
    if field and field not in agreed.fields:
        raise ConfigError(f"字段 {field}", f"{agreed.title}没有这个字段", nearest(field, agreed.fields))
    if kind not in KINDS:
        raise ConfigError(f"问题类型 {kind}", "没有这一种", f"可以是 {'、'.join(KINDS.values())}")
    if provider not in departments():
        raise ConfigError(f"提供单位 {provider}", "不是已登记的部门", nearest(provider, departments()))
    for what, text in (("是哪条记录", record_key), ("哪里不对", said)):
        if not text.strip():
            raise ConfigError("数据异议", f"没有写{what}", f"请写明{what}")
    rule = next(r for r in deadline_rules() if r.rule_id == RULE)
    due = county.calendar(connection).add(today, rule.days)
    row = connection.execute(
        "INSERT INTO hub.objection (dataset, record_key, field, kind, said, claimed, evidence, raised_by, raised_dept, provider, opened_on, due_on, "
        "provisional, rule_id, legal_basis) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING objection_id AS n",
        [dataset, record_key.strip(), field or None, kind, said.strip(), claimed or None, evidence or None, by, department, provider, today, due.date,
         due.provisional, rule.rule_id, rule.legal_basis],
    ).fetchone()  # fmt: skip
    assert row is not None
    return int(row["n"] if isinstance(row, dict) else row[0])


def objections(
    connection: psycopg.Connection[Any], today: date, *, department: str | None = None, by: str | None = None, number: int | None = None, every: bool = False
) -> list[dict[str, Any]]:  # fmt: skip
    """One dict per objection, the earliest due first, with days_left and used_pct of its working days (NULL when answered).

    `department` sees those it provides or raised, `by` those of one person as well; both None sees all.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            "SELECT * FROM hub.objection WHERE (%(every)s OR result IS NULL) AND (%(number)s::bigint IS NULL OR objection_id = %(number)s) "
            "AND ((%(department)s::text IS NULL AND %(by)s::text IS NULL) OR provider = %(department)s OR raised_dept = %(department)s OR raised_by = %(by)s) "
            "ORDER BY result IS NOT NULL, due_on, objection_id",
            {"every": every or number is not None, "number": number, "department": department, "by": by},
        ).fetchall()
    clocked(connection, found, today)
    return found


def clocked(connection: psycopg.Connection[Any], found: Sequence[dict[str, Any]], today: date) -> None:
    """Add days_left and used_pct in working days to cases with opened_on and due_on; NULL for those with a `result`."""
    calendar = county.calendar(connection)
    for one in found:
        whole = calendar.between(one["opened_on"], one["due_on"]) or 1
        gone = calendar.between(one["opened_on"], today)
        closed = one.get("result") or one.get("outcome")
        one["closed_at"] = one.get("answered_at") if "answered_at" in one else one.get("closed_on")
        one["days_left"] = None if closed else whole - gone
        one["used_pct"] = None if closed else round(100 * gone / whole)


def answer(connection: psycopg.Connection[Any], number: int, *, result: str, text: str, by: str) -> None:
    """Close an objection with what verifying it came to. The caller commits.

    Raises:
        ConfigError: it is answered, nothing is written, or the one who raised it would answer.
    """
    where = f"数据异议 {number}"
    if result not in RESULTS:
        raise ConfigError(where, "没有选结果", f"可以是 {'、'.join(RESULTS.values())}")
    if not text.strip():
        raise ConfigError(where, "没有写核实情况", "请写明核了什么、改了什么")
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute("SELECT raised_by, result FROM hub.objection WHERE objection_id = %s FOR UPDATE", [number]).fetchone()  # fmt: skip
        if row is None:
            raise ConfigError(where, "没有这个编号", "请从列表进入")
        if row["result"] is not None:
            raise ConfigError(where, f"已经答复（{RESULTS[row['result']]}）", "不同意答复可以另提一件")
        if row["raised_by"].lower() == by.lower():
            raise ConfigError(where, "是你自己提的", "请由另一个人答复")
        cursor.execute(
            "UPDATE hub.objection SET result = %s, answer = %s, answered_by = %s, answered_at = clock_timestamp() WHERE objection_id = %s",
            [result, text.strip(), by, number],
        )


def running(connection: psycopg.Connection[Any], today: date) -> list[dict[str, Any]]:
    """Open objections and conflicts, the earliest due first.

    One dict per case: what ("objection" or "conflict"), number, department (whose turn it is), opened_on, due_on,
    days_left and used_pct of its working days.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            "SELECT 'objection' AS what, objection_id AS number, provider AS department, opened_on, due_on FROM hub.objection WHERE result IS NULL "
            f"UNION ALL SELECT 'conflict', conflict_id, {answering('owner')}, (opened_at AT TIME ZONE 'Asia/Shanghai')::date, due_on FROM hub.conflict "
            "WHERE closed_at IS NULL ORDER BY due_on, what, number"
        ).fetchall()
    clocked(connection, found, today)
    return found
