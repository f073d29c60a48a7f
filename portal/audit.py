"""The audit: one entry per thing that matters, each hashed with the hash before it.

hash(n) = sha256(hash(n-1) + entry(n)), hash(0) = 32 zero bytes. Whoever changes, drops, inserts or moves an entry
breaks the chain from there on; `hub audit verify` finds the place, also from an exported file, without the database.
Whoever cuts off its end leaves a chain that holds, only shorter: against that an export says at its end how many
entries it has, and the hub keeps seals, (number, hash) of the newest entry, in files outside the database: of each
entry as soon as it is committed, and for good once a minute. An auditor who has written down the number and hash of any entry can check against that too.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from schemas.identifiers import COUNTY_TIME

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg

START = bytes(32)
_LOCK = 0x746F6E69
_END = "end"
SEALS = "audit.seal"  # in the hub's home
_NEWEST = ".last"  # beside it: the newest entry alone, written over
ACTIONS = {
    "sign_in": "登录", "sign_in_failed": "登录失败", "sign_out": "退出", "password": "改口令", "totp": "设置动态口令", "query": "查询",
    "export": "导出", "fix": "更正", "upload": "报送", "contest": "申诉", "decide": "裁定", "user": "账号", "approve": "批准", "request": "申请数据",
    "grant": "授权", "token": "令牌", "dagster": "调度操作", "briefing": "简报", "exposure": "红黑榜", "refused": "越权被拒", "run": "采集", "connect": "数据库口令", "notice": "消息", "config": "设置",
    "register": "登记来源", "review": "审批登记", "publication": "发布", "stand": "停用和恢复来源", "secret": "更换口令", "drift": "来源变化",
    "objection": "数据异议", "standard": "数据标准", "verdict": "冲突和主体裁定", "rectify": "整改报告", "unmask": "看原值",
}  # fmt: skip


# What an entry's detail says, in words: its keys, and those of its values that are the program's own.
DETAIL = {
    "did": "做了", "report": "报告", "role": "角色", "rows": "行数", "passed": "通过", "file": "文件", "reason": "原因", "verdict": "结论", "registration": "登记", "kind": "类型",
    "filter": "条件", "sections": "章节", "month": "月份", "days": "天数", "wanted": "要做", "sql": "语句", "parameters": "参数", "tables": "表", "error": "出错", "name": "名称",
    "shared": "共享", "source": "来源", "state": "状态", "version": "版本", "when": "时间", "connector": "来源", "variables": "变量", "upheld": "成立", "unmask": "看原值",
    "operation": "操作", "seconds": "秒", "department": "部门", "until": "到期", "dataset": "数据集", "truncated": "截断", "as_of": "截至", "answer": "答复", "subject": "身份标识", "number": "编号",
}  # fmt: skip
VALUES = {
    "add": "新建", "begin": "开始", "change": "修改", "make": "新建", "passwd": "重置口令", "revoke": "撤销", "answer": "答复", "draft": "起草", "disable": "停用",
    "enable": "启用", "totp": "重设动态口令", "test": "测试", "rotate": "更换密钥", "propose": "提议", "submit": "提交", "withdraw": "撤回", "end": "结束", "raise": "提出",
    "publish": "发布", "set": "设定", "unset": "撤回", "announce": "录全", "on": "启用", "off": "停用", "remove": "删除", "progress": "报进展", "closure": "申请销号", "reopen": "提出反弹重开",
    "pause": "停用", "resume": "恢复", "retire": "撤销", "approve": "批准", "reject": "退回", "accepted": "采纳", "rejected": "没有采纳", "approved": "批准",
    "accept": "接受", "map": "对应", "mail": "邮件", "wecom": "企业微信", "dingtalk": "钉钉", "webhook": "Webhook", "returned": "退回",
}  # fmt: skip


Seal = tuple[int, bytes]  # an entry's number and hash
_written: WeakKeyDictionary[psycopg.Connection[Any], Seal] = WeakKeyDictionary()  # and perhaps not yet committed


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
        [number, entry, told := link(before, entry), at],
    )
    _written[connection] = number, told


def link(before: bytes, entry: str) -> bytes:
    """The hash of an entry behind another."""
    return hashlib.sha256(before + entry.encode()).digest()


def verify(entries: Iterable[tuple[int, str, bytes]], seals: Sequence[Seal] = ()) -> tuple[int, bytes, Broken | None]:
    """Walk the chain: entries seen, the last hash, and the first place where it does not hold.

    `seals` are entries known from elsewhere, which must be there with that hash; more may come while the walk lasts.
    """
    known: dict[int, set[bytes]] = {}
    for number, told in seals:
        known.setdefault(number, set()).add(told)
    before, count = START, 0
    for number, entry, told in entries:
        if number != count + 1:
            return count, before, Broken(count + 1, f"缺第 {count + 1} 条，接着的是第 {number} 条")
        if link(before, entry) != told:
            return count, before, Broken(number, "内容与指纹不符")
        if known.get(number, {told}) != {told}:
            return count, before, Broken(number, "与留存的封印不符，从前面某处起整条链被换过")
        before, count = told, number
    most = max((number for number, _ in seals), default=0)
    if most > count:
        return count, before, Broken(count + 1, f"末尾被截断：至少应有 {most} 条")
    if any(number == count and told != before for number, told in seals):
        return count, before, Broken(count, "与留存的封印不符，从前面某处起整条链被换过")
    return count, before, None


def stored(connection: psycopg.Connection[Any], after: int = 0) -> Iterator[tuple[int, str, bytes]]:
    """The entries of the warehouse behind number `after`, oldest first, in bounded memory."""
    with connection.cursor("audit") as cursor:
        cursor.itersize = 5000
        cursor.execute("SELECT audit_id, entry, hash FROM hub.audit WHERE audit_id > %s ORDER BY audit_id", [after])
        for row in cursor:
            yield row["audit_id"], row["entry"], bytes(row["hash"])


def lines(entries: Iterable[tuple[int, str, bytes]]) -> Iterator[str]:
    """The entries as lines of an export: number, hash, entry, separated by blanks; the last line counts them."""
    count, last = 0, START
    for number, entry, told in entries:
        yield f"{number} {told.hex()} {entry}\n"
        count, last = number, told
    yield f"{_END} {count} {last.hex()}\n"


def read(text: Iterable[str], seals: list[Seal]) -> Iterator[tuple[int, str, bytes]]:
    """The entries of an export; what its last line says is added to `seals`.

    Raises:
        ValueError: a line is not of that form, or the last line is missing: the file is cut off.
    """
    ended, count = False, 0
    for line in text:
        head, told, entry = line.rstrip("\n").split(" ", 2)
        if ended:
            raise ValueError("lines behind the end")
        if head == _END:
            ended = True
            if int(told) < count:
                raise ValueError("more entries than the end says")
            if count or int(told):
                seals.append((int(told), bytes.fromhex(entry)))
        else:
            count += 1
            yield int(head), entry, bytes.fromhex(told)
    if not ended:
        raise ValueError("no end")


# ------------------------------------------------------------------------------------------------- seals
def seal(connection: psycopg.Connection[Any], file: Path) -> None:
    """Add the newest entry's number and hash to the file of seals, unless it is there."""
    last = connection.execute("SELECT audit_id, hash FROM hub.audit ORDER BY audit_id DESC LIMIT 1").fetchone()
    if last is None:
        return
    line = f"{last['audit_id']} {bytes(last['hash']).hex()}\n"
    file.touch(mode=0o600)
    with file.open("r+b") as target:
        end = target.seek(0, os.SEEK_END)
        target.seek(max(0, end - len(line)))
        if target.read() != line.encode():
            target.write(line.encode())


def settle(connection: psycopg.Connection[Any], file: Path) -> None:
    """Seal what this connection has written and committed; between transactions, by whoever ends the work on it."""
    seal = _written.pop(connection, None)
    if seal is None or connection.closed:
        return
    kept = connection.execute("SELECT FROM hub.audit WHERE audit_id = %s AND hash = %s", seal).fetchone()
    connection.rollback()
    if kept is None:  # taken back with its transaction
        return
    newest = file.with_name(file.name + _NEWEST)
    newest.touch(mode=0o600)
    with newest.open("r+", encoding="ascii") as target:
        fcntl.flock(target, fcntl.LOCK_EX)
        number = target.readline().partition(" ")[0]
        if not number.isdigit() or int(number) < seal[0]:
            target.seek(0)
            target.truncate()
            target.write(f"{seal[0]} {seal[1].hex()}\n")


def sealed(file: Path) -> list[Seal]:
    """The seals kept so far; a line cut short by a crash is none."""
    newest = file.with_name(file.name + _NEWEST)
    lines = [line for one in (file, newest) if one.exists() for line in one.read_text(encoding="ascii").splitlines()]
    pairs = (line.split(" ") for line in lines)
    return [(int(pair[0]), bytes.fromhex(pair[1])) for pair in pairs if len(pair) == 2 and len(pair[1]) == 64]
