"""SQL twins of `schemas.dates`: the common shapes by a cast, every other by the pure reader's own rewriting steps.

Patterns stay outside lambdas: DuckDB compiles those inside one anew for every 2,048 rows.
"""

from schemas import dates
from schemas.macros.sqltext import let, matches, quoted, replaced, symbols, translated

_TODAY_CENTURIES = "(?:19|2[0-9])[0-9]{2}"
_ISO = f"{_TODAY_CENTURIES}-[0-9]{{2}}-[0-9]{{2}}"
_HOUR_MINUTE = "(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,6})?)?"
_LIMITS = "('month_end', 'quarter', 'half_year', 'year_end')"


def _folded() -> str:
    odd = symbols(dates.FOLDED[0] + "｜")
    folded = translated("narrow(s)", dates.FOLDED)
    return f"upper(CASE WHEN regexp_matches(s, {quoted(odd)}) THEN {folded} ELSE narrow(s) END)"


def _figures(cell: str) -> str:
    """Arabic figures for Chinese ones."""
    for pattern, put in dates.NUMERAL_STEPS:
        cell = replaced(cell, pattern, put)
    cell = translated(cell, dates.NUMERAL_DIGITS)
    for _ in range(3):
        cell = replaced(cell, *dates.LETTER_ZERO)
    return cell


def _shaped(cell: str) -> str:
    for pattern, put in dates.SHAPES:
        cell = replaced(cell, pattern, put)
    return cell


MACROS = {
    "date_quick(s)": f"""CASE
        WHEN {matches("s", _ISO)} THEN TRY_CAST(s AS DATE)
        WHEN {matches("s", f"{_ISO}[ T]{_HOUR_MINUTE}")} THEN TRY_CAST(left(s, 10) AS DATE)
        WHEN {matches("s", f"{_TODAY_CENTURIES}[-/.][0-9]{{1,2}}[-/.][0-9]{{1,2}}")}
        THEN TRY_CAST(replace(replace(s, '/', '-'), '.', '-') AS DATE)
        WHEN {matches("s", f"{_TODAY_CENTURIES}[0-9]{{4}}")}
        THEN TRY_CAST(left(s, 4) || '-' || substr(s, 5, 2) || '-' || right(s, 2) AS DATE)
        WHEN {matches("s", f"{_TODAY_CENTURIES}年[0-9]{{1,2}}月[0-9]{{1,2}}日")}
        THEN TRY_CAST(replace(replace(left(s, length(s) - 1), '年', '-'), '月', '-') AS DATE)
        END""",
    # The shape most systems write comes first: each of these looks at every cell the ones before have left.
    "timestamp_quick(s, zone)": f"""CASE
        WHEN {matches("s", f"{_ISO}[ T]{_HOUR_MINUTE}")}
        THEN TRY_CAST(s AS TIMESTAMP) + to_minutes({dates.COUNTY_OFFSET_MINUTES} - zone)
        WHEN {matches("s", f"{_TODAY_CENTURIES}[/.][0-9]{{1,2}}[/.][0-9]{{1,2}} {_HOUR_MINUTE}")}
        THEN TRY_CAST(replace(replace(left(s, 10), '/', '-'), '.', '-') || substr(s, 11) AS TIMESTAMP)
          + to_minutes({dates.COUNTY_OFFSET_MINUTES} - zone)
        WHEN {matches("s", f"{_ISO}[ T]{_HOUR_MINUTE}(?:Z|[+-](?:0[0-9]|1[0-3]):?[0-5][0-9])")}
        THEN make_timestamp(epoch_us(TRY_CAST(s AS TIMESTAMPTZ)) + {dates.COUNTY_OFFSET_MINUTES * 60_000_000})
        ELSE date_quick(s)::TIMESTAMP END""",
    "date_folded(s)": _folded(),
    "date_figures(s)": _figures("s"),
    "date_shape(s)": _shaped(
        f"CASE WHEN regexp_matches(s, {quoted(dates.NUMERAL)}) THEN {_figures(_folded())} ELSE {_folded()} END"
    ),
    # Below, p is the shape split at |: p[1] its kind, then the fields.
    "date_day(y, m, d)": f"""CASE WHEN y >= '{dates.FIRST_YEAR}'
        THEN TRY_CAST(y || '-' || m || '-' || d AS DATE)::TIMESTAMP END""",
    "date_hour(h, half)": """CASE
        WHEN half = '' THEN h
        WHEN half IN ('下午', '晚上', 'PM') THEN CASE WHEN h < 12 THEN h + 12 ELSE h END
        WHEN h = 12 THEN 0 WHEN h < 12 THEN h ELSE 99 END""",
    "date_offset(z, otherwise)": """CASE
        WHEN z = '' THEN otherwise
        WHEN z[1] NOT IN ('+', '-') THEN 0
        ELSE CASE WHEN z[1] = '-' THEN -1 ELSE 1 END
          * (substr(z, 2, 2)::INTEGER * 60 + CASE WHEN length(z) > 3 THEN right(z, 2)::INTEGER ELSE 0 END) END""",
    "date_clock(midnight, hour, minute, second, fraction, ahead)": f"""CASE
        WHEN hour <= 23 AND minute <= 59 AND second <= 59 AND abs(ahead) < 900
          AND (midnight < TIMESTAMP '9999-12-31' OR hour * 60 + minute + {dates.COUNTY_OFFSET_MINUTES} - ahead < 1440)
        THEN midnight + to_minutes(hour * 60 + minute + {dates.COUNTY_OFFSET_MINUTES} - ahead)
          + to_microseconds(second * 1000000 + left(fraction || '000000', 6)::INTEGER) END""",
    "date_half(tail)": "left(tail, 2) IN ('AM', 'PM')",
    "date_moment(y, m, d, before, h, minute, second, fraction, tail, zone)": """date_clock(
        date_day(y, m, d),
        date_hour(h::INTEGER, CASE WHEN before <> '' THEN before WHEN date_half(tail) THEN left(tail, 2) ELSE '' END),
        coalesce(TRY_CAST(minute AS INTEGER), 0), coalesce(TRY_CAST(second AS INTEGER), 0), fraction,
        date_offset(trim(CASE WHEN date_half(tail) THEN substr(tail, 3) ELSE tail END), zone))""",
    "date_year(p, reference)": """CASE WHEN p[2] <> '' THEN p[2]
        ELSE (year(reference) + CASE WHEN p[3] = '明' THEN 1 ELSE 0 END)::VARCHAR END""",
    "date_month(p, reference)": """CASE p[1]
        WHEN 'month_end' THEN coalesce(TRY_CAST(p[4] AS INTEGER), month(reference))
        WHEN 'quarter' THEN p[4]::INTEGER * 3
        WHEN 'half_year' THEN CASE WHEN p[4] = '上' THEN 6 ELSE 12 END
        ELSE 12 END""",
    "date_of(p, reference, serial, day_order, zone)": f"""CASE
        WHEN p[1] = 'day' THEN date_day(p[2], p[3], p[4])
        WHEN p[1] = 'time' THEN date_moment(p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10], zone)
        WHEN p[1] = 'month' THEN date_day(p[2], p[3], '1')
        WHEN p[1] = 'year' THEN date_day(p[2], '1', '1')
        WHEN p[1] = 'serial' AND serial THEN DATE '{dates.SERIAL_EPOCH}'::TIMESTAMP + to_days(p[2]::INTEGER)
          + to_seconds(floor(coalesce(TRY_CAST('0' || p[3] AS DOUBLE), 0) * 86400 + 0.5)::BIGINT)
        WHEN p[1] = 'year_last' AND day_order IS NOT NULL THEN CASE
          WHEN p[6] = '' AND day_order = 'dmy' THEN date_day(p[4], p[3], p[2])
          WHEN p[6] = '' THEN date_day(p[4], p[2], p[3])
          WHEN day_order = 'dmy' THEN date_moment(p[4], p[3], p[2], p[5], p[6], p[7], p[8], p[9], p[10], zone)
          ELSE date_moment(p[4], p[2], p[3], p[5], p[6], p[7], p[8], p[9], p[10], zone) END
        WHEN p[1] = 'immediate' THEN reference::TIMESTAMP + INTERVAL {dates.IMMEDIATE_DAYS} DAY
        WHEN p[1] = 'month_day' THEN date_day(year(reference)::VARCHAR, p[2], p[3])
        WHEN p[1] IN {_LIMITS} AND date_year(p, reference) BETWEEN '{dates.FIRST_YEAR}' AND '9999'
        THEN last_day(date_day(date_year(p, reference), date_month(p, reference)::VARCHAR, '1')::DATE)::TIMESTAMP END""",
    "date_kind(p, reference, serial, day_order)": f"""CASE
        WHEN p[1] IN ('null', 'long_term', 'immediate', 'month', 'year') THEN p[1]
        WHEN p[1] IN ('day', 'time') OR p[1] = 'serial' AND serial OR p[1] = 'year_last' AND day_order IS NOT NULL
          OR p[1] = 'month_day' AND reference IS NOT NULL THEN 'day'
        WHEN p[1] IN {_LIMITS} AND (p[2] <> '' OR reference IS NOT NULL) THEN p[1]
        ELSE 'unparsed' END""",
    "date_judged(p, reference, serial, day_order)": """CASE
        WHEN date_kind(p, reference, serial, day_order) IN ('null', 'long_term', 'immediate', 'unparsed')
          OR date_of(p, reference, serial, day_order, 480) IS NOT NULL
        THEN date_kind(p, reference, serial, day_order) ELSE 'invalid' END""",
    "date_value(s, reference := NULL, serial := false, day_order := NULL)": f"""CASE WHEN s IS NOT NULL
        THEN coalesce(date_quick(s), {
        let("p", "string_split(date_shape(s), '|')", "date_of(p, reference::DATE, serial, day_order, 480)::DATE")
    }) END""",
    "date_precision(s, reference := NULL, serial := false, day_order := NULL)": f"""CASE
        WHEN s IS NULL THEN 'null'
        WHEN date_quick(s) IS NOT NULL THEN 'day'
        ELSE {
        let("p", "string_split(date_shape(s), '|')", "date_judged(p, reference::DATE, serial, day_order)")
    } END""",
    "timestamp_value(s, zone := 480, serial := false, day_order := NULL)": f"""CASE WHEN s IS NOT NULL
        THEN coalesce(timestamp_quick(s, zone), {
        let(
            "p",
            "string_split(date_shape(s), '|')",
            '''CASE WHEN p[1] IN ('day', 'time', 'serial', 'year_last')
                THEN date_of(p, NULL::DATE, serial, day_order, zone) END''',
        )
    }) END""",
}
