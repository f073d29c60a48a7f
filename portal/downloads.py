"""Rows as files people open in Excel: CSV with its mark, XLSX whose codes stay text, Parquet.

A text cell that a spreadsheet would run as a formula gets an apostrophe before it in CSV; XLSX writes it as text.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from fastapi.responses import Response

from portal.render import moment
from portal.web import Refused

KINDS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
    "json": "application/json; charset=utf-8",
}
BOM = "\ufeff"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_EXACT = 10**15  # past it a spreadsheet's number loses digits


def as_download(kind: str, title: str, columns: Sequence[tuple[str, str]], rows: Iterable[dict[str, Any]]) -> Response:
    """The rows as an attachment of that kind; columns are (name, heading)."""
    if kind not in KINDS:
        raise Refused(404, f"没有 .{kind} 这种导出", f"可以用 {'、'.join('.' + k for k in KINDS)}")
    body = {"csv": to_csv, "xlsx": to_xlsx, "parquet": to_parquet, "json": to_json}[kind](columns, rows)
    return attachment(body, f"{title}.{kind}", KINDS[kind])


def attachment(body: bytes, name: str, media: str) -> Response:
    """A file to be saved under that (Chinese) name."""
    return Response(
        body, media_type=media, headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    )


def _words(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, (datetime, date)):
        return moment(value)
    return str(value)


def to_csv(columns: Sequence[tuple[str, str]], rows: Iterable[dict[str, Any]]) -> bytes:
    """UTF-8 with the mark Excel looks for."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow([heading for _, heading in columns])
    for row in rows:
        writer.writerow([_harmless(row[name]) for name, _ in columns])
    return (BOM + file.getvalue()).encode()


def _harmless(value: Any) -> str:
    text = _words(value)
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
                    sheet.write_string(at, column, _words(value)[:32767], text)
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, max(len(columns) - 1, 0), 16)
    return target.getvalue()


def value(given: Any) -> Any:
    """A value as JSON has it: a Decimal as text, which keeps its digits; days and minutes as the county writes them."""
    if isinstance(given, Decimal):
        return str(given)
    if given is None or isinstance(given, (str, int, float, bool, list, dict)):
        return given
    return moment(given) if hasattr(given, "year") else str(given)


def to_json(columns: Sequence[tuple[str, str]], rows: Iterable[dict[str, Any]]) -> bytes:
    """{"columns": [{"name", "title"}], "rows": [{name: value}]}."""
    told = {
        "columns": [{"name": name, "title": title} for name, title in columns],
        "rows": [{name: value(row[name]) for name, _ in columns} for row in rows],
    }
    return json.dumps(told, ensure_ascii=False).encode()


def arrow(names: Sequence[str], rows: Iterable[dict[str, Any]]) -> Any:
    """The rows as an Arrow table; types as the database gave them, what Arrow does not know as text."""
    import pyarrow as pa

    listed = list(rows)
    made = {}
    for name in names:
        values = [row[name] for row in listed]
        try:
            made[name] = pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            made[name] = pa.array([None if v is None else str(v) for v in values], pa.string())
    return pa.table(made)


def to_parquet(columns: Sequence[tuple[str, str]], rows: Iterable[dict[str, Any]]) -> bytes:
    """Parquet with the columns' own names."""
    import pyarrow.parquet as pq

    target = io.BytesIO()
    pq.write_table(arrow([name for name, _ in columns], rows), target, compression="zstd")
    return target.getvalue()
