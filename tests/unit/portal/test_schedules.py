"""Schedules said in words."""

from __future__ import annotations

import pytest

from portal.schedules import words


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        (None, "不定时：送来一份、或有人点采集时才读"), ("0 6 * * *", "每天 6:00"), ("*/15 * * * *", "每 15 分钟"), ("0 */4 * * *", "每 4 小时"),
        ("30 8,14 * * *", "每天 8:30、14:30"), ("0 7 * * 3", "每周三 7:00"), ("15 9 * * 1-5", "工作日（周一到周五） 9:15"), ("0 6 5 * *", "每月 5 日 6:00"),
        ("0 6 1-7 * 1", "按 0 6 1-7 * 1"),
    ],
)  # fmt: skip
def test_a_schedule_is_said_in_words(cron: str | None, said: str) -> None:
    assert words(cron) == said
