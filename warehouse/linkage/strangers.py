"""What lists that list nothing twice teach of strangers: two records of one such list are two, however alike they look.

A model weighs each field by itself. But what two sites of one owner share, they share together: the name and the telephone;
so do two versions of one paper. How often pairs of a kind are met within such lists tells how many of the kind between
lists are strangers too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from warehouse.linkage.reading import Field

# A field speaks for or against a pair from this weight (log2 of the Bayes factor).
_SPEAKS = 1.0
# A kind is told from two pairs within lists, and is one of strangers where less than this share are matches. Fewer than a half:
# of lists that list nothing twice a record goes to the likest of its candidates, which parts most strangers already.
_FEWEST, _MOST, _RAREST = 2, 0.5, 0.02
# What a field says, from against to for; `unknown` is of a pair of which one has no value.
_AGAINST, _UNKNOWN, _OPEN, _FOR = "1023"


def tell(con: Any, fields: Sequence[Field], unique: Sequence[str], least: float) -> bool:
    """Lower `judged` (weight, probability) of kinds of pairs that are strangers to the share of matches among them; whether there are any.

    The kind of a pair is what each of its fields says; counted are those that `least` and above says are one. Between lists
    as many strangers of a kind are expected as within them, for all the pairs there are. Records of one list that are one
    all the same show themselves by agreeing in everything: as many are taken off. A pair that agrees in less than a kind of
    strangers does is no match either.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE once AS SELECT unnest(CAST(? AS varchar[])) AS source", [list(unique)])
    every, within = con.execute(
        """SELECT coalesce(sum(n), 0), coalesce(sum(n * (n - 1) / 2), 0) FROM (
          SELECT count(*) AS n FROM feature SEMI JOIN once USING (source) GROUP BY source)"""
    ).fetchone()
    if not within or len(fields) < 2:
        return False
    more = (every * (every - 1) / 2 - within) / within
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE kind AS
        SELECT a, b, {" || ".join(_said(f.column) for f in fields)} AS kind, l.source = r.source AS inside,
          l.source IN (FROM once) AND r.source IN (FROM once) AND between_lists >= {least!r} AND NOT barred AS counted
        FROM scored JOIN judged USING (a, b) JOIN feature l ON l.rid = a JOIN feature r ON r.rid = b"""
    )
    odd = f"kind LIKE '%{_AGAINST}%' OR kind LIKE '%{_OPEN}%'"
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE strange AS
        WITH met AS (SELECT kind, count(*) FILTER (NOT inside) AS between, count(*) FILTER (inside) AS within FROM kind WHERE counted GROUP BY kind),
             twice AS (SELECT coalesce(sum(within) / nullif(sum(between), 0), 0) AS share FROM met WHERE NOT ({odd})),
             told AS (SELECT kind, 1 - {more!r} * ((within - sqrt(within)) / between - twice.share) AS share
                      FROM met, twice WHERE ({odd}) AND between > 0 AND within >= {_FEWEST})
        SELECT kind, greatest(share, {_RAREST}) AS share FROM told WHERE share < {_MOST}"""
    )
    less = " AND ".join(
        _no_more(f"substr(kind.kind, {place}, 1)", f"substr(strange.kind, {place}, 1)")
        for place, _ in enumerate(fields, 1)
    )
    con.execute(
        f"""UPDATE judged SET weight = least(weight, log2(share / (1 - share))), probability = least(probability, share)
        FROM (SELECT kind.kind, min(share) AS share FROM (SELECT DISTINCT kind FROM kind) kind JOIN strange ON {less} GROUP BY ALL) told
        JOIN kind USING (kind) WHERE kind.a = judged.a AND kind.b = judged.b"""
    )
    return bool(con.execute("SELECT count(*) FROM strange").fetchone()[0])


def _said(f: str) -> str:
    return (
        f"CASE WHEN l.{f} IS NULL OR r.{f} IS NULL THEN '{_UNKNOWN}' WHEN mw_{f} < -{_SPEAKS} THEN '{_AGAINST}' "
        f"WHEN mw_{f} > {_SPEAKS} THEN '{_FOR}' ELSE '{_OPEN}' END"
    )


def _no_more(one: str, other: str) -> str:
    """SQL: what a field says for `one` kind is no more than what it says for the `other`."""
    return f"({one} IN ('{_AGAINST}', {other}) OR {other} = '{_FOR}')"
