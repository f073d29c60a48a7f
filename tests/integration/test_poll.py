"""Near real time on real systems: a change is loaded at once, no change is nothing at all."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from pipelines.poll import Beat, Poller
from tests.integration.polled import DOCUMENT, NAME, Polled
from warehouse import registry
from warehouse.home import Home


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


def test_a_change_is_taken_in_and_quiet_is_nothing(polled: Polled, table: psycopg.Connection[Any]) -> None:
    told: list[list[str]] = []
    poller = Poller(polled.home, only=[NAME], report=lambda connectors, done: told.append([c.id for c in connectors]))
    try:
        beats = until_quiet(poller)
        assert beats[0].changed == [NAME]
        assert beats[0].report is not None
        assert beats[0].report.results[0].new_rows == 40
        assert told == [[NAME]]
        made = batches(polled.home)
        for _ in range(3):
            beat = poller.round()
            assert (beat.asked, beat.changed, beat.report) == (1, [], None)
        assert batches(polled.home) == made
        # Same instant as the bookmark: a tie is seen too.
        table.execute("INSERT INTO hf VALUES ('CB41', 'GD41', 1, '2026-03-02', '短信', '2026-03-01')")
        assert until_quiet(poller)[0].changed == [NAME]
        table.execute("UPDATE hf SET fs = '短信', gx = '2026-03-02' WHERE id = 'CB1'")
        until_quiet(poller)
        assert batches(polled.home) == made + 2
        assert len(told) == 3
        # A row dated in the future is the largest from now on, and hides no change of a row in the window.
        table.execute("INSERT INTO hf VALUES ('CB99', 'GD99', 1, '2026-03-02', '短信', '2099-01-01')")
        until_quiet(poller)
        table.execute("UPDATE hf SET fs = '电话', gx = '2026-03-03' WHERE id = 'CB1'")
        assert until_quiet(poller)[0].changed == [NAME]
        assert batches(polled.home) == made + 4
        open_ = table.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
        assert open_ is not None
        assert open_[0] <= 1
    finally:
        poller.close()


def test_a_source_that_fails_stops_no_other_and_comes_back(
    polled: Polled, table: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    polled.register("hotline_office/dead", DOCUMENT | {"source": DOCUMENT["source"] | {"table": "not_there"}})
    poller = Poller(polled.home, only=[NAME, "hotline_office/dead"])
    try:
        beat = poller.round()
        assert beat.changed == [NAME]
        assert "not_there" in beat.problems["hotline_office/dead"]
        assert poller.round().asked == 1  # the dead one is left alone for a while
        table.execute("CREATE TABLE not_there (LIKE hf)")
        monkeypatch.setattr("pipelines.poll.time.monotonic", lambda now=time.monotonic: now() + 60)
        assert "hotline_office/dead" in poller.round().changed
    finally:
        poller.close()


def test_paused_is_not_asked(polled: Polled) -> None:
    with registry.connect(polled.home) as control:
        registry.stand(control, NAME, "paused", by="王芳", reason="升级")
    poller = Poller(polled.home, only=[NAME])
    try:
        assert poller.round().asked == 0
    finally:
        poller.close()


def test_dagster_is_told_without_a_run(polled: Polled, table: psycopg.Connection[Any]) -> None:
    import dagster as dg

    from pipelines.poll import tell_dagster

    key, batch = dg.AssetKey(NAME.split("/")), dg.AssetCheckKey(dg.AssetKey(NAME.split("/")), "batch")
    with dg.DagsterInstance.ephemeral() as instance:
        poller = Poller(polled.home, only=[NAME], report=tell_dagster(instance))
        try:
            until_quiet(poller)
            told = instance.get_latest_materialization_event(key)
            assert told is not None
            assert told.asset_materialization is not None
            assert told.asset_materialization.metadata["新增"].value == 40
            assert instance.get_latest_materialization_event(dg.AssetKey(["dataset", "hotline_callback"]))
            table.execute("ALTER TABLE hf RENAME fs TO way_of_call")
            table.execute("INSERT INTO hf VALUES ('CB50', 'GD50', 1, '2026-03-02', '短信', '2026-03-05')")
            report = poller.round().report
            assert report is not None
            assert [r.status for r in report.results] == ["held"]
            (checked,) = instance.event_log_storage.get_asset_check_execution_history(batch, limit=5)
            assert "way_of_call" in str(checked.event)
            assert not instance.get_runs()
        finally:
            poller.close()


def test_a_quiet_source_has_answered(polled: Polled) -> None:
    def days() -> list[Any]:
        with registry.connect(polled.home) as control:
            return [
                r["answered_on"] for r in control.execute("SELECT answered_on FROM shared.source_answer").fetchall()
            ]

    poller = Poller(polled.home, only=[NAME])
    try:
        until_quiet(poller)
        with registry.connect(polled.home) as control:
            control.execute("UPDATE hub.source_answer SET answered_on = answered_on - 1")
            control.commit()
        poller._noted.clear()
        assert poller.round().changed == []
        poller.round()
    finally:
        poller.close()
    assert sorted(days()) == [polled.home.today() - timedelta(1), polled.home.today()]


def test_a_bookmark_is_of_what_was_read(polled: Polled, table: psycopg.Connection[Any]) -> None:
    """Of another filter, cursor or field more, rows behind the old bookmark are new; of another description none is."""
    table.execute("ALTER TABLE hf ADD n serial, ADD my text DEFAULT '满意'")
    table.execute("UPDATE hf SET gx = '2026-03-02' WHERE id = 'CB7'")
    source = DOCUMENT["source"]

    def load(**changed: Any) -> tuple[str, int, int]:
        polled.register(NAME, DOCUMENT | changed)
        (result,) = polled.load()
        return result.status, result.new_rows, result.changed_rows

    assert load(source=source | {"where": "id <> 'CB3'"}) == ("committed", 39, 0)
    assert load() == ("committed", 1, 0)
    assert load(description="说明") == ("skipped", 0, 0)
    more = {"fields": DOCUMENT["fields"] | {"satisfaction": "my"}}
    assert load(**more) == ("committed", 0, 40)
    assert load(**more, load={"mode": "cursor", "cursor": "n"})[1:] == (0, 0)
    table.execute("INSERT INTO hf VALUES ('CB41', 'GD41', 1, '2026-03-02', '短信', '2020-01-01')")
    poller = Poller(polled.home, only=[NAME])
    try:
        until_quiet(poller)
        table.execute("UPDATE hf SET fs = '短信' WHERE id = 'CB2'")  # no cursor tells of it
        assert until_quiet(poller)[0].changed == []
        polled.register(NAME, DOCUMENT | more)
        poller._looked = 0.0
        assert until_quiet(poller)[0].changed == [NAME]
    finally:
        poller.close()
    (again,) = polled.load(from_start=True)
    assert (again.status, again.extracted) == ("skipped", 41)
    with registry.connect(polled.home) as control:
        told = control.execute("SELECT method FROM record.hotline_callback WHERE callback_id IN ('CB2', 'CB41')")
        assert [row["method"] for row in told.fetchall()] == ["短信", "短信"]
