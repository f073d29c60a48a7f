"""From a figure back to the source rows it was made of.

Each query is rewritten to carry, beside every row, the rows below it: a scan brings a row's own reference, a join
those of both sides, a group those of all its rows. What a figure counts only part of the rows by (FILTER, CASE) is
opened to that part. Rows only tested by EXISTS or IN are not carried.

    department  overdue   _trace
    县住建局     2         hotline_ticket⟨T7⟩ hotline_ticket⟨T9⟩ department⟨县住建局⟩
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from psycopg import sql
from psycopg.rows import dict_row

from schemas.errors import HubError, nearest
from views.inputs import tables
from views.past import Needed

if TYPE_CHECKING:
    import psycopg
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

TRACE = "_trace"
_ROW, _PART = "chr(31)", "chr(30)"


@dataclass(frozen=True)
class Opened:
    """The source rows of one figure: what each is, which batch and file or table it came from, and where there."""

    columns: tuple[str, ...]
    rows: list[dict[str, Any]]
    total: int


@dataclass
class _Part:
    """What of one SELECT makes a figure: rows that meet one of the conditions (or all), and from which sources."""

    conditions: list[exp.Expr] = field(default_factory=list)
    every: bool = False
    sources: set[str] = field(default_factory=set)


Narrowed = dict[int, _Part]  # by the id of the SELECT


def open_figure(
    connection: psycopg.Connection[Any], need: Needed, view: str, row: str, column: str | None = None, limit: int = 200
) -> Opened:
    """The source rows behind one row (its JSON text) of a view, or behind one column of it, in an opened past.

    Raises:
        HubError: no such row or column in the view as it is computed now.
    """
    texts = traced(need, view, column)
    with connection.transaction():
        for table in sorted(need.inputs):
            _scan(connection, table)
        for name, text in texts.items():
            _create(connection, _named(name), text)
        columns = [d.name for d in connection.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(sql.Identifier("pg_temp", view))).description or ()]  # fmt: skip
        if column is not None and column not in columns:
            raise HubError(f"视图 {view}", f"没有 '{column}' 这一列", nearest(column, columns))
        found = connection.execute(
            sql.SQL("SELECT t.{} FROM {} t CROSS JOIN LATERAL (SELECT {}) x WHERE to_json(x)::text = %s LIMIT 1").format(
                sql.Identifier(TRACE), sql.Identifier("pg_temp", _named(view)),
                sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(c)) for c in columns),
            ),
            [row],
        ).fetchone()  # fmt: skip
    if found is None:
        raise HubError(f"视图 {view}", "重新核算没有这一行", "请先用 hub prove 看差异")
    connection.execute(
        "CREATE TEMP TABLE IF NOT EXISTS opened (dataset text, source_system text, source_pk text, batch_id int)"
    )
    connection.execute("TRUNCATE pg_temp.opened")
    connection.execute(
        "INSERT INTO pg_temp.opened SELECT DISTINCT split_part(r, chr(30), 1), split_part(r, chr(30), 2), split_part(r, chr(30), 3), "
        "split_part(r, chr(30), 4)::int FROM unnest(string_to_array(%s, chr(31))) r WHERE r <> ''",
        [found[0] or ""],
    )
    return _told(connection, need, limit)


def _told(connection: psycopg.Connection[Any], need: Needed, limit: int) -> Opened:
    known = tables()
    parts = [
        sql.SQL(
            "SELECT o.dataset, o.source_pk, o.source_system, o.batch_id, t.source_sheet, t.source_row, t.quality_status FROM pg_temp.opened o "
            "JOIN {} t ON t.source_system = o.source_system AND t.source_pk = o.source_pk AND t.batch_id = o.batch_id WHERE o.dataset = {}"
        ).format(sql.Identifier("pg_temp", name), sql.Literal(name))
        for name in sorted(need.inputs)
        if {"source_pk", "batch_id"} <= known.get(name, {}).keys()
    ]
    if not parts:
        return Opened((), [], 0)
    query = sql.SQL(
        "SELECT d.dataset, d.source_pk, d.source_system, s.title, s.department, d.batch_id, b.delivery, b.kind, d.source_sheet, d.source_row, "
        "b.landed_path, b.committed_at AT TIME ZONE 'Asia/Shanghai' AS committed_at, d.quality_status FROM ({}) d "
        "JOIN hub.batch b ON b.batch_id = d.batch_id JOIN hub.source s ON s.source_id = b.source_id ORDER BY 1, 3, 2 LIMIT {}"
    ).format(sql.SQL(" UNION ALL ").join(parts), sql.Literal(limit))
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query).fetchall()
        columns = tuple(d.name for d in cursor.description or ())
        total = cursor.execute("SELECT count(*) AS n FROM pg_temp.opened").fetchone()
    connection.commit()
    return Opened(columns, rows, int((total or {"n": 0})["n"]))


def _scan(connection: psycopg.Connection[Any], table: str) -> None:
    """The table with each row's reference; reference tables and the hub's books have none."""
    own = {"source_system", "source_pk", "batch_id"} <= tables().get(table, {}).keys()
    parts = f"{_literal(table)}, source_system, source_pk, batch_id::text"
    reference = f"concat_ws({_PART}, {parts})" if own else "NULL::text"
    _create(connection, _named(table), f'SELECT t.*, {reference} AS {TRACE} FROM pg_temp."{table}" t')


def _named(table: str) -> str:
    return f"traced_{table}"[:63]


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _create(connection: psycopg.Connection[Any], name: str, query: str) -> None:
    made = sql.SQL("CREATE OR REPLACE TEMP VIEW {} AS {}")
    connection.execute(made.format(sql.Identifier(name), sql.SQL(query)))


def traced(need: Needed, view: str, column: str | None = None) -> dict[str, str]:
    """The texts of the boards with a reference column; narrowed to what `column` of the view is made of."""
    import sqlglot
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    known: dict[str, dict[str, str]] = dict(tables())
    trees: dict[str, exp.Query] = {}
    for name, text in need.boards.items():
        tree = cast("exp.Query", qualify(sqlglot.parse_one(text, dialect="postgres"), schema=cast("dict[str, object]", known), dialect="postgres", quote_identifiers=True))  # fmt: skip
        known[name] = {select.alias_or_name: "text" for select in tree.selects}
        trees[name] = tree
    narrowed: Narrowed = {}
    if column is not None:
        scopes = {name: cast("Scope", build_scope(tree)) for name, tree in trees.items()}
        _narrow(scopes[view], column, scopes, narrowed)
    return {name: _carry(tree, narrowed).sql(dialect="postgres") for name, tree in trees.items()}


def _narrow(scope: Scope, column: str, boards: dict[str, Scope], narrowed: Narrowed) -> None:
    """Note per SELECT what the column is made of, down to the tables."""
    from sqlglot import exp

    for branch in scope.set_operation_scopes:
        _narrow(branch, column, boards, narrowed)
    select = scope.expression
    if not isinstance(select, exp.Select):
        return
    made = next((s for s in select.selects if s.alias_or_name == column), None)
    if made is None:
        return
    part = narrowed.setdefault(id(select), _Part())
    calls = list(made.find_all(exp.AggFunc))
    for call in calls:
        condition = None if isinstance(call.parent, exp.Window) else _counted_by(call)
        part.every = part.every or condition is None
        part.conditions += [condition] if condition is not None else []
    part.every = part.every or not calls
    part.sources |= {used.table for used in made.find_all(exp.Column)}
    for used in made.find_all(exp.Column):
        source = scope.sources.get(used.table)
        if isinstance(source, exp.Table):
            if source.name in boards:
                _narrow(boards[source.name], used.name, boards, narrowed)
        elif source is not None:
            _narrow(source, used.name, boards, narrowed)


def _counted_by(call: exp.AggFunc) -> exp.Expr | None:
    """What a row must meet to count in an aggregate: its FILTER, or the CASE inside a SUM or COUNT; None for any row."""
    from sqlglot import exp

    filtered = call.parent if isinstance(call.parent, exp.Filter) else None
    if filtered is not None:
        return cast("exp.Expr", filtered.expression.this).copy()
    case = call.this
    if isinstance(case, exp.Case) and case.this is None and len(case.args["ifs"]) == 1:
        other = case.args.get("default")
        if other is None or (isinstance(other, exp.Literal) and other.name == "0"):
            return cast("exp.Expr", case.args["ifs"][0].this).copy()
    return None


def _carry(tree: exp.Query, narrowed: Narrowed) -> exp.Query:
    """The query with the reference column added to every SELECT that makes rows; tables replaced by traced ones."""
    from sqlglot import exp
    from sqlglot.optimizer.scope import traverse_scope

    for scope in traverse_scope(tree):
        select = scope.expression
        if not isinstance(select, exp.Select) or (scope.is_subquery and not scope.is_derived_table):
            continue
        part = narrowed.get(id(select))
        grouped = select.args.get("group") or any(
            not isinstance(call.parent, exp.Window) and not (isinstance(call.parent, exp.Filter) and isinstance(call.parent.parent, exp.Window))
            for made in select.selects for call in made.find_all(exp.AggFunc)
        )  # fmt: skip
        only = part.sources if part is not None and not grouped else set()
        carried = [name for name in scope.selected_sources if not only or name in only]
        merged: exp.Expr = exp.Anonymous(
            this="concat_ws",
            expressions=[exp.func("chr", exp.Literal.number(31)), *(exp.column(TRACE, table=name, quoted=True) for name in carried)],
        )  # fmt: skip
        if grouped or select.args.get("distinct"):
            if not grouped:
                select.set("group", exp.Group(expressions=[s.unalias().copy() for s in select.selects]))
                select.set("distinct", None)
            merged = exp.Anonymous(this="string_agg", expressions=[merged, exp.func("chr", exp.Literal.number(31))])
            if part is not None and not part.every and part.conditions:
                merged = exp.Filter(this=merged, expression=exp.Where(this=exp.or_(*part.conditions)))
        select.select(exp.alias_(merged, TRACE, quoted=True), copy=False)
        for _, source in scope.selected_sources.values():
            if isinstance(source, exp.Table):
                source.set("this", exp.to_identifier(_named(source.name), quoted=True))
    return tree
