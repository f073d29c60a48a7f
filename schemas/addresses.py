"""Chinese addresses, brought to a key on which two spellings of one place meet, and taken apart: town, village, numbers.

Departments write 四川省遂宁市示例县城关镇人民路12号3栋, 城关镇人民路十二号三幢 and 人民路12#-3 for one door. The key drops the
province, city and county in front, writes numerals as digits and each suffix one way. The parts come from the key.
Twins in `schemas.macros`: address_key, address_town, address_village, address_numbers, address_today.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache

from schemas import text
from schemas.names import DEFAULT_REGIONS, PROVINCES
from schemas.reference import code_sets

# Nothing of a place: punctuation, brackets with what clerks add in them, and words that only introduce.
DROPPED = text.SPACES + text.ZERO_WIDTH + text.CONTROLS + "\"'“”‘’`,，.。．、;；:：·*|/\\"
NOTE = r"[(\[【〔][^()\[\]【】〔〕]*[)\]】〕]"
DASHES = "－—–‐‑‒―~～_"
NUMERALS = "零一二三四五六七八九〇两"
DIGITS = "012345678902"
# (pattern, put): one way to write each suffix. The order matters: the longer before the shorter.
SUFFIXED = "[委组号#院楼栋幢座室房第附]|村村|社区社区"
SUFFIXES = (
    ("(?:社区)?(?:居民委员会|居委会)", "社区"),
    ("(?:村民委员会|村委会)", "村"),
    ("村村", "村"),
    ("社区社区", "社区"),
    ("(?:村民|居民)(?:小组|组)", "组"),
    ("#", "号"),
    ("号(?:大)?院", "号"),
    ("号楼|[栋幢座]", "栋"),
    ("[室房]$", ""),
    ("第([0-9])", "\\g<1>"),
    ("附([0-9])", "-\\g<1>"),
    ("号-", "-"),
    ("号$", ""),
)
# Numerals that count something: 十二号 is 12号, 三里村 stays. Tens are written out before single figures are changed.
COUNTED = "[号栋幢座组社楼层单室院弄巷#]"
TOWN = "^([一-龥]{1,6}?(?:街道|镇|乡))"
VILLAGE = "^(?:[一-龥]{1,6}?(?:街道|镇|乡))?([一-龥]{1,8}?(?:村|社区))"


def region_prefix(regions: Sequence[str] = DEFAULT_REGIONS) -> str:
    """Pattern of what stands before a town: province, city, county or district."""
    own = "".join(f"{re.escape(region)}|" for region in sorted(regions, key=len, reverse=True))
    provinces = "|".join(PROVINCES)
    return (
        f"^(?:中国)?(?:(?:{provinces})(?:省|市|壮族自治区|回族自治区|维吾尔自治区|自治区)?)?"
        f"(?:[一-龥]{{2,4}}?市|[一-龥]{{2,8}}自治州)?(?:{own}[一-龥]{{1,4}}?[县区]|[一-龥]{{1,4}}?市)?"
    )


def address_key(raw: str | None, regions: Sequence[str] = DEFAULT_REGIONS) -> str | None:
    """The address on one line of one spelling, from the town on; None if blank. 十二号 and 12＃ are 12."""
    if raw is None:
        return None
    place = unicodedata.normalize("NFKC", raw).translate(text.UPPER)
    place = re.sub(NOTE, "", place)
    place = place.translate(str.maketrans(dict.fromkeys(DROPPED + "\0"))).translate(
        str.maketrans(DASHES, "-" * len(DASHES))
    )
    bare = re.sub(region_prefix(regions), "", place)
    place = bare or place
    place = _figures(place)
    if re.search(SUFFIXED, place):
        for pattern, put in SUFFIXES:
            place = re.sub(pattern, put, place)
    return None if place in text.BLANK_WORDS else place


def _figures(place: str) -> str:
    """Numerals before a counted thing as digits: 二十三号 -> 23号, 十二栋 -> 12栋, 一〇二室 -> 102室."""
    if not re.search(SPELT, place):
        return place
    for pattern, put in FIGURES:
        place = re.sub(pattern, put, place)
    return place.translate(str.maketrans(*MARKED))


# Figures found before a counted thing are marked with private characters first, from the right, then written as digits.
_PRIVATE = "\ue000\ue001\ue002\ue003\ue004\ue005\ue006\ue007\ue008\ue009\ue00a\ue00b"
MARKED = _PRIVATE, DIGITS
SPELT = f"[{NUMERALS}十百]{COUNTED}"
_STEP = tuple(
    (f"{numeral}({COUNTED}|[{_PRIVATE}])", f"{mark}\\g<1>") for numeral, mark in zip(NUMERALS, _PRIVATE, strict=True)
)
FIGURES = (
    (f"([{NUMERALS[1:10]}])百([{NUMERALS[1:10]}])十([{NUMERALS[1:10]}])({COUNTED})", "\\g<1>\\g<2>\\g<3>\\g<4>"),
    (f"([{NUMERALS[1:10]}])百([{NUMERALS[1:10]}])十({COUNTED})", "\\g<1>\\g<2>零\\g<3>"),
    (f"([{NUMERALS[1:10]}])百零([{NUMERALS[1:10]}])({COUNTED})", "\\g<1>零\\g<2>\\g<3>"),
    (f"([{NUMERALS[1:10]}])百({COUNTED})", "\\g<1>零零\\g<2>"),
    (f"([{NUMERALS[1:10]}])十([{NUMERALS[1:10]}])({COUNTED})", "\\g<1>\\g<2>\\g<3>"),
    (f"([{NUMERALS[1:10]}])十({COUNTED})", "\\g<1>零\\g<2>"),
    (f"十([{NUMERALS[1:10]}])({COUNTED})", "一\\g<1>\\g<2>"),
    (f"十({COUNTED})", "一零\\g<1>"),
    *(_STEP * 4),
)


def address_town(key: str | None) -> str | None:
    """The town of an address key (城关镇, 高坪街道); None if it names none."""
    found = re.search(TOWN, key) if key else None
    return found[1] if found else None


def address_village(key: str | None) -> str | None:
    """The village or community of an address key (青石村, 桂花社区); None if it names none."""
    found = re.search(VILLAGE, key) if key else None
    return found[1] if found else None


def address_numbers(key: str | None) -> str | None:
    """All numbers of an address key in order, '12-3-2' for 人民路12号3栋2单元; None if it has none."""
    found = "-".join(re.findall("[0-9]+", key)) if key else ""
    return found or None


def address_today(key: str | None) -> str | None:
    """An address key with its town called what it is called today: 瞿河镇 for 瞿河乡, as the code list of towns has them."""
    if key is None:
        return None
    return next((now + key[len(then) :] for then, now in former_towns().items() if key.startswith(then)), key)


@cache
def former_towns() -> dict[str, str]:
    """The towns' names of earlier days, the longest first, and today's (code_sets.yaml: aliases of `town`)."""
    listed = {
        alias: code.name
        for code in code_sets()["town"].codes
        for alias in code.aliases
        if address_town(address_key(alias)) == alias != code.name
    }
    return dict(sorted(listed.items(), key=lambda pair: (-len(pair[0]), pair[0])))
