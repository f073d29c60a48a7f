"""What MySQL's types are called here, and how their values come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from connectors.drivers.base import SourceColumn

if TYPE_CHECKING:
    import pyarrow as pa

_BINARY = 63  # the charset number of bytes
_UNSIGNED = 32
_NO_DECIMALS = 31  # what a float without a number of decimals has for one
INTEGERS = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint", "bigint unsigned", "year"})
_TYPES = {
    1: "tinyint", 2: "smallint", 3: "int", 4: "float", 5: "double", 7: "timestamp", 8: "bigint", 9: "mediumint",
    10: "date", 11: "time", 12: "datetime", 13: "year", 16: "bit", 245: "json", 246: "decimal", 255: "geometry",
}  # fmt: skip


def type_name(code: int, charset: int, flags: int, decimals: int) -> str:
    """By what the server says of a column of an answer."""
    name = _TYPES.get(code) or ("binary" if charset == _BINARY else "text")
    if name == "float" and decimals != _NO_DECIMALS:
        return "fixed float"
    return "bigint unsigned" if name == "bigint" and flags & _UNSIGNED else name


def digits(batch: pa.RecordBatch, columns: Sequence[SourceColumn]) -> pa.RecordBatch:
    """The batch with its floats, which came as the double next to them, as the fewest digits that tell them."""
    import pyarrow as pa

    from connectors.batches import shortest

    arrays = [
        shortest(array.cast(pa.float32())) if column.type == "float" else array
        for array, column in zip(batch.columns, columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def schema(columns: Sequence[SourceColumn]) -> pa.Schema:
    """Whole numbers as int64 (uint64 where needed), doubles as such, everything else as text."""
    import pyarrow as pa

    kinds = {"bigint unsigned": pa.uint64(), "double": pa.float64()}
    return pa.schema(
        [
            (c.name, pa.int64() if c.type in INTEGERS - {"bigint unsigned"} else kinds.get(c.type, pa.string()))
            for c in columns
        ]
    )
