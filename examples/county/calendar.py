"""Working days and moments of the demo county, for whole arrays.

Instants are numpy datetime64[s] of the county's wall clock; days are datetime64[D].
"""

from __future__ import annotations

import datetime as dt
from functools import cache

import chinese_calendar
import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.datetime64]
Moments = NDArray[np.datetime64]

_FIRST, _LAST = dt.date(2023, 1, 1), dt.date(2026, 12, 31)


@cache
def working_days() -> Days:
    """Every working day from 2023 to 2026, make-up Saturdays and Sundays included, in order."""
    return np.array(chinese_calendar.get_workdays(_FIRST, _LAST), dtype="datetime64[D]")


def add_working_days(moments: Moments, days: NDArray[np.int64]) -> Days:
    """The day reached after so many working days; the first day is not counted."""
    work = working_days()
    place = np.searchsorted(work, moments.astype("datetime64[D]"), side="right") + days - 1
    return work[np.clip(place, 0, len(work) - 1)]


def next_working_day(days: Days) -> Days:
    """The same day where it is a working day, else the next one."""
    work = working_days()
    return work[np.clip(np.searchsorted(work, days), 0, len(work) - 1)]


def office_hours(days: Days, rng: np.random.Generator) -> Moments:
    """A moment between 09:00 and 17:29:59 of each day."""
    return days.astype("datetime64[s]") + rng.integers(9 * 3600, 17 * 3600 + 1800, len(days)).astype("timedelta64[s]")


def any_hour(days: Days, rng: np.random.Generator) -> Moments:
    """A moment of each day, most often by day."""
    hour = rng.choice(24, len(days), p=_CALLS)
    seconds = hour * 3600 + rng.integers(0, 3600, len(days))
    return days.astype("datetime64[s]") + seconds.astype("timedelta64[s]")


_WEIGHTS = np.array([1, 1, 1, 1, 1, 2, 4, 8, 14, 18, 18, 14, 9, 9, 14, 16, 16, 13, 11, 10, 9, 6, 3, 2], dtype=float)
_CALLS = _WEIGHTS / _WEIGHTS.sum()


def after(moments: Moments, seconds: NDArray[np.int64]) -> Moments:
    """Moments moved by so many seconds."""
    return moments + seconds.astype("timedelta64[s]")


def iso(moments: Moments) -> NDArray[np.object_]:
    """`2026-09-30 08:00:00` (or a date for days), None where there is none."""
    if not len(moments):
        return np.empty(0, dtype=object)
    text = np.char.replace(np.datetime_as_string(moments), "T", " ").astype(object)
    text[np.isnat(moments)] = None
    return text
