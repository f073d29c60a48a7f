"""Who says otherwise than the owner of a value: temp table `disagreement`, of the enterprises whose golden records are being made.

    member (rows of the dataset enterprise)                x  golden  ->  other values of a field group
    record.* (rows of every dataset that names them)       x  golden  ->  other names

Each source speaks for itself, also in words that another used before. Values that are equal after standardisation do not
disagree: names and addresses are compared by their keys, division codes without the noughts behind, telephones without the
area where only one gives it, other texts without blanks, width and the stop at their end.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from schemas import macros, text
from schemas.contract import Contract, Field, contracts
from schemas.names import DEFAULT_REGIONS, PROVINCES
from schemas.privacy import UNKNOWN
from warehouse import provenance
from warehouse.engines.adbc import Connection
from warehouse.golden import groups, name_key, owners, spoken
from warehouse.tables import literal, quoted

# SQL: the parties of the enterprises touched that a record still names.
NAMED = """(SELECT p.* FROM hub.party p WHERE p.enterprise_id IN (SELECT id FROM touched)
  AND NOT EXISTS (SELECT FROM unsaid u WHERE u.party = p.party))"""
_MEMORY = "400MB"


def find(warehouse: Connection, contract: Contract, silent: Collection[str]) -> None:
    """Make temp table disagreement(id, grp, owner, source_id, batch_id, stands, said, former) of `member`, `unsaid` and `golden`.

    No member says anything of the field groups `silent`.
    """
    grouped, owned, says = groups(contract), owners(contract), spoken(contract)
    warehouse.execute("DROP TABLE IF EXISTS spoken")
    warehouse.execute(
        "CREATE TEMP TABLE spoken ON COMMIT DROP AS SELECT _id FROM member GROUP BY _id HAVING count(DISTINCT _department) > 1"
    )
    heard = {group: owner for group, owner in owned.items() if group not in silent}
    _same_places(warehouse, [f for group in heard for f in grouped[group] if _placed(contract, f)])
    parts = []
    for group, owner in heard.items():
        fields = [f for f in grouped[group] if contract.fields[f].classification in {"S0", "S1"}]
        if not fields:
            continue
        # The golden record holds the owner's values where the owner speaks; only then is there one to disagree with.
        differs = " OR ".join(_differs(contract, contract.fields[f], owner) for f in fields)
        keyed = "JOIN hub.party n ON n.party = m._party " if "n." in differs else ""
        parts.append(
            f"SELECT m._id AS id, {literal(group)} AS grp, {literal(owner)} AS owner, m._source_id AS source_id, m._batch_id AS batch_id, "
            f"{_object('g', fields)} AS stands, {_object('m', fields)} AS said, false AS former "
            f"FROM member m JOIN golden g ON g.enterprise_id = m._id::text {keyed}WHERE m._department <> {literal(owner)} AND m._id IN (SELECT _id FROM spoken) "
            f"AND ({differs}) AND EXISTS (SELECT 1 FROM member o WHERE o._id = m._id AND o._department = {literal(owner)} AND {says[group]})"
        )
    name_group = contract.fields["name"].group or "name"
    if name_group in owned:
        parts += _names(warehouse, contract, name_group, owned[name_group])
    # One after the other: a statement keeps the hashes of all its joins to its end, and a session's memory is bounded.
    warehouse.execute("DROP TABLE IF EXISTS disagreed")
    # With an index on members at hand the others would look each of theirs up, at twice the cost of one pass.
    one_by_one = [part for part in parts if "unnest(" in part]
    for number, part in enumerate([*(part for part in parts if part not in one_by_one), *one_by_one]):
        if number == len(parts) - len(one_by_one):
            warehouse.execute("CREATE INDEX member_of ON member (_id)")
        warehouse.execute(
            f"{'INSERT INTO disagreed' if number else 'CREATE TEMP TABLE disagreed ON COMMIT DROP AS'} {part}"
        )
    warehouse.execute("DROP TABLE IF EXISTS disagreement")
    warehouse.execute(
        "CREATE TEMP TABLE disagreement ON COMMIT DROP AS SELECT id, grp, owner, source_id, max(batch_id) AS batch_id, stands, said, bool_or(former) AS former "
        "FROM disagreed GROUP BY id, grp, owner, source_id, stands, said"
    )
    warehouse.execute("CREATE INDEX ON disagreement (id, grp, source_id)")
    warehouse.execute("ANALYZE disagreement")


def _names(warehouse: Connection, contract: Contract, group: str, owner: str) -> list[str]:
    """SQL, one query per dataset beside enterprise, of who calls an enterprise otherwise than its owner; the words are in temp table `otherwise`."""
    # A name the register itself once gave, or tells as a former one, is a former one.
    told = provenance.former_names(contracts())
    listed = (
        f" OR EXISTS (SELECT 1 FROM ({told}) f JOIN hub.party r ON r.party = f._party "
        f"WHERE r.enterprise_id = p.enterprise_id AND {_plain('f.name')} = {_plain('p.name')})"
        if told
        else ""
    )
    warehouse.execute("DROP TABLE IF EXISTS otherwise")
    warehouse.execute(
        "CREATE TEMP TABLE otherwise ON COMMIT DROP AS SELECT p.party, p.enterprise_id AS id, "
        "jsonb_build_object('name', g.name) AS stands, jsonb_build_object('name', p.name) AS said, EXISTS (SELECT 1 FROM hub.party r JOIN hub.source rs USING (source_id) "
        f"WHERE r.enterprise_id = p.enterprise_id AND r.strict_key = p.strict_key AND rs.dataset = 'enterprise' AND rs.department = {literal(owner)}){listed} AS former "
        f"FROM {NAMED} p JOIN golden g ON g.enterprise_id = p.enterprise_id::text WHERE p.name IS NOT NULL "
        f"AND p.strict_key <> g.name_strict_key AND {_local('p.strict_key')} <> {_local('g.name_strict_key')} "
        f"AND EXISTS (SELECT 1 FROM member o WHERE o._id = p.enterprise_id AND o._department = {literal(owner)})"
    )
    warehouse.execute("ANALYZE otherwise")
    return [
        f"SELECT w.id, {literal(group)} AS grp, {literal(owner)} AS owner, r._source_id AS source_id, min(r._batch_id) AS batch_id, w.stands, w.said, w.former "
        f"FROM otherwise w JOIN record.{quoted(other.dataset)} r ON r._party = w.party JOIN hub.source s ON s.source_id = r._source_id "
        f"WHERE s.department <> {literal(owner)} GROUP BY w.id, r._source_id, w.stands, w.said, w.former"
        for other in contracts().values()
        if other.party and other.dataset != contract.dataset
    ]


def _placed(contract: Contract, field: str) -> bool:
    """Whether a field is an address of which parties carry no key."""
    return field.endswith("address") and not (contract.party and field in contract.party.second)


def _same_places(warehouse: Connection, fields: Collection[str]) -> None:
    """Make temp table same_place(said, stands): two spellings each of one place, as a member and the golden record have them in a field."""
    warehouse.execute("DROP TABLE IF EXISTS same_place")
    warehouse.execute("CREATE TEMP TABLE same_place (said text, stands text) ON COMMIT DROP")
    if not fields:
        return
    pairs = warehouse.query(
        " UNION ".join(
            f"SELECT m.{quoted(f)} AS said, g.{quoted(f)} AS stands FROM member m JOIN golden g ON g.enterprise_id = m._id::text "
            f"WHERE m._id IN (SELECT _id FROM spoken) AND m.{quoted(f)} <> g.{quoted(f)}"
            for f in fields
        )
    )
    if not pairs.num_rows:
        return
    import duckdb

    with duckdb.connect(config={"memory_limit": _MEMORY}) as con:
        macros.install(con)
        con.register("pair", pairs)
        key = "address_today(address_key({}))"
        same = con.execute(f"SELECT said, stands FROM pair WHERE {key.format('said')} = {key.format('stands')}")
        warehouse.ingest(same.to_arrow_reader(), "same_place")


def _differs(contract: Contract, field: Field, owner: str) -> str:
    """SQL: whether member m, of party n, says another value of a field than golden g. Most are equal as they stand; the others are made plain first."""
    said, stands = f"m.{quoted(field.name)}", f"g.{quoted(field.name)}"

    def unequal(plain: Callable[[str], str]) -> str:
        return f"({said} <> {stands} AND {plain(said)} <> {plain(stands)})"

    if field.name == "name":
        return f"({said} <> {stands} AND {_local('n.strict_key')} <> {_local('g.name_strict_key')})"
    if field.kind == "name":
        return unequal(lambda column: _local(name_key(column)))
    if field.name.endswith("region_code"):
        return unequal(lambda column: f"regexp_replace({column}, '(000)+$', '')")
    if field.kind == "mask_phone":
        # 5412345 and 0825-5412345 are one number; of two areas each has its own. What nobody could read says nothing.
        bare = "regexp_replace({}, '^0[0-9]+-', '')".format
        near = f"'*' IN (left({said}, 1), left({stands}, 1)) AND {bare(said)} = {bare(stands)}"
        return f"({said} <> {stands} AND {literal(UNKNOWN)} NOT IN ({said}, {stands}) AND NOT ({near}))"
    if contract.party and field.name == contract.party.fields.get("code"):
        # A column of mixed codes may hold any of those the owner gives.
        codes = [n for role, n in contract.party.fields.items() if role in {"uscc", "reg_no", "org_code"}]
        other = ", ".join(f"coalesce(g.{quoted(n)}, '')" for n in codes) or "''"
        return f"({said} <> {stands} AND {said} NOT IN ({other}))"
    if _placed(contract, field.name):
        known = f"SELECT FROM same_place p WHERE p.said = {said} AND p.stands = {stands}"
        return f"({unequal(_plain)} AND NOT EXISTS ({known}))"
    if field.name.endswith("address"):
        # Parties carry the keys of these (warehouse.merge): two spellings of one place have the same.
        return (
            f"({unequal(_plain)} AND NOT EXISTS (SELECT FROM member o JOIN hub.party w ON w.party = o._party WHERE o._id = m._id AND o._department = {literal(owner)} "
            f"AND EXISTS (SELECT FROM unnest(w.second) k WHERE starts_with(k, {literal(field.name + '=')}) AND k = ANY (n.second))))"
        )
    if field.kind == "free_text":
        return unequal(lambda column: f"rtrim({_plain(column)}, '。.;,、')")
    return unequal(_plain)


def _local(key: str) -> str:
    """SQL of a strict name key without the province and city before the county's own name: 四川省示例县… and 示例县… are one name."""
    own, provinces = "|".join(DEFAULT_REGIONS), "|".join(PROVINCES)
    before = f"^(?:(?:{provinces})(?:省|市|[^省市]{{0,4}}自治区)?)?(?:[^省市县]{{2,4}}市)?(?=(?:{own}))"
    return f"regexp_replace({key}, {literal(before)}, '')"


def _plain(column: str) -> str:
    return f"regexp_replace(normalize({column}::text, NFKC), {literal(f'[{chr(92)}s{text.ZERO_WIDTH}]')}, '', 'g')"


def _object(table: str, fields: list[str]) -> str:
    return f"jsonb_strip_nulls(jsonb_build_object({', '.join(f'{literal(f)}, {table}.{quoted(f)}' for f in fields)}))"
