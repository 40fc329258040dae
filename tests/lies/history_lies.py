"""Lies about a platform's whole history: rules 0 to 9 of `core.verify_all`."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from analytics_pipeline.core.chain_values import cid_text
from analytics_pipeline.core.checks.history import MAX_WITHHELD
from analytics_pipeline.core.erasure import GENESIS, Erasures, build_erasures
from analytics_pipeline.core.field import to_bytes32
from analytics_pipeline.core.record import CommitRecord, Record
from tests.lies.history_cases import (
    FIRST,
    SECOND,
    THIRD,
    HistoryLie,
    Told,
    archived,
    days_world,
    rewritten,
    told,
)
from tests.lies.record_lies import month_world
from tests.support.world import Lies, World, honest_world


def published(make: Callable[[World], None]) -> Callable[[], Told]:
    """An operator who has published three days does this."""

    def tell() -> Told:
        world = days_world(3)
        make(world)
        return told(world)

    return tell


def altered(day: date, change: Callable[[Any], None]) -> Callable[[], Told]:
    """Somebody alters one bundle of an honest history."""

    def alter() -> Told:
        world = honest_world()
        case = told(world)
        bundle = dict(world.bundles[day, 1])
        change(bundle)
        return replace(case, bundles={**case.bundles, (day, 1): bundle})

    return alter


def forgotten_head() -> Told:
    """The newest day is left out, and the records before it are chained anew."""
    world = days_world(3)
    head = world.head
    return replace(rewritten(world, lambda records: records[:-2]), question={"registry_head": head})


def swapped_in_time(records: list[Record]) -> list[Record]:
    """The second day's records stand before the first day's."""
    return [*records[2:4], *records[:2], *records[4:]]


def release_before_commit(records: list[Record]) -> list[Record]:
    first, second, *rest = records
    placed = {"block_number": first.block_number, "block_time": first.block_time}
    return [replace(second, **placed), first, *rest]


def many_draws(world: World) -> None:
    day = FIRST + timedelta(days=3)
    for revision in range(1, MAX_WITHHELD + 2):
        world.commit(day, revision)
    world.publish(day, MAX_WITHHELD + 2)


def skips_a_revision(world: World) -> None:
    world.publish(SECOND, 3)


def publishes_again(world: World) -> None:
    """The same revision is committed and released once more."""
    world.publish(THIRD)


def seed_of_another_day(world: World) -> None:
    other = to_bytes32(world.seed(FIRST).commitment)
    lies = Lies(commit=lambda record: replace(record, seed_commitment=other))
    world.publish(FIRST + timedelta(days=3), lies=lies)


def second_seed(world: World) -> None:
    lies = Lies(commit=lambda record: replace(record, seed_commitment=to_bytes32(7)))
    world.publish(SECOND, 2, lies)


def other_delay(world: World) -> None:
    world.beacon_delay += 1
    world.publish(FIRST + timedelta(days=3))


def other_policy(world: World) -> None:
    strict = world.policy
    world.policy = replace(strict, rho_nano_per_day=strict.rho_nano_per_day * 2)
    world.publish(SECOND, 2)


def cheap_record(world: World) -> None:
    lies = Lies(release=lambda record: replace(record, spend_nano_rho=1))
    world.publish(FIRST + timedelta(days=3), lies=lies)


def third_draw(world: World) -> None:
    for revision in (2, 3):
        world.publish(SECOND, revision)


def past_window() -> Told:
    """Weeks ago 30 days were overspent; who asks for the newest days alone hears of it."""
    world = month_world((1, 2))
    for days in range(2, 62):
        world.publish(FIRST + timedelta(days=days), lies=Lies(rows=lambda rows: rows))
    newest = FIRST + timedelta(days=61)
    return told(world, span=(newest, newest))


def nothing_explained(world: World) -> None:
    world.publish(SECOND, 2, Lies(info=lambda info: replace(info, reason=" ")))


def nothing_linked(world: World) -> None:
    world.publish(SECOND, 2, Lies(info=lambda info: replace(info, previous=None)))


def no_bundle_on_record(world: World) -> None:
    cid = cid_text(b"\x01" + b"x" * 40)
    lies = Lies(release=lambda record: replace(record, bundle_cid=cid))
    world.publish(FIRST + timedelta(days=3), lies=lies)


def another_revisions_bundle() -> Told:
    world = honest_world()
    case = told(world)
    return replace(case, bundles={**case.bundles, (SECOND, 2): world.bundles[SECOND, 1]})


def receipts_told(second: Callable[[World, Erasures], Erasures]) -> Callable[[], Told]:
    """The first day is erased, and its receipt published; the release after it says this."""

    def tell() -> Told:
        world = days_world(2)
        world.erase(FIRST)
        world.publish(THIRD)
        lies = Lies(erasures=lambda honest: second(world, honest))
        world.publish(THIRD + timedelta(days=1), lies=lies)
        return told(world)

    return tell


def drops_the_receipt(world: World, honest: Erasures) -> Erasures:
    """A receipt of which no bundle tells stands between the two."""
    hidden = replace(world.receipt(SECOND), data_keys=1)
    shown = replace(world.receipt(SECOND), previous=hidden.digest)
    return build_erasures(world.platform, hidden.digest, [shown])


def tells_it_differently(world: World, honest: Erasures) -> Erasures:
    other = replace(world.receipt(FIRST), previous=GENESIS, reason="another story")
    return build_erasures(world.platform, GENESIS, [other])


def erases_it_again(world: World, honest: Erasures) -> Erasures:
    return build_erasures(world.platform, honest.previous, [world.receipt(FIRST)])


def hides_a_missing_day(records: list[Record]) -> list[Record]:
    """Of a day with a commit and a release the release is taken out."""
    return [r for r in records if isinstance(r, CommitRecord) or r.day != SECOND]


HISTORY_LIES: list[HistoryLie] = [
    ("a file nobody vouches for",
     lambda: archived(days_world(2), "bundles/2026-03-01/1/notes.txt"), 0, "UnexpectedFile"),
    ("a bundle of no released day",
     lambda: archived(days_world(2), "bundles/2026-03-09/1/report.json"), 0, "UnexpectedFile"),
    ("chain.json is of another format",
     lambda: told(days_world(2), chain_file=b"{}"), 1, "ChainFileMalformed"),
    ("a record is edited",
     lambda: told(days_world(2), chain_file=days_world(2).chain_file().replace(
         b'"revision":1', b'"revision":2', 1)), 1, "HistoryBroken"),
    ("the newest day is forgotten", forgotten_head, 1, "HeadMismatch"),
    ("another platform's history",
     lambda: told(days_world(2), question={"platform": "rival"}), 1, "WrongPlatform"),
    ("days are put in another order",
     lambda: rewritten(days_world(3), swapped_in_time), 1, "HistoryBroken"),
    ("a day is left out", lambda: told(days_world(4, 2)), 2, "DayMissing"),
    ("weeks are left out", lambda: told(days_world(24, *range(1, 22))), 2, "DayMissing"),
    ("a day was drawn and is hidden",
     lambda: rewritten(days_world(3), hides_a_missing_day), 2, "DayMissing"),
    ("a revision is missing", published(skips_a_revision), 3, "RevisionGap"),
    ("a release is replayed", published(publishes_again), 3, "ReleaseReplayed"),
    ("the best of many draws is published", published(many_draws), 3, "TooManyWithheld"),
    ("a release before its commit",
     lambda: rewritten(days_world(3), release_before_commit), 3, "ReleaseBeforeCommit"),
    ("a day has the seed of another one", published(seed_of_another_day), 4, "SeedReused"),
    ("a correction has another seed", published(second_seed), 4, "SeedChanged"),
    ("one beacon is of another block", published(other_delay), 5, "WrongBeaconBlock"),
    ("a day's policy is changed afterwards", published(other_policy), 6, "PolicyChanged"),
    ("less is recorded as spent than was", published(cheap_record), 7, "SpendMismatch"),
    ("a day is overspent", published(third_draw), 7, "BudgetExceeded"),
    ("30 days in the past are overspent", past_window, 7, "WindowExceeded"),
    ("a receipt is dropped between releases",
     receipts_told(drops_the_receipt), 8, "ErasureChainBroken"),
    ("a published receipt is told differently",
     receipts_told(tells_it_differently), 8, "ErasureChainBroken"),
    ("a day is erased once more", receipts_told(erases_it_again), 8, "ErasureRepeated"),
    ("a revision is unexplained", published(nothing_explained), 9, "CorrectionUnexplained"),
    ("a correction hides the release before", published(nothing_linked), 9, "CorrectionUnlinked"),
    ("the bundle of another revision", another_revisions_bundle, 9, "WrongRevision"),
    ("a file of an old bundle is altered",
     altered(FIRST, lambda b: b.update({"report.json": b["report.json"] + b" "})),
     9, "BundleMismatch"),
    ("a file of an old bundle is missing",
     altered(FIRST, lambda b: b.pop("proof.json")), 9, "MissingFile"),
]  # fmt: skip
