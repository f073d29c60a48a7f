"""The warehouse's own high-frequency problems: found in the texts of its tickets, kept with every version.

    hub.topic         what each is about            shared.hotline_topic
    hub.topic_ticket  which ticket is of which      shared.hotline_topic_ticket

Looking through thousands of texts takes seconds, so it is done when something is to be learnt: on a new day, with another
dictionary, or when the tickets that came in since are a twentieth of those looked at. Figures of a topic (how many, how
many callers, rising or not) are the views'; here is only what belongs together.
"""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from typing import Any

import numpy as np
import psycopg

from schemas.reference import code_sets
from views.topics.words import FILE, dictionary

_DAYS = 60  # the two spans of thirty days that the views compare
_MOST = 20_000  # the latest tickets of those days: about a minute of one core
_NEWS = 0.05  # share of new or changed tickets that is worth looking again
_LOCK = 0x746F7069


def refresh(connection: psycopg.Connection[Any], as_of: date) -> bool:
    """Find the topics of the tickets up to that day anew if it is due; whether anything came out otherwise. Committed.

    Topics of earlier tickets stay as they were found; a topic keeps its id as long as it keeps most of its tickets.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        words = hashlib.sha256(FILE.read_bytes()).hexdigest()[:16]
        if not _due(connection, as_of, words):
            return False
        looked_at, topics, members = _found(connection, as_of)
        # A publication under way is waited for, and the next one for this: what it is as of then is what it saw.
        connection.execute("LOCK TABLE hub.batch IN ROW EXCLUSIVE MODE")
        changed = _keep(connection, looked_at, topics, members)
        connection.execute("INSERT INTO hub.topic_run VALUES (now(), %s, %s, %s)", [as_of, len(looked_at), words])
    return changed


def _due(connection: psycopg.Connection[Any], as_of: date, words: str) -> bool:
    last = connection.execute(
        "SELECT found_at, as_of, tickets, words FROM hub.topic_run ORDER BY found_at DESC LIMIT 1"
    ).fetchone()
    if last is None or (last[1], last[3]) != (as_of, words):
        return True
    news = connection.execute(
        "SELECT coalesce(sum(new_rows + changed_rows + closed_rows), 0) FROM hub.batch "
        "WHERE dataset = 'hotline_ticket' AND status = 'committed' AND committed_at > %s",
        [last[0]],
    ).fetchone()
    return news is not None and news[0] > _NEWS * last[2]


def _found(
    connection: psycopg.Connection[Any], as_of: date
) -> tuple[list[str], list[tuple[Any, ...]], list[tuple[str, str]]]:
    """The tickets looked at, the topics (id, title, place, keywords, representative) and (ticket, topic)."""
    rows = connection.execute(
        "SELECT DISTINCT ON (ticket_no) ticket_no, caller_hash, recorded_at, coalesce(title, ''), coalesce(content_scrubbed, ''), town_code, category_code "
        "FROM (SELECT * FROM shared.hotline_ticket WHERE recorded_at >= %s AND recorded_at < %s AND coalesce(title, content_scrubbed) <> '' "
        "ORDER BY recorded_at DESC LIMIT %s) t ORDER BY ticket_no, recorded_at",
        [as_of - timedelta(days=_DAYS - 1), as_of + timedelta(days=1), _MOST],
    ).fetchall()
    if not rows:
        return [], [], []
    from views.topics.find import Earlier, Messages, among

    rows.sort(key=lambda row: (row[2], row[0]))
    numbers, callers, moments, titles, bodies, towns, categories = (list(column) for column in zip(*rows, strict=True))
    none = np.zeros(len(rows), dtype=np.int64)
    town_of = {code.code: code.name for code in code_sets()["town"].codes}
    earlier = connection.execute("SELECT ticket_no, topic_id FROM shared.hotline_topic_ticket").fetchall()
    found = among(
        Messages(
            numbers,
            callers,
            moments,
            titles,
            bodies,
            [town_of.get(town) for town in towns],
            categories,
            none,
            none,
            has_votes=False,
        ),
        dictionary(),
        earlier=Earlier(dict(earlier), {}),
    )
    topics = [(t["topic_id"], t["title"], t["place"], t["keywords"], t["representative"]) for t in found.topics]
    return numbers, topics, [(m["ticket_no"], m["topic_id"]) for m in found.members]


def _keep(
    connection: psycopg.Connection[Any], looked_at: list[str], topics: list[tuple[Any, ...]], members: list[tuple[str, str]]
) -> bool:  # fmt: skip
    """End the versions that no longer stand and begin those that do; whether there were any."""
    cursor = connection.cursor()
    for table, columns, rows in (
        ("looked_at", "ticket_no text", [(number,) for number in looked_at]),
        ("now_topic", "topic_id text, title text, place text, keywords text, representative text", topics),
        ("now_ticket", "ticket_no text, topic_id text", members),
    ):
        cursor.execute(f"CREATE TEMP TABLE {table} ({columns}) ON COMMIT DROP".encode())
        with cursor.copy(f"COPY {table} FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(row)
    moment = connection.execute("SELECT clock_timestamp()").fetchone()
    assert moment is not None
    changes = 0
    for statement in (
        """UPDATE hub.topic_ticket o SET known_to = %(now)s FROM looked_at l WHERE o.ticket_no = l.ticket_no AND o.known_to = 'infinity'
           AND NOT EXISTS (SELECT FROM now_ticket n WHERE n.ticket_no = o.ticket_no AND n.topic_id = o.topic_id)""",
        """INSERT INTO hub.topic_ticket (ticket_no, topic_id, known_from) SELECT n.ticket_no, n.topic_id, %(now)s FROM now_ticket n
           WHERE NOT EXISTS (SELECT FROM hub.topic_ticket o WHERE o.ticket_no = n.ticket_no AND o.known_to = 'infinity')""",
        """UPDATE hub.topic o SET known_to = %(now)s WHERE o.known_to = 'infinity' AND (
           NOT EXISTS (SELECT FROM hub.topic_ticket t WHERE t.topic_id = o.topic_id AND t.known_to = 'infinity')
           OR EXISTS (SELECT FROM now_topic n WHERE n.topic_id = o.topic_id
             AND (n.title, n.place, n.keywords, n.representative) IS DISTINCT FROM (o.title, o.place, o.keywords, o.representative)))""",
        """INSERT INTO hub.topic (topic_id, title, place, keywords, representative, known_from)
           SELECT n.topic_id, n.title, n.place, n.keywords, n.representative, %(now)s FROM now_topic n
           WHERE NOT EXISTS (SELECT FROM hub.topic o WHERE o.topic_id = n.topic_id AND o.known_to = 'infinity')""",
    ):
        changes += cursor.execute(statement.encode(), {"now": moment[0]}).rowcount
    return changes > 0
