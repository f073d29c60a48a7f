"""`hub notify …`: messages looked for and sent now, and what became of them; the portal does it once a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub import output
from hub.help import Command, Group
from hub.output import UsageError

if TYPE_CHECKING:
    from portal.site import Site

app = typer.Typer(cls=Group, help="消息：立即发送、投递记录、测试渠道。", no_args_is_help=True, rich_markup_mode=None)


def _site() -> Site:
    from hub.setup import home
    from portal.site import Site

    return Site(home())


@app.command(cls=Command)
def send() -> None:
    """看一遍有没有该提醒的事，把到点的消息发出去；门户开着时每分钟自动做一次。有没送到的，退出码为 1。

    示例：hub notify send
    """
    from portal import outbox, watch

    site = _site()
    made = watch.look(site)
    sent, failed = outbox.send_due(site)
    output.say(f"新消息 {made} 条；发出 {sent} 次，没有送到 {failed} 次", "fail" if failed else "ok")
    if failed:
        raise typer.Exit(1)


@app.command(cls=Command)
def log(
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="条", min=1, help="最近几次，默认 50")] = 50,
    format: Annotated[str, typer.Option("--output", "-o", metavar="table|json", help="输出格式，默认 table")] = "table",
) -> None:
    """投递记录：哪个渠道、送到没有、对方怎么回答。

    示例：hub notify log -n 20
    """
    from portal import outbox
    from portal.render import moment

    output.one_of("-o", format, ("table", "json"))
    with _site().database.owner() as connection:
        rows = outbox.deliveries(connection, limit)
    if format == "json":
        output.write_json([{**row, "at": moment(row["at"]), "seconds": float(row["seconds"])} for row in rows])
        return
    lines = ([moment(r["at"]), r["channel"], r["receiver"] or "群", str(r["notices"]), "送到" if r["ok"] else "没送到", r["told"]] for r in rows)  # fmt: skip
    output.table(("时间", "渠道", "收件人", "条数", "结果", "回答"), lines)


@app.command("test", cls=Command)
def try_channel(
    channel: Annotated[str, typer.Argument(metavar="渠道", help="/admin/notify 里的名称")],
    receiver: Annotated[str, typer.Option("--to", metavar="邮箱", help="邮件渠道的收件人")] = "",
) -> None:
    """从一个渠道发一条测试消息。没有送到，退出码为 1。

    示例：hub notify test 热线办企业微信
    """
    from portal import outbox

    site = _site()
    with site.database.owner() as connection:
        row = connection.execute("SELECT * FROM hub.notice_channel WHERE name = %s", [channel]).fetchone()
        if row is None:
            raise UsageError(f"渠道 {channel}", "没有这个渠道", "请在门户的“消息渠道”里添加")
        ok, told = outbox.test(connection, site, row, receiver)
    output.say(f"{channel}：{told}", "ok" if ok else "fail")
    if not ok:
        raise typer.Exit(1)


@app.command(cls=Command)
def retry() -> None:
    """把没有送到、已放弃的消息重新排队。

    示例：hub notify retry
    """
    from portal import outbox

    with _site().database.owner() as connection:
        output.say(f"{outbox.again(connection)} 条重新排队", "ok")
