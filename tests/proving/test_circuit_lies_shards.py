"""Lies about row shards: between their proofs and the main one.

A shard holds whole viewer-days: it begins with a viewer. That nobody is in two shards is not
proved, no more than that a viewer is real (`invented_viewers`): the audit finds out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pytest

from analytics_pipeline.core.listing import ListedVideo, build_listing
from tests.proving.circuit_cheats import HONEST, Row, X, add_up, arrays, plus, run
from tests.proving.circuit_world import SHARDED, Lie, Solved, names, solve_main, solve_shard

BALANCE = "AssertZero TotalsPart._balance_rows"
COMMITTED_SUM = "AssertZero MainCircuit._add_shards"
TALLY = "AssertZero MainCircuit.__init__"
SHARD = "AssertZero ShardCircuit.__init__"
SHARD_ROWS = "AssertZero ContributionPart.__init__"
SHARD_LISTING = "AssertZero ListingPart.__init__"

SECTIONS = [HONEST[:2], HONEST[2:4], HONEST[4:]]
MAIN_INPUT = "MainCircuit.__init__: public (public)"
SHARD_INPUT = "ShardCircuit.__init__: "
#: Positions among the main proof's public inputs.
TALLY_ROOT, FIRST_ROWS_ROOT, FIRST_SUM = 3, 6, 7


@dataclass
class Proofs:
    """A main proof and those of its two shards; lies are told to one of them."""

    main: Solved
    shards: list[Solved]

    def violated(self) -> list[set[str]]:
        return [solved.violated() for solved in (self.main, *self.shards)]

    @property
    def agree(self) -> bool:
        """What a verifier compares: x, catalogue root, and what the main proof says of shards."""
        x, catalogue_root, stated = self.main.public[0], self.main.public[4], self.main.public[6:]
        shards = [shard.public for shard in self.shards]
        return stated == [e for public in shards for e in public[2:]] and all(
            public[:2] == [x, catalogue_root] for public in shards
        )


def prove(
    sections: Sequence[Sequence[Row]] = SECTIONS,
    *,
    counted: Sequence[Row] = HONEST,
    told: Sequence[Row] | None = None,
    x_of_shard: int = X,
    main_lies: Mapping[str, Lie] | None = None,
    shard_lies: Mapping[str, Lie] | None = None,
) -> Proofs:
    """Proofs of three sections.

    Args:
        counted: rows that the totals are of.
        told: rows of the first shard's own proof, if they are not those of its section.
        x_of_shard: the x of the first shard.
        shard_lies: about the first shard.
    """
    shards = []
    for n, section in enumerate(sections[1:]):
        rows = told if told is not None and n == 0 else section
        x, lies = (x_of_shard, shard_lies) if n == 0 else (X, None)
        shards.append(solve_shard(SHARDED, arrays(rows), x, lies, salt=10 + n, blind=20 + n))
    openings = [
        (shard.public[2], shard.witness.value(shard.circuit.rows.sum), 20 + n)
        for n, shard in enumerate(shards)
    ]
    totals = add_up(counted, SHARDED).totals()
    main = solve_main(SHARDED, arrays(sections[0]), totals, X, main_lies, shards=openings)
    return Proofs(main, shards)


def a_shard_of_another_challenge() -> Proofs:
    """Its sum at another x: the main proof's totals are not those of such rows."""
    return prove(x_of_shard=X + 1)


def a_shard_that_misstates_its_sum() -> Proofs:
    """A viewer more, in the sum only."""
    counted = [*HONEST, *run((0, 3, 0))]
    wanted = prove([*SECTIONS[:1], [*SECTIONS[1], *run((0, 3, 0))], SECTIONS[2]], counted=counted)
    last = wanted.shards[0].witness.value(wanted.shards[0].circuit.rows.sum)
    return prove(
        counted=counted,
        shard_lies={"ContributionPart.__init__: sum (add_up)": lambda _, h: [*h[:-1], last]},
    )


def another_sum_in_the_main_proof() -> Proofs:
    return prove(main_lies={f"{MAIN_INPUT} #{FIRST_SUM}": plus(1)})


def another_sum_in_the_shard() -> Proofs:
    return prove(shard_lies={f"{SHARD_INPUT}sum_commitment (public)": plus(1)})


def rows_of_another_root() -> Proofs:
    """The shard proves other rows than its root commits to."""
    root = prove().shards[0].public[2]
    changed = [Row(1, 0, 3, 800), *SECTIONS[1][1:]]
    return prove(
        told=changed,
        counted=[*SECTIONS[0], *changed, *SECTIONS[2]],
        shard_lies={f"{SHARD_INPUT}rows_root (public)": lambda *_: [root]},
    )


def a_rows_root_that_was_not_committed_to() -> Proofs:
    """Other rows in a shard, under the tally root of the first ones."""
    root = prove().main.public[TALLY_ROOT]
    sections = [SECTIONS[0], SECTIONS[1][:1], SECTIONS[2]]
    return prove(
        sections,
        counted=[row for section in sections for row in section],
        main_lies={f"{MAIN_INPUT} #{TALLY_ROOT}": lambda *_: [root]},
    )


def a_shard_left_out() -> Proofs:
    """The totals are those of the other sections."""
    return prove(counted=[*SECTIONS[0], *SECTIONS[2]])


CASES = [
    (a_shard_of_another_challenge, [{BALANCE}, set(), set()]),
    (a_shard_that_misstates_its_sum, [set(), {SHARD_ROWS}, set()]),
    (another_sum_in_the_main_proof, [{COMMITTED_SUM}, set(), set()]),
    (another_sum_in_the_shard, [set(), {SHARD}, set()]),
    (rows_of_another_root, [set(), {SHARD}, set()]),
    (a_rows_root_that_was_not_committed_to, [{TALLY}, set(), set()]),
    (a_shard_left_out, [{BALANCE}, set(), set()]),
]


@pytest.mark.parametrize(
    ("lie", "violated"), CASES, ids=lambda value: getattr(value, "__name__", "")
)
def test_lies(lie: Callable[[], Proofs], violated: list[set[str]]) -> None:
    """Every lie breaks one rule of one proof."""
    assert lie().violated() == violated


def test_shards_agree_with_the_main_proof() -> None:
    proofs = prove()
    assert proofs.violated() == [set(), set(), set()]
    assert proofs.agree


def test_a_proof_of_another_shard_is_not_the_shards() -> None:
    """Both proofs hold; that they are not about the same rows shows in their public inputs."""
    other = prove(told=SECTIONS[1][:1])
    proofs = Proofs(prove().main, [other.shards[0], prove().shards[1]])
    assert proofs.violated() == [set(), set(), set()]
    assert not proofs.agree


def test_a_listing_of_the_shards_own() -> None:
    """A shard in which all videos are one creator's has another catalogue root."""
    shard = prove().shards[0]
    listing = build_listing(ListedVideo("ana", v) for v in ("a1", "a2", "b1", "b2", "c1"))
    other = solve_shard(SHARDED, arrays(SECTIONS[1]), X, listing=listing, salt=10, blind=20)
    assert other.violated() == set()
    assert other.public[1] != shard.public[1]
    root = names(shard.circuit).columns[f"{SHARD_INPUT}catalogue_root (public)"]
    claimed = solve_shard(
        SHARDED,
        arrays(SECTIONS[1]),
        X,
        {f"{SHARD_INPUT}catalogue_root (public)": lambda *_: shard.witness.list(root)},
        listing=listing,
    )
    assert claimed.violated() == {SHARD_LISTING}


def test_a_viewer_in_two_shards_is_two_viewers() -> None:
    """The circuit does not know who a row is of: cut in two, one viewer-day counts as two."""
    sections = [SECTIONS[0], HONEST[2:3], [Row(1, *_row(HONEST[3])), *HONEST[4:]]]
    rows = [row for section in sections for row in section]
    proofs = prove(sections, counted=rows)
    assert proofs.violated() == [set(), set(), set()]
    assert proofs.agree


def _row(row: Row) -> tuple[int, int, int]:
    return row.video, row.bin, row.seconds
