"""A correction order in words, and as the one workbook that goes out to a clerk and comes back.

Every cell of the workbook is text, so that no code loses a digit on the way; rows are found again by their number,
however the sheet was sorted, filtered or its columns moved.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any, BinaryIO

from connectors.header import COORDINATES
from schemas.errors import ConfigError

_STATE = {"corrected": "源头已更正", "withdrawn": "源头已撤回", "resubmitted": "已更正", "upheld": "申诉成立"}
# The sheet's own columns; those of the source stand behind them under their own names.
_ID, _PLACE, _WHY, REASON = "行编号", "出处", "问题（不用改）", "更正说明（必填）"
_OWN = frozenset({_ID, _PLACE, _WHY, REASON})
_THEIRS = "（来源的列）"  # marks a column of the source that is called as one of ours
_LONGEST = 32_000  # a cell holds 32,767 characters


def place(row: dict[str, Any]) -> str:
    """Where the row stands at its source: file, sheet and row, or table and key."""
    if row["row"] is not None:
        parts = [row["delivery"], f"工作表“{row['sheet']}”" if row["sheet"] else "", f"第 {row['row']} 行"]
        return " ".join(part for part in parts if part)
    return f"{row['delivery']} 主键 {row['key']}" if row["key"] else f"{row['delivery']}（主键为空）"


def reasons(row: dict[str, Any]) -> str:
    """All reasons of a row as sentences «<字段名>…»; a contract's own words may name the field already."""
    texts = []
    for r in row["reasons"]:
        # Why a row is no record is a sentence by itself.
        title, reason = "" if r.get("rule") == "row_shape" else r.get("title") or "", r.get("reason") or ""
        texts.append((reason if reason.startswith(title) else title + reason).rstrip("。"))
    return "；".join(texts)


def clock(order: dict[str, Any]) -> str:
    """How the order stands with its time, in words."""
    if order["closed_at"]:
        return "已办结"
    left = order["days_left"]
    return f"超期 {-left} 个工作日" if left < 0 else f"还有 {left} 个工作日（已用 {order['used_pct']}%）"


def state(row: dict[str, Any]) -> str:
    """What has become of a row, in words."""
    if row["resolution"]:
        return _STATE[row["resolution"]]
    if row["raised_by"] and row["verdict"] is None:
        return "申诉中"
    return f"退回 {row['bounced']} 次" if row["bounced"] else "待更正"


def workbook(rows: list[dict[str, Any]], target: Any, columns: Sequence[str] = ()) -> None:
    """Write the rows as the workbook a clerk edits; every cell is text, so that no code loses a digit on the way.

    `columns` is the source's own order of them; those it does not name come last.
    """
    import xlsxwriter  # type: ignore[import-untyped]

    plain = {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    found = dict.fromkeys(name for row in rows for name in row["raw"] if name not in COORDINATES)
    names = [*(n for n in dict.fromkeys(columns) if n in found), *(n for n in found if n not in columns)]
    heads = [name + _THEIRS if name in _OWN else name for name in names]
    with xlsxwriter.Workbook(target, plain) as book:
        sheet = book.add_worksheet("更正")
        head = book.add_format({"bold": True, "bottom": 1})
        text, fixed = book.add_format({"num_format": "@"}), book.add_format({"num_format": "@", "bg_color": "#EEEEEE"})
        wrong = book.add_format({"num_format": "@", "bg_color": "#FFF0C0"})
        sheet.set_column(0, 3 + len(names), 18, text)
        sheet.set_column(2, 2, 48, text)
        sheet.write_row(0, 0, [_ID, _PLACE, _WHY, REASON, *heads], head)
        for at, row in enumerate(rows, 1):
            marked = {r["value"] for r in row["reasons"]}
            where = place(row | {"row": row["row_number"], "key": row["row_key"]})
            for column, value in enumerate((str(row["quarantine_id"]), where, reasons(row))):
                sheet.write_string(at, column, value, fixed)
            for column, name in enumerate(names, 4):
                value = row["raw"].get(name)
                sheet.write_string(at, column, _shown(value) or "", wrong if value in marked else text)
        sheet.freeze_panes(1, 4)
        sheet.autofilter(0, 0, max(len(rows), 1), 3 + len(names))


def too_large(file: Path | BinaryIO, most: int = 500 * 1024 * 1024) -> bool:
    """Whether a workbook, which is a zip, would unpack to more than a machine should hold; no zip is not too large."""
    try:
        with zipfile.ZipFile(file) as inside:
            return sum(entry.file_size for entry in inside.infolist()) > most
    except (zipfile.BadZipFile, OSError):
        return False
    finally:
        if not isinstance(file, Path):
            file.seek(0)


def read(file: Path | BinaryIO, name: str = "") -> dict[int, tuple[dict[str, str | None], str]]:
    """Row number -> (source columns as text, the clerk's reason), however the columns were moved and the rows sorted.

    Raises:
        ConfigError: not such a workbook, or a long code has become a number and lost its last digits.
    """
    import openpyxl  # type: ignore[import-untyped]

    name = name or str(file)
    if too_large(file):
        raise ConfigError(name, "解开后超过 500 MB", "请只上传下载的那个文件，改好再送")
    try:
        sheet = openpyxl.load_workbook(file, read_only=True, data_only=True).worksheets[0]
        sheet.reset_dimensions()  # WPS may write that the sheet is one cell large
    except FileNotFoundError:
        raise ConfigError(name, "找不到这个文件", "请核对路径") from None
    except Exception as error:
        raise ConfigError(name, "不是有效的 .xlsx", "请在 WPS 或 Excel 里另存为 .xlsx 再送") from error
    lines = sheet.iter_rows(values_only=True)
    head = [str(cell).strip() if cell is not None else "" for cell in next(lines, ())]
    for own in (_ID, REASON):
        if own not in head:
            raise ConfigError(name, f"没有“{own}”一列", "请重新下载，不要改第一行")
    found: dict[int, tuple[dict[str, str | None], str]] = {}
    for at, line in enumerate(lines, 2):
        # A line ends at its last cell that was ever filled: what is missing behind it is blank.
        cells = {n: _text(v, f"{name} 第 {at} 行“{n}”") for n, v in zip_longest(head, line[: len(head)]) if n}
        number = cells.pop(_ID)
        if number is None:
            continue
        if not number.isdigit():
            raise ConfigError(f"{name} 第 {at} 行", f"行编号“{number}”不是数字", "请重新下载")
        why = cells.pop(REASON) or ""
        found[int(number)] = ({n.removesuffix(_THEIRS): v for n, v in cells.items() if n not in _OWN}, why)
    return found


def _text(value: Any, where: str) -> str | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d" if value.time() == datetime.min.time() else "%Y-%m-%d %H:%M:%S")
    if isinstance(value, (int, float)):
        if abs(value) >= 1e15:
            raise ConfigError(where, f"长代码成了数字 {value:.0f}，末几位已经丢了", "请把这一格设为文本格式后重新填写")
        return str(int(value)) if float(value).is_integer() else repr(value)
    return str(value).strip()


def changes(row: dict[str, Any], raw: dict[str, str | None]) -> dict[str, str | None]:
    """The source columns in which the sheet says something else than it was given for a refused row."""
    return {n: v for n, v in raw.items() if n in row["raw"] and _shown(row["raw"][n]) != _shown(v)}


def _shown(value: str | None) -> str | None:
    """A value as a cell holds it and as it comes back: no blanks around it, one kind of line end, not too long."""
    if value is None:
        return None
    return value.replace("\r\n", "\n").replace("\r", "\n").strip()[:_LONGEST].rstrip() or None


def grouped(known: dict[int, Any], changed: dict[int, tuple[Any, str]]) -> dict[tuple[int, str], list[int]]:
    """The rows by order and reason: each group is one delivery."""
    groups: dict[tuple[int, str], list[int]] = {}
    for number, (_, why) in changed.items():
        groups.setdefault((known[number]["order_id"], why), []).append(number)
    return groups
