"""The dictionary of topics (schemas/topic_words.yaml) and the cutting of text into words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

from schemas import reference
from schemas.errors import ConfigError, nearest

FILE = Path(reference.__file__).with_name("topic_words.yaml")
_TAGS = re.compile(r"<[^<>]{1,200}>|&[a-z]{2,6};|https?://\S+")
_MARKS = re.compile(r"[\W_]+")
_BLANK = re.compile(r"\s+")
_WORD = re.compile(
    r"^(?!19|20)\d{2,4}$|^[\u4e00-\u9fff]{2,}$|^[a-z]+[0-9]*$|^[a-z0-9]*[\u4e00-\u9fff]+[a-z0-9\u4e00-\u9fff]*$"
)


@dataclass
class Words:
    """The dictionary as it is used."""

    place_suffixes: tuple[str, ...]
    town_suffixes: tuple[str, ...]
    not_places: frozenset[str]
    concept_of: dict[str, str]
    stopwords: frozenset[str]
    heat: dict[str, float]
    thresholds: dict[str, float]

    @cached_property
    def loose(self) -> tuple[str, ...]:
        """Words of two characters and more that open or close no name of a place."""
        return tuple(word for word in self.stopwords if len(word) >= 2)

    @cached_property
    def generic(self) -> tuple[str, ...]:
        """Endings no name of a place has: 线路, 修路."""
        return tuple(w for w in self.not_places if len(w) >= 2 and w not in self.place_suffixes)


def dictionary(path: Path = FILE) -> Words:
    """The dictionary of a file.

    Raises:
        ConfigError: it is no dictionary, or lacks a part.
    """
    loaded = _load(path)
    needed = {"suffixes", "not_places", "concepts", "stopwords", "heat", "thresholds"}
    for word in sorted(needed - loaded.keys()):
        raise ConfigError(path.name, f"缺少 {word}", "请照 schemas/topic_words.yaml 补上")
    for word in loaded.keys() - needed - {"source"}:
        raise ConfigError(f"{path.name}：{word}", "没有这一项", nearest(word, needed))
    concept_of = {said: concept for concept, names in loaded["concepts"].items() for said in (concept, *names)}
    by_length = {kind: tuple(sorted(loaded["suffixes"][kind], key=len, reverse=True)) for kind in ("place", "town")}
    return Words(
        by_length["place"], by_length["town"], frozenset(loaded["not_places"]), concept_of, frozenset(loaded["stopwords"]),
        {k: float(v) for k, v in loaded["heat"].items()}, {k: float(v) for k, v in loaded["thresholds"].items()},
    )  # fmt: skip


@cache
def _load(path: Path) -> dict[str, Any]:
    try:
        loaded = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except FileNotFoundError as error:
        raise ConfigError(str(path), "找不到这个文件", "请检查 --words 的路径") from error
    except yaml.YAMLError as error:
        raise ConfigError(path.name, "不是有效的 YAML", "请检查缩进、冒号和引号") from error
    if not isinstance(loaded, dict):
        raise ConfigError(path.name, "内容是空的", "请照 schemas/topic_words.yaml 写")
    return loaded


def tidy(text: str | None) -> str:
    """Text as it is compared: NFKC, without tags, addresses of pages and blanks."""
    if not text:
        return ""
    return _BLANK.sub("", _TAGS.sub(" ", unicodedata.normalize("NFKC", text)))


def letters(text: str) -> str:
    """Its letters, digits and characters: the same message keeps them when a telephone sets other marks between."""
    return _MARKS.sub("", text)


# A firm has a name: not 运营公司, 装修公司.
_FIRM = "公司"


@dataclass
class Tagged:
    """A text's words: `ends` tells which word ends at a place, `common` the kind of everyday words ("" for others)."""

    words: list[str]
    ends: dict[int, int]
    common: list[str]

    def may_name(self, end: int, suffix: str) -> bool:
        """Whether what ends here with this suffix may be a name: not 路灯 (no end), not 夜路 (a noun), not 看不见路 (a verb before)."""
        number = self.ends.get(end)
        if number is None:
            return False
        if suffix == _FIRM:
            return not self.common[number if len(self.words[number]) > len(suffix) else number - 1] if number else False
        if len(suffix) > 1:
            return True
        if len(self.words[number]) > 1:
            return self.common[number] != "n"
        return number > 0 and self.common[number - 1] in ("", "n")


# Kinds of words (ICTCLAS): verbs, adjectives, adverbs, pronouns, prepositions and so on, and plain nouns.
_EVERYDAY = frozenset({"v", "vn", "a", "ad", "d", "r", "p", "c", "u", "t", "f", "y", "n", "m", "q", "l", "i"})


class Cutter:
    """Cuts text into words; names of places and the dictionary's own words stay whole."""

    def __init__(self, words: Words, places: Iterable[str] = ()) -> None:
        import rjieba

        self._words = words
        self._jieba = rjieba.Jieba()
        for word in words.concept_of:
            self._jieba.add_word(word, 20_000, "n")
        for place in places:
            self._jieba.add_word(place, 200_000, "ns")

    def cut(self, text: str) -> list[str]:
        """Every word of the text, in order, as it stands."""
        return list(self._jieba.cut(text))

    def tagged(self, text: str) -> Tagged:
        """The words with where each ends; `common` says which are everyday words that end or open no name."""
        words, ends, common, at = [], {}, [], 0
        for number, (word, tag) in enumerate(self._jieba.tag(text)):
            at += len(word)
            ends[at] = number
            words.append(word)
            common.append(tag if tag in _EVERYDAY and self._jieba.has_word(word) else "")
        return Tagged(words, ends, common)

    def matter(self, cut: Sequence[str]) -> list[str]:
        """The words with content: dictionary words by their concept (#噪声), others as they are."""
        concept_of, stop = self._words.concept_of, self._words.stopwords
        kept = []
        for word in cut:
            concept = concept_of.get(word)
            if concept is not None:
                kept.append("#" + concept)
            elif word not in stop and _WORD.match(word.lower()):
                kept.append(word.lower())
        return kept
