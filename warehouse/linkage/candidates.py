"""Which pairs are worth comparing: those that share a rare value, two common ones, or rare words. Never all pairs.

Every way of agreeing is a key; a key held by too many records tells nothing and is left out, so the number of pairs
grows with the records and not with their square. A few hundred records are compared each with each.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from warehouse.linkage.reading import Field
from warehouse.linkage.roles import TEXT_ROLES

_ALL_PAIRS = 100_000
_LETTERS = 0.5


def find(con: Any, fields: list[Field], blocking: tuple[tuple[str, ...], ...]) -> int:
    """Make `candidate` (a < b, record numbers), each pair once; returns how many."""
    n = con.execute("SELECT count(*) FROM feature").fetchone()[0]
    if n * (n - 1) / 2 <= _ALL_PAIRS and not blocking:
        con.execute(
            "CREATE OR REPLACE TABLE candidate AS SELECT l.rid AS a, r.rid AS b FROM feature l JOIN feature r ON l.rid < r.rid"
        )
    else:
        most = 100 if n <= 20_000 else 60 if n <= 200_000 else 25
        con.execute("CREATE OR REPLACE TABLE candidate (a bigint, b bigint)")
        for key, often in _keys(fields, blocking, n):
            con.execute(
                f"""INSERT INTO candidate
                WITH key AS (SELECT DISTINCT rid, source, key FROM ({key}) WHERE key IS NOT NULL),
                     fit AS (SELECT key FROM key GROUP BY key HAVING count(*) BETWEEN 2 AND {int(most * often)})
                SELECT l.rid, r.rid FROM (SELECT * FROM key SEMI JOIN fit USING (key)) l
                JOIN (SELECT * FROM key SEMI JOIN fit USING (key)) r ON l.key = r.key AND l.rid < r.rid"""
            )
        con.execute("CREATE OR REPLACE TABLE candidate AS SELECT DISTINCT a, b FROM candidate")
    return int(con.execute("SELECT count(*) FROM candidate").fetchone()[0])


def _keys(fields: list[Field], blocking: tuple[tuple[str, ...], ...], n: int) -> list[tuple[str, float]]:
    """SQL of each way of agreeing, and how common a key of it may be: letters that two texts share say least."""
    if blocking:
        column = {field.name: field.column for field in fields}
        return [(_together([column[name] for name in rule]), 1.0) for rule in blocking]
    keys = [_together([field.column]) for field in fields]
    keys += [_together([f"{field.column}_stem"]) for field in fields if field.role == "organisation"]
    letters = []
    coarse = [_coarse(field) for field in fields if field.role not in TEXT_ROLES]
    keys += [_together(list(pair)) for pair in combinations([f.column for f in fields], 2)]
    if n <= 200_000:
        keys += [_together(list(pair)) for pair in combinations(coarse, 2)]
    for field in fields:
        if field.role in TEXT_ROLES:
            keys.append(_rare(field.column, "w"))
            if n <= 200_000:
                letters.append(_rare(field.column, "g"))
    if n <= 200_000:
        keys += _about(fields)
    names = [field.column for field in fields if field.role in ("forename", "surname")]
    if len(names) == 2:
        a, b = names
        keys.append(f"SELECT rid, source, least({a}, {b}) || '|' || greatest({a}, {b}) AS key FROM feature")
    return [*((key, 1.0) for key in keys), *((key, _LETTERS) for key in letters)]


def _together(expressions: list[str]) -> str:
    joined = " || '|' || ".join(f"CAST({expression} AS varchar)" for expression in expressions)
    return f"SELECT rid, source, {joined} AS key FROM feature"


def _about(fields: list[Field]) -> list[str]:
    """SQL of keys of what is about the same: two of an amount, a date and how a text begins, or all three."""
    near = [expression for field in fields if (expression := _near(field))]
    begins = [f"[left({field.column}, 4)]" for field in fields if field.role in TEXT_ROLES]
    both = [*combinations(near, 2), *((one, text) for one in near for text in begins)]
    return [_any_of(keys) for keys in (*both, *((*two, text) for two in combinations(near, 2) for text in begins))]


def _near(field: Field) -> str:
    """SQL of the two overlapping ranges an amount or a date falls into; of neighbours, one is shared. Empty for other roles."""
    f = field.column
    match field.role:
        case "number":
            step = f"ln(abs({f})) / ln(1.1)"
            return f"CASE WHEN {f} <> 0 THEN [CAST(floor({step}) AS varchar), floor({step} + 0.5) || 'x'] END"
        case "date":
            day = f"date_diff('day', DATE '1970-01-01', try_cast({f} AS date))"
            return f"[CAST(floor({day} / 10) AS varchar), floor(({day} + 5) / 10) || 'x']"
        case _:
            return ""


def _any_of(lists: Sequence[str]) -> str:
    """SQL of a key for every choice of one from each list."""
    table = "feature"
    for place, one in enumerate(lists):
        table = f"(SELECT *, unnest({one}) AS k{place} FROM {table})"
    key = " || '|' || ".join(f"k{place}" for place in range(len(lists)))
    return f"SELECT rid, source, {key} AS key FROM {table}"


def _coarse(field: Field) -> str:
    f = field.column
    match field.role:
        case "date" | "surname" | "forename" | "postcode" | "email":
            return f"left({f}, 4)"
        case "phone":
            return f"right({f}, 7)"
        case "position":
            return f"CAST(round({f}_y / 500) AS bigint) || ' ' || CAST(round({f}_x / 500) AS bigint)"
        case _:
            return f


def _rare(column: str, kind: str) -> str:
    return f"SELECT rid, source, unnest({column}_rare_{kind}) AS key FROM feature"
