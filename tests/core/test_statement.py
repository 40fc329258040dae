"""The statement against arithmetic that shares nothing with it, and what it must not overlook."""

import random
from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from analytics_pipeline.core.errors import StatementUndefined
from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.core.record import Commit
from analytics_pipeline.core.report import ReportRow
from analytics_pipeline.core.statement import (
    Place,
    ShardInputs,
    Statement,
    build_statement,
    challenge,
    figure_sum,
    main_inputs,
    nonce,
    pole,
    shard_inputs,
)
from tests.support.world import REGISTRY

PLACE = Place(31337, REGISTRY, "demo")
COMMIT = Commit(date(2026, 3, 1), 2, *(bytes([n]) * 32 for n in (1, 2, 3, 4, 5)))
BEACON = bytes([6]) * 32


def row(key: str, metric: str, value: int | None, scope: str = "video") -> ReportRow:
    return ReportRow(scope, key, metric, value, 1.0, 1.96)


ROWS = [
    row("", "viewers", 500_008, "platform"),
    row("DE", "viewers", 408, "region"),
    row("a", "furthest_bin_00", 51),
    row("a", "furthest_bin_19", None),
    row("a", "watch_seconds", 7000),
]
rows_of_any_value = st.lists(
    st.builds(
        row,
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["viewers", "views", "watch_seconds", "furthest_bin_07", "startup_7"]),
        st.none() | st.integers(1, 2**53 - 1),
    ),
    max_size=12,
    unique_by=lambda r: r.name,
)
points = st.integers(2**250, MODULUS - 1)


def sum_by_fractions(rows: list[ReportRow], x: int) -> int:
    """T over one common denominator: numerator · denominator^(r − 2), by Fermat."""
    numerator, denominator = 0, 1
    for r in rows:
        if r.value is not None:
            d = x - pole(*r.name)
            numerator = numerator * d + r.value * denominator
            denominator *= d
    return numerator * pow(denominator, MODULUS - 2, MODULUS) % MODULUS


@given(rows_of_any_value, points)
def test_the_figure_sum_is_a_sum_of_fractions(rows: list[ReportRow], x: int) -> None:
    """Against a common denominator and Fermat's inverse."""
    assert figure_sum(rows, x) == sum_by_fractions(rows, x)


@given(rows_of_any_value, points, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_count(
    rows: list[ReportRow], x: int, source: random.Random
) -> None:
    shuffled = source.sample(rows, len(rows))
    assert figure_sum(shuffled, x) == figure_sum(rows, x)


@given(rows_of_any_value, points, st.data())
def test_every_value_counts(rows: list[ReportRow], x: int, data: st.DataObject) -> None:
    """Whichever shown figure is changed, hidden or put under another name, T is another one."""
    before = figure_sum(rows, x)
    for at, shown in enumerate(rows):
        if shown.value is None:
            continue
        other = data.draw(st.integers(1, 2**53 - 1).filter(lambda v, old=shown.value: v != old))
        for lie in ({"value": other}, {"value": None}, {"key": "d"}, {"scope": "creator"}):
            changed = [replace(r, **lie) if i == at else r for i, r in enumerate(rows)]
            assert figure_sum(changed, x) != before, lie


@given(rows_of_any_value, points)
def test_suppressed_rows_do_not_count(rows: list[ReportRow], x: int) -> None:
    assert figure_sum(rows, x) == figure_sum([r for r in rows if r.value is not None], x)


def test_two_values_cannot_be_exchanged() -> None:
    """T binds a value to its row: the same figures under each other's names give another T."""
    x = 2**251 + 9
    swapped = [replace(ROWS[0], value=408), replace(ROWS[1], value=500_008), *ROWS[2:]]
    assert figure_sum(swapped, x) != figure_sum(ROWS, x)


def test_poles_are_names_and_codes() -> None:
    """Bins from 0, then viewers, views, seconds; a name leaves room for them all."""
    name = (int.from_bytes(keccak(b"video/a"), "big") >> 16) * 64
    codes = {"furthest_bin_00": 0, "furthest_bin_19": 19, "viewers": 32, "views": 33}
    for metric, code in {**codes, "watch_seconds": 34}.items():
        assert pole("video", "a", metric) == name + code < MODULUS
    platform = (int.from_bytes(keccak(b"platform/"), "big") >> 16) * 64
    assert pole("platform", "", "views") == platform + 33


@pytest.mark.parametrize("metric", ["furthest_bin_20", "furthest_bin_1", "likes", ""])
def test_a_metric_without_a_code_is_an_error(metric: str) -> None:
    with pytest.raises(StatementUndefined):
        pole("video", "a", metric)
    with pytest.raises(StatementUndefined):
        figure_sum([row("a", metric, 1)], 5)


def test_a_challenge_on_a_pole_is_an_error() -> None:
    """Nobody will see it, and nobody gets a ZeroDivisionError."""
    with pytest.raises(StatementUndefined, match="pole"):
        figure_sum(ROWS, pole("region", "DE", "viewers"))
    assert figure_sum(ROWS, pole("video", "a", "furthest_bin_19")), "the row is suppressed"


def test_nonce_and_challenge_are_those_of_the_contract() -> None:
    """abi.encode by eth-abi, with Solidity's types, and keccak256."""
    types = ["bytes32", "uint256", "address", "bytes32", "uint32", "uint32"]
    types += ["bytes32"] * 5 + ["uint64", "bytes32"]
    values: list[Any] = [keccak(b"viewership-noise/1"), 31337, REGISTRY, keccak(b"demo"), 20513, 2]
    values += [bytes([n]) * 32 for n in (1, 2, 3, 4, 5)] + [77, BEACON]
    expected = int.from_bytes(keccak(encode(types, values)), "big") % MODULUS
    assert nonce(PLACE, COMMIT, 77, BEACON) == expected
    x = keccak(encode(["bytes32", "bytes32"], [expected.to_bytes(32, "big"), bytes(32)]))
    assert challenge(expected, bytes(32)) == int.from_bytes(x, "big") % MODULUS


def test_everything_that_was_fixed_is_in_the_nonce() -> None:
    """Change one thing and the noise is another."""
    seen = {nonce(PLACE, COMMIT, 77, BEACON)}
    others: list[tuple[Place, Commit, int, bytes]] = [
        (PLACE, COMMIT, 78, BEACON),
        (PLACE, COMMIT, 77, bytes(32)),
        (PLACE._replace(chain_id=1), COMMIT, 77, BEACON),
        (PLACE._replace(registry="0x" + "11" * 20), COMMIT, 77, BEACON),
        (PLACE._replace(platform="demo2"), COMMIT, 77, BEACON),
        (PLACE, replace(COMMIT, day=date(2026, 3, 2)), 77, BEACON),
        (PLACE, replace(COMMIT, revision=3), 77, BEACON),
    ]
    roots = [f.name for f in fields(Commit) if f.type is bytes]
    assert len(roots) == 5
    others += [(PLACE, replace(COMMIT, **{name: bytes(32)}), 77, BEACON) for name in roots]
    seen |= {nonce(*other) for other in others}
    assert len(seen) == 1 + len(others)


def test_the_statement_heads_the_public_inputs() -> None:
    """In the order of spec/proof.md, then two elements per row shard."""
    statement = build_statement(PLACE, COMMIT, 77, BEACON, bytes([9]) * 32, ROWS)
    n = nonce(PLACE, COMMIT, 77, BEACON)
    x = challenge(n, bytes([9]) * 32)
    roots = [int.from_bytes(bytes([byte]) * 32, "big") for byte in (3, 4, 5)]
    assert statement == Statement(x, figure_sum(ROWS, x), n, *roots)
    shards = [ShardInputs(11, 12), ShardInputs(13, 14)]
    expected = (x, statement.figure_sum, n, *roots, 11, 12, 13, 14)
    assert main_inputs(statement, shards) == expected
    assert shard_inputs(statement, shards[1]) == (x, roots[1], 13, 14)
