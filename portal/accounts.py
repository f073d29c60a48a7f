"""Accounts: who there is, how they prove it, and the database role that is theirs.

Passwords are argon2id; five wrong ones lock the account for a quarter of an hour. The three administrators
(system, security, audit) also need a code of the hour (TOTP) and have no database role: they see no data.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from portal.roles import ADMINS, ROLES
from schemas.errors import ConfigError, nearest
from schemas.reference import departments
from warehouse import access

if TYPE_CHECKING:
    import psycopg
    from argon2 import PasswordHasher

FAILURES, LOCK_MINUTES = 5, 15
SHORTEST = 10
_STEP = 30  # seconds a one-time code lives. Source: RFC 6238


@dataclass(frozen=True)
class Account:
    """One account as the pages know it; `department` None means the whole county."""

    account_id: int
    name: str
    person: str
    role: str
    department: str | None
    dept_code: str | None
    must_change: bool
    totp_secret: str | None
    db_role: str | None
    db_generation: int
    locked_until: datetime | None
    approved_at: datetime | None
    disabled_at: datetime | None

    @property
    def title(self) -> str:
        """The role in words, with the department."""
        return f"{self.scope} · {ROLES[self.role]}"

    @property
    def scope(self) -> str:
        """The department's short name, or the whole county."""
        known = departments().get(self.department or "")
        return (known.short_name or known.name) if known else "全县"

    @property
    def active(self) -> bool:
        """Approved and not disabled."""
        return self.approved_at is not None and self.disabled_at is None


COLUMNS = ", ".join(f"a.{f.name}" for f in fields(Account))


def of(row: dict[str, Any]) -> Account:
    """The account in a row that holds COLUMNS."""
    return Account(**{f.name: row[f.name] for f in fields(Account)})


def _account(row: dict[str, Any] | None) -> Account | None:
    return None if row is None else of(row)


def find(connection: psycopg.Connection[Any], name: str) -> Account | None:
    """The account of that name."""
    return _account(connection.execute(f"SELECT {COLUMNS} FROM hub.account a WHERE name = %s", [name]).fetchone())


def by_id(connection: psycopg.Connection[Any], account_id: int) -> Account | None:
    """The account of that number."""
    return _account(
        connection.execute(f"SELECT {COLUMNS} FROM hub.account a WHERE account_id = %s", [account_id]).fetchone()
    )


def everybody(connection: psycopg.Connection[Any]) -> list[Account]:
    """All accounts, disabled ones last."""
    rows = connection.execute(f"SELECT {COLUMNS} FROM hub.account a ORDER BY disabled_at NULLS FIRST, name").fetchall()
    return [found for row in rows if (found := _account(row))]


def add(
    connection: psycopg.Connection[Any], *, name: str, person: str, role: str, department: str | None, by: str,
    password: str | None = None, subject: str | None = None, approved: bool = False,
) -> str:  # fmt: skip
    """Make an account; returns its first password, which must be changed at the first sign-in.

    `approved` only from the machine's own console; in the portal another administrator approves.

    Raises:
        ConfigError: the name is taken or not allowed, the role or department unknown, or the two do not fit.
    """
    import psycopg

    if role not in ROLES:
        raise ConfigError(f"角色 '{role}'", "没有这个角色", nearest(role, ROLES))
    code = None
    if department is not None:
        if role in ADMINS:
            raise ConfigError(f"部门 '{department}'", f"{ROLES[role]}不属于某个部门", "请不填部门")
        if department not in departments():
            raise ConfigError(f"部门 '{department}'", "没有这个部门", nearest(department, departments()))
        code = departments()[department].dept_code
    elif role == "clerk":
        raise ConfigError(f"账号 {name}", "部门经办人须属于一个部门", "请填部门，例如 tax")
    first = password or new_password()
    try:
        with connection.transaction():
            connection.execute(
                "INSERT INTO hub.account (name, person, role, department, dept_code, password_hash, oidc_subject, created_by, "
                "approved_by, approved_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, CASE WHEN %s THEN clock_timestamp() END)",
                [name, person, role, department, code, hashed(first), subject, by, by if approved else None, approved],
            )
    except psycopg.errors.UniqueViolation as error:
        raise ConfigError(f"账号 {name}", "已经有这个账号", "请换一个名称，或用 hub user list 查看") from error
    except psycopg.errors.CheckViolation as error:
        raise ConfigError(
            f"账号 {name}", "名称只能用小写字母开头的小写字母、数字和下划线，2 至 31 个字", "例如 wang_fang"
        ) from error
    return first


def approve(connection: psycopg.Connection[Any], name: str, *, by: str) -> None:
    """Let an account in; whoever made it does not approve it.

    Raises:
        ConfigError: no such account waits, or the same person would approve.
    """
    import psycopg

    try:
        with connection.transaction():
            done = connection.execute(
                "UPDATE hub.account SET approved_by = %s, approved_at = clock_timestamp() WHERE name = %s AND approved_at IS NULL",
                [by, name],
            )
    except psycopg.errors.CheckViolation as error:
        raise ConfigError(f"账号 {name}", "建账号的人不能自己批准", "请由安全管理员批准") from error
    if not done.rowcount:
        raise ConfigError(f"账号 {name}", "没有待批准的这个账号", "用 hub user list 查看")


def disable(connection: psycopg.Connection[Any], name: str) -> None:
    """Close an account: no sign-in, no session, no database role.

    Raises:
        ConfigError: no such account.
    """
    account = _known(connection, name)
    connection.execute("UPDATE hub.account SET disabled_at = clock_timestamp() WHERE name = %s", [name])
    end_sessions(connection, account)
    if account.db_role:
        access.revoke_login(connection, account.db_role)


def enable(connection: psycopg.Connection[Any], name: str) -> None:
    """Open a closed or locked account again; its role is made anew at the next sign-in."""
    _known(connection, name)
    connection.execute(
        "UPDATE hub.account SET disabled_at = NULL, locked_until = NULL, failures = 0, db_role = NULL WHERE name = %s",
        [name],
    )


def set_password(
    connection: psycopg.Connection[Any], name: str, password: str | None = None, *, own: bool = False
) -> str:
    """Set a password and end the account's sessions; one set by somebody else must be changed at the next sign-in.

    Raises:
        ConfigError: no such account, or the password is too weak.
    """
    account = _known(connection, name)
    word = password or new_password()
    if own:
        weakness = weak(word, account.name)
        if weakness:
            raise ConfigError("新口令", weakness, f"至少 {SHORTEST} 个字，字母、数字、符号至少两类")
    connection.execute(
        "UPDATE hub.account SET password_hash = %s, must_change = %s, failures = 0, locked_until = NULL WHERE name = %s",
        [hashed(word), not own, name],
    )
    end_sessions(connection, account)
    return word


def forget_totp(connection: psycopg.Connection[Any], name: str) -> None:
    """Have the account set up its one-time codes anew (a lost telephone)."""
    _known(connection, name)
    connection.execute("UPDATE hub.account SET totp_secret = NULL, totp_step = NULL WHERE name = %s", [name])


def _known(connection: psycopg.Connection[Any], name: str) -> Account:
    account = find(connection, name)
    if account is None:
        raise ConfigError(f"账号 {name}", "没有这个账号", nearest(name, [a.name for a in everybody(connection)]))
    return account


def end_sessions(connection: psycopg.Connection[Any], account: Account) -> None:
    """Sign the account out everywhere."""
    connection.execute("DELETE FROM hub.session WHERE account_id = %s", [account.account_id])


def weak(password: str, name: str) -> str:
    """What is wrong with a new password; empty when nothing is."""
    if len(password) < SHORTEST:
        return f"太短，只有 {len(password)} 个字"
    if len({1 if c.isalpha() else 2 if c.isdigit() else 3 for c in password}) < 2:
        return "太简单，只有一类字符"
    return "含有账号名" if name in password.lower() else ""


def new_password() -> str:
    """A random first password that can be read out over the telephone."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(4))


# ------------------------------------------------------------------------------------------------- proving it
def check(connection: psycopg.Connection[Any], name: str, password: str) -> Account | None:
    """The account if the password is right and it may sign in; a wrong one is counted, also towards the lock."""
    row = connection.execute(
        f"SELECT {COLUMNS}, password_hash, locked_until > clock_timestamp() AS locked FROM hub.account a WHERE name = %s FOR UPDATE",
        [name],
    ).fetchone()
    # An unknown name costs the same time as a wrong password, so that names cannot be tried out.
    right = _verify((row or {}).get("password_hash") or _decoy(), password)
    if row is None or row["locked"]:
        return None
    account = _account(row)
    if account is None or not right or not account.active or not row["password_hash"]:
        connection.execute(
            "UPDATE hub.account SET failures = CASE WHEN failures + 1 >= %s THEN 0 ELSE failures + 1 END, "
            "locked_until = CASE WHEN failures + 1 >= %s THEN clock_timestamp() + make_interval(mins => %s) END WHERE name = %s",
            [FAILURES, FAILURES, LOCK_MINUTES, name],
        )
        return None
    connection.execute("UPDATE hub.account SET failures = 0, locked_until = NULL WHERE name = %s", [name])
    return account


def check_code(connection: psycopg.Connection[Any], account: Account, code: str, secret: str | None) -> bool:
    """Whether the one-time code made from the (unsealed) secret is right now, one step early or late; each counts once."""
    import pyotp

    if not secret or not code.strip().isdigit():
        return False
    now = int(time.time()) // _STEP
    for step in (now, now - 1, now + 1):
        if secrets.compare_digest(pyotp.TOTP(secret).generate_otp(step), code.strip()):
            done = connection.execute(
                "UPDATE hub.account SET totp_step = %s WHERE account_id = %s AND coalesce(totp_step, 0) < %s",
                [step, account.account_id, step],
            )
            return bool(done.rowcount)
    return False


def enrol(connection: psycopg.Connection[Any], account: Account, secret: str) -> None:
    """Keep the secret, sealed, of the account's one-time codes."""
    connection.execute("UPDATE hub.account SET totp_secret = %s WHERE account_id = %s", [secret, account.account_id])


def needs_code(account: Account) -> bool:
    """Whether this account signs in with a one-time code too."""
    return account.role in ADMINS or account.totp_secret is not None


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


def hashed(password: str) -> str:
    """The argon2id hash."""
    return _hasher().hash(password)


@cache
def _decoy() -> str:
    return hashed(secrets.token_hex(8))


def _verify(kept: str, password: str) -> bool:
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        return _hasher().verify(kept, password)
    except (Argon2Error, InvalidHashError):
        return False
