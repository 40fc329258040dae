"""One sealing round, from the queue to the catalogue.

Belongs here: the order of steps that makes a kill harmless. Does not belong here: what makes an
event acceptable (`opening`), when rounds run (`worker`).
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import polars as pl

from analytics_pipeline.core.day import MS_PER_DAY, day_number, day_of_ms
from analytics_pipeline.sealer.opening import Fates, OpenedEvents, open_batches
from analytics_pipeline.storage.catalogue import (
    Catalogue,
    Counts,
    Segment,
    already_sealed,
    erased_days,
    record_round,
)
from analytics_pipeline.storage.event_columns import EVENT_COLUMNS
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.queue import DurableQueue, QueuedBatch
from analytics_pipeline.storage.segments import (
    PendingSegment,
    SegmentStore,
    pin_segments,
    seal_frame,
)

MAX_BATCHES: Final = 20_000
#: of sealed batches held in memory; opened and validated they need about fifteen times as much
MAX_BYTES: Final = 16 * 2**20
MAX_ROWS_PER_SEGMENT: Final = 500_000


@dataclass(frozen=True)
class SealerStores:
    """Everything a round works on."""

    queue: DurableQueue
    keyring: Keyring
    content: SegmentStore
    catalogue: Catalogue


@dataclass(frozen=True)
class RoundResult:
    """What one round did. ``batches`` were taken off the queue, ``replayed`` of them had been
    sealed by an earlier round that was cut short before it could delete them."""

    batches: int = 0
    replayed: int = 0
    segments: list[Segment] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    seconds: float = 0.0

    def __str__(self) -> str:
        counts = self.counts
        refused = ", ".join(f"{reason} {n}" for reason, n in sorted(counts.rejected.items()))
        return (
            f"{self.batches} batches, {counts.received} events: {counts.accepted} accepted "
            f"({counts.late} late), {counts.duplicate} duplicate, "
            f"{counts.rejected.total()} rejected{f' ({refused})' if refused else ''}; "
            f"{len(self.segments)} segments in {self.seconds:.2f} s"
        )


def run_round(
    stores: SealerStores, *, max_batches: int = MAX_BATCHES, max_bytes: int = MAX_BYTES
) -> RoundResult:
    """Seal what waits at the head of the queue, up to the limits.

    Raises:
        StoreError: a store failed; nothing was lost, and the next round starts over.
    """
    started = time.monotonic()
    batches = stores.queue.peek(max_batches, max_bytes)
    if not batches:
        return RoundResult()
    # After peeking: whoever made a key wrote it down before a batch could be sealed to it.
    stores.keyring.reload()
    fresh = _not_yet_sealed(stores.catalogue, batches)
    sealed_at_ms = time.time_ns() // 1_000_000
    opened = open_batches(fresh, stores.keyring.open_batch)
    frame = _refuse_erased(stores.catalogue, opened)
    pending = list(_seal(frame, opened.fates, stores.keyring, sealed_at_ms))
    pin_segments(stores.catalogue, stores.content, pending)
    by_platform: defaultdict[str, list[str]] = defaultdict(list)
    for batch in fresh:
        by_platform[batch.project].append(batch.batch_id)
    segments = []
    if fresh:
        segments = record_round(
            stores.catalogue,
            new_segments=[each.new for each in pending],
            batches=by_platform,
            counts=opened.fates,
            sealed_at_ms=sealed_at_ms,
        )
    stores.queue.delete([batch.id for batch in batches])
    return RoundResult(
        batches=len(batches),
        replayed=len(batches) - len(fresh),
        segments=segments,
        counts=sum_counts(opened.fates, segments),
        seconds=time.monotonic() - started,
    )


def _not_yet_sealed(catalogue: Catalogue, batches: list[QueuedBatch]) -> list[QueuedBatch]:
    """Leave out what an earlier round has recorded, and repetitions within this one."""
    ids: defaultdict[str, list[str]] = defaultdict(list)
    for batch in batches:
        ids[batch.project].append(batch.batch_id)
    known = {
        (project, batch_id)
        for project, batch_ids in ids.items()
        for batch_id in already_sealed(catalogue, project, batch_ids)
    }
    fresh = []
    for batch in batches:
        if (batch.project, batch.batch_id) not in known:
            known.add((batch.project, batch.batch_id))
            fresh.append(batch)
    return fresh


def _refuse_erased(catalogue: Catalogue, opened: OpenedEvents) -> pl.DataFrame:
    """Leave out events of erased days: sealing them would make the day readable again."""
    frame = opened.frame
    for platform, day in erased_days(catalogue, opened.fates):
        fate = opened.fates[platform, day]
        if fate.accepted:
            fate.rejected["day_erased"] += fate.accepted
            fate.accepted = 0
            of_day = pl.col("day_number") == day_number(day)
            frame = frame.filter(~((pl.col("platform") == platform) & of_day))
    return frame


def _seal(
    frame: pl.DataFrame, fates: Fates, keyring: Keyring, sealed_at_ms: int
) -> Iterator[PendingSegment]:
    """One segment per (platform, day), more only above the row limit. The first of a day carries
    what became of the day's other events."""
    groups = frame.partition_by("platform", "day_number", as_dict=True, maintain_order=True)
    for (platform, number), events in groups.items():
        day = day_of_ms(number * MS_PER_DAY)
        for start in range(0, events.height, MAX_ROWS_PER_SEGMENT):
            part = events.slice(start, MAX_ROWS_PER_SEGMENT)
            fate = fates[platform, day] if start == 0 else Counts()
            yield seal_frame(
                part.select(*EVENT_COLUMNS),
                keyring,
                platform=platform,
                day=day,
                batch_ids=part["batch_id"].unique().to_list(),
                counts=Counts(part.height, fate.duplicate, 0, Counter(fate.rejected)),
                sealed_at_ms=sealed_at_ms,
            )


def sum_counts(fates: dict[tuple[str, date], Counts], segments: list[Segment]) -> Counts:
    """A round's counts over all days; ``late`` is known only once the round is recorded."""
    total = Counts(late=sum(segment.counts["late"] for segment in segments))
    for fate in fates.values():
        total.accepted += fate.accepted
        total.duplicate += fate.duplicate
        total.rejected.update(fate.rejected)
    return total
