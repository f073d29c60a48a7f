"""A delivery checked part by part while it is still being read, its checked rows on their way to the warehouse meanwhile.

    source ──batches──> landing file          (the reader's thread, and one that compresses)
                 └────> parts ── check ──> checked/*.parquet ──> Ahead

Each arrow has a thread of its own and a queue that holds little, so memory does not grow with the delivery.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Queue
from typing import Any

import numpy
import pyarrow as pa

from quality.check import Checked, Checker
from warehouse.ahead import Ahead

PART_ROWS = 50_000  # in a part; planning one costs as much as checking a few thousand rows
FIRST_ROWS = (
    10_000  # at least in the first, so that the warehouse has work soon; in each twice as many as in the one before
)
_SCANNED_ROWS = 10_000  # DuckDB gives each of its threads a batch at a time


class Flow:
    """Takes the delivery's batches in order. `make` is called in the checking thread, with the schema of the rows.

    Rows go ahead as soon as there are more than two first parts; a small delivery is merged when it is checked.
    """

    def __init__(self, con: Any, make: Callable[[pa.Schema], Checker], ahead: Ahead | None) -> None:
        self._con, self._make, self._ahead = con, make, ahead
        self._queue: Queue[pa.RecordBatch | None] = Queue(maxsize=10)
        self._rows, self._ended, self._stopped = 0, False, False
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._checking: Future[Checked] = self._pool.submit(self._check)

    def put(self, batch: pa.RecordBatch) -> None:
        """Take a batch; waits while the check is behind. A failure of the check is told by `finish`."""
        for first in range(0, batch.num_rows, FIRST_ROWS):
            self._rows += min(FIRST_ROWS, batch.num_rows - first)
            if self._ahead is not None and self._rows > 2 * FIRST_ROWS:
                self._ahead.start()
            self._queue.put(batch.slice(first, FIRST_ROWS))

    def finish(self) -> Checked:
        """What became of the rows, after the last.

        Raises:
            SourceChanged: a mapped column is not in the delivery.
        """
        self._end()
        return self._checking.result()

    def stop(self) -> None:
        """End at once; nothing of the delivery is kept."""
        if not self._ended:
            self._stopped = True
            self._end()
        if self._ahead is not None:
            self._ahead.stop()

    def _end(self) -> None:
        self._ended = True
        self._queue.put(None)
        self._pool.shutdown()

    def _check(self) -> Checked:
        parts = self._parts()
        try:
            checker: Checker | None = None
            first = 0
            for part in parts:
                if self._stopped:
                    break
                checker = checker or self._make(part[0].schema)
                numbered = _numbered(part, first)
                written = checker.part(lambda rows=numbered: self._registered(rows))  # type: ignore[misc]
                first += sum(batch.num_rows for batch in part)
                if self._ahead is not None:
                    self._ahead.add(checker.checked, written)
            assert checker is not None, "a delivery without rows has no flow"
            self._con.unregister("part")
            return checker.finish()
        finally:
            for _ in parts:  # the reader must never wait for one who has gone
                pass

    def _registered(self, rows: list[pa.RecordBatch]) -> str:
        # The bare C stream: handed a reader, DuckDB imports pyarrow.dataset and with it pandas, 1.1 s.
        stream = pa.RecordBatchReader.from_batches(rows[0].schema, rows)
        self._con.register("part", stream.__arrow_c_stream__())
        return "part"

    def _parts(self) -> Iterator[list[pa.RecordBatch]]:
        """What has come in since the last part, FIRST_ROWS at least and later PART_ROWS."""
        ended, least = False, min(FIRST_ROWS, PART_ROWS)
        while not ended:
            part: list[pa.RecordBatch] = []
            rows = 0
            while rows < PART_ROWS:
                try:
                    batch = self._queue.get(block=rows < least)
                except Empty:
                    break
                if batch is None:
                    ended = True
                    break
                part.append(batch)
                rows += batch.num_rows
            if part:
                yield part
            least = min(2 * least, PART_ROWS)


def _numbered(part: list[pa.RecordBatch], first: int) -> list[pa.RecordBatch]:
    """The rows with their place in the landing file."""
    schema = part[0].schema.append(pa.field("file_row_number", pa.int64()))
    found: list[pa.RecordBatch] = []
    for batch in part:
        numbers = pa.array(numpy.arange(first, first + batch.num_rows))
        whole = pa.RecordBatch.from_arrays([*batch.columns, numbers], schema=schema)
        found += [whole.slice(at, _SCANNED_ROWS) for at in range(0, whole.num_rows, _SCANNED_ROWS)]
        first += batch.num_rows
    return found
