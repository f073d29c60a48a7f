"""Return to source: refused rows go to their department as correction orders with a working-day clock.

An order closes itself: at the source, when the row comes in right or comes no more (warehouse.quarantine); here, when
the row as the department mended it passes the very rules that refused it (warehouse.load.resubmit). A row that fails
again bounces with its new reasons. Whoever thinks the rule wrong contests it, and another person decides.

    hub.quarantine (refused rows) --order_id--> hub.correction_order (one per batch that refused something new)
                                  <------------ hub.correction_event (all that was done, only ever added to)
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from connectors.drivers.base import Delivery
from schemas.contract import Contract
from schemas.errors import ConfigError
from warehouse import calendar as county
from warehouse.engines.adbc import Connection
from warehouse.tables import literal, quoted

if TYPE_CHECKING:
    import psycopg

KIND = "correction"
RULE = "sharing.correction"

_ORDERS = """
SELECT o.order_id, s.connector, s.title, s.department, s.dataset, o.delivery, o.batch_id, o.opened_on, o.due_on, o.provisional,
  o.rule_id, o.legal_basis, count(*) AS rows, count(*) FILTER (WHERE q.resolved_at IS NULL) AS open_rows,
  count(*) FILTER (WHERE c.quarantine_id IS NOT NULL AND c.verdict IS NULL AND q.resolved_at IS NULL) AS contested_rows,
  CASE WHEN count(*) FILTER (WHERE q.resolved_at IS NULL) = 0 THEN max(q.resolved_at) END AS closed_at
FROM hub.correction_order o JOIN hub.source s USING (source_id) JOIN hub.quarantine q USING (order_id)
LEFT JOIN hub.correction_contest c USING (quarantine_id)
"""
_ROWS = """
SELECT q.quarantine_id, q.order_id, q.delivery, q.sheet, q.row_number, q.row_key, q.reasons, q.raw, q.resolution, q.resolved_at,
  c.raised_by, c.reason AS contest_reason, c.evidence AS contest_evidence, c.verdict,
  (SELECT count(*) FROM hub.correction_event e WHERE e.quarantine_id = q.quarantine_id AND e.kind = 'bounced') AS bounced
FROM hub.quarantine q LEFT JOIN hub.correction_contest c USING (quarantine_id)
"""


@dataclass(frozen=True)
class Mended:
    """A refused row as its department now says it should be: every source column, NULL where empty."""

    quarantine_id: int
    raw: dict[str, str | None]


def open_order(warehouse: Connection, source_id: int, batch_id: int, delivery: str, opened_on: date) -> None:
    """Give the rows this batch has refused for the first time their order, in the batch's own transaction.

    Source: 政务数据共享条例（国务院令第809号）第二十六条, by deadline rule RULE.
    """
    new = f"source_id = {source_id} AND batch_id = {batch_id} AND order_id IS NULL"
    if warehouse.scalar(f"SELECT 1 FROM hub.quarantine WHERE {new} LIMIT 1") is None:
        return
    from schemas.reference import deadline_rules

    rule = next(r for r in deadline_rules() if r.rule_id == RULE)
    due = county.of_warehouse(warehouse).add(opened_on, rule.days)
    order = warehouse.scalar(
        "INSERT INTO hub.correction_order (source_id, batch_id, delivery, opened_on, due_on, provisional, rule_id, legal_basis) "
        f"VALUES ({source_id}, {batch_id}, $1, '{opened_on}', '{due.date}', {due.provisional}, $2, $3) RETURNING order_id",
        delivery, rule.rule_id, rule.legal_basis,
    )  # fmt: skip
    warehouse.execute(f"UPDATE hub.quarantine SET order_id = {order} WHERE {new}")


def delivery(warehouse: Connection, order: int, mended: Sequence[Mended]) -> Delivery:
    """The mended rows as a delivery of their source: text columns, each row where its original stood."""
    import pyarrow as pa

    ids = [row.quarantine_id for row in mended]
    places = {
        row["quarantine_id"]: row
        for row in warehouse.rows(
            f"SELECT quarantine_id, sheet, row_number FROM hub.quarantine WHERE order_id = {order} AND quarantine_id IN ({', '.join(map(str, ids))})"
        )
    }
    units = warehouse.scalar(f"SELECT b.units FROM hub.correction_order o JOIN hub.batch b USING (batch_id) WHERE o.order_id = {order}")  # fmt: skip
    warehouse.commit()
    names = list(dict.fromkeys(name for row in mended for name in row.raw))
    columns = {name: pa.array([row.raw.get(name) for row in mended], pa.string()) for name in names}
    columns["_sheet"] = pa.array([places[n]["sheet"] for n in ids], pa.string())
    columns["_row"] = pa.array([places[n]["row_number"] for n in ids], pa.int64())
    columns["_quarantine_id"] = pa.array(ids, pa.int64())
    batch = pa.RecordBatch.from_pydict(columns)
    return Delivery(f"更正单 {order}", KIND, lambda _: [batch], units=json.loads(units or "{}"))


def settle(
    con: Any, warehouse: Connection, contract: Contract, *, batch_id: int, parquet: str, note: tuple[str, str] | None
) -> None:  # fmt: skip
    """Close the orders of the mended rows that pass and send the others back with their reasons.

    `note` is who sent them in and why; None on a replay, which is no new attempt.
    """
    keys = ", ".join(f"c.{quoted(k)}::VARCHAR" for k in contract.key)
    reader = con.execute(
        f"""SELECT c._quarantine_id::BIGINT AS quarantine_id, r._n IS NULL AS passed, concat_ws('|', {keys}) AS row_key, r.reasons
        FROM read_parquet('{parquet}') c LEFT JOIN refused r ON r._n = c._n"""
    ).fetchall()
    answers = ", ".join(
        f"({quarantine_id}, {passed}, {literal(key)}, {literal(reasons or '[]')}::jsonb)"
        for quarantine_id, passed, key, reasons in reader
    )
    warehouse.execute(
        f"CREATE TEMP TABLE answer ON COMMIT DROP AS SELECT * FROM (VALUES {answers}) v (quarantine_id, passed, row_key, reasons)"
    )
    warehouse.execute(
        f"UPDATE hub.quarantine q SET resolved_at = clock_timestamp(), resolved_batch_id = {batch_id}, resolution = 'resubmitted', "
        "corrected_key = a.row_key FROM answer a WHERE a.quarantine_id = q.quarantine_id AND a.passed AND q.resolved_at IS NULL"
    )
    if note is not None:
        warehouse.execute(
            "INSERT INTO hub.correction_event (quarantine_id, actor, kind, reason, batch_id, detail) SELECT quarantine_id, $1, "
            f"CASE WHEN passed THEN 'resubmitted' ELSE 'bounced' END, $2, {batch_id}, reasons FROM answer",
            *note,
        )


def kept_keys(con: Any, warehouse: Connection, source_id: int) -> None:
    """Make DuckDB's temp table `kept(row_key)`: rows mended here whose wrong original the source has just sent again.

    Their source does not know their right key; that it sends no such row does not mean the row is gone.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE kept (row_key VARCHAR)")
    mended = warehouse.query(
        f"SELECT uuid_send(fingerprint) AS fingerprint, corrected_key FROM hub.quarantine WHERE source_id = {source_id} AND resolution = 'resubmitted'"
    )
    if mended.num_rows:
        con.register("arrow_mended", mended)
        con.execute(
            "INSERT INTO kept SELECT corrected_key FROM arrow_mended WHERE fingerprint IN (SELECT fingerprint FROM refused)"
        )
        con.unregister("arrow_mended")


# ------------------------------------------------------------------------------------------- what people do
def orders(
    connection: psycopg.Connection[Any], today: date, *, department: str | None = None, order: int | None = None, all: bool = False
) -> list[dict[str, Any]]:  # fmt: skip
    """One row per order, the most urgent first: rows, open_rows, due_on, and `used_pct`, the share of the time that is gone.

    `used_pct` counts working days and passes 100 when the order is overdue; NULL for a closed one.
    """
    found = _ask(
        connection,
        f"{_ORDERS} WHERE (%(department)s::text IS NULL OR s.department = %(department)s) AND (%(order)s::bigint IS NULL OR o.order_id = %(order)s) "
        "GROUP BY o.order_id, s.source_id HAVING %(all)s OR bool_or(q.resolved_at IS NULL) ORDER BY o.due_on, o.order_id",
        {"department": department, "order": order, "all": all or order is not None},
    )
    calendar = county.calendar(connection)
    for one in found:
        whole = calendar.between(one["opened_on"], one["due_on"]) or 1
        gone = calendar.between(one["opened_on"], today)
        one["days_left"] = None if one["closed_at"] else whole - gone
        one["used_pct"] = None if one["closed_at"] else round(100 * gone / whole)
    return found


def rows(connection: psycopg.Connection[Any], *, order: int | None = None, ids: Sequence[int] = (), open_only: bool = False) -> list[dict[str, Any]]:  # fmt: skip
    """The refused rows of an order, or those named, with their raw values and what has been done about them."""
    return _ask(
        connection,
        f"{_ROWS} WHERE (q.order_id = %(order)s OR q.quarantine_id = ANY(%(ids)s)) AND (NOT %(open)s OR q.resolved_at IS NULL) "
        "ORDER BY q.delivery, q.sheet, q.row_number, q.row_key, q.quarantine_id",
        {"order": order, "ids": list(ids), "open": open_only},
    )


def events(connection: psycopg.Connection[Any], quarantine_id: int) -> list[dict[str, Any]]:
    """All that was done about one row, oldest first."""
    return _ask(
        connection, "SELECT * FROM hub.correction_event WHERE quarantine_id = %s ORDER BY event_id", [quarantine_id]
    )


def contest(
    connection: psycopg.Connection[Any], quarantine_id: int, *, by: str, reason: str, evidence: str | None = None
) -> None:
    """Say that the row is right and the rule is wrong. The clock goes on until another person has decided.

    Raises:
        ConfigError: no such row, it is settled already, or no reason is given.
    """
    where = f"隔离行 {quarantine_id}"
    found = rows(connection, ids=[quarantine_id])
    if not found:
        raise ConfigError(where, "没有这个编号", "用 hub correction show 查看")
    if found[0]["resolved_at"] is not None:
        raise ConfigError(where, "已经办结", "不用再申诉")
    if not reason.strip():
        raise ConfigError(where, "没有写理由", "请写明为什么这一行是对的")
    with connection.transaction():
        done = connection.execute(
            "INSERT INTO hub.correction_contest (quarantine_id, raised_by, reason, evidence) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT (quarantine_id) DO UPDATE SET raised_by = EXCLUDED.raised_by, raised_at = clock_timestamp(), reason = EXCLUDED.reason, "
            "evidence = EXCLUDED.evidence, verdict = NULL, decided_by = NULL, decided_at = NULL WHERE hub.correction_contest.verdict = 'rejected'",
            [quarantine_id, by, reason, evidence],
        )
        if not done.rowcount:
            raise ConfigError(where, "已经申诉过，还没有结论", "等裁定后再说")
        _log(connection, quarantine_id, by, "contested", reason, evidence)


def decide(connection: psycopg.Connection[Any], quarantine_id: int, *, by: str, upheld: bool, reason: str) -> None:
    """Settle a contest: upheld, the row waits for the rule to be mended and no longer counts against its department.

    Raises:
        ConfigError: nothing is contested, no reason is given, or the one who contested would decide.
    """
    where = f"隔离行 {quarantine_id}"
    if not reason.strip():
        raise ConfigError(where, "没有写理由", "请写明裁定的依据")
    verdict = "upheld" if upheld else "rejected"
    with connection.transaction():
        waiting = _ask(
            connection, "SELECT raised_by FROM hub.correction_contest WHERE quarantine_id = %s AND verdict IS NULL FOR UPDATE", [quarantine_id]
        )  # fmt: skip
        if not waiting:
            raise ConfigError(where, "没有待裁定的申诉", "用 hub correction list 查看")
        if waiting[0]["raised_by"] == by:
            raise ConfigError(where, f"申诉人和裁定人都是“{by}”", "请由另一个人裁定")
        connection.execute(
            "UPDATE hub.correction_contest SET verdict = %s, decided_by = %s, decided_at = clock_timestamp() WHERE quarantine_id = %s",
            [verdict, by, quarantine_id],
        )
        if upheld:
            connection.execute(
                "UPDATE hub.quarantine SET resolved_at = clock_timestamp(), resolution = 'upheld' WHERE quarantine_id = %s AND resolved_at IS NULL",
                [quarantine_id],
            )
        _log(connection, quarantine_id, by, verdict, reason, None)


def _log(connection: psycopg.Connection[Any], quarantine_id: int, actor: str, kind: str, reason: str, evidence: str | None) -> None:  # fmt: skip
    connection.execute(
        "INSERT INTO hub.correction_event (quarantine_id, actor, kind, reason, evidence, detail) VALUES (%s, %s, %s, %s, %s, %s)",
        [quarantine_id, actor, kind, reason, evidence, json.dumps(None)],
    )


def _ask(connection: psycopg.Connection[Any], query: str, values: Any = None) -> list[dict[str, Any]]:
    from psycopg.rows import dict_row

    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, values).fetchall()
