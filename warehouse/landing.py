"""Land a delivery: every source row as it came, as immutable Parquet named by its content.

Replay and backfill read from here; the source is not asked twice. A file that is still being written carries
a `.part` name, so a kill leaves nothing that could be taken for a delivery.
"""

from __future__ import annotations

import hashlib
import os
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


def land(delivery: Any, folder: Path) -> Landed:
    """Write the delivery's batches; memory holds one batch at a time.

    Raises:
        WarehouseUnavailable: the disk is full or not writable; nothing of the delivery is left behind.
    """
    part = folder / f"delivery-{os.getpid()}.part"
    rows = 0
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        writer: pq.ParquetWriter | None = None
        try:
            for batch in delivery.batches():
                writer = writer or _writer(part, batch.schema)
                writer.write_batch(batch)
                rows += batch.num_rows
        finally:
            if writer is not None:
                writer.close()
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


def _writer(part: Path, schema: pa.Schema) -> pq.ParquetWriter:
    # Dictionary pages cost more than they save on free text; DuckDB reads row groups in parallel.
    return pq.ParquetWriter(part, schema, compression="zstd", compression_level=1)
