"""Record tables of a dataset, made from its contract.

    record.<dataset>          the current version of each source row: one row per (source, key)
    record_history.<dataset>  every version that was replaced, closed or withdrawn, with the batch that did it
    shared.<dataset>          what analysts query: business columns, enterprise_id, provenance

System columns start with "_". `_row_hash` is md5 of the canonical text of the business columns, computed in
DuckDB only and stored, because two engines print the same number differently.
"""

from __future__ import annotations

from collections.abc import Iterable

from schemas.contract import Contract, Field

# name, PostgreSQL type, DuckDB type in which the row path delivers it
SYSTEM_COLUMNS = (
    ("_source_id", "smallint NOT NULL", "SMALLINT"),
    ("_batch_id", "integer NOT NULL", "INTEGER"),
    ("_row_hash", "uuid NOT NULL", "UUID"),
    ("_quality", "smallint NOT NULL", "SMALLINT"),  # 0 passed, 1 warned, 2 repaired
    ("_notes", "text", "VARCHAR"),  # JSON: raw values of repaired fields, warnings; NULL when nothing to say
    ("_sheet", "text", "VARCHAR"),  # file sources only
    ("_row", "integer", "INTEGER"),  # file sources only: row number as a person sees it
    ("_party", "uuid", "UUID"),  # NULL where the row names no enterprise
)


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def columns(contract: Contract) -> list[str]:
    """All columns of the record table, system columns last."""
    return [*contract.fields, *(name for name, _, _ in SYSTEM_COLUMNS)]


def naming(known: Iterable[Contract], party: str, row: str = "true") -> dict[str, str]:
    """Dataset → SQL: whether a record of it, `r`, for which `row` holds, still names a party."""
    return {
        c.dataset: f"EXISTS (SELECT FROM record.{quoted(c.dataset)} r WHERE r._party = {party} AND {row})"
        for c in known
        if c.party
    }


def record_ddl(contract: Contract) -> list[str]:
    """Statements that make the tables when they are missing and add fields the contract has gained."""
    # Constraints stay in the check step, which keeps refused rows; here only what protects the store itself.
    fields = [f"{quoted(f.name)} {f.physical_type}{' NOT NULL' if f.key else ''}" for f in contract.fields.values()]
    system = [f"{name} {kind}" for name, kind, _ in SYSTEM_COLUMNS]
    name = quoted(contract.dataset)
    history = [*fields, *system, "_closed_batch_id integer NOT NULL", "_closed_reason text NOT NULL"]
    key = ", ".join(["_source_id", *map(quoted, contract.key)])
    statements = [
        # A changed row's new version finds room on its own page, and no index has to be told: a third less to merge.
        f"CREATE TABLE IF NOT EXISTS record.{name} ({', '.join([*fields, *system])}) WITH (fillfactor = 90)",
        f"CREATE TABLE IF NOT EXISTS record_history.{name} ({', '.join(history)})",
        f"CREATE INDEX IF NOT EXISTS {quoted(contract.dataset + '_version')} ON record_history.{name} ({key})",
        # What a batch brought or closed is found by blocks: an index per row would have to be told of every new version.
        f"CREATE INDEX IF NOT EXISTS {quoted(contract.dataset + '_batch')} ON record.{name} USING brin (_batch_id) WITH (pages_per_range = 16)",
        f"CREATE INDEX IF NOT EXISTS {quoted(contract.dataset + '_closed')} ON record_history.{name} USING brin (_closed_batch_id) WITH (pages_per_range = 16)",
    ]
    added = ", ".join(f"ADD COLUMN IF NOT EXISTS {quoted(f.name)} {f.physical_type}" for f in contract.fields.values())
    statements += [f"ALTER TABLE {schema}.{name} {added}" for schema in ("record", "record_history")]
    if contract.party:
        statements.append(f"CREATE INDEX IF NOT EXISTS {quoted(contract.dataset + '_party')} ON record.{name} (_party)")
    return statements


def key_ddl(contract: Contract) -> str:
    """The primary key, added after the first load because building it once is faster than growing it."""
    name = quoted(contract.dataset)
    key = ", ".join(["_source_id", *map(quoted, contract.key)])
    return f"ALTER TABLE record.{name} ADD CONSTRAINT {quoted(contract.dataset + '_key')} PRIMARY KEY ({key})"


def shared_query(
    contract: Contract, rows: str = "", parties: str = "hub.party", told: dict[str, str] | None = None
) -> str:
    """What shared.<dataset> selects; `rows` and `parties` stand in for the current record table and its decisions.

    `told` replaces or adds columns of provenance: name → SQL over the row `r`.
    """
    fields = [f"r.{quoted(f)}" for f in contract.fields]
    party = "enterprise_id" in contract.derived or contract.party is not None
    if party:
        fields.append("p.enterprise_id::varchar(36) AS enterprise_id")
    # Valid time comes from the data or stays unknown: load time is never an event time.
    valid_from = (
        f"r.{quoted(contract.valid_from)}::timestamp" if contract.valid_from in contract.fields else "NULL::timestamp"
    )
    key = ", ".join(f"r.{quoted(k)}" for k in contract.key)
    provenance = {
        "source_system": "s.connector::varchar(80)",
        "source_pk": f"concat_ws('|', {key})::text",
        "provider_dept_code": "s.provider_dept_code",
        "batch_id": "r._batch_id",
        "extracted_at": "b.extracted_at",
        "valid_from": valid_from,
        "valid_to": "NULL::timestamp",
        "is_current": "true",
        "row_hash": "r._row_hash",
        "quality_status": "CASE r._quality WHEN 0 THEN 'passed' WHEN 1 THEN 'warned' ELSE 'repaired' END",
        "quality_notes": "r._notes::jsonb",
        "source_sheet": "r._sheet",
        "source_row": "r._row",
    } | (told or {})
    # A contract that has a field of that name says something of its own with it.
    beside = [f"{sql} AS {name}" for name, sql in provenance.items() if name not in contract.fields]
    join = f"LEFT JOIN {parties} p ON p.party = r._party" if party else ""
    return (
        f"SELECT {', '.join([*fields, *beside])} FROM {rows or 'record.' + quoted(contract.dataset)} r "
        f"JOIN hub.source s ON s.source_id = r._source_id JOIN hub.batch b ON b.batch_id = r._batch_id {join}"
    )


def shared_name(contract: Contract) -> str:
    """The dataset's name in schema shared: `enterprise` itself is a golden table, its source records show beside it."""
    return "enterprise_record" if contract.dataset == "enterprise" else contract.dataset


# What the columns beside the contract's own say. A current row has no end yet: its versions' ends are in <dataset>_version.
_BESIDE = {
    "valid_from": "生效时间，来自数据；为空的是数据没有说",
    "valid_to": "失效时间：这里只有现行的行，一律为空；各版的起止见同名的 _version",
    "is_current": "是否现行：这里一律为真；各版见同名的 _version",
}


def shared_view_ddl(contract: Contract) -> list[str]:
    """The view analysts query, with the Chinese titles of its columns."""
    name = shared_name(contract)
    view = f"shared.{quoted(name)}"
    statements = [
        f"DROP VIEW IF EXISTS {view} CASCADE",
        f"CREATE VIEW {view} AS {shared_query(contract)}",
        f"COMMENT ON VIEW {view} IS {literal(contract.title + '：' + contract.grain)}",
    ]
    comments = [
        f"COMMENT ON COLUMN {view}.{quoted(f.name)} IS {literal(_comment(f))};" for f in contract.fields.values()
    ]
    comments += [
        f"COMMENT ON COLUMN {view}.{name} IS {literal(title)};"
        for name, title in _BESIDE.items()
        if name not in contract.fields
    ]
    statements.append(f"DO $comments$ BEGIN {' '.join(comments)} END $comments$")
    return statements


def _comment(f: Field) -> str:
    return f"{f.title}。{f.description}" if f.description else f.title
