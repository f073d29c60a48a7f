"""The portal's log: who asks for what can be followed, numbers of persons cannot be read."""

from __future__ import annotations

import json

import pytest
import structlog

from portal import logs


def test_numbers_of_persons_are_masked(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    try:
        one = "34d99ac9-c7bc-aca5-c089-5317526b6479"
        log = structlog.get_logger("portal").bind(request="139082554170", user=f"u/{one}")
        try:
            raise ValueError("Key (code)=(510922198706230043) exists")
        except ValueError:
            log.exception("request", path="/rows/13908 255417", status=404)
    finally:
        structlog.reset_defaults()
    line = json.loads(capsys.readouterr().err)
    assert (line["path"], line["status"], line["request"], line["user"]) == ("/rows/139****5417", 404, "139082554170", f"u/{one}")  # fmt: skip
    assert "510922198706230043" not in line["exception"]
    assert "510***********0043" in line["exception"]
