"""Messages: the user's inbox of them, how they come by mail, and the live counts in the head of every page."""

from __future__ import annotations

import psycopg
from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from portal import audit, notices
from portal.live import Live, answer
from portal.web import Refused, Visit, cookie, route, there

router = APIRouter()
MAIL = {"all": "都发（不急的每个工作日 8:30 合成一封）", "urgent": "只发紧急的", "never": "不发邮件"}


@route(router, "/notices", "notice.read")
def index(visit: Visit, unread: int = 0) -> Response:
    """The user's messages, and where they are mailed to."""
    with visit.site.database.owner() as connection:
        found = notices.inbox(connection, visit.user, unread=bool(unread))
        mail = connection.execute(
            "SELECT email, mail_when FROM hub.account WHERE account_id = %s", [visit.user.account_id]
        ).fetchone()
    return visit.page("notices.html", notices=found, mail=mail, whens=MAIL, unread=bool(unread), wrong="")


@route(router, "/notices/read", "notice.read", methods=("POST",))
def read_all(visit: Visit) -> Response:
    """Note all messages as read."""
    with visit.site.database.owner() as connection:
        notices.read(connection, visit.user)
    return visit.go("/notices", "都已标为已读")


@route(router, "/notices/mail", "notice.read", methods=("POST",))
def mail(visit: Visit) -> Response:
    """Where and when messages are mailed."""
    address, when = visit.text("email") or None, visit.text("when")
    if when not in MAIL:
        raise Refused(422, "没有选什么时候发", "请从三项里选一项")
    try:
        with visit.site.database.owner() as connection:
            connection.execute(
                "UPDATE hub.account SET email = %s, mail_when = %s WHERE account_id = %s",
                [address, when, visit.user.account_id],
            )
            audit.write(connection, visit.user.name, "notice", "邮件设置", address=visit.address, when=when)
    except psycopg.errors.CheckViolation as error:
        raise Refused(422, f"邮箱 '{address}' 不对", "例如 wangfang@example.gov.cn") from error
    return visit.go("/notices", "已保存")


@route(router, "/notices/{number}", "notice.read")
def follow(visit: Visit, number: int) -> Response:
    """Note one message as read and go where it leads."""
    with visit.site.database.owner() as connection:
        place = notices.read(connection, visit.user, number)
    place = there(place, f"消息 {number}", "消息")
    return RedirectResponse(place, 303)


@route(router, "/events", "account.self")
async def events(visit: Visit) -> Response:
    """Counts of what waits, as they change."""
    live: Live = visit.request.app.state.live
    seen = visit.request.headers.get("last-event-id", "") or visit.request.query_params.get("seen", "")
    return answer(live.stream(visit.user, visit.request.cookies.get(cookie(visit.site), ""), seen))
