"""Dates as county staff write them, with what the writing was precise to.

`parse` is the one reader; `parse_date`, `date_value`, `date_precision` and `timestamp_value` are views of it, and the SQL
twins of those names live in `schemas.macros`, made from the same patterns. Nothing is guessed: a date whose year, or whose
order of day and month, is neither in the cell nor declared by the caller is 'unparsed'.

Precisions
    day, month, year          value = the day itself, or the first day of the month or year
    month_end, quarter, half_year, year_end
                              a time limit (12月底前, 三季度, 上半年, 年底前): value = its last day
    immediate                 立行立改: value = reference + IMMEDIATE_DAYS, None without a reference
    long_term                 长期坚持, 持续推进: no value
    null                      blank, 无, —— and the zero dates of databases and spreadsheets
    invalid                   read, but the calendar or the clock has no such moment (2020.02.30)
    unparsed                  not read
"""

import re
from calendar import monthrange
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from schemas import text

COUNTY_OFFSET_MINUTES = 480
IMMEDIATE_DAYS = 7
FIRST_YEAR = 1800
SERIAL_EPOCH = date(1899, 12, 30)

# A cell is read by rewriting it, step by step, into kind|field|field…; the SQL twin runs the same steps. The patterns keep to
# what Python and RE2 read alike: no \d, no \s, no look-around, at most nine groups.

# Half-width capitals, one kind of dash (`|` is ours), then Arabic figures: 二○二○年十二月 → 2020年12月.
FOLDED = ("。·|" + text.DASHES[1:], "../" + "-" * (len(text.DASHES) - 1))
NUMERAL = "[〇○零一二三四五六七八九十廿卅壹贰叁肆伍陆柒捌玖拾元OoＯｏ]"
NUMERAL_STEPS = (
    ("元月", "1月"),
    ("拾", "十"),
    ("廿", "二十"),
    ("卅", "三十"),
    ("([二三贰叁])十([一二三四五六七八九壹贰叁肆伍陆柒捌玖])", r"\1\2"),
    ("([二三贰叁])十", r"\g<1>0"),
    ("十([一二三四五六七八九壹贰叁肆伍陆柒捌玖])", r"1\1"),
    ("十", "10"),
)
NUMERAL_DIGITS = ("〇○零一二三四五六七八九壹贰叁肆伍陆柒捌玖", "000123456789123456789")
LETTER_ZERO = ("^([0-9O]{0,3})O([0-9O]{0,3}年)", r"\g<1>0\2")  # 二OO八年, typed with the letter: one O at a time

_YEAR_MONTH_DAY = "([0-9]{4}) ?[-/.年] ?([0-9]{1,2}) ?[-/.月] ?([0-9]{1,2})"
_WEEKDAY = r"(?: ?\(?(?:星期|周)[1-6日天]\)?)?"
_BEFORE = "(?:之前|以前|前|止)?"
_CLOCK = "([0-9]{1,2})[:时点](?:([0-9]{1,2})(?:[:分](?:([0-9]{1,2})(?:[.,]([0-9]{1,9}))?秒?)?)?)?"
_ZONE = "(?:Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}|[+-][0-9]{2})?"
_TIME = f"(上午|下午|晚上|凌晨|早上|[AP]M)? ?{_CLOCK} ?((?:[AP]M)? ?{_ZONE})"
_COMPACT = "([0-9]{4})([0-9]{2})([0-9]{2})"
_COMPACT_CLOCK = f"()([0-9]{{2}}):?([0-9]{{2}})(?::?([0-9]{{2}})(?:[.]?([0-9]{{1,9}}))?)? ?({_ZONE})"
_YEAR_OF = "(?:([0-9]{4}) ?年?|(今|本|明)年)?度? ?"
_BY = "(?:以前|之前|前|内|末|底)*"
_AT_ONCE = "(?:立行立改|立即整改|立查立改|立知立改|即知即改|即行即改|边查边改)"
_ZERO_DATE = "(?:0{4}[-/.]?0{1,2}[-/.]?0{1,2}|1900[-/.]?0?1[-/.]?0{1,2}|1899[-/.]12[-/.]3[01]|0001[-/.]0?1[-/.]0?1)"
_NOTHING = "|".join(re.escape(word.translate(str.maketrans(*FOLDED))) for word in sorted(text.BLANK_WORDS))

# Six digits are yyyymm only where they cannot be yymmdd as well: 201012 may be 12 October 2020.
_WHOLE = (
    (f"{_YEAR_MONTH_DAY} ?[日号]?{_WEEKDAY}{_BEFORE}", r"day|\1|\2|\3"),
    (_COMPACT, r"day|\1|\2|\3"),
    (f"{_YEAR_MONTH_DAY}(?: ?[日号]{_WEEKDAY} ?|[ T]){_TIME}", r"time|\1|\2|\3|\4|\5|\6|\7|\8|\9"),
    (f"{_COMPACT}[ T]?{_COMPACT_CLOCK}", r"time|\1|\2|\3|\4|\5|\6|\7|\8|\9"),
    ("([0-9]{4}) ?[-/.年] ?([0-9]{1,2}) ?月?份?", r"month|\1|\2"),
    ("(19(?:1[3-9]|[2-9][0-9])|20(?:1[3-9]|[2-9][0-9]))([0-9]{2})", r"month|\1|\2"),
    ("((?:1[89]|2[01])[0-9]{2}) ?(?:年度?)?", r"year|\1"),
    ("([1-9][0-9]{4})([.][0-9]{1,9})?", r"serial|\1|\2"),
    (f"([0-9]{{1,2}})[-/.]([0-9]{{1,2}})[-/.]([0-9]{{4}})(?: {_TIME})?", r"year_last|\1|\2|\3|\4|\5|\6|\7|\8|\9"),
    (_AT_ONCE, "immediate"),
    (
        f"(?:{_AT_ONCE}[,，、;；并]*)?(?:长期|永久|持续|常态化?|无固定期限|无限期|不限期|无期限)"
        "(?:有效|坚持|推进|整改|落实|开展|执行|实施|保持)*",
        "long_term",
    ),
    (f"([0-9]{{1,2}})月([0-9]{{1,2}})[日号]{_BEFORE}", r"month_day|\1|\2"),
    (f"{_YEAR_OF}(?:([0-9]{{1,2}})|本|当)?月份?[底末内]{_BY}", r"month_end|\1|\2|\3"),
    (f"{_YEAR_OF}(?:第?([1-4])季度?|Q([1-4])){_BY}", r"quarter|\1|\2|\3\4"),
    (f"{_YEAR_OF}([上下])半年{_BY}", r"half_year|\1|\2|\3"),
    (f"(?:([0-9]{{4}}) ?年|(今|本|明)年)?年?度?[底末终内]{_BY}", r"year_end|\1|\2"),
)

SHAPES = (
    (f"^(?:{_NOTHING}|{_ZERO_DATE}(?:[ T][0:.]+)?)$", "null"),
    ("(?:整改)?(?:完成(?:整改)?|到位|办结)$", ""),
    *((f"^(?:{pattern})$", put) for pattern, put in _WHOLE),
)

_FOLD = str.maketrans(*FOLDED)
_DIGITS = str.maketrans(*NUMERAL_DIGITS)


class Moment(NamedTuple):
    """A moment on the county's clock (+08:00, without zone) and what its writing was precise to."""

    value: datetime | None
    precision: str


class DateValue(NamedTuple):
    """A date and what its writing was precise to; the precisions are listed at the top of this module."""

    value: date | None
    precision: str


def parse(
    raw: str | None,
    *,
    reference: date | None = None,
    serial: bool = False,
    day_order: str | None = None,
    zone_minutes: int = COUNTY_OFFSET_MINUTES,
) -> Moment:
    """The moment a cell names.

    Args:
        raw: The cell as text.
        reference: Lends its year (month, day) to 12月底前, 三季度, 3月1日, 立行立改; the year is taken as it is, never moved on.
        serial: Whether five digits are a spreadsheet's day number (43891 = 2020-03-01).
        day_order: 'dmy' or 'mdy' for dates with the year last; None leaves all of them unparsed.
        zone_minutes: Offset from UTC of times that carry no zone; the result is county time.
    """
    if raw is None:
        return Moment(None, "null")
    kind, *fields = _shape(raw).split("|")
    if kind in ("null", "long_term"):
        return Moment(None, kind)
    if kind in ("day", "month", "year"):
        year, month, day = (*fields, "1", "1")[:3]
        return _found(_day(year, month, day), kind)
    if kind == "time":
        return _found(_moment(fields, zone_minutes), "day")
    if kind == "serial" and serial:
        seconds = int(float(fields[1] or 0) * 86400 + 0.5)
        return Moment(datetime.combine(SERIAL_EPOCH, time()) + timedelta(int(fields[0]), seconds), "day")
    if kind == "year_last" and day_order:
        first, second, year, *clock = fields
        day, month = (first, second) if day_order == "dmy" else (second, first)
        return _found(_moment([year, month, day, *clock], zone_minutes) if clock[1] else _day(year, month, day), "day")
    if kind == "immediate":
        due = datetime.combine(reference, time()) + timedelta(IMMEDIATE_DAYS) if reference else None
        return Moment(due, kind)
    if kind == "month_day" and reference:
        return _found(_day(str(reference.year), *fields), "day")
    if kind in ("month_end", "quarter", "half_year", "year_end") and (reference or fields[0]):
        return _found(_last_day(kind, fields, reference), kind)
    return Moment(None, "unparsed")


def parse_date(
    raw: str | None, *, reference: date | None = None, serial: bool = False, day_order: str | None = None
) -> DateValue:
    """The date a cell names, and its precision; a time with a zone is brought to county time first. See `parse`."""
    moment = parse(raw, reference=reference, serial=serial, day_order=day_order)
    return DateValue(moment.value.date() if moment.value else None, moment.precision)


def date_value(
    raw: str | None, reference: date | None = None, serial: bool = False, day_order: str | None = None
) -> date | None:
    """The date alone; None for everything that has none."""
    return parse_date(raw, reference=reference, serial=serial, day_order=day_order).value


def date_precision(
    raw: str | None, reference: date | None = None, serial: bool = False, day_order: str | None = None
) -> str:
    """The precision alone."""
    return parse(raw, reference=reference, serial=serial, day_order=day_order).precision


def timestamp_value(
    raw: str | None,
    zone_minutes: int = COUNTY_OFFSET_MINUTES,
    serial: bool = False,
    day_order: str | None = None,
) -> datetime | None:
    """The county wall-clock time without zone; a bare day is its midnight, anything less precise None."""
    moment = parse(raw, serial=serial, day_order=day_order, zone_minutes=zone_minutes)
    return moment.value if moment.precision == "day" else None


def _shape(raw: str) -> str:
    """The cell rewritten as kind|field|field…, or as it stands where no shape fits."""
    cell = text.narrow(raw).translate(_FOLD).upper()
    for pattern, put in NUMERAL_STEPS:
        cell = re.sub(pattern, put, cell)
    cell = cell.translate(_DIGITS)
    for pattern, put in (LETTER_ZERO,) * 3:
        cell = re.sub(pattern, put, cell)
    for pattern, put in SHAPES:
        cell = re.sub(pattern, put, cell)
    return cell


def _found(value: datetime | None, precision: str) -> Moment:
    return Moment(value, precision if value else "invalid")


def _day(year: str, month: str, day: str) -> datetime | None:
    try:
        value = datetime(int(year), int(month), int(day))
    except ValueError:
        return None
    return value if value.year >= FIRST_YEAR else None


def _moment(fields: Sequence[str], zone_minutes: int) -> datetime | None:
    """Year, month, day, 上午|下午, hour, minute, second, fraction, and AM|PM with zone, as county time."""
    year, month, day, before, hour_text, minute, second, fraction, tail = fields
    after, zone = (tail[:2], tail[2:].strip()) if tail[:2] in ("AM", "PM") else ("", tail.strip())
    midnight, hour, half = _day(year, month, day), int(hour_text), before or after
    if half in ("下午", "晚上", "PM"):
        hour += 12 if hour < 12 else 0
    elif half:
        hour = 0 if hour == 12 else hour if hour < 12 else 99
    offset = _offset(zone) if zone else zone_minutes
    if midnight is None or hour > 23 or int(minute or 0) > 59 or int(second or 0) > 59 or abs(offset) >= 900:
        return None
    clock = timedelta(hours=hour, minutes=int(minute or 0), seconds=int(second or 0))
    clock += timedelta(microseconds=int((fraction + "000000")[:6]), minutes=COUNTY_OFFSET_MINUTES - offset)
    return None if midnight.date() == date.max and clock >= timedelta(1) else midnight + clock


def _offset(zone: str) -> int:
    """Minutes ahead of UTC of Z, +08, +0800 or +08:00."""
    if zone[0] not in "+-":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[3:].strip(":") or 0)
    return -minutes if zone[0] == "-" else minutes


def _last_day(kind: str, fields: Sequence[str], reference: date | None) -> datetime | None:
    if fields[0]:
        year = int(fields[0])
    elif reference:
        year = reference.year + (fields[1] == "明")
    else:
        return None
    if kind == "month_end":
        month = int(fields[2]) if fields[2] else reference.month if reference else 0
    elif kind == "quarter":
        month = int(fields[2]) * 3
    else:
        month = 6 if fields[2:] == ["上"] else 12
    if not 1 <= month <= 12 or not FIRST_YEAR <= year <= date.max.year:
        return None
    return datetime(year, month, monthrange(year, month)[1])
