"""Rows of a PostgreSQL answer as Parquet, with the columns' own types."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from decimal import ROUND_HALF_UP, Context, Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    import psycopg

# Numbers PostgreSQL computed carry no declared scale; ten places hold every rate and average the views give.
_FREE_SCALE = 10
_TYPES: dict[int, pa.DataType] = {
    16: pa.bool_(), 20: pa.int64(), 21: pa.int16(), 23: pa.int32(), 700: pa.float32(), 701: pa.float64(),
    1082: pa.date32(), 1114: pa.timestamp("us"), 1184: pa.timestamp("us", tz="Asia/Shanghai"),
}  # fmt: skip
_NUMERIC = 1700
_EXACT = Context(prec=38, rounding=ROUND_HALF_UP)


def write(columns: list[psycopg.Column], rows: Iterable[tuple[Any, ...]], file: Any, chunk: int) -> int:
    """Write the answer in bounded memory; returns the rows written. An empty answer still has its columns."""
    schema = pa.schema([(column.name, _type(column)) for column in columns])
    convert = [_converter(field.type) for field in schema]
    count = 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for part in _parts(iter(rows), chunk):
            values = [[None if row[i] is None else change(row[i]) for row in part] for i, change in enumerate(convert)]
            arrays = [pa.array(column, field.type) for column, field in zip(values, schema, strict=True)]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
            count += len(part)
    return count


def _parts(rows: Iterator[tuple[Any, ...]], size: int) -> Iterator[list[tuple[Any, ...]]]:
    while part := list(islice(rows, size)):
        yield part


def _type(column: psycopg.Column) -> pa.DataType:
    if column.type_code == _NUMERIC:
        if column.precision and column.precision <= 38:
            return pa.decimal128(column.precision, column.scale or 0)
        return pa.decimal128(38, _FREE_SCALE)
    return _TYPES.get(column.type_code, pa.string())


def _converter(kind: pa.DataType) -> Callable[[Any], Any]:
    if pa.types.is_decimal(kind):
        place = Decimal(1).scaleb(-kind.scale)
        # Decimals of Parquet know no NaN: such a value is told as unknown.
        return lambda value: value.quantize(place, context=_EXACT) if value.is_finite() else None
    if pa.types.is_string(kind):
        return lambda value: json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)
    return lambda value: value
