"""Writing the departments' files: .xls, .xlsx and CSV, with all that clerks put around a table."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import xlsxwriter
import xlwt

from examples.county.county import County
from examples.county.defects import Source
from examples.county.frames import public
from examples.county.layout import FORMS, Form

_MADE = dt.datetime(2026, 9, 30, 17, 0, 0)
SENT_TWICE = "water/utility_connection"
UNFINISHED = "housing/construction_permit"


def write(county: County, inbox: Path) -> None:
    """Write every department's files into `<inbox>/<department>/`."""
    books: dict[tuple[str, str], list[tuple[str, Source, pl.DataFrame]]] = {}
    for connector, form in FORMS.items():
        source = county.sources[connector]
        for (file, sheet), part in (
            source.table.with_row_index("~n").partition_by("~file", "~sheet", as_dict=True, maintain_order=True).items()
        ):
            books.setdefault((form.folder, str(file)), []).append((str(sheet), source, part))
    for (folder, file), sheets in books.items():
        write_file(inbox / folder / file, sheets, county.as_of)
    duplicate(inbox, county)
    leave_unfinished(inbox, county)


def write_file(path: Path, sheets: list[tuple[str, Source, pl.DataFrame]], day: np.datetime64) -> None:
    """Write one file: its sheets with their source and rows (`~n`: the row's place in its source).

    The file's time is 17:00 of `day`, not now: files are read in the order of their times.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        _csv(path, *sheets[0][1:])
    elif path.suffix == ".xls":
        _xls(path, sheets)
    else:
        _xlsx(path, sheets)
    stamp(path, day)


def stamp(path: Path, day: np.datetime64, *, minutes: int = 0) -> None:
    """Set a file's time to 17:00 of a day, county time, or so many minutes later."""
    moment = int(day.astype("datetime64[s]").astype(int)) + 9 * 3600 + 60 * minutes
    os.utime(path, (moment, moment))


def duplicate(inbox: Path, county: County) -> None:
    """Leave the newest water file a second time under another name (D34)."""
    folder = inbox / FORMS[SENT_TWICE].folder
    newest = max(county.sources[SENT_TWICE].table["~file"].unique().to_list())
    copy = folder / newest.replace(".csv", "(1).csv")
    shutil.copyfile(folder / newest, copy)
    stamp(copy, county.as_of, minutes=10)


def leave_unfinished(inbox: Path, county: County) -> None:
    """Leave the first half of a housing file under the name an upload bears while it is not complete (D33)."""
    folder = inbox / FORMS[UNFINISHED].folder
    newest = max(county.sources[UNFINISHED].table["~file"].unique().to_list())
    whole = (folder / newest).read_bytes()
    half = folder / f"{newest}.filepart"
    half.write_bytes(whole[: len(whole) // 2])
    stamp(half, county.as_of, minutes=20)


def _headings(form: Form, part: pl.DataFrame) -> list[str]:
    shown = dict(form.shown)
    return [shown.get(name, name) for name in public(part).columns]


def _csv(path: Path, source: Source, part: pl.DataFrame) -> None:
    form = FORMS[source.connector]
    text = "".join(line + "\r\n" for line in form.lead)
    text += public(part).write_csv(line_terminator="\r\n", null_value="")
    for column, rows in source.bare_cells.items():
        for value in part.filter(pl.col("~n").is_in(rows.tolist()))[column]:
            text = text.replace(f'"{value}"', value)
    path.write_bytes(text.encode(form.encoding or "utf-8"))


def _cells(source: Source, part: pl.DataFrame) -> list[list[Any]]:
    """Rows of cells; a text, or a number where a clerk's Excel made one."""
    columns: list[list[Any]] = [part[name].to_list() for name in public(part).columns]
    place = {n: i for i, n in enumerate(part["~n"].to_list())}
    names = public(part).columns
    for column, rows in source.numeric_cells.items():
        at = names.index(column)
        for n in rows.tolist():
            if n in place:
                columns[at][place[n]] = float(columns[at][place[n]])
    return [list(row) for row in zip(*columns, strict=True)]


def _total(part: pl.DataFrame, form: Form) -> dict[str, float]:
    """What the 合计 row shows; the tax files' fifth month is off by a hundred, as such files are (D4)."""
    sums: dict[str, float] = {}
    for column in form.total or ():
        sums[column] = round(part[column].cast(pl.Float64, strict=False).fill_null(0).sum(), 2)
        if part["~file"][0] == "纳税申报_202601.xls":
            sums[column] += 100
    return sums


def _xls(path: Path, sheets: list[tuple[str, Source, pl.DataFrame]]) -> None:
    book = xlwt.Workbook(encoding="utf-8")
    for title, source, part in sheets:
        form = FORMS[source.connector]
        sheet = book.add_sheet(title)
        heads = _headings(form, part)
        for row, line in enumerate(form.lead):
            sheet.write_merge(row, row, 0, len(heads) - 1, line)
        top = len(form.lead)
        for column, head in enumerate(heads):
            sheet.write(top, column, head)
        for row, cells in enumerate(_cells(source, part), top + 1):
            for column, cell in enumerate(cells):
                if cell is not None:
                    sheet.write(row, column, cell)
        end = top + 1 + len(part)
        if form.total is not None:
            sheet.write(end, 0, "合计")
            for name, value in _total(part, form).items():
                sheet.write(end, heads.index(name), value)
            end += 1
        if form.signature:
            sheet.write_merge(end, end, 0, len(heads) - 1, form.signature + path.stem[-6:])
    book.save(str(path))


def _xlsx(path: Path, sheets: list[tuple[str, Source, pl.DataFrame]]) -> None:
    with xlsxwriter.Workbook(str(path), {"strings_to_numbers": False, "strings_to_urls": False}) as book:
        book.set_properties({"created": _MADE})
        style = {"title": book.add_format({"bold": True, "align": "center", "font_size": 14}), "head": book.add_format({"bold": True, "border": 1, "align": "center", "valign": "vcenter"}),
                 "date": book.add_format({"num_format": "yyyy-mm-dd"}), "middle": book.add_format({"valign": "vcenter", "align": "center"})}  # fmt: skip
        if sheets[0][1].connector == "investment/survey_response":
            note = book.add_worksheet("说明")
            note.write(0, 0, "企业信心问卷填报说明")
            note.write(1, 0, "1. 每个乡镇一张表；2. 答案填 1 至 5，5 为非常有信心。")
        for title, source, part in sheets:
            _sheet(book.add_worksheet(title), source, part, style)


def _sheet(sheet: Any, source: Source, part: pl.DataFrame, style: dict[str, Any]) -> None:
    form = FORMS[source.connector]
    heads = _headings(form, part)
    last = len(heads) - 1
    for row, line in enumerate(form.lead):
        sheet.merge_range(row, 0, row, last, line, style["title"])
    top = len(form.lead)
    if form.header == 2:
        _two_rows(sheet, top, heads, style["head"])
    else:
        sheet.write_row(top, 0, heads, style["head"])
    first = top + form.header
    rows = _cells(source, part)
    dates = [heads.index(name) for name in form.dates]
    merged = heads.index(form.merged) if form.merged else -1
    for row, cells in enumerate(rows, first):
        for column, cell in enumerate(cells):
            if cell is None or column == merged:
                continue
            if column in dates and (day := _day(cell)):
                sheet.write_datetime(row, column, day, style["date"])
            else:
                sheet.write(row, column, cell)
    for row in range(first, first + min(form.hidden, len(rows))):
        sheet.set_row(row, None, None, {"hidden": True})
    if merged >= 0:
        _merge_runs(sheet, first, merged, [cells[merged] for cells in rows], style["middle"])
    end = first + len(rows)
    if form.total is not None:
        sheet.write(end, 0, "合计")
        if not form.total:
            sheet.write(end, 1, len(rows))
        for name, value in _total(part, form).items():
            sheet.write(end, heads.index(name), value)
        end += 1
    if form.signature:
        sheet.merge_range(end, 0, end, last, form.signature)


def _two_rows(sheet: Any, top: int, heads: list[str], style: Any) -> None:
    """责任/牵头单位, 责任/责任人 as 责任 merged over 牵头单位 and 责任人; a plain heading is merged downwards."""
    for group, members in groupby(
        enumerate(heads), key=lambda item: item[1].split("/")[0] if "/" in item[1] else f"\0{item[0]}"
    ):
        places = list(members)
        left, right = places[0][0], places[-1][0]
        if group.startswith("\0"):
            sheet.merge_range(top, left, top + 1, left, places[0][1], style)
            continue
        if left == right:
            sheet.write(top, left, group, style)
        else:
            sheet.merge_range(top, left, top, right, group, style)
        for column, head in places:
            sheet.write(top + 1, column, head.split("/")[1], style)


def _merge_runs(sheet: Any, first: int, column: int, values: list[Any], style: Any) -> None:
    row = first
    for value, run in groupby(values):
        size = len(list(run))
        if size == 1:
            sheet.write(row, column, value, style)
        else:
            sheet.merge_range(row, column, row + size - 1, column, value, style)
        row += size


def _day(cell: Any) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(str(cell))
    except ValueError:
        return None
