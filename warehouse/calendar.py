"""The county's own say over the working calendar: days set by hand, years whose announcement is fully entered.

The rows are kept in hub.calendar_override and hub.calendar_announced; shared.work_calendar is made from them and from
the packages' knowledge by warehouse.reference.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from schemas.calendar import Override, WorkCalendar
from schemas.contract import Contract
from schemas.errors import ConfigError
from warehouse.engines.adbc import Connection

if TYPE_CHECKING:
    import psycopg

OVERRIDES = "SELECT day, is_workday, kind, source FROM hub.calendar_override ORDER BY day"
ANNOUNCED = "SELECT year FROM hub.calendar_announced ORDER BY year"


def calendar(connection: psycopg.Connection[Any]) -> WorkCalendar:
    """The calendar as the county has set it."""
    days, years = settings_of(connection)
    return WorkCalendar(overrides=days, settled_years=years)


def settings_of(connection: psycopg.Connection[Any]) -> tuple[list[Override], list[int]]:
    """Days the county set, and years whose announcement it has entered."""
    from psycopg.rows import tuple_row

    with connection.cursor(row_factory=tuple_row) as cursor:
        days = cursor.execute(OVERRIDES).fetchall()
        years = cursor.execute(ANNOUNCED).fetchall()
    return [Override(*row) for row in days], [row[0] for row in years]


def settings(warehouse: Connection) -> tuple[list[Override], list[int]]:
    """The same through the loader's connection."""
    days = [Override(r["day"], r["is_workday"], r["kind"], r["source"]) for r in warehouse.rows(OVERRIDES)]
    return days, [row["year"] for row in warehouse.rows(ANNOUNCED)]


def of_warehouse(warehouse: Connection) -> WorkCalendar:
    """`calendar` through the loader's connection."""
    days, years = settings(warehouse)
    return WorkCalendar(overrides=days, settled_years=years)


def workdays(warehouse: Connection, agreed: Contract) -> list[tuple[date, bool]]:
    """Each day of the county's calendar and whether it is worked, for a contract with time limits; nothing for others."""
    if not any(f.kind == "deadline" for f in agreed.fields.values()):
        return []
    found = warehouse.rows("SELECT day, is_workday FROM shared.work_calendar ORDER BY day")
    return [(row["day"], row["is_workday"]) for row in found]


def overrides(connection: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    """One row per day the county set: day, is_workday, kind, source, set_by, set_at."""
    from psycopg.rows import dict_row

    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT day, is_workday, kind, source, set_by, (set_at AT TIME ZONE 'Asia/Shanghai') AS set_at"
            " FROM hub.calendar_override ORDER BY day"
        ).fetchall()


def put(connection: psycopg.Connection[Any], day: date, *, is_workday: bool, source: str, by: str) -> None:
    """Set one day; the caller commits. Setting it again replaces what was set.

    Raises:
        ConfigError: no source (the notice it rests on) is given.
    """
    _within(day.year)
    if not source.strip():
        raise ConfigError(f"工作日历 {day}", "没有写依据", "请用 --source 写明通知的文号或名称")
    connection.execute(
        "INSERT INTO hub.calendar_override (day, is_workday, source, set_by) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (day) DO UPDATE SET is_workday = excluded.is_workday, kind = NULL, source = excluded.source,"
        " set_by = excluded.set_by, set_at = clock_timestamp()",
        [day, is_workday, source.strip(), by],
    )
    _note(connection, by, "set", day=day, is_workday=is_workday, source=source.strip())


def take_back(connection: psycopg.Connection[Any], day: date, *, by: str) -> None:
    """Forget what was set for one day; the caller commits.

    Raises:
        ConfigError: nothing was set.
    """
    if not connection.execute("DELETE FROM hub.calendar_override WHERE day = %s", [day]).rowcount:
        raise ConfigError(f"工作日历 {day}", "县里没有设过这一天", "用 hub calendar show 查看设过哪些")
    _note(connection, by, "unset", day=day)


def announce(connection: psycopg.Connection[Any], year: int, *, source: str, by: str) -> None:
    """Say that a year's announcement is fully entered, so that its other days are final too; the caller commits."""
    _within(year)
    if not source.strip():
        raise ConfigError(f"工作日历 {year} 年", "没有写依据", "请用 --source 写明国务院办公厅通知的文号")
    connection.execute(
        "INSERT INTO hub.calendar_announced (year, source, set_by) VALUES (%s, %s, %s)"
        " ON CONFLICT (year) DO UPDATE SET source = excluded.source, set_by = excluded.set_by, set_at = clock_timestamp()",
        [year, source.strip(), by],
    )
    _note(connection, by, "announce", year=year, source=source.strip())


def _within(year: int) -> None:
    if not 2000 <= year <= 2100:
        raise ConfigError(f"工作日历 {year} 年", "年份不对", "写 2000 到 2100 年之间的")


def _note(connection: psycopg.Connection[Any], by: str, action: str, **values: Any) -> None:
    columns = ", ".join(("actor", "action", *values))
    marks = ", ".join(["%s"] * (2 + len(values)))
    connection.execute(f"INSERT INTO hub.calendar_event ({columns}) VALUES ({marks})", [by, action, *values.values()])
