"""Who is who and whose value stands for a county of records: all at once, then a hundredth of them changed, and Splink beside it.

    python -m benchmarks golden_records [--rows 200000,1000000,5000000] [--no-peer]

Five departments hand in CSV files of firms (seven in ten rows with their code); after the load, linking and survivorship
are timed. Pairs of records are held against the truth, and what was made piece by piece against what is made whole.
Splink has ten minutes for the same records; where they are too many for it, for a half of them, a quarter, and so on.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.resolution import SOURCES, make, splink
from connectors.spec import Connector
from connectors.spec import load as read_connector
from pipelines.run import prepare
from schemas.contract import contract
from warehouse import identity, survivorship
from warehouse.engines.adbc import Connection
from warehouse.home import ROOT, Home
from warehouse.load import load

FOLDER = ROOT / "var" / "bench" / "golden_records"
_DEPARTMENTS = ("market_supervision", "tax", "power", "water", "finance_office")
_FIELDS = "{record_no: id, uscc: uscc, name: name, reg_address: address, phone_masked: phone, phone_hash: phone, updated_at: updated}"
_BAR = 0.10
_PEER_SECONDS = 600


def _connectors(folder: Path) -> list[Connector]:
    found = []
    for department in _DEPARTMENTS:
        path = folder / "connectors" / department / "firm.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"title: {department}\ndataset: enterprise\nsource: {{driver: csv, path: '{folder}/{department}-*.csv', settle: 0}}\n"
            f"load: {{mode: file}}\nfields: {_FIELDS}\n",
            encoding="utf-8",
        )
        found.append(read_connector(path))
    return found


def _hand_in(con: Any, folder: Path, number: int, only: str, address: str, updated: str) -> None:
    for place, department in enumerate(_DEPARTMENTS):
        con.execute(
            f"COPY (SELECT id, uscc, name, {address} AS address, phone, '{updated}' AS updated FROM given WHERE source = '部门{place}' AND {only}) "
            f"TO '{folder}/{department}-{number}.csv' (FORMAT csv, HEADER)"
        )


def _timed(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _take_in(connectors: Sequence[Connector], home: Home) -> float:
    return _timed(lambda: [load(connector, home) for connector in connectors])


def _link(home: Home, *, whole: bool = False) -> tuple[float, float, int]:
    """Seconds of linking and of survivorship, and how many golden records changed."""
    agreed = contract("enterprise")
    changed = 0

    def survive() -> None:
        nonlocal changed
        changed = survivorship.refresh(warehouse, agreed, whole=whole)
        warehouse.commit()

    with Connection(home.database_url) as warehouse:
        linking = _timed(lambda: identity.resolve(warehouse))
        return linking, _timed(survive), changed


def _scores(con: Any, home: Home) -> tuple[float, float]:
    """Precision and recall over pairs of records, counted where they lie: a dictionary of millions would weigh gigabytes."""
    with Connection(home.database_url) as warehouse:
        rows = warehouse.query(
            "SELECT r.record_no AS id, coalesce(p.enterprise_id::text, r.record_no) AS one FROM record.enterprise r JOIN hub.party p ON p.party = r._party"
        )
    con.register("answer", rows)
    pairs = "(SELECT sum(n * (n - 1) / 2) FROM (SELECT count(*) AS n FROM given JOIN answer USING (id) GROUP BY {}))"
    both, said, true = con.execute(
        f"SELECT {pairs.format('entity, one')}, {pairs.format('one')}, {pairs.format('entity')}"
    ).fetchone()
    con.unregister("answer")
    return both / said, both / true


def _alone(con: Any, folder: Path) -> tuple[float, int]:
    """Seconds of Splink alone and the records it did; half as many firms each time it needs longer than it has."""
    for share in (1, 2, 4, 8, 16, 32):
        own = f"given WHERE entity % {share} = 0"
        con.execute(f"COPY (SELECT * EXCLUDE (entity) FROM {own}) TO '{folder / 'given.parquet'}' (FORMAT parquet)")
        ours, theirs = multiprocessing.get_context("spawn").Pipe(duplex=False)
        peer = multiprocessing.get_context("spawn").Process(target=_peer, args=(folder, theirs))
        peer.start()
        theirs.close()
        seconds = None
        if ours.poll(_PEER_SECONDS):
            with contextlib.suppress(EOFError):
                seconds = ours.recv()
        peer.terminate()
        peer.join()
        if seconds is not None:
            return seconds, con.execute(f"SELECT count(*) FROM {own}").fetchone()[0]
    return float("nan"), 0


def _peer(folder: Path, told: Any) -> None:
    told.send(_timed(lambda: splink(None, folder)))


def measure(rows: int, folder: Path, peer: bool) -> bool:
    """One size; prints its line. True when the answers are right and the increment is within the bar."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    con = duckdb.connect(folder / "given.duckdb", config={"memory_limit": "2GB"})
    make(con, rows)
    given: int = con.execute("SELECT count(*) FROM given").fetchone()[0]  # type: ignore[index]
    _hand_in(con, folder, 0, "true", "address", "2026-01-05 09:00:00")
    home, connectors = Home(folder / "home"), _connectors(folder)
    os.environ.pop("HUB_DATABASE_URL", None)
    try:
        prepare(home)
        taken = _take_in(connectors, home)
        linking, surviving, _ = _link(home)
        precision, recall = _scores(con, home)
        _hand_in(con, folder, 1, "hash(id) % 100 = 0", "concat(address, '二楼')", "2026-02-05 09:00:00")
        taken_again = _take_in(connectors, home)
        again_linking, again_surviving, changed = _link(home)
        *_, wrong = _link(home, whole=True)
    finally:
        with contextlib.suppress(Exception):
            home.server().stop()
    share = (again_linking + again_surviving) / (linking + surviving)
    alone, of = _alone(con, folder) if peer else (0.0, 0)
    con.close()
    print(
        f"| {given:,} | {taken:.1f} | {linking:.1f} | {surviving:.1f} | {taken_again:.1f} | {again_linking:.1f} | {again_surviving:.1f} | {share:.1%} | {changed:,} "
        f"| {precision:.4f} | {recall:.4f} | {f'{alone:.1f}（{of:,} 条）' if of else '–'} | {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} |",
        flush=True,
    )
    if wrong:
        print(f"逐步做的与整个重做的有 {wrong} 条不同", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    return not wrong and precision >= 0.98 and share < _BAR


def main(words: Sequence[str] | None = None) -> int:
    """Every size; 1 when an answer is wrong or an increment costs too much."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks golden_records", description="主体对照和主记录")
    parser.add_argument("--rows", default="200000,1000000", help="来源记录数，逗号分隔（默认 %(default)s）")
    parser.add_argument("--no-peer", action="store_true", help="不跑单用 Splink 的")
    given = parser.parse_args(words)
    print(
        f"| 记录（{SOURCES} 个来源） | 装载 秒 | 对照 秒 | 取值 秒 | 改 1%：装载 | 对照 | 取值 | 占全量 | 变了的主记录 | 精确率 | 召回率 | 单用 Splink 秒 | 进程 MB |\n"
        f"|{'--:|' * 13}",
        flush=True,
    )
    right = [measure(int(rows), FOLDER, not given.no_peer) for rows in given.rows.split(",")]
    return int(not all(right))


if __name__ == "__main__":
    sys.exit(main())
