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
_SCALED = re.compile(r"[0#?],+(?=[^0#?]|$)|[!\\]\.")
_SLOT = "\0"  # one digit in a template
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
        if plain and plain not in "0- ":
            return ""
        made += _SLOT if plain == "0" else quoted + escaped + plain
    return made if made.count(_SLOT) > 1 else ""


def filled(shape: str, number: int) -> str:
    """A whole number as a template shows it: 12 in QX-000 is QX-012."""
    digits = str(number).zfill(shape.count(_SLOT))
    first, *rest = shape.split(_SLOT)
    spare = len(digits) - len(rest)
    return first + "".join(
        (digits[: spare + 1] if place == 0 else digits[spare + place]) + text for place, text in enumerate(rest)
    )


def label(code: str) -> str:
    """The text of its own that a format shows beside a number as it is, or in its place: 万元 of 0"万元"; "" for none that matters."""
    if (
        template(code)
        or _SCALED.search(_TEXT.sub(_blanked, _ASIDE.sub("", code)))
        or _DATE.search(_GENERAL.sub("", _bare(code)))
    ):
        return ""
    texts = [(quoted or escaped).strip() for quoted, escaped in _TEXT.findall(_ASIDE.sub("", code))]
    return next((text for text in texts if re.search(r"\w", text) and text not in _PLAIN), "")


def _bare(code: str) -> str:
    return _TEXT.sub("", _ASIDE.sub("", code))


def _blanked(found: re.Match[str]) -> str:
    return found[0] if found[2] == "." else " "
