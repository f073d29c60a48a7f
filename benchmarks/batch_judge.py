"""Where Great Expectations should ask: 20 expectations of one million rows x 15 columns, four ways in one run.

    .venv/bin/python benchmarks/batch_judge.py [ROWS]

DuckDB over Parquet, pandas, PostgreSQL (the rows are copied there first, as they would have to be), and one row of
aggregates computed in DuckDB. Each way runs in a process of its own; seconds leave out the import, which all share,
and memory is the peak of that process.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

WAYS = ("duckdb", "aggregate", "pandas", "postgresql")
FILLED = [f"text_{i}" for i in range(8)] + ["number", "recorded_at", "due_at", "category", "channel"]
CHANNELS, CATEGORIES = ["电话", "网站", "微信"], ["咨询", "投诉", "求助"]
SINCE = datetime(2020, 1, 1)


def make(path: Path, rows: int) -> None:
    """The rows: an id, eight texts, two sets, two instants, a score and an amount."""
    texts = ", ".join(f"md5((i * 7 + {i})::VARCHAR) AS text_{i}" for i in range(8))
    duckdb.sql(
        f"""COPY (SELECT i AS number, {texts}, TIMESTAMP '2026-01-01' + to_seconds(i) AS recorded_at,
        TIMESTAMP '2026-02-01' + to_seconds(i) AS due_at, {CATEGORIES}[1 + i % 3] AS category, {CHANNELS}[1 + i % 3] AS channel,
        (i % 101)::INTEGER AS score, (i % 1000)::DECIMAL(12, 2) AS amount FROM range({rows}) AS t(i)) TO '{path}' (FORMAT parquet)"""
    )


def expectations() -> list[tuple[str, dict[str, Any]]]:
    """(class, arguments) of the twenty."""
    return [
        ("ExpectTableRowCountToBeBetween", {"min_value": 1}),
        *(("ExpectColumnValuesToNotBeNull", {"column": c, "mostly": 0.95}) for c in FILLED),
        ("ExpectCompoundColumnsToBeUnique", {"column_list": ["number", "text_0"]}),
        ("ExpectColumnValuesToBeInSet", {"column": "channel", "value_set": CHANNELS}),
        ("ExpectColumnValuesToBeInSet", {"column": "category", "value_set": CATEGORIES}),
        ("ExpectColumnValuesToBeBetween", {"column": "score", "min_value": 0, "max_value": 100}),
        ("ExpectColumnValuesToBeBetween", {"column": "amount", "min_value": 0}),
        ("ExpectColumnMaxToBeBetween", {"column": "recorded_at", "min_value": SINCE}),
    ]


def ask(way: str, path: Path, url: str) -> dict[str, Any]:
    """One way: seconds, peak memory and how many expectations held."""
    from quality.expectations import _imported, _teach_duckdb

    gx, kinds = _imported()
    _teach_duckdb()
    context = gx.get_context(mode="ephemeral")
    begun = time.perf_counter()
    batch, asked = SOURCES[way](context, path, url)
    suite = gx.ExpectationSuite(name="trial", expectations=[getattr(kinds, kind)(**given) for kind, given in asked])
    found = batch.validate(suite, result_format={"result_format": "BASIC", "partial_unexpected_count": 0})
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {
        "way": way,
        "seconds": round(seconds, 2),
        "peak_mb": peak,
        "held": sum(bool(r.success) for r in found.results),
    }


def _duckdb(context: Any, path: Path, url: str) -> tuple[Any, Any]:
    source = context.data_sources.add_sql(
        "d",
        connection_string="duckdb:///:memory:",
        kwargs={"connect_args": {"config": {"memory_limit": "256MB", "temp_directory": str(path.parent)}}},
    )
    asset = source.add_query_asset("a", query=f"SELECT * FROM read_parquet('{path}')")
    return asset.add_batch_definition_whole_table("all").get_batch(), expectations()


def _pandas(context: Any, path: Path, url: str) -> tuple[Any, Any]:
    import pandas as pd

    definition = (
        context.data_sources.add_pandas("p").add_dataframe_asset("a").add_batch_definition_whole_dataframe("all")
    )
    return definition.get_batch({"dataframe": pd.read_parquet(path)}), expectations()


def _aggregate(context: Any, path: Path, url: str) -> tuple[Any, Any]:
    counts = {f"gaps_{c}": f"100.0 * count(*) FILTER ({c} IS NULL) / count(*)" for c in FILLED}
    counts |= {
        "repeats": "(SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM batch GROUP BY number, text_0))",
        "strange_channel": f"count(*) FILTER (channel NOT IN {tuple(CHANNELS)})",
        "strange_category": f"count(*) FILTER (category NOT IN {tuple(CATEGORIES)})",
        "strange_score": "count(*) FILTER (score NOT BETWEEN 0 AND 100)",
        "strange_amount": "count(*) FILTER (amount < 0)",
    }
    chosen = ", ".join(f"{sql} AS {name}" for name, sql in counts.items())
    frame = duckdb.connect(config={"memory_limit": "256MB"}).execute(
        f"WITH batch AS (FROM read_parquet('{path}')) SELECT count(*) AS row_count, max(recorded_at) AS newest, {chosen} FROM batch"
    ).df()  # fmt: skip
    asked = [
        ("ExpectColumnValuesToBeBetween", {"column": name, "max_value": 5 if name.startswith("gaps") else 0})
        for name in counts
    ]
    asked += [
        ("ExpectColumnValuesToBeBetween", {"column": "row_count", "min_value": 1}),
        ("ExpectColumnMaxToBeBetween", {"column": "newest", "min_value": SINCE}),
    ]
    definition = (
        context.data_sources.add_pandas("p").add_dataframe_asset("a").add_batch_definition_whole_dataframe("all")
    )
    return definition.get_batch({"dataframe": frame}), asked


def _postgresql(context: Any, path: Path, url: str) -> tuple[Any, Any]:
    import adbc_driver_manager as adm
    import adbc_driver_postgresql
    import psycopg

    columns = ", ".join([f"{c} text" for c in (*FILLED[:8], "category", "channel")])
    with psycopg.connect(url, autocommit=True) as warehouse:
        warehouse.execute(
            f"CREATE UNLOGGED TABLE batch (number bigint, {columns}, recorded_at timestamp, due_at timestamp, score integer, amount numeric)"
        )
    statement = adm.AdbcStatement(adm.AdbcConnection(adbc_driver_postgresql.connect(url)))
    statement.set_options(**{"adbc.ingest.target_table": "batch", "adbc.ingest.mode": "adbc.ingest.mode.append"})
    stream = adm.ArrowArrayStreamHandle()
    order = f"number, {', '.join(FILLED[:8])}, category, channel, recorded_at, due_at, score, amount"
    reader = duckdb.connect().execute(f"SELECT {order} FROM read_parquet('{path}')").to_arrow_reader(50_000)
    reader._export_to_c(stream.address)
    statement.bind_stream(stream)
    statement.execute_update()
    source = context.data_sources.add_postgres("d", connection_string=url.replace("postgresql:", "postgresql+psycopg:"))
    return source.add_table_asset("a", table_name="batch").add_batch_definition_whole_table(
        "all"
    ).get_batch(), expectations()


SOURCES: dict[str, Callable[[Any, Path, str], tuple[Any, Any]]] = {
    "duckdb": _duckdb, "aggregate": _aggregate, "pandas": _pandas, "postgresql": _postgresql,
}  # fmt: skip


def main() -> None:
    """Make the rows once, ask each way in turn, print one line each."""
    if len(sys.argv) == 4:
        print(json.dumps(ask(sys.argv[1], Path(sys.argv[2]), sys.argv[3])))
        return
    from warehouse.engines.postgresql import Server

    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "batch.parquet"
        make(path, rows)
        server = Server(Path(folder) / "pg").start()
        try:
            for way in WAYS:
                command = [sys.executable, __file__, way, str(path), server.create_database(f"judge_{way}")]
                told = subprocess.run(command, check=True, capture_output=True, text=True)
                print(told.stdout.strip().splitlines()[-1], flush=True)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
