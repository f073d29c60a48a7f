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

    The kind of a pair is what each of its fields says; counted are those that `least` and above says are one. A pair that
    agrees in less than a kind of strangers does is no match either.
    """
    if len(fields) < 2:
        return False
    con.execute("CREATE OR REPLACE TEMP TABLE once AS SELECT unnest(CAST(? AS varchar[])) AS source", [list(unique)])
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE kind AS
        SELECT a, b, {" || ".join(_said(f.column) for f in fields)} AS kind, l.source = r.source AS inside,
          l.source IN (FROM once) AND r.source IN (FROM once) AS single, probability >= {least!r} AND NOT barred AS likely,
          between_lists >= {least!r} AND NOT barred AS likely_between
        FROM scored JOIN judged USING (a, b) JOIN feature l ON l.rid = a JOIN feature r ON r.rid = b"""
    )
    addresses = [(f"{f.column}_house", place) for place, f in enumerate(fields, 1) if f.role == "address"]
    if unique:
        _by_lists(con)
    elif addresses:
        for name in (f.column for f in fields if f.role == "organisation"):  # a firm may have two houses
            con.execute(
                f"DELETE FROM kind USING feature l, feature r WHERE l.rid = a AND r.rid = b AND l.{name} = r.{name} AND l.{name}_full"
            )
        _by_houses(con, *addresses[0])
    else:
        return False
    less = " AND ".join(
        _no_more(f"substr(kind.kind, {place}, 1)", f"substr(strange.kind, {place}, 1)")
        for place, _ in enumerate(fields, 1)
    )
    con.execute(
        f"""UPDATE judged SET weight = least(weight, log2(share / (1 - share))), probability = least(probability, share)
        FROM (SELECT kind.kind, min(greatest(share, {_RAREST})) AS share FROM (SELECT DISTINCT kind FROM kind) kind
              JOIN strange ON share < {_MOST} AND {less} GROUP BY ALL) told
        JOIN kind USING (kind) WHERE kind.a = judged.a AND kind.b = judged.b"""
    )
    return bool(con.execute(f"SELECT count(*) FROM strange WHERE share < {_MOST}").fetchone()[0])


def _by_lists(con: Any) -> None:
    """Make `strange` (kind, share): between lists as many strangers of a kind are expected as within them, for all the pairs there are.

    Records of one list that are one all the same show themselves by agreeing in everything: as many are taken off.
    """
    every, within = con.execute(
        "SELECT sum(n), sum(n * (n - 1) / 2) FROM (SELECT count(*) AS n FROM feature SEMI JOIN once USING (source) GROUP BY source)"
    ).fetchone()
    more = (every * (every - 1) / 2 - within) / max(within, 1)
    odd = f"(kind LIKE '%{_AGAINST}%' OR kind LIKE '%{_OPEN}%')"
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE strange AS
        WITH met AS (SELECT kind, count(*) FILTER (NOT inside) AS between, count(*) FILTER (inside) AS within
                     FROM kind WHERE likely_between AND single GROUP BY kind),
             twice AS (SELECT coalesce(sum(within) / nullif(sum(between), 0), 0) AS share FROM met WHERE NOT {odd})
        SELECT kind, 1 - {more!r} * ((within - sqrt(within)) / between - twice.share) AS share
        FROM met, twice WHERE {odd} AND between > 0 AND within >= {_FEWEST}"""
    )


def _by_houses(con: Any, house: str, place: int) -> None:
    """Make `strange` (kind, share) where no list tells: a slip is met once, but two houses of an owner are each met again.

    Of strangers at two houses both are met again as often as any two are.
    """
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE placed AS SELECT kind, a, b, l.{house} = r.{house} AS one
        FROM kind JOIN feature l ON l.rid = a JOIN feature r ON r.rid = b WHERE likely AND l.{house} IS NOT NULL AND r.{house} IS NOT NULL"""
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE met_again AS SELECT a AS rid FROM placed WHERE one UNION SELECT b FROM placed WHERE one"
    )
    often = con.execute(
        f"SELECT (SELECT count(*) FROM met_again) / greatest(count(*), 1) FROM feature WHERE {house} IS NOT NULL"
    ).fetchone()[0]
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE strange AS
        SELECT kind, 1 - (again - sqrt(again)) / (n * {often * often!r}) AS share FROM (
          SELECT kind, count(*) AS n, count(*) FILTER (a IN (FROM met_again) AND b IN (FROM met_again)) AS again
          FROM placed WHERE NOT one AND substr(kind, {place}, 1) = '{_AGAINST}' GROUP BY kind) WHERE again >= {_FEWEST}"""
    )


def _said(f: str) -> str:
    return (
        f"CASE WHEN l.{f} IS NULL OR r.{f} IS NULL THEN '{_UNKNOWN}' WHEN mw_{f} < -{_SPEAKS} THEN '{_AGAINST}' "
        f"WHEN mw_{f} > {_SPEAKS} THEN '{_FOR}' ELSE '{_OPEN}' END"
    )


def _no_more(one: str, other: str) -> str:
    """SQL: what a field says for `one` kind is no more than what it says for the `other`."""
    return f"({one} IN ('{_AGAINST}', {other}) OR {other} = '{_FOR}')"
