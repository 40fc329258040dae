"""Arithmetic in lanes is exact: compared with Python's integers, at the extremes too."""

import random

from hypothesis import given
from hypothesis import strategies as st

from analytics_pipeline.proving.lanes import BASE_PRIME, invert, multiply, pack, unpack

#: Numbers whose limbs are as large as limbs get, and their neighbours.
_EXTREMES = [
    *(0, 1, 2, BASE_PRIME - 1, BASE_PRIME - 2, BASE_PRIME // 2, BASE_PRIME // 2 + 1),
    *(2**253, 2**253 - 1, int("7fffff" * 10, 16), int("800000" * 10, 16), int("ffffff" * 10, 16)),
]
_NUMBERS = st.one_of(st.sampled_from(_EXTREMES), st.integers(0, BASE_PRIME - 1))


@given(st.lists(_NUMBERS, min_size=1, max_size=50))
def test_packing_loses_nothing(values: list[int]) -> None:
    """Numbers come back as they were."""
    assert unpack(pack(values)) == values


@given(st.lists(st.tuples(_NUMBERS, _NUMBERS, _NUMBERS), min_size=1, max_size=50))
def test_products_of_sums_are_exact(rows: list[tuple[int, int, int]]) -> None:
    """(a + b + c)·(b − c) − (a + b), with results of products as inputs again."""
    a, b, c = (pack([row[i] for row in rows]) for i in range(3))
    one = pack([1] * len(rows))
    a, b, c = multiply(a, one), multiply(b, one), multiply(c, one)
    found = unpack(multiply(a + b + c, b - c, minus=a + b))
    assert found == [((x + y + z) * (y - z) - (x + y)) % BASE_PRIME for x, y, z in rows]


def test_many_lanes_are_inverted() -> None:
    """More than one block, and an odd number of them."""
    source = random.Random(5)
    values = [source.randrange(1, BASE_PRIME) for _ in range(4999)]
    found = unpack(multiply(invert(pack(values)), pack([1] * len(values))))
    assert found == [pow(value, -1, BASE_PRIME) for value in values]
