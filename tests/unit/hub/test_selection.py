"""Which connectors a pattern means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from hub.output import UsageError
from hub.selection import one, select
from schemas.errors import ConfigError, HubError


@dataclass
class FakeConnector:
    id: str
    dataset: str

    @property
    def dept(self) -> str:
        return self.id.split("/")[0]


@dataclass
class FakeRegistry:
    connectors: dict[str, Any]
    broken: dict[str, HubError] = field(default_factory=dict)


REGISTRY: Any = FakeRegistry(
    {c.id: c for c in [FakeConnector("tax/tax_filing", "tax_filing"), FakeConnector("tax/tax_refund", "tax_refund"), FakeConnector("water/utility_connection", "utility_connection"), FakeConnector("power/utility_connection", "utility_connection")]},
    {"housing/permit": ConfigError("housing/permit.yaml：title", "缺少这一项", "请补上")},
)  # fmt: skip


@pytest.mark.parametrize(
    ("patterns", "ids"),
    [
        ([], ["tax/tax_filing", "tax/tax_refund", "water/utility_connection", "power/utility_connection"]),
        (["tax/*"], ["tax/tax_filing", "tax/tax_refund"]),
        (["*/utility_connection"], ["water/utility_connection", "power/utility_connection"]),
        (
            ["dataset:utility_connection", "tax/tax_refund"],
            ["tax/tax_refund", "water/utility_connection", "power/utility_connection"],
        ),
        (["dept:tax,water/*"], ["tax/tax_filing", "tax/tax_refund", "water/utility_connection"]),
        (["tax/tax_?efund"], ["tax/tax_refund"]),
    ],
)
def test_patterns(patterns: list[str], ids: list[str]) -> None:
    assert [c.id for c in select(REGISTRY, patterns)] == ids


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("tax/tax_filling", "是否想写 'tax/tax_filing'"),
        ("dataset:tax_refunds", "是否想写 'tax_refund'"),
        ("dept:waterr", "是否想写 'water'"),
        ("team:tax", "写法"),
    ],
)
def test_a_pattern_that_fits_nothing(pattern: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        select(REGISTRY, [pattern])


def test_a_broken_file_tells_its_own_error() -> None:
    with pytest.raises(ConfigError, match="缺少这一项"):
        select(REGISTRY, ["housing/*"])
    with pytest.raises(ConfigError, match="缺少这一项"):
        one(REGISTRY, "housing/permit")
    with pytest.raises(UsageError, match="没有登记"):
        one(REGISTRY, "water/connection")
