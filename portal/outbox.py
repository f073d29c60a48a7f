"""The outbox: what is due goes out, what did not arrive is tried again with growing pauses, each attempt is logged.

Lines due for the same receiver on the same channel go as one message. A line is taken under a lock and given back
when its attempt fails, so two processes never send the same one; after a crash in the middle it goes out once more,
under the same number.
"""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from portal import channels
from schemas.errors import HubError

if TYPE_CHECKING:
    import psycopg

    from portal.site import Site

Row = dict[str, Any]
PAUSES = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 240, 720))  # after each failed attempt; then it is given up
SHARE = 15.0  # seconds a channel may take of one round
_DUE = """
SELECT o.outbox_id, o.attempts, o.channel_id, o.receiver, n.notice_id, n.title, n.link, n.urgent FROM hub.outbox o JOIN hub.notice n USING (notice_id)
WHERE (o.channel_id, o.receiver) = (SELECT w.channel_id, w.receiver FROM hub.outbox w JOIN hub.notice_channel c USING (channel_id)
    WHERE w.sent_at IS NULL AND w.given_up_at IS NULL AND w.due_at <= clock_timestamp() AND c.enabled AND c.channel_id <> ALL(%s) ORDER BY w.due_at LIMIT 1)
  AND o.sent_at IS NULL AND o.given_up_at IS NULL AND o.due_at <= clock_timestamp()
ORDER BY n.urgent DESC, n.notice_id LIMIT 200 FOR UPDATE OF o SKIP LOCKED
"""


def send_due(site: Site, most: int = 100) -> tuple[int, int]:
    """Send what is due, at most that many messages; (sent, failed). A slow channel gives way to the others until the next round."""
    sent = failed = 0
    spent: dict[int, float] = defaultdict(float)
    for _ in range(most):
        begun = time.monotonic()
        with site.database.owner() as connection:
            due = connection.execute(_DUE, [[c for c, seconds in spent.items() if seconds > SHARE]]).fetchall()
            if not due:
                break
            ok = _attempt(connection, site, due)
        spent[due[0]["channel_id"]] += time.monotonic() - begun
        sent, failed = sent + ok, failed + (not ok)
    return sent, failed


def _attempt(connection: psycopg.Connection[Any], site: Site, due: list[Row]) -> bool:
    channel = connection.execute(
        "SELECT * FROM hub.notice_channel WHERE channel_id = %s", [due[0]["channel_id"]]
    ).fetchone()
    assert channel is not None
    lines = tuple((row["title"], f"{site.address}{row['link']}" if site.address else "") for row in due)
    title = lines[0][0] if len(lines) == 1 else f"{site.name}：{len(lines)} 条提醒"
    number = hashlib.sha256(repr([row["outbox_id"] for row in due]).encode()).hexdigest()[:24]
    begun, ok = time.monotonic(), True
    try:
        told = channels.deliver(
            channel["kind"], channel["address"], channel["secret"], due[0]["receiver"], channels.Message(number, title, lines)
        )  # fmt: skip
    except HubError as error:
        ok, told = False, str(error)
    ids = [row["outbox_id"] for row in due]
    if ok:
        connection.execute(
            "UPDATE hub.outbox SET sent_at = clock_timestamp(), attempts = attempts + 1 WHERE outbox_id = ANY(%s)",
            [ids],
        )
    else:
        connection.execute(
            "UPDATE hub.outbox SET attempts = attempts + 1, due_at = clock_timestamp() + coalesce((%(pauses)s::interval[])[attempts + 1], interval '0'), "
            "given_up_at = CASE WHEN attempts >= %(most)s THEN clock_timestamp() END WHERE outbox_id = ANY(%(ids)s)",
            {"pauses": list(PAUSES), "most": len(PAUSES), "ids": ids},
        )
    log(connection, channel["name"], due[0]["receiver"], len(due), ok, told, time.monotonic() - begun)
    return ok


def log(connection: psycopg.Connection[Any], channel: str, receiver: str, notices: int, ok: bool, told: str, seconds: float) -> None:  # fmt: skip
    """Keep what came of an attempt."""
    connection.execute(
        "INSERT INTO hub.notice_delivery (channel, receiver, notices, ok, told, seconds) VALUES (%s, %s, %s, %s, %s, %s)",
        [channel, receiver, notices, ok, told[:500], round(seconds, 3)],
    )


def test(connection: psycopg.Connection[Any], site: Site, channel: Row, receiver: str) -> tuple[bool, str]:
    """Send a test message now; whether it was taken, and what was said."""
    begun = time.monotonic()
    message = channels.Message(
        f"test-{time.time_ns()}", f"{site.name}：测试消息", (("收到这一条，说明渠道可用", site.address),)
    )
    try:
        ok, told = True, channels.deliver(channel["kind"], channel["address"], channel["secret"], receiver, message)
    except HubError as error:
        ok, told = False, str(error)
    log(connection, channel["name"], receiver, 0, ok, told, time.monotonic() - begun)
    return ok, told


def again(connection: psycopg.Connection[Any]) -> int:
    """Give what was given up, and what waits for another attempt, a new chance now; how many lines."""
    return connection.execute(
        "UPDATE hub.outbox SET given_up_at = NULL, attempts = 0, due_at = clock_timestamp() WHERE sent_at IS NULL AND (attempts > 0 OR given_up_at IS NOT NULL)"
    ).rowcount


def standing(connection: psycopg.Connection[Any]) -> list[Row]:
    """One row per channel: waiting, trying again, given up, sent in the last day, and its last attempt."""
    return connection.execute(
        "SELECT c.*, count(o.outbox_id) FILTER (WHERE o.sent_at IS NULL AND o.given_up_at IS NULL AND o.attempts = 0) AS waiting, "
        "count(o.outbox_id) FILTER (WHERE o.sent_at IS NULL AND o.given_up_at IS NULL AND o.attempts > 0) AS retrying, "
        "count(o.outbox_id) FILTER (WHERE o.given_up_at IS NOT NULL) AS given_up, "
        "count(o.outbox_id) FILTER (WHERE o.sent_at > clock_timestamp() - interval '1 day') AS sent FROM hub.notice_channel c "
        "LEFT JOIN hub.outbox o USING (channel_id) GROUP BY c.channel_id ORDER BY c.name"
    ).fetchall()


def deliveries(connection: psycopg.Connection[Any], limit: int = 50) -> list[Row]:
    """The delivery log, newest first."""
    return connection.execute(
        "SELECT * FROM hub.notice_delivery ORDER BY delivery_id DESC LIMIT %s", [limit]
    ).fetchall()
