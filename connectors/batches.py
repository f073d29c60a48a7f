"""Arrow batches as the row path takes them: plain types, no NUL characters, one schema per delivery."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.abc import MetaPathFinder

import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import SourceChanged

_NUL = re.compile(b"\0")


class _Without(MetaPathFinder):
    """For as long as it stands in sys.meta_path there is no pandas."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name, name=name)


def _keep_pandas_out() -> None:
    """Let Arrow look for pandas once and find none: else the first array made from Python values imports it.

    That is 1.2 s of every short job. Arrow looks again when it is asked for a DataFrame.
    """
    if "pandas" not in sys.modules:
        without = _Without()
        sys.meta_path.insert(0, without)
        try:
            pa.scalar(None)
        finally:
            sys.meta_path.remove(without)


_keep_pandas_out()


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """The schema with PostgreSQL's opaque and JSON types shown as the text that carries them, and so its short floats."""
    return pa.schema([pa.field(f.name, _storage(f.type)) for f in schema])


def plain(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The batches with extension arrays unwrapped; an empty one when there is none, so the schema is known."""
    given = False
    for batch in batches:
        given = True
        arrays = [shortest(c.storage if isinstance(c, pa.ExtensionArray) else c) for c in batch.columns]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
    if not given:
        yield empty(schema)


def shortest(array: pa.Array) -> pa.Array:
    """An array of short floats as the fewest digits that tell them: 1.1, where the double next to it is 1.100000023841858."""
    return pc.cast(array, pa.string()) if pa.types.is_float32(array.type) else array


def _storage(arrow_type: pa.DataType) -> pa.DataType:
    if pa.types.is_float32(arrow_type):
        return pa.string()
    return arrow_type.storage_type if isinstance(arrow_type, pa.BaseExtensionType) else arrow_type


def empty(schema: pa.Schema) -> pa.RecordBatch:
    """A batch of no rows."""
    return pa.RecordBatch.from_arrays([pa.array([], f.type) for f in schema], schema=schema)


def without_nul(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with NUL characters as U+FFFD: PostgreSQL takes no NUL, and the row is then set aside as damaged.

    The text buffers are searched as they lie in memory; a batch without NUL is passed on untouched.
    """
    arrays, touched = list(batch.columns), False
    for index, array in enumerate(arrays):
        if not pa.types.is_string(array.type) or not has_byte(array, _NUL):
            continue
        arrays[index] = pc.replace_substring(array, "\0", "\ufffd")
        touched = True
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema) if touched else batch


def has_byte(array: pa.StringArray, pattern: re.Pattern[bytes]) -> bool:
    """Whether any value of a text array may hold the pattern; says yes too often for sliced arrays, never no."""
    data = array.buffers()[2]
    return data is not None and pattern.search(memoryview(data)) is not None


def has_short(array: pa.StringArray, longest: int) -> bool:
    """Whether any value of a text array takes so many bytes or fewer."""
    shortest = pc.min(pc.binary_length(array)).as_py()
    return shortest is not None and shortest <= longest


def blank_is_null(array: pa.StringArray) -> pa.StringArray:
    """A text array with NULL for ""."""
    blank = pc.equal(array, "")
    return pc.if_else(blank, None, array) if pc.any(blank).as_py() else array


def text_array(values: Sequence[object]) -> pa.StringArray:
    """Texts (or None) as a string array; "" becomes NULL."""
    return blank_is_null(pa.array(values, pa.string()))


def under(batch: pa.RecordBatch, schema: pa.Schema, where: str) -> pa.RecordBatch:
    """A later part's rows under the first part's columns; columns of neither are added or left out in silence.

    Raises:
        SourceChanged: the columns are others.
    """
    if batch.schema.equals(schema):
        return batch
    if set(batch.schema.names) - {"_flaw"} != set(schema.names) - {"_flaw"}:
        other = sorted((set(batch.schema.names) ^ set(schema.names)) - {"_flaw"})
        raise SourceChanged(
            where, f"列与前面的不同：{'、'.join(other)[:200]}", "请一次只读一种表（用 member 或 sheet 指明）"
        )
    arrays = [
        batch.column(f.name) if f.name in batch.schema.names else pa.nulls(batch.num_rows, f.type) for f in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
