"""`hub connector tables`: what a source's database shows, for choosing a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub import output
from hub.help import Command
from hub.output import UsageError

if TYPE_CHECKING:
    from connectors.session import Table

app = typer.Typer(rich_markup_mode=None)


@app.command(cls=Command)
def tables(
    source: Annotated[
        str, typer.Argument(metavar="来源", help="连接器编号，或数据库地址的引用，如 '${HUB_SOURCE_HOTLINE_URL}'")
    ],
    like: Annotated[str, typer.Argument(metavar="名称", help="表名的一部分，或带 * ? 的写法；不写则从头列")] = "",
    limit: Annotated[int, typer.Option(metavar="张数", min=1, max=10_000, help="最多列几张，默认 200")] = 200,
    format: Annotated[str, typer.Option("--output", "-o", metavar="table|json", help="输出格式，默认 table")] = "table",
) -> None:
    """列出来源数据库里看得到的表和视图；先在库里按名称筛选，几万张表也很快。

    示例：
      hub connector tables hotline_office/ticket "t_*"
      hub connector tables '${HUB_SOURCE_HOTLINE_URL}' 工单
    """
    output.one_of("-o", format, ("table", "json"))
    found = _found(source, like, limit)
    if format == "json":
        output.write_json([{"name": t.name, "comment": t.comment, "rows": t.rows} for t in found])
    else:
        output.table(
            ("表", "说明", "约多少行"), ((t.name, t.comment, "" if t.rows is None else str(t.rows)) for t in found)
        )
    if len(found) == limit:
        output.say(f"只列了前 {limit} 张；请写名称的一部分来筛选，或用 --limit", "note")
    elif not found:
        output.say("没有名称相符、又有权读的表", "note")


def _found(source: str, like: str, limit: int) -> list[Table]:
    from connectors import catalogue
    from connectors.database import Database
    from connectors.drivers import open_driver
    from connectors.drivers.exchange import Exchange
    from hub.selection import one
    from hub.setup import home, registry

    at = home()
    if "$" in source or "://" in source:
        return catalogue.tables(source, like, limit)
    driver = open_driver(one(registry(at), source))
    opened = driver.backend if isinstance(driver, Exchange) else driver
    if not isinstance(opened, Database):
        raise UsageError(source, "不是数据库来源，没有表可列")
    return opened.tables(like, limit)
