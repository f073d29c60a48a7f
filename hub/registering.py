"""`hub connector drafts … retire`: from a draft to a live connector, by two people; its versions and its standing."""

from __future__ import annotations

import getpass
import os
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub import output
from hub.connector import Format, Id
from hub.help import Command
from schemas.errors import ConfigError, nearest
from schemas.identifiers import COUNTY_TIME

if TYPE_CHECKING:
    import psycopg


app = typer.Typer()
Number = Annotated[int, typer.Argument(metavar="登记号", help="hub connector drafts 里的登记号")]
By = Annotated[str | None, typer.Option("--by", metavar="姓名", help="经办人；默认本机登录名")]
Reason = Annotated[str, typer.Option("--reason", metavar="原因", help="写明原因")]

_EVENTS = {
    "submitted": "提交审批", "approved": "批准", "rejected": "退回", "withdrawn": "撤回", "revised": "按变化处理改版",
    "paused": "停用", "resumed": "恢复", "retired": "撤销",
}  # fmt: skip


def who(by: str | None) -> str:
    """The person who acts: as given, else who is logged in on this machine."""
    return (by or os.environ.get("SUDO_USER") or getpass.getuser()).strip()


def control() -> psycopg.Connection[dict[str, Any]]:
    """A connection to the control tables, which are made when they are not there."""
    from hub.setup import home
    from warehouse import migrations
    from warehouse.engines.adbc import Connection
    from warehouse.registry import connect

    here = home()
    with Connection(here.database_url) as warehouse:
        migrations.ensure(warehouse)
    return connect(here)


@app.command(cls=Command)
def drafts(format: Format = "table") -> None:
    """列出草稿和待审批的登记；草稿存在库里，换台电脑接着做。

    示例：hub connector drafts
    """
    from warehouse import registry

    output.one_of("-o", format, ("table", "json"))
    with closing(control()) as connection:
        found = registry.registrations(connection)
    if format == "json":
        output.write_json([vars(one) for one in found])
        return
    output.table(
        ("登记号", "连接器", "名称", "状态", "登记人", "更新", "说明"),
        (
            (r.registration_id, r.connector, r.document.get("title", ""), registry.STATES[r.state], r.created_by, _minute(r.updated_at),
             r.reason or "")
            for r in found
        ),
    )  # fmt: skip
    output.say(f"{len(found)} 份" if found else "没有草稿；用 hub connector new 登记", "note")


@app.command(cls=Command)
def draft(number: Number, format: Format = "table") -> None:
    """看一份登记：要装的连接器、带来的契约、影响预估。

    示例：hub connector draft 3
    """
    import yaml

    from warehouse import registry

    output.one_of("-o", format, ("table", "json"))
    with closing(control()) as connection:
        found = registry.registration(connection, number)
    if format == "json":
        output.write_json([vars(found)])
        return
    output.result(f"# {found.connector}（{registry.STATES[found.state]}，登记人 {found.created_by}）")
    output.result(yaml.safe_dump(found.document, allow_unicode=True, sort_keys=False).rstrip())
    if found.contract:
        output.result(f"\n# 随登记带来的契约\n{found.contract.rstrip()}")
    if impact := found.seen.get("impact"):
        output.say("影响预估：" + impact_text(impact), "note")


def impact_text(impact: dict[str, Any]) -> str:
    """An impact in words."""
    words = (("new", "新增"), ("changed", "更新"), ("unchanged", "不变"), ("quarantined", "隔离"), ("conflicting", "与别的来源不一致"))  # fmt: skip
    told = "，".join(f"{word} {output.thousands(int(impact[key]))}" for key, word in words)
    if impact.get("superseded"):
        told += f"，主键与后面的一行相同而被取代 {output.thousands(int(impact['superseded']))}（请核对主键）"
    gone = f"，注销 {output.thousands(int(impact['closed']))}" if impact.get("closed") else ""
    if impact.get("others"):
        gone += f"；只看了最新的一份，另有 {output.thousands(int(impact['others']))} 份也会装"
    return f"取到 {output.thousands(int(impact['extracted']))} 行：{told}{gone}"


@app.command(cls=Command)
def submit(number: Number, by: By = None) -> None:
    """提交审批；有错一次列全，改好再交。

    示例：hub connector submit 3 --by 王芳
    """
    from warehouse import registry

    with closing(control()) as connection:
        found = registry.submit(connection, number, by=who(by))
    output.say(f"登记 {number}（{found.connector}）已提交，待另一个人审批", "ok")
    output.say(f"审批：hub connector approve {number} --by 审批人", "note")


@app.command(cls=Command)
def approve(number: Number, by: By = None, reason: Reason = "") -> None:
    """批准一份登记，连接器当即生效，不用发布；登记人和提交人不能批自己的。

    示例：hub connector approve 3 --by 李强
    """
    from hub.setup import home
    from pipelines.serve import reload
    from warehouse import registry

    with closing(control()) as connection:
        version = registry.approve(connection, number, by=who(by), reason=reason)
        registry.write_contracts(home(), connection)
    output.say(f"{version.connector} 第 {version.version} 版已生效", "ok")
    if reload(home()):
        output.say("已通知运行中的调度重新读取", "note")
    output.say(f"接下来：hub run --select {version.connector}", "note")


@app.command(cls=Command)
def reject(number: Number, reason: Reason, by: By = None) -> None:
    """退回一份登记并写明原因；登记人改好可以再交。

    示例：hub connector reject 3 --by 李强 --reason 信用代码列对应错了
    """
    from warehouse import registry

    with closing(control()) as connection:
        found = registry.reject(connection, number, by=who(by), reason=reason)
    output.say(f"登记 {number}（{found.connector}）已退回", "ok")


@app.command(cls=Command)
def withdraw(number: Number, by: By = None) -> None:
    """撤回一份还没批准的登记。

    示例：hub connector withdraw 3
    """
    from warehouse import registry

    with closing(control()) as connection:
        found = registry.withdraw(connection, number, by=who(by))
    output.say(f"登记 {number}（{found.connector}）已撤回", "ok")


@app.command(cls=Command)
def history(name: Id, format: Format = "table") -> None:
    """一个连接器的各个版本和经办记录：谁、什么时候、做了什么。

    示例：hub connector history hotline_office/hotline_ticket
    """
    from warehouse import registry

    output.one_of("-o", format, ("table", "json"))
    with closing(control()) as connection:
        versions, events = registry.versions(connection, name), registry.events(connection, name)
    if format == "json":
        output.write_json([vars(v) for v in versions] + events)
        return
    output.table(
        ("版本", "生效日", "何时", "谁", "批准人", "说明"),
        (
            (v.version, "最初" if v.effective_on == registry.ALWAYS else v.effective_on, _minute(v.made_at), v.made_by, v.approved_by or "", v.note)
            for v in versions
        ),
    )  # fmt: skip
    output.table(
        ("何时", "谁", "做了什么", "说明"),
        ((_minute(e["at"]), e["actor"], _EVENTS.get(e["kind"], e["kind"]), e["reason"]) for e in events),
    )
    if not versions:
        output.say(f"{name} 只有连接器文件，没有在库里登记过", "note")


def _stand(name: str, state: str, by: str | None, reason: str) -> None:
    from hub.setup import home
    from pipelines.serve import reload
    from warehouse import registry

    known = registry.load(home())
    with closing(control()) as connection:
        kept = {v.connector for v in registry.versions(connection, name)}
        if name not in {*known.connectors, *known.broken, *kept}:
            raise ConfigError(f"连接器 '{name}'", "没有登记", nearest(name, known.connectors))
        registry.stand(connection, name, state, by=who(by), reason=reason)
    reload(home())


@app.command(cls=Command)
def pause(name: Id, reason: Reason, by: By = None) -> None:
    """停用：不再采集，已有的数据不动。

    示例：hub connector pause hotline_office/hotline_ticket --reason 热线平台升级 --by 王芳
    """
    _stand(name, "paused", by, reason)
    output.say(f"{name} 已停用", "ok")


@app.command(cls=Command)
def resume(name: Id, by: By = None, reason: Reason = "") -> None:
    """恢复停用或撤销的连接器，从停下的地方接着采。

    示例：hub connector resume hotline_office/hotline_ticket --by 王芳
    """
    _stand(name, "active", by, reason)
    output.say(f"{name} 已恢复", "ok")


@app.command(cls=Command)
def retire(name: Id, reason: Reason, by: By = None) -> None:
    """撤销：从登记中去掉，数据、历史和各个版本都留着。

    示例：hub connector retire hotline_office/hotline_ticket --reason 系统下线 --by 王芳
    """
    _stand(name, "retired", by, reason)
    output.say(f"{name} 已撤销", "ok")


def _minute(moment: Any) -> str:
    return moment.astimezone(COUNTY_TIME).strftime("%Y-%m-%d %H:%M") if moment else ""
