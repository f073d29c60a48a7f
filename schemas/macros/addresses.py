"""SQL twins of `schemas.addresses`."""

from collections.abc import Sequence

from schemas import addresses
from schemas.macros.sqltext import let, quoted, replaced, symbols, translated

_DROPPED = symbols(addresses.DROPPED + "\0")


def _each(value: str, pairs: Sequence[tuple[str, str]]) -> str:
    for pattern, put in pairs:
        value = replaced(value, pattern, put)
    return value


def _today() -> str:
    changed = "".join(
        f"WHEN starts_with(k, {quoted(then)}) THEN {quoted(now)} || substr(k, {len(then) + 1}) "
        for then, now in addresses.former_towns().items()
    )
    return f"CASE {changed}ELSE k END" if changed else "k"


def macros(regions: Sequence[str]) -> dict[str, str]:
    """The macros by signature; the key drops `regions` beside provinces, cities and counties."""
    plain = replaced(replaced("upper_ascii(nfkc_text(s))", addresses.NOTE), _DROPPED)
    dashed = replaced(plain, symbols(addresses.DASHES), "-")
    bare = let("p", dashed, f"coalesce(nullif({replaced('p', addresses.region_prefix(regions))}, ''), p)")
    return {
        "address_figures(p)": f"""CASE WHEN regexp_matches(p, {quoted(addresses.SPELT)})
            THEN {translated(_each("p", addresses.FIGURES), addresses.MARKED)} ELSE p END""",
        "address_suffixes(p)": f"""CASE WHEN regexp_matches(p, {quoted(addresses.SUFFIXED)})
            THEN {_each("p", addresses.SUFFIXES)} ELSE p END""",
        "address_key(s)": let(
            "q", let("p", let("p", bare, "address_figures(p)"), "address_suffixes(p)"), "code_unless_blank(q)"
        ),
        "address_town(k)": f"nullif(regexp_extract(k, {quoted(addresses.TOWN)}, 1), '')",
        "address_village(k)": f"nullif(regexp_extract(k, {quoted(addresses.VILLAGE)}, 1), '')",
        "address_today(k)": _today(),
        "address_numbers(k)": "nullif(array_to_string(regexp_extract_all(k, '[0-9]+'), '-'), '')",
    }
