"""`hub sample …`: sample frames of the evaluation, frozen and drawn from."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from hub import output
from hub.help import Command, Group
from hub.output import UsageError
from hub.publication import connect

app = typer.Typer(
    cls=Group, help="样本框：冻结一项指标的总体，按种子分层抽取，可重复、可核对。", no_args_is_help=True, rich_markup_mode=None
)  # fmt: skip
Number = Annotated[str, typer.Argument(metavar="编号", help="样本框编号，见 hub sample list")]
By = Annotated[str, typer.Option("--by", metavar="姓名", help="经办人")]
Format = Annotated[str, typer.Option("--output", "-o", metavar="table|csv|json", help="输出格式，默认 table")]


@app.command(cls=Command)
def frames() -> None:
    """列出可以冻结的样本框：总体是谁、凭哪个日期。

    示例：hub sample frames
    """
    from views import sampling

    output.table(
        ("样本框", "指标", "数据集", "日期", "条件", "依据"),
        ([f.id, f.title, f.dataset, f.event, f.where, f.source] for f in sampling.frames().values()),
    )


@app.command(cls=Command)
def freeze(
    frame: Annotated[str, typer.Argument(metavar="样本框", help="见 hub sample frames")],
    start: Annotated[str, typer.Option("--from", metavar="日期", help="统计期起")],
    end: Annotated[str, typer.Option("--to", metavar="日期", help="统计期止（含）")],
    by: By,
    strata: Annotated[
        str, typer.Option(metavar="分层", help="industry 行业门类、size 规模、town 乡镇，逗号隔开")
    ] = "industry,size",
) -> None:
    """冻结一期的总体：一户一行，不合格的写明原因；再次冻结是新的一版。

    示例：hub sample freeze start_business --from 2025-01-01 --to 2025-12-31 --by 王某
    """
    from views import sampling

    parts = tuple(word.strip() for word in strata.split(",") if word.strip())
    with connect() as connection:
        number = sampling.freeze(connection, frame, _day(start), _day(end), by=by, strata=parts)
        found = sampling.get(connection, number)
        _tell(connection, found)
    output.result(number)


@app.command(cls=Command)
def draw(
    number: Number,
    by: By,
    size: Annotated[int | None, typer.Option(metavar="户数", min=1, help="抽几户；不写则按 --margin 推算")] = None,
    margin: Annotated[float, typer.Option(metavar="误差", help="90% 置信度下比例的误差")] = 0.075,
    seed: Annotated[str, typer.Option(metavar="种子", help="同一种子抽出同一批")] = "1",
    minimum: Annotated[
        int | None, typer.Option(metavar="户数", min=0, help="每层至少几户；不写为 5，户数不够分时少些")
    ] = None,
) -> None:
    """从冻结的样本框分层抽取：按比例分配、每层保底，权重为层内总数 ÷ 抽取数。

    示例：hub sample draw start_business-20250101-20251231-v1 --size 120 --seed 2025 --by 王某
    """
    from views import sampling

    if not 0 < margin < 1:
        raise UsageError("--margin", f"{margin:g} 不在 0 与 1 之间", "例如 --margin 0.075")
    with connect() as connection:
        draw_no = sampling.draw(connection, number, by=by, size=size, margin=margin, seed=seed, minimum=minimum)
        drawn = sampling.units(connection, number, draw_no)
        strata = len({u["stratum"] for u in sampling.units(connection, number, None) if u["eligible"]})
    reached = len({u["stratum"] for u in drawn})
    output.say(
        f"{number} 第 {draw_no} 次抽取：{output.thousands(len(drawn))} 户，{reached} 层",
        "ok",
    )
    if size is not None and len(drawn) > size:
        output.say(
            f"比要的 {size} 户多：{strata} 层每层至少 {minimum} 户。要少抽，请改小 --minimum，或冻结时少分几层", "note"
        )
    if reached < strata:
        output.say(f"有 {strata - reached} 层一户也没有抽到，权重不代表它们。请多抽些，或冻结时少分几层", "note")
    output.result(str(draw_no))


@app.command(cls=Command)
def show(
    number: Number,
    drawn: Annotated[
        int | None, typer.Option("--draw", metavar="次", min=1, help="看第几次抽取；不写则看样本框")
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="列出样本框的每一户")] = False,
    format: Format = "table",
) -> None:
    """一个样本框的概况和核对，或其中一次抽取的名单（不含联系方式）。

    示例：
      hub sample show start_business-20250101-20251231-v1
      hub sample show start_business-20250101-20251231-v1 --draw 1 -o csv
    """
    from views import sampling

    output.one_of("-o", format, ("table", "csv", "json"))
    with connect() as connection:
        found = sampling.get(connection, number)
        if drawn is None and not all:
            _tell(connection, found)
            if found["sha256"] != found["sha256_now"]:
                raise typer.Exit(1)
            return
        write(sampling.units(connection, number, drawn), format)


@app.command("list", cls=Command)
def list_(format: Format = "table") -> None:
    """列出已冻结的样本框，新的在前。

    示例：hub sample list
    """
    from views import sampling

    output.one_of("-o", format, ("table", "csv", "json"))
    with connect() as connection:
        write(sampling.listed(connection), format)


@app.command(cls=Command)
def release(
    number: Number,
    drawn: Annotated[int, typer.Option("--draw", metavar="次", min=1, help="第几次抽取")],
    to: Annotated[str, typer.Option("--to", metavar="单位", help="交给谁，如 省评估机构")],
    by: By,
    reason: Annotated[str, typer.Option("--reason", metavar="文字", help="用途和依据")],
    file: Annotated[Path | None, typer.Option("--file", "-f", metavar="文件", help="写到文件；默认标准输出")] = None,
) -> None:
    """交出一次抽取的名单和联系方式（CSV），先记录交给谁、谁交的、为什么。节点只有脱敏的号码，完整号码由登记单位提供。

    示例：hub sample release start_business-20250101-20251231-v1 --draw 1 --to 省评估机构 --by 王某 --reason 2025年评价 -f 名单.csv
    """
    from views import sampling

    with connect() as connection:
        found = sampling.release(connection, number, drawn, to=to, by=by, reason=reason)
    names = list(found[0]) if found else []
    if file is None:
        output.write_csv(names, (list(u.values()) for u in found))
        return
    with file.open("w", encoding="utf-8-sig", newline="") as target:
        output.write_csv(names, (list(u.values()) for u in found), target)
    output.say(f"已写 {len(found)} 户到 {file}，已记录", "ok")


def write(rows: list[dict[str, Any]], format: str) -> None:
    """Rows of one shape as a table, CSV or JSON."""
    if format == "json":
        output.write_json(rows)
        return
    names = list(rows[0]) if rows else []
    values = (list(row.values()) for row in rows)
    if format == "csv":
        output.write_csv(names, values)
    else:
        output.table(names, values)


def _tell(connection: Any, found: dict[str, Any]) -> None:
    from views import sampling

    same = found["sha256"] == found["sha256_now"]
    output.say(f"{found['frame_id']} {found['title']}：{found['period_start']} 至 {found['period_end']}，{output.thousands(found['population_n'])} 笔，合格 {output.thousands(found['eligible_n'])} 户", "note")  # fmt: skip
    output.say(f"指纹 {found['sha256'][:16]}，{'与冻结时一致' if same else '与冻结时不一致'}", "ok" if same else "fail")
    for row in sampling.excluded(connection, found["frame_id"]):
        shared = (
            f"，其中 {row['shared_phone']} 户与至少 {sampling.SHARED_PHONE} 户共用电话" if row["shared_phone"] else ""
        )
        output.say(f"{row['reason']}：{output.thousands(row['units'])}{shared}", "note")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(f"日期 '{text}'", "不是有效的日期", "请写成 2025-12-31 的形式") from error
