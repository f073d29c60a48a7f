"""Time limits as ledgers word them: what day each means for a problem found on Monday, 2 March 2026."""

from datetime import date

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
    set_calendar(con)

    def one(raw: str, start: date | None = START) -> tuple[date | None, str | None, str | None]:
        return con.execute(
            "SELECT limit_on(spec, $2::DATE), limit_precision(spec), limit_recurrence(spec) FROM (SELECT limit_spec($1) AS spec)",
            [raw, start],
        ).fetchone()

    return one


def test_the_table(con, read):
    rows = [line.split("|") for line in CASES.strip().splitlines()]
    con.execute("CREATE OR REPLACE TEMP TABLE limits (raw VARCHAR)")
    con.executemany("INSERT INTO limits VALUES ($1)", [[raw] for raw, _, _ in rows])
    found = {
        raw: (str(day) if day else "", precision or "")
        for raw, day, precision in con.execute(
            "SELECT raw, limit_on(spec, $1::DATE), limit_precision(spec) FROM (SELECT raw, limit_spec(raw) AS spec FROM limits)",
            [START],
        ).fetchall()
    }
    assert found == {raw: (day, precision) for raw, day, precision in rows}


def test_what_would_be_read_wrong_is_not_read(read):
    said = """
每季度首月第一个工作日 每季度首月后5日内 每年首月10日前 每半年首月 每周一、二次 春节后 春节后一周内 节后 国庆假期后 五一后三日内 每月次月10日前 每两个月 每两周 每隔3个月 双月底前 每双月25日前 隔周 一月一报 一季度一次 半年一次 每年两次
每月第一个工作日 每月最后一个工作日 每月前5个工作日 每季度后10日内 季后15日内 月后5日内 每季度结束后15日内 每月结束后5个工作日内 汛期后
"""
    assert {raw: read(raw)[:2] for raw in said.split() if read(raw) != (None, None, None)} == {}


def test_recurrences_are_kept(read):
    said = ("每年6月底和12月底前", "每季度末", "每月25日前", "每周日", "每月报进度，12月底前完成", "12月底前")
    assert [read(raw)[2] for raw in said] == ["year:6-E year:12-E", "quarter", "month:25", "week:7", "month:E", None]


@pytest.mark.parametrize(
    ("raw", "first", "recurrence"),
    [
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
    ],
)
def test_several_days_and_months_of_a_quarter_come_round(read, raw, first, recurrence):
    assert read(raw) == (date.fromisoformat(first), "周期", recurrence)


def test_a_day_off_at_the_end_moves_on_and_holidays_are_no_working_days(read):
    assert read("三日内", date(2026, 9, 30))[0] == date(2026, 10, 8)
    assert read("5个工作日内", date(2025, 9, 26))[0] == date(2025, 10, 10)


def test_without_a_start_only_what_names_its_year_is_read(read):
    assert [read(raw, None)[0] for raw in ("2026年6月底", "6月底", "十个工作日内")] == [date(2026, 6, 30), None, None]


def test_the_countys_own_calendar_counts(con):
    days = [(date(2026, 3, day), day < 3 or day > 8) for day in range(1, 32)]
    set_calendar(con, days)
    try:
        found = con.execute("SELECT limit_on(limit_spec('一个工作日内'), DATE '2026-03-02')").fetchone()
        assert found == (date(2026, 3, 9),)
    finally:
        set_calendar(con)
