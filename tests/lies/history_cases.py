"""A whole history in memory: as an honest operator leaves it, and with one lie in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from analytics_pipeline.core.bundle import CHAIN_FILE, history_files
from analytics_pipeline.core.errors import ContentUnavailable
from analytics_pipeline.core.history import History
from analytics_pipeline.core.record import Record
from analytics_pipeline.core.verify_all import HistoryVerification
from tests.support.world import DAYS, World

FIRST, SECOND, THIRD = DAYS
#: What is lied about, how, the rule that must notice (9: the release itself), the error's name.
HistoryLie = tuple[str, Callable[[], "Told"], int, str]


@dataclass(frozen=True)
class Told:
    """Records and bundles as a verifier gets them, and what it asks for."""

    world: World
    chain_file: bytes
    bundles: Mapping[tuple[date, int], Mapping[str, bytes]]
    question: dict[str, Any] = field(default_factory=dict)
    span: tuple[date | None, date | None] = (None, None)


def told(world: World, **changes: Any) -> Told:
    """The history as the world has it."""
    return replace(Told(world, world.chain_file(), dict(world.bundles)), **changes)


def archived(world: World, *extra: str) -> Told:
    """As an archive, which may have files besides."""
    files = {CHAIN_FILE, *extra}
    for day, revision in world.bundles:
        files.update(history_files(day, revision))
    return told(world, question={"files": frozenset(files)})


def rewritten(world: World, change: Callable[[list[Record]], list[Record]]) -> Told:
    """Somebody rewrites the records and chains them anew; the registry is not asked."""
    return told(world, chain_file=world.chain_file(change(list(world.records))))


def days_world(number: int, *left_out: int, **options: Any) -> World:
    """So many days from the first on, but for some."""
    world = World(**options)
    for position in range(number):
        if position not in left_out:
            world.publish(FIRST + timedelta(days=position))
    return world


def judged(case: Told, **question: Any) -> History:
    """What a verifier makes of it."""
    asked = {"terms": case.world.terms, **case.question, **question}
    verification = HistoryVerification(case.chain_file, **asked)
    for release in verification.wanted(*case.span):
        _judge(verification, release, case)
    while (release := verification.wanted_for_policy()) is not None:
        _judge(verification, release, case)
    return verification.conclude()


def _judge(verification: HistoryVerification, release: Any, case: Told) -> None:
    bundle = case.bundles.get((release.day, release.revision))
    if bundle is None:
        verification.miss(release, ContentUnavailable("nobody has it"))
    else:
        verification.judge(release, bundle)
