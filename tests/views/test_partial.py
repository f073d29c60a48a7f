"""Partial refresh: after any deliveries the published tables are what computing everything anew would give."""

import datetime
import random
import uuid
from typing import Any

import psycopg
import pytest

from pipelines.run import prepare
from schemas.contract import contract
from tests.views.test_conformance import _rows
from views import middle, partial
from views.catalog import Catalog, load_catalog
from views.publish import publish
from warehouse.home import Home
from warehouse.tables import columns, quoted

DAY = datetime.date(2025, 10, 14)
DATASETS = ("hotline_ticket", "hotline_assignment", "hotline_callback", "hotline_ticket_event")


def _deliver(
    connection: psycopg.Connection, dataset: str, rows: list[dict[str, Any]], gone: int = 0, desk: str = "x"
) -> None:
    """One committed batch: rows new or in the place of those with their key, and `gone` others closed."""
    agreed = contract(dataset)
    for number, row in enumerate(rows):
        for k in agreed.key:
            row.setdefault(k, f"K{number}")
    name, key = quoted(dataset), " AND ".join(f"r.{k} = n.{k}" for k in agreed.key)
    run = connection.execute
    run(
        "INSERT INTO hub.source (connector, dataset, department, title) VALUES (%s, %s, 'x', 'x') ON CONFLICT DO NOTHING",
        [f"{desk}/{dataset}", dataset],
    )
    source = run("SELECT source_id FROM hub.source WHERE connector = %s", [f"{desk}/{dataset}"]).fetchone()[0]  # type: ignore[index]
    batch = run(
        "INSERT INTO hub.batch (source_id, dataset, delivery, kind, status, contract_version, extracted_at, extracted, passed, quarantined, "
        "repaired, warned, new_rows, changed_rows, unchanged_rows, superseded_rows, closed_rows) "
        "VALUES (%s, %s, 'd', 'full', 'committed', '1', now(), 1, 1, 0, 0, 0, 1, 0, 0, 0, 0) RETURNING batch_id", [source, dataset],
    ).fetchone()[0]  # type: ignore[index]  # fmt: skip
    system = {
        "_source_id": source,
        "_batch_id": batch,
        "_row_hash": "00000000-0000-0000-0000-000000000000",
        "_quality": 0,
    }
    listed = columns(agreed)
    run(f"CREATE TEMP TABLE n (LIKE record.{name}) ON COMMIT DROP".encode())
    with connection.cursor() as cursor:
        values = ", ".join(["%s"] * len(listed))
        cursor.executemany(
            f"INSERT INTO n VALUES ({values})".encode(), [[{**row, **system}.get(c) for c in listed] for row in rows]
        )
    old = f"record.{name} AS r WHERE EXISTS (SELECT FROM n WHERE {key} AND r._source_id = {source}) OR r.ctid IN (SELECT ctid FROM record.{name} LIMIT {gone})"
    run(
        f"INSERT INTO record_history.{name} SELECT {', '.join('r.' + quoted(c) for c in listed)}, {batch}, 'changed' FROM {old}".encode()
    )
    run(f"DELETE FROM {old}".encode())
    run(f"INSERT INTO record.{name} SELECT * FROM n".encode())
    run(b"DROP TABLE n")


def _board(connection: psycopg.Connection, names: list[str]) -> dict[str, list[str]]:
    texts = {n: connection.execute(f"SELECT v::text FROM board.{n} AS v ORDER BY 1".encode()).fetchall() for n in names}
    return {name: [row[0] for row in rows] for name, rows in texts.items()}


def test_a_delivery_refreshes_only_what_it_touches(home: Home, database: str) -> None:
    prepare(home)
    rng = random.Random(5)
    with psycopg.connect(database) as connection:
        for dataset in DATASETS:
            _deliver(connection, dataset, _rows(rng, dataset, 400))
        publish(connection, None, DAY)
        partly: set[str] = set()
        for datasets, count, gone in (
            (["hotline_ticket"], 5, 1), (["hotline_assignment", "hotline_callback", "hotline_ticket_event"], 4, 1), (["hotline_ticket"], 1, 2),
        ):  # fmt: skip
            for dataset in datasets:
                _deliver(connection, dataset, _rows(rng, dataset, count), gone)
            done = publish(connection, {*datasets}, DAY)
            assert [p.error for p in done if p.error] == []
            kept = {p.name: p.rows for p in done if p.partial}
            partly |= kept.keys()
            found = _board(connection, sorted(kept))
            connection.execute("UPDATE board.published_view SET query = ''")
            publish(connection, set(), DAY)
            anew = _board(connection, sorted(kept))
            assert {n: sorted({*found[n]} ^ {*anew[n]}) for n in kept if found[n] != anew[n]} == {}
            assert kept == {name: len(rows) for name, rows in found.items()}
        assert {
            "hotline_by_hour", "hotline_by_month", "hotline_on_time_by_department", "hotline_timeliness_by_department", "hotline_four_firsts_by_department",
            "hotline_three_rates_by_department", "hotline_upstream_duplicate", "hotline_repeat_tickets", "hotline_open311",
            "hotline_overdue_open", "hotline_state_from_events", "hotline_warning", "hotline_enterprise_tickets",
            "hotline_ticket_fact", "hotline_pause",
        } <= partly  # fmt: skip


@pytest.mark.parametrize("least", [1, 3])
def test_medians_follow_what_comes_and_goes(
    home: Home, database: str, monkeypatch: pytest.MonkeyPatch, least: int
) -> None:
    """Few values kept, so that the middle leaves them often; few values at all, so that many are equal; units with and without a code."""
    monkeypatch.setattr(middle, "LEAST", least)
    prepare(home)
    rng = random.Random(least)
    start = datetime.datetime(2025, 8, 20, 9)

    def tickets(count: int, among: int, most: int) -> list[dict[str, Any]]:
        rows = []
        for number in rng.sample(range(among), count):
            sent = start + datetime.timedelta(days=rng.randrange(30), minutes=rng.randrange(600))
            rows.append(
                {
                    "ticket_no": f"T{number}",
                    "recorded_at": sent - datetime.timedelta(seconds=rng.choice([0, 60, 61, 75.5, 3600])),
                    "dispatched_at": sent,
                    "main_dept_code": rng.choice(["D1", "D2", "", None]),
                    "first_contact_at": rng.choice([None, sent + datetime.timedelta(seconds=rng.randrange(most))]),
                    "replied_at": rng.choice([None, sent + datetime.timedelta(seconds=rng.randrange(3 * most))]),
                    "exclude_from_assessment": rng.random() < 0.1,
                }
            )
        return rows

    with psycopg.connect(database) as connection:
        _deliver(connection, "hotline_ticket", tickets(900, 1200, 9000))  # not half of it comes or goes at once
        name = "hotline_four_firsts_by_department"
        some = Catalog({view.name: view for view in load_catalog().upstream(name)}, {})
        publish(connection, None, DAY, catalog=some)
        for count, gone, most in (
            (1, 0, 9000),
            (40, 0, 9000),
            (30, 90, 9000),
            (60, 0, 20),
            (120, 0, 100000),
            (0, 200, 1),
            (5, 0, 9000),
            (0, 250, 1),
            (9, 0, 9),
        ):
            _deliver(connection, "hotline_ticket", tickets(count, 1200, most), gone)
            done = {p.name: p for p in publish(connection, {"hotline_ticket"}, DAY, catalog=some)}
            assert [p.error for p in done.values() if p.error] == []
            assert done[name].partial
            followed = _board(connection, [name])
            connection.execute("SAVEPOINT followed")
            connection.execute("UPDATE board.published_view SET query = ''")
            publish(connection, set(), DAY, catalog=some)
            assert followed == _board(connection, [name])
            connection.execute("ROLLBACK TO followed")


@pytest.mark.parametrize("day", [DAY, DAY + datetime.timedelta(days=1)])
def test_a_batch_committed_during_a_publication_is_the_next_ones_whole(
    home: Home, database: str, monkeypatch: pytest.MonkeyPatch, day: datetime.date
) -> None:
    """On the same day and on a new one, when most is computed in full: no view shows what another does not know of."""
    prepare(home)
    rng = random.Random(11)

    def meanwhile(kind: str) -> None:
        rows = [{**row, "ticket_no": f"{kind}{n}"} for n, row in enumerate(_rows(rng, "hotline_ticket", 30))]
        with psycopg.connect(database) as another:
            _deliver(another, "hotline_ticket", rows)

    class Late(partial.Changes):
        def __init__(self, cursor: psycopg.Cursor[Any], changed: set[str] | None) -> None:
            super().__init__(cursor, changed)
            meanwhile("LATE")

    def shown(kind: str) -> set[str]:
        """The views that show a ticket of this kind."""
        listing = "SELECT table_name FROM information_schema.columns WHERE table_schema = 'board' AND column_name = 'ticket_no'"
        return {
            name
            for (name,) in connection.execute(listing).fetchall()
            if connection.execute(f"SELECT FROM board.{name} WHERE ticket_no LIKE '{kind}%'".encode()).rowcount
        }

    with psycopg.connect(database) as connection:
        for dataset in DATASETS:
            _deliver(connection, dataset, _rows(rng, dataset, 400))
        connection.commit()
        publish(connection, None, DAY)
        meanwhile("EARLY")  # its own run has not come to publishing it
        with monkeypatch.context() as patch:
            patch.setattr(partial, "Changes", Late)
            assert [p.error for p in publish(connection, {"hotline_callback"}, day) if p.error] == []
        assert "hotline_overdue_open" in shown("EARLY")
        assert shown("LATE") == set()
        publish(connection, {"batch", "quarantine"}, day)
        assert shown("LATE") == shown("EARLY")
        names = [*load_catalog().views]
        found = _board(connection, names)
        publish(connection, None, day)
        anew = _board(connection, names)
        assert {n: sorted({*found[n]} ^ {*anew[n]}) for n in names if found[n] != anew[n]} == {}


def _told(connection: psycopg.Connection) -> dict[str, tuple[str, str | None]]:
    rows = connection.execute(
        "SELECT ticket_no, enterprise, enterprise_id FROM board.hotline_enterprise_tickets"
    ).fetchall()
    return {ticket: (name, enterprise) for ticket, name, enterprise in rows}


def test_an_enterprise_that_changes_brings_its_tickets_with_it(home: Home, database: str) -> None:
    """Golden records change without a batch: a new name, another bearer, a bearer that is none any more."""
    prepare(home)
    one, two, party = (str(uuid.UUID(int=n)) for n in (1, 2, 3))
    with psycopg.connect(database) as connection:
        run = connection.execute
        day = datetime.datetime(2025, 10, 1, 9)
        _deliver(connection, "hotline_ticket", [{"ticket_no": f"T{n}", "recorded_at": day} for n in range(9)])
        run(
            "INSERT INTO hub.party (party, source_id, first_batch_id, enterprise_id, decided_at) SELECT %s, source_id, batch_id, %s, now() FROM hub.batch",
            [party, one],
        )
        run("UPDATE record.hotline_ticket SET _party = %s WHERE ticket_no = 'T1'", [party])
        run("INSERT INTO shared.enterprise (enterprise_id, name) VALUES (%s, '甲'), (%s, '乙')", [one, two])
        connection.commit()
        publish(connection, None, DAY)
        connection.commit()
        assert _told(connection) == {"T1": ("甲", one)}
        for statement, expected in (
            ("SELECT 1", {"T1": ("甲", one)}),
            (f"UPDATE shared.enterprise SET name = '甲甲' WHERE enterprise_id = '{one}'", {"T1": ("甲甲", one)}),
            (f"UPDATE hub.party SET enterprise_id = '{two}'", {"T1": ("乙", two)}),
            (f"DELETE FROM shared.enterprise WHERE enterprise_id = '{two}'", {"T1": (None, two)}),
            ("UPDATE hub.party SET enterprise_id = NULL", {}),
        ):  # fmt: skip
            run(statement.encode())
            if statement.startswith("DELETE"):  # as the hub does it: what was shown is kept
                run("INSERT INTO hub.enterprise_history SELECT %s, now(), now(), '{}'", [two])
            connection.commit()
            done = publish(connection, {"enterprise"}, DAY)
            connection.commit()
            assert [p.partial for p in done if p.name == "hotline_enterprise_tickets"] == [True]
            assert _told(connection) == expected


def test_what_people_answer_in_the_hub_is_published_without_being_named(home: Home, database: str) -> None:
    """And only then: a publication that finds no new answer leaves the views alone that read them."""
    prepare(home)
    with psycopg.connect(database) as connection:
        _deliver(connection, "hotline_ticket", [{"ticket_no": "T1"}])
        publish(connection, None, DAY)
        answer = (
            b"INSERT INTO hub.source_answer (source_id, answered_on) SELECT source_id, '2025-10-13' FROM hub.source"
        )
        for statement, computed in ((b"SELECT 1", False), (answer, True), (b"SELECT 1", False)):
            connection.execute(statement)
            names = {p.name for p in publish(connection, set(), DAY)}
            assert ("quality_department_report_card" in names) == computed
            assert "rectification_closure" not in names


def test_tables_that_autovacuum_leaves_alone_are_known_to_the_planner(home: Home, database: str) -> None:
    """Of a table never analysed some hundreds of rows are supposed: from four sources a join of 200 tickets became one row."""
    prepare(home)
    with psycopg.connect(database) as connection:
        _deliver(connection, "hotline_ticket", [{"ticket_no": f"T{n}"} for n in range(9)])
        publish(connection, None, DAY)
        for table in (
            "hub.source",
            "hub.batch",
            "shared.department",
            "record.hotline_ticket",
            "board.hotline_time_limit",
        ):
            known = connection.execute(
                f"SELECT reltuples, (SELECT count(*) FROM {table}) FROM pg_class WHERE oid = '{table}'::regclass".encode()
            )
            supposed, there = known.fetchone() or (None, None)
            assert supposed == there, table


def test_a_ticket_from_two_desks_is_followed_with_those_its_copies_touch(home: Home, database: str) -> None:
    """Which copy counts changes whose repeats there are, also those of tickets no delivery names."""
    prepare(home)
    rng = random.Random(9)
    first = datetime.datetime(2025, 9, 1, 9)

    def tickets(count: int) -> list[dict[str, Any]]:
        return [
            {
                "ticket_no": f"T{number}",
                "upstream_no": rng.choice([None, None, "S1", "S2", "S3"]),
                "caller_hash": rng.choice("abcdefghijkl"),
                "category_code": rng.choice("cd"),
                "town_code": rng.choice(["t", None]),
                "recorded_at": first + datetime.timedelta(hours=rng.randrange(900)),
                "closed_at": rng.choice([None, first + datetime.timedelta(hours=rng.randrange(1000))]),
            }
            for number in rng.sample(range(60), count)
        ]

    name, partly = "hotline_repeat_tickets", 0
    some = Catalog({view.name: view for view in load_catalog().upstream(name)}, {})
    with psycopg.connect(database) as connection:
        for desk in ("county", "city"):
            _deliver(connection, "hotline_ticket", tickets(30), desk=desk)
        publish(connection, None, DAY, catalog=some)
        for turn in range(12):
            _deliver(
                connection,
                "hotline_ticket",
                tickets(rng.choice([1, 2, 4])),
                rng.choice([0, 0, 1]),
                desk=("county", "city")[turn % 2],
            )
            done = {p.name: p for p in publish(connection, {"hotline_ticket"}, DAY, catalog=some)}
            partly += done[name].partial
            followed = _board(connection, [*some.views])
            connection.execute("SAVEPOINT followed")
            connection.execute("UPDATE board.published_view SET query = ''")
            publish(connection, set(), DAY, catalog=some)
            assert followed == _board(connection, [*some.views]), turn
            connection.execute("ROLLBACK TO followed")
    assert partly >= 6
