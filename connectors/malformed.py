"""What is wrong with text that was meant to be JSON, where, and what to do about it."""

from __future__ import annotations

import json
import re

_PYTHON = re.compile(r"(?:None|True|False)\b")
_RESEND = "请部门改正导出程序后重新导出"


def has_comma_too_many(text: str, error: json.JSONDecodeError) -> bool:
    """Whether a comma is what is wrong: one before the end of a list or an object, or one where a value should be."""
    before, char = text[: error.pos].rstrip(), error.doc[error.pos : error.pos + 1]
    return before.endswith(",") if char in ("]", "}") else char == "," and not before.endswith(":")


def told(text: str, error: json.JSONDecodeError, line: int | None = None) -> tuple[str, str]:
    """The flaw and its cure, both in Chinese; `line` is where the text stands when it is one line of a file."""
    at, char = error.pos, error.doc[error.pos : error.pos + 1]
    before = text[:at].rstrip()
    if has_comma_too_many(text, error):
        closes = char != ","
        place = _place(text, len(before) - 1 if closes else at, line)
        return f"{place}多了一个逗号" + (f"（后面就是“{char}”）" if closes else ""), "请去掉这个逗号后重发"
    place = _place(text, at, line)
    if char in (",", "}") and before.endswith(":"):
        return f"{place}前面少了值", _RESEND
    if char == "'":
        return f"{place}用了单引号，JSON 只认双引号", _RESEND
    if text.startswith(("//", "/*", "#"), at):
        return f"{place}是注释，JSON 里不能写注释", "请去掉注释后重发"
    if word := _PYTHON.match(text, at):
        return f"{place}写着 {word[0]}，JSON 写作 null、true、false", _RESEND
    if error.msg.startswith("Invalid control character"):
        return f"{place}是一个没有转义的换行或制表符（应写成 \\n、\\t）", _RESEND
    if error.msg.startswith("Expecting ',' delimiter"):
        return f"{place}前面少了逗号，或引号没有成对", _RESEND
    return f"{place}不是有效的 JSON", "请部门重新导出"


def _place(text: str, at: int, line: int | None) -> str:
    above = text.count("\n", 0, at)
    column = at - text.rfind("\n", 0, at)
    return f"第 {line or above + 1} 行第 {column} 个字符处"
