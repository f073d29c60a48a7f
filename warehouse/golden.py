"""The golden record as one query over what sources say and who is who: today's tables, or any past day's.

For each field group one source's value stands, the owner's before all others; fields of one group move together, so that
a name never comes from one source and its status from another.

    member  A  market_supervision  name=甲   phone=NULL        golden  A  name=甲  phone=138  field_sources {name: …, contact: …}
            A  tax                 name=乙   phone=138
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from schemas.contract import Contract
from schemas.names import BRACKETS, DROPPED, STATUS
from warehouse.tables import literal, quoted
from warehouse.versions import named, valid_rows

COMPUTED = (
    "name_strict_key",
    "name_loose_key",
    "is_branch",
    "parent_enterprise_id",
    "source_of_truth",
    "field_sources",
)
# A branch belongs to the enterprise whose strict name is the longest beginning of its own.
PARENT_NAME = "substring({} FROM '^(.*?公司)')"


def groups(contract: Contract) -> dict[str, list[str]]:
    """Field group → its fields; a field without a group is one of its own."""
    found: dict[str, list[str]] = {}
    for f in contract.fields.values():
        found.setdefault(f.group or f.name, []).append(f.name)
    return found


def owners(contract: Contract) -> dict[str, str]:
    """Field group → the department that owns it."""
    return {f.group or f.name: f.owner for f in contract.fields.values() if f.owner}


def columns(contract: Contract) -> list[str]:
    """The columns of the golden record, the computed ones last."""
    return ["enterprise_id", *(n for names in groups(contract).values() for n in names), *COMPUTED]


def source_key(contract: Contract) -> str:
    """SQL of a member's key in its source."""
    return "concat_ws('|', " + ", ".join(quoted(k) for k in contract.key) + ")"


def order(contract: Contract, owner: str | None) -> str:
    """Which of several rows stands: the owner's, then of the source registered first, then what the data calls newest, then the newest batch."""
    owned = f"_department = {literal(owner)} DESC, " if owner else ""
    told = f"{quoted(str(contract.valid_from))} DESC NULLS LAST, " if contract.valid_from in contract.fields else ""
    return f"{owned}_source_id, {told}_batch_id DESC, {source_key(contract)}"


def members(rows: str, parties: str) -> str:
    """SQL: rows of the dataset `enterprise` with _id, _department and _connector beside them."""
    return (
        "SELECT p.enterprise_id AS _id, s.department AS _department, s.connector AS _connector, r.* "
        f"FROM {rows} r JOIN {parties} p ON p.party = r._party JOIN hub.source s ON s.source_id = r._source_id WHERE p.enterprise_id IS NOT NULL"
    )


def spoken(contract: Contract) -> dict[str, str]:
    """Field group → SQL: whether a member row says anything of it."""
    return {
        group: f"coalesce({', '.join(f'{quoted(n)}::text' for n in names)}) IS NOT NULL"
        for group, names in groups(contract).items()
    }


def name_key(column: str) -> str:
    """SQL of the strict key of a name (schemas.names); for the few names that no party carries."""
    ends = BRACKETS[0] + BRACKETS[1] + DROPPED, "(" * len(BRACKETS[0]) + ")" * len(BRACKETS[1])
    key = f"upper(translate(normalize({column}, NFKC), {literal(ends[0])}, {literal(ends[1])}))"
    return f"regexp_replace({key}, {literal(f'(?:{STATUS})+$')}, '')"


def query(
    contract: Contract, member: str, parties: str, silent: Collection[str] = (), owned: Mapping[str, str] | None = None
) -> str:
    """SQL of the golden records of `parties`, their parents apart (NULL); `member` is the relation of what sources say.

    `owned` are the owners of another day; the contract's own without it.

    Groups known to be `silent`, of which no member says anything, are not looked for: each would be a pass over all members.
    """
    grouped, key = groups(contract), source_key(contract)
    owned = owners(contract) if owned is None else owned
    says, naming = spoken(contract), contract.fields["name"].group or "name"
    joins, values, sources = [], [], []
    for i, (group, names) in enumerate(grouped.items()):
        if group in silent and group != naming:
            values += [f"NULL::{contract.fields[n].physical_type}" for n in names]
            continue
        said = ", ".join(quoted(n) for n in names)
        # A blank never erases: a source that says nothing on the whole group does not take part in it.
        joins.append(
            f"LEFT JOIN (SELECT DISTINCT ON (_id) _id, {said}, jsonb_build_object('source', _connector, 'key', {key}, 'batch', _batch_id) AS told "
            f"FROM {member} m WHERE {says[group]} ORDER BY _id, {order(contract, owned.get(group))}) g{i} ON g{i}._id = e.id"
        )
        values += [f"g{i}.{quoted(n)}" for n in names]
        sources.append(f"{literal(group)}, g{i}.told")
    names = [n for group in grouped.values() for n in group]
    name = values[names.index("name")]
    # An enterprise only other departments speak of has at least the name and codes they used.
    mentioned = {
        "name": f"coalesce({name}, e.said_name)",
        "uscc": f"coalesce({values[names.index('uscc')]}, e.said_uscc)",
    }
    said = ", ".join(f"{mentioned.get(n, c)} AS {quoted(n)}" for n, c in zip(names, values, strict=True))
    first = "(array_agg({} ORDER BY match_score DESC, party) FILTER (WHERE name IS NOT NULL))[1]"
    return f"""SELECT e.id::varchar(36) AS enterprise_id, {said}, coalesce(k.strict_key, e.strict_key) AS name_strict_key,
          coalesce(k.loose_key, e.loose_key) AS name_loose_key, coalesce(k.is_branch, e.is_branch) AS is_branch, NULL::varchar(36) AS parent_enterprise_id,
          d.provider_dept_code AS source_of_truth, jsonb_strip_nulls(jsonb_build_object({", ".join(sources)})) AS field_sources
        FROM (SELECT enterprise_id AS id, {first.format("name")} AS said_name, max(uscc) AS said_uscc, {first.format("strict_key")} AS strict_key,
                {first.format("loose_key")} AS loose_key, bool_or(is_branch) AS is_branch
              FROM {parties} q WHERE enterprise_id IS NOT NULL GROUP BY enterprise_id) e
        {" ".join(joins)}
        LEFT JOIN (SELECT DISTINCT ON (enterprise_id, name) enterprise_id, name, strict_key, loose_key, is_branch FROM {parties} p
          WHERE enterprise_id IS NOT NULL AND name IS NOT NULL ORDER BY enterprise_id, name, party) k ON k.enterprise_id = e.id AND k.name = {name}
        LEFT JOIN hub.source d ON d.connector = g{list(grouped).index(naming)}.told ->> 'source'"""


def past(
    contract: Contract, at: str, moment: str, parties: str, owned: Mapping[str, str], others: Iterable[Contract]
) -> str:
    """SQL of shared.enterprise for a moment of valid time, by what was known at an instant (both literals).

    `parties` and `owned` tell who was who and who owned what at the instant; `others` are the datasets beside it that name enterprises. Verdicts that stood then apply where the value they were about does.
    """
    shown = columns(contract)
    names = [n for n in shown if n in contract.fields]
    decided = {f for group in owned.keys() & groups(contract).keys() for f in groups(contract)[group]}
    chosen = {
        n: f"CASE WHEN v.chosen ? {literal(n)} AND g.{quoted(n)}::text IS NOT DISTINCT FROM v.stands ->> {literal(n)} "
        f"THEN (v.chosen ->> {literal(n)})::{contract.fields[n].physical_type} ELSE g.{quoted(n)} END"
        for n in names
        if n in decided and contract.fields[n].classification in {"S0", "S1"}
    }
    if "name" in chosen:
        own = "g.name IS NOT DISTINCT FROM v.stands ->> 'name' THEN " + name_key("(v.chosen ->> 'name')")
        chosen["name_strict_key"] = f"CASE WHEN v.chosen ? 'name' AND {own} ELSE g.name_strict_key END"
    told = {c: chosen.get(c, f"g.{quoted(c)}") for c in shown}
    stored = (
        "b.enterprise_id AS parent_enterprise_id" if c == "parent_enterprise_id" else f"g.{quoted(c)}"
        for c in _stored(contract)
    )
    parent = PARENT_NAME.format("g.name_strict_key")
    told_of = " UNION ALL ".join(named(other, at, moment, "SELECT party FROM stranger") for other in others)
    return f"""WITH party AS (
          SELECT q.party, q.source_id, q.uscc, q.name, q.strict_key, q.loose_key, q.is_branch, q.match_score, t.enterprise_id
          FROM hub.party q JOIN {parties} t USING (party) JOIN hub.batch b ON b.batch_id = q.first_batch_id WHERE b.committed_at <= {at}),
        member AS ({members(valid_rows(contract, at, moment), "party")}),
        -- Whom the register knows at all is there only while a row of it is valid; of the others whom a row valid then names.
        stranger AS (SELECT party FROM party WHERE enterprise_id NOT IN (SELECT _id FROM member) AND enterprise_id NOT IN (
          SELECT enterprise_id FROM party JOIN hub.source USING (source_id) WHERE dataset = {literal(contract.dataset)} AND enterprise_id IS NOT NULL)),
        there AS (SELECT party.* FROM party WHERE enterprise_id IN (SELECT _id FROM member) OR party IN ({told_of})),
        golden AS ({query(contract, "member", "there", owned=owned)}),
        verdict AS (SELECT v.enterprise_id::text AS id, jsonb_object_agg(c.key, c.value) AS chosen, jsonb_object_agg(c.key, k.stands -> c.key) AS stands
          FROM hub.verdict v JOIN hub.conflict k USING (conflict_id) CROSS JOIN LATERAL jsonb_each(v.chosen) c
          WHERE v.decided_at <= {at} AND coalesce(v.expired_at > {at}, true) GROUP BY 1),
        decided AS (SELECT {", ".join(f"{said} AS {quoted(c)}" for c, said in told.items())} FROM golden g LEFT JOIN verdict v ON v.id = g.enterprise_id)
        SELECT {", ".join(stored)}, {at} AS known_from FROM decided g
        LEFT JOIN LATERAL (SELECT p.enterprise_id FROM decided p WHERE g.is_branch AND NOT p.is_branch AND p.name_strict_key = {parent}
          ORDER BY p.enterprise_id LIMIT 1) b ON true"""


def versions(contract: Contract, at: str) -> str:
    """SQL: every version of every golden record known at the instant, with known_from, known_to, valid_from and valid_to."""
    own = ", ".join(quoted(c) for c in _stored(contract))
    valid = (
        f"{quoted(str(contract.valid_from))}::timestamp"
        if contract.valid_from in contract.fields
        else "NULL::timestamp"
    )
    local = (
        "(known_from AT TIME ZONE 'Asia/Shanghai') AS known_from, (known_to AT TIME ZONE 'Asia/Shanghai') AS known_to"
    )
    following = "lead({}) OVER (PARTITION BY enterprise_id ORDER BY known_from)"
    return f"""SELECT {own}, {local}, {valid} AS valid_from, CASE WHEN {following.format(valid)} >= {valid} THEN {following.format(valid)} END AS valid_to
        FROM (SELECT {own}, known_from, NULL::timestamptz AS known_to FROM shared.enterprise WHERE known_from <= {at} UNION ALL
          SELECT {", ".join(f"(x.e).{quoted(c)}" for c in _stored(contract))}, x.known_from, CASE WHEN x.known_to <= {at} THEN x.known_to END FROM (
            SELECT h.known_from, h.known_to, jsonb_populate_record(NULL::shared.enterprise, h.record) AS e FROM hub.enterprise_history h
            WHERE h.known_from <= {at}) x) v"""


def _stored(contract: Contract) -> list[str]:
    """The columns in the order of shared.enterprise."""
    return ["enterprise_id", *contract.fields, *COMPUTED]
