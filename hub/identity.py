"""`hub identity …`: who is who over time: merges, partings, and the cases no rule may decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub import output
from hub.help import Command, Group

if TYPE_CHECKING:
    from warehouse.engines.adbc import Connection

app = typer.Typer(
    cls=Group, help="主体对照：合并、拆开、留痕，以及须人定的疑点。", no_args_is_help=True, rich_markup_mode=None
)
Enterprise = Annotated[str, typer.Argument(metavar="主体", help="编号（合并前的也行）、信用代码、注册号或名称")]
By = Annotated[str, typer.Option("--by", metavar="姓名", help="谁定的")]
Reason = Annotated[str, typer.Option("--reason", metavar="文字", help="理由")]
KINDS = {
    "same_code_other_name": "同一代码，名称毫不相干",
    "same_name_other_code": "同一名称，代码不同",
    "branch_under_code": "分支机构用了总公司的代码",
    "merge_refused": "按登记应合并，但有人拆开过",
}
_VERDICTS = {"same": "同一主体", "different": "不是同一主体"}


@app.command(cls=Command)
def show(
    enterprise: Enterprise,
    format: Annotated[str, typer.Option("--output", "-o", metavar="table|json", help="输出格式，默认 table")] = "table",
) -> None:
    """一个主体：现在的编号、并进来的编号、各来源怎样称呼它、合并与拆开的经过。

    示例：hub identity show 3f2b9c1e-5d1a-4f0e-9a77-0c1d2e3f4a5b
    """
    from warehouse import merging

    output.one_of("-o", format, ("table", "json"))
    with _warehouse() as warehouse:
        enterprise = merging.find(warehouse, enterprise)
        root = merging.current(warehouse, enterprise)
        said = warehouse.rows(
            "SELECT p.atom_id::text AS own_id, s.connector, p.uscc, p.reg_no, p.name, p.match_rule FROM hub.party p JOIN hub.source s USING (source_id) "
            "WHERE p.enterprise_id = $1::uuid ORDER BY p.first_batch_id, s.connector, p.name", root
        )  # fmt: skip
        steps = merging.history(warehouse, enterprise)
    if format == "json":
        output.write_json([{"enterprise_id": root, "named": said, "history": steps}])
        return
    output.result(f"编号  {root}" + ("" if root == enterprise else f"（{enterprise} 已并入）"))
    output.table(
        ("自己的编号", "来源", "信用代码", "注册号", "名称", "依据"),
        ([row["own_id"], row["connector"], row["uscc"], row["reg_no"], row["name"], row["match_rule"]] for row in said),
    )
    if steps:
        output.table(
            ("留下", "并入", "谁", "理由", "时间", "拆开", "拆开理由"),
            ([s["elder"], s["younger"], s["by_whom"], s["reason"], s["at"][:19], f"{s['undone_by']} {s['undone_at'][:19]}" if s["undone_at"] else None, s["undone_reason"]] for s in steps),
        )  # fmt: skip


@app.command(cls=Command)
def merge(
    one: Enterprise,
    other: Annotated[str, typer.Argument(metavar="另一个", help="并在一起的另一个")],
    by: By,
    reason: Reason,
) -> None:
    """两个主体是同一个：较早的编号留下，另一个指向它，随时可以拆开。

    示例：hub identity merge 3f2b9c1e-5d1a-4f0e-9a77-0c1d2e3f4a5b 7a01c2d3-1111-4222-8333-944455566677 --by 王芳 --reason 变更登记材料
    """
    from warehouse import merging

    with _warehouse() as warehouse:
        elder, younger = merging.merge(warehouse, one, other, by=by, reason=reason)
        warehouse.commit()
    _settle()
    output.say(f"已合并：{younger} 并入 {elder}；要拆开请运行 hub identity unmerge {younger}", "ok")


@app.command(cls=Command)
def unmerge(enterprise: Enterprise, by: By, reason: Reason) -> None:
    """拆开误并的主体：写被并入的那个编号；两边的记录和历史各归各，规则不会再把它们并在一起。

    示例：hub identity unmerge 7a01c2d3-1111-4222-8333-944455566677 --by 王芳 --reason 两家同名
    """
    from warehouse import merging

    with _warehouse() as warehouse:
        elder, restored = merging.unmerge(warehouse, enterprise, by=by, reason=reason)
        along = merging.along(warehouse, restored)
        warehouse.commit()
    _settle()
    with_it = f"（连同先前并入它的 {'、'.join(along)}）" if along else ""
    output.say(f"已拆开：{restored}{with_it}与 {elder} 各归各", "ok")


@app.command(cls=Command)
def review(
    all: Annotated[bool, typer.Option("--all", help="连同已定的")] = False,
    format: Annotated[str, typer.Option("--output", "-o", metavar="table|json", help="输出格式，默认 table")] = "table",
) -> None:
    """须人定的疑点：同码不同名、同名不同码、分支机构用了总公司代码。规则从不自己合并它们。

    示例：hub identity review
    """
    from warehouse import identity_cases

    output.one_of("-o", format, ("table", "json"))
    with _warehouse() as warehouse:
        found = identity_cases.listed(warehouse, closed=all)
    if format == "json":
        output.write_json(found)
        return
    output.table(
        ("编号", "疑点", "代码或名称", "涉及的名称", "主体", "已定"),
        ([c["case_id"], KINDS[c["kind"]], c["subject"], c["names"], c["ids"], _VERDICTS.get(c["verdict"], "不再有这样的记录" if c["lapsed"] else None)] for c in found),
        right={"编号"},
    )  # fmt: skip
    output.say(f"共 {len(found)} 件", "note")


@app.command(cls=Command)
def decide(
    case: Annotated[int, typer.Argument(metavar="编号", help="疑点编号，见 hub identity review")],
    verdict: Annotated[str, typer.Option("--verdict", metavar="same|different", help="same 同一主体，different 不是")],
    by: By,
    reason: Reason,
) -> None:
    """给疑点下结论：same 则归到一起，different 则各归各；以后的运行照此办理。

    示例：hub identity decide 12 --verdict different --by 王芳 --reason 查登记档案，两家企业
    """
    from warehouse import identity_cases

    output.one_of("--verdict", verdict, identity_cases.VERDICTS)
    with _warehouse() as warehouse:
        kind = identity_cases.decide(warehouse, case, verdict, by=by, reason=reason)
        warehouse.commit()
    _settle()
    output.say(f"疑点 {case}（{KINDS[kind]}）已定：{_VERDICTS[verdict]}", "ok")


def _settle() -> None:
    from hub.setup import home
    from pipelines.run import settle

    settle(home(), {"enterprise"})


def _warehouse() -> Connection:
    from hub.setup import home
    from warehouse import migrations
    from warehouse.engines.adbc import Connection

    warehouse = Connection(home().database_url)
    migrations.ensure(warehouse)
    return warehouse
