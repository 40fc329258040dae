"""The real contract on the real EVM: same heads as `core.record`, and everything it refuses."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_pipeline.chain.account import send_and_wait
from analytics_pipeline.chain.embedded import EmbeddedChain, development_account
from analytics_pipeline.chain.outbox import Outbox
from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.chain.registry import Registry, contract_address, deploy_registry
from analytics_pipeline.core.chain_values import cid_text, platform_id
from analytics_pipeline.core.errors import NotPublisher, RecordRefused, StaleHead
from analytics_pipeline.core.record import Commit, CommitRecord, Release, pair_releases
from tests.chain.batcher import batcher_runtime
from tests.chain.support import (
    FIRST_DAY,
    PLATFORM,
    a_commit,
    a_release,
    commit_data,
    digest,
    raw_call,
    transact,
)

OWNER = development_account(0)
STRANGER = development_account(1)
hashes = st.binary(min_size=32, max_size=32)
cids = st.binary(min_size=3, max_size=63).map(lambda raw: cid_text(b"\x01" + raw))
rounds = st.lists(
    st.lists(
        st.tuples(hashes, hashes, hashes, cids, cids, st.integers(0, 2**53 - 1), st.booleans()),
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
        registry = deploy_registry(chain, OWNER)
        registry.grant_publisher(PLATFORM, OWNER.address, OWNER)
        outbox = Outbox(Path(folder) / "outbox.sqlite")
        publisher = Publisher(registry, OWNER, outbox, poll_seconds=0.01)
        released = 0
        for turn, items in enumerate(turns):
            days = [FIRST_DAY + timedelta(days=10 * turn + i) for i in range(len(items))]
            commits = [
                Commit(day, 1, item[0], item[1]) for day, item in zip(days, items, strict=True)
            ]
            releases = [
                Release(day, 1, *item[2:6])
                for day, item in zip(days, items, strict=True)
                if item[6]
            ]
            assert publisher.commit(PLATFORM, commits)[-1].head == registry.head(PLATFORM)
            if releases:
                records = publisher.release(PLATFORM, releases)
                assert [record.body for record in records] == releases
                assert records[-1].head == registry.head(PLATFORM)
                released += len(releases)
        fresh = Registry(chain, registry.address).read_evidence(PLATFORM)
        assert fresh.head == registry.head(PLATFORM)
        assert sum(r is not None for _, r in pair_releases(fresh.records)) == released
        outbox.close()
        chain.close()


def test_only_publishers_append(registry: Registry) -> None:
    """An account without the role is refused, for commits and for releases."""
    with pytest.raises(NotPublisher):
        transact(registry, STRANGER, commit_data(registry, a_commit()))
    transact(registry, OWNER, commit_data(registry, a_commit()))
    committed = list(registry.read_evidence(PLATFORM).records)
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


def test_pause_stops_appending_until_unpaused(registry: Registry) -> None:
    """While paused nobody appends; only the owner pauses."""
    with pytest.raises(RecordRefused, match="OwnableUnauthorizedAccount"):
        registry.administer(STRANGER, "pause")
    registry.administer(OWNER, "pause")
    data = commit_data(registry, a_commit())
    with pytest.raises(RecordRefused, match="EnforcedPause"):
        transact(registry, OWNER, data)
    registry.administer(OWNER, "unpause")
    transact(registry, OWNER, data)


def test_stale_heads_are_refused(registry: Registry) -> None:
    """Two appends planned on the same head: the second is refused."""
    data = commit_data(registry, a_commit(0))
    transact(registry, OWNER, data)
    with pytest.raises(StaleHead):
        transact(registry, OWNER, data)


def test_days_to_come_are_refused(registry: Registry) -> None:
    """Tomorrow cannot be committed; today can."""
    today = datetime.now(tz=UTC).date()
    tomorrow = replace(a_commit(), day=today + timedelta(days=1))
    with pytest.raises(RecordRefused, match="FutureDay"):
        transact(registry, OWNER, commit_data(registry, tomorrow))
    transact(registry, OWNER, commit_data(registry, replace(tomorrow, day=today)))


def test_revision_zero_and_empty_calls_are_refused(registry: Registry) -> None:
    """Revisions start at 1 and a call carries at least one record."""
    head = registry.head(PLATFORM)
    zero = (20_000, 0, bytes(32), bytes(32))
    with pytest.raises(RecordRefused, match="RevisionZero"):
        transact(registry, OWNER, raw_call("commit", platform_id(PLATFORM), head, [zero]))
    with pytest.raises(RecordRefused, match="NothingToAppend"):
        transact(registry, OWNER, commit_data(registry))
    with pytest.raises(RecordRefused, match="NothingToAppend"):
        transact(registry, OWNER, raw_call("release", platform_id(PLATFORM), head, [], [], []))


def test_releases_need_their_commit(registry: Registry) -> None:
    """Other day, other revision, changed commit, wrong order, none at all: all refused."""
    transact(registry, OWNER, commit_data(registry, a_commit(0), a_commit(1)))
    records = [r for r in registry.read_evidence(PLATFORM).records if isinstance(r, CommitRecord)]

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


def test_a_release_never_shares_a_block_with_its_commit(registry: Registry) -> None:
    """A contract that commits and releases in one transaction is refused by the registry.

    The caller is a few bytes of EVM code that forwards two calls, since accounts send one.
    """
    chain = registry.chain
    nonce = chain.nonce(OWNER.address)
    batcher = contract_address(OWNER.address, nonce)
    tip = chain.block_number()
    head = registry.head(PLATFORM)
    runtime = batcher_runtime()
    creation = (
        bytes.fromhex("61") + len(runtime).to_bytes(2, "big") + bytes.fromhex("80600a5f395ff3")
    )
    send_and_wait(chain, OWNER, None, creation + runtime)
    assert chain.code(batcher) == runtime
    registry.grant_publisher(PLATFORM, batcher, OWNER)
    block = tip + 3  # deployment, grant, then the batch
    time_known = _next_block_time(registry)
    attempts = []
    for block_time in range(time_known, time_known + 8):
        commit = CommitRecord(
            **vars(a_commit()),
            previous_head=head,
            block_number=block,
            block_time=block_time,
            publisher=batcher,
        )
        data = [
            commit_data(registry, a_commit(), head=head),
            registry.release_call(PLATFORM, [commit], [a_release()], []),
        ]
        payload = bytes.fromhex(registry.address[2:]).rjust(32, b"\0") + b"".join(
            len(item).to_bytes(32, "big") + item for item in data
        )
        try:
            send_and_wait(chain, OWNER, batcher, payload)
        except Exception as error:  # the batcher passes the registry's own error on
            attempts.append(_error_name(error))
    assert "CommitTooRecent" in attempts
    assert set(attempts) <= {"CommitTooRecent", "StaleHead"}
    assert registry.head(PLATFORM) == head


def _error_name(error: Exception) -> str:
    from analytics_pipeline.chain.abi import registry_abi

    return registry_abi().error(error.data)[0]  # type: ignore[attr-defined]


def _next_block_time(registry: Registry) -> int:
    """Time of the newest record's block, or now."""
    return int(datetime.now(tz=UTC).timestamp()) - 2


def test_malformed_cids_are_refused(registry: Registry) -> None:
    """The contract takes CIDv1 of a sane length only."""
    transact(registry, OWNER, commit_data(registry, a_commit()))
    (record,) = registry.read_evidence(PLATFORM).records
    committed = ((20_454, 1, record.manifest_root, record.policy_hash), _placement(record))
    for cid in (b"", b"\x01", b"\x02" * 36, b"\x01" * 65):
        body = (20_454, 1, bytes(32), cid, b"\x01" * 36, 1)
        data = raw_call(
            "release", platform_id(PLATFORM), record.previous_head, [committed], [body], []
        )
        with pytest.raises(RecordRefused, match="MalformedCid"):
            transact(registry, OWNER, data)


def test_a_spend_that_chain_json_cannot_hold_is_refused(registry: Registry) -> None:
    """One such record would make the platform's whole history unreadable, for ever."""
    transact(registry, OWNER, commit_data(registry, a_commit()))
    (record,) = registry.read_evidence(PLATFORM).records
    committed = ((20_454, 1, record.manifest_root, record.policy_hash), _placement(record))

    def release(spend_nano_rho: int) -> None:
        body = (20_454, 1, bytes(32), b"\x01" * 36, b"\x01" * 36, spend_nano_rho)
        arguments = (platform_id(PLATFORM), record.previous_head, [committed], [body], [])
        transact(registry, OWNER, raw_call("release", *arguments))

    for spend in (2**53, 2**64 - 1):
        with pytest.raises(RecordRefused, match="SpendTooLarge"):
            release(spend)
    release(2**53 - 1)
    assert registry.read_evidence(PLATFORM).records[-1].head == registry.head(PLATFORM)


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


def _placement(record: CommitRecord) -> tuple[int, int, str]:
    return record.block_number, record.block_time, record.publisher


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
    publisher.commit(PLATFORM, [replace(a_commit(), day=date(1970, 1, 1))])
    assert registry.read_evidence(PLATFORM).records[0].day == date(1970, 1, 1)
