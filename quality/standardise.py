"""How a source value becomes a contract value, as DuckDB SQL per field.

For each field three expressions are made over `raw` (the source column as it came) and `text` (the same, blanks
trimmed, empty and lone dashes as NULL). `unread` and `fixed` stand one SELECT above `value` and name it by its field:

    value     the standardised value, NULL where there is none or it cannot be read
    unread    true where something stands in the source that is not readable as this kind (None: cannot happen)
    fixed     true where the value says the same as the source but differently (None: cannot happen); the raw
              text is then kept in the row's notes

Before/after for kind `date`:   '2020年3月1日' -> 2020-03-01, fixed     '2020.02.30' -> NULL, unread
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from schemas import scrubs
from schemas.contract import Field
from schemas.macros.sqltext import let, quoted
from schemas.text import BLANKS

IDENTIFIERS = frozenset(
    ["uscc", "org_code", "reg_no", "enterprise_code", "resident_id", "phone", "unit_no", "project_code", "taxpayer_id"]
)  # fmt: skip
PERSONAL = {"mask_name", "mask_phone", "mask_id", "hmac", "resident_id", "phone", "scrub"}


@dataclass(frozen=True)
class Standard:
    """The SQL of one field."""

    value: str
    unread: str | None = None
    fixed: str | None = None
    placeholder: str | None = None  # true where «无», all zeros or 1900-01-00 stands: read as no value


_MOST_PLACES = 24  # so that a quick number's twelve digits before the point fit beside them


@dataclass(frozen=True)
class Reading:
    """How text of one kind is read: most of it by `quick`, the odd spellings by `full`, once per distinct spelling.

    The full macros understand every way a county writes a date or an amount; pasted into the query for every
    column they take DuckDB longer to plan (seconds) than to run. Both are SQL over `t`; a `quick` that gives NULL
    sends the spelling to `full`; where the rest is `plain`, it is not looked at again. A column without one odd spelling
    need not be looked at cell by cell: it is `native`.
    """

    quick: str | None
    full: str
    precise: bool = False  # the kind has a precision (dates)
    counted: bool = False  # the kind counts in working days (time limits)
    plain: str | None = None
    native: pa.DataType | None = None


def reading(field: Field, kind: pa.DataType, unit: str | None, *, utc: bool) -> Reading | None:
    """How this field's text is read; None where the source's own type is the field's, or nothing is to be read."""
    unit = unit or field.unit or "元"
    # Declared for the column, never guessed by row: 0.95 may be 95 % or less than one.
    scale = field.options.get("scale", "percent")
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    instant = pa.types.is_date(kind) or pa.types.is_timestamp(kind)
    match field.kind:
        case "date" if not instant:
            return Reading("date_quick(t)", "date_value(t)", precise=True, native=pa.date32())
        case "deadline" if not instant:
            return Reading("date_quick(t)::VARCHAR", "limit_spec(t)", counted=True)
        case "deadline_precision" if not instant:
            return Reading("CASE WHEN date_quick(t) IS NOT NULL THEN '日' END", "limit_precision(limit_spec(t))")
        case "deadline_recurrence" if not instant:
            return Reading(None, "limit_recurrence(limit_spec(t))")
        case "timestamp" if not instant:
            zone = 0 if utc else 480
            # A day without an hour is the county's day, also where hours are UTC: only a spelling tells them apart.
            native = None if utc else pa.timestamp("us")
            return Reading(f"timestamp_quick(t, {zone})", f"timestamp_value(t, {zone})", native=native)
        case "integer" if not pa.types.is_integer(kind):
            # A fraction too small for six places is no whole number, nor nought.
            whole = f"CASE WHEN regexp_matches(t, '[.][0-9]{{7}}|[eE]-') THEN NULL ELSE {_wide_number(6)} END"
            return Reading(_plain_number(6), whole, native=pa.int64())
        case "decimal" if not number:
            return Reading(_plain_number(6), _wide_number(_scale(field)), native=_digits(field, 6))
        case "yuan" if unit == "元" and not number:
            return Reading(_plain_number(2), "amount_yuan(t, '元')", native=_digits(field, 2))
        case "yuan" if unit != "元":
            return Reading(None, f"amount_yuan(t, '{unit}')")
        case "percent" if scale == "percent" and not number:
            return Reading(_plain_number(6), "percent_value(t, 'percent')", native=_digits(field, 6))
        case "percent" if scale != "percent":
            return Reading(None, f"percent_value(t, '{scale}')")
        case "boolean" if not pa.types.is_boolean(kind):
            return Reading(None, "boolean_value(t)")
        case "scrub":
            return _SCRUBBED
        # People write numbers of persons into any remark, into names and codes too; only what a contract calls S3 keeps them,
        # and what has a shape of its own.
        case "free_text" | "name" if _worded(field):
            return _SCRUBBED
        case "text" | "code" if _worded(field):
            return _CODE
    return None


def _worded(field: Field) -> bool:
    """Whether words may stand in the field."""
    return (
        field.physical_type.startswith(("varchar", "text", "jsonb"))
        and field.classification != "S3"
        and not field.options.get("pattern")
    )


_TOUCHED = f"regexp_matches(t, {quoted(scrubs.GUARD)})"
_SCRUBBED = Reading(f"CASE WHEN strlen(t) < 9 OR NOT {_TOUCHED} THEN t END", "scrub(t)", plain="t")
# A number of tickets or contracts looks like a mobile number, an id or a card often enough: only what words say is a person's is masked.
_CODE = Reading(
    f"CASE WHEN strlen(t) < 11 OR NOT regexp_matches(t, '[\\p{{Han}}]') OR NOT {_TOUCHED} THEN t END",
    "code_scrub(t)", plain="t",
)  # fmt: skip


def _scale(field: Field) -> int:
    """The places a number of this field is read with: its own, six at least."""
    found = re.fullmatch(r"numeric\([0-9]+, *([0-9]+)\)", field.physical_type)
    return min(max(int(found[1]) if found else 6, 6), _MOST_PLACES)


def _wide_number(places: int) -> str:
    """A figure of any length that holds so many places; a number that is written otherwise has six."""
    figure = "regexp_full_match(t, '[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]{1,3})?')"
    return f"CASE WHEN {figure} THEN TRY_CAST(t AS DECIMAL(38,{places})) ELSE number_value(t) END"


def _digits(field: Field, places: int) -> pa.DataType | None:
    """Numbers of the field's own scale: one with more digits is an odd spelling, which is told."""
    scale = re.fullmatch(r"numeric\([0-9]+, *([0-9]+)\)", field.physical_type)
    return pa.decimal128(18, min(int(scale[1]), places)) if scale else None


def _plain_number(places: int) -> str:
    digits = f"regexp_full_match(t, '-?[0-9]{{1,11}}([.][0-9]{{1,{places}}})?')"
    return f"TRY_CAST(CASE WHEN {digits} THEN t END AS DECIMAL(18,{places}))"


@dataclass(frozen=True)
class Source:
    """What is known of the source column of a field."""

    raw: str  # SQL of the column
    text: str  # SQL of its trimmed text
    type: pa.DataType
    utc: bool  # naive instants of this source are UTC
    lookup: str | None = None  # SQL of the canonical code found for `text` (code_set, department)
    read: str = ""  # SQL of the value read from text, where the field has a reading
    odd: str = "false"  # SQL: the text was no plain one; like `precision` of no meaning without a reading
    precision: str = "NULL"  # SQL: the precision of an odd date
    start: str = "NULL::DATE"  # SQL: the day a time limit counts from
    keys: tuple[tuple[str, str], ...] = ()  # inner and outer pad of each of the county's HMAC keys

    @property
    def textual(self) -> bool:
        """True where values came as text."""
        return bool(pa.types.is_string(self.type) or pa.types.is_large_string(self.type))


def standard(field: Field, source: Source) -> Standard:
    """The SQL of one field from one source column."""
    build = _BUILDERS.get(field.kind)
    if field.kind in IDENTIFIERS:
        return _identifier(field, source)
    if build is None:
        return Standard(_cast(source.read or source.text, field))
    return build(field, source)


def _unread(field: Field, s: Source) -> str:
    """Where a text was not understood; N/A and 暂无 are understood: nothing is known."""
    return f"CASE WHEN {s.text} IS NOT NULL AND {_v(field)} IS NULL THEN NOT is_blank_word({s.text}) ELSE false END"


def _left_open(field: Field, s: Source) -> str:
    return f"CASE WHEN {s.text} IS NOT NULL AND {_v(field)} IS NULL THEN is_blank_word({s.text}) ELSE false END"


def _cast(sql: str, field: Field) -> str:
    return sql if field.physical_type.startswith(("varchar", "text")) else f"TRY_CAST({sql} AS {duck_type(field)})"


def duck_type(field: Field) -> str:
    """The DuckDB type of a contract field."""
    kind = field.physical_type
    if kind.startswith("varchar") or kind in {"text", "jsonb"}:
        return "VARCHAR"
    if kind.startswith("numeric"):
        return "DECIMAL" + kind.removeprefix("numeric")
    return kind.upper()


_DASHES = ", ".join(f"'{blank}'" for blank in sorted(BLANKS - {""}))


def _identifier(field: Field, s: Source) -> Standard:
    # A dash or a slash, which says nothing in any column, is in a code's what somebody put there for it; a blank is not.
    return Standard(
        f"{field.kind}_clean({s.text})",
        None,
        f"{s.text} <> {_v(field)}",
        f"{_v(field)} IS NULL AND {s.raw} IS NOT NULL AND ({s.text} IS NOT NULL OR trim({s.raw}::VARCHAR) IN ({_DASHES}))",
    )


def _v(field: Field) -> str:
    return '"' + field.name + '"'


def _free_text(field: Field, s: Source) -> Standard:
    return Standard(_said(field, s, s.read or s.text))


def _said(field: Field, s: Source, value: str) -> str:
    """The value, or NULL where 无, 暂无, 不详 … stands for it; a text that has to be there stays as written."""
    if field.required and field.kind != "name":
        return value
    # The longest of these words has nine bytes: longer texts are not looked at.
    return f"CASE WHEN strlen({s.text}) <= 12 AND is_blank_word({s.text}) THEN NULL ELSE {value} END"


def _name(field: Field, s: Source) -> Standard:
    return Standard(_said(field, s, s.read or s.text))


def _code(field: Field, s: Source) -> Standard:
    return Standard(f"code_clean({s.read or s.text})", None, f"{_v(field)} <> {s.text}")


def _within_calendar(field: Field, s: Source, read: str) -> Standard:
    """A database's own date, unless it is one no calendar has: infinity, a year before our era or of five digits."""
    raw = f"make_timestamp(epoch_us({s.raw}))" if getattr(s.type, "tz", None) else s.raw
    kind = "DATE" if pa.types.is_date(s.type) else "TIMESTAMP"
    return Standard(
        f"CASE WHEN {raw} >= {kind} '0001-01-01' AND {raw} < {kind} '10000-01-01' THEN {read} END",
        f"{s.raw} IS NOT NULL AND {_v(field)} IS NULL",
    )


def _date(field: Field, s: Source) -> Standard:
    if pa.types.is_date(s.type):
        return _within_calendar(field, s, s.raw)
    if pa.types.is_timestamp(s.type):
        return _within_calendar(field, s, f"({_wall_clock(s)})::DATE")
    lost = f"{s.text} IS NOT NULL AND {_v(field)} IS NULL"
    return Standard(
        s.read,
        f"{lost} AND coalesce({s.precision}, 'invalid') IN ('invalid', 'unparsed')",
        f"left({s.text}, 10) <> {_v(field)}::VARCHAR",
        f"{lost} AND {s.precision} = 'null'",
    )


def _deadline(field: Field, s: Source) -> Standard:
    if not s.read:
        return _date(field, s)
    lost = f"{s.text} IS NOT NULL AND {_v(field)} IS NULL"
    # 立行立改 and 长期坚持 are understood: their day, if they have one, is found where they are used.
    return Standard(
        let("told", f"{{'spec': {s.read}, 'start': {s.start}}}", "limit_on(told.spec, told.start)"),
        f"{lost} AND coalesce({s.read}, '') NOT IN ('null', 'long_term', 'immediate')",
        f"left({s.text}, 10) <> {_v(field)}::VARCHAR",
        f"{lost} AND {s.read} = 'null'",
    )


def _read_beside(field: Field, s: Source) -> Standard:
    """What a deadline's text says besides its day; whether it can be read at all is the deadline's to tell."""
    if s.read:
        return Standard(s.read)
    return Standard(
        f"CASE WHEN {s.raw} IS NOT NULL THEN '日' END" if field.kind == "deadline_precision" else "NULL::VARCHAR"
    )


def _wall_clock(s: Source) -> str:
    """A database's own instant as county wall-clock time."""
    if getattr(s.type, "tz", None):
        return f"make_timestamp(epoch_us({s.raw})) + INTERVAL 8 HOUR"
    return f"{s.raw} + INTERVAL 8 HOUR" if s.utc else s.raw


def _timestamp(field: Field, s: Source) -> Standard:
    if pa.types.is_timestamp(s.type):
        return _within_calendar(field, s, _wall_clock(s))
    if pa.types.is_date(s.type):
        return _within_calendar(field, s, f"{s.raw}::TIMESTAMP")
    # An instant told in UTC may fall on another day here: that is a conversion, not a repair.
    fixed = f"{s.odd if s.utc else 'true'} AND left({s.text}, 10) <> {_v(field)}::DATE::VARCHAR"
    return Standard(s.read, _unread(field, s), fixed, _left_open(field, s))


def _integer(field: Field, s: Source) -> Standard:
    if pa.types.is_integer(s.type):
        return Standard(f"TRY_CAST({s.raw} AS {duck_type(field)})", f"{s.raw} IS NOT NULL AND {_v(field)} IS NULL")
    # 3.5 is no count: a number with a fraction is refused, not rounded.
    value = f"CASE WHEN {s.read} = floor({s.read}) THEN TRY_CAST({s.read} AS {duck_type(field)}) END"
    fixed = f"{s.odd} AND {_v(field)} IS NOT NULL AND TRY_CAST({s.text} AS DOUBLE) IS NULL"
    return Standard(value, _unread(field, s), fixed, _left_open(field, s))


def _decimal(field: Field, s: Source) -> Standard:
    if not s.read:
        return Standard(f"TRY_CAST({s.raw} AS {duck_type(field)})", f"{s.raw} IS NOT NULL AND {_v(field)} IS NULL")
    # Digits beyond the contract's scale, units, thousands marks and Chinese numerals are all told in the notes.
    rewritten = f"({s.odd} AND TRY_CAST({s.text} AS DOUBLE) IS NULL) OR {s.read} <> {_v(field)}"
    return Standard(
        f"TRY_CAST({s.read} AS {duck_type(field)})",
        _unread(field, s),
        f"{_v(field)} IS NOT NULL AND ({rewritten})",
        _left_open(field, s),
    )


def _boolean(field: Field, s: Source) -> Standard:
    if not s.read:
        return Standard(s.raw)
    return Standard(s.read, _unread(field, s), None, _left_open(field, s))


def _looked_up(field: Field, s: Source) -> Standard:
    assert s.lookup is not None
    # What is in no list stays as written, so that the refused row shows it; the code_set rule refuses it.
    return Standard(
        f"CASE WHEN {s.lookup} IS NOT NULL THEN {s.lookup} WHEN NOT is_blank_word({s.text}) THEN {s.text} END",
        None,
        f"{s.text} <> {_v(field)}" if field.kind == "code_set" else None,
        f"{s.text} IS NOT NULL AND {_v(field)} IS NULL",
    )


def _mask(field: Field, s: Source) -> Standard:
    # A whole sentence in a cell for a name or an id leaves more stars than its column has room for.
    masked = f"{field.kind}({s.text})"
    return Standard(_said(field, s, f"left({masked}, {field.max_length})" if field.max_length else masked))


def _hmac(field: Field, s: Source) -> Standard:
    # One person written with other blanks or widths must give the same print, and one telephone with other dashes, brackets, country.
    dialled = "regexp_full_match(v, '[0-9()+-]+') AND regexp_matches(v, '[^0-9]|^(00)?861')"
    digits = "coalesce(replace(phone_clean(v), '-', ''), v)"
    number = let("v", f"code_clean({s.text})", f"CASE WHEN {dialled} THEN {digits} ELSE v END")
    mobile, figure = f"regexp_full_match({s.text}, '1[3-9][0-9]{{9}}')", f"regexp_matches({s.text}, '[0-9０-９]')"
    print_ = f"CASE WHEN {mobile} THEN {s.text} WHEN {figure} THEN {number} ELSE code_clean({s.text}) END"
    for inner, outer in s.keys:
        print_ = f"hmac_hex({inner}, {outer}, {print_})"
    return Standard(print_)


_BUILDERS: dict[str, Callable[[Field, Source], Standard]] = {
    "free_text": _free_text, "name": _name, "code": _code, "date": _date, "deadline": _deadline,
    "deadline_precision": _read_beside, "deadline_recurrence": _read_beside, "timestamp": _timestamp, "integer": _integer, "decimal": _decimal,
    "yuan": _decimal, "percent": _decimal, "boolean": _boolean, "code_set": _looked_up, "department": _looked_up,
    "mask_name": _mask, "mask_phone": _mask, "mask_id": _mask, "scrub": _free_text,
    "hmac": _hmac,
}  # fmt: skip
