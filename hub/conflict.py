"""`hub conflict …` and `hub trace …`: whose value stands and why, and the cases where others say something else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub import output
from hub.help import Command, Group
from hub.output import UsageError
from hub.quarantine import connect
from schemas.identifiers import COUNTY_TIME

if TYPE_CHECKING:
    from schemas.contract import Contract

app = typer.Typer(
    cls=Group, help="冲突：别处的说法与数源部门不一致的，逐件裁定。", no_args_is_help=True, rich_markup_mode=None
)
trace = typer.Typer(
    cls=Group,
    help="追溯：主记录的每个值出自哪里、为什么采用、别处怎么说。",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Number = Annotated[int, typer.Argument(metavar="编号", help="冲突编号，见 hub conflict list")]
Format = Annotated[str, typer.Option("--output", "-o", metavar="table|json", help="输出格式，默认 table")]
_RULES = {"owner": "数源部门", "only": "只有一处说到", "priority": "登记在先的来源", "recency": "同一来源里最新的"}
_EXPIRED = {
    "agreed": "两边已一致",
    "withdrawn": "有一方撤回了",
    "moved": "有一方的说法变了",
    "replaced": "有了新的裁定",
    "regrouped": "主体已合并或拆开",
}


@app.command("list", cls=Command)
def list_(
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="部门", help="只看这个数源部门的，如 market_supervision")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="连同已了结的")] = False,
    limit: Annotated[int, typer.Option(metavar="件数", min=1, help="最多几件，默认 200")] = 200,
    format: Format = "table",
) -> None:
    """列出冲突，快到期的在前。

    示例：hub conflict list --owner market_supervision
    """
    from warehouse import truth

    output.one_of("-o", format, ("table", "json"))
    with connect() as connection:
        found = truth.conflicts(connection, owner=owner, every=every, limit=limit)
    if format == "json":
        output.write_json(found)
        return
    output.table(
        ("编号", "主体", "字段组", "数源部门的值", "别处的说法", "来源", "期限", "状态"),
        ([c["conflict_id"], c["enterprise"] or c["enterprise_id"], c["field_group"], _values(c["stands"]), _values(c["said"]) + ("（曾用名）" if c["former"] else ""),
          c["connector"], f"{c['due_on']}{'（暂定）' if c['provisional'] else ''}", truth.OUTCOMES.get(c["outcome"], "待裁定")] for c in found),
    )  # fmt: skip


@app.command(cls=Command)
def show(number: Number, format: Format = "table") -> None:
    """一件冲突的全部：两边的说法、期限、裁定和依据，签名核验，裁定是否已失效。

    示例：hub conflict show 7
    """
    from hub.setup import home
    from warehouse import keyring, truth

    output.one_of("-o", format, ("table", "json"))
    with connect() as connection:
        case = truth.conflict(connection, number)
    generation = truth.signed_under(case, keyring.every(home())) if case["verdict_id"] else None
    if format == "json":
        output.write_json([{**case, "signed_under": generation}])
        return
    output.table(
        ("项目", "内容"),
        [
            ("主体", f"{case['enterprise'] or ''} {case['enterprise_id']}".strip()),
            ("字段组", case["field_group"]),
            ("数源部门", f"{case['owner']}：{_values(case['stands'])}"),
            ("别处的说法", f"{case['connector']}：{_values(case['said'])}{'（曾用名）' if case['former'] else ''}"),
            ("立件、期限", f"{case['opened_on']}，{case['due_on']} 前裁定{'（暂定）' if case['provisional'] else ''}"),
            ("依据的规定", case["legal_basis"]),
            ("状态", truth.OUTCOMES.get(case["outcome"], "待裁定")),
            *(_verdict(case, generation) if case["verdict_id"] else ()),
        ],
    )


def _verdict(case: dict[str, Any], generation: int | None) -> list[tuple[str, str]]:
    what = f"改用 {_values(case['chosen'])}" if case["chosen"] else "维持数源部门的值"
    signed = "不符：内容被改过，或签名的密钥不在这里" if generation is None else f"有效（第 {generation} 代密钥）"
    told = [
        (f"裁定 {case['verdict_id']}", f"{what}；{case['by_whom']}，{_at(case['decided_at'])}"),
        ("理由", case["reason"]),
        ("依据", case["evidence"]),
        ("签名", signed),
    ]
    if case["expired_at"]:
        told.append(("失效", f"{_at(case['expired_at'])}，{_EXPIRED[case['expired_because']]}"))
    return told


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(COUNTY_TIME):%Y-%m-%d %H:%M:%S}"


@app.command(cls=Command)
def count(format: Format = "table") -> None:
    """各数源部门的冲突件数：未了结、超期、最久的天数、各种结果。

    示例：hub conflict count
    """
    from warehouse import truth

    output.one_of("-o", format, ("table", "json"))
    with connect() as connection:
        found = truth.counts(connection, datetime.now(COUNTY_TIME).date())
    if format == "json":
        output.write_json(found)
        return
    output.table(
        ("数源部门", "未了结", "超期", "最久（天）", *truth.OUTCOMES.values()),
        ([row["owner"], row["open"], row["overdue"], row["oldest_days"], *(row[o] for o in truth.OUTCOMES)] for row in found),
    )  # fmt: skip


@app.command(cls=Command)
def decide(
    number: Number,
    by: Annotated[str, typer.Option("--by", metavar="姓名", help="谁裁定的")],
    reason: Annotated[str, typer.Option("--reason", metavar="文字", help="理由")],
    evidence: Annotated[str, typer.Option("--evidence", metavar="文字", help="依据：文号、档案、现场核查记录")],
    keep: Annotated[
        str | None, typer.Option("--keep", metavar="owner|other", help="维持数源部门的值，或改用别处的说法")
    ] = None,
    value: Annotated[
        list[str] | None, typer.Option("--value", metavar="字段=值", help="改用第三个值，可写多次")
    ] = None,
) -> None:
    """裁定一件冲突：署名、留依据；任何一方的说法变了，裁定自动失效。

    示例：
      hub conflict decide 7 --keep owner --by 李四 --reason 登记档案为准 --evidence 档案号2026-118
      hub conflict decide 8 --value name=鑫源商贸有限公司 --by 李四 --reason 现场核实 --evidence 核查单12
    """
    from hub.setup import home
    from pipelines.run import settle
    from schemas.contract import contract
    from warehouse import keyring, truth

    here = home()
    with connect() as connection:
        case = truth.conflict(connection, number)
        if (keep is None) == (not value):
            raise UsageError("--keep", "须写 --keep 或 --value 其中之一", "例如 --keep owner")
        if keep is not None:
            output.one_of("--keep", keep, ("owner", "other"))
        chosen = (
            None
            if keep == "owner"
            else case["said"]
            if keep == "other"
            else _chosen(value or (), case, contract("enterprise"))
        )
        verdict = truth.decide(
            connection, number, chosen, by=by, reason=reason, evidence=evidence, key=keyring.newest(here)
        )
    settle(here, {"enterprise"})
    output.say(f"{number} 号冲突已裁定（裁定 {verdict}），主记录已更新", "ok")


def _chosen(values: Sequence[str], case: dict[str, Any], agreed: Contract) -> dict[str, str]:
    from warehouse import golden

    fields = golden.groups(agreed)[case["field_group"]]
    found = {}
    for text in values:
        name, sign, value = text.partition("=")
        if not sign or name not in fields:
            raise UsageError("--value", f"'{text}' 不是这组字段的值", f"写法 字段=值，字段可用 {'、'.join(fields)}")
        found[name] = value
    return found


@trace.command("enterprise", cls=Command)
def enterprise(
    number: Annotated[str, typer.Argument(metavar="主体", help="编号（合并前的也行）、信用代码、注册号或名称")],
    field: Annotated[str | None, typer.Argument(metavar="字段", help="只看这个字段，如 name")] = None,
    format: Format = "table",
) -> None:
    """一个主体的值出自哪个来源、批次、文件和行，何时得知，按哪条规则采用，别处怎么说。

    示例：
      hub trace enterprise 91350100M000100Y43
      hub trace enterprise 3f2b9c1e-5d1a-4f0e-9a77-0c1d2e3f4a5b name -o json
    """
    from hub.setup import home
    from schemas.contract import contract
    from schemas.errors import nearest
    from warehouse import merging, truth
    from warehouse.engines.adbc import Connection

    output.one_of("-o", format, ("table", "json"))
    fields = contract("enterprise").fields
    if field is not None and field not in fields:
        raise UsageError("字段", f"主体没有字段 '{field}'", nearest(field, fields))
    group = None if field is None else fields[field].group or field
    with Connection(home().database_url) as warehouse:
        number = merging.find(warehouse, number)
        current = merging.current(warehouse, number)
    with connect() as connection:
        claims = truth.trace(connection, current, group)
        cases = truth.conflicts(connection, enterprise=current, every=True)
    if not claims:
        output.say("没有哪个来源现在还说到它" + ("" if group is None else f"的 {group}"), "note")
    cases = [case for case in cases if group in (None, case["field_group"])]
    still = {(c["field_group"], c["connector"]): c for c in cases if c["outcome"] is None}
    for claim in claims:
        case = still.get((claim["field_group"], claim["connector"]))
        claim["conflict_id"] = case["conflict_id"] if case and case["said"].items() <= claim["said"].items() else None
    if format == "json":
        output.write_json(claims)
        return
    if current != number:
        output.say(f"{number} 已并入 {current}", "note")
    output.table(
        ("字段组", "采用", "依据", "值", "来源", "源主键", "批次", "文件和行", "得知", "冲突"),
        ([c["field_group"], "✓" if c["stands"] else "", _basis(c), _values(c["said"], field), c["connector"], c["source_key"], c["batch_id"],
          _place(c), str(c["known_from"])[:19], c["conflict_id"]] for c in claims),
    )  # fmt: skip
    for case in cases:
        output.say(_reason(case), "note")


def _basis(claim: dict[str, Any]) -> str:
    if claim["verdict_id"]:
        return f"裁定 {claim['verdict_id']}" if claim["stands"] else ""
    return _RULES.get(claim["rule"] or "", "")


def _reason(case: dict[str, Any]) -> str:
    """Why one claim stands and the other does not, in a sentence."""
    number, owner, said = case["conflict_id"], case["owner"], _values(case["said"])
    if case["outcome"] is None:
        return f"{number} 号冲突：{case['field_group']} 由数源部门 {owner} 说了算，{case['connector']} 的“{said}”不采用；{case['due_on']} 前由 {owner} 裁定"
    if case["verdict_id"] is None or case["expired_at"]:
        from warehouse import truth

        gone = f"；裁定 {case['verdict_id']} 已失效，{_EXPIRED[case['expired_because']]}" if case["verdict_id"] else ""
        return f"{number} 号冲突：{case['connector']} 说过“{said}”，{truth.OUTCOMES[case['outcome']]}{gone}"
    chosen = f"改用“{_values(case['chosen'])}”" if case["chosen"] else f"维持 {owner} 的值"
    return f"{number} 号冲突：裁定 {case['verdict_id']} {chosen}（{case['by_whom']}，{_at(case['decided_at'])}，{case['reason']}；依据 {case['evidence']}）；任何一方改口即失效"


def _place(claim: dict[str, Any]) -> str:
    parts = [claim["delivery"], claim["source_sheet"], f"第 {claim['source_row']} 行" if claim["source_row"] else None]
    return " ".join(part for part in parts if part)


def _values(said: dict[str, Any], only: str | None = None) -> str:
    return "，".join(
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in said.items()
        if only is None or name == only
    )
