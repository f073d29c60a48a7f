"""Checked rows sent to the warehouse while the rest of their delivery is still being read and checked.

Reading and checking keep the processor busy and the server idle; COPY and MERGE do the opposite. A source's first rows
go straight into the record table; later ones go through the stage, of a whole load only those that differ from what is
there, and while they are few beside it they are merged part by part. A row that passes on its own can still be refused
for having another's key, and the whole delivery can still be held: then nothing of this is kept, and the delivery is
merged as any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from queue import Queue
from typing import Any

import pyarrow as pa

from quality.arrow import without_extensions
from quality.check import Checked
from schemas.contract import Contract
from warehouse.engines.adbc import Connection
from warehouse.merge import (
    STREAM_ROWS,
    WHOLE,
    Brought,
    Merged,
    apply,
    arriving,
    different_sql,
    ensure_key,
    few_beside,
    held_rows,
    is_first,
    make_stage,
    pull_current,
)

# Each part is compared with all that is there: past this many rows one comparison at the end is cheaper.
_COMPARED_ROWS = 5_000_000


class Ahead:
    """Takes part after part of the checked rows. Once started, the open transaction is its own until `rows` or `stop`."""

    def __init__(
        self, con: Any, warehouse: Connection, contract: Contract, *, source_id: int, batch_id: int, kind: str
    ) -> None:
        self._con, self._warehouse, self._contract = con.cursor(), warehouse, contract
        self._source_id, self._batch_id, self._kind = source_id, batch_id, kind
        self._parts: Queue[tuple[Checked, list[pa.RecordBatch]] | None] = Queue(maxsize=2)
        self._rows, self._staged, self._cancelled = 0, 0, False
        self._first = is_first(warehouse, contract, source_id)
        self._held = 0 if self._first else held_rows(warehouse, source_id)
        self._merged = Merged()
        self._pool: ThreadPoolExecutor | None = None
        self._writing: Future[None] | None = None

    @property
    def worthwhile(self) -> bool:
        """Whether the rows may go ahead at all: operations of an exchange table need the order of the whole."""
        if self._kind == "exchange":
            return False
        return self._first or self._kind not in WHOLE or self._held <= _COMPARED_ROWS

    def add(self, checked: Checked, part: list[pa.RecordBatch]) -> None:
        """One more part is ready: its rows that pass on their own go on their way. Waits while the writing is behind."""
        self._parts.put((checked, part))

    def start(self) -> None:
        """Begin to write, what was added before as well."""
        if self._writing is None:
            self._pool = ThreadPoolExecutor(max_workers=1)
            self._writing = self._pool.submit(self._write)

    def rows(self) -> Brought | None:
        """What stands in the open transaction after the last part; None when it did not start or get through."""
        if self._writing is None or self._pool is None:
            return None
        self._parts.put(None)
        self._pool.shutdown()
        self._con.close()
        return None if self._writing.exception() else Brought(self._rows, self._staged, self._first, self._merged)

    def stop(self) -> None:
        """End the writing at once and forget what was written."""
        self._cancelled = True
        if self._writing is not None:
            self.rows()
            self._warehouse.rollback()

    def _write(self) -> None:
        parts = self._parts_of_rows()
        try:
            if self._first:
                self._send(chain.from_iterable(parts), self._contract.dataset, "record")
                if not self._cancelled:  # rows of one key fail here while the check is still looking for them
                    ensure_key(self._warehouse, self._contract)
            else:
                self._bring_in(parts)
        finally:
            for _ in parts:  # whoever brings parts must never wait for one who has gone
                pass

    def _bring_in(self, parts: Iterator[Iterator[pa.RecordBatch]]) -> None:
        if self._kind in WHOLE:
            pull_current(self._con, self._warehouse, self._contract, self._source_id)
        make_stage(self._warehouse, self._contract)
        # A file may bring an old word late, or one that was sent before: that is seen by the whole of it.
        early = self._kind in WHOLE or self._kind == "cursor"
        for batches in parts:
            self._staged += self._send(batches, "stage", None)
            if early and self._staged and not self._cancelled and few_beside(self._rows, self._held):
                self._merged += apply(
                    self._warehouse, self._contract, self._source_id, self._batch_id, self._staged, self._held
                )
                self._warehouse.execute("TRUNCATE stage")
                self._staged = 0

    def _send(self, batches: Iterator[pa.RecordBatch], table: str, schema: str | None) -> int:
        before = self._rows
        if (first := next(batches, None)) is not None:
            self._warehouse.ingest(
                pa.RecordBatchReader.from_batches(first.schema, chain([first], batches)), table, schema
            )
        return self._rows - before

    def _parts_of_rows(self) -> Iterator[Iterator[pa.RecordBatch]]:
        while (item := self._parts.get()) is not None:
            yield self._rows_of(*item)

    def _rows_of(self, checked: Checked, part: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rows = [arriving(self._contract, checked.good(batch), self._source_id, self._batch_id) for batch in part]
        reader = pa.RecordBatchReader.from_batches(rows[0].schema, rows)
        if not self._first and self._kind in WHOLE:
            self._con.register("sent", reader.__arrow_c_stream__())
            reader = self._con.execute(different_sql(self._contract, "sent")).to_arrow_reader(STREAM_ROWS)
        for batch in without_extensions(reader):
            if self._cancelled:
                return
            self._rows += batch.num_rows
            yield batch
