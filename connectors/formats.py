"""Number formats of workbooks whose cells are not what they hold: 00012, QX-007, 12万元, 85%, 星期一.

A reader that takes the number alone loses what the clerk sees. Source: [ECMA-376] part 1, 18.8.31 numFmts.
"""

from __future__ import annotations

import re

_ASIDE = re.compile(r"\[[^\]]*\]|_.|\*.")  # colours, conditions, the width and the filling of blanks
_TEXT = re.compile(r'"([^"]*)"|[\\!](.)')
_DATE = re.compile(r"[ymdhs]|aaa|上午|下午", re.IGNORECASE)
_GENERAL = re.compile(r"general|G/通用格式|E[+-]", re.IGNORECASE)
_WEEKDAY = re.compile(r"aaa", re.IGNORECASE)
_CONDITION = re.compile(r"\[[<>=]")  # what is shown depends on the number
SLOT = "\0"  # one digit in a template
# Texts that say no more than the column does: counts and the unit that money is in anyway.
_PLAIN = frozenset(
    ["元", "人", "户", "个", "件", "项", "次", "家", "条", "天", "份", "名", "只", "台", "套", "RMB", "CNY"]
)


def is_percent(code: str) -> bool:
    """Whether a format shows a fraction as per cent."""
    return "%" in _bare(code)


def is_weekday(code: str) -> bool:
    """Whether a format shows nothing of a date but its weekday, in Chinese: 星期一, 周一."""
    return _WEEKDAY.search(_GENERAL.sub("", _bare(code))) is not None


def template(code: str) -> str:
    """What a format makes of a whole number: digits of a fixed number, and texts about them perhaps; "" for any other.

    `filled` puts a number in: 000000, "QX-"000, 000-0000.
    """
    first = _ASIDE.sub("", code).partition(";")[0]
    made = ""
    for quoted, escaped, plain in re.findall(r'"([^"]*)"|[\\!](.)|(.)', first):
        if (plain and plain not in "0- ") or "." in (quoted, escaped):
            return ""  # a point that is a text shows a number smaller
        made += SLOT if plain == "0" else quoted + escaped + plain
    return made if made.count(SLOT) > 1 else ""


def filled(shape: str, number: int) -> str:
    """A whole number as a template shows it: 12 in QX-000 is QX-012."""
    digits = str(number).zfill(shape.count(SLOT))
    first, *rest = shape.split(SLOT)
    spare = len(digits) - len(rest)
    return first + "".join(
        (digits[: spare + 1] if place == 0 else digits[spare + place]) + text for place, text in enumerate(rest)
    )


def measure(code: str) -> tuple[str, int]:
    """What a format shows of a number that is not in it: a text, 万元 of 0"万元", and by how many places it is smaller.

    0!.0,"万元" leaves out three places and puts the point before one more.
    """
    if template(code) or _DATE.search(_GENERAL.sub("", _bare(code))):
        return "", 0
    plain = _ASIDE.sub("", code)
    texts = [(quoted or escaped).strip() for quoted, escaped in _TEXT.findall(plain)]
    places = _places(plain.partition(";")[0])
    hidden = ";" in code and not code.partition(";")[0].strip()
    if hidden or (places and _CONDITION.search(code)):
        return code, 0
    return next((text for text in texts if re.search(r"\w", text)), ""), places


def tells_nothing(text: str) -> bool:
    """Whether a text behind a number says no more than its column does."""
    return not text or text in _PLAIN


def _places(section: str) -> int:
    """By how many places a section shows a number smaller: three a comma behind the last digit, one a digit behind a point that is a text."""
    whole, point, behind = re.sub(r'"\."|[!\\]\.', "\0", section).partition("\0")
    commas = re.search(r"[0#?](,+)[^0#?]*$", _TEXT.sub(" ", behind if point else whole))
    return (3 * len(commas[1]) if commas else 0) + len(re.findall("[0#?]", _TEXT.sub(" ", behind)))


def _bare(code: str) -> str:
    return _TEXT.sub("", _ASIDE.sub("", code))
