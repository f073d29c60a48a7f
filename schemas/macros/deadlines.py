"""Time limits as county ledgers word them, read in two steps: the wording once, then the day from each record's own start.

    limit_spec('第一阶段6月底前，第二阶段10个工作日内')  ->  'month|||6|E;after|10|w'
    limit_on('after|10|w', DATE '2026-03-02')            ->  2026-03-16
    limit_precision(spec), limit_recurrence(spec)        ->  '工作日', NULL

The last of several dates is the final one. A limit without a year is the first such day from the start (from the date before
it, 9月至12月) on. Working days, and days off at the end of a limit in days, come from the variables that `set_calendar` sets;
before 春节 means by the day before it. What would be taken for something else (春节后, 双月, 每两周) is not read. 立行立改 has a rule of its own (the ledger's) and 长期坚持 no day: both give NULL.

An extension adds to the limit before it, or moves it (延期至). A recurrence is `year:12-31 year:6-30`, `half`, `quarter`,
`month:25` (`month:E` its last day, `month:w1` and `month:wE` its first and last working day), `week:5` or `day`.

Source: 民法典 第二百条至第二百零三条 (the first day is not counted, months end on the same day, a last day off moves on).
"""

from collections.abc import Iterable
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING

from schemas.calendar import build
from schemas.macros.sqltext import let, quoted, replaced

if TYPE_CHECKING:
    import duckdb

FIRST_YEAR, LAST_YEAR = 2004, 2035  # festivals; working days as far as the calendar given

_ONE = "[一二三四五六七八九]"
_N = "[0-9一二两三四五六七八九十]"
_ONCE_A_WEEK = "每个?(?:周|星期|礼拜)(?:至少|不少于)?[一1](?:(?:[、至到-]|或者?)?[二两2])?次"
# Before Chinese figures become Arabic ones: one word for each thing, so that 以前, 之前 and 止 need no mention below.
_EACH = "[每逐按](?:一?个)?"
_QUARTERS = "[每各逐](?:一?个)?季度?的?"
_WORDS = (
    ("[ _]", ""),
    (f"{_QUARTERS}(?:首个?|第[一1]个?)月", "每季1月"),
    (f"{_QUARTERS}(?:中间|第[二2]个?)月", "每季2月"),
    (f"{_QUARTERS}(?:末个?|最后[一1]?个?|第[三3]个?)月", "每季3月"),
    ("[“”‘’\"'「」]", ""),
    (r"[(\[【][^)\]】]*(?:原|力争)[^)\]】]*[)\]】]", ""),  # 6月底前（原定3月底前）
    ("[,;.、](?:原|力争)[^,;.]*", ""),
    (rf"([前日底])[(]{_N}+个?(?:工作日|自然日|日历日|天|日|周|星期|月)[内止]?[)]", r"\1"),  # 5月28日前（60个工作日）
    # What is to be done names no limit: 6月底前完成2026年度任务.
    (rf"(?:20[0-9]{{2}}年度?|[今本明当]年度?|{_N}{{1,2}}月份?|第?[1-4一二三四]季度?)的?(任务|计划|目标|工作|规划|预算|决算|方案|总结|报告|报表|资金|工资|考核|项目|投资)", r"\1"),
    ("下一个?(季|月|周|星期|礼拜)", r"下\1"),
    ("下一?个?年", "明年"),
    (_ONCE_A_WEEK, "每周日"),
    ("已经?延[期长]", ""),
    (f"{_EACH}半个?月|半个?月一[次报]", "每月15日每月底"),
    (f"{_EACH}旬[底末终内]?", "每月10日每月20日每月底"),
    ("(?:延长|延期|顺延|展期|延后|推迟|延|调整)(?:至|到|为)", "移至"),
    ("(?:延长|延期|顺延|展期|延后|推迟|延)(?:了|时限|期限)?", "再加"),
    ("五一(?:国际)?(?:劳动节|节)?|劳动节", "劳动节"),
    ("(^|[^二三])十一(?:国庆节?|节)?(前|之前|以前|假期|长假)", r"\1国庆\2"),
    ("七一(?:建党)?节?|建党节", "建党节"),
    ("八一(?:建军)?节?|建军节", "建军节"),
    ("(元旦|春节|除夕|元宵|清明|劳动节|端午|建党节|建军节|中秋|国庆|重阳)节?(?:假期|长假|放假)?(?:到来|来临)?(?:之前|以前|前夕|前)", r"\1前"),
    ("([日号])(?:元旦|国庆|劳动节|建党节|建军节)前", r"\1前"),  # 10月1日国庆节前
    ("[两俩]", "二"),
    (f"({_ONE})百({_ONE})十({_ONE})", r"\1\2\3"),
    (f"({_ONE})百({_ONE})十", r"\1\g<2>0"),
    (f"({_ONE})百零({_ONE})", r"\g<1>0\2"),
    (f"({_ONE})百", r"\g<1>00"),
    (f"(^|[^{_ONE[1:-1]}0-9])百([日天个])", r"\g<1>100\2"),
    (f"([四五六七八九])十({_ONE})", r"\1\2"),
    ("([四五六七八九])十", r"\g<1>0"),
    ("礼拜|星期", "周"),
    ("周末", "周日"),
    ("自然日|日历日|日历天|自然天", "天"),
    ("个?工作(?:日|天)", "工作日"),
    ("个?小时", "小时"),
    ("个周", "周"),
    ("号", "日"),
    ("年度", "年"),
    ("季度", "季"),
    ("月份", "月"),
    ("之前|以前|前夕|为止|截止|止", "前"),
    ("之内|以内|期间", "内"),
    ("([年月季旬])[末终]", r"\1底"),
    ("[末终]", "底"),
    ("每隔", "每"),
    ("[每逐按](?:一?个|一)?(半年|年|季|月|周|工作日|天|日)", r"每\1"),
    ("([自从]?[^,;。、0-9一二三四五六七八九十]*)(?:之日|即日|即时|即|今日|当日|之时)起(?:算|计算)?", ""),
    ("(^|[^上下每个])半年", r"\g<1>6个月"),
    ("(^|[^个])半个?月", r"\g<1>15天"),
)  # fmt: skip
# After: ranges end where they end, and every way to write a date is one way.
_FIGURES = (
    ("20[0-9]{2}年?[至到~-]+(20[0-9]{2})年", r"\1年"),
    ("([0-9]{1,2})月([0-9]{1,2})日?[至到~-]+([0-9]{1,2})日", r"\1月\3日"),
    ("((?:19|20)[0-9]{2})[./]([0-9]{1,2})[至到~-]+((?:19|20)[0-9]{2})[./]([0-9]{1,2})([^./0-9]|$)", r"\3年\4月\5"),
    ("((?:19|20)[0-9]{2})[-./]([0-9]{1,2})[-./]([0-9]{1,2})", r"\1年\2月\3日"),
    ("((?:19|20)[0-9]{2})[-./]([0-9]{1,2})", r"\1年\2月"),
    ("(20[0-9]{2})(0[1-9]|1[0-2])([0-3][0-9])", r"\1年\2月\3日"),
    ("(20[0-9]{2})Q", r"\1年Q"),
    ("(^|[^0-9.])([0-9]{1,2})[./]([0-9]{1,2})(前|日|底|$)", r"\1\2月\3日\4"),
    ("日日", "日"),
    ("年年", "年"),
    ("年的", "年"),
    ("月的", "月"),
    (r"(每月|每季[123]月)[0-9]{1,2}日?[至到~-]+([0-9]{1,2})日", r"\1\2日"),
    ("(每月)([0-9]{1,2})([前,;、)]|$)", r"\1\2日\3"),
    ("每?个?月逢", "逢"),
    *(2 * (("逢([0-9]{1,2})日?[、和及与,]逢?([0-9]{1,2})", r"逢\1逢\2"),)),
    *(
        2
        * (
            ("(每月|每季[123]月)([0-9]{1,2})日?[、和及与,]([0-9]{1,2})([日、和及与,])", r"\1\2日\1\3\4"),
            ("每周([1-6])[、和及与,]周?([1-6日天])([^个次]|$)", r"每周\1每周\2\3"),
        )
    ),
)
_AGAIN = ("([^0-9年每])([0-9]{1,2})月", r"\1每年\2月")  # 每年6月底和12月底

_Y = "(?:((?:19|20)[0-9]{2}|[0-9]{2})年|([今本当明次来后])年)?"
_THIS = "([本当这此下次]?)个?"
_FESTIVALS = "元旦|春节|除夕|元宵|清明|劳动节|端午|建党节|建军节|中秋|国庆|重阳"
_AT_ONCE = "立行立改|立即整改|立查立改|立知立改|立整立改|即知即改|即行即改|即查即改|边查边改|立即|马上|即刻"
_LONG = "长期|永久|持续|常态|无固定期限|无限期|不限期|无期限|不间断|一贯|经常性|定期|始终|动态"
_NTH_WORKDAY = (("(?:第1个?|首个?)", "1"), ("最后1?个?", "E"))
# What a stretch of the text says, and how it is written down; the first that fits at the leftmost place counts.
_PARTS = (
    ("移至", "moved"),
    ("再加([0-9]{1,3})工作日", r"more|\1|w"),
    ("再加([0-9]{1,3})[天日]", r"more|\1|d"),
    ("再加([0-9]{1,2})周", r"more|\1|W"),
    ("再加([0-9]{1,2})个?月", r"more|\1|M"),
    ("再加([1-9])年", r"more|\1|Y"),
    ("再加", "more"),
    ("逢(?:10|0)日?", "every|month:10;every|month:20;every|month:30;every|year:2-E"),
    ("逢9日?", "every|month:9;every|month:19;every|month:29;every|year:2-E"),
    ("逢([1-8])日?", r"every|month:\1;every|month:1\1;every|month:2\1"),
    ("每年第?([1-4])季底?", r"every|year:q\1"),
    ("每年([上下])半年底?", r"every|year:h\1"),
    ("每年([0-9]{1,2})月([0-9]{1,2})日", r"every|year:\1-\2"),
    ("每年([0-9]{1,2})月上旬", r"every|year:\1-10"),
    ("每年([0-9]{1,2})月中旬", r"every|year:\1-20"),
    ("每年([0-9]{1,2})月(?:底|下旬|内)?", r"every|year:\1-E"),
    ("每年年?底?", "every|year:12-E"),
    ("每半年底?", "every|half"),
    *((f"每月{said}工作日", f"every|month:w{day}") for said, day in _NTH_WORKDAY),
    *(
        (f"每季{n}月{said}工作日", ";".join(f"every|year:{month}-w{day}" for month in range(n, 13, 3)))
        for n in (1, 2, 3)
        for said, day in _NTH_WORKDAY
    ),
    *(
        (f"每季{n}月{said}", ";".join(f"every|year:{month}-{day}" for month in range(n, 13, 3)))
        for n in (1, 2, 3)
        for said, day in (("([0-9]{1,2})日", r"\1"), ("上旬", "10"), ("中旬", "20"), ("(?:底|下旬|内)?", "E"))
    ),
    ("每季底?", "every|quarter"),
    ("每月31日", "every|month:E"),
    ("每月(29|30)日", r"every|month:\1;every|year:2-E"),
    ("每月([0-9]{1,2})日", r"every|month:\1"),
    ("每月上旬", "every|month:10"),
    ("每月中旬", "every|month:20"),
    ("每月(?:底|下旬)?", "every|month:E"),
    ("每周([1-6])", r"every|week:\1"),
    ("每周[日天]?", "every|week:7"),
    ("每(?:工作日|天|日)", "every|day"),
    (f"{_Y}([0-9]{{1,2}})月([0-9]{{1,2}})日(?:之日|开始)?起", r"from|\1|\2|\3|\4"),
    (f"{_Y}([0-9]{{1,2}})月起", r"from|\1|\2|\3|E"),
    ("((?:19|20)[0-9]{2})年起", r"from|\1||1|1"),
    ("([今本当明次来后])年起", r"from||\1|1|1"),
    (f"{_Y}([0-9]{{1,2}})月([0-9]{{1,2}})日?", r"day|\1|\2|\3|\4"),
    (f"{_THIS}月([0-9]{{1,2}})日", r"here|day|\1|\2"),
    ("([0-9]{1,2})日前", r"here|day||\1"),
    (f"{_Y}([0-9]{{1,2}})月?上旬", r"tenday|\1|\2|\3|10"),
    (f"{_Y}([0-9]{{1,2}})月?中旬", r"tenday|\1|\2|\3|20"),
    (f"{_Y}([0-9]{{1,2}})月?下旬", r"tenday|\1|\2|\3|E"),
    (f"{_THIS}月?上旬", r"here|tenday|\1|10"),
    (f"{_THIS}月?中旬", r"here|tenday|\1|20"),
    (f"{_THIS}月?下旬", r"here|tenday|\1|E"),
    ("([0-9]{1,3})工作日", r"after|\1|w"),
    ("([0-9]{1,3})天|([0-9]{1,3})日[内后]", r"after|\1\2|d"),
    ("([0-9]{1,4})小时", r"after|\1|h"),
    ("([0-9]{1,2})周", r"after|\1|W"),
    ("([0-9]{1,2})个季", r"after|\1|Q"),
    ("([0-9]{1,2})个半月", r"after|\1|H"),
    ("([0-9]{1,2})个月", r"after|\1|M"),
    ("([1-9])年半", r"after|\1|N"),
    ("([1-9]|1[0-5])年内", r"after|\1|Y"),
    (f"{_Y}([上下])半年底?", r"half|\1|\2|\3|E"),
    ("(?:((?:19|20)[0-9]{2}|[0-9]{2})年|([今本当明次来后])年|年)中", r"half|\1|\2|上|E"),
    (f"{_Y}({_FESTIVALS})前", r"festival|\1|\2|\3|"),
    (f"{_Y}第?([1-4])季底?", r"quarter|\1|\2|\3|E"),
    (f"{_Y}Q([1-4])", r"quarter|\1|\2|\3|E"),
    ("([本当这此下次])个?季底?|季底", r"term|quarter|\1"),
    (f"{_Y}([0-9]{{1,2}})月初", r"tenday|\1|\2|\3|10"),
    (f"{_Y}([0-9]{{1,2}})月中", r"tenday|\1|\2|\3|15"),
    (f"{_Y}([0-9]{{1,2}})月[底内]?", r"month|\1|\2|\3|E"),
    ("([本当这此下次])个?月[底内]?|月[底内]", r"here|month|\1|E"),
    ("([本当这此下次])个?月初|月初", r"here|tenday|\1|10"),
    ("([本当这此下次])个?月中|月中", r"here|tenday|\1|15"),
    ("(?:((?:19|20)[0-9]{2}|[0-9]{2})年|([今本当明次来后])年|年)初", r"month|\1|\2|1|E"),
    ("((?:19|20)[0-9]{2}|1[6-9]|[2-9][0-9])年[底内]?", r"year|\1||12|E"),
    ("([今本当明次来后])年[底内]?", r"year||\1|12|E"),
    ("年[底内]|岁底|全年", "year|||12|E"),
    ("([本这下])个?周([1-6日天])?[内前]?", r"week|\1|\2"),
    ("周([1-6日天])前", r"week||\1"),
    ("1([45])5(?:规划)?(?:时期|期|内|底|收官)", r"plan|\1"),
    ("当天|当日|今天|今日|即日|即时", "after|0|d"),
    ("次日|明日|明天|隔日|隔天", "after|1|d"),
    (_AT_ONCE, "immediate"),
)
# Said in ways that the parts would take for something else; kept as written, for a person to set the date.
_SPAN = "个?(?:工作日|天|日|周|星期|礼拜|月|季度?|年|小时)"
# Events that are the start of the clock: a limit counted from any other (验收后, 竣工之日起) has no day yet.
_STARTS = (
    "(?:接[到件收受单报访诉]|收[到悉件文]|签收|受理|交办|派单|派发|转办|转交|通知|下发|印发|发文|发布|签发|立案|发现|确认|反馈|移交|督办|来函|来文|通报|送达|文件|现在|[今当即]日|[今当]天|从今|自今)"
    "[^,，;；。、0-9]{0,8}?(?:[以之]?后|之日起|起)"
)
_ELSE = (
    "[双单]月|隔[周月年]|首月|末月|每个?月.{0,3}次月"
    f"|每隔?(?:[2-9二两三四五六七八九十]|[1-9][0-9])个?(?:月|周|星期|季|年)|每隔?{_N}+个?(?:工作日|天|日)|一[月季周年]一|(?:半年|[一1]个?(?:季度?|月|周|年))(?:至少|不少于)?{_N}次|[年月季周]度?(?:至少|不少于)?[2-9二两三四五六]次"
    f"|每个?(?:半年|年|季度?|月)[^,，;；。]{{0,8}}(?:第一个|第[{_N[1:-1]}]个|最后一个|前{_N}+个?工作日|后)|[季月]后{_N}"
    "|(?:元旦|春节|清明|五一|劳动节|端午|中秋|国庆|节|假期|长假|汛期?)(?:假期|长假)?[以之]?后"
    "|每(?:周|星期)[一二三四五六日天][、和及与,，](?:周|星期)?[一二三四五六日天]次"
    "|每(?:周|星期)一(?:报[^送]|报$|调度|通报|督[查导]|研判|更新|小结|检查|巡查|清|结|会商|碰头|评比|考核|排名|总结|汇总)"
    f"|每旬[首第前后中]|每个?季度?[末底]?的?前?{_N}+[日号]"
    "|每年[^,，;；。0-9]{0,4}(?:元旦|春节|清明|五一|劳动节|端午|中秋|国庆|汛|雨季|入[冬夏]|开学|[供采]暖|高考|两会|春耕|[春夏秋冬]季)[^,，;；。]{0,3}前"
    f"|第{_N}+个?(?:工作日|天|日|周|星期|礼拜|月)|[^半]年度?[之以]?前"
    f"|(?:去年|上年)度?(?:年?[底末初中]|{_N}+月)|上个?(?:季度?|月|周|星期)[底末初中]"
    f"|(?:不少于|至少|不低于){_N}+个?(?:工作日|天|日|周|星期|月|季度|年|小时)|[两二2]个?[月季周年]一[次报]|每个?(?:季度?|半年|年)[^,，;；。]{{0,2}}次月"
    '|年(?:全国|全省|省|市|县)?[“"「]?(?:两会|高考|中考|开学|汛|雨季|入[冬夏]|[供采]暖|春耕|农忙)'
    "|已于|[月日年底]已(?:经)?(?:完成|整改|办结|销号)|不含|除外|不计|剔除|扣除|中长期"
    f"|{_N}[+＋加]{_N}|待[^,，;；。、定]{{2,12}}(?:后|[,，])"
    f"|[^0-9号日月年,，;；。、(（内前](?:[以之]?后|之日起|起)[^,，;；。、]{{0,2}}?{_N}+{_SPAN}"
)
_EVERY_PART = "|".join(
    f"(?:{pattern})".replace("(?:", "\0").replace("(", "(?:").replace("\0", "(?:") for pattern, _ in _PARTS
)


def _cell(s: str) -> str:
    """The folded, upper-case text with one word per thing and Arabic figures."""
    cell = f"date_folded({s})"
    for pattern, put in _WORDS:
        cell = replaced(cell, pattern, put)
    cell = f"date_figures({cell})"
    for pattern, put in _FIGURES:
        cell = replaced(cell, pattern, put)
    return let("c", cell, f"CASE WHEN contains(c, '每年') THEN {replaced('c', *_AGAIN)} ELSE c END")


def _written(part: str) -> str:
    for pattern, put in _PARTS:
        part = replaced(part, f"^(?:{pattern})$", put)
    return part


def _plain(s: str) -> str:
    """The text without what _ELSE would mistake: months of a quarter, working days and starts that are read."""
    months = f"{_QUARTERS}(?:首个?|中间|末个?|最后一?个?|第[一二三123]个?)月"
    for pattern, put in (
        (months, "每月"),
        ("每个?月份?的?(?:第[一1]个?|首个?|最后[一1]?个?)工作日", ""),
        (_ONCE_A_WEEK, "每周"),
        (_STARTS, ""),
    ):
        s = replaced(s, pattern, put)
    return s


MACROS = {
    "limit_cell(s)": _cell("s"),
    "limit_parts(s)": f"""list_transform(regexp_extract_all(limit_cell(s), {quoted(_EVERY_PART)}), lambda x: {_written("x")})""",
    "limit_spec(s)": f"""CASE
        WHEN s IS NULL OR date_shape(s) = 'null' THEN 'null'
        WHEN regexp_matches({_plain("s")}, {quoted(_ELSE)}) THEN 'unparsed'
        ELSE {let("x", let("told", "string_split(array_to_string(limit_parts(s), ';'), ';')", "limit_ordered(told)"), f"CASE WHEN x <> '' THEN x WHEN regexp_matches(s, {quoted(_LONG)}) THEN 'long_term' ELSE 'unparsed' END")} END""",
    # The part that decides stands last: where the limit was moved to, else the date, not the reports until then. `more` adds to what
    # is before it; to nothing, to what comes round, or told without a length it is for a person.
    "limit_dated(part)": "NOT starts_with(part, 'every|') AND NOT starts_with(part, 'from|') AND part NOT IN ('immediate', 'moved', '')",
    "limit_ordered(parts)": """CASE
        WHEN parts[-1] = 'moved' OR list_contains(parts, 'more') THEN 'unparsed'
        WHEN list_contains(parts, 'moved') THEN array_to_string(
          list_filter(parts, lambda x, i: x <> 'moved' AND NOT starts_with(x, 'more|') AND i <> list_position(parts, 'moved') + 1)
          || [parts[list_position(parts, 'moved') + 1]], ';')
        WHEN starts_with(parts[-1], 'more|') AND (len(parts) = 1 OR NOT limit_dated(parts[-2]) OR starts_with(parts[-2], 'more|')) THEN 'unparsed'
        WHEN starts_with(parts[-1], 'more|') THEN array_to_string(parts, ';')
        WHEN len(list_filter(parts, lambda x: limit_dated(x) AND NOT starts_with(x, 'more|'))) > 0 THEN array_to_string(
          list_filter(parts, lambda x: NOT limit_dated(x)) || list_filter(parts, lambda x: limit_dated(x) AND NOT starts_with(x, 'more|')), ';')
        ELSE array_to_string(parts, ';') END""",
    # Below, p is one part split at |.
    "limit_day(y, m, b)": """CASE
        WHEN y IS NULL OR m NOT BETWEEN 1 AND 12 THEN NULL
        WHEN b = 'E' THEN last_day(make_date(y, m, 1))
        ELSE TRY_CAST(y || '-' || m || '-' || b AS DATE) END""",
    "limit_month(kind, a)": """CASE kind
        WHEN 'quarter' THEN a::INTEGER * 3
        WHEN 'half' THEN CASE WHEN a = '上' THEN 6 ELSE 12 END
        ELSE TRY_CAST(a AS INTEGER) END""",
    "limit_in(p, y)": """CASE
        WHEN p[1] = 'festival' THEN TRY_CAST(y || regexp_extract(getvariable('hub_festivals'), p[4] || y || '(-[0-9]{2}-[0-9]{2})', 1) AS DATE) - 1
        ELSE limit_day(y, limit_month(p[1], p[4]), p[5]) END""",
    "limit_year(p, start)": """CASE
        WHEN length(p[2]) = 4 THEN p[2]::INTEGER
        WHEN length(p[2]) = 2 THEN 2000 + p[2]::INTEGER
        WHEN p[3] IN ('今', '本', '当') THEN year(start)
        WHEN p[3] IN ('明', '次', '来') THEN year(start) + 1
        WHEN p[3] = '后' THEN year(start) + 2 END""",
    # The year told, else the year of `least` or the next.
    "limit_yearly(p, least, start)": let(
        "named",
        "limit_year(p, start)",
        "list_filter(list_transform(CASE WHEN named IS NULL AND least IS NOT NULL THEN [year(least), year(least) + 1] ELSE [named] END, "
        "lambda y: limit_in(p, y)), lambda d: d IS NOT NULL AND (named IS NOT NULL OR d >= least))[1]",
    ),
    "limit_of_month(first, b)": "limit_day(year(first), month(first), b)",
    "limit_ahead(word)": "CASE WHEN word IN ('下', '次') THEN 1 ELSE 0 END",
    "limit_here(p, start)": """list_filter(list_transform(CASE WHEN p[3] = '' THEN [0, 1] ELSE [limit_ahead(p[3])] END,
        lambda n: limit_of_month((date_trunc('month', start) + to_months(n))::DATE, p[4])), lambda d: d >= start OR p[3] <> '')[1]""",
    "limit_week(p, start)": """(date_trunc('week', start)::DATE + 7 * limit_ahead(p[2])
        + CASE WHEN p[3] IN ('', '日', '天') THEN 6 ELSE p[3]::INTEGER - 1 END)""",
    # The calendar is a text of ones and noughts: a list of its days would be copied wherever a macro is pasted.
    "limit_works(d, n)": "substr(getvariable('hub_workdays'), (d - getvariable('hub_calendar_from') + 1)::INTEGER, n::INTEGER)",
    "limit_workday(d, n)": let(
        "days",
        "limit_works(d, 2 * n + 30)",
        "d + list_filter(range(0, 2 * n + 30), lambda k: substr(days, k + 1, 1) = '1')[n]::INTEGER",
    ),
    "limit_to(n, unit, start)": """CASE
        WHEN unit = 'd' THEN start + n
        WHEN unit = 'h' THEN start + (n + 23) // 24
        WHEN unit = 'W' THEN start + 7 * n
        WHEN unit = 'H' THEN (start + to_months(n))::DATE + 15
        ELSE (start + to_months(CASE unit WHEN 'M' THEN n WHEN 'Q' THEN 3 * n WHEN 'Y' THEN 12 * n ELSE 12 * n + 6 END))::DATE END""",
    # Past the calendar only weekends are known to be days off.
    "limit_after(n, unit, start)": """coalesce(limit_workday(
        CASE WHEN unit <> 'w' THEN limit_to(n, unit, start) WHEN n = 0 THEN start ELSE start + 1 END,
        CASE WHEN unit = 'w' AND n > 0 THEN n ELSE 1 END),
        CASE WHEN unit <> 'w' THEN limit_to(n, unit, start) + CASE isodow(limit_to(n, unit, start)) WHEN 6 THEN 2 WHEN 7 THEN 1 ELSE 0 END END)""",
    # The names under which a day comes round.
    "limit_names(d)": """[
        'year:' || month(d) || '-' || day(d), 'month:' || day(d), 'day',
        'week:' || isodow(d),
        CASE WHEN d = last_day(d) THEN 'month:E' END, CASE WHEN d = last_day(d) THEN 'year:' || month(d) || '-E' END,
        CASE WHEN d = last_day(d) AND month(d) % 3 = 0 THEN 'quarter' END,
        CASE WHEN d = last_day(d) AND month(d) % 3 = 0 THEN 'year:q' || quarter(d) END,
        CASE WHEN d = last_day(d) AND month(d) % 6 = 0 THEN 'half' END,
        CASE WHEN d = last_day(d) AND month(d) % 6 = 0 THEN 'year:h' || CASE month(d) WHEN 6 THEN '上' ELSE '下' END END]""",
    # The first and last working days of a month are looked up month by month, and only where asked for: the calendar is a long text.
    "limit_workdays(codes, m)": """[
        CASE WHEN list_has_any(codes, ['month:w1', 'year:' || month(m) || '-w1']) THEN limit_workday(m, 1) END,
        CASE WHEN list_has_any(codes, ['month:wE', 'year:' || month(m) || '-wE'])
          THEN m + length(rtrim(limit_works(m, day(last_day(m))), '0'))::INTEGER - 1 END]""",
    "limit_comes_round(codes, start)": """least(
        list_filter(list_transform(range(0, 367), lambda n: start + n::INTEGER), lambda d: list_has_any(codes, limit_names(d)))[1],
        CASE WHEN regexp_matches(array_to_string(codes, ' '), '[:-]w[1E]') THEN list_min(list_filter(flatten(list_transform(range(0, 14),
          lambda n: limit_workdays(codes, (date_trunc('month', start) + to_months(n::INTEGER))::DATE))), lambda d: d >= start)) END)""",
    "limit_part(p, least, start)": """CASE
        WHEN p[1] IN ('day', 'from', 'tenday', 'month', 'quarter', 'half', 'year', 'festival') THEN limit_yearly(p, least, start)
        WHEN p[1] = 'here' THEN limit_here(p, start)
        WHEN p[1] = 'term' THEN last_day((date_trunc('quarter', start) + to_months(2 + 3 * limit_ahead(p[3])))::DATE)
        WHEN p[1] = 'week' THEN limit_week(p, start) + CASE WHEN p[2] = '' AND limit_week(p, start) < start THEN 7 ELSE 0 END
        WHEN p[1] = 'after' THEN limit_after(p[2]::INTEGER, p[3], start)
        WHEN p[1] = 'plan' THEN make_date(CASE p[2] WHEN '4' THEN 2025 ELSE 2030 END, 12, 31) END""",
    # No earlier than the limit before it; after a bare year, no earlier than its first day.
    "limit_least(p, start)": let(
        "d",
        "limit_part(p, start, start)",
        "CASE WHEN p[1] = 'year' THEN date_trunc('year', d)::DATE WHEN d > start THEN d ELSE start END",
    ),
    "limit_codes(parts)": "list_transform(list_filter(parts, lambda x: starts_with(x, 'every|')), lambda x: substr(x, 7))",
    "limit_base(parts, start)": """coalesce(list_transform(list_filter(parts, lambda x: starts_with(x, 'from|')),
        lambda x: CASE WHEN ends_with(x, '|E') THEN greatest(start, date_trunc('month', limit_yearly(string_split(x, '|'), start, start))::DATE)
          ELSE limit_yearly(string_split(x, '|'), start, start) END)[-1], start)""",
    "limit_final(parts, start, base)": f"""CASE
        WHEN starts_with(parts[-1], 'every|') THEN limit_comes_round(limit_codes(parts), greatest(base, start))
        ELSE {
        let(
            "p",
            "string_split(parts[-1], '|')",
            let(
                "least",
                "CASE WHEN p[1] = 'after' THEN base WHEN len(parts) > 1 THEN limit_least(string_split(parts[-2], '|'), start) ELSE start END",
                "limit_part(p, least, CASE WHEN p[1] = 'after' THEN base ELSE start END)",
            ),
        )
    } END""",
    # 6月底 and a month more is the end of July; 6月30日 and a month more the 30th.
    "limit_longer(p, before, d)": """CASE WHEN p[3] = 'M' AND ends_with(before, '|E') THEN last_day((d + to_months(p[2]::INTEGER))::DATE)
        ELSE limit_after(p[2]::INTEGER, p[3], d) END""",
    "limit_on(spec, start)": f"""CASE
        WHEN spec IS NULL OR spec IN ('null', 'long_term', 'unparsed') THEN NULL
        WHEN TRY_CAST(spec AS DATE) IS NOT NULL THEN TRY_CAST(spec AS DATE)
        ELSE {
        let(
            "parts",
            "string_split(spec, ';')",
            let(
                "d",
                let(
                    "kept",
                    "CASE WHEN starts_with(parts[-1], 'more|') THEN parts[:-2] ELSE parts END",
                    "limit_final(kept, start, limit_base(kept, start))",
                ),
                "CASE WHEN starts_with(parts[-1], 'more|') THEN limit_longer(string_split(parts[-1], '|'), parts[-2], d) ELSE d END",
            ),
        )
    } END""",
    "limit_kind(p)": """CASE
        WHEN p[1] IN ('here', 'term') THEN p[2]
        WHEN p[1] IN ('after', 'more') THEN CASE WHEN p[3] = 'w' THEN 'workdays' ELSE 'duration' END
        WHEN p[1] IN ('plan') THEN 'year'
        WHEN p[1] = 'from' THEN 'day'
        ELSE p[1] END""",
    "limit_precision(spec)": let(
        "kept",
        "spec",
        """CASE
        WHEN kept IS NULL OR kept IN ('null', 'unparsed') THEN NULL
        WHEN TRY_CAST(kept AS DATE) IS NOT NULL THEN '日'
        ELSE CASE limit_kind(string_split(string_split(kept, ';')[-1], '|'))
          WHEN 'day' THEN '日' WHEN 'tenday' THEN '旬' WHEN 'month' THEN '月' WHEN 'quarter' THEN '季' WHEN 'half' THEN '半年'
          WHEN 'year' THEN '年' WHEN 'festival' THEN '节前' WHEN 'week' THEN '周' WHEN 'workdays' THEN '工作日' WHEN 'duration' THEN '期限'
          WHEN 'every' THEN '周期' WHEN 'immediate' THEN '立行立改' WHEN 'long_term' THEN '长期坚持' END END""",
    ),
    "limit_recurrence(spec)": "nullif(array_to_string(limit_codes(string_split(spec, ';')), ' '), '')",
}


def set_calendar(con: "duckdb.DuckDBPyConnection", days: Iterable[tuple[date, bool]] = ()) -> None:
    """Give this connection the working days (each day and whether it is one, in order; the nation's where none are given), and the festivals."""
    given = list(days) or [(r.day, r.is_workday) for r in build(FIRST_YEAR, date.today().year + 2)]
    con.execute("SET VARIABLE hub_calendar_from = $1::DATE", [given[0][0]])
    con.execute("SET VARIABLE hub_workdays = $1", ["".join("1" if works else "0" for _, works in given)])
    con.execute("SET VARIABLE hub_festivals = $1", [_festivals()])


@cache
def _festivals() -> str:
    """The day of each festival of each year, 春节2026-02-17 …; the lunar ones from the library's tables."""
    from holidays.calendars.chinese import _ChineseLunisolar

    lunar = _ChineseLunisolar()
    found: dict[str, list[date | None]] = {}
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        spring = lunar.lunar_new_year_date(year)[0]
        told = {
            "春节": spring,
            "除夕": spring and spring - timedelta(1),
            "元宵": spring and spring + timedelta(14),
            "清明": lunar.qingming_date(year)[0],
            "端午": lunar.dragon_boat_date(year)[0],
            "中秋": lunar.mid_autumn_date(year)[0],
            "重阳": lunar.double_ninth_date(year)[0],
            "元旦": date(year, 1, 1),
            "劳动节": date(year, 5, 1),
            "建党节": date(year, 7, 1),
            "建军节": date(year, 8, 1),
            "国庆": date(year, 10, 1),
        }
        for name, day in told.items():
            found.setdefault(name, []).append(day)
    return " ".join(f"{name}{day}" for name, listed in found.items() for day in listed if day)
