"""How far an incremental read goes back when nobody says."""

from __future__ import annotations

import pytest

from connectors.drivers.base import SourceColumn
from connectors.sample import Sample
from warehouse.wizard import usual_lookback


@pytest.mark.parametrize(
    ("kind", "value", "lookback"),
    [
        ("timestamp without time zone", "2026-03-01 08:00:00", "1h"),
        ("date", "2026-03-01", "1d"),
        ("bigint", "77", "1000"),
        ("text", "2026-03-01T08:00:00+08:00", "1h"),
        ("text", "20260301080000", "0s"),
        ("text", "2026/03/01 08:00", "0s"),
        ("json", "77", "1000"),
        ("datetime", None, "1h"),
        ("text", None, "0s"),
    ],
)
def test_a_lookback_fits_what_the_cursor_holds(kind: str, value: str | None, lookback: str) -> None:
    assert usual_lookback(Sample({}, [SourceColumn("c", kind)], [{"c": value}]), "c") == lookback
