"""One table read in several pieces at once, all of them at one moment of the source.

Each piece has a session and a thread of its own; what they read meets in a queue that holds a few batches, so
memory does not grow with the table. The first failure stops all.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

_PATIENCE = 0.2  # seconds between two looks whether the reader has gone


def merged(
    readers: Sequence[Callable[[], Iterator[pa.RecordBatch]]], stop: Callable[[], None]
) -> Iterator[pa.RecordBatch]:
    """The batches of all readers as they come; `stop` ends the readers when one fails or nobody listens any more."""
    full: queue.Queue[pa.RecordBatch | BaseException | None] = queue.Queue(maxsize=len(readers))
    gone = threading.Event()

    def put(item: pa.RecordBatch | BaseException | None) -> None:
        while not gone.is_set():
            try:
                full.put(item, timeout=_PATIENCE)
            except queue.Full:
                continue
            return

    def work(reader: Callable[[], Iterator[pa.RecordBatch]]) -> None:
        try:
            for batch in reader():
                put(batch)
                if gone.is_set():
                    return
        except BaseException as error:  # told by the one who listens
            put(error)
        else:
            put(None)

    threads = [threading.Thread(target=work, args=(r,), name=f"read-{n}", daemon=True) for n, r in enumerate(readers)]
    for thread in threads:
        thread.start()
    try:
        left = len(threads)
        while left:
            item = full.get()
            if item is None:
                left -= 1
            elif isinstance(item, BaseException):
                raise item
            else:
                yield item
    finally:
        gone.set()
        if any(thread.is_alive() for thread in threads):
            stop()
        for thread in threads:
            thread.join()
