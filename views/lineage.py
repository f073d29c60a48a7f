"""Where each column of a view comes from, down to the fields of the datasets."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, cast

from schemas.errors import ConfigError
from views.catalog import Catalog, View
from views.inputs import tables

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

Schemas = dict[str, dict[str, str]]  # table or view -> column -> PostgreSQL type


class Source(NamedTuple):
    """One field a column is computed from; field "*" means that rows of the dataset are counted."""

    dataset: str
    field: str


def schemas(catalog: Catalog) -> Schemas:
    """Column types of every dataset, reference table and view."""
    known: Schemas = dict(tables())
    for view in catalog.views.values():
        try:
            selects = resolved(view, known).selects
        except ConfigError:  # told by lint; views above it still get to know its columns
            known[view.name] = {column.name: "text" for column in view.columns} if view.readable else {}
        else:
            known[view.name] = {
                node.alias_or_name: node.type.sql("postgres") if node.type else "text" for node in selects
            }
    return known


def resolved(view: View, known: Schemas) -> exp.Query:
    """The view's query with every column bound to its table and typed.

    Raises:
        ConfigError: a table or column is unknown, or a column name stands in two tables.
    """
    from sqlglot import exp
    from sqlglot.errors import SqlglotError
    from sqlglot.optimizer.annotate_types import annotate_types
    from sqlglot.optimizer.qualify import qualify

    tree = view.tree.copy()
    # Only what the view reads: sqlglot goes through a whole schema for each query.
    nested = cast("dict[str, object]", {name: known[name] for name in view.inputs if name in known} or known)
    for placeholder in list(tree.find_all(exp.Placeholder)):
        literal = (
            exp.cast(exp.Literal.string("2025-01-01"), "DATE") if placeholder.name == "as_of" else exp.Literal.number(1)
        )
        placeholder.replace(literal)
    try:
        tree = qualify(tree, schema=nested, dialect="postgres", quote_identifiers=False)
        tree = annotate_types(tree, schema=nested, dialect="postgres")
    except SqlglotError as error:
        raise ConfigError(
            view.where, "有的列对不上，或在两张表里同名", f"请写成 表.列；sqlglot 说：{str(error).splitlines()[0]}"
        ) from error
    return tree


def lineage(catalog: Catalog, name: str, known: Schemas | None = None) -> dict[str, tuple[Source, ...]]:
    """For each column of the view, the dataset fields its value is computed from, views in between seen through.

    A column that only counts rows names the datasets counted, with field "*"; a constant has no source.

    Raises:
        ConfigError: the view, or one below it, names a column that is not there.
    """
    known = known or schemas(catalog)
    found: dict[str, dict[str, tuple[Source, ...]]] = {}
    rows: dict[str, frozenset[str]] = {}
    for view in catalog.upstream(name):
        found[view.name] = _direct(view, known, found, rows)
    return found[name]


def lineages(catalog: Catalog) -> dict[str, dict[str, tuple[Source, ...]]]:
    """`lineage` of every view in one pass; views that cannot be read, and those above them, are left out."""
    known = schemas(catalog)
    found: dict[str, dict[str, tuple[Source, ...]]] = {}
    rows: dict[str, frozenset[str]] = {}
    for view in catalog.views.values():
        if view.inputs & catalog.views.keys() <= found.keys():
            with suppress(ConfigError):
                found[view.name] = _direct(view, known, found, rows)
    return found


def uses(catalog: Catalog, name: str, known: Schemas | None = None) -> frozenset[Source]:
    """Every dataset field the view reads at all, conditions and joins included: a change of one may change it."""
    from sqlglot import exp
    from sqlglot.optimizer.scope import traverse_scope

    known = known or schemas(catalog)
    found: set[Source] = set()
    for view in catalog.upstream(name):
        for scope in traverse_scope(resolved(view, known)):
            for column in scope.columns:
                source = scope.sources.get(column.table)
                if isinstance(source, exp.Table) and source.name not in catalog.views:
                    found.add(Source(source.name, column.name))
    return frozenset(found)


def _direct(
    view: View, known: Schemas, upstream: dict[str, dict[str, tuple[Source, ...]]], rows: dict[str, frozenset[str]]
) -> dict[str, tuple[Source, ...]]:
    from sqlglot import exp
    from sqlglot.lineage import lineage as trace
    from sqlglot.optimizer.scope import build_scope

    tree = resolved(view, known)
    scope = cast("Scope", build_scope(tree))
    columns = {}
    for name, root in trace(None, tree, {}, scope=scope, dialect="postgres", trim_selects=False).items():
        fields: set[Source] = set()
        counted: set[Source] = set()
        for node in root.walk():
            if isinstance(node.expression, exp.Table):
                table, field = node.expression.name, node.name.rpartition(".")[2]
                fields.update(upstream[table].get(field, ()) if table in upstream else [Source(table, field)])
            elif node.expression.find(exp.Count) and not node.downstream:
                counted.update(Source(dataset, "*") for dataset in _counted(scope, rows))
        columns[name] = tuple(sorted(fields or counted))
    rows[view.name] = _counted(scope, rows)
    return columns


def _counted(scope: Scope, rows: dict[str, frozenset[str]]) -> frozenset[str]:
    """Datasets whose rows make the scope's rows: those in FROM and inner joins, not what is looked up by LEFT JOIN."""
    from sqlglot import exp

    found: frozenset[str] = frozenset()
    for part in scope.set_operation_scopes:
        found |= _counted(part, rows)
    for node, source in scope.selected_sources.values():
        join = node.find_ancestor(exp.Join, exp.From)
        if isinstance(join, exp.Join) and join.side:
            continue
        if isinstance(source, exp.Table):
            found |= rows.get(source.name, frozenset({source.name}))
        else:
            found |= _counted(source, rows)
    return found
