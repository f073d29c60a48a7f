"""SQL twins of `schemas.privacy`."""

from schemas import privacy, scrubs
from schemas.macros.sqltext import let, matches, quoted, replaced
from schemas.macros.texts import NO_SPACE


def _scrubbed() -> str:
    clean = "s"
    for pattern, put in scrubs.STEPS:
        clean = replaced(replaced(clean, pattern, put), pattern, put)
    return f"replace({clean}, {quoted(scrubs.MARK)}, '')"


_ANY = " OR ".join(f"regexp_matches(s, {quoted(pattern)})" for pattern in scrubs.ANY)


# A list, not a pattern: it stands inside a lambda, where a pattern is compiled anew for every 2,048 rows.
_COMPOUND = ", ".join(map(quoted, privacy.COMPOUND_SURNAMES))
_SHOWN = f"""CASE WHEN length(n) = 1 THEN 0
    WHEN length(n) > 2 AND list_contains([{_COMPOUND}], left(n, 2)) THEN 2 ELSE 1 END"""
_LANDLINE = f"regexp_extract(n, {quoted(privacy.LANDLINE)}, ['area', 'last', 'ext'])"
_LANDLINE_MASKED = "p.area || '-****' || p.last || CASE WHEN p.ext <> '' THEN '-***' ELSE '' END"

MACROS = {
    "mask_shown(v, head, tail)": "left(v, head) || repeat('*', length(v) - head - tail) || right(v, tail)",
    "mask_given(n)": let("k", _SHOWN, "CASE WHEN n <> '' THEN left(n, k) || repeat('*', length(n) - k) END"),
    "mask_name(s)": let("n", replaced("s", NO_SPACE), "mask_given(n)"),
    "mask_number(n)": f"""CASE
        WHEN {matches("n", "1[3-9][0-9]{9}")} THEN left(n, 3) || '****' || right(n, 4)
        WHEN {matches("n", privacy.LANDLINE)} THEN {let("p", _LANDLINE, _LANDLINE_MASKED)}
        WHEN {matches("n", privacy.LOCAL)} THEN '****' || right(n, 4)
        WHEN {matches("n", privacy.SERVICE)} THEN n
        WHEN n IS NOT NULL THEN '{privacy.UNKNOWN}' END""",
    "mask_phone(s)": let("n", "phone_clean(s)", "mask_number(n)"),
    "mask_id(s)": let(
        "v",
        "id_clean(s)",
        """CASE WHEN length(v) >= 15 THEN mask_shown(v, 3, 4) WHEN length(v) >= 8 THEN mask_shown(v, 1, 2)
            ELSE repeat('*', length(v)) END""",
    ),
    "mask_card(s)": let(
        "v", "id_clean(s)", "CASE WHEN length(v) >= 12 THEN mask_shown(v, 0, 4) ELSE repeat('*', length(v)) END"
    ),
    # Most text holds no long number, and most long numbers are no person's: each question is dearer than the one before.
    "scrub(s)": f"""CASE WHEN regexp_matches(s, {quoted(scrubs.GUARD)})
        THEN CASE WHEN {_ANY} THEN {_scrubbed()} ELSE s END
        ELSE s END""",
    # T001，电话13908255417 -> T001，电话139****5417; of figures alone nobody can tell a ticket's number from a person's.
    "code_scrub(s)": "CASE WHEN regexp_matches(s, '[\\p{Han}]') THEN scrub(s) ELSE s END",
    "hmac_hex(ipad, opad, s)": "sha256(opad || unhex(sha256(ipad || encode(s))))",
}
