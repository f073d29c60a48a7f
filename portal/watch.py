"""What happens in the hub that somebody should be told of: looked at once a minute, each cause told once.

Each function gives the events of one kind of thing; `look` puts them all, so that one that fails hides no other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog

from portal import audit, mending, notices, outbox, rectifying
from portal.notices import Event
from portal.standing import FAILING, sources
from schemas.reference import deadline_rules, departments
from warehouse import access, calendar, correction, objection

if TYPE_CHECKING:
    import psycopg

    from portal.site import Site

log = structlog.get_logger("portal")
EVERY = 60.0  # seconds
STEPS, LATE = (50, 80, 100), "late"  # per cent of a clock's time, and past it
_SOON = 3  # working days before a rectification falls due
_TOKEN_DAYS = 7
_LOCK = 0x746F6E77


def corrections(connection: psycopg.Connection[Any], site: Site) -> Iterator[Event]:
    """Orders newly returned, the steps of their clocks, and contests that wait for somebody to decide."""
    for one in correction.orders(connection, mending.today()):
        link, what = f"/quality/orders/{one['order_id']}", f"{one['title']} 更正单 {one['order_id']}"
        yield Event(
            "returned", f"order:{one['order_id']}", f"{what}：{one['open_rows']} 行退回，{one['due_on']} 前改好", link, one["department"]
        )  # fmt: skip
        if found := _step(one):
            step, told = found
            kind = "overdue" if step == LATE else "clock"
            yield Event(kind, f"order:{one['order_id']}:{step}", f"{what}：{told}，还有 {one['open_rows']} 行", link, one["department"])  # fmt: skip
        if one["contested_rows"]:
            cause = f"contest:{one['order_id']}:{one['contested_rows']}"
            yield Event("contest", cause, f"{what}：{one['contested_rows']} 行申诉待裁定", link, one["department"])


def disputes(connection: psycopg.Connection[Any], site: Site) -> Iterator[Event]:
    """Data objections and conflicts with a source's owner: newly opened, then the steps of their clocks."""
    for one in objection.running(connection, mending.today()):
        title, page = _DISPUTES[one["what"]]
        link, what = f"{page}/{one['number']}", f"{title} {one['number']}"
        cause = f"{one['what']}:{one['number']}"
        yield Event("dispute", cause, f"{what}：请在 {one['due_on']} 前核实", link, one["department"])
        if found := _step(one):
            step, told = found
            yield Event("dispute_overdue" if step == LATE else "clock", f"{cause}:{step}", f"{what}：{told}", link, one["department"])  # fmt: skip


_DISPUTES = {"objection": ("数据异议", "/objections"), "conflict": ("数据冲突", "/conflicts")}


def _step(one: dict[str, Any]) -> tuple[str, str] | None:
    """The highest of STEPS a clock has passed, or LATE from the day after its last, and that in words; None before the first."""
    if one["days_left"] < 0:
        return LATE, f"已超期 {-one['days_left']} 个工作日"
    step = max((s for s in STEPS if one["used_pct"] >= s), default=0)
    return (str(step), f"时限已用 {step}%，{one['due_on']} 到期") if step else None


def deliveries(connection: psycopg.Connection[Any], site: Site) -> Iterator[Event]:
    """Sources that are late, held, or have failed several times running, and what has changed in them."""
    for one in sources(connection, site):
        link, department = f"/connectors/{one['connector']}", one["department"]
        if one["state"] == "late":
            cause = f"late:{one['connector']}:{one['batch_id']}"
            yield Event("late", cause, f"{one['unit']} {one['title']} 没有按约定时间更新", link, department)
        if one["held_batch"] is not None:
            place = f"/runs/{one['held_batch']}"
            yield Event("held", f"held:{one['held_batch']}", f"{one['unit']} {one['title']} 的一批数据被扣住，等人核实", place, department)  # fmt: skip
    for row in connection.execute(
        "SELECT s.connector, s.title, s.department, l.failures, coalesce(l.answered_at::text, '') AS since FROM hub.source_layout l "
        "JOIN hub.source s USING (source_id) WHERE l.failures >= %s", [FAILING],
    ):  # fmt: skip
        cause = f"failed:{row['connector']}:{row['since']}"
        yield Event("failed", cause, f"{row['title']} 连续 {row['failures']} 次没有采到", f"/connectors/{row['connector']}", row["department"])  # fmt: skip
    for row in connection.execute(
        "SELECT d.drift_id, d.kind, s.connector, s.title, s.department FROM hub.drift d JOIN hub.source s USING (source_id) "
        "WHERE d.state = 'open' AND d.kind <> 'missing'"
    ):
        link = f"/connectors/{row['connector']}"
        yield Event(
            "drift", f"drift:{row['drift_id']}", f"{row['title']} 与约定不一致，等人决定", link, row["department"]
        )


def approvals(connection: psycopg.Connection[Any], site: Site) -> Iterator[Event]:
    """Requests, accounts and registrations that wait for a decision, and decisions for whoever asked."""
    days = {r.rule_id: r.days for r in deadline_rules()}["sharing.reply.conditional"]
    work, today = calendar.calendar(connection), mending.today()
    for row in connection.execute(
        "SELECT r.request_id, r.account_id, r.dataset, r.requested_at::date AS asked_on, r.approved FROM hub.access_request r "
        "WHERE r.decided_at IS NULL OR r.decided_at > clock_timestamp() - interval '7 days'"
    ):
        what = f"共享申请 {row['request_id']}（{row['dataset']}）"
        if row["approved"] is not None:
            words = "已批准" if row["approved"] else "没有批准"
            yield Event("decided", f"request:{row['request_id']}:decided", f"{what}{words}", "/requests", account_id=row["account_id"])  # fmt: skip
            continue
        yield Event("request", f"request:{row['request_id']}", f"{what}等待审批", "/admin/requests")
        if work.between(row["asked_on"], today) > days:
            cause = f"request:{row['request_id']}:late"
            yield Event("request_late", cause, f"{what}超过 {days} 个工作日没有答复", "/admin/requests")
    for row in connection.execute("SELECT name FROM hub.account WHERE approved_at IS NULL AND disabled_at IS NULL"):
        yield Event("account", f"account:{row['name']}", f"账号 {row['name']} 等待批准", "/admin/users")
    for row in connection.execute(
        "SELECT r.registration_id, r.connector, r.state, a.account_id FROM hub.registration r LEFT JOIN hub.account a ON a.name = r.created_by "
        "WHERE r.state = 'submitted' OR r.state IN ('approved', 'rejected') AND r.decided_at > clock_timestamp() - interval '7 days'"
    ):
        what, cause = f"来源登记 {row['connector']}", f"registration:{row['registration_id']}"
        if row["state"] == "submitted":
            yield Event("registration", cause, f"{what} 等待审批", "/connectors")
        elif row["account_id"] is not None:
            words = "已批准，开始采集" if row["state"] == "approved" else "没有批准，理由在登记页"
            yield Event("decided", f"{cause}:{row['state']}", f"{what} {words}", "/connectors", account_id=row["account_id"])  # fmt: skip


def publications(connection: psycopg.Connection[Any], site: Site) -> Iterator[Event]:
    """Figures that wait to be given out, and what was decided for whoever asked."""
    for row in connection.execute(
        "SELECT p.publication_id, p.title, p.state, a.account_id FROM hub.publication p LEFT JOIN hub.account a ON lower(a.name) = lower(p.proposed_by) "
        "WHERE p.state = 'proposed' OR p.decided_at > clock_timestamp() - interval '7 days'"
    ):
        link, what = f"/reviews/publications/{row['publication_id']}", f"发布 {row['publication_id']}（{row['title']}）"
        cause = f"publication:{row['publication_id']}"
        if row["state"] == "proposed":
            yield Event("publication", cause, f"{what}等待批准", link)
        elif row["account_id"] is not None:
            words = "已批准" if row["state"] == "approved" else "被退回"
            yield Event("decided", f"{cause}:decided", f"{what}{words}", link, account_id=row["account_id"])


def boards(connection: psycopg.Connection[Any], site: Site) -> Iterator[Event]:
    """Rectifications due and overdue, indicators below 70, new briefings."""
    by_code = {d.dept_code: name for name, d in departments().items()}
    work, today = calendar.calendar(connection), mending.today()
    soon = work.add(today, _SOON).date
    if _there(connection, "rectification_ledger"):
        for row in connection.execute(
            "SELECT problem_no, lead_dept_code, due_on, days_overdue FROM board.rectification_ledger WHERE NOT is_closed AND (days_overdue > 0 OR due_on <= %s)",
            [soon],
        ):
            link, owner = f"/boards/rectification/{row['problem_no']}", by_code.get(row["lead_dept_code"])
            if row["days_overdue"] > 0:
                cause = f"rectification:{row['problem_no']}:{row['due_on']}:overdue"
                yield Event("rectification_overdue", cause, f"整改问题 {row['problem_no']} 已超期 {row['days_overdue']} 天", link, owner)  # fmt: skip
            else:
                cause = f"rectification:{row['problem_no']}:{row['due_on']}:due"
                yield Event("rectification_due", cause, f"整改问题 {row['problem_no']} 于 {row['due_on']} 到期", link, owner)  # fmt: skip
    if _there(connection, "indicator_overview"):
        for row in connection.execute(
            "SELECT indicator_code, indicator, year, score, lead_dept_code FROM board.indicator_overview WHERE below_70"
        ):
            cause = f"below:{row['year']}:{row['indicator_code']}"
            words = f"{row['year']} 年{row['indicator']} {row['score']:.2f} 分，低于 70 分"
            yield Event("below_70", cause, words, f"/boards/indicators/{row['indicator_code']}", by_code.get(row["lead_dept_code"]))  # fmt: skip
    for row in connection.execute(
        "SELECT briefing_id, title FROM hub.briefing WHERE made_at > clock_timestamp() - interval '7 days'"
    ):
        yield Event("briefing", f"briefing:{row['briefing_id']}", f"简报《{row['title']}》已生成", "/briefings")


def reports(connection: psycopg.Connection[Any], site: Site) -> Iterator[Event]:
    """Reports about rectifications that wait for the office, and what became of them for whoever reported."""
    for row in connection.execute(
        "SELECT r.report_id, r.problem_no, r.kind, r.accepted, r.department, r.due_on, a.account_id FROM hub.rectification_report r LEFT JOIN hub.account a ON a.name = r.reported_by "
        "WHERE r.accepted IS NULL OR r.answered_at > clock_timestamp() - interval '7 days'"
    ):
        link, what = (
            f"/boards/rectification/{row['problem_no']}#reports",
            f"{row['problem_no']} 的{rectifying.KINDS[row['kind']]}",
        )
        cause = f"report:{row['report_id']}"
        if row["accepted"] is None:
            yield Event("rectification_report", cause, f"{what}等待审核", link, rectifying.OFFICE)
        elif row["account_id"] is not None:
            words = "已同意" if row["accepted"] else "被退回，理由在问题页"
            yield Event("decided", f"{cause}:decided", f"{what}{words}", link, account_id=row["account_id"])
        if row["kind"] == "reopen" and row["accepted"]:
            title = f"{row['problem_no']} 反弹，重新整改，{row['due_on']} 前完成"
            yield Event("reopened", f"{cause}:reopened", title, link, row["department"])


def endings(connection: psycopg.Connection[Any], site: Site) -> Iterator[Event]:
    """Tokens that end soon, and a coming year whose working days nobody has announced."""
    for row in connection.execute(
        "SELECT token_id, account_id, title, expires_at::date AS ends_on FROM hub.api_token WHERE revoked_at IS NULL "
        "AND expires_at BETWEEN clock_timestamp() AND clock_timestamp() + make_interval(days => %s)", [_TOKEN_DAYS],
    ):  # fmt: skip
        yield Event("token", f"token:{row['token_id']}", f"令牌“{row['title']}”{row['ends_on']} 到期", "/connect", account_id=row["account_id"])  # fmt: skip
    ahead = mending.today() + timedelta(days=60)
    if calendar.calendar(connection).add(ahead, 1).provisional:
        yield Event(
            "calendar",
            f"calendar:{ahead.year}",
            f"{ahead.year} 年的放假安排还没有录入，算出的到期日是暂定的",
            "/admin/calendar",
        )


def channels(connection: psycopg.Connection[Any], site: Site) -> Iterator[Event]:
    """Channels on which messages were given up, once a day each."""
    for row in connection.execute(
        "SELECT c.channel_id, c.name, count(*) AS n, (max(o.given_up_at) AT TIME ZONE 'Asia/Shanghai')::date AS day FROM hub.outbox o "
        "JOIN hub.notice_channel c USING (channel_id) WHERE o.given_up_at IS NOT NULL GROUP BY c.channel_id, c.name"
    ):
        cause = f"undelivered:{row['channel_id']}:{row['day']}"
        yield Event(
            "undelivered", cause, f"消息渠道“{row['name']}”有 {row['n']} 条试了多次没有送到，已放弃", "/admin/notify"
        )


def _there(connection: psycopg.Connection[Any], view: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s) AS made", [f"board.{view}"]).fetchone()
    return bool(row and row["made"] is not None)


WATCHED: tuple[Callable[[Any, Site], Iterator[Event]], ...] = (
    corrections,
    disputes,
    deliveries,
    approvals,
    publications,
    boards,
    reports,
    endings,
    channels,
)


def look(site: Site) -> int:
    """Look everywhere once and tell what is new; how many messages."""
    made = 0
    with site.database.owner() as connection:
        audit.seal(connection, site.home.path / audit.SEALS)
        access.curb(connection)
        taken = connection.execute("SELECT pg_try_advisory_xact_lock(%s) AS mine", [_LOCK]).fetchone()
        if not (taken and taken["mine"]):  # another process is at it
            return 0
        for part in WATCHED:
            try:
                with connection.transaction():
                    made += notices.put_all(connection, list(part(connection, site)))
            except Exception:  # a view that changes its columns must not silence the clocks
                log.exception("watch_failed", part=part.__name__)
    return made


def forever(site: Site, stop: threading.Event) -> None:
    """Look and send, once a minute until `stop`; whatever fails is logged and tried again."""
    pause = 5.0  # the first look soon after the start
    while not stop.wait(pause):
        pause = EVERY
        try:
            made = look(site)
            sent, failed = outbox.send_due(site)
            if made or sent or failed:
                log.info("notices", made=made, sent=sent, failed=failed)
        except Exception:
            log.exception("notices_failed")
