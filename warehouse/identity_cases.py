"""What no rule may decide about who is who: cases for a person, their verdicts, and what a verdict does."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import Any

from schemas.contract import Contract
from schemas.errors import ConfigError
from warehouse import merging
from warehouse.engines.adbc import Connection
from warehouse.tables import naming

VERDICTS = ("same", "different")
# Names under one code are the same name, misspelt or moved on, while they share this much of the shorter one's letters.
_SHARED = 0.5
_CORE = "regexp_replace({}, '(?:股份|责任)?有限(?:责任)?公司$|公司$', '')"

_REOPENED = ", ".join(
    f"{column} = CASE WHEN NOT {{0}} THEN c.{column} END" for column in ("verdict", "by_whom", "reason", "closed_at")
)


def alike(a: str, b: str) -> str:
    """SQL: whether two loose name keys have half of the shorter one's letters in common, legal form apart."""
    one, two = _CORE.format(a), _CORE.format(b)
    letters = "(SELECT count(*) FROM (SELECT unnest(string_to_array({}, NULL)) INTERSECT SELECT unnest(string_to_array({}, NULL))) s)"
    return f"({a} = {b} OR {letters.format(one, two)} >= {_SHARED} * least({letters.format(one, one)}, {letters.format(two, two)}))"


def hold_other_names(warehouse: Connection, register: str) -> None:
    """Hold back parties whose name has nothing in common with the names their code goes by; a verdict «same» lets them in.

    A code goes by the names the register gives it, or, where the register says nothing, by the name that came first; and
    by the names a person has said to be the same.
    A party linked before the register spoke keeps its id, and is a case all the same. Codes of temp table `fresh` only.
    """
    warehouse.execute("DROP TABLE IF EXISTS code_name")
    warehouse.execute(
        f"""CREATE TEMP TABLE code_name ON COMMIT DROP AS
        WITH said AS (SELECT uscc, name, loose_key, party, first_batch_id, {register} AS register, atom_id IS NOT NULL AS linked
                      FROM hub.party WHERE uscc IN (SELECT uscc FROM fresh) AND loose_key <> '' AND NOT is_branch)
        SELECT DISTINCT uscc, loose_key FROM said WHERE register
        UNION SELECT uscc, loose_key FROM said JOIN hub.identity_case c ON c.kind = 'same_code_other_name' AND c.subject = uscc AND name = ANY (c.accepted)
        UNION SELECT uscc, loose_key FROM (
          SELECT DISTINCT ON (uscc) uscc, loose_key, bool_or(register) OVER (PARTITION BY uscc) AS spoken FROM said
          ORDER BY uscc, linked DESC, first_batch_id, party) first WHERE NOT spoken"""
    )
    warehouse.execute("ANALYZE code_name")
    warehouse.execute("DROP TABLE IF EXISTS misnamed")
    # Equal names are by far the most: they are set aside by a join before letters are counted.
    warehouse.execute(
        f"""CREATE TEMP TABLE misnamed ON COMMIT DROP AS
        WITH other AS (SELECT p.party, p.uscc, p.loose_key FROM hub.party p WHERE p.uscc IN (SELECT uscc FROM fresh) AND p.loose_key <> '' AND NOT p.is_branch
          AND EXISTS (SELECT 1 FROM code_name n WHERE n.uscc = p.uscc)
          AND NOT EXISTS (SELECT 1 FROM code_name n WHERE n.uscc = p.uscc AND n.loose_key = p.loose_key))
        SELECT party, uscc FROM other p WHERE NOT EXISTS (
          SELECT 1 FROM code_name n WHERE n.uscc = p.uscc AND {alike("p.loose_key", "n.loose_key")})"""
    )
    warehouse.execute(
        """UPDATE hub.party p SET match_rule = 'name_conflict', decided_at = clock_timestamp()
        FROM misnamed m WHERE m.party = p.party AND p.atom_id IS NULL AND p.match_rule IS NULL"""
    )


def open_cases(warehouse: Connection) -> None:
    """Open the cases that the parties of `fresh` give rise to, and again those that a name or an enterprise is new to.

    A verdict is about the names and enterprises it was given on: whoever comes later is asked about anew.
    """
    unsettled = "ARRAY(SELECT n FROM unnest(EXCLUDED.names) n WHERE n <> ALL (c.settled) ORDER BY n)"
    warehouse.execute(
        f"""INSERT INTO hub.identity_case AS c (kind, subject, ids, names)
        WITH held AS (
          SELECT party, uscc, name, match_rule FROM hub.party WHERE uscc IN (SELECT uscc FROM fresh) AND match_rule IN ('branch_conflict', 'name_conflict')
          UNION SELECT p.party, p.uscc, p.name, p.match_rule FROM misnamed JOIN hub.party p USING (party))
        SELECT CASE WHEN p.match_rule = 'branch_conflict' THEN 'branch_under_code' ELSE 'same_code_other_name' END, p.uscc,
          array_remove(array_agg(DISTINCT k.enterprise_id), NULL), array_agg(DISTINCT p.name ORDER BY p.name)
        FROM held p LEFT JOIN hub.enterprise_key k ON k.key = 'U:' || p.uscc WHERE p.name IS NOT NULL GROUP BY 1, 2
        ON CONFLICT (kind, subject) DO UPDATE SET ids = EXCLUDED.ids, names = {unsettled}, {_REOPENED.format("true")}
          WHERE NOT EXCLUDED.names <@ c.settled AND (c.ids, c.names) IS DISTINCT FROM (EXCLUDED.ids, {unsettled})"""
    )
    newcomer = """EXISTS (SELECT FROM unnest(EXCLUDED.ids) i WHERE i <> ALL (c.ids)
      AND NOT EXISTS (SELECT FROM hub.enterprise_merge m WHERE m.elder = i AND m.younger = ANY (c.ids) AND m.undone_at IS NULL))"""
    warehouse.execute(
        f"""INSERT INTO hub.identity_case AS c (kind, subject, ids, names)
        SELECT 'same_name_other_code', strict_key, array_agg(DISTINCT enterprise_id ORDER BY enterprise_id), array_agg(DISTINCT name ORDER BY name)
        FROM hub.party WHERE uscc IS NOT NULL AND strict_key IN (SELECT strict_key FROM fresh WHERE strict_key <> '') AND enterprise_id IS NOT NULL
        GROUP BY strict_key HAVING count(DISTINCT uscc) > 1 AND count(DISTINCT enterprise_id) > 1
        ON CONFLICT (kind, subject) DO UPDATE SET ids = EXCLUDED.ids, names = EXCLUDED.names, {_REOPENED.format(newcomer)}
          WHERE (c.ids, c.names) IS DISTINCT FROM (EXCLUDED.ids, EXCLUDED.names)"""
    )


def lapse(warehouse: Connection, known: Iterable[Contract]) -> None:
    """Let lapse what no record gives rise to any more, as a code that was mistyped and mended; what is said again stands again."""
    said = f"FROM hub.party p WHERE ({' OR '.join(naming(known, 'p.party').values())})"
    warehouse.execute(
        f"""UPDATE hub.identity_case c SET lapsed_at = CASE WHEN NOT t.stands THEN clock_timestamp() END FROM (
          SELECT case_id, CASE kind WHEN 'same_name_other_code' THEN (SELECT count(DISTINCT p.uscc) > 1 {said} AND p.strict_key = k.subject)
            ELSE EXISTS (SELECT {said} AND p.uscc = k.subject AND p.name = ANY (k.names)) END AS stands
          FROM hub.identity_case k WHERE verdict IS NULL AND kind <> 'merge_refused') t
        WHERE t.case_id = c.case_id AND t.stands <> (c.lapsed_at IS NULL)"""
    )


def listed(warehouse: Connection, *, closed: bool = False, limit: int = 200) -> list[dict[str, Any]]:
    """Cases, the oldest first: case_id, kind, subject, ids, names, opened_at, verdict, by_whom, reason, lapsed.

    Those to decide only, unless `closed`: with those decided, and those that lapsed.
    """
    state = "" if closed else "WHERE closed_at IS NULL AND lapsed_at IS NULL"
    return warehouse.rows(
        f"""SELECT case_id, kind, subject, array_to_string(ids, ' ') AS ids, array_to_string(names, '、') AS names, opened_at::text AS opened_at,
          verdict, by_whom, reason, lapsed_at IS NOT NULL AS lapsed FROM hub.identity_case {state} ORDER BY case_id LIMIT {int(limit)}"""
    )


def decide(warehouse: Connection, case_id: int, verdict: str, *, by: str, reason: str) -> str:
    """Give a verdict and do what it says; returns the kind of case. A later verdict replaces it. The caller commits.

    same: the names under the code are linked, or the enterprises merged. different: they stay apart, for every rule.

    Raises:
        ConfigError: there is no such case, or a branch is to be linked to its parent, or of several enterprises some were
            said to be different, or nobody or no reason is named.
    """
    reason = merging.accounted(f"主体疑点 {case_id}", by, reason)
    rows = warehouse.rows(
        "SELECT kind, subject, array_to_string(ids, ' ') AS ids FROM hub.identity_case WHERE case_id = $1", case_id
    )
    if not rows:
        raise ConfigError(f"主体疑点 {case_id}", "没有这个编号", "用 hub identity review 查看")
    merging.take_turn(warehouse)
    kind, subject, ids = rows[0]["kind"], rows[0]["subject"], rows[0]["ids"].split()
    if kind == "branch_under_code" and verdict == "same":
        raise ConfigError(f"主体疑点 {case_id}", "分支机构不并入总公司", "请来源单位改用分支机构自己的代码")
    if kind == "same_code_other_name":
        if verdict == "same":
            warehouse.execute(
                "UPDATE hub.party SET match_rule = NULL WHERE match_rule = 'name_conflict' AND uscc = $1 "
                "AND name = ANY (SELECT unnest(names) FROM hub.identity_case WHERE case_id = $2)",
                subject,
                case_id,
            )
        else:
            _take_out(warehouse, subject)
    elif kind in {"same_name_other_code", "merge_refused"}:
        roots = sorted({merging.current(warehouse, one) for one in ids})
        if verdict == "different":
            for one, other in combinations(roots, 2):
                merging.keep_apart(warehouse, one, other, by=by, reason=reason)
        elif len(roots) > 2 and any(merging.kept_apart(warehouse, one, other) for one, other in combinations(roots, 2)):
            told = "其中有两个定过不是同一主体"
            raise ConfigError(f"主体疑点 {case_id}", told, "请用 hub identity merge 写明哪两个")
        else:
            _join(warehouse, roots, by, reason)
    accepted = "array(SELECT unnest(accepted) {} SELECT unnest(names) ORDER BY 1)".format(
        "UNION" if verdict == "same" else "EXCEPT"
    )
    warehouse.execute(
        f"UPDATE hub.identity_case SET verdict = $2, by_whom = $3, reason = $4, closed_at = clock_timestamp(), accepted = {accepted}, "
        "settled = array(SELECT unnest(settled) UNION SELECT unnest(names) ORDER BY 1) WHERE case_id = $1",
        case_id, verdict, by, reason,
    )  # fmt: skip
    return str(kind)


def _join(warehouse: Connection, roots: list[str], by: str, reason: str) -> None:
    first = roots[0] if roots else ""
    for other in roots[1:]:
        first, _ = merging.merge(warehouse, first, other, by=by, reason=reason)


def _take_out(warehouse: Connection, uscc: str) -> None:
    """Unlink the names of the case that were linked before the register spoke."""
    warehouse.execute(
        """UPDATE hub.party SET atom_id = NULL, enterprise_id = NULL, match_rule = 'name_conflict', decided_at = clock_timestamp()
        WHERE uscc = $1 AND match_rule = 'uscc' AND name = ANY (
          SELECT unnest(names) FROM hub.identity_case WHERE kind = 'same_code_other_name' AND subject = $1)""",
        uscc,
    )
