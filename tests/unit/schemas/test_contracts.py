"""Every contract is valid ODCS and says only what the rest of the house understands."""

import json
import re
from functools import cache
from importlib.resources import files

import duckdb
import pytest
import sqlglot
import yaml
from jsonschema.validators import validator_for
from sqlglot import exp

from quality.rules import RULES, condition
from schemas.contract import CONTRACTS, KINDS, Contract, Field, contracts, parse
from schemas.errors import ConfigError
from schemas.reference import code_sets, column_aliases, department_of, departments

# The entities of the county's record, one contract each.
DATASETS = [
    "enterprise",
    "enterprise_source_link",
    "enterprise_name_history",
    "enterprise_person",
    "service_case",
    "service_case_event",
    "tax_filing",
    "tax_refund",
    "property_registration",
    "credit_loan",
    "utility_connection",
    "inspection_record",
    "hotline_ticket",
    "hotline_ticket_event",
    "hotline_assignment",
    "hotline_callback",
    "rectification_problem",
    "rectification_measure",
    "rectification_progress",
    "rectification_review",
    "indicator_scheme",
    "indicator_definition",
    "indicator_score",
    "indicator_benchmark",
    "indicator_evidence",
    "sample_frame",
    "sample_unit",
    "survey_response",
]
# Tables that are no contract's: reference data kept in schemas/*.yaml.
REFERENCE = {"department.dept_code", "deadline_rule.rule_id"}
DERIVED = {"identity", "clock", "view"}
CUSTOM = {
    "standardise",
    "countFrom",
    "sameColumnAs",
    "codeSet",
    "owner",
    "group",
    "references",
    "derived",
    "sourceUnit",
}
CHINESE = re.compile(r"[\u4e00-\u9fff]")
PERSONAL = {"mask_name", "mask_phone", "mask_id", "hmac"}

every = pytest.mark.parametrize("dataset", DATASETS)


@cache
def document(dataset: str) -> dict:
    return yaml.load((CONTRACTS / f"{dataset}.odcs.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


@cache
def standard():
    schema = json.loads((files("open_data_contract_standard") / "schema.json").read_text(encoding="utf-8"))
    return validator_for(schema)(schema)


def table(dataset: str) -> dict:
    return document(dataset)["schema"][0]


def every_field(contract: Contract) -> dict[str, Field]:
    return contract.fields | contract.derived


def row_rules(contract: Contract):
    return [rule for rule in contract.rules if rule.scope == "row"]


def test_one_contract_per_entity():
    assert sorted(contracts()) == sorted(DATASETS)


@every
def test_valid_under_the_standard_itself(dataset):
    errors = [f"{'/'.join(map(str, e.path))}: {e.message}" for e in standard().iter_errors(document(dataset))]
    assert errors == []
    assert document(dataset)["apiVersion"] == "v3.1.0"
    assert document(dataset)["id"] == table(dataset)["name"] == dataset


@every
def test_nothing_newer_than_3_1(dataset):
    newer = {"context", "synonyms", "deprecated", "enum", "semanticType", "vendor", "map"}
    nodes = [document(dataset), table(dataset), *table(dataset)["properties"]]
    assert [newer & node.keys() for node in nodes if newer & node.keys()] == []


@every
def test_people_see_chinese(dataset):
    contract = contracts()[dataset]
    assert CHINESE.search(contract.title)
    assert CHINESE.search(contract.purpose)
    assert CHINESE.search(contract.grain)
    assert [f.name for f in every_field(contract).values() if not CHINESE.search(f.title)] == []
    titles = [f.title for f in every_field(contract).values()]
    assert len(titles) == len(set(titles))


@every
def test_key_is_numbered_and_required(dataset):
    keys = [p for p in table(dataset)["properties"] if p.get("primaryKey")]
    assert sorted(p["primaryKeyPosition"] for p in keys) == list(range(1, len(keys) + 1)) != []
    assert all(p["required"] for p in keys)


@every
def test_only_known_words(dataset):
    for p in table(dataset)["properties"]:
        custom = {c["property"]: c["value"] for c in p.get("customProperties", [])}
        assert custom.keys() <= CUSTOM, p["name"]
        assert custom.get("standardise", "text") in KINDS, p["name"]
        assert custom.get("derived", "view") in DERIVED, p["name"]
        assert p["classification"] in {"S0", "S1", "S2", "S3"}, p["name"]
        assert custom.get("codeSet", "town") in code_sets(), p["name"]
        if "pattern" in (p.get("logicalTypeOptions") or {}):
            re.compile(p["logicalTypeOptions"]["pattern"])


@every
def test_owners_and_references_exist(dataset):
    contract = contracts()[dataset]
    owner = department_of(contract.owner)
    assert owner is not None
    assert owner.short_name == contract.owner
    for f in every_field(contract).values():
        assert f.owner is None or f.owner in departments(), f.name
        if f.references and f.references not in REFERENCE:
            target, column = f.references.split(".")
            assert column in every_field(contracts()[target]), f.references


def test_every_loaded_field_of_the_golden_record_has_one_owner_and_one_group():
    loaded = [
        f
        for f in contracts()["enterprise"].fields.values()
        if f.name not in {"record_no", "enterprise_code", "updated_at"}
    ]
    assert [f.name for f in loaded if not (f.owner and f.group)] == []
    owners = {}
    for f in loaded:
        owners.setdefault(f.group, set()).add(f.owner)
    assert {group: len(names) for group, names in owners.items() if len(names) > 1} == {}


@pytest.mark.parametrize(
    ("put", "told"),
    [
        ("{property: owner, value: tax}, {property: group, value: name_status}", "只能有一个数源部门"),
        ("{property: owner, value: market_supervision}, {property: owner, value: tax}", "owner 写了两遍"),
        ("{property: owner, value: taxx}", "没有部门 'taxx'"),
    ],
)
def test_two_owners_of_one_group_or_an_unknown_one_are_refused(put, told):
    text = contracts()["enterprise"].path.read_text(encoding="utf-8")
    was = "{property: owner, value: market_supervision}, {property: group, value: name_status}"
    with pytest.raises(ConfigError, match=told) as refused:
        parse(text.replace(was, put, 1), "enterprise.odcs.yaml")
    assert "status_on" in str(refused.value)


@every
def test_codes_fit_their_column(dataset):
    for f in every_field(contracts()[dataset]).values():
        if f.code_set and f.max_length:
            assert max(len(c.code) for c in code_sets()[f.code_set].codes) <= f.max_length, f.name


@every
def test_rules_are_known_and_named_once(dataset):
    contract = contracts()[dataset]
    names = [(rule.field, rule.name) for rule in contract.rules]
    assert len(names) == len(set(names))
    for rule in contract.rules:
        assert rule.severity in {"error", "warning"}, rule.name
        assert CHINESE.search(rule.description), rule.name
        assert rule.description.endswith("。"), rule.name
        assert re.fullmatch(r"[a-z0-9_]+", rule.name), rule.name
    for rule in row_rules(contract):
        assert rule.spec["rule"] in RULES, rule.name
        assert {rule.spec.get("field"), rule.spec.get("other")} - {None} <= contract.fields.keys(), rule.name


@every
def test_row_rules_run_on_the_stored_fields(dataset):
    contract = contracts()[dataset]
    con = duckdb.connect()
    columns = ", ".join(f'"{f.name}" {_duck(f)}' for f in contract.fields.values())
    if not row_rules(contract):
        return
    con.execute(f"CREATE TABLE record ({columns}, _extracted_at TIMESTAMP)")
    for rule in row_rules(contract):
        _, sql = condition(rule.spec, rule.name)
        con.execute(f"SELECT {sql} FROM record")


def _duck(f: Field) -> str:
    return f.physical_type.replace("numeric", "DECIMAL")


@every
def test_rules_compare_with_codes_that_exist(dataset):
    contract = contracts()[dataset]
    for rule in row_rules(contract):
        for sql in (rule.spec.get("bad"), rule.spec.get("when")):
            for column, literal in _comparisons(sql) if sql else ():
                f = contract.fields[column]
                if f.code_set:
                    assert literal in {c.code for c in code_sets()[f.code_set].codes}, (rule.name, literal)


def _comparisons(sql: str):
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    for node in tree.find_all(exp.EQ, exp.NEQ):
        if isinstance(node.this, exp.Column) and isinstance(node.expression, exp.Literal) and node.expression.is_string:
            yield node.this.name, node.expression.name
    for node in tree.find_all(exp.In):
        yield from ((node.this.name, literal.name) for literal in node.expressions)


@every
def test_batch_queries_name_known_datasets(dataset):
    for rule in contracts()[dataset].rules:
        if rule.spec.get("type") == "sql":
            tree = sqlglot.parse_one(rule.spec["query"], dialect="postgres")
            assert {t.name for t in tree.find_all(exp.Table)} <= contracts().keys(), rule.name


@every
def test_personal_values_are_never_public(dataset):
    contract = contracts()[dataset]
    for f in contract.fields.values():
        assert f.kind not in {"resident_id", "phone"}, f.name
        if f.kind in PERSONAL:
            assert f.classification != "S0", f.name
        if f.kind == "hmac":
            assert (f.classification, f.physical_type) == ("S2", "varchar(64)"), f.name


def test_the_only_raw_text_is_restricted_and_has_a_scrubbed_twin():
    raw = [(c.dataset, f.name) for c in contracts().values() for f in c.fields.values() if f.classification == "S3"]
    assert raw == [("hotline_ticket", "content")]
    assert contracts()["hotline_ticket"].fields["content_scrubbed"].kind == "scrub"


@every
def test_enterprise_references_come_in_threes(dataset):
    contract = contracts()[dataset]
    if dataset == "enterprise_source_link" or "enterprise_id" not in contract.derived or dataset == "enterprise":
        return
    assert (contract.fields["enterprise_code"].kind, contract.fields["enterprise_code"].max_length) == (
        "enterprise_code",
        20,
    )
    assert (contract.fields["enterprise_name"].kind, contract.fields["enterprise_name"].max_length) == ("name", 200)
    assert contract.derived["enterprise_id"].derived == "identity"
    assert contract.party is not None
    assert {*contract.party.fields.values(), *contract.party.second} <= contract.fields.keys()


@every
def test_version_field_is_a_timestamp(dataset):
    contract = contracts()[dataset]
    if contract.valid_from:
        assert contract.fields[contract.valid_from].physical_type == "timestamp"


def test_header_spellings_belong_to_fields():
    stored = {name for c in contracts().values() for name in c.fields}
    assert column_aliases().keys() <= stored
    for dataset in DATASETS:
        own = column_aliases(dataset).keys() - column_aliases().keys()
        assert own <= contracts()[dataset].fields.keys(), dataset
