"""Keeping the golden enterprise records up to date: only those touched by what is new, with every version kept.

Which value stands is warehouse.golden's; `field_sources` tells per group which connector, key and batch it came from,
and the losers stay in shared.enterprise_record. Who disagrees is warehouse.truth's.
"""

from __future__ import annotations

import hashlib

from schemas.contract import Contract, contracts
from warehouse import disagreement, golden, identity_cases, merging, provenance, truth
from warehouse.engines.adbc import Connection
from warehouse.tables import literal, naming, quoted


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
    warehouse.execute(
        "CREATE INDEX IF NOT EXISTS enterprise_branch ON shared.enterprise (enterprise_id) WHERE is_branch"
    )
    warehouse.execute("COMMENT ON COLUMN shared.enterprise.known_from IS '这一版主记录何时得知'")
    truth.record_owners(warehouse, contract)
    for statement in provenance.ddl(contract):
        warehouse.execute(statement)
    warehouse.execute(f"COMMENT ON TABLE shared.enterprise IS {literal(contract.title + '（主记录）：每行一个主体')}")


def refresh(warehouse: Connection, contract: Contract, *, whole: bool = False) -> int:
    """Bring shared.enterprise up to date; returns the rows that changed. The caller commits.

    Only enterprises that something new was said of, or that were merged, parted or decided on, are made anew; all of
    them when the contract has changed, or when asked to (`whole`): the outcome is the same.
    """
    merging.take_turn(warehouse)
    merging.look_up(warehouse)
    shape = _shape(contract)
    known = warehouse.scalar("SELECT shape FROM hub.survivorship WHERE dataset = $1", contract.dataset)
    _touch(warehouse, contract, whole=whole or known != shape)
    # Linked in this very transaction: what the server knows of the table is from when nobody had an enterprise.
    counted = "SELECT count(*) FROM hub.party WHERE enterprise_id IN (SELECT id FROM touched)"
    merging.look_again(warehouse, "hub.party", warehouse.scalar(counted))
    _unsay(warehouse)
    warehouse.execute("DROP TABLE IF EXISTS member")
    spoken_of = "(SELECT party, enterprise_id FROM hub.party WHERE enterprise_id IN (SELECT id FROM touched))"
    warehouse.execute(
        f"CREATE TEMP TABLE member ON COMMIT DROP AS {golden.members('record.' + quoted(contract.dataset), spoken_of)}"
    )
    warehouse.execute("ANALYZE member")
    warehouse.execute("DROP TABLE IF EXISTS golden")
    silent = _silent(warehouse, contract)
    warehouse.execute(
        f"CREATE TEMP TABLE golden ON COMMIT DROP AS {golden.query(contract, 'member', disagreement.NAMED, silent)}"
    )
    warehouse.execute("ANALYZE golden")
    truth.settle(warehouse, contract, silent)
    _place_branches(warehouse)
    changed = _show(warehouse, golden.columns(contract))
    identity_cases.lapse(warehouse, contracts().values())
    warehouse.execute(
        "UPDATE hub.batch SET settled_at = clock_timestamp() WHERE batch_id IN (SELECT batch_id FROM unsettled)"
    )
    warehouse.execute(
        "INSERT INTO hub.survivorship VALUES ($1, $2, clock_timestamp()) ON CONFLICT (dataset) DO UPDATE SET shape = EXCLUDED.shape, settled_at = EXCLUDED.settled_at",
        contract.dataset, shape,
    )  # fmt: skip
    return changed


def due(warehouse: Connection, contract: Contract) -> bool:
    """Whether deliveries have named enterprises since golden records were last made, or another text of the contract made these: another owner, another field."""
    named = [f"'{c.dataset}'" for c in contracts().values() if c.party]
    known = warehouse.scalar("SELECT shape FROM hub.survivorship WHERE dataset = $1", contract.dataset)
    return (known is not None and known != _shape(contract)) or bool(
        warehouse.scalar(
            "SELECT EXISTS (SELECT FROM hub.party WHERE considered_at IS NULL) OR EXISTS (SELECT FROM hub.batch WHERE settled_at IS NULL "
            f"AND status = 'committed' AND new_rows + changed_rows + closed_rows > 0 AND dataset IN ({', '.join(named)}))"
        )
    )


def _shape(contract: Contract) -> str:
    return hashlib.md5(repr((contract.fields, _VERSION)).encode(), usedforsecurity=False).hexdigest()


# How golden records are made; a change of the rules above makes all of them anew.
_VERSION = 3


def _touch(warehouse: Connection, contract: Contract, *, whole: bool) -> None:
    """Make temp tables unsettled(batch_id, dataset) and touched(id): the enterprises to make anew."""
    for table in ("unsettled", "touched"):
        warehouse.execute(f"DROP TABLE IF EXISTS {table}")
    warehouse.execute(
        "CREATE TEMP TABLE unsettled ON COMMIT DROP AS SELECT batch_id, dataset FROM hub.batch WHERE settled_at IS NULL"
    )
    if whole:
        warehouse.execute(
            "CREATE TEMP TABLE touched ON COMMIT DROP AS SELECT enterprise_id AS id FROM hub.party WHERE enterprise_id IS NOT NULL "
            "UNION SELECT enterprise_id::uuid FROM shared.enterprise UNION SELECT enterprise_id FROM hub.conflict"
        )
    else:
        # Said in so many words, the instant and the batches: the server then knows that few rows are of them, and need not read all.
        since = literal(
            warehouse.scalar("SELECT settled_at::text FROM hub.survivorship WHERE dataset = $1", contract.dataset)
        )
        told = {
            row["dataset"]: row["ids"]
            for row in warehouse.rows(
                "SELECT dataset, string_agg(batch_id::text, ', ') AS ids FROM unsettled GROUP BY dataset"
            )
        }
        spoken = "".join(
            f" UNION SELECT _party FROM record.{quoted(c.dataset)} WHERE _batch_id IN ({told[c.dataset]})"
            f" UNION SELECT _party FROM record_history.{quoted(c.dataset)} WHERE _closed_batch_id IN ({told[c.dataset]})"
            for c in contracts().values()
            if c.party and c.dataset in told
        )
        warehouse.execute(
            f"""CREATE TEMP TABLE touched ON COMMIT DROP AS
            SELECT enterprise_id AS id FROM hub.party WHERE enterprise_id IS NOT NULL AND party IN (
              SELECT party FROM hub.party WHERE considered_at > {since}{spoken})
            UNION SELECT enterprise_id FROM hub.party_history WHERE known_to > {since}
            UNION SELECT p.enterprise_id FROM hub.party_history h JOIN hub.party p USING (party) WHERE h.known_to > {since} AND p.enterprise_id IS NOT NULL
            UNION SELECT enterprise_id FROM hub.verdict WHERE expired_at IS NULL"""
        )
    warehouse.execute("CREATE UNIQUE INDEX ON touched (id)")
    warehouse.execute("ANALYZE touched")
    if not whole:
        parent, chosen = golden.PARENT_NAME.format("b.name_strict_key"), golden.name_key("(v.chosen ->> 'name')")
        warehouse.execute(
            f"""INSERT INTO touched SELECT b.enterprise_id::uuid FROM shared.enterprise b WHERE b.is_branch AND {parent} IN (
              SELECT e.name_strict_key FROM shared.enterprise e WHERE e.enterprise_id IN (SELECT id::varchar(36) FROM touched)
              UNION SELECT p.strict_key FROM hub.party p WHERE p.enterprise_id IN (SELECT id FROM touched)
              UNION SELECT {chosen} FROM hub.verdict v WHERE v.expired_at IS NULL AND v.chosen ? 'name') ON CONFLICT DO NOTHING"""
        )


def _unsay(warehouse: Connection) -> None:
    """Make temp table `unsaid`: the parties of the enterprises touched that no record names any more."""
    # Sources that name one in the same words have one party between them, so all datasets are looked through.
    nowhere = "".join(f" AND NOT {said}" for said in naming(contracts().values(), "p.party").values())
    warehouse.execute("DROP TABLE IF EXISTS unsaid")
    warehouse.execute(
        f"CREATE TEMP TABLE unsaid ON COMMIT DROP AS SELECT p.party FROM hub.party p WHERE p.enterprise_id IN (SELECT id FROM touched){nowhere}"
    )
    warehouse.execute("CREATE UNIQUE INDEX ON unsaid (party)")
    warehouse.execute("ANALYZE unsaid")


def _silent(warehouse: Connection, contract: Contract) -> set[str]:
    """Field groups of which no row of temp table `member` says anything."""
    says = golden.spoken(contract)
    told = warehouse.query(
        f"SELECT {', '.join(f'coalesce(bool_or({said}), false)' for said in says.values())} FROM member"
    )
    return {group for group, column in zip(says, told.columns, strict=True) if not column[0].as_py()}


def _place_branches(warehouse: Connection) -> None:
    """Tell each branch of temp table `golden` its parent, wherever that stands."""
    warehouse.execute(
        f"""UPDATE golden b SET parent_enterprise_id = p.parent FROM (
          SELECT DISTINCT ON (b.enterprise_id) b.enterprise_id AS branch, p.enterprise_id AS parent FROM golden b JOIN (
              SELECT enterprise_id, name_strict_key FROM golden WHERE NOT is_branch UNION ALL
              SELECT enterprise_id, name_strict_key FROM shared.enterprise WHERE NOT is_branch AND enterprise_id NOT IN (SELECT id::varchar(36) FROM touched)) p
            ON p.name_strict_key = {golden.PARENT_NAME.format("b.name_strict_key")}
          WHERE b.is_branch ORDER BY b.enterprise_id, p.enterprise_id) p WHERE b.enterprise_id = p.branch"""
    )


def _show(warehouse: Connection, every: list[str]) -> int:
    """Bring shared.enterprise to what temp table `golden` says of the enterprises touched; returns the rows that changed."""
    listed = ", ".join(map(quoted, every))
    differs = f"({', '.join(f'e.{quoted(c)}' for c in every[1:])}) IS DISTINCT FROM ({', '.join(f'{{0}}.{quoted(c)}' for c in every[1:])})"
    ours = "e.enterprise_id IN (SELECT id::varchar(36) FROM touched)"
    # What was shown until now is kept: any past day can be shown again. One version ends the moment the next begins.
    now = literal(warehouse.scalar("SELECT clock_timestamp()::text")) + "::timestamptz"
    warehouse.execute(
        f"INSERT INTO hub.enterprise_history SELECT e.enterprise_id, e.known_from, {now}, to_jsonb(e) - 'known_from' "
        f"FROM shared.enterprise e LEFT JOIN golden g USING (enterprise_id) WHERE {ours} AND (g.enterprise_id IS NULL OR {differs.format('g')})"
    )
    gone = warehouse.execute(
        f"DELETE FROM shared.enterprise e WHERE {ours} AND NOT EXISTS (SELECT 1 FROM golden g WHERE g.enterprise_id = e.enterprise_id)"
    )
    changed = warehouse.execute(
        f"INSERT INTO shared.enterprise AS e ({listed}, known_from) SELECT {listed}, {now} FROM golden ON CONFLICT (enterprise_id) DO UPDATE SET "
        f"{', '.join(f'{quoted(c)} = EXCLUDED.{quoted(c)}' for c in every[1:])}, known_from = {now} WHERE {differs.format('EXCLUDED')}"
    )
    return gone + changed
