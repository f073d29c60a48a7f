"""Headers of departments' tables: which row they are, what each column is called, and in which unit.

A ledger has a title and perhaps «单位：万元» above its header, groups over sub-headers, a unit in brackets
behind a name, and under its data a total and signatures. The names a connector maps decide which row is the
header; nothing else is guessed.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from schemas.amounts import header_unit
from schemas.errors import SourceChanged, nearest

# At this share of the mapped names a row is the header; below it the best row is only named in the message.
ENOUGH = 0.6

# Columns that readers add to a source's own: where a record stands, what was done to it, what is wrong with its shape.
COORDINATES = frozenset({"_sheet", "_row", "_op", "_seq", "_flaw", "_quarantine_id"})

_BLANK = re.compile(r"[\s\u200b-\u200f\u2060\ufeff]+")
_BETWEEN = re.compile(r"(?<=[\u2e80-\u9fff\uff00-\uffef（）]) (?=[\u2e80-\u9fff\uff00-\uffef（）])")
_BRACKETS = re.compile(r"^(?P<base>.+?)[（(\[【](?:单位[：:])?(?P<unit>[^（()）\[\]【】]{1,16})[）)\]】]$")
_UNITS = frozenset(
    {
        "元", "千元", "万元", "百万元", "亿元", "美元", "万美元", "%", "‰", "平方米", "㎡", "m2", "m²", "亩", "公顷", "平方公里",
        "天", "日", "工作日", "个工作日", "小时", "分钟", "分", "月", "年", "人", "人次", "户", "家", "个", "件", "项", "宗", "套", "次", "份",
        "万人", "万人次", "万户", "万家", "万件", "万吨", "万平方米", "万千瓦时", "亿千瓦时", "万亩", "亿美元", "人/平方公里", "元/人", "百分点", "吨", "千克", "公斤", "立方米", "m3", "m³", "千瓦", "kw", "kva", "千伏安", "千瓦时", "kwh", "度", "米", "公里",
    }
)  # fmt: skip
# Units of measuring stations as a row below the names has them; alone or put together: m3/s, ug/m3.
_SYMBOLS = frozenset(
    {
        "m", "cm", "mm", "km", "km2", "km²", "ha", "s", "min", "h", "d", "t", "kg", "g", "mg", "ug", "μg", "l", "ml", "℃", "°c", "pa", "kpa",
        "hpa", "mpa", "w", "mw", "v", "kv", "hz", "db", "db(a", "ppm", "ntu", "mol",
    }
)  # fmt: skip
_SHEET_UNIT = re.compile(
    r"单[\s\u3000]*位(?:[：:]|\s)\s*(?:人民币)?([^\s，,；;（）()]{1,6})|^\s*[（(]\s*([千万百亿]+元)\s*[）)]\s*$"
)
# Several units, or one that is none of ours: nobody can tell which column is in which.
_ODD_UNIT = re.compile(r"(?:^|[\s（(，,；;])(?:金额|计量|货币)?单位[：:]\s*([^\s（）()]*[百千万亿][^\s（）()]*)")
_MARKS = ("元", "%", "％", ")", "）", "]", "】", "币")  # what a name with an amount's unit ends in
_NAMED = 40  # characters of one
_WHOSE = "(?:(?:本|上|全|各)[月年季旬周期页表县市省区镇乡村项类]度?|以上|上述)"
_TOTAL = re.compile(
    rf"^(?:{_WHOSE})?(?:合计|小计|总计|累计|共计|总合计|总数|合計|小計|總計|累計|共計)(?:[（(：:].*)?$|^[\d\u4e00-\u9fff]{{1,8}}小[计計][：:]?$"
)
_WORKED_OUT = "承前页|承上页|过次页|转下页|接上页|上页结转|结转下页|平均|平均值|平均数|均值|最大值|最小值|标准差"
_CARRIED = re.compile(rf"^(?:{_WORKED_OUT})[：:]?$")
_EXAMPLE_TEXT = "(?:[（(【](?:示例|样例|范例|例|填[写报表]示例)[）)】]|(?:示例|样例|范例|例|填[写报表]示例)(?:[：:]|\\d{0,2}[）)]?$))"
_EXAMPLE = re.compile(f"^{_EXAMPLE_TEXT}")
# Words that say that a row adds up others; it is believed when it does.
_ADDED = "(?:.{1,8}(?:合计|总计|累计|汇总|合計|總計)|总和|求和|汇总|(?:合计|累计|总计|共计)数)"
_SUMMED = re.compile(rf"^(?:{_ADDED}|(?:grand|sub)?-?totals?(?:general)?[：:]?)$", re.IGNORECASE)
# Words of rows that are worked out of others; such a row is told.
_DERIVED_TEXT = "平均分|均分|最[高低]分|(?:上年|去年|上月)(?:同期|同月)?数?|同期数|增减额?|增减率|同比(?:增[减长])?|环比(?:增[减长])?"
_DERIVED = re.compile(f"^(?:{_DERIVED_TEXT})[：:]?$")
_WHOLE = re.compile(rf"^(?:全[国省市县区州旗部]|{_DERIVED_TEXT}|{_SUMMED.pattern[4:-2]})$", re.IGNORECASE)
_SUBTOTAL = re.compile(r"小[计計]$|^sub-?totals?$|^[本当][月季旬周日页]度?合计$", re.IGNORECASE)
SERIALS = frozenset({"序号", "行号", "№", "no.", "序"})  # a number printed beforehand makes no record
_SIGNED = (
    "填表人|填报人|制表人|制表|审核人|审核|审批人|审批|审批意见|审核意见|批准人|复核人|复核|经办人|单位负责人|统计负责人|部门负责人|分管领导|主要领导|负责人签字|负责人|签字|签章|盖章|公章|制单人|制单|报送人"
    "|填报单位|填表单位|报送单位|制表单位|填表日期|填报日期|制表日期|报出日期|报送日期|填报时间|填表时间|报送时间|打印日期|打印时间|打印人|导出时间|导出人|联系人|联系电话"
)
_REMARKS = "数据来源|资料来源|来源|说明|备注|附注|注释|注|统计口径|指标解释|(?:Foot)?[Nn]otes?|NOTES?|(?:Data[ ]?)?[Ss]ources?|SOURCES?"
_SIGNATURE_TEXT = (
    rf"(?:(?:(?:{_SIGNED})(?:签[字名章]|盖章)?|(?:{_REMARKS})\d{{0,2}})(?:[（(][^（()）]{{0,8}}[）)])?[：:]"
    r"|(?:填表人|填报人|制表人|填表日期|填报日期|制表日期|报出日期)$"
    r"|(?:填报|填表|报送|制表)?单位(?:负责人)?[（(](?:盖章|公章|签字|签章|签名)[）)][：:]?$)"
)
_SIGNATURE = re.compile(f"^{_SIGNATURE_TEXT}")
# What stands beside a value in a form, or above a table.
_LABEL = re.compile(
    rf"^(?:(?:{_SIGNED}|报告期|报表期|统计期|统计时间|统计日期|所属期|所属时期|数据时间|报表名称|表号|制定机关|批准机关|批准文号|有效期至"
    r"|姓名|性别|年龄|民族|出生年月|出生日期|籍贯|政治面貌|文化程度|学历|学位|婚姻状况|职务|职称|工作单位|单位|家庭住址|住址|住所|地址|通讯地址|邮编|邮政编码|电子邮箱|联系方式|手机号码?|电话"
    r"|身份证号码?|证件号码|企业名称|单位名称|项目名称|统一社会信用代码|法定代表人|注册资本|成立日期|经营范围|企业类型|登记机关|营业期限)(?:[（(][^（()）]{0,8}[）)])?[：:]?"
    r"|[\u4e00-\u9fff]{2,8}[：:])$"
)

_PAGE = r"第\d+页(?:[，,/]?共\d+页)?|共\d+页(?:[，,/]?第\d+页)?"
_END = "[（(]?以下(?:空白|无内容|无正文|无数据)[）)]?"
_DASHES = "[-=—─━:+|]{3,}"
_FILLING = "…+|[.·]{3,}|(?:必填|非必填|选填|可选|必选)项?"  # rows left out, and what is to be filled in
_RULE = re.compile(f"^(?:{_DASHES}|{_PAGE}|{_END}|{_FILLING})$")
_TYPE = re.compile(
    r"^(?:(?:n?var)?char2?|string|text|n?clob|blob|(?:big|small|tiny)?int(?:eger)?|decimal|numeric|number|float|double|real|date|(?:date)?time|timestamp"
    r"|bit|bool(?:ean)?|文本|文字|字符|字符串|数字|数值|整数|小数|日期|时间|日期时间)(?:型|类型)?(?:[（(][\d,，]+[）)])?$",
    re.IGNORECASE,
)
_DRAWN = re.compile(f"^{_DASHES}$")
_REMARK = re.compile(rf"^(?:{_REMARKS})\d{{0,2}}[：:]")


def squeezed(text: object) -> str:
    """A header's text without blanks and line breaks of any width."""
    return _BLANK.sub("", str(text))


def tidied(text: object) -> str:
    """A header's text as a name: blanks at its ends, line breaks and blanks between Chinese characters taken out."""
    return _BETWEEN.sub("", _BLANK.sub(" ", str(text)).strip())


def key(text: object) -> str:
    """What two spellings of one header have in common: NFKC, no blanks, lower case."""
    return unicodedata.normalize("NFKC", squeezed(text)).casefold()


def split_unit(text: str) -> tuple[str, str | None]:
    """`注册资本（万元）` → (`注册资本`, `万元`), as are 注册资本/万元 and 注册资本万元; a bracket that holds no unit stays part of the name."""
    match = _BRACKETS.match(text)
    given = [part for part in re.split("[，,；;、]", match["unit"]) if is_unit(part)] if match else []
    if match and len(given) == 1 and match["unit"].startswith(given[0]):  # 万元，含税
        return match["base"], unicodedata.normalize("NFKC", given[0])
    base, unit = header_unit(text) if len(text) < _NAMED and text.endswith(_MARKS) else (text, None)
    return (base, unit) if not re.search(r"[（(\[【][^）)\]】]*$", base) else (text, None)


def is_unit(text: str) -> bool:
    """Whether a text is a unit."""
    return key(text) in _UNITS


def sheet_unit(text: str) -> str | None:
    """The unit a line above the header gives for the whole sheet, None when it gives none."""
    match = _SHEET_UNIT.search(text)
    unit = (match.group(1) or match.group(2)) if match else ""
    return unit if unit and is_unit(unit) else None


def odd_unit(text: str) -> str | None:
    """What a line above the header says of units that no one can be taken from: 万元、%; None when it says nothing such."""
    match = _ODD_UNIT.search(text)
    return match.group(1) if match and sheet_unit(text) is None else None


def is_total(text: str) -> bool:
    """Whether a row's first text says that the row is a total."""
    return bool(_TOTAL.match(squeezed(text)))


def is_carried(text: str) -> bool:
    """Whether a row's first text says that the row is worked out of others: 承前页, 过次页, 平均."""
    return bool(_CARRIED.match(squeezed(text)))


def is_example(text: str) -> bool:
    """Whether a row's first text says that the row only shows how to fill the table in: 示例, （例）张三."""
    return bool(_EXAMPLE.match(squeezed(text)))


def is_whole(text: str) -> bool:
    """Whether a row's first text names the whole of which the other rows may be the parts: 全县, Total."""
    return bool(_WHOLE.match(squeezed(text)))


def is_derived(text: str) -> bool:
    """Whether a row's first text says that it compares or averages others: 上年同期, 平均分."""
    return bool(_DERIVED.match(squeezed(text)))


def is_summed(text: str) -> bool:
    """Whether a row's text says that the row adds up others: 城关镇合计, 汇总, Total."""
    return bool(_SUMMED.match(squeezed(text)))


def is_english(text: str) -> bool:
    """Whether a row's text says in English that the row is a total."""
    return text.isascii() and is_whole(text)


def is_subtotal(word: str) -> bool:
    """Whether a total's word is that of a part: 小计, 平原片小计, 本月合计, Sub-total."""
    return bool(_SUBTOTAL.search(word))


def are_units(cells: Sequence[str]) -> bool:
    """Whether a row under the names only says in which unit each column is."""
    given = [key(cell).strip("()[]【】") for cell in cells if squeezed(cell)]
    # Letters alone may be names too: a, m, h.
    return any(len(cell) > 1 or cell in _UNITS or not cell.isascii() for cell in given) and all(
        cell in _UNITS or all(part in _UNITS or part in _SYMBOLS for part in re.split("[/·]", cell)) for cell in given
    )


def is_signature(text: str) -> bool:
    """Whether a row's first text is a signature or a note under the table."""
    return bool(_SIGNATURE.match(squeezed(text)))


def is_label(text: str) -> bool:
    """Whether a cell is what a form says beside a value, or a table above its names."""
    return bool(_LABEL.match(squeezed(text)))


def are_types(cells: Sequence[object]) -> bool:
    """Whether a row under the names only says of which type each column is: varchar(20), 文本."""
    return sum(cell not in ("", None) for cell in cells) > 1 and _fills(cells, _TYPE)


def is_rule(cells: Sequence[object]) -> bool:
    """Whether a row is a line drawn under the names, ---, the number of a page or 以下空白."""
    return _fills(cells, _RULE)


def is_drawn(cells: Sequence[object]) -> bool:
    """Whether a row is a line drawn under the names."""
    return _fills(cells, _DRAWN)


def _fills(cells: Sequence[object], pattern: re.Pattern[str]) -> bool:
    """Whether all cells that are filled match, one at least; most rows are told by their first."""
    given = (squeezed(cell) for cell in cells if cell not in ("", None))
    first = next(given, None)
    return first is not None and pattern.match(first) is not None and all(map(pattern.match, given))


def underlines(cells: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a row below the names underlines each of them with dashes, as a database's client does: ID over --."""
    return len(cells) == len(names) > 1 and all(
        set(cell.strip()) == {"-"} and len(cell.strip()) >= max(len(name), 2)
        for cell, name in zip(cells, names, strict=True)
    )


def is_part(text: str) -> bool:
    """Whether a row's first text says that the row is part of the one above: 其中：城镇."""
    return squeezed(text).lstrip("#").startswith(("其中：", "其中:"))


def is_remark(text: str) -> bool:
    """Whether a line under the table explains it: 注, 说明, 数据来源; nobody signed it."""
    return bool(_REMARK.match(squeezed(text)))


# The same two tests for a whole text column at once (RE2, blanks allowed anywhere in the word).
TOTAL_PATTERN = (
    rf"^[\s\x{{3000}}]*(?:{_WHOSE})?(?:[合小总累共總][\s\x{{3000}}]*[计計]|总合计|总[\s\x{{3000}}]*数)[\s\x{{3000}}]*(?:[（(：:].*)?[\s\x{{3000}}]*$"
    r"|^[\s\x{3000}]*[\d\p{Han}]{1,8}[\s\x{3000}]*小[\s\x{3000}]*[计計][：:]?[\s\x{3000}]*$"
)
SIGNATURE_PATTERN = r"^[\s\x{3000}]*" + _SIGNATURE_TEXT
PART_PATTERN = r"^[\s\x{3000}]*#?其中[：:]"
EXAMPLE_PATTERN = rf"^[\s\x{{3000}}]*{_EXAMPLE_TEXT}"
CARRIED_PATTERN = rf"^[\s\x{{3000}}]*(?:{_WORKED_OUT})[：:]?[\s\x{{3000}}]*$"
_ENGLISH_TEXT = r"(?i:(?:grand|sub)?[\s-]*totals?(?:\s*general)?[：:]?)"
ENGLISH_PATTERN = rf"^\s*{_ENGLISH_TEXT}\s*$"
WHOLE_PATTERN = rf"^[\s\x{{3000}}]*(?:全[国省市县区州旗部]|{_DERIVED_TEXT}|{_ADDED}|{_ENGLISH_TEXT})[\s\x{{3000}}]*$"
RULE_PATTERN = r"^[\s\x{3000}]*(?:[-=—─━:+|.·]{3}|…|第|共|[（(]?以下|必填|必选|非必填|选填|可选)"


@lru_cache(maxsize=1)
def known_names() -> frozenset[str]:
    """Every spelling of a column name that departments are known to use, as `key` writes it."""
    from schemas.reference import column_aliases, column_datasets

    sections = [column_aliases(dataset) for dataset in (None, *column_datasets())]
    return frozenset(key(spelling) for named in sections for found in named.values() for spelling in found)


@dataclass
class Header:
    """The columns of one table: output name per position, units by output name."""

    names: list[str]
    units: dict[str, str] = field(default_factory=dict)
    hits: int = 0

    def position(self, name: str) -> int:
        """Where a column is."""
        return self.names.index(name)


def fit(cells: Sequence[str], wanted: Collection[str]) -> Header:
    """How a row reads as a header: mapped columns get the mapped spelling, the others keep their own.

    A second column of one name becomes `name#2`; a column without a name becomes `列n`.
    """
    by_key = {key(name): name for name in wanted}
    names: list[str] = []
    units: dict[str, str] = {}
    count: dict[str, int] = {}
    for index, cell in enumerate(cells):
        text = squeezed(cell)
        base, unit = split_unit(text)
        own = tidied(cell)
        own = own.lstrip("_") if own in COORDINATES else own
        named = by_key.get(key(text)) or (by_key.get(key(base)) if unit else None) or own or f"列{index + 1}"
        folded = named.casefold()  # engines take user and User for one column
        count[folded] = count.get(folded, 0) + 1
        if count[folded] > 1:
            named = f"{named}#{count[folded]}"
            named = by_key.get(key(named), named)
        names.append(named)
        if unit:
            units[named] = unit
    found = set(names)
    return Header(names, units, sum(name in found for name in wanted))


def joined(rows: Sequence[Sequence[str]]) -> list[str]:
    """Header rows put together column by column with "/", each text once: 责任 over 牵头单位 → 责任/牵头单位."""
    names = []
    # A name merged downwards stands in the row of units too.
    last = [cell if cell != over else "" for over, cell in zip(*rows[-2:], strict=True)] if len(rows) > 1 else []
    if are_units(last):
        units = [squeezed(cell).strip("()（）[]【】") for cell in last]
        return [name + (f"（{unit}）" if unit else "") for name, unit in zip(joined(rows[:-1]), units, strict=True)]
    for column in zip(*rows, strict=True):
        parts = [tidied(text) for text in column if squeezed(text)]
        names.append("/".join(part for index, part in enumerate(parts) if index == 0 or part != parts[index - 1]))
    return names


def carried(rows: Sequence[Sequence[str]], joined_rows: Collection[int] = ()) -> list[list[str]]:
    """Header rows of one width; a group's name is carried over the blanks behind it where a sub-header stands.

    In `joined_rows` cells are merged: a group there shows its own width.
    """
    width = max(map(len, rows), default=0)
    made = [[*row, *[""] * (width - len(row))] for row in rows]
    for place, (upper, lower) in reversed(list(enumerate(itertools.pairwise(made)))):
        for column in range(1, width if place not in joined_rows else 0):
            if not upper[column] and lower[column].strip():
                upper[column] = upper[column - 1]
    return made


def same_units(given: Mapping[str, str], units: Mapping[str, str]) -> bool:
    """Whether no column that is given a unit has another one in the table; "*" is the unit of the whole of it."""
    return all(unit == units.get(name, units.get("*")) for name, unit in given.items())


def require(header: Header, wanted: Collection[str], where: str) -> None:
    """Nothing when all mapped columns are there.

    Raises:
        SourceChanged: some are not; the nearest header is given.
    """
    missing = [name for name in wanted if name not in header.names]
    if not missing:
        return
    others = [name for name in header.names if name not in wanted]
    hint = nearest(missing[0], others)
    if hint.startswith("是否想写"):
        hint = f"文件里相近的是{hint.removeprefix('是否想写').rstrip('？').strip()}。"
    raise SourceChanged(
        where,
        f"缺少列 {'、'.join(repr(name) for name in missing)}",
        f"{hint}表头若已改名请改连接器的 fields，否则请部门按原表头重发",
    )


def repeated(header: Header, wanted: Collection[str]) -> list[str]:
    """Mapped columns whose name occurs more than once."""
    return [name for name in wanted if "#" not in name and f"{name}#2" in header.names and f"{name}#2" not in wanted]
