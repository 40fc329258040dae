"""The table of lies: each kind gets its own named error, from the check that must notice."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from analytics_pipeline.core import canonical, verify_errors
from analytics_pipeline.core.accounting import published_epsilon
from analytics_pipeline.core.checks.history import MAX_WITHHELD
from analytics_pipeline.core.proof_document import DEVELOPMENT
from analytics_pipeline.core.record import DEVELOPMENT_CHAIN_ID
from analytics_pipeline.core.registry_facts import SAFE_BEACON_DELAY
from analytics_pipeline.core.verify import CHECK_NAMES, LATER, WITHHELD, verify_bundle
from analytics_pipeline.core.verify_errors import CheckState
from tests.lies.cases import FIRST, SECOND, THIRD, Case
from tests.lies.erasure_lies import ERASURE_LIES
from tests.lies.history_lies import HISTORY_LIES
from tests.lies.proof_cases import NothingInstalled
from tests.lies.proof_lies import PROOF_LIES
from tests.lies.record_lies import RECORD_LIES, month_world
from tests.support.world import World, honest_world

LIES = [*RECORD_LIES, *PROOF_LIES, *ERASURE_LIES]
TERMS = World().terms


@pytest.mark.parametrize(("lie", "tell", "number", "error"), LIES, ids=[lie[0] for lie in LIES])
def test_every_lie_has_its_name(
    lie: str, tell: Callable[[], Case], number: int, error: str
) -> None:
    """The lie is found by its check, under its name, with a table that ends at the failure."""
    case = tell()
    with pytest.raises(verify_errors.VerificationFailed) as caught:
        verify_bundle(case.folder, **{"terms": TERMS, **case.question})
    failure = caught.value
    assert (failure.name, failure.number) == (error, number), str(failure)
    assert [result.number for result in failure.results] == list(range(number + 1))
    assert [result.passed for result in failure.results] == [True] * number + [False]
    assert error in failure.results[-1].detail
    assert failure.meaning in str(failure)


def test_every_error_has_a_lie_and_a_line_in_the_tree() -> None:
    """No error exists without a lie that provokes it and its place in the drawn tree."""
    classes = {c.__name__ for c in verify_errors.VerificationFailed.__subclasses__()}
    assert classes == {lie[3] for lie in [*LIES, *HISTORY_LIES]}
    assert verify_errors.__doc__ is not None
    drawn = {
        line.split("── ")[1].split()[0]
        for line in verify_errors.__doc__.splitlines()
        if "──" in line
    }
    assert drawn == classes


@pytest.mark.parametrize("shards", [0, 2])
def test_the_honest_world_verifies(shards: int) -> None:
    """Without a lie every check passes, online and offline, for every newest release."""
    world = honest_world(shards)
    for day, revision in ((FIRST, 1), (SECOND, 2), (THIRD, 2)):
        for online in ({}, {"registry_head": world.head, "registry": world.facts(day, revision)}):
            results = verify_bundle(
                world.folder(day, revision), platform="demo", day=day, terms=world.terms, **online
            )
            assert [result.number for result in results] == list(range(len(CHECK_NAMES)))
            assert all(result.passed and result.detail for result in results)


def test_an_older_revision_verifies_when_asked_for() -> None:
    """History stays verifiable: a superseded release is fine for whoever asks for that one."""
    world = honest_world()
    assert verify_bundle(world.folder(SECOND, 1), revision=1, terms=TERMS)


def test_the_spend_of_day_and_30_days_is_shown() -> None:
    """Recomputed from the records: ρ, cap and ε of the day, and of the fullest 30 days with it."""
    world = World()
    for number in range(40):
        world.publish(FIRST + timedelta(days=number))
    world.publish(FIRST + timedelta(days=35), 2)
    results = verify_bundle(world.folder(FIRST + timedelta(days=20), 1), terms=TERMS)
    assert results[7].detail == (
        "day: rho 0.125 of 0.25, epsilon 2.42; 30 days, 2026-03-07 to 2026-04-05: rho 3.875 of 5, "
        f"epsilon {published_epsilon(31 * 125_000_000)} of who came on each; delta 1e-06"
    )


@pytest.mark.parametrize("days", [-30, 30])
def test_days_beyond_the_30_are_not_counted(days: int) -> None:
    """The cap is that of 30 days: what the 31st spends is no concern of the first."""
    world = month_world((days, 2))
    assert verify_bundle(world.folder(FIRST, 1), terms=world.terms)


def test_withheld_commits_are_shown() -> None:
    """A commit that was never released does not fail, but the table says so."""
    results = verify_bundle(honest_world().folder(THIRD, 2), terms=TERMS)
    assert "committed without a release: [1]" in results[8].detail
    (reservation,) = results[8].reservations
    assert (reservation.name, reservation.count) == (WITHHELD, 1)


def test_as_many_withheld_commits_as_accidents_explain() -> None:
    """The limit itself verifies, counted; one more is a lie (`best_of_many`)."""
    world = World()
    for revision in range(1, MAX_WITHHELD + 1):
        world.commit(FIRST, revision)
    world.publish(FIRST, MAX_WITHHELD + 1)
    results = verify_bundle(world.folder(FIRST, MAX_WITHHELD + 1), terms=TERMS)
    assert results[8].reservations[0].count == MAX_WITHHELD


def test_commits_after_the_last_release_are_counted_apart() -> None:
    """A correction on its way changes nothing that was published, and nobody overlooks it."""
    world = World()
    world.publish(FIRST)
    for revision in range(2, MAX_WITHHELD + 3):
        world.commit(FIRST, revision)
    [reservation] = verify_bundle(world.folder(FIRST, 1), terms=TERMS)[8].reservations
    assert (reservation.name, reservation.count) == (LATER, MAX_WITHHELD + 1)


def test_what_must_be_believed_besides() -> None:
    """No reservation where everything is as in production; each of its own otherwise."""
    for options, names in (
        ({"beacon_delay": SAFE_BEACON_DELAY}, []),
        ({"beacon_delay": SAFE_BEACON_DELAY - 1}, ["BeaconSoon"]),
        ({"chain_id": DEVELOPMENT_CHAIN_ID, "setup": DEVELOPMENT}, ["DevelopmentChain"]),
    ):
        world = World(**options)  # type: ignore[arg-type]
        world.publish(FIRST)
        results = verify_bundle(world.folder(FIRST, 1), terms=world.terms)
        assert [each.name for result in results for each in result.reservations] == names


def test_nothing_is_left_to_trust_in_production() -> None:
    """Where production is demanded and met, every check passes without a reservation."""
    world = World(beacon_delay=SAFE_BEACON_DELAY)
    world.publish(FIRST)
    results = verify_bundle(
        world.folder(FIRST, 1),
        registry=world.facts(FIRST, 1),
        terms=replace(world.terms, production=True),
    )
    assert all(result.passed and not result.reservations for result in results)


def test_without_a_verifier_the_proof_is_trusted_not_passed() -> None:
    """Everything else is checked; the table says who is trusted instead, and why."""
    world = honest_world()
    folder, facts = world.folder(SECOND, 2), world.facts(SECOND, 2)
    demands_none = replace(facts, verifier_codes=frozenset())
    for verifier, registry, words in (
        (None, None, "whoever made this folder"),
        (None, facts, "the registry, whose verifier contract accepted it"),
        (None, demands_none, "the operator alone"),
        (NothingInstalled(), facts, "bb: no such program"),
    ):
        terms = replace(TERMS, verifier=verifier)
        results = verify_bundle(folder, registry=registry, terms=terms)
        proof = results[14]
        others = [result for result in results if result is not proof]
        assert all(result.passed for result in others)
        assert proof.state is CheckState.TRUSTED
        assert not proof.passed
        assert words in proof.detail


def test_a_development_set_up_is_named_loudly() -> None:
    """Fine on the development chain, and said with the circuit and with the proof."""
    world = World(chain_id=DEVELOPMENT_CHAIN_ID, setup=DEVELOPMENT)
    world.publish(FIRST)
    for terms in (world.terms, replace(world.terms, verifier=None)):
        results = verify_bundle(world.folder(FIRST, 1), terms=terms)
        for number in (9, 14):
            assert results[number].detail.startswith("development set-up: convinces nobody")


def test_documents_are_canonical() -> None:
    """All files of a folder are their own canonical form."""
    for data in honest_world().folder(SECOND, 2).values():
        assert canonical.encode(canonical.parse(data)) == data
