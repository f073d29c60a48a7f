"""Amounts, counts, shares and yes/no as clerks write them. What cannot be read is None, never a guess.

Twins in `schemas.macros`: amount_yuan, amount_is_approximate, number_value, integer_value, percent_value, boolean_value.
"""

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from schemas import text

# Factor to yuan of the unit a header or contract declares.
UNITS = {
    "元": 1, "百元": 100, "千元": 1_000, "万元": 10_000, "万": 10_000, "十万元": 100_000, "百万元": 1_000_000,
    "百万": 1_000_000, "千万元": 10_000_000, "千万": 10_000_000, "亿元": 100_000_000, "亿": 100_000_000,
}  # fmt: skip

# Shared with the SQL twins; they are matched against a cell as `_read` leaves it: half-width, upper case, no spaces.
PLAIN = r"[+-]?(?:[0-9]{1,15}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})"
GROUPED = r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3}){1,4}|[0-9]{1,4}(?:,[0-9]{4}){1,3})(?:\.[0-9]{0,20})?"
SCIENTIFIC = r"[+-]?[0-9](?:\.[0-9]{1,16})?E[+-]?[0-9]{1,2}"
_N = r"([0-9]{1,12}(?:\.[0-9]{1,9})?)"
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
_PLACES = Decimal("0.000000001")
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
        factor = UNITS.get(_unit_word(unit))
        return Amount(None if factor is None else _money(number * factor), approximate)
    negative, cell = cell.startswith("-"), cell.lstrip("+-").replace(",", "") if re.fullmatch(COMMAS, cell) else ""
    value = _mixed(cell)
    if value is None:
        value = _chinese(cell.translate(_WORDS))
    if value is None:
        return Amount(None, approximate)
    factor = 1 if re.search(OWN_UNIT, cell.translate(_WORDS)) else UNITS.get(_unit_word(unit))
    return Amount(None if factor is None else _money((-value if negative else value) * factor), approximate)


def amount_yuan(raw: str | None, unit: str | None = None) -> Decimal | None:
    """The amount in yuan, two places, rounded half up; None when unreadable. See `parse_amount`."""
    return parse_amount(raw, unit).yuan


def amount_is_approximate(raw: str | None) -> bool | None:
    """Whether the cell says 约, 近, 左右, 余 beside its number."""
    return None if raw is None else re.search(APPROXIMATE, raw) is not None


def number_value(raw: str | None) -> Decimal | None:
    """A plain number with six places: thousands separators, full width, (12.5) and 1.5E+6 are read; units are not."""
    if raw is None:
        return None
    number = _number(_read(raw))
    if number is None or abs(number) >= 10**12:
        return None
    return number.quantize(Decimal("0.000001"), ROUND_HALF_UP)


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
    cell = _read(raw)
    times = Decimal(100) if scale == "ratio" else Decimal(1)
    if cell.endswith("%"):
        cell, times = cell[:-1], Decimal(1)
    elif cell.endswith("‰"):
        cell, times = cell[:-1], Decimal("0.1")
    elif cell.startswith("百分之"):
        cell, times = cell[3:], Decimal(1)
    number = _number(cell)
    if number is None or abs(number * times) >= 10**12:
        return None
    return (number * times).quantize(Decimal("0.000001"), ROUND_HALF_UP)


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


def _unit_word(unit: str | None) -> str:
    return re.sub(UNIT_NOISE, "", unit) if unit else "元"


def _number(cell: str) -> Decimal | None:
    if re.fullmatch(BOOK_MINUS, cell):
        cell = "-" + cell[1:-1]
    if re.fullmatch(GROUPED, cell):
        cell = cell.replace(",", "")
    elif not re.fullmatch(PLAIN, cell) and not re.fullmatch(SCIENTIFIC, cell):
        return None
    number = Decimal(cell)
    return number.quantize(_PLACES, ROUND_HALF_UP) if abs(number) < 10**15 else None


def _mixed(cell: str) -> Decimal | None:
    found = re.fullmatch(MIXED, cell)
    if not found or not any(found.groups()):
        return None
    yi, wan, wan_word, qian, bai, yuan, jiao, fen = found.groups()
    value = Decimal(yi or 0) * 100_000_000 + Decimal(qian or 0) * 1000 + Decimal(bai or 0) * 100 + Decimal(yuan or 0)
    value += Decimal(wan or 0) * UNITS[{"十万": "十万元"}.get(wan_word, wan_word)] if wan else 0
    return value + Decimal(jiao or 0) / 10 + Decimal(fen or 0) / 100


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


def _money(value: Decimal) -> Decimal | None:
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP) if abs(value) < 10**16 else None
