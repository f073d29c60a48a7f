"""Deadlines of a million tickets: the clock engine against counting one by one, and against no calendar at all.

    python -m benchmarks clock_deadlines [--tickets 1000000,10000000]

Ends must be the same as WorkCalendar's on every row that is also counted one by one.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date, datetime

import duckdb

from schemas.calendar import WorkCalendar, build, to_arrow
from schemas.clock import AsOf, clock_sql
from warehouse.home import ROOT

_AS_OF = AsOf.of(date(2026, 6, 30))
_ONE_BY_ONE = 20_000
_LIMIT = f"""
SELECT *, started_at + INTERVAL 7 DAY AS due_at,
  CASE WHEN stopped_at IS NULL THEN started_at + INTERVAL 7 DAY < {_AS_OF.now_sql} ELSE stopped_at > started_at + INTERVAL 7 DAY END AS late
FROM clocks"""


def main() -> int:
    """Print one line per size; 1 when an end differs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tickets", default="1000000")
    parser.add_argument("--reps", type=int, default=3)
    options = parser.parse_args()
    con = duckdb.connect()
    con.register("days", to_arrow(build(2024, 2028)))
    con.execute("CREATE TABLE work_calendar AS SELECT * FROM days")
    results, wrong = [], 0
    print(
        f"{'工单':>10}  {'引擎 秒':>8}  {'含暂停 秒':>9}  {'不看日历 秒':>10}  {'倍':>5}  {'逐张数 秒（推算）':>12}  {'快':>7}"
    )
    for count in map(int, options.tickets.split(",")):
        con.execute(f"""
            CREATE OR REPLACE TABLE clocks AS
            SELECT i AS clock_id, TIMESTAMP '2025-01-02 08:00:00' + INTERVAL (hash(i) % 730000) MINUTE AS started_at,
              CASE WHEN hash(i + 1) % 10 < 9 THEN TIMESTAMP '2025-01-02 08:00:00' + INTERVAL (hash(i) % 730000 + hash(i + 2) % 20000) MINUTE END AS stopped_at,
              CASE hash(i + 3) % 4 WHEN 0 THEN 'hour' WHEN 1 THEN 'day' ELSE 'workday' END AS clock_unit,
              CAST(1 + hash(i + 4) % 20 AS INTEGER) AS days, CASE WHEN hash(i + 5) % 20 = 0 THEN 10 ELSE 0 END AS extension
            FROM range({count}) AS t(i)""")
        con.execute("""
            CREATE OR REPLACE TABLE pauses AS
            SELECT clock_id, started_at + INTERVAL 1 DAY AS paused_at, started_at + INTERVAL 4 DAY AS resumed_at FROM clocks WHERE clock_id % 10 = 0""")
        engine = _timed(con, clock_sql("clocks", _AS_OF), options.reps)
        paused = _timed(con, clock_sql("clocks", _AS_OF, "pauses"), options.reps)
        limit = _timed(con, _LIMIT, options.reps)
        seconds, different = _one_by_one(con)
        wrong += different
        slow = seconds * count / _ONE_BY_ONE
        results.append(
            {"tickets": count, "engine": engine, "with_pauses": paused, "no_calendar": limit, "one_by_one": slow}
        )
        print(
            f"{count:>10}  {engine:>8.2f}  {paused:>9.2f}  {limit:>10.2f}  {paused / limit:>5.1f}  {slow:>12.1f}  {slow / paused:>6.0f}×",
            flush=True,
        )
    folder = ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"clock_deadlines_{time.strftime('%Y%m%d_%H%M%S')}.json").write_text(json.dumps(results))
    if wrong:
        print(f"有 {wrong} 张的时限与逐张数的不同", file=sys.stderr)
    return 1 if wrong else 0


def _timed(con: duckdb.DuckDBPyConnection, sql: str, reps: int) -> float:
    def once() -> None:
        con.execute(f"CREATE OR REPLACE TABLE answer AS {sql}")

    return _median(once, reps)


def _median(once: Callable[[], None], reps: int) -> float:
    taken = []
    for _ in range(reps):
        begun = time.perf_counter()
        once()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def _one_by_one(con: duckdb.DuckDBPyConnection) -> tuple[float, int]:
    """Seconds for the first tickets without pauses counted one at a time, and how many ends differ from the engine's."""
    rows = con.execute(
        f"SELECT started_at, days, extension FROM clocks WHERE clock_unit = 'workday' ORDER BY clock_id LIMIT {_ONE_BY_ONE}"
    ).fetchall()
    engine = con.execute(
        f"SELECT due_at FROM ({clock_sql('clocks', _AS_OF)}) WHERE clock_unit = 'workday' ORDER BY clock_id LIMIT {_ONE_BY_ONE}"
    ).fetchall()
    calendar = WorkCalendar()
    begun = time.perf_counter()
    ends = [calendar.add(start.date(), days + extension).date for start, days, extension in rows]
    seconds = time.perf_counter() - begun
    return seconds, sum(
        not isinstance(due, datetime) or due.date() != end for (due,), end in zip(engine, ends, strict=True)
    )


if __name__ == "__main__":
    sys.exit(main())
