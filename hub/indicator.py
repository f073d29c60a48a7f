"""`hub indicator …`: scores from a scheme and a table."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub import output
from hub.help import Command, Group
from hub.output import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

app = typer.Typer(
    cls=Group, help="指标评分：按评价方案把原始值折成得分、位次和标记。", no_args_is_help=True, rich_markup_mode=None
)
_FORMATS = ("table", "csv", "json", "parquet")
Format = Annotated[str, typer.Option("--output", "-o", metavar="table|csv|json|parquet", help="输出格式，默认 table")]


@app.command(cls=Command)
def score(
    scheme: Annotated[str, typer.Option("--scheme", "-s", metavar="方案", help="随附方案的名字，或方案文件（YAML）")],
    data: Annotated[Path, typer.Option("--data", "-d", metavar="文件", help="数据：CSV、Excel、JSON 或 Parquet")],
    format: Format = "table",
    file: Annotated[Path | None, typer.Option("--file", "-f", metavar="文件", help="写到文件；默认标准输出")] = None,
    digits: Annotated[
        int | None,
        typer.Option("--round", metavar="位数", min=0, max=10, help="得分显示几位小数，不影响位次和标记；默认按方案"),
    ] = None,
    wide: Annotated[bool, typer.Option("--wide", help="每个对象一行，每个指标一列")] = False,
    bom: Annotated[bool, typer.Option("--bom", help="CSV 开头写 BOM，供 Excel 直接打开")] = False,
) -> None:
    """按评价方案给一张表评分：每个对象每个指标一行，有原始值、得分、权重、覆盖率、位次、标记。

    方案最少只要写 indicators: [{id: 时间, best: 0.5, worst: 10}]，全部写法见 docs/guide-zh/评价方案.md；
    随附的方案见 hub indicator schemes。

    示例：
      hub indicator score --scheme hdi --data 各国.csv -o csv
      hub indicator score --scheme 本县方案.yaml --data 原始值.xlsx --round 2 --wide
    """
    from views.scoring import engine
    from views.scoring import scheme as schemes

    output.one_of("-o", format, _FORMATS)
    if bom and format != "csv":
        raise UsageError("--bom", "只用于 -o csv")
    if format == "parquet" and file is None:
        raise UsageError("-o parquet", "是二进制格式", "请加 --file 文件.parquet")
    agreed = schemes.load(scheme)
    scored = engine.score(agreed, data, digits)
    table = engine.wide(scored.table, agreed) if wide else scored.table
    for note in scored.notes:
        output.say(note, "note")
    write(table, format, file, bom=bom)
    if file is not None:
        output.say(f"已写 {output.thousands(table.num_rows)} 行到 {file}", "ok")


@app.command(cls=Command)
def schemes(
    name: Annotated[str | None, typer.Argument(metavar="方案", help="只要这一个：印出它的 YAML")] = None,
    format: Format = "table",
) -> None:
    """列出随附的评价方案；写上名字就印出那一个，可以拿来改成自己的。

    示例：
      hub indicator schemes
      hub indicator schemes hdi
    """
    from views.scoring import scheme as known

    output.one_of("-o", format, _FORMATS[:3])
    if name is not None:
        if name not in known.shipped():
            raise UsageError(f"方案 {name}", "不在随附方案里", "见 hub indicator schemes")
        sys.stdout.write(known.shipped()[name].read_text(encoding="utf-8"))
        return
    found = [known.load(name) for name in known.shipped()]
    columns = ("name", "title", "indicators", "leaves", "scale", "source")
    rows = [
        (s.name, s.title, len(s.nodes) - 1, sum(node.is_leaf for node in s.nodes), f"{s.scale:g}", s.source)
        for s in found
    ]
    if format == "json":
        output.write_json(dict(zip(columns, row, strict=True)) for row in rows)
    elif format == "csv":
        output.write_csv(columns, rows)
    else:
        output.table(("方案", "名称", "指标", "末级", "满分", "来源"), rows, right={"指标", "末级", "满分"})


def write(table: pa.Table, format: str, file: Path | None, *, bom: bool = False) -> None:
    """An Arrow table as the command line writes it."""
    from views.scoring.engine import rows

    if format == "parquet" and file is not None:
        from pyarrow import parquet

        parquet.write_table(table, file)
        return
    writers: dict[str, Callable[[Any], object]] = {
        "csv": lambda target: output.write_csv(table.column_names, rows(table), target),
        "json": lambda target: output.write_json(
            (dict(zip(table.column_names, row, strict=True)) for row in rows(table)), target
        ),
        "table": lambda target: output.table(
            table.column_names, rows(table), right={"score", "weight", "coverage", "rank"}, target=target
        ),
    }
    with _target(file) as target:
        if bom:
            (target or sys.stdout).write(output.BOM)
        writers[format](target)


@contextmanager
def _target(file: Path | None) -> Iterator[Any]:
    if file is None:
        yield None
        return
    try:
        with file.open("w", encoding="utf-8", newline="") as target:
            yield target
    except OSError as error:
        raise UsageError(str(file), f"写不进去（{error.strerror}）", "请换一个可写的位置") from error
