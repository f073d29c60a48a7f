"""How far an incremental read goes back when nobody says, and where what a clerk types in secret is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors import references
from connectors.drivers.base import SourceColumn
from connectors.sample import Sample
from schemas import contract
from warehouse.home import Home
from warehouse.wizard import keep_secrets, usual_lookback


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


def test_a_token_in_an_address_a_header_or_a_parameter_is_put_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {
        "driver": "http", "url": "http://h/x?a=1&access_token=mi%2Bma-1#f", "headers": {"X-Api-Key": "mima-2", "Accept": "*/*"},
        "params": {"secret": "mima-3"},
    }  # fmt: skip
    for stem in ("URL_ACCESS_TOKEN", "HEADERS_X_API_KEY", "PARAMS_SECRET"):
        monkeypatch.setenv(f"HUB_SECRET_WATER_API_{stem}", "")
    kept = keep_secrets(Home(tmp_path / "home"), "water/api", given)
    contract.include(None)
    assert kept["url"] == "http://h/x?a=1&access_token=${HUB_SECRET_WATER_API_URL_ACCESS_TOKEN}"
    assert kept["headers"] == {"X-Api-Key": "${HUB_SECRET_WATER_API_HEADERS_X_API_KEY}", "Accept": "*/*"}
    assert references.nested_secrets(kept) == []
    assert references.resolve(kept, "x") == given | {"url": "http://h/x?a=1&access_token=mi%2Bma-1"}
    secrets = references.Secrets()
    secrets.learn(kept)
    assert secrets.hide("mi+ma-1 mi%2Bma-1 mima-2 mima-3") == "*** *** *** ***"
