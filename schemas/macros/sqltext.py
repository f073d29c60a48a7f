"""Writing DuckDB macros from the constants of the pure functions, so that both say the same."""

import re
from collections.abc import Iterable


def quoted(value: str) -> str:
    """A SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def among(value: str, words: Iterable[str]) -> str:
    """Whether `value` is one of these words.

    A pattern, not IN (…): DuckDB turns a long IN list into a join, which computes `value` for every row, even where a CASE
    above would have spared it.
    """
    return matches(value, "|".join(re.escape(word) for word in sorted(words)))


def symbols(characters: str) -> str:
    """An RE2 character class of exactly these characters, as escapes: invisible ones stay readable in a query plan."""
    return "[" + "".join(f"\\x{{{ord(character):X}}}" for character in characters) + "]"


def let(name: str, value: str, body: str) -> str:
    """`body` with `name` bound to `value`, computed once per row.

    A macro's argument is pasted wherever it is named, and DuckDB shares equal sub-expressions only in a projection and
    never inside CASE; a one-element list makes it a value.
    """
    return f"list_transform([{value}], lambda {name}: {body})[1]"


def matches(value: str, pattern: str) -> str:
    """Whether the whole of `value` matches; regexp_full_match, because ^…$ would let a line break through."""
    return f"regexp_full_match({value}, {quoted(pattern)})"


def replaced(value: str, pattern: str, put: str = "") -> str:
    """Every match replaced. Python's unambiguous g<1> is RE2's plain 1, which never takes in a second digit."""
    put = re.sub(r"[\\]g<([0-9])>", r"\\\1", put)
    return f"regexp_replace({value}, {quoted(pattern)}, {quoted(put)}, 'g')"


def translated(value: str, pairs: tuple[str, str]) -> str:
    """Characters of the first string as those of the second, place by place."""
    return f"translate({value}, {quoted(pairs[0])}, {quoted(pairs[1])})"
