"""What `hub up` starts: an instance whose state is in PostgreSQL and whose files are in the hub home."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from pipelines import serve, storage
from schemas.errors import ConfigError
from warehouse.home import ROOT, Home


def test_the_instance_keeps_its_state_in_postgresql_and_tells_nobody(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = serve.prepare(home)
    for name in ("DAGSTER_HOME", "HUB_DAGSTER_POSTGRES_URL"):
        monkeypatch.setenv(name, environment[name])
    assert environment["HUB_DAGSTER_POSTGRES_URL"].startswith("postgresql+psycopg2://")
    with dg.DagsterInstance.get() as instance:
        assert type(instance.event_log_storage).__name__ == "PostgresEventLogStorage"
        assert instance.get_runs() == []
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
        assert Path(instance.storage_directory()).is_relative_to(home.path)
        assert instance.get_concurrency_config().pool_config.default_pool_limit == 1
        assert instance.run_retries_enabled


def test_a_served_instance_without_its_database_is_told_and_a_look_at_the_definitions_needs_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(storage.URL, raising=False)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match=storage.URL):
        storage.HubStorage.from_config_value(None, {})
    environment = {k: v for k, v in os.environ.items() if k != "DAGSTER_HOME"} | {"HUB_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "dagster", "definitions", "validate", "-m", "pipelines.definitions"]
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "pg").exists()


def test_a_home_too_deep_for_a_socket_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_DATABASE_URL", "postgresql://x")
    with pytest.raises(ConfigError, match="路径太长"):
        serve.prepare(Home(tmp_path / ("x" * 100)))


def test_nothing_answers_where_no_page_is_served(home: Home) -> None:
    assert serve.reload(home) is False
    serve.prepare(home)
    (home.path / "dagster" / "port").write_text("1")
    assert serve.reload(home) is False
