"""The code location loads whatever the connector files say, is legible, and loads fast."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import dagster as dg

from connectors.spec import load_registry
from pipelines.checks import FILE
from pipelines.definitions import build, defs
from pipelines.schedules import name
from pipelines.sensors import DROPS
from schemas.contract import contracts
from tests.pipelines.conftest import CALLBACK_KEY, DATASET_KEY, asked
from views.catalog import load_catalog

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("great_expectations", "pandas", "polars", "duckdb", "adbc_driver_postgresql", "examples")


def test_every_connector_dataset_and_view_is_drawn_with_group_owner_and_description() -> None:
    registry, catalog = load_registry(), load_catalog()
    assert registry.broken == {}
    location = build(registry, contracts(), catalog)
    dg.Definitions.validate_loadable(location)
    graph = location.resolve_asset_graph()
    keys = {"/".join(key.path) for key in graph.get_all_asset_keys()}
    assert set(registry.connectors) <= keys
    assert {f"dataset/{c.dataset}" for c in registry} <= keys
    assert {f"view/{v.board}/{v.path.stem}" for v in catalog.views.values()} <= keys
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.group_name != "default", key
        assert node.owners, key
        assert node.description, key
        assert node.kinds, key
    groups = {graph.get(key).group_name for key in graph.get_all_asset_keys()}
    assert {"hotline_office", "shared", "board_hotline", "board_indicator", "board_rectification"} <= groups


def test_lineage_runs_from_connector_to_dataset_to_view() -> None:
    graph = build(load_registry(), contracts(), load_catalog()).resolve_asset_graph()
    ticket = graph.get(dg.AssetKey(["dataset", "hotline_ticket"]))
    assert dg.AssetKey(["hotline_office", "hotline_ticket"]) in ticket.parent_keys
    assert dg.AssetKey(["view", "hotline", "overdue_open"]) in ticket.child_keys
    assert ticket.key in graph.get(dg.AssetKey(["dataset", "enterprise"])).parent_keys
    assert ticket.freshness_policy == dg.FreshnessPolicy.time_window(fail_window=timedelta(minutes=30))


def test_what_is_due_together_is_one_schedule() -> None:
    location = defs()
    registry = load_registry()
    crons = {c.schedule for c in registry if c.schedule}
    schedules = {s.name: s for s in location.schedules or []}
    assert schedules.keys() == {name(cron) for cron in crons} | {"new_day"}
    assert {s.execution_timezone for s in schedules.values()} == {"Asia/Shanghai"}
    assert name("*/10 8-18 * * 1,3") == "cron_every10_8to18_x_x_1and3"


def test_a_broken_file_is_a_failing_check_and_the_others_go_on(
    departments: Path, definitions: Callable[[], dg.Definitions]
) -> None:
    (departments / "tax" / "refund.yaml").write_text(
        "title: 退税\ndataset: tax_refnd\nsource: {driver: csv}\n", encoding="utf-8"
    )
    location = definitions()
    graph = location.resolve_asset_graph()
    key = dg.AssetKey(["tax", "refund"])
    assert {CALLBACK_KEY, DATASET_KEY, key} <= graph.get_all_asset_keys()
    assert not graph.get(key).is_materializable
    job = dg.define_asset_job("file", selection=dg.AssetSelection.checks(dg.AssetCheckKey(key, FILE)))
    with dg.DagsterInstance.ephemeral() as instance:
        whole = dg.Definitions.merge(location, dg.Definitions(jobs=[job]))
        done = whole.resolve_job_def("file").execute_in_process(instance=instance)
        (found,) = done.get_asset_check_evaluations()
    assert not found.passed
    assert "是否想写 'tax_refund'？" in str(found.description)


def test_a_broken_file_asks_for_its_check_by_itself(
    departments: Path, definitions: Callable[[], dg.Definitions]
) -> None:
    (departments / "tax" / "refund.yaml").write_text("{", encoding="utf-8")
    with dg.DagsterInstance.ephemeral() as instance:
        found = asked(definitions(), instance)
    check = dg.AssetCheckKey(dg.AssetKey(["tax", "refund"]), FILE)
    assert any(result.key == check and result.true_subset.size for result in found.results)


def test_a_hub_without_connectors_loads(tmp_path: Path) -> None:
    location = build(load_registry(tmp_path), contracts(), load_catalog())
    dg.Definitions.validate_loadable(location)
    assert DROPS not in {s.name for s in location.sensors or []}


def test_loading_the_location_imports_nothing_heavy() -> None:
    code = f"import sys, pipelines.definitions as d; d.defs(); print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
