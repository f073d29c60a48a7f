"""A session that sees the warehouse as it was known at an instant: temporary views in place of datasets and boards.

    open_past(connection, known_at, needed(catalog, ["indicator_overview"], as_of))   SELECT * FROM indicator_overview

Only what is asked for (and what it rests on) is there, and the search path holds nothing else, so that a query can
never mix then and now. Boards are computed by their present text, or by texts kept with a publication.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from psycopg import sql

from schemas.errors import HubError
from views.catalog import Catalog, load_catalog
from views.inputs import tables
from views.render import render
from warehouse import history
from warehouse.versions import SUFFIX

if TYPE_CHECKING:
    import psycopg

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Needed:
    """What a session needs: texts of boards, each after those it reads, and the tables below them."""

    boards: dict[str, str]
    inputs: frozenset[str]


def needed(catalog: Catalog, names: Iterable[str], as_of: date) -> Needed:
    """The boards named and those they read, assessed as of that day, with all tables they rest on."""
    boards: dict[str, str] = {}
    inputs: frozenset[str] = frozenset()
    for name in names:
        boards |= {view.name: render(view, "postgres", as_of) for view in catalog.upstream(name)}
        inputs |= catalog.datasets(name)
    return Needed({name: boards[name] for name in catalog.views if name in boards}, inputs)


def named_in(text: str, as_of: date, catalog: Catalog | None = None) -> tuple[Needed, frozenset[str]]:
    """What an SQL text may mean: boards it names with what they need, and other tables it names."""
    catalog = catalog or load_catalog()
    words = {word.lower() for word in _WORD.findall(text)}
    known = {*tables(), *history.REFERENCE, *history.ORIGINS}
    return needed(catalog, sorted(words & catalog.views.keys()), as_of), frozenset(
        word for word in words if word.removesuffix(SUFFIX) in known
    )


def open_past(
    connection: psycopg.Connection[Any], known_at: datetime, need: Needed, also: frozenset[str] = frozenset(),
    valid_at: datetime | None = None,
) -> None:  # fmt: skip
    """Make the temporary views and set the search path to them, for the rest of the session; committed.

    `also` are tables that are made where they can be: a name that turns out to be a column's does no harm. With
    `valid_at` the rows are those valid at that moment.

    Raises:
        HubError: a board rests on a table of which the hub keeps no history.
    """
    with connection.transaction():
        for table in sorted(need.inputs | also):
            query = history.relation(connection, table, known_at, valid_at)
            if query is not None:
                _create(connection, table, query)
            elif table in need.inputs:
                raise HubError("截至过去的数据", f"'{table}' 没有保留历史", "用到它的视图只能查现在的")
        connection.execute("SET search_path = pg_temp")
        for name, text in need.boards.items():
            _create(connection, name, text)


def _create(connection: psycopg.Connection[Any], name: str, query: str) -> None:
    made = sql.SQL("CREATE OR REPLACE TEMP VIEW {} AS {}")
    connection.execute(made.format(sql.Identifier(name), sql.SQL(query)))
