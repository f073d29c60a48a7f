"""How two values of one field are compared: levels from equal to different, by the field's role.

Each level is a SQL condition over `<column>_l` and `<column>_r`; how much a level says is not written here: the model
learns it from the data. Only the order is ours, equal first.
"""

from __future__ import annotations

from typing import Any

from warehouse.linkage.reading import Field

# What is believed of a true match before any data is seen: most values equal, fewer at each further level.
_FADE = 0.35


def comparison(field: Field, fields: list[Field]) -> dict[str, Any]:
    """One comparison in Splink's own form, as its model files hold it."""
    f = field.column
    levels: list[dict[str, Any]] = [
        {"sql_condition": f"{f}_l IS NULL OR {f}_r IS NULL", "label_for_charts": "null", "is_null_level": True},
        {"sql_condition": f"{f}_l = {f}_r", "label_for_charts": "equal", "tf_adjustment_column": f, "tf_adjustment_weight": 1.0},
    ]  # fmt: skip
    if field.role == "identifier":
        levels[1] = {"sql_condition": f"{f}_l = {f}_r AND NOT contains({f}_l, '*')", "label_for_charts": "equal"}
    if field.role == "organisation":
        # But for the town before it, where one of the two names none, and a note behind.
        same = f"{f}_bare_l = {f}_bare_r AND {_one_town(f)}"
        levels.append({"sql_condition": same, "label_for_charts": "equal but for the town", "tf_adjustment_column": f, "tf_adjustment_weight": 1.0})  # fmt: skip
    levels += [{"sql_condition": sql, "label_for_charts": label} for label, sql in _between(field, fields)]
    levels.append({"sql_condition": "ELSE", "label_for_charts": "different"})
    return {"output_column_name": f, "comparison_levels": levels, "comparison_description": field.name}


def _one_town(f: str) -> str:
    return f"coalesce({f}_town_l = {f}_town_r, true) AND coalesce({f}_shop_l = {f}_shop_r, true)"


def _crossed(one: Field, other: Field) -> str:
    """SQL: two names have changed places, one of them perhaps misspelt or, of forename and surname, left out: Thomas Koch and Renate Thomas are two."""
    f, g = one.column, other.column
    alike = "(jaro_winkler_similarity({0}, {1}) >= 0.86 OR jaccard({0}, {1}) >= 0.75)"
    unknown = str(one.role != other.role).lower()
    return " OR ".join(
        f"{a} = {b} AND coalesce({alike.format(c, d)}, {unknown})"
        for a, b, c, d in ((f"{f}_l", f"{g}_r", f"{g}_l", f"{f}_r"), (f"{g}_l", f"{f}_r", f"{f}_l", f"{g}_r"))
    )


def believed(levels: int) -> list[float]:
    """M of a comparison with so many levels (null apart) before training; sums to 1."""
    raw = [_FADE**place for place in range(levels - 1)]
    raw.append(max(raw[-1], 0.05))
    return [value / sum(raw) for value in raw]


def _between(field: Field, fields: list[Field]) -> list[tuple[str, str]]:
    f = field.column
    words = f"likeness({f}_w_l, {f}_wn_l, {f}_w_r, {f}_wn_r)"
    grams = f"likeness({f}_g_l, {f}_gn_l, {f}_g_r, {f}_gn_r)"
    within = f"held({f}_w_l, {f}_wn_l, {f}_w_r, {f}_wn_r)"
    numbers = f"{f}_no_l IS NOT DISTINCT FROM {f}_no_r"
    jaro = f"jaro_winkler_similarity({f}_l, {f}_r)"
    typo = f"damerau_levenshtein({f}_l, {f}_r)"
    # Codes and numbers, one byte a letter: the same slip, told apart from all others at a tenth of the cost.
    one_slip = (
        f"CASE WHEN strlen({f}_l) = strlen({f}_r) AND strlen({f}_l) = length({f}_l) AND strlen({f}_r) = length({f}_r) THEN CASE WHEN hamming({f}_l, {f}_r) <= 2 "
        f"THEN {typo} <= 1 ELSE false END WHEN abs(length({f}_l) - length({f}_r)) <= 1 THEN {typo} <= 1 ELSE false END"
    )
    # A slip for every eight letters; letters of Han names are their grams, and tell it already. Texts that few slips part still
    # share many grams, and those that share most need no count; CASE, for AND would count all the same, at ten times the cost.
    slips = (
        f"CASE WHEN abs(length({f}_l) - length({f}_r)) <= 3 AND length({f}_l) >= 8 AND NOT is_han({f}_l) AND {words} < 0.75 AND {grams} BETWEEN 0.4 AND 0.75 "
        f"THEN {typo} <= length({f}_l) // 8 ELSE false END"
    )
    short_slip = (
        f"CASE WHEN length({f}_l) BETWEEN 5 AND 8 AND abs(length({f}_l) - length({f}_r)) <= 1 AND NOT is_han({f}_l) "
        f"THEN {typo} <= 1 ELSE false END"
    )
    match field.role:
        case "organisation" | "title":
            here, stem, heard, core = numbers, [], "", []
            if field.role == "organisation":
                here = f"{numbers} AND {_one_town(f)}"
                heard = f" OR {f}_sound_l = {f}_sound_r"
                core = [("one word of its own", f"{f}_core_l = {f}_core_r AND {_one_town(f)}")]
                stem = [("equal but for the trade", f"{f}_stem_l = {f}_stem_r AND {here}")]
            return [
                *stem,
                ("nearly equal", f"({words} >= 0.9 OR {grams} >= 0.9) AND {here}"),
                ("close", f"({words} >= 0.75 OR {grams} >= 0.75 OR {slips}{heard}) AND {here}"),
                *core,
                ("alike", f"{words} >= 0.55 OR {grams} >= 0.55 OR {within} >= 0.95 OR {short_slip}"),
                ("akin", f"{words} >= 0.3 OR {grams} >= 0.35"),
            ]
        case "address":
            equal = f"{f}_no_l = {f}_no_r"
            # 12号 and 12号3栋 are one house as far as the shorter tells.
            same = f"(starts_with({f}_no_l || ' ', {f}_no_r || ' ') OR starts_with({f}_no_r || ' ', {f}_no_l || ' '))"
            # And 人民路12号建材市场B48 and 建材市场B48 one stall.
            ends = f"({f}_estate_l = {f}_estate_r AND (ends_with(' ' || {f}_no_l, ' ' || {f}_no_r) OR ends_with(' ' || {f}_no_r, ' ' || {f}_no_l)))"
            return [
                ("same number, nearly equal", f"{equal} AND ({words} >= 0.8 OR {grams} >= 0.8)"),
                ("same number, alike", f"{same} AND ({words} >= 0.5 OR {grams} >= 0.5 OR {within} >= 0.8) OR {ends}"),
                ("nearly equal", f"{words} >= 0.8 OR {grams} >= 0.85 OR {within} >= 0.95"),
                (
                    "same road, a number missing",
                    f"({f}_road_l = {f}_road_r OR {f}_estate_l = {f}_estate_r) AND ({f}_no_l IS NULL OR {f}_no_r IS NULL) AND coalesce({f}_town_l = {f}_town_r, true)",
                ),
                ("same number", f"{same} AND ({words} >= 0.2 OR {grams} >= 0.25)"),
                ("akin", f"{words} >= 0.4 OR {grams} >= 0.5"),
            ]
        case "person":
            # Brothers and sisters share surname and, often, a letter: of a Chinese name all must agree, or sound alike.
            short = f"is_han({f}_l) AND length({f}_l) <= 4"
            return [
                (
                    "nearly equal",
                    f"{words} >= 0.9 OR {grams} >= 0.9 OR {f}_sound_l = {f}_sound_r OR (NOT ({short}) AND {jaro} >= 0.95)",
                ),
                ("same initials and last names", f"{f}_short_l = {f}_short_r"),
                (
                    "alike",
                    f"NOT ({short}) AND ({words} >= 0.6 OR {grams} >= 0.6 OR {within} >= 0.95 OR {jaro} >= 0.88)",
                ),
                ("akin", f"{words} >= 0.25 OR {grams} >= 0.35"),
            ]
        case "forename" | "surname":
            crossed = [_crossed(field, g) for g in fields if g.role in ("forename", "surname") and g != field]
            swapped = [("swapped", " OR ".join(crossed))] if crossed else []
            return [
                *swapped,
                ("nearly equal", f"{jaro} >= 0.92"),
                ("alike", f"{jaro} >= 0.86 OR {typo} <= 1 OR (jaccard({f}_l, {f}_r) >= 0.8 AND length({f}_l) >= 4)"),
                ("akin", f"{jaro} >= 0.7"),
            ]
        case "date":
            days = f"abs(date_diff('day', try_cast({f}_l AS date), try_cast({f}_r AS date)))"
            return [
                ("a day apart", f"{days} <= 1"),
                ("one slip", f"{typo} <= 1"),
                ("within a week", f"{days} <= 7"),
                ("within a month", f"{days} <= 31"),
                ("within a year", f"{days} <= 366 OR left({f}_l, 4) = left({f}_r, 4)"),
                ("within ten years", f"{days} <= 3653"),
            ]
        case "email":
            # anna.smith16 and anna.smith36 are two who are called alike, and so may be a.smith of two houses: its name is the person's.
            digits = "regexp_replace({}, '[^0-9]', '', 'g')"
            number = f"{digits.format(f + '_l')} = {digits.format(f + '_r')}"
            user = f"split_part({f}_l, '@', 1) = split_part({f}_r, '@', 1)"
            house = [f"split_part({f}_{side}, '@', 2)" for side in "lr"]
            here = f"({house[0]} = '' OR {house[1]} = '' OR jaro_winkler_similarity({house[0]}, {house[1]}) >= 0.75)"
            return [
                ("same user", f"{user} AND {here}"),
                ("nearly equal", f"({jaro} >= 0.92 OR {typo} <= 3) AND {number} AND {here}"),
                ("akin", f"(jaccard({f}_l, {f}_r) >= 0.75 OR {jaro} >= 0.8) AND {number} AND {here}"),
                ("same user elsewhere", user),
            ]
        case "postcode":
            return [
                ("one slip", f"{typo} <= 1"),
                ("same sector", f"left({f}_l, length({f}_l) - 2) = left({f}_r, length({f}_r) - 2)"),
                (
                    "same district",
                    f"split_part({f}_l, ' ', 1) = split_part({f}_r, ' ', 1) OR left({f}_l, 3) = left({f}_r, 3)",
                ),
                ("same area", f"left({f}_l, 2) = left({f}_r, 2)"),
            ]
        case "phone":
            return [
                ("as far as both show", f"as_shown({f}_l, {f}_r)"),
                ("same ending", f"right({f}_l, 7) = right({f}_r, 7) AND length({f}_l) >= 7"),
                ("one slip", one_slip),
            ]
        case "position":
            metres = f"sqrt(pow({f}_y_l - {f}_y_r, 2) + pow({f}_x_l - {f}_x_r, 2))"
            return [(f"within {far} m", f"{metres} <= {far}") for far in (60, 200, 600, 2000)]
        case "number":
            # 1998 is likely a year, 1998.40 an amount.
            year = f"{f}_l BETWEEN 1800 AND 2100 AND {f}_l = round({f}_l)"
            off = f"abs({f}_l - {f}_r)"
            return [
                (label, f"{off} <= CASE WHEN {year} THEN {years} ELSE {share} * abs({f}_l) END")
                for label, years, share in (("near", 1, 0.01), ("close", 2, 0.03), ("in the region", 5, 0.15))
            ]
        case "identifier":
            return [("as far as both show", f"as_shown({f}_l, {f}_r)"), ("one slip", one_slip)]
        case _:
            return [
                ("nearly equal", f"{jaro} >= 0.92 OR ({typo} <= 2 AND length({f}_l) >= 5)"),
                ("alike", f"{jaro} >= 0.8 OR contains({f}_l, {f}_r) OR contains({f}_r, {f}_l)"),
            ]
