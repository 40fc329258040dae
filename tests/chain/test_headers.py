"""A header from the fields that JSON-RPC names; real nodes' are in test_remote_beacons."""

from typing import Any

import pytest
import rlp
from eth_utils.crypto import keccak

from analytics_pipeline.chain.embedded import EmbeddedChain
from analytics_pipeline.chain.headers import encode_header
from analytics_pipeline.chain.interface import HeaderUnreadable

_NAMES = (
    *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot"),
    *("logsBloom", "difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData"),
    *("mixHash", "nonce", "baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas"),
    "parentBeaconBlockRoot",
)
_QUANTITIES = {
    *("difficulty", "number", "gasLimit", "gasUsed", "timestamp"),
    *("baseFeePerGas", "blobGasUsed", "excessBlobGas"),
}


@pytest.fixture
def header(chain: EmbeddedChain) -> bytes:
    """Of a block that the embedded chain made, by Cancun's rules."""
    chain.wait_for_block(2, 0)
    return chain.block_header(2)


def as_json(header: bytes) -> dict[str, Any]:
    """What `eth_getBlockByNumber` says of it, with members that are not in a header."""
    items = rlp.decode(header)
    block: dict[str, Any] = {
        name: hex(int.from_bytes(item, "big")) if name in _QUANTITIES else "0x" + item.hex()
        for name, item in zip(_NAMES, items, strict=True)
    }
    return block | {"hash": "0x" + keccak(header).hex(), "size": "0x2a", "transactions": []}


def test_a_header_comes_back_byte_for_byte(header: bytes) -> None:
    """Zero is the empty string, a nonce keeps its zeros, and what is null is not there."""
    assert encode_header(as_json(header)) == header
    assert encode_header(as_json(header) | {"requestsHash": None}) == header


@pytest.mark.parametrize("name", [*_NAMES, "hash"])
def test_every_field_counts(header: bytes, name: str) -> None:
    """A node that changes, leaves out or garbles one is found out."""
    block = as_json(header)
    other = "0x7" if name in _QUANTITIES else "0x" + "77" * 32
    without = {key: value for key, value in block.items() if key != name}
    for wrong in (block | {name: other}, without, block | {name: "0xzz"}, block | {name: 5}):
        with pytest.raises(HeaderUnreadable):
            encode_header(wrong)


def test_an_unknown_fork_is_noticed(header: bytes) -> None:
    """A field that this version does not know changes the hash."""
    later = bytes(rlp.encode([*rlp.decode(header), keccak(b"requests"), keccak(b"later")]))
    block = as_json(header) | {
        "requestsHash": "0x" + keccak(b"requests").hex(),
        "laterRoot": "0x" + keccak(b"later").hex(),
        "hash": "0x" + keccak(later).hex(),
    }
    with pytest.raises(HeaderUnreadable, match="unknown fork"):
        encode_header(block)
