"""The quarantine: refused rows with all their reasons, their raw values and the place they came from.

One row per refused source row. The same bad row sent again is the same quarantine row; it closes by itself when
its key passes (corrected) or when a whole new delivery no longer has it (withdrawn).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from quality.check import AUTOMATIC, Checked
from schemas.contract import Contract, Field
from warehouse import correction
from warehouse.engines.adbc import Connection
from warehouse.tables import quoted


def collect(con: Any, contract: Contract, checked: Checked, landed: Path, delivery: str) -> None:
    """Make temp table `refused` in DuckDB: one row per refused row, ready to travel."""
    if not checked.quarantined:
        con.execute(
            "CREATE OR REPLACE TEMP TABLE refused AS SELECT NULL::BLOB AS fingerprint, 0::BIGINT AS _n, NULL::VARCHAR AS reasons WHERE false"
        )
        return
    present = {row[0] for row in con.execute(f"DESCRIBE SELECT * FROM read_parquet('{checked.parquet}')").fetchall()}
    source = [row[0] for row in con.execute(f"DESCRIBE SELECT * FROM read_parquet('{landed}')").fetchall()]
    raw = ", ".join(
        f"{_text(c)}: l.{quoted(c)}::VARCHAR" for c in source if c not in {"_sheet", "_row", "_quarantine_id"}
    )
    entries = []
    for r in checked.rules:
        if r.severity == "error":
            column = checked.source_columns.get(r.field or "")
            column = "_flaw" if r.name == "row_shape" else column
            value = f"l.{quoted(column)}::VARCHAR" if column else "NULL::VARCHAR"
            # Why a row is no record its reader has said, before the text of the row.
            why = f"rtrim(split_part({value}, '：', 1), '。') || '。'" if r.name == "row_shape" else _text(r.reason)
            entries.append(
                f"CASE WHEN {r.flag} THEN {{field: {_text(r.field or '')}, title: {_text(r.title)}, rule: {_text(r.name)}, "
                f"value: {value}, reason: {why}}} END"
            )
    twin = (
        f"CASE WHEN d._n IS NOT NULL THEN {{field: {_text(contract.key[0])}, title: {_text(contract.fields[contract.key[0]].title)}, "
        f"rule: 'duplicate_key', value: NULL::VARCHAR, reason: {_text(AUTOMATIC['duplicate_key'])}}} END"
    )
    keys = ", ".join(f"c.{quoted(k)}::VARCHAR" for k in contract.key)
    # A key that holds a person's number is no row's that was ever let in, and is not told: the raw row has it.
    plain = " AND ".join(f"coalesce(NOT {_is_personal(contract.fields[k])}, false)" for k in contract.key)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE refused AS
        SELECT unhex(md5(raw || chr(31) || row_number() OVER (PARTITION BY raw ORDER BY _n))) AS fingerprint, * FROM (
          SELECT c._n, {_text(delivery)} AS delivery, {"c._sheet" if "_sheet" in present else "NULL::VARCHAR"} AS sheet,
            {"c._row::INTEGER" if "_row" in present else "NULL::INTEGER"} AS row_number,
            CASE WHEN {plain} THEN concat_ws('|', {keys}) END AS row_key,
            list_filter([{", ".join([*entries, twin])}], lambda x: x IS NOT NULL) AS found,
            array_to_string(list_distinct(list_transform(found, lambda x: x.rule)), ',') AS rules,
            to_json(found)::VARCHAR AS reasons, replace(to_json({{{raw}}})::VARCHAR, '\\u0000', '') AS raw
          FROM read_parquet('{checked.parquet}') c
          JOIN (SELECT *, file_row_number AS _ln FROM read_parquet('{landed}', file_row_number=true)) l ON l._ln = c._n
          LEFT JOIN (SELECT _n FROM loser WHERE NOT superseded) d ON d._n = c._n
          WHERE ({checked.bad}) OR d._n IS NOT NULL)"""
    )


def settle(
    con: Any,
    warehouse: Connection,
    contract: Contract,
    *,
    source_id: int,
    batch_id: int,
    kind: str,
    delivery: str,
    opened_on: date,
) -> None:
    """Write what was refused and close what is refused no longer; part of the merge's transaction."""
    open_rows = warehouse.query(
        f"SELECT quarantine_id, uuid_send(fingerprint) AS fingerprint, row_key, delivery FROM hub.quarantine "
        f"WHERE source_id = {source_id} AND resolved_at IS NULL"
    )
    if open_rows.num_rows:
        con.register("arrow_open", open_rows)
        keys = ", ".join(f"{quoted(k)}::VARCHAR" for k in contract.key)
        whole = (
            "true"
            if kind in {"full", "file_full"}
            else f"o.delivery = {_text(delivery)}"
            if kind == "file"
            else "false"
        )
        reader = con.execute(
            f"""SELECT quarantine_id, CASE WHEN k.row_key IS NOT NULL THEN 'corrected' ELSE 'withdrawn' END AS resolution
            FROM arrow_open o LEFT JOIN (SELECT DISTINCT concat_ws('|', {keys}) AS row_key FROM arriving) k ON k.row_key = o.row_key
            WHERE o.fingerprint NOT IN (SELECT fingerprint FROM refused) AND (k.row_key IS NOT NULL OR {whole})"""
        ).to_arrow_reader(50_000)
        warehouse.execute("DROP TABLE IF EXISTS resolved")
        warehouse.ingest(reader, "resolved", create=True)
        warehouse.execute(
            f"UPDATE hub.quarantine q SET resolved_at = clock_timestamp(), resolved_batch_id = {batch_id}, resolution = r.resolution "
            "FROM resolved r WHERE r.quarantine_id = q.quarantine_id"
        )
        warehouse.execute("DROP TABLE resolved")
        con.unregister("arrow_open")
    if not con.execute("SELECT count(*) FROM refused").fetchone()[0]:
        return
    warehouse.execute("DROP TABLE IF EXISTS refused")
    warehouse.ingest(
        con.execute("SELECT fingerprint, delivery, sheet, row_number, row_key, rules, reasons, raw FROM refused").to_arrow_reader(50_000),
        "refused", create=True,
    )  # fmt: skip
    warehouse.execute(
        f"""INSERT INTO hub.quarantine (source_id, fingerprint, batch_id, last_batch_id, delivery, sheet, row_number, row_key, rules, reasons, raw)
        SELECT {source_id}, encode(fingerprint, 'hex')::uuid, {batch_id}, {batch_id}, delivery, sheet, row_number, row_key,
          string_to_array(rules, ','), reasons::jsonb, raw::jsonb FROM refused
        ON CONFLICT (source_id, fingerprint) DO UPDATE SET last_batch_id = EXCLUDED.last_batch_id, delivery = EXCLUDED.delivery,
          sheet = EXCLUDED.sheet, row_number = EXCLUDED.row_number, {", ".join(f"{c} = {_reopened(c)}" for c in _STATE)}"""
    )
    warehouse.execute("DROP TABLE refused")
    correction.open_order(warehouse, source_id, batch_id, delivery, opened_on)


# What was mended here, or found right, stays settled while the source goes on sending the same wrong row.
_STATE = ("resolved_at", "resolved_batch_id", "resolution")


def _reopened(column: str) -> str:
    return f"CASE WHEN hub.quarantine.resolution IN ('resubmitted', 'upheld') THEN hub.quarantine.{column} END"


def _is_personal(field: Field) -> str:
    value = f"c.{quoted(field.name)}::VARCHAR"
    return f"contains({value}, '*')" if field.kind == "code" else f"scrub({value}) <> {value}"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
