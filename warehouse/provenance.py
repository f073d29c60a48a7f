"""Where a golden value comes from and what an enterprise was called: queries for today, or for what was known at an instant.

enterprise_provenance  one row per enterprise, field group and claim; `stands` marks the one that is used
enterprise_name        one row per name an enterprise has had in a register, or that the register tells as a former one, with the time it was valid
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from schemas.contract import Contract, contracts
from warehouse import golden
from warehouse.tables import literal, quoted
from warehouse.versions import LATEST, SUFFIX, valid_field

# The dataset in which a register tells what its enterprises were called before.
_FORMER = "enterprise_name_history"
Rows = Callable[[Contract], str]


def _record(contract: Contract) -> str:
    return f"record.{quoted(contract.dataset)}"


def claims(
    contract: Contract, rows: str = "record.enterprise", parties: str = "hub.party", at: str | None = None, others: Rows = _record,
    owned: Mapping[str, str] | None = None,
) -> str:  # fmt: skip
    """SQL of shared.enterprise_provenance; `rows`, `parties`, the instant `at` (a literal), `others` and `owned` stand in for what stands now.

    `others` gives the rows of a dataset that names enterprises. Where a verdict stands, it is the claim that stands.
    """
    owned, parts = golden.owners(contract) if owned is None else owned, []
    member = (
        "SELECT p.enterprise_id::varchar(36) AS enterprise_id, s.connector, s.department AS _department, s.provider_dept_code, b.delivery, "
        f"b.committed_at, r.* FROM {rows} r JOIN {parties} p ON p.party = r._party JOIN hub.source s ON s.source_id = r._source_id "
        "JOIN hub.batch b ON b.batch_id = r._batch_id WHERE p.enterprise_id IS NOT NULL"
    )
    valid = f"{quoted(contract.valid_from)}::timestamp" if contract.valid_from in contract.fields else "NULL::timestamp"
    for group, names in golden.groups(contract).items():
        owner = owned.get(group)
        said = ", ".join(
            f"{literal(n)}, {f'{quoted(n)}::text' if contract.fields[n].classification in {'S0', 'S1'} else f'CASE WHEN {quoted(n)} IS NOT NULL THEN $$***$$ END'}"
            for n in names
        )
        parts.append(
            f"SELECT enterprise_id, {literal(group)} AS field_group, connector, _department AS department, provider_dept_code, {golden.source_key(contract)} AS source_key, "
            f"_batch_id AS batch_id, delivery, _sheet AS source_sheet, _row AS source_row, (committed_at AT TIME ZONE 'Asia/Shanghai') AS known_from, {valid} AS valid_from, "
            f"jsonb_strip_nulls(jsonb_build_object({said})) AS said, row_number() OVER w = 1 AS stands, "
            f"CASE WHEN row_number() OVER w > 1 THEN NULL WHEN {f'_department = {literal(owner)}' if owner else 'false'} THEN 'owner' "
            "WHEN count(*) OVER (PARTITION BY enterprise_id) = 1 THEN 'only' "
            "WHEN min(_source_id) OVER (PARTITION BY enterprise_id) = max(_source_id) OVER (PARTITION BY enterprise_id) THEN 'recency' ELSE 'priority' END AS rule "
            f"FROM ({member}) m WHERE coalesce({', '.join(f'{quoted(n)}::text' for n in names)}) IS NOT NULL "
            f"WINDOW w AS (PARTITION BY enterprise_id ORDER BY {golden.order(contract, owner)})"
        )
    name_group = contract.fields["name"].group or "name"
    parts += [
        _mention(c, literal(name_group), parties, others(c))
        for c in contracts().values()
        if c.party and c.dataset != contract.dataset
    ]
    standing = (
        f"v.decided_at <= {at} AND (v.expired_at IS NULL OR v.expired_at > {at})" if at else "v.expired_at IS NULL"
    )
    verdict = f"hub.verdict v ON v.enterprise_id::text = c.enterprise_id AND v.field_group = c.field_group AND {standing} AND v.chosen IS NOT NULL"
    return (
        "SELECT c.enterprise_id, c.field_group, c.connector, c.department, c.provider_dept_code, c.source_key, c.batch_id, "
        "c.delivery, c.source_sheet, c.source_row, c.known_from, c.valid_from, c.said, c.stands AND v.verdict_id IS NULL AS stands, "
        f"CASE WHEN v.verdict_id IS NULL THEN c.rule END AS rule, v.verdict_id FROM ({' UNION ALL '.join(parts)}) c LEFT JOIN {verdict} "
        "UNION ALL SELECT v.enterprise_id::varchar(36), v.field_group, NULL, k.owner, NULL, NULL, NULL, NULL, NULL, NULL, "
        "(v.decided_at AT TIME ZONE 'Asia/Shanghai'), NULL, v.chosen, true, 'verdict', v.verdict_id "
        f"FROM hub.verdict v JOIN hub.conflict k USING (conflict_id) WHERE {standing} AND v.chosen IS NOT NULL"
    )


def _mention(contract: Contract, group: str, parties: str, rows: str) -> str:
    """SQL of what the rows of a dataset call enterprises: each name once for each source that uses it, by the earliest row that still has it."""
    key = golden.source_key(contract)
    return (
        f"SELECT m.enterprise_id, {group}, s.connector, s.department, s.provider_dept_code, m.key, m._batch_id, b.delivery, m._sheet, m._row, "
        "(b.committed_at AT TIME ZONE 'Asia/Shanghai'), NULL::timestamp, jsonb_build_object('name', m.called), false, NULL FROM ("
        "SELECT DISTINCT ON (p.enterprise_id::varchar(36), n.party, r._source_id) p.enterprise_id::varchar(36) AS enterprise_id, r._source_id, n.name AS called, "
        f"r.key, r._batch_id, r._sheet, r._row FROM {parties} p JOIN hub.party n ON n.party = p.party "
        f"JOIN (SELECT _party, _source_id, {key} AS key, _batch_id, _sheet, _row FROM {rows} x) r ON r._party = n.party "
        "WHERE p.enterprise_id IS NOT NULL AND n.name IS NOT NULL "
        "ORDER BY p.enterprise_id::varchar(36), n.party, r._source_id, r._batch_id, r.key) m "
        "JOIN hub.source s ON s.source_id = m._source_id JOIN hub.batch b ON b.batch_id = m._batch_id"
    )


def former_names(known: Mapping[str, Contract], rows: Rows = _record) -> str | None:
    """SQL of the names the register tells as former ones: _party, _source_id, _batch_id, uscc, name, used_from, used_to; None without such a dataset."""
    if _FORMER not in known:
        return None
    return f"SELECT _party, _source_id, _batch_id, CASE WHEN length(enterprise_code) = 18 THEN enterprise_code END AS uscc, name, used_from, used_to FROM {rows(known[_FORMER])} x"


def names(contract: Contract, parties: str = "hub.party", at: str | None = None, others: Rows = _record) -> str:
    """SQL of shared.enterprise_name; `parties`, the instant `at` (a literal) and `others` stand in for what is known now."""
    known = f"JOIN hub.batch b ON b.batch_id = r._batch_id AND b.committed_at <= {at} " if at else ""
    told = " UNION ALL ".join(
        f"SELECT p.enterprise_id::varchar(36) AS enterprise_id, r.uscc, r.name, s.connector, r._batch_id, {valid_field(contract, 'r')} AS valid_from "
        f"FROM {table}.enterprise r JOIN {parties} p ON p.party = r._party {known}JOIN hub.source s ON s.source_id = r._source_id"
        for table in ("record", "record_history")
    )
    former = former_names(contracts(), others)
    listed = (
        f" UNION ALL SELECT p.enterprise_id::varchar(36), f.uscc, f.name, s.connector, f.used_from::timestamp, f.used_to::timestamp "
        f"FROM ({former}) f JOIN {parties} p ON p.party = f._party JOIN hub.source s ON s.source_id = f._source_id WHERE p.enterprise_id IS NOT NULL"
        if former
        else ""
    )
    # Two firms made one are named at one time by one batch: told in full, the order is the same each time.
    in_turn = "OVER (PARTITION BY enterprise_id, connector ORDER BY valid_from, _batch_id, name, uscc)"
    return (
        f"SELECT enterprise_id, uscc, name, connector, valid_from, lead(valid_from) {in_turn} AS valid_to "
        f"FROM (SELECT *, lag(name) {in_turn} IS DISTINCT FROM name AS renamed "
        f"FROM ({told}) x WHERE enterprise_id IS NOT NULL) y WHERE renamed{listed}"
    )


def ddl(contract: Contract) -> list[str]:
    """Views: shared.enterprise_provenance, enterprise_conflict, enterprise_version, enterprise_name."""
    return [
        "DROP VIEW IF EXISTS shared.enterprise_provenance CASCADE",
        f"CREATE VIEW shared.enterprise_provenance AS {claims(contract)}",
        "COMMENT ON VIEW shared.enterprise_provenance IS '主记录的出处：每行一个主体、一组字段、一个来源的说法，stands 为真的是现在采用的'",
        "DROP VIEW IF EXISTS shared.enterprise_conflict CASCADE",
        "CREATE VIEW shared.enterprise_conflict AS SELECT c.conflict_id, c.enterprise_id::varchar(36) AS enterprise_id, c.field_group, c.owner, coalesce(d.short_name, c.owner) AS owner_department, s.connector, s.provider_dept_code, "
        "c.stands, c.said, c.former, (c.opened_at AT TIME ZONE 'Asia/Shanghai') AS opened_at, c.due_on, (c.closed_at AT TIME ZONE 'Asia/Shanghai') AS closed_at, c.outcome "
        "FROM hub.conflict c JOIN hub.source s USING (source_id) LEFT JOIN shared.department d ON d.dept_id = c.owner",
        "COMMENT ON VIEW shared.enterprise_conflict IS '与数源部门不一致的说法：每行一件，outcome 为空的还没了结'",
        f"DROP VIEW IF EXISTS shared.enterprise{SUFFIX} CASCADE",
        f"CREATE VIEW shared.enterprise{SUFFIX} AS {golden.versions(contract, LATEST)}",
        f"COMMENT ON VIEW shared.enterprise{SUFFIX} IS '主记录的各版：known_from、known_to 是何时得知，valid_from、valid_to 来自数据'",
        "DROP VIEW IF EXISTS shared.enterprise_name CASCADE",
        f"CREATE VIEW shared.enterprise_name AS {names(contract)}",
        "COMMENT ON VIEW shared.enterprise_name IS '名称沿革：每行一个主体在一个来源里用过的一个名称，valid_to 为空的是现在的'",
    ]
