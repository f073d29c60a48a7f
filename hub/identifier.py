"""`hub identifier check`: the verdict on codes, one per line, as the row path gives it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from hub import output
from hub.help import Command, Group
from hub.output import UsageError
from schemas.errors import nearest

app = typer.Typer(
    cls=Group,
    help="标识代码：统一社会信用代码、组织机构代码、身份证号等的核验。",
    no_args_is_help=True,
    rich_markup_mode=None,
)
# What can only be a file's name: a folder before it or an extension behind it. N/A and 91350100-M stay codes.
_PATH = re.compile(r"^\.{0,2}/.|\.[a-z]{2,5}$")
_COLUMNS = {"raw": "原值", "value": "规范值", "valid": "有效", "repaired": "已修整", "kind": "种类", "reason": "说明"}


@app.command(cls=Command)
def check(
    values: Annotated[
        list[str] | None, typer.Argument(metavar="代码或文件", help="代码、每行一个代码的文件，或 - 读标准输入")
    ] = None,
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            "-k",
            metavar="种类",
            help="uscc org_code reg_no resident_id phone unit_no project_code taxpayer_id enterprise_code",
        ),
    ] = "",
    format: Annotated[
        str, typer.Option("--output", "-o", metavar="table|json|jsonl|csv", help="输出格式，默认 table")
    ] = "table",
) -> None:
    """逐个核验代码：原值、规范值、是否有效、是否修整过、种类、说明。有无效的则退出码为 1。

    示例：
      hub identifier check --kind uscc 91350100M000100Y43
      hub identifier check --kind resident_id 名单.txt -o json
      cut -d, -f2 企业.csv | hub identifier check --kind enterprise_code -
    """
    from schemas.identifiers import KINDS
    from schemas.identifiers import check as judge

    output.one_of("-o", format, ("table", "json", "jsonl", "csv"))
    if kind not in KINDS:
        what = f"没有 '{kind}' 这个种类" if kind else "没有写种类"
        raise UsageError("--kind", what, nearest(kind, KINDS) if kind else f"可用的有：{'、'.join(KINDS)}")
    invalid = 0

    def verdicts() -> Iterator[dict[str, object]]:
        nonlocal invalid
        for raw in _values(values or []):
            verdict = judge(kind, raw)
            invalid += not verdict.valid
            yield verdict._asdict()

    if format == "json":
        output.write_json(verdicts())
    elif format == "jsonl":
        output.write_json_lines(verdicts())
    elif format == "csv":
        output.write_csv(list(_COLUMNS), (row.values() for row in verdicts()))
    else:
        output.table(list(_COLUMNS.values()), (row.values() for row in verdicts()))
    if invalid:
        raise typer.Exit(1)


def _values(given: list[str]) -> Iterator[str]:
    """The codes themselves: arguments, lines of files, lines of stdin."""
    if not given and sys.stdin.isatty():
        raise UsageError("hub identifier check", "没有给代码", "请写代码、文件名，或 - 从标准输入读")
    for item in given or ["-"]:
        if item == "-":
            yield from lines(sys.stdin.buffer.read())
        elif _PATH.search(item) or Path(item).is_file():
            try:
                yield from lines(Path(item).read_bytes())
            except OSError as error:
                raise UsageError(item, "找不到或读不了这个文件", "请检查路径") from error
        else:
            yield item


def lines(content: bytes) -> Iterator[str]:
    """Lines without their line ends and otherwise untouched; UTF-8, or GB18030 when it is not that."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("gb18030", errors="replace")
    if text.endswith("\n"):
        text = text[:-1]
    elif not text:
        return
    for line in text.split("\n"):
        yield line.removesuffix("\r")
