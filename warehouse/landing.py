"""Land a delivery: every source row as it came, as immutable Parquet named by its content.

Replay and backfill read from here; the source is not asked twice. A file that is still being written carries
a `.part` name, so a kill leaves nothing that could be taken for a delivery.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import HubError, WarehouseUnavailable


@dataclass(frozen=True)
class Landed:
    """One landed delivery."""

    path: Path
    sha256: str
    rows: int


def land(delivery: Any, folder: Path, seen: Callable[[pa.RecordBatch], None] = lambda batch: None) -> Landed:
    """Write the delivery's batches; memory holds one batch at a time. `seen` is given each of them too.

    Raises:
        WarehouseUnavailable: the disk is full or not writable; nothing of the delivery is left behind.
    """
    part = folder / f"delivery-{os.getpid()}.part"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        rows = _write(delivery, part, seen)
        with part.open("r+b") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        path = folder / f"{sha256}.parquet"
        part.rename(path)
    except HubError:
        part.unlink(missing_ok=True)
        raise
    except (OSError, pa.ArrowException) as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise WarehouseUnavailable(
                f"落地区 {folder.name}",
                f"写不进去（{os.strerror(error.errno) if error.errno else error}）",
                "请检查磁盘空间和目录权限后重跑",
            ) from error
        raise
    return Landed(path, sha256, rows)


def _write(delivery: Any, part: Path, seen: Callable[[pa.RecordBatch], None]) -> int:
    """Write batch after batch, each compressed while the source prepares the next; at most two are in memory."""
    writer: pq.ParquetWriter | None = None
    rows = 0
    with ThreadPoolExecutor(max_workers=1) as pool:
        pending: Future[None] | None = None
        try:
            for batch in delivery.batches():
                if pending is not None:
                    pending.result()
                # Level 1: the landing area is read once or twice, the source waits while it is written.
                # Dictionaries are zstd's own work: made beforehand they cost a quarter more and save no byte.
                writer = writer or pq.ParquetWriter(
                    part, batch.schema, compression="zstd", compression_level=1, use_dictionary=False
                )
                pending = pool.submit(writer.write_batch, batch)
                rows += batch.num_rows
                seen(batch)
            if pending is not None:
                pending.result()
        finally:
            if pending is not None:
                wait([pending])
            if writer is not None:
                writer.close()
    return rows
