"""Near real time on the demo: from a ticket's change in the hotline's own system to the hotline view, with many sources polled."""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
import yaml

from examples.county.sources import Place
from pipelines.poll import Beat, Poller, forever
from pipelines.run import prepare
from warehouse.home import ROOT, Home
from warehouse.load import COUNTY_TIME

FOLDER = ROOT / "var" / "bench" / "near_real_time"
_DEPT, _PREFIX = "hotline_office", "polled_"
_QUIET_ROUNDS = 10
_LONGEST = 120.0


@contextmanager
def _demo(home: Path, scale: float) -> Iterator[None]:
    """The demo county, collected once; its systems run until the end."""
    hub, env = Path(sys.executable).with_name("hub"), os.environ | {"HUB_HOME": str(home)}
    subprocess.run([hub, "demo", "--scale", str(scale)], env=env, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        subprocess.run([hub, "down"], env=env, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)


@contextmanager
def _more_sources(home: Home, many: int) -> Iterator[None]:
    """That many further tables of one PostgreSQL, each a source with a cursor of its own; their files go at the end."""
    url = home.server().create_database("polled")
    files = []
    with psycopg.connect(url, autocommit=True) as connection:
        for n in range(many):
            connection.execute(f"DROP TABLE IF EXISTS t{n}")
            connection.execute(
                f"CREATE TABLE t{n} (id text, gd text, lc int, sj timestamp, fs text, gx timestamp NOT NULL)"
            )
            connection.execute(f"CREATE INDEX ON t{n} (gx)")
            connection.execute(
                f"INSERT INTO t{n} SELECT 'P{n}-'||i, 'GD'||i, 1, '2026-03-01', '电话', '2026-03-01' FROM generate_series(1, 1000) i"
            )
    os.environ["HUB_SOURCE_POLLED_URL"] = url
    folder = home.path / "connectors" / _DEPT
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(many):
        document = {
            "title": f"轮询 {n}", "dataset": "hotline_callback", "load": {"mode": "cursor", "cursor": "gx"},
            "source": {"driver": "postgresql", "url": "${HUB_SOURCE_POLLED_URL}", "table": f"t{n}"},
            "fields": {"callback_id": "id", "ticket_no": "gd", "round": "lc", "called_at": "sj", "method": "fs"},
        }  # fmt: skip
        files.append(folder / f"{_PREFIX}{n}.yaml")
        files[-1].write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    try:
        yield
    finally:
        for file in files:
            file.unlink()


def _change(store: Path, ticket_no: str, title: str) -> None:
    """What the hotline's own system does when somebody edits a ticket."""
    now = datetime.now(COUNTY_TIME).strftime("%Y-%m-%d %H:%M:%S")
    with sqlite3.connect(store) as connection:
        (doc,) = connection.execute("SELECT doc FROM tickets WHERE json_extract(doc, '$.ticketNo') = ?", [ticket_no]).fetchone()  # fmt: skip
        changed = json.dumps(json.loads(doc) | {"title": title, "updatedAt": now}, ensure_ascii=False)
        connection.execute("UPDATE tickets SET doc = ?, updated_at = ? WHERE json_extract(doc, '$.ticketNo') = ?", [changed, now, ticket_no])  # fmt: skip


def _seconds_until_seen(url: str, ticket_no: str, title: str) -> float:
    begun = time.monotonic()
    with psycopg.connect(url, autocommit=True) as connection:
        while time.monotonic() - begun < _LONGEST:
            row = connection.execute("SELECT title FROM board.hotline_overdue_open WHERE ticket_no = %s", [ticket_no]).fetchone()  # fmt: skip
            if row and row[0] == title:
                return round(time.monotonic() - begun, 2)
            time.sleep(0.05)
    return float("inf")


def main(words: Sequence[str] | None = None) -> int:
    """Poll, change tickets, measure; 1 when a change took longer than the bar."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks near_real_time", description="工单改动到视图要多久")
    parser.add_argument("--sources", type=int, default=30, help="轮询几个来源（默认 %(default)s）")
    parser.add_argument("--changes", type=int, default=10, help="改几次工单（默认 %(default)s）")
    parser.add_argument("--scale", type=float, default=1.0, help="合成县的规模（默认 %(default)s）")
    parser.add_argument("--every", type=float, default=3.0, help="每几秒问一遍（默认 %(default)s）")
    parser.add_argument("--bar", type=float, default=15.0, help="不超过几秒（默认 %(default)s）")
    parser.add_argument("--home", type=Path, default=FOLDER, help="演示放在哪里（默认 var/bench/near_real_time）")
    given = parser.parse_args(words)
    os.environ["HUB_HOME"] = str(given.home)
    with _demo(given.home, given.scale):
        return _polled(given)


def _polled(given: argparse.Namespace) -> int:
    home = Home()
    home.load_env()
    from quality.expectations import judge
    from warehouse import registry

    own = sum(c.mode in {"cursor", "exchange"} for c in registry.load(home))
    with _more_sources(home, max(given.sources - own, 0)):
        prepare(home)
        poller, beats, stop = Poller(home, judge=judge), list[Beat](), threading.Event()
        thread = threading.Thread(
            target=forever, args=(poller, stop), kwargs={"every": given.every, "told": beats.append}
        )
        thread.start()
        try:
            figures = _measure(home, given, beats)
        finally:
            stop.set()
            thread.join()
            poller.close()
    figures["sources"] = len(poller.sources)
    path = given.home / "near_real_time.json"
    path.write_text(json.dumps(figures, ensure_ascii=False, indent=1), encoding="utf-8")
    seen = figures["seconds"]
    print("| 来源 | 问一遍（无变化） | CPU | 到来源库的连接 | 改动到视图：中位 | 最久 |\n|--:|--:|--:|--:|--:|--:|")
    print(
        f"| {figures['sources']} | {figures['round_seconds']:.2f} 秒 | {figures['cpu_pct']:.0f} % | {figures['connections']} | "
        f"{median(seen):.1f} 秒 | {max(seen):.1f} 秒 |"
    )
    return int(max(seen) > given.bar)


def _measure(home: Home, given: argparse.Namespace, beats: list[Beat]) -> dict[str, Any]:
    while len(beats) < _QUIET_ROUNDS or any(b.changed for b in beats[-_QUIET_ROUNDS:]):
        time.sleep(1)  # the first rounds take in what is there
    with psycopg.connect(home.database_url, autocommit=True) as connection:
        batches = connection.execute("SELECT count(*) FROM hub.batch").fetchone()
        begun, used, first = time.monotonic(), time.process_time(), len(beats)
        time.sleep(_QUIET_ROUNDS * given.every)
        cpu_pct = 100 * (time.process_time() - used) / (time.monotonic() - begun)
        quiet = beats[first:]
        connections = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = 'polled'").fetchone()
        after = connection.execute("SELECT count(*) FROM hub.batch").fetchone()
        tickets = [
            row[0]
            for row in connection.execute(
                "SELECT ticket_no FROM board.hotline_overdue_open WHERE title NOT LIKE '（%%' ORDER BY ticket_no LIMIT 50"
            )
        ]
    if batches != after:
        raise RuntimeError("a quiet minute made batches")
    store = Place(home.path).hotline / "store.sqlite"
    rng, seconds = random.Random(7), []
    for n in range(given.changes):
        time.sleep(rng.uniform(0, given.every) + given.every)
        title = f"改动 {n} {time.time():.0f}"
        _change(store, tickets[n % len(tickets)], title)
        seconds.append(_seconds_until_seen(home.database_url, tickets[n % len(tickets)], title))
        print(f"第 {n + 1} 次：{seconds[-1]:.1f} 秒", file=sys.stderr, flush=True)
    return {
        "seconds": seconds, "round_seconds": median(b.seconds for b in quiet), "cpu_pct": cpu_pct,
        "connections": connections[0] if connections else 0, "every": given.every, "scale": given.scale,
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
