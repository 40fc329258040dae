"""What a chain must offer, whether it is embedded or behind JSON-RPC.

Belongs here: the `Chain` protocol, its values and the errors every backend raises. Does not
belong here: anything about our contract (`registry`, `publisher`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from analytics_pipeline.core.errors import ChainError


class ChainUnreachable(ChainError):
    """No connection to the chain's node."""


class BlockNotReached(ChainError):
    """The chain stopped growing before a block that was waited for."""


class HeaderUnreadable(ChainError):
    """The fields of a block's header do not hash to the block's hash: the node lies, or the chain
    has a fork that this version does not know."""


class CallReverted(ChainError):
    """The contract reverted; ``data`` is the ABI-encoded custom error."""

    def __init__(self, data: bytes) -> None:
        super().__init__(f"call reverted: 0x{data[:4].hex()}")
        self.data = data


class TransactionRejected(ChainError):
    """The node refused a signed transaction.

    Args:
        reason: what the node said.
        settled: nothing to report: the node has it already, or its nonce is used, or a better
            paid transaction holds it, or its fee is too low for now.
    """

    def __init__(self, reason: str, *, settled: bool) -> None:
        super().__init__(f"transaction refused: {reason}")
        self.settled = settled


@dataclass(frozen=True)
class Call:
    """A call or an unsigned transaction. ``to`` is None when a contract is created."""

    sender: str
    to: str | None
    data: bytes


@dataclass(frozen=True)
class Log:
    """One event as the chain has it; ``topics[0]`` is the event's signature hash."""

    block_number: int
    log_index: int
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True)
class Receipt:
    """Where a transaction was included."""

    block_number: int
    succeeded: bool
    gas_used: int


@dataclass(frozen=True)
class Fees:
    """EIP-1559 fees in wei per unit of gas."""

    max_fee: int
    tip: int


class Chain(Protocol):
    """An EVM chain. Every method raises ChainError when the chain cannot be reached in time."""

    #: EIP-155 chain id
    chain_id: int
    #: a block per transaction, mined while sending, never reorganised
    instant: bool

    def block_number(self) -> int:
        """Number of the newest block."""
        ...

    def wait_for_block(self, number: int, stall_seconds: float) -> None:
        """Return once the block exists; an embedded chain mines up to it.

        Args:
            stall_seconds: how long to go on without any new block.
        Raises:
            BlockNotReached: the chain stopped growing.
        """
        ...

    def block_header(self, number: int) -> bytes:
        """RLP of a block's header; its Keccak-256 is the block's hash.

        Raises:
            HeaderUnreadable: it is not.
        """
        ...

    def call(self, call: Call, block_number: int | None = None) -> bytes:
        """Run without a transaction, as of a block; None: as if in the next block.

        Raises:
            CallReverted: the contract refused.
        """
        ...

    def estimate_gas(self, call: Call) -> int:
        """Gas that is enough for the transaction in the next block. Raises CallReverted."""
        ...

    def code(self, address: str, block_number: int | None = None) -> bytes:
        """Deployed bytecode as of a block, None: the newest; empty if there is no contract."""
        ...

    def fees(self) -> Fees:
        """Fees that get a transaction into one of the next blocks."""
        ...

    def nonce(self, address: str) -> int:
        """Number of transactions of an account up to the newest block."""
        ...

    def send(self, raw: bytes) -> None:
        """Broadcast a signed transaction. Raises TransactionRejected."""
        ...

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """Where a transaction was included on the canonical chain; None if it was not."""
        ...

    def logs(self, address: str, topic1: bytes, blocks: Sequence[int]) -> list[Log]:
        """Events of a contract with this second topic, in order.

        Args:
            blocks: first and last block number.
        """
        ...

    def close(self) -> None:
        """Release files and connections."""
        ...
