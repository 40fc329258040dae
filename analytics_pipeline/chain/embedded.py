"""The default chain: an EVM in this process, on one SQLite file that survives restarts.

It runs the same contract as a public chain, but proves nothing to strangers by itself: whoever
can write the file can write another history, and its one funded key is public. Belongs here: the
`Chain` interface over py-evm. Does not belong here: storage (`kv`) or our contract.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from eth.chains.base import MiningChain
from eth.consensus.applier import ConsensusApplier
from eth.consensus.noproof import NoProofConsensus
from eth.constants import POST_MERGE_DIFFICULTY, POST_MERGE_MIX_HASH, POST_MERGE_NONCE
from eth.exceptions import Revert, VMError
from eth.vm.forks.cancun import CancunVM
from eth.vm.spoof import SpoofTransaction
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_canonical_address
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

from analytics_pipeline.chain.interface import (
    Call,
    CallReverted,
    Fees,
    Log,
    Receipt,
    TransactionRejected,
)
from analytics_pipeline.chain.kv import SqliteStore
from analytics_pipeline.core.errors import ChainError
from analytics_pipeline.core.record import DEVELOPMENT_CHAIN_ID

_GAS_LIMIT: Final = 30_000_000
_BALANCE_WEI: Final = 10**30
_ACCOUNTS: Final = 5


def development_account(index: int = 0) -> LocalAccount:
    """One of the chain's funded accounts. Their keys are public on purpose."""
    seed = f"viewership development account {index}".encode()
    account: LocalAccount = Account.from_key(keccak(seed))
    return account


class _Chain(MiningChain):
    chain_id = DEVELOPMENT_CHAIN_ID
    vm_configuration = ConsensusApplier(NoProofConsensus).amend_vm_configuration(((0, CancunVM),))

    def create_header_from_parent(self, parent_header: Any, **params: Any) -> Any:
        params["gas_limit"] = parent_header.gas_limit
        return super().create_header_from_parent(parent_header, **params)


def _genesis(store: SqliteStore) -> None:
    accounts = [development_account(i) for i in range(_ACCOUNTS)]
    _Chain.from_genesis(
        store,
        {
            "coinbase": bytes(20),
            "difficulty": POST_MERGE_DIFFICULTY,
            "extra_data": b"",
            "gas_limit": _GAS_LIMIT,
            "mix_hash": POST_MERGE_MIX_HASH,
            "nonce": POST_MERGE_NONCE,
            "timestamp": int(time.time()),
        },
        {
            to_canonical_address(account.address): {
                "balance": _BALANCE_WEI,
                "code": b"",
                "nonce": 0,
                "storage": {},
            }
            for account in accounts
        },
    )


class EmbeddedChain:
    """`Chain` on a SQLite file. Several processes may hold it open; each sees all blocks."""

    chain_id = DEVELOPMENT_CHAIN_ID
    instant = True

    def __init__(self, path: Path) -> None:
        self._store = SqliteStore(path)
        with self._store.writing():
            if not self._store.query("SELECT 1 FROM kv LIMIT 1", ()):
                _genesis(self._store)
            self._chain: Any = _Chain(self._store)

    def block_number(self) -> int:
        with self._store.reading():
            return int(self._chain.get_canonical_head().block_number)

    def call(self, call: Call, block_number: int | None = None) -> bytes:
        return bytes(self._run(call, block_number).output)

    def estimate_gas(self, call: Call) -> int:
        # What is left excludes refunds, which are only granted after the gas was there.
        return _GAS_LIMIT - int(self._run(call, None).get_gas_remaining())

    def _run(self, call: Call, block_number: int | None) -> Any:
        with self._store.reading():
            at = self._chain.get_canonical_head()
            if block_number is not None and block_number != at.block_number:
                at = self._chain.get_canonical_block_header_by_number(block_number)
            unsigned = self._chain.get_vm(at).create_unsigned_transaction(
                nonce=0,
                gas_price=0,
                gas=_GAS_LIMIT,
                to=to_canonical_address(call.to) if call.to else b"",
                value=0,
                data=call.data,
            )
            sender = to_canonical_address(call.sender)
            with self._chain.get_vm(at).in_costless_state() as state:
                transaction = SpoofTransaction(
                    unsigned, from_=sender, nonce=state.get_nonce(sender)
                )
                computation = state.costless_execute_transaction(transaction)
        try:
            computation.raise_if_error()
        except Revert as error:
            raise CallReverted(bytes(error.args[0])) from None
        except VMError as error:
            raise ChainError(f"call failed in the EVM: {error}") from None
        return computation

    def code(self, address: str) -> bytes:
        with self._store.reading():
            return bytes(self._state().get_code(to_canonical_address(address)))

    def nonce(self, address: str) -> int:
        with self._store.reading():
            return int(self._state().get_nonce(to_canonical_address(address)))

    def _state(self) -> Any:
        return self._chain.get_vm(self._chain.get_canonical_head()).state

    def fees(self) -> Fees:
        with self._store.reading():
            base = int(self._chain.get_canonical_head().base_fee_per_gas)
        return Fees(max_fee=2 * base + 1, tip=1)

    def send(self, raw: bytes) -> None:
        """Mine the transaction in a block of its own, whole or not at all."""
        with self._store.writing():
            head = self._chain.get_canonical_head()
            builder = self._chain.get_vm(head).get_transaction_builder()
            transaction = builder.decode(raw)
            if transaction.chain_id != self.chain_id:  # py-evm does not look
                raise TransactionRejected("signed for another chain", settled=False)
            try:
                result, receipts, _ = self._chain.mine_all([transaction], parent_header=head)
            except ValidationError as error:
                reason = str(error)
                settled = transaction.nonce < self._state().get_nonce(transaction.sender)
                raise TransactionRejected(reason, settled=settled) from None
            self._index(result.imported_block.number, transaction.hash, receipts[0])

    def _index(self, number: int, transaction_hash: bytes, receipt: Any) -> None:
        succeeded = int(receipt.state_root == b"\x01")
        row = (transaction_hash, number, succeeded, receipt.gas_used)
        self._store.query("INSERT INTO receipts VALUES (?, ?, ?, ?)", row)
        for index, log in enumerate(receipt.logs):
            topics = [topic.to_bytes(32, "big") for topic in log.topics]
            topic1 = topics[1] if len(topics) > 1 else b""
            self._store.query(
                "INSERT INTO logs VALUES (?, ?, ?, ?, ?, ?)",
                (log.address, topic1, number, index, b"".join(topics), log.data),
            )

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        with self._store.reading():
            rows = self._store.query(
                "SELECT block_number, succeeded, gas_used FROM receipts WHERE transaction_hash = ?",
                (transaction_hash,),
            )
        return Receipt(rows[0][0], bool(rows[0][1]), rows[0][2]) if rows else None

    def gas_used(self, block_number: int) -> int:
        """Gas of the one transaction in a block."""
        with self._store.reading():
            rows = self._store.query(
                "SELECT gas_used FROM receipts WHERE block_number = ?", (block_number,)
            )
        return int(rows[0][0])

    def logs(self, address: str, topic1: bytes, blocks: Sequence[int]) -> list[Log]:
        with self._store.reading():
            rows = self._store.query(
                "SELECT block_number, log_index, topics, data FROM logs WHERE address = ?"
                " AND topic1 = ? AND block_number BETWEEN ? AND ? ORDER BY 1, 2",
                (to_canonical_address(address), topic1, blocks[0], blocks[-1]),
            )
        return [
            Log(number, index, tuple(topics[i : i + 32] for i in range(0, len(topics), 32)), data)
            for number, index, topics, data in rows
        ]

    def close(self) -> None:
        self._store.close()
