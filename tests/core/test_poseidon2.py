"""Poseidon2: the vector of Barretenberg and Noir, a plain second reading, the sponge's rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_pipeline.core.field import MODULUS, inverse_all, to_bytes32
from analytics_pipeline.core.poseidon2 import State, hash_elements, label_element, permute
from analytics_pipeline.core.poseidon2_constants import (
    DIAGONAL,
    FIRST_ROUNDS,
    LAST_ROUNDS,
    MIDDLE_ROUNDS,
)

elements = st.integers(0, MODULUS - 1)
OUTER = ((5, 7, 1, 3), (4, 6, 1, 1), (1, 3, 5, 7), (1, 1, 4, 6))
INNER = tuple(
    tuple(1 + (DIAGONAL[row] if row == column else 0) for column in range(4)) for row in range(4)
)


def multiply(matrix: tuple[tuple[int, ...], ...], state: list[int]) -> list[int]:
    return [sum(m * s for m, s in zip(row, state, strict=True)) % MODULUS for row in matrix]


def permute_plainly(state: State) -> State:
    """As the paper writes it: add constants, raise to the fifth power, multiply by a matrix."""
    now = multiply(OUTER, list(state))
    for constants in (*FIRST_ROUNDS, *MIDDLE_ROUNDS, *LAST_ROUNDS):
        if isinstance(constants, int):
            now = multiply(INNER, [pow(now[0] + constants, 5, MODULUS), *now[1:]])
        else:
            powers = [pow(s + k, 5, MODULUS) for s, k in zip(now, constants, strict=True)]
            now = multiply(OUTER, powers)
    return now[0], now[1], now[2], now[3]


def test_the_permutation_is_that_of_barretenberg() -> None:
    """The known answer of Noir's and Barretenberg's own tests."""
    assert permute((0, 1, 2, 3)) == (
        0x01BD538C2EE014ED5141B29E9AE240BF8DB3FE5B9A38629A9647CF8D76C01737,
        0x239B62E7DB98AA3A2A8F6A0D2FA1709E7A35959AA6C7034814D9DAA90CBAC662,
        0x04CBB44C61D928ED06808456BF758CBF0C18D1E15A7B6DBC8245FA7515D5E3CB,
        0x2E11C5CFF2A22C64D01304B778D78F6998EFF1AB73163A35603F54794C30847A,
    )


@given(st.tuples(elements, elements, elements, elements))
def test_the_fast_permutation_equals_the_plain_one(state: State) -> None:
    """Unrolled arithmetic and matrices give the same state."""
    assert permute(state) == permute_plainly(state)


def test_the_sponge_by_hand() -> None:
    """Four elements: a state of salt, count and label, then two chunks of three, zero-padded."""
    label = int.from_bytes(b"viewership/test/1", "big")
    state = permute((7, 4, 0, label))
    state = permute((state[0] + 1, state[1] + 2, state[2] + 3, state[3]))
    state = permute((state[0] + 4, state[1], state[2], state[3]))
    assert hash_elements("viewership/test/1", 7, [1, 2, 3, 4]) == state[0]


def test_nothing_hashes_is_the_first_state() -> None:
    """No element: the permutation of salt, 0 and label."""
    assert hash_elements("a", 5, []) == permute((5, 0, 0, ord("a")))[0]


@given(st.lists(elements, max_size=7), elements)
def test_every_input_of_the_sponge_matters(values: list[int], salt: int) -> None:
    """Another label, salt, element or number of elements gives another hash."""
    ours = hash_elements("viewership/test/1", salt, values)
    others = [
        hash_elements("viewership/test/2", salt, values),
        hash_elements("viewership/test/1", (salt + 1) % MODULUS, values),
        hash_elements("viewership/test/1", salt, [*values, 0]),
    ]
    for index, value in enumerate(values):
        changed = [*values[:index], (value + 1) % MODULUS, *values[index + 1 :]]
        others.append(hash_elements("viewership/test/1", salt, changed))
    assert ours not in others
    assert 0 <= ours < MODULUS


@pytest.mark.parametrize("label", ["", "x" * 32, "ä"])
def test_labels_are_short_ascii(label: str) -> None:
    """A label that would not fit or could be read in two ways is refused."""
    with pytest.raises(ValueError, match=r"label|ascii"):
        label_element(label)


@given(st.lists(st.integers(1, MODULUS - 1), max_size=20))
def test_inverses_of_a_list(values: list[int]) -> None:
    """Every value times its inverse is 1."""
    inverses = inverse_all(values)
    assert [v * i % MODULUS for v, i in zip(values, inverses, strict=True)] == [1] * len(values)
    assert all(0 < inverse < MODULUS for inverse in inverses)


def test_zero_has_no_inverse() -> None:
    """Also not written as the modulus."""
    for zero in (0, MODULUS):
        with pytest.raises(ZeroDivisionError):
            inverse_all([1, zero, 2])


def test_elements_travel_as_32_bytes() -> None:
    """Big-endian, so that it reads like the number."""
    assert to_bytes32(258).hex() == "00" * 30 + "0102"
