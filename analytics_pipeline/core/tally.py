"""The tally: exact, private, bounded sums; what a release sees of a day (spec/kpis.md).

Belongs here: the row, the rules a whole tally obeys, and its digest. Nothing here is published,
the digest included: exact counts can be guessed from it.
"""

import hashlib
import re
from collections.abc import Iterable
from itertools import groupby
from typing import Final, NamedTuple

from analytics_pipeline.core import canonical
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.policy import Policy

#: Keeps a noised value (noise is below 2³⁰) inside the 2⁵³ of JSON.
MAX_TALLY_VALUE: Final = 2**52
#: What a video_id or creator_id looks like.
IDENTIFIER: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class TallyRow(NamedTuple):
    """One exact integer. ``key`` is a video_id, a creator_id, a country, a storage provider, or
    empty (platform)."""

    scope: str
    key: str
    metric: str
    value: int


def check_keys(rows: Iterable[tuple[str, str, str]], policy: Policy) -> None:
    """Check that (scope, key, metric) triples are in order, distinct, well-formed and complete.

    Complete: the platform's row of each metric; every region and provider of the policy; for every
    creator and video all metrics of the scope. (Which creators and videos exist is the catalogue's
    matter.)

    Raises:
        InvalidInput: ``field`` is ``rows[i]``, or ``rows`` for what is missing altogether.
    """
    ordered = list(rows)
    for position in range(1, len(ordered)):
        if ordered[position - 1] >= ordered[position]:
            word = "repeats" if ordered[position - 1] == ordered[position] else "stands before"
            raise InvalidInput(f"rows[{position}]", f"{word} the row above it in the order")
    scopes = ("creator", "platform", "provider", "region", "video")
    keys: dict[str, list[str]] = {scope: [] for scope in scopes}
    position = 0
    for (scope, key), group in groupby(ordered, key=lambda row: row[:2]):
        metrics = tuple(row[2] for row in group)
        if scope not in keys:
            raise InvalidInput(f"rows[{position}].scope", f"{scope!r} is not a scope")
        if scope in ("creator", "video") and not IDENTIFIER.fullmatch(key):
            raise InvalidInput(f"rows[{position}].key", f"{key!r} is not an identifier")
        if metrics != policy.metrics_of(scope):
            odd = sorted(set(metrics) ^ set(policy.metrics_of(scope)))
            problem = f"{scope} {key!r} lacks a metric or has one too many: {', '.join(odd)}"
            raise InvalidInput(f"rows[{position}]", problem)
        keys[scope].append(key)
        position += len(metrics)
    if keys["platform"] != [""]:
        raise InvalidInput("rows", "must have the platform's metrics once, under the empty key")
    for scope, fixed in (("region", policy.regions), ("provider", policy.providers)):
        if tuple(keys[scope]) != fixed:
            odd = sorted(set(keys[scope]) ^ set(fixed))
            raise InvalidInput(
                "rows", f"must have the policy's {scope}s, differ in {', '.join(odd)}"
            )


def build_tally(rows: Iterable[tuple[str, str, str, int]], policy: Policy) -> list[TallyRow]:
    """Sort rows and check them. Raises InvalidInput; messages name keys, never values."""
    tally = [TallyRow(*row) for row in rows]
    for position, row in enumerate(tally):
        names: tuple[object, ...] = row[:3]
        if not all(isinstance(name, str) for name in names):
            raise InvalidInput(f"rows[{position}]", "scope, key and metric must be text")
        value: object = row.value
        if type(value) is not int or not 0 <= value <= MAX_TALLY_VALUE:
            raise InvalidInput(f"rows[{position}].value", f"must be an integer in 0..{2**52}")
    tally.sort()
    check_keys((row[:3] for row in tally), policy)
    return tally


def tally_digest(tally: list[TallyRow]) -> bytes:
    """SHA-256 over the canonical rows; private."""
    return hashlib.sha256(canonical.encode([list(row) for row in tally])).digest()


def inputs_digest(manifest_root: bytes, policy_hash: bytes, tally: list[TallyRow]) -> bytes:
    """Names everything a release depends on: unchanged inputs, unchanged release. Private."""
    names = {
        "manifest_root": canonical.hash_text(manifest_root),
        "policy_hash": canonical.hash_text(policy_hash),
        "tally_digest": canonical.hash_text(tally_digest(tally)),
    }
    return hashlib.sha256(canonical.encode(names)).digest()
