"""`hub workday …`: time limits counted in working days."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from hub import output
from hub.help import Command, Group
from hub.output import UsageError

app = typer.Typer(
    cls=Group, help="工作日：按国务院办公厅公布的节假日安排推算时限。", no_args_is_help=True, rich_markup_mode=None
)
Day = Annotated[str, typer.Argument(metavar="日期", help="如 2026-09-30")]
# -3 is a number of days here, not an option.
_NUMBERS = {"ignore_unknown_options": True}
_NOT_ANNOUNCED = "{} 年的放假安排还没有公布，结果为推算，公布后可能变动"


@app.command(cls=Command, context_settings=_NUMBERS)
def add(
    start: Day,
    days: Annotated[
        int, typer.Argument(metavar="天数", help="工作日数，起始日不算；负数往前数，0 为当日（遇休息日顺延）")
    ],
) -> None:
    """从某日起第 N 个工作日是哪天。

    示例：
      hub workday add 2026-09-30 5
      hub workday add 2026-10-09 -3
    """
    from schemas.calendar import WorkCalendar

    try:
        due = WorkCalendar().add(_day(start), days)
    except (OverflowError, ValueError) as error:
        raise UsageError("hub workday add", f"{start} 起 {days} 个工作日超出了日历", "请检查天数") from error
    output.result(due.date.isoformat())
    if due.provisional:
        output.say(_NOT_ANNOUNCED.format(due.date.year), "warn")


@app.command("is", cls=Command)
def is_(day: Day) -> None:
    """某日是不是工作日：yes 是，no 不是，provisional 当年放假安排未公布。

    示例：hub workday is 2026-10-10
    """
    from schemas.calendar import WorkCalendar

    row = WorkCalendar().day(_day(day))
    output.result("provisional" if row.provisional else "yes" if row.is_workday else "no")
    if row.provisional:
        output.say(_NOT_ANNOUNCED.format(row.day.year) + f"；现按{'工作日' if row.is_workday else '休息日'}计", "warn")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(f"日期 '{text}'", "不是有效的日期", "请写成 2026-09-30 的形式") from error
