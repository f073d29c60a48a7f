"""Partial refresh: of a published view only the rows that a delivery can have changed are computed and put in place.

A view says in its header which of its rows hang on which rows of its inputs:

    refresh:
      of: hotline_ticket                    # the input whose rows the groups are made of
      by: {recorded_month: "CAST(DATE_TRUNC('month', recorded_at) AS DATE)", town_code: town_code}
      near: recorded_at                     # views read stretches of this column of `of`: it gets an index by blocks
      join: {hotline_assignment: ticket_no} # other inputs, and the column they share with `of`
      spread: [upstream_no]                 # a changed row also touches the rows that share these with it
      sum: counted                          # the last WITH member only counts and adds up rows of `of`, a view
      median: [sign_seconds]                # with `sum`: its columns that are PERCENTILE_CONT(0.5) of the column of that name

`by` gives the output columns that name a group and the same as expressions over `of`; the first is never NULL. A row
whose new version is the old one in every column that the view reads touches nothing. The view's own text then runs over
tables of the same names that hold the rows of the touched groups only. With `sum` not even those are read: what the old
rows had added is taken off the published counts and what the new rows add is put on; medians are followed (views.middle).
Every other input that changed,
another day, another text or most groups at once means a full refresh.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from schemas.contract import Contract, contracts
from views import middle
from views.middle import same
from warehouse.tables import columns, quoted, shared_name, shared_query

if TYPE_CHECKING:
    from views.catalog import Catalog, View

# Past this share of the groups a full refresh reads less than picking them out.
_MOST = 0.5


@dataclass(frozen=True)
class Delta:
    """What a partial refresh did to a published table."""

    rows: int
    differs: bool


class Changes:
    """The deliveries since the last publication, and what they changed, row by row."""

    def __init__(self, cursor: psycopg.Cursor[Any], changed: set[str] | None) -> None:
        """Note the batches of the `changed` datasets (None: of all) as published by this publication."""
        self._cursor = cursor
        self._batches: dict[str, list[int]] = {}
        self._known: set[str] = set()  # inputs whose changed rows stand in pg_temp.changed_<input>
        self._seen: str | None = None  # the snapshot in which the golden records were last read
        if not (stands(cursor, "hub.batch") and stands(cursor, "board.published_batch")):
            return
        names = {name: contract.dataset for name, contract in _shared_contracts().items()}
        wanted = {dataset: name for name, dataset in names.items() if changed is None or {name, dataset} & changed}
        if changed is None or "enterprise" in changed:
            self._golden()
        cursor.execute("SELECT DISTINCT dataset FROM board.published_batch")
        before = {row[0] for row in cursor.fetchall()}
        cursor.execute(
            "INSERT INTO board.published_batch SELECT b.batch_id, b.dataset FROM hub.batch b WHERE b.status = 'committed' AND b.dataset = ANY (%s) "
            "AND NOT EXISTS (SELECT FROM board.published_batch p WHERE p.batch_id = b.batch_id) RETURNING dataset, batch_id",
            [list(wanted)],
        )
        for dataset, batch in cursor.fetchall():
            if dataset not in before:  # its first publication: everything is new, nothing to pick out
                continue
            self._batches.setdefault(wanted[dataset], []).append(batch)

    def told_by(self, view: View) -> None:
        """A partial refresh left its differences in pg_temp.changed_<view>."""
        self._known.add(view.name)

    def rows_of(self, name: str) -> bool:
        """Make pg_temp.changed_<name>, its changed rows as they were (not _came) and as they are (_came); False when nobody can tell."""
        # A view that failed took its tables with it.
        if name in self._known and stands(self._cursor, f"pg_temp.changed_{name}"):
            return True
        if name == "enterprise":
            return self._enterprises()
        contract = _shared_contracts().get(name)
        if contract is None or name not in self._batches:
            return False
        table = quoted(contract.dataset)
        batches = ", ".join(map(str, self._batches[name]))
        listed = ", ".join(f"r.{quoted(c)}" for c in columns(contract))
        # Two plain queries: a union under the joins would keep the index on the batch from being used. What one of
        # these batches brought and another replaced was never published.
        came = f"(SELECT {listed} FROM record.{table} r WHERE r._batch_id IN ({batches}))"
        gone = f"(SELECT {listed} FROM record_history.{table} r WHERE r._closed_batch_id IN ({batches}) AND r._batch_id NOT IN ({batches}))"
        self._run(
            f"CREATE TEMP TABLE changed_{name} ON COMMIT DROP AS SELECT true AS _came, c.* FROM ({shared_query(contract, came)}) AS c "
            f"UNION ALL SELECT false, g.* FROM ({shared_query(contract, gone)}) AS g"
        )
        self._known.add(name)
        return True

    def close(self) -> None:
        """Drop what was made; the transaction may be the caller's and go on."""
        for name in sorted(self._known):
            self._run(f"DROP TABLE IF EXISTS pg_temp.changed_{name}")

    def _golden(self) -> None:
        """Remember what this publication sees of the golden records, and what the last one saw."""
        self._cursor.execute("SELECT seen::text FROM board.published_golden")
        row = self._cursor.fetchone()
        self._seen = row[0] if row else None
        self._run("DELETE FROM board.published_golden")
        self._run("INSERT INTO board.published_golden VALUES (pg_current_snapshot())")

    def _enterprises(self) -> bool:
        """The ids whose golden record, or whose bearers, the last publication did not see as they are now.

        They have no batch: verdicts, merges and partings change them too. So it is asked which row versions were written
        by transactions that the last publication did not see; the ids that were left are in the two histories.
        """
        if self._seen is None:
            return False
        newer = (
            "NOT pg_visible_in_snapshot((n.now - (n.now - {0}.xmin::text::bigint) % 4294967296)::text::xid8, "
            f"'{self._seen}'::pg_snapshot)"
        )
        parts = " UNION ".join(
            f"SELECT t.enterprise_id::varchar(36) AS enterprise_id FROM {table} AS t, now AS n WHERE {newer.format('t')} AND t.enterprise_id IS NOT NULL"
            for table in ("shared.enterprise", "hub.enterprise_history", "hub.party", "hub.party_history")
        )
        self._run(
            "CREATE TEMP TABLE changed_enterprise ON COMMIT DROP AS WITH now AS MATERIALIZED "
            f"(SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS now) SELECT true AS _came, c.enterprise_id FROM ({parts}) AS c"
        )
        self._known.add("enterprise")
        return True

    def _run(self, text: str) -> None:
        self._cursor.execute(text.encode())


def unpublished(cursor: psycopg.Cursor[Any]) -> set[str]:
    """Datasets with changed rows that no publication has taken into account yet."""
    if not (stands(cursor, "hub.batch") and stands(cursor, "board.published_batch")):
        return set()
    cursor.execute(
        "SELECT DISTINCT dataset FROM hub.batch b WHERE status = 'committed' AND new_rows + changed_rows + closed_rows > 0 "
        "AND NOT EXISTS (SELECT FROM board.published_batch p WHERE p.batch_id = b.batch_id)"
    )
    return {row[0] for row in cursor.fetchall()} & contracts().keys()


def refresh(
    cursor: psycopg.Cursor[Any], view: View, text: str, changes: Changes, moved: frozenset[str], catalog: Catalog
) -> Delta | None:
    """Bring the groups that the `moved` inputs touch up to date; None when only a full refresh will do."""
    plan = view.refresh
    if plan is None or not moved <= {plan.of, *plan.join} or not all(changes.rows_of(name) for name in moved):
        return None
    if plan.median and not stands(cursor, middle.table(view)):
        return None

    def run(statement: str) -> int:
        cursor.execute(statement.encode())
        return cursor.rowcount

    run(f"CREATE TEMP TABLE touched ON COMMIT DROP AS {_touched(cursor, view, moved, catalog)}")
    try:
        run("ANALYZE pg_temp.touched")
        if plan.sum:
            fresh = _added_up(run, cursor, view, text)
        elif _too_many(cursor, view, catalog):
            return None
        else:
            shadows = _shadow(cursor, view, catalog)
            fresh = f"fresh_{view.name}"
            run(f"CREATE TEMP TABLE {fresh} ON COMMIT DROP AS {text}")
            if plan.spread:  # rows computed only for the sake of those of the touched groups
                match = same([(f"b.{name}", f"t.{name}") for name in plan.by])
                run(f"DELETE FROM {fresh} AS b WHERE NOT EXISTS (SELECT FROM pg_temp.touched AS t WHERE {match})")
            for shadow in shadows:
                run(f"DROP TABLE pg_temp.{shadow}")
        return _replace(run, cursor, view, fresh, changes)
    finally:
        run("DROP TABLE pg_temp.touched")


def _touched(cursor: psycopg.Cursor[Any], view: View, moved: frozenset[str], catalog: Catalog) -> str:
    """SQL of the groups that the changed rows belong to, before or now."""
    plan = view.refresh
    assert plan is not None
    of = f"{_schema(plan.of, catalog)}.{plan.of}"
    groups = ", ".join(f"{expression} AS {name}" for name, expression in plan.by.items())
    parts = []
    if plan.of in moved:
        parts.append(f"SELECT {groups} FROM {_differing(cursor, plan.of, view)} AS c")
        if plan.spread:
            match = same([(f"c.{name}", f"m.{name}") for name in plan.spread])
            parts.append(
                f"SELECT {groups} FROM {of} AS m WHERE EXISTS (SELECT FROM {_differing(cursor, plan.of, view)} AS c WHERE {match})"
            )
    for name, column in plan.join.items():
        if name not in moved:
            continue
        ids = f"(SELECT c.{column} FROM {_differing(cursor, name, view)} AS c)"
        parts.append(f"SELECT {groups} FROM {of} AS m WHERE m.{column} IN {ids}")
        if plan.spread:
            match = same([(f"c.{name}", f"m.{name}") for name in plan.spread])
            parts.append(
                f"SELECT {groups} FROM {of} AS m WHERE EXISTS (SELECT FROM {of} AS c WHERE c.{column} IN {ids} AND {match})"
            )
        if name == "enterprise":  # a row that names another enterprise now, or none, without having changed itself
            parts.append(f"SELECT {', '.join(plan.by)} FROM board.{view.name} AS m WHERE m.{column} IN {ids}")
    return f"SELECT DISTINCT * FROM ({' UNION ALL '.join(parts)}) AS t WHERE {next(iter(plan.by))} IS NOT NULL"


def _differing(cursor: psycopg.Cursor[Any], name: str, view: View) -> str:
    """SQL: the changed rows of an input in the columns the view reads, those left out that came as they had gone."""
    listed = ", ".join(_needed(cursor, name, f"pg_temp.changed_{name}", view))
    return f"(SELECT {listed} FROM pg_temp.changed_{name} GROUP BY {listed} HAVING count(*) FILTER (WHERE _came) <> count(*) FILTER (WHERE NOT _came))"


def _added_up(run: Any, cursor: psycopg.Cursor[Any], view: View, text: str) -> str:
    """Make the table of the touched groups' rows by taking off what went and adding what came; its name."""
    plan = view.refresh
    assert plan is not None
    counting, _, final = text.rpartition("\n)\nSELECT")
    listed = ", ".join(_columns(cursor, f"pg_temp.changed_{plan.of}")[1:])
    for side, came in (("came", "_came"), ("gone", "NOT _came")):
        run(
            f"CREATE TEMP TABLE {plan.of} ON COMMIT DROP AS SELECT {listed} FROM pg_temp.changed_{plan.of} WHERE {came}"
        )
        run(f"CREATE TEMP TABLE {side} ON COMMIT DROP AS {counting}\n) SELECT * FROM {plan.sum}")
        run(f"DROP TABLE pg_temp.{plan.of}")
    keys = ", ".join(plan.by)
    kinds = _kinds(cursor, "pg_temp.came")
    counts = [name for name in kinds if name not in plan.by and name not in plan.median]
    match = same([(f"b.{name}", f"t.{name}") for name in plan.by])
    published = f"SELECT {', '.join(f'b.{n}' for n in [*plan.by, *counts])} FROM board.{view.name} AS b JOIN pg_temp.touched AS t ON {match}"
    gone = f"SELECT {keys}, {', '.join(f'-{n}' for n in counts)} FROM pg_temp.gone"
    came = f"SELECT {keys}, {', '.join(counts)} FROM pg_temp.came"
    fresh = f"fresh_{view.name}"
    added = (
        f"SELECT {keys}, {', '.join(f'sum({n})::bigint AS {n}' for n in counts)} FROM ({published} UNION ALL {came} UNION ALL {gone}) AS s "
        f"GROUP BY {keys} HAVING greatest({', '.join(f'sum({n})' for n in counts)}) > 0"
    )
    if plan.median:
        middle.follow(run, view, text)
        medians = ", ".join(f"m.{name}::{kinds[name]} AS {name}" for name in plan.median)
        added = f"SELECT s.*, {medians} FROM ({added}) AS s LEFT JOIN pg_temp.middle AS m ON {same([(f's.{n}', f'm.{n}') for n in plan.by])}"
    run(f"CREATE TEMP TABLE {fresh} ON COMMIT DROP AS WITH {plan.sum} AS ({added})\nSELECT{final}")
    run(f"DROP TABLE pg_temp.came, pg_temp.gone{', pg_temp.middle' if plan.median else ''}")
    return fresh


def stands(cursor: psycopg.Cursor[Any], relation: str) -> bool:
    """Whether a table or view of this name is there."""
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [relation])
    return bool((cursor.fetchone() or (False,))[0])


def _schema(name: str, catalog: Catalog) -> str:
    return "board" if name in catalog.views else "shared"


def _shared_contracts() -> dict[str, Contract]:
    """The name views know a dataset by -> its contract."""
    return {shared_name(c): c for c in contracts().values() if c.fields}


def _too_many(cursor: psycopg.Cursor[Any], view: View, catalog: Catalog) -> bool:
    """Whether most groups are touched: counted where they are months of units, estimated where each is one input row."""
    plan = view.refresh
    assert plan is not None
    # A group that is one ticket may have no row in the view, and is found by its number all the same.
    keys = {name: [*contract.key] for name, contract in _shared_contracts().items()}
    rows = next((name for name in (plan.of, *plan.join) if keys.get(name) == [*plan.by.values()]), plan.of)
    if rows in catalog.views:
        groups = f"(SELECT count(*) FROM (SELECT DISTINCT {', '.join(plan.by)} FROM board.{view.name}) AS g)"
    else:
        groups = f"(SELECT max(reltuples)::bigint FROM pg_class WHERE oid = to_regclass('record.{rows}'))"
    cursor.execute(f"SELECT (SELECT count(*) FROM pg_temp.touched), {groups}".encode())
    touched, known = cursor.fetchone() or (0, 0)
    return bool(known is not None and known >= 0 and touched > max(8, _MOST * known))


def _shadow(cursor: psycopg.Cursor[Any], view: View, catalog: Catalog) -> list[str]:
    """Make tables of the inputs' names, found before the real ones, with the touched groups' rows; their names."""
    plan = view.refresh
    assert plan is not None
    of = f"{_schema(plan.of, catalog)}.{plan.of}"
    needed = _needed(cursor, plan.of, of, view)
    inner = ", ".join([*needed, *(f"{e} AS group_{n}" for n, e in enumerate(plan.by.values()))])
    match = same([(f"t.{name}", f"m.group_{n}") for n, name in enumerate(plan.by)])
    cursor.execute(
        f"CREATE TEMP TABLE {plan.of} ON COMMIT DROP AS SELECT {', '.join('m.' + c for c in needed)} "
        f"FROM (SELECT {inner} FROM {of}) AS m JOIN pg_temp.touched AS t ON {match}".encode()
    )
    cursor.execute(f"ANALYZE pg_temp.{plan.of}".encode())
    if plan.spread:
        # A ticket told by two desks may share with others what neither of its changed rows says.
        shares = same([(f"c.{name}", f"m.{name}") for name in plan.spread])
        cursor.execute(
            f"INSERT INTO pg_temp.{plan.of} SELECT {', '.join('m.' + c for c in needed)} FROM (SELECT {inner} FROM {of}) AS m "
            f"WHERE EXISTS (SELECT FROM pg_temp.{plan.of} AS c WHERE {shares}) AND NOT EXISTS (SELECT FROM pg_temp.touched AS t WHERE {match})".encode()
        )
    made = [plan.of]
    for name, column in plan.join.items():
        source = f"{_schema(name, catalog)}.{name}"
        listed = ", ".join(_needed(cursor, name, source, view))
        cursor.execute(
            f"CREATE TEMP TABLE {name} ON COMMIT DROP AS SELECT {listed} FROM {source} "
            f"WHERE {column} IN (SELECT {column} FROM pg_temp.{plan.of})".encode()
        )
        cursor.execute(f"ANALYZE pg_temp.{name}".encode())
        made.append(name)
    return made


def _needed(cursor: psycopg.Cursor[Any], name: str, relation: str, view: View) -> list[str]:
    """The columns of an input that the view's text can mean; a ticket's wording is not copied for its dates.

    Where the input has an alias, what stands behind it (t.due_at); where it once has none, every word.
    """
    aliases = re.findall(rf"\b(?:FROM|JOIN) {name} AS (\w+)", view.body)
    if re.search(rf"\b(?:FROM|JOIN) {name}\b(?! AS )", view.body):
        words = set(re.findall(r"\w+", view.body))
    else:
        words = set(re.findall(rf"\b(?:{'|'.join(aliases)})\.(\w+)", view.body))
    plan = view.refresh
    assert plan is not None
    own = " ".join([*plan.by.values(), *plan.spread, *plan.join.values()]) if name == plan.of else plan.join[name]
    words |= set(re.findall(r"\w+", own))
    return [quoted(column) for column in _columns(cursor, relation) if column in words]


def _columns(cursor: psycopg.Cursor[Any], relation: str) -> list[str]:
    return list(_kinds(cursor, relation))


def _kinds(cursor: psycopg.Cursor[Any], relation: str) -> dict[str, str]:
    """Columns and their types, in order."""
    cursor.execute(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [relation],
    )
    return dict(cursor.fetchall())


def keep(cursor: psycopg.Cursor[Any], view: View, text: str) -> None:
    """After a full refresh, keep what the next partial one starts from besides the published rows; not outside a hub."""
    if view.refresh is not None and view.refresh.median and stands(cursor, "hub.batch"):
        middle.keep(lambda statement: cursor.execute(statement.encode()).rowcount, view, text)


def _replace(run: Any, cursor: psycopg.Cursor[Any], view: View, fresh: str, changes: Changes) -> Delta:
    """Put the fresh rows in the place of the touched groups' old ones; the differences stay in changed_<view>."""
    plan = view.refresh
    assert plan is not None
    table = f"board.{view.name}"
    match = same([(f"b.{name}", f"t.{name}") for name in plan.by])
    run(
        f"CREATE TEMP TABLE old_{view.name} ON COMMIT DROP AS SELECT b.* FROM {table} AS b JOIN pg_temp.touched AS t ON {match}"
    )
    run(
        f"CREATE TEMP TABLE changed_{view.name} ON COMMIT DROP AS "
        f"SELECT true AS _came, c.* FROM (SELECT * FROM {fresh} EXCEPT ALL SELECT * FROM old_{view.name}) AS c UNION ALL "
        f"SELECT false, g.* FROM (SELECT * FROM old_{view.name} EXCEPT ALL SELECT * FROM {fresh}) AS g"
    )
    cursor.execute(f"SELECT EXISTS (SELECT FROM changed_{view.name})".encode())
    differs = bool((cursor.fetchone() or (False,))[0])
    added = 0
    if differs:
        added -= run(f"DELETE FROM {table} AS b USING pg_temp.touched AS t WHERE {match}")
        added += run(f"INSERT INTO {table} SELECT * FROM {fresh}")
    run(f"DROP TABLE {fresh}, old_{view.name}")
    changes.told_by(view)
    cursor.execute("SELECT row_count FROM board.published_view WHERE view = %s", [view.name])
    return Delta(int((cursor.fetchone() or (0,))[0]) + added, differs)


def index(cursor: psycopg.Cursor[Any], view: View) -> None:
    """Let groups be found without reading whole tables: in the published table, and in the records they come from.

    None of the indexed columns of a record changes with every delivery, so its new versions still stay on their page.
    """
    plan = view.refresh
    if plan is None:
        return
    _make(cursor, f"{view.name}_group", f"board.{view.name}", f"({', '.join(plan.by)})")
    of = _shared_contracts()
    wanted = [(name, column, f"({column})") for name, column in plan.join.items()]
    wanted += [(plan.of, column, f"({column})") for column in [*plan.spread[:1], *plan.join.values()]]
    wanted += [(plan.of, plan.near, f"USING brin ({plan.near})")] if plan.near else []
    for name, column, how in dict.fromkeys(wanted):
        if name in of and column in of[name].fields:
            _make(cursor, f"{of[name].dataset}_{column}_near", f"record.{of[name].dataset}", how)


def _make(cursor: psycopg.Cursor[Any], name: str, table: str, how: str) -> None:
    if stands(cursor, table):
        cursor.execute(f"CREATE INDEX IF NOT EXISTS {quoted(name)} ON {table} {how}".encode())
