"""`hub hotline …`: ticket files judged and read for what people complain of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub import output
from hub.help import Command, Group
from hub.output import UsageError
from schemas.errors import ConfigError
from schemas.identifiers import COUNTY_TIME

if TYPE_CHECKING:
    import duckdb

    from schemas.clock import AsOf
    from views.tickets.reading import TicketFile

app = typer.Typer(
    cls=Group, help="热线：按时限判定工单文件，从留言内容里找热点问题。", no_args_is_help=True, rich_markup_mode=None
)
Data = Annotated[Path, typer.Option("--data", metavar="文件", help="CSV、xlsx、xls、JSON 或 Parquet")]
Given = Annotated[Path | None, typer.Option("--mapping", metavar="YAML", help="列名对照，写认不出来的列")]
Preset = Annotated[
    str | None, typer.Option("--preset", metavar="来路", help="nyc311、open311、311、留言、工单；不写则自动认")
]
Sheet = Annotated[str | None, typer.Option("--sheet", metavar="名称", help="工作簿里的哪一张表")]
Format = Annotated[str, typer.Option("--output", "-o", metavar="table|csv|json", help="输出格式，默认 table")]
File = Annotated[Path | None, typer.Option("--file", "-f", metavar="文件", help="写到文件；默认标准输出")]
_SHOWN = ("ticket_no", "unit", "state_text", "due_at", "stop_at", "verdict_text", "reason", "rule")
_TITLES = {
    "ticket_no": "编号", "unit": "单位", "state_text": "状态", "due_at": "时限", "stop_at": "办结或答复", "verdict_text": "判定",
    "reason": "原因", "rule": "依据的规则",
}  # fmt: skip


@app.command(cls=Command)
def assess(
    data: Data,
    mapping: Given = None,
    preset: Preset = None,
    as_of: Annotated[str | None, typer.Option("--as-of", metavar="日期", help="截至日，或到时刻；默认今天")] = None,
    rules: Annotated[Path | None, typer.Option("--rules", metavar="YAML", help="时限规则，代替县里的")] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="分组", help="出比率表：unit、category、place、demand_type、month")
    ] = None,
    missing: Annotated[
        str, typer.Option("--missing", metavar="exclude|late", help="无法判定的：不进分母，或算超期")
    ] = "exclude",
    unreached: Annotated[
        str, typer.Option("--unreached", metavar="exclude|dissatisfied", help="回访未通或拒评的：不进分母，或算不满意")
    ] = "exclude",
    sheet: Sheet = None,
    format: Format = "table",
    file: File = None,
) -> None:
    """判定一个工单文件：每张工单的状态、时限、依据的规则、按期还是超期，判不了的说明原因。

    示例：
      hub hotline assess --data 311.csv -o csv
      hub hotline assess --data 留言.xlsx --rules 时限.yaml --as-of 2020-01-31 -o csv -f 判定.csv
      hub hotline assess --data 工单.csv --by unit
    """
    from views.tickets import rates
    from views.tickets.assess import COLUMNS
    from views.tickets.assess import assess as judge

    output.one_of("-o", format, ("table", "csv", "json"))
    output.one_of("--missing", missing, ("exclude", "late"))
    output.one_of("--unreached", unreached, ("exclude", "dissatisfied"))
    if by is not None:
        output.one_of("--by", by, rates.GROUPS)
    moment = _as_of(as_of)
    days, years = _county_days()
    judged = judge(
        data, moment, given=mapping, preset=preset, rule_file=rules, sheet=sheet, overrides=days, announced=years
    )
    _tell(judged, moment)
    if by is not None:
        _give(judged.con, rates.by(judged, moment, by, missing=missing, unreached=unreached), format, file)
        return
    columns = _SHOWN if format == "table" else COLUMNS
    _give(judged.con, f"SELECT {', '.join(columns)} FROM assessed ORDER BY row_no", format, file)


def _tell(judged: TicketFile, moment: AsOf) -> None:
    from views.tickets.assess import VERDICT_TEXTS

    fields = "、".join(f"{concept}={column}" for concept, column in judged.mapping.columns.items())
    output.say(f"按“{judged.mapping.preset}”读，截至 {moment.text}；列：{fields}", "note")
    for note in judged.notes:
        output.say(note, "warn")
    counts = judged.con.execute("SELECT verdict, count(*) FROM assessed GROUP BY 1").fetchall()
    found = dict(counts)
    told = "、".join(f"{text} {found[v]}" for v, text in VERDICT_TEXTS.items() if v in found)
    output.say(f"{output.thousands(sum(found.values()))} 张工单：{told or '没有'}", "note")


def _as_of(text: str | None) -> AsOf:
    from schemas.clock import AsOf

    if text is None:
        return AsOf.of(datetime.now(COUNTY_TIME).date())
    try:
        return AsOf.of(date.fromisoformat(text.strip()))
    except ValueError:
        pass
    try:
        return AsOf.of(datetime.fromisoformat(text.strip()).replace(tzinfo=None))
    except ValueError as error:
        raise UsageError(f"--as-of '{text}'", "不是有效的日期", "请写成 2026-09-30 或 '2026-09-30 17:00'") from error


def _county_days() -> tuple[list[Any], list[int]]:
    """What the county set in its calendar, when this machine has a warehouse that answers; else nothing."""
    import os

    import psycopg

    from warehouse import calendar as county
    from warehouse.home import ROOT

    path = Path(os.environ.get("HUB_HOME") or ROOT / "var")
    if not os.environ.get("HUB_DATABASE_URL") and not (path / "pg" / "postmaster.pid").exists():
        return [], []
    from hub.setup import home

    try:
        with psycopg.connect(home().database_url, connect_timeout=5) as connection:
            return county.settings_of(connection)
    except psycopg.Error:
        output.say("共享库没有应答，工作日历按国家安排算，不含县里的设定", "warn")
        return [], []


def _give(con: duckdb.DuckDBPyConnection, sql: str, format: str, file: Path | None) -> None:
    """The answer on stdout or in a file; CSV straight from the engine."""
    if format == "csv" and file is not None:
        target = str(file).replace("'", "''")
        con.execute(f"COPY ({sql}) TO '{target}' (HEADER, DELIMITER ',')")
        output.say(f"已写到 {file}", "ok")
        return
    cursor = con.execute(sql)
    names = [column[0] for column in cursor.description or ()]
    with _target(file) as target:
        if format == "csv":
            output.write_csv(names, _rows(cursor), target)
        elif format == "json":
            output.write_json((dict(zip(names, row, strict=True)) for row in _rows(cursor)), target)
        else:
            output.table([_TITLES.get(name, name) for name in names], _rows(cursor), target=target)


@contextmanager
def _target(file: Path | None) -> Iterator[Any]:
    if file is None:
        yield None
        return
    try:
        with file.open("w", encoding="utf-8", newline="") as opened:
            yield opened
    except OSError as error:
        raise ConfigError(str(file), "写不了这个文件", "请检查目录和权限") from error
    output.say(f"已写到 {file}", "ok")


def _rows(cursor: duckdb.DuckDBPyConnection) -> Iterable[tuple[Any, ...]]:
    while batch := cursor.fetchmany(10_000):
        yield from batch


@app.command(cls=Command)
def topics(
    data: Data,
    text: Annotated[str | None, typer.Option("--text", metavar="列", help="内容列；不写则自动认")] = None,
    title: Annotated[str | None, typer.Option("--title", metavar="列", help="标题列")] = None,
    time: Annotated[str | None, typer.Option("--time", metavar="列", help="时间列")] = None,
    place: Annotated[str | None, typer.Option("--place", metavar="列", help="地点列")] = None,
    caller: Annotated[str | None, typer.Option("--caller", metavar="列", help="诉求人列")] = None,
    mapping: Given = None,
    sheet: Sheet = None,
    words: Annotated[
        Path | None, typer.Option("--words", metavar="YAML", help="词典，代替 schemas/topic_words.yaml")
    ] = None,
    previous: Annotated[
        Path | None, typer.Option("--previous", metavar="文件", help="上一次的明细，沿用其中的题号")
    ] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", metavar="日期", help="看趋势的截至日；默认最后一条")] = None,
    least: Annotated[int, typer.Option("--least", metavar="件数", min=1, help="几件以上才算一题")] = 3,
    top: Annotated[int, typer.Option("--top", metavar="题数", min=0, help="只要最热的几题，0 为全部")] = 0,
    members: Annotated[
        Path | None, typer.Option("--members", metavar="文件", help="把各题的留言明细写到这个 CSV")
    ] = None,
    duplicates: Annotated[
        Path | None, typer.Option("--duplicates", metavar="文件", help="把重复发送的写到这个 CSV")
    ] = None,
    format: Format = "table",
    file: File = None,
) -> None:
    """从留言、工单的文字里找热点问题：同一地点的同一件事归成一题，按热度排，标出重复、趋势和预警。

    示例：
      hub hotline topics --data 留言.xlsx --top 5
      hub hotline topics --data 留言.xlsx -o csv -f 热点.csv --members 明细.csv
      hub hotline topics --data 本月.csv --previous 上月明细.csv --members 明细.csv -o csv
    """  # fmt: skip
    from views.topics import find
    from views.topics.words import FILE

    output.one_of("-o", format, ("table", "csv", "json"))
    said = {"content": text, "title": title, "recorded_at": time, "place": place, "caller": caller}
    found = find.find(
        data,
        columns={concept: column for concept, column in said.items() if column},
        given=mapping, sheet=sheet, words=words or FILE, previous=previous,
        as_of=_as_of(as_of).horizon if as_of else None, least=least,
    )  # fmt: skip
    for note in found.notes:
        output.say(note, "note")
    kept = found.topics[:top] if top else found.topics
    shown = {topic["topic_id"] for topic in kept}
    in_topics = [row for row in found.members if row["topic_id"] in shown]
    output.say(
        f"{output.thousands(found.messages)} 条里归出 {len(found.topics)} 题，列出 {len(kept)} 题 {len(in_topics)} 条",
        "note",
    )
    for path, names, rows in ((members, find.MEMBERS, in_topics), (duplicates, find.DUPLICATES, found.duplicates)):
        if path is not None:
            with _target(path) as target:
                output.write_csv(names, ([row[name] for name in names] for row in rows), target)
    with _target(file) as target:
        if format == "csv":
            output.write_csv(find.TOPICS, ([topic[name] for name in find.TOPICS] for topic in kept), target)
        elif format == "json":
            output.write_json(({name: topic[name] for name in find.TOPICS} for topic in kept), target)
        else:
            titles = {"heat_rank": "排名", "heat": "热度", "title": "问题", "place": "地点", "period": "时间范围", "tickets": "件数",
                      "callers": "人数", "trend": "趋势", "warning": "预警"}  # fmt: skip
            output.table(
                list(titles.values()),
                ([t[name] for name in titles] for t in kept),
                right={"排名", "热度", "件数", "人数"},
                target=target,
            )
