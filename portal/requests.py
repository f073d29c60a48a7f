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
        Refused: no such dataset, no purpose, or longer than a year.
    """
    today = date.today()
    if dataset not in contracts() or not purpose or not today <= until <= today + timedelta(days=366):
        raise Refused(422, "申请没有填全", "数据集、用途必填，期限在一年以内")
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
