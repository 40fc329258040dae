"""The EVM's three BN254 operations in native code (mcl): pure Python takes seconds a proof.

Inputs and answers are those of the precompiled contracts 0x06 to 0x08 (EIP-196, EIP-197). Belongs
here: the arithmetic, and saying no to what is not a point; gas is in `evm`. `available` is False
where no wheel of mcl exists; the embedded chain then computes in Python.
"""

from ctypes import create_string_buffer
from functools import cache
from typing import Any, Final

PRIME: Final = 21888242871839275222246405745257275088696311157297823662689037894645226208583
ORDER: Final = 21888242871839275222246405745257275088548364400416034343698204186575808495617
_ETHEREUM_CURVE: Final = 4  # MCL_BN_SNARK1
_HEXADECIMAL: Final = 16
_G1_BYTES: Final = 96
_G2_BYTES: Final = 192
_GT_BYTES: Final = 384
_PAIR_BYTES: Final = 192
_INFINITY: Final = b"0"


class NotAPoint(ValueError):
    """The input names no point of the curve."""


@cache
def _mcl() -> Any:
    from mclbn256 import mclbn256  # type: ignore[import-untyped]

    library = mclbn256.lib
    if library.mclBn_init(_ETHEREUM_CURVE, mclbn256.MCLBN_COMPILED_TIME_VAR):
        raise ImportError("mcl does not know the curve")
    return library


@cache
def available() -> bool:
    """Whether mcl can be loaded here."""
    try:
        _mcl()
    except (ImportError, OSError):
        return False
    return True


def add(data: bytes) -> bytes:
    """Sum of two points (128 bytes, zero-filled). Raises NotAPoint."""
    data = data.ljust(128, b"\0")[:128]
    total = create_string_buffer(_G1_BYTES)
    _mcl().mclBnG1_add(total, _g1(data[:64]), _g1(data[64:]))
    return _g1_bytes(total)


def multiply(data: bytes) -> bytes:
    """A point times a number (96 bytes, zero-filled). Raises NotAPoint."""
    data = data.ljust(96, b"\0")[:96]
    scalar, product = create_string_buffer(32), create_string_buffer(_G1_BYTES)
    text = b"%x" % (int.from_bytes(data[64:], "big") % ORDER)
    _mcl().mclBnFr_setStr(scalar, text, len(text), _HEXADECIMAL)
    _mcl().mclBnG1_mul(product, _g1(data[:64]), scalar)
    return _g1_bytes(product)


def pairing(data: bytes) -> bool:
    """Whether the product of the pairings is one (192 bytes a pair). Raises NotAPoint."""
    mcl = _mcl()
    product, one = create_string_buffer(_GT_BYTES), create_string_buffer(_GT_BYTES)
    mcl.mclBnGT_setStr(product, b"1" + b" 0" * 11, 24 - 1, 10)
    for start in range(0, len(data), _PAIR_BYTES):
        left, right = _g1(data[start : start + 64]), _g2(data[start + 64 : start + _PAIR_BYTES])
        if mcl.mclBnG1_isZero(left) or mcl.mclBnG2_isZero(right):
            continue
        mcl.mclBn_millerLoop(one, left, right)
        mcl.mclBnGT_mul(product, product, one)
    mcl.mclBn_finalExp(product, product)
    return bool(mcl.mclBnGT_isOne(product))


def _coordinates(data: bytes) -> list[int]:
    numbers = [int.from_bytes(data[i : i + 32], "big") for i in range(0, len(data), 32)]
    if max(numbers) >= PRIME:
        raise NotAPoint
    return numbers


def _g1(data: bytes) -> Any:
    x, y = _coordinates(data)
    point = create_string_buffer(_G1_BYTES)
    text = b"1 %x %x" % (x, y) if (x, y) != (0, 0) else _INFINITY
    if _mcl().mclBnG1_setStr(point, text, len(text), _HEXADECIMAL):
        raise NotAPoint
    return point


def _g2(data: bytes) -> Any:
    # The EVM writes an element of the quadratic extension with its imaginary part first.
    numbers = xi, xr, yi, yr = _coordinates(data)
    point = create_string_buffer(_G2_BYTES)
    text = b"1 %x %x %x %x" % (xr, xi, yr, yi) if any(numbers) else _INFINITY
    if _mcl().mclBnG2_setStr(point, text, len(text), _HEXADECIMAL):
        raise NotAPoint
    if not _mcl().mclBnG2_isValidOrder(point):  # on the curve, yet outside the group
        raise NotAPoint
    return point


def _g1_bytes(point: Any) -> bytes:
    text = create_string_buffer(160)
    length = _mcl().mclBnG1_getStr(text, len(text), point, _HEXADECIMAL)
    words = text.raw[:length].split()
    if words[0] == _INFINITY:
        return bytes(64)
    return b"".join(int(word, 16).to_bytes(32, "big") for word in words[1:])
