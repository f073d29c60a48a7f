"""What a view may read: datasets of the contracts and the hub's reference tables, with their column types.

Types are PostgreSQL's. Views over them are portable only while every type here exists on every engine.
"""

from __future__ import annotations

from functools import cache

from schemas.contract import contracts

# Every dataset view carries where its row came from.
PROVENANCE: dict[str, str] = {
    "source_system": "varchar(80)",
    "source_pk": "text",
    "provider_dept_code": "varchar(18)",
    "batch_id": "integer",
    "extracted_at": "timestamp",
    "valid_from": "timestamp",
    "valid_to": "timestamp",
    "is_current": "boolean",
    "quality_status": "varchar(20)",
}

REFERENCE: dict[str, dict[str, str]] = {
    "department": {
        "dept_code": "varchar(18)",
        "dept_id": "varchar(40)",
        "dept_name": "varchar(100)",
        "short_name": "varchar(40)",
        "dept_type": "varchar(20)",
    },
    "department_period": {
        "dept_code": "varchar(18)",
        "from_on": "date",
        "to_on": "date",
        "short_name": "varchar(40)",
        "answering_code": "varchar(18)",
        "answering_name": "varchar(40)",
    },
    "work_calendar": {
        "day": "date",
        "is_workday": "boolean",
        "kind": "varchar(10)",
        "workday_no": "integer",
        "provisional": "boolean",
    },
    "code_value": {"code_set": "varchar(40)", "code": "varchar(40)", "name": "varchar(100)"},
    "deadline_rule": {
        "rule_id": "varchar(40)",
        "domain": "varchar(40)",
        "item": "varchar(200)",
        "clock_unit": "varchar(20)",
        "days": "integer",
        "extension_days": "integer",
        "legal_basis": "text",
        "effective_from": "date",
        "effective_to": "date",
        "region": "varchar(12)",
        "source": "varchar(4)",
    },
    "enterprise_conflict": {
        "conflict_id": "bigint",
        "enterprise_id": "varchar(36)",
        "field_group": "text",
        "owner": "text",
        "owner_department": "text",
        "connector": "text",
        "provider_dept_code": "varchar(18)",
        "opened_at": "timestamp",
        "due_on": "date",
        "closed_at": "timestamp",
        "outcome": "text",
    },
    "assessment_item": {
        "scheme": "varchar(40)",
        "item": "varchar(40)",
        "title": "varchar(100)",
        "metric": "varchar(40)",
        "formula": "varchar(20)",
        "source": "varchar(4)",
        "basis": "text",
        "full_score": "numeric(18,4)",
        "target": "numeric(18,4)",
        "k": "numeric(18,4)",
        "floor_score": "numeric(18,4)",
        "weight": "numeric(18,4)",
        "effective_from": "date",
        "effective_to": "date",
    },
    "batch": {
        "batch_id": "integer",
        "connector": "varchar(80)",
        "title": "text",
        "dataset": "varchar(63)",
        "provider_dept_code": "varchar(18)",
        "delivery": "text",
        "kind": "varchar(20)",
        "status": "varchar(20)",
        "extracted_at": "timestamp",
        "committed_at": "timestamp",
        "extracted": "bigint",
        "passed": "bigint",
        "quarantined": "bigint",
        "repaired": "bigint",
        "warned": "bigint",
        "new_rows": "bigint",
        "changed_rows": "bigint",
        "unchanged_rows": "bigint",
        "superseded_rows": "bigint",
        "closed_rows": "bigint",
        "received_on": "date",
    },
    "source_answer": {
        "connector": "varchar(80)",
        "dataset": "varchar(63)",
        "provider_dept_code": "varchar(18)",
        "answered_on": "date",
    },
    "delivery_promise": {"dataset": "varchar(63)", "within_days": "bigint"},
    "data_objection": {
        "objection_id": "bigint",
        "dataset": "varchar(63)",
        "provider": "varchar(40)",
        "provider_dept_code": "varchar(18)",
        "opened_on": "date",
        "due_on": "date",
        "answered_at": "timestamp",
        "result": "varchar(20)",
    },
    "rectification_report": {
        "report_id": "bigint",
        "problem_no": "varchar(20)",
        "kind": "varchar(10)",
        "progress_pct": "integer",
        "accepted": "boolean",
        "provider_dept_code": "varchar(18)",
        "reporter": "text",
        "reported_on": "date",
        "reviewer": "text",
        "answered_at": "timestamp",
        "answered_on": "date",
        "reason": "text",
        "evidence": "text",
        "ledger_status": "varchar(20)",
        "ledger_pct": "integer",
        "ledger_reopened": "integer",
        "due_on": "date",
    },
    "hotline_topic": {
        "topic_id": "varchar(16)",
        "title": "text",
        "place": "text",
        "keywords": "text",
        "representative_ticket_no": "varchar(40)",
    },
    "hotline_topic_ticket": {"ticket_no": "varchar(40)", "topic_id": "varchar(16)"},
    "quarantine": {
        "quarantine_id": "bigint",
        "connector": "varchar(80)",
        "dataset": "varchar(63)",
        "provider_dept_code": "varchar(18)",
        "batch_id": "integer",
        "source_ref": "text",
        "field": "varchar(63)",
        "title": "text",
        "rule": "varchar(63)",
        "reason": "text",
        "first_seen_at": "timestamp",
        "resolved_at": "timestamp",
        "resolution": "varchar(20)",
    },
}


@cache
def tables() -> dict[str, dict[str, str]]:
    """Column types of every table a view may name, views themselves left out: {table: {column: type}}."""
    known = dict(REFERENCE)
    for dataset, contract in contracts().items():
        # Of the computed fields only the identity is there for views to read; clocks are computed by views themselves.
        identity = {f.name: f.physical_type for f in contract.derived.values() if f.derived == "identity"}
        if contract.party is not None:
            identity["enterprise_id"] = "varchar(36)"
        stored = {f.name: f.physical_type for f in contract.fields.values()}
        if dataset == "enterprise":
            # The golden record: one row per enterprise from many sources, so no row has one provenance.
            known[dataset] = stored | identity
            known["enterprise_record"] = stored | {"enterprise_id": "varchar(36)"} | PROVENANCE
        elif stored:
            known[dataset] = stored | identity | PROVENANCE
    return known
