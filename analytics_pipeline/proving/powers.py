"""Points of the development set-up: powers of a published trapdoor times the generator.

    python -m analytics_pipeline.proving.powers FIRST END BLOCK STRIDE    writes them to stdout

Knowing the trapdoor makes it quick: every point is a sum of 20 entries of a table of multiples of
the generator, and many such sums are formed at once. It runs as several processes, each of which
makes its share of the blocks. Belongs here: computing points. Does not belong here: files
(`setup`).
"""

import hashlib
import sys
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.proving.lanes import (
    BASE_PRIME,
    Lanes,
    big_endian,
    invert,
    multiply,
    pack,
)
from analytics_pipeline.proving.points import BLOCK

#: Everybody knows it, so everybody can prove anything under this set-up.
TRAPDOOR: Final = (
    int.from_bytes(hashlib.sha256(b"viewership development set-up: convinces nobody").digest())
    % MODULUS
)

_GENERATOR: Final = (1, 2)
_WINDOW_BITS: Final = 13
_WINDOWS: Final = -(-MODULUS.bit_length() // _WINDOW_BITS)
_Point = tuple[int, int]


def compute_powers(first: int, end: int, block: int = BLOCK, stride: int = 1) -> Iterator[bytes]:
    """Points number `first` to `end` − 1: affine x, y as 32 bytes each, big-endian.

    Args:
        block: points that are yielded at a time (the last block has fewer).
        stride: yield the first of every so many blocks.
    """
    table = _Table()
    for start in range(first, end, block * stride):
        x, y = table.multiples(_scalars(start, min(block, end - start)))
        points = np.empty((x.shape[1], 2, 32), np.uint8)
        for place, lanes in enumerate((x, y)):
            points[:, place] = np.frombuffer(big_endian(lanes), np.uint8).reshape(-1, 32)
        yield points.tobytes()


def _scalars(first: int, count: int) -> list[int]:
    scalars = [pow(TRAPDOOR, first, MODULUS)]
    for _ in range(count - 1):
        scalars.append(scalars[-1] * TRAPDOOR % MODULUS)
    return scalars


class _Table:
    """For every window w and digit d the point (d·2^(13w) + s_w)·G.

    The shifts s_w keep clear of what a sum of affine points cannot do: the point at infinity, and
    adding a point to itself. They are arbitrary; scalars are diminished by their total beforehand.
    """

    def __init__(self) -> None:
        doubles = [_GENERATOR]
        for _ in range(_WINDOWS * _WINDOW_BITS):
            doubles.append(_add(doubles[-1], doubles[-1]))
        shifts = [pow(7, 100 + window, MODULUS) for window in range(_WINDOWS)]
        starts = [_times(shift, doubles) for shift in shifts]
        self._total_shift = sum(shifts) % MODULUS
        x = pack([point[0] for point in starts])
        y = pack([point[1] for point in starts])
        for bit in range(_WINDOW_BITS):
            # Lanes are (digit, window): all digits so far, once more with the next bit set.
            steps = [doubles[_WINDOW_BITS * window + bit] for window in range(_WINDOWS)]
            step_x = np.tile(pack([point[0] for point in steps]), 2**bit)
            step_y = np.tile(pack([point[1] for point in steps]), 2**bit)
            more_x, more_y = _add_lanes(x, y, step_x, step_y)
            x, y = np.concatenate([x, more_x], axis=1), np.concatenate([y, more_y], axis=1)
        self._x, self._y = np.ascontiguousarray(x.T), np.ascontiguousarray(y.T)

    def multiples(self, scalars: list[int]) -> tuple[Lanes, Lanes]:
        """Each scalar times the generator."""
        digits = _digits([(scalar - self._total_shift) % MODULUS for scalar in scalars])
        x, y = self._entries(digits, 0)
        for window in range(1, _WINDOWS):
            x, y = _add_lanes(x, y, *self._entries(digits, window))
        return x, y

    def _entries(self, digits: npt.NDArray[np.int64], window: int) -> tuple[Lanes, Lanes]:
        rows = digits[:, window] * _WINDOWS + window
        return np.ascontiguousarray(self._x[rows].T), np.ascontiguousarray(self._y[rows].T)


def _digits(scalars: list[int]) -> npt.NDArray[np.int64]:
    """Digits of 13 bits, least significant first: one row per scalar."""
    data = np.frombuffer(b"".join([s.to_bytes(36, "little") for s in scalars]), np.uint8)
    bits = np.unpackbits(data.reshape(-1, 36), axis=1, bitorder="little")
    padded = np.zeros((len(scalars), _WINDOWS, 16), np.uint8)
    padded[:, :, :_WINDOW_BITS] = bits[:, : _WINDOWS * _WINDOW_BITS].reshape(
        -1, _WINDOWS, _WINDOW_BITS
    )
    octets = np.packbits(padded.reshape(len(scalars), -1), axis=1, bitorder="little")
    return octets.view("<u2").astype(np.int64)


def _add_lanes(x: Lanes, y: Lanes, other_x: Lanes, other_y: Lanes) -> tuple[Lanes, Lanes]:
    slope = multiply(other_y - y, invert(other_x - x))
    sum_x = multiply(slope, slope, minus=x + other_x)
    return sum_x, multiply(slope, x - sum_x, minus=y)


def _add(p: _Point, q: _Point) -> _Point:
    if p == q:
        slope = 3 * p[0] * p[0] * pow(2 * p[1], -1, BASE_PRIME) % BASE_PRIME
    else:
        slope = (q[1] - p[1]) * pow(q[0] - p[0], -1, BASE_PRIME) % BASE_PRIME
    x = (slope * slope - p[0] - q[0]) % BASE_PRIME
    return x, (slope * (p[0] - x) - p[1]) % BASE_PRIME


def _times(scalar: int, doubles: list[_Point]) -> _Point:
    """Scalar times the generator, from the generator's doubles. The scalar is not 0."""
    points = [doubles[bit] for bit in range(scalar.bit_length()) if scalar >> bit & 1]
    total = points[0]
    for point in points[1:]:
        total = _add(total, point)
    return total


if __name__ == "__main__":
    for points in compute_powers(*map(int, sys.argv[1:5])):
        sys.stdout.buffer.write(points)
        sys.stdout.buffer.flush()
