"""SQL twins of `schemas.amounts`.

A power of ten goes into the text before it is cast ('1.5' || 'e4'): the cast is exact and rounds half up, while casts to
decimals of more than 18 digits, and products of them, cost 8 µs each.
"""

from schemas import amounts, text
from schemas.macros.sqltext import among, let, matches, quoted, replaced, translated

_PLAIN_DIGITS = r"[+-]?[0-9]{1,15}(?:[.][0-9]{1,9})?"
_MONEY = "DECIMAL(18,2)"
_D = "[一二三四五六七八九]"


def _groups(pattern: str, names: list[str]) -> str:
    return f"regexp_extract(n, {quoted(pattern)}, [{', '.join(map(quoted, names))}])"


def _worth(field: str, power: str) -> str:
    return f"coalesce(TRY_CAST(p.{field} || 'e' || {power} AS {_MONEY}), 0)"


def _digit(value: str) -> str:
    """0–9 for 零–九, 0 for anything else."""
    return f"CASE WHEN {value} = '' THEN 0 ELSE greatest(instr({quoted(amounts.DIGITS)}, {value}) - 1, 0) END"


def _place(word: str) -> str:
    """The digit in front of a place word, 0 without it; bare 十 is ten."""
    before = _digit(f"substr(x, instr(x, '{word}') - 1, 1)")
    if word == "十":
        before = f"CASE WHEN instr(x, '十') = 1 THEN 1 ELSE greatest({before}, 1) END"
    return f"CASE WHEN contains(x, '{word}') THEN {before} ELSE 0 END"


_UNIT_POWER = "CASE w " + " ".join(f"WHEN {quoted(word)} THEN {power}" for word, power in amounts.UNITS.items()) + " END"
_WAN_POWER = "CASE p.word WHEN '千万' THEN 7 WHEN '百万' THEN 6 WHEN '十万' THEN 5 ELSE 4 END"
_PARTS = (("yi", "8"), ("wan", _WAN_POWER), ("qian", "3"), ("bai", "2"), ("yuan", "0"), ("jiao", "-1"), ("fen", "-2"))
_WRITTEN = " || ".join(f"p.{field}" for field, _ in _PARTS)
_CURRENCY = replaced(replaced(replaced("n", amounts.APPROXIMATE), amounts.CURRENCY), amounts.CURRENCY)

MACROS = {
    "amount_read(s)": f"upper(replace({translated('narrow(s)', (text.DASHES, '-' * len(text.DASHES)))}, ' ', ''))",
    "number_unsigned(n)": f"""CASE
        WHEN {matches("n", amounts.GROUPED)} THEN replace(n, ',', '')
        WHEN {matches("n", f"{amounts.PLAIN}|{amounts.SCIENTIFIC}")} THEN n END""",
    "number_read(n)": f"""CASE WHEN {matches("n", amounts.BOOK_MINUS)}
        THEN number_unsigned('-' || substr(n, 2, length(n) - 2)) ELSE number_unsigned(n) END""",
    "number_raised(n, power)": """split_part(n, 'E', 1) || 'e'
        || (coalesce(TRY_CAST(split_part(n, 'E', 2) AS INTEGER), 0) + power)""",
    "unit_power(unit)": f"""CASE WHEN coalesce(unit, '') = '' THEN 0
        ELSE {let("w", replaced("unit", amounts.UNIT_NOISE), _UNIT_POWER)} END""",
    "mixed_parts(p)": f"CASE WHEN {_WRITTEN} <> '' THEN {' + '.join(_worth(*part) for part in _PARTS)} END",
    "amount_mixed(n)": f"""CASE WHEN n <> '' AND {matches("n", amounts.MIXED)} THEN mixed_parts({
        _groups(amounts.MIXED, ["yi", "wan", "word", "qian", "bai", "yuan", "jiao", "fen"])
    }) END""",
    "chinese_section(x)": f"""{_place("千")} * 1000 + {_place("百")} * 100 + {_place("十")} * 10 + {_digit("right(x, 1)")}""",
    "chinese_parts(p)": f"""chinese_section(p.yi)::DECIMAL(18,0) * 100000000 + chinese_section(p.wan) * 10000
        + chinese_section(p.one) + {_digit("p.jiao")} * 0.1 + {_digit("p.fen")} * 0.01""",
    "amount_chinese(n)": f"""CASE WHEN regexp_matches(n, '[{amounts.DIGITS}十]') AND {matches("n", amounts.CHINESE)} THEN {
        let("p", _groups(amounts.CHINESE, ["yi", "wan", "one", "jiao", "fen"]), "chinese_parts(p)")
    } END""",
    "amount_signed(n, w, unit)": f"""TRY_CAST(coalesce(amount_mixed(w), amount_chinese(w))
        * CASE WHEN starts_with(n, '-') THEN -1 ELSE 1 END
        * CASE WHEN regexp_matches(w, {quoted(amounts.OWN_UNIT)}) THEN 1
          ELSE CAST(10 ^ unit_power(unit) AS INTEGER) END AS {_MONEY})""",
    "amount_words(n, unit)": f"""CASE WHEN {matches("n", amounts.COMMAS)} THEN {
        let("w", translated(replaced("ltrim(n, '+-')", ","), amounts.WORDS), "amount_signed(n, w, unit)")
    } END""",
    "amount_cell(n, unit)": f"""CASE WHEN number_read(n) IS NOT NULL
        THEN {let("r", "number_read(n)", f"TRY_CAST(number_raised(r, unit_power(unit)) AS {_MONEY})")}
        ELSE amount_words(n, unit) END""",
    "amount_money(n)": f"CASE WHEN NOT regexp_matches(n, {quoted(amounts.NOT_YUAN)}) THEN {_CURRENCY} END",
    "amount_yuan(s, unit := NULL)": f"""CASE
        WHEN {matches("s", _PLAIN_DIGITS)} THEN TRY_CAST(s || 'e' || unit_power(unit) AS {_MONEY})
        WHEN s IS NOT NULL THEN {let("n", "amount_read(s)", let("m", "amount_money(n)", "amount_cell(m, unit)"))} END""",
    "amount_is_approximate(s)": f"regexp_matches(s, {quoted(amounts.APPROXIMATE)})",
    "number_value(s)": f"""CASE
        WHEN {matches("s", _PLAIN_DIGITS)} THEN TRY_CAST(s AS DECIMAL(18,6))
        WHEN s IS NOT NULL THEN {let("n", "amount_read(s)", "TRY_CAST(number_read(n) AS DECIMAL(18,6))")} END""",
    "integer_value(s)": f"""CASE WHEN {matches("s", "[+-]?[0-9]{1,12}")} THEN s::BIGINT
        WHEN s IS NOT NULL THEN {let("v", "number_value(s)", "CASE WHEN v = trunc(v) THEN v::BIGINT END")} END""",
    "percent_cell(n, scale)": """CASE
        WHEN scale NOT IN ('percent', 'ratio') THEN error('scale must be percent or ratio')
        WHEN ends_with(n, '%') THEN number_raised(number_read(left(n, length(n) - 1)), 0)
        WHEN ends_with(n, '‰') THEN number_raised(number_read(left(n, length(n) - 1)), -1)
        WHEN starts_with(n, '百分之') THEN number_raised(number_read(substr(n, 4)), 0)
        ELSE number_raised(number_read(n), CASE WHEN scale = 'ratio' THEN 2 ELSE 0 END) END""",
    "percent_value(s, scale := 'percent')": f"""TRY_CAST(CASE
        WHEN {matches("s", _PLAIN_DIGITS)} AND scale = 'percent' THEN s
        WHEN {matches("s", _PLAIN_DIGITS)} AND scale = 'ratio' THEN s || 'e2'
        WHEN s IS NOT NULL THEN {let("n", "amount_read(s)", "percent_cell(n, scale)")} END AS DECIMAL(18,6))""",
    "boolean_value(s)": f"""CASE
        WHEN {among("s", amounts.YES)} THEN true
        WHEN {among("s", amounts.NO)} THEN false
        WHEN s IS NOT NULL THEN {
        let(
            "n",
            "amount_read(s)",
            f"CASE WHEN {among('n', amounts.YES)} THEN true WHEN {among('n', amounts.NO)} THEN false END",
        )
    } END""",
}
