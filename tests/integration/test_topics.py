"""High-frequency problems of the warehouse's own tickets: found in their texts, kept, followed, seen as of any day."""

from __future__ import annotations

import threading
import uuid
from datetime import date, datetime, timedelta

import psycopg
import pytest

from pipelines.poll import Poller
from pipelines.run import find_topics, prepare, settle
from views.past import named_in, open_past
from views.topics import standing
from warehouse.home import Home

DAY = date(2026, 9, 30)
_TOLD = ("{place}旁边搅拌站夜间噪声扰民", "{place}搅拌站粉尘很大，晚上吵得睡不着", "投诉{place}违建搅拌站噪声污染")


def _arrive(connection: psycopg.Connection, place: str, numbers: range, at: datetime) -> None:
    """Tickets of as many callers about one works at one place, as one delivery of the hotline office."""
    source = connection.execute(
        "INSERT INTO hub.source (connector, dataset, department, provider_dept_code, title) VALUES ('hotline_office/t', 'hotline_ticket', "
        "'hotline_office', '11510999MB0010030D', '工单') ON CONFLICT (connector) DO UPDATE SET title = EXCLUDED.title RETURNING source_id"
    ).fetchone()
    batch = connection.execute(
        "INSERT INTO hub.batch (source_id, dataset, delivery, kind, status, contract_version, extracted_at, committed_at, extracted, passed, quarantined, "
        "repaired, warned, new_rows, changed_rows, unchanged_rows, superseded_rows, closed_rows) VALUES (%s, 'hotline_ticket', %s, 'file', 'committed', "
        "'1', now(), clock_timestamp(), %s, %s, 0, 0, 0, %s, 0, 0, 0, 0) RETURNING batch_id",
        [source[0], f"{place}{numbers}.csv", *[len(numbers)] * 3],
    ).fetchone()  # fmt: skip
    for n in numbers:
        connection.execute(
            "INSERT INTO record.hotline_ticket (ticket_no, title, content, content_scrubbed, caller_hash, recorded_at, channel, status, is_enterprise, "
            "_source_id, _batch_id, _row_hash, _quality) VALUES (%s, %s, '原文', %s, %s, %s, '电话', 'recorded', false, %s, %s, %s, 0)",
            [f"T{n}", _TOLD[n % 3].format(place=place), f"第{n}次反映。", f"{n:064x}", at + timedelta(hours=n), source[0], batch[0], uuid.uuid4()],
        )  # fmt: skip
    connection.commit()


def test_topics_are_found_followed_and_seen_as_of_then(home: Home, database: str) -> None:
    prepare(home)
    with psycopg.connect(database) as connection:
        _arrive(connection, "丽发新城小区", range(20), datetime(2026, 9, 5))
        _arrive(connection, "滨河苑", range(100, 104), datetime(2026, 9, 6))
        settle(home, {"hotline_ticket"}, as_of=DAY)
        find_topics(home, as_of=DAY)
        listed = "SELECT topic_id, place, tickets, callers FROM board.hotline_topics ORDER BY tickets DESC"
        before = connection.execute(listed).fetchall()
        (first, *told), (second, *_) = before
        assert told == ["丽发新城", 20, 20]
        assert {row[0] for row in connection.execute("SELECT topic_id FROM board.hotline_topic_tickets")} == {
            first,
            second,
        }
        then = connection.execute("SELECT clock_timestamp()").fetchone()[0]
        connection.commit()

        # One more of twenty-four is no news yet; six more are.
        _arrive(connection, "丽发新城小区", range(20, 21), datetime(2026, 9, 20))
        assert not standing.refresh(connection, DAY)
        _arrive(connection, "丽发新城小区", range(21, 26), datetime(2026, 9, 20))
        settle(home, {"hotline_ticket"}, as_of=DAY)
        find_topics(home, as_of=DAY)
        assert [row[0] for row in connection.execute(listed)] == [first, second]
        assert connection.execute(listed).fetchone()[2] == 26
        connection.commit()
        assert not standing.refresh(connection, DAY)

        text = "SELECT topic_id, place, tickets, callers FROM hotline_topics ORDER BY tickets DESC"
        need, also = named_in(text, DAY)
        open_past(connection, then, need, also)
        assert connection.execute(text).fetchall() == before


def test_without_tickets_nothing_is_looked_for(home: Home, database: str) -> None:
    prepare(home)
    with psycopg.connect(database) as connection:
        assert not standing.refresh(connection, DAY)
        assert connection.execute("SELECT tickets FROM hub.topic_run").fetchall() == [(0,)]


def test_tickets_nobody_has_published_yet_are_published_with_their_topics(home: Home, database: str) -> None:
    """Else views made anew for a new day would hold them, and the next publication would add them once more."""
    prepare(home)
    with psycopg.connect(database) as connection:
        _arrive(connection, "丽发新城小区", range(20), datetime(2026, 9, 5))
        assert not [view.error for view in find_topics(home, as_of=DAY) if view.error]
        published = connection.execute("SELECT batch_id FROM board.published_batch ORDER BY 1").fetchall()
        assert published == connection.execute("SELECT batch_id FROM hub.batch ORDER BY 1").fetchall()


def test_no_round_waits_for_the_topics(home: Home, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(home)
    with psycopg.connect(database) as connection:
        _arrive(
            connection,
            "丽发新城小区",
            range(20),
            datetime.combine(home.today(), datetime.min.time()) - timedelta(days=3),
        )
    go_on, find = threading.Event(), standing._found
    monkeypatch.setattr(standing, "_found", lambda *args: go_on.wait(20) and find(*args))
    told: list[str] = []
    poller = Poller(home, only=[], report=lambda connectors, done: told.extend(view.name for view in done.published))
    try:
        assert poller.round().problems == {}
        assert told == []
        go_on.set()
        poller._topics.join(20)
        assert "hotline_topics" in told
        monkeypatch.setattr(standing, "_due", lambda *args: 1 / 0)
        poller._topics_day = None
        poller.round()
        poller._topics.join(20)
        assert "ZeroDivisionError" in poller.round().problems["hotline_topics"]
        assert poller.round().problems == {}
    finally:
        go_on.set()
        poller.close()


def test_topics_that_cannot_be_found_are_told(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(home)
    settle(home, set(), as_of=DAY)
    monkeypatch.setattr(standing, "_found", lambda connection, as_of: 1 / 0)
    (told,) = find_topics(home, as_of=DAY)
    assert (told.name, "ZeroDivisionError" in told.error) == ("hotline_topics", True)
