"""Whose value stands: disagreements with the owner become conflict cases, and a verdict holds until a source moves.

    golden (the owner's values)  x  what the other sources say  ->  hub.conflict, for the owner's department to settle
    hub.verdict: keep the owner's value, take the other's, or a third; signed, with evidence; gone when either side changes

What is a disagreement and what another spelling is warehouse.disagreement's.

Source: 政务数据共享条例（国务院令第809号）第二十六条 (correction within ten working days, rule sharing.correction).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row, tuple_row

from schemas import privacy
from schemas.contract import Contract, Field, contracts
from schemas.errors import ConfigError, nearest
from schemas.names import name_is_branch, name_loose_key, name_strict_key
from schemas.reference import code_sets, spelled
from schemas.text import narrow, text_clean
from warehouse import calendar as county
from warehouse import disagreement, provenance
from warehouse.engines.adbc import Connection
from warehouse.golden import groups, owners, spoken
from warehouse.history import COUNTY_TIME
from warehouse.reference import TODAY, answering
from warehouse.tables import literal, naming, quoted

RULE = "sharing.correction"
OUTCOMES = {
    "agreed": "已一致", "withdrawn": "有一方已撤回", "kept": "维持数源部门的值", "overruled": "改用裁定的值", "moved": "来源的说法已变",
    "regrouped": "主体已合并或拆开",
}  # fmt: skip


def record_owners(warehouse: Connection, contract: Contract) -> None:
    """Write the owners the contract names; a change of owner closes the one before. The caller commits."""
    dataset = literal(contract.dataset)
    today = literal(str(datetime.now(COUNTY_TIME).date()))
    named = owners(contract)
    values = ", ".join(f"({literal(g)}, {literal(d)})" for g, d in named.items())
    warehouse.execute(
        f"UPDATE hub.data_owner o SET until = {today}, known_to = clock_timestamp() WHERE o.dataset = {dataset} AND o.until IS NULL "
        f"AND NOT EXISTS (SELECT 1 FROM (VALUES {values}) n (g, d) WHERE n.g = o.field_group AND n.d = o.department)"
    )
    warehouse.execute(
        f"INSERT INTO hub.data_owner (dataset, field_group, department, since) SELECT {dataset}, n.g, n.d, {today}::date "
        f"FROM (VALUES {values}) n (g, d) WHERE NOT EXISTS (SELECT 1 FROM hub.data_owner o WHERE o.dataset = {dataset} AND o.field_group = n.g AND o.until IS NULL)"
    )


def settle(warehouse: Connection, contract: Contract, silent: Collection[str] = ()) -> None:
    """Bring conflicts and verdicts of the enterprises in temp table `touched` up to date with `member`, `unsaid` and `golden`; verdicts then stand in `golden`.

    No member says anything of the field groups `silent`.
    """
    disagreement.find(warehouse, contract, silent)
    warehouse.execute("CREATE INDEX IF NOT EXISTS member_of ON member (_id)")
    both_speak = _both_speak(contract)
    owner = " ".join(f"WHEN {literal(g)} THEN {literal(d)}" for g, d in owners(contract).items())
    reowned = f"c.owner IS DISTINCT FROM CASE c.field_group {owner} END"
    warehouse.execute(
        # A verdict was about two values. When either is said no longer it falls.
        f"""UPDATE hub.verdict v SET expired_at = clock_timestamp(), expired_because = CASE WHEN {_REGROUPED} THEN 'regrouped'
             WHEN EXISTS (SELECT 1 FROM disagreement d WHERE d.id = v.enterprise_id AND d.grp = v.field_group AND d.source_id = c.source_id) THEN 'moved'
             WHEN {reowned} THEN 'moved' WHEN {both_speak} THEN 'agreed' ELSE 'withdrawn' END
        FROM hub.conflict c WHERE c.conflict_id = v.conflict_id AND v.expired_at IS NULL AND v.enterprise_id IN (SELECT id FROM touched) AND NOT EXISTS (
          SELECT 1 FROM disagreement d WHERE d.id = v.enterprise_id AND d.grp = v.field_group AND d.source_id = c.source_id AND d.said = c.said AND d.stands = c.stands)"""
    )
    warehouse.execute(
        f"""UPDATE hub.conflict c SET closed_at = clock_timestamp(), outcome = CASE
             WHEN EXISTS (SELECT 1 FROM disagreement d WHERE d.id = c.enterprise_id AND d.grp = c.field_group AND d.source_id = c.source_id) THEN 'moved'
             WHEN {_REGROUPED} THEN 'regrouped'
             WHEN {reowned} THEN 'moved' WHEN {both_speak} THEN 'agreed' ELSE 'withdrawn' END
        WHERE c.closed_at IS NULL AND c.enterprise_id IN (SELECT id FROM touched) AND NOT EXISTS (SELECT 1 FROM disagreement d
          WHERE d.id = c.enterprise_id AND d.grp = c.field_group AND d.source_id = c.source_id AND d.said = c.said AND d.stands = c.stands)"""
    )
    warehouse.execute("DROP TABLE IF EXISTS standing")
    warehouse.execute(
        "CREATE TEMP TABLE standing ON COMMIT DROP AS SELECT c.enterprise_id, c.field_group, c.source_id, c.said, c.stands "
        "FROM hub.conflict c LEFT JOIN hub.verdict v USING (conflict_id) WHERE c.enterprise_id IN (SELECT id FROM touched) "
        "AND (c.closed_at IS NULL OR (v.verdict_id IS NOT NULL AND v.expired_at IS NULL))"
    )
    warehouse.execute("ANALYZE standing")
    if warehouse.scalar(f"SELECT 1 FROM disagreement d WHERE {_NEW} LIMIT 1") is not None:
        _open(warehouse)
    _override(warehouse, contract)


# Since the last settling, records of the enterprise of conflict c have gone to another, by a merge or a parting.
_REGROUPED = """EXISTS (SELECT 1 FROM hub.party_history h JOIN hub.party p USING (party) WHERE h.enterprise_id = c.enterprise_id
  AND p.enterprise_id IS DISTINCT FROM c.enterprise_id AND h.known_to > (SELECT settled_at FROM hub.survivorship WHERE dataset = 'enterprise'))"""

_NEW = """NOT EXISTS (SELECT 1 FROM standing c
  WHERE c.enterprise_id = d.id AND c.field_group = d.grp AND c.source_id = d.source_id AND c.said = d.said AND c.stands = d.stands)"""


def _both_speak(contract: Contract) -> str:
    """SQL: whether the owner and the other side of conflict c still say something of its field group."""
    cases = " ".join(f"WHEN {literal(group)} THEN {said}" for group, said in spoken(contract).items())
    row = f"SELECT FROM member o WHERE o._id = c.enterprise_id AND CASE c.field_group {cases} END"
    named = " ".join(
        f"WHEN {literal(dataset)} THEN EXISTS (SELECT FROM hub.party n WHERE n.enterprise_id = c.enterprise_id AND {said})"
        for dataset, said in naming(contracts().values(), "n.party", "r._source_id = c.source_id").items()
        if dataset != contract.dataset
    )
    return (
        f"EXISTS ({row} AND o._department = c.owner) AND (EXISTS ({row} AND o._source_id = c.source_id) "
        f"OR CASE (SELECT dataset FROM hub.source s WHERE s.source_id = c.source_id) {named} ELSE false END)"
    )


def _open(warehouse: Connection) -> None:
    from schemas.reference import deadline_rules

    rule = next(r for r in deadline_rules() if r.rule_id == RULE)
    today = datetime.now(COUNTY_TIME).date()
    due = county.of_warehouse(warehouse).add(today, rule.days)
    warehouse.execute(
        f"INSERT INTO hub.conflict (enterprise_id, field_group, owner, source_id, batch_id, stands, said, former, due_on, provisional, rule_id, legal_basis) "
        f"SELECT id, grp, owner, source_id, batch_id, stands, said, former, '{due.date}', {due.provisional}, {literal(rule.rule_id)}, {literal(rule.legal_basis)} "
        f"FROM disagreement d WHERE {_NEW} ORDER BY id, grp, source_id, said::text"
    )


def _override(warehouse: Connection, contract: Contract) -> None:
    """Put what verdicts chose into temp table `golden`."""
    named = groups(contract)
    standing = warehouse.rows(
        "SELECT DISTINCT field_group, k AS field FROM hub.verdict, jsonb_object_keys(chosen) k WHERE expired_at IS NULL AND chosen IS NOT NULL"
    )
    chosen: dict[str, list[str]] = {}
    for row in standing:
        if row["field"] in named.get(row["field_group"], ()):
            chosen.setdefault(row["field_group"], []).append(row["field"])
    for group, fields in chosen.items():
        sets = [
            f"{quoted(f)} = CASE WHEN v.chosen ? {literal(f)} THEN (v.chosen ->> {literal(f)})::{contract.fields[f].physical_type} ELSE g.{quoted(f)} END"
            for f in sorted(fields)
        ]
        keyed = _name_keys(warehouse, sets) if "name" in fields else ""
        warehouse.execute(
            f"UPDATE golden g SET {', '.join(sets)}, field_sources = jsonb_set(g.field_sources, {literal('{' + group + '}')}, "
            f"coalesce(g.field_sources -> {literal(group)}, '{{}}') || jsonb_build_object('verdict', v.verdict_id)) "
            f"FROM hub.verdict v {keyed}WHERE v.enterprise_id::text = g.enterprise_id AND v.field_group = {literal(group)} AND v.expired_at IS NULL AND v.chosen IS NOT NULL"
        )


def _name_keys(warehouse: Connection, sets: list[str]) -> str:
    """Add to `sets` what follows from the names that verdicts chose; SQL that joins it to verdict v."""
    chosen = [
        row["name"]
        for row in warehouse.rows("SELECT DISTINCT chosen ->> 'name' AS name FROM hub.verdict WHERE expired_at IS NULL AND chosen ? 'name'")
    ]  # fmt: skip
    known = ", ".join(
        f"({literal(n)}, {literal(name_strict_key(n) or '')}, {literal(name_loose_key(n) or '')}, {bool(name_is_branch(n))})"
        for n in chosen
    )
    columns = ("name_strict_key", "name_loose_key", "is_branch")
    sets += [f"{column} = coalesce(k.{column}, g.{column})" for column in columns]
    return f"LEFT JOIN (VALUES {known}) k (name, {', '.join(columns)}) ON k.name = v.chosen ->> 'name' "


# ---------------------------------------------------------------------------------------------- for people
# Whose turn it is: the owner's, or of whoever has taken over from it since.
_TURN = answering("c.owner", f"coalesce((c.closed_at AT TIME ZONE 'Asia/Shanghai')::date, {TODAY})")
_LISTED = f"""
SELECT c.conflict_id, c.enterprise_id::text AS enterprise_id, e.name AS enterprise, c.field_group, {_TURN} AS owner, s.connector, s.department, s.title, c.batch_id,
  c.stands, c.said, c.former, (c.opened_at AT TIME ZONE 'Asia/Shanghai')::date AS opened_on, c.due_on, c.provisional, c.legal_basis,
  (c.closed_at AT TIME ZONE 'Asia/Shanghai')::date AS closed_on, c.outcome, v.verdict_id, v.chosen, v.reason, v.evidence, v.by_whom, v.decided_at,
  v.signature, v.expired_at, v.expired_because
FROM hub.conflict c JOIN hub.source s USING (source_id) LEFT JOIN hub.verdict v USING (conflict_id)
LEFT JOIN shared.enterprise e ON e.enterprise_id = c.enterprise_id::text
"""


def conflicts(
    connection: psycopg.Connection[Any], *, owner: str | None = None, enterprise: str | None = None, every: bool = False, limit: int = 200
) -> list[dict[str, Any]]:  # fmt: skip
    """One dict per conflict, the earliest due first; open ones only unless `every`. None before the first publication."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        if cursor.execute("SELECT to_regclass('shared.enterprise')").fetchone() == (None,):
            return []
    where = ["true" if every else "c.closed_at IS NULL"]
    where += [f"{_TURN} = %(owner)s"] if owner else []
    where += ["c.enterprise_id = %(enterprise)s::uuid"] if enterprise else []
    query = f"{_LISTED} WHERE {' AND '.join(where)} ORDER BY c.due_on, c.conflict_id LIMIT %(limit)s"
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), {"owner": owner, "enterprise": enterprise, "limit": limit}).fetchall()


def conflict(connection: psycopg.Connection[Any], number: int) -> dict[str, Any]:
    """One conflict.

    Raises:
        ConfigError: there is none of that number.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(f"{_LISTED} WHERE c.conflict_id = %s".encode(), [number]).fetchone()
    if found is None:
        raise ConfigError("冲突", f"没有 {number} 号冲突", "编号见 hub conflict list")
    return found


def counts(connection: psycopg.Connection[Any], today: date) -> list[dict[str, Any]]:
    """One dict per owner department: open, overdue, oldest in days, and closed ones by outcome."""
    by_outcome = ", ".join(f"count(*) FILTER (WHERE outcome = {literal(o)}) AS {o}" for o in OUTCOMES)
    query = (
        f"SELECT {_TURN} AS owner, count(*) FILTER (WHERE closed_at IS NULL) AS open, count(*) FILTER (WHERE closed_at IS NULL AND due_on < %(today)s) AS overdue, "
        f"max(%(today)s - (opened_at AT TIME ZONE 'Asia/Shanghai')::date) FILTER (WHERE closed_at IS NULL) AS oldest_days, {by_outcome} "
        "FROM hub.conflict c GROUP BY 1 ORDER BY 1"
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), {"today": today}).fetchall()


def decide(
    connection: psycopg.Connection[Any], number: int, chosen: Mapping[str, Any] | None, *, by: str, reason: str, evidence: str, key: bytes
) -> int:  # fmt: skip
    """Settle a conflict: `chosen` None keeps the owner's value. Returns the verdict's number; committed.

    The golden record shows it after the next `survivorship.refresh`. The signature is the HMAC-SHA256 of what was
    decided under the county's key.

    Raises:
        ConfigError: there is no such conflict, it is closed, no one, no reason or no evidence is named, or a value cannot
            stand in its field.
    """
    for what, text in (("经办人", by), ("理由", reason), ("依据", evidence)):
        if not text.strip():
            raise ConfigError(f"{number} 号冲突", f"没有写{what}", f"请写明{what}")
    reason, evidence = privacy.scrub(reason) or "", privacy.scrub(evidence) or ""
    with connection.transaction():
        connection.execute("SELECT 1 FROM hub.conflict WHERE conflict_id = %s FOR UPDATE", [number])
        case = conflict(connection, number)
        if case["outcome"] is not None:
            raise ConfigError(f"{number} 号冲突", f"已经了结（{OUTCOMES[case['outcome']]}）", "有新的分歧会另开一件")
        if chosen is not None and not chosen:
            raise ConfigError(f"{number} 号冲突", "没有写改成什么", "例如 --value name=鑫源商贸有限公司")
        if chosen is not None and dict(chosen) != case["said"]:
            fields = contracts()["enterprise"].fields
            chosen = {name: _proper(connection, fields[name], str(value)) for name, value in chosen.items()}
        at = datetime.now(COUNTY_TIME)
        signature = _signature(
            {**case, "chosen": chosen, "reason": reason, "evidence": evidence, "by_whom": by, "decided_at": at}, key
        )
        if chosen is not None:
            connection.execute(
                "UPDATE hub.verdict SET expired_at = %s, expired_because = 'replaced' WHERE enterprise_id = %s AND field_group = %s AND expired_at IS NULL AND chosen IS NOT NULL",
                [at, case["enterprise_id"], case["field_group"]],
            )
        row = connection.cursor(row_factory=tuple_row).execute(
            "INSERT INTO hub.verdict (conflict_id, enterprise_id, field_group, chosen, reason, evidence, by_whom, decided_at, signature) "
            "VALUES (%s, %s, %s, %s::jsonb, %s, %s, %s, %s, %s) RETURNING verdict_id",
            [number, case["enterprise_id"], case["field_group"], None if chosen is None else json.dumps(dict(chosen), ensure_ascii=False),
             reason, evidence, by, at, signature],
        ).fetchone()  # fmt: skip
        outcome = "kept" if chosen is None else "overruled"
        connection.execute(
            "UPDATE hub.conflict SET closed_at = %s, outcome = %s WHERE conflict_id = %s", [at, outcome, number]
        )
    connection.commit()
    assert row is not None
    return int(row[0])


def _proper(connection: psycopg.Connection[Any], field: Field, value: str) -> str:
    """A value that a person wrote, as the field keeps it: a code for its name, a person's name and telephone masked.

    Raises:
        ConfigError: it cannot stand there. The golden record of the county would not be made any more.
    """
    # A name keeps the brackets it was written with, as a source's does.
    text, where = (text_clean(value) or "" if field.kind == "name" else narrow(value)), f"改用的值：{field.title}"
    if not text or field.classification not in {"S0", "S1", "S2"} or field.kind == "hmac":
        raise ConfigError(where, "没有写值，或不是可以裁定的字段", "例如 --value name=鑫源商贸有限公司")
    if field.code_set:
        known = code_sets()[field.code_set].spellings()
        if spelled(text) not in known:
            raise ConfigError(where, f"没有 '{text}' 这个取值", nearest(text, known))
        return known[spelled(text)]
    masks = {"mask_name": privacy.mask_name, "mask_phone": privacy.mask_phone, "mask_id": privacy.mask_id, "free_text": privacy.scrub, "scrub": privacy.scrub}  # fmt: skip
    text = masks[field.kind](text) or "" if field.kind in masks else text
    if field.max_length is not None and len(text) > field.max_length:
        raise ConfigError(where, f"超过 {field.max_length} 个字", "请写短些")
    try:
        with connection.transaction():
            connection.execute(f"SELECT {literal(text)}::{field.physical_type}".encode())
    except psycopg.DataError as error:
        raise ConfigError(where, f"'{text}' 写得不对", "日期如 2026-03-31，数如 12.5") from error
    return text


def _signature(case: Mapping[str, Any], key: bytes) -> str:
    chosen = case["chosen"]
    told = [
        case["conflict_id"], case["enterprise_id"], case["field_group"], case["stands"], case["said"], None if chosen is None else dict(chosen),
        case["reason"], case["evidence"], case["by_whom"], case["decided_at"].astimezone(COUNTY_TIME).isoformat(),
    ]  # fmt: skip
    return hmac.new(key, json.dumps(told, ensure_ascii=False, sort_keys=True).encode(), hashlib.sha256).hexdigest()


def signed_under(case: Mapping[str, Any], keys: Sequence[bytes]) -> int | None:
    """Which of the county's keys, the first being 0, the verdict of a case as `conflict` gives it was signed with.

    None: its words are not those that were signed, or the key is not at hand. A rotation of the key leaves signatures as they are.
    """
    signed = (n for n, key in enumerate(keys) if hmac.compare_digest(_signature(case, key), case["signature"]))
    return next(signed, None)


def trace(connection: psycopg.Connection[Any], enterprise: str, field_group: str | None = None) -> list[dict[str, Any]]:
    """One dict per field group and claim of an enterprise, the standing one first: who says what, from where, since when."""
    try:
        one = literal(str(UUID(enterprise)))
    except ValueError:
        return []
    # The view's own text over this one's parties: the view goes through all of the county's.
    told = provenance.claims(
        contracts()["enterprise"], parties=f"(SELECT * FROM hub.party WHERE enterprise_id = {one})"
    )
    group = "true" if field_group is None else f"field_group = {literal(field_group)}"
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            f"SELECT * FROM ({told}) c WHERE enterprise_id = {one} AND {group} ORDER BY field_group, stands DESC, connector, source_key"
        ).fetchall()
