"""Pairs -> clusters: mutual best neighbours join, round after round, while nothing forbids it.

What forbids: two records of a source that lists nothing twice, two different valid identifiers or full legal names, a
branch and its parent, or members that are, on the whole, unlike (no chain of likenesses joins strangers).
Set-based: a round is four queries, and touches only clusters that can still grow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_ROUNDS = 80
# What a pair says that was not worth comparing, and how unlike two groups may be on average (log2 odds).
UNSEEN = -3.0
FLOOR = 0.0


def contract(con: Any) -> None:
    """Make `node_of` (rid, node): records that share a deterministic key of `sure` (rid, key), node being the lowest rid.

    Before: sure (1, x) (2, x) (2, y) (3, y). After: node_of (1, 1) (2, 1) (3, 1).
    """
    con.execute("CREATE OR REPLACE TABLE node_of AS SELECT rid, rid AS node FROM feature")
    while True:
        con.execute(
            """CREATE OR REPLACE TEMP TABLE lower_node AS
            WITH of_key AS (SELECT key, min(node) AS node FROM sure JOIN node_of USING (rid) GROUP BY key)
            SELECT n.node, min(k.node) AS lower FROM sure s JOIN node_of n USING (rid) JOIN of_key k USING (key)
            GROUP BY n.node HAVING min(k.node) < n.node"""
        )
        if not con.execute("SELECT count(*) FROM lower_node").fetchone()[0]:
            return
        con.execute("UPDATE node_of SET node = lower FROM lower_node l WHERE node_of.node = l.node")


def grow(con: Any, threshold: float, codes: Sequence[str]) -> None:
    """Make `cluster` (node, cluster) from `party` (cluster, mask, branch, size and the `codes`) and `tie` (a, b, best, total, pairs).

    `mask` has a bit per source that lists nothing twice; each code is a valid identifier or NULL. Weights are log2 odds.
    """
    mean = f"(total + ({UNSEEN}) * greatest(x.size * y.size - pairs, 0)) / greatest(x.size * y.size, pairs)"
    agree = "".join(f" AND coalesce(x.{code} = y.{code}, true)" for code in codes)
    con.execute("CREATE OR REPLACE TABLE cluster AS SELECT cluster AS node, cluster FROM party")
    _within_reach(con, threshold)
    for _ in range(_ROUNDS):
        # A table between the joins and the conditions: together, DuckDB joins all parties with each other on the conditions.
        con.execute(
            "CREATE OR REPLACE TEMP TABLE met AS SELECT a, b, best, total, pairs, x, y FROM tie "
            f"JOIN party x ON x.cluster = a JOIN party y ON y.cluster = b WHERE best >= {threshold!r}"
        )
        con.execute(
            f"""CREATE OR REPLACE TABLE fit AS SELECT a, b, best, {mean} AS mean FROM met
            WHERE (x.mask & y.mask) = 0 AND coalesce(x.branch = y.branch, true){agree} AND {mean} >= {FLOOR!r}"""
        )
        con.execute(
            """CREATE OR REPLACE TABLE join_now AS
            WITH both_ways AS (SELECT a, b, best, mean FROM fit UNION ALL SELECT b, a, best, mean FROM fit),
                 choice AS (SELECT a, arg_max(b, (mean, best, -least(a, b), -greatest(a, b))) AS b FROM both_ways GROUP BY a)
            SELECT x.b AS gone, x.a AS kept FROM choice x JOIN choice y ON x.b = y.a AND y.b = x.a WHERE x.a < x.b"""
        )
        if not con.execute("SELECT count(*) FROM join_now").fetchone()[0]:
            return
        con.execute("UPDATE cluster SET cluster = kept FROM join_now WHERE cluster = gone")
        merged = "".join(f", min({code}) AS {code}" for code in codes)
        con.execute(
            f"""CREATE OR REPLACE TABLE party AS SELECT coalesce(kept, cluster) AS cluster, bit_or(mask) AS mask,
              any_value(branch) AS branch, sum(size) AS size{merged}
            FROM party LEFT JOIN join_now ON cluster = gone GROUP BY 1"""
        )
        # A group of clusters in which nothing was joined now never will be.
        con.execute(
            """CREATE OR REPLACE TABLE tie AS
            SELECT least(a, b) AS a, greatest(a, b) AS b, reach, max(best) AS best, sum(total) AS total, sum(pairs) AS pairs
            FROM (SELECT coalesce(x.kept, a) AS a, coalesce(y.kept, b) AS b, reach, best, total, pairs
                  FROM (SELECT * FROM tie SEMI JOIN (SELECT reach FROM tie JOIN join_now ON a = kept AND b = gone) live USING (reach))
                  LEFT JOIN join_now x ON x.gone = a LEFT JOIN join_now y ON y.gone = b)
            WHERE a <> b GROUP BY 1, 2, 3"""
        )


def _within_reach(con: Any, threshold: float) -> None:
    """Keep only ties between clusters that strong ties connect at all, marked with the lowest cluster of their reach.

    Most pairs compared are strangers; without them a round touches a small table.
    """
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE strong AS
        SELECT a, b FROM tie WHERE best >= {threshold!r} UNION ALL SELECT b, a FROM tie WHERE best >= {threshold!r}"""
    )
    con.execute("CREATE OR REPLACE TEMP TABLE reached AS SELECT DISTINCT a AS cluster, a AS reach FROM strong")
    while True:
        con.execute(
            """CREATE OR REPLACE TEMP TABLE lower_reach AS
            SELECT strong.a AS cluster, min(r.reach) AS reach FROM strong JOIN reached r ON r.cluster = strong.b
            JOIN reached mine ON mine.cluster = strong.a GROUP BY strong.a HAVING min(r.reach) < any_value(mine.reach)"""
        )
        if not con.execute("SELECT count(*) FROM lower_reach").fetchone()[0]:
            break
        con.execute("UPDATE reached SET reach = l.reach FROM lower_reach l WHERE l.cluster = reached.cluster")
    # In two steps: given both at once, DuckDB joins all clusters of a reach with each other first.
    con.execute("CREATE OR REPLACE TEMP TABLE half AS SELECT tie.*, reach FROM tie JOIN reached ON cluster = a")
    con.execute(
        "CREATE OR REPLACE TABLE tie AS SELECT half.* FROM half SEMI JOIN reached ON cluster = half.b AND reached.reach = half.reach"
    )
