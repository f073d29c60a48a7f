"""Live counts in the page's head: one stream a page, one question to the warehouse for all of them.

event: counts   data: {"inbox": 3, "notices": 12}     only when they differ from what the page has
a comment line every 15 s, so that proxies keep the line open; the stream ends with its session
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from portal import sessions
from portal.rectifying import OFFICE
from schemas.errors import WarehouseUnavailable
from warehouse.reference import answering

if TYPE_CHECKING:
    import psycopg

    from portal.accounts import Account
    from portal.site import Site

Counts = dict[str, int]
EVERY, BEAT = 3.0, 15.0  # seconds between questions, between signs of life
_MOST_KNOWN = 5000
# What each inbox lists (portal.pages.clerk, portal.tasks), counted for everybody at once.
_COUNTS = f"""
WITH refused AS (
  SELECT s.department, q.order_id, q.quarantine_id FROM hub.quarantine q JOIN hub.source s USING (source_id) WHERE q.resolved_at IS NULL),
waits AS (
  SELECT DISTINCT department, false AS clerks, order_id AS number FROM refused WHERE order_id IS NOT NULL
  UNION ALL SELECT r.department, false, quarantine_id FROM hub.correction_contest c JOIN refused r USING (quarantine_id) WHERE c.verdict IS NULL
  UNION ALL SELECT s.department, false, drift_id FROM hub.drift d JOIN hub.source s USING (source_id) WHERE d.state = 'open'
  UNION ALL SELECT provider, true, objection_id FROM hub.objection WHERE result IS NULL
  UNION ALL SELECT {answering("owner")}, true, conflict_id FROM hub.conflict WHERE closed_at IS NULL)
SELECT a.account_id,
  (SELECT count(*) FROM hub.notice_receipt r WHERE r.account_id = a.account_id AND r.read_at IS NULL) AS notices,
  CASE a.role WHEN 'clerk' THEN (SELECT count(*) FROM waits w WHERE w.department = a.department)
    + (SELECT count(*) FROM hub.registration WHERE state = 'rejected' AND created_by = a.name)
    + (SELECT count(*) FROM hub.rectification_report WHERE accepted IS NULL AND reported_by <> a.name AND a.department = %(office)s)
  WHEN 'engineer' THEN (SELECT count(*) FROM waits w WHERE NOT w.clerks AND (a.department IS NULL OR w.department = a.department))
    + (SELECT count(*) FROM hub.registration WHERE state = 'submitted' AND a.name NOT IN (created_by, submitted_by))
    + (SELECT count(*) FROM hub.publication WHERE state = 'proposed' AND a.department IS NULL AND lower(proposed_by) NOT IN (lower(a.name), lower(a.person)))
  WHEN 'secadmin' THEN (SELECT count(*) FROM hub.access_request WHERE approved IS NULL)
    + (SELECT count(*) FROM hub.account w WHERE w.approved_at IS NULL AND w.disabled_at IS NULL)
  ELSE 0 END AS inbox
FROM hub.account a WHERE a.account_id = ANY(%(accounts)s)
"""


def counts(connection: psycopg.Connection[Any], accounts: list[int]) -> dict[int, Counts]:
    """What waits for each account: things to do, messages unread."""
    return {
        row["account_id"]: {"inbox": row["inbox"], "notices": row["notices"]}
        for row in connection.execute(_COUNTS, {"accounts": accounts, "office": OFFICE})
    }


class Live:
    """The counts of everybody who has a page open, asked for at most once in EVERY seconds."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._open: dict[int, int] = {}
        self._known: dict[int, tuple[float, Counts]] = {}  # account -> when asked, what was told
        self._lock = threading.Lock()

    @property
    def streams(self) -> int:
        """How many pages listen."""
        return sum(self._open.values())

    def now(self, account: int) -> Counts:
        """The account's counts, at most EVERY seconds old; one question brings those of all who listen up to date."""
        with self._lock:
            moment = time.monotonic()
            old = (0.0, {"inbox": 0, "notices": 0})
            if moment - self._known.get(account, old)[0] >= EVERY:
                wanted = {account, *(a for a in list(self._open) if moment - self._known.get(a, old)[0] >= EVERY)}
                with self._site.database.owner() as connection:
                    found = counts(connection, list(wanted))
                if len(self._known) > _MOST_KNOWN:
                    self._known.clear()
                self._known |= {a: (moment, told) for a, told in found.items()}
            return self._known.get(account, old)[1]

    async def stream(self, user: Account, token: str, seen: str) -> AsyncIterator[str]:
        """Lines of one page's stream; `seen` is the id of the last event the page has got."""
        self._open[user.account_id] = self._open.get(user.account_id, 0) + 1
        try:
            yield "retry: 5000\n\n"
            spoken = checked = time.monotonic()
            while True:
                try:
                    found = await run_in_threadpool(self.now, user.account_id)
                    if time.monotonic() - checked > BEAT:
                        checked = time.monotonic()
                        if not await run_in_threadpool(self._still, token):
                            yield "event: end\ndata: {}\n\n"
                            return
                except WarehouseUnavailable:
                    found = None
                number = f"{found['inbox']}.{found['notices']}" if found else seen
                if found and number != seen:
                    seen, spoken = number, time.monotonic()
                    yield f"id: {number}\nevent: counts\ndata: {json.dumps(found)}\n\n"
                elif time.monotonic() - spoken > BEAT:
                    spoken = time.monotonic()
                    yield ": still here\n\n"
                await asyncio.sleep(EVERY)
        finally:
            self._open[user.account_id] -= 1
            if not self._open[user.account_id]:
                del self._open[user.account_id]

    def _still(self, token: str) -> bool:
        with self._site.database.owner() as connection:
            return sessions.find(connection, token, touch=False) is not None


def answer(lines: AsyncIterator[str]) -> StreamingResponse:
    """A stream of events as the browser's EventSource reads it."""
    return StreamingResponse(lines, media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})  # fmt: skip
