"""Honest days satisfy the circuit, and its public inputs are what strangers compute."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.listing import ListedVideo, Listing, build_listing, catalogue_root
from analytics_pipeline.core.policy import DEFAULT_POLICY, DEFAULT_RHO_NANO, Bounds, build_policy
from analytics_pipeline.core.statement import challenge, figure_sum
from analytics_pipeline.proving.acir import AssertZero
from analytics_pipeline.proving.shape import Shape, build_shape
from analytics_pipeline.proving.tally import rows_root, tally_root, total_up
from tests.proving.acir_evaluator import place
from tests.proving.circuit_world import (
    LISTING,
    NONCE,
    SALT,
    SEED,
    SHAPE,
    SHARDED,
    WIDE,
    Day,
    View,
    Viewer,
    contributions,
    main_circuit,
    names,
    random_day,
    shard_circuit,
    solve_day,
    solve_main,
    solve_shard,
)


def videos(*names: str) -> Listing:
    """A listing of videos, each named after its creator."""
    return build_listing(ListedVideo(name[0], name) for name in names)


def assert_proves(day: Day, shape: Shape = SHAPE) -> None:
    """Nothing is violated, and the statement is what core makes of the report."""
    solved = solve_day(day, shape)
    assert solved.violated() == set()
    report = day.report()
    x = challenge(NONCE, report.root)
    rows = contributions(day.viewers)
    totals = total_up(shape, day.listing, [rows], day.stated())
    assert solved.public == [
        x,
        figure_sum(report.rows, x),
        NONCE,
        tally_root(shape, rows, totals, (), SALT),
        catalogue_root(day.listing, shape.videos, shape.creators),
        SEED.commitment,
    ]


@settings(max_examples=15)
@given(st.integers(0, SHAPE.rows), st.integers(0, 2**32))
def test_random_days(rows: int, seed: int) -> None:
    """Any number of rows up to the shape's, with viewers at and below the bounds."""
    assert_proves(random_day(random.Random(seed), rows))


@pytest.mark.parametrize(
    "day",
    [
        pytest.param(Day(()), id="nobody"),
        pytest.param(Day((Viewer("US", (View(3, 19, 900),)),)), id="one view"),
        pytest.param(
            Day((Viewer("ZZ", (View(0, 0, 900), View(2, 5, 900), View(4, 19, 200))),)),
            id="one viewer at every bound",
        ),
        pytest.param(random_day(random.Random(1), SHAPE.rows), id="no padding"),
        pytest.param(
            random_day(random.Random(2), 70, Day((), videos("a1", "a2", "b1", "c1", "d1", "d2"))),
            id="every slot used",
        ),
        pytest.param(random_day(random.Random(3), 50, Day((), videos("a1"))), id="one video"),
        pytest.param(Day((), videos()), id="nothing listed"),
    ],
)
def test_edges(day: Day) -> None:
    """Nobody, one, full, all slots, one slot, no slot."""
    assert_proves(day)


def test_the_default_policy() -> None:
    """Larger noise, 250 regions, other bounds."""
    shape = build_shape(DEFAULT_POLICY, rows=60, videos=3, creators=2)
    assert_proves(
        random_day(random.Random(4), 60, Day((), videos("a1", "b1"), DEFAULT_POLICY)), shape
    )


def test_many_figures() -> None:
    """So many that the ends of their places are read from a table of their own."""
    assert_proves(random_day(random.Random(6), 40), WIDE)
    assert "Places._table_of_ends" in names(main_circuit(WIDE)).makers


def test_row_shards() -> None:
    """Viewers of three sections, one of them empty; sums travel through commitments."""
    rng = random.Random(5)
    sections = [random_day(rng, rows).viewers for rows in (30, 39, 0)]
    day = Day(tuple(viewer for viewers in sections for viewer in viewers))
    rows = [contributions(viewers) for viewers in sections]
    report = day.report()
    x = challenge(NONCE, report.root)
    shards = [
        solve_shard(SHARDED, part, x, salt=10 + n, blind=20 + n) for n, part in enumerate(rows[1:])
    ]
    sums = [shard.witness.value(shard_circuit(SHARDED).rows.sum) for shard in shards]
    openings = [
        (shard.public[2], amount, 20 + n)
        for n, (shard, amount) in enumerate(zip(shards, sums, strict=True))
    ]
    totals = total_up(SHARDED, LISTING, rows, day.stated())
    main = solve_main(SHARDED, rows[0], totals, x, shards=openings)

    assert [solved.violated() for solved in (main, *shards)] == [set()] * 3
    catalogue = catalogue_root(LISTING, SHARDED.videos, SHARDED.creators)
    roots = [rows_root(SHARDED, part, 10 + n) for n, part in enumerate(rows[1:])]
    for shard, root in zip(shards, roots, strict=True):
        assert shard.public[:3] == [x, catalogue, root]
    assert main.public == [
        x,
        figure_sum(report.rows, x),
        NONCE,
        tally_root(SHARDED, rows[0], totals, roots, SALT),
        catalogue,
        SEED.commitment,
        *(element for shard in shards for element in shard.public[2:]),
    ]


def test_sums_cannot_outgrow_their_weights() -> None:
    """More seconds than there is room for in a packed sum: no such shape."""
    bounds = Bounds(seconds_per_video=86_400, seconds_per_day=86_400)
    units = {name: 10_000 if "seconds" in name else 1 for name in DEFAULT_RHO_NANO}
    policy = build_policy(bounds, units=units)
    build_shape(policy, rows=100_000, videos=10, creators=10)
    with pytest.raises(InvalidInput, match="seconds"):
        build_shape(policy, rows=200_000, videos=10, creators=10)


@pytest.mark.parametrize("circuit", [main_circuit(SHARDED), shard_circuit(SHARDED)])
def test_a_constraint_names_a_witness_once(circuit: object) -> None:
    """Barretenberg takes the last of two linear terms of one witness in a short constraint."""
    for operation in circuit.program.operations:  # type: ignore[attr-defined]
        if isinstance(operation, AssertZero):
            for row in range(operation.count):
                named = [place(column, row) for _, column in operation.terms]
                assert len(set(named)) == len(named)
