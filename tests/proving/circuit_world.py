"""Small days for the circuit: made up, reported and proved, honestly or not.

A `Day` is viewers and what they watched. Its exact figures are counted here in plain Python and its
report is drawn by the real release, so that a witness is held against code that shares nothing with
the circuit. `solve_main` makes a dishonest witness if it is given lies: values of a column are
replaced, and everything that is computed after them follows, as a clever cheat would have it.
"""

import datetime
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from unittest.mock import patch

import numpy as np
import numpy.typing as npt

from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.core.histograms import REBUFFER_BINS, STARTUP_BINS
from analytics_pipeline.core.listing import ListedVideo, Listing, build_listing
from analytics_pipeline.core.policy import DEFAULT_RHO_NANO, Bounds, Policy, build_policy
from analytics_pipeline.core.regions import continent_of
from analytics_pipeline.core.report import Report, ReportHeader, parse_report
from analytics_pipeline.core.sampler import Seed, figure_names
from analytics_pipeline.core.statement import challenge
from analytics_pipeline.core.tally import TallyRow
from analytics_pipeline.proving import circuit as circuit_module
from analytics_pipeline.proving.acir import Column, Values, Witness
from analytics_pipeline.proving.circuit import MainCircuit, MainInputs, ShardCircuit, ShardInputs
from analytics_pipeline.proving.contributions import Contributions
from analytics_pipeline.proving.shape import Shape, build_shape
from analytics_pipeline.proving.stated import STATED
from analytics_pipeline.proving.tally import Totals, total_up
from analytics_pipeline.release.noise import draw_report
from tests.proving.acir_evaluator import Evaluator
from tests.proving.circuit_names import NamedProgram, naming

#: Tight bounds, and little noise: a few rows give shown figures as well as suppressed ones.
POLICY = build_policy(
    Bounds(videos_per_viewer_day=3, seconds_per_video=900, seconds_per_day=2000),
    {name: 100 * share for name, share in DEFAULT_RHO_NANO.items()},
    25_000_000_000,
    ("DE", "US", "ZZ"),
    rho_nano_per_30_days=750_000_000_000,
    providers=("cdn", "ipfs"),
)
SHAPE = build_shape(POLICY, rows=78, videos=6, creators=4)
SHARDED = build_shape(POLICY, rows=39, videos=6, creators=4, shards=2, shard_rows=39)
#: Many slots without a video.
WIDE = build_shape(POLICY, rows=78, videos=40, creators=4)
#: Leaves the last video slot and the last creator slot empty.
LISTING = build_listing(
    ListedVideo(*names)
    for names in (("ana", "a1"), ("ana", "a2"), ("bo", "b1"), ("bo", "b2"), ("cy", "c1"))
)
#: What `Viewer.flags` count towards.
FLAGS = ("first_of_week", "first_of_month", "peak_viewers")
SEED = Seed(111, 222)
NONCE = 333
SALT = 444

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class View:
    """What a viewer watched of a video: its slot, furthest bin, seconds."""

    video: int
    bin: int
    seconds: int


@dataclass(frozen=True)
class Viewer:
    """One viewer-day; views by video. `flags`: first of week, first of month, there at the peak."""

    region: str
    views: tuple[View, ...]
    provider: str = "cdn"
    startup: int = 2
    rebuffer: int = 0
    flags: tuple[bool, bool, bool] = (False, False, True)


@dataclass(frozen=True)
class Day:
    """Viewers of a listing under a policy."""

    viewers: tuple[Viewer, ...]
    listing: Listing = LISTING
    policy: Policy = POLICY

    @property
    def row_count(self) -> int:
        return sum(len(viewer.views) for viewer in self.viewers)

    def stated(self) -> dict[str, Ints]:
        """By query, the exact figures that a tally states."""
        exact = {row[:3]: row.value for row in self.tally()}
        queries = {query.name: query for query in self.policy.queries}
        names = {
            each.query: figure_names(queries[each.query], self.policy, self.listing)
            for each in STATED
        }
        return {
            query: np.array([exact[name] for name in figures], np.int64)
            for query, figures in names.items()
        }

    def tally(self) -> list[TallyRow]:
        """Exact figures, counted view by view and viewer by viewer."""
        videos, policy = self.listing.videos, self.policy
        counts: Counter[tuple[str, str, str]] = Counter()
        for viewer in self.viewers:
            counts["platform", "", "viewers"] += 1
            counts["region", viewer.region, "viewers"] += 1
            for metric in ("viewers", f"startup_{viewer.startup}", f"rebuffer_{viewer.rebuffer}"):
                counts["provider", viewer.provider, metric] += 1
            for metric, flag in zip(FLAGS, viewer.flags, strict=True):
                counts["platform", "", metric] += flag
            for creator in {videos[view.video].creator_id for view in viewer.views}:
                counts["creator", creator, "viewers"] += 1
                counts["creator", creator, f"viewers_{continent_of(viewer.region)}"] += 1
            for view in viewer.views:
                creator, video = videos[view.video]
                counts["platform", "", "views"] += 1
                counts["video", video, "viewers"] += 1
                counts["video", video, f"furthest_bin_{view.bin:02d}"] += 1
                for scope, key in (("platform", ""), ("creator", creator), ("video", video)):
                    counts[scope, key, "watch_seconds"] += view.seconds
        keys = [("platform", "")]
        keys += [("region", region) for region in policy.regions]
        keys += [("provider", provider) for provider in policy.providers]
        keys += [("creator", creator) for creator in self.listing.creator_ids]
        keys += [("video", video) for video in self.listing.video_ids]
        return [
            TallyRow(scope, key, metric, counts[scope, key, metric])
            for scope, key in keys
            for metric in policy.metrics_of(scope)
        ]

    def report(self, seed: Seed = SEED, nonce: int = NONCE) -> Report:
        """The report, drawn by the release."""
        tally = self.tally()
        header = ReportHeader(
            platform="demo",
            day=datetime.date(2026, 1, 1),
            revision=1,
            manifest_root=bytes(32),
            policy_hash=self.policy.policy_hash,
            spend_nano_rho=self.policy.rho_nano_per_release,
            row_count=len(tally),
        )
        return parse_report(draw_report(tally, self.policy, header, self.listing, seed, nonce))


def contributions(viewers: Sequence[Viewer]) -> Contributions:
    """Rows of viewers, one after the other."""
    rows = [(int(n == 0), view) for viewer in viewers for n, view in enumerate(viewer.views)]
    first = np.array([first for first, _ in rows], np.int64)
    columns = [
        np.array([getattr(view, name) for _, view in rows], np.int64)
        for name in ("video", "bin", "seconds")
    ]
    return Contributions(first, *columns)


def random_viewer(rng: random.Random, day: Day, most_views: int) -> Viewer:
    """A viewer within the bounds, often at one of them."""
    bounds, slots = day.policy.bounds, len(day.listing.videos)
    count = rng.randint(1, min(bounds.videos_per_viewer_day, slots, most_views))
    left, views = bounds.seconds_per_day, []
    for video in sorted(rng.sample(range(slots), count)):
        most = min(bounds.seconds_per_video, left)
        seconds = rng.choice((0, most, rng.randint(0, most)))
        left -= seconds
        views.append(View(video, rng.choice((0, 7, 19)), seconds))
    return Viewer(
        rng.choice(day.policy.regions),
        tuple(views),
        rng.choice(day.policy.providers),
        rng.randrange(STARTUP_BINS),
        rng.randrange(REBUFFER_BINS),
        (rng.random() < 0.5, rng.random() < 0.2, rng.random() < 0.8),
    )


def random_day(rng: random.Random, rows: int, day: Day = Day(())) -> Day:
    """A day of exactly so many rows, on the listing and policy of another day."""
    viewers: list[Viewer] = []
    while rows:
        viewers.append(random_viewer(rng, day, rows))
        rows -= len(viewers[-1].views)
    return Day(tuple(viewers), day.listing, day.policy)


# ---- circuits and witnesses ------------------------------------------------------------------


@cache
def main_circuit(shape: Shape) -> MainCircuit:
    """The main circuit, with names."""
    with naming():
        return MainCircuit(shape)


@cache
def shard_circuit(shape: Shape) -> ShardCircuit:
    """The circuit of a row shard, with names."""
    with naming():
        return ShardCircuit(shape)


@cache
def evaluator(circuit: MainCircuit | ShardCircuit) -> Evaluator:
    return Evaluator(circuit.program)


def names(circuit: MainCircuit | ShardCircuit) -> NamedProgram:
    program = circuit.program
    assert isinstance(program, NamedProgram)
    return program


Lie = Callable[["Liar", list[int]], Sequence[int]]
"""Given the witness so far and what the honest prover would set: a column's values."""


class Liar(Witness):
    """A witness in which some columns are not what the honest prover makes them."""

    def __init__(self, program: NamedProgram, lies: Mapping[str, Lie]) -> None:
        super().__init__(program)
        self._assignments = program.assignments
        self._columns = program.columns
        self._untold = {self._columns[name].start: (name, lie) for name, lie in lies.items()}

    def told(self, name: str) -> list[int]:
        """The values of a column that was set before."""
        return self.list(self._columns[name])

    def set(self, column: Column, values: Values) -> None:
        _, lie = self._untold.pop(column.start, ("", None))
        if lie is not None:
            told = list(lie(self, [int(value) for value in values]))
            small = all(abs(value) < 2**62 for value in told)
            values = np.array(told, np.int64) if small else told
        super().set(column, values)

    def solve(self) -> "Liar":
        for assignment in self._assignments:
            try:
                assignment(self)
            except (IndexError, ValueError):  # honest code cannot follow: the next lie must
                name, _ = next(iter(self._untold.values()))
                self.set(self._columns[name], [])
        return self


@contextmanager
def lying(lies: Mapping[str, Lie]) -> Iterator[None]:
    """While this lasts, witnesses are a liar's."""
    with patch.object(circuit_module, "Witness", lambda program: Liar(program, lies)):
        yield


@dataclass(frozen=True)
class Solved:
    """A circuit and a witness of it."""

    circuit: MainCircuit | ShardCircuit
    witness: Witness

    @cached_property
    def values(self) -> list[int]:
        """All values, reduced."""
        columns = names(self.circuit).columns.values()
        return [int(value) % MODULUS for column in columns for value in self.witness.list(column)]

    @property
    def public(self) -> list[int]:
        """The public inputs."""
        return self.values[: self.circuit.program.public_count]

    def violated(self) -> set[str]:
        """What is violated (`NamedProgram.families`)."""
        return names(self.circuit).families(evaluator(self.circuit).violations(self.values))


def solve_main(
    shape: Shape,
    rows: Contributions,
    totals: Totals,
    x: int,
    lies: Mapping[str, Lie] | None = None,
    *,
    listing: Listing = LISTING,
    seed: Seed = SEED,
    nonce: int = NONCE,
    shards: Sequence[tuple[int, int, int]] = (),
) -> Solved:
    """A witness of the main circuit.

    Args:
        shards: rows root, sum and blind of each row shard.
    """
    roots, sums, blinds = zip(*shards, strict=True) if shards else ((), (), ())
    inputs = MainInputs(
        rows, totals, listing, SALT, seed.value, seed.salt, nonce, x, roots, sums, blinds
    )
    circuit = main_circuit(shape)
    with lying(lies or {}):
        return Solved(circuit, circuit.solve(inputs))


def solve_shard(
    shape: Shape,
    rows: Contributions,
    x: int,
    lies: Mapping[str, Lie] | None = None,
    *,
    listing: Listing = LISTING,
    salt: int = 5,
    blind: int = 6,
) -> Solved:
    """A witness of a row shard's circuit."""
    circuit = shard_circuit(shape)
    with lying(lies or {}):
        return Solved(circuit, circuit.solve(ShardInputs(rows, listing, salt, blind, x)))


def solve_day(day: Day, shape: Shape = SHAPE) -> Solved:
    """The honest witness of a day that fits one proof."""
    rows = contributions(day.viewers)
    totals = total_up(shape, day.listing, [rows], day.stated())
    x = challenge(NONCE, day.report().root)
    return solve_main(shape, rows, totals, x, listing=day.listing)
