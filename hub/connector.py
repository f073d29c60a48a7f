"""`hub connector …`: the registered sources, their tests and previews, and registering a new one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub import output
from hub.help import Command, Group
from hub.output import UsageError
from schemas.errors import ConfigError, HubError, nearest

if TYPE_CHECKING:
    from connectors.spec import Connector

app = typer.Typer(cls=Group, help="数据源：查看、测试、预览、登记。", no_args_is_help=True, rich_markup_mode=None)
Id = Annotated[str, typer.Argument(metavar="编号", help="连接器编号，如 hotline_office/ticket")]
Format = Annotated[str, typer.Option("--output", "-o", metavar="table|json", help="输出格式，默认 table")]
_STEPS = {"resolve": "解析地址", "connect": "建立连接", "login": "登录", "read": "读取", "list": "列出字段"}
_LIST = {"id": "编号", "title": "名称", "dataset": "数据集", "driver": "驱动", "mode": "方式", "schedule": "定时"}


def _registry() -> Any:
    from hub.setup import home, registry

    return registry(home())


def _one(name: str) -> Connector:
    from hub.selection import one

    return one(_registry(), name)


@app.command("list", cls=Command)
def list_(
    select: Annotated[
        list[str] | None, typer.Option("--select", "-s", metavar="选择", help="编号（可带 * ?）、dataset:…、dept:…")
    ] = None,
    format: Format = "table",
) -> None:
    """列出已登记的连接器；文件有误的单独列出，退出码为 1。

    示例：
      hub connector list
      hub connector list -s dept:tax
    """
    from hub.selection import select as choose

    output.one_of("-o", format, ("table", "json"))
    registry = _registry()
    rows = [{key: getattr(c, key) for key in _LIST} for c in choose(registry, select or [])]
    if format == "json":
        output.write_json(rows)
    else:
        output.table(list(_LIST.values()), (row.values() for row in rows))
    if not registry.connectors and not registry.broken:
        output.say("还没有登记连接器；用 hub connector add 文件 登记", "note")
    for error in registry.broken.values():
        output.say(str(error), "fail")
    if registry.broken:
        raise typer.Exit(1)


@app.command(cls=Command)
def show(name: Id) -> None:
    """一个连接器的全部设置：来源、装载方式、字段对应。口令只显示引用名。

    示例：hub connector show hotline_office/ticket
    """
    from schemas.contract import contract

    c = _one(name)
    agreed = contract(c.dataset)
    output.result(f"{c.id}  {c.title}")
    output.result(f"  数据集   {c.dataset}（{agreed.title}）")
    output.result(f"  来源     {c.driver}")
    for key, value in c.source.items():
        if key != "driver":
            output.result(f"           {key}: {value if isinstance(value, str) else output.shown(value)}")
    cursor = f"，游标 {c.cursor}，回看 {c.lookback}" if c.cursor else ""
    output.result(f"  装载     {c.mode}{cursor}；时区 {c.timezone}")
    output.result(f"  定时     {c.schedule or '无（手动）'}；并发池 {c.pool}")
    output.result(f"  文件     {c.path}")
    output.result("")
    rows: list[tuple[str, str, str]] = []
    for field in agreed.fields.values():
        source = c.fields.get(field.name) or (f"固定值 {c.constants[field.name]}" if field.name in c.constants else "")
        rows.append((field.name, field.title + ("*" if field.required else ""), source))
    output.table(("契约字段", "名称（* 必填）", "源系统列"), rows)


@app.command(cls=Command)
def test(name: Id) -> None:
    """逐步测试连接：解析、连接、登录、读取，再核对字段对应的列都在；一步不成即停并给出办法。

    示例：hub connector test hotline_office/ticket
    """
    from connectors.drivers import open_driver

    c = _one(name)
    driver = open_driver(c)
    for step in driver.probe():
        output.result(
            f"{_STEPS.get(step.name, step.name)}：{step.message}（{step.seconds:.1f} 秒）", "ok" if step.ok else "fail"
        )
        if not step.ok:
            if step.cure:
                output.say(step.cure, "note")
            raise typer.Exit(1)
    present = [column.name for column in driver.columns()]
    missing = [column for column in c.source_columns if column not in present]
    for column in missing:
        output.result(str(ConfigError(c.id, f"来源没有 '{column}' 这一列", nearest(column, present))), "fail")
    if missing:
        raise typer.Exit(1)
    output.result(f"字段对应：{len(c.fields)} 个契约字段的列都在", "ok")


@app.command(cls=Command)
def preview(
    name: Id,
    rows: Annotated[int, typer.Option("-n", "--rows", metavar="行数", min=1, max=1000, help="几行，默认 5")] = 5,
    format: Format = "table",
) -> None:
    """看来源最前面的几行原始数据；只读，不入库。

    示例：hub connector preview hotline_office/ticket -n 10
    """
    output.one_of("-o", format, ("table", "json"))
    c = _one(name)
    found = list(islice(_first_rows(c, rows), rows))
    columns = list(found[0]) if found else []
    if format == "json":
        output.write_json(found)
    else:
        output.table(columns, (row.values() for row in found))
    output.say(f"{c.id}：{len(found)} 行" if found else f"{c.id}：来源现在没有数据", "note")


def _first_rows(connector: Connector, rows: int) -> Iterator[dict[str, Any]]:
    from connectors.drivers import open_driver
    from connectors.sample import shown

    driver = open_driver(connector)
    driver.limit = rows
    for delivery in driver.deliveries(None, ()):
        for batch in delivery.batches():
            first = batch.slice(0, rows)
            for row in zip(*map(shown, first.columns), strict=True):
                yield dict(zip(first.schema.names, row, strict=True))


@app.command(cls=Command)
def add(
    file: Annotated[Path, typer.Argument(metavar="文件", help="连接器文件（YAML）")],
    name: Annotated[
        str | None, typer.Option("--as", metavar="部门/名称", help="登记成的编号；默认取文件所在目录名和文件名")
    ] = None,
) -> None:
    """检查一个连接器文件并登记到连接器目录；已有同名的不覆盖。

    示例：
      hub connector add hotline_office/ticket.yaml
      hub connector add 草稿.yaml --as hotline_office/callback
    """
    from connectors.spec import load
    from hub.setup import home
    from schemas.reference import departments

    if not file.is_file():
        raise UsageError(str(file), "找不到这个文件", "请检查路径")
    dept, _, stem = (name or f"{file.resolve().parent.name}/{file.stem}").partition("/")
    if not stem or "/" in stem:
        raise UsageError("--as", f"'{name}' 不是 部门/名称 的形式", "例如 --as hotline_office/ticket")
    target = home().departments / dept / f"{stem}.yaml"
    if target.exists():
        raise HubError(f"{dept}/{stem}", "已经登记过", f"要修改请直接编辑 {target}，要另立请用 --as 换名称")
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / dept / f"{stem}.yaml"
        draft.parent.mkdir()
        draft.write_bytes(file.read_bytes())
        load(draft, departments=departments())
        target.parent.mkdir(parents=True, exist_ok=True)
        _publish(draft, target)
    output.say(f"已登记 {dept}/{stem}（{target}）", "ok")
    output.say(f"接下来：hub connector test {dept}/{stem}", "note")


def _publish(draft: Path, target: Path) -> None:
    """Put the file in place whole and only if nobody else has: readers see it complete or not at all."""
    part = target.with_suffix(f".part{os.getpid()}")
    part.write_bytes(draft.read_bytes())
    try:
        os.link(part, target)
    except FileExistsError as error:
        raise HubError(target.stem, "已经登记过", f"要修改请直接编辑 {target}") from error
    finally:
        part.unlink()
