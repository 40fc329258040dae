"""The field all proofs compute in: integers modulo the order of the BN254 curve.

Belongs here: the modulus and arithmetic that Python lacks. Elements are plain integers in
[0, MODULUS), written as 32 bytes, big-endian.
"""

from collections.abc import Sequence
from typing import Final

MODULUS: Final = 21888242871839275222246405745257275088548364400416034343698204186575808495617


def inverse_all(values: Sequence[int]) -> list[int]:
    """The inverse of each value, for the price of one inversion and three products a value.

    Raises:
        ZeroDivisionError: a value is 0 modulo the field's order.
    """
    products = [1]
    for value in values:
        products.append(products[-1] * value % MODULUS)
    if products[-1] == 0:
        raise ZeroDivisionError("0 has no inverse")
    inverse = pow(products[-1], -1, MODULUS)
    inverses = [0] * len(values)
    for index in range(len(values) - 1, -1, -1):
        inverses[index] = inverse * products[index] % MODULUS
        inverse = inverse * values[index] % MODULUS
    return inverses


def to_bytes32(element: int) -> bytes:
    """A field element as it travels: 32 bytes, big-endian."""
    return element.to_bytes(32, "big")
