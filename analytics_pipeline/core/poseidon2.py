"""Poseidon2 (Grassi, Khovratovich, Schofnegger 2023): the hash that is cheap inside a proof.

    permute        four field elements → four; BN254, x⁵, 4 + 56 + 4 rounds
    hash_elements  a sponge over it: three elements a permutation, salt and label in its first state

Equal to Barretenberg's and Noir's `poseidon2_permutation`. The sponge is ours: nothing else in the
world hashes with it, so its labels are the domains of spec/proof.md.
"""

from collections.abc import Sequence
from typing import Final

from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.core.poseidon2_constants import (
    DIAGONAL,
    FIRST_ROUNDS,
    LAST_ROUNDS,
    MIDDLE_ROUNDS,
)

#: Elements a permutation absorbs, and gives as output; the fourth of the state is its capacity.
RATE: Final = 3
MAX_LABEL_BYTES: Final = 31

State = tuple[int, int, int, int]
_FullRounds = tuple[State, State, State, State]


def label_element(label: str) -> int:
    """A domain's name as a field element: its ASCII bytes as one integer."""
    data = label.encode("ascii")
    if not 0 < len(data) <= MAX_LABEL_BYTES:
        raise ValueError(f"a label has 1 to {MAX_LABEL_BYTES} ASCII characters")
    return int.from_bytes(data, "big")


def permute(state: State) -> State:
    """The permutation. Elements in and out lie in [0, MODULUS)."""
    d0, d1, d2, d3 = DIAGONAL
    a, b, c, d = _full_rounds(*_mix(*state), FIRST_ROUNDS)
    for constant in MIDDLE_ROUNDS:
        a = (a + constant) % MODULUS
        square = a * a % MODULUS
        a = square * square % MODULUS * a % MODULUS
        total = a + b + c + d
        a = (a * d0 + total) % MODULUS
        b = (b * d1 + total) % MODULUS
        c = (c * d2 + total) % MODULUS
        d = (d * d3 + total) % MODULUS
    return _full_rounds(a, b, c, d, LAST_ROUNDS)


def hash_elements(label: str, salt: int, elements: Sequence[int]) -> int:
    """Hash field elements; their number is part of what is hashed.

    Args:
        label: the domain, at most 31 ASCII characters.
        salt: 0, or a secret element that hides elements which could be guessed.
        elements: in [0, MODULUS).
    """
    a, b, c, d = permute((salt, len(elements), 0, label_element(label)))
    padded = [*elements, *([0] * (-len(elements) % RATE))]
    for index in range(0, len(padded), RATE):
        first, second, third = padded[index : index + RATE]
        a, b, c, d = permute(
            ((a + first) % MODULUS, (b + second) % MODULUS, (c + third) % MODULUS, d)
        )
    return a


def _mix(a: int, b: int, c: int, d: int) -> State:
    """Multiply by the outer matrix: 5 7 1 3 / 4 6 1 1 / 1 3 5 7 / 1 1 4 6."""
    t0, t1 = a + b, c + d
    t2, t3 = 2 * b + t1, 2 * d + t0
    t4, t5 = 4 * t1 + t3, 4 * t0 + t2
    return (t3 + t5) % MODULUS, t5 % MODULUS, (t2 + t4) % MODULUS, t4 % MODULUS


def _full_rounds(a: int, b: int, c: int, d: int, constants: _FullRounds) -> State:
    for k0, k1, k2, k3 in constants:
        a, b, c, d = a + k0, b + k1, c + k2, d + k3
        a2, b2, c2, d2 = a * a % MODULUS, b * b % MODULUS, c * c % MODULUS, d * d % MODULUS
        a, b, c, d = _mix(
            a2 * a2 % MODULUS * a % MODULUS,
            b2 * b2 % MODULUS * b % MODULUS,
            c2 * c2 % MODULUS * c % MODULUS,
            d2 * d2 % MODULUS * d % MODULUS,
        )
    return a, b, c, d
