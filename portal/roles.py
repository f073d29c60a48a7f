"""Who may do what: one table of roles and actions, one question `can`.

    can(user, "correction.fix", order)   -> the role may, and the object is in the user's department

The three administrators never see data; whoever makes an account does not approve it; whoever asks for a dataset
does not grant it. Rows and columns are the database's matter (warehouse.access), not this table's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from portal.accounts import Account

ROLES = {
    "leader": "领导",
    "clerk": "部门经办",
    "analyst": "分析员",
    "engineer": "数据工程师",
    "sysadmin": "系统管理员",
    "secadmin": "安全管理员",
    "auditor": "审计员",
}
ADMINS = frozenset({"sysadmin", "secadmin", "auditor"})
EVERYBODY = frozenset(ROLES)
DATA = EVERYBODY - ADMINS
PUBLIC = "public"  # the action of pages before the door: sign-in, its scripts, health

ACTIONS: dict[str, frozenset[str]] = {
    "home": EVERYBODY,
    "account.self": EVERYBODY,
    "notice.read": EVERYBODY,
    "board.read": DATA,
    "briefing.make": frozenset({"leader", "analyst", "engineer"}),
    "rectification.report": frozenset({"clerk"}),
    "rectification.review": frozenset({"leader", "clerk"}),
    "exposure.draft": frozenset({"leader", "analyst", "engineer"}),
    "exposure.decide": frozenset({"leader"}),
    "inbox.read": frozenset({"clerk", "engineer"}),
    "correction.read": frozenset({"clerk", "engineer"}),
    "correction.fix": frozenset({"clerk"}),
    "correction.decide": frozenset({"engineer"}),
    "upload": frozenset({"clerk"}),
    "source.read": frozenset({"clerk", "engineer"}),
    "source.run": frozenset({"engineer"}),
    "source.register": frozenset({"clerk", "engineer"}),
    "review.read": frozenset({"engineer", "leader", "analyst"}),
    "source.review": frozenset({"engineer"}),
    "publication.propose": frozenset({"leader", "analyst", "engineer"}),
    "publication.decide": frozenset({"leader", "engineer"}),
    "source.stand": frozenset({"clerk", "engineer"}),
    "source.drift": frozenset({"clerk", "engineer"}),
    "source.release": frozenset({"engineer"}),
    "standard.read": DATA,
    "standard.propose": frozenset({"clerk", "analyst", "engineer"}),
    "standard.decide": frozenset({"engineer"}),
    "objection.raise": DATA,
    "objection.answer": frozenset({"clerk"}),
    "conflict.decide": frozenset({"clerk", "engineer"}),
    "identity.decide": frozenset({"engineer"}),
    "catalogue.read": DATA,
    "query.run": frozenset({"analyst", "engineer", "clerk"}),
    "query.export": frozenset({"analyst", "engineer", "clerk"}),
    "token.manage": frozenset({"analyst", "engineer"}),
    "access.request": frozenset({"analyst", "clerk", "leader", "engineer"}),
    "access.decide": frozenset({"secadmin"}),
    "ops.read": frozenset({"engineer"}),
    "dagster": frozenset({"engineer"}),
    "user.manage": frozenset({"sysadmin"}),
    "user.read": frozenset({"sysadmin", "secadmin"}),
    "user.approve": frozenset({"secadmin"}),
    "audit.read": frozenset({"auditor"}),
    "grant.read": frozenset({"secadmin", "auditor"}),
    "data.classify": frozenset({"secadmin", "auditor"}),
    "system.manage": frozenset({"sysadmin"}),
}


def can(user: Account | None, action: str, thing: Any = None) -> bool:
    """Whether the user may do this, to this thing if one is given.

    A thing with a department (its attribute or key `department`) is open only to that department's people and to
    those whose scope is the whole county.
    """
    if action == PUBLIC:
        return True
    if user is None or user.role not in ACTIONS[action]:
        return False
    if thing is None or user.department is None:
        return True
    owner = thing.get("department") if isinstance(thing, dict) else getattr(thing, "department", None)
    return owner is None or owner == user.department
