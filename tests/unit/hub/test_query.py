"""Parameters of a query."""

from __future__ import annotations

import pytest

from hub.output import plain, shown
from schemas.errors import ConfigError
from warehouse.question import bind


@pytest.mark.parametrize(
    ("sql", "bound"),
    [
        ("SELECT :a", "SELECT 'x''y'"),
        ("SELECT :a;\n", "SELECT 'x''y'"),
        ("SELECT ':a', :a", "SELECT ':a', 'x''y'"),
        ('SELECT ":a", :a', "SELECT \":a\", 'x''y'"),
        ("SELECT :a::text", "SELECT 'x''y'::text"),
        ("SELECT :a -- :b\n", "SELECT 'x''y' -- :b"),
        ("SELECT /* :b */ :a", "SELECT /* :b */ 'x''y'"),
        ("SELECT a[1:2], :a", "SELECT a[1:2], 'x''y'"),
    ],
)
def test_parameters_become_literals(sql: str, bound: str) -> None:
    assert bind(sql, {"a": "x'y"}) == bound


def test_parameter_without_value_and_value_without_parameter() -> None:
    with pytest.raises(ConfigError, match="参数 :town 没有给值"):
        bind("SELECT :town", {})
    with pytest.raises(ConfigError, match="是否想写 'town'"):
        bind("SELECT :town", {"town": "x", "twon": "y"})


def test_values_are_read_back_exactly() -> None:
    from datetime import datetime
    from decimal import Decimal

    assert [plain(Decimal(text)) for text in ("1", "69.97", "12345678901234567.89")] == [
        1,
        69.97,
        "12345678901234567.89",
    ]
    assert plain(datetime(2026, 9, 30, 8)) == "2026-09-30T08:00:00"
    assert [shown(value) for value in (None, True, datetime(2026, 9, 30, 8), ["甲"])] == [
        "",
        "是",
        "2026-09-30 08:00:00",
        '["甲"]',
    ]
