"""The command line `hub`.

Commands import what they need when they run, so that `hub --help` and the small lookups start at once. Errors a
user can act on are printed as one sentence; anything unexpected goes to a log file with its traceback.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from hub import (
    audit,
    calendar,
    conflict,
    connector,
    correction,
    hotline,
    identifier,
    identity,
    indicator,
    key,
    notify,
    output,
    publication,
    quarantine,
    registering,
    sample,
    tables,
    user,
    workday,
)
from hub.drift import app as drift
from hub.help import Command, Group, usage_error
from hub.new_connector import app as new_connector
from hub.output import UsageError
from hub.polling import app as polling
from schemas.errors import HubError

app = typer.Typer(
    cls=Group, name="hub", add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
    no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip


@app.callback()
def hub() -> None:
    """通衢：县级政务数据汇聚、质检与主题库节点。

    第一次使用：hub demo（合成县演示），或 hub init 后登记自己的数据源。
    数据写到标准输出，提示写到标准错误；退出码 0 成功、1 未办成或查出问题、2 命令写错。

    示例：
      hub demo
      hub status
      hub query "SELECT * FROM indicator_overview" -o csv
    """


@app.command(cls=Command)
def init() -> None:
    """建好本机的数据节点：目录、设置文件、库表。可重复执行。

    示例：hub init
    """
    from hub.setup import init as make

    make()


@app.command(cls=Command)
def demo(
    scale: Annotated[float, typer.Option(metavar="倍数", help="合成县的规模，1 约为两万户企业、四万件工单")] = 1.0,
    seed: Annotated[int | None, typer.Option(metavar="整数", help="随机种子；同一种子得到同一个县")] = None,
) -> None:
    """一条命令看全程：启动合成县各部门系统，采集、质检、合并、出视图，并与标准答案核对。

    示例：
      hub demo
      hub demo --scale 0.1
    """
    from hub.demo import run

    if scale <= 0:
        raise UsageError("--scale", f"{scale:g} 不是正数", "例如 --scale 0.1")
    raise typer.Exit(run(scale, seed))


@app.command(cls=Command)
def up(port: Annotated[int, typer.Option(metavar="端口", help="网页端口，默认 3000")] = 3000) -> None:
    """启动门户和调度，只在本机可访问；Dagster 网页在登录后的 /dagster/。Ctrl-C 一并停止。

    示例：hub up --port 3100
    """
    from hub.up import run

    raise typer.Exit(run(port))


@app.command(cls=Command)
def down() -> None:
    """停止内置 PostgreSQL 和演示用的合成县；数据保留。

    示例：hub down
    """
    from hub.setup import down as stop

    stop()


@app.command(cls=Command)
def check(
    path: Annotated[Path | None, typer.Argument(metavar="路径", help="文件或目录；不写则检查全部")] = None,
) -> None:
    """检查数据契约、连接器文件和视图，逐条列出错误。

    示例：
      hub check
      hub check connectors/departments/hotline_office/ticket.yaml
    """
    from hub.check import run

    raise typer.Exit(run(path))


@app.command(cls=Command)
def doctor() -> None:
    """检查本机环境：数据库、磁盘、端口、时钟、工作日历、密钥文件；每条附处理办法。

    示例：hub doctor
    """
    from hub.doctor import run

    raise typer.Exit(run())


@app.command(cls=Command)
def status(
    format: Annotated[str, typer.Option("--output", "-o", metavar="table|json", help="输出格式，默认 table")] = "table",
) -> None:
    """各来源的近况：最近一批、行数、隔离、是否超过约定时效。

    示例：
      hub status
      hub status -o json
    """
    from hub.status import show

    show(output.one_of("-o", format, ("table", "json")))


@app.command(cls=Command)
def run(
    select: Annotated[
        list[str] | None,
        typer.Option(
            "--select",
            "-s",
            metavar="选择",
            help="连接器编号（可带 * ?）、dataset:数据集、dept:部门；可写多次，默认全部",
        ),
    ] = None,
    replay: Annotated[bool, typer.Option("--replay", help="不问来源，用已落地的原始数据重新质检合并")] = False,
    backfill: Annotated[
        tuple[str, str] | None,
        typer.Option("--backfill", metavar="起 止", help="补读游标在这一段的行（含起不含止），不动增量的位置"),
    ] = None,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="不管上次读到哪里，从头读一次；没变的行不重复入库")
    ] = False,
) -> None:
    """采集所选来源：提取、落地、质检、合并，再更新受影响的视图。一个来源出错不影响其他来源。

    示例：
      hub run
      hub run --select "hotline_office/*"
      hub run --select dataset:enterprise --replay
      hub run --select hotline_office/ticket --backfill 2026-03-01 2026-04-01
      hub run --select hotline_office/ticket --from-start
    """
    from hub.running import run as go

    if backfill is not None and (replay or not select):
        raise UsageError(
            "--backfill",
            "须与 --select 一起写，不与 --replay 一起写",
            "例如 hub run -s hotline_office/ticket --backfill 2026-03-01 2026-04-01",
        )
    if from_start and (replay or backfill is not None or not select):
        raise UsageError(
            "--from-start",
            "须与 --select 一起写，不与 --replay、--backfill 一起写",
            "例如 hub run -s hotline_office/ticket --from-start",
        )
    raise typer.Exit(go(select or [], from_landing=replay, backfill=backfill, from_start=from_start))


@app.command(cls=Command)
def read(
    path: Annotated[Path, typer.Argument(metavar="文件", help="Excel、CSV、JSON、XML、Parquet 或它们的压缩包")],
    sheet: Annotated[
        str | None, typer.Option(metavar="工作表", help="名称、通配（*镇）或第几张；默认第一张有数据的")
    ] = None,
    header: Annotated[
        str, typer.Option(metavar="auto|行号", help="表头在第几行，0 表示没有表头；默认自动判断")
    ] = "auto",
    encoding: Annotated[
        str, typer.Option(metavar="编码", help="文字编码；默认自动识别 UTF-8、UTF-16、GB18030")
    ] = "auto",
    delimiter: Annotated[str | None, typer.Option(metavar="字符", help="分隔符，制表符写 tab；默认自动识别")] = None,
    records: Annotated[
        str | None, typer.Option(metavar="位置", help="JSON、XML 里记录列表的位置，如 data.list")
    ] = None,
    member: Annotated[str | None, typer.Option(metavar="名称", help="压缩包里读哪些文件，可用通配；默认全部")] = None,
    coordinates: Annotated[
        bool, typer.Option("--coordinates", help="加上 _sheet、_row 两列：每行在原文件的位置")
    ] = False,
    format: Annotated[str, typer.Option("--output", "-o", metavar="csv|json", help="输出格式，默认 csv")] = "csv",
) -> None:
    """读一个文件，看连接器会读出什么：数据写到标准输出，表头、单位、合计、退回的行等说明写到标准错误。

    按内容而不按扩展名识别；读不了的文件说明在哪里、为什么、怎么办，退出码为 1。

    示例：
      hub read 台账.xls
      hub read 数据.zip --member "*.csv" -o json
      hub read 报表.xlsx --sheet "*镇" --header 3
    """
    from hub.read import run as go

    options: dict[str, object] = {
        "sheet": int(sheet) if sheet and sheet.isdigit() else sheet, "encoding": encoding.lower(), "delimiter": delimiter,
        "records": records, "member": member,
    }  # fmt: skip
    if header != "auto":
        if not header.isdigit():
            raise UsageError("--header", f"'{header}' 不是行号", "写 auto 或行号，如 --header 3")
        options["header_row"] = int(header)
    kept = {name: value for name, value in options.items() if value is not None}
    raise typer.Exit(go(path, options=kept, format=format, coordinates=coordinates))


@app.command(cls=Command)
def replay(
    select: Annotated[
        list[str] | None, typer.Option("--select", "-s", metavar="选择", help="同 hub run；默认全部")
    ] = None,
    batch: Annotated[
        list[int] | None,
        typer.Option("--batch", "-b", metavar="批次", help="只重放这一批，可重复；被拦的批次经人核实后由此放行"),
    ] = None,
) -> None:
    """用已落地的原始数据重新质检合并，不问来源；改了规则之后用，也用来放行被拦的批次。

    示例：hub replay --select dataset:hotline_ticket
      hub replay --batch 42
    """
    from hub.running import run as go

    raise typer.Exit(go(select or [], from_landing=True, batches=batch or None))


@app.command(cls=Command)
def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="一条 SELECT；写 - 则从标准输入读")],
    format: Annotated[
        str, typer.Option("--output", "-o", metavar="table|csv|json|parquet", help="输出格式，默认 table")
    ] = "table",
    file: Annotated[Path | None, typer.Option("--file", "-f", metavar="文件", help="写到文件；默认标准输出")] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="行数", min=0, help="最多几行，0 为全部；table 默认 1000")
    ] = None,
    param: Annotated[list[str] | None, typer.Option(metavar="名=值", help="给查询里的 :名 代入值，可写多次")] = None,
    bom: Annotated[bool, typer.Option("--bom", help="CSV 开头写 BOM，供 Excel 直接打开")] = False,
    timeout: Annotated[int, typer.Option(metavar="秒", min=1, help="最长运行时间，默认 60")] = 60,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="日期", help="按那天结束时所知的数据算，如 2026-03-31；可带时刻")
    ] = None,
    valid_on: Annotated[
        str | None,
        typer.Option("--valid-on", metavar="日期", help="只看那天有效的那一版（有效时间来自数据）；可带时刻"),
    ] = None,
) -> None:
    """只读查询专题视图和共享数据集，视图名、数据集名直接写，不带模式名。

    示例：
      hub query "SELECT indicator, score FROM indicator_overview ORDER BY score"
      hub query "SELECT * FROM hotline_ticket WHERE channel = :c" --param c=phone -o csv --bom -f 工单.csv
      hub query "SELECT * FROM indicator_overview" --as-of 2026-03-31
      hub query "SELECT name, status FROM enterprise" --valid-on 2025-12-31
    """
    from hub import query as asking
    from hub.setup import home

    request = asking.Request(
        sql=sys.stdin.read() if sql == "-" else sql,
        format=output.one_of("-o", format, asking.FORMATS),
        file=file, limit=limit, parameters=_pairs(param or []), bom=bom, seconds=timeout, as_of=asking.moment(as_of),
        valid_on=asking.moment(valid_on, "--valid-on"),
    )  # fmt: skip
    if format == "parquet" and file is None and sys.stdout.isatty():
        raise UsageError("-o parquet", "是二进制格式，不能写到屏幕", "请加 --file 文件.parquet")
    if bom and format != "csv":
        raise UsageError("--bom", "只用于 -o csv")
    rows = asking.run(home().database_url, request)
    if file is not None:
        output.say(f"已写 {output.thousands(rows)} 行到 {file}", "ok")


@app.command(cls=Command)
def resolve(
    config: Annotated[Path, typer.Argument(metavar="配置", help="YAML：文件、编号列、各列的角色")],
    clusters: Annotated[
        Path, typer.Option("--output", "-o", metavar="文件", help="每条输入记录一行：来源、编号、主体编号、概率、依据")
    ],
    review: Annotated[Path | None, typer.Option("--review", metavar="文件", help="拿不准、须人核对的记录对")] = None,
    model: Annotated[Path | None, typer.Option("--model", metavar="文件", help="用已训练好的模型，不再训练")] = None,
    save_model: Annotated[
        Path | None, typer.Option("--save-model", metavar="文件", help="把训练好的模型存下来")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(metavar="概率", help="自动归并的下限，默认按配置，配置没写则由数据定")
    ] = None,
) -> None:
    """任意几份名单（CSV、Excel、Parquet 等）里，哪些记录是同一个主体：先按确定的代码和全称，再按从数据训练出的模型。

    示例：
      hub resolve 名单.yaml -o clusters.csv --review review.csv
      hub resolve 名单.yaml -o clusters.csv --model 模型.json
    """
    from hub.resolve import run

    run(config, clusters, review, model, save_model, threshold)


def _pairs(items: list[str]) -> dict[str, str]:
    pairs = {}
    for item in items:
        name, separator, value = item.partition("=")
        if not separator or not name.isidentifier():
            raise UsageError("--param", f"'{item}' 不是 名=值 的形式", "例如 --param year=2025")
        pairs[name] = value
    return pairs


connector.app.registered_commands += registering.app.registered_commands + tables.app.registered_commands
connector.app.registered_commands += new_connector.registered_commands
app.registered_commands += polling.registered_commands
app.add_typer(connector.app, name="connector")
app.add_typer(drift, name="drift")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(correction.app, name="correction")
app.add_typer(identity.app, name="identity")
app.add_typer(key.app, name="key")
app.add_typer(conflict.app, name="conflict")
app.add_typer(conflict.trace, name="trace")
app.add_typer(identifier.app, name="identifier")
app.add_typer(workday.app, name="workday")
app.add_typer(calendar.app, name="calendar")
app.add_typer(indicator.app, name="indicator")
app.add_typer(hotline.app, name="hotline")
app.add_typer(user.app, name="user")
app.add_typer(audit.app, name="audit")
app.add_typer(notify.app, name="notify")
app.add_typer(publication.app, name="publication")
app.add_typer(sample.app, name="sample")
app.command("prove", cls=Command)(publication.prove)


def main(arguments: list[str] | None = None) -> int:
    """Run one command line; returns the exit code."""
    try:
        code = app(args=arguments, prog_name="hub", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except UsageError as error:
        output.say(str(error), "fail")
        return 2
    except HubError as error:
        output.say(str(error), "fail")
        return 1
    except (KeyboardInterrupt, typer.Abort):
        output.say("已中断；已提交的数据不受影响，再次运行会接着做", "warn")
        return 130
    except BrokenPipeError:
        # The reader of a pipe (head, less) has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        return _unexpected(error)


def _unexpected(error: Exception) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stdout.write(str(error))
        return 2
    if getattr(error, "exit_code", None) == 2:
        output.say(usage_error(error), "fail")
        return 2
    if os.environ.get("HUB_DEBUG"):
        traceback.print_exc()
        return 1
    from hub.setup import log

    output.say(f"程序出错（{type(error).__name__}）。详情在 {log(traceback.format_exc())}，请交给系统管理员", "fail")
    return 1
