"""Cells that say something other than what was meant: a database's word for nothing, characters lost as question marks, escapes left as they are.

They are read as they stand and told once a column: whether NULL is a name or a missing value only a person knows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors.header import COORDINATES

if TYPE_CHECKING:
    from connectors.drivers.base import Delivery


@dataclass(frozen=True)
class _Oddity:
    code: str
    bytes: tuple[bytes, ...]  # one of them is in every such cell; most columns have none
    cell: str  # what the cell matches (RE2)
    least: int  # such cells of a batch that tell
    message: str
    longest: int = 1 << 31  # bytes of such a cell


_ODD = (
    _Oddity(
        "null_mark", (rb"NULL", rb"null", b"NaN", b"nan", b"NaT", b"undefined"),
        r"^\s*(?:NULL|[\[(<](?:NULL|null)[\])>]|NaN|nan|NaT|undefined)\s*$", 1,
        "“{}”列里有的格子写着 {}，像是数据库里没有填的值，照原样读入，请部门核对", 16,
    ),
    _Oddity(
        "error_value", (b"#N", b"#DIV", b"#REF", b"#VALUE"), r"^#(?:N/A|DIV/0!|REF!|VALUE!|NAME\?|NUM!|NULL!)$", 1,
        "“{}”列里有的格子写着 {}，是表格里的公式错误，照原样读入，请部门改正后重发", 8,
    ),
    _Oddity(
        "formula", (b"=",), r"^=(?:[-+(]*(?:\$?[A-Z]{1,3}\$?\d+\b|\d+(?:\.\d+)?[-+*/])|[A-Z_.a-z]+\()", 1,
        "“{}”列里有的格子写着 {}，是没有算出值的公式，照原样读入，请部门另存为数值后重发",
    ),
    _Oddity(
        "single_quoted", (b"'",), r"^\s*'.+'\s*$", 1, "“{}”列里有的格子写着 {}，整格括在单引号里，照原样读入，请部门核对"
    ),
    _Oddity(
        "control", (b"\x1b",), "\x1b", 1, "“{}”列里有控制字符，照原样读入，请部门改正导出程序"
    ),
    _Oddity(
        "lost_characters", (b"??",), r"^(?:\?{2,}|\p{Han}{1,4}\?{2,}|\?{2,}\p{Han}{1,4})$", 2,
        "“{}”列里有的格子写着 {}，像是转码时丢了字，请部门用 UTF-8 或 GB18030 重新导出",
    ),
    _Oddity(
        "escaped", (rb"\u", rb"&#"), r"(?:\\u[0-9a-fA-F]{4}|&#x?[0-9a-fA-F]{4,6};){2}", 1,
        "“{}”列里有的格子写着 {} 这样的转义，照原样读入，请部门改正导出程序",
    ),
    _Oddity(
        "escaped", (rb"%E", rb"=E"), r"^(?:(?:%[0-9A-F]{2}){3,}|(?:=[0-9A-F]{2}){3,})$", 1, "“{}”列里有的格子写着 {} 这样的转义，照原样读入，请部门改正导出程序"
    ),
)  # fmt: skip
_DAY = re.compile(r"日期|时间|年月|生日|date", re.IGNORECASE)
_SERIAL = re.compile(r"^[2-5]\d{4}(?:\.\d+)?$")
_LATEST_COUNT = 1927  # the year of the 10,000th day: what is earlier may be a count
_SHOWN = 24  # characters
_MOST = 5  # columns told of one oddity


def notice(batch: pa.RecordBatch, delivery: Delivery) -> None:
    """Note the odd cells of a batch of text columns."""
    if gaps := _gaps(batch):
        told = f"“{batch.schema.names[0]}”列有 {gaps} 格空着，像是合并单元格只写了第一格，照原样读入，请部门逐行填写"
        if not any(finding.code == "gaps" for finding in delivery.findings):
            delivery.find("gaps", told)
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if name in COORDINATES or not pa.types.is_string(column.type):
            continue
        data = column.buffers()[2]
        text = b"" if data is None else data.to_pybytes()
        if _DAY.search(name) and _is_serial(column, text):
            shown = next(cell for cell in column.drop_null().to_pylist() if _SERIAL.match(cell))
            told = f"“{name}”列写的是 {shown} 这样的数，像是 Excel 的日期序号，照原样读入，请部门设成日期格式后重发"
            delivery.find("serial_dates", told)
        shortest = pc.min(pc.binary_length(column)).as_py() or 0
        for odd in _ODD:
            if shortest > odd.longest or not any(each[:1] in text and each in text for each in odd.bytes):
                continue  # one byte is found at once
            found = pc.fill_null(pc.match_substring_regex(column, odd.cell), False)
            if (pc.sum(found).as_py() or 0) >= odd.least:
                shown = column[pc.index(found, True).as_py()].as_py().strip()[:_SHOWN]
                before = [finding for finding in delivery.findings if finding.code == odd.code]
                if len(before) < _MOST and not any(f"“{name}”列" in finding.message for finding in before):
                    delivery.find(odd.code, odd.message.format(name, shown))


def odd_days(name: str, cells: Sequence[Any]) -> tuple[str, str] | None:
    """What to tell, code and text, of a workbook's column in which numbers are shown as days or days as times of day.

    A count of 35 with a date's format is 1900-02-04, and 0 or a negative number in a column of days has no day.
    """
    kinds = set(map(type, cells))
    if kinds.isdisjoint((date, datetime)):
        return None
    if time in kinds:
        shown = next(cell for cell in cells if isinstance(cell, time))
        told = f"“{name}”列是日期，有的格子却读作 {shown}，像是 0、负数或没有日期，照原样读入，请部门核对"
        return "no_day", told
    if _DAY.search(name) or any(isinstance(cell, str) and cell for cell in cells):
        return None
    days = [cell for cell in cells if isinstance(cell, date)]
    if kinds.isdisjoint((int, float)) and any(day.year > _LATEST_COUNT for day in days):
        return None
    told = f"“{name}”列里有的格子是日期 {days[0]:%Y-%m-%d}，像是数设成了日期格式，照原样读入，请部门改成数字格式后重发"
    return "count_as_day", told


def _gaps(batch: pa.RecordBatch) -> int:
    """How many cells of the first column are blank below names that stand once each, the next column being full; else 0."""
    columns = [
        column for name, column in zip(batch.schema.names, batch.columns, strict=True) if name not in COORDINATES
    ]
    if len(columns) < 2 or not columns[0].null_count or columns[1].null_count or not columns[0][0].is_valid:
        return 0
    blank, filled = columns[0].null_count, len(columns[0]) - columns[0].null_count
    distinct = pc.count_distinct(columns[0]).as_py() if filled > 1 and blank * 4 >= filled else 0
    return blank if blank > 1 and distinct == filled else 0


def _is_serial(column: pa.StringArray, text: bytes) -> bool:
    """Whether most values of a column, or some among days, are numbers of days as Excel counts them, of the years 1954 to 2064."""
    told = len(column) - column.null_count
    if text.count(b"-") + text.count(b"/") >= 2 * told:
        return False  # days written out, all of them
    found = pc.sum(pc.match_substring_regex(column, _SERIAL.pattern)).as_py() or 0
    days = pc.sum(pc.match_substring_regex(column, r"^(?:19|20)\d\d[-/.年]\d")).as_py() or 0 if found else 0
    return told > 1 and (found * 2 > told or 0 < found < days)
