"""The county's own days: kept with their source, honoured by the shared calendar, the clocks and the command line."""

from __future__ import annotations

import csv
import io
from datetime import date

import psycopg
import pytest

from hub.cli import main
from pipelines.run import prepare
from schemas.clock import AsOf, clock_sql
from warehouse.home import Home

_BY = ["--source", "县府办通知", "--by", "王芳"]


def test_a_day_set_by_the_county_moves_deadlines(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(home)
    assert _due(home) == [date(2026, 9, 8), date(2026, 9, 7)]
    assert main(["calendar", "set", "2026-09-03", "off", *_BY]) == 0
    assert _due(home) == [date(2026, 9, 9), date(2026, 9, 7)]
    assert main(["calendar", "set", "2026-09-05", "work", *_BY]) == 0
    assert _due(home) == [date(2026, 9, 8), date(2026, 9, 5)]
    capsys.readouterr()
    assert main(["calendar", "show", "--set", "-o", "csv"]) == 0
    shown = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(r["day"], r["is_workday"], r["source"], r["set_by"]) for r in shown] == [
        ("2026-09-03", "false", "县府办通知", "王芳"), ("2026-09-05", "true", "县府办通知", "王芳"),
    ]  # fmt: skip
    assert main(["calendar", "unset", "2026-09-03", "--by", "王芳"]) == 0
    assert main(["calendar", "unset", "2026-09-03", "--by", "王芳"]) == 1
    with psycopg.connect(home.database_url) as connection:
        told = connection.execute("SELECT action, count(*) FROM hub.calendar_event GROUP BY 1 ORDER BY 1").fetchall()
    assert told == [("set", 2), ("unset", 1)]


def test_an_announced_year_is_final(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(home)
    assert main(["calendar", "show", "--year", "2031", "-o", "csv"]) == 0
    assert {r["provisional"] for r in csv.DictReader(io.StringIO(capsys.readouterr().out))} == {"true"}
    assert main(["calendar", "announce", "2031", *_BY]) == 0
    capsys.readouterr()
    assert main(["calendar", "show", "--year", "2031", "-o", "csv"]) == 0
    assert {r["provisional"] for r in csv.DictReader(io.StringIO(capsys.readouterr().out))} == {"false"}
    with psycopg.connect(home.database_url) as connection:
        sure = connection.execute(
            "SELECT bool_or(provisional) FROM shared.work_calendar WHERE extract(year FROM day) = 2031"
        )
        assert sure.fetchone() == (False,)


def test_assessment_items_are_in_the_shared_tables(home: Home) -> None:
    prepare(home)
    with psycopg.connect(home.database_url) as connection:
        row = connection.execute(
            "SELECT full_score, target, k, floor_score, weight, effective_from FROM shared.assessment_item"
            " WHERE scheme = '分段' AND item = 'satisfaction'"
        ).fetchone()
    assert row is not None
    assert [None if value is None else float(value) for value in row] == [25, 98, 0.5, 12.5, None, None]


@pytest.mark.parametrize("words", [["2026-13-01", "off"], ["2026-09-03", "maybe"]])
def test_words_that_are_wrong_are_told(home: Home, words: list[str]) -> None:
    prepare(home)
    assert main(["calendar", "set", *words, *_BY]) == 2


def _due(home: Home) -> list[date]:
    """Ends of 5 working days and of 4 calendar days from Tuesday 1 September 2026, by the engine on PostgreSQL."""
    asked = """
      (VALUES (1, TIMESTAMP '2026-09-01 10:00:00', CAST(NULL AS TIMESTAMP), 'workday', 5, 0),
              (2, TIMESTAMP '2026-09-01 10:00:00', NULL, 'day', 4, 0))"""
    with psycopg.connect(home.database_url) as connection:
        connection.execute(
            "CREATE TEMP TABLE asked (clock_id, started_at, stopped_at, clock_unit, days, extension) AS SELECT * FROM"
            + asked + " AS v"
        )  # fmt: skip
        connection.execute(
            "CREATE TEMP TABLE paused (clock_id, paused_at, resumed_at) AS VALUES (9, TIMESTAMP '2026-09-01 10:00:00', TIMESTAMP '2026-09-01 12:00:00')"
        )
        sql = clock_sql("asked", AsOf.of(date(2026, 9, 10)), "paused", calendar="shared.work_calendar")
        rows = connection.execute(f"SELECT due_at FROM ({sql}) AS found ORDER BY clock_id").fetchall()  # type: ignore[arg-type]
    return [row[0].date() for row in rows]
