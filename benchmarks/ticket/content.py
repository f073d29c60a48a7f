"""Whether a table holds the right tickets, told by their content and not by a command's exit code."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

COLUMNS = (
    "ticket_id", "ticket_no", "created_at", "updated_at", "due_at", "closed_at", "dept_code", "dept_name", "category",
    "channel", "status", "title", "content", "amount", "score",
)  # fmt: skip

# Each tool chooses its own types: integers come back as numeric, timestamps with a zone (UTC), decimals wider.
_CASTS = {
    "ticket_id": "bigint", "score": "bigint", "amount": "numeric(12, 2)",
    "created_at": "timestamp", "updated_at": "timestamp", "due_at": "timestamp", "closed_at": "timestamp",
}  # fmt: skip


@dataclass(frozen=True)
class Content:
    """Rows, and a checksum of all columns of all rows in whatever order."""

    rows: int
    checksum: int


def content(url: str, table: str) -> Content:
    """What the table holds; equal contents have equal rows, whatever order and types they are stored in.

    Raises:
        psycopg.Error: there is no such table or one of the columns is missing.
    """
    values = ", ".join(f"{column}::{_CASTS.get(column, 'text')}" for column in COLUMNS)
    digest = f"('x' || left(md5(ROW({values})::text), 15))::bit(60)::bigint"
    with psycopg.connect(url, options="-c timezone=UTC") as connection:
        found = connection.execute(f"SELECT count(*), coalesce(sum({digest}), 0) FROM {table}").fetchone()
    assert found is not None
    return Content(int(found[0]), int(found[1]))
