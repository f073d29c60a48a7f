"""The side menu: four groups, each user sees what the role can open."""

from __future__ import annotations

from typing import NamedTuple

from portal.accounts import Account
from portal.roles import can


class Entry(NamedTuple):
    """One line of the menu."""

    title: str
    place: str
    action: str
    here: bool = False


_GROUPS = (
    ("看板", (Entry("营商指标", "/boards/indicators", "board.read"), Entry("12345 热线", "/boards/hotline", "board.read"),
              Entry("问题整改", "/boards/rectification", "board.read"), Entry("部门成绩单", "/boards/departments", "board.read"),
              Entry("短板因果", "/boards/causes", "board.read"), Entry("红黑榜", "/boards/exposure", "board.read"), Entry("简报", "/briefings", "briefing.make"), Entry("审批", "/reviews", "review.read"))),
    ("接入", (Entry("待办", "/inbox", "inbox.read"), Entry("数据质量", "/quality", "correction.read"), Entry("报送", "/uploads", "upload"),
              Entry("来源", "/connectors", "source.read"), Entry("来源变化", "/drift", "source.drift"), Entry("数据冲突", "/conflicts", "conflict.decide"), Entry("主体疑点", "/identity", "identity.decide"), Entry("运行记录", "/runs", "source.read"))),
    ("数据", (Entry("数据目录", "/catalogue", "catalogue.read"), Entry("数据标准", "/standards", "standard.read"), Entry("查询", "/sql", "query.run"), Entry("共享申请", "/requests", "access.request"), Entry("数据异议", "/objections", "objection.raise"),
              Entry("连接与令牌", "/connect", "token.manage"))),
    ("管理", (Entry("运行状况", "/ops", "ops.read"), Entry("调度（Dagster）", "/dagster/", "dagster"), Entry("账号", "/admin/users", "user.read"),
              Entry("授权审批", "/admin/requests", "access.decide"), Entry("授权", "/admin/grants", "grant.read"), Entry("分级与脱敏", "/admin/classification", "data.classify"),
              Entry("部门", "/admin/departments", "system.manage"), Entry("工作日历", "/admin/calendar", "system.manage"), Entry("消息渠道", "/admin/notify", "system.manage"),
              Entry("密钥", "/admin/secrets", "system.manage"), Entry("审计", "/admin/audit", "audit.read"))),
)  # fmt: skip

HOMES = {
    "leader": "/boards/indicators", "clerk": "/inbox", "analyst": "/catalogue", "engineer": "/ops", "sysadmin": "/admin/users",
    "secadmin": "/admin/requests", "auditor": "/admin/audit",
}  # fmt: skip


def menu(user: Account, path: str) -> list[tuple[str, list[Entry]]]:
    """The groups with something in them for this user; the page that is open is marked."""
    found = []
    for title, entries in _GROUPS:
        open_to = [
            e._replace(here=path == e.place or path.startswith(e.place.rstrip("/") + "/"))
            for e in entries
            if can(user, e.action)
        ]
        if open_to:
            found.append((title, open_to))
    return found
