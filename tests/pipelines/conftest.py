"""A hub of two departments: one drops CSV files of call-backs, the other's system can be made to fail."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from connectors.spec import load_registry
from pipelines import assets
from pipelines.definitions import build
from pipelines.resources import Hub
from schemas.contract import contracts
from views.catalog import load_catalog
from warehouse.home import Home

CALLBACK = """
title: 12345 热线回访
dataset: hotline_callback
source: {driver: csv, path: "${HUB_SOURCE_INBOX}/*.csv", settle: 0}
load: {mode: file}
schedule: "*/10 * * * *"
fields: {callback_id: 编号, ticket_no: 工单, round: 轮次, called_at: 时间, reached: 接通, solved: 解决}
"""
DEAD = """
title: 交办
dataset: hotline_assignment
source: {driver: postgresql, url: "${HUB_SOURCE_DEAD}", table: public.assignment}
load: {mode: full}
schedule: "*/10 * * * *"
fields: {ticket_no: ticket_no, dept_code: dept, role: role, assigned_at: assigned_at}
"""
CALLBACK_KEY = dg.AssetKey(["hotline_office", "callback"])
DEAD_KEY = dg.AssetKey(["tax", "assignment"])
DATASET_KEY = dg.AssetKey(["dataset", "hotline_callback"])


@pytest.fixture
def departments(tmp_path: Path) -> Path:
    """The connector files of the two."""
    root = tmp_path / "departments"
    for name, text in (("hotline_office/callback.yaml", CALLBACK), ("tax/assignment.yaml", DEAD)):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The drop folder."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    monkeypatch.setenv("HUB_SOURCE_INBOX", str(folder))
    return folder


@pytest.fixture
def definitions(
    departments: Path, inbox: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], dg.Definitions]:
    """Read the connector files now and define their assets; a failing source is tried twice, at once."""
    monkeypatch.setattr(assets, "RETRY", dg.RetryPolicy(max_retries=1, delay=0))
    monkeypatch.setenv("HUB_SOURCE_DEAD", "postgresql://nobody:nothing@127.0.0.1:1/none")
    return lambda: build(load_registry(departments), contracts(), load_catalog(), Hub(path=str(home.path)))


def drop(inbox: Path, name: str, rows: range, header: str = "编号,工单,轮次,时间,接通,解决") -> Path:
    """Put a file of call-backs into the folder, as if it had come a minute ago."""
    path = inbox / name
    lines = [f"CB{n:05d},T{n:05d},1,2026-03-{1 + n % 28:02d} 10:00:00,是,已解决" for n in rows]
    path.write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    os.utime(path, (time.time() - 60, time.time() - 60))
    return path


def run(
    defs: dg.Definitions, instance: dg.DagsterInstance, *keys: dg.AssetKey, config: dict[str, object] | None = None
) -> dg.ExecuteInProcessResult:
    """One run of just these assets and their checks."""
    job = dg.define_asset_job("test", selection=dg.AssetSelection.assets(*keys))
    whole = dg.Definitions.merge(defs, dg.Definitions(jobs=[job]))
    return whole.resolve_job_def("test").execute_in_process(instance=instance, raise_on_error=False, run_config=config)


def asked(
    defs: dg.Definitions, instance: dg.DagsterInstance, cursor: object = None
) -> dg.EvaluateAutomationConditionsResult:
    """What the automation sensor would ask for now."""
    everything = dg.AssetSelection.all() | dg.AssetSelection.all_asset_checks()
    return dg.evaluate_automation_conditions(defs=defs, instance=instance, asset_selection=everything, cursor=cursor)
