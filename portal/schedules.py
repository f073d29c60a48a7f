"""How often and in which way a source is read, in words and as the connector writes it."""

from __future__ import annotations

from typing import NamedTuple


class Schedule(NamedTuple):
    """One choice; `every` is how often new data is to be expected, None when nobody can say."""

    cron: str
    title: str
    every: tuple[float, str] | None


SCHEDULES = (
    Schedule("", "不定时：送来一份、或有人点采集时才读", None),
    Schedule("*/10 * * * *", "每 10 分钟", (1, "h")),
    Schedule("0 * * * *", "每小时", (1, "h")),
    Schedule("30 2 * * *", "每天凌晨 2:30", (1, "d")),
    Schedule("30 2 * * 1", "每周一凌晨 2:30", (7, "d")),
    Schedule("30 2 1 * *", "每月 1 日凌晨 2:30", (1, "mo")),
    Schedule("30 2 1 1,4,7,10 *", "每季度第一天凌晨 2:30", (3, "mo")),
)
MODES = {
    "file": ("每次报新的", "每份文件只报新增和改动的行，旧的留着"),
    "file_full": ("整本台账", "每份文件都是全量，这次没有的行视为注销"),
    "full": ("每次整表", "每次读全表，源头删掉的行视为注销；表不大时用"),
    "cursor": ("只取新的和改过的", "按更新时间列增量读；源头删掉的行看不出来"),
    "exchange": ("前置机交换表", "按编号读新增、修改、删除"),
}


def lateness(cron: str) -> tuple[float, str] | None:
    """How often data is to be expected under a schedule; None for one of the user's own and for none."""
    return next((s.every for s in SCHEDULES if s.cron == cron), None)


def words(cron: str | None) -> str:
    """A schedule in words; one too intricate for them as it is written."""
    known = next((s.title for s in SCHEDULES if s.cron == (cron or "")), None)
    return known or _read(cron or "") or f"按 {cron}"


_DAYS = "日一二三四五六日"


def _read(cron: str) -> str:
    minute, hour, day, month, weekday = (cron.split() + [""] * 5)[:5]
    if month != "*":
        return ""
    if (hour, day, weekday) == ("*", "*", "*"):
        if minute.startswith("*/"):
            return f"每 {minute[2:]} 分钟"
        return f"每小时第 {minute} 分" if minute.isdigit() else ""
    if not minute.isdigit():
        return ""
    if hour.startswith("*/") and (day, weekday) == ("*", "*"):
        return f"每 {hour[2:]} 小时"
    hours = [h for h in hour.split(",") if h.isdigit()]
    if not hours or len(hours) != len(hour.split(",")):
        return ""
    at = "、".join(f"{int(h)}:{int(minute):02d}" for h in hours)
    if (day, weekday) == ("*", "*"):
        return f"每天 {at}"
    if day == "*" and weekday in {"1-5", "0", "1", "2", "3", "4", "5", "6", "7"}:
        return f"工作日（周一到周五） {at}" if weekday == "1-5" else f"每周{_DAYS[int(weekday)]} {at}"
    return f"每月 {day} 日 {at}" if day.isdigit() and weekday == "*" else ""
