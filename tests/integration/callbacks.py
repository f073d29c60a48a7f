"""A small real source for the data path's tests: a table of hotline call-backs in a PostgreSQL of its own.

Run as a program it is one load that a SIGKILL ends at a stage: `python -m tests.integration.callbacks CONNECTOR STAGE`.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import psycopg

from connectors.spec import Connector
from connectors.spec import load as load_connector
from warehouse.home import Home
from warehouse.load import BatchResult, load

TABLE = """CREATE TABLE IF NOT EXISTS callback (callback_id text, ticket_no text, round int, called_at timestamp, method text, reached boolean,
  solved text, updated_at timestamp)"""
EXCHANGE = """CREATE TABLE IF NOT EXISTS callback_exchange (cd_id bigint PRIMARY KEY, cd_operation text, cd_time timestamp, cd_batch text,
  callback_id text, ticket_no text, round int, called_at timestamp, method text, reached boolean, solved text)"""
FIELDS = "{callback_id: callback_id, ticket_no: ticket_no, round: round, called_at: called_at, method: method, reached: reached, solved: solved}"
LOADS = {
    "full": ("{driver: postgresql, url: '${HUB_SOURCE_CALLBACK}', table: public.callback}", "{mode: full}"),
    "cursor": (
        "{driver: postgresql, url: '${HUB_SOURCE_CALLBACK}', table: public.callback}",
        "{mode: cursor, cursor: updated_at}",
    ),
    "exchange": (
        "{driver: exchange, url: '${HUB_SOURCE_CALLBACK}', table: public.callback_exchange}",
        "{mode: exchange}",
    ),
}


def connector(folder: Path, mode: str) -> Connector:
    """The connector of the source, loading it in this mode."""
    source, way = LOADS[mode]
    path = folder / "hotline_office" / f"callback_{mode}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"title: 回访（{mode}）\ndataset: hotline_callback\nsource: {source}\nload: {way}\nfields: {FIELDS}\n",
        encoding="utf-8",
    )
    return load_connector(path)


def row(
    number: int, *, solved: str | None = "已解决", method: str = "电话", ticket: bool = True, minute: int = 0
) -> tuple[Any, ...]:
    """One source row, changed in the source at `minute` if not 0; a method that is in no code list, or no ticket, makes it a bad one."""
    at = f"2026-03-{1 + number % 28:02d} 10:00:00"
    updated = f"2026-04-01 10:{minute:02d}:00" if minute else at
    return f"CB{number:05d}", f"T{number:05d}" if ticket else None, 1, at, method, True, solved, updated


def fill(source: str, rows: list[tuple[Any, ...]]) -> None:
    """Make the source table hold just these rows."""
    with psycopg.connect(source) as connection:
        connection.execute(TABLE)
        connection.execute("TRUNCATE callback")
        connection.cursor().executemany("INSERT INTO callback VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", rows)


def send(source: str, operations: list[tuple[int, str, tuple[Any, ...]]]) -> None:
    """Append to the exchange table: (cd_id, I/U/D, row)."""
    with psycopg.connect(source) as connection:
        connection.execute(EXCHANGE)
        connection.cursor().executemany(
            "INSERT INTO callback_exchange VALUES (%s, %s, now(), 'b1', %s, %s, %s, %s, %s, %s, %s)",
            [(number, operation, *values[:7]) for number, operation, values in operations],
        )


def state(url: str) -> dict[str, list[Any]]:
    """Everything a reader can see, without batch numbers and load times: equal states are equal dictionaries."""
    queries = {
        "record": "SELECT callback_id, ticket_no, round, called_at, method, solved, _row_hash, _quality, _notes FROM record.hotline_callback ORDER BY 1",
        "history": "SELECT callback_id, round, called_at, solved, _row_hash, _closed_reason FROM record_history.hotline_callback ORDER BY 1, 5, 6",
        "quarantine": "SELECT fingerprint, row_key, rules, raw, resolution FROM hub.quarantine ORDER BY 1",
        "cursor": "SELECT position FROM hub.cursor ORDER BY 1",
        "batches": "SELECT extracted, passed, quarantined, new_rows, changed_rows, unchanged_rows, closed_rows FROM hub.batch ORDER BY batch_id",
    }
    with psycopg.connect(url) as connection:
        return {name: connection.execute(query).fetchall() for name, query in queries.items()}


def take(connector: Connector, home: Home) -> list[BatchResult]:
    """One load."""
    return load(connector, home)


def main() -> None:
    """Load and die by SIGKILL when the stage is reached."""
    path, stage = Path(sys.argv[1]), sys.argv[2]

    def checkpoint(reached: str) -> None:
        if reached == stage:
            os.kill(os.getpid(), signal.SIGKILL)

    load(load_connector(path), Home(), checkpoint=checkpoint)


if __name__ == "__main__":
    main()
