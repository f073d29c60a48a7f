"""Messages of one matter at one place put together: sparse TF-IDF, neighbours in blocks, stars, then centroids.

No two messages are compared unless they share a word that tells something; words in too many messages propose nobody, and
each message is known by its weightiest words only. So work and memory grow with the number of messages, not with its square.
A matter of so many messages that all its words are common is found in an even sample of those left over, and the others
join its middle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.preprocessing import normalize

_TOP_WORDS = 14  # words a message is compared by
_CAP = 600  # a word of more messages than this (or 3 % of all) does not propose neighbours
_BLOCK = 2000  # messages compared with all at a time
_SAMPLE, _SAMPLE_BLOCK = 3000, 500  # messages without a group that are compared by all their words
_ROUNDS = 3
_LEAST_WORDS = 0.16  # cosine: a shared place and the courtesies of letters are no shared matter
_TOWN = 0.3  # what sharing a town is worth beside sharing a village or a road
_ANY, _UNTOLD = -2, -1  # where a message is of: of no matter; not told
_SAME_PLACE = 0.35  # cosine of two groups at one place, however many name it, that are one matter told in two ways


@dataclass
class Clusters:
    """What became of the messages: their cluster (-1: none), how near they are to its middle, and the words."""

    label: NDArray[np.int64]
    nearness: NDArray[np.float64]
    centroids: sp.csr_matrix
    words: list[str]
    weights: sp.csr_matrix


@dataclass(frozen=True)
class Document:
    """A message as it is compared: words with weights, known places, whether it names any place at all, and the towns among its places.

    `within` is the district and the town it is of, where a place of it lies in several: None where it does not, "" where it is not told.
    """

    words: Sequence[tuple[str, float]]
    places: Sequence[str]
    placed: bool
    towns: Sequence[str] = ()
    within: tuple[str | None, str | None] = (None, None)


def cluster(documents: Sequence[Document], thresholds: Mapping[str, float]) -> Clusters:
    """Group messages about one matter at one place.

    Two that share a place are alike by half its rarity and half their words' cosine; two without any place by their words
    alone; two at different places never, and a place is never guessed: one without a place joins a group at one only by nearly
    the same words, and founds none with it.

    Args:
        documents: The messages.
        thresholds: `neighbour` to found a group, `member` to join one, `merge` for two groups to be one, `alone` for
            words without a place, `least` members.
    """
    counts, words = _count([d.words for d in documents])
    rows = len(documents)
    if rows == 0 or not words:
        return Clusters(np.full(rows, -1), np.zeros(rows), sp.csr_matrix((0, len(words))), words, counts)
    binary = counts.copy()
    binary.data = np.ones_like(binary.data)
    frequency = np.asarray(binary.sum(axis=0)).ravel()
    full = normalize(TfidfTransformer(norm=None).fit(binary).transform(counts)).tocsr()
    pruned = _pruned(full, frequency <= max(_CAP, 0.03 * rows), frequency >= 2)
    places, town = _places(documents)
    placed = np.array([d.placed for d in documents])
    space = _Space(full, places, placed, _within(documents), town, thresholds["alone"])
    label = _stars(_graph(space, pruned, thresholds["neighbour"]), space.untold(), int(thresholds["least"]))
    label = _common(space, label, thresholds["neighbour"], int(thresholds["least"]))
    nearness = np.zeros(rows)
    for _ in range(_ROUNDS):
        middle, label = space.middles(label)
        if not middle.words.shape[0]:
            break
        joined = _joined(middle, thresholds["merge"])
        if joined.max(initial=-1) + 1 < middle.words.shape[0]:
            middle, label = space.middles(np.where(label >= 0, joined[label], -1))
        label, nearness = space.nearest(middle, thresholds["member"])
        sizes = np.bincount(label[label >= 0], minlength=middle.words.shape[0])
        label = np.where((label >= 0) & (sizes[label] >= thresholds["least"]), label, -1)
    middle, label = space.middles(label)
    return Clusters(label, np.where(label >= 0, nearness, 0.0), middle.words, words, full)


@dataclass
class _Space:
    """Messages or middles of groups.

    Words (rows of length 1), places (entries: how rare), who names any place, the district and town each is of (numbers;
    _ANY: of no matter, _UNTOLD), and which of the places are towns.
    """

    words: sp.csr_matrix
    places: sp.csr_matrix
    placed: NDArray[np.bool_]
    within: NDArray[np.int64]
    town: NDArray[np.bool_]
    alone: float

    def of(self, rows: NDArray[np.int64]) -> _Space:
        """Some of the messages."""
        return replace(
            self, words=self.words[rows], places=self.places[rows], placed=self.placed[rows], within=self.within[rows]
        )

    def alike(
        self, rows: slice, other: _Space, words: sp.csr_matrix, turned: sp.csr_matrix, turned_places: sp.csr_matrix,
        *, mixed: bool,
    ) -> sp.csr_matrix:  # fmt: skip
        """How alike `rows` of this and all of the other are; `words` and `turned` stand for the two's words.

        `mixed` lets one without any place be like one with: right for joining a group, while in founding one it would
        bind together what lies at different places.
        """
        cosine = (words[rows] @ turned).tocoo()
        if not cosine.nnz:
            return sp.csr_matrix(cosine.shape)
        shared = (self.places[rows] @ turned_places).tocsr()
        here, there = self.placed[rows][cosine.row], other.placed[cosine.col]
        place = np.asarray(shared[cosine.row, cosine.col]).ravel()
        both = np.where(place > 0, 0.5 * np.minimum(place, 1) + 0.5 * cosine.data, 0.0)
        both = np.where(cosine.data < _LEAST_WORDS, 0.0, both)
        # Words alone: scaled so that `alone` counts as much as a place and a few words do.
        bare = np.where(
            ~here & ~there,
            cosine.data * (0.5 / self.alone),
            np.where((here ^ there) & mixed, cosine.data * (0.5 / (self.alone + 0.2)), 0.0),
        )
        one, two = self.within[rows][cosine.row], other.within[cosine.col]
        apart = ((one != two) & (one > _UNTOLD) & (two > _UNTOLD)).any(axis=1)
        data = np.where(apart, 0.0, np.where(place > 0, both, bare))
        return sp.csr_matrix((data, (cosine.row, cosine.col)), shape=(words[rows].shape[0], other.words.shape[0]))

    def middles(self, label: NDArray[np.int64]) -> tuple[_Space, NDArray[np.int64]]:
        """Middles of the groups, renumbered without gaps, and the labels renumbered alike."""
        members = np.flatnonzero(label >= 0)
        renumbered = np.full(label.size, -1, dtype=np.int64)
        if not members.size:
            return self.of(members), renumbered
        _, dense = np.unique(label[members], return_inverse=True)
        renumbered[members] = dense
        count = int(dense.max()) + 1
        sizes = np.bincount(dense, minlength=count)
        gather = sp.csr_matrix((np.ones(members.size), (dense, members)), shape=(count, label.size))
        words = _light_off(normalize(gather @ self.words).tocsr(), 0.04)
        # The place of a group is one that a third of it names.
        named = (gather @ (self.places > 0).astype(float)).tocsr()
        share = sp.diags(1 / sizes) @ named
        share = share.tocsr()
        share.data = np.where(share.data >= 1 / 3, 1.0, 0.0)
        share.eliminate_zeros()
        rarity = np.asarray(self.places.max(axis=0).todense()).ravel()
        places = (share @ sp.diags(rarity)).tocsr()
        placed = np.asarray(gather @ self.placed.astype(float)).ravel() >= sizes / 2
        within = np.stack([_mostly(dense, column, count) for column in self.within[members].T], axis=1)
        return replace(self, words=normalize(words).tocsr(), places=places, placed=placed, within=within), renumbered

    def nearest(self, middle: _Space, member: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """For each message the group it is most alike to (-1: none is enough), and how alike."""
        label = np.full(self.words.shape[0], -1, dtype=np.int64)
        nearness = np.zeros(self.words.shape[0])
        turned, turned_places = middle.words.T.tocsr(), middle.unit_places().T.tocsr()
        for begin in range(0, self.words.shape[0], _BLOCK):
            rows = slice(begin, begin + _BLOCK)
            likeness = self.alike(rows, middle, self.words, turned, turned_places, mixed=True)
            best = np.asarray(likeness.max(axis=1).todense()).ravel()
            which = np.asarray(likeness.argmax(axis=1)).ravel()
            near = best >= member
            label[rows] = np.where(near, which, -1)
            nearness[rows] = np.where(near, best, 0)
        return label, nearness

    def untold(self) -> NDArray[np.bool_]:
        """Which do not tell the district or town that had to be told."""
        found: NDArray[np.bool_] = np.any(self.within == _UNTOLD, axis=1)
        return found

    def unit_places(self) -> sp.csr_matrix:
        """Places without their rarity, so that a product with rarities is the rarity of what is shared."""
        return (self.places > 0).astype(float).tocsr()


def _places(documents: Sequence[Document]) -> tuple[sp.csr_matrix, NDArray[np.bool_]]:
    """Messages by places, and which of these are towns.

    Each entry is the place's rarity: near 1 for one that few name, less for a long road; for a town _TOWN, however many name it.
    """
    counts, names = _count([[(p, 1.0) for p in d.places] for d in documents])
    if not counts.nnz:
        return sp.csr_matrix((len(documents), 1)), np.zeros(1, dtype=np.bool_)
    towns = {town for d in documents for town in d.towns}
    town = np.array([name in towns for name in names])
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    rarity = np.where(town, _TOWN, 1 / (1 + frequency / (0.03 * len(documents) + 100)))
    counts.data = rarity[counts.indices]
    return counts, town


def _within(documents: Sequence[Document]) -> NDArray[np.int64]:
    """District and town of each message as numbers."""
    numbers: dict[str | None, int] = {None: _ANY, "": _UNTOLD}
    return np.array([[numbers.setdefault(name, len(numbers)) for name in d.within] for d in documents], dtype=np.int64)


def _mostly(group: NDArray[np.int64], value: NDArray[np.int64], groups: int) -> NDArray[np.int64]:
    """For each group the value that at least half of its messages that tell have, else _UNTOLD."""
    found = np.full(groups, _UNTOLD, dtype=np.int64)
    group, value = group[value > _UNTOLD], value[value > _UNTOLD]
    pairs, times = np.unique(np.stack([group, value], axis=1), axis=0, return_counts=True)
    most = times * 2 >= np.bincount(group, minlength=groups)[pairs[:, 0]]
    found[pairs[most, 0]] = pairs[most, 1]
    return found


def _graph(space: _Space, pruned: sp.csr_matrix, least: float, block: int = _BLOCK) -> sp.csr_matrix:
    """Messages alike enough, block by block; words by the pruned matrix, for what all have proposes nobody."""
    turned, turned_places = pruned.T.tocsr(), space.unit_places().T.tocsr()
    parts = []
    for begin in range(0, pruned.shape[0], block):
        likeness = space.alike(slice(begin, begin + block), space, pruned, turned, turned_places, mixed=False)
        parts.append(_light_off(likeness, least))
    return sp.vstack(parts).tocsr()


def _light_off(matrix: sp.csr_matrix, least: float) -> sp.csr_matrix:
    matrix.data[matrix.data < least] = 0
    matrix.eliminate_zeros()
    return matrix


def _count(documents: Sequence[Sequence[tuple[str, float]]]) -> tuple[sp.csr_matrix, list[str]]:
    number: dict[str, int] = {}
    indices: list[int] = []
    data: list[float] = []
    ends = [0]
    for document in documents:
        for word, weight in document:
            indices.append(number.setdefault(word, len(number)))
            data.append(weight)
        ends.append(len(indices))
    counts = sp.csr_matrix(
        (np.array(data), np.array(indices, dtype=np.int32), np.array(ends)), shape=(len(documents), len(number))
    )
    counts.sum_duplicates()
    # Said five times is not five times as much.
    counts.data = np.where(counts.data > 1, 1 + np.log(np.maximum(counts.data, 1)), counts.data)
    return counts, list(number)


def _pruned(full: sp.csr_matrix, common: NDArray[np.bool_], shared: NDArray[np.bool_]) -> sp.csr_matrix:
    """Each row's weightiest words among those that tell something, the row's length left as it was."""
    keep = (common & shared)[full.indices]
    row = np.repeat(np.arange(full.shape[0]), np.diff(full.indptr))
    order = np.lexsort((-full.data, ~keep, row))
    place = np.arange(order.size) - full.indptr[row[order]]
    chosen = order[(place < _TOP_WORDS) & keep[order]]
    return sp.csr_matrix((full.data[chosen], (row[chosen], full.indices[chosen])), shape=full.shape)


def _stars(graph: sp.csr_matrix, last: NDArray[np.bool_], least: int) -> NDArray[np.int64]:
    """The message with the most and nearest free neighbours takes them, then the next one, until none has enough.

    Those of `last` only when all others had their turn: one that does not tell its town would take those of two.
    """
    rows = graph.shape[0]
    label = np.full(rows, -1, dtype=np.int64)
    strength = np.asarray(graph.sum(axis=1)).ravel()
    degree = np.diff(graph.indptr)
    number = 0
    for centre in np.lexsort((np.arange(rows), -strength, last)):
        if degree[centre] < least:
            continue
        if label[centre] >= 0:
            continue
        near = graph.indices[graph.indptr[centre] : graph.indptr[centre + 1]]
        free = near[label[near] < 0]
        if free.size >= least:
            label[free] = number
            number += 1
    return label


def _common(space: _Space, label: NDArray[np.int64], least: float, members: int) -> NDArray[np.int64]:
    """Found the groups whose words are all too common to propose anybody: one of hundreds shows in a sample."""
    rest = np.flatnonzero(label < 0)
    chosen = rest[:: -(-rest.size // _SAMPLE) or 1]
    if not chosen.size:
        return label
    sample = space.of(chosen)
    found = _stars(_graph(sample, sample.words, least, _SAMPLE_BLOCK), sample.untold(), members)
    label[chosen] = np.where(found >= 0, label.max() + 1 + found, -1)
    return label


def _joined(middle: _Space, merge: float) -> NDArray[np.int64]:
    """Groups whose middles are alike under one number."""
    near = _graph(middle, middle.words, merge)
    sited = replace(middle, places=middle.unit_places() @ sp.diags((~middle.town).astype(float)), alone=np.inf)
    near = near + _graph(sited, sited.words, 0.5 + 0.5 * _SAME_PLACE)
    _, label = connected_components(near, directed=False)
    return np.asarray(label, dtype=np.int64)
