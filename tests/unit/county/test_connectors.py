"""The county's connector files fit its systems: every mapped column is there, every needed field is mapped."""

import pytest
import yaml

from connectors.spec import DEPARTMENTS
from examples.county import county
from examples.county.frames import public
from examples.county.layout import FORMS
from schemas.contract import contract

SMALL = county.build(7, 0.03)


def document(connector):
    return yaml.safe_load((DEPARTMENTS / f"{connector}.yaml").read_text(encoding="utf-8"))


def test_every_source_has_its_connector():
    files = {f"{p.parent.name}/{p.stem}" for p in DEPARTMENTS.glob("*/*.yaml")}
    assert set(SMALL.sources) <= files


@pytest.mark.parametrize("connector", list(SMALL.sources))
def test_connector_maps_columns_that_are_there(connector):
    doc, source = document(connector), SMALL.sources[connector]
    assert doc["dataset"] == source.dataset
    columns = set(public(source.table).columns)
    assert set(doc["fields"].values()) <= columns
    cursor = (doc.get("load") or {}).get("cursor")
    assert cursor is None or cursor in columns


@pytest.mark.parametrize("connector", list(SMALL.sources))
def test_connector_gives_the_key_and_all_that_is_required(connector):
    doc = document(connector)
    given = {**doc["fields"], **doc.get("constants", {})}
    agreed = contract(doc["dataset"])
    assert set(given) <= set(agreed.fields)
    assert {f.name for f in agreed.fields.values() if f.required or f.key} <= set(given)


@pytest.mark.parametrize("connector", list(SMALL.sources))
def test_connector_says_who_registers_it_and_holds_no_secret(connector):
    text = (DEPARTMENTS / f"{connector}.yaml").read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert "登记单位：" in text.splitlines()[0]
    source = document(connector)["source"]
    assert "${HUB_SOURCE_" in str(source)
    if connector in FORMS:
        assert FORMS[connector].folder in source["path"]
