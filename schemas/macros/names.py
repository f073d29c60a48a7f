"""SQL twins of `schemas.names`."""

from collections.abc import Sequence

from schemas import names
from schemas.macros.sqltext import let, quoted, replaced, symbols

_PLAIN_NAME = "[一-鿿0-9A-Z]*"
_DROPPED = symbols(names.DROPPED + "\0")


def macros(regions: Sequence[str]) -> dict[str, str]:
    """The macros by signature; the loose key drops `regions` beside provinces, cities and counties."""
    kept = replaced("nfkc_text(s)", _DROPPED)
    bracketed = replaced(replaced(kept, symbols(names.BRACKETS[0]), "("), symbols(names.BRACKETS[1]), ")")
    unregioned = replaced(replaced("name_strict_key(s)", *names.region_bracket(regions)), *names.region_prefix(regions))
    bare = replaced(f"replace({unregioned}, '有限责任公司', '有限公司')", "[()]")
    return {
        "name_stripped(n)": f"regexp_replace(n, {quoted(f'(?:{names.STATUS})+$')}, '')",
        "name_strict_key(s)": f"""CASE
            WHEN regexp_full_match(s, '{_PLAIN_NAME}') THEN code_unless_blank(s)
            ELSE {let("n", f"name_stripped({let('n', bracketed, 'upper_ascii(n)')})", "code_unless_blank(n)")} END""",
        "name_loose_key(s)": f"""coalesce(
            {let("bare", bare, "CASE WHEN bare <> '' THEN bare END")}, name_strict_key(s))""",
        "name_is_branch(s)": f"regexp_matches(name_strict_key(s), {quoted(names.BRANCH)})",
    }
