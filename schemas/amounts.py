"""Amounts, counts, shares and yes/no as clerks write them. What cannot be read is None, never a guess.

Twins in `schemas.macros`: amount_yuan, amount_is_approximate, number_value, integer_value, percent_value, boolean_value.
"""

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from schemas import text

# Power of ten that takes the unit a header or contract declares to yuan.
UNITS = {
    "元": 0, "百元": 2, "千元": 3, "万元": 4, "万": 4, "十万元": 5, "百万元": 6, "百万": 6, "千万元": 7, "千万": 7,
    "亿元": 8, "亿": 8,
}  # fmt: skip
_WAN_POWERS = {"万": 4, "十万": 5, "百万": 6, "千万": 7}

# Shared with the SQL twins; they are matched against a cell as `_read` leaves it: half-width, upper case, no spaces.
PLAIN = r"[+-]?(?:[0-9]{1,15}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})"
GROUPED = r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3}){1,4}|[0-9]{1,4}(?:,[0-9]{4}){1,3})(?:\.[0-9]{0,20})?"
SCIENTIFIC = r"[+-]?[0-9](?:\.[0-9]{1,16})?E[+-]?[0-9]{1,2}"
_N = r"([0-9]{1,7}(?:\.[0-9]{1,10})?|[0-9]{8,14})"
# 3亿5000万, 800万, 1万2千元, 3500元5角: numbers each with its own unit word, from large to small.
MIXED = f"(?:{_N}亿)?(?:{_N}(千万|百万|十万|万))?(?:{_N}千)?(?:{_N}百)?(?:{_N}?元)?(?:([0-9])角)?(?:([0-9])分)?"
BOOK_MINUS = "[(][0-9][^()]*[)]"
UNIT_NOISE = "人民币|[()（） ]"
COMMAS = f"[^,]*|{GROUPED}[^0-9.,][^,]*"  # every comma is a thousands separator of one leading number
OWN_UNIT = "[万亿元角分]"
NOT_YUAN = "美元|美金|USD|[$]|港元|港币|HKD|欧元|EUR|日元|JPY|英镑|GBP|澳元|韩元|卢布|新加坡元"
APPROXIMATE = "约|大概|将近|近|左右|余|多"
CURRENCY = r"^(?:人民币|RMB|CNY|[¥￥])+:?|(?:人民币|\(人民币\)|RMB|CNY|[¥￥])$|[整正]$"
WORDS = ("圆块萬億仟佰拾壹贰叁肆伍陆柒捌玖〇○两", "元元万亿千百十一二三四五六七八九零零二")

# 一百二 means 120 to some and 102 to others: a skipped place must be written 零, or the cell is not read.
_D = "[一二三四五六七八九]"
_UNDER_HUNDRED = f"{_D}?十{_D}?"
_AFTER_HUNDRED = f"(?:零{_D}|{_D}十{_D}?)?"
SECTION = (
    f"(?:{_D}千(?:{_D}百{_AFTER_HUNDRED}|零{_UNDER_HUNDRED}|零{_D})?|{_D}百{_AFTER_HUNDRED}|{_UNDER_HUNDRED}|{_D}|零)"
)
CHINESE = f"(?:({SECTION})亿)?零?(?:({SECTION})万)?零?({SECTION})?元?(?:零?({_D})角)?(?:零?({_D})分)?"
DIGITS = "零一二三四五六七八九"

YES = frozenset({"是", "有", "对", "真", "Y", "YES", "TRUE", "T", "1", "√", "✓", "✔", "☑"})
NO = frozenset({"否", "无", "没有", "不是", "非", "错", "假", "N", "NO", "FALSE", "F", "0", "×", "X", "✗", "✘", "☒"})

_WORDS = str.maketrans(*WORDS)
_UNSPACED = str.maketrans(dict.fromkeys(" "))
_DASHES = str.maketrans(dict.fromkeys(text.DASHES, "-"))
_HEADER_UNIT = re.compile(
    "^(.*?)[ _/,，:：(（\\[【]*(?:(?:计量)?单位[:：为]?)?(?:人民币)?((?:[十百千]?[百千万亿])?元|[%％])(?:人民币)?[)）\\]】]?$"
)


class Amount(NamedTuple):
    """An amount in yuan with two places, None when unreadable, and whether the cell said 约, 近, 左右 or 余."""

    yuan: Decimal | None
    approximate: bool


def parse_amount(raw: str | None, unit: str | None = None) -> Amount:
    """The amount a cell names.

    Args:
        raw: The cell: 1,000.00 · 800万人民币 · 约100万 · 3亿5000万 · 壹佰万元整 · 叁仟伍佰元零伍角.
        unit: What a bare number counts (a key of UNITS, 元 by default); a unit written in the cell wins. A unit that is not
            money in yuan (万美元) makes every bare number unreadable.
    """
    if raw is None:
        return Amount(None, False)
    cell = _read(raw)
    approximate = re.search(APPROXIMATE, cell) is not None
    if re.search(NOT_YUAN, cell):
        return Amount(None, approximate)
    cell = re.sub(APPROXIMATE, "", cell)
    for _ in range(2):  # 人民币…整, then what stood behind it
        cell = re.sub(CURRENCY, "", cell)
    number = _number(cell)
    if number is not None:
        return Amount(_scaled(number, _unit_power(unit)), approximate)
    if not re.fullmatch(COMMAS, cell):
        return Amount(None, approximate)
    words = cell.lstrip("+-").replace(",", "").translate(_WORDS)
    value = _mixed(words)
    if value is None:
        value = _chinese(words)
    power = 0 if re.search(OWN_UNIT, words) else _unit_power(unit)
    if value is None or power is None:
        return Amount(None, approximate)
    return Amount(_fits((-value if cell.startswith("-") else value) * 10**power), approximate)


def amount_yuan(raw: str | None, unit: str | None = None) -> Decimal | None:
    """The amount in yuan, two places, rounded half up; None when unreadable. See `parse_amount`."""
    return parse_amount(raw, unit).yuan


def amount_is_approximate(raw: str | None) -> bool | None:
    """Whether the cell says 约, 近, 左右, 余 beside its number."""
    return None if raw is None else re.search(APPROXIMATE, raw) is not None


def number_value(raw: str | None) -> Decimal | None:
    """A plain number with six places: thousands separators, full width, (12.5) and 1.5E+6 are read; units are not."""
    return None if raw is None else _scaled(_number(_read(raw)), 0, 6)


def integer_value(raw: str | None) -> int | None:
    """A whole number (12, 1,200, 12.0); None for anything with a fraction."""
    number = number_value(raw)
    return int(number) if number is not None and number == int(number) else None


def percent_value(raw: str | None, scale: str = "percent") -> Decimal | None:
    """A share in percent, six places. A bare number is percent or, with scale 'ratio', 0–1; a written % or ‰ says itself.

    Raises:
        ValueError: `scale` is neither 'percent' nor 'ratio'. It is declared for the whole column, never guessed by row.
    """
    if scale not in ("percent", "ratio"):
        raise ValueError(f"scale must be 'percent' or 'ratio', not {scale!r}")
    if raw is None:
        return None
    cell, power = _read(raw), 2 if scale == "ratio" else 0
    if cell.endswith("%"):
        cell, power = cell[:-1], 0
    elif cell.endswith("‰"):
        cell, power = cell[:-1], -1
    elif cell.startswith("百分之"):
        cell, power = cell[3:], 0
    return _scaled(_number(cell), power, 6)


def boolean_value(raw: str | None) -> bool | None:
    """是/否, 有/无, Y/N, true/false, 1/0, √/×; None for anything else."""
    if raw is None:
        return None
    cell = _read(raw)
    return True if cell in YES else False if cell in NO else None


def header_unit(header: str) -> tuple[str, str | None]:
    """A column header without the unit written in it, and that unit: 注册资本（万元） → 注册资本, 万元; 占比(%) → 占比, %.

    The unit is None when the header names none.
    """
    found = _HEADER_UNIT.match(header.strip())
    if not found or not found[1]:
        return header.strip(), None
    bare = found[2] == "元" and not re.search("[ _/,，:：(（\\[【]|单位|人民币", header[len(found[1]) :])
    return (header.strip(), None) if bare else (found[1], "%" if found[2] == "％" else found[2])


def _read(raw: str) -> str:
    return text.narrow(raw).translate(_DASHES).translate(_UNSPACED).upper()


def _unit_power(unit: str | None) -> int | None:
    return UNITS.get(re.sub(UNIT_NOISE, "", unit)) if unit else 0


def _number(cell: str) -> str | None:
    """A bare number in the spelling a decimal cast takes."""
    if re.fullmatch(BOOK_MINUS, cell):
        cell = "-" + cell[1:-1]
    if re.fullmatch(GROUPED, cell):
        return cell.replace(",", "")
    return cell if re.fullmatch(f"{PLAIN}|{SCIENTIFIC}", cell) else None


def _scaled(number: str | None, power: int | None, places: int = 2) -> Decimal | None:
    """Number · 10^power, rounded half up as a column of 18 digits holds it; None if it does not fit."""
    if number is None or power is None:
        return None
    return _fits(Decimal(number).scaleb(power), places)


def _fits(value: Decimal, places: int = 2) -> Decimal | None:
    if abs(value) >= 10 ** (18 - places):
        return None
    rounded = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return rounded if abs(rounded) < 10 ** (18 - places) else None


def _mixed(cell: str) -> Decimal | None:
    found = re.fullmatch(MIXED, cell)
    if not found or not any(found.groups()):
        return None
    yi, wan, wan_word, qian, bai, yuan, jiao, fen = found.groups()
    parts = ((yi, 8), (wan, _WAN_POWERS.get(wan_word, 0)), (qian, 3), (bai, 2), (yuan, 0), (jiao, -1), (fen, -2))
    return sum((_fits(Decimal(part).scaleb(power)) or Decimal(0) for part, power in parts if part), Decimal(0))


def _chinese(cell: str) -> Decimal | None:
    found = re.fullmatch(CHINESE, cell)
    if not found or not re.search(f"[{DIGITS}十]", cell):
        return None
    yi, wan, one, jiao, fen = found.groups()
    value = Decimal(_section(yi) * 100_000_000 + _section(wan) * 10_000 + _section(one))
    return value + Decimal(DIGITS.index(jiao or "零")) / 10 + Decimal(DIGITS.index(fen or "零")) / 100


def _section(words: str | None) -> int:
    """The value of at most four places, 九千九百九十九."""
    if not words:
        return 0
    value = 0
    for place, worth in (("千", 1000), ("百", 100)):
        found = re.search(f"({_D}){place}", words)
        value += DIGITS.index(found[1]) * worth if found else 0
    tens = re.search(f"({_D}?)十", words)
    value += DIGITS.index(tens[1] or "一") * 10 if tens else 0
    return value + (DIGITS.index(words[-1]) if words[-1] in DIGITS else 0)
