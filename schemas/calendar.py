"""Working days of the county: which days they are, and when a time limit counted in them ends.

The State Council announces each year's holidays and make-up working days late in the year before. For the years it has
announced, the days come from chinesecalendar; for later (and older) years from the statutory dates alone, and every day of
such a year is provisional: a due date that passes one may still move. The county's own settings override both.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pyarrow as pa

COUNTY_SOURCE = "县里设定"
_DAY = timedelta(1)


class CalendarDay(NamedTuple):
    """One day; `kind` is weekday, weekend, holiday or makeup, `workday_no` the working days from the first row to this day."""

    day: date
    is_workday: bool
    kind: str
    source: str
    provisional: bool
    workday_no: int = 0


class Override(NamedTuple):
    """A day the county sets itself. Without a kind: holiday when off, makeup when a weekend is worked, weekday otherwise."""

    day: date
    is_workday: bool
    kind: str | None = None
    source: str = COUNTY_SOURCE


class Due(NamedTuple):
    """The last day of a time limit, and whether it counted through days that are not announced yet."""

    date: date
    provisional: bool


def build(
    first_year: int, last_year: int, overrides: Iterable[Override] = (), settled_years: Iterable[int] = ()
) -> list[CalendarDay]:
    """Every day from 1 January of `first_year` to 31 December of `last_year`, in order.

    Args:
        first_year: First year of the calendar.
        last_year: Last year of the calendar, included.
        overrides: Days as the county sets them; each is final, provisional or not before.
        settled_years: Years whose announcement is fully in `overrides`, so that their other days are final too.
    """
    own = {override.day: override for override in overrides}
    settled = frozenset(settled_years)
    rows: list[CalendarDay] = []
    workdays = 0
    for year in range(first_year, last_year + 1):
        for row in _year(year):
            day = row.day
            if day in own:
                row = _overridden(own[day])  # noqa: PLW2901
            elif year in settled and row.provisional:
                row = row._replace(provisional=False, source=COUNTY_SOURCE)  # noqa: PLW2901
            workdays += row.is_workday
            rows.append(row._replace(workday_no=workdays))
    return rows


def to_arrow(rows: Sequence[CalendarDay]) -> "pa.Table":
    """The rows as a table with the columns of CalendarDay, for loading work_calendar."""
    import pyarrow as pa

    types = (pa.date32(), pa.bool_(), pa.string(), pa.string(), pa.bool_(), pa.int32())
    columns = zip(*rows, strict=True) if rows else [()] * len(types)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    return pa.table(arrays, names=list(CalendarDay._fields))


class WorkCalendar:
    """Counts in working days, one date at a time; `due_sql` does it for a whole table.

    The first day is never counted (民法典 201). Years not given are built when a count reaches them, so no date is out of range.
    """

    def __init__(
        self,
        rows: Iterable[CalendarDay] = (),
        overrides: Iterable[Override] = (),
        settled_years: Iterable[int] = (),
    ) -> None:
        """Start from `rows` (as in the warehouse's work_calendar), or from nothing but the county's overrides."""
        self._days = {row.day: row for row in rows}
        self._overrides, self._settled = tuple(overrides), tuple(settled_years)

    def day(self, day: date) -> CalendarDay:
        """The calendar's row of that day."""
        if day not in self._days:
            for row in build(day.year, day.year, self._overrides, self._settled):
                self._days.setdefault(row.day, row)
        return self._days[day]

    def is_workday(self, day: date) -> str:
        """'yes' or 'no'; 'provisional' while the day's year is not announced."""
        row = self.day(day)
        return "provisional" if row.provisional else "yes" if row.is_workday else "no"

    def add(self, start: date, days: int) -> Due:
        """The `days`-th working day after `start` (before it when negative), the start itself not counted.

        Zero means «on the day»: the start if it is a working day, else the next one.
        """
        if days == 0:
            return self.roll(start)
        step = _DAY if days > 0 else -_DAY
        day, left, provisional = start, abs(days), False
        while left:
            day += step
            row = self.day(day)
            provisional |= row.provisional
            left -= row.is_workday
        return Due(day, provisional)

    def roll(self, day: date) -> Due:
        """The day itself if it is a working day, else the next one (民法典 203: a last day off moves on)."""
        row = self.day(day)
        provisional = row.provisional
        while not row.is_workday:
            row = self.day(row.day + _DAY)
            provisional |= row.provisional
        return Due(row.day, provisional)

    def add_calendar_days(self, start: date, days: int) -> Due:
        """The end of a limit in calendar days: start + days, moved on to a working day if it falls on a day off."""
        return self.roll(start + timedelta(days))

    def between(self, start: date, end: date) -> int:
        """How many working days a matter took: those after `start` up to `end`; negative when `end` is earlier."""
        if end < start:
            return -self.between(end, start)
        return sum(self.day(start + timedelta(step)).is_workday for step in range(1, (end - start).days + 1))


def due_sql(starts: str, start: str, days: str, calendar: str = "work_calendar") -> str:
    """SQL that hands back every row of `starts` with two columns more: due_on and due_provisional.

    `starts` is a table or a sub-query in brackets, `start` its date and `days` its integer column; NULL in either, or a
    day the calendar does not reach, gives NULL. Same rules as WorkCalendar.add; runs on DuckDB and PostgreSQL.

        (applied_at 2025-09-26, promise_days 2)  →  (2025-09-26, 2, 2025-09-29, false)
    """
    return f"""
WITH counted AS (
  SELECT day, is_workday, provisional,
    CASE WHEN is_workday THEN 1 ELSE 0 END AS works,
    CASE WHEN provisional THEN 1 ELSE 0 END AS unsure,
    SUM(CASE WHEN is_workday THEN 1 ELSE 0 END) OVER (ORDER BY day) AS works_so_far,
    SUM(CASE WHEN provisional THEN 1 ELSE 0 END) OVER (ORDER BY day) AS unsure_so_far
  FROM {calendar}
)
SELECT
  starts.*,
  due.day AS due_on,
  CASE
    WHEN due.day IS NULL THEN NULL
    WHEN starts.{days} < 0 THEN origin.unsure_so_far - origin.unsure > due.unsure_so_far - due.unsure
    WHEN starts.{days} = 0 THEN due.unsure_so_far > origin.unsure_so_far - origin.unsure
    ELSE due.unsure_so_far > origin.unsure_so_far
  END AS due_provisional
FROM {starts} AS starts
LEFT JOIN counted AS origin ON origin.day = CAST(starts.{start} AS DATE)
LEFT JOIN counted AS due ON due.is_workday AND due.works_so_far = origin.works_so_far + CASE
    WHEN starts.{days} > 0 THEN starts.{days}
    WHEN starts.{days} = 0 THEN 1 - origin.works
    ELSE starts.{days} + 1 - origin.works
  END
""".strip()


def _overridden(override: Override) -> CalendarDay:
    weekend = override.day.weekday() >= 5
    if override.kind:
        kind = override.kind
    elif override.is_workday:
        kind = "makeup" if weekend else "weekday"
    else:
        kind = "holiday"
    return CalendarDay(override.day, override.is_workday, kind, override.source, False)


@cache
def _year(year: int) -> tuple[CalendarDay, ...]:
    """One year before any override; workday_no is still 0."""
    from chinese_calendar import constants

    announced = _announced_years()
    if announced[0] <= year <= announced[1]:
        off, made_up, source, provisional = constants.holidays, constants.workdays, "chinesecalendar", False
    else:
        off, made_up, source, provisional = _statutory(year), {}, "holidays（未公布，推算）", True
    rows = []
    day = date(year, 1, 1)
    for _ in range((date(year, 12, 31) - day).days + 1):
        if day in made_up and day.weekday() >= 5:
            kind = "makeup"
        elif day in off:
            kind = "holiday"
        else:
            kind = "weekend" if day.weekday() >= 5 else "weekday"
        rows.append(CalendarDay(day, kind in ("weekday", "makeup"), kind, source, provisional))
        if day < date.max:
            day += _DAY
    return tuple(rows)


@cache
def _announced_years() -> tuple[int, int]:
    from chinese_calendar import constants

    return min(constants.holidays).year, max(constants.holidays).year


def _statutory(year: int) -> frozenset[date]:
    """The holidays the law itself names, with the days off it grants for those on a weekend; lunar dates computed."""
    import holidays

    return frozenset(holidays.country_holidays("CN", years=year))
