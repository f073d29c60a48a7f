"""A verdict as people see it beside an asset."""

from __future__ import annotations

from dataclasses import asdict

import dagster as dg
import pytest

from pipelines.checks import verdict
from quality.expectations import ExpectationResult, Verdict
from tests.pipelines.conftest import CALLBACK_KEY


def found(severity: str) -> Verdict:
    good = ExpectationResult(
        "fresh", "updated_at", "ExpectColumnMaxToBeBetween", True, "warning", "2026-03-01 10:00:00", "时效"
    )
    bad = ExpectationResult(
        "row_drop", None, "ExpectTableRowCountToBeBetween", False, severity, 5, "行数不足。实际 5。"
    )
    return Verdict(False, severity == "error", [good, bad], "/var/x.html")


@pytest.mark.parametrize(
    ("severity", "shown"), [("error", dg.AssetCheckSeverity.ERROR), ("warning", dg.AssetCheckSeverity.WARN)]
)
def test_a_held_batch_is_an_error_and_anything_amiss_a_warning(severity: str, shown: dg.AssetCheckSeverity) -> None:
    result = verdict(CALLBACK_KEY, asdict(found(severity)))
    assert (result.passed, result.severity, result.description) == (False, shown, "行数不足。实际 5。")
    table = result.metadata["明细"]
    assert isinstance(table, dg.TableMetadataValue)
    assert [(r.data["检查"], r.data["通过"], r.data["实际"]) for r in table.records] == [
        ("row_drop", False, "5"), ("fresh", True, "2026-03-01 10:00:00"),
    ]  # fmt: skip


def test_before_the_first_batch_nothing_is_amiss() -> None:
    assert verdict(CALLBACK_KEY, None).passed
