"""Requests for access: who asks for which dataset, for what, until when."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from portal import audit
from portal.web import Refused
from schemas.contract import contracts

if TYPE_CHECKING:
    from portal.web import Visit


def ask(visit: Visit, dataset: str, purpose: str, until: date, unmask: bool) -> int:
    """A new request, which waits for the security administrator; its number.

    Raises:
        Refused: no such dataset, no purpose, longer than a year; a dataset that is not shared, or needs no request.
    """
    today = date.today()
    if dataset not in contracts() or not purpose or not today <= until <= today + timedelta(days=366):
        raise Refused(422, "申请没有填全", "数据集、用途必填，期限在一年以内")
    agreed = contracts()[dataset]
    if agreed.sharing == "none":
        raise Refused(
            422,
            f"{agreed.title}不予共享，不能申请",
            f"依据：{agreed.sharing_basis or '由提供单位在契约里写明'}；有不同意见请找{agreed.owner or '提供单位'}",
        )
    if agreed.sharing == "unconditional" and not unmask:
        raise Refused(422, f"{agreed.title}是无条件共享，不用申请", "直接在目录或查询里用；要看没有脱敏的列才申请")
    with visit.site.database.owner() as connection:
        row = connection.execute(
            "INSERT INTO hub.access_request (account_id, dataset, unmask, purpose, until) VALUES (%s, %s, %s, %s, %s) RETURNING request_id",
            [visit.user.account_id, dataset, unmask, purpose, until],
        ).fetchone()
        audit.write(
            connection,
            visit.user.name,
            "request",
            dataset,
            address=visit.address,
            purpose=purpose,
            unmask=unmask,
            until=until.isoformat(),
        )
    assert row is not None
    return int(row["request_id"])
