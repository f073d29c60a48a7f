"""Clocks: when a time limit ends, who still has time, and who is late; for a whole table at once.

A clock has a start, a limit in one unit (working day, calendar day, hour, minute), perhaps an extension, pauses and a stop.

    workday  the start day is not counted, the last day ends at 24:00 (民法典 201, 203); make-up days count, holidays do not
    day      likewise in calendar days; a last day off moves on to the next working day
    hour, minute  run 7×24 from the very moment of the start

A pause that begins while the limit still runs moves the end by as many units as it lasted; overlapping pauses count once,
and one that begins after the end changes nothing. An extension is added to the limit.

Verdicts: on_time, late (stopped); suspended, open_not_due, open_overdue (still running at the as-of moment); undeterminable
(no start, no rule, or the end lies beyond the calendar).

Source: 民法典第二百零一条、第二百零三条; 12345 pause and return practice (潍坊、济南热线条例) as configured in deadline_rules.yaml.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

UNITS = {"workday": "个工作日", "day": "日", "hour": "小时", "minute": "分钟"}
VERDICTS = {
    "on_time": "按期",
    "late": "超期办结",
    "open_not_due": "在办未到期",
    "open_overdue": "在办已超期",
    "suspended": "暂停计时",
    "undeterminable": "无法判定",
}


@dataclass(frozen=True)
class AsOf:
    """The moment an assessment looks from.

    A bare day knows all that happened on it, but calls overdue only what was due before it began: whoever is due
    today still has time.
    """

    now: datetime
    horizon: datetime  # what happened before this is known
    text: str

    @classmethod
    def of(cls, value: date | datetime) -> AsOf:
        """From a day or a moment."""
        if isinstance(value, datetime):
            return cls(value, value + timedelta(microseconds=1), value.isoformat(" "))
        midnight = datetime(value.year, value.month, value.day)
        return cls(midnight, midnight + timedelta(1), value.isoformat())

    @property
    def now_sql(self) -> str:
        """`now` as a literal."""
        return f"TIMESTAMP '{self.now.isoformat(' ')}'"

    @property
    def horizon_sql(self) -> str:
        """`horizon` as a literal."""
        return f"TIMESTAMP '{self.horizon.isoformat(' ')}'"


def rule_text(days: str = "days", unit: str = "clock_unit", extension: str = "extension") -> str:
    """SQL for the limit in words: 5 个工作日, 延 10 个工作日."""
    named = f"CASE {unit} " + " ".join(f"WHEN '{u}' THEN '{word}'" for u, word in UNITS.items()) + " END"
    return f"CAST({days} AS VARCHAR) || {named} || CASE WHEN {extension} > 0 THEN '，延 ' || CAST({extension} AS VARCHAR) || {named} ELSE '' END"


def clock_sql(clocks: str, as_of: AsOf, pauses: str | None = None, calendar: str = "work_calendar") -> str:
    """SQL that hands back every row of `clocks` with its end and verdict; one pass, on DuckDB and PostgreSQL.

    `clocks` needs clock_id (unique), started_at, stopped_at, clock_unit, days, extension (all NULL allowed but the id);
    `pauses` clock_id, paused_at, resumed_at (NULL: not resumed). Columns added:

        due_at       last moment of the limit (second 59 of the last minute for day units); NULL when undeterminable
        provisional  whether days not announced yet were counted
        paused       units (days, or seconds for hour and minute clocks) the pauses added
        is_paused    whether the clock stands still at the as-of moment
        used, used_pct  units used up to the stop or the as-of moment, and their share of the limit (NULL for limit 0)
        verdict      one of VERDICTS
    """
    pausing = _pauses(pauses, as_of) if pauses else _NO_PAUSES
    return f"""
WITH clock_cal AS (
  SELECT day, {_day_no("day")} AS day_no, is_workday, CASE WHEN is_workday THEN 1 ELSE 0 END AS works,
    SUM(CASE WHEN is_workday THEN 1 ELSE 0 END) OVER (ORDER BY day) AS workday_no,
    SUM(CASE WHEN provisional THEN 1 ELSE 0 END) OVER (ORDER BY day) AS unsure_no,
    CASE WHEN provisional THEN 1 ELSE 0 END AS unsure,
    MIN(CASE WHEN is_workday THEN day END) OVER (ORDER BY day ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS next_workday
  FROM {calendar}
),
clock_work_day AS (SELECT * FROM clock_cal WHERE is_workday),
clock_asked AS (
  SELECT clocks.clock_id, clocks.started_at, clocks.clock_unit,
    CASE WHEN clocks.stopped_at < {as_of.horizon_sql} THEN clocks.stopped_at END AS stopped_at,
    origin.unsure_no AS start_unsure,
    CASE clocks.clock_unit WHEN 'workday' THEN origin.workday_no WHEN 'day' THEN {_day_no("clocks.started_at")}
      ELSE EXTRACT(EPOCH FROM clocks.started_at) END AS start_at,
    CASE clocks.clock_unit
      WHEN 'workday' THEN CASE WHEN clocks.days + COALESCE(clocks.extension, 0) = 0 THEN 1 - origin.works
        ELSE clocks.days + COALESCE(clocks.extension, 0) END
      WHEN 'day' THEN clocks.days + COALESCE(clocks.extension, 0)
      WHEN 'hour' THEN 3600 * (clocks.days + COALESCE(clocks.extension, 0))
      WHEN 'minute' THEN 60 * (clocks.days + COALESCE(clocks.extension, 0)) END AS span
  FROM {clocks} AS clocks
  LEFT JOIN clock_cal AS origin ON origin.day = CAST(clocks.started_at AS DATE)
),
{pausing},
clock_ended AS (
  SELECT clock_asked.clock_id, clock_asked.started_at, clock_asked.stopped_at, clock_asked.clock_unit, clock_asked.start_at, clock_asked.span, clock_asked.start_unsure,
    COALESCE(clock_paused.amount, 0) AS paused, COALESCE(clock_paused.now_paused, 0) = 1 AS is_paused,
    clock_asked.start_at + clock_asked.span + COALESCE(clock_paused.amount, 0) AS end_at
  FROM clock_asked LEFT JOIN clock_paused ON clock_paused.clock_id = clock_asked.clock_id
),
clock_due AS (
  SELECT clock_ended.*,
    CASE clock_ended.clock_unit
      WHEN 'workday' THEN CAST(w.day + 1 AS TIMESTAMP) - INTERVAL '1 second'
      WHEN 'day' THEN CAST(d.next_workday + 1 AS TIMESTAMP) - INTERVAL '1 second'
      ELSE TIMESTAMP '1970-01-01 00:00:00' + CAST(clock_ended.end_at AS BIGINT) * INTERVAL '1 second' END AS due_at,
    CASE clock_ended.clock_unit WHEN 'workday' THEN w.unsure_no > clock_ended.start_unsure WHEN 'day' THEN d.unsure = 1
      ELSE CASE WHEN clock_ended.end_at IS NOT NULL THEN FALSE END END AS provisional,
    CASE clock_ended.clock_unit
      WHEN 'workday' THEN last.workday_no - clock_ended.start_at - clock_ended.paused
      WHEN 'day' THEN {_day_no("COALESCE(clock_ended.stopped_at, " + as_of.now_sql + ")")} - clock_ended.start_at - clock_ended.paused
      ELSE EXTRACT(EPOCH FROM COALESCE(clock_ended.stopped_at, {as_of.now_sql})) - clock_ended.start_at - clock_ended.paused END AS used_raw
  FROM clock_ended
  LEFT JOIN clock_work_day AS w ON w.workday_no = CASE WHEN clock_ended.clock_unit = 'workday' THEN CAST(clock_ended.end_at AS BIGINT) END
  LEFT JOIN clock_cal AS d ON d.day_no = CASE WHEN clock_ended.clock_unit = 'day' THEN CAST(clock_ended.end_at AS BIGINT) END
  LEFT JOIN clock_cal AS last
    ON last.day = CASE WHEN clock_ended.clock_unit = 'workday' THEN CAST(COALESCE(clock_ended.stopped_at, {as_of.now_sql}) AS DATE) END
)
SELECT clocks.*, clock_due.due_at, clock_due.provisional, clock_due.paused, clock_due.is_paused AND clock_due.stopped_at IS NULL AS is_paused,
  CASE WHEN clock_due.used_raw < 0 THEN 0 ELSE clock_due.used_raw END AS used,
  CASE WHEN clock_due.used_raw < 0 THEN 0 ELSE ROUND(CAST(100.0 * clock_due.used_raw / NULLIF(clock_due.span, 0) AS NUMERIC(18, 4)), 1) END AS used_pct,
  CASE
    WHEN clock_due.due_at IS NULL THEN 'undeterminable'
    WHEN DATE_TRUNC('second', clock_due.stopped_at) <= clock_due.due_at THEN 'on_time'
    WHEN clock_due.stopped_at IS NOT NULL THEN 'late'
    WHEN clock_due.is_paused THEN 'suspended'
    WHEN clock_due.due_at < {as_of.now_sql} THEN 'open_overdue'
    ELSE 'open_not_due' END AS verdict
FROM {clocks} AS clocks JOIN clock_due ON clock_due.clock_id = clocks.clock_id
""".strip()


_NO_PAUSES = "clock_paused AS (SELECT clock_id, CAST(0 AS BIGINT) AS amount, 0 AS now_paused FROM clock_asked WHERE clock_id IS NULL)"


def _day_no(moment: str) -> str:
    """Days since 1970-01-01 of a date or timestamp expression."""
    return f"CAST(FLOOR(EXTRACT(EPOCH FROM CAST({moment} AS TIMESTAMP)) / 86400) AS BIGINT)"


def _pauses(pauses: str, as_of: AsOf) -> str:
    """CTEs up to `clock_paused`: per clock, the units its pauses add and whether it stands still now."""
    return f"""clock_clipped AS (
  SELECT clock_asked.clock_id, clock_asked.clock_unit, clock_asked.start_at, clock_asked.span,
    GREATEST(p.paused_at, clock_asked.started_at) AS from_at,
    LEAST(CASE WHEN p.resumed_at < {as_of.horizon_sql} THEN p.resumed_at ELSE {as_of.now_sql} END,
      COALESCE(clock_asked.stopped_at, {as_of.horizon_sql})) AS till_at,
    CASE WHEN p.resumed_at < {as_of.horizon_sql} OR clock_asked.stopped_at IS NOT NULL THEN 0 ELSE 1 END AS now_paused
  FROM {pauses} AS p JOIN clock_asked ON clock_asked.clock_id = p.clock_id
  WHERE p.paused_at < {as_of.horizon_sql} AND (p.resumed_at IS NULL OR p.resumed_at > clock_asked.started_at)
),
clock_reached AS (
  SELECT clock_clipped.*, MAX(till_at) OVER (PARTITION BY clock_id ORDER BY from_at, till_at
    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach
  FROM clock_clipped
),
clock_grouped AS (
  SELECT clock_reached.*, SUM(CASE WHEN from_at <= reach THEN 0 ELSE 1 END) OVER (PARTITION BY clock_id ORDER BY from_at, till_at
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS island
  FROM clock_reached
),
clock_merged AS (
  SELECT clock_id, clock_unit, start_at, span, island, MIN(from_at) AS from_at, MAX(till_at) AS till_at, MAX(now_paused) AS now_paused
  FROM clock_grouped GROUP BY clock_id, clock_unit, start_at, span, island
),
clock_measured AS (
  SELECT m.clock_id, m.start_at, m.span, m.from_at, m.now_paused,
    CASE m.clock_unit WHEN 'workday' THEN a.workday_no + 0.5 * (1 - a.works) WHEN 'day' THEN {_day_no("m.from_at")}
      ELSE EXTRACT(EPOCH FROM m.from_at) END AS place,
    CASE WHEN m.till_at <= m.from_at THEN 0 ELSE CASE m.clock_unit WHEN 'workday' THEN b.workday_no - a.workday_no
      WHEN 'day' THEN {_day_no("m.till_at")} - {_day_no("m.from_at")}
      ELSE EXTRACT(EPOCH FROM m.till_at) - EXTRACT(EPOCH FROM m.from_at) END END AS amount
  FROM clock_merged AS m
  LEFT JOIN clock_cal AS a ON a.day = CAST(m.from_at AS DATE)
  LEFT JOIN clock_cal AS b ON b.day = CAST(m.till_at AS DATE)
),
clock_counted AS (
  SELECT clock_measured.*, CASE WHEN place <= start_at + span + COALESCE(SUM(amount) OVER (PARTITION BY clock_id ORDER BY from_at
    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) THEN 1 ELSE 0 END AS in_time
  FROM clock_measured
),
clock_kept AS (
  SELECT clock_id, amount, now_paused, MIN(in_time) OVER (PARTITION BY clock_id ORDER BY from_at
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS counts
  FROM clock_counted
),
clock_paused AS (
  SELECT clock_id, SUM(amount * counts) AS amount, MAX(now_paused * counts) AS now_paused FROM clock_kept GROUP BY clock_id
)"""
