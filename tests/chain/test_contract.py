"""The real contract on the real EVM: same heads as `core.record`, and everything it refuses."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_pipeline.chain.deploy import DEVELOPMENT_RULES, deploy_registry
from analytics_pipeline.chain.embedded import EmbeddedChain, development_account
from analytics_pipeline.chain.encoding import commit_record_tuple
from analytics_pipeline.chain.outbox import Outbox
from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.chain.registry import Registry
from analytics_pipeline.core.chain_values import cid_text, platform_id
from analytics_pipeline.core.day import day_number
from analytics_pipeline.core.errors import NotPublisher, RecordRefused, StaleHead
from analytics_pipeline.core.record import Commit, CommitRecord, Release, pair_releases
from tests.chain.support import (
    FIRST_DAY,
    PLATFORM,
    a_commit,
    a_release,
    commit_data,
    commit_with_seeds,
    digest,
    raw_call,
    seeds,
    transact,
)

OWNER = development_account(0)
STRANGER = development_account(1)
hashes = st.binary(min_size=32, max_size=32)
seed_hashes = hashes.filter(any)
cids = st.binary(min_size=3, max_size=63).map(lambda raw: cid_text(b"\x01" + raw))
rounds = st.lists(
    st.lists(
        st.tuples(
            st.tuples(hashes, hashes, hashes, hashes, seed_hashes),
            st.tuples(hashes, cids, cids, st.integers(0, 2**53 - 1), hashes),
            st.booleans(),
        ),
        min_size=1,
        max_size=4,
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=15, deadline=None)
@given(rounds)
def test_heads_are_computed_as_the_contract_computes_them(turns: list[list[tuple]]) -> None:
    """For random batches, some commits withheld, every head equals the contract's."""
    with TemporaryDirectory() as folder:
        chain = EmbeddedChain(Path(folder) / "chain.sqlite")
        registry = deploy_registry(chain, OWNER, DEVELOPMENT_RULES)
        registry.grant_publisher(PLATFORM, OWNER.address, OWNER)
        outbox = Outbox(Path(folder) / "outbox.sqlite")
        publisher = Publisher(registry, OWNER, outbox, poll_seconds=0.01)
        released = 0
        for turn, items in enumerate(turns):
            days = [FIRST_DAY + timedelta(days=10 * turn + i) for i in range(len(items))]
            commits = [Commit(day, 1, *item[0]) for day, item in zip(days, items, strict=True)]
            releases = [
                Release(day, 1, *item[1]) for day, item in zip(days, items, strict=True) if item[2]
            ]
            committed = commit_with_seeds(publisher, *commits)
            assert committed[-1].head == registry.head(PLATFORM)
            if releases:
                publisher.beacon_of(committed[0])
                records = publisher.release(PLATFORM, releases)
                assert [record.body for record in records] == releases
                assert records[-1].head == registry.head(PLATFORM)
                released += len(releases)
        fresh = Registry(chain, registry.address).read_evidence(PLATFORM)
        assert fresh.head == registry.head(PLATFORM)
        assert sum(r is not None for _, r in pair_releases(fresh.records)) == released
        outbox.close()
        chain.close()


def test_only_publishers_append(registry: Registry, publisher: Publisher) -> None:
    """An account without the role is refused, for seeds, commits and releases."""
    with pytest.raises(NotPublisher):
        transact(registry, STRANGER, commit_data(registry, a_commit()))
    with pytest.raises(NotPublisher):
        transact(registry, STRANGER, registry.seeds_call(PLATFORM, FIRST_DAY, [digest("seed")]))
    committed = commit_with_seeds(publisher, a_commit())
    with pytest.raises(NotPublisher):
        transact(registry, STRANGER, registry.release_call(PLATFORM, committed, [a_release()], []))


def test_roles_are_per_platform(registry: Registry) -> None:
    """A publisher of one platform cannot append to another, nor let itself in."""
    registry.grant_publisher("other", STRANGER.address, OWNER)
    with pytest.raises(NotPublisher):
        transact(registry, STRANGER, commit_data(registry, a_commit()))
    with pytest.raises(NotPublisher):
        registry.grant_publisher(PLATFORM, STRANGER.address, STRANGER)
    with pytest.raises(RecordRefused, match="OwnableUnauthorizedAccount"):
        registry.grant_publisher("third", STRANGER.address, STRANGER)


def test_a_publisher_rotates_its_key(registry: Registry) -> None:
    """A publisher names its successor and gives the role back without the owner."""
    successor = development_account(2)
    registry.grant_publisher("other", STRANGER.address, OWNER)
    registry.grant_publisher("other", successor.address, STRANGER)
    registry.administer(STRANGER, "revokePublisher", platform_id("other"), STRANGER.address)
    assert registry.is_publisher("other", successor.address)
    assert not registry.is_publisher("other", STRANGER.address)
    with pytest.raises(RecordRefused, match="OwnableUnauthorizedAccount"):
        registry.administer(STRANGER, "revokePublisher", platform_id("other"), successor.address)


def test_platforms_open_once(registry: Registry) -> None:
    """Opening again would reset a head; unknown platforms have no roles to grant."""
    with pytest.raises(RecordRefused, match="PlatformExists"):
        registry.administer(OWNER, "openPlatform", PLATFORM, OWNER.address)
    with pytest.raises(RecordRefused, match="UnknownPlatform"):
        registry.administer(OWNER, "grantPublisher", platform_id("ghost"), OWNER.address)


def test_pause_stops_appending_until_unpaused(registry: Registry, publisher: Publisher) -> None:
    """While paused nobody appends; only the owner pauses."""
    publisher.commit_seeds(PLATFORM, seeds(a_commit()))
    with pytest.raises(RecordRefused, match="OwnableUnauthorizedAccount"):
        registry.administer(STRANGER, "pause")
    registry.administer(OWNER, "pause")
    data = commit_data(registry, a_commit())
    with pytest.raises(RecordRefused, match="EnforcedPause"):
        transact(registry, OWNER, data)
    with pytest.raises(RecordRefused, match="EnforcedPause"):
        publisher.commit_seeds(PLATFORM, seeds(a_commit(1)))
    registry.administer(OWNER, "unpause")
    transact(registry, OWNER, data)


def test_stale_heads_are_refused(registry: Registry, publisher: Publisher) -> None:
    """Two appends planned on the same head: the second is refused."""
    publisher.commit_seeds(PLATFORM, seeds(a_commit()))
    data = commit_data(registry, a_commit(0))
    transact(registry, OWNER, data)
    with pytest.raises(StaleHead):
        transact(registry, OWNER, data)


def test_days_to_come_are_refused(registry: Registry, publisher: Publisher) -> None:
    """Tomorrow cannot be committed, though its seed can; today can."""
    today = datetime.now(tz=UTC).date()
    tomorrow = replace(a_commit(), day=today + timedelta(days=1))
    publisher.commit_seeds(PLATFORM, seeds(tomorrow, replace(tomorrow, day=today)))
    with pytest.raises(RecordRefused, match="FutureDay"):
        transact(registry, OWNER, commit_data(registry, tomorrow))
    transact(registry, OWNER, commit_data(registry, replace(tomorrow, day=today)))


def test_revision_zero_and_empty_calls_are_refused(registry: Registry) -> None:
    """Revisions start at 1 and a call carries at least one record."""
    head = registry.head(PLATFORM)
    zero = (20_000, 0, *[bytes(32)] * 5)
    with pytest.raises(RecordRefused, match="RevisionZero"):
        transact(registry, OWNER, raw_call("commit", platform_id(PLATFORM), head, [zero]))
    with pytest.raises(RecordRefused, match="NothingToAppend"):
        transact(registry, OWNER, commit_data(registry))
    with pytest.raises(RecordRefused, match="NothingToAppend"):
        transact(registry, OWNER, raw_call("release", platform_id(PLATFORM), head, [], [], []))


def test_releases_need_their_commit(registry: Registry, publisher: Publisher) -> None:
    """Other day, other revision, changed commit, wrong order, none at all: all refused."""
    records = commit_with_seeds(publisher, a_commit(0), a_commit(1))
    publisher.beacon_of(records[0])

    def release(committed: list[CommitRecord], *releases: Release) -> None:
        data = registry.release_call(PLATFORM, committed, list(releases), [])
        transact(registry, OWNER, data)

    for wrong in (a_release(2), a_release(0, revision=2)):
        with pytest.raises(RecordRefused, match="NotCommitted"):
            release(records, wrong)
    with pytest.raises(RecordRefused, match="NotCommitted"):
        release(records, a_release(1), a_release(0))
    with pytest.raises(RecordRefused, match="NotCommitted"):
        release(records, a_release(0), a_release(0))
    with pytest.raises(StaleHead):
        release([replace(records[0], manifest_root=digest("swapped")), records[1]], a_release(0))
    with pytest.raises(StaleHead):
        release(records[:1], a_release(0))
    release(records, a_release(0), a_release(1))
    with pytest.raises(StaleHead):
        release(records, a_release(0))


def test_a_release_waits_for_its_beacon(registry: Registry, publisher: Publisher) -> None:
    """Before the randomness after the commit is on chain, nothing can be released; so a release is
    always in a later block than its commit."""
    (record,) = commit_with_seeds(publisher, a_commit())
    with pytest.raises(RecordRefused, match="BeaconNotRecorded"):
        publisher.release(PLATFORM, [a_release()])
    beacon = publisher.beacon_of(record)
    (release,) = publisher.release(PLATFORM, [a_release()])
    assert (release.beacon_block, release.beacon) == beacon
    assert record.block_number < beacon.block_number < release.block_number


def test_malformed_cids_are_refused(registry: Registry, publisher: Publisher) -> None:
    """The contract takes CIDv1 of a sane length only."""
    (record,) = commit_with_seeds(publisher, a_commit())
    publisher.beacon_of(record)
    for cid in (b"", b"\x01", b"\x02" * 36, b"\x01" * 65):
        for cids in ((cid, b"\x01" * 36), (b"\x01" * 36, cid)):
            with pytest.raises(RecordRefused, match="MalformedCid"):
                transact(registry, OWNER, _release_call(record, *cids, spend_nano_rho=1))


def test_a_spend_that_chain_json_cannot_hold_is_refused(
    registry: Registry, publisher: Publisher
) -> None:
    """One such record would make the platform's whole history unreadable, for ever."""
    (record,) = commit_with_seeds(publisher, a_commit())
    publisher.beacon_of(record)
    cids = b"\x01" * 36, b"\x01" * 36
    for spend in (2**53, 2**64 - 1):
        with pytest.raises(RecordRefused, match="SpendTooLarge"):
            transact(registry, OWNER, _release_call(record, *cids, spend_nano_rho=spend))
    transact(registry, OWNER, _release_call(record, *cids, spend_nano_rho=2**53 - 1))
    assert registry.read_evidence(PLATFORM).records[-1].head == registry.head(PLATFORM)


def _release_call(
    record: CommitRecord, report_cid: bytes, bundle_cid: bytes, spend_nano_rho: int
) -> bytes:
    """Calldata that the client would not write."""
    day = day_number(record.day)
    body = (day, 1, bytes(32), report_cid, bundle_cid, spend_nano_rho, bytes(32))
    committed = [commit_record_tuple(record)]
    arguments = (platform_id(PLATFORM), record.previous_head, committed, [body], [])
    return raw_call("release", *arguments)


def test_while_paused_only_the_owner_names_publishers(registry: Registry) -> None:
    """A stolen key cannot name others while the owner cleans up."""
    registry.administer(OWNER, "grantPublisher", platform_id(PLATFORM), STRANGER.address)
    registry.administer(OWNER, "pause")
    other = development_account(2).address
    with pytest.raises(RecordRefused, match="EnforcedPause"):
        registry.administer(STRANGER, "grantPublisher", platform_id(PLATFORM), other)
    registry.administer(OWNER, "revokePublisher", platform_id(PLATFORM), STRANGER.address)
    registry.administer(OWNER, "grantPublisher", platform_id(PLATFORM), other)
    assert registry.is_publisher(PLATFORM, other)


def test_ownership_moves_in_two_steps(registry: Registry) -> None:
    """A new owner counts once it has accepted."""
    registry.administer(OWNER, "transferOwnership", STRANGER.address)
    registry.administer(OWNER, "pause")
    registry.administer(STRANGER, "acceptOwnership")
    with pytest.raises(RecordRefused, match="OwnableUnauthorizedAccount"):
        registry.administer(OWNER, "unpause")
    registry.administer(STRANGER, "unpause")


def test_ownership_cannot_be_given_up(registry: Registry) -> None:
    """A registry that is paused for ever would be the price of a slip."""
    with pytest.raises(RecordRefused, match="OwnerRequired"):
        registry.administer(OWNER, "renounceOwnership")
    registry.administer(OWNER, "pause")


def test_days_are_days_since_the_epoch(registry: Registry, publisher: Publisher) -> None:
    """The first day there is can be committed, and comes back as the same date."""
    commit_with_seeds(publisher, replace(a_commit(), day=date(1970, 1, 1)))
    assert registry.read_evidence(PLATFORM).records[0].day == date(1970, 1, 1)
