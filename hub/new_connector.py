"""`hub connector new`: a clerk's way from a source to a draft, by questions in a terminal or by flags."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from hub import output
from hub.help import Command
from hub.output import UsageError
from hub.registering import By, control, impact_text, who
from schemas.errors import ConfigError, HubError, nearest

if TYPE_CHECKING:
    from connectors.proposal import Proposal
    from connectors.sample import Sample
    from schemas.contract import Contract
    from warehouse.registry import Registration
    from warehouse.wizard import Draft

app = typer.Typer()
_STEPS = {"resolve": "解析地址", "connect": "建立连接", "login": "登录", "read": "读取", "list": "列出字段"}
_KINDS = {
    "csv": "CSV、制表符等文本文件", "excel": "Excel 工作簿", "http": "接口（HTTP、JSON）", "postgresql": "PostgreSQL 数据库",
    "mysql": "MySQL、MariaDB 数据库", "sqlite": "SQLite 文件库", "exchange": "前置机交换表", "file": "任何表格文件，按内容认", "dm": "达梦数据库",
    "kingbase": "人大金仓数据库", "oracle": "Oracle 数据库", "sqlserver": "SQL Server 数据库",
}  # fmt: skip


@app.command(cls=Command)
def new(
    name: Annotated[str, typer.Argument(metavar="部门/名称", help="登记成的编号，如 water/outage")] = "",
    driver: Annotated[str | None, typer.Option("--driver", "-d", metavar="驱动", help="来源的种类：csv、excel、http、postgresql、mysql 等")] = None,
    option: Annotated[list[str] | None, typer.Option("--set", metavar="选项=值", help="驱动的选项，如 path=/data/*.csv；口令自动存进 hub.env")] = None,
    title: Annotated[str, typer.Option(metavar="名称", help="中文名")] = "",
    dataset: Annotated[str | None, typer.Option(metavar="数据集", help="不写则自动找最合的；没有合的就草拟契约")] = None,
    draft_contract: Annotated[bool, typer.Option("--new-dataset", help="数据集还没有契约，按数据草拟一份")] = False,
    mode: Annotated[str | None, typer.Option(metavar="方式", help="装载方式：file、file_full、full、cursor 等")] = None,
    cursor: Annotated[str | None, typer.Option(metavar="列", help="增量用的更新时间列")] = None,
    lookback: Annotated[str | None, typer.Option(metavar="时长", help="每次往回多读多少，防迟到的行漏掉，如 1h；编号游标写个数；不写时按列定")] = None,
    key: Annotated[str | None, typer.Option(metavar="列[,列]", help="草拟契约时的主键列；'*' 为整行内容即标识")] = None,
    schedule: Annotated[str | None, typer.Option(metavar="定时", help='五段 cron，如 "30 2 * * *"')] = None,
    map_: Annotated[list[str] | None, typer.Option("--map", metavar="字段=列", help="自己指定的对应，可写多次；优先于建议")] = None,
    constant: Annotated[list[str] | None, typer.Option("--constant", metavar="字段=值", help="给字段定值，可写多次")] = None,
    number: Annotated[int | None, typer.Option("--draft", metavar="登记号", help="接着改一份草稿")] = None,
    rows: Annotated[int, typer.Option("--rows", metavar="行数", min=0, max=50, help="预览几行，默认 5，最多 50")] = 5,
    impact: Annotated[bool, typer.Option("--impact/--no-impact", help="是否预估对库里数据的影响")] = True,
    by: By = None,
    format: Annotated[str, typer.Option("--output", "-o", metavar="table|json", help="输出格式，默认 table")] = "table",
) -> None:  # fmt: skip
    """登记一个来源：逐步测试、预览、建议字段对应、预估影响，存成草稿；不写库里的数据。在终端里不带选项运行就一步步问。

    示例：
      hub connector new
      hub connector new water/outage --driver csv --set path=/data/inbox/停水*.csv --title 停水通知 --by 王芳
      hub connector new tax/tax_refund --driver postgresql --set url=postgresql://ro:口令@10.1.2.3/tax --set table=refund --dataset tax_refund
    """
    from hub.setup import home
    from warehouse import registry, wizard

    output.one_of("-o", format, ("table", "json"))
    asked = not driver and number is None
    if asked and not sys.stdin.isatty():
        raise UsageError("--driver", "要写来源的种类", f"可用的有：{'、'.join(wizard.kinds())}")
    here = home()
    source: dict[str, Any] = {}
    if number is not None:
        with closing(control()) as connection:
            old = registry.registration(connection, number)
        name, source, title = name or old.connector, dict(old.document.get("source", {})), title or old.document.get("title", "")  # fmt: skip
        map_ = [*(f"{k}={v}" for k, v in old.document.get("fields", {}).items() if not old.contract), *(map_ or [])]
        dataset = dataset or old.document.get("dataset")
        draft_contract = draft_contract or old.contract is not None
        mode, schedule = mode or old.document.get("load", {}).get("mode"), schedule or old.document.get("schedule")
        cursor = cursor or old.document.get("load", {}).get("cursor")
        lookback = lookback or old.document.get("load", {}).get("lookback")
        key = key or _keys_of(old)
    if asked:
        name, driver, title, source = _ask_source(name, title)
    if driver:
        source["driver"] = driver
    source |= {key: yaml.safe_load(value) if value else value for key, value in _pairs(option or [], "--set").items()}
    if "/" not in name:
        raise UsageError(name or "部门/名称", "不是 部门/名称 的形式", "例如 water/outage")
    _check_department(name)
    if dataset and not draft_contract:
        _check_dataset(dataset)
    source = wizard.keep_secrets(here, name, source)
    told: dict[str, Any] = {"connector": name, "steps": _reach(name, source, quiet=format == "json")}
    seen = wizard.look(name, source)
    told |= {
        "columns": [vars(c) for c in seen.columns],
        "preview": seen.rows[:50],
        "captions": seen.captions,
        "findings": seen.findings,
    }
    if format == "table":
        _show(seen, rows)
    fields, constants = _pairs(map_ or [], "--map"), _pairs(constant or [], "--constant")
    made = wizard.propose(
        name, seen, title=title, dataset=dataset, mode=mode, schedule=schedule, fields=fields, constants=constants, cursor=cursor,
        lookback=lookback, keys=_listed(key), new_dataset=draft_contract,
    )  # fmt: skip
    _check_columns(made, seen, fields)
    if format == "table":
        _show_proposal(made, seen)
        if asked and made.contract and not _keys_of(made):
            key = typer.prompt("哪几列合起来能分辨每一行（逗号分开；* 为整行）")
            made = wizard.propose(name, seen, title=title, dataset=dataset, mode=mode, schedule=schedule, cursor=cursor, lookback=lookback, keys=_listed(key), new_dataset=True)  # fmt: skip
        if asked and made.proposal is not None:
            made = _ask_fields(made, seen)
    if made.proposal is not None:
        told["proposal"] = {
            "dataset": made.proposal.dataset, "fields": {n: vars(s) for n, s in made.proposal.fields.items()}, "left": made.proposal.left,
            "missing": made.proposal.missing, "codes": made.proposal.codes, "sensitivity": made.proposal.sensitivity,
            "cursor": made.proposal.cursor, "key": made.proposal.key, "others": made.others,
        }  # fmt: skip
    with closing(control()) as connection:
        kept = registry.save(
            connection, name, made.document, by=who(by), contract=made.contract, number=number,
            seen={"proposal": told.get("proposal"), "steps": told["steps"]},
        )  # fmt: skip
        if impact:
            told["impact"] = _impact(here, kept, quiet=format == "json")
            if told["impact"]:
                registry.save(connection, name, made.document, by=who(by), contract=made.contract, number=kept.registration_id, seen={"impact": told["impact"]})  # fmt: skip
    told["registration_id"] = kept.registration_id
    if format == "json":
        output.write_json([told])
        return
    output.result(f"登记 {kept.registration_id}")
    output.say(f"已存为草稿，登记 {kept.registration_id}；看全文 hub connector draft {kept.registration_id}", "ok")
    output.say(f"接着改：hub connector new --draft {kept.registration_id} --map 字段=列；提交：hub connector submit {kept.registration_id}", "note")  # fmt: skip


def _check_department(name: str) -> None:
    from schemas.reference import departments

    dept = name.partition("/")[0]
    if dept not in departments():
        raise ConfigError(name, f"'{dept}' 不是已登记的部门", nearest(dept, departments()))


def _check_dataset(dataset: str) -> None:
    """Told before anything is asked of the source: the nearest name, and how to begin a new dataset."""
    from schemas.contract import contracts

    known = contracts()
    if dataset not in known:
        cure = f"{nearest(dataset, known)}数据集还没有契约的，加 --new-dataset 按数据草拟一份"
        raise ConfigError(f"--dataset {dataset}", "没有这个数据集的契约", cure)


def _check_columns(made: Draft, seen: Sample, fields: dict[str, str]) -> None:
    names = [column.name for column in seen.columns]
    for field, column in fields.items():
        if column not in names:
            raise ConfigError(f"--map {field}", f"来源没有 '{column}' 这一列", nearest(column, names))
    if made.proposal is not None:
        from schemas.contract import contract

        known = contract(made.proposal.dataset).fields
        for field in fields:
            if field not in known:
                raise ConfigError(
                    f"--map {field}", f"数据集 '{made.proposal.dataset}' 没有这个字段", nearest(field, known)
                )


def _reach(name: str, source: dict[str, Any], *, quiet: bool) -> list[dict[str, Any]]:
    from warehouse import wizard

    steps = []
    for step in wizard.reach(name, source):
        steps.append(vars(step))
        if not quiet:
            output.say(
                f"{_STEPS.get(step.name, step.name)}：{step.message}（{step.seconds:.1f} 秒）",
                "ok" if step.ok else "fail",
            )
        if not step.ok:
            raise HubError(f"{name}：{_STEPS.get(step.name, step.name)}", step.message, step.cure)
    return steps


def _show(seen: Sample, rows: int) -> None:
    for caption in seen.captions:
        output.say(f"表头之上：{caption}", "note")
    for finding in seen.findings:
        output.say(finding, "warn")
    if rows:
        output.table([c.name for c in seen.columns], (row.values() for row in seen.rows[:rows]))


def _show_proposal(made: Draft, seen: Sample) -> None:
    found = made.proposal
    if found is None:
        _show_drafted(made, seen)
        return
    from schemas.contract import contract

    agreed = contract(found.dataset)
    others = "；也可能是 " + "、".join(f"{n}（{s:.0%}）" for n, s in made.others) if made.others else ""
    output.say(f"数据集：{found.dataset}（{agreed.title}）{others}", "ok")
    chosen = made.document["fields"]
    output.table(
        ("契约字段", "名称（* 必填）", "源系统列", "把握", "理由", "分级"),
        (
            (f.name, f.title + ("*" if f.required else ""), chosen.get(f.name) or (f"（待确认）{s.column}" if s else ""),
             f"{s.certainty:.0%}" if s else "", s.reason if s else "自己指定", f.classification)
            for f in agreed.fields.values() if (s := found.fields.get(f.name)) or f.name in chosen
        ),
    )  # fmt: skip
    for name in found.missing:
        output.say(f"必填字段 {name}（{agreed.fields[name].title}）没有对应的列：{_cure(agreed, found, name)}", "warn")
    for name, s in found.fields.items():
        if agreed.fields[name].required and name not in chosen and name not in made.document.get("constants", {}):
            cure = f"用 --map {name}={s.column} 采用，或 --map {name}=别的列"
            output.say(f"必填字段 {name}（{agreed.fields[name].title}）待确认：{cure}", "warn")
    for name, spellings in found.codes.items():
        output.say(f"{agreed.fields[name].title}有代码表里没有的写法：{'、'.join(list(spellings)[:6])}", "warn")
    for column in found.left:
        level = found.sensitivity.get(column)
        output.say(f"不采集的列：{column}" + (f"（像是{level} 个人信息）" if level else ""), "note")


def _cure(agreed: Contract, found: Proposal, name: str) -> str:
    """How a required field gets its value when no column is called as it is."""
    if not agreed.fields[name].key:
        return f"用 --map {name}=列 或 --constant {name}=值"
    if found.telling:
        others = f"（每行都不同的列还有 {'、'.join(found.telling[1:4])}）" if found.telling[1:] else ""
        return f"它是主键，用 --map {name}={found.telling[0]}{others}"
    if len(agreed.key) > 1:
        return f"它和 {'、'.join(key for key in agreed.key if key != name)} 合起来是主键，用 --map {name}=列，整份相同的用 --constant {name}=值"
    return "它是主键，而没有哪一列每行都不同：请部门补上编号列，或用 --new-dataset --key 列,列 另立数据集（--key '*' 以整行为标识）"


def _show_drafted(made: Draft, seen: Sample) -> None:
    output.say(f"没有合适的契约，已按数据草拟 '{made.document['dataset']}'，请核对类型、主键和分级", "warn")
    from schemas.contract import parse

    agreed = parse(str(made.contract), "契约草案")
    chosen = made.document["fields"]
    output.table(
        ("契约字段", "源系统列", "类型", "主键", "分级"),
        ((f.name, chosen.get(f.name, ""), f.physical_type, f"{f.key}" if f.key else "", f.classification) for f in agreed.fields.values()),
    )  # fmt: skip
    if not agreed.key:
        output.say("没有主键：样本里没有哪几列能分辨每一行。用 --key 列[,列] 指定，整行内容即标识的写 --key '*'，否则不能提交", "warn")  # fmt: skip
    elif len(agreed.key) > 1 and {chosen[k] for k in agreed.key} != {*seen.keys}:
        output.say(
            f"主键 {'、'.join(chosen[k] for k in agreed.key)} 只是在样本里不重复，请核对；不对就用 --key 指定", "warn"
        )


def _keys_of(drafted: Draft | Registration) -> str:
    """The key columns of a drafted contract as --key takes them, "" without."""
    from schemas.contract import parse

    if drafted.contract is None:
        return ""
    columns = drafted.document.get("fields", {})
    return ",".join(columns[name] for name in parse(drafted.contract, "契约草案").key if name in columns)


def _impact(here: Any, kept: Any, *, quiet: bool) -> dict[str, Any] | None:
    from warehouse import wizard

    try:
        found = wizard.impact(here, kept)
    except HubError as error:
        if not quiet:
            output.say(f"影响预估做不了：{error}", "warn")
        return None
    if found is None:
        return None
    if not quiet:
        output.say(
            "影响预估：" + impact_text(found.told()) + ("" if found.complete else "（只看了前面一部分）"), "note"
        )
        for refused in found.refused[:3]:
            place = f"第 {refused['row']} 行" if refused["row"] else "一行"
            output.say(f"例如{place}：{'；'.join(refused['reasons'])}", "note")
    return found.told()


def _listed(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _pairs(items: list[str], flag: str) -> dict[str, str]:
    pairs = {}
    for item in items:
        name, separator, value = item.partition("=")
        if not separator or not name:
            raise UsageError(flag, f"'{item}' 不是 名=值 的形式")
        pairs[name] = value
    return pairs


# ------------------------------------------------------------------------------------------------ by questions
def _ask_source(name: str, title: str) -> tuple[str, str, str, dict[str, Any]]:
    from warehouse import wizard

    name = name or typer.prompt("编号（部门/名称，如 water/outage）")
    title = title or typer.prompt("中文名")
    kinds = wizard.kinds()
    output.say("来源的种类：" + "；".join(f"{kind} {_KINDS.get(kind, '')}" for kind in kinds), "note")
    driver = typer.prompt("种类")
    while driver not in kinds:
        output.say(f"没有 '{driver}'。{nearest(driver, kinds)}", "fail")
        driver = typer.prompt("种类")
    source: dict[str, Any] = {}
    for key, option in kinds[driver][1].items():
        if option.required or key in {"table", "token", "records", "paging"}:
            hint = f"（{'、'.join(option.choices)}）" if option.choices else ""
            said = typer.prompt(f"{key}：{option.title}{hint}", default="" if not option.required else None)
            if said:
                source[key] = said
    return name, driver, title, source


def _ask_fields(made: Draft, seen: Sample) -> Draft:
    from schemas.contract import contract

    assert made.proposal is not None
    agreed, names = contract(made.proposal.dataset), [c.name for c in seen.columns]
    chosen: dict[str, str] = made.document["fields"]
    for f in agreed.fields.values():
        s = made.proposal.fields.get(f.name)
        if f.name in chosen or (s is None and not f.required):
            continue
        said = typer.prompt(
            f"{f.title}（{f.name}）对应哪一列{'，空着不采集' if not f.required else ''}",
            default=s.column if s else made.proposal.telling[0] if f.key and made.proposal.telling else "",
        )
        while said and said not in names:
            output.say(f"来源没有 '{said}'。{nearest(said, names)}", "fail")
            said = typer.prompt(f"{f.title}（{f.name}）", default="")
        if said:
            chosen[f.name] = said
    made.document["fields"] = {n: chosen[n] for n in agreed.fields if n in chosen}
    made.proposal.missing = [n for n in made.proposal.missing if n not in chosen]
    return made
