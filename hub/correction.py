"""`hub correction …`: refused rows on their way back to the department, and back in again."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub import output
from hub.help import Command, Group
from hub.output import UsageError
from schemas.errors import ConfigError, HubError
from schemas.identifiers import COUNTY_TIME
from warehouse import workbook
from warehouse.workbook import changes, clock, grouped, place, reasons, state

if TYPE_CHECKING:
    import psycopg

app = typer.Typer(
    cls=Group, help="更正单：退回部门的问题行，限期更正，改好自动办结。", no_args_is_help=True, rich_markup_mode=None
)
Order = Annotated[int, typer.Argument(metavar="单号", help="更正单号，见 hub correction list")]
RowId = Annotated[int, typer.Argument(metavar="行编号", help="隔离行编号，见 hub correction show")]
By = Annotated[str, typer.Option("--by", metavar="姓名", help="经办人")]
Reason = Annotated[str, typer.Option("--reason", metavar="文字", help="理由")]


@app.command("list", cls=Command)
def list_(
    department: Annotated[
        str | None, typer.Option("--department", "-d", metavar="编号", help="只看这个部门（连接器编号的前一段）")
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="连同已办结的")] = False,
    format: Annotated[str, typer.Option("--output", "-o", metavar="table|json", help="输出格式，默认 table")] = "table",
) -> None:
    """更正单一览，最急的在前。

    示例：
      hub correction list
      hub correction list --department tax --all
    """
    from warehouse import correction

    output.one_of("-o", format, ("table", "json"))
    with _connect() as connection:
        found = correction.orders(connection, _today(), department=department, all=all)
    if format == "json":
        output.write_json(found)
        return
    output.table(
        ("单号", "部门", "来源", "送来的文件或表", "问题行", "未改", "申诉中", "到期日", "时限"),
        (
            [
                o["order_id"], o["department"], o["title"], o["delivery"], o["rows"], o["open_rows"], o["contested_rows"],
                f"{o['due_on']}{'（暂定）' if o['provisional'] else ''}", clock(o),
            ]
            for o in found
        ),
        right={"单号", "问题行", "未改", "申诉中"},
    )  # fmt: skip
    output.say(f"共 {len(found)} 单", "note")


@app.command(cls=Command)
def show(
    order: Order,
    format: Annotated[str, typer.Option("--output", "-o", metavar="table|json", help="输出格式，默认 table")] = "table",
) -> None:
    """一张更正单：依据、时限，每一行的出处、问题和经过。

    示例：hub correction show 3
    """
    from warehouse import correction

    output.one_of("-o", format, ("table", "json"))
    with _connect() as connection:
        one = _order(connection, order)
        found = correction.rows(connection, order=order)
    if format == "json":
        output.write_json([one | {"items": found}])
        return
    output.result(f"更正单 {order}   {one['title']}（{one['connector']}）")
    output.result(
        f"退回 {one['opened_on']}，到期 {one['due_on']}，{clock(one)}；依据 {one['legal_basis']}（{one['rule_id']}）"
    )
    output.table(
        ("行编号", "出处", "问题", "状态"),
        ([r["quarantine_id"], place(r | {"row": r["row_number"], "key": r["row_key"]}), reasons(r), state(r)] for r in found),
        right={"行编号"},
    )  # fmt: skip


@app.command(cls=Command)
def export(order: Order, file: Annotated[Path, typer.Argument(metavar="文件", help=".xlsx")]) -> None:
    """把没改好的行导出成一个 Excel：直接改后面的原始数据，写上更正说明，再用 import 送回。

    示例：hub correction export 3 更正单3.xlsx
    """
    from warehouse import correction

    if file.suffix.lower() != ".xlsx":
        raise UsageError(str(file), "只能导出 .xlsx", f"例如 hub correction export {order} 更正单{order}.xlsx")
    with _connect() as connection:
        _order(connection, order)
        found = correction.rows(connection, order=order, open_only=True)
    try:
        workbook.workbook(found, file)
    except OSError as error:
        raise UsageError(str(file), f"写不进去（{error.strerror}）", "请换一个可写的位置") from error
    output.say(f"已导出 {output.thousands(len(found))} 行到 {file}；改好后运行 hub correction import {file}", "ok")


@app.command("import", cls=Command)
def import_(
    file: Annotated[Path, typer.Argument(metavar="文件", help="改好的 .xlsx")],
    by: By,
) -> None:
    """送回改好的 Excel：每行按原来的规则重检，通过的入库办结，没通过的写明原因退回。

    示例：hub correction import 更正单3.xlsx --by 王芳
    """
    from warehouse import correction

    try:
        given = workbook.read(file)
    except ConfigError as error:
        raise UsageError(error.where, error.what, error.cure) from error
    with _connect() as connection:
        known = {r["quarantine_id"]: r for r in correction.rows(connection, ids=list(given))}
    for number in given:
        if number not in known:
            raise UsageError(str(file), f"没有行编号 {number}", "请不要改动“行编号”一列；可重新导出")
    changed = {
        n: (edited, why)
        for n, (raw, why) in given.items()
        if (edited := changes(known[n], raw)) and not known[n]["resolved_at"]
    }
    silent = [n for n, (_, why) in changed.items() if not why]
    if silent:
        raise UsageError(
            str(file), f"行编号 {silent[0]} 改了数据但没有写更正说明", f"请在“{workbook.REASON}”一列写明理由"
        )
    if not changed:
        output.say("没有改动过的行，什么也没有送回", "warn")
        return
    passed = 0
    for (order, why), numbers in grouped(known, changed).items():
        mended = [correction.Mended(n, {**known[n]["raw"], **changed[n][0]}) for n in numbers]
        passed += _resubmit(order, mended, by=by, reason=why)
    output.say(
        f"送回 {len(changed)} 行，通过 {passed} 行，退回 {len(changed) - passed} 行",
        "ok" if passed == len(changed) else "warn",
    )
    raise typer.Exit(int(passed < len(changed)))


@app.command(cls=Command)
def fix(
    row: RowId,
    values: Annotated[list[str], typer.Argument(metavar="列名=值…", help="源系统的列名和改后的值；“列名=”为清空")],
    by: By,
    reason: Reason,
) -> None:
    """就地改一行，按原来的规则重检。

    示例：hub correction fix 42 审批日期=2026-02-28 --by 王芳 --reason 笔误
    """
    from warehouse import correction

    with _connect() as connection:
        found = correction.rows(connection, ids=[row])
    if not found or found[0]["resolved_at"]:
        raise UsageError(f"行编号 {row}", "已经办结" if found else "没有这个编号", "用 hub correction list 查看")
    raw = dict(found[0]["raw"])
    for pair in values:
        name, sign, value = pair.partition("=")
        if not sign or name not in raw:
            raise UsageError(pair, f"没有“{name}”这一列", f"写成 列名=值；列有：{'、'.join(raw)}")
        raw[name] = value or None
    if not _resubmit(found[0]["order_id"], [correction.Mended(row, raw)], by=by, reason=reason):
        raise typer.Exit(1)


def _resubmit(order: int, mended: list[Any], *, by: str, reason: str) -> int:
    """Send the rows in, publish what they changed, and say why those that bounced did; the number that passed."""
    from hub.setup import home, registry
    from pipelines.run import settle
    from warehouse import correction
    from warehouse.load import resubmit

    with _connect() as connection:
        name = _order(connection, order)["connector"]
    connector = registry(home()).connectors.get(name)
    if connector is None:
        raise HubError(f"更正单 {order}", f"连接器 {name} 已经不在", "请数据工程师恢复连接器文件后再送")
    result = resubmit(connector, home(), order, mended, by=by, reason=reason)
    settle(home(), {result.dataset} if result.touched else set())
    with _connect() as connection:
        for row in correction.rows(connection, ids=[m.quarantine_id for m in mended], open_only=True):
            last = correction.events(connection, row["quarantine_id"])[-1]
            output.say(f"行编号 {row['quarantine_id']} 没有通过：{reasons({'reasons': last['detail']})}", "warn")
    return result.passed


@app.command(cls=Command)
def contest(
    row: RowId,
    by: By,
    reason: Reason,
    evidence: Annotated[str | None, typer.Option("--evidence", metavar="文字", help="佐证：文号、附件路径")] = None,
) -> None:
    """申诉：数据没错，是规则不对。由另一个人裁定，裁定之前时限照走。

    示例：hub correction contest 42 --by 王芳 --reason 该户经批准保留旧码 --evidence 市监〔2026〕12号
    """
    from warehouse import correction

    with _connect() as connection:
        correction.contest(connection, row, by=by, reason=reason, evidence=evidence)
    output.say(f"已登记，等待裁定：hub correction decide {row}", "ok")


@app.command(cls=Command)
def decide(
    row: RowId,
    verdict: Annotated[str, typer.Argument(metavar="upheld|rejected", help="upheld 申诉成立，rejected 维持")],
    by: By,
    reason: Reason,
) -> None:
    """裁定申诉。申诉人自己不能裁定。

    示例：hub correction decide 42 upheld --by 李强 --reason 批文属实，规则待修订
    """
    from warehouse import correction

    output.one_of("裁定", verdict, ("upheld", "rejected"))
    with _connect() as connection:
        correction.decide(connection, row, by=by, upheld=verdict == "upheld", reason=reason)
    output.say("申诉成立，不再计入该单位的问题" if verdict == "upheld" else "维持原判，请继续更正", "ok")


def _order(connection: psycopg.Connection[Any], order: int) -> dict[str, Any]:
    from warehouse import correction

    found = correction.orders(connection, _today(), order=order)
    if not found:
        raise UsageError(f"更正单 {order}", "没有这个单号", "用 hub correction list --all 查看")
    return found[0]


def _today() -> date:
    return datetime.now(COUNTY_TIME).date()


def _connect() -> psycopg.Connection[Any]:
    from hub import quarantine

    return quarantine.connect()
