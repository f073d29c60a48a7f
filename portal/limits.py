"""How often somebody may ask: a sliding window per key, in this process's memory."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque

_MOST_KEYS = 20_000


class Limiter:
    """Counts what came in the last seconds."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def allows(self, key: str, most: int, seconds: float) -> bool:
        """Whether one more is within `most` in `seconds`; if so it is counted."""
        now = time.monotonic()
        with self._lock:
            if len(self._seen) > _MOST_KEYS:
                self._seen.clear()
            times = self._seen[key]
            while times and times[0] <= now - seconds:
                times.popleft()
            if len(times) >= most:
                return False
            times.append(now)
            return True
