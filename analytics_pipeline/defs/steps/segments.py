"""Step *segments*: which sealed segments a day has, and whether all of them can be opened."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from analytics_pipeline.core.errors import InvalidInput, StoreError
from analytics_pipeline.defs.day_range import MAX_DAYS
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import (
    Segment,
    list_segments,
    require_events,
    wrapped_data_key,
)


def load_segments(stores: Stores, days: Iterable[date]) -> dict[date, list[Segment]]:
    """The segments of each day, in the order they were sealed.

    A day without segments is a day without views; it is released like any other, so that the
    chain has no gap and silence is not told apart from suppression.

    Raises:
        EventsExpired: a day's events were destroyed; nothing of any day was changed.
        InvalidInput: more days than go into one transaction.
    """
    days = list(days)
    if len(days) > MAX_DAYS:
        raise InvalidInput("days", f"a run publishes at most {MAX_DAYS} days as one batch")
    for day in days:
        require_events(stores.catalogue, stores.platform, day)
    return {day: list_segments(stores.catalogue, stores.platform, day) for day in days}


def find_problems(stores: Stores, segments: Sequence[Segment]) -> list[str]:
    """What keeps segments from being opened; says ids and CIDs, nothing of their content."""
    problems = []
    for segment in segments:
        try:
            wrapped = wrapped_data_key(stores.catalogue, segment.segment_id)
            stores.keyring.unwrap(segment.platform, segment.day, *wrapped)
            if not stores.content.has(segment.cid):
                problems.append(f"{segment.segment_id}: content {segment.cid} is missing")
        except StoreError as error:
            problems.append(f"{segment.segment_id}: {type(error).__name__}: {error}")
    return problems


def describe(segments: Sequence[Segment]) -> Mapping[str, Any]:
    """What may be shown of a day's segments."""
    return {
        "segments": len(segments),
        "bytes": sum(segment.size_bytes for segment in segments),
        "accepted_events": sum(segment.counts["accepted"] for segment in segments),
        "late_events": sum(segment.counts["late"] for segment in segments),
        "cids": [segment.cid for segment in segments[:20]],
    }
