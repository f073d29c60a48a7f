"""When the hub's own side fails: the message says where, what and what to do, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from schemas.errors import WarehouseUnavailable
from tests.integration.callbacks import connector, fill, row, state, take
from tests.integration.test_data_path import ROOT
from warehouse import store
from warehouse.engines.adbc import Connection
from warehouse.home import Home

# No file of this process may grow past the limit: what a full disk does to a writer, at a size of one's choosing.
_FULL_DISK = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from pathlib import Path
from connectors.spec import load as load_connector
from schemas.errors import HubError
from warehouse.home import Home
from warehouse.load import load
from warehouse import landing
connector, limit, after = load_connector(Path(sys.argv[1])), int(sys.argv[2]), sys.argv[3]
def full():
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
if after == "extracted":
    full()
try:
    load(connector, Home(), checkpoint=lambda stage: full() if stage == after else None)
except HubError as error:
    print(error)
    sys.exit(1)
"""


@pytest.mark.parametrize(("after", "place"), [("extracted", "落地区"), ("landed", "质检")])
def test_full_disk(home: Home, source: str, tmp_path: Path, database: str, after: str, place: str) -> None:
    one = connector(tmp_path, "full")
    fill(source, [row(n) for n in range(3)])
    take(one, home)
    before = state(database)
    fill(source, [row(n, solved="未解决") for n in range(3000)])
    done = subprocess.run(
        [sys.executable, "-c", _FULL_DISK, str(one.path), "2000", after],
        cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith(place)
    assert "磁盘" in done.stdout
    assert state(database) == before
    assert not list(home.landing.rglob("*.part"))
    (result,) = take(one, home)  # the disk has room again
    assert (result.changed_rows, result.new_rows) == (3, 2997)


def test_too_little_memory(
    home: Home, source: str, tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    one = connector(tmp_path, "full")
    fill(source, [row(n) for n in range(3000)])
    ample = store.duckdb_connection

    def scant(work: Path) -> Any:
        con = ample(work)
        con.execute("SET memory_limit = '1MB'")
        return con

    with monkeypatch.context() as patch:
        patch.setattr("warehouse.store.duckdb_connection", scant)
        with pytest.raises(WarehouseUnavailable, match="内存不够"):
            take(one, home)
    (result,) = take(one, home)
    assert result.new_rows == 3000


def test_a_source_is_loaded_by_one_run_at_a_time(home: Home, source: str, tmp_path: Path, database: str) -> None:
    one = connector(tmp_path, "full")
    fill(source, [row(1)])
    take(one, home)
    with Connection(database) as other:
        store.take_turn(other, store.source_id(other, one), one.id)
        with pytest.raises(WarehouseUnavailable, match="另一个任务正在装载这个来源"):
            take(one, home)
    take(one, home)


def test_locked_table_is_told_and_nothing_moves(home: Home, source: str, tmp_path: Path, database: str) -> None:
    one = connector(tmp_path, "full")
    fill(source, [row(1)])
    take(one, home)
    before = state(database)
    fill(source, [row(2)])
    with psycopg.connect(database) as blocker:
        blocker.execute("LOCK TABLE record.hotline_callback")
        with psycopg.connect(database, autocommit=True) as settings:
            settings.execute(f"ALTER DATABASE \"{database.rsplit('/', 1)[1]}\" SET lock_timeout = '300ms'")
        with pytest.raises(WarehouseUnavailable, match="共享库：被锁住了"):
            take(one, home)
        blocker.rollback()
    assert state(database) == before


def test_warehouse_that_is_down(home: Home, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:1/none")
    with pytest.raises(WarehouseUnavailable, match="共享库：连接不上") as told:
        take(connector(tmp_path, "full"), Home())
    assert "secret" not in str(told.value)
