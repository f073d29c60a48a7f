"""What a contract asks of a delivery as a whole, without running it."""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

from quality.suite import BatchFacts, Spec, shared_suite, suite
from schemas.contract import Contract, contracts, load
from schemas.errors import ConfigError
from schemas.reference import code_sets

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: visit
version: 1.0.0
status: active
slaProperties: [{property: latency, value: 3, unit: d}]
schema:
  - name: visit
    businessName: 走访
    customProperties: [{property: validFromField, value: seen_on}]
    quality:
      - {name: row_drop, type: library, metric: rowCount, unit: percent, mustBeGreaterOrEqualTo: 80, severity: error,
         arguments: {loads: [full, file_full]}, description: 不得少于历次中位数的八成。}
      - {name: twice, type: library, metric: duplicateValues, unit: percent, mustBeLessThan: 1, severity: warning,
         arguments: {properties: [visit_no, town]}, description: 重复的应少于 1%。}
      - {name: balanced, type: sql, query: SELECT COUNT(*) FROM visit, mustBeLessOrEqualTo: 3, severity: warning, description: 至多三处。}
    properties:
      - {name: visit_no, businessName: 走访编号, logicalType: string, physicalType: varchar(32), primaryKey: true, required: true}
      - name: town
        businessName: 乡镇
        logicalType: string
        physicalType: text
        quality:
          - {name: told, type: library, metric: nullValues, unit: rows, mustBeLessOrEqualTo: 50, severity: warning, description: 至多五十行没有乡镇。}
          - {name: shape, type: library, metric: invalidValues, unit: percent, mustBe: 0, arguments: {pattern: "^T'"},
             severity: error, description: 形如 T。}
      - {name: score, businessName: 评分, logicalType: number, physicalType: "numeric(5,2)", logicalTypeOptions: {minimum: 0, maximum: 100}}
      - {name: channel, businessName: 来源, logicalType: string, physicalType: text, customProperties: [{property: codeSet, value: hotline_channel}]}
      - {name: seen_on, businessName: 走访日期, logicalType: date, physicalType: date}
"""
COLUMNS = ["visit_no", "town", "score", "channel", "seen_on"]
SETS = {"hotline_channel": ["电话"]}
FACTS = BatchFacts(
    "hotline_office/visit", "visit", "visit", "full", datetime(2026, 3, 1, 8), [1000, 1200, 900], "_w0 <> 0"
)


@pytest.fixture
def visit(tmp_path: Path) -> Contract:
    path = tmp_path / "visit.odcs.yaml"
    path.write_text(CONTRACT, encoding="utf-8")
    return load(path)


def asked(contract: Contract, rows: int = 1000, **facts: object) -> dict[str, Spec]:
    return {spec.name: spec for spec in suite(contract, replace(FACTS, **facts), COLUMNS, rows, SETS)}


def test_the_contracts_rules_and_those_of_its_fields_become_expectations(visit: Contract) -> None:
    specs = asked(visit)
    assert specs.keys() == {
        "row_drop", "accepted_rows", "filled_visit_no", "key_unique", "twice", "told_town", "shape_town", "in_range_score",
        "in_set_channel", "fresh",
    }  # fmt: skip
    assert specs["row_drop"].arguments == {"min_value": 800}  # four fifths of the median 1000
    assert specs["told_town"].arguments == {"column": "town", "mostly": 0.95}
    assert 0.99 < specs["twice"].arguments["mostly"] < 0.990001  # less than 1 %, not 1 % itself
    assert specs["twice"].arguments["column_list"] == ["visit_no", "town"]
    assert specs["shape_town"].computed == {"_shape_town": "regexp_full_match(\"town\"::VARCHAR, '^T''')"}
    assert specs["shape_town"].severity == "error"
    assert specs["in_set_channel"].arguments["value_set"] == ["电话"]
    assert specs["in_range_score"].arguments == {"column": "score", "mostly": 0.99, "min_value": 0, "max_value": 100}
    assert specs["fresh"].arguments == {
        "column": "seen_on",
        "min_value": date(2026, 2, 26),
        "max_value": date(2026, 3, 2),
    }
    assert all(name.isascii() and name.isidentifier() for name in specs)


def test_only_a_whole_ledger_is_held_for_what_is_missing_from_it(visit: Contract) -> None:
    assert {name for name, spec in asked(visit).items() if spec.severity == "error"} == {
        "row_drop", "accepted_rows", "shape_town",
    }  # fmt: skip
    news = asked(visit, kind="cursor")
    assert news.keys().isdisjoint({"row_count", "row_drop", "key_unique"})
    assert news["accepted_rows"].severity == "warning"


def test_a_handful_of_rows_is_not_judged_by_shares(visit: Contract) -> None:
    assert asked(visit, rows=19).keys() == {"row_drop"}


def test_the_first_delivery_has_no_median_to_be_held_to(visit: Contract) -> None:
    assert asked(visit, rows=0, past_rows=[])["row_count"].arguments == {"min_value": 1}


def test_a_delete_in_an_exchange_table_may_repeat_a_key(visit: Contract) -> None:
    assert asked(visit, kind="exchange").keys().isdisjoint({"key_unique", "twice"})


def test_rules_across_datasets_are_kept_apart(visit: Contract) -> None:
    (spec,) = shared_suite(visit)
    assert spec.arguments == {"column": "balanced", "max_value": 3}
    assert spec.computed == {"balanced": "SELECT COUNT(*) FROM visit"}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("metric: nullvalues, mustBe: 0", "没有批次指标 'nullvalues'。是否想写 'nullValues'？"),
        ("metric: nullValues, mustBeGreaterThan: 5", "这个指标只能限定上限"),
        ("metric: invalidValues, mustBe: 0", "没有写明什么是有效值"),
    ],
)
def test_a_rule_that_cannot_be_judged_is_told(visit: Contract, tmp_path: Path, wrong: str, told: str) -> None:
    path = tmp_path / "visit.odcs.yaml"
    path.write_text(
        CONTRACT.replace("metric: nullValues, unit: rows, mustBeLessOrEqualTo: 50", wrong), encoding="utf-8"
    )
    with pytest.raises(ConfigError) as caught:
        suite(load(path), FACTS, COLUMNS, 1000, SETS)
    assert told in str(caught.value)
    assert "quality.told" in str(caught.value)


def test_every_contract_gives_a_suite() -> None:
    sets = {name: [code.code for code in found.codes] for name, found in code_sets().items()}
    for contract in contracts().values():
        shared_suite(contract)
        for kind in ("cursor", "full", "file", "file_full", "exchange"):
            suite(contract, replace(FACTS, kind=kind), list(contract.fields), 1000, sets)
