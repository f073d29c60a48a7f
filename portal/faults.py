"""What rows are refused for, in words people use: the rule, why it matters, and which boards miss the rows.

catalogue column + rule -> Fault(title "统一社会信用代码不是有效的…", why "代码不对，就认不出是哪家企业…", views that read the column)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from portal import catalogue, figures
from quality.row_rule import AUTOMATIC
from quality.rules import RULES
from schemas.contract import Contract, contracts

if TYPE_CHECKING:
    import psycopg

    from connectors.spec import Registry

Row = dict[str, Any]
_WHO = "代码不对，就认不出是哪家企业，这一行进不了企业的档案，也对不上别的部门的数据。"
_WHEN = "先后颠倒或日期不可能的，用时、时限和超期都算不出来。"
# By the kind of rule: why a row that breaks it is not let in.
_WHY = {
    "required": "缺了它，这一行说不清是谁、是哪一件，和别的表对不上。",
    "required_if": "这种情况下少了它，这一行的意思不完整。",
    "unparsed": "读不懂的值没法比较、求和、算时限；猜着读会把错数放进看板。",
    "code_set": "代码表里没有的写法归不了类，分类统计会漏掉它。",
    "one_of": "约定之外的取值归不了类，分类统计会漏掉它。",
    "duplicate_key": "同一个编号出现两次，不知道该信哪一行；算两次会多，随便留一行会错。",
    "numeric_id": "Excel 把长编码当数字存，末几位已经变成 0，认不出原来的编码。",
    "replacement_char": "乱码已经不能还原，只能从原系统重新导出。",
    "range": "超出合理范围的数一行就能把平均数、合计带偏。",
    "greater_than": "不合理的数一行就能把平均数、合计带偏。",
    "too_long": "超长多半是串了列，存进来会被截断。",
    "row_shape": "这一行不是一条完整的记录，多半错了位，每一列都不可信。",
    "not_before": _WHEN, "not_future": _WHEN,
} | dict.fromkeys(("uscc", "enterprise_code", "org_code", "reg_no", "taxpayer_id", "resident_id"), _WHO)  # fmt: skip
_OTHER = "不合约定的行不进共享库，免得错数进了看板和别的部门的业务。"


@dataclass(frozen=True)
class Fault:
    """One rule on one field: its sentence, why it matters, the published views that read the field as (name, title)."""

    title: str
    told: str
    why: str
    views: tuple[tuple[str, str], ...]


def _declared(agreed: Contract) -> dict[str, tuple[str, str]]:
    rules = [*agreed.rules, *(r for f in agreed.fields.values() for r in f.rules)]
    return {r.name: (r.description, str(r.spec.get("rule", ""))) for r in rules}


def told(dataset: str, rule: str) -> str:
    """A rule as a department reads it: the contract's own words, else the rule's; its name where nobody knows it now."""
    agreed = contracts().get(dataset)
    declared = _declared(agreed) if agreed else {}
    if rule in declared:
        return declared[rule][0]
    return AUTOMATIC.get(rule) or (RULES[rule][0] if rule in RULES else rule)


def fault(dataset: str, field: str, rule: str) -> Fault:
    """A rule of a dataset explained."""
    agreed = contracts().get(dataset)
    kind = (_declared(agreed).get(rule, ("", ""))[1] if agreed else "") or rule
    known = agreed.fields.get(field) if agreed else None
    views: tuple[tuple[str, str], ...] = ()
    if known is not None and agreed is not None:
        known_views = figures.catalog().views
        names = dict.fromkeys(view for view, _ in catalogue.downstream(dataset, field))
        views = tuple((name, known_views[name].title) for name in names if name in known_views)
    said = told(dataset, rule)
    return Fault(
        f"{known.title if known else field or '整行'}：{said.rstrip('。')}", said, _WHY.get(kind, _OTHER), views
    )


def worded(found: list[Row], registry: Registry) -> list[Row]:
    """Rows of quality_quarantine_by_rule with the source's name, the rule in words and the page that explains it."""
    return [
        r
        | {
            "source_title": registry.connectors[r["connector"]].title if r["connector"] in registry.connectors else r["connector"],
            "told": told(r["dataset"], r["rule"]),
            "place": "/quality/rules?" + urlencode({"connector": r["connector"], "field": r["field"] or "", "rule": r["rule"]}),
        }
        for r in found
    ]  # fmt: skip


def examples(connection: psycopg.Connection[Any], connector: str, field: str, rule: str, limit: int) -> list[Row]:
    """Waiting rows refused by a rule, the oldest order first: place in the delivery, offending value, order."""
    return connection.execute(
        "SELECT q.quarantine_id, q.order_id, q.delivery, q.sheet, q.row_number AS row, q.row_key AS key, f->>'value' AS value "
        "FROM hub.quarantine q JOIN hub.source s USING (source_id), jsonb_array_elements(q.reasons) f "
        "WHERE s.connector = %s AND q.resolved_at IS NULL AND f->>'rule' = %s AND coalesce(f->>'field', '') = %s "
        "ORDER BY q.order_id, q.quarantine_id LIMIT %s",
        [connector, rule, field, limit],
    ).fetchall()
