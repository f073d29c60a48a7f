"""Reference tables analysts and views join: departments, the working calendar, deadline rules, code lists.

Their truth is the files in schemas/; each table is rewritten, in one transaction, when its file says otherwise.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import pyarrow as pa

from schemas import assessment, calendar, departments, reference
from schemas.contract import contracts
from warehouse import calendar as county
from warehouse.engines.adbc import Connection
from warehouse.tables import literal, quoted

Columns = dict[str, list[Any]]

# The calendar reaches from the oldest history a county brings along to the farthest deadline a ledger names.
FIRST_YEAR, LAST_YEAR = 2015, 2032

_PUBLIC_BATCH = """
CREATE OR REPLACE VIEW shared.batch AS SELECT b.batch_id, s.connector, s.title, b.dataset, s.provider_dept_code, b.delivery, b.kind, b.status,
  (b.extracted_at AT TIME ZONE 'Asia/Shanghai') AS extracted_at, (b.committed_at AT TIME ZONE 'Asia/Shanghai') AS committed_at,
  b.extracted, b.passed, b.quarantined, b.repaired, b.warned, b.new_rows, b.changed_rows, b.unchanged_rows, b.superseded_rows, b.closed_rows,
  coalesce(b.received_on, (b.committed_at AT TIME ZONE 'Asia/Shanghai')::date) AS received_on
FROM hub.batch b JOIN hub.source s USING (source_id)"""
_PUBLIC_OBJECTION = """
CREATE OR REPLACE VIEW shared.data_objection AS SELECT o.objection_id, o.dataset, o.provider, d.dept_code::varchar(18) AS provider_dept_code, o.opened_on, o.due_on,
  (o.answered_at AT TIME ZONE 'Asia/Shanghai') AS answered_at, o.result
FROM hub.objection o LEFT JOIN shared.department d ON d.dept_id = o.provider"""
_PUBLIC_ANSWER = """
CREATE OR REPLACE VIEW shared.source_answer AS SELECT s.connector, s.dataset, s.provider_dept_code, a.answered_on
FROM hub.source_answer a JOIN hub.source s USING (source_id)"""
# Reports about problems, answered by another person or not yet; what they say in words stays with those it is for.
_PUBLIC_REPORT = """
CREATE OR REPLACE VIEW shared.rectification_report AS SELECT r.report_id, r.problem_no::varchar(20) AS problem_no, r.kind::varchar(10) AS kind, r.progress_pct,
  r.accepted, d.dept_code::varchar(18) AS provider_dept_code, coalesce(p.person, r.reported_by) AS reporter, r.reported_on, coalesce(q.person, r.answered_by) AS reviewer,
  (r.answered_at AT TIME ZONE 'Asia/Shanghai') AS answered_at, r.answered_on, CASE WHEN NOT r.accepted THEN r.answer END AS reason, r.evidence,
  r.ledger_status::varchar(20) AS ledger_status, r.ledger_pct, r.ledger_reopened, r.due_on
FROM hub.rectification_report r LEFT JOIN shared.department d ON d.dept_id = r.department
LEFT JOIN hub.account p ON p.name = r.reported_by LEFT JOIN hub.account q ON q.name = r.answered_by"""
# One row per refused row and reason, without any raw value.
_PUBLIC_QUARANTINE = """
CREATE OR REPLACE VIEW shared.quarantine AS SELECT q.quarantine_id, s.connector, s.dataset, s.provider_dept_code, q.batch_id,
  concat_ws(' ', q.delivery, q.sheet, '第' || q.row_number || '行') AS source_ref, r ->> 'field' AS field, r ->> 'title' AS title, r ->> 'rule' AS rule,
  r ->> 'reason' AS reason, (q.first_seen_at AT TIME ZONE 'Asia/Shanghai') AS first_seen_at, (q.resolved_at AT TIME ZONE 'Asia/Shanghai') AS resolved_at, q.resolution
FROM hub.quarantine q JOIN hub.source s USING (source_id) CROSS JOIN LATERAL jsonb_array_elements(q.reasons) r"""


TODAY = "(now() AT TIME ZONE 'Asia/Shanghai')::date"  # SQL of the county's day


def answering(department: str, day: str = TODAY) -> str:
    """SQL of the folder code of whoever answers for a department on a day: its successor's once it was dissolved."""
    return (
        "coalesce((SELECT a.dept_id FROM shared.department d JOIN shared.department_period p USING (dept_code) JOIN shared.department a "
        f"ON a.dept_code = p.answering_code WHERE d.dept_id = {department} AND p.from_on <= {day} AND {day} < p.to_on), {department})"
    )


def refresh(warehouse: Connection) -> None:
    """Make and fill the reference tables. The caller commits."""
    warehouse.execute("CREATE TABLE IF NOT EXISTS hub.reference (name text PRIMARY KEY, fingerprint text NOT NULL)")
    known = {row["name"]: row["fingerprint"] for row in warehouse.rows("SELECT name, fingerprint FROM hub.reference")}
    for table in (*TABLES, _work_calendar(warehouse)):
        fingerprint = table.fingerprint()
        if known.get(table.name) != fingerprint:
            _rewrite(warehouse, table, fingerprint)
            _keep(warehouse, table.name)
    for name in [row["name"] for row in warehouse.rows(_NEVER_KEPT)]:
        _keep(warehouse, name)
    warehouse.execute(_PUBLIC_BATCH)
    warehouse.execute(_PUBLIC_QUARANTINE)
    warehouse.execute(_PUBLIC_OBJECTION)
    warehouse.execute(_PUBLIC_ANSWER)
    warehouse.execute(_PUBLIC_REPORT)


# Tables that stood before their history began to be kept.
_NEVER_KEPT = (
    "SELECT name FROM hub.reference r WHERE NOT EXISTS (SELECT 1 FROM hub.reference_history h WHERE h.name = r.name)"
)


def _keep(warehouse: Connection, name: str) -> None:
    """Keep the table as it is now, so that a question as of an earlier day finds what was in force then."""
    warehouse.execute(
        "INSERT INTO hub.reference_history (name, columns, rows) SELECT $1, (SELECT jsonb_agg(jsonb_build_object('name', attname, "
        "'type', format_type(atttypid, atttypmod)) ORDER BY attnum) FROM pg_attribute WHERE attrelid = $2::text::regclass AND attnum > 0 "
        f"AND NOT attisdropped), coalesce((SELECT jsonb_agg(to_jsonb(t)) FROM shared.{quoted(name)} t), '[]')",
        name, f"shared.{quoted(name)}",
    )  # fmt: skip


def _calendar_rows(overrides: Sequence[calendar.Override] = (), announced: Sequence[int] = ()) -> Columns:
    rows = calendar.build(FIRST_YEAR, LAST_YEAR, overrides, announced)
    return {
        name: list(values) for name, values in zip(calendar.CalendarDay._fields, zip(*rows, strict=True), strict=True)
    }


def _work_calendar(warehouse: Connection) -> Table:
    """The calendar with the days the county set itself."""
    own, announced = county.settings(warehouse)
    # Building eighteen years takes longer than the whole of a short job: the packages' versions say as much.
    known = f"{FIRST_YEAR}-{LAST_YEAR} {version('chinesecalendar')} {version('holidays')}"
    said = hashlib.sha256(repr((own, announced)).encode()).hexdigest()[:16] if own or announced else ""
    return Table("work_calendar", "工作日历", lambda: _calendar_rows(own, announced), f"{known} {said}".strip)


def _digest(rows: Callable[[], Columns]) -> Callable[[], str]:
    return lambda: hashlib.sha256(json.dumps(rows(), ensure_ascii=False, default=str).encode()).hexdigest()[:16]


def _promise_rows() -> Columns:
    """Per dataset the days within which a delivery is to be expected: how often, and how long it may be under way."""
    days = {
        c.dataset: math.ceil(((c.sla_seconds("frequency") or 0) + (c.sla_seconds("latency") or 0)) / 86400)
        for c in contracts().values()
        if c.sla_seconds("frequency")
    }
    return {"dataset": [*days], "within_days": [*days.values()]}


@dataclass(frozen=True)
class Table:
    """One reference table: where its rows come from, and what tells that they changed."""

    name: str
    title: str
    rows: Callable[[], Columns]
    fingerprint: Callable[[], str]


TABLES = (
    Table("department", "部门", departments.department_rows, _digest(departments.department_rows)),
    Table(
        "department_alias",
        "部门别名与曾用名",
        departments.department_alias_rows,
        _digest(departments.department_alias_rows),
    ),
    Table(
        "department_period",
        "部门沿革：哪段日子叫什么，由谁承接",
        departments.department_period_rows,
        _digest(departments.department_period_rows),
    ),
    Table("code_value", "代码表", reference.code_value_rows, _digest(reference.code_value_rows)),
    Table("deadline_rule", "时限规则", reference.deadline_rule_rows, _digest(reference.deadline_rule_rows)),
    Table("delivery_promise", "交付约定：每个数据集几天之内应有一批", _promise_rows, _digest(_promise_rows)),
    Table("assessment_item", "热线考核项目（模拟用）", assessment.assessment_item_rows, assessment.fingerprint),
)


_DAYS = {"effective_from", "effective_to"}


def _rewrite(warehouse: Connection, made: Table, fingerprint: str) -> None:
    name = made.name
    table = pa.table(made.rows())
    # A column that is all NULL tells no type of its own.
    told = [f.with_type(pa.date32() if f.name in _DAYS else pa.string()) if pa.types.is_null(f.type) else f for f in table.schema]  # fmt: skip
    table = table.cast(pa.schema(told))
    kinds = {
        "string": "text",
        "int64": "bigint",
        "bool": "boolean",
        "date32[day]": "date",
        "decimal128(18, 4)": "numeric(18, 4)",
    }
    declared = ", ".join(f"{quoted(f.name)} {kinds[str(f.type)]}" for f in table.schema)
    if warehouse.scalar("SELECT to_regclass($1::text)::text", f"shared.{name}") is None:
        warehouse.execute(f"CREATE TABLE shared.{quoted(name)} ({declared})")
        warehouse.execute(f"COMMENT ON TABLE shared.{quoted(name)} IS {literal(made.title)}")
    warehouse.execute(f"DELETE FROM shared.{quoted(name)}")
    warehouse.ingest(table.to_reader(), name, "shared")
    warehouse.execute(
        "INSERT INTO hub.reference VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET fingerprint = EXCLUDED.fingerprint",
        name,
        fingerprint,
    )
