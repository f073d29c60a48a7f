"""Who may read what, as one table: people × datasets, as the database enforces it now; for the yearly compliance check.

hub.account × contracts  ->  全部行 / 本部门的行 / 不可见，敏感列 脱敏 / 原值（申请 12，至 2026-12-31）
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from portal.roles import ACTIONS, ROLES
from schemas.contract import contracts
from warehouse.access import is_masked

if TYPE_CHECKING:
    import psycopg

Row = dict[str, Any]
# One line per person with a database role and dataset: asked as the rule itself decides it.
_GRANTS = """
SELECT a.account_id, r.dataset, max(r.until) AS until, max(r.until) FILTER (WHERE r.unmask) AS unmask_until, array_agg(r.request_id ORDER BY r.request_id) AS requests
FROM hub.account a JOIN hub.access_request r USING (account_id)
WHERE r.approved AND r.until >= current_date AND a.disabled_at IS NULL GROUP BY 1, 2
"""
_ACTION_TITLES = {
    "home": "登录", "account.self": "改自己的口令", "notice.read": "看消息", "board.read": "看板", "briefing.make": "简报", "inbox.read": "待办",
    "correction.read": "看更正单", "correction.fix": "更正", "correction.decide": "裁定申诉", "upload": "报送", "source.read": "看来源",
    "source.run": "立即采集", "catalogue.read": "数据目录", "query.run": "查询", "query.export": "导出", "token.manage": "令牌",
    "access.request": "提共享申请", "access.decide": "审批共享申请", "ops.read": "运行状况", "dagster": "调度", "user.manage": "建账号",
    "rectification.report": "报整改进展", "rectification.review": "审核整改报告", "exposure.draft": "起草红黑榜", "exposure.decide": "审核发布红黑榜", "source.register": "登记来源", "review.read": "看审批", "source.review": "审批登记", "publication.propose": "提出发布", "publication.decide": "批准发布", "source.stand": "停用和恢复来源",
    "source.drift": "处理来源变化", "source.release": "放行整批规则扣住的", "standard.read": "看数据标准", "standard.propose": "提标准建议", "standard.decide": "审定标准", "objection.raise": "提数据异议",
    "objection.answer": "答复异议", "conflict.decide": "裁定冲突", "identity.decide": "判定主体疑点", "user.read": "看账号", "user.approve": "批准账号", "audit.read": "审计", "grant.read": "看授权", "system.manage": "系统设置", "data.classify": "看分级脱敏",
}  # fmt: skip


def title(action: str) -> str:
    """An action in words; its code where nobody has named it."""
    return _ACTION_TITLES.get(action, action)


def people(connection: psycopg.Connection[Any]) -> list[Row]:
    """Everybody who can sign in."""
    return connection.execute(
        "SELECT account_id, name, person, role, department, approved_at, created_by, approved_by FROM hub.account WHERE disabled_at IS NULL ORDER BY role, name"
    ).fetchall()


def grants(connection: psycopg.Connection[Any]) -> dict[tuple[int, str], Row]:
    """Approved requests that still run, by account and dataset."""
    return {(row["account_id"], row["dataset"]): row for row in connection.execute(_GRANTS)}


def rows_seen(person: Row, grant: Row | None) -> str:
    """Which rows of a dataset this person reads."""
    if person["role"] not in {"leader", "clerk", "analyst", "engineer"} or person["approved_at"] is None:
        return "不可见"
    if person["department"] is None:
        return "全部行"
    return f"全部行（申请 {grant['requests'][-1]}，至 {grant['until']}）" if grant else "本部门的行"


def columns_seen(person: Row, dataset: str, grant: Row | None) -> str:
    """How the sensitive columns of a dataset look to this person."""
    if rows_seen(person, grant) == "不可见":
        return "—"
    if not sensitive(dataset):
        return "没有敏感列"
    callers = dataset.startswith("hotline") and person["department"] not in {None, "hotline_office"}
    if grant and grant["unmask_until"] and not callers:
        return f"原值（申请 {grant['requests'][-1]}，至 {grant['unmask_until']}）"
    return "不给看" if callers else "脱敏"


def sensitive(dataset: str) -> list[str]:
    """Titles of a dataset's columns that show masked or not at all."""
    agreed = contracts()[dataset]
    return [f.title for f in {**agreed.fields, **agreed.derived}.values() if is_masked(f.name, f)]


def workbook(connection: psycopg.Connection[Any]) -> bytes:
    """权限矩阵.xlsx: what roles may do, what people may read, and the requests that opened something."""
    import xlsxwriter  # type: ignore[import-untyped]

    who, open_to = people(connection), grants(connection)
    datasets = {name: c.title for name, c in sorted(contracts().items()) if c.fields}
    target = io.BytesIO()
    with xlsxwriter.Workbook(
        target, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    ) as book:
        head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})

        def sheet(name: str, header: list[str], lines: list[list[str]], width: int = 16) -> None:
            page = book.add_worksheet(name)
            page.set_column(0, len(header) - 1, width)
            page.write_row(0, 0, header, head)
            page.freeze_panes(1, 1)
            for at, line in enumerate(lines, 1):
                page.write_row(at, 0, line)

        sheet(
            "角色与操作",
            ["操作", *ROLES.values()],
            [[title(a), *("✓" if r in allowed else "" for r in ROLES)] for a, allowed in ACTIONS.items()],
        )
        basics = [[p["name"], p["person"], ROLES[p["role"]], p["department"] or "全县"] for p in who]
        sheet(
            "人员",
            ["账号", "姓名", "角色", "部门", "建账号", "批准"],
            [[*b, p["created_by"], p["approved_by"] or "待批准"] for b, p in zip(basics, who, strict=True)],
        )
        sheet(
            "数据行",
            ["账号", "姓名", "角色", "部门", *datasets.values()],
            [
                [*b, *(rows_seen(p, open_to.get((p["account_id"], d))) for d in datasets)]
                for b, p in zip(basics, who, strict=True)
            ],
        )
        sheet(
            "敏感列",
            ["账号", "姓名", "角色", "部门", *datasets.values()],
            [
                [*b, *(columns_seen(p, d, open_to.get((p["account_id"], d))) for d in datasets)]
                for b, p in zip(basics, who, strict=True)
            ],
        )
        sheet("敏感列清单", ["数据集", "列"], [[t, "、".join(sensitive(d)) or "没有"] for d, t in datasets.items()], 40)
    return target.getvalue()
