"""The header of a block, as the bytes whose hash is the block's hash.

JSON-RPC gives a header as named fields; a contract checks its bytes (RLP). Belongs here: the order
of the fields from London to Osaka, both ways, and the check against the hash. A later fork that
adds a field is noticed, for the hash then differs. Reading a header is the contract's business
(contracts/src/BlockHeader.sol).
"""

from collections.abc import Mapping
from typing import Any, Final

import rlp  # type: ignore[import-untyped]
from eth_utils.crypto import keccak

from analytics_pipeline.chain.interface import HeaderUnreadable

_QUANTITIES: Final = frozenset(
    (
        *("difficulty", "number", "gasLimit", "gasUsed", "timestamp"),
        *("baseFeePerGas", "blobGasUsed", "excessBlobGas"),
    )
)
_ORDER: Final = (
    *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot"),
    *("logsBloom", "difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData"),
    *("mixHash", "nonce"),
    "baseFeePerGas",  # London
    "withdrawalsRoot",  # Shanghai
    *("blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot"),  # Cancun
    "requestsHash",  # Prague
)


def encode_header(block: Mapping[str, Any]) -> bytes:
    """RLP of the header of a block as `eth_getBlockByNumber` gives it.

    Raises:
        HeaderUnreadable: a field is malformed, or the bytes do not hash to the block's hash.
    """
    try:
        items = [_item(name, block[name]) for name in _ORDER if block.get(name) is not None]
        header = bytes(rlp.encode(items))
        expected = bytes.fromhex(block["hash"][2:])
    except (KeyError, TypeError, ValueError):
        raise HeaderUnreadable("a block lacks its hash, or a field is malformed") from None
    if keccak(header) != expected:
        raise HeaderUnreadable(
            "a block's fields do not hash to its hash: an unknown fork, or a node that lies"
        )
    return header


def decode_header(header: bytes) -> dict[str, str]:
    """The inverse of `encode_header`: the header's fields, and its hash, as JSON-RPC names them.

    Args:
        header: RLP of a header of London or later.
    """
    items = rlp.decode(header)
    fields = {name: _shown(name, value) for name, value in zip(_ORDER, items, strict=False)}
    return {"hash": "0x" + keccak(header).hex(), **fields}


def _shown(name: str, value: bytes) -> str:
    return hex(int.from_bytes(value, "big")) if name in _QUANTITIES else "0x" + value.hex()


def _item(name: str, value: str) -> bytes:
    if name in _QUANTITIES:
        number = int(value, 16)
        return number.to_bytes((number.bit_length() + 7) // 8, "big")
    return bytes.fromhex(value[2:])
