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
    """A schedule in words."""
    return next((s.title for s in SCHEDULES if s.cron == (cron or "")), f"按 {cron}")
