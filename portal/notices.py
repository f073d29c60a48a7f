"""Messages to people: one per cause, in the inbox of everybody its kind concerns, and in the outbox of each channel.

    put_all([Event("returned", "order:12", …)])
      hub.notice          one row, however often the cause is seen
      hub.notice_receipt  one row per person
      hub.outbox          one row per channel and receiver, due at once when urgent, else at the next digest

No personal data in a title: it names sources, numbers and days. Whoever may see more follows the link.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.identifiers import COUNTY_TIME
from warehouse import calendar

if TYPE_CHECKING:
    import psycopg

    from portal.accounts import Account

Row = dict[str, Any]
DIGEST = time(8, 30)  # on working days


class Kind(NamedTuple):
    """What a message is about and whom it concerns: roles of the department it names, roles of the whole county."""

    title: str
    urgent: bool
    own: tuple[str, ...] = ()
    county: tuple[str, ...] = ()


KINDS = {
    "returned": Kind("数据退回", False, ("clerk",)),
    "clock": Kind("时限提醒", False, ("clerk",)),
    "overdue": Kind("更正超期", True, ("clerk",), ("engineer",)),
    "dispute": Kind("异议或冲突待核实", False, ("clerk",)),
    "dispute_overdue": Kind("异议或冲突超期", True, ("clerk",), ("engineer",)),
    "contest": Kind("申诉待裁定", False, (), ("engineer",)),
    "failed": Kind("采集连续失败", True, ("clerk",), ("engineer",)),
    "late": Kind("来源迟到", False, ("clerk",), ("engineer",)),
    "held": Kind("整批待核", True, ("clerk",), ("engineer",)),
    "drift": Kind("来源有变化", False, ("clerk",), ("engineer",)),
    "registration": Kind("来源登记待审批", False, (), ("engineer",)),
    "publication": Kind("发布待批准", False, (), ("leader", "engineer")),
    "decided": Kind("办理结果", False),
    "request": Kind("共享申请待审批", False, (), ("secadmin",)),
    "request_late": Kind("共享申请超期未答复", True, (), ("secadmin",)),
    "account": Kind("账号待批准", False, (), ("secadmin",)),
    "rectification_due": Kind("整改快到期", False, ("clerk",)),
    "rectification_overdue": Kind("整改超期", True, ("clerk",), ("leader",)),
    "reopened": Kind("整改反弹", True, ("clerk",), ("leader",)),
    "rectification_report": Kind("整改报告待审核", False, ("clerk",), ("leader",)),
    "below_70": Kind("指标低于 70 分", False, ("clerk",), ("leader",)),
    "briefing": Kind("简报已生成", False, (), ("leader",)),
    "token": Kind("令牌快到期", False),
    "calendar": Kind("工作日历缺年度安排", False, (), ("sysadmin",)),
    "undelivered": Kind("消息没有送到", False, (), ("sysadmin",)),
}


@dataclass(frozen=True)
class Event:
    """Something that happened; the same `cause` is told once."""

    kind: str
    cause: str
    title: str
    link: str
    department: str | None = None
    account_id: int | None = None


def put_all(connection: psycopg.Connection[Any], events: Iterable[Event], now: datetime | None = None) -> int:
    """Tell of what is not told yet, in the caller's transaction; how many messages are new."""
    given = [asdict(event) | {"urgent": KINDS[event.kind].urgent} for event in events]
    if not given:
        return 0
    made = connection.execute(
        "INSERT INTO hub.notice (cause, kind, department, account_id, title, link, urgent) "
        "SELECT cause, kind, department, account_id, title, link, urgent FROM (SELECT DISTINCT ON (value ->> 'cause') ordinality, g.* "
        "FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY CROSS JOIN LATERAL jsonb_to_record(value) "
        "AS g (cause text, kind text, department text, account_id int, title text, link text, urgent boolean) "
        "ORDER BY value ->> 'cause', ordinality) first ORDER BY ordinality "
        "ON CONFLICT (cause) DO NOTHING RETURNING notice_id",
        [json.dumps(given, ensure_ascii=False)],
    ).fetchall()
    new = [row["notice_id"] for row in made]
    if not new:
        return 0
    kinds = json.dumps([{"kind": k, "own": v.own, "county": v.county} for k, v in KINDS.items()])
    connection.execute(
        "INSERT INTO hub.notice_receipt (account_id, notice_id) SELECT a.account_id, n.notice_id FROM hub.notice n "
        "JOIN jsonb_to_recordset(%s::jsonb) AS k (kind text, own text[], county text[]) USING (kind) "
        "JOIN hub.account a ON a.approved_at IS NOT NULL AND a.disabled_at IS NULL AND CASE WHEN n.account_id IS NOT NULL "
        "THEN a.account_id = n.account_id ELSE a.role = ANY(k.own) AND a.department = n.department "
        "OR a.role = ANY(k.county) AND a.department IS NULL END WHERE n.notice_id = ANY(%s)",
        [kinds, new],
    )
    _fill_outbox(connection, new, now or datetime.now(COUNTY_TIME))
    return len(new)


def _fill_outbox(connection: psycopg.Connection[Any], notices: Sequence[int], now: datetime) -> None:
    """A line per channel and receiver; what is for one person goes by mail only, groups read along."""
    connection.execute(
        "INSERT INTO hub.outbox (notice_id, channel_id, receiver, due_at) "
        "SELECT n.notice_id, c.channel_id, coalesce(a.email, ''), hub.after_quiet(CASE WHEN n.urgent THEN %(now)s ELSE %(digest)s END, c.quiet_from, c.quiet_until) "
        "FROM hub.notice n JOIN hub.notice_channel c ON c.enabled AND (c.kinds IS NULL OR n.kind = ANY(c.kinds)) "
        "AND (c.department IS NULL OR c.department = n.department) AND (n.urgent OR NOT c.urgent_only) "
        "LEFT JOIN (hub.notice_receipt r JOIN hub.account a ON a.account_id = r.account_id AND a.email IS NOT NULL) "
        "ON c.kind = 'mail' AND r.notice_id = n.notice_id AND a.mail_when <> 'never' AND (n.urgent OR a.mail_when = 'all') "
        "WHERE n.notice_id = ANY(%(notices)s) AND CASE WHEN c.kind = 'mail' THEN a.email IS NOT NULL ELSE n.account_id IS NULL END "
        "ON CONFLICT DO NOTHING",
        {"now": now, "digest": next_digest(connection, now), "notices": list(notices)},
    )


def next_digest(connection: psycopg.Connection[Any], now: datetime) -> datetime:
    """The next 08:30 of a working day, now included."""
    work, local = calendar.calendar(connection), now.astimezone(COUNTY_TIME)
    day = local.date() if local.time() <= DIGEST else local.date() + timedelta(days=1)
    while not work.day(day).is_workday:
        day += timedelta(days=1)
    return datetime.combine(day, DIGEST, COUNTY_TIME)


# ------------------------------------------------------------------------------------------------- the inbox
def inbox(connection: psycopg.Connection[Any], user: Account, *, unread: bool = False, limit: int = 100) -> list[Row]:
    """The user's messages, unread and urgent first, then newest."""
    found = connection.execute(
        "SELECT n.*, r.read_at FROM hub.notice_receipt r JOIN hub.notice n USING (notice_id) WHERE r.account_id = %s "
        "AND (NOT %s OR r.read_at IS NULL) ORDER BY r.read_at IS NOT NULL, n.urgent DESC, n.notice_id DESC LIMIT %s",
        [user.account_id, unread, limit],
    ).fetchall()
    return [row | {"about": KINDS[row["kind"]].title if row["kind"] in KINDS else row["kind"]} for row in found]


def read(connection: psycopg.Connection[Any], user: Account, notice: int | None = None) -> str | None:
    """Note one message (or all) as read; the place it leads to, None when it is not the user's."""
    connection.execute(
        "UPDATE hub.notice_receipt SET read_at = clock_timestamp() WHERE account_id = %s AND read_at IS NULL AND (%s::bigint IS NULL OR notice_id = %s)",
        [user.account_id, notice, notice],
    )
    row = connection.execute(
        "SELECT n.link FROM hub.notice_receipt r JOIN hub.notice n USING (notice_id) WHERE r.account_id = %s AND r.notice_id = %s",
        [user.account_id, notice],
    ).fetchone()
    return row["link"] if row else None
