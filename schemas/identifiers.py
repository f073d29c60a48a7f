"""Identifiers: reading, repairing and judging the codes that name enterprises, people and property.

`check(kind, raw)` is the whole verdict on one cell; `<kind>_clean` and `<kind>_valid` are its two halves, with SQL twins
of the same names in `schemas.macros`. Cleaning changes case, width, spaces, dashes, apostrophes and invisible characters,
nothing else: a letter O or I in place of 0 or 1 is never corrected, because only the register can say what was meant.
`_valid` judges a value as it stands, so clean it first; NULL in gives NULL out.
"""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import NamedTuple

from schemas import text

COUNTY_TIME = timezone(timedelta(hours=8))

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # 31 symbols: no I, O, S, V, Z
USCC_SHAPE = f"[1-9ANY][1-9][0-9]{{6}}[{USCC_ALPHABET}]{{10}}"
ORG_CODE_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
ORG_CODE_SHAPE = "[0-9A-Z]{8}[0-9X]"
RESIDENT_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
RESIDENT_ID_CHECKS = "10X98765432"
RESIDENT_ID_SHAPE = "[1-9][0-9]{16}[0-9X]"
EARLIEST_BIRTH = date(1850, 1, 1)
PHONE_SHAPE = (
    "(?:1[3-9][0-9]{9}|0[0-9]{2,3}-?[2-9][0-9]{6,7}(?:-[0-9]{1,6})?"
    "|400-?[0-9]{3}-?[0-9]{4}|95[0-9]{3}|12345|[2-9][0-9]{6,7})"
)
MOBILE_DASHED = "1[3-9][0-9](?:-?[0-9]){8}"
PHONE_COUNTRY = r"(?:\+86|0086|86)-?(1[3-9][0-9-]{9,})"
PHONE_AREA = r"^\((0[0-9]{2,3})\)-?"
UNIT_NO_SHAPE = "[0-9]{12}[GJZ][A-HJ-NPSWXY][0-9]{5}[FLQW][0-9]{8}"
PROJECT_CODE_SHAPE = "[0-9]{4}-[0-9]{6}-[0-9]{2}-[0-9]{2}-[0-9]{6}"
# What a spreadsheet makes of a long number: 9.151e+17, or 915109990000000860.0. The last digits are gone.
# A bare 123E5 or 1234567E-8 is not one: E is a letter of USCC and organisation codes.
NUMERIC_SHAPE = r"[0-9]+\.[0-9]+[eE][+-]?[0-9]+|[0-9]+[eE]\+[0-9]+|[0-9]{9,}\.0+"

UNSEEN = text.SPACES + text.ZERO_WIDTH + text.CONTROLS + "\0"
_NARROW_UPPER = {
    **dict(zip(text.FULL_WIDTH, text.HALF_WIDTH.upper(), strict=True)),
    **{letter: letter.upper() for letter in "abcdefghijklmnopqrstuvwxyz"},
}
ID_TABLE = str.maketrans({**_NARROW_UPPER, **dict.fromkeys(UNSEEN + text.DASHES + text.APOSTROPHES)})
DASHED_TABLE = str.maketrans(
    {**_NARROW_UPPER, **dict.fromkeys(UNSEEN + text.APOSTROPHES), **dict.fromkeys(text.DASHES, "-")}
)

# (registering department, class) of GB 32100-2015: who holds the code.
_USCC_HOLDERS = {
    "11": "机关", "12": "事业单位", "13": "编办直接管理的群众团体", "51": "社会团体", "52": "民办非企业单位",
    "53": "基金会", "54": "村（居）民委员会", "81": "基层工会", "91": "企业", "92": "个体工商户", "93": "农民专业合作社",
    "N1": "组级农村集体经济组织", "N2": "村级农村集体经济组织", "N3": "乡镇级农村集体经济组织",
}  # fmt: skip


class Verdict(NamedTuple):
    """What one cell is worth: `value` is the canonical form (None unless valid), `reason` Chinese, empty for a clean pass.

    `kind` is the kind asked for, or, for enterprise_code and taxpayer_id, the kind the value turned out to be.
    """

    raw: str | None
    value: str | None
    valid: bool
    repaired: bool
    kind: str
    reason: str


PLACEHOLDERS = frozenset(word.translate(ID_TABLE) for word in text.BLANK_WORDS)


def county_today() -> date:
    """Today by the county's clock, whatever the machine's zone."""
    return datetime.now(COUNTY_TIME).date()


def id_is_placeholder(raw: str | None) -> bool | None:
    """Whether the cell only fills a form: blank, 无, /, N/A, or one symbol repeated (000…, 111…). None stays None."""
    if raw is None:
        return None
    code = raw.translate(ID_TABLE)
    return code in PLACEHOLDERS or len(set(code)) == 1


def id_is_numeric(raw: str | None) -> bool | None:
    """Whether a spreadsheet kept this code as a number, so that its last digits are lost and cannot be repaired."""
    return None if raw is None else re.fullmatch(NUMERIC_SHAPE, text.narrow(raw)) is not None


def id_clean(raw: str | None) -> str | None:
    """The code in ASCII capitals without spaces, dashes, apostrophes and invisible characters; None for a placeholder."""
    return None if raw is None or id_is_placeholder(raw) else raw.translate(ID_TABLE)


uscc_clean = org_code_clean = reg_no_clean = taxpayer_id_clean = enterprise_code_clean = unit_no_clean = id_clean


def uscc_valid(code: str | None) -> bool | None:
    """Whether this is a unified social credit code with a right check digit.

    Every registering department counts (1–9, A, N, Y). Source: GB 32100-2015, weights 3^i mod 31.
    """
    if code is None:
        return None
    if not re.fullmatch(USCC_SHAPE, code):
        return False
    total = sum(USCC_ALPHABET.index(symbol) * pow(3, place, 31) for place, symbol in enumerate(code[:17]))
    return USCC_ALPHABET[-total % 31] == code[17]


def uscc_holder(code: str) -> str | None:
    """The kind of body a valid code belongs to (企业, 个体工商户, 村级农村集体经济组织 …); None where the standard says 其他."""
    return _USCC_HOLDERS.get(code[:2])


def org_code_valid(code: str | None) -> bool | None:
    """Whether this is an organisation code (8 + check, no dash). Source: GB 11714-1997; all zeros is a placeholder."""
    if code is None:
        return None
    if not re.fullmatch(ORG_CODE_SHAPE, code) or code == "000000000":
        return False
    total = sum(int(symbol, 36) * weight for symbol, weight in zip(code[:8], ORG_CODE_WEIGHTS, strict=True))
    return "0X987654321"[total % 11] == code[8]


def reg_no_valid(code: str | None) -> bool | None:
    """Whether this is a 15-digit business registration number. Source: GS 15-2006, check digit ISO 7064 MOD 11,10."""
    if code is None:
        return None
    if not re.fullmatch("[0-9]{15}", code) or code == "0" * 15:
        return False
    carry = 10
    for digit in code[:14]:
        carry = ((carry + int(digit) + 9) % 10 + 1) * 2 % 11
    return (carry + int(code[14])) % 10 == 1


def resident_id_clean(raw: str | None) -> str | None:
    """The resident identity number with 18 characters; a 15-digit one with a real birth date is raised to 18."""
    code = id_clean(raw)
    if code and re.fullmatch("[1-9][0-9]{14}", code) and birth_date("19" + code[6:12]):
        body = f"{code[:6]}19{code[6:]}"
        return body + _resident_check(body)
    return code


def resident_id_valid(code: str | None, today: date | None = None) -> bool | None:
    """Whether this is an 18-character identity number: a real birth date, not after `today`, and the check digit.

    Source: GB 11643-1999.
    """
    if code is None:
        return None
    if not re.fullmatch(RESIDENT_ID_SHAPE, code):
        return False
    birth = birth_date(code[6:14])
    if birth is None or not EARLIEST_BIRTH <= birth <= (today or county_today()):
        return False
    return _resident_check(code[:17]) == code[17]


def phone_clean(raw: str | None) -> str | None:
    """One telephone number: mobile without separators and country code, landline as area-number-extension."""
    if raw is None:
        return None
    number = raw.translate(DASHED_TABLE)
    if number in PLACEHOLDERS or number.strip("-") == "" or number.strip("0") == "" or number.strip("1") == "":
        return None
    if found := re.fullmatch(PHONE_COUNTRY, number):
        number = found[1]
    if re.fullmatch(MOBILE_DASHED, number):
        return number.replace("-", "")
    return re.sub(PHONE_AREA, r"\1-", number)


def phone_valid(number: str | None) -> bool | None:
    """Whether this is one Chinese telephone number: mobile, landline with extension, 400, 95xxx or 12345."""
    return None if number is None else re.fullmatch(PHONE_SHAPE, number) is not None


def unit_no_valid(code: str | None) -> bool | None:
    """Whether this is a real-estate unit number: 28 characters, 6+3+3+2+5 for the parcel, 1+8 for what stands on it."""
    return None if code is None else re.fullmatch(UNIT_NO_SHAPE, code) is not None


def project_code_clean(raw: str | None) -> str | None:
    """An investment project's code with plain dashes and no spaces; None for a placeholder."""
    return None if raw is None or id_is_placeholder(raw) else raw.translate(DASHED_TABLE)


def project_code_valid(code: str | None) -> bool | None:
    """Whether this is an investment project code, 4-6-2-2-6 digits with dashes."""
    return None if code is None else re.fullmatch(PROJECT_CODE_SHAPE, code) is not None


def old_tax_valid(code: str | None) -> bool | None:
    """Whether this is a taxpayer number from before the unified code: division (6) + organisation code (9)."""
    if code is None:
        return None
    return re.fullmatch("[1-9][0-9]{5}[0-9A-Z]{9}", code) is not None and bool(org_code_valid(code[6:]))


def taxpayer_id_kind(code: str | None, today: date | None = None) -> str | None:
    """What a taxpayer number is: 'uscc', 'old_tax', 'resident_id' (18 or 15, or with 2 more digits); None if none."""
    if code is None:
        return None
    if uscc_valid(code):
        return "uscc"
    if old_tax_valid(code):
        return "old_tax"
    person = code
    if re.fullmatch("[0-9]{17}[0-9X][0-9]{2}", code):
        person = code[:18]
    elif re.fullmatch("[0-9]{17}", code) or re.fullmatch("[0-9]{15}", code):
        person = resident_id_clean(code[:15]) or ""
    return "resident_id" if resident_id_valid(person, today) else None


def taxpayer_id_valid(code: str | None, today: date | None = None) -> bool | None:
    """Whether this is a taxpayer number of any generation, for an enterprise or a person."""
    return None if code is None else taxpayer_id_kind(code, today) is not None


def enterprise_code_kind(code: str | None) -> str | None:
    """What a cleaned enterprise code is: 'uscc', 'reg_no', 'org_code' or 'old_tax'; None if valid as none of them."""
    if code is None:
        return None
    tests = (("uscc", uscc_valid), ("reg_no", reg_no_valid), ("org_code", org_code_valid), ("old_tax", old_tax_valid))
    return next((kind for kind, test in tests if test(code)), None)


def enterprise_code_valid(code: str | None) -> bool | None:
    """Whether this is a valid code of any kind that can name an enterprise."""
    return None if code is None else enterprise_code_kind(code) is not None


def birth_date(digits: str) -> date | None:
    """The date eight digits yyyymmdd stand for; None if the calendar has no such day."""
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None


def _resident_check(body: str) -> str:
    total = sum(int(digit) * weight for digit, weight in zip(body, RESIDENT_ID_WEIGHTS, strict=True))
    return RESIDENT_ID_CHECKS[total % 11]


def check(kind: str, raw: str | None, *, today: date | None = None) -> Verdict:
    """The verdict on one cell as an identifier of `kind` (a key of KINDS); `today` bounds birth dates.

    Raises:
        ValueError: `kind` is not one of KINDS.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown identifier kind {kind!r}; known: {', '.join(KINDS)}")
    # Only a verdict needs words, and they need the rules here: the import waits until someone asks.
    from schemas.identifier_reasons import repairs, why_invalid

    if raw is None or not text.narrow(raw):
        return Verdict(raw, None, False, False, kind, "空值")
    code = KINDS[kind](raw)
    if code is None:
        return Verdict(raw, None, False, False, kind, f"占位内容“{raw.strip()}”，按空值处理")
    if id_is_numeric(raw):
        return Verdict(raw, None, False, False, kind, "数值格式（科学计数法或小数），末几位已失真，请以文本格式重报")
    found = _kind_of(kind, code, today)
    if found:
        return Verdict(raw, code, True, code != raw, found, repairs(raw, code) if code != raw else "")
    return Verdict(raw, None, False, False, kind, why_invalid(kind, code, today or county_today()))


def _kind_of(kind: str, code: str, today: date | None) -> str | None:
    if kind == "enterprise_code":
        return enterprise_code_kind(code)
    if kind == "taxpayer_id":
        return taxpayer_id_kind(code, today)
    if kind == "resident_id":
        return kind if resident_id_valid(code, today) else None
    return kind if _VALID[kind](code) else None


_VALID: dict[str, Callable[[str | None], bool | None]] = {
    "uscc": uscc_valid,
    "org_code": org_code_valid,
    "reg_no": reg_no_valid,
    "phone": phone_valid,
    "unit_no": unit_no_valid,
    "project_code": project_code_valid,
}

KINDS: dict[str, Callable[[str | None], str | None]] = {
    "uscc": uscc_clean,
    "org_code": org_code_clean,
    "reg_no": reg_no_clean,
    "resident_id": resident_id_clean,
    "phone": phone_clean,
    "unit_no": unit_no_clean,
    "project_code": project_code_clean,
    "taxpayer_id": taxpayer_id_clean,
    "enterprise_code": enterprise_code_clean,
}
