"""A delivery checked part by part while it is still being read, its checked rows on their way to the warehouse meanwhile.

    source ──batches──> landing file          (the reader's thread, and one that compresses)
                 └────> parts ── check ──> checked/*.parquet ──> Ahead

Each arrow has a thread of its own and a queue that holds little, so memory does not grow with the delivery.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Queue

import pyarrow as pa

from quality.check import PART_ROWS, Checked, Checker
from warehouse.ahead import Ahead

# Rows at least in the first part, so that the warehouse has work soon; in each part twice as many as in the one before.
FIRST_ROWS = 10_000


class Flow:
    """Takes the delivery's batches in order. `make` is called in the checking thread, with the schema of the rows.

    Rows go ahead as soon as there are more than two first parts; a small delivery is merged when it is checked.
    """

    def __init__(self, make: Callable[[pa.Schema], Checker], ahead: Ahead | None) -> None:
        self._make, self._ahead = make, ahead
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
            for part in parts:
                if self._stopped:
                    break
                checker = checker or self._make(part.schema)
                written = checker.part(part)
                if self._ahead is not None:
                    self._ahead.add(checker.checked, written)
            assert checker is not None, "a delivery without rows has no flow"
            return checker.finish()
        finally:
            for _ in parts:  # the reader must never wait for one who has gone
                pass

    def _parts(self) -> Iterator[pa.Table]:
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
                yield pa.Table.from_batches(part)
            least = min(2 * least, PART_ROWS)
