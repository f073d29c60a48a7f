"""The same text sent again: MinHash over four-character shingles, banded, so that no two messages are compared in vain.

Two texts are near-duplicates when at least `threshold` of their shingles are common (Jaccard, estimated by 64 hashes and
then counted exactly), and neither names a place, a building or a shop the other does not: the same words about another
village are another matter. Everything is done for all messages at once in numpy; memory grows with the text, not with its square.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_SHINGLE = 4
_HASHES, _BANDS = 64, 16
_CHUNK = 2_000_000  # shingles hashed at a time
_SEED = 12345


def near_duplicates(
    texts: Sequence[str], threshold: float, marks: Sequence[frozenset[str]] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each text the first earlier text it repeats (-1: none), and how much of it is common (0–1).

    Texts are given in the order they were sent; a chain of repeats leads to its first text. `marks` are the places,
    buildings and shops each text names: two texts of which each names one that the other does not are no repeats.
    """
    count = len(texts)
    first = np.full(count, -1, dtype=np.int64)
    common = np.zeros(count)
    shingles, starts = _shingles(texts)
    known = np.flatnonzero(np.diff(starts) > 0)
    if known.size < 2:
        return first, common
    signatures = _signatures(shingles, starts[known])
    rows = _HASHES // _BANDS
    marked, mark = _marked(known, marks)
    pairs: list[NDArray[np.int64]] = []
    for band in range(_BANDS):
        part = np.ascontiguousarray(signatures[:, band * rows : (band + 1) * rows])
        keys = part.view([("", part.dtype)] * rows).ravel()
        _, where, group = np.unique(keys, return_index=True, return_inverse=True)
        head = where[group]
        other = np.flatnonzero(head != np.arange(known.size))
        pairs.append(np.column_stack([head[other], other]))
        # A form letter's bucket begins with some other village's: of one place, each is also put beside the first of that place.
        if marked.size:
            _, where, group = np.unique(group[marked] * (mark.max() + 1) + mark, return_index=True, return_inverse=True)
            head = marked[where[group]]
            pairs.append(np.column_stack([head, marked])[head != marked])
    candidates = np.unique(np.concatenate(pairs), axis=0)
    alike = (signatures[candidates[:, 0]] == signatures[candidates[:, 1]]).mean(axis=1)
    # An estimate of 64 hashes errs by about 0.06; what might reach the threshold is counted.
    candidates = candidates[alike >= threshold - 0.2]
    sets: dict[int, set[int]] = {}

    def of(doc: int) -> set[int]:
        if doc not in sets:
            sets[doc] = set(shingles[starts[doc] : starts[doc + 1]].tolist())
        return sets[doc]

    for head, other in known[candidates].tolist():
        earlier, later = min(head, other), max(head, other)
        if marks is not None and marks[earlier] - marks[later] and marks[later] - marks[earlier]:
            continue
        a, b = of(earlier), of(later)
        share = len(a & b) / len(a | b)
        if share >= threshold and share > common[later]:
            first[later], common[later] = earlier, share
    for doc in np.flatnonzero(first >= 0):
        while first[first[doc]] >= 0:
            first[doc] = first[first[doc]]
    return first, common


def _marked(
    known: NDArray[np.int64], marks: Sequence[frozenset[str]] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """One entry per text and mark: which of the `known` texts, and the mark's number."""
    numbers: dict[str, int] = {}
    entries = [
        (place, numbers.setdefault(mark, len(numbers)))
        for place, doc in enumerate(known.tolist())
        for mark in sorted(marks[doc] if marks is not None else ())
    ]
    both = np.array(entries, dtype=np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _shingles(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """All shingles of all texts as numbers, one text after another, and where each text's begin (one entry more)."""
    points = np.frombuffer("".join(texts).encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    ends = np.cumsum(lengths)
    if points.size < _SHINGLE:
        return np.zeros(0, np.uint64), np.zeros(len(texts) + 1, np.int64)
    value = np.zeros(points.size - _SHINGLE + 1, dtype=np.uint64)
    for offset in range(_SHINGLE):
        value = value * np.uint64(0x9E3779B97F4A7C15) + points[offset : offset + value.size]
    doc = np.repeat(np.arange(len(texts)), lengths)[: value.size]
    within = np.arange(value.size) + _SHINGLE <= ends[doc]  # no shingle over the end of a text
    counts = np.bincount(doc[within], minlength=len(texts))
    return value[within], np.concatenate([[0], np.cumsum(counts)])


def _signatures(shingles: NDArray[np.uint64], begins: NDArray[np.int64]) -> NDArray[np.uint64]:
    """One row of 64 minima per text that has shingles."""
    random = np.random.default_rng(_SEED)
    factors = random.integers(1, 1 << 61, _HASHES, dtype=np.uint64) | np.uint64(1)
    shifts = random.integers(0, 1 << 61, _HASHES, dtype=np.uint64)
    result = np.empty((begins.size, _HASHES), dtype=np.uint64)
    edges = np.append(begins, shingles.size)
    doc = 0
    while doc < begins.size:
        upto = max(int(np.searchsorted(edges, edges[doc] + _CHUNK, side="right")) - 1, doc + 1)
        block = shingles[edges[doc] : edges[upto]]
        block = block ^ (block >> np.uint64(31))
        offsets = edges[doc:upto] - edges[doc]
        for n in range(_HASHES):
            # Multiply-shift: the high bits of a product with an odd number are as good as random.
            result[doc:upto, n] = np.minimum.reduceat((block * factors[n] + shifts[n]) >> np.uint64(16), offsets)
        doc = upto
    return result
