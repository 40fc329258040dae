"""A history is fetched ahead of whoever checks it: in order, a few at once, large bundles alone."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from analytics_pipeline.chain.interface import ChainUnreachable
from analytics_pipeline.core.errors import (
    ContentUnavailable,
    IntegrityError,
    InvalidContent,
    PipelineError,
)
from analytics_pipeline.core.history import ReleaseState
from analytics_pipeline.core.record import ReleaseRecord
from analytics_pipeline.core.verify_all import HistoryVerification
from analytics_pipeline.published import history
from analytics_pipeline.published.history import (
    AHEAD,
    AHEAD_BYTES,
    LoadedRelease,
    check_history,
    load_ahead,
)
from tests.lies.history_cases import days_world
from tests.support.world import World


@dataclass
class Shelf:
    """A source in memory that says how it is asked."""

    world: World
    before: Callable[[ReleaseRecord, int], None] = lambda release, max_bytes: None
    registry_head: bytes | None = None
    files: frozenset[str] | None = None
    records_from: str = "memory"
    bundles_from: str = "memory"
    asked: list[tuple[ReleaseRecord, int]] = field(default_factory=list)

    @property
    def chain_file(self) -> bytes:
        return self.world.chain_file()

    def load(self, release: ReleaseRecord, max_bytes: int) -> LoadedRelease:
        self.asked.append((release, max_bytes))
        self.before(release, max_bytes)
        return LoadedRelease(self.world.bundles[release.day, release.revision])


def releases_of(world: World) -> list[ReleaseRecord]:
    return [record for record in world.records if isinstance(record, ReleaseRecord)]


def test_a_few_are_fetched_at_once_and_come_in_order() -> None:
    """Never more than `AHEAD` are on their way or wait, however slow the reader is."""
    world = days_world(3 * AHEAD)
    releases = releases_of(world)
    together = threading.Barrier(AHEAD)
    shelf = Shelf(world)
    # The first ones get on only when all of them are there: they are fetched side by side.
    shelf.before = lambda release, _: (
        together.wait(timeout=60) and None if release in releases[:AHEAD] else None
    )
    for number, (release, loaded) in enumerate(load_ahead(shelf, releases)):
        assert release is releases[number]
        assert isinstance(loaded, LoadedRelease)
        assert len(shelf.asked) <= number + AHEAD
    assert len(shelf.asked) == len(releases)


def test_a_large_bundle_is_fetched_alone() -> None:
    """What is too much for one of several gets its own turn, once; what is none, is refused."""
    world = days_world(2)
    large, honest = releases_of(world)

    def refuse(release: ReleaseRecord, max_bytes: int) -> None:
        if release is large and max_bytes == AHEAD_BYTES:
            raise InvalidContent("block", "holds more bytes")

    shelf = Shelf(world, refuse)
    results = dict(load_ahead(shelf, [large, honest]))
    assert all(isinstance(loaded, LoadedRelease) for loaded in results.values())
    limits = [max_bytes for release, max_bytes in shelf.asked if release is large]
    assert limits == [AHEAD_BYTES, history.MAX_FILE_BYTES]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (ContentUnavailable("nobody answers"), ReleaseState.UNAVAILABLE),
        (IntegrityError("other bytes"), ReleaseState.UNAVAILABLE),
        (InvalidContent("block", "is no directory"), ReleaseState.FAILED),
    ],
)
def test_what_is_wrong_with_one_bundle_is_said_of_it(
    error: PipelineError, state: ReleaseState
) -> None:
    """The others are checked."""
    world = days_world(3)
    bad = releases_of(world)[1]

    def fail(release: ReleaseRecord, _: int) -> None:
        if release == bad:
            raise error

    shelf = Shelf(world, fail)
    told: list[tuple[str, int]] = []
    found = check_history(
        shelf,
        HistoryVerification(shelf.chain_file, terms=world.terms),
        on_result=lambda result, total: told.append((result.state.value, total)),
    )
    assert [result.state for result in found.releases] == [
        ReleaseState.VERIFIED,
        state,
        ReleaseState.VERIFIED,
    ]
    assert found.releases[1].error is error
    assert [total for _, total in told] == [3, 3, 3]


def test_a_chain_that_falls_silent_ends_it() -> None:
    """Not one release after the other, each after all its attempts."""
    world = days_world(2)

    def silent(release: ReleaseRecord, _: int) -> None:
        raise ChainUnreachable("gone")

    shelf = Shelf(world, silent)
    with pytest.raises(ChainUnreachable):
        check_history(shelf, HistoryVerification(shelf.chain_file, terms=world.terms))
