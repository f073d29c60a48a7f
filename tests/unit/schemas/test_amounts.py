"""Amounts in yuan, shares, numbers, yes and no, and units in headers."""

from decimal import Decimal

import pytest

from schemas import amounts


def test_amounts(vectors):
    for raw, unit, value in vectors["amounts"]:
        assert amounts.amount_yuan(raw, unit) == (Decimal(value) if value else None), (raw, unit)


def test_about_is_kept_beside_the_amount():
    assert amounts.parse_amount("约100万") == (Decimal("1000000.00"), True)
    assert amounts.parse_amount("100万") == (Decimal("1000000.00"), False)


def test_shares_follow_the_declared_scale(vectors):
    for raw, scale, value in vectors["percents"]:
        assert amounts.percent_value(raw, scale) == (Decimal(value) if value else None), (raw, scale)
    with pytest.raises(ValueError, match="scale must be"):
        amounts.percent_value("95", "guess")


def test_numbers(vectors):
    for raw, value in vectors["numbers"]:
        assert amounts.number_value(raw) == (Decimal(value) if value else None), raw
    assert amounts.integer_value("1,200") == 1200
    assert amounts.integer_value("12.5") is None


def test_booleans(vectors):
    for raw, value in vectors["booleans"]:
        assert amounts.boolean_value(raw) is value, raw


@pytest.mark.parametrize(
    ("header", "name", "unit"),
    [
        ("注册资本（万元）", "注册资本", "万元"),
        ("注册资本(万元)", "注册资本", "万元"),
        ("注册资金(人民币万元)", "注册资金", "万元"),
        ("金额（单位：元）", "金额", "元"),
        ("注册资本：万元", "注册资本", "万元"),
        ("注册资本万元", "注册资本", "万元"),
        ("投资总额（亿元）", "投资总额", "亿元"),
        ("占比（％）", "占比", "%"),
        ("单元", "单元", None),
        ("注册资本", "注册资本", None),
    ],
)
def test_units_in_headers(header, name, unit):
    assert amounts.header_unit(header) == (name, unit)
