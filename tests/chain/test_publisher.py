"""Publishing exactly once: reruns, races, crashes."""

import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from analytics_pipeline.chain.account import gas_limit
from analytics_pipeline.chain.client import open_publisher
from analytics_pipeline.chain.embedded import EmbeddedChain, development_account
from analytics_pipeline.chain.interface import TransactionRejected
from analytics_pipeline.chain.outbox import Outbox
from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.chain.registry import Registry
from analytics_pipeline.core.errors import (
    CommitWithheld,
    InvalidRecord,
    NotPublisher,
    PublishFailed,
    RecordRefused,
    ReleaseConflict,
    StaleHead,
)
from analytics_pipeline.core.record import pair_releases
from tests.chain.support import (
    PLATFORM,
    a_commit,
    a_release,
    commit_data,
    commit_with_seeds,
    publish,
    transact,
)


def test_a_rerun_sends_nothing(registry: Registry, publisher: Publisher) -> None:
    """Publishing again finds seeds, records and beacon, and mines no block."""
    commits, releases = [a_commit(0), a_commit(1)], [a_release(0), a_release(1)]
    first = publish(publisher, commits, releases)
    blocks = registry.chain.block_number()
    assert publish(publisher, commits, releases) == first
    assert registry.chain.block_number() == blocks


def test_a_batch_sends_only_what_is_missing(registry: Registry, publisher: Publisher) -> None:
    """Records on chain are reused; results come in the order asked for."""
    commit_with_seeds(publisher, a_commit(1))
    records = commit_with_seeds(publisher, a_commit(2), a_commit(1), a_commit(0))
    for record in records:
        publisher.beacon_of(record)
    assert [record.body for record in records] == [a_commit(2), a_commit(1), a_commit(0)]
    assert len(registry.read_evidence(PLATFORM).records) == 3
    released = publisher.release(PLATFORM, [a_release(0), a_release(1), a_release(2)])
    assert [record.body for record in released] == [a_release(0), a_release(1), a_release(2)]


def test_a_correction_is_appended(registry: Registry, publisher: Publisher) -> None:
    """Revision 2 of a day follows revision 1, which stays."""
    for revision in (1, 2):
        publish(
            publisher,
            [a_commit(0, revision, salt=revision)],
            [a_release(0, revision, salt=revision)],
        )
    pairs = pair_releases(registry.read_evidence(PLATFORM).records)
    assert [(c.revision, r is not None) for c, r in pairs] == [(1, True), (2, True)]


def test_a_revision_has_one_content(publisher: Publisher) -> None:
    """Publishing other content under a used revision is a conflict, not a second record."""
    publish(publisher, [a_commit()], [a_release()])
    with pytest.raises(ReleaseConflict):
        publisher.commit(PLATFORM, [a_commit(salt="other")])
    with pytest.raises(ReleaseConflict):
        publisher.release(PLATFORM, [a_release(salt="other")])


def test_an_overtaken_commit_is_withheld(registry: Registry, publisher: Publisher) -> None:
    """A commit left behind cannot be released; the day goes on with the next revision."""
    commit_with_seeds(publisher, a_commit(0))
    publish(publisher, [a_commit(1)], [a_release(1)])
    with pytest.raises(CommitWithheld):
        publisher.release(PLATFORM, [a_release(0)])
    publish(publisher, [a_commit(0, revision=2)], [a_release(0, revision=2)])
    pairs = pair_releases(registry.read_evidence(PLATFORM).records)
    assert [release is not None for _, release in pairs] == [False, True, True]


def test_releases_without_commit_are_refused(publisher: Publisher) -> None:
    """The planner says so before anything is signed."""
    with pytest.raises(RecordRefused, match="NotCommitted"):
        publisher.release(PLATFORM, [a_release()])


def test_batches_have_limits(publisher: Publisher) -> None:
    """Empty, repetitive and oversized batches are rejected by name."""
    for commits in ([], [a_commit(), a_commit(salt=1)], [a_commit(i) for i in range(101)]):
        with pytest.raises(InvalidRecord):
            publisher.commit(PLATFORM, commits)


def test_an_account_without_the_role_is_refused(registry: Registry, tmp_path: Path) -> None:
    """NotPublisher, and nothing is left in the outbox."""
    stranger = development_account(3)
    outbox = Outbox(tmp_path / "stranger.sqlite")
    publisher = Publisher(registry, stranger, outbox, poll_seconds=0.01)
    with pytest.raises(NotPublisher):
        publisher.commit(PLATFORM, [a_commit()])
    assert outbox.in_flight(registry.chain.chain_id, stranger.address) == []
    outbox.close()


class OvertakenChain:
    """The embedded chain, with somebody who appends right before each preflight."""

    def __init__(self, registry: Registry, times: int) -> None:
        self._registry, self._chain = registry, registry.chain
        self.left = times
        self.offset = 100

    def __getattr__(self, name: str) -> object:
        return getattr(self._chain, name)

    def estimate_gas(self, call: object) -> int:
        if self.left:
            self.left -= 1
            self.offset += 1
            seeds = self._registry.seeds_call(
                PLATFORM, a_commit(self.offset).day, [a_commit(self.offset).seed_commitment]
            )
            transact(self._registry, development_account(4), seeds)
            data = commit_data(self._registry, a_commit(self.offset))
            transact(self._registry, development_account(4), data)
        return self._chain.estimate_gas(call)  # type: ignore[arg-type]


def commit_seeds(registry: Registry) -> None:
    """The seed of `a_commit`'s day, ahead of the test."""
    commit = a_commit()
    data = registry.seeds_call(PLATFORM, commit.day, [commit.seed_commitment])
    transact(registry, development_account(), data)


def overtaken(registry: Registry, tmp_path: Path, times: int) -> Publisher:
    registry.grant_publisher(PLATFORM, development_account(4).address, development_account())
    slow = Registry(OvertakenChain(registry, times), registry.address)  # type: ignore[arg-type]
    outbox = Outbox(tmp_path / "slow.sqlite")
    return Publisher(slow, development_account(), outbox, poll_seconds=0.01)


def test_a_lost_race_is_planned_again(registry: Registry, tmp_path: Path) -> None:
    """StaleHead leads to a new plan on the new head."""
    publisher = overtaken(registry, tmp_path, times=2)
    commit_seeds(registry)
    (record,) = publisher.commit(PLATFORM, [a_commit()])
    assert record.head == registry.head(PLATFORM)
    assert len(registry.read_evidence(PLATFORM).records) == 3


def test_losing_every_race_is_reported(registry: Registry, tmp_path: Path) -> None:
    """After five lost races the caller hears of it."""
    publisher = overtaken(registry, tmp_path, times=99)
    commit_seeds(registry)
    with pytest.raises(StaleHead):
        publisher.commit(PLATFORM, [a_commit()])


class SilentChain:
    """The embedded chain behind a node that forgets what it is sent."""

    def __init__(self, chain: EmbeddedChain) -> None:
        self._chain = chain
        self.sent: list[bytes] = []
        self.refuse = ""

    def __getattr__(self, name: str) -> object:
        return getattr(self._chain, name)

    def send(self, raw: bytes) -> None:
        self.sent.append(raw)
        if self.refuse:
            raise TransactionRejected(self.refuse, settled=False)


def test_lost_transactions_go_out_again_unchanged(
    registry: Registry, chain: EmbeddedChain, tmp_path: Path
) -> None:
    """A time-out leaves the transaction in the outbox; the next call resends the same bytes."""
    commit_seeds(registry)
    silent = SilentChain(chain)
    deaf = Registry(silent, registry.address)  # type: ignore[arg-type]
    outbox = Outbox(tmp_path / "outbox.sqlite")
    account = development_account()
    waiting = Publisher(deaf, account, outbox, timeout_seconds=0.2, poll_seconds=0.05)
    with pytest.raises(PublishFailed, match="resumes"):
        waiting.commit(PLATFORM, [a_commit()])
    assert len(silent.sent) > 1
    assert len(set(silent.sent)) == 1
    Publisher(registry, account, outbox, poll_seconds=0.01).commit(PLATFORM, [a_commit()])
    (kept,) = set(silent.sent)
    assert chain.receipt(_hash_of(kept)) is not None
    assert outbox.in_flight(chain.chain_id, account.address) == []
    outbox.close()


def _hash_of(raw: bytes) -> bytes:
    from eth_utils.crypto import keccak

    return bytes(keccak(raw))


def test_a_node_that_refuses_is_reported(
    registry: Registry, chain: EmbeddedChain, tmp_path: Path
) -> None:
    """The node's reason reaches the caller, the key does not."""
    commit_seeds(registry)
    silent = SilentChain(chain)
    silent.refuse = "insufficient funds"
    deaf = Registry(silent, registry.address)  # type: ignore[arg-type]
    outbox = Outbox(tmp_path / "o.sqlite")
    publisher = Publisher(deaf, development_account(), outbox)
    with pytest.raises(PublishFailed, match="insufficient funds"):
        publisher.commit(PLATFORM, [a_commit()])
    assert outbox.in_flight(chain.chain_id, publisher.address) == []
    outbox.close()


def test_a_transaction_that_no_node_took_is_signed_anew(
    registry: Registry, chain: EmbeddedChain, tmp_path: Path
) -> None:
    """Above a node's caps, say: what was refused is not sent for ever, in the way of all others."""
    commit_seeds(registry)
    silent = SilentChain(chain)
    silent.refuse = "transaction gas limit too high"
    deaf = Registry(silent, registry.address)  # type: ignore[arg-type]
    outbox = Outbox(tmp_path / "outbox.sqlite")
    account = development_account()
    with pytest.raises(PublishFailed, match="gas limit too high"):
        Publisher(deaf, account, outbox).commit(PLATFORM, [a_commit()])
    [record] = Publisher(registry, account, outbox).commit(PLATFORM, [a_commit(revision=2)])
    assert record.revision == 2
    assert len(registry.read_evidence(PLATFORM).records) == 1
    outbox.close()


def test_gas_is_padded_within_what_a_transaction_may_have() -> None:
    """A fifth more than estimated, 2²⁴ at most; more than that only if the estimate is."""
    assert gas_limit(1_000_000) == 1_200_000
    assert gas_limit(15_000_000) == 2**24
    assert gas_limit(20_000_000) == 20_000_000


def test_pending_transactions_get_higher_fees(
    registry: Registry, chain: EmbeddedChain, tmp_path: Path
) -> None:
    """Past the deadline the same nonce is signed again with both fees a quarter up."""
    commit_seeds(registry)
    silent = SilentChain(chain)
    deaf = Registry(silent, registry.address)  # type: ignore[arg-type]
    outbox = Outbox(tmp_path / "outbox.sqlite")
    publisher = Publisher(
        deaf,
        development_account(),
        outbox,
        timeout_seconds=0.3,
        poll_seconds=0.05,
        bump_after_seconds=0.1,
    )
    with pytest.raises(PublishFailed):
        publisher.commit(PLATFORM, [a_commit()])
    attempts = outbox.in_flight(chain.chain_id, publisher.address)
    assert len(attempts) > 1
    assert len({attempt.nonce for attempt in attempts}) == 1
    for newer, older in pairwise(attempts):
        assert newer.max_fee * 4 >= older.max_fee * 5
        assert newer.tip * 4 >= older.tip * 5
    outbox.close()


def test_a_nonce_used_elsewhere_is_planned_again(
    registry: Registry, chain: EmbeddedChain, tmp_path: Path
) -> None:
    """If another transaction of the account took the nonce, the record goes out under a new one."""
    commit_seeds(registry)
    silent = SilentChain(chain)
    deaf = Registry(silent, registry.address)  # type: ignore[arg-type]
    outbox = Outbox(tmp_path / "outbox.sqlite")
    account = development_account()
    waiting = Publisher(deaf, account, outbox, timeout_seconds=0.1, poll_seconds=0.05)
    with pytest.raises(PublishFailed):
        waiting.commit(PLATFORM, [a_commit()])
    registry.administer(account, "pause")
    registry.administer(account, "unpause")
    Publisher(registry, account, outbox, poll_seconds=0.01).commit(PLATFORM, [a_commit()])
    assert len(registry.read_evidence(PLATFORM).records) == 1
    outbox.close()


STEPS = [
    (step, count)
    for step in ("signed", "persisted", "sent")
    for count in (1, 2, 3, 4)  # seeds, commit, beacon, release
] + [("block half written", 5)]


@pytest.mark.parametrize(("step", "count"), STEPS)
def test_kill_9_never_publishes_twice(tmp_path: Path, step: str, count: int) -> None:
    """Killed at any step of publishing and run again, each record is on chain exactly once."""
    open_publisher(
        tmp_path / "chain.sqlite", PLATFORM, tmp_path / "outbox.sqlite"
    ).registry.chain.close()
    command = [sys.executable, "-m", "tests.chain.crashing", str(tmp_path), step, str(count)]
    root = Path(__file__).parents[2]
    killed = subprocess.run(command, cwd=root, check=False, capture_output=True, timeout=60)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()

    publisher = open_publisher(tmp_path / "chain.sqlite", PLATFORM, tmp_path / "outbox.sqlite")
    publish(publisher, [a_commit(0), a_commit(1)], [a_release(0), a_release(1)])
    records = publisher.registry.read_evidence(PLATFORM).records
    assert [record.body for record in records] == [
        a_commit(0),
        a_commit(1),
        a_release(0),
        a_release(1),
    ]
    chain = publisher.registry.chain
    # deployment, platform, seeds, commit, beacon, release: none failed or was spent for nothing
    assert chain.nonce(publisher.address) == 6
    chain.close()
