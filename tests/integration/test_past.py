"""The past stays as it was: the same question as of a day gives the same bytes after later corrections."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.cli import main
from pipelines.run import prepare, settle
from tests.integration.callbacks import connector, fill, row, take
from warehouse import access, merging
from warehouse.engines.adbc import Connection
from warehouse.history import COUNTY_TIME, REFERENCE, _parties, instant, settled
from warehouse.home import Home
from warehouse.migrations import statements
from warehouse.tables import literal

BOARD = "SELECT * FROM quality_deliveries"
ROWS = "SELECT callback_id, solved, batch_id FROM hotline_callback"


def now(database: str) -> str:
    with psycopg.connect(database) as connection:
        return instant(connection).astimezone(COUNTY_TIME).isoformat()


def asked(sql: str, at: str | None, capfd: pytest.CaptureFixture[str]) -> str:
    capfd.readouterr()
    assert main(["query", sql, "-o", "csv", *(["--as-of", at] if at else [])]) == 0
    return capfd.readouterr().out


def test_a_query_as_of_then_gives_the_same_bytes_later(
    home: Home, source: str, tmp_path: Path, database: str, capfd: pytest.CaptureFixture[str]
) -> None:
    prepare(home)
    full = connector(tmp_path, "full")
    fill(source, [row(1), row(2), row(3)])
    take(full, home)
    settle(home, {"hotline_callback"})
    then = now(database)
    before = {sql: asked(sql, then, capfd) for sql in (ROWS, BOARD, "SELECT solved, count(*) FROM hotline_callback GROUP BY 1 ORDER BY round(count(*)) DESC")}  # fmt: skip
    assert before[ROWS].splitlines() == ["callback_id,solved,batch_id", "CB00001,已解决,1", "CB00002,已解决,1", "CB00003,已解决,1"]  # fmt: skip
    fill(source, [row(1, solved="未解决"), row(3), row(4)])
    take(full, home)
    settle(home, {"hotline_callback"})
    assert {sql: asked(sql, then, capfd) for sql in before} == before
    assert asked(ROWS, None, capfd) != before[ROWS]
    assert [line[:7] for line in asked(ROWS, now(database), capfd).splitlines()[1:]] == ["CB00001", "CB00003", "CB00004"]  # fmt: skip
    assert asked(ROWS, "2020-01-01", capfd).splitlines() == ["callback_id,solved,batch_id"]


def test_rows_equal_by_the_order_asked_for_stand_the_same_later(
    home: Home, source: str, tmp_path: Path, database: str, capfd: pytest.CaptureFixture[str]
) -> None:
    full = connector(tmp_path, "full")
    fill(source, [row(n, solved="已解决" if n % 3 else None) for n in range(1, 60)])
    take(full, home)
    then = now(database)
    queries = (
        "SELECT callback_id, solved FROM hotline_callback ORDER BY solved DESC NULLS LAST",
        "SELECT callback_id FROM hotline_callback ORDER BY round -- all are in the first\nLIMIT 7 OFFSET 2",
        "SELECT DISTINCT ON (solved) solved, callback_id FROM hotline_callback ORDER BY solved;",
        "SELECT callback_id FROM hotline_callback LIMIT 5",
        "SELECT to_json(solved) AS j, callback_id FROM hotline_callback ORDER BY round FETCH FIRST 9 ROWS ONLY",
        "WITH c AS (SELECT * FROM hotline_callback) SELECT solved, callback_id FROM c ORDER BY (SELECT 1) LIMIT 3",
    )
    before = {sql: asked(sql, then, capfd) for sql in queries}
    assert before[queries[1]].split() == ["callback_id", *(f"CB{n:05d}" for n in range(3, 10))]
    assert before[queries[0]].split()[1].startswith("CB00001,已解决")
    for changed in ("未解决", None, "部分解决"):
        fill(source, [row(n, solved=changed) for n in range(59, 0, -1) if n % 5])
        take(full, home)
        assert {sql: asked(sql, then, capfd) for sql in before} == before


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.dictionaries(st.integers(1, 6), st.sampled_from(["已解决", "未解决", "部分解决"])), min_size=2, max_size=4))  # fmt: skip
def test_every_earlier_state_can_be_had_again(
    home: Home, source: str, tmp_path: Path, database: str, capfd: pytest.CaptureFixture[str], steps: list[dict[int, str]]
) -> None:  # fmt: skip
    full = connector(tmp_path, "full")
    states = []
    for step in steps:
        fill(source, [row(number, solved=solved) for number, solved in step.items()])
        take(full, home)
        with psycopg.connect(database) as connection:
            (count,) = connection.execute("SELECT count(*) FROM record.hotline_callback").fetchone()
        states.append((now(database), count, asked(ROWS, now(database), capfd)))
    for at, rows, text in states:
        assert asked(ROWS, at, capfd) == text
        assert len(text.splitlines()) == rows + 1


def test_reference_tables_are_those_of_the_day(home: Home, database: str, capfd: pytest.CaptureFixture[str]) -> None:
    prepare(home)
    then = now(database)
    question = "SELECT count(*) FROM deadline_rule"
    before = asked(question, then, capfd)
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM shared.deadline_rule")
        connection.execute("UPDATE hub.reference SET fingerprint = '' WHERE name = 'department'")
    assert asked(question, then, capfd) == before
    prepare(home)
    with psycopg.connect(database) as connection:
        kept = connection.execute("SELECT name, count(*) FROM hub.reference_history GROUP BY 1 ORDER BY 1").fetchall()
    assert dict(kept) == dict.fromkeys(REFERENCE, 1) | {"department": 2}


def test_days_of_rules_become_days_where_they_had_been_made_as_text(home: Home, database: str) -> None:
    """Migration 0013 on a warehouse in use: the masked view over the rules is in its way, and is there again after it."""
    prepare(home)
    kinds = "SELECT DISTINCT data_type FROM information_schema.columns WHERE table_name = 'deadline_rule' AND column_name = 'effective_to'"
    with psycopg.connect(database) as connection:
        connection.execute("DROP VIEW masked.deadline_rule")
        connection.execute("ALTER TABLE shared.deadline_rule ALTER COLUMN effective_to TYPE text")
        connection.commit()
        access.secure(connection)
        assert connection.execute(kinds).fetchall() == [("text",)]
        for statement in statements("0013_rule_days.sql"):
            connection.execute(statement.encode())
        connection.commit()
        access.secure(connection)
        assert connection.execute(kinds).fetchall() == [("date",)]
        assert connection.execute("SELECT to_regclass('masked.deadline_rule') IS NOT NULL").fetchone() == (True,)


def test_what_has_no_history_is_told(home: Home, database: str, capfd: pytest.CaptureFixture[str]) -> None:
    prepare(home)
    settle(home, set())
    for sql, told in {
        "SELECT count(*) FROM published_view": "'published_view' 没有保留历史",
        "SELECT count(*) FROM hotline_tickets": "没有 'hotline_tickets' 这个表",
    }.items():
        assert main(["query", sql, "--as-of", "2026-03-31"]) == 1
        assert told in capfd.readouterr().err
    assert main(["query", "SELECT 1", "--as-of", "三月"]) == 2
    assert main(["query", "DELETE FROM hotline_callback", "--as-of", "2026-03-31"]) == 1


def test_an_instant_waits_for_batches_under_way(home: Home, database: str) -> None:
    with psycopg.connect(database) as writing, psycopg.connect(database) as asking:
        writing.execute("LOCK TABLE hub.batch IN ROW EXCLUSIVE MODE")
        asking.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            instant(asking)
    with psycopg.connect(database) as asking:
        assert isinstance(instant(asking), datetime)


def test_a_moment_gone_by_waits_for_the_links_that_were_under_way(home: Home, database: str) -> None:
    with Connection(database) as linking, psycopg.connect(database) as asking:
        before = instant(asking)
        asking.commit()
        merging.take_turn(linking)
        then = datetime.now(COUNTY_TIME)
        asking.execute("SET lock_timeout = '200ms'")
        settled(asking, before)  # nothing that was known by then can still change
        with pytest.raises(psycopg.errors.LockNotAvailable):
            settled(asking, then)


def test_a_day_to_come_is_told(home: Home, capfd: pytest.CaptureFixture[str]) -> None:
    prepare(home)
    for day, said in (("2999-01-01", True), ("2020-01-01", False)):
        assert main(["query", "SELECT count(*) FROM hotline_callback", "-o", "csv", "--as-of", day]) == 0
        assert ("还没有到" in capfd.readouterr().err) is said


def test_a_party_is_taken_for_whom_it_was_taken_for_then(database: str) -> None:
    first, second = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"
    told = []
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO hub.source (connector, dataset, department, title) VALUES ('a/b', 'enterprise', 'a', 'b')")  # fmt: skip
        connection.execute(
            "INSERT INTO hub.batch (source_id, dataset, delivery, kind, status, contract_version, extracted_at, extracted, passed, quarantined, "
            "repaired, warned, new_rows, changed_rows, unchanged_rows, superseded_rows, closed_rows) "
            "SELECT source_id, dataset, 'd', 'full', 'committed', '1', now(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM hub.source"
        )
        connection.execute("INSERT INTO hub.party (party, source_id, first_batch_id) SELECT gen_random_uuid(), source_id, batch_id FROM hub.batch")  # fmt: skip
        for change in (
            f"enterprise_id = '{first}', decided_at = clock_timestamp()",
            f"enterprise_id = '{second}'",  # merged: the decision on the party itself stays
            "enterprise_id = NULL, decided_at = clock_timestamp()",
            f"enterprise_id = '{first}', decided_at = clock_timestamp()",
        ):
            told.append(instant(connection))
            connection.execute(f"UPDATE hub.party SET {change}")
            connection.commit()
        told.append(instant(connection))
        found = [
            connection.execute(
                f"SELECT enterprise_id::text FROM {_parties(literal(at.isoformat()) + '::timestamptz')} p"
            ).fetchone()[0]
            for at in told
        ]
    assert found == [None, first, second, None, first]


def test_a_batch_came_on_its_day_also_when_its_views_are_made_after_midnight(
    home: Home, source: str, tmp_path: Path, database: str, capfd: pytest.CaptureFixture[str]
) -> None:
    fill(source, [row(1)])
    take(connector(tmp_path, "full"), home)
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE hub.batch SET committed_at = committed_at - interval '1 day'")
    then, question = now(database), "SELECT received_on FROM batch"
    before = asked(question, then, capfd)
    settle(home, {"hotline_callback"})
    assert asked(question, then, capfd) == before
