"""Every version of each source row in both times: valid (what the data says) and known (when the hub was told).

    T1  solved=否  valid 3-01 … 3-09  known 3-02 … 3-10
    T1  solved=是  valid 3-09 …       known 3-10 …

Of versions that are valid from the same moment the one known last counts: the others were corrected, and are valid
for no time at all (valid_to = valid_from). A version that came late takes its place in valid time. Load time never
stands for valid time: without a field that tells, valid_from is NULL and only the last version known is valid.
"""

from __future__ import annotations

from schemas.contract import Contract
from warehouse.tables import columns, literal, quoted, shared_name, shared_query

SUFFIX = "_version"
LATEST = "'infinity'::timestamptz"


def valid_field(contract: Contract, row: str) -> str:
    """SQL of the moment from which a row of the record tables is valid; NULL where the data does not say."""
    known = contract.valid_from in contract.fields
    return f"{row}.{quoted(str(contract.valid_from))}::timestamp" if known else "NULL::timestamp"


def timeline(contract: Contract, at: str, only: str = "true") -> str:
    """SQL: all versions known at the instant (a literal), with _known_from, _known_to, _valid_from, _valid_to, _counts, _alive.

    _counts: no later word from the source corrected this version. _alive: the source still has the row. `only` is a condition
    on rows r that holds for all versions of a row or for none.
    """
    listed = ", ".join(f"r.{quoted(c)}" for c in columns(contract))
    name, own = quoted(contract.dataset), ", ".join(["_source_id", *map(quoted, contract.key)])
    # A version that replaced one valid from the same moment or later corrected it; one that came late replaced nothing.
    return f"""(SELECT y.*, CASE WHEN _counts THEN lead(_valid_from) OVER (PARTITION BY {own}, _counts ORDER BY _since) ELSE _valid_from END AS _valid_to FROM (
      SELECT x.*, _nth = 1 AND (_then IS NULL OR _then > _since) AS _counts FROM (
        SELECT v.*, bool_or(_open) OVER (PARTITION BY {own}) AS _alive,
          row_number() OVER (PARTITION BY {own}, _since ORDER BY _batch_id DESC) AS _nth,
          min(CASE WHEN NOT _late THEN _since END) OVER (PARTITION BY {own} ORDER BY _batch_id ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS _then
        FROM (SELECT w.*, coalesce(_valid_from, '-infinity') AS _since FROM (
          SELECT {listed}, o.committed_at AS _known_from, NULL::timestamptz AS _known_to, true AS _open, false AS _late, {valid_field(contract, "r")} AS _valid_from
          FROM record.{name} r JOIN hub.batch o ON o.batch_id = r._batch_id WHERE o.committed_at <= {at} AND {only}
          UNION ALL
          SELECT {listed}, o.committed_at, CASE WHEN c.committed_at <= {at} THEN c.committed_at END, c.committed_at > {at}, r._closed_reason = 'late', {valid_field(contract, "r")}
          FROM record_history.{name} r JOIN hub.batch o ON o.batch_id = r._batch_id JOIN hub.batch c ON c.batch_id = r._closed_batch_id
          WHERE o.committed_at <= {at} AND {only}) w) v) x) y)"""


def valid_rows(contract: Contract, at: str, moment: str, only: str = "true") -> str:
    """SQL in place of the record table: the rows valid at a moment, as known at an instant (both literals)."""
    return (
        f"(SELECT * FROM {timeline(contract, at, only)} t WHERE _alive AND _counts "
        f"AND (_valid_from IS NULL OR _valid_from <= {moment}) AND (_valid_to IS NULL OR _valid_to > {moment}))"
    )


def named(contract: Contract, at: str, moment: str, parties: str) -> str:
    """SQL: which of some parties (a sub-query of one column) a row of the dataset names that was valid at a moment, as known at an instant."""
    key = ", ".join(["_source_id", *map(quoted, contract.key)])
    theirs = " UNION ".join(
        f"SELECT {key} FROM {schema}.{quoted(contract.dataset)} WHERE _party IN ({parties})"
        for schema in ("record", "record_history")
    )
    # Only rows that ever named one of them, with all their versions.
    return f"SELECT v._party FROM {valid_rows(contract, at, moment, f'({key}) IN ({theirs})')} v WHERE v._party IN ({parties})"


def version_query(contract: Contract, at: str = LATEST, parties: str = "hub.party") -> str:
    """SQL: every version known at the instant, in the columns of the dataset with known_from and known_to beside them."""
    told = {
        "valid_to": "r._valid_to",
        "is_current": "r._known_to IS NULL",
        "known_from": "(r._known_from AT TIME ZONE 'Asia/Shanghai')",
        "known_to": "(r._known_to AT TIME ZONE 'Asia/Shanghai')",
    }
    return shared_query(contract, timeline(contract, at), parties, told)


def version_view_ddl(contract: Contract) -> list[str]:
    """shared.<dataset>_version: what analysts query for the whole history of a dataset."""
    view = f"shared.{quoted(shared_name(contract) + SUFFIX)}"
    title = "的各版：有效时间来自数据，得知时间来自入库；valid_to 等于 valid_from 的一版已被更正"
    return [
        f"DROP VIEW IF EXISTS {view} CASCADE",
        f"CREATE VIEW {view} AS {version_query(contract)}",
        f"COMMENT ON VIEW {view} IS {literal(contract.title + title)}",
    ]
