"""Publishing the hotline board: everything, after 1 % of the tickets changed, and how fast its pages' data come.

    python -m benchmarks publish [--tickets 1000000,10000000] [--events 5]

Tickets of five years, with assignments, callbacks and steps. 1 % change at a time: all of the last weeks, as deliveries
change them; a tenth of them, then all of them anywhere in the five years (--anywhere). After all the partial publications
everything is computed anew and must come out the same, and so must DuckDB's answer to the same SQL over the same rows,
the reference. A publication is one backend's work, so its processor seconds are told beside the seconds on the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import psycopg

from benchmarks.load_tickets import FOLDER, say, server
from pipelines.run import prepare
from schemas.contract import contract
from views.catalog import load_catalog
from views.publish import Published, publish
from views.render import render
from warehouse.home import Home
from warehouse.tables import columns, key_ddl

DAY = date(2026, 6, 30)
DATASETS = ("hotline_ticket", "hotline_assignment", "hotline_callback", "hotline_ticket_event")
# What the portal's board opens with: everything published but the lists of single tickets, which it asks for by unit.
_PAGES = (
    "SELECT * FROM board.hotline_on_time_by_department WHERE due_month >= DATE '2026-01-01'",
    "SELECT * FROM board.hotline_timeliness_by_department WHERE dispatched_month >= DATE '2026-01-01'",
    "SELECT * FROM board.hotline_three_rates_by_department WHERE dispatched_month >= DATE '2026-01-01'",
    "SELECT * FROM board.hotline_high_frequency ORDER BY tickets DESC LIMIT 50",
    "SELECT * FROM board.hotline_warning WHERE main_dept_code = 'D7' ORDER BY level DESC, due_on LIMIT 50",
    "SELECT * FROM board.hotline_overdue_open WHERE main_dept_code = 'D7' ORDER BY days_overdue DESC LIMIT 50",
)
_HOUR = "TIMESTAMP '2021-07-01' + ((i * 43800::bigint / {n}) * INTERVAL '1 hour') + (hashint4(i) & 1023) * INTERVAL '1 second'"
_OF = {
    "hotline_ticket": """
      'T' || lpad(i::text, 9, '0') AS ticket_no, CASE WHEN i % 7 = 0 THEN 'S' || (i - i % 14) END AS upstream_no, '电话' AS channel,
      (ARRAY['咨询','求助','投诉','举报'])[1 + (hashint4(i + 1) & 3)] AS demand_type, (ARRAY['0101','0102','0103','0201','0202','0301','0104','0203'])[1 + (hashint4(i + 2) & 7)] AS category_code,
      '反映' || (hashint4(i + 3) & 255) || '号小区夜间施工噪声扰民' AS title, repeat('来电人反映小区旁边工地夜间施工，噪声很大，影响休息。', 3) AS content,
      md5((hashint4(i + 4) & {callers})::text) AS caller_hash, i % 20 = 0 AS is_enterprise, i % 50 = 0 AS secrecy,
      '51099910' || (hashint4(i + 5) & 7) AS town_code, at AS recorded_at, at + INTERVAL '10 minutes' AS accepted_at, at + INTERVAL '20 minutes' AS dispatched_at,
      'D' || (hashint4(i + 6) + CASE WHEN i % 4 = 0 THEN {shift} ELSE 0 END & 31) AS main_dept_code, at + INTERVAL '7 days' AS due_at, at + INTERVAL '5 hours' + {shift} * INTERVAL '7 minutes' AS first_contact_at,
      at + INTERVAL '2 days' + {shift} * INTERVAL '1 hour' AS replied_at, CASE WHEN at < TIMESTAMP '2026-06-20' AND i % 1000 > 0 THEN at + (hashint4(i + 7) & 511 + {shift}) * INTERVAL '1 hour' END AS closed_at,
      CASE WHEN at < TIMESTAMP '2026-06-20' THEN 'closed' ELSE 'handling' END AS status, 0 AS extension_days, (i % 40 = 0)::int AS return_count, (i % 60 = 0 OR {shift} > 0)::int AS redo_count""",
    "hotline_assignment": """
      'T' || lpad(i::text, 9, '0') AS ticket_no, 'D' || (hashint4(i + 6) & 31) AS dept_code, '主办' AS role, at + INTERVAL '20 minutes' AS assigned_at,
      at + INTERVAL '2 hours' AS signed_at""",
    "hotline_callback": """
      'C' || lpad(i::text, 9, '0') AS callback_id, 'T' || lpad(i::text, 9, '0') AS ticket_no, 1 AS round, at + INTERVAL '6 days' AS called_at, '电话' AS method,
      i % 9 > 0 AS reached, i % 9 > 0 AS answered, (ARRAY['已解决','未解决'])[1 + (hashint4(i + 8) & 1)] AS solved,
      (ARRAY['满意','基本满意','不满意','非常满意'])[1 + (hashint4(i + 9) & 3)] AS satisfaction""",
}  # fmt: skip
_STEPS = "(ARRAY['记录','派单','签收','答复','结案','回访','归档'])[1 + step_no % 7]"


def _callers(tickets: int) -> int:
    """Bits of a hash that give about four tickets to each caller, however many tickets there are."""
    return (1 << max(1, (tickets // 4).bit_length())) - 1


def _fill(url: str, tickets: int, events: int) -> None:
    """One committed batch per dataset, straight into the record tables, keys made afterwards as the hub does; the steps beside the rest."""
    steps, rest = DATASETS[-1:], DATASETS[:-1]
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(_fill_some, url, names, tickets, events) for names in (steps, rest)]:
            done.result()


def _fill_some(url: str, datasets: Sequence[str], tickets: int, events: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("SET maintenance_work_mem = '512MB'")
        for dataset in datasets:
            agreed, batch = contract(dataset), _batch(connection, dataset)
            if dataset == "hotline_ticket_event":
                body = f"""'E' || lpad(i::text, 9, '0') || step_no AS event_id, 'T' || lpad(i::text, 9, '0') AS ticket_no, step_no AS seq, {_STEPS} AS step,
                  at + step_no * INTERVAL '5 hours' AS event_at, 'D' || (hashint4(i + 6) & 31) AS dept_code"""  # fmt: skip
                rows = f"generate_series(1, {tickets}) AS i CROSS JOIN generate_series(0, {events - 1}) AS step_no"
            else:
                body, rows = (
                    _OF[dataset].format(shift=0, callers=_callers(tickets)),
                    f"generate_series(1, {tickets}) AS i",
                )
            _insert(
                connection,
                dataset,
                batch,
                f"SELECT {body} FROM (SELECT *, {_HOUR.format(n=tickets)} AS at FROM {rows}) AS t",
            )
            connection.execute(key_ddl(agreed).encode())
            connection.commit()
            connection.autocommit = True
            connection.execute(f"VACUUM ANALYZE record.{dataset}".encode())
            connection.autocommit = False
            say(f"{dataset} {tickets:,} 张工单的已写入")


def _change(connection: psycopg.Connection[Any], tickets: int, anywhere: float) -> int:
    """1 % of the tickets in a new version, the old ones in history; how many."""
    batch = _batch(connection, "hotline_ticket")
    scattered = int(tickets * anywhere / 100)
    connection.execute(
        f"CREATE TEMP TABLE chosen ON COMMIT DROP AS SELECT DISTINCT i FROM (SELECT {tickets} - (random() * {tickets} * 0.018)::int AS i "
        f"FROM generate_series(1, {tickets // 100 - scattered}) UNION ALL SELECT 1 + (random() * ({tickets} - 1))::int FROM generate_series(1, {scattered})) AS t WHERE i >= 1".encode()
    )
    number = _one(connection, "SELECT count(*) FROM chosen")
    listed = ", ".join(columns(contract("hotline_ticket")))
    body = _OF["hotline_ticket"].format(shift=47, callers=_callers(tickets))
    key = "ticket_no IN (SELECT 'T' || lpad(i::text, 9, '0') FROM chosen)"
    connection.execute(
        f"INSERT INTO record_history.hotline_ticket ({listed}, _closed_batch_id, _closed_reason) SELECT {listed}, {batch}, 'changed' FROM record.hotline_ticket WHERE {key}".encode()
    )
    connection.execute(f"DELETE FROM record.hotline_ticket WHERE {key}".encode())
    _insert(
        connection,
        "hotline_ticket",
        batch,
        f"SELECT {body} FROM (SELECT *, {_HOUR.format(n=tickets)} AS at FROM chosen) AS t",
    )
    connection.commit()
    return number


def _batch(connection: psycopg.Connection[Any], dataset: str) -> int:
    connection.execute(
        "INSERT INTO hub.source (connector, dataset, department, title) VALUES (%s, %s, 'bench', %s) ON CONFLICT DO NOTHING",
        [f"bench/{dataset}", dataset, dataset],
    )
    row = connection.execute(
        "INSERT INTO hub.batch (source_id, dataset, delivery, kind, status, contract_version, extracted_at, extracted, passed, quarantined, repaired, "
        "warned, new_rows, changed_rows, unchanged_rows, superseded_rows, closed_rows) SELECT source_id, dataset, 'bench', 'full', 'committed', '1', "
        "now(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM hub.source WHERE connector = %s RETURNING batch_id", [f"bench/{dataset}"],
    ).fetchone()  # fmt: skip
    assert row is not None
    return int(row[0])


def _insert(connection: psycopg.Connection[Any], dataset: str, batch: int, rows: str) -> None:
    source = _one(connection, f"SELECT source_id FROM hub.batch WHERE batch_id = {batch}")
    names = [n.name for n in connection.execute(f"{rows} LIMIT 0".encode()).description or []]
    listed = ", ".join([*names, "_source_id", "_batch_id", "_row_hash", "_quality"])
    text = f"INSERT INTO record.{dataset} ({listed}) SELECT g.*, {source}, {batch}, gen_random_uuid(), 0 FROM ({rows}) AS g"
    connection.execute(text.encode())


def _one(connection: psycopg.Connection[Any], text: str) -> int:
    row = connection.execute(text.encode()).fetchone()
    assert row is not None
    return int(row[0])


def _publish(connection: psycopg.Connection[Any], changed: set[str] | None) -> tuple[float, float, list[Published]]:
    """Seconds, the backend's processor seconds, and what was computed."""
    begun, used = time.perf_counter(), _processor(connection)
    done = publish(connection, changed, DAY)
    connection.commit()
    for view in done:
        if view.error:
            raise SystemExit(view.error)
    return time.perf_counter() - begun, _processor(connection) - used, done


def _processor(connection: psycopg.Connection[Any]) -> float:
    fields = Path(f"/proc/{connection.info.backend_pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _content(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """Rows and a sum of row hashes of every published hotline view."""
    names = [name for name in load_catalog().views if name.startswith("hotline_")]
    text = "SELECT count(*), sum(hashtextextended(v::text, 0)::numeric) FROM board.{} AS v"
    return {name: connection.execute(text.format(name).encode()).fetchone() for name in names}


def _pages(connection: psycopg.Connection[Any]) -> float:
    """The slowest page's data in milliseconds, each the median of five."""
    slowest = 0.0
    for page in _PAGES:
        taken = []
        for _ in range(5):
            begun = time.perf_counter()
            connection.execute(page.encode()).fetchall()
            taken.append((time.perf_counter() - begun) * 1000)
        slowest = max(slowest, median(taken))
    return slowest


def _duckdb(url: str, folder: Path) -> tuple[float, dict[str, int]]:
    """Seconds and row counts of the same views in DuckDB, its inputs copied beforehand."""
    catalog = load_catalog()
    names = [name for name in catalog.views if name.startswith("hotline_")]
    inputs = frozenset().union(*(catalog.datasets(name) for name in names))
    store = folder / "reference.duckdb"
    store.unlink(missing_ok=True)
    counts = {}
    with duckdb.connect(str(store)) as con, psycopg.connect(url) as pg:
        con.execute("SET TimeZone = 'Asia/Shanghai'; SET memory_limit = '4GB'")
        for name in sorted(inputs):
            path = folder / f"{name}.csv"
            with (
                path.open("wb") as out,
                pg.cursor().copy(f"COPY (SELECT * FROM shared.{name}) TO STDOUT (FORMAT csv, HEADER)".encode()) as copy,
            ):
                for block in copy:
                    out.write(bytes(block))
            types = {
                r[0]: r[1]
                for r in pg.execute(
                    "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'shared' AND table_name = %s",
                    [name],
                ).fetchall()
            }
            known = {
                c: {
                    "jsonb": "VARCHAR",
                    "character varying": "VARCHAR",
                    "text": "VARCHAR",
                    "timestamp with time zone": "TIMESTAMPTZ",
                    "timestamp without time zone": "TIMESTAMP",
                }.get(t, t)
                for c, t in types.items()
            }
            con.execute(f"CREATE TABLE {name} AS SELECT * FROM read_csv('{path}', columns = {known})")
            path.unlink()
        begun = time.perf_counter()
        for name in names:
            con.execute(f"CREATE TABLE {name} AS {render(catalog.views[name], 'duckdb', DAY)}")
            row = con.execute(f"SELECT count(*) FROM {name}").fetchone()
            counts[name] = row[0] if row else 0
        seconds = time.perf_counter() - begun
    store.unlink()
    return seconds, counts


def _again(
    connection: psycopg.Connection[Any], full: float, burned: float, parts: list[dict[str, Any]]
) -> dict[str, Any]:
    """Compute everything anew: the views that come out otherwise than they were published in parts, and the row counts."""
    after = _content(connection)
    connection.execute("UPDATE board.published_view SET query = ''")
    again, used, done = _publish(connection, set())
    parts.append({"seconds": again, "processor": used, "views": {v.name: [v.seconds, v.partial] for v in done}})
    print(
        f"{'':>22} {'再算':>8} {'':>6} {again:>8.1f} {again / full:>7.1%} {used:>8.1f} {used / burned:>7.1%}",
        flush=True,
    )
    anew = _content(connection)
    return {"different": [n for n in anew if after[n] != anew[n]], "rows": {n: found[0] for n, found in anew.items()}}


def main(words: Sequence[str] | None = None) -> int:
    """Print one line per size; 1 when what was published in part is not what computing anew gives, or DuckDB differs."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks publish", description="热线看板的发布：全部、改动 1 % 之后"
    )
    parser.add_argument("--tickets", default="1000000,10000000", help="工单张数，逗号分隔（默认 %(default)s）")
    parser.add_argument("--events", type=int, default=5, help="每张工单几个流转环节（默认 5）")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="数据库和结果放哪里（默认 var/bench）")
    parser.add_argument("--anywhere", default="0,0.1,1", help="各次改动里散布在五年里的占几成（默认 %(default)s）")
    parser.add_argument(
        "--no-again", action="store_true", help="最后不再全部算一遍来核对（省一小半时间），也不与 DuckDB 对照"
    )
    parser.add_argument("--no-reference", action="store_true", help="不与 DuckDB 对照（省磁盘）")
    given = parser.parse_args(words)
    results, wrong = [], 0
    print(
        f"{'工单':>10} {'流转':>11} {'改动':>8} {'散布':>6} {'秒':>8} {'占全部':>7} {'处理器秒':>8} {'占全部':>7} {'最慢一页 毫秒':>10}"
    )
    with server(given.folder) as running:
        with psycopg.connect(running.url(), autocommit=True) as admin:
            # What ten million tickets leave of the disk; and all of a publication's work in the backend that is asked for its seconds.
            admin.execute("ALTER SYSTEM SET max_wal_size = '3GB'")
            admin.execute("ALTER SYSTEM SET max_parallel_workers_per_gather = 0")
            admin.execute("SELECT pg_reload_conf()")
        for tickets in map(int, given.tickets.split(",")):
            name = f"publish_{tickets}"
            with psycopg.connect(running.url(), autocommit=True) as admin:
                admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
            url = running.create_database(name)
            os.environ["HUB_DATABASE_URL"] = url
            prepare(Home(given.folder / "publish_home"))
            _fill(url, tickets, given.events)
            with psycopg.connect(url) as connection:
                full, burned, done = _publish(connection, None)
                print(
                    f"{tickets:>10} {tickets * given.events:>11} {'全部':>8} {'':>6} {full:>8.1f} {'':>7} {burned:>8.1f}",
                    flush=True,
                )
                parts: list[dict[str, Any]] = [
                    {"seconds": full, "processor": burned, "views": {v.name: [v.seconds, v.partial] for v in done}}
                ]
                for anywhere in map(float, given.anywhere.split(",")):
                    changed = _change(connection, tickets, anywhere)
                    part, used, done = _publish(connection, {"hotline_ticket", "enterprise"})
                    slowest = _pages(connection)
                    parts.append({"anywhere": anywhere, "changed": changed, "seconds": part, "processor": used, "page_ms": slowest,
                                  "views": {v.name: [v.seconds, v.partial] for v in done}})  # fmt: skip
                    print(
                        f"{'':>22} {changed:>8} {anywhere:>6.0%} {part:>8.1f} {part / full:>7.1%} {used:>8.1f} {used / burned:>7.1%} {slowest:>10.1f}",
                        flush=True,
                    )
                if not given.no_again:
                    anew = _again(connection, full, burned, parts)
                    wrong += len(anew["different"])
            seconds = 0.0
            if not (given.no_again or given.no_reference):
                seconds, counts = _duckdb(url, given.folder)
                wrong += sum(rows != anew["rows"][n] for n, rows in counts.items())
                say(f"DuckDB 算同一份 SQL：{seconds:.1f} 秒")
            results.append({"tickets": tickets, "parts": parts, "duckdb": seconds})
            with psycopg.connect(running.url(), autocommit=True) as admin:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
    (given.folder / f"publish_{time.strftime('%Y%m%dT%H%M%S')}.json").write_text(
        json.dumps(results, ensure_ascii=False, indent=1)
    )
    if wrong:
        say(f"有 {wrong} 个视图的结果不同")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
