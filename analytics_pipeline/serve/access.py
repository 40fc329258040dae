"""Who may read what, and how often: read keys, grants, rates.

Belongs here: decisions about one request, on a key file that is read again when it changes. Does
not belong here: the file's format (`storage.read_keys`). Addresses live no longer than `caller`
runs: what is kept of one is a hash under a random key of this process.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self

from analytics_pipeline.serve.problems import NOT_GRANTED, RATE_LIMITED, UNKNOWN_READ_KEY
from analytics_pipeline.storage.key_file import find_key
from analytics_pipeline.storage.read_keys import (
    CREATOR_PREFIX,
    OPERATOR,
    ReadKey,
    load_read_keys,
)
from analytics_pipeline.web.addresses import TrustedProxies, site_bytes
from analytics_pipeline.web.http import sent_key
from analytics_pipeline.web.limits import TokenBuckets
from analytics_pipeline.web.problem import Problem
from analytics_pipeline.web.watched import Watched

AccessMode = Literal["open", "keys"]
#: A key may ask so many times as often as an address.
KEY_RATE_FACTOR: Final = 10


@dataclass(frozen=True)
class Grant:
    """What a caller may see.

    Args:
        key_id: of the read key; None: nobody in particular.
        operator: also the exact counts of operations.
        creator_id: only figures of this creator and its videos; None: all.
    """

    key_id: str | None = None
    operator: bool = False
    creator_id: str | None = None

    @classmethod
    def of(cls, key: ReadKey) -> Self:
        """The grant of a stored key."""
        creator = key.grant.removeprefix(CREATOR_PREFIX)
        limited = key.grant.startswith(CREATOR_PREFIX)
        return cls(key.key_id, key.grant == OPERATOR, creator if limited else None)

    def require_platform(self) -> None:
        """Raises Problem (403) if the caller may see one creator's figures only."""
        if self.creator_id is not None:
            raise Problem(NOT_GRANTED, "the key covers one creator's figures, not the platform's")

    def covers(self, creator_id: str | None) -> bool:
        """Whether the caller may see figures of that creator (None: of no creator)."""
        return self.creator_id in (None, creator_id)

    def require_creator(self, creator_id: str | None) -> None:
        """Raises Problem (403) unless figures of that creator (None: of no creator) are covered."""
        if not self.covers(creator_id):
            raise Problem(NOT_GRANTED, "the key covers another creator's figures")

    def require_operator(self) -> None:
        """Raises Problem (401, 403) unless the key is an operator's."""
        if self.key_id is None:
            raise Problem(UNKNOWN_READ_KEY, "an operator's key is needed here")
        if not self.operator:
            raise Problem(NOT_GRANTED, "the key is no operator's")


ANYBODY: Final = Grant()


class Access:
    """The access rules of a deployment. `now_seconds` is always a monotonic clock."""

    def __init__(
        self,
        keys_path: Path,
        mode: AccessMode,
        rate_per_second: int,
        trusted_proxies: Sequence[str] = (),
    ) -> None:
        """Raises KeyUnavailable if the key file is malformed."""
        self.mode: Final = mode
        self._keys = Watched(keys_path, lambda: load_read_keys(keys_path))
        self._anonymous = TokenBuckets(rate_per_second)
        self._keyed = TokenBuckets(rate_per_second * KEY_RATE_FACTOR)
        self._proxies = TrustedProxies(trusted_proxies)
        self._salt = secrets.token_bytes(32)
        load_read_keys(keys_path)

    def caller(self, headers: dict[bytes, bytes], peer: str, now_seconds: float) -> Grant:
        """What the sender of a request may see, with one token of its rate taken.

        Args:
            peer: the address the connection came from.
        Raises:
            Problem: 401 or 429.
        """
        secret = sent_key(headers)
        if secret:
            key = find_key(self._keys.get(now_seconds), secret)
            if key is None:  # or made just now
                key = find_key(self._keys.get(now_seconds, at_once=True), secret)
            if key is None:
                self._take(self._anonymous, self._pseudonym(headers, peer), now_seconds)
                raise Problem(UNKNOWN_READ_KEY, "no such key")
            self._take(self._keyed, key.sha256, now_seconds)
            return Grant.of(key)
        self._take(self._anonymous, self._pseudonym(headers, peer), now_seconds)
        if self.mode == "keys":
            raise Problem(UNKNOWN_READ_KEY, "this platform's figures are read with a key")
        return ANYBODY

    def _pseudonym(self, headers: dict[bytes, bytes], peer: str) -> str:
        try:
            address = self._proxies.client_address(peer, headers.get(b"x-forwarded-for"))
        except ValueError:  # a socket without an address, or a test's client
            return ""
        return hashlib.blake2b(site_bytes(address), key=self._salt, digest_size=16).hexdigest()

    def _take(self, buckets: TokenBuckets, key: str, now_seconds: float) -> None:
        wait_seconds = buckets.take(key, now_seconds)
        if wait_seconds:
            raise Problem(RATE_LIMITED, "more than one second's worth", None, wait_seconds)
