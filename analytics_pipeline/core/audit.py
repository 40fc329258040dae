"""The audit of one release: sealed segments in, the published bytes out again; or a named error.

    0  bundle         the published day verifies (`core.verify`, all of its checks)
    1  seed           the seed handed over opens the seed commitment of the record
    2  segments       every segment of the manifest was handed over; it is the manifest's object,
                      under its key commitment, and opens with the data key to events of the day
    3  events         the counts handed over open the manifest's counts commitments, and every
                      segment holds as many events as its count says
    4  contributions  the listing is the published one; the models, run again over the distinct
                      events, give contributions within the policy's bounds
    5  tally root     these contributions have the tally root committed to before the beacon
    6  report         their sums, with the noise of seed and nonce, are report.json byte for byte

The code of `defs.audit` follows these numbers. Belongs here: what is compared with what. I/O left
out: verifying the bundle, fetching and decrypting segments, running the models. Nothing raised here
says an exact figure. What an audit cannot show: docs/audit.md.
"""

import datetime
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from analytics_pipeline.core.audit_errors import (
    AuditFailed,
    CountsDiffer,
    GrantIncomplete,
    ListingDiffers,
    ReportDiffers,
    SeedDiffers,
    SegmentDiffers,
    TallyDiffers,
)
from analytics_pipeline.core.audit_grant import Grant, GrantedSegment
from analytics_pipeline.core.bundle import BUNDLE_DIRECTORY, CHAIN_FILE, parse_bundle_info
from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.checks.history import find_release
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.field import to_bytes32
from analytics_pipeline.core.listing import Listing, build_listing, parse_listing
from analytics_pipeline.core.manifest import (
    Manifest,
    ManifestSegment,
    counts_commitment,
    parse_manifest,
)
from analytics_pipeline.core.policy import Policy, parse_policy
from analytics_pipeline.core.proof_document import parse_proof_document
from analytics_pipeline.core.record import CommitRecord, ReleaseRecord, parse_evidence
from analytics_pipeline.core.report import ReportHeader, parse_report
from analytics_pipeline.core.statement import Place, nonce
from analytics_pipeline.core.unixfs import cid_of_bytes
from analytics_pipeline.core.verify_errors import CheckResult, CheckState

STEP_NAMES: Final = (
    "bundle verified",
    "seed opens its commitment",
    "segments opened",
    "events counted",
    "contributions recomputed",
    "tally root",
    "report bytes",
)


@dataclass(frozen=True)
class PublishedRelease:
    """What a verified bundle says, as far as an audit compares with it."""

    platform: str
    day: datetime.date
    revision: int
    commit: CommitRecord
    release: ReleaseRecord
    manifest: Manifest
    policy: Policy
    listing: Listing
    header: ReportHeader
    #: report.json
    report: bytes = field(repr=False)
    #: name of the shape the day was proved in: what the tally root was padded to
    shape: str
    nonce: int

    @property
    def name(self) -> str:
        return f"{self.platform} {self.day} revision {self.revision}"


def parse_release(files: Mapping[str, bytes]) -> PublishedRelease:
    """The files of a folder that `core.verify` has accepted. Raises InvalidInput for others."""
    bundle = {name.removeprefix(f"{BUNDLE_DIRECTORY}/"): data for name, data in files.items()}
    evidence = parse_evidence(files[CHAIN_FILE])
    info = parse_bundle_info(bundle["bundle.json"])
    commit, release = find_release(evidence, info.day, info.revision, newest=False)
    place = Place(evidence.chain_id, evidence.registry, evidence.platform)
    return PublishedRelease(
        platform=info.platform,
        day=info.day,
        revision=info.revision,
        commit=commit,
        release=release,
        manifest=parse_manifest(bundle["manifest.json"]),
        policy=parse_policy(bundle["policy.json"]),
        listing=parse_listing(bundle["catalogue.json"]),
        header=parse_report(bundle["report.json"]).header,
        report=bundle["report.json"],
        shape=parse_proof_document(bundle["proof.json"]).main.shape,
        nonce=nonce(place, commit, release.beacon_block, release.beacon),
    )


class Steps:
    """Collects results; a step that raises AuditFailed is added as failed and ends the audit."""

    def __init__(self) -> None:
        self.results: list[CheckResult] = []

    @contextmanager
    def step(self, number: int) -> Iterator[list[str]]:
        """Run one step; what it has seen is appended to the list."""
        seen: list[str] = []
        try:
            yield seen
        except AuditFailed as failure:
            self.add(number, CheckState.FAILED, f"{failure.name}: {failure}")
            failure.number, failure.results = number, self.results
            raise
        self.add(number, CheckState.PASSED, "; ".join(seen))

    def add(self, number: int, state: CheckState, detail: str) -> None:
        self.results.append(CheckResult(number, STEP_NAMES[number], state, detail))


def require_grant_of(published: PublishedRelease, grant: Grant) -> None:
    """Raises InvalidInput if the grant is of another release: the asker mixed two up."""
    ours = (published.platform, published.day, published.revision)
    if (grant.platform, grant.day, grant.revision) != ours:
        theirs = f"{grant.platform} {grant.day} revision {grant.revision}"
        raise InvalidInput("grant", f"is of {theirs}, published is {published.name}")


def verify_seed(published: PublishedRelease, grant: Grant) -> None:
    """Step 1. Raises SeedDiffers."""
    committed, found = published.commit.seed_commitment, to_bytes32(grant.seed.commitment)
    if found != committed:
        raise SeedDiffers(f"seed commitment {hash_text(committed)}", hash_text(found))


def match_segments(
    published: PublishedRelease, grant: Grant
) -> list[tuple[ManifestSegment, GrantedSegment]]:
    """Step 2: what opens each segment of the manifest, in the manifest's order.

    Raises:
        GrantIncomplete: a segment was not handed over.
        SegmentDiffers: the grant has segments that no figure may come from.
    """
    granted = {(segment.segment_id, segment.cid): segment for segment in grant.segments}
    wanted = [(segment.segment_id, segment.cid) for segment in published.manifest.segments]
    for segment_id, cid in wanted:
        if (segment_id, cid) not in granted:
            raise GrantIncomplete(f"the data key of segment {segment_id} ({cid})", "none")
    if len(grant.segments) != len(wanted):
        raise SegmentDiffers(f"the manifest's {len(wanted)} segments", str(len(grant.segments)))
    return [(s, granted[s.segment_id, s.cid]) for s in published.manifest.segments]


def verify_envelope(segment: ManifestSegment, envelope: bytes, key_commitment: str) -> None:
    """Step 2: the object is the one the manifest names. Raises SegmentDiffers.

    Args:
        key_commitment: what the envelope itself carries.
    """
    for what, committed, found in (
        ("CID", segment.cid, cid_of_bytes(envelope)),
        ("length in bytes", str(segment.size_bytes), str(len(envelope))),
        ("key commitment", hash_text(segment.key_commitment), key_commitment),
    ):
        if committed != found:
            raise SegmentDiffers(f"segment {segment.segment_id} of {what} {committed}", found)


def verify_counts(segment: ManifestSegment, granted: GrantedSegment, events: int) -> None:
    """Step 3. Raises CountsDiffer.

    Args:
        events: how many the segment holds.
    """
    committed = segment.counts_commitment
    found = counts_commitment(granted.counts, granted.counts_salt)
    if found != committed:
        raise CountsDiffer(
            f"counts of segment {segment.segment_id} that open {hash_text(committed)}",
            f"counts that open {hash_text(found)}",
        )
    if granted.counts["accepted"] != events:
        raise CountsDiffer(
            f"as many events in segment {segment.segment_id} as were counted", "another number"
        )


def verify_listing(published: PublishedRelease, grant: Grant) -> None:
    """Step 4: the videos handed over are those published. Raises GrantIncomplete,
    ListingDiffers."""
    granted = {video.video_id for video in grant.videos}
    for video_id in published.listing.video_ids:
        if video_id not in granted:
            raise GrantIncomplete(f"the listed video {video_id}", "none")
    try:
        listing = build_listing(video.listed for video in grant.videos)
    except InvalidInput as error:
        raise ListingDiffers("the published listing", str(error)) from None
    if listing != published.listing:
        odd = sorted(set(listing.videos) ^ set(published.listing.videos))[0]
        raise ListingDiffers("the published listing", f"{odd.video_id} of {odd.creator_id}")


def verify_tally_root(published: PublishedRelease, root: int) -> None:
    """Step 5. Raises TallyDiffers."""
    committed, found = published.commit.tally_root, to_bytes32(root)
    if found != committed:
        raise TallyDiffers(f"tally root {hash_text(committed)}", hash_text(found))


def verify_report(published: PublishedRelease, report: bytes) -> None:
    """Step 6. Raises ReportDiffers, naming the first row that differs."""
    if report == published.report:
        return
    ours, theirs = parse_report(report), parse_report(published.report)
    odd = [a for a, b in zip(ours.rows, theirs.rows, strict=False) if a != b]
    where = " ".join(filter(None, odd[0].name)) if odd else "its header or its number of rows"
    raise ReportDiffers("report.json byte for byte", f"{len(odd)} other rows, first in {where}")
