"""SQL twins of `schemas.text`."""

from schemas import text
from schemas.macros.sqltext import among, let, matches, quoted, replaced, symbols, translated

NO_NOISE = symbols(text.ZERO_WIDTH + text.CONTROLS + "\0")
NO_SPACE = symbols(text.SPACES + text.ZERO_WIDTH + text.CONTROLS + "\0")
_ODD = symbols(text.FULL_WIDTH + text.SPACES.replace(" ", "") + text.ZERO_WIDTH + text.CONTROLS + "\0")
_NO_NUL = "replace(s, chr(0), '')"
_SPACE = symbols(text.SPACES)
_FULL = (text.FULL_WIDTH, text.HALF_WIDTH)
# Text that NFKC leaves alone: ASCII and the common Han block. nfkc() is a call into Arrow, kept for the rest.
_STABLE = "[[:ascii:]一-鿿]*"
_LOWER = ("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
# A cell that starts and ends with a plain symbol and holds no invisible one. Rare Han are four bytes, and in every name.
_HAN = "㐀-䶿一-鿿\U00020000-\U000323af"
_TIDY = rf"[!-.0-~{_HAN}](?:[ -~{_HAN}，。、；：（）“”！？《》·]*[!-~{_HAN}）。！？”])?"

_WORD = let("v", replaced("s", NO_SPACE), "upper_ascii(v)")


def trimmed(value: str, characters: str) -> str:
    """Python's str.strip(characters)."""
    edge = symbols(characters)
    return f"regexp_replace({value}, {quoted(f'^{edge}+|{edge}+$')}, '', 'g')"


MACROS = {
    "nfkc_text(s)": f"CASE WHEN {matches('s', _STABLE)} THEN s ELSE nfkc(s) END",
    # Translating a whole alphabet costs 10 µs a cell, so only cells that need it get there.
    "narrow(s)": f"""CASE
        WHEN {matches("s", "(?:[!-~](?:[ -~]*[!-~])?)?")} THEN s
        WHEN NOT regexp_matches(s, {quoted(_ODD)}) THEN trim(s, ' ')
        ELSE trim({translated(replaced(replaced("s", NO_NOISE), _SPACE, " "), _FULL)}, ' ') END""",
    "upper_ascii(s)": f"""CASE
        WHEN strlen(s) = length(s) THEN upper(s)
        WHEN upper(s) = s THEN s
        ELSE {translated("s", _LOWER)} END""",
    "text_unless_blank(v)": f"CASE WHEN {among('v', text.BLANKS)} THEN NULL ELSE v END",
    "code_unless_blank(v)": f"CASE WHEN {among('v', text.BLANK_WORDS)} THEN NULL ELSE v END",
    "text_clean(s)": f"""CASE WHEN {matches("s", _TIDY)} THEN nullif(s, '-')
        ELSE {let("v", trimmed(replaced("s", NO_NOISE), text.SPACES), "text_unless_blank(v)")} END""",
    "free_text_clean(s)": let("v", trimmed(_NO_NUL, text.SPACES + chr(0xFEFF)), "CASE WHEN v <> '' THEN v END"),
    "code_clean(s)": f"""CASE WHEN {matches("s", "[0-9A-Z_-]{5,}")} THEN s
        ELSE {let("v", let("v", replaced("nfkc_text(s)", NO_SPACE), "upper_ascii(v)"), "code_unless_blank(v)")} END""",
    "is_blank_word(s)": f"s IS NULL OR {among(_WORD, text.BLANK_WORDS)}",
    "has_replacement(s)": "coalesce(contains(s, chr(65533)), false)",
    "has_lost_character(s)": f"coalesce(regexp_matches(s, {quoted(symbols(text.LOST_MARKS))}), false)",
}
