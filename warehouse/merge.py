"""Merge one checked delivery: current rows, history, quarantine, parties, batch and cursor in ONE transaction.

A kill at any point leaves the state before or after, never between; running again changes nothing. Only what
differs travels: a full load is first compared by key and hash inside DuckDB, so that unchanged rows never
reach PostgreSQL; an increment is staged whole and unchanged rows fall out on the key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy
import pyarrow as pa

from quality.arrow import without_extensions
from quality.check import Checked
from schemas.contract import Contract
from warehouse import correction, quarantine, tables
from warehouse.engines.adbc import Connection
from warehouse.tables import quoted

STREAM_ROWS = 50_000
WHOLE = frozenset({"full", "file_full"})  # what is not in such a delivery is gone at the source
OLD_RETURNED = 180000  # the first PostgreSQL whose MERGE gives back what it replaced: the table is then read once
_LOOKED_UP = (
    "enable_hashjoin",
    "enable_mergejoin",
    "enable_material",
    "jit",
)  # off: rows are found one by one, by the key
SHARES = (1, 8)  # into how many shares keys are split to be compared, tried in turn


@dataclass
class Merged:
    """How the passed rows met what was there."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    closed: int = 0

    def __add__(self, other: Merged) -> Merged:
        return Merged(
            self.new + other.new,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.closed + other.closed,
        )


@dataclass(frozen=True)
class Brought:
    """Rows that are in the open transaction already: in the record table when they are its source's first, else staged or merged."""

    rows: int
    staged: int  # of them, those that are in the stage still
    first: bool
    merged: Merged


def merge(
    con: Any,
    warehouse: Connection,
    contract: Contract,
    checked: Checked,
    *,
    source_id: int,
    batch_id: int,
    kind: str,
    delivery: str,
    opened_on: date,
    ahead: Brought | None = None,
    note: tuple[str, str] | None = None,
) -> Merged:
    """Bring the passed rows in; the caller commits. `con` is the DuckDB connection that checked them.

    `ahead` tells of the rows that Ahead has brought to where they are wanted: all of this delivery's. `opened_on` is the
    county's day of the delivery, `note` who sent in mended rows and why.
    """
    _prepare(con, contract, checked, source_id, batch_id, kind)
    result = ahead.merged if ahead else Merged()
    if ahead.first if ahead else is_first(warehouse, contract, source_id):
        result.new = ahead.rows if ahead else _copy(con, warehouse, contract, "arriving", contract.dataset, "record")
    else:
        resent = kind == "file" and _already_sent(warehouse, source_id, delivery, batch_id)
        if ahead:
            sent, staged = ahead.rows, ahead.staged
        else:
            if kind in WHOLE:
                pull_current(con, warehouse, contract, source_id)
                _compared(
                    con,
                    contract,
                    "CREATE OR REPLACE TEMP TABLE delta AS SELECT * FROM arriving LIMIT 0",
                    lambda mine: f"INSERT INTO delta {different_sql(contract, 'arriving', mine)}",
                )
            else:
                con.execute("CREATE OR REPLACE TEMP VIEW delta AS FROM arriving")
            sent = staged = _staged(con, warehouse, contract, "delta")
        if kind in WHOLE:
            result.unchanged += checked.passed - checked.superseded - sent
        # A file or an exchange table may bring an old word late; the rest tells how things stand now.
        may_be_late = kind not in WHOLE and kind != "cursor" and not resent
        held = held_rows(warehouse, source_id)
        result += apply(warehouse, contract, source_id, batch_id, staged, held, may_be_late=may_be_late)
        if kind in WHOLE or resent:
            if resent:
                pull_current(con, warehouse, contract, source_id, delivery)
            result.closed += _close_missing(con, warehouse, contract, checked, source_id, batch_id)
    if kind == "exchange":
        result.closed += _close_deleted(con, warehouse, contract, source_id, batch_id)
    ensure_key(warehouse, contract)
    if kind == correction.KIND:
        parquet = str(checked.parquet)
        correction.settle(con, warehouse, contract, batch_id=batch_id, parquet=parquet, note=note)
    else:
        quarantine.settle(
            con, warehouse, contract, source_id=source_id, batch_id=batch_id, kind=kind, delivery=delivery, opened_on=opened_on
        )  # fmt: skip
    if contract.party:
        _remember_parties(con, warehouse, contract, checked, source_id, batch_id)
    return result


def ensure_key(warehouse: Connection, contract: Contract) -> None:
    """Give the record table its primary key, if a first load left it without.

    Raises:
        WarehouseUnavailable: two rows have the same key.
    """
    table = f"record.{quoted(contract.dataset)}"
    if not warehouse.scalar("SELECT 1 FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype = 'p'", table):
        warehouse.execute(tables.key_ddl(contract))


def is_first(warehouse: Connection, contract: Contract, source_id: int) -> bool:
    """True while the warehouse holds no row of this source."""
    return warehouse.scalar(f"SELECT 1 FROM record.{quoted(contract.dataset)} WHERE _source_id = {source_id} LIMIT 1") is None  # fmt: skip


def held_rows(warehouse: Connection, source_id: int) -> int:
    """How many rows the warehouse holds of this source, by its books."""
    return int(
        warehouse.scalar(
            f"SELECT coalesce(sum(new_rows - closed_rows), 0)::bigint FROM hub.batch WHERE source_id = {source_id}"
        )
    )


def _have(contract: Contract, con: Any) -> list[str]:
    present = {row[0] for row in con.execute("DESCRIBE arriving").fetchall()}
    return [c for c in tables.columns(contract) if c in present]


def arriving_sql(
    con: Any, contract: Contract, parquet: Path, bad: str, source_id: int, batch_id: int
) -> str:  # fmt: skip
    """SQL over checked rows: those no rule refuses, in the columns of the record table that they have."""
    present = {row[0] for row in con.execute(f"DESCRIBE SELECT * FROM read_parquet('{parquet}')").fetchall()}
    columns = [quoted(c) for c in contract.fields if c in present]
    system = [
        f"{source_id}::SMALLINT AS _source_id",
        f"{batch_id}::INTEGER AS _batch_id",
        "_row_hash", "_quality", "_notes",
        # What no row has is not sent: every column costs the server and the driver the same.
        *(["_sheet"] if "_sheet" in present else []),
        *(["_row::INTEGER AS _row"] if "_row" in present else []),
        *(["_party"] if contract.party else []),
    ]  # fmt: skip
    return f"SELECT {', '.join([*columns, *system])} FROM read_parquet('{parquet}') WHERE NOT ({bad})"


def arriving(contract: Contract, checked: pa.RecordBatch, source_id: int, batch_id: int) -> pa.RecordBatch:
    """Checked rows in the columns of the record table that they have: in Arrow what `arriving_sql` says in SQL."""
    names = [c for c in tables.columns(contract) if c in checked.schema.names and (c != "_party" or contract.party)]
    constants = {
        "_source_id": pa.array(numpy.full(checked.num_rows, source_id, numpy.int16)),
        "_batch_id": pa.array(numpy.full(checked.num_rows, batch_id, numpy.int32)),
    }
    columns = {name: checked.column(name) for name in names} | constants
    if "_row" in columns:
        columns["_row"] = columns["_row"].cast(pa.int32())
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _prepare(con: Any, contract: Contract, checked: Checked, source_id: int, batch_id: int, kind: str) -> None:
    """View `arriving`: the rows to merge, with the system columns of the record table."""
    deleted = "AND _op <> 'D'" if kind == "exchange" else ""
    anti = "AND _n NOT IN (SELECT _n FROM loser)" if checked.losers else ""
    rows = arriving_sql(con, contract, checked.parquet, checked.bad, source_id, batch_id)
    con.execute(f"CREATE OR REPLACE TEMP VIEW arriving AS {rows} {anti} {deleted}")
    if kind == "exchange":
        keys = ", ".join(quoted(k) for k in contract.key)
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE deleted AS SELECT DISTINCT {keys} FROM read_parquet('{checked.parquet}') "
            f"WHERE NOT ({checked.bad}) {anti} AND _op = 'D'"
        )


def different_sql(contract: Contract, rows: str, mine: Callable[[str], str] = lambda side: "true") -> str:
    """SQL of those of `rows` that table `have` does not hold as they are; `mine` narrows both sides to a share of the keys."""
    return (
        f"SELECT a.* FROM {rows} a LEFT JOIN (SELECT * FROM have h WHERE {mine('h')}) h "
        f"ON {_same(contract)} WHERE {mine('a')} AND (h.hash IS NULL OR h.hash <> a._row_hash)"
    )


def _copy(con: Any, warehouse: Connection, contract: Contract, view: str, table: str, schema: str | None) -> int:
    columns = ", ".join(quoted(c) for c in _have(contract, con))
    reader = con.execute(f"SELECT {columns} FROM {view}").to_arrow_reader(STREAM_ROWS)
    written = warehouse.ingest(without_extensions(reader), table, schema)
    return written if written >= 0 else int(con.execute(f"SELECT count(*) FROM {view}").fetchone()[0])


def _same(contract: Contract) -> str:
    return " AND ".join(f"a.{quoted(k)} = h.{quoted(k)}" for k in contract.key)


def _compared(con: Any, contract: Contract, empty: str, insert: Callable[[Callable[[str], str]], str]) -> None:
    """Fill a table by comparing keys: in one go, or share by share when that does not fit in memory.

    `insert` is given a condition on the side of that alias. One join of 4 million keys ran out of DuckDB's 400 MB.
    """
    import duckdb

    def mine(share: int, count: int) -> Callable[[str], str]:
        # As text, because the two sides may carry a key in different types.
        return lambda side: (
            f"hash(concat_ws('|', {', '.join(f'{side}.{quoted(k)}::VARCHAR' for k in contract.key)})) % {count} = {share}"
            if count > 1
            else "true"
        )

    for count in SHARES:
        con.execute(empty)
        try:
            for share in range(count):
                con.execute(insert(mine(share, count)))
            return
        except duckdb.OutOfMemoryException:
            if count == SHARES[-1]:
                raise


def pull_current(
    con: Any, warehouse: Connection, contract: Contract, source_id: int, delivery: str | None = None
) -> None:
    """Table `have(key…, hash)`: what the warehouse holds of this source (of this delivery's earlier versions).

    Not a temporary one: whoever shares the DuckDB has to see it.
    """
    # Decimals would come as text: they are compared as DuckDB prints them, like every key it made itself.
    keys = ", ".join(quoted(k) for k in contract.key)
    only = (
        f"AND _batch_id IN (SELECT batch_id FROM hub.batch WHERE source_id = {source_id} AND delivery = {tables.literal(delivery)})"
        if delivery
        else ""
    )
    statement, reader = warehouse.stream(
        f"SELECT {keys}, _row_hash AS hash FROM record.{quoted(contract.dataset)} WHERE _source_id = {source_id} {only}"
    )
    # The bare C stream: handed the reader itself, DuckDB imports pyarrow.dataset and with it pandas, 1.1 s.
    con.register("arrow_have", without_extensions(reader, keep="arrow.uuid").__arrow_c_stream__())
    con.execute("CREATE OR REPLACE TABLE have AS SELECT * FROM arrow_have")
    con.unregister("arrow_have")
    statement.close()


def _already_sent(warehouse: Connection, source_id: int, delivery: str, batch_id: int) -> bool:
    return warehouse.scalar(
        f"SELECT 1 FROM hub.batch WHERE source_id = {source_id} AND delivery = $1 AND status = 'committed' AND batch_id <> {batch_id} LIMIT 1", delivery
    ) is not None  # fmt: skip


def few_beside(rows: int, held: int) -> bool:
    """Whether so few rows are better looked up one by one than by reading all that is held."""
    return rows * 5 < held


def apply(
    warehouse: Connection, contract: Contract, source_id: int, batch_id: int, staged: int, held: int, *, may_be_late: bool = False
) -> Merged:  # fmt: skip
    """Close the versions that the staged rows replace, bring the new versions in; `held` is how many rows the source has here.

    A row that may be late and is valid from an earlier moment than the one that is there goes to its place in the
    history and leaves the current row as it is (domain.md D36).
    """
    name = quoted(contract.dataset)
    if staged == 0:
        return Merged()
    match = " AND ".join([f"t._source_id = {source_id}", *(f"t.{quoted(k)} = s.{quoted(k)}" for k in contract.key)])
    columns = ", ".join(map(quoted, tables.columns(contract)))
    keyed = any(field.kind == "hmac" for field in contract.fields.values())
    rotated = keyed and bool(warehouse.scalar("SELECT count(*) FROM hub.key_rotation"))
    # Fresh tables have no statistics, and without them the planner reads the whole table to find a few rows, or
    # holds each of them against a copy of it. What is off counts as dear before PostgreSQL 18: JIT would then compile.
    settings = _LOOKED_UP if few_beside(staged, held) else ()
    for setting in settings:
        warehouse.execute(f"SET LOCAL {setting} = off")
    values = ", ".join(f"s.{quoted(c)}" for c in tables.columns(contract))
    sets = ", ".join(f"{quoted(c)} = s.{quoted(c)}" for c in tables.columns(contract))
    keeping = f"INSERT INTO record_history.{name} ({columns}, _closed_batch_id, _closed_reason)"
    differs, late = "t._row_hash <> s._row_hash", 0
    if rotated:
        # A rotation gave every row with prints another mark, which tells nothing of the row: what it says is compared instead.
        sides = (", ".join(f"{side}.{quoted(c)}" for c in contract.fields) for side in "ts")
        equal = "({}) IS NOT DISTINCT FROM ({})".format(*sides)
        warehouse.execute(
            f"UPDATE record.{name} t SET _row_hash = s._row_hash FROM stage s WHERE {match} AND {differs} AND {equal}"
        )
    if may_be_late and contract.valid_from in contract.fields:
        moment = quoted(str(contract.valid_from))
        same, again = (
            " AND ".join(f"{a}.{quoted(k)} = {b}.{quoted(k)}" for k in contract.key) for a, b in ("hs", "gh")
        )
        late = warehouse.execute(
            f"{keeping} SELECT {values}, {batch_id}, 'late' FROM stage s JOIN record.{name} t ON {match} WHERE {differs} AND s.{moment} < t.{moment} "
            f"AND NOT EXISTS (SELECT FROM record_history.{name} h WHERE h._source_id = {source_id} AND {same} AND h._row_hash = s._row_hash "
            # Unless another word on the same moment has come since: then it is taken back.
            f"AND NOT EXISTS (SELECT FROM record_history.{name} g WHERE g._source_id = {source_id} AND {again} AND g.{moment} = h.{moment} AND g._batch_id > h._batch_id))"
        )
        differs += f" AND coalesce(s.{moment} >= t.{moment}, true)"
    merging = (
        f"MERGE INTO record.{name} t USING stage s ON {match} WHEN MATCHED AND {differs} THEN UPDATE SET {sets} "
        f"WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({values})"
    )
    if int(warehouse.scalar("SELECT current_setting('server_version_num')::integer")) >= OLD_RETURNED:
        warehouse.execute("SET LOCAL work_mem = '64MB'")  # or the old versions would be written down twice
        returned = ", ".join(f"old.{quoted(c)}" for c in tables.columns(contract))
        counts = warehouse.rows(
            f"WITH merged AS ({merging} RETURNING {returned}), kept AS ({keeping} "
            f"SELECT {columns}, {batch_id}, 'changed' FROM merged WHERE _source_id IS NOT NULL RETURNING 1) "
            "SELECT (SELECT count(*) FROM merged) AS merged, (SELECT count(*) FROM kept) AS changed"
        )[0]
        merged, changed = int(counts["merged"]), int(counts["changed"])
        warehouse.execute("SET LOCAL work_mem = DEFAULT")
    else:
        returned = ", ".join(f"t.{quoted(c)}" for c in tables.columns(contract))
        changed = warehouse.execute(
            f"{keeping} SELECT {returned}, {batch_id}, 'changed' FROM stage s JOIN record.{name} t ON {match} WHERE {differs}"
        )
        merged = warehouse.execute(merging)
    for setting in settings:
        warehouse.execute(f"SET LOCAL {setting} = DEFAULT")
    return Merged(new=merged - changed, changed=changed + late, unchanged=staged - merged - late)


def stage(
    con: Any, warehouse: Connection, contract: Contract, checked: Checked, *, source_id: int, batch_id: int, kind: str
) -> int:
    """Bring the passed rows into the temp table `stage`, gone with the transaction; returns how many."""
    _prepare(con, contract, checked, source_id, batch_id, kind)
    return _staged(con, warehouse, contract, "arriving")


def make_stage(warehouse: Connection, contract: Contract) -> None:
    """Temp table `stage`, like the record table, gone with the transaction."""
    # A table that never held a row of any source has no key yet; the stage needs none.
    warehouse.execute(f"CREATE TEMP TABLE stage (LIKE record.{quoted(contract.dataset)}) ON COMMIT DROP")


def _staged(con: Any, warehouse: Connection, contract: Contract, view: str) -> int:
    make_stage(warehouse, contract)
    return _copy(con, warehouse, contract, view, "stage", None)


def _archive(warehouse: Connection, contract: Contract, where: str, batch_id: int, reason: str) -> int:
    name = quoted(contract.dataset)
    columns = ", ".join(map(quoted, tables.columns(contract)))
    returned = ", ".join(f"t.{quoted(c)}" for c in tables.columns(contract))
    return warehouse.execute(
        f"WITH old AS (DELETE FROM record.{name} t {where} RETURNING {returned}) "
        f"INSERT INTO record_history.{name} ({columns}, _closed_batch_id, _closed_reason) SELECT {columns}, {batch_id}, '{reason}' FROM old"
    )


def _close_missing(
    con: Any, warehouse: Connection, contract: Contract, checked: Checked, source_id: int, batch_id: int
) -> int:
    """Close rows the source no longer sends. A refused row still counts as sent: it never removes good data."""
    correction.kept_keys(con, warehouse, source_id)
    keys = [f"h.{quoted(k)}" for k in contract.key]
    texts = ", ".join(f"{k}::VARCHAR" for k in keys)
    _compared(
        con,
        contract,
        f"CREATE OR REPLACE TEMP TABLE deleted AS SELECT {', '.join(keys)} FROM have h LIMIT 0",
        lambda mine: (
            f"INSERT INTO deleted SELECT {', '.join(keys)} FROM (SELECT * FROM have h WHERE {mine('h')}) h"
            f" ANTI JOIN (SELECT * FROM read_parquet('{checked.parquet}') a WHERE {mine('a')}) a"
            f" ON {_same(contract)} WHERE concat_ws('|', {texts}) NOT IN (SELECT row_key FROM kept)"
        ),
    )
    return _close_deleted(con, warehouse, contract, source_id, batch_id)


def _close_deleted(con: Any, warehouse: Connection, contract: Contract, source_id: int, batch_id: int) -> int:
    if not con.execute("SELECT count(*) FROM deleted").fetchone()[0]:
        return 0
    warehouse.execute("DROP TABLE IF EXISTS gone")
    warehouse.ingest(without_extensions(con.execute("FROM deleted").to_arrow_reader(STREAM_ROWS)), "gone", create=True)
    match = " AND ".join([f"t._source_id = {source_id}", *(f"t.{quoted(k)} = g.{quoted(k)}" for k in contract.key)])
    closed = _archive(warehouse, contract, f"USING gone g WHERE {match}", batch_id, "gone")
    warehouse.execute("DROP TABLE gone")
    return closed


def _remember_parties(
    con: Any, warehouse: Connection, contract: Contract, checked: Checked, source_id: int, batch_id: int
) -> None:
    """Add the ways enterprises were named in this delivery that were never seen before."""
    assert contract.party is not None
    have = set(_have(contract, con))
    named = {role: quoted(f) for role, f in contract.party.fields.items() if f in have}
    if not named:
        return
    code = named.get("code", "NULL::VARCHAR")
    kind = f"CASE WHEN {code} IS NOT NULL THEN enterprise_code_kind({code}) END" if "code" in named else "NULL::VARCHAR"
    name = named.get("name", "NULL::VARCHAR")
    # Two spellings of one address, and a town's name of then and of today, are equal fields too.
    second = [
        f"'{f}=' || {f'address_today(address_key({quoted(f)}))' if f.endswith('address') else f'{quoted(f)}::VARCHAR'}"
        for f in contract.party.second
        if f in have
    ]

    def identifier(role: str) -> str:
        routed = f"CASE WHEN {kind} = '{role}' THEN {code} END"
        said = [named[role]] if role in named else []
        if "taxpayer_id" in named and role == "uscc":  # since 三证合一 the taxpayer id is the credit code
            said.append(f"CASE WHEN uscc_valid({named['taxpayer_id']}) THEN {named['taxpayer_id']} END")
        return f"coalesce({', '.join([*said, routed])})"

    reader = con.execute(
        f"""SELECT party, uscc, reg_no, org_code, old_tax, name, name_strict_key(name) AS strict_key, name_loose_key(name) AS loose_key,
          coalesce(name_is_branch(name), false) AS is_branch, second FROM (
          SELECT _party AS party, any_value({identifier("uscc")}) AS uscc, any_value({identifier("reg_no")}) AS reg_no,
            any_value({identifier("org_code")}) AS org_code, any_value({identifier("old_tax")}) AS old_tax, any_value({name}) AS name,
            any_value(concat_ws(chr(31), {", ".join(second) or "NULL::VARCHAR"})) AS second
          FROM arriving WHERE _party IS NOT NULL GROUP BY _party)"""
    ).to_arrow_reader(STREAM_ROWS)
    warehouse.execute("DROP TABLE IF EXISTS party_stage")
    warehouse.ingest(without_extensions(reader), "party_stage", create=True)
    if contract.party.second and warehouse.scalar("SELECT count(*) FROM hub.key_rotation"):
        _meet_parties(warehouse, contract, batch_id)
    warehouse.execute(
        f"""INSERT INTO hub.party (party, source_id, first_batch_id, uscc, reg_no, org_code, old_tax, name, strict_key, loose_key, is_branch, second)
        SELECT encode(party, 'hex')::uuid, {source_id}, {batch_id}, uscc, reg_no, org_code, old_tax, name, strict_key, loose_key, is_branch,
          coalesce(string_to_array(nullif(second, ''), chr(31)), '{{}}') FROM party_stage ON CONFLICT (party) DO NOTHING"""
    )
    warehouse.execute("DROP TABLE party_stage")


def _meet_parties(warehouse: Connection, contract: Contract, batch_id: int) -> None:
    """Take a party named in this delivery for the one that says the same: a rotation gave that one another mark."""
    same = " AND ".join(f"p.{c} IS NOT DISTINCT FROM s.{c}" for c in ("uscc", "reg_no", "org_code", "old_tax", "name"))
    warehouse.execute(
        f"""CREATE TEMP TABLE met ON COMMIT DROP AS SELECT encode(s.party, 'hex')::uuid AS came, min(p.party::text)::uuid AS stands
        FROM party_stage s JOIN hub.party p ON p.strict_key = s.strict_key AND {same} AND array_to_string(p.second, chr(31)) = s.second
        WHERE NOT EXISTS (SELECT FROM hub.party k WHERE k.party = encode(s.party, 'hex')::uuid) GROUP BY 1"""
    )
    for schema in ("record", "record_history"):
        warehouse.execute(
            f"UPDATE {schema}.{quoted(contract.dataset)} t SET _party = met.stands FROM met WHERE t._batch_id = {batch_id} AND t._party = met.came"
        )
    warehouse.execute("DELETE FROM party_stage s USING met WHERE encode(s.party, 'hex')::uuid = met.came")
    warehouse.execute("DROP TABLE met")
