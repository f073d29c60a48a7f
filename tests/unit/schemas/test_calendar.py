"""The work calendar: known years, years not announced yet, the county's own days, and the set-based count."""

from datetime import date, timedelta

import pytest

from schemas.calendar import Due, Override, WorkCalendar, build, due_sql, to_arrow


@pytest.fixture(scope="module")
def calendar():
    return WorkCalendar(build(2024, 2028))


def test_table(vectors, calendar):
    for start, days, due, provisional in vectors["working_days"]:
        assert calendar.add(date.fromisoformat(start), days) == Due(date.fromisoformat(due), provisional), (start, days)


def test_known_years():
    rows = build(2025, 2026)
    assert len(rows) == 730
    assert [sum(row.is_workday for row in rows if row.day.year == year) for year in (2025, 2026)] == [248, 248]
    assert [str(row.day)[5:] for row in rows if row.kind == "makeup"] == [
        "01-26", "02-08", "04-27", "09-28", "10-11", "01-04", "02-14", "02-28", "05-09", "09-20", "10-10",
    ]  # fmt: skip
    assert not any(row.provisional for row in rows)
    assert rows[-1].workday_no == 496


def test_is_workday(calendar):
    days = {
        "2025-09-28": "yes",
        "2025-10-03": "no",
        "2025-10-12": "no",
        "2025-10-13": "yes",
        "2027-03-01": "provisional",
    }
    assert {day: calendar.is_workday(date.fromisoformat(day)) for day in days} == days


def test_years_not_given_are_built_when_reached():
    assert WorkCalendar().add(date(2026, 12, 28), 5) == Due(date(2027, 1, 5), True)
    assert WorkCalendar().is_workday(date(1998, 5, 4)) == "provisional"


def test_the_county_sets_days_itself():
    overrides = [Override(date(2025, 9, 29), False, source="县府办通知"), Override(date(2025, 9, 27), True)]
    calendar = WorkCalendar(overrides=overrides)
    assert calendar.add(date(2025, 9, 26), 2).date == date(2025, 9, 28)
    assert calendar.add(date(2025, 9, 28), 1).date == date(2025, 9, 30)
    assert calendar.day(date(2025, 9, 27)).kind == "makeup"
    assert calendar.day(date(2025, 9, 29))[1:5] == (False, "holiday", "县府办通知", False)


def test_an_announced_year_is_final():
    before, after = WorkCalendar(), WorkCalendar(settled_years=[2027])
    assert before.add(date(2026, 12, 28), 5).provisional
    assert not after.add(date(2026, 12, 28), 5).provisional
    one_day = WorkCalendar(overrides=[Override(date(2027, 1, 4), True)])
    assert one_day.is_workday(date(2027, 1, 4)) == "yes"
    assert one_day.is_workday(date(2027, 1, 5)) == "provisional"


def test_calendar_days_roll_over_days_off(calendar):
    assert calendar.add_calendar_days(date(2025, 9, 1), 30) == Due(date(2025, 10, 9), False)
    assert calendar.add_calendar_days(date(2025, 9, 1), 7) == Due(date(2025, 9, 8), False)


def test_between_counts_what_add_adds(calendar):
    for start, days in ((date(2025, 9, 26), 5), (date(2025, 10, 3), 20), (date(2026, 2, 10), 1)):
        assert calendar.between(start, calendar.add(start, days).date) == days
    assert calendar.between(date(2025, 10, 10), date(2025, 9, 26)) == -5


def test_a_table_of_starts_gets_the_same_due_days(con, calendar):
    work_days = to_arrow(build(2024, 2028))
    con.register("work_calendar_rows", work_days)
    con.execute("CREATE OR REPLACE TEMP TABLE work_calendar AS SELECT * FROM work_calendar_rows")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE starts AS SELECT DATE '2025-01-01' + (i * 47 % 1000)::INTEGER AS start_on,"
        " i % 61 - 20 AS days FROM range(300) t(i) UNION ALL VALUES (NULL, 3), (DATE '2025-01-01', NULL), (DATE '1990-01-01', 3)"
    )
    rows = con.execute(due_sql("starts", "start_on", "days")).fetchall()
    assert len(rows) == 303
    for start, days, due, provisional in rows:
        if start is None or days is None or start.year < 2024:
            assert (due, provisional) == (None, None)
        else:
            assert Due(due, provisional) == calendar.add(start, days), (start, days)


def test_the_first_day_is_never_counted(calendar):
    day = date(2025, 1, 1)
    while day.year == 2025:
        assert calendar.add(day, 1).date > day
        assert calendar.add(day, -1).date < day
        day += timedelta(3)
