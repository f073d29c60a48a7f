"""The golden enterprise record: for each field group one source's value stands, the owner's before all others.

Fields of one group move together, so that a name never comes from one source and its status from another. In
each group: the owner department (一数一源) where it says anything, else the older connector, else the newest
batch. `field_sources` tells per group which connector, key and batch stands; the losers stay in
shared.enterprise_record.
"""

from __future__ import annotations

from schemas.contract import Contract
from warehouse import truth
from warehouse.engines.adbc import Connection
from warehouse.tables import literal, quoted

_COMPUTED = (
    "name_strict_key",
    "name_loose_key",
    "is_branch",
    "parent_enterprise_id",
    "source_of_truth",
    "field_sources",
)


def prepare(warehouse: Connection, contract: Contract) -> None:
    """Make shared.enterprise and its link views when the contract is new or has gained a field."""
    fields = [f"{quoted(f.name)} {f.physical_type}" for f in contract.fields.values()]
    warehouse.execute(
        f"CREATE TABLE IF NOT EXISTS shared.enterprise (enterprise_id varchar(36) PRIMARY KEY, {', '.join(fields)}, "
        "name_strict_key text, name_loose_key text, is_branch boolean, parent_enterprise_id varchar(36), source_of_truth varchar(18), field_sources jsonb)"
    )
    for f in contract.fields.values():
        warehouse.execute(f"ALTER TABLE shared.enterprise ADD COLUMN IF NOT EXISTS {quoted(f.name)} {f.physical_type}")
        warehouse.execute(f"COMMENT ON COLUMN shared.enterprise.{quoted(f.name)} IS {literal(f.title)}")
    warehouse.execute(
        "ALTER TABLE shared.enterprise ADD COLUMN IF NOT EXISTS known_from timestamptz NOT NULL DEFAULT clock_timestamp()"
    )
    warehouse.execute("COMMENT ON COLUMN shared.enterprise.known_from IS '这一版主记录何时得知'")
    truth.record_owners(warehouse, contract)
    for statement in _provenance_ddl(contract):
        warehouse.execute(statement)
    warehouse.execute(f"COMMENT ON TABLE shared.enterprise IS {literal(contract.title + '（主记录）：每行一个主体')}")


def refresh(warehouse: Connection, contract: Contract) -> int:
    """Bring shared.enterprise up to date; returns the rows that changed. The caller commits."""
    groups, owners = truth.groups(contract), truth.owners(contract)
    warehouse.execute("DROP TABLE IF EXISTS member")
    warehouse.execute(
        "CREATE TEMP TABLE member ON COMMIT DROP AS SELECT p.enterprise_id AS _id, s.department AS _department, s.connector AS _connector, r.* "
        "FROM record.enterprise r JOIN hub.party p ON p.party = r._party JOIN hub.source s ON s.source_id = r._source_id WHERE p.enterprise_id IS NOT NULL"
    )
    key = _key(contract)
    joins, columns, sources = [], [], []
    for i, (group, names) in enumerate(groups.items()):
        said = ", ".join(quoted(n) for n in names)
        # A blank never erases: a source that says nothing on the whole group does not take part in it.
        joins.append(
            f"LEFT JOIN (SELECT DISTINCT ON (_id) _id, {said}, jsonb_build_object('source', _connector, 'key', {key}, 'batch', _batch_id) AS told "
            f"FROM member WHERE coalesce({', '.join(f'{quoted(n)}::text' for n in names)}) IS NOT NULL "
            f"ORDER BY _id, {_order(owners.get(group), key)}) g{i} ON g{i}._id = e.id"
        )
        columns += [f"g{i}.{quoted(n)}" for n in names]
        sources.append(f"{literal(group)}, g{i}.told")
    names = [n for group in groups.values() for n in group]
    name = columns[names.index("name")]
    # An enterprise only other departments speak of has at least the name and codes they used.
    mentioned = {
        "name": f"coalesce({name}, e.said_name)",
        "uscc": f"coalesce({columns[names.index('uscc')]}, e.said_uscc)",
    }
    values = [f"{mentioned.get(n, c)} AS {quoted(n)}" for n, c in zip(names, columns, strict=True)]
    warehouse.execute("DROP TABLE IF EXISTS golden")
    warehouse.execute(
        f"""CREATE TEMP TABLE golden ON COMMIT DROP AS
        SELECT e.id::varchar(36) AS enterprise_id, {", ".join(values)}, coalesce(k.strict_key, e.strict_key) AS name_strict_key,
          coalesce(k.loose_key, e.loose_key) AS name_loose_key, coalesce(k.is_branch, e.is_branch) AS is_branch, NULL::varchar(36) AS parent_enterprise_id,
          d.provider_dept_code AS source_of_truth, jsonb_strip_nulls(jsonb_build_object({", ".join(sources)})) AS field_sources
        FROM (SELECT enterprise_id AS id, (array_agg(name ORDER BY match_score DESC, party) FILTER (WHERE name IS NOT NULL))[1] AS said_name, max(uscc) AS said_uscc,
                (array_agg(strict_key ORDER BY match_score DESC, party) FILTER (WHERE name IS NOT NULL))[1] AS strict_key,
                (array_agg(loose_key ORDER BY match_score DESC, party) FILTER (WHERE name IS NOT NULL))[1] AS loose_key, bool_or(is_branch) AS is_branch
              FROM hub.party WHERE enterprise_id IS NOT NULL GROUP BY enterprise_id) e
        {" ".join(joins)}
        LEFT JOIN LATERAL (SELECT strict_key, loose_key, is_branch FROM hub.party p WHERE p.enterprise_id = e.id AND p.name = {name} LIMIT 1) k ON true
        LEFT JOIN hub.source d ON d.connector = g{list(groups).index(contract.fields["name"].group or "name")}.told ->> 'source'"""
    )
    # A branch belongs to the enterprise whose strict name is the longest beginning of its own.
    warehouse.execute(
        """UPDATE golden b SET parent_enterprise_id = p.enterprise_id FROM (
          SELECT DISTINCT ON (b.enterprise_id) b.enterprise_id AS branch, p.enterprise_id FROM golden b JOIN golden p
            ON p.name_strict_key = substring(b.name_strict_key FROM '^(.*?公司)') AND NOT p.is_branch
          WHERE b.is_branch ORDER BY b.enterprise_id, p.enterprise_id) p WHERE b.enterprise_id = p.branch"""
    )
    warehouse.execute("ANALYZE golden")
    truth.settle(warehouse, contract)
    every = ["enterprise_id", *names, *_COMPUTED]
    listed = ", ".join(map(quoted, every))
    differs = f"({', '.join(f'e.{quoted(c)}' for c in every[1:])}) IS DISTINCT FROM ({', '.join(f'{{0}}.{quoted(c)}' for c in every[1:])})"
    # What was shown until now is kept: any past day can be shown again.
    warehouse.execute(
        "INSERT INTO hub.enterprise_history SELECT e.enterprise_id, e.known_from, clock_timestamp(), to_jsonb(e) - 'known_from' "
        f"FROM shared.enterprise e LEFT JOIN golden g USING (enterprise_id) WHERE g.enterprise_id IS NULL OR {differs.format('g')}"
    )
    gone = warehouse.execute(
        "DELETE FROM shared.enterprise e WHERE NOT EXISTS (SELECT 1 FROM golden g WHERE g.enterprise_id = e.enterprise_id)"
    )
    changed = warehouse.execute(
        f"INSERT INTO shared.enterprise AS e ({listed}) SELECT {listed} FROM golden ON CONFLICT (enterprise_id) DO UPDATE SET "
        f"{', '.join(f'{quoted(c)} = EXCLUDED.{quoted(c)}' for c in every[1:])}, known_from = clock_timestamp() WHERE {differs.format('EXCLUDED')}"
    )
    return gone + changed


def _key(contract: Contract) -> str:
    return "concat_ws('|', " + ", ".join(quoted(k) for k in contract.key) + ")"


def _order(owner: str | None, key: str) -> str:
    """Which of several sources stands: the owner, then the one registered first, then the newest batch."""
    owned = f"_department = {literal(owner)} DESC, " if owner else ""
    return f"{owned}_source_id, _batch_id DESC, {key}"


def _provenance_ddl(contract: Contract) -> list[str]:
    """Views: shared.enterprise_provenance (one row per enterprise, field group and claim), enterprise_conflict, enterprise_name."""
    owners, parts = truth.owners(contract), []
    member = (
        "SELECT p.enterprise_id::varchar(36) AS enterprise_id, s.connector, s.department AS _department, s.provider_dept_code, b.delivery, "
        "b.committed_at, r.* FROM record.enterprise r JOIN hub.party p ON p.party = r._party JOIN hub.source s ON s.source_id = r._source_id "
        "JOIN hub.batch b ON b.batch_id = r._batch_id WHERE p.enterprise_id IS NOT NULL"
    )
    valid = f"{quoted(contract.valid_from)}::timestamp" if contract.valid_from in contract.fields else "NULL::timestamp"
    for group, names in truth.groups(contract).items():
        owner = owners.get(group)
        said = ", ".join(
            f"{literal(n)}, {f'{quoted(n)}::text' if contract.fields[n].classification in {'S0', 'S1'} else f'CASE WHEN {quoted(n)} IS NOT NULL THEN $$***$$ END'}"
            for n in names
        )
        parts.append(
            f"SELECT enterprise_id, {literal(group)} AS field_group, connector, _department AS department, provider_dept_code, {_key(contract)} AS source_key, "
            f"_batch_id AS batch_id, delivery, _sheet AS source_sheet, _row AS source_row, (committed_at AT TIME ZONE 'Asia/Shanghai') AS known_from, {valid} AS valid_from, "
            f"jsonb_strip_nulls(jsonb_build_object({said})) AS said, row_number() OVER w = 1 AS stands, "
            f"CASE WHEN row_number() OVER w > 1 THEN NULL WHEN {f'_department = {literal(owner)}' if owner else 'false'} THEN 'owner' "
            f"WHEN count(*) OVER (PARTITION BY enterprise_id) = 1 THEN 'only' ELSE 'priority' END AS rule "
            f"FROM ({member}) m WHERE coalesce({', '.join(f'{quoted(n)}::text' for n in names)}) IS NOT NULL "
            f"WINDOW w AS (PARTITION BY enterprise_id ORDER BY {_order(owner, _key(contract))})"
        )
    name_group = contract.fields["name"].group or "name"
    parts.append(
        f"SELECT p.enterprise_id::varchar(36), {literal(name_group)}, s.connector, s.department, s.provider_dept_code, NULL, p.first_batch_id, b.delivery, NULL, NULL, "
        "(b.committed_at AT TIME ZONE 'Asia/Shanghai'), NULL::timestamp, jsonb_build_object('name', p.name), false, NULL "
        "FROM hub.party p JOIN hub.source s USING (source_id) JOIN hub.batch b ON b.batch_id = p.first_batch_id "
        "WHERE p.enterprise_id IS NOT NULL AND p.name IS NOT NULL AND s.dataset <> 'enterprise'"
    )
    verdict = "hub.verdict v ON v.enterprise_id::text = c.enterprise_id AND v.field_group = c.field_group AND v.expired_at IS NULL AND v.chosen IS NOT NULL"
    return [
        "DROP VIEW IF EXISTS shared.enterprise_provenance CASCADE",
        "CREATE VIEW shared.enterprise_provenance AS SELECT c.enterprise_id, c.field_group, c.connector, c.department, c.provider_dept_code, c.source_key, c.batch_id, "
        "c.delivery, c.source_sheet, c.source_row, c.known_from, c.valid_from, c.said, c.stands AND v.verdict_id IS NULL AS stands, "
        f"CASE WHEN v.verdict_id IS NULL THEN c.rule END AS rule, v.verdict_id FROM ({' UNION ALL '.join(parts)}) c LEFT JOIN {verdict}",
        "COMMENT ON VIEW shared.enterprise_provenance IS '主记录的出处：每行一个主体、一组字段、一个来源的说法，stands 为真的是现在采用的'",
        "DROP VIEW IF EXISTS shared.enterprise_conflict CASCADE",
        "CREATE VIEW shared.enterprise_conflict AS SELECT c.conflict_id, c.enterprise_id::varchar(36) AS enterprise_id, c.field_group, c.owner, s.connector, s.provider_dept_code, "
        "c.stands, c.said, c.former, (c.opened_at AT TIME ZONE 'Asia/Shanghai') AS opened_at, c.due_on, (c.closed_at AT TIME ZONE 'Asia/Shanghai') AS closed_at, c.outcome "
        "FROM hub.conflict c JOIN hub.source s USING (source_id)",
        "COMMENT ON VIEW shared.enterprise_conflict IS '与数源部门不一致的说法：每行一件，outcome 为空的还没了结'",
        "DROP VIEW IF EXISTS shared.enterprise_name CASCADE",
        "CREATE VIEW shared.enterprise_name AS SELECT enterprise_id, uscc, name, connector, valid_from, lead(valid_from) OVER (PARTITION BY enterprise_id, connector ORDER BY valid_from) AS valid_to "
        "FROM (SELECT *, lag(name) OVER (PARTITION BY enterprise_id, connector ORDER BY valid_from, _batch_id) IS DISTINCT FROM name AS renamed FROM ("
        f"SELECT p.enterprise_id::varchar(36) AS enterprise_id, r.uscc, r.name, s.connector, r._batch_id, {valid} AS valid_from FROM record.enterprise r "
        f"JOIN hub.party p ON p.party = r._party JOIN hub.source s ON s.source_id = r._source_id UNION ALL "
        f"SELECT p.enterprise_id::varchar(36), r.uscc, r.name, s.connector, r._batch_id, {valid} FROM record_history.enterprise r "
        "JOIN hub.party p ON p.party = r._party JOIN hub.source s ON s.source_id = r._source_id) x WHERE enterprise_id IS NOT NULL) y WHERE renamed",
        "COMMENT ON VIEW shared.enterprise_name IS '名称沿革：每行一个主体在一个来源里用过的一个名称，valid_to 为空的是现在的'",
    ]
