"""SQL twins of `schemas.names`."""

from collections.abc import Sequence

from schemas import names
from schemas.macros.sqltext import let, quoted, replaced, symbols, translated

_OPEN_CLOSE = ("".join(names.BRACKETS), "(" * len(names.BRACKETS[0]) + ")" * len(names.BRACKETS[1]))
_PLAIN_NAME = "[一-鿿0-9A-Z]*"
_DROPPED = symbols(names.DROPPED + "\0")


def macros(regions: Sequence[str]) -> dict[str, str]:
    """The macros by signature; the loose key drops `regions` beside provinces, cities and counties."""
    prefix, bracket = names.region_prefix(regions), names.region_bracket(regions)
    return {
        "name_stripped(n)": f"regexp_replace(n, {quoted(f'(?:{names.STATUS})+$')}, '')",
        "name_strict_key(s)": f"""CASE
            WHEN regexp_full_match(s, '{_PLAIN_NAME}') THEN code_unless_blank(s)
            ELSE code_unless_blank(name_stripped(upper_ascii({translated(replaced("nfkc_text(s)", _DROPPED), _OPEN_CLOSE)}))) END""",
        "name_loose_bare(k)": f"""{let("bare", replaced("k", bracket), let("rest", f"regexp_replace(bare, {quoted(prefix)}, '')", "CASE WHEN length(rest) >= 2 THEN rest ELSE bare END"))}""",
        "name_loose_key(s)": let(
            "k",
            "name_strict_key(s)",
            "coalesce(nullif(regexp_replace(replace(name_loose_bare(k), '有限责任公司', '有限公司'), '[()]', '', 'g'), ''), k)",
        ),
        "name_is_branch(s)": let("k", "name_strict_key(s)", f"regexp_matches(k, {quoted(names.BRANCH)})"),
    }
