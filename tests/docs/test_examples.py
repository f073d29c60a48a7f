"""The examples of the engineers' guide work as they stand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from importlib.resources import files
from pathlib import Path

import duckdb
import pytest
import yaml
from jsonschema.validators import validator_for

from connectors import spec
from connectors.spec import Connector
from quality import rules
from schemas import contract
from schemas.reference import departments
from tests.docs.reading import example
from tests.views.casefile import plain
from views import catalog
from views.catalog import Catalog, load_catalog
from views.lineage import schemas
from views.lint import lint
from views.render import render

CONTRACT = "schemas/contracts/water_outage.odcs.yaml"
CONNECTOR = "connectors/departments/water/outage.yaml"
VIEW = "views/hotline/water_outage_by_month.sql"
CASES = "tests/views/hotline/water_outage_by_month.yaml"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The guide's files, each where it says it belongs."""
    for name in (CONTRACT, CONNECTOR, VIEW, CASES):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(example(name), encoding="utf-8")
    return tmp_path


def _outage(tree: Path) -> contract.Contract:
    return contract.load(tree / CONTRACT)


def test_contract_is_odcs_and_readable(tree: Path) -> None:
    standard = json.loads(files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8"))
    doc = yaml.safe_load((tree / CONTRACT).read_text(encoding="utf-8"))
    assert list(validator_for(standard)(standard).iter_errors(doc)) == []
    agreed = _outage(tree)
    assert agreed.key == ("outage_no",)
    for rule in agreed.rules:
        if rule.scope == "row":
            rules.condition(rule.spec, rule.name)


def test_connector_fits_the_contract(tree: Path) -> None:
    fields = _outage(tree).fields
    connector = spec.load(tree / CONNECTOR, fields_of=lambda dataset: fields, departments=departments())
    assert (connector.id, connector.mode, connector.dataset) == ("water/outage", "file_full", "water_outage")


def test_connector_of_the_reference_page_fits_its_contract(tmp_path: Path) -> None:
    name = "connectors/departments/hotline_office/callback.yaml"
    path = tmp_path / "hotline_office" / "callback.yaml"
    path.parent.mkdir()
    path.write_text(example(name), encoding="utf-8")
    connector = spec.load(path, departments=departments())
    assert (connector.mode, connector.cursor, connector.lookback) == ("cursor", "修改时间", "1h")


@pytest.fixture
def rule_registry() -> Iterator[None]:
    """The rules as they are, also after a test that adds one."""
    before = dict(rules.RULES)
    yield
    rules.RULES.clear()
    rules.RULES.update(before)


@pytest.mark.usefixtures("rule_registry")
def test_rule_refuses_and_passes_what_its_row_says() -> None:
    exec(example("quality/rules.py"), vars(rules).copy())
    row = example("tests/unit/quality/test_rules.py")
    ((name, (words, bad, good)),) = eval("{" + row + "}").items()
    _, sql = rules.condition({"rule": name, **words}, "示例")
    with duckdb.connect() as con:
        assert con.execute(f"SELECT {sql} FROM (SELECT {bad})").fetchone() == (True,)
        assert con.execute(f"SELECT {sql} FROM (SELECT {good})").fetchone() == (False,)


def test_view_passes_lint_and_gives_its_rows(tree: Path) -> None:
    agreed = _outage(tree)
    columns = {f.name: f.physical_type for f in agreed.fields.values()}
    view = catalog.load(tree / VIEW)
    rest = load_catalog()
    known = {**schemas(rest), "water_outage": columns}
    known |= schemas(Catalog({}, {}))
    assert lint(view, known) == []
    (case,) = yaml.safe_load((tree / CASES).read_text(encoding="utf-8"))
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE water_outage ({', '.join(f'{n} {t}' for n, t in columns.items())})")
        for row in case["given"]["water_outage"]:
            marks = ", ".join("?" for _ in row)
            con.execute(f"INSERT INTO water_outage ({', '.join(row)}) VALUES ({marks})", list(row.values()))
        answer = con.execute(render(view, "duckdb", date(2026, 3, 31)))
        names = [column[0] for column in answer.description or []]
        found = [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
    assert plain(found) == plain(case["expect"])


def test_driver_reads_its_file(tmp_path: Path) -> None:
    space: dict[str, object] = {"__name__": "example"}
    exec(compile(example("connectors/drivers/jsonl.py"), "jsonl.py", "exec"), space)
    path = tmp_path / "rows.jsonl"
    path.write_text('{"编号": 1, "名称": "甲"}\n{"编号": 2, "名称": null}\n', encoding="utf-8")
    connector = Connector(
        id="water/rows", dept="water", title="示例", dataset="water_outage", source={"driver": "jsonl", "path": str(path)},
        mode="full", cursor=None, lookback="0s", schedule=None, pool="water", timezone="Asia/Shanghai", fields={}, constants={},
        path=path,
    )  # fmt: skip
    driver = space["DRIVER"](connector)  # type: ignore[operator]
    assert [column.name for column in driver.columns()] == ["编号", "名称"]
    assert [name for name, step in driver.steps() if step()] == ["read"]
    (delivery,) = driver.deliveries(None, ())
    (batch,) = delivery.batches()
    assert batch.to_pylist() == [{"编号": "1", "名称": "甲"}, {"编号": "2", "名称": None}]
