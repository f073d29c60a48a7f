"""The audit: one entry per thing that matters, each hashed with the hash before it.

hash(n) = sha256(hash(n-1) + entry(n)), hash(0) = 32 zero bytes. Whoever changes, drops or inserts an entry breaks
the chain from there on; `hub audit verify` finds the place, also from an exported file, without the database.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.identifiers import COUNTY_TIME

if TYPE_CHECKING:
    import psycopg

START = bytes(32)
_LOCK = 0x746F6E69
ACTIONS = {
    "sign_in": "登录", "sign_in_failed": "登录失败", "sign_out": "退出", "password": "改口令", "totp": "设置动态口令", "query": "查询",
    "export": "导出", "fix": "更正", "upload": "报送", "contest": "申诉", "decide": "裁定", "user": "账号", "approve": "批准", "request": "申请数据",
    "grant": "授权", "token": "令牌", "dagster": "调度操作", "briefing": "简报", "exposure": "红黑榜", "refused": "越权被拒", "run": "采集", "connect": "数据库口令",
}  # fmt: skip


class Broken(NamedTuple):
    """Where the chain does not hold: the entry's number and what is wrong."""

    number: int
    what: str


def write(
    connection: psycopg.Connection[Any], actor: str, action: str, thing: str = "", *, address: str = "", **detail: Any
) -> None:
    """Add one entry in the caller's transaction; writers take turns until it commits."""
    if action not in ACTIONS:
        raise ValueError(f"unknown audit action {action!r}")
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    last = connection.execute("SELECT audit_id, hash FROM hub.audit ORDER BY audit_id DESC LIMIT 1").fetchone()
    number, before = (last["audit_id"] + 1, bytes(last["hash"])) if last else (1, START)
    at = datetime.now(COUNTY_TIME)
    entry = json.dumps(
        {"n": number, "at": at.isoformat(timespec="milliseconds"), "actor": actor, "action": action, "object": thing,
         "address": address, "detail": detail},
        ensure_ascii=False, default=str, sort_keys=True,
    ).replace("\\u0000", "")  # fmt: skip
    connection.execute(
        "INSERT INTO hub.audit (audit_id, entry, hash, at) VALUES (%s, %s, %s, %s)",
        [number, entry, link(before, entry), at],
    )


def link(before: bytes, entry: str) -> bytes:
    """The hash of an entry behind another."""
    return hashlib.sha256(before + entry.encode()).digest()


def verify(entries: Iterable[tuple[int, str, bytes]]) -> tuple[int, bytes, Broken | None]:
    """Walk the chain: entries seen, the last hash, and the first place where it does not hold."""
    before, count = START, 0
    for number, entry, told in entries:
        if number != count + 1:
            return count, before, Broken(count + 1, f"缺第 {count + 1} 条，接着的是第 {number} 条")
        if link(before, entry) != told:
            return count, before, Broken(number, "内容与指纹不符")
        before, count = told, number
    return count, before, None


def stored(connection: psycopg.Connection[Any]) -> Iterator[tuple[int, str, bytes]]:
    """The entries of the warehouse, oldest first, in bounded memory."""
    with connection.cursor("audit") as cursor:
        cursor.itersize = 5000
        cursor.execute("SELECT audit_id, entry, hash FROM hub.audit ORDER BY audit_id")
        for row in cursor:
            yield row["audit_id"], row["entry"], bytes(row["hash"])


def lines(entries: Iterable[tuple[int, str, bytes]]) -> Iterator[str]:
    """The entries as lines of an export: number, hash, entry, separated by blanks."""
    return (f"{number} {told.hex()} {entry}\n" for number, entry, told in entries)


def read(text: Iterable[str]) -> Iterator[tuple[int, str, bytes]]:
    """The entries of an export.

    Raises:
        ValueError: a line is not of that form.
    """
    for line in text:
        number, told, entry = line.rstrip("\n").split(" ", 2)
        yield int(number), entry, bytes.fromhex(told)
