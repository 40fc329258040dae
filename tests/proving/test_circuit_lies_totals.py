"""Lies about totals, the listing and the commitments: which constraint is left."""

from collections.abc import Callable

import pytest

from analytics_pipeline.core.sampler import Seed
from tests.proving.circuit_cheats import (
    HONEST,
    UNUSED,
    add_up,
    at,
    cell,
    column_of,
    plus,
    tell,
    tell_all,
)
from tests.proving.circuit_world import SEED, Solved

BALANCE = "AssertZero TotalsPart._balance_rows"
CREATORS = "AssertZero TotalsPart._balance_creators"
WIDTHS = "Range TotalsPart._constrain_widths"
SUMS = "AssertZero StatedPart._sum_to"
BOUND = "Range StatedPart._bound"
STATED = "Range StatedPart.__init__"
LISTING = "AssertZero ListingPart.__init__"
PUBLIC = "AssertZero MainCircuit.__init__"

#: Weights of a cell's parts in its word: seconds, first, new creator.
SECONDS, FIRST, NEW = 2**24, 2**58, 2**82


def a_viewer_more() -> Solved:
    """One more everywhere, except among the rows."""
    sums = add_up(HONEST)
    for column in (sums.rows, sums.first, sums.new_creator):
        column[cell(0, 3)] += 1
    sums.creator_viewers[0] += 1
    return tell(HONEST, sums.restate())


def a_view_in_another_bin() -> Solved:
    sums = add_up(HONEST)
    for column in (sums.rows, sums.first, sums.new_creator):
        column[cell(0, 3)] -= 1
        column[cell(0, 4)] += 1
    return tell(HONEST, sums)


def rows_that_carry_into_seconds() -> Solved:
    """2^24 rows more, one second less: the same word."""
    sums = add_up(HONEST)
    sums.rows[cell(0, 3)] += SECONDS
    sums.seconds[cell(0, 3)] -= 1
    sums.creator_seconds[0] -= 1
    return tell(HONEST, sums)


def seconds_that_borrow_from_rows() -> Solved:
    """One second more for 2^24 rows less: a negative number of rows."""
    sums = add_up(HONEST)
    sums.rows[cell(0, 3)] -= SECONDS
    sums.seconds[cell(0, 3)] += 1
    sums.creator_seconds[0] += 1
    return tell(HONEST, sums)


def seconds_that_carry_into_viewers() -> Solved:
    sums = add_up(HONEST)
    sums.seconds[cell(0, 3)] += FIRST // SECONDS
    sums.first[cell(0, 3)] -= 1
    sums.creator_seconds[0] += FIRST // SECONDS
    return tell(HONEST, sums.restate())


def viewers_that_carry_into_creators() -> Solved:
    sums = add_up(HONEST)
    sums.first[cell(0, 3)] += NEW // FIRST
    sums.new_creator[cell(0, 3)] -= 1
    sums.creator_viewers[0] -= 1
    return tell(HONEST, sums.restate())


def a_creators_viewers() -> Solved:
    sums = add_up(HONEST)
    sums.creator_viewers[1] += 1
    return tell(HONEST, sums.restate())


def a_creators_viewers_that_carry() -> Solved:
    sums = add_up(HONEST)
    sums.creator_viewers[1] += SECONDS
    sums.creator_seconds[1] -= 1
    return tell(HONEST, sums.restate())


def figures_of_an_unused_creator() -> Solved:
    """The last slot has no creator: it takes a viewer from one that has."""
    sums = add_up(HONEST)
    sums.creator_viewers[2] -= 1
    sums.creator_viewers[3] += 1
    return tell(HONEST, sums.restate())


# ---- stated counts ------------------------------------------------------------------


def stating(query: str, **changes: int) -> Solved:
    """Counts of a query changed: ``at_0=-1`` is one less in its first place."""
    return stating_all({query: {int(place[3:]): amount for place, amount in changes.items()}})


def stating_all(changes: dict[str, dict[int, int]]) -> Solved:
    sums = add_up(HONEST)
    for query, amounts in changes.items():
        for place, amount in amounts.items():
            sums.stated[query][place] += amount
    return tell(HONEST, sums)


def a_viewer_without_a_region() -> Solved:
    return stating("region.viewers", at_0=-1)


def a_viewer_of_two_regions() -> Solved:
    return stating("region.viewers", at_1=1)


def a_negative_region() -> Solved:
    return stating("region.viewers", at_0=1, at_1=-1)


def a_viewer_without_a_provider() -> Solved:
    """Its bins are left out as well."""
    queries = ("provider.viewers", "provider.startup", "provider.rebuffer")
    return stating_all({query: {0: -1} for query in queries})


def a_viewer_who_started_up_elsewhere() -> Solved:
    """In the bins of the second provider, and counted for the first."""
    return stating("provider.startup", at_0=-1, at_8=1)


def a_viewer_without_a_startup_bin() -> Solved:
    return stating("provider.startup", at_0=-1)


def a_viewer_in_two_rebuffer_bins() -> Solved:
    return stating("provider.rebuffer", at_7=1)


def a_negative_bin() -> Solved:
    return stating("provider.rebuffer", at_0=1, at_1=-1)


def a_creators_viewer_without_a_continent() -> Solved:
    return stating("creator.continent", at_8=-1)


def a_continent_of_another_creator() -> Solved:
    return stating("creator.continent", at_0=-1, at_8=1)


def a_continent_of_an_unused_creator() -> Solved:
    return stating("creator.continent", at_24=1)


def a_negative_continent() -> Solved:
    return stating("creator.continent", at_0=1, at_7=-1)


def more_at_the_peak_than_viewers() -> Solved:
    return stating("platform.peak_viewers", at_0=1)


def a_negative_peak() -> Solved:
    return stating("platform.peak_viewers", at_0=-len(HONEST))


def more_first_of_the_week_than_viewers() -> Solved:
    return stating("platform.first_of_week", at_0=1)


def more_first_of_the_month_than_viewers() -> Solved:
    return stating("platform.first_of_month", at_0=1)


# ---- listing, roots -----------------------------------------------------------------


def rows_of_a_slot_that_is_then_denied() -> Solved:
    """A listed video is called unused, under the root of the true listing."""
    honest = tell()
    root = column_of(honest, "catalogue_root")
    rows = [row for row in HONEST if row.video != 4]
    return tell(rows, None, video_used=at(4, 0), catalogue_root=lambda *_: root)


def a_slot_that_is_not_listed() -> Solved:
    root = column_of(tell(), "catalogue_root")
    return tell(video_used=at(UNUSED, 1), catalogue_root=lambda *_: root)


def a_video_of_another_owner() -> Solved:
    """Its first viewer and all seconds go to bo, in every column."""
    root = column_of(tell(), "catalogue_root")
    rows = [row for row in HONEST if row.video != 1]
    return tell(rows, None, owner=at(1, 1), catalogue_root=lambda *_: root)


def a_video_of_another_name() -> Solved:
    root = column_of(tell(), "catalogue_root")
    return tell(video_names=plus(64), catalogue_root=lambda *_: root)


def another_catalogue_root() -> Solved:
    return tell(catalogue_root=plus(1))


def another_tally_root() -> Solved:
    return tell(tally_root=plus(1))


def rows_of_another_root() -> Solved:
    """Other rows and everything that follows from them, under the root of the committed ones."""
    root = column_of(tell(), "tally_root")
    return tell(HONEST[:-1], None, tally_root=lambda *_: root)


def regions_of_another_root() -> Solved:
    """Totals are committed to as well: nothing can be bent once x is known."""
    root = column_of(tell(), "tally_root")
    sums = add_up(HONEST)
    sums.stated["region.viewers"][:2] = [1, 3]
    return tell(HONEST, sums, tally_root=lambda *_: root)


def a_peak_of_another_root() -> Solved:
    root = column_of(tell(), "tally_root")
    sums = add_up(HONEST)
    sums.stated["platform.peak_viewers"] = [2]
    return tell(HONEST, sums, tally_root=lambda *_: root)


def another_seed() -> Solved:
    """All noise of another seed, under the commitment to the first."""
    commitment = "MainCircuit.__init__: public (public) #5"
    return tell_all(lies={commitment: lambda *_: [SEED.commitment]}, seed=Seed(112, 222))


def another_seed_commitment() -> Solved:
    return tell(seed_commitment=plus(1))


CASES = [
    (a_viewer_more, {BALANCE}),
    (a_view_in_another_bin, {BALANCE}),
    (rows_that_carry_into_seconds, {WIDTHS}),
    (seconds_that_borrow_from_rows, {WIDTHS}),
    (seconds_that_carry_into_viewers, {WIDTHS}),
    (viewers_that_carry_into_creators, {WIDTHS, STATED}),  # nor can so many be stated
    (a_creators_viewers, {CREATORS}),
    (a_creators_viewers_that_carry, {WIDTHS, STATED}),
    (figures_of_an_unused_creator, {CREATORS}),
    (a_viewer_without_a_region, {SUMS}),
    (a_viewer_of_two_regions, {SUMS}),
    (a_negative_region, {STATED}),
    (a_viewer_without_a_provider, {SUMS}),
    (a_viewer_who_started_up_elsewhere, {SUMS}),
    (a_viewer_without_a_startup_bin, {SUMS}),
    (a_viewer_in_two_rebuffer_bins, {SUMS}),
    (a_negative_bin, {STATED}),
    (a_creators_viewer_without_a_continent, {SUMS}),
    (a_continent_of_another_creator, {SUMS}),
    (a_continent_of_an_unused_creator, {SUMS}),
    (a_negative_continent, {STATED}),
    (more_at_the_peak_than_viewers, {BOUND}),
    (a_negative_peak, {STATED}),
    (more_first_of_the_week_than_viewers, {BOUND}),
    (more_first_of_the_month_than_viewers, {BOUND}),
    (rows_of_a_slot_that_is_then_denied, {LISTING}),
    (a_slot_that_is_not_listed, {LISTING}),
    (a_video_of_another_owner, {LISTING}),
    (a_video_of_another_name, {LISTING}),
    (another_catalogue_root, {LISTING}),
    (another_tally_root, {PUBLIC}),
    (rows_of_another_root, {PUBLIC}),
    (regions_of_another_root, {PUBLIC}),
    (a_peak_of_another_root, {PUBLIC}),
    (another_seed, {PUBLIC}),
    (another_seed_commitment, {PUBLIC}),
]


@pytest.mark.parametrize(
    ("lie", "violated"), CASES, ids=lambda value: getattr(value, "__name__", "")
)
def test_lies(lie: Callable[[], Solved], violated: set[str]) -> None:
    """Every lie breaks one rule and no other."""
    assert lie().violated() == violated
