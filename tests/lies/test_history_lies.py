"""The table of lies about whole histories; and what is no lie."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_pipeline.core import canonical
from analytics_pipeline.core.circuits import Circuits
from analytics_pipeline.core.history import History, ReleaseState
from analytics_pipeline.core.record import CommitRecord
from analytics_pipeline.core.verify_all import RULE_NAMES, HistoryVerification
from analytics_pipeline.core.verify_errors import CheckState, VerificationFailed
from tests.lies.history_cases import (
    FIRST,
    SECOND,
    THIRD,
    Told,
    archived,
    days_world,
    judged,
    told,
)
from tests.lies.history_lies import HISTORY_LIES
from tests.lies.test_flipped_bits import json_values
from tests.support.stand_in_proofs import stand_in_circuits
from tests.support.world import World, honest_world


@pytest.mark.parametrize(
    ("lie", "tell", "number", "error"), HISTORY_LIES, ids=[lie[0] for lie in HISTORY_LIES]
)
def test_every_lie_has_its_name(
    lie: str, tell: Callable[[], Told], number: int, error: str
) -> None:
    """Found by its rule, under its name; everything else is still looked at."""
    case = tell()
    if number == 1:  # without records there is nothing else to look at
        with pytest.raises(VerificationFailed) as caught:
            judged(case)
        assert (caught.value.name, caught.value.number) == (error, 1)
        assert [result.number for result in caught.value.results] == [1]
        return
    history = judged(case)
    assert history.verified is False
    found = {(rule, failure.name) for rule, failure in history.failures}
    found |= {(9, type(each.error).__name__) for each in history.releases if each.error}
    assert (number, error) in found
    assert history.rules[number].state is CheckState.FAILED
    assert error in history.rules[number].detail
    assert [rule.number for rule in history.rules] == list(range(len(RULE_NAMES)))


def states(history: History) -> set[CheckState]:
    return {rule.state for rule in history.rules}


@pytest.mark.parametrize("shards", [0, 2])
def test_the_honest_history_verifies(shards: int) -> None:
    """Corrections, a withheld commit and an erasure included; older revisions as of their time."""
    world = honest_world(shards)
    for case in (told(world), archived(world), told(world, question={"registry_head": world.head})):
        history = judged(case)
        assert history.verified is True
        assert states(history) == {CheckState.PASSED}
        assert [(r.label, r.state) for r in history.releases] == [
            (label, ReleaseState.VERIFIED)
            for label in (
                f"{FIRST} revision 1",
                f"{SECOND} revision 1",
                f"{SECOND} revision 2",
                f"{THIRD} revision 2",
            )
        ]
        assert history.releases[2].reason == "late events"
        assert "receipts: 1" in history.rules[8].detail


def test_one_bad_release_keeps_no_other_from_being_checked() -> None:
    """The day is named with its check; the others are verified."""
    case = told(honest_world())
    bundle = {**case.bundles[SECOND, 1], "report.json": b"{}"}
    history = judged(replace(case, bundles={**case.bundles, (SECOND, 1): bundle}))
    failed = [each for each in history.releases if each.state is ReleaseState.FAILED]
    assert [(each.label, each.number) for each in failed] == [(f"{SECOND} revision 1", 2)]
    assert sum(each.state is ReleaseState.VERIFIED for each in history.releases) == 3


def test_a_bundle_that_nobody_has_is_no_lie() -> None:
    """It is named, what hangs on it is checked in part, and the answer is: not known."""
    case = told(honest_world())
    bundles = {key: files for key, files in case.bundles.items() if key != (SECOND, 2)}
    history = judged(replace(case, bundles=bundles))
    assert history.verified is None
    assert history.failures == ()
    [missing] = [each for each in history.releases if each.state is ReleaseState.UNAVAILABLE]
    assert missing.label == f"{SECOND} revision 2"
    assert [rule.number for rule in history.rules if rule.state is CheckState.PARTLY] == [8, 9]


def test_a_span_limits_bundles_and_no_rule_of_the_records() -> None:
    """Days that were not asked for are skipped, and that is said."""
    world = days_world(5)
    day = FIRST + timedelta(days=2)
    history = judged(told(world, span=(day, day)))
    assert history.verified is True
    assert [each.state for each in history.releases].count(ReleaseState.SKIPPED) == 4
    assert [rule.number for rule in history.rules if rule.state is CheckState.PARTLY] == [8, 9]
    assert [each.name for each in history.rules[9].reservations] == ["PartOfHistory"]
    assert "5 days" in history.rules[2].detail


def test_caps_are_looked_for_in_one_bundle_of_every_policy() -> None:
    """Whoever asks for the newest day alone needs the policies of all others too."""
    world = days_world(3)
    strict, circuits = world.policy, world.circuits.entries
    world.policy = replace(strict, rho_nano_per_30_days=strict.rho_nano_per_30_days * 2)
    world.circuits = stand_in_circuits(world.policy)
    newest = FIRST + timedelta(days=3)
    world.publish(newest)
    world.circuits = Circuits((*circuits, *world.circuits.entries))
    history = judged(told(world, span=(newest, newest)))
    assert history.verified is True
    assert history.rules[6].state is CheckState.PASSED
    assert [(span.first, span.last) for span, _ in history.policies] == [
        (FIRST, THIRD),
        (newest, newest),
    ]
    assert [each.state for each in history.releases] == [
        *[ReleaseState.SKIPPED] * 2,
        *[ReleaseState.VERIFIED] * 2,
    ]
    without = judged(told(world, span=(newest, newest), bundles={}))
    assert without.verified is None
    assert without.rules[7].state is CheckState.PARTLY


def test_days_on_their_way_are_named() -> None:
    """Committed to and not released: after the newest day it is no gap, and nobody overlooks it."""
    world = days_world(2)
    world.commit(THIRD, 1)
    history = judged(told(world))
    assert history.verified is True
    assert history.committed == (THIRD,)
    [reservation] = history.rules[2].reservations
    assert (reservation.name, str(THIRD) in reservation.text) == ("DaysCommitted", True)


def test_a_newest_release_that_knows_less() -> None:
    """A catalogue from a backup publishes without the newest receipts: no lie, and said."""
    world = days_world(2)
    old = world.erasures()
    world.erase(FIRST)
    world.publish(THIRD)
    world.erasure_head = old.head
    world.publish(THIRD + timedelta(days=1))
    history = judged(told(world))
    assert history.verified is True
    assert [each.name for each in history.rules[8].reservations] == ["ErasuresBehind"]


@given(json_values | st.binary(max_size=40))
def test_any_chain_file_is_a_named_failure(nonsense: object) -> None:
    """Arbitrary records end in a named failure of rule 1, never in a crash."""
    data = nonsense if isinstance(nonsense, bytes) else canonical.encode(nonsense)
    with pytest.raises(VerificationFailed) as caught:
        HistoryVerification(data)
    assert caught.value.number == 1


def test_a_platform_without_releases_has_no_history() -> None:
    """Nothing to verify is wrong input, no lie."""
    world = World()
    world.commit(FIRST, 1)
    with pytest.raises(Exception, match="no released day yet"):
        judged(told(world))


def test_what_a_stolen_key_can_append_changes_no_released_day() -> None:
    """Commits of every kind after a day's last release: counted as a reservation, and no more."""
    for changes in (
        {"revision": 1},
        {"revision": 2},
        {"revision": 7},
        {"revision": 2, "policy_hash": bytes(31) + b"\1"},
        {"revision": 1, "manifest_root": bytes(32)},
        {"day": FIRST - timedelta(days=400)},
    ):
        world = honest_world()
        commits = [r for r in world.records if isinstance(r, CommitRecord) and r.day == FIRST]
        for record in world.records[-1:]:
            forged = replace(
                commits[0],
                block_number=record.block_number + 1,
                block_time=record.block_time + 12,
                **changes,
            )
        world.records.append(forged)
        history = judged(told(world))
        assert history.verified is True, changes
        assert states(history) == {CheckState.PASSED}
        names = [each.name for each in history.releases[0].reservations]
        assert ("CommitsLater" in names) == ("day" not in changes)
