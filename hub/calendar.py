"""`hub calendar …`: the county's working calendar, and the days the county sets itself."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub import output
from hub.help import Command, Group
from hub.output import UsageError
from schemas.identifiers import COUNTY_TIME

if TYPE_CHECKING:
    import psycopg

app = typer.Typer(
    cls=Group, help="工作日历：查看，或按通知设定县里的工作日和休息日。", no_args_is_help=True, rich_markup_mode=None
)
Day = Annotated[str, typer.Argument(metavar="日期", help="如 2027-02-06")]
Source = Annotated[str, typer.Option("--source", metavar="文号", help="依据的通知")]
By = Annotated[str, typer.Option("--by", metavar="姓名", help="经办人")]
_KINDS = {"weekday": "工作日", "weekend": "周末", "holiday": "节假日", "makeup": "调休上班"}
_COLUMNS = ("day", "is_workday", "kind", "source", "provisional")


@app.command(cls=Command)
def show(
    year: Annotated[
        int | None, typer.Option("--year", metavar="年", min=1990, max=2200, help="整年；不写从今天起一个月")
    ] = None,
    set_only: Annotated[bool, typer.Option("--set", help="只看县里设过的日子")] = False,
    format: Annotated[
        str, typer.Option("--output", "-o", metavar="table|csv|json", help="输出格式，默认 table")
    ] = "table",
) -> None:
    """看工作日历：哪天上班、依据什么、放假安排公布没有。

    示例：
      hub calendar show
      hub calendar show --year 2027 -o csv
      hub calendar show --set
    """  # fmt: skip
    from warehouse import calendar as county

    output.one_of("-o", format, ("table", "csv", "json"))
    with _connect() as connection:
        if set_only:
            rows: list[dict[str, Any]] = county.overrides(connection)
            columns: tuple[str, ...] = ("day", "is_workday", "kind", "source", "set_by", "set_at")
        else:
            known = county.calendar(connection)
            first = date(year, 1, 1) if year else datetime.now(COUNTY_TIME).date()
            days = (date(year, 12, 31) - first).days + 1 if year else 31
            rows = [known.day(first + timedelta(n))._asdict() for n in range(days)]
            columns = _COLUMNS
    if format == "json":
        output.write_json([{name: row[name] for name in columns} for row in rows])
    elif format == "csv":
        output.write_csv(columns, ([row[name] for name in columns] for row in rows))
    else:
        titles = {
            "day": "日期", "is_workday": "上班", "kind": "种类", "source": "依据", "provisional": "推算",
            "set_by": "经办人", "set_at": "设定时间",
        }  # fmt: skip
        output.table(
            [titles[name] for name in columns],
            ([_KINDS.get(row[n], row[n]) if n == "kind" else row[n] for n in columns] for row in rows),
        )
    if any(row.get("provisional") for row in rows):
        output.say("有的日子放假安排还没有公布，是推算的；公布后用 hub calendar announce 定下来", "warn")


@app.command("set", cls=Command)
def set_(
    day: Day,
    kind: Annotated[str, typer.Argument(metavar="work|off", help="work 上班，off 休息")],
    source: Source,
    by: By,
) -> None:
    """设定某天上班还是休息，优先于国家安排；已算出的时限和看板随之重算。

    示例：
      hub calendar set 2027-02-06 work --source 国办发明电〔2026〕9号 --by 王芳
      hub calendar set 2026-11-30 off --source 县府办停电通知 --by 王芳
    """
    from warehouse import calendar as county

    output.one_of("上班还是休息", kind, ("work", "off"))
    with _connect() as connection:
        county.put(connection, _day(day), is_workday=kind == "work", source=source, by=by)
    _recount(f"{day} 已设为{'上班' if kind == 'work' else '休息'}")


@app.command(cls=Command)
def unset(day: Day, by: By) -> None:
    """撤销县里对某天的设定，回到国家安排。

    示例：hub calendar unset 2026-11-30 --by 王芳
    """
    from warehouse import calendar as county

    with _connect() as connection:
        county.take_back(connection, _day(day), by=by)
    _recount(f"{day} 已撤销")


@app.command(cls=Command)
def announce(
    year: Annotated[int, typer.Argument(metavar="年", min=1990, max=2200, help="放假安排已经公布并录完的年份")],
    source: Source,
    by: By,
) -> None:
    """声明某年的放假安排已经录完，这一年的时限不再是推算的。先用 hub calendar set 录完调休和放假。

    示例：hub calendar announce 2027 --source 国办发明电〔2026〕9号 --by 王芳
    """
    from warehouse import calendar as county

    with _connect() as connection:
        county.announce(connection, year, source=source, by=by)
    _recount(f"{year} 年已定")


def _recount(done: str) -> None:
    """Make shared.work_calendar anew and publish the views that rest on it."""
    from hub.setup import home
    from pipelines.run import prepare
    from views.publish import publish

    here = home()
    prepare(here)
    with _connect() as connection:
        computed = publish(connection, {"work_calendar"}, datetime.now(COUNTY_TIME).date())
    changed = [view for view in computed if view.changed]
    output.say(f"{done}；{len(changed)} 个视图因此有变动", "ok")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(f"日期 '{text}'", "不是有效的日期", "请写成 2027-02-06 的形式") from error


def _connect() -> psycopg.Connection[Any]:
    import psycopg

    from hub.quarantine import connect

    connection = connect()
    connection.row_factory = psycopg.rows.tuple_row  # type: ignore[assignment]
    return connection
