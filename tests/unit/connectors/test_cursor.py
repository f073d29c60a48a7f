"""Where an incremental read begins and how far it came."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from connectors.cursor import Tracker, lookback_problem, lower_bound, spelled
from schemas.errors import ConfigError


@pytest.mark.parametrize(
    ("position", "lookback", "kind", "bound"),
    [
        ("2026-03-01 00:00:00.500000", "0s", "timestamp", "2026-03-01 00:00:00.500000"),
        ("2026-03-01 00:00:00.500000", "90s", "timestamp", "2026-02-28 23:58:30.500000"),
        ("2026-03-01T00:00:00", "2h", "timestamp", "2026-02-28T22:00:00"),
        ("2026-03-01T00:00:00Z", "1d", "timestamp", "2026-02-28T00:00:00Z"),
        ("2026-03-01T00:00:00+08:00", "30m", "timestamp", "2026-02-28T23:30:00+08:00"),
        ("2026-03-01", "1h", "date", "2026-02-28"),
        ("2026-03-01", "1w", "date", "2026-02-22"),
        ("1000", "100", "integer", "900"),
        ("10.5", "1", "decimal", "9.5"),
        ("2026-03-01 00:00:00", "1h", "text", "2026-02-28 23:00:00"),
    ],
)
def test_lookback_is_taken_from_the_position(position, lookback, kind, bound):
    assert lower_bound(position, lookback, kind, "x") == bound


def test_text_cursor_has_no_lookback():
    with pytest.raises(ConfigError):
        lower_bound("T001", "1h", "text", "x")


@pytest.mark.parametrize(
    ("text", "good"),
    [("0s", True), ("15m", True), ("3d", True), ("100", True), ("1 month", False), ("-5s", False), ("", False)],
)
def test_lookbacks_are_judged(text, good):
    assert (lookback_problem(text) is None) == good


def seen(kind, start, arrays, ceiling=None):
    tracker = Tracker(kind, start, ceiling)
    for array in arrays:
        tracker.see(array)
    return tracker


@pytest.mark.parametrize(
    ("kind", "arrays", "position"),
    [
        ("integer", [pa.array([3, None, 9]), pa.array([5])], "9"),
        ("integer", [pa.array(["3", "10", None])], "10"),
        ("decimal", [pa.array(["9.50", "10.5"])], "10.5"),
        ("decimal", [pa.array([Decimal("1.20")])], "1.2"),
        ("timestamp", [pa.array([datetime(2026, 3, 1)], pa.timestamp("us")), pa.array([datetime(2026, 2, 1)], pa.timestamp("us"))], "2026-03-01 00:00:00.000000"),
        ("timestamp", [pa.array([datetime(2026, 3, 1, tzinfo=UTC)], pa.timestamp("us", "UTC"))], "2026-03-01 00:00:00.000000+00:00"),
        ("date", [pa.array([date(2026, 3, 1)])], "2026-03-01"),
        ("text", [pa.array(["a", "𠮷", "县"])], "𠮷"),
        ("text", [pa.array([None], pa.string())], None),
        ("text", [], None),
    ],
)  # fmt: skip
def test_largest_value_becomes_the_position(kind, arrays, position):
    assert seen(kind, None, arrays).position() == position


def test_position_never_goes_back():
    assert seen("integer", "20", [pa.array([3, 9])]).position() == "20"
    assert seen("integer", "9", [pa.array([10])]).position() == "10"
    assert (
        seen("timestamp", "2026-03-01 00:00:00", [pa.array([datetime(2026, 2, 1)], pa.timestamp("us"))]).position()
        == "2026-03-01 00:00:00"
    )
    assert seen("decimal", "10", [pa.array(["9"])]).position() == "10"


def test_values_after_the_sources_clock_are_counted_not_followed():
    values = pa.array([datetime(2026, 3, 1), datetime(2099, 1, 1), None], pa.timestamp("us"))
    tracker = seen("timestamp", None, [values], "2026-03-02 00:00:00")
    assert (tracker.position(), tracker.beyond, tracker.missing) == ("2026-03-01 00:00:00.000000", 1, 1)
    assert (
        seen("timestamp", "2026-01-01 00:00:00", [values.slice(1, 1)], "2026-03-02 00:00:00").position()
        == "2026-01-01 00:00:00"
    )
    assert (
        seen("timestamp", None, [pa.array(["2026-03-01 00:00:00", "2099-01-01"])], "2026-03-02").position()
        == "2026-03-01 00:00:00"
    )


def test_text_in_a_number_cursor_is_an_error():
    with pytest.raises(ValueError):
        seen("integer", None, [pa.array(["12", "x"])])


def test_numbers_are_spelled_without_loss():
    assert spelled(Decimal("1E+3")) == "1000"
    assert spelled(12345678901234567890) == "12345678901234567890"
