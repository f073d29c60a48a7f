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
from datetime import date, datetime, timedelta
from typing import NamedTuple

from schemas import text

COUNTY_OFFSET_MINUTES = 480
IMMEDIATE_DAYS = 7
FIRST_YEAR, LAST_YEAR = 1800, 9999
SERIAL_EPOCH = date(1899, 12, 30)

# The patterns are shared with the SQL twins, so they keep to what Python and RE2 read alike: no \d, no \s, no look-around.
# Those with a time share ten groups: year, month, day, 上午|下午, hour, minute, second, fraction, AM|PM, zone.
_ZONE = "(Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}|[+-][0-9]{2})?"
_CLOCK = "([0-9]{1,2})[:时点](?:([0-9]{1,2})(?:[:分](?:([0-9]{1,2})(?:[.,]([0-9]{1,9}))?秒?)?)?)?"
_TIME = f"(上午|下午|晚上|凌晨|早上|[AP]M)? ?{_CLOCK} ?([AP]M)? ?{_ZONE}"
_WEEKDAY = r"(?: ?\(?(?:星期|周)[1-6日天]\)?)?"
_LIMIT = "(?:之前|以前|前|止)?"
_YEAR_MONTH_DAY = "([0-9]{4}) ?[-/.年] ?([0-9]{1,2}) ?[-/.月] ?([0-9]{1,2})"
DAY = f"{_YEAR_MONTH_DAY} ?[日号]?{_WEEKDAY}{_LIMIT}"
DAY_TIME = f"{_YEAR_MONTH_DAY}(?: ?[日号]{_WEEKDAY} ?|[ T]){_TIME}"
COMPACT = "([0-9]{4})([0-9]{2})([0-9]{2})"
COMPACT_TIME = f"{COMPACT}[ T]?()([0-9]{{2}}):?([0-9]{{2}})(?::?([0-9]{{2}})(?:[.]?([0-9]{{1,9}}))?)?() ?{_ZONE}"
# Year last: only the caller knows whether the day or the month comes first.
YEAR_LAST = f"([0-9]{{1,2}})[-/.]([0-9]{{1,2}})[-/.]([0-9]{{4}})(?: {_TIME})?"
MONTH = "([0-9]{4}) ?[-/.年] ?([0-9]{1,2}) ?月?份?"
# Six digits are yyyymm only where they cannot be yymmdd as well: 201012 may be 12 October 2020.
COMPACT_MONTH = "(19(?:1[3-9]|[2-9][0-9])|20(?:1[3-9]|[2-9][0-9]))([0-9]{2})"
YEAR = "((?:1[89]|2[01])[0-9]{2}) ?(?:年度?)?"
MONTH_DAY = f"([0-9]{{1,2}})月([0-9]{{1,2}})[日号]{_LIMIT}"
# Time limits share their first two groups: year, 今年|本年|明年.
_YEAR_OF = "(?:([0-9]{4}) ?年?|(今|本|明)年)?度? ?"
_BY = "(?:以前|之前|前|内|末|底)*"
MONTH_END = f"{_YEAR_OF}(?:([0-9]{{1,2}})|本|当)?月份?[底末内]{_BY}"
QUARTER = f"{_YEAR_OF}(?:第?([1-4])季度?|Q([1-4])){_BY}"
HALF_YEAR = f"{_YEAR_OF}([上下])半年{_BY}"
YEAR_END = f"(?:([0-9]{{4}}) ?年|(今|本|明)年)?年?度?[底末终内]{_BY}"
SERIAL = "([1-9][0-9]{4})([.][0-9]{1,9})?"
ZERO_DATE = "(?:0{4}[-/.]?0{1,2}[-/.]?0{1,2}|1900[-/.]?0?1[-/.]?0{1,2}|1899[-/.]12[-/.]3[01]|0001[-/.]0?1[-/.]0?1)(?:[ T][0:.]+)?"
IMMEDIATE = "(?:立行立改|立即整改|立查立改|立知立改|即知即改|即行即改|边查边改)"
LONG_TERM = f"(?:{IMMEDIATE}[,，、;；并]*)?(?:长期|永久|持续|常态化?|无固定期限|无限期|不限期|无期限)(?:有效|坚持|推进|整改|落实|开展|执行|实施|保持)*"
DONE = "(?:整改)?(?:完成(?:整改)?|到位|办结)$"

# 二○二○年十二月 → 2020年12月, in steps both twins take: what to find, what to put.
NUMERAL = "[〇○零一二三四五六七八九十廿卅壹贰叁肆伍陆柒捌玖拾元]"
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
LETTER_ZERO_YEAR = "[0-9O]{4}年"  # 二OO八年, typed with the letter
FOLDED = ("。·" + text.DASHES[1:], ".." + "-" * (len(text.DASHES) - 1))

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
    cell = _read(raw)
    if cell in text.BLANK_WORDS or re.fullmatch(ZERO_DATE, cell):
        return Moment(None, "null")
    if found := re.fullmatch(DAY, cell) or re.fullmatch(COMPACT, cell):
        return _day(*found.groups())
    if found := re.fullmatch(DAY_TIME, cell) or re.fullmatch(COMPACT_TIME, cell):
        return _moment(found.groups(), zone_minutes)
    if found := re.fullmatch(MONTH, cell) or re.fullmatch(COMPACT_MONTH, cell):
        return _day(found[1], found[2], "1", "month")
    if found := re.fullmatch(YEAR, cell):
        return _day(found[1], "1", "1", "year")
    if serial and (found := re.fullmatch(SERIAL, cell)):
        seconds = int(float(found[2] or 0) * 86400 + 0.5)
        return Moment(datetime.combine(SERIAL_EPOCH, datetime.min.time()) + timedelta(int(found[1]), seconds), "day")
    if day_order and (found := re.fullmatch(YEAR_LAST, cell)):
        first, second, year, *clock = found.groups()
        day, month = (first, second) if day_order == "dmy" else (second, first)
        return _moment((year, month, day, *clock), zone_minutes) if clock[1] else _day(year, month, day)
    return _limit(re.sub(DONE, "", cell), reference)


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


def _read(raw: str) -> str:
    """The cell in half-width capitals, one kind of dash, and Arabic figures."""
    cell = text.narrow(raw).translate(_FOLD).upper()
    if re.search(NUMERAL, cell):
        for pattern, put in NUMERAL_STEPS:
            cell = re.sub(pattern, put, cell)
        cell = cell.translate(_DIGITS)
    if re.match(LETTER_ZERO_YEAR, cell):
        cell = cell[:4].replace("O", "0") + cell[4:]
    return cell


def _day(year: str, month: str, day: str, precision: str = "day") -> Moment:
    try:
        value = datetime(int(year), int(month), int(day))
    except ValueError:
        return Moment(None, "invalid")
    return Moment(value, precision) if value.year >= FIRST_YEAR else Moment(None, "invalid")


def _moment(groups: tuple[str | None, ...], zone_minutes: int) -> Moment:
    year, month, day, before, hour_text, minute, second, fraction, after, zone = (group or "" for group in groups)
    midnight = _day(year, month, day).value
    hour, half = int(hour_text), before or after
    if half in ("下午", "晚上", "PM"):
        hour += 12 if hour < 12 else 0
    elif half:
        hour = 0 if hour == 12 else hour if hour < 12 else 99
    offset = _offset(zone) if zone else zone_minutes
    if midnight is None or hour > 23 or int(minute or 0) > 59 or int(second or 0) > 59 or abs(offset) >= 900:
        return Moment(None, "invalid")
    clock = timedelta(hours=hour, minutes=int(minute or 0), seconds=int(second or 0))
    clock += timedelta(microseconds=int((fraction + "000000")[:6]), minutes=COUNTY_OFFSET_MINUTES - offset)
    if midnight.year == LAST_YEAR and midnight.month == 12 and midnight.day == 31 and clock >= timedelta(1):
        return Moment(None, "invalid")
    return Moment(midnight + clock, "day")


def _offset(zone: str) -> int:
    """Minutes ahead of UTC of Z, +08, +0800 or +08:00."""
    if zone[0] not in "+-":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[3:].strip(":") or 0)
    return -minutes if zone[0] == "-" else minutes


def _limit(cell: str, reference: date | None) -> Moment:
    """Time limits of ledgers, which name a period rather than a day."""
    if re.fullmatch(IMMEDIATE, cell):
        due = (
            datetime(reference.year, reference.month, reference.day) + timedelta(IMMEDIATE_DAYS) if reference else None
        )
        return Moment(due, "immediate")
    if re.fullmatch(LONG_TERM, cell):
        return Moment(None, "long_term")
    if reference and (found := re.fullmatch(MONTH_DAY, cell)):
        return _day(str(reference.year), found[1], found[2])
    if found := re.fullmatch(MONTH_END, cell):
        month = int(found[3]) if found[3] else reference.month if reference else 0
        return _last_day(found, month, "month_end", reference)
    if found := re.fullmatch(QUARTER, cell):
        return _last_day(found, int(found[3] or found[4]) * 3, "quarter", reference)
    if found := re.fullmatch(HALF_YEAR, cell):
        return _last_day(found, 6 if found[3] == "上" else 12, "half_year", reference)
    if found := re.fullmatch(YEAR_END, cell):
        return _last_day(found, 12, "year_end", reference)
    return Moment(None, "unparsed")


def _last_day(found: re.Match[str], month: int, precision: str, reference: date | None) -> Moment:
    if found[1]:
        year = int(found[1])
    elif reference:
        year = reference.year + (found[2] == "明")
    else:
        return Moment(None, "unparsed")
    if not 1 <= month <= 12 or year < FIRST_YEAR:
        return Moment(None, "invalid")
    return Moment(datetime(year, month, monthrange(year, month)[1]), precision)
