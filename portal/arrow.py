"""A query's answer as an Arrow stream, written while its rows come: no more than a piece of it is held here.

schema · piece · piece · … · an empty piece whose metadata `hub` says how it ended
    {"rows": 123456, "truncated": false}              all is there, or the limit cut it
    {"error": {"message": …, "hint": …, …}}           it failed under way; what follows is no Arrow, so that no reader takes it for all

A piece's metadata `scale`, {"q": 4}, says how many decimals its computed numbers have of the twenty there is room for.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from portal.downloads import DIGITS, NUMERIC, SCALE, arrow
from schemas.errors import HubError

if TYPE_CHECKING:
    import pyarrow as pa
    from psycopg import Column

    from portal.workbench import Opened

Row = dict[str, Any]
MEDIA = "application/vnd.apache.arrow.stream"
PIECE = 10_000  # rows
_MARK, _SCALES = "hub", "scale"
_BROKEN = b"\xff\xff\xff\xff\xff\xff\xff\x7f"  # a message of two gigabytes that does not come


def stream(answer: Opened, first: list[Row], told: Callable[[HubError], dict[str, Any]]) -> Iterator[bytes]:
    """The answer's bytes; `first` are its rows up to now, `told` puts an error into words.

    Raises:
        HubError: the query failed under way; the last piece has told the client.
    """
    import pyarrow as pa

    target = io.BytesIO()
    table = arrow(answer.columns, first, answer.described)
    schema = table.schema if answer.ended else _lasting(table.schema, answer.described)
    decimal = [f.name for f in schema if pa.types.is_decimal(f.type)]
    computed = [] if answer.ended else [c.name for c in answer.described if c.name in decimal and not c.precision]
    with pa.ipc.new_stream(target, schema) as writer:

        def end(words: dict[str, Any]) -> bytes:
            writer.write_batch(_batch([], schema), custom_metadata={_MARK: json.dumps(words, ensure_ascii=False)})
            return _taken(target)

        rows = first
        try:
            while rows:
                batch, scales = _batch(rows, schema), _scales(rows, computed)
                writer.write_batch(batch, custom_metadata={_SCALES: json.dumps(scales)} if scales else None)
                yield _taken(target)
                rows = answer.piece(PIECE)
        except HubError as error:
            yield end({"error": told(error)}) + _BROKEN
            raise
        yield end({"rows": answer.given, "truncated": answer.cut})
    yield _taken(target)


def _taken(target: io.BytesIO) -> bytes:
    some = target.getvalue()
    target.seek(0)
    target.truncate()
    return some


def _lasting(schema: pa.Schema, columns: list[Column]) -> pa.Schema:
    """The first piece's schema, wide enough for the pieces to come: without them a column is as wide as its values."""
    import pyarrow as pa

    made = []
    for field, column in zip(schema, columns, strict=True):
        kind = field.type
        if column.type_code == NUMERIC:
            found = kind.scale if pa.types.is_decimal(kind) else 0
            kind = pa.decimal128(column.precision or DIGITS, column.scale if column.precision else max(found, SCALE))
        made.append(field.with_type(kind))
    return pa.schema(made)


def _scales(rows: list[Row], names: list[str]) -> dict[str, int]:
    """How many decimals each of these columns has in these rows; none for a column without a number."""
    import pyarrow as pa

    kinds = {name: pa.array([row[name] for row in rows]).type for name in names}
    return {name: kind.scale for name, kind in kinds.items() if pa.types.is_decimal(kind)}


def _batch(rows: list[Row], schema: pa.Schema) -> pa.RecordBatch:
    """Rows as the schema has them.

    Raises:
        HubError: a number has more digits than those before it made room for.
    """
    import pyarrow as pa

    columns = []
    for field in schema:
        values = [row[field.name] for row in rows]
        if pa.types.is_string(field.type):
            values = [v if v is None or isinstance(v, str) else str(v) for v in values]
        try:
            columns.append(pa.array(values, field.type))
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise HubError("查询", f"列 '{field.name}' 后面的值和前面的不是一个样子，放不进一列", f'请写明类型，例如 CAST("{field.name}" AS numeric(20, 4))') from error  # fmt: skip
    return pa.record_batch(columns, schema=schema)
