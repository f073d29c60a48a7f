"""Rows as files people open in Excel: CSV with its mark, XLSX whose codes stay text, Parquet.

A text cell that a spreadsheet would run as a formula gets an apostrophe before it in CSV; XLSX writes it as text.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi.responses import Response

from portal.render import exact
from portal.web import Refused

if TYPE_CHECKING:
    from psycopg import Column

KINDS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
    "json": "application/json; charset=utf-8",
}
BOM = "\ufeff"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
NUMERIC = 1700  # PostgreSQL's number of the type
DIGITS, SCALE = 38, 20  # of a computed number the next row's may have more decimals: there is room for twenty
_EXACT = 10**15  # past it a spreadsheet's number loses digits


def offered(kind: str) -> str:
    """The kind of file, when rows come as it; asked before the rows are, so that no audit tells of a file nobody got.

    Raises:
        Refused: they do not.
    """
    if kind not in KINDS:
        raise Refused(404, f"没有 .{kind} 这种导出", f"可以用 {'、'.join('.' + k for k in KINDS)}")
    return kind


def as_download(
    kind: str, title: str, columns: Sequence[tuple[str, str]], rows: Iterable[dict[str, Any]], described: Sequence[Column] = ()
) -> Response:  # fmt: skip
    """The rows as an attachment of that kind; columns are (name, heading), `described` are those of the query itself."""
    if offered(kind) == "parquet":
        body = to_parquet(columns, rows, described)
    else:
        body = {"csv": to_csv, "xlsx": to_xlsx, "json": to_json}[kind](columns, rows)
    return attachment(body, f"{title}.{kind}", KINDS[kind])


def attachment(body: bytes, name: str, media: str) -> Response:
    """A file to be saved under that (Chinese) name."""
    return Response(
        body, media_type=media, headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    )


def to_csv(columns: Sequence[tuple[str, str]], rows: Iterable[dict[str, Any]]) -> bytes:
    """UTF-8 with the mark Excel looks for."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow([heading for _, heading in columns])
    for row in rows:
        writer.writerow([_harmless(row[name]) for name, _ in columns])
    return (BOM + file.getvalue()).encode()


def _harmless(value: Any) -> str:
    text = exact(value)
    return "'" + text if isinstance(value, str) and text.startswith(_FORMULA) else text


def to_xlsx(columns: Sequence[tuple[str, str]], rows: Iterable[dict[str, Any]]) -> bytes:
    """One sheet; texts are text cells, numbers numbers unless they would lose digits."""
    import xlsxwriter  # type: ignore[import-untyped]

    target = io.BytesIO()
    plain = {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(target, plain) as book:
        sheet = book.add_worksheet("数据")
        head, text = book.add_format({"bold": True, "bottom": 1}), book.add_format({"num_format": "@"})
        sheet.write_row(0, 0, [heading for _, heading in columns], head)
        for at, row in enumerate(rows, 1):
            for column, (name, _) in enumerate(columns):
                value: Any = row[name]
                if (
                    isinstance(value, (int, float, Decimal))
                    and not isinstance(value, bool)
                    and abs(float(value)) < _EXACT
                ):
                    sheet.write_number(at, column, float(value))
                elif value is not None:
                    sheet.write_string(at, column, exact(value)[:32767], text)
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, max(len(columns) - 1, 0), 16)
    return target.getvalue()


def value(given: Any) -> Any:
    """A value as JSON has it: a Decimal as text, which keeps its digits; days and moments as the county writes them."""
    if isinstance(given, Decimal):
        return str(given)
    if given is None or isinstance(given, (str, int, float, bool, list, dict)):
        return given
    return exact(given)


def to_json(columns: Sequence[tuple[str, str]], rows: Iterable[dict[str, Any]]) -> bytes:
    """{"columns": [{"name", "title"}], "rows": [{name: value}]}."""
    told = {
        "columns": [{"name": name, "title": title} for name, title in columns],
        "rows": [{name: value(row[name]) for name, _ in columns} for row in rows],
    }
    return json.dumps(told, ensure_ascii=False).encode()


def arrow(names: Sequence[str], rows: Iterable[dict[str, Any]], described: Sequence[Column] = ()) -> Any:
    """The rows as an Arrow table; types as the database gave them, what Arrow does not know as text.

    A column without a value has the type the query's own description (`described`) names: else it would have none.
    """
    import pyarrow as pa

    listed = list(rows)
    types = {column.name: column for column in described}
    made = {}
    for name in names:
        values = [row[name] for row in listed]
        try:
            made[name] = pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            made[name] = pa.array([None if v is None else str(v) for v in values], pa.string())
        if name in types and pa.types.is_null(made[name].type):
            made[name] = pa.array(values, _arrow_type(types[name]))
    return pa.table(made)


def _arrow_type(column: Column) -> Any:
    """What Arrow calls the type of a column of PostgreSQL; text for what it does not know."""
    import pyarrow as pa

    if column.type_code == NUMERIC and (column.precision or 0) <= DIGITS:
        return pa.decimal128(column.precision or DIGITS, column.scale if column.precision else SCALE)
    return {
        16: pa.bool_(), 20: pa.int64(), 21: pa.int64(), 23: pa.int64(), 700: pa.float64(), 701: pa.float64(), 1082: pa.date32(),
        1114: pa.timestamp("us"), 1184: pa.timestamp("us", "Asia/Shanghai"),
    }.get(column.type_code, pa.string())  # fmt: skip


def to_parquet(
    columns: Sequence[tuple[str, str]], rows: Iterable[dict[str, Any]], described: Sequence[Column] = ()
) -> bytes:
    """Parquet with the columns' own names; `described` as `arrow` takes it."""
    import pyarrow.parquet as pq

    target = io.BytesIO()
    pq.write_table(arrow([name for name, _ in columns], rows, described), target, compression="zstd")
    return target.getvalue()
