"""`hub drift …`: what sources no longer deliver as agreed, and deciding about it."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub import output
from hub.connector import Format
from hub.help import Command, Group
from hub.output import UsageError
from hub.registering import By, control, who
from schemas.identifiers import COUNTY_TIME

if TYPE_CHECKING:
    from warehouse.inbox import Decided, Item

app = typer.Typer(cls=Group, help="来源变化收件箱：改了列、换了代码、少了行、没有交付。", no_args_is_help=True, rich_markup_mode=None)  # fmt: skip
Number = Annotated[int, typer.Argument(metavar="编号", help="hub drift list 里的编号")]
From = Annotated[
    str | None, typer.Option("--from", metavar="日期", help="从哪天的交付起是新的样子；默认这份交付的日期")
]
Reason = Annotated[str, typer.Option("--reason", metavar="原因", help="写明原因")]


@app.command("list", cls=Command)
def list_(
    connector: Annotated[str | None, typer.Argument(metavar="连接器", help="只看一个连接器")] = None,
    everything: Annotated[bool, typer.Option("--all", help="连同已处理的")] = False,
    format: Format = "table",
) -> None:
    """列出来源的变化；被扣住的交付已落地，没有入库，也没有丢。顺带查一遍谁该报没报。

    示例：hub drift list
    """
    from hub.setup import home, registry
    from warehouse import inbox

    output.one_of("-o", format, ("table", "json"))
    known = registry(home())
    with closing(control()) as connection:
        inbox.missing(connection, known)
        found = inbox.items(connection, tuple(inbox.STATES) if everything else ("open",), connector)
    if format == "json":
        output.write_json([vars(one) for one in found])
        return
    output.table(
        ("编号", "连接器", "种类", "什么变了", "交付", "扣住", "状态", "发现"),
        (
            (i.drift_id, i.connector, inbox.KINDS[i.kind], i.message, i.delivery, f"批次 {i.batch_id}" if i.holds and i.batch_id else "",
             inbox.STATES[i.state], i.found_at.astimezone(COUNTY_TIME).strftime("%m-%d %H:%M"))
            for i in found
        ),
    )  # fmt: skip
    output.say(f"{len(found)} 条" if found else "没有待处理的变化", "note")


@app.command(cls=Command)
def show(number: Number, format: Format = "table") -> None:
    """看一条变化：以前的列和现在的列、像是改成了什么、可以怎么办。

    示例：hub drift show 3
    """
    from hub.setup import home
    from warehouse import inbox

    output.one_of("-o", format, ("table", "json"))
    with closing(control()) as connection:
        found = inbox.item(connection, number)
        difference = inbox.difference(connection, home(), found)
    if format == "json":
        output.write_json([vars(found) | {"columns": difference}])
        return
    output.result(f"{found.connector}（{found.title}）{inbox.KINDS[found.kind]}：{found.message}")
    if found.batch_id is not None:
        output.result(f"交付 {found.delivery}，批次 {found.batch_id}，{inbox.STATES[found.state]}")
    if difference:
        marks = {"same": "", "gone": "－ 少了", "new": "＋ 多了"}
        output.table(
            ("列", "以前", "现在", "契约字段", ""),
            ((d["column"], d["was"], d["now"], "、".join(d["fields"]), marks[d["mark"]]) for d in difference),
        )
    for likely in found.detail.get("may_be", ()):
        output.say(f"像是 {likely['field']}（{likely['reason']}，把握 {likely['certainty']:.0%}）", "note")
    if found.state == "open":
        output.say(inbox.advice(found), "note")
    elif found.decided_by:
        output.say(
            f"{found.decided_by} 于 {found.decided_at:%Y-%m-%d} 处理：{inbox.STATES[found.state]}。{found.reason}",
            "note",
        )


@app.command(cls=Command)
def accept(number: Number, by: By = None, effective: From = None, reason: Reason = "") -> None:
    """接受：来源改得对，按收件箱里说的跟着改；没有别的问题就把扣住的交付入库。

    示例：hub drift accept 3 --by 王芳
    """
    from hub.setup import home, registry
    from warehouse import inbox

    here = home()
    known = registry(here)
    with closing(control()) as connection:
        c = known.get(inbox.item(connection, number).connector)
        done = inbox.accept(
            connection, here, number, by=who(by), connector=c, effective_on=_day(effective), reason=reason
        )
    _finish(done)


@app.command("map", cls=Command)
def map_(
    number: Number,
    field: Annotated[str | None, typer.Option(metavar="契约字段", help="多出来的列对应哪个字段")] = None,
    column: Annotated[str | None, typer.Option(metavar="源系统列", help="不见了的列由哪一列代替")] = None,
    code: Annotated[str | None, typer.Option(metavar="代码", help="新的写法对应哪个代码")] = None,
    by: By = None,
    effective: From = None,
    reason: Reason = "",
) -> None:
    """对应：写明新的列是哪个字段、由哪一列代替、新写法是哪个代码；新列可以从已落地的交付回填。

    示例：
      hub drift map 3 --column 办结日期 --by 王芳
      hub drift map 4 --field satisfaction --from 2026-03-01 --by 王芳
      hub drift map 5 --code visit --by 王芳
    """
    from hub.setup import home, registry
    from warehouse import inbox

    here = home()
    known = registry(here)
    with closing(control()) as connection:
        c = known.get(inbox.item(connection, number).connector)
        done = inbox.map_(
            connection, here, number, by=who(by), connector=c, field=field, column=column, code=code, effective_on=_day(effective), reason=reason
        )  # fmt: skip
    _finish(done)


@app.command(cls=Command)
def reject(number: Number, reason: Reason, by: By = None) -> None:
    """拒收：这份交付不对，留着不入库，请部门重报。

    示例：hub drift reject 3 --by 王芳 --reason 漏导了乡镇列，请重报
    """
    from warehouse import inbox

    with closing(control()) as connection:
        done = inbox.reject(connection, number, by=who(by), reason=reason)
    output.say(f"变化 {number} 已拒收；{done.item.delivery or done.item.connector} 不入库", "ok")


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("--from", f"'{text}' 不是日期", "例如 --from 2026-03-01") from None


def _finish(done: Decided) -> None:
    from hub.running import collect, tell
    from hub.setup import home, registry

    found: Item = done.item
    output.say(f"变化 {found.drift_id} 已处理，从 {found.effective_on} 的交付起按新的样子", "ok")
    if not done.replay:
        return
    here = home()
    report: Any = collect(here, [registry(here).get(found.connector)], from_landing=True, batches=set(done.replay))
    if tell(report):
        raise typer.Exit(1)
