"""Judged pairs -> the table `cluster`: what a cluster may hold, and what its ties weigh."""

from __future__ import annotations

from typing import Any

from schemas.macros.sqltext import quoted
from warehouse.linkage import clusters, sure
from warehouse.linkage.judging import one_house
from warehouse.linkage.model import log_odds
from warehouse.linkage.reading import Field

# Weights of single pairs are held within this, so that no one pair outvotes the rest of a cluster (log2 odds).
_MOST = 12.0
# Log2 odds, under the prior of pairs within one source, from which a source that lists nothing twice is believed to do so.
_SURELY_TWICE = 8.0
# And where it says both are at one door, under one word of their own.
_TWICE_AT_A_DOOR = 3.0
_ONE_NAME = 0.9


def _vouched(con: Any, part: str, threshold: float) -> str:
    """SQL over a node's records: the `part` of an address that two sources, or two lines of the only one, give to what is likely one; that is no slip, and two such are two places.

    NULL where no two do, or the node, one by its code or legal name, has several.
    """
    several = con.execute("SELECT count(DISTINCT source) > 1 FROM feature").fetchone()[0]
    apart = " AND r.source <> l.source" if several else ""
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE vouched_{part} AS
        WITH pair AS (SELECT a, b FROM judged JOIN feature l ON l.rid = a JOIN feature r ON r.rid = b
                      WHERE probability >= {threshold!r} AND NOT barred{apart} AND l.{part} = r.{part})
        SELECT a AS rid FROM pair UNION SELECT b FROM pair"""
    )
    one = f"CASE WHEN rid IN (FROM vouched_{part}) THEN {part} END"
    return f"CASE WHEN count(DISTINCT {one}) = 1 THEN min({one}) END"


def group(con: Any, threshold: float, fields: list[Field], unique: list[str]) -> None:
    """Make `cluster` (node, cluster) from `judged`: clusters grow over pairs of `threshold` and above, as far as what they hold allows.

    `unique`: sources that list nothing twice.
    """
    sure.same_names(con, fields, threshold)
    codes = {name: f"min({sql})" for name, sql in sure.codes(con, fields).items()}
    for f in [f.column for f in fields if f.role == "address"][:1]:
        codes |= {f"code_{part}": _vouched(con, f"{f}_{part}", threshold) for part in ("house", "town")}
    place = ", ".join(f"({quoted(source)}, {bit})" for bit, source in enumerate(unique[:62])) or "(NULL, 0)"
    branch = next(
        (
            f"bool_or(CASE WHEN {f.column}_branch OR {f.column}_full THEN {f.column}_branch END)"
            for f in fields
            if f.role == "organisation"
        ),
        "NULL",
    )
    _doubled(con, fields)
    con.execute(
        f"""CREATE OR REPLACE TABLE party AS
        SELECT node AS cluster, bit_or(CASE WHEN d.rid IS NULL THEN coalesce(CAST(1 AS bigint) << bit, 0) ELSE 0 END) AS mask,
          {branch} AS branch, CAST(count(*) AS double) AS size{"".join(f", {sql} AS {name}" for name, sql in codes.items())}
        FROM feature JOIN node_of USING (rid) LEFT JOIN (VALUES {place}) AS known(name, bit) ON name = source
        LEFT JOIN doubled d USING (rid) GROUP BY node"""
    )
    # Two legal names that other records show to be one do not part those that say nothing else.
    names = [f.column for f in fields if f.role == "organisation"]
    one = " AND ".join(f"l.{n}_one = r.{n}_one AND l.{n}_branch = r.{n}_branch" for n in names) or "false"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE noded AS SELECT x.node AS one, y.node AS other, weight, barred AND NOT coalesce({one}, false) AS barred "
        "FROM judged JOIN node_of x ON x.rid = a JOIN node_of y ON y.rid = b JOIN feature l ON l.rid = a JOIN feature r ON r.rid = b"
    )
    con.execute(
        f"""CREATE OR REPLACE TABLE tie AS
        SELECT least(one, other) AS a, greatest(one, other) AS b,
          max(CASE WHEN barred THEN -{_MOST} ELSE weight END) AS best,
          sum(CASE WHEN barred THEN -{_MOST} ELSE greatest(least(weight, {_MOST}), -{_MOST}) END) AS total, count(*) AS pairs
        FROM noded WHERE one <> other GROUP BY 1, 2"""
    )
    clusters.grow(con, min(log_odds(threshold), _MOST), list(codes))


def _doubled(con: Any, fields: list[Field]) -> None:
    """Make `doubled` (rid): a source that lists nothing twice still does so once in a while, and what is surely one within it, name and all, does not bar a cluster.

    Two names under one roof, at one telephone, are two.
    """
    core = " OR coalesce(l.{0}_core = r.{0}_core, false)"
    alike = "".join(
        f" AND coalesce(likeness(l.{f.column}_g, l.{f.column}_gn, r.{f.column}_g, r.{f.column}_gn) >= {_ONE_NAME}{core.format(f.column) if f.role == 'organisation' else ''}, true)"
        for f in fields
        if f.role in ("organisation", "title")
    ) + "".join(f" AND coalesce({one_house(f)}, true)" for f in fields if f.role == "address")
    owned = " OR ".join(f"l.{f.column}_core = r.{f.column}_core" for f in fields if f.role == "organisation")
    door = " OR ".join(
        f"(l.{f.column}_no = r.{f.column}_no AND (l.{f.column}_road = r.{f.column}_road OR l.{f.column}_estate = r.{f.column}_estate)) OR {one_house(f)}"
        for f in fields
        if f.role == "address"
    )
    least = f"CASE WHEN ({owned}) AND ({door}) THEN {_TWICE_AT_A_DOOR} ELSE {_SURELY_TWICE} END" if owned and door else f"{_SURELY_TWICE}"  # fmt: skip
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE doubled AS
        WITH pair AS (SELECT a, b FROM judged JOIN feature l ON l.rid = a JOIN feature r ON r.rid = b AND r.source = l.source
                      WHERE weight >= {least} AND NOT barred{alike})
        SELECT a AS rid FROM pair UNION SELECT b FROM pair"""
    )
