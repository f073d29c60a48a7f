"""How many requests came, how they ended and how long they took, as Prometheus reads it."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterator, MutableMapping
from typing import Any

_BOUNDS = (0.05, 0.1, 0.3, 1.0, 3.0, 10.0)  # seconds


class Meter:
    """Counts in this process since it began."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended: dict[tuple[str, int], int] = {}
        self._buckets = [0] * (len(_BOUNDS) + 1)
        self._seconds = 0.0

    def count(self, scope: MutableMapping[str, Any], status: int, seconds: float) -> None:
        """One more request; `status` 0 when the client left before an answer."""
        kind = (
            "static" if scope["path"].startswith("/static/") else "api" if scope["path"].startswith("/api/") else "page"
        )
        with self._lock:
            key = kind, status // 100
            self._ended[key] = self._ended.get(key, 0) + 1
            if kind != "static" and scope["path"] != "/events":  # a live stream lasts as long as its page
                self._buckets[bisect_left(_BOUNDS, seconds)] += 1
                self._seconds += seconds

    def lines(self) -> Iterator[str]:
        """The figures, one a line."""
        with self._lock:
            ended, buckets, seconds = dict(self._ended), list(self._buckets), self._seconds
        yield "# HELP hub_requests_total Requests answered, by kind and class of status."
        yield "# TYPE hub_requests_total counter"
        for (kind, status), n in sorted(ended.items()):
            yield f'hub_requests_total{{kind="{kind}",status="{status}xx"}} {n}'
        yield "# HELP hub_request_seconds Time to answer pages and API calls."
        yield "# TYPE hub_request_seconds histogram"
        total = 0
        for bound, n in zip((*map(str, _BOUNDS), "+Inf"), buckets, strict=True):
            total += n
            yield f'hub_request_seconds_bucket{{le="{bound}"}} {total}'
        yield f"hub_request_seconds_sum {seconds:.3f}"
        yield f"hub_request_seconds_count {total}"
