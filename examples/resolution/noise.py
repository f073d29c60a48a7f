"""What clerks and keyboards do to text."""

from __future__ import annotations

import random


def slip(text: str, rng: random.Random, times: int = 1) -> str:
    """The text with letters swapped, dropped, doubled or mistyped."""
    for _ in range(times):
        if len(text) < 3:
            return text
        place = rng.randrange(len(text) - 1)
        match rng.randrange(4):
            case 0:
                text = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
            case 1:
                text = text[:place] + text[place + 1 :]
            case 2:
                text = text[:place] + text[place] + text[place:]
            case _:
                text = text[:place] + rng.choice("abcdefghijklmnopqrstuvwxyz") + text[place + 1 :]
    return text


def scramble(text: str, rng: random.Random) -> str:
    """Half of the letters in another order, some gone."""
    letters = list(text)
    for _ in range(max(len(letters) // 3, 1)):
        a, b = rng.randrange(len(letters)), rng.randrange(len(letters))
        letters[a], letters[b] = letters[b], letters[a]
    if len(letters) > 3 and rng.random() < 0.6:
        letters.pop(rng.randrange(len(letters)))
    return "".join(letters)


def widen(text: str) -> str:
    """ASCII in full width."""
    return "".join("　" if c == " " else chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)
