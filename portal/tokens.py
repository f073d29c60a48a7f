"""Personal tokens: what a program shows instead of a password. Only the hash is kept; it is shown once."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any

from portal import accounts
from portal.accounts import Account

if TYPE_CHECKING:
    import psycopg

PREFIX = "hub_"


def make(connection: psycopg.Connection[Any], account: Account, title: str, days: int) -> str:
    """A new token of the account, good for some days."""
    token = PREFIX + secrets.token_urlsafe(32)
    connection.execute(
        "INSERT INTO hub.api_token (account_id, title, token_hash, expires_at) VALUES (%s, %s, %s, clock_timestamp() + make_interval(days => %s))",
        [account.account_id, title, hashlib.sha256(token.encode()).digest(), days],
    )
    return token


def find(connection: psycopg.Connection[Any], token: str) -> Account | None:
    """Whose token it is; None when it is unknown, ended, revoked, or the account may not sign in."""
    row = connection.execute(
        "UPDATE hub.api_token SET used_at = clock_timestamp() WHERE token_hash = %s AND revoked_at IS NULL AND expires_at > clock_timestamp() RETURNING account_id",
        [hashlib.sha256(token.encode()).digest()],
    ).fetchone()
    account = accounts.by_id(connection, row["account_id"]) if row else None
    return account if account is not None and account.active else None


def listed(connection: psycopg.Connection[Any], account: Account) -> list[dict[str, Any]]:
    """The account's tokens that still work, newest first."""
    return connection.execute(
        "SELECT token_id, title, created_at, expires_at, used_at FROM hub.api_token WHERE account_id = %s AND revoked_at IS NULL "
        "AND expires_at > clock_timestamp() ORDER BY token_id DESC",
        [account.account_id],
    ).fetchall()


def revoke(connection: psycopg.Connection[Any], account: Account, token_id: int) -> bool:
    """End one of the account's own tokens; False when there is no such token."""
    done = connection.execute(
        "UPDATE hub.api_token SET revoked_at = clock_timestamp() WHERE token_id = %s AND account_id = %s AND revoked_at IS NULL",
        [token_id, account.account_id],
    )
    return bool(done.rowcount)
