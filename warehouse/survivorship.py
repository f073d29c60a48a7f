"""The golden enterprise record: for each field group one source's value stands, the owner's before all others.

Fields of one group move together, so that a name never comes from one source and its status from another. In
each group: the owner department (一数一源) where it says anything, else the older connector, else the newest
batch. `field_sources` tells per group which connector, key and batch stands; the losers stay in
shared.enterprise_record.
"""

from __future__ import annotations

from schemas.contract import Contract
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
    warehouse.execute(f"COMMENT ON TABLE shared.enterprise IS {literal(contract.title + '（主记录）：每行一个主体')}")


def refresh(warehouse: Connection, contract: Contract) -> int:
    """Bring shared.enterprise up to date; returns the rows that changed. The caller commits."""
    groups: dict[str, list[str]] = {}
    for f in contract.fields.values():
        groups.setdefault(f.group or f.name, []).append(f.name)
    owners = {f.group or f.name: f.owner for f in contract.fields.values() if f.owner}
    warehouse.execute("DROP TABLE IF EXISTS member")
    warehouse.execute(
        "CREATE TEMP TABLE member ON COMMIT DROP AS SELECT p.enterprise_id AS _id, s.department AS _department, s.connector AS _connector, r.* "
        "FROM record.enterprise r JOIN hub.party p ON p.party = r._party JOIN hub.source s ON s.source_id = r._source_id WHERE p.enterprise_id IS NOT NULL"
    )
    key = "concat_ws('|', " + ", ".join(quoted(k) for k in contract.key) + ")"
    joins, columns, sources = [], [], []
    for i, (group, names) in enumerate(groups.items()):
        owner = owners.get(group)
        owned = f"_department = {literal(owner)} DESC, " if owner else ""
        said = ", ".join(quoted(n) for n in names)
        # A blank never erases: a source that says nothing on the whole group does not take part in it.
        joins.append(
            f"LEFT JOIN (SELECT DISTINCT ON (_id) _id, {said}, jsonb_build_object('source', _connector, 'key', {key}, 'batch', _batch_id) AS told "
            f"FROM member WHERE coalesce({', '.join(f'{quoted(n)}::text' for n in names)}) IS NOT NULL "
            f"ORDER BY _id, {owned}_source_id, _batch_id DESC, {key}) g{i} ON g{i}._id = e.id"
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
    every = ["enterprise_id", *names, *_COMPUTED]
    listed = ", ".join(map(quoted, every))
    gone = warehouse.execute(
        "DELETE FROM shared.enterprise e WHERE NOT EXISTS (SELECT 1 FROM golden g WHERE g.enterprise_id = e.enterprise_id)"
    )
    differs = f"({', '.join(f'e.{quoted(c)}' for c in every[1:])}) IS DISTINCT FROM ({', '.join(f'EXCLUDED.{quoted(c)}' for c in every[1:])})"
    changed = warehouse.execute(
        f"INSERT INTO shared.enterprise AS e ({listed}) SELECT {listed} FROM golden ON CONFLICT (enterprise_id) DO UPDATE SET "
        f"{', '.join(f'{quoted(c)} = EXCLUDED.{quoted(c)}' for c in every[1:])} WHERE {differs}"
    )
    return gone + changed
