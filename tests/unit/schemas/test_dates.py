"""Dates: the table of shapes, limits that need a reference, times and zones, and what is refused."""

from datetime import date, datetime

import pytest

from schemas.dates import DateValue, date_value, parse_date, timestamp_value


def expected(row):
    return DateValue(date.fromisoformat(row["value"]) if row["value"] else None, row["precision"])


def test_table(vectors):
    for row in vectors["dates"]:
        assert parse_date(row["raw"]) == expected(row), row["raw"]


def test_limits_take_their_year_from_the_reference(vectors):
    for row in vectors["dates_with_reference_2020_05_06"]:
        assert parse_date(row["raw"], reference=date(2020, 5, 6)) == expected(row), row["raw"]


def test_timestamps(vectors):
    for raw, value in vectors["timestamps"]:
        assert timestamp_value(raw) == (datetime.fromisoformat(value) if value else None), raw


def test_none_is_null():
    assert parse_date(None) == DateValue(None, "null")


@pytest.mark.parametrize(
    ("raw", "value"),
    [("43891", date(2020, 3, 1)), ("43891.75", date(2020, 3, 1)), ("2020", date(2020, 1, 1)), ("438", None)],
)
def test_day_numbers_count_only_where_declared(raw, value):
    assert date_value(raw, serial=True) == value
    assert raw == "2020" or date_value(raw) is None
    assert raw != "43891.75" or timestamp_value(raw, serial=True) == datetime(2020, 3, 1, 18)


@pytest.mark.parametrize(("order", "value"), [("mdy", date(2011, 3, 1)), ("dmy", date(2011, 1, 3)), (None, None)])
def test_year_last_needs_a_declared_order(order, value):
    assert date_value("03/01/2011", day_order=order) == value
    assert date_value("03/01/2011 02:27:57 PM", day_order=order) == value


def test_month_and_day_swapped_against_the_declared_order_are_invalid():
    assert parse_date("13/01/2011", day_order="mdy").precision == "invalid"
    assert date_value("13/01/2011", day_order="dmy") == date(2011, 1, 13)


def test_times_without_zone_are_in_the_declared_one():
    assert timestamp_value("2020-03-01 20:00:00", zone_minutes=0) == datetime(2020, 3, 2, 4)
    assert timestamp_value("2020-03-01T20:00:00+08:00", zone_minutes=0) == datetime(2020, 3, 1, 20)
    assert timestamp_value("2020-03-01", zone_minutes=0) == datetime(2020, 3, 1)


def test_the_end_of_the_calendar_is_no_crash():
    assert parse_date("9999-12-31").value == date(9999, 12, 31)
    assert parse_date("9999-12-31T23:00:00-05:00").precision == "invalid"
