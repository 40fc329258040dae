"""What was fixed before the noise could be known: the listing, the seed and the beacon's block.

Belongs here: checks 10 to 12. Does not belong here: what follows from them (`core.checks.proof`).
"""

from collections.abc import Sequence

from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.circuits import Circuit
from analytics_pipeline.core.errors import InvalidInput, ListingTooLarge
from analytics_pipeline.core.field import to_bytes32
from analytics_pipeline.core.listing import Listing, catalogue_root, parse_listing
from analytics_pipeline.core.record import ChainEvidence, CommitRecord, ReleaseRecord
from analytics_pipeline.core.registry_facts import SAFE_BEACON_DELAY, RegistryFacts
from analytics_pipeline.core.report import ReportRow
from analytics_pipeline.core.verify_errors import (
    BeaconBeforeCommit,
    BeaconMismatch,
    BeaconRepeated,
    BeaconTooSoon,
    CatalogueMalformed,
    CatalogueMismatch,
    RowMissing,
    RowUnlisted,
    SeedChanged,
    SeedMismatch,
    SeedReused,
    WrongBeaconBlock,
)


def verify_catalogue(
    document: bytes, rows: Sequence[ReportRow], commit: CommitRecord, circuit: Circuit
) -> Listing:
    """Check 10: the committed listing, and the report's videos and creators are exactly its.

    Raises:
        CatalogueMalformed, CatalogueMismatch, RowMissing, RowUnlisted.
    """
    try:
        listing = parse_listing(document)
    except InvalidInput as error:
        problem = str(error)
        raise CatalogueMalformed("a catalogue.json of the documented format", problem) from None
    try:
        root = to_bytes32(catalogue_root(listing, circuit.videos, circuit.creators))
    except ListingTooLarge as error:
        room = f"at most {error.room} {error.what}, for which the circuit has room"
        raise CatalogueMismatch(room, str(error.count)) from None
    if root != commit.catalogue_root:
        raise CatalogueMismatch(
            f"catalogue root {hash_text(commit.catalogue_root)}", hash_text(root)
        )
    for scope, listed in (("video", listing.video_ids), ("creator", listing.creator_ids)):
        reported = {row.key for row in rows if row.scope == scope}
        missing, unlisted = sorted(set(listed) - reported), sorted(reported - set(listed))
        if missing:
            raise RowMissing(f"rows of every listed {scope}", f"none of {scope} {missing[0]}")
        if unlisted:
            raise RowUnlisted(f"rows of listed {scope}s only", f"rows of {scope} {unlisted[0]}")
    return listing


def verify_seed(
    evidence: ChainEvidence, commit: CommitRecord, registry: RegistryFacts | None
) -> None:
    """Check 11: one seed per day, for all of its revisions, and for no other day that is released.

    Raises:
        SeedChanged, SeedReused, SeedMismatch.
    """
    ours = hash_text(commit.seed_commitment)
    for day, records in evidence.by_day.items():
        later = records.later_commits if day == commit.day else ()
        for record in (*records.commits, *later):
            same = record.seed_commitment == commit.seed_commitment
            if day == commit.day and not same:
                raise SeedChanged(
                    f"seed commitment {ours} for every revision of {day}",
                    f"{hash_text(record.seed_commitment)} for revision {record.revision}",
                )
            if day != commit.day and same:
                raise SeedReused(f"seed commitment {ours} for {commit.day} only", f"also {day}")
    if registry is not None and registry.seed_commitment != commit.seed_commitment:
        stored = hash_text(registry.seed_commitment)
        raise SeedMismatch(f"the registry's seed commitment {stored}", ours)


def verify_beacon(
    evidence: ChainEvidence,
    commit: CommitRecord,
    release: ReleaseRecord,
    registry: RegistryFacts | None,
    *,
    production: bool,
) -> int:
    """Check 12: a beacon nobody knew at the commit, of the one block it may be of.

    Every pair of records is looked at: the delay is the registry's and never changes.

    Args:
        production: a delay below `SAFE_BEACON_DELAY` is a failure.
    Returns:
        the delay in blocks.
    Raises:
        BeaconBeforeCommit, WrongBeaconBlock, BeaconMismatch, BeaconRepeated, BeaconTooSoon.
    """
    delay = verify_beacon_delay(commit, release)
    verify_beacons(evidence, delay if registry is None else registry.beacon_delay, first=release)
    if registry is not None and registry.beacon != release.beacon:
        raise BeaconMismatch(
            f"the randomness {hash_text(registry.beacon)} of block {release.beacon_block}",
            hash_text(release.beacon),
        )
    if registry is not None and release.beacon in registry.beside_beacon:
        raise BeaconRepeated(
            f"a randomness of its own for block {release.beacon_block}",
            f"{hash_text(release.beacon)} in a block beside it too",
        )
    if production and delay < SAFE_BEACON_DELAY:
        raise BeaconTooSoon(
            f"a beacon at least {SAFE_BEACON_DELAY} blocks after the commit", f"{delay}"
        )
    return delay


def verify_beacon_delay(commit: CommitRecord, release: ReleaseRecord) -> int:
    """A release's beacon is of a block between its commit's and its own. Returns the delay.

    Raises:
        BeaconBeforeCommit, WrongBeaconBlock.
    """
    delay = release.beacon_block - commit.block_number
    if delay < 1:
        raise BeaconBeforeCommit(
            f"a beacon of a block after the commit's {commit.block_number}",
            f"block {release.beacon_block}",
        )
    if release.beacon_block >= release.block_number:
        raise WrongBeaconBlock(
            f"a beacon of a block before the release's {release.block_number}",
            f"block {release.beacon_block}",
        )
    return delay


def verify_beacons(evidence: ChainEvidence, rule: int, first: ReleaseRecord | None = None) -> None:
    """Every release's beacon is of the one block it may be of; a block has one, and its own.

    Args:
        rule: blocks from a commit to its beacon.
        first: a release against which the others are held.
    Raises:
        WrongBeaconBlock, BeaconMismatch.
    """
    pairs = [(commit, release) for commit, release in evidence.pairs if release is not None]
    for commit, release in sorted(pairs, key=lambda pair: pair[1] is not first):
        if release.beacon_block - commit.block_number != rule:
            raise WrongBeaconBlock(
                f"the beacon of block {commit.block_number + rule}, {rule} after the commit of "
                f"{commit.day} revision {commit.revision}",
                f"block {release.beacon_block}",
            )
    known = {} if first is None else {first.beacon_block: first.beacon}
    block_of = {} if first is None else {first.beacon: first.beacon_block}
    for _, release in pairs:
        beacon = known.setdefault(release.beacon_block, release.beacon)
        if beacon != release.beacon:
            raise BeaconMismatch(
                f"one beacon of block {release.beacon_block}", "two releases have different ones"
            )
        if block_of.setdefault(beacon, release.beacon_block) != release.beacon_block:
            raise BeaconMismatch("a beacon of its own for each block", "one beacon of two blocks")
