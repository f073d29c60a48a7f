"""A person's own query: run as their own database role, read-only, with a row and a time limit said aloud."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.sql import SQL, Identifier

from portal import audit
from portal.accounts import Account
from portal.past import as_known
from portal.site import Site
from schemas.errors import ConfigError, HubError
from warehouse import access
from warehouse.question import CHANGE, FIXED, PLAIN, bind, explain, names, same_order

if TYPE_CHECKING:
    from portal.web import Visit

Row = dict[str, Any]
SHOWN, EXPORTED = 1000, 200_000  # rows on the page, rows in a file


@dataclass(frozen=True)
class Answer:
    """What a query gave; `cut` says that there are more rows than these."""

    columns: list[str]
    rows: list[Row]
    cut: bool
    seconds: float
    described: list[psycopg.Column]


def ask(
    visit: Visit, sql: str, values: dict[str, str], *, limit: int = SHOWN, run: str = "", export: str = "", as_of: date | None = None
) -> Answer:  # fmt: skip
    """Run one SELECT as the user and note it in the audit and in the user's history, also when it fails.

    `as_of` asks the warehouse as it was known at the end of that day.

    Raises:
        HubError: the SQL is wrong, not allowed, took too long or was stopped; in Chinese, with the nearest name.
    """
    with opened(visit, sql, values, limit=limit, run=run, export=export, as_of=as_of) as answer:
        rows = answer.piece(limit)
    return Answer(answer.columns, rows, answer.cut, time.monotonic() - answer.begun, answer.described)


class Opened:
    """A query that has begun to answer: its columns, then its rows a piece at a time, `limit` of them at most."""

    def __init__(self, cursor: Any, limit: int, begun: float, fetch: Callable[[int], list[Row]]) -> None:
        self.described: list[psycopg.Column] = list(cursor.description or ())
        self.columns = [column.name for column in self.described]
        self.begun, self.given, self.cut = begun, 0, False
        self._fetch, self._limit, self._ahead = fetch, limit, list[Row]()

    def piece(self, size: int) -> list[Row]:
        """At most so many rows more; none at the end, when `cut` is known.

        Raises:
            HubError: as `ask`.
        """
        size = min(size, self._limit - self.given)
        # One more than wanted tells whether the limit cuts the answer.
        rows = self._ahead + self._fetch(size + 1 - len(self._ahead))
        rows, self._ahead = rows[:size], rows[size:]
        self.given += len(rows)
        self.cut = bool(self._ahead) and self.given == self._limit
        return rows

    @property
    def ended(self) -> bool:
        """Whether no more rows come."""
        return self.cut or not self._ahead


@contextmanager
def opened(
    visit: Visit, sql: str, values: dict[str, str], *, limit: int, run: str = "", export: str = "", as_of: date | None = None
) -> Iterator[Opened]:  # fmt: skip
    """A query as `ask` runs it, whose rows are fetched while the block lasts; noted at the end of it, with the rows that went out.

    Raises:
        HubError: as `ask`.
    """
    begun, error, answer = time.monotonic(), "", None
    try:
        known = {k: v for k, v in values.items() if k in names(sql)}
        with _running(visit.site, visit.user, sql, known, limit, run, as_of) as answer:
            yield answer
    except HubError as told:
        error = str(told)
        raise
    finally:
        rows = answer.given if answer and not error else None
        with visit.site.database.owner() as connection:
            connection.execute(
                "INSERT INTO hub.query_history (account_id, sql, parameters, seconds, row_count, error) VALUES (%s, %s, %s, %s, %s, %s)",
                [visit.user.account_id, sql, json.dumps(values, ensure_ascii=False), round(time.monotonic() - begun, 3), rows, error or None],
            )  # fmt: skip
            audit.write(
                connection, visit.user.name, "export" if export else "query", export, address=visit.address, sql=sql, parameters=values,
                rows=rows, error=error, **({"as_of": as_of.isoformat()} if as_of else {}),
            )  # fmt: skip


@contextmanager
def _running(
    site: Site, user: Account, sql: str, values: dict[str, str], limit: int, run: str, as_of: date | None
) -> Iterator[Opened]:
    text = bind(sql, values)
    if not text:
        raise ConfigError("查询", "没有查询语句", "例如 SELECT * FROM department")
    if CHANGE.match(text):
        raise HubError("查询", *FIXED["25006"])
    begun = time.monotonic()
    with ExitStack() as stack:  # the session ends before the schemas of the past go: while it reads them it holds them
        schema = stack.enter_context(as_known(site, user, text, as_of)) if as_of else ""
        connection = stack.enter_context(site.database.login(user))
        # A role may change its own defaults from elsewhere.
        limits = SQL("SET statement_timeout = {}; SET default_transaction_read_only = on; SET search_path = {}")
        connection.execute(
            limits.format(f"{access.SECONDS}s", Identifier(schema) if schema else SQL(access.SEARCH_PATH))
        )
        connection.commit()
        if as_of and not PLAIN.match(text):
            text = same_order(connection, text)
            connection.commit()
        if run:
            mine = user.account_id, run  # an address handed on brings its run along
            site.running[mine] = connection
            stack.callback(site.running.pop, mine, None)
        # Prepared, so that one statement is one statement; a cursor, so that no more rows come than are wanted.
        plain = PLAIN.match(text)
        cursor: Any = stack.enter_context(connection.cursor() if plain else connection.cursor("answer"))

        @contextmanager
        def told() -> Iterator[None]:
            try:
                yield
            except psycopg.errors.QueryCanceled as error:
                if time.monotonic() - begun < access.SECONDS - 1:
                    raise HubError("查询", "已停止", "可以改一改再运行") from error
                connection.rollback()
                raise explain(error, text, connection, access.SECONDS) from error
            except psycopg.Error as error:
                connection.rollback()
                raise explain(error, text, connection, access.SECONDS) from error

        def fetch(size: int) -> list[Row]:
            with told():
                if answer.given:  # what came before may have set another limit of time
                    connection.execute(SQL("SET LOCAL statement_timeout = {}").format(f"{access.SECONDS}s"))
                return list(cursor.fetchmany(size))

        with told():
            cursor.execute(text, prepare=True) if plain else cursor.execute(text)
        answer = Opened(cursor, limit, begun, fetch)
        if len(set(answer.columns)) < len(answer.columns):
            twice = next(n for n in answer.columns if answer.columns.count(n) > 1)
            raise HubError("查询", f"列名 '{twice}' 出现两次", "请用 AS 另起名称")
        yield answer


def stop(site: Site, user: Account, run: str) -> bool:
    """End a query the same user has running; False when there is none of that name."""
    found = site.running.get((user.account_id, run))
    if found is not None:
        found.cancel_safe(timeout=5)
    return found is not None


def history(site: Site, user: Account, limit: int = 30) -> list[Row]:
    """The user's own queries, newest first."""
    with site.database.owner() as connection:
        return connection.execute(
            "SELECT * FROM hub.query_history WHERE account_id = %s ORDER BY query_id DESC LIMIT %s",
            [user.account_id, limit],
        ).fetchall()
