"""The warehouse as it was known at an instant: what each shared relation held then, as SQL over record and history.

A row is known from the commit of the batch that brought it to the commit of the batch that replaced or closed it.
Reference tables are kept whole at each change (hub.reference_history), decisions on parties at each change too.

    record   T1 solved=是  batch 7          as known before batch 7 committed:  T1 solved=否
    history  T1 solved=否  batch 3 … 7
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

from psycopg import sql

from schemas.contract import Contract, contracts
from warehouse import golden, provenance
from warehouse.merging import TURN
from warehouse.reference import TABLES
from warehouse.tables import columns, literal, quoted, shared_name, shared_query
from warehouse.versions import SUFFIX, valid_rows, version_query

if TYPE_CHECKING:
    import psycopg

COUNTY_TIME = ZoneInfo("Asia/Shanghai")
REFERENCE = (*(table.name for table in TABLES), "work_calendar")

# Beside the golden record: where its values come from, what it was called.
ORIGINS = ("enterprise_provenance", "enterprise_name")


def end_of(day: date) -> datetime:
    """The last instant of a county day."""
    return datetime.combine(day + timedelta(days=1), time(), COUNTY_TIME) - timedelta(microseconds=1)


def instant(connection: psycopg.Connection[Any]) -> datetime:
    """An instant that every batch, link and golden record either is committed before or will be after: those under way are waited for."""
    with connection.transaction():
        connection.execute(f"SELECT pg_advisory_xact_lock_shared({TURN})".encode())
        connection.execute("LOCK TABLE hub.batch IN SHARE MODE")
        row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    return cast("datetime", row[0])


def settled(connection: psycopg.Connection[Any], at: datetime) -> None:
    """Wait until nothing under way can still come to be known at the instant; what begins later is known later."""
    begun = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start <= %s LIMIT 1"
    if connection.execute(begun, [at]).fetchone():
        instant(connection)


def relation(
    connection: psycopg.Connection[Any], name: str, known_at: datetime, valid_at: datetime | None = None
) -> str | None:
    """The query that gives shared.<name> as it was known; None where the hub keeps no history of it.

    With `valid_at`, a dataset's rows are those that were valid then, by what was known at `known_at`; the golden record
    is made anew of them. What has no valid time of its own (reference tables, the hub's books) is as it was known.
    """
    at = literal(known_at.isoformat()) + "::timestamptz"
    valid = valid_at and literal(valid_at.astimezone(COUNTY_TIME).replace(tzinfo=None).isoformat()) + "::timestamp"
    for contract in contracts().values():
        if contract.fields and shared_name(contract) == name:
            if valid:
                return shared_query(
                    contract, valid_rows(contract, at, valid), _parties(at), {"valid_to": "r._valid_to"}
                )
            return shared_query(contract, _rows(contract, at), _parties(at))
        if contract.fields and shared_name(contract) + SUFFIX == name:
            return version_query(contract, at, _parties(at))
    if name == "enterprise":
        if not valid:
            return _GOLDEN.replace("{at}", at)
        told = contracts()[name]
        others = [other for other in contracts().values() if other.party and other is not told]
        return golden.past(told, at, valid, _parties(at), _owners(connection, told, at), others)
    if name == "enterprise_provenance":
        told = contracts()["enterprise"]
        rows = valid_rows(told, at, valid) if valid else _rows(told, at)
        return provenance.claims(
            told, rows, _parties(at), at, lambda other: _rows(other, at), _owners(connection, told, at)
        )
    if name == "enterprise_name":
        return provenance.names(contracts()["enterprise"], _parties(at), at, lambda other: _rows(other, at))
    if name == f"enterprise{SUFFIX}":
        return golden.versions(contracts()["enterprise"], at)
    if name in REFERENCE:
        return _reference(connection, name, at)
    if name not in _OWN:
        return None
    department = _reference(connection, "department", at)
    return _OWN[name].replace("{at}", at).replace("{department}", f"({department})")


def _rows(contract: Contract, at: str) -> str:
    listed = ", ".join(f"r.{quoted(c)}" for c in columns(contract))
    name = quoted(contract.dataset)
    return (
        f"(SELECT {listed} FROM record.{name} r JOIN hub.batch o ON o.batch_id = r._batch_id WHERE o.committed_at <= {at} "
        f"UNION ALL SELECT {listed} FROM record_history.{name} r JOIN hub.batch o ON o.batch_id = r._batch_id "
        f"JOIN hub.batch c ON c.batch_id = r._closed_batch_id WHERE o.committed_at <= {at} AND c.committed_at > {at})"
    )


def _parties(at: str) -> str:
    """Which enterprise each party was taken for: what stood before the first change after the instant, else what stands."""
    return (
        f"(SELECT q.party, CASE WHEN h.party IS NULL THEN CASE WHEN q.decided_at <= {at} THEN q.enterprise_id END "
        f"WHEN h.known_from <= {at} THEN h.enterprise_id END AS enterprise_id FROM hub.party q LEFT JOIN LATERAL (SELECT k.party, k.enterprise_id, "
        f"k.known_from FROM hub.party_history k WHERE k.party = q.party AND k.known_to > {at} ORDER BY k.known_to LIMIT 1) h ON true)"
    )


def _owners(connection: psycopg.Connection[Any], contract: Contract, at: str) -> dict[str, str]:
    """Field group → the department that owned it at the instant."""
    found = connection.execute(
        sql.SQL(
            f"SELECT field_group, department FROM hub.data_owner WHERE dataset = {literal(contract.dataset)} "
            f"AND known_from <= {at} AND coalesce(known_to > {at}, true)"
        )
    )
    return dict(found.fetchall())


def _reference(connection: psycopg.Connection[Any], name: str, at: str) -> str | None:
    # Known earlier than the first that was kept: the first is the nearest there is.
    found = connection.execute(
        sql.SQL(
            f"SELECT known_from::text, columns FROM hub.reference_history WHERE name = {literal(name)} "
            f"ORDER BY (known_from <= {at}) DESC, CASE WHEN known_from <= {at} THEN -extract(epoch FROM known_from) ELSE extract(epoch FROM known_from) END LIMIT 1",
        )
    ).fetchone()
    if found is None:
        return None
    known_from, shape = found
    declared = ", ".join(f"{quoted(c['name'])} {c['type']}" for c in shape)
    return (
        f"SELECT x.* FROM hub.reference_history h CROSS JOIN LATERAL jsonb_to_recordset(h.rows) AS x({declared}) "
        f"WHERE h.name = {literal(name)} AND h.known_from = {literal(known_from)}::timestamptz"
    )


_GOLDEN = """SELECT e.* FROM shared.enterprise e WHERE e.known_from <= {at}
UNION ALL SELECT (jsonb_populate_record(NULL::shared.enterprise, h.record || jsonb_build_object('known_from', h.known_from))).*
FROM hub.enterprise_history h WHERE h.known_from <= {at} AND h.known_to > {at}"""

# The hub's own books; departments are called what they were called then. A held batch counts as held until the batch that let it in had been committed.
_OWN = {
    "batch": """SELECT b.batch_id, s.connector, s.title, b.dataset, s.provider_dept_code, b.delivery, b.kind,
      CASE WHEN b.status = 'released' AND NOT EXISTS (SELECT FROM hub.batch n WHERE n.source_id = b.source_id AND n.delivery = b.delivery
        AND n.batch_id > b.batch_id AND n.status = 'committed' AND n.committed_at <= {at}) THEN 'held' ELSE b.status END AS status,
      (b.extracted_at AT TIME ZONE 'Asia/Shanghai') AS extracted_at, (b.committed_at AT TIME ZONE 'Asia/Shanghai') AS committed_at,
      b.extracted, b.passed, b.quarantined, b.repaired, b.warned, b.new_rows, b.changed_rows, b.unchanged_rows, b.superseded_rows, b.closed_rows,
      coalesce(b.received_on, (b.committed_at AT TIME ZONE 'Asia/Shanghai')::date) AS received_on
      FROM hub.batch b JOIN hub.source s USING (source_id) WHERE b.committed_at <= {at}""",
    "source_answer": """SELECT s.connector, s.dataset, s.provider_dept_code, a.answered_on
      FROM hub.source_answer a JOIN hub.source s USING (source_id) WHERE a.answered_at <= {at}""",
    "data_objection": """SELECT o.objection_id, o.dataset, o.provider, d.dept_code::varchar(18) AS provider_dept_code, o.opened_on, o.due_on,
      CASE WHEN o.answered_at <= {at} THEN (o.answered_at AT TIME ZONE 'Asia/Shanghai') END AS answered_at, CASE WHEN o.answered_at <= {at} THEN o.result END AS result
      FROM hub.objection o LEFT JOIN {department} d ON d.dept_id = o.provider WHERE o.raised_at <= {at}""",
    "rectification_report": """SELECT r.report_id, r.problem_no::varchar(20) AS problem_no, r.kind::varchar(10) AS kind, r.progress_pct, a.accepted,
      d.dept_code::varchar(18) AS provider_dept_code, coalesce(p.person, r.reported_by) AS reporter, r.reported_on, coalesce(q.person, a.answered_by) AS reviewer,
      (a.answered_at AT TIME ZONE 'Asia/Shanghai') AS answered_at, a.answered_on, CASE WHEN NOT a.accepted THEN a.answer END AS reason, a.evidence,
      a.ledger_status::varchar(20) AS ledger_status, a.ledger_pct, a.ledger_reopened, r.due_on
      FROM hub.rectification_report r LEFT JOIN hub.rectification_report a ON a.report_id = r.report_id AND a.answered_at <= {at}
      LEFT JOIN {department} d ON d.dept_id = r.department LEFT JOIN hub.account p ON p.name = r.reported_by
      LEFT JOIN hub.account q ON q.name = a.answered_by WHERE r.reported_at <= {at}""",
    "enterprise_conflict": """SELECT c.conflict_id, c.enterprise_id::varchar(36) AS enterprise_id, c.field_group, c.owner,
      coalesce(d.short_name, c.owner) AS owner_department, s.connector, s.provider_dept_code, c.stands, c.said, c.former,
      (c.opened_at AT TIME ZONE 'Asia/Shanghai') AS opened_at, c.due_on,
      CASE WHEN c.closed_at <= {at} THEN (c.closed_at AT TIME ZONE 'Asia/Shanghai') END AS closed_at, CASE WHEN c.closed_at <= {at} THEN c.outcome END AS outcome
      FROM hub.conflict c JOIN hub.source s USING (source_id) LEFT JOIN {department} d ON d.dept_id = c.owner WHERE c.opened_at <= {at}""",
    "hotline_topic": """SELECT topic_id::varchar(16) AS topic_id, title, place, keywords, representative::varchar(40) AS representative_ticket_no
      FROM hub.topic WHERE known_from <= {at} AND known_to > {at}""",
    "hotline_topic_ticket": """SELECT ticket_no::varchar(40) AS ticket_no, topic_id::varchar(16) AS topic_id
      FROM hub.topic_ticket WHERE known_from <= {at} AND known_to > {at}""",
    "quarantine": """SELECT q.quarantine_id, s.connector, s.dataset, s.provider_dept_code, q.batch_id,
      concat_ws(' ', q.delivery, q.sheet, '第' || q.row_number || '行') AS source_ref, r ->> 'field' AS field, r ->> 'title' AS title,
      r ->> 'rule' AS rule, r ->> 'reason' AS reason, (q.first_seen_at AT TIME ZONE 'Asia/Shanghai') AS first_seen_at,
      CASE WHEN q.resolved_at <= {at} THEN (q.resolved_at AT TIME ZONE 'Asia/Shanghai') END AS resolved_at,
      CASE WHEN q.resolved_at <= {at} THEN q.resolution END AS resolution
      FROM hub.quarantine q JOIN hub.source s USING (source_id) CROSS JOIN LATERAL jsonb_array_elements(q.reasons) r
      WHERE q.first_seen_at <= {at}""",
}
