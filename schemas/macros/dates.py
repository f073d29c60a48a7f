"""SQL twins of `schemas.dates`: the common shapes by a cast, every other by the patterns of the pure reader."""

from schemas import dates, text
from schemas.macros.sqltext import among, let, matches, quoted, replaced, translated

_MOMENT = "STRUCT(value TIMESTAMP, precision VARCHAR)"
_CLOCK = ["y", "m", "d", "before", "h", "mi", "s", "f", "after", "z"]
_TODAY_CENTURIES = "(?:19|2[0-9])[0-9]{2}"
_HOUR_MINUTE = "(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,6})?)?"


def _groups(pattern: str, names: list[str]) -> str:
    return f"regexp_extract(n, {quoted(pattern)}, [{', '.join(map(quoted, names))}])"


def _moment(value: str, precision: str) -> str:
    return f"{{value: {value}, precision: {precision}}}::{_MOMENT}"


def _read() -> str:
    """The cell in half-width capitals, one kind of dash, and Arabic figures."""
    figures = "n"
    for pattern, put in dates.NUMERAL_STEPS:
        figures = replaced(figures, pattern, put)
    figures = f"CASE WHEN regexp_matches(n, {quoted(dates.NUMERAL)}) THEN {translated(figures, dates.NUMERAL_DIGITS)} ELSE n END"
    zeros = f"CASE WHEN regexp_matches(n, {quoted('^' + dates.LETTER_ZERO_YEAR)}) THEN replace(left(n, 4), 'O', '0') || substr(n, 5) ELSE n END"
    return let("n", f"upper({translated('narrow(s)', dates.FOLDED)})", let("n", figures, zeros))


def _last_day(year: str, month: str, precision: str) -> str:
    return f"date_month_end({year}, {month}, {quoted(precision)})"


def _limit(pattern: str, names: list[str], month: str, precision: str) -> str:
    year = """CASE WHEN p.y <> '' THEN p.y::INTEGER ELSE year(reference) + CASE WHEN p.rel = '明' THEN 1 ELSE 0 END END"""
    return f"WHEN {matches('n', pattern)} THEN {let('p', _groups(pattern, names), _last_day(year, month, precision))}"


_LIMITS = " ".join(
    (
        _limit(dates.MONTH_END, ["y", "rel", "m"], "CASE WHEN p.m <> '' THEN p.m::INTEGER ELSE month(reference) END", "month_end"),
        _limit(dates.QUARTER, ["y", "rel", "a", "b"], "(p.a || p.b)::INTEGER * 3", "quarter"),
        _limit(dates.HALF_YEAR, ["y", "rel", "a"], "CASE WHEN p.a = '上' THEN 6 ELSE 12 END", "half_year"),
        _limit(dates.YEAR_END, ["y", "rel"], "12", "year_end"),
    )
)

MACROS = {
    "date_quick(s)": f"""CASE
        WHEN {matches("s", f"{_TODAY_CENTURIES}-[0-9]{{2}}-[0-9]{{2}}")} THEN TRY_CAST(s AS DATE)
        WHEN {matches("s", f"{_TODAY_CENTURIES}-[0-9]{{2}}-[0-9]{{2}}[ T]{_HOUR_MINUTE}")} THEN TRY_CAST(left(s, 10) AS DATE)
        WHEN {matches("s", f"{_TODAY_CENTURIES}[-/.][0-9]{{1,2}}[-/.][0-9]{{1,2}}")} THEN TRY_CAST(replace(replace(s, '/', '-'), '.', '-') AS DATE)
        WHEN {matches("s", f"{_TODAY_CENTURIES}[0-9]{{4}}")} THEN TRY_CAST(left(s, 4) || '-' || substr(s, 5, 2) || '-' || right(s, 2) AS DATE)
        END""",
    "timestamp_quick(s, zone)": f"""CASE
        WHEN {matches("s", f"{_TODAY_CENTURIES}-[0-9]{{2}}-[0-9]{{2}}[ T]{_HOUR_MINUTE}")}
        THEN TRY_CAST(s AS TIMESTAMP) + to_minutes({dates.COUNTY_OFFSET_MINUTES} - zone)
        ELSE date_quick(s)::TIMESTAMP END""",
    "date_read(s)": _read(),
    "date_day(y, m, d, kind)": let(
        "day",
        "TRY_CAST(y || '-' || m || '-' || d AS DATE)",
        f"CASE WHEN day IS NULL OR y < '{dates.FIRST_YEAR}' THEN {_moment('NULL', quoted('invalid'))} ELSE {_moment('day::TIMESTAMP', 'kind')} END",
    ),
    "date_month_end(y, m, kind)": f"""CASE
        WHEN y IS NULL OR m IS NULL THEN {_moment("NULL", quoted("unparsed"))}
        WHEN m NOT BETWEEN 1 AND 12 OR y < {dates.FIRST_YEAR} OR y > {dates.LAST_YEAR} THEN {_moment("NULL", quoted("invalid"))}
        ELSE {_moment("last_day(make_date(y, m, 1))::TIMESTAMP", "kind")} END""",
    "date_hour(h, half)": """CASE
        WHEN half = '' THEN h
        WHEN half IN ('下午', '晚上', 'PM') THEN CASE WHEN h < 12 THEN h + 12 ELSE h END
        WHEN h = 12 THEN 0 WHEN h < 12 THEN h ELSE 99 END""",
    "date_zone(z, otherwise)": """CASE
        WHEN z = '' THEN otherwise
        WHEN z[1] NOT IN ('+', '-') THEN 0
        ELSE (substr(z, 2, 2)::INTEGER * 60 + coalesce(TRY_CAST(right(z, 2) AS INTEGER), 0) * CASE WHEN length(z) > 3 THEN 1 ELSE 0 END)
          * CASE WHEN z[1] = '-' THEN -1 ELSE 1 END END""",
    "date_moment(p, zone)": let(
        "c",
        """{day: date_day(p.y, p.m, p.d, 'day').value, hour: date_hour(p.h::INTEGER, p.before || p.after),
            minute: coalesce(nullif(p.mi, ''), '0')::INTEGER, second: coalesce(nullif(p.s, ''), '0')::INTEGER,
            micro: left(p.f || '000000', 6)::BIGINT, ahead: date_zone(p.z, zone)}""",
        let(
            "t",
            f"""CASE WHEN c.hour <= 23 AND c.minute <= 59 AND c.second <= 59 AND abs(c.ahead) < 900
                THEN c.day + to_minutes(c.hour * 60 + c.minute + {dates.COUNTY_OFFSET_MINUTES} - c.ahead)
                  + to_microseconds(c.second * 1000000 + c.micro) END""",
            f"CASE WHEN t IS NULL OR t >= TIMESTAMP '10000-01-01' THEN {_moment('NULL', quoted('invalid'))} ELSE {_moment('t', quoted('day'))} END",
        ),
    ),
    "date_limit(n, reference)": f"""CASE
        WHEN {matches("n", dates.IMMEDIATE)} THEN {_moment(f"reference::TIMESTAMP + INTERVAL {dates.IMMEDIATE_DAYS} DAY", quoted("immediate"))}
        WHEN {matches("n", dates.LONG_TERM)} THEN {_moment("NULL", quoted("long_term"))}
        WHEN reference IS NOT NULL AND {matches("n", dates.MONTH_DAY)}
        THEN {let("p", _groups(dates.MONTH_DAY, ["m", "d"]), "date_day(year(reference)::VARCHAR, p.m, p.d, 'day')")}
        {_LIMITS}
        ELSE {_moment("NULL", quoted("unparsed"))} END""",
    "date_year_last(p, day_order, zone)": """CASE
        WHEN p.h <> '' THEN date_moment({y: p.y, m: CASE WHEN day_order = 'dmy' THEN p.b ELSE p.a END,
            d: CASE WHEN day_order = 'dmy' THEN p.a ELSE p.b END, before: p.before, h: p.h, mi: p.mi, s: p.s, f: p.f, after: p.after, z: p.z}, zone)
        WHEN day_order = 'dmy' THEN date_day(p.y, p.b, p.a, 'day') ELSE date_day(p.y, p.a, p.b, 'day') END""",
    "date_serial(p)": _moment(
        f"DATE '{dates.SERIAL_EPOCH}'::TIMESTAMP + to_days(p.n::INTEGER) + to_seconds(floor(coalesce(TRY_CAST('0' || p.f AS DOUBLE), 0) * 86400 + 0.5)::BIGINT)",
        quoted("day"),
    ),
    "date_cell(n, reference, serial, day_order, zone)": f"""CASE
        WHEN n IS NULL OR {among('n', text.BLANK_WORDS)} OR {matches("n", dates.ZERO_DATE)} THEN {_moment("NULL", quoted("null"))}
        WHEN {matches("n", dates.DAY)} THEN {let("p", _groups(dates.DAY, ["y", "m", "d"]), "date_day(p.y, p.m, p.d, 'day')")}
        WHEN {matches("n", dates.COMPACT)} THEN date_day(left(n, 4), substr(n, 5, 2), right(n, 2), 'day')
        WHEN {matches("n", dates.DAY_TIME)} THEN {let("p", _groups(dates.DAY_TIME, _CLOCK), "date_moment(p, zone)")}
        WHEN {matches("n", dates.COMPACT_TIME)} THEN {let("p", _groups(dates.COMPACT_TIME, [*_CLOCK[:3], "before", *_CLOCK[4:]]), "date_moment(p, zone)")}
        WHEN {matches("n", dates.MONTH)} THEN {let("p", _groups(dates.MONTH, ["y", "m"]), "date_day(p.y, p.m, '1', 'month')")}
        WHEN {matches("n", dates.COMPACT_MONTH)} THEN date_day(left(n, 4), right(n, 2), '1', 'month')
        WHEN {matches("n", dates.YEAR)} THEN date_day(left(n, 4), '1', '1', 'year')
        WHEN serial AND {matches("n", dates.SERIAL)} THEN {let("p", _groups(dates.SERIAL, ["n", "f"]), "date_serial(p)")}
        WHEN day_order IS NOT NULL AND {matches("n", dates.YEAR_LAST)}
        THEN {let("p", _groups(dates.YEAR_LAST, ["a", "b", "y", *_CLOCK[3:]]), "date_year_last(p, day_order, zone)")}
        ELSE date_limit({replaced("n", dates.DONE)}, reference) END""",
    "date_parse(s, reference := NULL, serial := false, day_order := NULL, zone := 480)": let(
        "n", "date_read(s)", "date_cell(n, reference::DATE, serial, day_order, zone)"
    ),
    "date_value(s, reference := NULL, serial := false, day_order := NULL)": """CASE WHEN s IS NOT NULL
        THEN coalesce(date_quick(s), date_parse(s, reference, serial, day_order, 480).value::DATE) END""",
    "date_precision(s, reference := NULL, serial := false, day_order := NULL)": """CASE
        WHEN s IS NULL THEN 'null'
        WHEN date_quick(s) IS NOT NULL THEN 'day'
        ELSE date_parse(s, reference, serial, day_order, 480).precision END""",
    "timestamp_value(s, zone := 480, serial := false, day_order := NULL)": f"""CASE WHEN s IS NOT NULL
        THEN coalesce(timestamp_quick(s, zone), {let("moment", "date_parse(s, NULL, serial, day_order, zone)", "CASE WHEN moment.precision = 'day' THEN moment.value END")}) END""",
}
