"""Masks, fingerprints and scrubbing of personal data. What is not recognised is hidden whole, never shown.

Twins in `schemas.macros`: mask_name, mask_phone, mask_id, mask_card, scrub, hmac_hex.
"""

import hashlib
import hmac
import re

from schemas import scrubs, text
from schemas.identifiers import id_clean, phone_clean

COMPOUND_SURNAMES = (
    "欧阳", "太史", "端木", "上官", "司马", "东方", "独孤", "南宫", "万俟", "闻人", "夏侯", "诸葛", "尉迟", "公羊", "赫连",
    "澹台", "皇甫", "宗政", "濮阳", "公冶", "太叔", "申屠", "公孙", "慕容", "仲孙", "钟离", "长孙", "宇文", "司徒", "鲜于",
    "司空", "闾丘", "子车", "亓官", "司寇", "巫马", "公西", "颛孙", "壤驷", "公良", "漆雕", "乐正", "宰父", "谷梁", "拓跋",
    "夹谷", "轩辕", "令狐", "段干", "百里", "呼延", "东郭", "南门", "羊舌", "微生", "梁丘", "左丘", "东门", "西门", "第五",
)  # fmt: skip

LANDLINE = "(0[0-9]{2,3})-?[2-9][0-9]{2,3}([0-9]{4})(-[0-9]{1,6})?"
LOCAL = "[2-9][0-9]{2,3}([0-9]{4})"
SERVICE = "400-?[0-9]{3}-?[0-9]{4}|95[0-9]{3}|12345"
UNKNOWN = "****"


def mask_name(raw: str | None) -> str | None:
    """The surname and a star for each further character: 张*, 欧阳**; None for blank. A one-character name is hidden."""
    if raw is None:
        return None
    name = raw.translate(text.NO_SPACE)
    if not name:
        return None
    shown = 0 if len(name) == 1 else 2 if len(name) > 2 and name[:2] in COMPOUND_SURNAMES else 1
    return name[:shown] + "*" * (len(name) - shown)


def mask_phone(raw: str | None) -> str | None:
    """138****0000, 028-****0000; service numbers (400, 95xxx, 12345) stay, anything else becomes ****; None for blank."""
    number = phone_clean(raw)
    if number is None:
        return None
    if re.fullmatch("1[3-9][0-9]{9}", number):
        return f"{number[:3]}****{number[7:]}"
    if found := re.fullmatch(LANDLINE, number):
        return f"{found[1]}-****{found[2]}" + ("-***" if found[3] else "")
    if found := re.fullmatch(LOCAL, number):
        return f"****{found[1]}"
    return number if re.fullmatch(SERVICE, number) else UNKNOWN


def mask_id(raw: str | None) -> str | None:
    """First 3 and last 4 of an identity number (15 or 18); of shorter documents 1 and 2; None for blank."""
    code = id_clean(raw)
    if code is None:
        return None
    head, tail = (3, 4) if len(code) >= 15 else (1, 2) if len(code) >= 8 else (0, 0)
    return code[:head] + "*" * (len(code) - head - tail) + code[len(code) - tail :]


def mask_card(raw: str | None) -> str | None:
    """The last 4 digits of a bank card; all stars for anything under 12 characters; None for blank."""
    code = id_clean(raw)
    if code is None:
        return None
    tail = 4 if len(code) >= 12 else 0
    return "*" * (len(code) - tail) + code[len(code) - tail :]


def scrub(raw: str | None) -> str | None:
    """Free text with identity, card and telephone numbers masked; every other character stays.

    Identity and card numbers are recognised by shape alone: hiding a look-alike costs less than showing a real one.
    """
    if raw is None or not re.search(scrubs.GUARD, raw):
        return raw
    clean = raw
    for pattern, put in scrubs.STEPS:
        clean = re.sub(pattern, put, re.sub(pattern, put, clean))
    return clean.replace(scrubs.MARK, "")


def hmac_hex(key: bytes, value: str | None) -> str | None:
    """HMAC-SHA256 of the UTF-8 text as 64 lower-case hex digits; None stays None. Normalise the value first."""
    return None if value is None else hmac.new(key, value.encode(), hashlib.sha256).hexdigest()


def hmac_pads(key: bytes) -> tuple[bytes, bytes]:
    """The inner and outer pad of `key`, the first two arguments of the SQL twin hmac_hex(ipad, opad, s). Source: RFC 2104.

    The pads are as secret as the key: bind them as parameters, never write them into SQL text.
    """
    block = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)
