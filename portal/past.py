"""The warehouse as it was known at the end of a day, for a person's own query: the same masks and row rules as today's.

    with as_known(site, user, text, day) as schema:     SET search_path = <schema> in the user's own session

The user's session may not read history, and the owner's may not run what a user wrote. So the owner makes two schemas
for the time of the query: one with the raw past, which nobody is let into, and one of views over it that mask columns
and keep rows as `masked` and `board` do.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from portal.accounts import Account
from schemas.errors import HubError
from views.past import Needed, named_in
from warehouse import access, history

if TYPE_CHECKING:
    from portal.site import Site

_COLUMNS = """
SELECT c.relname AS name, a.attname::text AS column, format_type(a.atttypid, a.atttypmod) AS kind FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE c.relnamespace = %s::regnamespace ORDER BY c.relname, a.attnum
"""
# The rule hub.guard has put on the board's own table, word for word: its past is for the same people.
_RULES = "SELECT tablename::text, qual FROM pg_policies WHERE schemaname = 'board' AND policyname = 'by_department'"


@contextmanager
def as_known(site: Site, user: Account, text: str, day: date) -> Iterator[str]:
    """A schema with what the query names as it was known at the end of the day; gone afterwards.

    Raises:
        HubError: a board rests on a table of which the hub keeps no history.
    """
    name = f"past_{secrets.token_hex(6)}"
    # A session of its own, whose rows are tuples as the history room reads them; it stays to the end and holds the name.
    with psycopg.connect(site.database.url, autocommit=True) as keeper:
        keeper.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
        _sweep(keeper)
        try:
            history.settled(keeper, history.end_of(day))
            with keeper.transaction():
                _make(keeper, name, f"{name}_raw", *named_in(text, day), day, user.db_role or "")
            yield name
        finally:
            _drop(keeper, name)


def _sweep(keeper: psycopg.Connection[Any]) -> None:
    """Drop what queries left behind that were killed: nobody holds the name any more."""
    keeper.execute("SET lock_timeout = '2s'")  # one whose query is still ending is left for the next time
    found = keeper.execute("SELECT nspname::text FROM pg_namespace WHERE nspname ~ '^past_[0-9a-f]{12}$'").fetchall()
    for (name,) in found:
        freed = keeper.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name]).fetchone()
        if freed and freed[0]:
            with suppress(psycopg.errors.LockNotAvailable):
                _drop(keeper, name)
            keeper.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])
    keeper.execute("RESET lock_timeout")


def _drop(keeper: psycopg.Connection[Any], name: str) -> None:
    gone = sql.SQL("DROP SCHEMA IF EXISTS {}, {} CASCADE")
    keeper.execute(gone.format(sql.Identifier(name), sql.Identifier(f"{name}_raw")))


def _make(
    connection: psycopg.Connection[Any], shown: str, raw: str, need: Needed, also: frozenset[str], day: date, role: str
) -> None:
    for schema in (raw, shown):
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    create = sql.SQL("CREATE VIEW {} AS {}")
    for table in sorted(need.inputs | also):
        query = history.relation(connection, table, history.end_of(day))
        if query is not None:
            connection.execute(create.format(sql.Identifier(raw, table), sql.SQL(query)))
        elif table in need.inputs:
            raise HubError("截至过去的数据", f"'{table}' 没有保留历史", "用到它的视图只能查现在的")
    connection.execute(sql.SQL("SET LOCAL search_path = {}").format(sql.Identifier(raw)))
    for board, query in need.boards.items():
        connection.execute(create.format(sql.Identifier(raw, board), sql.SQL(query)))
    connection.execute("SET LOCAL search_path = DEFAULT")
    columns: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in connection.execute(_COLUMNS, [raw]):
        columns.setdefault(table, []).append((column, kind))
    barred = sql.SQL("CREATE VIEW {} WITH (security_barrier) AS {}")
    rules = dict(connection.execute(_RULES).fetchall())
    for table, listed in columns.items():
        source = sql.Identifier(raw, table)
        whole = sql.SQL("SELECT * FROM {} WHERE {}").format(source, sql.SQL(rules.get(table, "false")))
        body = whole if table in need.boards else access.view(table, listed, source)
        if body is not None:
            connection.execute(barred.format(sql.Identifier(shown, table), body))
    reader = sql.Identifier(role)
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(shown), reader))
    connection.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(sql.Identifier(shown), reader))
