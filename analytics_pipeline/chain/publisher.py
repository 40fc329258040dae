"""Publishing in order: seeds in advance, then commit, beacon, release; each exactly once.

    commit_seeds   what the noise of coming days will follow from, before there is any data
    commit         inputs, rules and seed of a revision
    beacon_of      the randomness of a block after the commit, recorded on chain; only now can the
                   noise be drawn, and nobody could have known it before
    release        what was drawn

Three locks keep anything from appearing twice: the look at the chain before sending, one nonce per
attempt (both in `sender`), and the contract's compare-and-append. Belongs here: what is wanted and
what is missing. Does not belong here: deciding what to release.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from eth_account.signers.local import LocalAccount

from analytics_pipeline.chain.outbox import Outbox
from analytics_pipeline.chain.plan import check_batch, plan_commits, plan_releases, plan_seeds
from analytics_pipeline.chain.registry import Registry
from analytics_pipeline.chain.sender import Look, Sender
from analytics_pipeline.core.chain_values import check_hash
from analytics_pipeline.core.errors import BeaconExpired, RecordRefused
from analytics_pipeline.core.record import (
    Beacon,
    Commit,
    CommitRecord,
    Record,
    Release,
    ReleaseRecord,
)


class Publisher:
    """Appends records to a registry.

    Commit and release a platform's days in turns: a commit that another release overtakes is
    withheld (see `core.errors.CommitWithheld`), so let one process publish at a time.

    Args:
        registry: where to.
        account: who signs; needs the publisher role.
        outbox: the durable list of transactions in flight.
        confirmations: blocks a record must be deep, 1 being the newest; an instant chain needs 1.
        timeout_seconds: how long one call may take in all, waiting for a beacon's block aside.
        bump_after_seconds: age at which a pending transaction gets 25 % higher fees.
        poll_seconds: pause between two looks at the chain.
        on_step: told ``signed``, ``persisted``, ``sent`` as they happen.
    """

    def __init__(
        self,
        registry: Registry,
        account: LocalAccount,
        outbox: Outbox,
        *,
        confirmations: int = 1,
        timeout_seconds: float = 300.0,
        bump_after_seconds: float = 45.0,
        poll_seconds: float = 1.0,
        on_step: Callable[[str], None] = lambda step: None,
    ) -> None:
        self.registry = registry
        self._sender = Sender(
            registry,
            account,
            outbox,
            confirmations=confirmations,
            timeout_seconds=timeout_seconds,
            bump_after_seconds=bump_after_seconds,
            poll_seconds=poll_seconds,
            on_step=on_step,
        )

    @property
    def address(self) -> str:
        """The account that signs."""
        return self._sender.address

    def close(self) -> None:
        """Close the outbox and the chain."""
        self._sender.close()
        self.registry.chain.close()

    def commit_seeds(self, platform: str, commitments: Mapping[date, bytes]) -> None:
        """Commit to the seeds of days, those that are not on chain yet.

        Raises:
            ReleaseConflict: a day has another seed on chain; a day has one, for ever.
            StaleHead, NotPublisher, RecordRefused: the contract's answer.
            PublishFailed: not accepted in time; calling again resumes.
        """
        for commitment in commitments.values():
            check_hash("seed_commitment", commitment)

        def on_chain(block_number: int | None) -> dict[date, bytes | None]:
            seed_of = self.registry.seed_of
            return {day: seed_of(platform, day, block_number) for day in commitments}

        def look() -> Look:
            run = plan_seeds(on_chain(None), commitments)
            if run:
                values = [commitments[day] for day in run]
                return Look(self.registry.seeds_call(platform, run[0], values))
            return Look(None, self._held(lambda at: not plan_seeds(on_chain(at), commitments)))

        self._sender.run(look)

    def commit(self, platform: str, commits: Sequence[Commit]) -> list[CommitRecord]:
        """Append commits that are not on chain yet, in one transaction and so with one beacon.

        Returns:
            The record of each commit, in the order given.
        Raises:
            RecordRefused: e.g. ``SeedMissing`` before `commit_seeds`.
            ReleaseConflict: a revision is on chain with another content.
            StaleHead, NotPublisher, PublishFailed: see `commit_seeds`.
        """
        check_batch(commits)
        result: list[CommitRecord] = []

        def look() -> Look:
            evidence = self.registry.read_evidence(platform)
            plan = plan_commits(evidence, commits)
            if plan.missing:
                return Look(self.registry.commit_call(platform, evidence.head, plan.missing))
            result[:] = [plan.found[commit] for commit in commits]
            return Look(None, self._deep(result))

        self._sender.run(look)
        return result

    def beacon_of(self, record: CommitRecord) -> Beacon:
        """The beacon of a commit: waited for, and recorded on chain if nobody did.

        Raises:
            BeaconExpired: recorded too late; commit the next revision.
            BlockNotReached: the chain stopped growing.
            RecordRefused, PublishFailed: see `commit`.
        """
        number = self.registry.beacon_block(record)
        self.registry.chain.wait_for_block(number, self._sender.timeout_seconds)
        found: list[bytes] = []

        def look() -> Look:
            randomness = self.registry.randomness_of(number)
            if randomness is None:
                return Look(self.registry.beacon_call(number))
            found[:] = [randomness]
            return Look(None, self._held(lambda at: self.registry.randomness_of(number, at)))

        try:
            self._sender.run(look)
        except RecordRefused as error:
            if error.name == "BeaconTooOld":
                raise BeaconExpired(record.day, record.revision, number) from None
            raise
        return Beacon(number, found[0])

    def release(
        self,
        platform: str,
        releases: Sequence[Release],
        proofs: Sequence[bytes] = (),
    ) -> list[ReleaseRecord]:
        """Append releases of the commits at the end of the chain, in one transaction.

        Args:
            proofs: one per release once a verifier counts, else none.
        Returns:
            The record of each release, in the order given.
        Raises:
            CommitWithheld: another release came after the commit.
            RecordRefused: e.g. ``BeaconNotRecorded`` before `beacon_of`, ``ProofRejected``.
            and everything else `commit` raises.
        """
        check_batch(releases)
        proof_of = dict(zip(releases, proofs, strict=True)) if proofs else {}
        result: list[ReleaseRecord] = []

        def look() -> Look:
            plan = plan_releases(self.registry.read_evidence(platform), releases)
            if plan.missing:
                needed = [proof_of[release] for release in plan.missing] if proof_of else []
                committed = plan.committed
                return Look(self.registry.release_call(platform, committed, plan.missing, needed))
            result[:] = [plan.found[release] for release in releases]
            return Look(None, self._deep(result))

        self._sender.run(look)
        return result

    def is_deep(self, record: Record) -> bool:
        """Whether a record is as deep on chain as `confirmations` asks for."""
        return self._deep([record])

    def _deep(self, records: Sequence[Record]) -> bool:
        newest = max(record.block_number for record in records)
        return newest <= self._sender.settled_block()

    def _held(self, held_at: Callable[[int], object]) -> bool:
        """Whether something held already at the newest block that is deep enough."""
        settled = self._sender.settled_block()
        return settled >= self.registry.deployed_at and bool(held_at(settled))
