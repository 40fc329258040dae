"""Lies about rows, each as consistent as a clever cheat can make it: which constraint is left.

Totals, figures and roots of a lie follow from it, so that a report drawn from them would agree with
the proof. What a case names is all that is violated: without that constraint the lie would pass.
"""

from collections.abc import Callable

import pytest

from tests.proving.circuit_cheats import (
    HONEST,
    OWNERS,
    PADDING,
    UNUSED,
    Row,
    add_up,
    at,
    cell,
    change,
    column_of,
    new_creators,
    run,
    tell,
)
from tests.proving.circuit_world import SHAPE, Solved

ORDER = "Range ContributionPart._constrain_order"
SECONDS = "Read ContributionPart._constrain_bounds"
BOUNDS = "Range ContributionPart._constrain_bounds"
LEFT = "AssertZero ContributionPart._constrain_bounds"
FIRST = "AssertZero ContributionPart.__init__"
BIN = "Range ContributionPart.__init__"
CREATORS = "AssertZero ContributionPart._mark_creators"
OWNER = "Read ContributionPart._mark_creators"
BALANCE = "AssertZero TotalsPart._balance_rows"
TOTALS = "AssertZero TotalsPart.__init__"


def test_the_truth() -> None:
    """What all lies start from is accepted."""
    assert tell().violated() == set()


# ---- seconds ------------------------------------------------------------------------


def altered_seconds() -> Solved:
    """Rows say 100, the totals 200."""
    sums = add_up(HONEST)
    sums.seconds[cell(0, 3)] += 100
    sums.creator_seconds[0] += 100
    return tell(HONEST, sums)


def seconds_over_the_bound() -> Solved:
    return tell([*HONEST, *run((0, 3, 901))])


def seconds_beyond_their_packing() -> Solved:
    """1,024 seconds have one bit more than a row has room for."""
    return tell([*HONEST, *run((0, 3, 1024))])


def negative_seconds() -> Solved:
    """r − 5 seconds: they take 5 from somebody else's, and add 5 to what the viewer has left."""
    return tell([*HONEST, *run((2, 7, -5))])


def too_many_seconds_a_day() -> Solved:
    return tell([*HONEST, *run((0, 3, 900), (1, 0, 900), (2, 7, 201))])


def a_day_of_seconds_that_starts_again() -> Solved:
    """The same, with 2,000 seconds left again on the third row."""
    rows = [*HONEST, *run((0, 3, 900), (1, 0, 900), (2, 7, 201))]
    return tell(rows, seconds_left=at(len(rows) - 1, 2000 - 201))


# ---- videos of a viewer ------------------------------------------------------------------------


def unsorted_rows() -> Solved:
    return tell([*HONEST, *run((1, 0, 50), (0, 3, 50))])


def one_video_twice() -> Solved:
    return tell([*HONEST, *run((1, 0, 50), (1, 3, 50))])


def one_video_twice_by_its_bin() -> Solved:
    """Bin 32 of video 0 stands where bin 0 of video 1 does."""
    return tell([*HONEST, *run((0, 32, 50), (1, 0, 50))])


def a_bin_that_no_figure_counts() -> Solved:
    """Bin 20 has five bits, and no cell."""
    rows = [*HONEST, *run((0, 20, 50))]
    sums = add_up(HONEST)
    return tell(rows, sums)


def too_many_videos() -> Solved:
    return tell([*HONEST, *run((0, 0, 1), (1, 0, 1), (2, 0, 1), (3, 0, 1))])


def videos_that_start_again() -> Solved:
    """The same, with three videos left again on the fourth row."""
    rows = [*HONEST, *run((0, 0, 1), (1, 0, 1), (2, 0, 1), (3, 0, 1))]
    return tell(rows, videos_left=at(len(rows) - 1, 2))


# ---- where a viewer begins --------------------------------------------------------------------


def viewers_without_a_beginning() -> Solved:
    """The very first viewer is nobody's."""
    rows = [Row(0, 0, 3, 100), *HONEST[1:]]
    honest = tell()
    left = {
        name: change(lambda values, name=name: values.extend(column_of(honest, name)))  # type: ignore[misc]
        for name in ("seconds_left", "videos_left")
    }
    sums = add_up(rows, flags=new_creators(HONEST))
    return tell(rows, sums, **left)


def two_viewers_as_one() -> Solved:
    """The last viewer is joined to one who watched a later video."""
    return tell([*HONEST, *run((2, 7, 10)), Row(0, 1, 0, 10)])


def a_viewer_who_counts_twice() -> Solved:
    """first = 2, after a viewer of one row who leaves every bound where it was."""
    rows = [*HONEST[:-1], *run((4, 5, 0)), Row(2, 4, 5, 0)]
    return tell(rows, videos_left=at(len(rows) - 1, 3))


# ---- creators ------------------------------------------------------------------------


def a_creator_not_counted() -> Solved:
    """The last viewer is not new to the creator; its inverse is taken to be 0."""
    flags = [*new_creators(HONEST)[:-1], 0]
    sums = add_up(HONEST, flags=flags)
    last = len(HONEST) - 1
    return tell(HONEST, sums, new=at(last, 0), inverse=at(last - 1, 0))


def a_creator_counted_twice() -> Solved:
    """The second viewer's second video is of the same creator."""
    flags = [1 if n == 3 else flag for n, flag in enumerate(new_creators(HONEST))]
    return tell(HONEST, add_up(HONEST, flags=flags), new=at(3, 1))


def the_first_creator_not_counted() -> Solved:
    flags = [0, *new_creators(HONEST)[1:]]
    return tell(HONEST, add_up(HONEST, flags=flags), new=at(0, 0))


def a_video_of_another_creator() -> Solved:
    """Video 1 is looked up as bo's, so that its viewer is new to a creator once more."""
    flags = [1 if n == 3 else flag for n, flag in enumerate(new_creators(HONEST))]
    return tell(HONEST, add_up(HONEST, flags=flags), creator=at(3, 1))


# ---- slots ------------------------------------------------------------------------


def a_slot_that_is_none() -> Solved:
    """The slot after that of padding: no table has it, and no cell stands there."""
    rows = [*HONEST, *run((PADDING + 1, 0, 50))]
    owners = [*OWNERS, 0, 0]
    creators = [owners[row.video] for row in rows] + [0] * (SHAPE.rows - len(rows))
    sums = add_up([*HONEST, *run((PADDING, 0, 50))])
    return tell(rows, sums, creator=change(lambda values: values.extend(creators)))


def a_slot_without_a_video() -> Solved:
    return tell([*HONEST, *run((UNUSED, 0, 50))])


def a_viewer_hidden_by_padding_before() -> Solved:
    """The viewer begins on a padding row, which no figure counts."""
    return tell([*HONEST, Row(1, PADDING, 0, 0), Row(0, 2, 7, 50)])


CASES = [
    (altered_seconds, {BALANCE}),
    (seconds_over_the_bound, {SECONDS}),
    (seconds_beyond_their_packing, {SECONDS}),
    (negative_seconds, {SECONDS}),
    (too_many_seconds_a_day, {BOUNDS}),
    (a_day_of_seconds_that_starts_again, {LEFT}),
    (unsorted_rows, {ORDER}),
    (one_video_twice, {ORDER}),
    (one_video_twice_by_its_bin, {BIN}),
    (a_bin_that_no_figure_counts, {BALANCE}),
    (too_many_videos, {BOUNDS}),
    (videos_that_start_again, {LEFT}),
    (viewers_without_a_beginning, {FIRST}),
    (two_viewers_as_one, {ORDER}),
    (a_viewer_who_counts_twice, {FIRST}),
    (a_creator_not_counted, {CREATORS}),
    (a_creator_counted_twice, {CREATORS}),
    (the_first_creator_not_counted, {CREATORS}),
    (a_video_of_another_creator, {OWNER}),
    (a_slot_that_is_none, {OWNER, BALANCE}),
    (a_slot_without_a_video, {TOTALS}),
    (a_viewer_hidden_by_padding_before, {ORDER}),
]


@pytest.mark.parametrize(
    ("lie", "violated"), CASES, ids=lambda value: getattr(value, "__name__", "")
)
def test_lies(lie: Callable[[], Solved], violated: set[str]) -> None:
    """Every lie breaks one rule and no other."""
    assert lie().violated() == violated


# ---- what is no lie ------------------------------------------------------------------------


def test_padding_inside_a_viewer_changes_nothing() -> None:
    """A viewer may end on rows in the slot of padding: no figure counts them."""
    honest = tell(HONEST)
    padded = tell([*HONEST, Row(0, PADDING, 0, 0)])
    assert padded.violated() == set()
    assert padded.public[1] == honest.public[1]


def test_invented_viewers_are_not_noticed() -> None:
    """A viewer-day cut in two is two viewer-days: which rows are committed is not proved here."""
    cut = [*HONEST[:1], Row(1, 2, 7, 200), *HONEST[2:]]
    assert tell(cut).violated() == set()
