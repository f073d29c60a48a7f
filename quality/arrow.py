"""What DuckDB gives as Arrow, in the types that Parquet and PostgreSQL take."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa


def without_extensions(reader: pa.RecordBatchReader, keep: str = "") -> pa.RecordBatchReader:
    """The same batches in plain types: PostgreSQL wants a UUID's 16 bytes and real booleans, DuckDB a decimal's text."""
    target = []
    for f in reader.schema:
        foreign = isinstance(f.type, pa.BaseExtensionType) and f.type.extension_name != keep
        boolean = foreign and f.type.extension_name == "arrow.bool8"
        target.append(pa.field(f.name, pa.bool_() if boolean else f.type.storage_type if foreign else f.type))
    schema = pa.schema(target)
    if schema.types == reader.schema.types:
        return reader

    def plain() -> Iterable[pa.RecordBatch]:
        for batch in reader:
            columns = [
                c if c.type == f.type else c.storage.cast(f.type) for c, f in zip(batch.columns, schema, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    return pa.RecordBatchReader.from_batches(schema, plain())
