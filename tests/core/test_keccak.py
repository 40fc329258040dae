"""Keccak-256 and checksummed addresses are those of the Ethereum libraries."""

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from analytics_pipeline.core.keccak import checksum_address, keccak256


def test_known_answers() -> None:
    """The empty input, and an example of EIP-55."""
    empty = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak256(b"").hex() == empty
    address = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    assert checksum_address(address.lower()) == checksum_address(address) == address


@given(st.binary(max_size=300))
def test_the_same_as_eth_utils(data: bytes) -> None:
    assert keccak256(data) == keccak(data)
    address = "0x" + data[:20].ljust(20, b"\x7f").hex()
    assert checksum_address(address) == to_checksum_address(address)
