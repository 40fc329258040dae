"""Step *manifest*: everything a release of a day depends on, named by one digest."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import polars as pl

from analytics_pipeline.core import canonical
from analytics_pipeline.core.errors import InvalidInput, PolicyConflict, ReleaseConflict
from analytics_pipeline.core.listing import ListedVideo, Listing, build_listing
from analytics_pipeline.core.manifest import (
    Manifest,
    ManifestSegment,
    build_manifest,
    counts_commitment,
)
from analytics_pipeline.core.policy import DEFAULT_POLICY, Policy
from analytics_pipeline.core.sampler import figure_names
from analytics_pipeline.core.tally import TallyRow, build_tally, inputs_digest
from analytics_pipeline.defs.steps.events import load_intake
from analytics_pipeline.defs.steps.tally_rules import find_broken_identities
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import (
    Segment,
    find_segment,
    list_releases,
    list_videos,
)
from analytics_pipeline.storage.warehouse import load_mart, open_warehouse

POLICY: Policy = DEFAULT_POLICY


@dataclass(frozen=True, eq=False)
class DayInputs:
    """A day's manifest, its exact tally and the contributions it sums (private), under the policy
    in force; and the public listing as it is now."""

    day: date
    manifest: Manifest
    policy: Policy
    rows: tuple[tuple[str, str, str, int], ...] = field(repr=False)
    contributions: pl.DataFrame = field(repr=False)
    listing: Listing = field(repr=False)

    @property
    def key(self) -> str:
        """The partition key."""
        return self.day.isoformat()

    @property
    def tally(self) -> list[TallyRow]:
        """The checked tally. Raises InvalidInput."""
        return build_tally(self.rows, self.policy)

    @cached_property
    def digest(self) -> str:
        """Private name of the inputs. Rows without anything in them are left out: a video listed
        later, which nobody can have watched that day, is no reason for another release."""
        something = [row for row in self.tally if row.value]
        figures = inputs_digest(self.manifest.root, self.policy.policy_hash, something)
        return hashlib.sha256(figures + contributions_digest(self.contributions)).hexdigest()

    def tally_of(self, listing: Listing) -> list[TallyRow]:
        """The tally with the rows of a listing that was pinned earlier: its videos and creators and
        no others. Raises ReleaseConflict if one that it lacks was watched."""
        left = {(row.scope, row.key, row.metric): row.value for row in self.tally if row.value}
        rows = [
            TallyRow(*name, left.pop(name, 0))
            for query in self.policy.queries
            for name in figure_names(query, self.policy, listing)
        ]
        if left:
            raise ReleaseConflict(f"{self.day}: a video or creator is not in the listing pinned")
        return build_tally(rows, self.policy)


def contributions_digest(contributions: pl.DataFrame) -> bytes:
    """SHA-256 over the rows in order; private."""
    names = sorted(contributions.columns)
    digest = hashlib.sha256(repr(names).encode())
    for row in contributions.select(names).sort(names).iter_rows():
        digest.update(repr(row).encode())
    return digest.digest()


def load_inputs(stores: Stores, days: Iterable[date]) -> list[DayInputs]:
    """Read manifest, tally and contributions of each day.

    Raises:
        PolicyConflict: a day was planned under another policy before; nothing was changed.
        ContentUnavailable, StoreError: the day's events or models were not built yet.
    """
    days = list(days)
    for day in days:
        require_policy(stores, day, POLICY)
    listing = load_listing(stores)
    manifests = [load_manifest(stores, day) for day in days]
    inputs = []
    path, key = stores.settings.warehouse_path, stores.warehouse_key
    with open_warehouse(path, key, read_only=True) as warehouse:
        for manifest in manifests:
            frame = load_mart(warehouse, "tally", stores.platform, manifest.day)
            rows = tuple(frame.select("scope", "key", "metric", "value").iter_rows())
            contributions = load_mart(warehouse, "contributions", stores.platform, manifest.day)
            inputs.append(DayInputs(manifest.day, manifest, POLICY, rows, contributions, listing))
    return inputs


def load_listing(stores: Stores) -> Listing:
    """The public videos and creators as they are listed now."""
    videos = list_videos(stores.catalogue, stores.platform)
    return build_listing(ListedVideo(video.creator_id, video.video_id) for video in videos)


def require_policy(stores: Stores, day: date, policy: Policy) -> None:
    """Check that earlier revisions of the day, withheld ones too, promise this very policy: a
    verifier demands one policy of all commits of a day.

    Raises:
        PolicyConflict: naming the revision.
    """
    for earlier in list_releases(stores.catalogue, stores.platform, day):
        if earlier.policy_json is None:
            continue
        promised = hashlib.sha256(earlier.policy_json).digest()
        if promised != policy.policy_hash:
            raise PolicyConflict(
                f"{day}: revision {earlier.revision} was planned under policy "
                f"{canonical.hash_text(promised)}, in force is "
                f"{canonical.hash_text(policy.policy_hash)}; a day keeps its policy, so leave it "
                "as it is, or correct it with the version of this software that released it"
            )


def load_manifest(stores: Stores, day: date) -> Manifest:
    """The manifest of exactly the segments whose events were loaded."""
    found = [find_segment(stores.catalogue, i) for i in load_intake(stores, day).segment_ids]
    return build_manifest(stores.platform, day, map(_manifest_segment, found))


def _manifest_segment(segment: Segment) -> ManifestSegment:
    return ManifestSegment(
        segment_id=segment.segment_id,
        cid=segment.cid,
        size_bytes=segment.size_bytes,
        key_commitment=canonical.parse_hash(segment.key_commitment, "key_commitment"),
        wrapping_key_id=segment.wrapping_key_id,
        counts_commitment=counts_commitment(segment.counts, segment.counts_salt),
    )


def find_tally_problems(inputs: Sequence[DayInputs]) -> list[str]:
    """Days whose tally breaks its format, the public lists or an accounting identity."""
    problems = []
    for day_inputs in inputs:
        try:
            tally = day_inputs.tally
        except InvalidInput as error:
            problems.append(f"{day_inputs.day}: {error}")
            continue
        found = {(row.scope, row.key) for row in tally if row.scope in ("video", "creator")}
        listed = {("video", video_id) for video_id in day_inputs.listing.video_ids}
        listed |= {("creator", creator_id) for creator_id in day_inputs.listing.creator_ids}
        if found != listed:
            problems.append(f"{day_inputs.day}: keys are not those of the public video list")
        broken = find_broken_identities(tally, day_inputs.policy.bounds)
        problems += [f"{day_inputs.day}: {rule}" for rule in broken]
    return problems


def describe(inputs: DayInputs) -> Mapping[str, Any]:
    """What may be shown: the manifest will be public, the tally and its digest will not."""
    return {
        "manifest_root": canonical.hash_text(inputs.manifest.root),
        "policy_hash": canonical.hash_text(inputs.policy.policy_hash),
        "segments": len(inputs.manifest.segments),
        "bytes": sum(segment.size_bytes for segment in inputs.manifest.segments),
        "dagster/row_count": len(inputs.rows),
    }
