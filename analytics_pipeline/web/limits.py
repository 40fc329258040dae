"""Rate limits: token buckets, one per API key or per viewer. Pure; the clock is passed in."""

import math
from typing import Final

#: After so long without a request a bucket is full again: a new one would say the same.
_FULL_AFTER_SECONDS: Final = 1.0


class TokenBuckets:
    """Buckets of one second's worth of requests, refilled continuously. Keys may be derived from
    addresses, so full buckets are forgotten: once a second, as long as requests come.
    """

    def __init__(self, rate_per_second: int) -> None:
        self._rate = rate_per_second
        self._buckets: dict[str, tuple[float, float]] = {}
        self._pruned_at_seconds = -math.inf

    def take(self, key: str, now_seconds: float) -> int:
        """Take one token of `key`.

        Args:
            now_seconds: a monotonic clock.
        Returns:
            0 if there was one, else the whole seconds until there will be.
        """
        if now_seconds - self._pruned_at_seconds >= _FULL_AFTER_SECONDS:
            self._buckets = {
                name: bucket
                for name, bucket in self._buckets.items()
                if now_seconds - bucket[1] < _FULL_AFTER_SECONDS
            }
            self._pruned_at_seconds = now_seconds
        tokens, since = self._buckets.get(key, (float(self._rate), now_seconds))
        tokens = min(float(self._rate), tokens + max(0.0, now_seconds - since) * self._rate)
        if tokens < 1:
            self._buckets[key] = (tokens, now_seconds)
            return max(1, math.ceil((1 - tokens) / self._rate))
        self._buckets[key] = (tokens - 1, now_seconds)
        return 0
