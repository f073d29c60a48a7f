"""Time limits as ledgers word them: what day each means for a problem found on Monday, 2 March 2026."""

from datetime import date
from typing import Any

import pytest

from schemas.macros.deadlines import set_calendar

START = date(2026, 3, 2)
CASES = """
十个工作日内|2026-03-16|工作日
10个工作日|2026-03-16|工作日
１０ 个 工作日以内|2026-03-16|工作日
七个工作日之内|2026-03-11|工作日
接到通知后5个工作日内|2026-03-09|工作日
二十个工作日内完成|2026-03-30|工作日
即日起30日内|2026-04-01|期限
自发文之日起十五日内|2026-03-17|期限
三日内|2026-03-05|期限
限期30天|2026-04-01|期限
九十天|2026-06-01|期限
六十日内|2026-05-06|期限
一百八十天内|2026-08-31|期限
百日内|2026-06-10|期限
24小时内|2026-03-03|期限
两周内|2026-03-16|期限
2个星期内|2026-03-16|期限
半个月内|2026-03-17|期限
一个半月内|2026-04-17|期限
三个月内|2026-06-02|期限
3个月|2026-06-02|期限
一个季度内|2026-06-02|期限
半年内|2026-09-02|期限
一年内|2027-03-02|期限
1年半内|2027-09-02|期限
自2026年4月1日起3个月内|2026-07-01|期限
当天|2026-03-02|期限
春节前|2027-02-05|节前
次年春节前|2027-02-05|节前
国庆节前|2026-09-30|节前
十一前|2026-09-30|节前
中秋节前|2026-09-24|节前
中秋、国庆节前|2026-09-30|节前
端午前|2026-06-18|节前
五一前|2026-04-30|节前
元旦之前|2026-12-31|节前
6月中旬|2026-06-20|旬
六月上旬|2026-06-10|旬
6月下旬|2026-06-30|旬
本月中旬|2026-03-20|旬
7月初|2026-07-10|旬
月底前|2026-03-31|月
下月底前|2026-04-30|月
下个月15日前|2026-04-15|日
20日前|2026-03-20|日
1日前|2026-04-01|日
12月底前|2026-12-31|月
12 月 底 前|2026-12-31|月
2月底前|2027-02-28|月
八月底之前|2026-08-31|月
26年6月底|2026-06-30|月
明年3月底前|2027-03-31|月
2026年12月|2026-12-31|月
2026.12|2026-12-31|月
二〇二六年六月底|2026-06-30|月
三季度|2026-09-30|季
第3季度末|2026-09-30|季
2026Q3|2026-09-30|季
下季度末|2026-06-30|季
下半年|2026-12-31|半年
年中|2026-06-30|半年
年内|2026-12-31|年
2026年年底前|2026-12-31|年
十五五期间|2030-12-31|年
本周五前|2026-03-06|周
2026-06-30 00:00:00|2026-06-30|日
2026/6/30|2026-06-30|日
6.30前|2026-06-30|日
截止2026年10月31日|2026-10-31|日
2026年6月30日18时前|2026-06-30|日
9月至12月|2026-12-31|月
2025年11月至3月|2026-03-31|月
2027年6-9月|2027-09-30|月
2026.3-2026.12|2026-12-31|月
5月1日-10日|2026-05-10|日
第一阶段6月底前，第二阶段9月底前|2026-09-30|月
第一阶段6月底前，第二阶段2027年3月底前|2027-03-31|月
6月底前（原定3月底前）|2026-06-30|月
6月底前完成并长期坚持|2026-06-30|月
每月报进度，12月底前完成|2026-12-31|月
每年12月底前|2026-12-31|周期
每年6月底和12月底前|2026-06-30|周期
每季度末|2026-03-31|周期
每月25日前|2026-03-25|周期
每周五|2026-03-06|周期
每半年|2026-06-30|周期
10月1日国庆前|2026-10-01|日
“五一”前|2026-04-30|节前
下一季度|2026-06-30|季
下一个月|2026-04-30|月
下一年|2027-12-31|年
三年内|2029-03-02|期限
3月31日（延期一个月）|2026-04-30|期限
6月底（延期一个月）|2026-07-31|期限
3月31日（延期10个工作日）|2026-04-15|工作日
6月底前，延长30日|2026-07-30|期限
6月30日前，延期至9月30日|2026-09-30|日
2026年6月30日（已延期）|2026-06-30|日
延期至6月30日（每月25日前）|2026-06-30|日
每月25日前，延期至6月30日|2026-06-30|日
6月底前，原定3月底前|2026-06-30|月
年底前（力争11月底）|2026-12-31|年
2026年5月29日前（60个工作日）|2026-05-29|日
6月底前完成2025年度任务|2026-06-30|月
6月30日前，之后每季度巡查一次|2026-06-30|日
一季度末前完成，每季度报送进展|2026-03-31|季
自接到交办通知之日起30日内|2026-04-01|期限
从现在起30日内|2026-04-01|期限
自4月起每月25日前|2026-04-25|周期
2027年起每年6月底前|2027-06-30|周期
立行立改||立行立改
长期坚持||长期坚持
定期开展||长期坚持
尽快||
待定||
13月底前||月
2026.02.30||日
"""


@pytest.fixture(scope="module")
def read(con):
    """Reads texts in one query: making the statement costs more than many rows."""
    set_calendar(con)

    def some(*said: str, start: date | None = START) -> dict[str, list[Any]]:
        con.execute("CREATE OR REPLACE TEMP TABLE limits (raw VARCHAR)")
        con.executemany("INSERT INTO limits VALUES ($1)", [[raw] for raw in said])
        asked = "SELECT raw, limit_on(spec, $1::DATE), limit_precision(spec), limit_recurrence(spec) FROM (SELECT raw, limit_spec(raw) AS spec FROM limits)"
        return {raw: read for raw, *read in con.execute(asked, [start]).fetchall()}

    return some


def test_the_table(read):
    expected = {
        raw: (day, precision) for raw, day, precision in (line.split("|") for line in CASES.strip().splitlines())
    }
    found = {raw: (str(day or ""), precision or "") for raw, (day, precision, _) in read(*expected).items()}
    assert found == expected


def test_what_would_be_read_wrong_is_not_read(read):
    said = """
每季度首月后5日内 每年首月10日前 每半年首月 春节后 春节后一周内 节后 国庆假期后 五一后三日内 每月次月10日前 每两个月 每两周 每隔3个月 双月底前 每双月25日前 隔周 一月一报 一季度一次 半年一次 每年两次
每月前5个工作日 每季度后10日内 季后15日内 月后5日内 每季度结束后15日内 每月结束后5个工作日内 汛期后
每15天 每7天 每10日 每5个工作日 每十年 每周一报 每周一调度 每旬首日 每季末25日前 每年春节前 每年汛期前 第2周 6月第2周 第5个工作日 第3天
自竣工之日起30日内 自验收合格之日起三个月内 资金到位后3个月内 批复后15个工作日内 待资金到位后，6月底前 整改方案经批准后30日内
延期3个月 延期至另行通知 立行立改（延期一个月） 每季度末，延期10日 去年底 上季度末 上月底 已于2026年1月完成 2026年1月已完成
2027年前 明年之前 5+10个工作日 30天（不含节假日） 中长期
"""
    assert {raw: found for raw, found in read(*said.split()).items() if found != [None, None, None]} == {}


def test_recurrences_are_kept(read):
    said = ("每年6月底和12月底前", "每季度末", "每月25日前", "每周日", "每月报进度，12月底前完成", "12月底前")
    assert [found[2] for found in read(*said).values()] == [
        "year:6-E year:12-E",
        "quarter",
        "month:25",
        "week:7",
        "month:E",
        None,
    ]


def test_several_days_and_months_of_a_quarter_come_round(read):
    expected = [
        ("每月10日、25日", "2026-03-10", "month:10 month:25"),
        ("每月10日和25日前", "2026-03-10", "month:10 month:25"),
        ("每月5、15、25日前上报", "2026-03-05", "month:5 month:15 month:25"),
        ("每月1-5日", "2026-03-05", "month:5"),
        ("每月5日至10日", "2026-03-10", "month:10"),
        ("每季度首月10日前", "2026-04-10", "year:1-10 year:4-10 year:7-10 year:10-10"),
        ("每季度第一个月15日前", "2026-04-15", "year:1-15 year:4-15 year:7-15 year:10-15"),
        ("每个季度第二个月底前", "2026-05-31", "year:2-E year:5-E year:8-E year:11-E"),
        ("每季度最后一个月20日前", "2026-03-20", "year:3-20 year:6-20 year:9-20 year:12-20"),
        ("每季度末月25日前", "2026-03-25", "year:3-25 year:6-25 year:9-25 year:12-25"),
        ("每季度首月上旬", "2026-04-10", "year:1-10 year:4-10 year:7-10 year:10-10"),
        ("每周一、周四", "2026-03-02", "week:1 week:4"),
        ("每周二和周五", "2026-03-03", "week:2 week:5"),
        ("每星期一、三、五", "2026-03-02", "week:1 week:3 week:5"),
        ("每月31日前", "2026-03-31", "month:E"),
        ("每月30日前", "2026-03-30", "month:30 year:2-E"),
        ("每月25", "2026-03-25", "month:25"),
        ("每周一次", "2026-03-08", "week:7"),
        ("每周一、二次", "2026-03-08", "week:7"),
        ("每周一上报", "2026-03-02", "week:1"),
        ("每半月", "2026-03-15", "month:15 month:E"),
        ("每旬末", "2026-03-10", "month:10 month:20 month:E"),
        ("逢5日报", "2026-03-05", "month:5 month:15 month:25"),
        ("逢五、十", "2026-03-05", "month:5 month:15 month:25 month:10 month:20 month:30 year:2-E"),
        ("每月第一个工作日", "2026-03-02", "month:w1"),
        ("每月最后一个工作日", "2026-03-31", "month:wE"),
        ("每季度首月第一个工作日", "2026-04-01", "year:1-w1 year:4-w1 year:7-w1 year:10-w1"),
    ]
    found = read(*(raw for raw, _, _ in expected))
    assert {raw: (str(day), kept, again) for raw, (day, kept, again) in found.items()} == {
        raw: (first, "周期", again) for raw, first, again in expected
    }


def test_a_day_off_at_the_end_moves_on_and_holidays_are_no_working_days(read):
    assert read("三日内", start=date(2026, 9, 30))["三日内"][0] == date(2026, 10, 8)
    assert read("5个工作日内", start=date(2025, 9, 26))["5个工作日内"][0] == date(2025, 10, 10)


def test_without_a_start_only_what_names_its_year_is_read(read):
    found = read("2026年6月底", "6月底", "十个工作日内", start=None)
    assert [day for day, _, _ in found.values()] == [date(2026, 6, 30), None, None]


def test_the_countys_own_calendar_counts(con):
    days = [(date(2026, 3, day), day < 3 or day > 8) for day in range(1, 32)]
    set_calendar(con, days)
    try:
        found = con.execute("SELECT limit_on(limit_spec('一个工作日内'), DATE '2026-03-02')").fetchone()
        assert found == (date(2026, 3, 9),)
    finally:
        set_calendar(con)
