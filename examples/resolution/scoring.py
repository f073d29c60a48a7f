"""How good an answer is: pairs of records that are truly one, and pairs said to be one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping


def scores(truth: Mapping[Hashable, Hashable], answer: Mapping[Hashable, Hashable]) -> tuple[float, float, float]:
    """Precision, recall and F1 over pairs of records; both map a record to its group."""
    both = _pairs((truth[record], answer[record]) for record in truth)
    said, true = _pairs(answer[record] for record in truth), _pairs(truth.values())
    precision, recall = both / said if said else 1.0, both / true if true else 1.0
    return precision, recall, 2 * precision * recall / (precision + recall) if both else 0.0


def _pairs(groups: Iterable[Hashable]) -> int:
    return sum(n * (n - 1) // 2 for n in Counter(groups).values())
