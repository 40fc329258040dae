"""Many numbers modulo BN254's base prime at once, in numpy: exact integers kept in floats.

A number is 11 limbs of 24 bits, one per row of an array; each column ("lane") is a number of its
own. Limbs are balanced (−2²³ to 2²³), so the sum of a product's limbs stays below 2⁵³, where floats
are exact. Belongs here: products, inverses, packing. Does not belong here: curves (`powers`).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

#: Order of the field that coordinates of points live in (core.field has the other one).
BASE_PRIME: Final = 21888242871839275222246405745257275088696311157297823662689037894645226208583
Lanes = npt.NDArray[np.float64]

_LIMBS: Final = 11
_BITS: Final = 24
_BYTES: Final = _BITS // 8
_BASE: Final = float(2**_BITS)
#: Lanes that are worked on together, so that what is in hand stays in the processor's cache.
_BLOCK: Final = 2048
#: Below so many lanes Python's own integers are faster than halving further.
_FEW: Final = 512


def pack(values: Sequence[int]) -> Lanes:
    """Numbers of [0, prime) as lanes."""
    data = b"".join([value.to_bytes(_LIMBS * _BYTES, "little") for value in values])
    octets = np.frombuffer(data, np.uint8).reshape(-1, _LIMBS, _BYTES).astype(np.float64)
    return np.ascontiguousarray((octets @ (256.0 ** np.arange(_BYTES))).T)


def unpack(lanes: Lanes) -> list[int]:
    """Lanes as numbers of [0, prime)."""
    data = big_endian(lanes)
    return [int.from_bytes(data[i : i + 32], "big") for i in range(0, len(data), 32)]


def big_endian(lanes: Lanes) -> bytes:
    """Each lane's number of [0, prime) as 32 bytes, big-endian, one after the other."""
    limbs = lanes.astype(np.int64)
    limbs = np.where(_carry_all(limbs)[-1] < 0, limbs + _PRIME_INTEGERS, limbs)
    limbs = _carry_all(limbs)[:-1]
    # Rounding leaves a number within (−prime, prime): after the step above, within [0, prime).
    octets = limbs.T.astype("<u4")[:, :, None].view(np.uint8)[:, :, :_BYTES]
    return octets.reshape(len(octets), -1)[:, 31::-1].tobytes()


def multiply(a: Lanes, b: Lanes, minus: Lanes | None = None) -> Lanes:
    """a·b, less `minus`. Any of them may be a sum or difference of two or three results."""
    result = np.empty_like(a)
    for start in range(0, a.shape[1], _BLOCK):
        block = slice(start, start + _BLOCK)
        less = None if minus is None else minus[:, block]
        _multiply_block(a[:, block], b[:, block], less, result[:, block])
    return result


def invert(lanes: Lanes) -> Lanes:
    """1/a for every lane, none of which may be 0. Halves: 1/a = b·(1/ab), and likewise 1/b."""
    width = lanes.shape[1]
    if width <= _FEW:
        return _invert_few(lanes)
    half = width // 2
    low, high = lanes[:, :half], lanes[:, half : 2 * half]
    inverse = invert(multiply(low, high))
    result = np.empty_like(lanes)
    result[:, :half] = multiply(inverse, high)
    result[:, half : 2 * half] = multiply(inverse, low)
    if width % 2:
        result[:, -1:] = _invert_few(lanes[:, -1:])
    return result


def _invert_few(lanes: Lanes) -> Lanes:
    values = unpack(multiply(lanes, np.broadcast_to(_ONE, lanes.shape)))
    products = [1]
    for value in values:
        products.append(products[-1] * value % BASE_PRIME)
    inverse = pow(products[-1], -1, BASE_PRIME)
    for index in range(len(values) - 1, -1, -1):
        products[index] = inverse * products[index] % BASE_PRIME
        inverse = inverse * values[index] % BASE_PRIME
    return pack(products[:-1])


def _multiply_block(a: Lanes, b: Lanes, minus: Lanes | None, result: Lanes) -> None:
    product = np.zeros((2 * _LIMBS, a.shape[1]))
    part = np.empty_like(b)
    for i in range(_LIMBS):
        np.multiply(b, a[i], out=part)
        product[i : i + _LIMBS] += part
    scratch = np.empty_like(product)
    _carry(product, scratch)
    _carry(product[_LIMBS:], scratch[_LIMBS:])
    # What stands at 2^264 and above comes back as its remainder; then whole primes are taken off.
    np.matmul(_REMAINDERS, product[_LIMBS:], out=result)
    result += product[:_LIMBS]
    if minus is not None:
        result -= minus
    result -= _PRIME * np.rint(_QUOTIENT @ result)
    _carry(result, scratch[:_LIMBS])
    _carry(result, scratch[:_LIMBS])


def _carry(limbs: Lanes, scratch: Lanes) -> None:
    """Pass what a limb has too much to the next, all limbs at once. The last keeps its own."""
    np.multiply(limbs, 1 / _BASE, out=scratch)
    np.rint(scratch, out=scratch)
    scratch[-1] = 0.0
    limbs[1:] += scratch[:-1]
    scratch *= _BASE
    limbs -= scratch


def _carry_all(limbs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Limbs of [0, 2²⁴), and as one more row what is left over: the sign."""
    carried = np.concatenate([limbs, np.zeros((1, limbs.shape[1]), np.int64)])
    for i in range(_LIMBS):
        carried[i + 1] += carried[i] >> _BITS
        carried[i] &= 2**_BITS - 1
    return carried


def _balanced(value: int) -> list[int]:
    limbs = []
    for _ in range(_LIMBS):
        limb = (value + 2 ** (_BITS - 1)) % 2**_BITS - 2 ** (_BITS - 1)
        limbs.append(limb)
        value = (value - limb) >> _BITS
    return limbs


def _remainder(exponent: int) -> list[int]:
    value = pow(2, exponent, BASE_PRIME)
    return _balanced(value - BASE_PRIME if value > BASE_PRIME // 2 else value)


_ONE: Final = pack([1])
_PRIME_INTEGERS: Final = np.array(_balanced(BASE_PRIME), np.int64)[:, None]
_PRIME: Final = _PRIME_INTEGERS.astype(np.float64)
_REMAINDERS: Final = np.array(
    [_remainder(_BITS * (_LIMBS + i)) for i in range(_LIMBS)], np.float64
).T.copy()
_QUOTIENT: Final = np.array([[2.0 ** (_BITS * i) / BASE_PRIME for i in range(_LIMBS)]])
