"""SQL twins of `schemas.amounts`."""

from schemas import amounts, text
from schemas.macros.sqltext import let, listed, matches, quoted, replaced, translated

_NUMBER = "DECIMAL(24,9)"
_WIDE = "DECIMAL(38,9)"
_PLAIN_DIGITS = r"[+-]?[0-9]{1,12}(?:[.][0-9]{1,6})?"


def _groups(pattern: str, names: list[str]) -> str:
    return f"regexp_extract(n, {quoted(pattern)}, [{', '.join(map(quoted, names))}])"


def _worth(field: str, factor: str) -> str:
    return f"coalesce(TRY_CAST(p.{field} AS {_NUMBER}), 0)::{_WIDE} * {factor}"


_UNIT_FACTOR = "CASE w " + " ".join(f"WHEN {quoted(word)} THEN {factor}" for word, factor in amounts.UNITS.items()) + " END"
_WAN = "CASE p.word WHEN '千万' THEN 10000000 WHEN '百万' THEN 1000000 WHEN '十万' THEN 100000 ELSE 10000 END"
_CURRENCY = replaced(replaced("n", amounts.CURRENCY), amounts.CURRENCY)
_D = "[一二三四五六七八九]"


def _digit(value: str) -> str:
    """0–9 for 零–九; 0 for an empty string."""
    return f"greatest(instr({quoted(amounts.DIGITS)}, {value}) - 1, 0) * ({value} <> '')::INTEGER"


_SECTION = f"""({_digit(f"regexp_extract(x, '({_D})千', 1)")}) * 1000 + ({_digit(f"regexp_extract(x, '({_D})百', 1)")}) * 100
    + CASE WHEN contains(x, '十') THEN greatest({_digit(f"regexp_extract(x, '({_D})十', 1)")}, 1) * 10 ELSE 0 END
    + ({_digit("right(x, 1)")})"""

MACROS = {
    "amount_read(s)": f"upper(replace({translated('narrow(s)', (text.DASHES, '-' * len(text.DASHES)))}, ' ', ''))",
    "number_unsigned(n)": f"""CASE
        WHEN {matches("n", amounts.GROUPED)} THEN TRY_CAST(replace(n, ',', '') AS {_NUMBER})
        WHEN {matches("n", f"{amounts.PLAIN}|{amounts.SCIENTIFIC}")} THEN TRY_CAST(n AS {_NUMBER}) END""",
    "number_read(n)": f"""CASE WHEN {matches("n", amounts.BOOK_MINUS)}
        THEN number_unsigned('-' || substr(n, 2, length(n) - 2)) ELSE number_unsigned(n) END""",
    "unit_factor(u)": let("w", f"CASE WHEN u IS NULL OR u = '' THEN '元' ELSE {replaced('u', amounts.UNIT_NOISE)} END", _UNIT_FACTOR),
    "amount_mixed(n)": f"""CASE WHEN n <> '' AND {matches("n", amounts.MIXED)} THEN {
        let(
            "p",
            _groups(amounts.MIXED, ["yi", "wan", "word", "qian", "bai", "yuan", "jiao", "fen"]),
            "CASE WHEN p.yi || p.wan || p.qian || p.bai || p.yuan || p.jiao || p.fen <> '' THEN "
            + " + ".join((_worth("yi", "100000000"), _worth("wan", _WAN), _worth("qian", "1000"), _worth("bai", "100"), _worth("yuan", "1"), _worth("jiao", "0.1"), _worth("fen", "0.01")))
            + " END",
        )
    } END""",
    "chinese_section(x)": _SECTION,
    "amount_chinese(n)": f"""CASE WHEN regexp_matches(n, '[{amounts.DIGITS}十]') AND {matches("n", amounts.CHINESE)} THEN {
        let(
            "p",
            _groups(amounts.CHINESE, ["yi", "wan", "one", "jiao", "fen"]),
            f"chinese_section(p.yi)::{_WIDE} * 100000000 + chinese_section(p.wan) * 10000 + chinese_section(p.one)"
            f" + ({_digit('p.jiao')}) * 0.1 + ({_digit('p.fen')}) * 0.01",
        )
    } END""",
    "amount_words(n)": f"""CASE WHEN {matches("n", amounts.COMMAS)} THEN {
        let("n", replaced("ltrim(n, '+-')", ","), f"coalesce(amount_mixed(n), amount_chinese({translated('n', amounts.WORDS)}))")
    } * CASE WHEN starts_with(n, '-') THEN -1 ELSE 1 END END""",
    "amount_cell(n, unit)": f"""TRY_CAST(coalesce(number_read(n)::{_WIDE} * unit_factor(unit),
        amount_words(n) * CASE WHEN regexp_matches({translated("n", amounts.WORDS)}, {quoted(amounts.OWN_UNIT)}) THEN 1 ELSE unit_factor(unit) END) AS DECIMAL(18,2))""",
    "amount_yuan(s, unit := NULL)": f"""CASE
        WHEN {matches("s", _PLAIN_DIGITS)} THEN TRY_CAST(s::{_NUMBER}::{_WIDE} * unit_factor(unit) AS DECIMAL(18,2))
        WHEN s IS NOT NULL THEN {let("n", "amount_read(s)", f"CASE WHEN NOT regexp_matches(n, {quoted(amounts.NOT_YUAN)}) THEN " + let("n", replaced("n", amounts.APPROXIMATE), let("n", _CURRENCY, "amount_cell(n, unit)")) + " END")} END""",
    "amount_is_approximate(s)": f"regexp_matches(s, {quoted(amounts.APPROXIMATE)})",
    "number_value(s)": f"""CASE
        WHEN {matches("s", _PLAIN_DIGITS)} THEN TRY_CAST(s AS DECIMAL(18,6))
        WHEN s IS NOT NULL THEN TRY_CAST(number_read(amount_read(s)) AS DECIMAL(18,6)) END""",
    "integer_value(s)": f"""CASE WHEN {matches("s", "[+-]?[0-9]{1,12}")} THEN s::BIGINT
        ELSE {let("v", "number_value(s)", "CASE WHEN v = trunc(v) THEN v::BIGINT END")} END""",
    "percent_value(s, scale := 'percent')": let(
        "n",
        "amount_read(s)",
        f"""TRY_CAST(CASE
            WHEN scale NOT IN ('percent', 'ratio') THEN error('scale must be ''percent'' or ''ratio''')::{_WIDE}
            WHEN ends_with(n, '%') THEN number_read(left(n, length(n) - 1))::{_WIDE}
            WHEN ends_with(n, '‰') THEN number_read(left(n, length(n) - 1))::{_WIDE} * 0.1
            WHEN starts_with(n, '百分之') THEN number_read(substr(n, 4))::{_WIDE}
            ELSE number_read(n)::{_WIDE} * CASE WHEN scale = 'ratio' THEN 100 ELSE 1 END END AS DECIMAL(18,6))""",
    ),
    "boolean_value(s)": let("n", "amount_read(s)", f"CASE WHEN n IN ({listed(amounts.YES)}) THEN true WHEN n IN ({listed(amounts.NO)}) THEN false END"),
}
