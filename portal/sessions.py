"""Sessions on the server's side: a random token in the cookie, its hash in the warehouse.

Half an hour idle or half a day in all ends one. A session begins at the stage that is missing (one-time code,
setting one up, a new password) and opens pages only at stage "full"; each step makes a new token.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from portal import accounts
from portal.accounts import Account
from portal.roles import ADMINS
from warehouse import access

if TYPE_CHECKING:
    import psycopg

    from portal.database import Database

IDLE_MINUTES, WHOLE_HOURS = 30, 12
_NOTED_SECONDS = 60  # how exactly it is kept when a session was last used


@dataclass(frozen=True)
class Session:
    """A signed-in browser; `stage` other than "full" says what is still missing."""

    account: Account
    csrf: str
    stage: str
    key: bytes
    id_token: str | None = None  # what the identity provider said of the user, sealed


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def stage_of(account: Account, done: str = "") -> str:
    """What the account has still to do after `done` ("" the password, "totp" the code)."""
    if accounts.needs_code(account) and done != "totp":
        return "totp" if account.totp_secret else "enrol"
    return "password" if account.must_change else "full"


def start(
    database: Database, connection: psycopg.Connection[Any], account: Account, stage: str, address: str, id_token: str | None = None
) -> str:  # fmt: skip
    """Begin a session, with the user's database role ready when it is a full one; returns the cookie's token."""
    token = secrets.token_urlsafe(32)
    connection.execute(
        "DELETE FROM hub.session WHERE seen_at < clock_timestamp() - make_interval(mins => %s) OR created_at < clock_timestamp() - make_interval(hours => %s)",
        [IDLE_MINUTES, WHOLE_HOURS],
    )
    connection.execute(
        "INSERT INTO hub.session (token_hash, account_id, csrf, stage, address, id_token) VALUES (%s, %s, %s, %s, %s, %s)",
        [_hash(token), account.account_id, secrets.token_urlsafe(24), stage, address, id_token],
    )
    if stage == "full":
        ready_role(database, connection, account)
    return token


def ready_role(database: Database, connection: psycopg.Connection[Any], account: Account) -> None:
    """Give a data user the login role of the account's name, once; its limits each time."""
    if account.role in ADMINS:
        return
    if account.db_role is not None:
        access.limit_login(connection, account.db_role)
        return
    name = f"{connection.info.dbname}_{account.name}"
    connection.execute("UPDATE hub.account SET db_role = %s WHERE account_id = %s", [name, account.account_id])
    access.grant_login(connection, name, database.password(account))


def find(connection: psycopg.Connection[Any], token: str, *, touch: bool = True) -> Session | None:
    """The session of a cookie; None when it has ended or its account is closed. `touch` counts as being there."""
    row = connection.execute(
        f"SELECT {accounts.COLUMNS}, s.csrf, s.stage, s.id_token, s.seen_at < clock_timestamp() - make_interval(secs => %s) AS stale "
        "FROM hub.session s JOIN hub.account a USING (account_id) WHERE s.token_hash = %s "
        "AND s.seen_at > clock_timestamp() - make_interval(mins => %s) AND s.created_at > clock_timestamp() - make_interval(hours => %s)",
        [_NOTED_SECONDS, _hash(token), IDLE_MINUTES, WHOLE_HOURS],
    ).fetchone()
    if row is None:
        return None
    account = accounts.of(row)
    if not account.active:
        return None
    if touch and row["stale"]:  # once a minute, not a write for every page
        connection.execute(
            "UPDATE hub.session SET seen_at = clock_timestamp() WHERE token_hash = %s AND seen_at < clock_timestamp() - make_interval(secs => %s)",
            [_hash(token), _NOTED_SECONDS],
        )
    return Session(account, row["csrf"], row["stage"], _hash(token), row["id_token"])


def end(connection: psycopg.Connection[Any], session: Session) -> None:
    """Sign out."""
    connection.execute("DELETE FROM hub.session WHERE token_hash = %s", [session.key])
