"""Names of enterprises, brought to keys on which two spellings of one name meet.

The strict key may match by itself together with a second equal field; the loose key only proposes candidates to a person.
Twins in `schemas.macros`: name_strict_key, name_loose_key, name_is_branch (the loose key's for the regions given at install).
"""

import re
import unicodedata
from collections.abc import Sequence

from schemas import text

DEFAULT_REGIONS = ("示例县", "示例")

PROVINCES = (
    "北京", "天津", "上海", "重庆", "河北", "山西", "辽宁", "吉林", "黑龙江", "江苏", "浙江", "安徽", "福建", "江西", "山东",
    "河南", "湖北", "湖南", "广东", "海南", "四川", "贵州", "云南", "陕西", "甘肃", "青海", "台湾", "内蒙古", "广西", "西藏",
    "宁夏", "新疆",
)  # fmt: skip

# NFKC leaves these brackets; the keys know one pair only.
BRACKETS = ("〔【［｛[{〈《﹝〖", "〕】］｝]}〉》﹞〗")
DROPPED = text.SPACES + text.ZERO_WIDTH + text.CONTROLS + "\"'“”‘’`´「」『』〝〞＂·•・‧∙⋅.。．,，、*"
# What registers and clerks hang behind a name: a legal form or a state, not part of it.
STATUS = (
    r"\((?:个体工商户|个体户|个体|个人独资|个人独资企业|普通合伙|有限合伙|特殊普通合伙|自然人独资|法人独资|国有独资|一人有限公司"
    r"|已注销|注销|已吊销|吊销|吊销未注销|吊销已注销|已迁出|迁出|停业|歇业|清算中|在业|存续|存续在业|开业|正常)\)"
)
BRANCH = (
    r"(?:分公司|支公司|子分公司|分店|分厂|分行|支行|分社|分校|分院|分所|分部|分号|分场|分园|分馆|分站|分中心|分理处|代表处|营业部|营业所|储蓄所"
    r"|[^道]办事处|第[一二三四五六七八九十0-9]+(?:门店|门市部|店|厂|营业部|项目部)|公司[^司]*(?:店|门市|门市部|项目部|经营部|服务部|销售部|加油站|服务站|处|厂|仓库|中心))\)?$"
)

_OPEN_CLOSE = str.maketrans("".join(BRACKETS), "(" * len(BRACKETS[0]) + ")" * len(BRACKETS[1]))
_DROP = str.maketrans(dict.fromkeys(DROPPED + "\0"))


def name_strict_key(raw: str | None) -> str | None:
    """The name in NFKC capitals and one kind of bracket, without spaces, quotes, dots and status tails; None if blank."""
    if raw is None:
        return None
    name = unicodedata.normalize("NFKC", raw).translate(_DROP).translate(_OPEN_CLOSE).translate(text.UPPER)
    name = re.sub(f"(?:{STATUS})+$", "", name)
    return None if name in text.BLANK_WORDS else name


def region_prefix(regions: Sequence[str] = DEFAULT_REGIONS) -> tuple[str, str]:
    """Pattern and replacement that take administrative names off the front of a trade name.

    The given regions, provinces, cities with their districts, counties. A city ends in 市 only where that cannot be 超市,
    菜市, 门市 …, which begin many trade names.
    """
    own = "".join(f"{re.escape(region)}|" for region in sorted(regions, key=len, reverse=True))
    provinces = "|".join(PROVINCES)
    return (
        f"^(?:(?:{provinces})(?:省|市|壮族自治区|回族自治区|维吾尔自治区|自治区)?)?"
        "(?:[一-龥]{1,3}[^超菜门夜股集花早]市(?:[一-龥]{1,4}区)?|[一-龥]{2,8}自治州)?"
        f"(?:{own}[一-龥]{{1,3}}县|[一-龥]{{2,8}}自治县)?",
        "",
    )


def region_bracket(regions: Sequence[str] = DEFAULT_REGIONS) -> tuple[str, str]:
    """Pattern and replacement that take out a region in brackets: 鑫源商贸(示例)有限公司."""
    own = "|".join(re.escape(region) for region in (*sorted(regions, key=len, reverse=True), *PROVINCES, "中国"))
    return rf"\((?:(?:{own})[省市县区]?|[一-龥]{{2,8}}[省市县区州镇乡])\)", ""


def name_loose_key(raw: str | None, regions: Sequence[str] = DEFAULT_REGIONS) -> str | None:
    """The strict key also without region prefix and bracketed region, 有限责任公司 as 有限公司, brackets gone; NULL as strict.

    A name that is nothing but a region keeps it.
    """
    key = name_strict_key(raw)
    if key is None:
        return None
    bare = re.sub(*region_prefix(regions), re.sub(*region_bracket(regions), key))
    return re.sub("[()]", "", bare.replace("有限责任公司", "有限公司")) or key


def name_is_branch(raw: str | None) -> bool | None:
    """Whether the name is a branch's: 分公司, 分店, 支行, or a shop behind the parent's 公司. Branches never merge into parents."""
    key = name_strict_key(raw)
    return None if key is None else re.search(BRANCH, key) is not None
