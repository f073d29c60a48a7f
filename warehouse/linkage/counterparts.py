"""What it adds to a pair that each of its records has one counterpart at most in the other's source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from schemas.macros.sqltext import quoted

_ROUNDS = 60
# So much of a record's chance to have no counterpart, or another one, is left whatever the lists say: candidates are not all
# there are, and a field says less beside others than alone.
_LEAST_DOUBT = 1 / 16


def exclude(con: Any, unique: Sequence[str], enough: float) -> None:
    """Raise the weight of doubtful `judged` pairs between two `unique` sources where nothing else competes for either record.

    Pair by pair, a record may have a counterpart or none, as if there were no others to ask. Where most records of a source are
    met in the other, the one candidate in sight is likely it; never the other way, for a list may still name one thing twice.
    Up to `enough` (log2 odds), what decides a pair: clusters are still grown from those that are sure by themselves.
    """
    if len(unique) < 2:
        return
    listed = ", ".join(map(quoted, unique))
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE side AS
        WITH pair AS (SELECT a, b, l.source AS x, r.source AS y, pow(2.0, least(s.weight, 60)) AS ratio
                      FROM scored s JOIN judged j USING (a, b) JOIN feature l ON l.rid = a JOIN feature r ON r.rid = b
                      WHERE NOT barred AND l.source <> r.source AND l.source IN ({listed}) AND r.source IN ({listed})),
             of AS (SELECT source, count(*) AS n FROM feature GROUP BY source)
        SELECT rid, x, y, sum(ratio) / any_value(n) AS seen FROM (SELECT a AS rid, x, y, ratio FROM pair UNION ALL SELECT b, y, x, ratio FROM pair)
        JOIN of ON source = y GROUP BY rid, x, y"""
    )
    met = [(x, y, _met(con, x, y)) for x, y in con.execute("SELECT DISTINCT x, y FROM side ORDER BY ALL").fetchall()]
    if not met:
        return
    rows = ", ".join(f"({quoted(x)}, {quoted(y)}, {share!r})" for x, y, share in met)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE alone AS
        WITH known AS (SELECT rid, side.y, share, seen, n FROM side JOIN (VALUES {rows}) AS met(x, y, share) ON met.x = side.x AND met.y = side.y
                       JOIN (SELECT source, count(*) AS n FROM feature GROUP BY source) ON source = side.y)
        SELECT s.a, s.b, greatest({_LEAST_DOUBT!r},
          1 - i.share + i.share * greatest(i.seen - pow(2.0, least(s.weight, 60)) / i.n, 0),
          1 - k.share + k.share * greatest(k.seen - pow(2.0, least(s.weight, 60)) / k.n, 0)) AS doubt
        FROM scored s JOIN feature l ON l.rid = s.a JOIN feature r ON r.rid = s.b
        JOIN known i ON i.rid = s.a AND i.y = r.source JOIN known k ON k.rid = s.b AND k.y = l.source"""
    )
    con.execute(
        f"""CREATE OR REPLACE TABLE judged AS
        SELECT a, b, weight, 1 / (1 + pow(2, -greatest(least(weight, 60), -60))) AS probability, barred FROM (
          SELECT a, b, greatest(weight, least(weight - log2(least(coalesce(doubt, 1), 1)), {enough!r})) AS weight, barred
          FROM judged LEFT JOIN alone USING (a, b))"""
    )


def _met(con: Any, source: str, other: str) -> float:
    """The share of a source's records that have a counterpart in the other, by expectation maximisation over what they see there.

    What a record without one sees is, on average, 1: the mean Bayes factor of strangers.
    """
    total = con.execute(f"SELECT count(*) FROM feature WHERE source = {quoted(source)}").fetchone()[0]
    seen = con.execute(
        f"SELECT round(log2(greatest(seen, 1e-12)), 1), count(*) FROM side WHERE x = {quoted(source)} AND y = {quoted(other)} GROUP BY 1"
    ).fetchall()
    share = 0.5
    for _ in range(_ROUNDS):
        share = min(sum(n * (odds := share * 2.0**bits) / (odds + 1 - share) for bits, n in seen) / total, 1 - 1e-9)
    return float(share)
