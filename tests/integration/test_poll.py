"""Near real time on real systems: a change is loaded at once, no change is nothing at all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from pipelines.poll import Beat, Poller
from pipelines.run import prepare
from warehouse import registry
from warehouse.engines.postgresql import Server
from warehouse.home import Home

NAME = "hotline_office/polled"
DOCUMENT = {
    "title": "回访库", "dataset": "hotline_callback", "source": {"driver": "postgresql", "url": "${HUB_SOURCE_POLL_URL}", "table": "hf"},
    "load": {"mode": "cursor", "cursor": "gx"}, "fields": {"callback_id": "id", "ticket_no": "gd", "round": "lc", "called_at": "sj", "method": "fs"},
}  # fmt: skip


@pytest.fixture
def source(postgres_server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection[Any]]:
    url = postgres_server.create_database("dept_poll")
    monkeypatch.setenv("HUB_SOURCE_POLL_URL", url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS hf")
        connection.execute("CREATE TABLE hf (id text, gd text, lc int, sj timestamp, fs text, gx timestamp NOT NULL)")
        connection.execute(
            "INSERT INTO hf SELECT 'CB'||n, 'GD'||n, 1, '2026-03-01', '电话', '2026-03-01' FROM generate_series(1, 40) n"
        )
        yield connection


@pytest.fixture
def home_with_source(home: Home, source: psycopg.Connection[Any]) -> Home:
    prepare(home)
    with registry.connect(home) as control:
        number = registry.save(control, NAME, DOCUMENT, by="王芳").registration_id
        registry.submit(control, number, by="王芳")
        registry.approve(control, number, by="李强")
    return home


def batches(home: Home) -> int:
    with registry.connect(home) as control:
        row = control.execute("SELECT count(*) AS n FROM hub.batch").fetchone()
    assert row is not None
    return int(row["n"])


def until_quiet(poller: Poller) -> list[Beat]:
    beats = [poller.round()]
    while beats[-1].changed:
        beats.append(poller.round())
        assert len(beats) < 5
    return beats


def test_a_change_is_taken_in_and_quiet_is_nothing(home_with_source: Home, source: psycopg.Connection[Any]) -> None:
    told: list[list[str]] = []
    poller = Poller(
        home_with_source, only=[NAME], report=lambda connectors, done: told.append([c.id for c in connectors])
    )
    try:
        beats = until_quiet(poller)
        assert beats[0].changed == [NAME]
        assert beats[0].report is not None
        assert beats[0].report.results[0].new_rows == 40
        assert told == [[NAME]]
        made = batches(home_with_source)
        for _ in range(3):
            beat = poller.round()
            assert (beat.asked, beat.changed, beat.report) == (1, [], None)
        assert batches(home_with_source) == made
        # Same instant as the bookmark: a tie is seen too.
        source.execute("INSERT INTO hf VALUES ('CB41', 'GD41', 1, '2026-03-02', '短信', '2026-03-01')")
        assert until_quiet(poller)[0].changed == [NAME]
        source.execute("UPDATE hf SET fs = '短信', gx = '2026-03-02' WHERE id = 'CB1'")
        until_quiet(poller)
        assert batches(home_with_source) == made + 2
        assert len(told) == 3
        # A row dated in the future is the largest from now on, and hides no change of a row in the window.
        source.execute("INSERT INTO hf VALUES ('CB99', 'GD99', 1, '2026-03-02', '短信', '2099-01-01')")
        until_quiet(poller)
        source.execute("UPDATE hf SET fs = '电话', gx = '2026-03-03' WHERE id = 'CB1'")
        assert until_quiet(poller)[0].changed == [NAME]
        assert batches(home_with_source) == made + 4
        open_ = source.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = 'dept_poll' AND pid <> pg_backend_pid()"
        ).fetchone()
        assert open_ is not None
        assert open_[0] <= 1
    finally:
        poller.close()


def test_a_source_that_fails_stops_no_other_and_comes_back(
    home_with_source: Home, source: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with registry.connect(home_with_source) as control:
        dead = DOCUMENT | {"source": DOCUMENT["source"] | {"table": "not_there"}}  # type: ignore[operator]
        number = registry.save(control, "hotline_office/dead", dead, by="王芳").registration_id
        registry.submit(control, number, by="王芳")
        registry.approve(control, number, by="李强")
    poller = Poller(home_with_source, only=[NAME, "hotline_office/dead"])
    try:
        beat = poller.round()
        assert beat.changed == [NAME]
        assert "not_there" in beat.problems["hotline_office/dead"]
        assert poller.round().asked == 1  # the dead one is left alone for a while
        source.execute("CREATE TABLE not_there (LIKE hf)")
        monkeypatch.setattr("pipelines.poll.time.monotonic", lambda now=time.monotonic: now() + 60)
        assert "hotline_office/dead" in poller.round().changed
    finally:
        source.execute("DROP TABLE IF EXISTS not_there")
        poller.close()


def test_paused_is_not_asked(home_with_source: Home) -> None:
    with registry.connect(home_with_source) as control:
        registry.stand(control, NAME, "paused", by="王芳", reason="升级")
    poller = Poller(home_with_source, only=[NAME])
    try:
        assert poller.round().asked == 0
    finally:
        poller.close()


def test_dagster_is_told_without_a_run(home_with_source: Home, source: psycopg.Connection[Any]) -> None:
    import dagster as dg

    from pipelines.poll import tell_dagster

    key, batch = dg.AssetKey(NAME.split("/")), dg.AssetCheckKey(dg.AssetKey(NAME.split("/")), "batch")
    with dg.DagsterInstance.ephemeral() as instance:
        poller = Poller(home_with_source, only=[NAME], report=tell_dagster(instance))
        try:
            until_quiet(poller)
            told = instance.get_latest_materialization_event(key)
            assert told is not None
            assert told.asset_materialization is not None
            assert told.asset_materialization.metadata["新增"].value == 40
            assert instance.get_latest_materialization_event(dg.AssetKey(["dataset", "hotline_callback"]))
            source.execute("ALTER TABLE hf RENAME fs TO way_of_call")
            source.execute("INSERT INTO hf VALUES ('CB50', 'GD50', 1, '2026-03-02', '短信', '2026-03-05')")
            report = poller.round().report
            assert report is not None
            assert [r.status for r in report.results] == ["held"]
            (checked,) = instance.event_log_storage.get_asset_check_execution_history(batch, limit=5)
            assert "way_of_call" in str(checked.event)
            assert not instance.get_runs()
        finally:
            poller.close()


def test_a_quiet_source_has_answered(home_with_source: Home) -> None:
    def days() -> list[Any]:
        with registry.connect(home_with_source) as control:
            return [
                r["answered_on"] for r in control.execute("SELECT answered_on FROM shared.source_answer").fetchall()
            ]

    poller = Poller(home_with_source, only=[NAME])
    try:
        until_quiet(poller)
        with registry.connect(home_with_source) as control:
            control.execute("UPDATE hub.source_answer SET answered_on = answered_on - 1")
            control.commit()
        poller._noted.clear()
        assert poller.round().changed == []
        poller.round()
    finally:
        poller.close()
    assert sorted(days()) == [home_with_source.today() - timedelta(1), home_with_source.today()]
