"""Help pages and usage errors in Chinese.

typer words its own help and errors in English and gives no way to translate them, so help pages are laid out
here from the commands' declarations, and usage errors are put into words by their kind.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from typer.core import TyperCommand, TyperGroup

# typer's English -> Chinese, for the words of a value that could not be read.
_BAD_VALUES = (
    (r"Input should be a valid integer.*", "不是整数"),
    (r"Input should be a valid number.*", "不是数"),
    (r"Input should be greater than or equal to (\S+).*", "不能小于 {0}"),
    (r"Input should be less than or equal to (\S+).*", "不能大于 {0}"),
    (r"(?:File|Path|Directory|文件) '(.*)' does not exist\.", "找不到 '{0}'"),
    (r"(?:File|Path) '(.*)' is a directory\.", "'{0}' 是目录，这里要一个文件"),
    (r"(?:Directory|Path) '(.*)' is a file\.", "'{0}' 是文件，这里要一个目录"),
)


class Command(TyperCommand):
    """A command whose --help is Chinese."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the page."""
        formatter.write(page(self, ctx))


class Group(TyperGroup):
    """A group of commands whose --help is Chinese; commands show in the order they were declared."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the page."""
        formatter.write(page(self, ctx))

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of declaration."""
        return list(self.commands)


def page(command: Any, ctx: Any) -> str:
    """The help page of one command: usage, text with its example, arguments, options, sub-commands."""
    parameters = [p for p in command.get_params(ctx) if not getattr(p, "hidden", False) and p.name != "help"]
    arguments = [p for p in parameters if p.param_type_name == "argument"]
    options = [p for p in parameters if p.param_type_name == "option"]
    commands = getattr(command, "commands", {})
    usage = [ctx.command_path, *(["[选项]"] if options else []), *map(_argument, arguments)]
    lines = [f"用法：{' '.join(usage)}{' 命令 …' if commands else ''}", ""]
    lines += [f"  {line}".rstrip() for line in (command.help or "").strip().splitlines()]
    lines += _section("参数：", ((_argument(p), _text(p)) for p in arguments))
    lines += _section("命令：", ((name, _first_line(c)) for name, c in commands.items() if not c.hidden))
    lines += _section("选项：", [*((_option(p), _text(p)) for p in options), ("-h, --help", "显示本说明")])
    return "\n".join(lines) + "\n"


def _argument(parameter: Any) -> str:
    name = parameter.metavar or parameter.name.upper()
    name += "…" if parameter.nargs == -1 and not name.endswith("…") else ""
    return name if parameter.required else f"[{name}]"


def _option(parameter: Any) -> str:
    names = ", ".join([*sorted(parameter.opts, key=len), *parameter.secondary_opts])
    if parameter.is_flag:
        return names
    return f"{names} {parameter.metavar or parameter.name.upper()}"


def _text(parameter: Any) -> str:
    needed = "（必填）" if parameter.required and parameter.param_type_name == "option" else ""
    return (parameter.help or "") + needed


def _first_line(command: Any) -> str:
    return (command.help or "").strip().splitlines()[0].rstrip("。") if command.help else ""


def _section(title: str, rows: Iterable[tuple[str, str]]) -> list[str]:
    rows = list(rows)
    if not rows:
        return []
    width = min(max(cells(left) for left, _ in rows), 30)
    lines = ["", title]
    for left, right in rows:
        pad = " " * max(width - cells(left), 0)
        lines.append(f"  {left}{pad}  {right}".rstrip())
    return lines


def cells(text: str) -> int:
    """Columns the text takes on a terminal, a Chinese character taking two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def usage_error(error: Any) -> str:
    """A usage error of typer's, in words: what is wrong, then where to look."""
    ctx = getattr(error, "ctx", None)
    path = ctx.command_path if ctx is not None else "hub"
    return f"{path}：{_what(error, ctx)}。用法见 {path} --help"


def _what(error: Any, ctx: Any) -> str:
    kind = type(error).__name__
    message = str(getattr(error, "message", error))
    if kind == "NoSuchOption":
        near = getattr(error, "possibilities", None)
        return f"没有选项 {error.option_name}" + (f"，是否想写 {near[0]}" if near else "")
    if kind == "BadOptionUsage":
        return f"选项 {error.option_name} " + ("不带值" if "does not take" in message else "后面缺少值")
    parameter = getattr(error, "param", None)
    name = _name(parameter) if parameter is not None else ""
    if kind == "MissingParameter":
        return f"缺少{name}"
    if kind == "BadParameter":
        return f"{name} {_bad_value(message)}".strip()
    if match := re.match(r"No such command '(.*?)'", message):
        known = list(getattr(ctx.command, "commands", {})) if ctx is not None else []
        close = get_close_matches(match.group(1), known, n=1, cutoff=0.5)
        return f"没有命令 '{match.group(1)}'" + (
            f"，是否想写 {close[0]}" if close else f"，可用的有 {'、'.join(known)}"
        )
    if message == "Missing command.":
        return "缺少命令"
    if match := re.match(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", message):
        return f"多出参数 {match.group(1)}；含空格的内容请加引号"
    return message.rstrip(".。")


def _name(parameter: Any) -> str:
    return f"参数 {_argument(parameter)}" if parameter.param_type_name == "argument" else f"选项 {parameter.opts[0]}"


def _bad_value(message: str) -> str:
    for pattern, chinese in _BAD_VALUES:
        if match := re.fullmatch(pattern, message):
            return chinese.format(*(g or "" for g in match.groups()))
    return message.rstrip(".。")
