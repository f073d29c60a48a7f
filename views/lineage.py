"""Where each column of a view comes from, down to the fields of the datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from views.catalog import Catalog, View
from views.inputs import tables

if TYPE_CHECKING:
    from sqlglot import exp

Schemas = dict[str, dict[str, str]]  # table or view -> column -> PostgreSQL type


class Source(NamedTuple):
    """One field a column is computed from; field "*" means that rows of the dataset are counted."""

    dataset: str
    field: str


def schemas(catalog: Catalog) -> Schemas:
    """Column types of every dataset, reference table and view."""
    known: Schemas = dict(tables())
    for view in catalog.views.values():
        tree = resolved(view, known)
        known[view.name] = (
            {column.name: "text" for column in view.columns}
            if tree is None
            else {node.alias_or_name: node.type.sql("postgres") if node.type else "text" for node in tree.selects}
        )
    return known


def resolved(view: View, known: Schemas) -> exp.Query | None:
    """The view's query with every column bound to its table and typed; None when a name is unknown."""
    from sqlglot import exp
    from sqlglot.errors import SqlglotError
    from sqlglot.optimizer.annotate_types import annotate_types
    from sqlglot.optimizer.qualify import qualify

    tree = view.tree.copy()
    for placeholder in list(tree.find_all(exp.Placeholder)):
        literal = exp.cast(exp.Literal.string("2025-01-01"), "DATE") if placeholder.name == "as_of" else exp.Literal.number(1)
        placeholder.replace(literal)
    try:
        tree = qualify(tree, schema=known, dialect="postgres", quote_identifiers=False)
        tree = annotate_types(tree, schema=known, dialect="postgres")
    except SqlglotError:
        return None
    return tree if isinstance(tree, exp.Query) else None


def lineage(catalog: Catalog, name: str, known: Schemas | None = None) -> dict[str, tuple[Source, ...]]:
    """For each column of the view, the dataset fields its value is computed from, views in between seen through.

    A column that only counts rows names the datasets counted, with field "*"; a constant has no source.
    """
    known = known or schemas(catalog)
    found: dict[str, dict[str, tuple[Source, ...]]] = {}
    for view in catalog.upstream(name):
        found[view.name] = _direct(view, known, found)
    return found[name]


def uses(catalog: Catalog, name: str, known: Schemas | None = None) -> frozenset[Source]:
    """Every dataset field the view reads at all, conditions and joins included: a change of one may change it."""
    from sqlglot import exp
    from sqlglot.optimizer.scope import traverse_scope

    known = known or schemas(catalog)
    found: set[Source] = set()
    for view in catalog.upstream(name):
        tree = resolved(view, known)
        for scope in traverse_scope(tree) if tree is not None else ():
            for column in scope.columns:
                source = scope.sources.get(column.table)
                if isinstance(source, exp.Table) and source.name not in catalog.views:
                    found.add(Source(source.name, column.name))
    return frozenset(found)


def _direct(view: View, known: Schemas, upstream: dict[str, dict[str, tuple[Source, ...]]]) -> dict[str, tuple[Source, ...]]:
    from sqlglot import exp
    from sqlglot.lineage import lineage as trace
    from sqlglot.optimizer.scope import build_scope

    tree = resolved(view, known)
    if tree is None:
        return {column.name: () for column in view.columns}
    scope = build_scope(tree)
    columns = {}
    for column in view.columns:
        fields: set[Source] = set()
        counted: set[Source] = set()
        for node in trace(column.name, tree, scope=scope, dialect="postgres", trim_selects=False).walk():
            if isinstance(node.expression, exp.Table):
                table, field = node.expression.name, node.name.rpartition(".")[2]
                fields.update(upstream[table].get(field, ()) if table in upstream else [Source(table, field)])
            elif node.expression.find(exp.Count) and not node.downstream:
                names = {table.name for table in tree.find_all(exp.Table)} & known.keys()
                for table in names:
                    below = {s.dataset for sources in upstream[table].values() for s in sources} if table in upstream else {table}
                    counted.update(Source(dataset, "*") for dataset in below)
        columns[column.name] = tuple(sorted(fields or counted))
    return columns
