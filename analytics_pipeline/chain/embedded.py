"""The default chain: an EVM in this process, on one SQLite file that survives restarts.

It runs the same contract as a public chain, but proves nothing to strangers by itself: whoever
can write the file can write another history, and its one funded key is public. Belongs here: the
`Chain` interface over py-evm. Does not belong here: storage (`kv`) or our contract.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import rlp  # type: ignore[import-untyped]
from eth.exceptions import Revert, VMError
from eth.vm.spoof import SpoofTransaction
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_canonical_address
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

from analytics_pipeline.chain.evm import GAS_LIMIT, DevelopmentChain, create_genesis
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

_ACCOUNTS: Final = 5
_LOGS: Final = (
    "SELECT block_number, log_index, topics, data FROM logs WHERE address = ?"
    " AND block_number BETWEEN ? AND ? ORDER BY 1, 2 LIMIT ?"
)
_LOGS_OF_TOPIC: Final = (
    "SELECT block_number, log_index, topics, data FROM logs WHERE address = ? AND topic1 = ?"
    " AND block_number BETWEEN ? AND ? ORDER BY 1, 2 LIMIT ?"
)


@dataclass(frozen=True)
class Outcome:
    """What became of a call in the EVM.

    Args:
        gas_used: also of one that failed.
    """

    gas_used: int
    computation: Any

    def output(self) -> bytes:
        """What it returned. Raises CallReverted, ChainError."""
        try:
            self.computation.raise_if_error()
        except Revert as error:
            raise CallReverted(bytes(error.args[0])) from None
        except VMError as error:
            raise ChainError(f"call failed in the EVM: {error}") from None
        return bytes(self.computation.output)


def development_account(index: int = 0) -> LocalAccount:
    """One of the chain's funded accounts. Their keys are public on purpose."""
    seed = f"viewership development account {index}".encode()
    account: LocalAccount = Account.from_key(keccak(seed))
    return account


class EmbeddedChain:
    """`Chain` on a SQLite file. Several processes may hold it open; each sees all blocks."""

    chain_id = DEVELOPMENT_CHAIN_ID
    instant = True

    def __init__(self, path: Path) -> None:
        self._store = SqliteStore(path)
        with self._store.writing():
            if not self._store.query("SELECT 1 FROM kv LIMIT 1", ()):
                accounts = [development_account(i).address for i in range(_ACCOUNTS)]
                create_genesis(self._store, accounts)
            self._chain: Any = DevelopmentChain(self._store)

    def block_number(self) -> int:
        with self._store.reading():
            return int(self._chain.get_canonical_head().block_number)

    def wait_for_block(self, number: int, stall_seconds: float) -> None:
        with self._store.writing():
            while (head := self._chain.get_canonical_head()).block_number < number:
                self._chain.mine_all([], parent_header=head)

    def block_header(self, number: int) -> bytes:
        with self._store.reading():
            return bytes(rlp.encode(self._chain.get_canonical_block_header_by_number(number)))

    def block_size(self, number: int) -> int:
        """Bytes of a whole block."""
        with self._store.reading():
            return len(rlp.encode(self._chain.get_canonical_block_by_number(number)))

    def call(self, call: Call, block_number: int | None = None, *, gas: int = GAS_LIMIT) -> bytes:
        return self.run(call, block_number, gas=gas).output()

    def run(self, call: Call, block_number: int | None = None, *, gas: int = GAS_LIMIT) -> Outcome:
        """As `call`, for who wants to know the gas, which a call that fails uses too."""
        computation = self._run(call, block_number, gas)
        return Outcome(gas - int(computation.get_gas_remaining()), computation)

    def estimate_gas(self, call: Call) -> int:
        # What is left excludes refunds, which are only granted after the gas was there.
        outcome = self.run(call)
        outcome.output()
        gas = outcome.gas_used
        while gas < GAS_LIMIT:
            # A contract may ask for more gas than it uses (HonkReleaseVerifier does): try.
            try:
                self.call(call, gas=gas)
            except ChainError:
                gas = min(2 * gas, GAS_LIMIT)
            else:
                break
        return gas

    def _run(self, call: Call, block_number: int | None, gas: int) -> Any:
        with self._store.reading():
            at = self._header(block_number)
            unsigned = self._chain.get_vm(at).create_unsigned_transaction(
                nonce=0,
                gas_price=0,
                gas=gas,
                to=to_canonical_address(call.to) if call.to else b"",
                value=0,
                data=call.data,
            )
            sender = to_canonical_address(call.sender)
            with self._chain.get_vm(at).in_costless_state() as state:
                transaction = SpoofTransaction(
                    unsigned, from_=sender, nonce=state.get_nonce(sender)
                )
                try:
                    computation = state.costless_execute_transaction(transaction)
                except ValidationError as error:
                    raise ChainError(f"call refused by the EVM: {error}") from None
        return computation

    def code(self, address: str, block_number: int | None = None) -> bytes:
        with self._store.reading():
            return bytes(self._state(block_number).get_code(to_canonical_address(address)))

    def nonce(self, address: str) -> int:
        with self._store.reading():
            return int(self._state().get_nonce(to_canonical_address(address)))

    def _header(self, number: int | None) -> Any:
        head = self._chain.get_canonical_head()
        if number is None or number == head.block_number:
            return head
        return self._chain.get_canonical_block_header_by_number(number)

    def _state(self, block_number: int | None = None) -> Any:
        return self._chain.get_vm(self._header(block_number)).state

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

    def transactions(self, blocks: Sequence[int]) -> dict[int, bytes]:
        """Hash of the one transaction of every block that has one, by the block's number.

        Args:
            blocks: first and last block number.
        """
        with self._store.reading():
            return dict(
                self._store.query(
                    "SELECT block_number, transaction_hash FROM receipts"
                    " WHERE block_number BETWEEN ? AND ?",
                    (blocks[0], blocks[-1]),
                )
            )

    def logs(
        self, address: str, topic1: bytes | None, blocks: Sequence[int], limit: int = -1
    ) -> list[Log]:
        """See `Chain.logs`. None: with any second topic, or none; at most `limit` events."""
        query = _LOGS if topic1 is None else _LOGS_OF_TOPIC
        where = (to_canonical_address(address), *(() if topic1 is None else (topic1,)))
        with self._store.reading():
            rows = self._store.query(query, (*where, blocks[0], blocks[-1], limit))
        return [
            Log(number, index, tuple(topics[i : i + 32] for i in range(0, len(topics), 32)), data)
            for number, index, topics, data in rows
        ]

    def close(self) -> None:
        self._store.close()
