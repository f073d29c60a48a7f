"""Amounts, counts, shares and yes/no as clerks write them. What cannot be read is None, never a guess.

Twins in `schemas.macros`: amount_yuan, amount_is_approximate, number_value, integer_value, percent_value, boolean_value.
"""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from schemas import text

# Power of ten that takes the unit a header or contract declares to yuan.
UNITS = {
    "元": 0, "百元": 2, "千元": 3, "万元": 4, "万": 4, "十万元": 5, "百万元": 6, "百万": 6, "千万元": 7, "千万": 7,
    "亿元": 8, "亿": 8,
}  # fmt: skip
_WAN_POWERS = {"万": 4, "十万": 5, "百万": 6, "千万": 7}

# A cell is read by rewriting it, step by step, into kind|field|field…; the SQL twin runs the same steps. First half-width
# capitals without spaces, then no 约 and no currency, plain words for the formal ones, and no thousands separators.
APPROXIMATE = "约|大概|将近|近|左右|余|多"
CURRENCY = r"^(?:人民币|RMB|CNY|[¥￥])+:?|(?:人民币|\(人民币\)|RMB|CNY|[¥￥])$|[整正]$"
NOT_YUAN = "美元|美金|USD|[$]|港元|港币|HKD|欧元|EUR|日元|JPY|英镑|GBP|澳元|韩元|卢布|新加坡元"
FORMAL = "[圆块萬億仟佰拾壹贰叁肆伍陆柒捌玖〇○两]"
WORDS = ("圆块萬億仟佰拾壹贰叁肆伍陆柒捌玖〇○两", "元元万亿千百十一二三四五六七八九零零二")
BRACKETED = ("[(]((?:[十百千]?[百千万亿])元?|元)[)]$", r"\1")  # 1,000(万)
BOOK_MINUS = ("^[(]([0-9][0-9,.]*)[)]$", r"-\1")
SEPARATORS = tuple(
    (
        f"^([+-]?[0-9]{{1,{size}}}),([0-9]{{{size}}})" + f"(?:,([0-9]{{{size}}}))?" * 3 + "([^0-9,][^,]*)?$",
        r"\1\2\3\4\5\6",
    )
    for size in (3, 4)
)
NUMBER = r"[+-]?(?:[0-9]{1,15}(?:\.[0-9]{0,20})?|\.[0-9]{1,20}|[0-9](?:\.[0-9]{1,16})?E[+-]?[0-9]{1,2})"

_N = r"([0-9]{1,12}(?:\.[0-9]{1,10})?)"
_D = "[一二三四五六七八九]"
# 一百二 means 120 to some and 102 to others: a skipped place must be written 零, or the cell is not read.
_UNDER_HUNDRED = f"{_D}?十{_D}?"
_AFTER_HUNDRED = f"(?:零{_D}|{_D}十{_D}?)?"
_SECTION = (
    f"(?:{_D}千(?:{_D}百{_AFTER_HUNDRED}|零{_UNDER_HUNDRED}|零{_D})?|{_D}百{_AFTER_HUNDRED}|{_UNDER_HUNDRED}|{_D}|零)"
)
SHAPES = (
    (f"({NUMBER})", r"number|\1"),
    ("零(元?)", r"number|0"),
    # 三万五 means 35,000 to most and 30,005 to a reader of figures: it is not read either.
    (f".*[万亿]{_D}(?:元.*)?", "?"),
    # 3亿5000万, 800万, 1万2千元, 3500元5角2分: numbers each with its unit word, from large to small.
    (
        f"([+-]?)(?:{_N}亿)?(?:{_N}(千万|百万|十万|万))?(?:{_N}千)?(?:{_N}百)?({_N[1:-1]}元|元)?(?:([0-9])角)?(?:([0-9])分)?",
        r"mixed|\1|\2|\3\4|\5|\6|\7|\8|\9",
    ),
    (
        f"([+-]?)(?:({_SECTION})亿)?零?(?:({_SECTION})万)?零?({_SECTION}?元?)(?:零?({_D})角)?(?:零?({_D})分)?",
        r"chinese|\1|\2|\3|\4|\5|\6",
    ),
)
DIGITS = "零一二三四五六七八九"
# 百分之九十五点五: what follows is turned into figures, digit by digit and then place by place.
SHARE_DIGITS = ("零〇○一二三四五六七八九", "000123456789")
SHARE_STEPS = (("^1?百$", "100"), ("^十", "1十"), ("^([0-9])十([0-9])", r"\1\2"), ("十", "0"), ("点", "."))
UNIT_NOISE = "人民币|[()（） ]"

YES = frozenset({"是", "有", "对", "真", "Y", "YES", "TRUE", "T", "1", "√", "✓", "✔", "☑"})
NO = frozenset({"否", "无", "没有", "不是", "非", "错", "假", "N", "NO", "FALSE", "F", "0", "×", "X", "✗", "✘", "☒"})

_WORDS = str.maketrans(*WORDS)
_SHARE_DIGITS = str.maketrans(*SHARE_DIGITS)
_FOLD = str.maketrans({" ": None, "|": "/", **dict.fromkeys(text.DASHES, "-")})
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
    approximate = re.search(APPROXIMATE, raw) is not None
    kind, *fields = _amount_shape(raw).split("|")
    if kind == "number":
        return Amount(_scaled(fields[0], _unit_power(unit)), approximate)
    if kind not in ("mixed", "chinese"):
        return Amount(None, approximate)
    sign, *parts = fields
    value = _mixed(parts) if kind == "mixed" else _chinese(parts)
    bare = not (parts[0] or parts[1] or "元" in "".join(parts) or parts[-2] or parts[-1])
    power = _unit_power(unit) if bare else 0
    if value is None or power is None:
        return Amount(None, approximate)
    return Amount(_fits((-value if sign == "-" else value) * 10**power), approximate)


def amount_yuan(raw: str | None, unit: str | None = None) -> Decimal | None:
    """The amount in yuan, two places, rounded half up; None when unreadable. See `parse_amount`."""
    return parse_amount(raw, unit).yuan


def amount_is_approximate(raw: str | None) -> bool | None:
    """Whether the cell says 约, 近, 左右, 余 beside its number."""
    return None if raw is None else re.search(APPROXIMATE, raw) is not None


def number_value(raw: str | None) -> Decimal | None:
    """A plain number with six places: thousands separators, full width, (12.5) and 1.5E+6 are read; units are not."""
    return None if raw is None else _scaled(_number(_plain(raw)), 0, 6)


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
    cell, power = _plain(raw), 2 if scale == "ratio" else 0
    if cell.endswith("%"):
        cell, power = cell[:-1], 0
    elif cell.endswith("‰"):
        cell, power = cell[:-1], -1
    elif cell.startswith("百分之"):
        cell, power = cell[3:].translate(_SHARE_DIGITS), 0
        for pattern, put in SHARE_STEPS:
            cell = re.sub(pattern, put, cell)
    return _scaled(_number(cell), power, 6)


def boolean_value(raw: str | None) -> bool | None:
    """是/否, 有/无, Y/N, true/false, 1/0, √/×; None for anything else."""
    if raw is None:
        return None
    cell = _plain(raw)
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


def _plain(raw: str) -> str:
    """Half-width capitals without spaces, one kind of dash, a bookkeeper's minus as a minus, no thousands separators."""
    cell = re.sub(*BOOK_MINUS, text.narrow(raw).translate(_FOLD).upper())
    for pattern, put in SEPARATORS:
        cell = re.sub(pattern, put, cell)
    return cell


def _amount_shape(raw: str) -> str:
    """The cell rewritten as kind|field|field…, or as it stands where no shape fits."""
    cell = text.narrow(raw).translate(_FOLD).upper()
    if re.search(NOT_YUAN, cell):
        return ""
    for pattern, put in ((APPROXIMATE, ""), (CURRENCY, ""), (CURRENCY, ""), BRACKETED, BOOK_MINUS, *SEPARATORS):
        cell = re.sub(pattern, put, cell)
    cell = cell.translate(_WORDS)
    for pattern, put in SHAPES:
        cell = re.sub(f"^(?:{pattern})$", put, cell)
    return cell


def _unit_power(unit: str | None) -> int | None:
    return UNITS.get(re.sub(UNIT_NOISE, "", unit)) if unit else 0


def _number(cell: str) -> str | None:
    return cell if re.fullmatch(NUMBER, cell) else None


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


def _mixed(parts: Sequence[str]) -> Decimal | None:
    """亿, 万 (with 十万, 百万, 千万 spelled out), 千, 百, 元, 角, 分: numbers in Arabic figures."""
    wan = parts[1].rstrip("十百千万")
    wan_power = _WAN_POWERS.get(parts[1][len(wan) :], 0)
    yuan = parts[4].rstrip("元")
    written = ((parts[0], 8), (wan, wan_power), (parts[2], 3), (parts[3], 2), (yuan, 0), (parts[5], -1), (parts[6], -2))
    values = [_scaled(part, power) for part, power in written if part]
    return None if not values or None in values else sum((value for value in values if value is not None), Decimal(0))


def _chinese(parts: Sequence[str]) -> Decimal | None:
    """亿, 万, the rest, 角, 分: sections of Chinese figures."""
    yi, wan, one, jiao, fen = (part.rstrip("元") for part in parts)
    if not yi + wan + one + jiao + fen:
        return None
    value = Decimal(_section(yi) * 100_000_000 + _section(wan) * 10_000 + _section(one))
    return value + Decimal(DIGITS.index(jiao or "零")) / 10 + Decimal(DIGITS.index(fen or "零")) / 100


def _section(words: str) -> int:
    """The value of at most four places, 九千九百九十九."""
    value = DIGITS.index(words[-1]) if words and words[-1] in DIGITS else 0
    for place, worth in (("千", 1000), ("百", 100), ("十", 10)):
        at = words.find(place)
        if at >= 0:
            value += worth * (DIGITS.index(words[at - 1]) if at and words[at - 1] in DIGITS[1:] else 1)
    return value
