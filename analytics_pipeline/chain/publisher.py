"""Publishing records exactly once, through crashes, fee spikes and reorganisations.

The loop of `Publisher._publish`, by number:

    1  read the chain; if every record is there, deep enough, return: nothing is sent
    2  push on what is in flight: the same bytes again, or the same nonce with higher fees
    3  otherwise plan on the head just read, preflight, sign, persist, then send; back to 1

Three locks keep a record from appearing twice: step 1, one nonce per attempt, and the contract's
compare-and-append. Belongs here: that loop. Does not belong here: deciding what to release.
"""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from eth_account.signers.local import LocalAccount

from analytics_pipeline.chain.account import gas_limit, sign
from analytics_pipeline.chain.interface import Call, CallReverted, Fees, TransactionRejected
from analytics_pipeline.chain.outbox import Attempt, Outbox
from analytics_pipeline.chain.plan import check_batch, plan_commits, plan_releases
from analytics_pipeline.chain.registry import Registry, refusal
from analytics_pipeline.core.errors import PublishFailed, RecordRefused, StaleHead
from analytics_pipeline.core.record import (
    ChainEvidence,
    Commit,
    CommitRecord,
    Record,
    Release,
    ReleaseRecord,
)

_LOG = logging.getLogger(__name__)
_MAX_STALE_HEADS: Final = 5

#: What one look at the evidence gives: the records found, and calldata for the rest (or None).
_Look = Callable[[ChainEvidence], tuple[Sequence[Record], bytes | None]]


class Publisher:
    """Appends records to a registry.

    Commit and release a platform's days in turns: a commit that another release overtakes is
    withheld (see `core.errors.CommitWithheld`), so let one process publish at a time.

    Args:
        registry: where to.
        account: who signs; needs the publisher role.
        outbox: the durable list of transactions in flight.
        confirmations: blocks a record must be deep, 1 being the newest; an instant chain needs 1.
        timeout_seconds: how long one call may take in all.
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
        self._chain = registry.chain
        self._account = account
        self._outbox = outbox
        self._confirmations = 1 if self._chain.instant else confirmations
        self._timeout_seconds = timeout_seconds
        self._bump_after_seconds = bump_after_seconds
        self._poll_seconds = poll_seconds
        self._on_step = on_step

    @property
    def address(self) -> str:
        """The account that signs."""
        return str(self._account.address)

    def close(self) -> None:
        """Close the outbox and the chain."""
        self._outbox.close()
        self._chain.close()

    def commit(self, platform: str, commits: Sequence[Commit]) -> list[CommitRecord]:
        """Append commits that are not on chain yet, in one transaction.

        Returns:
            The record of each commit, in the order given.
        Raises:
            StaleHead, NotPublisher, RecordRefused: the contract's answer.
            ReleaseConflict: a revision is on chain with another content.
            PublishFailed: not accepted in time; calling again resumes.
        """
        check_batch(commits)
        result: list[CommitRecord] = []

        def look(evidence: ChainEvidence) -> tuple[Sequence[Record], bytes | None]:
            plan = plan_commits(evidence, commits)
            if plan.missing:
                return (), self.registry.commit_call(platform, evidence.head, plan.missing)
            result[:] = [plan.found[commit] for commit in commits]
            return result, None

        self._publish(platform, look)
        return result

    def release(
        self,
        platform: str,
        releases: Sequence[Release],
        proofs: Sequence[bytes] = (),
    ) -> list[ReleaseRecord]:
        """Append releases of the commits at the end of the chain, in one transaction.

        Args:
            proofs: one per release once the registry has a proof verifier, else none.
        Returns:
            The record of each release, in the order given.
        Raises:
            CommitWithheld: another release came after the commit.
            and everything `commit` raises.
        """
        check_batch(releases)
        proof_of = dict(zip(releases, proofs, strict=True)) if proofs else {}
        result: list[ReleaseRecord] = []

        def look(evidence: ChainEvidence) -> tuple[Sequence[Record], bytes | None]:
            plan = plan_releases(evidence, releases)
            if plan.missing:
                needed = [proof_of[release] for release in plan.missing] if proof_of else []
                data = self.registry.release_call(platform, plan.committed, plan.missing, needed)
                return (), data
            result[:] = [plan.found[release] for release in releases]
            return result, None

        self._publish(platform, look)
        return result

    def _publish(self, platform: str, look: _Look) -> None:
        deadline = time.monotonic() + self._timeout_seconds
        stale_heads = 0
        while True:
            busy = self._push_on()  # 2
            found, calldata = look(self.registry.read_evidence(platform))  # 1
            if calldata is None and self._deep_enough(max(r.block_number for r in found)):
                self._push_on()  # clears the outbox of what has just been settled
                return
            if time.monotonic() > deadline:
                raise PublishFailed(
                    "the chain did not accept the records in time; publishing again resumes"
                )
            if calldata is not None and not busy:
                try:
                    self._plan_and_send(calldata)  # 3
                    continue
                except StaleHead:
                    stale_heads += 1
                    if stale_heads == _MAX_STALE_HEADS:
                        raise
                except RecordRefused as error:
                    if error.name != "CommitTooRecent":
                        raise
            time.sleep(self._poll_seconds)

    def _deep_enough(self, block_number: int) -> bool:
        return self._chain.block_number() - block_number + 1 >= self._confirmations

    def _push_on(self) -> bool:
        """Step 2. False when nothing is in flight any more."""
        while attempts := self._outbox.in_flight(self._chain.chain_id, self.address):
            newest = attempts[0]
            receipts = [self._chain.receipt(a.transaction_hash) for a in attempts]
            included = next((receipt for receipt in receipts if receipt is not None), None)
            if included is not None and not self._deep_enough(included.block_number):
                return True
            if included is not None or self._chain.nonce(self.address) > newest.nonce:
                # Included for good, or the nonce went to another transaction: plan anew.
                self._outbox.forget(self._chain.chain_id, self.address, newest.nonce)
                continue
            if time.time() - newest.persisted_at_ms / 1000 > self._bump_after_seconds:
                newest = self._bump(newest)
            self._send(newest)
            return True
        return False

    def _plan_and_send(self, calldata: bytes) -> None:
        """Step 3."""
        call = Call(self.address, self.registry.address, calldata)
        try:
            self._chain.call(call)
            gas = gas_limit(self._chain.estimate_gas(call))
        except CallReverted as error:
            raise refusal(error) from None
        nonce = self._chain.nonce(self.address)
        self._send(self._sign(call, nonce, 0, gas, self._chain.fees()))

    def _bump(self, old: Attempt) -> Attempt:
        """The same transaction with both fees 25 % up (nodes ask for at least 10 %)."""
        now = self._chain.fees()
        fees = Fees(max(now.max_fee, old.max_fee * 5 // 4 + 1), max(now.tip, old.tip * 5 // 4 + 1))
        _LOG.info("raising fees of a pending transaction, attempt %d", old.attempt + 1)
        call = Call(self.address, old.target, old.data)
        return self._sign(call, old.nonce, old.attempt + 1, old.gas, fees)

    def _sign(self, call: Call, nonce: int, attempt: int, gas: int, fees: Fees) -> Attempt:
        digest, raw = sign(
            self._account, self._chain.chain_id, call, nonce=nonce, gas=gas, fees=fees
        )
        signed = Attempt(
            transaction_hash=digest,
            chain_id=self._chain.chain_id,
            account=self.address,
            nonce=nonce,
            attempt=attempt,
            target=str(call.to),
            data=call.data,
            gas=gas,
            max_fee=fees.max_fee,
            tip=fees.tip,
            raw=raw,
            persisted_at_ms=time.time_ns() // 1_000_000,
        )
        self._on_step("signed")
        self._outbox.persist(signed)
        self._on_step("persisted")
        return signed

    def _send(self, attempt: Attempt) -> None:
        try:
            self._chain.send(attempt.raw)
        except TransactionRejected as error:
            if not error.settled:
                raise PublishFailed(str(error)) from None
        self._on_step("sent")
