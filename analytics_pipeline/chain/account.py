"""Accounts that sign: the publisher's key, and sending a transaction that nobody waits on twice.

Belongs here: loading a key and signing. The key never reaches a log, an exception or the outbox.
Publishing records goes through `publisher`, which survives crashes; `send_and_wait` is for
set-up (deploying, roles), where a person looks at the result.
"""

import re
import time
from pathlib import Path
from typing import Any, Final

from eth_account import Account
from eth_account.signers.local import LocalAccount

from analytics_pipeline.chain.interface import Call, Chain, Fees, Receipt, TransactionRejected
from analytics_pipeline.core.errors import KeyUnavailable, PublishFailed

#: Of one transaction: 2²⁴ (EIP-7825).
MAX_GAS: Final = 16_777_216
_KEY = re.compile(r"(0x)?[0-9a-fA-F]{64}")


def load_account(path: Path) -> LocalAccount:
    """Read a private key (64 hex digits) from a file. Raises KeyUnavailable."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        kind = type(error).__name__
        raise KeyUnavailable(f"publisher key file {path} cannot be read ({kind})") from None
    if not _KEY.fullmatch(text):
        raise KeyUnavailable(f"publisher key file {path} does not hold 64 hex digits")
    try:
        account: LocalAccount = Account.from_key(text)
    except ValueError:
        raise KeyUnavailable(f"publisher key file {path} holds no valid key") from None
    return account


def sign(
    account: LocalAccount, chain_id: int, call: Call, *, nonce: int, gas: int, fees: Fees
) -> tuple[bytes, bytes]:
    """Sign an EIP-1559 transaction.

    Returns:
        Its hash and its raw bytes.
    """
    transaction: dict[str, Any] = {
        "type": 2,
        "chainId": chain_id,
        "nonce": nonce,
        "gas": gas,
        "maxFeePerGas": fees.max_fee,
        "maxPriorityFeePerGas": fees.tip,
        "value": 0,
        "data": call.data,
    }
    if call.to is not None:
        transaction["to"] = call.to
    signed = account.sign_transaction(transaction)
    return bytes(signed.hash), bytes(signed.raw_transaction)


def gas_limit(estimate: int) -> int:
    """Estimates are for the state of now; a fifth more covers a change of state before mining, as
    far as a transaction may have it (nodes refuse more without looking)."""
    return max(estimate, min(estimate * 6 // 5, MAX_GAS))


def send_and_wait(
    chain: Chain,
    account: LocalAccount,
    to: str | None,
    data: bytes,
    *,
    nonce: int | None = None,
    timeout_seconds: float = 120.0,
) -> Receipt:
    """Send one transaction and wait until it is included.

    Args:
        nonce: the only one to use; None: the next free one, again if it is lost to another
            transaction of the account.
    Raises:
        CallReverted: the contract would refuse it; nothing was sent.
        TransactionRejected: the node refused it.
        PublishFailed: not included in time, or it failed on chain.
    """
    call = Call(account.address, to, data)
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        used = chain.nonce(account.address) if nonce is None else nonce
        gas = gas_limit(chain.estimate_gas(call))
        digest, raw = sign(account, chain.chain_id, call, nonce=used, gas=gas, fees=chain.fees())
        try:
            chain.send(raw)
        except TransactionRejected as error:
            if not error.settled or nonce is not None:
                raise
        while (receipt := chain.receipt(digest)) is None:
            if time.monotonic() > deadline or chain.nonce(account.address) > used:
                break
            time.sleep(0.1)
        if receipt is None and (receipt := chain.receipt(digest)) is None:
            continue  # the nonce went to another transaction
        if not receipt.succeeded:
            raise PublishFailed(f"transaction 0x{digest.hex()} failed on chain")
        return receipt
    raise PublishFailed("the transaction was not included in time")
