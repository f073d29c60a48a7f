"""The clock engine, held against a clock that counts one day at a time; on DuckDB."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from schemas.calendar import WorkCalendar, build, to_arrow
from schemas.clock import AsOf, clock_sql

_CLOCK = {
    "clock_id": pa.int64(), "started_at": pa.timestamp("us"), "stopped_at": pa.timestamp("us"), "clock_unit": pa.string(),
    "days": pa.int32(), "extension": pa.int32(),
}  # fmt: skip
_PAUSE = {"clock_id": pa.int64(), "paused_at": pa.timestamp("us"), "resumed_at": pa.timestamp("us")}


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.register("rows", to_arrow(build(2024, 2028)))
    connection.execute("CREATE TABLE work_calendar AS SELECT * FROM rows")
    return connection


def _ask(
    con: duckdb.DuckDBPyConnection, clocks: list[Any], pauses: list[Any], as_of: date | datetime
) -> dict[int, dict[str, Any]]:
    def table(rows: list[Any], columns: dict[str, pa.DataType]) -> pa.Table:
        return pa.table({n: pa.array([r[i] for r in rows], k) for i, (n, k) in enumerate(columns.items())})

    con.register("clocks", table(clocks, _CLOCK))
    con.register("pauses", table(pauses, _PAUSE))
    found = con.execute(clock_sql("clocks", AsOf.of(as_of), "pauses" if pauses else None)).to_arrow_table().to_pylist()
    return {row["clock_id"]: row for row in found}


def _due(con: duckdb.DuckDBPyConnection, start: str, unit: str, days: int, extension: int = 0) -> datetime:
    row = _ask(con, [(1, datetime.fromisoformat(start), None, unit, days, extension)], [], date(2025, 9, 1))[1]
    return row["due_at"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("start", "unit", "days", "extension", "due"),
    [
        ("2025-09-26 17:59", "workday", 5, 0, "2025-10-10 23:59:59"),  # 09-28 is a make-up working day
        ("2025-09-28 08:00", "workday", 5, 0, "2025-10-11 23:59:59"),
        ("2025-10-03 08:00", "workday", 5, 0, "2025-10-14 23:59:59"),  # taken in on a holiday
        ("2026-02-12 08:00", "workday", 5, 0, "2026-02-26 23:59:59"),
        ("2025-09-26 09:00", "workday", 5, 10, "2025-10-23 23:59:59"),
        ("2025-09-26 09:00", "workday", 2, 0, "2025-09-29 23:59:59"),
        ("2025-10-03 08:00", "workday", 0, 0, "2025-10-09 23:59:59"),
        ("2025-09-26 08:00", "workday", 0, 0, "2025-09-26 23:59:59"),
        ("2025-09-01 08:00", "day", 30, 0, "2025-10-09 23:59:59"),  # the last day is a holiday
        ("2025-09-01 08:00", "day", 7, 0, "2025-09-08 23:59:59"),
        ("2025-09-30 23:30", "hour", 4, 0, "2025-10-01 03:30:00"),
        ("2025-09-30 23:30", "minute", 45, 0, "2025-10-01 00:15:00"),
    ],
)  # fmt: skip
def test_ends(con: duckdb.DuckDBPyConnection, start: str, unit: str, days: int, extension: int, due: str) -> None:
    assert _due(con, start, unit, days, extension) == datetime.fromisoformat(due)


def test_verdicts_and_the_day_itself(con: duckdb.DuckDBPyConnection) -> None:
    start = datetime(2025, 9, 26, 9)
    clocks = [
        (1, start, datetime(2025, 10, 10, 23, 59, 59, 500000), "workday", 5, 0),
        (2, start, datetime(2025, 10, 11, 0, 0), "workday", 5, 0),
        (3, start, None, "workday", 5, 0),
        (4, start, datetime(2025, 10, 12, 9), "workday", 5, 0),  # after the as-of moment: not known yet
        (5, None, None, "workday", 5, 0),
        (6, start, None, None, None, None),
        (7, datetime(2028, 12, 30), None, "workday", 5, 0),
    ]
    verdicts = lambda day: [r["verdict"] for _, r in sorted(_ask(con, clocks, [], day).items())]  # noqa: E731
    assert verdicts(date(2025, 10, 10)) == [
        "on_time",
        "open_not_due",
        "open_not_due",
        "open_not_due",
        *["undeterminable"] * 3,
    ]
    assert verdicts(date(2025, 10, 11))[:4] == ["on_time", "late", "open_overdue", "open_overdue"]
    assert verdicts(datetime(2025, 10, 10, 23, 59))[:4] == ["open_not_due"] * 4
    assert _ask(con, clocks, [], date(2025, 10, 10))[3]["used_pct"] == 100
    assert _ask(con, clocks, [], date(2025, 9, 29))[3]["used_pct"] == 40


def test_beyond_the_announced_years_is_provisional(con: duckdb.DuckDBPyConnection) -> None:
    row = _ask(con, [(1, datetime(2026, 12, 28, 9), None, "workday", 5, 0)], [], date(2026, 12, 29))[1]
    assert (row["due_at"].date(), row["provisional"]) == (date(2027, 1, 5), True)
    row = _ask(con, [(1, datetime(2026, 12, 21, 9), None, "workday", 5, 0)], [], date(2026, 12, 29))[1]
    assert (row["due_at"].date(), row["provisional"]) == (date(2026, 12, 28), False)


def test_pauses_move_the_end_once_and_only_while_time_is_left(con: duckdb.DuckDBPyConnection) -> None:
    start = datetime(2025, 9, 1, 9)  # a Monday; 5 working days end on Monday 09-08
    pauses = [
        (1, datetime(2025, 9, 2, 9), datetime(2025, 9, 4, 9)),
        (1, datetime(2025, 9, 3, 9), datetime(2025, 9, 5, 9)),  # overlaps: 3 working days in all
        (2, datetime(2025, 9, 9, 9), datetime(2025, 9, 12, 9)),  # too late
        (3, datetime(2025, 9, 8, 9), datetime(2025, 9, 9, 9)),
        (3, datetime(2025, 9, 9, 10), datetime(2025, 9, 10, 9)),  # in time because of the one before
        (4, datetime(2025, 9, 3, 9), None),
        (5, datetime(2025, 9, 6, 9), datetime(2025, 9, 7, 9)),  # a weekend
        (6, datetime(2025, 9, 1, 10), datetime(2025, 9, 1, 12)),
    ]
    clocks = [(n, start, None, "workday", 5, 0) for n in range(1, 6)] + [(6, start, None, "hour", 4, 0)]
    found = _ask(con, clocks, pauses, date(2025, 9, 20))
    due = [found[n]["due_at"] for n in (1, 2, 3, 5, 6)]
    assert [d.day for d in due] == [11, 8, 10, 8, 1]
    assert due[-1] == datetime(2025, 9, 1, 15)
    assert (found[4]["verdict"], found[4]["is_paused"]) == ("suspended", True)
    assert found[1]["verdict"] == "open_overdue"


def test_many_clocks_agree_with_counting_by_hand(con: duckdb.DuckDBPyConnection) -> None:
    dice, calendar, as_of = random.Random(5), WorkCalendar(), date(2026, 3, 1)
    clocks, pauses = [], []
    for n in range(1500):
        start = datetime(2025, 1, 1) + timedelta(minutes=dice.randrange(500_000))
        stop = start + timedelta(minutes=dice.randrange(60_000)) if dice.random() < 0.6 else None
        clocks.append((n, start, stop, dice.choice(("workday", "day")), dice.randrange(0, 30), dice.choice((0, 0, 10))))
        for _ in range(dice.choice((0, 0, 1, 2, 3))):
            at = start + timedelta(minutes=dice.randrange(-3000, 40_000))
            pauses.append((n, at, at + timedelta(minutes=dice.randrange(1, 20_000))))
    found = _ask(con, clocks, pauses, as_of)
    for n, start, stop, unit, days, extension in clocks:
        mine = [(max(a, start), min(b, stop or b)) for c, a, b in pauses if c == n and b > start]
        assert found[n]["due_at"].date() == _by_hand(calendar, start, unit, days + extension, mine), clocks[n]
        if stop:
            assert found[n]["verdict"] == ("on_time" if stop.replace(microsecond=0) <= found[n]["due_at"] else "late")


def _by_hand(
    calendar: WorkCalendar, start: datetime, unit: str, days: int, pauses: list[tuple[datetime, datetime]]
) -> date:
    merged: list[list[datetime]] = []
    for a, b in sorted(p for p in pauses if p[0] < p[1]):
        if merged and a <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], b)
        else:
            merged.append([a, b])
    add = (
        (lambda n: calendar.add(start.date(), n).date) if unit == "workday" else (lambda n: start.date() + timedelta(n))
    )
    extra = 0
    for a, b in merged:
        if a.date() > add(days + extra):
            break
        extra += calendar.between(a.date(), b.date()) if unit == "workday" else (b.date() - a.date()).days
    end = add(days + extra)
    if unit == "workday" and days == 0 and extra:
        # «On the day» is the first working day; a pause adds to it.
        end = calendar.add(calendar.add(start.date(), 0).date, extra).date
    return end if unit == "workday" else calendar.roll(end).date
