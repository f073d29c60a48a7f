"""The system administrator's pages: departments, working calendar, channels of messages, state of secrets."""

from __future__ import annotations

import os
import re
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
from fastapi import APIRouter
from fastapi.responses import Response

from connectors import references
from portal import accounts, audit, channels, notices, outbox
from portal.web import Refused, Visit, route
from schemas.errors import ConfigError
from schemas.identifiers import COUNTY_TIME
from schemas.reference import departments
from warehouse import access
from warehouse import calendar as county

router = APIRouter()
_KINDS = {"weekday": "工作日", "weekend": "周末", "holiday": "节假日", "makeup": "调休上班"}
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d\Z")
_OLD_DAYS = 365  # a key older than this is due for a change


@route(router, "/admin/departments", "system.manage")
def units(visit: Visit) -> Response:
    """Every department: its code, its people, its sources; one without a clerk cannot mend what is returned."""
    registry = visit.site.registry()
    with visit.site.database.owner() as connection:
        people = {
            row["department"]: row["n"]
            for row in connection.execute(
                "SELECT department, count(*) AS n FROM hub.account WHERE disabled_at IS NULL AND role = 'clerk' GROUP BY 1"
            )
        }
    sources: dict[str, int] = {}
    for one in registry.connectors.values():
        sources[one.dept] = sources.get(one.dept, 0) + 1
    rows = [{"id": name, "unit": d, "clerks": people.get(name, 0), "sources": sources.get(name, 0)} for name, d in departments().items()]  # fmt: skip
    rows.sort(key=lambda r: (not (r["sources"] and not r["clerks"]), -r["sources"]))
    return visit.page("departments.html", rows=rows, alone=sum(bool(r["sources"] and not r["clerks"]) for r in rows))


# ------------------------------------------------------------------------------------------------- calendar
@route(router, "/admin/calendar", "system.manage")
def calendar(visit: Visit, year: int = 0) -> Response:
    """What the county has set, the special days of a year, and whether the next year is announced."""
    this = datetime.now(COUNTY_TIME).year
    chosen = year if this - 2 <= year <= this + 2 else this
    with visit.site.database.owner() as connection:
        known, own = county.calendar(connection), county.overrides(connection)
        announced = {row["year"] for row in connection.execute("SELECT year FROM hub.calendar_announced")}
    first = date(chosen, 1, 1)
    days = [known.day(first + timedelta(n)) for n in range((date(chosen, 12, 31) - first).days + 1)]
    special = [d for d in days if d.kind in {"holiday", "makeup"}]
    open_years = [y for y in (this, this + 1) if known.day(date(y, 6, 1)).provisional]
    return visit.page(
        "calendar.html", year=chosen, years=range(this - 1, this + 3), own=own, special=special, kinds=_KINDS, open_years=open_years,
        announced=announced, provisional=any(d.provisional for d in days), workdays=sum(d.is_workday for d in days),
    )  # fmt: skip


@route(router, "/admin/calendar", "system.manage", methods=("POST",))
def set_day(visit: Visit) -> Response:
    """Set or take back one day, or say that a year's announcement is entered."""
    did, source = visit.text("did"), visit.text("source")
    if did not in {"set", "unset", "announce"}:
        raise Refused(404, "没有这个操作", "请从工作日历页操作")
    try:
        with visit.site.database.owner() as connection:
            if did == "announce":
                thing = visit.text("year")
                county.announce(connection, int(thing), source=source, by=visit.user.name)
            else:
                thing = visit.text("day")
                day = date.fromisoformat(thing)
                if did == "unset":
                    county.take_back(connection, day, by=visit.user.name)
                else:
                    county.put(connection, day, is_workday=visit.text("kind") == "work", source=source, by=visit.user.name)  # fmt: skip
            audit.write(connection, visit.user.name, "config", f"工作日历 {thing}", address=visit.address, did=did, source=source)  # fmt: skip
    except ValueError as error:
        raise Refused(422, "日期或年份不对", "日期如 2027-02-06") from error
    return visit.go("/admin/calendar", "已设定；还没到期的时限按新的日历重算")


# ------------------------------------------------------------------------------------------------- channels
@route(router, "/admin/notify", "system.manage")
def notify(visit: Visit) -> Response:
    """Channels with what waits in each, the delivery log, and the form for a new one."""
    with visit.site.database.owner() as connection:
        found, log = outbox.standing(connection), outbox.deliveries(connection)
    return visit.page(
        "notify.html", channels=found, log=log, kinds=channels.KINDS, examples=channels.EXAMPLES, events={k: v.title for k, v in notices.KINDS.items()},
        departments=departments(),
    )  # fmt: skip


@route(router, "/admin/notify", "system.manage", methods=("POST",))
def add_channel(visit: Visit) -> Response:
    """A new channel."""
    kind, address, secret = visit.text("kind"), visit.text("address"), visit.text("secret") or None
    channels.check(kind, address, secret)
    missing = sorted(n for n in references.names([address, secret]) if not os.environ.get(n))
    quiet = visit.text("quiet_from") or None, visit.text("quiet_until") or None
    department, wanted = (
        visit.text("department") or None,
        [k for k in visit.form.getlist("events") if k in notices.KINDS],
    )
    name = visit.text("name")
    if not name or any(q and not _CLOCK.match(q) for q in quiet) or (quiet[0] is None) != (quiet[1] is None):
        raise Refused(422, "名称没有填，或免打扰时段不对", "时段如 22:00 至 07:00，两个都填或都不填")
    if department is not None and department not in departments():
        raise Refused(422, f"没有部门 '{department}'", "请从列表里选")
    try:
        with visit.site.database.owner() as connection:
            connection.execute(
                "INSERT INTO hub.notice_channel (name, kind, address, secret, department, kinds, urgent_only, quiet_from, quiet_until, made_by) "
                "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [name, kind, address, secret, department, wanted or None, visit.text("urgent_only") == "1", *quiet, visit.user.name],
            )  # fmt: skip
            audit.write(
                connection, visit.user.name, "config", f"消息渠道 {name}", address=visit.address, did="add", kind=kind
            )
    except psycopg.errors.UniqueViolation as error:
        raise ConfigError(f"渠道 {name}", "已经有这个名称", "请换一个") from error
    told = f"；还没有设置 {'、'.join(missing)}，请写进 var/hub.env 后重启" if missing else "，请发一条测试消息"
    return visit.go("/admin/notify", f"已添加 {name}{told}")


@route(router, "/admin/notify/retry", "system.manage", methods=("POST",))
def retry(visit: Visit) -> Response:
    """Try everything again that did not arrive."""
    with visit.site.database.owner() as connection:
        n = outbox.again(connection)
        audit.write(connection, visit.user.name, "config", "消息重发", address=visit.address, rows=n)
    return visit.go("/admin/notify", f"{n} 条重新排队，一分钟内发出")


@route(router, "/admin/notify/{number}/{did}", "system.manage", methods=("POST",))
def change_channel(visit: Visit, number: int, did: str) -> Response:
    """Test a channel, switch it on or off, or remove it."""
    with visit.site.database.owner() as connection:
        one = connection.execute("SELECT * FROM hub.notice_channel WHERE channel_id = %s", [number]).fetchone()
        if one is None or did not in {"test", "on", "off", "remove"}:
            raise Refused(404, "没有这个渠道或操作", "请刷新页面")
        ok, said = True, {"on": "已启用", "off": "已停用", "remove": "已删除"}.get(did, "")
        if did == "test":
            ok, told = outbox.test(connection, visit.site, one, visit.text("receiver"))
            said = f"测试消息{'已送到' if ok else '没有送到'}：{told}"
        elif did == "remove":
            connection.execute("DELETE FROM hub.notice_channel WHERE channel_id = %s", [number])
        else:
            connection.execute(
                "UPDATE hub.notice_channel SET enabled = %s WHERE channel_id = %s", [did == "on", number]
            )
        audit.write(connection, visit.user.name, "config", f"消息渠道 {one['name']}", address=visit.address, did=did)
    return visit.go("/admin/notify", f"{one['name']}：{said}"[:300], well=ok)


# ------------------------------------------------------------------------------------------------- secrets
@route(router, "/admin/secrets", "system.manage")
def secrets(visit: Visit) -> Response:
    """Which secrets are referred to and whether they are set, never what they are; the age of the hub's own keys."""
    registry = visit.site.registry()
    users: dict[str, list[str]] = {}
    for one in registry.connectors.values():
        for name in references.names(one.source):
            users.setdefault(name, []).append(one.id)
    with visit.site.database.owner() as connection:
        for row in connection.execute("SELECT name, address, secret FROM hub.notice_channel"):
            for name in references.names([row["address"], row["secret"]]):
                users.setdefault(name, []).append(f"消息渠道 {row['name']}")
        tokens = connection.execute(
            "SELECT t.title, a.name, t.expires_at, t.used_at FROM hub.api_token t JOIN hub.account a USING (account_id) "
            "WHERE t.revoked_at IS NULL AND t.expires_at > clock_timestamp() ORDER BY t.expires_at LIMIT 100"
        ).fetchall()
    if visit.site.oidc is not None:
        users.setdefault("HUB_SECRET_OIDC", []).append("统一身份认证")
    referred = [{"name": n, "set": bool(os.environ.get(n)), "users": who} for n, who in sorted(users.items())]
    return visit.page(
        "secrets.html",
        referred=referred,
        missing=sum(not r["set"] for r in referred),
        keys=_keys(visit),
        tokens=tokens,
        titles={c.id: c.title for c in visit.site.registry().connectors.values()},
    )


def _keys(visit: Visit) -> list[dict[str, Any]]:
    found = []
    for file, what in (("portal.key", "门户密钥（数据库口令由它派生）"), ("county.key", "个人信息指纹的县密钥")):
        path = visit.site.home.path / file
        if not path.exists():
            continue
        made = datetime.fromtimestamp(path.stat().st_mtime, COUNTY_TIME)
        age = (datetime.now(COUNTY_TIME) - made).days
        found.append({"file": file, "what": what, "made": made, "age": age, "old": age > _OLD_DAYS, "mode": f"{path.stat().st_mode & 0o777:04o}"})  # fmt: skip
    return found


@route(router, "/admin/secrets/rotate", "system.manage", methods=("POST",))
def rotate(visit: Visit) -> Response:
    """A new key of the portal: every database password ends and is made anew from it."""
    site = visit.site
    site.renew_key()
    with site.database.owner() as connection:
        changed = [a for a in accounts.everybody(connection) if a.active and a.db_role]
        for one in changed:
            access.grant_login(connection, one.db_role or "", site.database.password(one))
        audit.write(
            connection,
            visit.user.name,
            "config",
            "门户密钥",
            address=visit.address,
            did="rotate",
            accounts=len(changed),
        )
    return visit.go(
        "/admin/secrets",
        f"门户密钥已更换，{len(changed)} 个人的数据库口令失效；用 psql、BI 的请他们到“连接与令牌”页取新口令",
    )
