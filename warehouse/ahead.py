"""A source's first delivery written to the warehouse while the rest of it is still being checked.

The check keeps the processor busy and the server idle; the COPY does the opposite. A row that passes on its own can
still be refused for having another's key, and the whole delivery can still be held: then nothing of this is kept,
and the delivery is merged as any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from queue import Queue
from typing import Any

import pyarrow as pa

from quality.check import Checked
from schemas.contract import Contract
from warehouse.engines.adbc import Connection
from warehouse.merge import STREAM_ROWS, arriving_sql, without_extensions


class Ahead:
    """Takes part after part of the checked rows; the open transaction is its own until `rows` or `stop`."""

    def __init__(self, con: Any, warehouse: Connection, contract: Contract, source_id: int, batch_id: int) -> None:
        self._con, self._warehouse, self._contract = con.cursor(), warehouse, contract
        self._source_id, self._batch_id = source_id, batch_id
        self._parts: Queue[tuple[Checked, Path] | None] = Queue()
        self._rows, self._cancelled = 0, False
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._writing = self._pool.submit(self._write)

    def add(self, checked: Checked, part: Path) -> None:
        """One more part is ready: its rows that pass on their own go on their way."""
        self._parts.put((checked, part))

    def rows(self) -> int | None:
        """How many rows stand in the open transaction after the last part; None when they did not get through."""
        self._parts.put(None)
        self._pool.shutdown()
        self._con.close()
        return None if self._writing.exception() else self._rows

    def stop(self) -> None:
        """End the writing at once and forget what was written."""
        self._cancelled = True
        self.rows()
        self._warehouse.rollback()

    def _write(self) -> None:
        batches = self._batches()
        if (first := next(batches, None)) is not None:
            stream = pa.RecordBatchReader.from_batches(first.schema, chain([first], batches))
            self._warehouse.ingest(stream, self._contract.dataset, "record")

    def _batches(self) -> Iterator[pa.RecordBatch]:
        while (part := self._parts.get()) is not None:
            checked, path = part
            rows = arriving_sql(self._con, self._contract, path, checked.bad, self._source_id, self._batch_id)
            for batch in without_extensions(self._con.execute(rows).to_arrow_reader(STREAM_ROWS)):
                if self._cancelled:
                    return
                self._rows += batch.num_rows
                yield batch
