"""Names of places in the messages themselves: 丽发新城小区, 中心广场路, A市A5区.

A name is what stands before a suffix (小区, 路, 村 …). Where it begins is told by the messages: it is drawn out to the left
as long as most messages that name the shorter form name the longer one too (丽发新城小区 is always that, 们丽发新城小区 seldom).
Names a county knows beforehand (towns of the code table) are places from the start.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise

from schemas.reference import code_sets
from views.topics.words import Tagged, Words

# What no name of a place contains.
_STOP = "的离距在是问我你他她它该这那们被把请了位于从及每各本某去来说等叫让给没还又也就才找,，。、;；:：!！?？\"“”'‘’()（）[]【】<>《》/\\|+=*&%$#@~·…—-"
_LONGEST = 8
_MOST = 0.6  # share of the shorter form's messages that must have the longer one
_ONE = 0.8  # share of a name's messages that must lie in one town for the name to be of that town alone
_FRONT = 0.8  # share of a word's uses that stand right before a place
# 县 areas of anonymised data: A市, K9县, A5区.
_AREA = re.compile(r"[A-Za-z]\d*(?:市|县|区|镇|街道)")
_GENERIC = ("小区", "社区", "项目")


@cache
def _regions() -> tuple[str, ...]:
    return tuple(code.name for code in code_sets()["region"].codes if len(code.name) > 1)


@cache
def _towns() -> tuple[str, ...]:
    return tuple(code.name for code in code_sets()["town"].codes)


@cache
def _outside() -> re.Pattern[str]:
    """What a name may stand behind but never holds: of 示例县城东街道长岭村203号附近小学 only 长岭村 is a name."""
    known = "|".join(map(re.escape, sorted({*_regions(), *_towns()}, key=len, reverse=True)))
    return re.compile(rf"{_AREA.pattern}|{known}|[0-9一二三四五六七八九十]+号|附近|旁边|对面|隔壁|周边|门口")


class Gazetteer:
    """Names by their stem: 丽发新城小区 and 丽发新城 are one place."""

    def __init__(self, names: Iterable[str], words: Words) -> None:
        self._words, self._pattern = words, _pattern(words)
        self.stem_of: dict[str, str] = {}
        for name in names:
            stem = _stem(name)
            self.stem_of[name] = stem
            self.stem_of[stem] = stem

    def __len__(self) -> int:
        return len(set(self.stem_of.values()))

    def of(self, cut: Sequence[str]) -> list[str]:
        """The places among the words of a message, each once, in order."""
        return list(dict.fromkeys(self.stem_of[word] for word in cut if word in self.stem_of))

    def towns(self, places: Sequence[str]) -> list[str]:
        """Those of a message's places that are towns."""
        return [place for place in places if place.endswith(self._words.town_suffixes)]

    def fronts(self, cuts: Iterable[Sequence[str]]) -> frozenset[str]:
        """Words that belong to names although no name holds them: of 鹤鸣凤鸣城, drawn out as 凤鸣城 only, 鹤鸣 says nothing of the matter."""
        times: Counter[str] = Counter()
        before: Counter[str] = Counter()
        for cut in cuts:
            times.update(cut)
            before.update(word for word, after in pairwise(cut) if after in self.stem_of)
        return frozenset(word for word, n in before.items() if n >= _FRONT * times[word])

    def mentioned(self, text: str, tagged: Tagged) -> bool:
        """Whether the text, given with its words, names some place, be it one that no other text names."""
        for match in self._pattern.finditer(text):
            if not tagged.may_name(match.end(), match.group()):
                continue
            left = _left(text, match.start())
            if len(left) >= 2 and _named(left[-2:] + match.group(), self._words):
                return True
        return False


# A building, a flight of stairs, a house number; a shop, a works, a school by the two characters before its kind.
_NUMBERED = re.compile(r"[0-9一二三四五六七八九十]+(?:栋|幢|号楼|号|单元|组|社|期|路公交)")
_KINDS = "公司|超市|商店|饭店|酒店|宾馆|餐馆|餐厅|烧烤店|火锅店|药店|网吧|歌厅|KTV|驾校|学校|小学|中学|幼儿园|培训机构|医院|卫生院|诊所|工厂|加工厂|养殖场|砖厂|工地|健身房|美容院|理发店|洗车场|停车场|加油站|物业"
_SHOP = re.compile(rf"([^{re.escape(_STOP)}\s]{{2}})(?:{_KINDS})")


def marks(text: str, words: Words) -> frozenset[str]:
    """What tells one matter from another of the same wording: each place, building and shop the text names, as it ends.

    Whatever stands before a suffix counts, name or not (夜间施工路): it only matters where two texts otherwise alike differ in it.
    """
    found = {*areas(text), *_NUMBERED.findall(text), *(m.group() for m in _SHOP.finditer(text))}
    for match in _pattern(words).finditer(text):
        left = _left(text, match.start())
        if left:
            found.add(left[-2:] + match.group())
    return frozenset(found)


def areas(text: str) -> list[str]:
    """Anonymised administrative areas in a text (A5区), each once, the smallest last as it is written."""
    return list(dict.fromkeys(match.upper() for match in _AREA.findall(text)))


def district(text: str) -> str | None:
    """The one anonymised area below a city that a text names (A7县 of A市A7县); None when it names none, or several."""
    return _only([area for area in areas(text) if not area.endswith("市")])


def needed(
    places: Sequence[Sequence[str]], within: Sequence[tuple[str | None, str | None]]
) -> list[tuple[str | None, str | None]]:
    """The district and the town each message is of (`within`), where it has to be known: 长岭村 of one town is not that of another.

    None is what need not be known, "" what ought to be and is not told. A name is of one district when nearly all its messages
    that tell say so; the others erred, and are of the same place.
    """
    seen: tuple[dict[str, Counter[str]], ...] = ({}, {})
    for own, told in zip(places, within, strict=True):
        for names, area in zip(seen, told, strict=True):
            for name in own:
                if area is not None and name != area:
                    names.setdefault(name, Counter())[area] += 1
    district, town = (
        {name for name, times in names.items() if max(times.values()) < _ONE * times.total()} for names in seen
    )
    return [
        (None if district.isdisjoint(own) else told[0] or "", None if town.isdisjoint(own) else told[1] or "")
        for own, told in zip(places, within, strict=True)
    ]


def _only(names: Sequence[str]) -> str | None:
    return names[0] if len(names) == 1 else None


def without_areas(text: str) -> str:
    """The text with a full stop for each anonymised area and each region above towns: where it is, not what it is about."""
    return re.sub("|".join([_AREA.pattern, *map(re.escape, _regions())]), "。", text)


def mine(texts: Sequence[str], tagged: Sequence[Tagged], words: Words, least: int = 2) -> Gazetteer:
    """The places named in at least `least` texts, and the county's towns. `tagged` are the texts' words."""
    pattern = _pattern(words)
    seen: Counter[str] = Counter()
    contexts: Counter[tuple[str, str]] = Counter()
    for text, cut in zip(texts, tagged, strict=True):
        found: set[str] = set()
        for match in pattern.finditer(text):
            if not cut.may_name(match.end(), match.group()):
                continue
            left = _left(text, match.start())
            if not left:
                continue
            suffix = match.group()
            contexts[left, suffix] += 1
            found.update(left[-k:] + suffix for k in range(1, len(left) + 1))
        seen.update(found)
    names: Counter[str] = Counter()
    for (left, suffix), times in contexts.items():
        if name := _drawn(left, suffix, seen, least, words.town_suffixes):
            names[name] += times
    kept = [n for n in names if _named(n, words)]
    return Gazetteer([*sorted(_towns()), *sorted(kept)], words)


def _pattern(words: Words) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, words.place_suffixes)))


def _left(text: str, end: int) -> str:
    """Up to eight characters before a suffix that may belong to its name."""
    begin = end
    while begin > 0 and end - begin < _LONGEST and text[begin - 1] not in _STOP:
        begin -= 1
    # An area may begin further left than the name can reach: of A7县泉塘街道东六路 nothing of A7县 belongs to the name.
    for match in _outside().finditer(text, max(0, begin - _LONGEST), end):
        begin = max(begin, match.end())
    return text[begin:end]


def _drawn(left: str, suffix: str, seen: Counter[str], least: int, towns: tuple[str, ...]) -> str | None:
    """The name that ends with `suffix`, drawn out to the left while it stays the usual form; None when it is too rare."""
    start = 2 if len(left) >= 2 and seen[left[-2:] + suffix] >= least else 1
    if start > len(left) or seen[left[-start:] + suffix] < least:
        return None
    size = start
    while size < len(left):
        shorter, longer = seen[left[-size:] + suffix], seen[left[-size - 1 :] + suffix]
        # 长岭村 of 泉塘镇长岭村: what ends a town's name does not begin the next.
        if longer < least or longer < _MOST * shorter or left[:-size].endswith(towns):
            break
        size += 1
    # What goes on as far as is looked is a sentence sent by many: 公共露台围成自家花园.
    return left[-size:] + suffix if size < _LONGEST else None


def _named(name: str, words: Words) -> bool:
    """Whether there is a name before the suffix: not 附近小区, not 夜间施工路段."""
    if name in words.not_places or _stem(name) in words.not_places:
        return False
    stem = next((name[: -len(s)] for s in words.place_suffixes if name.endswith(s)), name)
    if (
        not stem
        or any(inner in stem for inner in _GENERIC)
        or stem in words.stopwords
        or stem in words.concept_of
        or stem.isdigit()
    ):
        return False
    if name.endswith(words.generic):
        return False
    return len(name) >= 3 and not stem.startswith(words.loose) and not stem.endswith(words.loose)


def _stem(name: str) -> str:
    """A name without its generic tail."""
    for suffix in _GENERIC:
        if name.endswith(suffix) and len(name) - len(suffix) >= 3:
            return name[: -len(suffix)]
    return name
