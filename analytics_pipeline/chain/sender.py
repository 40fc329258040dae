"""Getting one transaction after another onto the chain, exactly once each.

The loop of `Sender.run`, by number:

    1  look at the chain; if everything wanted is there, deep enough, return: nothing is sent
    2  push on what is in flight: the same bytes again, or the same nonce with higher fees
    3  otherwise preflight what is missing, sign, persist, then send; back to 1

A killed process goes on from the outbox. Belongs here: that loop, whatever is sent. Does not belong
here: what to send and when it counts as done (`publisher`).
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from eth_account.signers.local import LocalAccount

from analytics_pipeline.chain.account import gas_limit, sign
from analytics_pipeline.chain.interface import Call, CallReverted, Fees, TransactionRejected
from analytics_pipeline.chain.outbox import Attempt, Outbox
from analytics_pipeline.chain.refusals import refusal
from analytics_pipeline.chain.registry import Registry
from analytics_pipeline.core.errors import PublishFailed, StaleHead

_LOG = logging.getLogger(__name__)
_MAX_STALE_HEADS: Final = 5


@dataclass(frozen=True)
class Look:
    """What one look at the chain says.

    Args:
        missing: calldata of the next transaction; None if everything wanted is there.
        settled: it is deep enough to stay.
    """

    missing: bytes | None
    settled: bool = False


class Sender:
    """Sends calldata to a registry from one account; arguments as `publisher.Publisher`'s."""

    def __init__(
        self,
        registry: Registry,
        account: LocalAccount,
        outbox: Outbox,
        *,
        confirmations: int,
        timeout_seconds: float,
        bump_after_seconds: float,
        poll_seconds: float,
        on_step: Callable[[str], None],
    ) -> None:
        self._registry = registry
        self._chain = registry.chain
        self._account = account
        self._outbox = outbox
        self._confirmations = 1 if self._chain.instant else confirmations
        self.timeout_seconds = timeout_seconds
        self._bump_after_seconds = bump_after_seconds
        self._poll_seconds = poll_seconds
        self.on_step = on_step

    @property
    def address(self) -> str:
        """The account that signs."""
        return str(self._account.address)

    def close(self) -> None:
        self._outbox.close()

    def settled_block(self) -> int:
        """The newest block that is deep enough."""
        return max(0, self._chain.block_number() - self._confirmations + 1)

    def run(self, look: Callable[[], Look]) -> None:
        """Send what is missing until nothing is.

        Raises:
            StaleHead, NotPublisher, RecordRefused: the contract's answer.
            PublishFailed: not accepted in time; running again resumes.
        """
        deadline = time.monotonic() + self.timeout_seconds
        stale_heads = 0
        while True:
            busy = self._push_on()  # 2
            seen = look()  # 1
            if seen.settled:
                self._push_on()  # clears the outbox of what has just been settled
                return
            if time.monotonic() > deadline:
                raise PublishFailed(
                    "the chain did not accept the records in time; publishing again resumes"
                )
            if seen.missing is not None and not busy:
                try:
                    self._preflight_and_send(seen.missing)  # 3
                    continue
                except StaleHead:
                    stale_heads += 1
                    if stale_heads == _MAX_STALE_HEADS:
                        raise
            time.sleep(self._poll_seconds)

    def _push_on(self) -> bool:
        """Step 2. False when nothing is in flight any more."""
        while attempts := self._outbox.in_flight(self._chain.chain_id, self.address):
            newest = attempts[0]
            receipts = [self._chain.receipt(a.transaction_hash) for a in attempts]
            included = next((receipt for receipt in receipts if receipt is not None), None)
            if included is not None and included.block_number > self.settled_block():
                return True
            if included is not None or self._chain.nonce(self.address) > newest.nonce:
                # Included for good, or the nonce went to another transaction: look anew.
                self._outbox.forget(self._chain.chain_id, self.address, newest.nonce)
                continue
            if time.time() - newest.persisted_at_ms / 1000 > self._bump_after_seconds:
                newest = self._bump(newest)
            self._send(newest)
            return True
        return False

    def _preflight_and_send(self, calldata: bytes) -> None:
        """Step 3."""
        call = Call(self.address, self._registry.address, calldata)
        try:
            self._chain.call(call)
            gas = gas_limit(self._chain.estimate_gas(call))
        except CallReverted as error:
            raise refusal(error) from None
        nonce = self._chain.nonce(self.address)
        signed = self._sign(call, nonce, 0, gas, self._chain.fees())
        try:
            self._send(signed)
        except PublishFailed:
            # Never taken: the next try is signed with the gas and fees of then, at the same nonce.
            self._outbox.forget(self._chain.chain_id, self.address, nonce)
            raise

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
        self.on_step("signed")
        self._outbox.persist(signed)
        self.on_step("persisted")
        return signed

    def _send(self, attempt: Attempt) -> None:
        try:
            self._chain.send(attempt.raw)
        except TransactionRejected as error:
            if not error.settled:
                raise PublishFailed(str(error)) from None
        self.on_step("sent")
