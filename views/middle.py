"""Medians that follow a delivery: of each group and column, the values around the middle are kept, and how many lie before.

A value that came or went below the middle only shifts it; which value stands there then is found among those kept:

    group, column        kept, sorted          before   of
    2025-03, D7, sign    [55, 58, 60, 61, 75]  40       85   -> the 43rd of 85 is the 3rd kept: 60

A change outside of what is kept costs one addition. When the middle has wandered out of it, or values are gone that it does
not hold, the group is read from its rows again. Values are doubles and the mean of two is taken as PERCENTILE_CONT(0.5)
takes it, so that what is followed equals what is computed, bit by bit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from views.catalog import View

Run = Callable[[str], int]

# On either side of the middle so many values are kept and 1 % of the group: all that change may have crossed it the same way.
LEAST, PART = 16, 100


def table(view: View) -> str:
    """Where the middles of a view's groups are kept: one row per group and column that has values."""
    return f"hub.middle_{view.name}"


def keep(run: Run, view: View, text: str) -> None:
    """Read the middles of all groups from the rows of the view's input, when the view is computed whole."""
    plan = view.refresh
    assert plan is not None
    run(f"DROP TABLE IF EXISTS {table(view)}")
    run(f"CREATE TABLE {table(view)} AS {_read(view, text)}")
    run(f"COMMENT ON TABLE {table(view)} IS '{view.title}：各组中位数左右的值，增量发布时据此推算'")
    run(f"CREATE INDEX ON {table(view)} ({', '.join(plan.by)})")
    run(f"ANALYZE {table(view)} ({', '.join(plan.by)}, name)")


def follow(run: Run, view: View, text: str) -> None:
    """Make pg_temp.middle: the medians of the touched groups, one row each, after the rows in changed_<of> came and went."""
    plan = view.refresh
    assert plan is not None
    keys, kept = ", ".join(plan.by), table(view)
    group, same = f"{keys}, name", _same("s", "c", [*plan.by, "name"])
    run(
        f"CREATE TEMP TABLE shift ON COMMIT DROP AS SELECT {group}, value, sum(n)::int AS n FROM "
        f"({_values(view, text, 'pg_temp.changed_' + plan.of, 'CASE WHEN _came THEN 1 ELSE -1 END AS n')}) AS v GROUP BY {group}, value HAVING sum(n) <> 0"
    )
    run("ANALYZE pg_temp.shift")
    run(
        f"CREATE TEMP TABLE near ON COMMIT DROP AS SELECT (row_number() OVER ())::int AS id, s.* FROM {kept} AS s "
        f"WHERE EXISTS (SELECT FROM pg_temp.shift AS c WHERE {same})"
    )
    run("ANALYZE pg_temp.near (id)")
    # A value equal to the first or last kept is taken as kept: its equals beyond are as good.
    run(
        "CREATE TEMP TABLE change ON COMMIT DROP AS SELECT s.id, c.value, c.n, c.value < s.kept[1] AS before, "
        "c.value BETWEEN s.kept[1] AND s.kept[cardinality(s.kept)] AS inside "
        f"FROM pg_temp.near AS s JOIN pg_temp.shift AS c ON {same}"
    )
    run("ANALYZE pg_temp.change")
    run(
        f"""CREATE TEMP TABLE moved ON COMMIT DROP AS WITH side AS (
  SELECT id, sum(n) AS n, coalesce(sum(n) FILTER (WHERE before), 0) AS before, bool_or(inside) AS inside FROM pg_temp.change GROUP BY id
), value AS (
  SELECT id, value, sum(n)::int AS n FROM (
    SELECT s.id, unnest(s.kept) AS value, 1 AS n FROM pg_temp.near AS s WHERE s.id IN (SELECT id FROM side WHERE inside)
    UNION ALL
    SELECT id, value, n FROM pg_temp.change WHERE inside
  ) AS v GROUP BY id, value
), together AS (
  SELECT id, array_agg(value ORDER BY value) FILTER (WHERE n > 0) AS kept, min(n) >= 0 AS whole
  FROM value CROSS JOIN LATERAL generate_series(1, greatest(n, 1)) AS g GROUP BY id
)
SELECT {_listed("s", [*plan.by, "name"])}, CASE WHEN side.inside THEN c.kept ELSE s.kept END AS kept, s.before + side.before AS before,
  s.total + side.n AS total, coalesce(c.whole, true) AS whole
FROM pg_temp.near AS s JOIN side ON side.id = s.id LEFT JOIN together AS c ON c.id = s.id"""
    )
    run("ANALYZE pg_temp.moved (name)")
    lost = run(
        f"CREATE TEMP TABLE lost ON COMMIT DROP AS SELECT {keys} FROM pg_temp.moved "
        "WHERE NOT whole OR (total + 1) / 2 <= before OR total / 2 + 1 > before + coalesce(cardinality(kept), 0) "
        f"UNION SELECT {keys} FROM pg_temp.shift AS c WHERE NOT EXISTS (SELECT FROM {kept} AS s WHERE {same})"
    )
    run(f"DELETE FROM {kept} AS s USING pg_temp.moved AS c WHERE {same}")
    run(f"DELETE FROM {kept} AS s USING pg_temp.lost AS c WHERE {_same('s', 'c', plan.by)}")
    run(
        f"INSERT INTO {kept} SELECT {group}, kept, before, total FROM pg_temp.moved AS c "
        f"WHERE NOT EXISTS (SELECT FROM pg_temp.lost AS s WHERE {_same('s', 'c', plan.by)})"
    )
    if lost:
        run(f"INSERT INTO {kept} {_read(view, text, 'pg_temp.lost')}")
    middles = ", ".join(f"max({_MEDIAN}) FILTER (WHERE s.name = '{name}') AS {name}" for name in plan.median)
    run(
        f"CREATE TEMP TABLE middle ON COMMIT DROP AS SELECT {_listed('s', plan.by)}, {middles} "
        f"FROM {kept} AS s JOIN pg_temp.touched AS c ON {_same('s', 'c', plan.by)} GROUP BY {_listed('s', plan.by)}"
    )
    run("DROP TABLE pg_temp.shift, pg_temp.near, pg_temp.change, pg_temp.moved, pg_temp.lost")


_LOWER, _UPPER = "s.kept[(s.total + 1) / 2 - s.before]", "s.kept[s.total / 2 + 1 - s.before]"
_MEDIAN = f"{_LOWER} + 0.5::float8 * ({_UPPER} - {_LOWER})"


def _read(view: View, text: str, only: str = "") -> str:
    """SQL of the kept values, how many lie before and in all, from the input's rows: of all groups, or of those in the table `only`."""
    plan = view.refresh
    assert plan is not None
    keys = ", ".join(plan.by)
    columns = ", ".join(
        f"array_agg({name}::float8 ORDER BY {name}::float8) FILTER (WHERE {name} IS NOT NULL) AS {name}"
        for name in plan.median
    )
    source = f"{plan.of} AS s"
    if only:
        found = same((f"s.{expression}", f"c.{name}") for name, expression in plan.by.items())
        source = f"(SELECT s.* FROM {plan.of} AS s JOIN {only} AS c ON {found}) AS s"
    rows = (
        f"SELECT {_groups(view)}, {columns} FROM {source} {_counted(view, text)}GROUP BY {', '.join(plan.by.values())}"
    )
    each = ", ".join(f"('{name}', g.{name})" for name in plan.median)
    return (
        f"SELECT {keys}, name, value[first:last] AS kept, first - 1 AS before, total FROM ("
        f"SELECT {_listed('g', plan.by)}, v.name, v.value, cardinality(v.value) AS total, "
        f"greatest(cardinality(v.value) / 2 + 1 - {LEAST} - cardinality(v.value) / {PART}, 1) AS first, "
        f"least(cardinality(v.value) / 2 + {LEAST} + cardinality(v.value) / {PART}, cardinality(v.value)) AS last "
        f"FROM ({rows}) AS g CROSS JOIN LATERAL (VALUES {each}) AS v (name, value) WHERE v.value IS NOT NULL) AS w"
    )


def _values(view: View, text: str, relation: str, weight: str) -> str:
    """SQL: one row per counted row of `relation` and column with a value."""
    plan = view.refresh
    assert plan is not None
    each = ", ".join(f"('{name}', s.{name}::float8)" for name in plan.median)
    return (
        f"SELECT {', '.join(plan.by)}, v.name, v.value, n FROM (SELECT {_groups(view)}, {', '.join(plan.median)}, {weight} "
        f"FROM {relation} {_counted(view, text)}) AS s CROSS JOIN LATERAL (VALUES {each}) AS v (name, value) WHERE v.value IS NOT NULL"
    )


def _groups(view: View) -> str:
    assert view.refresh is not None
    return ", ".join(f"{expression} AS {name}" for name, expression in view.refresh.by.items())


def _counted(view: View, text: str) -> str:
    """The WHERE under which the view counts rows of its input, as the view writes it."""
    assert view.refresh is not None
    found = re.search(rf"\bFROM {view.refresh.of}\s+(WHERE\b.*?)\bGROUP BY\b", text, re.DOTALL)
    return found[1] if found else ""


def _listed(alias: str, names: Iterable[str]) -> str:
    return ", ".join(f"{alias}.{name}" for name in names)


def same(pairs: Iterable[tuple[str, str]]) -> str:
    """SQL for the same group: all but the first may be NULL, which is written so that it can be hashed."""
    first, *rest = pairs
    return " AND ".join(
        [
            f"{first[0]} = {first[1]}",
            *(f"coalesce({a}::text, '') = coalesce({b}::text, '') AND ({a} IS NULL) = ({b} IS NULL)" for a, b in rest),
        ]
    )


def _same(one: str, other: str, names: Iterable[str]) -> str:
    return same((f"{one}.{name}", f"{other}.{name}") for name in names)
