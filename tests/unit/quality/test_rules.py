"""Every rule picks its bad row and leaves its good one: one line a rule."""

from __future__ import annotations

import duckdb
import pytest

from quality.rules import RULES, condition
from schemas import macros
from schemas.errors import ConfigError

# rule -> its words, a row it must refuse, a row it must let pass
CASES: dict[str, tuple[dict[str, object], str, str]] = {
    "not_before": (
        {"field": "a", "other": "b"},
        "DATE '2026-01-01' a, DATE '2026-01-02' b",
        "DATE '2026-01-02' a, DATE '2026-01-02' b",
    ),
    "not_future": (
        {"field": "a"},
        "TIMESTAMP '2026-01-01 12:11:00' a, TIMESTAMP '2026-01-01 12:00:00' _extracted_at",
        "TIMESTAMP '2026-01-01 12:10:00' a, TIMESTAMP '2026-01-01 12:00:00' _extracted_at",
    ),
    "required_if": ({"field": "a", "when": "b = '拒绝'"}, "NULL a, '拒绝' b", "NULL a, '通过' b"),
    "one_of": ({"field": "a", "values": ["是", "否"]}, "'也许' a", "'是' a"),
    "expression": ({"field": "a", "bad": "a > 3 AND b IS NULL"}, "4 a, NULL b", "4 a, 1 b"),
    "greater_than": ({"field": "a", "value": 0}, "0 a", "0.01 a"),
    "different": ({"field": "a", "other": "b"}, "'张三' a, '张三' b", "'张三' a, '李四' b"),
    "uscc": ({"field": "a"}, "'91510999MA7TE5T00A' a", "'91510999MA7TE5T00T' a"),
    "org_code": ({"field": "a"}, "'MA7TE5T01' a", "'MA7TE5T00' a"),
    "reg_no": ({"field": "a"}, "'510999000000011' a", "'510999000000010' a"),
    "enterprise_code": ({"field": "a"}, "'ABC' a", "'510999000000010' a"),
    "taxpayer_id": ({"field": "a"}, "'12' a", "'91510999MA7TE5T00T' a"),
    "resident_id": ({"field": "a"}, "'510000199002300017' a", "'510000199003070014' a"),
    "phone": ({"field": "a"}, "'1380000000' a", "'13800000000' a"),
    "unit_no": ({"field": "a"}, "'510999001002GB00003F0001000' a", "'510999001002GB00003F00010002' a"),
    "project_code": ({"field": "a"}, "'2025510999480112345' a", "'2025-510999-48-01-123456' a"),
}


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    macros.install(connection)
    return connection


def test_every_rule_has_its_case() -> None:
    assert set(CASES) == set(RULES)


@pytest.mark.parametrize("name", CASES)
def test_rule(con: duckdb.DuckDBPyConnection, name: str) -> None:
    words, bad, good = CASES[name]
    reason, sql = condition({"rule": name, **words}, "表")
    assert reason.endswith("。")
    assert con.execute(f"SELECT {sql} FROM (SELECT {bad})").fetchone() == (True,)
    assert con.execute(f"SELECT {sql} FROM (SELECT {good})").fetchone()[0] is False


def test_unknown_rule_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"hotline_ticket：没有规则 'not_befor'。是否想写 'not_before'？"):
        condition({"rule": "not_befor"}, "hotline_ticket")


def test_missing_word_is_named() -> None:
    with pytest.raises(ConfigError, match="缺少 other"):
        condition({"rule": "not_before", "field": "a"}, "hotline_ticket")
