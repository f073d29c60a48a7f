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
    str | None, typer.Option("--preset", metavar="来路", help="nyc311、open311、留言、工单；不写则自动认")
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
