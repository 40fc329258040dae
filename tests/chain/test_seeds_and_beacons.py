"""What noise follows from: seeds committed in advance, randomness known only afterwards."""

from dataclasses import replace
from datetime import timedelta

import pytest
import rlp
from eth_utils.crypto import keccak

from analytics_pipeline.chain.deploy import RegistryRules, deploy_registry
from analytics_pipeline.chain.embedded import EmbeddedChain, development_account
from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.chain.registry import Registry
from analytics_pipeline.core.chain_values import platform_id
from analytics_pipeline.core.day import day_number
from analytics_pipeline.core.errors import (
    BeaconExpired,
    InvalidRecord,
    RecordRefused,
    ReleaseConflict,
)
from tests.chain.support import (
    FIRST_DAY,
    PLATFORM,
    a_commit,
    a_release,
    commit_data,
    commit_with_seeds,
    digest,
    publish,
    raw_call,
    seed_commitment,
    seeds,
    transact,
)

OWNER = development_account(0)
STRANGER = development_account(1)
_NUMBER, _MIX_HASH = 8, 13


def test_seeds_come_before_commits(registry: Registry, publisher: Publisher) -> None:
    """A day without a seed cannot be committed, nor one that names another seed."""
    with pytest.raises(RecordRefused, match="SeedMissing"):
        publisher.commit(PLATFORM, [a_commit()])
    publisher.commit_seeds(PLATFORM, seeds(a_commit()))
    with pytest.raises(RecordRefused, match="SeedMismatch"):
        publisher.commit(PLATFORM, [replace(a_commit(), seed_commitment=digest("other"))])
    publisher.commit(PLATFORM, [a_commit()])
    assert registry.seed_of(PLATFORM, FIRST_DAY) == seed_commitment(FIRST_DAY)
    assert registry.seed_of("other", FIRST_DAY) is None


def test_a_day_has_one_seed_for_ever(registry: Registry, publisher: Publisher) -> None:
    """Not even the same one can be sent again, and the publisher says so before sending."""
    publisher.commit_seeds(PLATFORM, seeds(a_commit(1)))
    before = registry.chain.block_number()
    with pytest.raises(ReleaseConflict):
        publisher.commit_seeds(PLATFORM, {a_commit(1).day: digest("other")})
    assert registry.chain.block_number() == before
    for first in (a_commit(1).day, a_commit(0).day):
        data = registry.seeds_call(PLATFORM, first, [digest("x"), digest("y")])
        with pytest.raises(RecordRefused, match="SeedAlreadyCommitted"):
            transact(registry, OWNER, data)
    assert registry.seed_of(PLATFORM, a_commit(0).day) is None  # a call counts whole or not at all


def test_no_seed_is_not_a_seed(registry: Registry, publisher: Publisher) -> None:
    """Zero would read as absent; what is not 32 bytes is refused before it is padded."""
    with pytest.raises(RecordRefused, match="SeedMissing"):
        transact(registry, OWNER, registry.seeds_call(PLATFORM, FIRST_DAY, [bytes(32)]))
    with pytest.raises(InvalidRecord):
        publisher.commit_seeds(PLATFORM, {FIRST_DAY: b"short"})


def test_seeds_of_scattered_days(registry: Registry, publisher: Publisher) -> None:
    """Runs of days go out one by one; what is there already is not sent again."""
    days = [FIRST_DAY + timedelta(days=offset) for offset in (*range(120), 200, 300, 301)]
    wanted = {day: seed_commitment(day) for day in reversed(days)}
    publisher.commit_seeds(PLATFORM, {day: wanted[day] for day in days[5:10]})
    before = registry.chain.nonce(OWNER.address)
    publisher.commit_seeds(PLATFORM, wanted)
    # 0 to 4; 10 to 109; 110 to 119; 200; 300 and 301
    assert registry.chain.nonce(OWNER.address) == before + 5
    assert all(registry.seed_of(PLATFORM, day) == wanted[day] for day in days)
    publisher.commit_seeds(PLATFORM, wanted)
    assert registry.chain.nonce(OWNER.address) == before + 5


def test_one_seed_serves_all_revisions_and_beacons_differ(publisher: Publisher) -> None:
    """A correction has the day's seed and a beacon of its own."""
    first = publish(publisher, [a_commit()], [a_release()])
    second = publish(publisher, [a_commit(revision=2)], [a_release(revision=2)])
    assert first[0].beacon_block < second[0].beacon_block
    assert first[0].beacon != second[0].beacon


def test_a_batch_shares_its_beacon(registry: Registry, publisher: Publisher) -> None:
    """Days committed together wait once; asking again sends nothing."""
    records = commit_with_seeds(publisher, a_commit(0), a_commit(1), a_commit(2))
    beacons = {publisher.beacon_of(records[0])}
    block = registry.chain.block_number()
    beacons |= {publisher.beacon_of(record) for record in records}
    assert len(beacons) == 1
    assert registry.chain.block_number() == block


def test_the_beacon_is_the_randomness_of_its_block(
    registry: Registry, publisher: Publisher, chain: EmbeddedChain
) -> None:
    """It is in the header whose hash is the block's; every block has another."""
    (record,) = commit_with_seeds(publisher, a_commit())
    number, randomness = publisher.beacon_of(record)
    assert number == record.block_number + registry.rules.beacon_delay
    assert rlp.decode(chain.block_header(number))[_MIX_HASH] == randomness
    seen = {
        rlp.decode(chain.block_header(block))[_MIX_HASH]
        for block in range(1, chain.block_number() + 1)
    }
    assert len(seen) == chain.block_number()


def test_the_delay_is_the_registrys(chain: EmbeddedChain, publisher: Publisher) -> None:
    """With another delay the beacon is another block's, and the chain mines up to it."""
    rules = RegistryRules(beacon_delay=7, verifier_delay_seconds=1, accepts_development_setup=False)
    registry = deploy_registry(chain, OWNER, rules)
    registry.grant_publisher(PLATFORM, OWNER.address, OWNER)
    publisher.registry = registry
    publisher._sender._registry = registry
    assert registry.rules == rules
    (record,) = commit_with_seeds(publisher, a_commit())
    assert publisher.beacon_of(record).block_number == record.block_number + 7


def test_a_registry_needs_a_delay(chain: EmbeddedChain) -> None:
    """The randomness of the commit's own block is known to whoever builds that block."""
    with pytest.raises(RecordRefused, match="BeaconDelayZero"):
        deploy_registry(chain, OWNER, RegistryRules(0, 0, False))


def record_beacon(registry: Registry, header: bytes) -> None:
    """As a stranger: anybody may hand a header in."""
    transact(registry, STRANGER, raw_call("recordBeacon", header))


def test_anybody_records_a_beacon_once(registry: Registry, chain: EmbeddedChain) -> None:
    """A second time changes nothing and is no error."""
    chain.wait_for_block(chain.block_number() + 3, 0)
    number = chain.block_number() - 1
    header = chain.block_header(number)
    assert registry.randomness_of(number) is None
    for _ in range(2):
        record_beacon(registry, header)
        assert registry.randomness_of(number) == rlp.decode(header)[_MIX_HASH]


def test_a_header_must_be_that_of_its_block(registry: Registry, chain: EmbeddedChain) -> None:
    """Other randomness, another number, a block to come: none of them has the block's hash."""
    chain.wait_for_block(chain.block_number() + 3, 0)
    number = chain.block_number() - 1
    items = rlp.decode(chain.block_header(number))

    def changed(place: int, value: bytes) -> bytes:
        return bytes(rlp.encode([*items[:place], value, *items[place + 1 :]]))

    with pytest.raises(RecordRefused, match="HeaderMismatch"):
        record_beacon(registry, changed(_MIX_HASH, digest("chosen")))
    with pytest.raises(RecordRefused, match="HeaderMismatch"):
        record_beacon(registry, changed(_NUMBER, (number - 1).to_bytes(1, "big")))
    with pytest.raises(RecordRefused, match="HeaderMismatch"):
        record_beacon(registry, changed(0, keccak(b"parent")))
    for ahead in (1, 2**32):
        to_come = chain.block_number() + ahead
        number_bytes = to_come.to_bytes((to_come.bit_length() + 7) // 8, "big")
        with pytest.raises(RecordRefused, match="BeaconNotYet"):
            record_beacon(registry, changed(_NUMBER, number_bytes))


def test_bytes_that_are_no_header_are_refused(registry: Registry, chain: EmbeddedChain) -> None:
    """Every cut and every wrong shape has a name."""
    header = chain.block_header(chain.block_number())
    items = rlp.decode(header)
    malformed = [
        b"",
        b"\x80",
        header[:-1],
        header + b"\x00",
        bytes(rlp.encode(items[:_MIX_HASH])),
        bytes(rlp.encode([*items[:_NUMBER], bytes(9), *items[_NUMBER + 1 :]])),
        bytes(rlp.encode([*items[:_MIX_HASH], b"short", *items[_MIX_HASH + 1 :]])),
        bytes(rlp.encode([[], *items[1:]])),
        b"\xff" + b"\xff" * 40,
        b"\xf9\xff",
    ]
    for data in malformed:
        with pytest.raises(RecordRefused, match="HeaderMalformed"):
            record_beacon(registry, data)


def test_a_beacon_that_nobody_recorded_expires(registry: Registry, publisher: Publisher) -> None:
    """After 256 blocks the chain has forgotten the hash: the commit is withheld, and the day goes
    on with the next revision."""
    chain = registry.chain
    (record,) = commit_with_seeds(publisher, a_commit())
    chain.wait_for_block(registry.beacon_block(record) + 257, 0)
    with pytest.raises(BeaconExpired, match="revision 1"):
        publisher.beacon_of(record)
    publish(publisher, [a_commit(revision=2)], [a_release(revision=2)])


def test_a_beacon_lasts_256_blocks(registry: Registry, publisher: Publisher) -> None:
    """The last moment counts."""
    (record,) = commit_with_seeds(publisher, a_commit())
    registry.chain.wait_for_block(registry.beacon_block(record) + 255, 0)
    assert publisher.beacon_of(record).block_number == registry.beacon_block(record)


def test_seeds_do_not_touch_the_head(registry: Registry, publisher: Publisher) -> None:
    """They may be sent at any time, between any two records."""
    commit_with_seeds(publisher, a_commit(0))
    head = registry.head(PLATFORM)
    publisher.commit_seeds(PLATFORM, seeds(a_commit(1)))
    assert registry.head(PLATFORM) == head
    transact(registry, OWNER, commit_data(registry, a_commit(1), head=head))


def test_days_beyond_the_end_of_time(registry: Registry) -> None:
    """A run of seeds that leaves the range of days is refused, not wrapped around."""
    arguments = (platform_id(PLATFORM), 2**32 - 1, [digest("a"), digest("b")])
    with pytest.raises(RecordRefused):
        transact(registry, OWNER, raw_call("commitSeeds", *arguments))
    assert registry.seed_of(PLATFORM, FIRST_DAY - timedelta(days=day_number(FIRST_DAY))) is None
