"""Which enterprise a source row speaks of: deterministic keys first, names only with a second equal field.

    1. a valid unified social credit code (USCC)
    2. registration number, or organisation code (= USCC places 9–17; also inside the old 15-digit taxpayer id)
    3. the strict name key plus a second equal field (legal representative, phone), when one enterprise answers

The loose name key never links. A branch named under its parent's code is not linked, nor a name that has nothing in
common with the code's own: they wait for a person (warehouse.identity_cases). An enterprise's id is made from the first
key it was known by and kept for ever in hub.enterprise_key, so that a full re-run, or one in another order, gives the
same ids; a party keeps its own id as atom_id, and enterprise_id is what merges make of it (warehouse.merging).

Source: design of the county's subject registry; GB 32100-2015 (organisation code inside the USCC).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from schemas.contract import contract
from warehouse import golden, identity_cases, merging
from warehouse.engines.adbc import Connection
from warehouse.tables import literal

# Numbers beside a credit code are taken from whoever keeps a list of enterprises.
_REGISTER = "source_id IN (SELECT source_id FROM hub.source WHERE dataset = 'enterprise')"
_ORG = "coalesce(org_code, substr(uscc, 9, 9), substr(old_tax, 7, 9))"

_REPRESENTED = "(SELECT k FROM unnest({}.second) k WHERE starts_with(k, 'legal_rep_hash='))"

# What there is to weigh: parties never weighed, those a verdict let in again, and those merged or parted since.
_FRESH = (
    "DROP TABLE IF EXISTS fresh",
    """CREATE TEMP TABLE fresh ON COMMIT DROP AS
    SELECT party, uscc, substr(uscc, 9, 9) AS org, reg_no, strict_key FROM (
      SELECT party, uscc, reg_no, strict_key FROM hub.party WHERE considered_at IS NULL UNION
      SELECT party, uscc, reg_no, strict_key FROM hub.party WHERE atom_id IS NULL AND match_rule IS NULL AND coalesce(uscc, reg_no, org_code, old_tax) IS NOT NULL UNION
      SELECT p.party, uscc, reg_no, strict_key FROM hub.party p JOIN hub.party_history h USING (party)
      WHERE h.known_to > coalesce((SELECT settled_at FROM hub.survivorship WHERE dataset = 'enterprise'), '-infinity')) f""",
    "ANALYZE fresh",
)

# A branch under a code whose register name, or, where the register is silent, any name, is no branch's: never merged into
# the parent, also when the parent is named later. Codes of temp table `fresh` only.
_HOLD_BRANCHES = """UPDATE hub.party p SET atom_id = NULL, enterprise_id = NULL, match_rule = 'branch_conflict', decided_at = clock_timestamp()
    FROM hub.party r WHERE p.is_branch AND p.uscc IN (SELECT uscc FROM fresh) AND (p.match_rule = 'uscc' OR p.atom_id IS NULL AND p.match_rule IS NULL)
      AND r.uscc = p.uscc AND NOT r.is_branch AND r.name IS NOT NULL
      AND ({} OR NOT EXISTS (SELECT FROM hub.party k WHERE k.uscc = p.uscc AND k.name IS NOT NULL AND {}))"""

# Words held back as another department's are weighed again once the register uses them too.
_RELEASE = """UPDATE hub.party p SET match_rule = NULL, considered_at = NULL FROM hub.identity_case c
    WHERE c.kind = 'same_code_other_name' AND c.verdict IS NULL AND p.uscc = c.subject AND p.match_rule = 'name_conflict' AND {}"""

# A party is shown under its own id at once, unless that leads elsewhere (merging.show): each pass over all parties costs
# as much as the linking itself.
_SHOWN = (
    "enterprise_id = CASE WHEN {0} IN (SELECT younger FROM hub.enterprise_merge WHERE undone_at IS NULL) THEN NULL ELSE {0} END, "
    "considered_at = clock_timestamp()"
)

_LINKS = (
    # New credit codes. One that completes an enterprise known only by organisation code keeps that enterprise's id.
    """INSERT INTO hub.enterprise_key (key, kind, enterprise_id)
    SELECT 'U:' || n.uscc, 'uscc', coalesce(elder.enterprise_id, md5('U:' || n.uscc)::uuid)
    FROM (SELECT DISTINCT uscc FROM hub.party WHERE atom_id IS NULL AND uscc IS NOT NULL AND match_rule IS NULL
      AND NOT EXISTS (SELECT 1 FROM hub.enterprise_key k WHERE k.key = 'U:' || uscc)) n
    LEFT JOIN LATERAL (SELECT k.enterprise_id FROM hub.enterprise_key k WHERE k.key = 'O:' || substr(n.uscc, 9, 9)
      AND NOT EXISTS (SELECT 1 FROM hub.enterprise_key u WHERE u.enterprise_id = k.enterprise_id AND u.kind = 'uscc')) elder ON true
    ON CONFLICT (key) DO NOTHING""",
    # Registration numbers the register itself gives beside a credit code, when one enterprise claims them.
    f"""INSERT INTO hub.enterprise_key (key, kind, enterprise_id)
    SELECT 'R:' || p.reg_no, 'reg_no', min(k.enterprise_id::text)::uuid FROM hub.party p JOIN hub.enterprise_key k ON k.key = 'U:' || p.uscc
    WHERE p.atom_id IS NULL AND p.reg_no IS NOT NULL AND p.{_REGISTER} GROUP BY p.reg_no HAVING count(DISTINCT k.enterprise_id) = 1
    ON CONFLICT (key) DO NOTHING""",
    """INSERT INTO hub.enterprise_key (key, kind, enterprise_id)
    SELECT 'O:' || f.org, 'org_code', k.one FROM (SELECT DISTINCT org FROM fresh WHERE org IS NOT NULL) f CROSS JOIN LATERAL (
      SELECT min(enterprise_id::text)::uuid AS one, count(DISTINCT enterprise_id) AS several
      FROM hub.enterprise_key WHERE kind = 'uscc' AND substr(key, 11, 9) = f.org) k
    WHERE k.several = 1 AND NOT EXISTS (SELECT 1 FROM hub.enterprise_key o WHERE o.key = 'O:' || f.org)
    ON CONFLICT (key) DO NOTHING""",
    f"""UPDATE hub.party p SET atom_id = k.enterprise_id, {_SHOWN.format("k.enterprise_id")}, match_rule = 'uscc', match_score = 1, decided_at = clock_timestamp()
    FROM hub.enterprise_key k WHERE p.atom_id IS NULL AND p.match_rule IS NULL AND k.key = 'U:' || p.uscc""",
    # Old numbers alone: linked to the enterprise that has them, else they found one of their own.
    f"""INSERT INTO hub.enterprise_key (key, kind, enterprise_id)
    SELECT DISTINCT 'R:' || reg_no, 'reg_no', md5('R:' || reg_no)::uuid FROM hub.party
    WHERE atom_id IS NULL AND match_rule IS NULL AND uscc IS NULL AND reg_no IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM hub.enterprise_key k WHERE k.key = 'O:' || {_ORG}) ON CONFLICT (key) DO NOTHING""",
    f"""UPDATE hub.party p SET atom_id = k.enterprise_id, {_SHOWN.format("k.enterprise_id")}, match_rule = 'reg_no', match_score = 1, decided_at = clock_timestamp()
    FROM hub.enterprise_key k WHERE p.atom_id IS NULL AND p.match_rule IS NULL AND p.uscc IS NULL AND k.key = 'R:' || p.reg_no""",
    f"""INSERT INTO hub.enterprise_key (key, kind, enterprise_id)
    SELECT DISTINCT 'O:' || {_ORG}, 'org_code', md5('O:' || {_ORG})::uuid FROM hub.party
    WHERE atom_id IS NULL AND match_rule IS NULL AND uscc IS NULL AND {_ORG} IS NOT NULL ON CONFLICT (key) DO NOTHING""",
    f"""UPDATE hub.party p SET atom_id = k.enterprise_id, {_SHOWN.format("k.enterprise_id")}, match_rule = 'org_code', match_score = 1, decided_at = clock_timestamp()
    FROM hub.enterprise_key k WHERE p.atom_id IS NULL AND p.match_rule IS NULL AND p.uscc IS NULL AND k.key = 'O:' || {_ORG}""",
)

_NAMES = (
    # A name alone never links; a name and one more equal field do, when they answer to exactly one enterprise. A shop's name
    # stays with the house when it changes hands: another legal representative is another, unless the name is a company's.
    f"""UPDATE hub.party p SET atom_id = m.atom_id, {_SHOWN.format("m.atom_id")}, match_rule = 'name+rep', match_score = 0.95, decided_at = clock_timestamp()
    FROM (SELECT n.party, min(o.atom_id::text)::uuid AS atom_id FROM hub.party n
          JOIN hub.party o ON o.strict_key = n.strict_key AND o.is_branch = n.is_branch AND o.second && n.second AND o.enterprise_id IS NOT NULL
            AND (n.strict_key ~ '公司|合作社' OR coalesce({_REPRESENTED.format("n")} = {_REPRESENTED.format("o")}, true))
          WHERE n.atom_id IS NULL AND n.match_rule IS NULL AND n.strict_key IN (SELECT strict_key FROM fresh WHERE strict_key <> '')
            AND coalesce(n.uscc, n.reg_no, n.org_code, n.old_tax) IS NULL
          GROUP BY n.party HAVING count(DISTINCT o.enterprise_id) = 1) m
    WHERE p.party = m.party""",
)


def resolve(warehouse: Connection) -> int:
    """Link every party that can be linked by now; returns how many were. The caller commits.

    Only what is new since the last time is weighed, and what is known by the same codes or names.
    """
    merging.take_turn(warehouse)
    merging.look_up(warehouse)
    fresh = warehouse.scalar("SELECT count(*) FROM hub.party WHERE considered_at IS NULL")
    merging.look_again(warehouse, "hub.party", fresh)
    register = _naming_register(warehouse)
    warehouse.execute(_RELEASE.format(register("p")))
    for step in _FRESH:
        warehouse.execute(step)
    warehouse.execute(_HOLD_BRANCHES.format(register("r"), register("k")))
    identity_cases.hold_other_names(warehouse, register("party"))
    linked = _link(warehouse, _LINKS)
    merging.by_register_rows(warehouse, _REGISTER)
    merging.show(warehouse)
    # Who is linked by now decides how names are best joined.
    merging.look_again(warehouse, "hub.party", linked)
    linked += _link(warehouse, _NAMES)
    merging.show(warehouse)
    identity_cases.open_cases(warehouse)
    warehouse.execute("UPDATE hub.party SET considered_at = clock_timestamp() WHERE considered_at IS NULL")
    return linked


def _naming_register(warehouse: Connection) -> Callable[[str], str]:
    """SQL for a party's alias: whether it is the register's own word on what a code is called: of the names' owner, not of whoever lists enterprises too.

    Sources that name one in the same words have one party between them: the register's may be noted under another.
    """
    agreed = contract("enterprise")
    owner = golden.owners(agreed).get(agreed.fields["name"].group or "name", "")
    own = f"(SELECT source_id FROM hub.source WHERE dataset = 'enterprise' AND department = {literal(owner)})"
    if not warehouse.scalar("SELECT to_regclass('record.enterprise') IS NOT NULL"):
        return lambda party: f"{party}.source_id IN {own}"
    return lambda party: (
        f"({party}.source_id IN {own} OR EXISTS (SELECT FROM record.enterprise w WHERE w._party = {party}.party AND w._source_id IN {own}))"
    )


def _link(warehouse: Connection, steps: Sequence[str]) -> int:
    """Run steps; how many parties those that link linked."""
    linked = 0
    for step in steps:
        rows = warehouse.execute(step)
        if step.startswith("UPDATE"):
            linked += rows
        else:
            merging.look_again(warehouse, "hub.enterprise_key", rows)
    return linked
