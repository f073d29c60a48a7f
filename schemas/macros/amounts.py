"""SQL twins of `schemas.amounts`: plain figures by a cast, the rest by the pure reader's own rewriting steps.

A power of ten goes into the text before it is cast ('1.5' || 'e4'): the cast is exact and rounds half up, while casts to
decimals of more than 18 digits, and products of them, cost 8 µs each.
"""

from schemas import amounts, text
from schemas.macros.sqltext import among, let, matches, quoted, replaced, symbols, translated

_FIGURES = r"[+-]?[0-9]{1,15}(?:[.][0-9]{1,9})?"
_SPLIT = "string_split({}, '|')"


def _rewritten(cell: str, steps: tuple[tuple[str, str], ...]) -> str:
    for pattern, put in steps:
        cell = replaced(cell, pattern, put)
    return cell


def _shaped(cell: str) -> str:
    return _rewritten(cell, tuple((f"^(?:{pattern})$", put) for pattern, put in amounts.SHAPES))


def _digit(value: str) -> str:
    """0–9 for 零–九, 0 for anything else."""
    return f"CASE WHEN {value} = '' THEN 0 ELSE greatest(instr({quoted(amounts.DIGITS)}, {value}) - 1, 0) END"


def _place(word: str) -> str:
    """The digit in front of a place word, 1 where none stands there, 0 without the word."""
    before = _digit(f"substr(x, instr(x, '{word}') - 1, 1)")
    return f"CASE instr(x, '{word}') WHEN 0 THEN 0 WHEN 1 THEN 1 ELSE greatest({before}, 1) END"


def _part(value: str, power: str) -> str:
    return f"CASE WHEN {value} = '' THEN 0 ELSE as_money({value} || 'e' || {power}) END"


_FOLDED = f"upper({replaced('narrow(s)', symbols(text.DASHES), '-')})"
_READ = f"replace(replace({_FOLDED}, ' ', ''), '|', '/')"
_UNIT_POWER = (
    "CASE w " + " ".join(f"WHEN {quoted(word)} THEN {power}" for word, power in amounts.UNITS.items()) + " END"
)
_WAN_POWER = "CASE right(p[4], 2) WHEN '千万' THEN 7 WHEN '百万' THEN 6 WHEN '十万' THEN 5 ELSE 4 END"
_MIXED = " + ".join(
    _part(value, power)
    for value, power in (
        ("p[3]", "8"),
        ("rtrim(p[4], '十百千万')", _WAN_POWER),
        ("p[5]", "3"),
        ("p[6]", "2"),
        ("rtrim(p[7], '元')", "0"),
        ("p[8]", "-1"),
        ("p[9]", "-2"),
    )
)
_CLEANED = _rewritten(
    "n",
    (
        (amounts.APPROXIMATE, ""),
        (amounts.CURRENCY, ""),
        (amounts.CURRENCY, ""),
        amounts.BRACKETED,
        amounts.BOOK_MINUS,
        *amounts.SEPARATORS,
    ),
)
_PERCENT = (
    (f"^({amounts.NUMBER})%$", r"\1|0"),
    (f"^({amounts.NUMBER})‰$", r"\1|-1"),
    (f"^百分之({amounts.NUMBER})$", r"\1|0"),
    (f"^({amounts.NUMBER})$", r"\1|"),
)

MACROS = {
    # A cast with an exponent does not notice that the result has outgrown its digits.
    "as_money(x)": "CASE WHEN abs(TRY_CAST(x AS DOUBLE)) < 1e16 THEN TRY_CAST(x AS DECIMAL(18,2)) END",
    "as_number(x)": "CASE WHEN abs(TRY_CAST(x AS DOUBLE)) < 1e12 THEN TRY_CAST(x AS DECIMAL(18,6)) END",
    "amount_read(s)": _READ,
    "number_read(s)": _rewritten("amount_read(s)", (amounts.BOOK_MINUS, *amounts.SEPARATORS)),
    "unit_power(unit)": f"""CASE WHEN coalesce(unit, '') = '' THEN 0
        ELSE {let("w", replaced("unit", amounts.UNIT_NOISE), _UNIT_POWER)} END""",
    "amount_cleaned(n)": _CLEANED,
    "amount_shape(s)": f"""CASE
        WHEN regexp_matches(upper(s), {quoted(amounts.NOT_YUAN)}) THEN ''
        WHEN regexp_matches(s, {quoted(amounts.FORMAL)})
        THEN {_shaped(translated("amount_cleaned(amount_read(s))", amounts.WORDS))}
        ELSE {_shaped("amount_cleaned(amount_read(s))")} END""",
    # Below, p is the shape split at |: p[1] its kind, then the fields.
    "number_raised(n, power)": """split_part(n, 'E', 1) || 'e'
        || (coalesce(TRY_CAST(split_part(n, 'E', 2) AS INTEGER), 0) + power)""",
    "amount_mixed(p)": f"CASE WHEN rtrim(array_to_string(p[3:], ''), '元') <> '' THEN {_MIXED} END",
    "chinese_section(x)": f"""{_place("千")} * 1000 + {_place("百")} * 100 + {_place("十")} * 10 + {_digit("right(x, 1)")}""",
    "amount_chinese(p)": f"""CASE WHEN rtrim(array_to_string(p[3:], ''), '元') <> '' THEN
        chinese_section(p[3])::DECIMAL(18,0) * 100000000 + chinese_section(p[4]) * 10000
        + chinese_section(rtrim(p[5], '元')) + {_digit("p[6]")} * 0.1 + {_digit("p[7]")} * 0.01 END""",
    "amount_signed(p, power)": """TRY_CAST(CASE p[1] WHEN 'mixed' THEN amount_mixed(p) ELSE amount_chinese(p) END
        * CASE WHEN p[2] = '-' THEN -1 ELSE 1 END
        * CASE WHEN p[3] || p[4] || p[len(p) - 1] || p[len(p)] <> '' OR contains(array_to_string(p, ''), '元') THEN 1
          ELSE CAST(10 ^ power AS INTEGER) END AS DECIMAL(18,2))""",
    "amount_of(p, power)": """CASE
        WHEN p[1] = 'number' THEN as_money(number_raised(p[2], power))
        WHEN p[1] IN ('mixed', 'chinese') THEN amount_signed(p, power) END""",
    "amount_yuan(s, unit := NULL)": f"""CASE
        WHEN {matches("s", _FIGURES)} THEN as_money(s || 'e' || unit_power(unit))
        WHEN {matches("s", "[0-9]{1,11}(?:[.][0-9]{1,9})?万?元")}
        THEN as_money(rtrim(s, '万元') || CASE WHEN contains(s, '万') THEN 'e4' ELSE 'e0' END)
        WHEN s IS NOT NULL THEN {let("p", _SPLIT.format("amount_shape(s)"), "amount_of(p, unit_power(unit))")} END""",
    "amount_is_approximate(s)": f"regexp_matches(s, {quoted(amounts.APPROXIMATE)})",
    "number_value(s)": f"""CASE
        WHEN {matches("s", _FIGURES)} THEN as_number(s)
        WHEN s IS NOT NULL
        THEN {let("x", f"regexp_extract(number_read(s), {quoted(f'^({amounts.NUMBER})$')}, 1)", "as_number(x)")} END""",
    "integer_value(s)": f"""CASE WHEN {matches("s", "[+-]?[0-9]{1,12}")} THEN s::BIGINT
        WHEN s IS NOT NULL THEN {let("v", "number_value(s)", "CASE WHEN v = trunc(v) THEN v::BIGINT END")} END""",
    "share_read(n)": f"""CASE WHEN starts_with(n, '百分之')
        THEN '百分之' || {_rewritten(translated("substr(n, 4)", amounts.SHARE_DIGITS), amounts.SHARE_STEPS)} ELSE n END""",
    "percent_of(p, scale)": """CASE
        WHEN scale NOT IN ('percent', 'ratio') THEN error('scale must be percent or ratio')
        WHEN len(p) = 2 THEN number_raised(p[1],
            coalesce(TRY_CAST(p[2] AS INTEGER), CASE WHEN scale = 'ratio' THEN 2 ELSE 0 END)) END""",
    "percent_value(s, scale := 'percent')": f"""CASE
        WHEN {matches("s", _FIGURES)} AND scale = 'percent' THEN as_number(s)
        WHEN {matches("s", _FIGURES)} AND scale = 'ratio' THEN as_number(s || 'e2')
        WHEN s IS NOT NULL THEN {
        let("p", _SPLIT.format(_rewritten("share_read(number_read(s))", _PERCENT)), "as_number(percent_of(p, scale))")
    } END""",
    "boolean_value(s)": f"""CASE
        WHEN {among("s", amounts.YES)} THEN true
        WHEN {among("s", amounts.NO)} THEN false
        WHEN {among("number_read(s)", amounts.YES)} THEN true
        WHEN {among("number_read(s)", amounts.NO)} THEN false END""",
}
