"""Which rows of a table are its header when no connector says what its columns are called.

A header stands under the title lines, fills its row, is text that is not repeated below, and looks unlike the
values under it. Known spellings of column names (`column_alias.yaml`) count most.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from connectors import header
from connectors.cells import YEAR, breadth, is_value
from connectors.depth import depth, groups, levels, rows_below, same, tells_apart
from connectors.header import known_names

CARD = "是一张填好的表单（左边是栏名，右边是内容），不是一行一条的表"
CARD_CURE = "请部门导出为一行一条的表格后重发"
ABOVE_CURE = "请部门一个工作表或文件只放一张表；要读其中一张时写明表头在第几行"
ONE_SIDED = "第 {} 行起{}边 {} 列全空，{}边照样有内容，像是两张表并排，请核对"
NARROW = "第 {} 行起在表头上面像是还有一张表，没有读入，请核对"
TRANSPOSED = "第一列像是栏名，一列才是一条记录，请部门转置成一行一条后重发"
ODD_UNIT = "表头上面写的单位“{}”分不清是哪一列的，没有换算，请部门把单位写进列名，如 投资（万元）"
NOTED = "表头里的“{}”下面没有内容，像是写在旁边的说明"
GAP = "第 {} 列没有表头也没有内容，左右像是两张表并排，请核对"
_LOOKED = 60
_FIGURES = 3  # columns of values, and rows of them, that tell a second row of names from a record
_LONGEST = 60  # characters: a longer text is a sentence
_PLAIN = frozenset(
    [
        "id",
        "name",
        "code",
        "no",
        "key",
        "title",
        "date",
        "time",
        "type",
        "status",
        "value",
        "amount",
        "description",
        "remark",
        "address",
        "phone",
    ]
)
_LABELLED = re.compile(r"^([A-Za-z_\u4e00-\u9fff（）()]{1,12})\s*[：:=](?!//|\\)\s*\S")
# Names of columns that are days or months, as long as no cell below is one.
_PERIOD = re.compile(
    r"^(?:19|20)\d\d(?:[-/.]\d{1,2}){1,2}(?:\s+0?0:00(?::00)?)?$|^(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])?$"
)
_WHEN = re.compile(
    r"^[（(]?(?:19|20)\d\d\s*年\s*(?:\d{1,2}\s*月\s*(?:\d{1,2}\s*日)?|第?[一二三四1-4]季度|[上下]半年)?[）)]?$"
)
_TABLE_NUMBER = re.compile(
    r"^[（(]?(?:续?附?表|table)\s*[\d一二三四五六七八九十][\d.\-—－一二三四五六七八九十]*[）)]?$", re.IGNORECASE
)
_FORMAL = re.compile("填[表报]|报[送表告]|制表|统计|所属")  # in labels of what stands above a table


@dataclass(frozen=True)
class Place:
    """The header begins in row `start` (from 0) and takes `depth` rows; 0 = no header, data begin at `start`."""

    start: int
    depth: int


def guess(rows: Sequence[Sequence[str]], joined: Collection[int] = ()) -> Place | None:
    """Where the header is among a table's first rows; None for a table without any text.

    `joined` are rows with cells merged sideways: groups over sub-headers.
    """
    if (notes := _notes_above(rows)) > _LOOKED // 2:
        place = guess(rows[notes:], [row - notes for row in joined])
        return place and Place(place.start + notes, place.depth)
    rows = [[cell.strip() for cell in row] for row in rows[:_LOOKED]]
    above = _pairs_above(rows)
    if above:
        place = guess(rows[above:], [row - above for row in joined])
        return place and Place(place.start + above, place.depth)
    wide = [place for place, row in enumerate(rows) if breadth(row) > 1]
    between = rows[wide[0] : wide[-1] + 1] if len(wide) > 1 else rows  # without titles and notes
    widths = Counter(breadth(row) for row in between if breadth(row))
    if not widths:
        return None
    # What most rows fill; a table wider than its title wins over notes of the same number.
    typical = max(widths, key=lambda width: (widths[width] * min(width, 3), width))
    typical = max(typical, _width_below(rows))
    best = _best_known(rows)
    if best is not None:
        start = best
        while (
            start
            and start - 1 in joined
            and not _is_title(rows[start - 1])
            and any(map(same, rows[start - 1], rows[start]))
        ):
            start -= 1  # groups over them, beside names that are merged downwards
        return Place(start, best - start + depth(rows, best, joined))
    for start, row in enumerate(rows):
        if says_whose(row) or (start + 1 < len(rows) and _is_titled(row, rows[start + 1])):
            continue
        if taken := levels(rows, start):
            return Place(start, taken)
        if breadth(row) * 2 < typical or ((typical > 1 or start in joined) and _is_title(row)):
            continue
        if 2 < typical > breadth(row) and (row[0].endswith((":", "：")) or _stands_above(rows, start, typical)):
            continue  # 统计指标：| 人口
        if _reads_as_header(row, rows_below(rows, start, joined), typical):
            over = start > 0 and (groups(rows[start - 1], row) or tells_apart(rows[start - 1], row))
            return Place(start - over, depth(rows, start, joined) + over)
        if _are_labels(row, rows[start + 1 :]):
            return Place(start, 1)
        # Without names the short rows above are no title when there is nothing but figures in them.
        while start and breadth(rows[start - 1]) and all(is_value(cell) for cell in rows[start - 1] if cell):
            start -= 1  # noqa: PLW2901
        return Place(start, 0)
    first = next(index for index, row in enumerate(rows) if breadth(row))
    return Place(first, depth(rows, first, joined))


def _are_labels(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether two cells or more of a row, two thirds of them known as labels, stand in none of their columns below: 民族 | 学历."""
    given = [cell for cell in row if cell]
    known = sum(header.is_label(cell) or header.key(cell) in known_names() for cell in given)
    others = [other for other in below if other != row]
    again = any(cell and cell in other[column : column + 1] for other in others for column, cell in enumerate(row))
    return len(given) > 1 and known * 3 >= len(given) * 2 and not again


def _notes_above(rows: Sequence[Sequence[str]]) -> int:
    """How many rows of one cell or none stand above the first wider one; 0 when there is no wider one."""
    return next((place for place, row in enumerate(rows) if breadth([cell.strip() for cell in row]) > 1), 0)


def is_transposed(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the names stand in the first column, so that each further one is a record: 姓名 | 张三 | 李四 over 年龄 | 35 | 28."""
    first = [row[0].strip() for row in rows if row and row[0].strip()]
    if len(first) > 2 and sum(text.endswith((":", "：")) for text in first) * 10 >= len(first) * 8:
        return True
    fields = sum(header.is_label(text) or header.key(text) in known_names() for text in first)
    return (
        2 < len(first) < _LOOKED
        and fields * 10 >= len(first) * 8
        and len(set(first)) == len(first)
        and header.is_label(first[0])
        and not any(header.is_label(name) or header.key(name) in known_names() for name in rows[0][1:])
    )


def is_card(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a sheet is one form filled in, labels beside their values, and no table: 姓名 | 张三 | 性别 | 男."""
    given = [[cell.strip() for cell in row] for row in rows[:_LOOKED] if breadth(row) > 1]
    return len(given) > 1 and sum(map(is_pairs, given)) * 10 >= len(given) * 8 and is_pairs(given[0])


def is_pairs(row: Sequence[str]) -> bool:
    """Whether a row is labels of a form, each with its value behind it."""
    filled = [cell for cell in row if cell]
    labels, values = filled[::2], filled[1::2]
    return (
        len(values) == len(labels) and all(map(header.is_label, labels)) and not any(map(header.is_label, values))
    )  # fmt: skip


def _pairs_above(rows: Sequence[Sequence[str]]) -> int:
    """How many rows of labels and values stand above the names of a table: 填报单位 | 县住建局.

    There are any only when the row below them reads as names: by the columns under it, or as names that are known.
    """
    above = next((place for place, row in enumerate(rows) if breadth(row) and not is_pairs(row)), 0)
    if not above or not any(map(breadth, rows[:above])):
        return 0
    row, below = rows[above], rows[above + 1 :]
    texts = [cell for cell in row if cell]
    if len(texts) < max(2, *map(breadth, rows[:above])) or any(
        is_value(cell) and not YEAR.match(cell) for cell in texts
    ):
        return 0
    columns = [[other[c] for other in below if c < len(other) and other[c]] for c in range(len(row)) if row[c]]
    figures = any(column and all(map(is_value, column)) for column in columns)
    known = any(header.key(header.split_unit(cell)[0]) in known_names() for cell in texts)
    # One bare year among texts is as well a record's: 城关镇 | 1998 below 单位 | 人数.
    formal = any(_FORMAL.search(cell) for other in rows[:above] for cell in other)
    record = not formal and sum(cell.isdigit() for cell in texts) == 1
    return above if known or (figures and not record) else 0


def says_whose(row: Sequence[str]) -> bool:
    """Whether a row above the names says who filled the table in, when and in what: 填表单位：民政局 | 填表日期：2025-1-3."""
    filled = [cell for cell in row if cell]
    told = [cell for cell in filled if not _WHEN.match(cell)]
    return bool(told) and all(_LABELLED.match(cell) and not header.is_part(cell) for cell in told)


def _is_titled(row: Sequence[str], below: Sequence[str]) -> bool:
    """Whether a row above names is a title and what is said beside it: 人口统计表 |  |  | 单位：人, Population |  | Table 3.

    A year over one column alone at the end is such as well; over several it is a group of them.
    """
    title, *beside = dict.fromkeys(cell for cell in row if cell) or [""]
    if not beside or row[0] != title or _LABELLED.match(title) or is_value(title) or breadth(below) <= len(beside) + 1:
        return False
    return not any(map(is_value, filter(None, below))) and all(
        _LABELLED.match(cell)
        or _TABLE_NUMBER.match(cell)
        or (_WHEN.match(cell) and row.count(cell) == 1 and row[len(below) - 1 :] == [cell])
        for cell in beside
    )


def _is_title(row: Sequence[str]) -> bool:
    """One text (which a merge may have spread over the row)."""
    return len({cell for cell in row if cell}) == 1


def _width_below(rows: Sequence[Sequence[str]]) -> int:
    """How wide a table is that begins below any number of lines of one text each; 0 when there is no such."""
    filled = [width for row in rows if (width := breadth(row))]
    first = next((place for place, width in enumerate(filled) if width > 1), len(filled))
    below = Counter(filled[first:])
    if first < _FIGURES or len(filled) - first < _FIGURES or below[1]:
        return 0
    return max(below, key=lambda width: (below[width], width))


def is_labelled(rows: Sequence[Sequence[str]]) -> bool:
    """Whether lines are records told in words, each value behind its label: 姓名：张三，电话：138…"""
    given = [[cell.strip() for cell in row if cell.strip()] for row in rows[:_LOOKED] if breadth(row)]
    told = [[found[1] for cell in row if (found := _LABELLED.match(cell))] for row in given]
    whole = [labels for labels, row in zip(told, given, strict=True) if len(labels) == len(row)]
    if len(whole) < 2 or len(whole) * 10 < len(given) * 8 or (given and not told[0]):
        return False
    often = Counter(itertools.chain.from_iterable(whole))
    # A column of such texts under a name of its own is a column.
    return len(often) > 1 and (max(often.values()) > 1 or len(whole) == len(given) > 2)


def _stands_above(rows: Sequence[Sequence[str]], start: int, typical: int) -> bool:
    """Whether a row narrower than the table belongs to pairs above the names: 填报单位 | 县住建局.

    The names stand in the first row as wide as the table, all different, and over figures; the rows down to it begin
    with a name too and have their cells side by side from the first column on, as groups over sub-headers have not.
    """
    for place, row in enumerate(rows[start:], start):
        width = breadth(row)
        if width >= typical:
            names = row[:width]
            if "" in names or len(set(names)) < width or any(is_value(cell) and not YEAR.match(cell) for cell in names):
                return False
            below = [other for other in rows[place + 1 :] if breadth(other) >= typical]
            return any(len(texts) > 0 and all(map(is_value, texts)) for column in range(width)
                       if (texts := [other[column] for other in below if column < len(other) and other[column]]))  # fmt: skip
        if width and ("" in row[:width] or any(map(is_value, row[:width:2]))):
            return False
    return False


def _best_known(rows: Sequence[Sequence[str]]) -> int | None:
    """The row most of whose cells are known names, at least three and half of them."""
    best, most = None, 2
    for index, row in enumerate(rows[:30]):
        cells = {cell for cell in row if cell}
        if len(cells) < 3 or not any("\u4e00" <= char <= "\u9fff" for cell in cells for char in cell):
            continue
        hits = sum(
            header.key(cell) in known_names() or header.key(header.split_unit(cell)[0]) in known_names()
            for cell in cells
        )
        if hits > most and hits * 2 >= len(cells):
            best, most = index, hits
    return _below_title(rows) if best is None else best


def _below_title(rows: Sequence[Sequence[str]]) -> int | None:
    """The first row of two cells right below a title of one, both known as names; the second may be blank in most records."""
    place = next((place for place, row in enumerate(rows[:30]) if breadth(row) > 1), 0)
    pair = [cell for cell in rows[place] if cell] if place and breadth(rows[place - 1]) == 1 else []
    return place if len(pair) == 2 and all(header.key(cell) in known_names() for cell in pair) else None


def _reads_as_header(row: Sequence[str], below: Sequence[Sequence[str]], typical: int) -> bool:
    filled = [cell for cell in row if cell]
    below = [other for other in below if breadth(other) * 2 >= typical and (other != row or any(map(is_value, filled)))]
    # Years, months and days over figures are names too, as long as something beside them is.
    periods = {
        cell for column, cell in enumerate(row)
        if _PERIOD.match(cell) and not any(column < len(other) and _PERIOD.match(other[column]) for other in below)
    }  # fmt: skip

    def worth(cell: str) -> bool:
        return is_value(cell) and not YEAR.match(cell) and cell not in periods

    values = [cell for cell in filled if worth(cell)]
    if all(is_value(cell) for cell in filled) and not _numbers_named(filled, below):
        return False
    if any(len(cell) > 4 * _LONGEST for cell in filled):
        return False
    votes = 0.0
    for column, cell in enumerate(row):
        body = [other[column] for other in below if column < len(other) and other[column]]
        if not cell or not body:
            continue
        same = sum(is_value(text) for text in body) / len(body)
        if header.key(cell) in _PLAIN and cell not in body:
            votes += 1
        elif same > 0.6:
            votes += -1.5 if worth(cell) else 1
        elif cell in body:
            votes -= 1
        elif len(set(map(len, body))) == 1 and len(body) > 2:
            votes += 0.5 if len(cell) != len(body[0]) else -0.25
    if len(values) * 2 > len(filled):
        return votes > 0
    if votes == 0:
        named = len(set(filled)) * 10 >= len(filled) * 7 and all(len(cell) <= _LONGEST for cell in filled)
        return named and (bool(below) or not any(is_value(cell) for cell in filled))
    return votes > 0


def _numbers_named(filled: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a row of years only stands over figures that are no years."""
    if not all(YEAR.match(cell) for cell in filled) or len(set(filled)) < len(filled) or len(filled) < 2:
        return False
    figures = [cell for row in below for cell in row if cell]
    return bool(figures) and not any(YEAR.match(cell) for cell in figures)
