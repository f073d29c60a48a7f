"""Queries people keep: their own, and those others share. A shared query shares its text; each reader sees their own rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from portal.accounts import Account

if TYPE_CHECKING:
    import psycopg

Row = dict[str, Any]


def listed(connection: psycopg.Connection[Any], account: Account) -> list[Row]:
    """The account's saved queries and those shared by others, newest first; `mine` tells them apart."""
    return connection.execute(
        "SELECT s.*, a.person, s.account_id = %s AS mine FROM hub.saved_query s JOIN hub.account a USING (account_id) "
        "WHERE s.shared OR s.account_id = %s ORDER BY saved_at DESC LIMIT 200", [account.account_id, account.account_id],
    ).fetchall()  # fmt: skip


def save(
    connection: psycopg.Connection[Any],
    account: Account,
    title: str,
    sql: str,
    parameters: dict[str, str],
    shared: bool,
) -> None:
    """Keep a query under a title; one of the same title of the same person is replaced."""
    connection.execute(
        "INSERT INTO hub.saved_query (account_id, title, sql, parameters, shared) VALUES (%s, %s, %s, %s, %s) ON CONFLICT (account_id, title) "
        "DO UPDATE SET sql = excluded.sql, parameters = excluded.parameters, shared = excluded.shared, saved_at = clock_timestamp()",
        [account.account_id, title, sql, json.dumps(parameters, ensure_ascii=False), shared],
    )


def drop(connection: psycopg.Connection[Any], account: Account, saved_id: int) -> bool:
    """Forget one of the account's own; False when it has none of that number."""
    done = connection.execute(
        "DELETE FROM hub.saved_query WHERE saved_id = %s AND account_id = %s", [saved_id, account.account_id]
    )
    return bool(done.rowcount)
