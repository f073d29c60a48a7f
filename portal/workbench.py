"""A person's own query: run as their own database role, read-only, with a row and a time limit said aloud."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
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
from warehouse.question import CHANGE, FIXED, PLAIN, bind, explain, names

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


def ask(
    visit: Visit,
    sql: str,
    values: dict[str, str],
    *,
    limit: int = SHOWN,
    run: str = "",
    export: str = "",
    as_of: date | None = None,
) -> Answer:
    """Run one SELECT as the user and note it in the audit and in the user's history, also when it fails.

    `as_of` asks the warehouse as it was known at the end of that day.

    Raises:
        HubError: the SQL is wrong, not allowed, took too long or was stopped; in Chinese, with the nearest name.
    """
    begun, error, answer = time.monotonic(), "", None
    try:
        answer = _run(
            visit.site, visit.user, sql, {k: v for k, v in values.items() if k in names(sql)}, limit, run, as_of
        )
        return answer
    except HubError as told:
        error = str(told)
        raise
    finally:
        rows = len(answer.rows) if answer else None
        with visit.site.database.owner() as connection:
            connection.execute(
                "INSERT INTO hub.query_history (account_id, sql, parameters, seconds, row_count, error) VALUES (%s, %s, %s, %s, %s, %s)",
                [
                    visit.user.account_id,
                    sql,
                    json.dumps(values, ensure_ascii=False),
                    round(time.monotonic() - begun, 3),
                    rows,
                    error or None,
                ],
            )
            audit.write(
                connection,
                visit.user.name,
                "export" if export else "query",
                export,
                address=visit.address,
                sql=sql,
                parameters=values,
                rows=rows,
                error=error,
                **({"as_of": as_of.isoformat()} if as_of else {}),
            )


def _run(
    site: Site, user: Account, sql: str, values: dict[str, str], limit: int, run: str, as_of: date | None
) -> Answer:
    text = bind(sql, values)
    if not text:
        raise ConfigError("查询", "没有查询语句", "例如 SELECT * FROM department")
    if CHANGE.match(text):
        raise HubError("查询", *FIXED["25006"])
    begun = time.monotonic()
    with ExitStack() as stack:
        schema = stack.enter_context(as_known(site, user, text, as_of)) if as_of else ""
        connection = stack.enter_context(site.database.login(user))
        if schema:
            connection.execute(SQL("SET search_path = {}").format(Identifier(schema)))
        if run:
            site.running[run] = (user.account_id, connection)
        try:
            # Prepared, so that one statement is one statement; a cursor, so that no more rows come than are wanted.
            plain = PLAIN.match(text)
            maker: Any = connection.cursor() if plain else connection.cursor("answer")
            with maker as cursor:
                cursor.execute(text, prepare=True) if plain else cursor.execute(text)
                rows = cursor.fetchmany(limit + 1)
                listed = [column.name for column in cursor.description or ()]
        except psycopg.errors.QueryCanceled as error:
            if time.monotonic() - begun < access.SECONDS - 1:
                raise HubError("查询", "已停止", "可以改一改再运行") from error
            connection.rollback()
            raise explain(error, text, connection, access.SECONDS) from error
        except psycopg.Error as error:
            connection.rollback()
            raise explain(error, text, connection, access.SECONDS) from error
        finally:
            site.running.pop(run, None)
            connection.close()  # before the schemas of the past go: a session that still reads them would hold them
    if len(set(listed)) < len(listed):
        twice = next(n for n in listed if listed.count(n) > 1)
        raise HubError("查询", f"列名 '{twice}' 出现两次", "请用 AS 另起名称")
    return Answer(listed, rows[:limit], len(rows) > limit, time.monotonic() - begun)


def stop(site: Site, user: Account, run: str) -> bool:
    """End a query the same user has running; False when there is none of that name."""
    found = site.running.get(run)
    if found is None or found[0] != user.account_id:
        return False
    found[1].cancel_safe(timeout=5)
    return True


def history(site: Site, user: Account, limit: int = 30) -> list[Row]:
    """The user's own queries, newest first."""
    with site.database.owner() as connection:
        return connection.execute(
            "SELECT * FROM hub.query_history WHERE account_id = %s ORDER BY query_id DESC LIMIT %s",
            [user.account_id, limit],
        ).fetchall()
