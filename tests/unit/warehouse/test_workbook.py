"""The workbook of an order goes out and comes back as people edit it: moved, sorted, retyped, cut down, saved by WPS."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest

from schemas.errors import ConfigError
from warehouse import workbook

LONG = "甲" * 40_000


def _row(number: int, **raw: str | None) -> dict[str, Any]:
    return {
        "quarantine_id": number, "delivery": "十月.xlsx", "sheet": "一", "row_number": number, "row_key": None, "raw": raw,
        "reasons": [{"title": "代码", "reason": "须为 18 位", "value": "001"}],
    }  # fmt: skip


ROWS = [
    _row(
        7, 代码="001", 金额="91350100000000000123", 备注=" 两头有空格 ", 出处="窗口", 说明="一行\r\n又一行", 全文=LONG
    ),
    _row(9, 代码="=1+1", 金额=None, 备注="x", 出处=None, 说明=None, 全文=None),
]


def _sent(edit: Any = lambda sheet, head: None) -> io.BytesIO:
    made = io.BytesIO()
    workbook.workbook(ROWS, made)
    book = openpyxl.load_workbook(made)
    sheet = book.active
    edit(sheet, {cell.value: cell.column for cell in sheet[1]})
    saved = io.BytesIO()
    book.save(saved)
    saved.seek(0)
    return saved


def test_what_was_not_touched_has_not_changed() -> None:
    given = workbook.read(_sent())
    assert set(given) == {7, 9}
    assert [workbook.changes(row, given[row["quarantine_id"]][0]) for row in ROWS] == [{}, {}]


def test_lines_that_end_early_are_blank_behind_their_end() -> None:
    given = workbook.read(_sent(lambda sheet, head: sheet.move_range("A1:C9", cols=20)))
    assert [workbook.changes(row, given[row["quarantine_id"]][0]) for row in ROWS] == [{}, {}]


def test_moved_sorted_and_cut_down_rows_are_found_by_their_number() -> None:
    def edit(sheet: Any, head: dict[str, int]) -> None:
        sheet.delete_rows(2)
        sheet.cell(2, head["代码"]).value = "002"
        sheet.cell(2, head["出处（来源的列）"]).value = "网上"
        sheet.cell(2, head[workbook.REASON]).value = "笔误"
        sheet.delete_cols(head["备注"])
        sheet.move_range(f"A1:A{sheet.max_row}", cols=12)

    given = workbook.read(_sent(edit))
    assert given[9][1] == "笔误"
    assert workbook.changes(ROWS[1], given[9][0]) == {"代码": "002", "出处": "网上"}


def test_sheet_that_says_it_is_one_cell_large_is_read_whole() -> None:
    saved, target = _sent(), io.BytesIO()
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(target, "w") as made:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith("sheet1.xml"):
                content = re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1"', content)
            made.writestr(name, content)
    target.seek(0)
    assert set(workbook.read(target)) == {7, 9}


def test_numbers_that_lost_digits_are_told_with_their_cell() -> None:
    def edit(sheet: Any, head: dict[str, int]) -> None:
        sheet.cell(2, head["金额"]).value = 9.1350100000000000123e19

    with pytest.raises(ConfigError, match="末几位已经丢了"):
        workbook.read(_sent(edit))
