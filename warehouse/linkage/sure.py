"""Deterministic keys: what makes two records one without asking the model, and what keeps them two whatever it says."""

from __future__ import annotations

from typing import Any

from warehouse.linkage.reading import Field

# Names under one code that share less than this are a case for a person (weighted share of letters).
_SAME_NAME = 0.3


def find(con: Any, fields: list[Field], alone: bool) -> None:
    """Make `sure` (rid, key, reason) and `conflict` (a, b, reason). `alone`: nothing joins within a source by being the same.

    An identifier that is proof is a key, beside the branch mark, unless the names under it have nothing in common; so is the
    full legal name of a company, unless it stands under two identifiers, or twice in one source at different addresses.
    """
    con.execute("CREATE OR REPLACE TABLE sure (rid bigint, key varchar, reason varchar)")
    con.execute("CREATE OR REPLACE TABLE conflict (a bigint, b bigint, reason varchar)")
    names = [f.column for f in fields if f.role == "organisation"]
    proof = proofs(con, fields)
    persons = [f.column for f in fields if f.role == "person"]
    for code in proof:
        if code.endswith("_person") and persons:
            _by_person(con, code, persons[0])
        else:
            _by_identifier(con, code, names)
    if names:
        _by_name(con, names[0], fields, proof)
    if not alone:
        columns = [f.column for f in fields]
        known = " + ".join(f"CAST({column} IS NOT NULL AS int)" for column in columns)
        con.execute(
            f"""INSERT INTO sure SELECT rid, 's:' || md5(CAST((source, {", ".join(columns)}) AS varchar)), 'same' FROM feature
            WHERE {known} >= least(2, {len(columns)}) AND {known} > {1 if len(columns) > 1 else 0}"""
        )


def proofs(con: Any, fields: list[Field]) -> list[str]:
    """Columns of `feature` with codes that decide: the same is one, another is another. Other identifiers are evidence, typos and all.

    Codes with a right check digit decide where most values have one: organisation codes, alone or within a USCC or an old
    taxpayer id, apart from registration numbers; so do resident ids in lists of people. Else the identifiers of firms do, and any where there is
    little else to go by.
    """
    firms = any(f.role == "organisation" for f in fields)
    few = sum(f.role != "identifier" for f in fields) < 2
    found = []
    for f in (f.column for f in fields if f.role == "identifier"):
        known, persons, held = con.execute(
            f"SELECT count({f}_org) + count({f}_own), count({f}_person), count({f}) FILTER (NOT contains({f}, '*')) FROM feature"
        ).fetchone()
        if persons > 0.5 * held:
            found += [] if firms else [f"{f}_person"]  # the owner of a shop may have another
        elif known > 0.5 * held:
            found += [f"{f}_org", f"{f}_own"]
        elif firms or few:
            found.append(f)
    return found


def _by_identifier(con: Any, f: str, names: list[str]) -> None:
    valid = f"length({f}) >= 4"
    if not names:
        con.execute(f"INSERT INTO sure SELECT rid, 'i:{f}:' || {f}, 'identifier' FROM feature WHERE {valid}")
        return
    n = names[0]
    # Where a name does not tell, a shop under the code of a branch is that branch.
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE held_code AS
        WITH holder AS (SELECT *, coalesce({n}_branch, bool_or({n}_branch) OVER (PARTITION BY {f}), false) AS is_branch FROM feature WHERE {valid}),
             first AS (SELECT {f} AS code, is_branch AS branch, arg_min(rid, ({n} IS NULL, place, source, id)) AS rid FROM holder GROUP BY ALL)
        SELECT x.rid, first.rid AS first, x.{f} AS code, first.branch AS branch,
          x.{n} IS NULL OR y.{n} IS NULL OR x.{n} = y.{n} OR likeness(x.{n}_g, x.{n}_gn, y.{n}_g, y.{n}_gn) >= {_SAME_NAME} AS same_name
        FROM holder x JOIN first ON first.code = x.{f} AND first.branch = x.is_branch
        JOIN feature y ON y.rid = first.rid"""
    )
    con.execute(f"INSERT INTO sure SELECT rid, 'i:{f}:' || code || branch, 'identifier' FROM held_code WHERE same_name")
    con.execute("INSERT INTO conflict SELECT first, rid, 'same_code_other_name' FROM held_code WHERE NOT same_name")
    con.execute(
        "INSERT INTO conflict SELECT DISTINCT x.first, y.first, 'branch_under_code' FROM held_code x JOIN held_code y ON x.code = y.code "
        "WHERE NOT x.branch AND y.branch"
    )


def _by_person(con: Any, f: str, n: str) -> None:
    """A resident id is one person's, unless the names under it have nothing in common: then a clerk has copied the wrong line."""
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE held_code AS
        WITH first AS (SELECT {f} AS code, arg_min(rid, ({n} IS NULL, place, source, id)) AS rid FROM feature WHERE {f} IS NOT NULL GROUP BY ALL)
        SELECT x.rid, first.rid AS first, code,
          x.{n} IS NULL OR y.{n} IS NULL OR x.{n} = y.{n} OR coalesce(x.{n}_sound = y.{n}_sound, false)
            OR likeness(x.{n}_g, x.{n}_gn, y.{n}_g, y.{n}_gn) >= {_SAME_NAME} AS same_name
        FROM feature x JOIN first ON first.code = x.{f} JOIN feature y ON y.rid = first.rid"""
    )
    con.execute(f"INSERT INTO sure SELECT rid, 'i:{f}:' || code, 'identifier' FROM held_code WHERE same_name")
    con.execute("INSERT INTO conflict SELECT first, rid, 'same_code_other_name' FROM held_code WHERE NOT same_name")


def _by_name(con: Any, n: str, fields: list[Field], proof: list[str]) -> None:
    codes = [f"count(DISTINCT {f}) <= 1" for f in proof]
    places = [f.column for f in fields if f.role == "address"]
    twice = (
        f" AND NOT EXISTS (SELECT 1 FROM feature t WHERE t.{n} = one.{n} GROUP BY t.source HAVING count(DISTINCT t.{places[0]}) > 1)"
        if places
        else ""
    )
    # Where the name is all there is, an equal one is all that can be asked for.
    full = f"{n}_full" if any(f.role not in ("organisation", "identifier") for f in fields) else f"{n} IS NOT NULL"
    con.execute(
        f"""INSERT INTO sure SELECT rid, 'n:' || {n}, 'name' FROM feature JOIN (
          SELECT {n} FROM feature one WHERE {full} GROUP BY {n} HAVING {" AND ".join(codes) or "true"}) one USING ({n})
        WHERE true{twice}"""
    )
    for f in proof:
        con.execute(
            f"""INSERT INTO conflict SELECT l.rid, r.rid, 'same_name_other_code'
            FROM (SELECT {n}, {f}, min(rid) AS rid FROM feature WHERE {n}_full AND {f} IS NOT NULL GROUP BY ALL) l
            JOIN (SELECT {n}, {f}, min(rid) AS rid FROM feature WHERE {n}_full AND {f} IS NOT NULL GROUP BY ALL) r
            ON l.{n} = r.{n} AND l.{f} <> r.{f} AND l.rid < r.rid"""
        )


def keep_apart(con: Any, proof: list[str]) -> None:
    """Undo contractions that would put two proving codes together: each code keeps its own records."""
    for f in proof:
        con.execute(
            f"""UPDATE node_of SET node = kept.lowest FROM (
              SELECT rid, CASE WHEN {f} IS NULL THEN rid ELSE min(rid) OVER (PARTITION BY node, {f}) END AS lowest
              FROM node_of JOIN feature USING (rid)
              SEMI JOIN (SELECT node FROM node_of JOIN feature USING (rid) GROUP BY node HAVING count(DISTINCT {f}) > 1) mixed USING (node)
            ) kept WHERE node_of.rid = kept.rid"""
        )


def same_names(con: Any, fields: list[Field], threshold: float) -> None:
    """Make <name>_one of `feature`: its full legal name, or the one that stands for it where `judged` takes several for one name."""
    for f in (field.column for field in fields if field.role == "organisation"):
        # A table between the joins and the condition: together, DuckDB joins all records with each other on the condition.
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE named AS SELECT x.{f}_formed AS x, y.{f}_formed AS y, x.{f} AS name, y.{f} AS other
            FROM judged JOIN feature x ON x.rid = a JOIN feature y ON y.rid = b WHERE probability >= {threshold!r} AND NOT barred"""
        )
        con.execute(
            """CREATE OR REPLACE TEMP TABLE alias AS WITH pair AS (SELECT name, other FROM named WHERE x IS NOT NULL AND y IS NOT NULL AND name <> other)
            SELECT name, other FROM pair UNION SELECT other, name FROM pair"""
        )
        con.execute("CREATE OR REPLACE TEMP TABLE one_name AS SELECT DISTINCT name, name AS one FROM alias")
        lower = (
            "UPDATE one_name SET one = lowest FROM (SELECT alias.name, min(one) AS lowest FROM alias JOIN one_name o ON o.name = other GROUP BY ALL) near "
            "WHERE near.name = one_name.name AND lowest < one"
        )
        while con.execute(lower).fetchone()[0]:
            pass
        con.execute(f"ALTER TABLE feature ADD COLUMN {f}_one varchar")
        con.execute(f"UPDATE feature SET {f}_one = {f} WHERE {f}_full")
        con.execute(f"UPDATE feature SET {f}_one = one FROM one_name WHERE name = {f}_one")


def codes(con: Any, fields: list[Field]) -> dict[str, str]:
    """Columns of which a cluster may hold one value: name -> SQL over `feature`."""
    found = {f"code_{f}": f for f in proofs(con, fields)}
    for f in (f.column for f in fields if f.role == "organisation"):
        # A firm of another county is another, though both met one that names none.
        found |= {f"code_{f}": f"{f}_one", f"code_{f}_region": f"{f}_region"}
    return found
