"""Lies about noise and figures: which constraint is left."""

from collections.abc import Callable

import pytest

from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.core.gaussian import thresholds
from analytics_pipeline.core.sampler import Drawn, draw_words, half_width, word_format
from tests.proving.circuit_cheats import (
    HONEST,
    UNUSED,
    Sums,
    X,
    add_up,
    arrays,
    at,
    column_of,
    plus,
    tell,
    tell_all,
)
from tests.proving.circuit_world import (
    NONCE,
    POLICY,
    SEED,
    SHAPE,
    WIDE,
    Lie,
    Solved,
    main_circuit,
    names,
    solve_main,
)

WORDS = "Permute DrawPart.__init__"
COMPOSED = "AssertZero DrawPart._compose"
INSIDE = "Range DrawPart._look_up"
LOOKED_UP = "Read Places.read"
DITHER = "Range DrawPart.__init__"
SHOWN = "Range FigurePart._release"
PUBLISHED = "AssertZero FigurePart._release"
PUBLIC = "AssertZero MainCircuit.__init__"
CONSTANTS = "AssertZero Tables.get"

NUMBER = {query.name: number for number, query in enumerate(POLICY.queries)}
COARSE = [query.name for query in POLICY.queries if query.unit > 1]
#: Which of `_release`'s columns belong to a query's first metric: each metric is a batch.
BATCH = {
    name: sum(len(query.metrics) for query in POLICY.queries[:number])
    for name, number in NUMBER.items()
}


def column(part: str, number: int) -> str:
    return f"{part} #{number}" if number else part


def drawn(name: str, seed: int = SEED.value, nonce: int = NONCE) -> Drawn:
    """What the honest prover draws for a query: for all blocks that the circuit has."""
    query = POLICY.queries[NUMBER[name]]
    places = names(main_circuit(SHAPE)).columns[column("DrawPart.__init__: places", NUMBER[name])]
    blocks = len(places) // (3 * word_format(query.unit).figures)
    return draw_words(seed, nonce, NUMBER[name], query, blocks)


def draws(name: str, told: Drawn) -> dict[str, Lie]:
    """Lies that replace all columns of a query's draws."""
    number, query = NUMBER[name], POLICY.queries[NUMBER[name]]
    ranges = word_format(query.unit).digit_ranges
    tables = [
        thresholds(query.sigma_thousandths, ranges[i % len(ranges)])
        for i in range(len(told.places))
    ]
    lows = [table[n] for table, n in zip(tables, told.places, strict=True)]
    highs = [table[n + 1] for table, n in zip(tables, told.places, strict=True)]
    columns = {
        "places": told.places,
        "lows": lows,
        "highs": highs,
        "inside": [digit - low for digit, low in zip(told.digits, lows, strict=True)],
        "outside": [high - 1 - digit for digit, high in zip(told.digits, highs, strict=True)],
    }
    named = {column(f"DrawPart.__init__: {part}", number): v for part, v in columns.items()}
    if query.unit > 1:
        named[column("DrawPart.__init__: dithers", COARSE.index(name))] = told.dithers
    for j in range(4):
        words = [state[j] for state in told.states]
        named[column("DrawPart.__init__: words", 4 * number + j)] = words
    return {key: lambda _, __, values=values: list(values) for key, values in named.items()}  # type: ignore[misc]


# ---- noise ------------------------------------------------------------------------


def a_place_higher() -> Solved:
    """The next outcome of the table, whose digits begin above the drawn one."""
    told = drawn("video.viewers")
    told.places[0] += 1
    return tell_all(lies=draws("video.viewers", told))


def a_place_lower() -> Solved:
    told = drawn("creator.watch_seconds")
    told.places[1] -= 1
    return tell_all(lies=draws("creator.watch_seconds", told))


def a_place_higher_with_a_digit_to_match() -> Solved:
    """The digit is the first of the next outcome: the word is another."""
    told = drawn("video.viewers")
    told.places[0] += 1
    first = word_format(1).digit_ranges[0]
    query = POLICY.queries[NUMBER["video.viewers"]]
    told.digits[0] = thresholds(query.sigma_thousandths, first)[told.places[0]]
    return tell_all(lies=draws("video.viewers", told))


def a_place_higher_read_where_it_was() -> Solved:
    """Threshold and width stay those of the drawn outcome."""
    places = column("DrawPart.__init__: places", NUMBER["video.viewers"])
    return tell_all(lies={places: plus(1)})


def a_place_beyond_the_table() -> Solved:
    last = 2 * half_width(POLICY.queries[NUMBER["region.viewers"]]) + 1
    places = column("DrawPart.__init__: places", NUMBER["region.viewers"])
    return tell_all(lies={places: at(0, last)})


def a_place_that_ends_later() -> Solved:
    """The digit has more room: it would be in this place even if it were in the next."""
    names_of_columns = ("highs", "outside")
    number = NUMBER["video.viewers"]
    parts = [column(f"DrawPart.__init__: {name}", number) for name in names_of_columns]
    return tell_all(lies={part: plus(1) for part in parts})


def a_table_with_other_odds() -> Solved:
    """Thresholds are part of the circuit."""
    return tell_all(lies={"Tables.get: entries (constants)": plus(1, 3)})


def noise_of_another_nonce() -> Solved:
    told = drawn("video.viewers", nonce=NONCE + 1)
    return tell_all(lies=draws("video.viewers", told))


def noise_of_another_seed() -> Solved:
    """The commitment is to the day's seed, the words are of another."""
    told = drawn("platform.viewers", seed=SEED.value + 1)
    return tell_all(lies=draws("platform.viewers", told))


def noise_of_another_figure() -> Solved:
    """The first two words of a block change places."""
    told = drawn("video.viewers")
    (a, b, c, d), *rest = told.states
    for values in (told.digits, told.places):
        values[0:3], values[3:6] = values[3:6], values[0:3]
    told = Drawn([(b, a, c, d), *rest], told.digits, told.places, told.dithers)
    return tell_all(lies=draws("video.viewers", told))


def a_dither_of_more_than_a_unit() -> Solved:
    """The second dither is a unit more and the first one less: the same word."""
    told = drawn("video.watch_seconds")
    figure = next(i for i in range(0, len(told.dithers), 2) if told.dithers[i] > 0)
    told.dithers[figure] -= 1
    told.dithers[figure + 1] += 100
    return tell_all(lies=draws("video.watch_seconds", told))


def a_negative_dither() -> Solved:
    told = drawn("video.watch_seconds")
    figure = next(i for i in range(0, len(told.dithers), 2) if told.dithers[i] < 99)
    told.dithers[figure] += 1
    told.dithers[figure + 1] -= 100
    return tell_all(lies=draws("video.watch_seconds", told))


def a_word_read_as_more_than_r() -> Solved:
    """h + r is the same element, and has other digits."""
    return tell_all(lies=draws("video.viewers", _beyond("video.viewers")))


def a_dithered_word_read_as_more_than_r() -> Solved:
    return tell_all(lies=draws("video.watch_seconds", _beyond("video.watch_seconds")))


def _beyond(name: str) -> Drawn:
    told, shape = drawn(name), word_format(POLICY.queries[NUMBER[name]].unit)
    rest = told.states[0][0] + MODULUS
    query = POLICY.queries[NUMBER[name]]
    for i, (weight, size) in enumerate(zip(shape.digit_weights, shape.digit_ranges, strict=True)):
        told.digits[i], rest = divmod(rest, weight)
        table = thresholds(query.sigma_thousandths, size)
        told.places[i] = max(n for n in range(len(table) - 1) if table[n] <= told.digits[i])
    for i, weight in enumerate(shape.dither_weights):
        told.dithers[i], rest = divmod(rest, weight)
    return told


# ---- figures ------------------------------------------------------------------------


def release(name: str, part: str) -> str:
    return column(f"FigurePart._release: {part}", BATCH[name])


def showing(name: str, position: int, shown: int) -> dict[str, Lie]:
    """Show a figure or not, and publish accordingly."""

    def published(liar: object, honest: list[int]) -> list[int]:
        value = liar.told(release(name, "value (linear)"))[position]  # type: ignore[attr-defined]
        return [*honest[:position], value * shown, *honest[position + 1 :]]

    return {release(name, "shown"): at(position, shown), release(name, "published"): published}


def near_threshold(distance: int) -> Sums:
    """Totals whose first region is so far above its threshold, by its noise."""
    query = POLICY.queries[NUMBER["region.viewers"]]
    noise = drawn("region.viewers").places[0] - half_width(query)
    sums = add_up(HONEST)
    viewers = query.threshold + distance - noise
    sums.stated["region.viewers"] = [viewers, sum(sums.first[:-1]) - viewers, 0]
    return sums


def a_low_figure_shown() -> Solved:
    return tell_all(sums=near_threshold(-1), lies=showing("region.viewers", 0, 1))


def a_high_figure_suppressed() -> Solved:
    return tell_all(sums=near_threshold(0), lies=showing("region.viewers", 0, 0))


def a_figure_shown_twice() -> Solved:
    """shown = 2 publishes the double; it is no flag."""
    return tell_all(sums=near_threshold(0), lies=showing("region.viewers", 0, 2))


def a_figure_of_an_unused_slot() -> Solved:
    return tell_all(lies=showing("video.watch_seconds", UNUSED, 1))


def a_figure_that_is_not_its_value() -> Solved:
    return tell_all(sums=near_threshold(0), lies={release("region.viewers", "published"): plus(1)})


def another_figure_sum() -> Solved:
    return tell(figure_sum=plus(1))


def a_report_of_other_figures() -> Solved:
    """T of a report whose first region has one viewer more."""
    honest = column_of(tell_all(sums=near_threshold(1)), "figure_sum")
    return tell_all(
        sums=near_threshold(0),
        lies={"MainCircuit.__init__: public (public) #1": lambda *_: honest},
    )


CASES = [
    (a_place_higher, {INSIDE}),
    (a_place_lower, {INSIDE}),
    (a_place_higher_with_a_digit_to_match, {COMPOSED}),
    (a_place_higher_read_where_it_was, {LOOKED_UP}),
    (a_place_beyond_the_table, {LOOKED_UP}),
    (a_place_that_ends_later, {LOOKED_UP}),
    (a_table_with_other_odds, {CONSTANTS}),
    (noise_of_another_nonce, {WORDS}),
    (noise_of_another_seed, {WORDS}),
    (noise_of_another_figure, {WORDS}),
    (a_dither_of_more_than_a_unit, {DITHER}),
    (a_negative_dither, {DITHER}),
    (a_word_read_as_more_than_r, {INSIDE}),
    (a_dithered_word_read_as_more_than_r, {INSIDE}),
    (a_low_figure_shown, {SHOWN}),
    (a_high_figure_suppressed, {SHOWN}),
    (a_figure_shown_twice, {SHOWN}),
    (a_figure_of_an_unused_slot, {SHOWN}),
    (a_figure_that_is_not_its_value, {PUBLISHED}),
    (another_figure_sum, {PUBLIC}),
    (a_report_of_other_figures, {PUBLIC}),
]


@pytest.mark.parametrize(
    ("lie", "violated"), CASES, ids=lambda value: getattr(value, "__name__", "")
)
def test_lies(lie: Callable[[], Solved], violated: set[str]) -> None:
    """Every lie breaks one rule and no other."""
    assert lie().violated() == violated


def test_a_lie_about_the_table_of_ends() -> None:
    """Where there are many figures, places end by another table, and a lie about it is found."""
    number = NUMBER["video.furthest_bin"]
    parts = [column(f"DrawPart.__init__: {name}", number) for name in ("highs", "outside")]
    lies = {part: plus(1) for part in parts}
    told = solve_main(WIDE, arrays(HONEST), add_up(HONEST, WIDE).totals(), X, lies)
    assert told.violated() == {LOOKED_UP}


@pytest.mark.parametrize(("distance", "shown"), [(-1, 0), (0, 1)])
def test_the_edge_of_suppression(distance: int, shown: int) -> None:
    """A figure is shown from its threshold on, and only one answer is accepted."""
    sums = near_threshold(distance)
    honest = tell_all(sums=sums)
    assert honest.violated() == set()
    assert column_of(honest, release("region.viewers", "shown"))[0] == shown
