"""Scored pairs -> judged pairs: how likely each is one, what bars it, from which probability it is accepted, and which lists list nothing twice."""

from __future__ import annotations

from typing import Any

from warehouse.linkage import model
from warehouse.linkage.config import Config
from warehouse.linkage.reading import Field

# A source with fewer of its records doubled than this, and many met elsewhere, is taken to list nothing twice.
_DOUBLED, _MET = 0.08, 0.1
# Log2 of the Bayes factor from which another field backs two names.
_BACKS = 5.0
# A pair is accepted from this probability, where nobody has said another; from a higher one, up to this, where so many are in
# doubt that by their own probabilities more than this share of the accepted would be wrong: two in a hundred may be, and
# models were seen to err up to three times as often as they say.
LEAST, _SURE, _WRONG = 0.8, 0.95, 0.02 / 3


def judge(con: Any, fields: list[Field]) -> None:
    """Make `judged` (a, b, weight in log2 odds, probability, barred): scored pairs under the data's own priors."""
    n, within = con.execute(
        "SELECT sum(n), sum(n * (n - 1) / 2) FROM (SELECT source, count(*) AS n FROM feature GROUP BY source)"
    ).fetchone()
    between = model.prior(con, n * (n - 1) / 2 - within, most=n * 5, inside=False)
    inside = model.prior(con, within, most=n * 5, inside=True)
    odds = f"CASE WHEN l.source = r.source THEN {inside!r} ELSE {between!r} END"
    names = [f.column for f in fields if f.role == "organisation"]
    backed = " + ".join(f"CAST(coalesce(mw_{f.column} >= {_BACKS}, false) AS int)" for f in fields if f.role != "organisation") or "0"  # fmt: skip
    barred = " OR ".join([*(_barred(f, backed) for f in names), *_another_person(fields)]) or "false"
    con.execute(
        f"""CREATE OR REPLACE TABLE judged AS
        SELECT a, b, weight, {_probability("weight")} AS probability, {_probability("between")} AS between_lists, barred FROM (
          SELECT a, b, weight + {odds} AS weight, weight + {between!r} AS between, coalesce({barred}, false) AS barred
          FROM scored JOIN feature l ON l.rid = a JOIN feature r ON r.rid = b)"""
    )


def _probability(odds: str) -> str:
    return f"1 / (1 + pow(2, -greatest(least({odds}, 60), -60)))"


def careful(con: Any, fields: list[Field], unique: list[str]) -> float:
    """The probability from which a pair is accepted, told from `judged`.

    Of lists that list nothing twice a record has one counterpart at most, and that keeps doubtful pairs apart already.
    Where one field is all there is to compare, only values all but equal are one.
    """
    if len(fields) == 1:
        return 1.0
    if unique:
        return LEAST
    found = con.execute(
        f"""SELECT least(coalesce(min(probability) FILTER (wrong <= {_WRONG}), 1), {_SURE}) FROM (
          SELECT probability, avg(1 - probability) OVER (ORDER BY probability DESC) AS wrong FROM judged WHERE probability >= {LEAST} AND NOT barred)"""
    ).fetchone()[0]
    return float(found)


def _barred(f: str, backed: str) -> str:
    """SQL: whether two names bar a pair: a branch and none, or two full legal names that are not the same one written otherwise.

    Written otherwise is one whose region is written shorter (四川省示例县, 示例), one with its legal form, its region or its trade shortened (鑫源公司), where another field backs it, one
    with letters turned or doubled, where two do, and one with a letter changed or left out, where three do. What backs a pair is a field that says much for it; alone, a legal name a letter away is another firm.
    """
    without = " OR ".join(f"{side}.{f}_legal = {side}.{f}_stem || '公司'" for side in "lr")
    one_place = f"coalesce(l.{f}_region = r.{f}_region, false)"
    shortened = (
        f"(l.{f}_formed = r.{f}_formed OR (l.{f}_legal = r.{f}_legal AND (l.{f}_formed = l.{f}_legal OR r.{f}_formed = r.{f}_legal) AND coalesce(l.{f}_town = r.{f}_town, true)) "
        f"OR (l.{f}_stem = r.{f}_stem AND ({without})) OR (l.{f}_legal = r.{f}_legal AND {one_place}))"
    )
    slip = f"slip_of_pen(l.{f}_formed, r.{f}_formed)"
    letter = f"letter_off(l.{f}_formed, r.{f}_formed)"
    # The sign over the door of a branch need not say that it is one.
    sign = f"NOT CASE WHEN l.{f}_branch THEN r.{f}_full ELSE l.{f}_full END"
    otherwise = f"CASE {backed} WHEN 0 THEN false WHEN 1 THEN {shortened} WHEN 2 THEN {shortened} OR {slip} ELSE {shortened} OR {slip} OR {letter} END"
    return f"(l.{f}_full AND r.{f}_full AND l.{f} <> r.{f} AND NOT (l.{f}_rest = r.{f}_rest AND {one_place}) AND NOT {otherwise}) OR (l.{f}_branch <> r.{f}_branch AND NOT ({sign} AND {backed} > 0))"


def _another_person(fields: list[Field]) -> list[str]:
    """SQL, of lists of people: whether two Chinese names bar a pair. A household shares house and telephone, and a letter of its names; what is a person's own must say otherwise."""
    if any(f.role == "organisation" for f in fields):
        return []
    own = " OR ".join(f"coalesce(mw_{f.column} >= {_BACKS}, false)" for f in fields if f.role in ("identifier", "date", "email")) or "false"  # fmt: skip
    return [
        f"(is_han(l.{f}) AND is_han(r.{f}) AND greatest(length(l.{f}), length(r.{f})) <= 4 AND l.{f} <> r.{f} AND NOT coalesce(l.{f}_sound = r.{f}_sound, false) AND NOT ({own}))"
        for f in (f.column for f in fields if f.role == "person")
    ][:1]


def once(con: Any, config: Config, fields: list[Field], several: bool) -> list[str]:
    """Sources that list nothing twice: told so, or seen to be so when the config leaves it open.

    Two records of one source alike at two houses are two branches of one owner; they do not say that it lists things twice.
    """
    told = {s.name: s.unique for s in config.sources}
    if config.mode == "dedupe" or not several:
        return [name for name, value in told.items() if value]
    enough = config.threshold or LEAST
    here = "".join(f" AND coalesce({one_house(f)}, true)" for f in fields if f.role == "address")
    # What a source lists twice is as much alike as what it and others list: three in four above the lower quarter of those.
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE met AS SELECT l.rid, l.source, l.source = r.source AS inside, max(s.weight) AS weight FROM
              (SELECT a, b FROM judged WHERE probability >= {enough!r} AND NOT barred UNION ALL
               SELECT b, a FROM judged WHERE probability >= {enough!r} AND NOT barred) e
              JOIN scored s ON s.a = least(e.a, e.b) AND s.b = greatest(e.a, e.b)
              JOIN feature l ON l.rid = e.a JOIN feature r ON r.rid = e.b WHERE l.source <> r.source OR (true{here}) GROUP BY ALL"""
    )
    rows = con.execute(
        """WITH usual AS (SELECT source, quantile_cont(weight, 0.25) AS weight FROM met WHERE NOT inside GROUP BY source)
        SELECT f.source, min(f.place), count(*),
          (SELECT count(*) / 0.75 FROM met JOIN usual USING (source) WHERE met.source = f.source AND inside AND met.weight >= usual.weight),
          (SELECT count(*) FROM met WHERE met.source = f.source AND NOT inside)
        FROM feature f GROUP BY f.source ORDER BY f.source"""
    ).fetchall()
    unique = []
    for source, place, records, doubled, met in rows:
        said = config.sources[place].unique
        if said is None:
            said = config.mode == "link" or (
                config.mode == "auto" and doubled <= _DOUBLED * records and met >= _MET * records
            )
        if said:
            unique.append(source)
    return unique


def one_house(field: Field) -> str:
    """SQL: whether the addresses of `l` and `r` say one house; NULL where one of them says none."""
    return f"l.{field.column}_house = r.{field.column}_house"
