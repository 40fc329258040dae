"""Revisions that were left half-way: taken up, sent again or withheld, and what that costs."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.core.errors import (
    BeaconExpired,
    CommitWithheld,
    RecordRefused,
    ReleaseConflict,
    ReleaseError,
)
from analytics_pipeline.core.record import Commit
from analytics_pipeline.defs.steps import (
    bundles,
    commitments,
    proofs,
    records,
    reports,
)
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import (
    load_release,
    spent_nano,
    store_release,
)
from tests.defs.publishing import chain_of, publish
from tests.defs.support import (
    DAYS,
    record_release,
    store_tally,
)

FIRST, SECOND, THIRD = DAYS


@pytest.mark.parametrize("step", ["commit", "draw", "prove", "bundle"])
def test_a_run_cut_short_is_taken_up_where_it_stopped(loaded: Stores, step: str) -> None:
    """After a crash the next run finds the commit and the report, and finishes them."""
    commitments.plan_and_commit(loaded, [FIRST])
    report = None
    if step in ("draw", "prove", "bundle"):
        [drawn] = reports.draw_missing(loaded, [FIRST])
        report = drawn.report_json
    if step in ("prove", "bundle"):
        proofs.prove_missing(loaded, [FIRST])
    if step == "bundle":
        bundles.pin_missing(loaded, [FIRST])
    [released] = publish(loaded, FIRST)
    assert released.revision == 1
    assert report is None or released.report_json == report
    assert chain_of(loaded) == [("commit", FIRST, 1), ("release", FIRST, 1)]


def test_a_commit_overtaken_before_its_noise_was_drawn_is_withheld(loaded: Stores) -> None:
    """Its number is burnt and visible on chain, its budget is not."""
    commitments.plan_and_commit(loaded, [FIRST])
    publish(loaded, SECOND)
    [released] = publish(loaded, FIRST)
    assert released.revision == 2
    withheld = load_release(loaded.catalogue, loaded.platform, FIRST, 1)
    assert withheld is not None
    assert withheld.withheld_reason == "another release came in between"
    assert spent_nano(loaded.catalogue, loaded.platform, FIRST) == 125_000_000


def test_nothing_is_drawn_for_a_commit_that_was_overtaken(loaded: Stores) -> None:
    """A step run again by itself, after another day was released: its budget is given back."""
    commitments.plan_and_commit(loaded, [FIRST])
    publish(loaded, SECOND)
    with pytest.raises(CommitWithheld, match=f"{FIRST}: another release came in between"):
        reports.draw_missing(loaded, [FIRST])
    overtaken = load_release(loaded.catalogue, loaded.platform, FIRST)
    assert overtaken is not None
    assert (overtaken.live, overtaken.report_json) == (False, None)
    assert spent_nano(loaded.catalogue, loaded.platform, FIRST) == 0


def test_a_report_overtaken_before_its_record_fails_and_the_next_run_recovers(
    loaded: Stores,
) -> None:
    """Noise that was drawn stays paid for, although nobody saw it."""
    commitments.plan_and_commit(loaded, [FIRST])
    reports.draw_missing(loaded, [FIRST])
    proofs.prove_missing(loaded, [FIRST])
    bundles.pin_missing(loaded, [FIRST])
    record_release(loaded, SECOND)  # another process, at the same time
    with pytest.raises(CommitWithheld):
        records.publish_missing(loaded, [FIRST])
    [released] = publish(loaded, FIRST)
    assert released.revision == 2
    assert spent_nano(loaded.catalogue, loaded.platform, FIRST) == 250_000_000


@pytest.mark.parametrize(
    ("name", "withheld"),
    [("ProofRejected", True), ("BeaconNotRecorded", True), ("StaleNode", False)],
)
def test_a_release_that_the_registry_will_never_take_is_not_in_the_way(
    loaded: Stores, monkeypatch: pytest.MonkeyPatch, name: str, withheld: bool
) -> None:
    """Its verifier counts no more, say: the run says so, and the next one takes the next revision.
    A refusal that may pass changes nothing."""
    commitments.plan_and_commit(loaded, [FIRST])
    reports.draw_missing(loaded, [FIRST])
    proofs.prove_missing(loaded, [FIRST])
    bundles.pin_missing(loaded, [FIRST])
    with monkeypatch.context() as refusing:
        refusing.setattr(Publisher, "release", refuse(name))
        with pytest.raises(RecordRefused, match=name):
            records.publish_missing(loaded, [FIRST])
    found = load_release(loaded.catalogue, loaded.platform, FIRST)
    assert found is not None
    assert found.live is not withheld
    released = publish(loaded, FIRST, SECOND)
    assert [release.revision for release in released] == [1 + withheld, 1]


def refuse(name: str) -> Callable[..., None]:
    def refused(*_: object) -> None:
        raise RecordRefused(name, "day 20000, revision 1")

    return refused


@pytest.mark.parametrize("beacon", [False, True])
def test_a_commit_that_a_reorganisation_took_is_sent_again(
    loaded: Stores, monkeypatch: pytest.MonkeyPatch, beacon: bool
) -> None:
    """Revisions have no gaps on chain, ever. If its beacon was noted, which the new block changes,
    the revision is withheld."""
    with monkeypatch.context() as reorganised:
        reorganised.setattr(Publisher, "commit", commit_nowhere)
        commitments.plan_and_commit(loaded, [FIRST])
    assert chain_of(loaded) == []
    if beacon:
        noted = {"beacon_block": 3, "beacon": "0x" + "11" * 32}
        store_release(loaded.catalogue, loaded.platform, FIRST, 1, **noted)
    [released] = publish(loaded, FIRST)
    again = [("commit", FIRST, 2)] if beacon else []
    assert chain_of(loaded) == [("commit", FIRST, 1), *again, ("release", FIRST, 1 + beacon)]
    assert released.revision == 1 + beacon


def commit_nowhere(publisher: Publisher, platform: str, commits: list[Commit]) -> list[Any]:
    return [SimpleNamespace(day=c.day, revision=c.revision, head=bytes(32)) for c in commits]


def test_a_day_with_too_many_withheld_commits_is_refused_before_it_spends(
    loaded: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No verifier would accept another release of it."""
    monkeypatch.setattr(commitments, "MAX_WITHHELD", 1)
    for _ in range(2):
        commitments.plan_and_commit(loaded, [FIRST])
        publish(loaded, SECOND if _ == 0 else THIRD)
        with pytest.raises(CommitWithheld):
            reports.draw_missing(loaded, [FIRST])
    with pytest.raises(ReleaseError, match="2 of its commits were withheld"):
        commitments.plan_and_commit(loaded, [FIRST])
    assert spent_nano(loaded.catalogue, loaded.platform, FIRST) == 0


def test_inputs_that_change_half_way_are_settled_first(loaded: Stores) -> None:
    """A proved report is released before its correction is planned. One that was drawn cannot be
    proved any more, and stays paid for; one that was not drawn gives its budget back."""
    commitments.plan_and_commit(loaded, DAYS)
    reports.draw_missing(loaded, [FIRST, SECOND])
    proofs.prove_missing(loaded, [FIRST])
    for day in DAYS:
        store_tally(loaded, day, viewers=600)
    with pytest.raises(ReleaseConflict, match="changed after"):
        reports.draw_missing(loaded, [THIRD])
    with pytest.raises(ReleaseConflict, match="no longer those that were committed to"):
        proofs.prove_missing(loaded, [SECOND])
    publish(loaded, *DAYS)
    found = [load_release(loaded.catalogue, loaded.platform, day, 1) for day in DAYS]
    first, second, third = (release for release in found if release is not None)
    assert first.released
    assert second.withheld_reason == "its inputs changed before it was proved"
    assert third.withheld_reason == "its inputs changed"
    spent = [spent_nano(loaded.catalogue, loaded.platform, day) for day in DAYS]
    assert spent == [250_000_000, 250_000_000, 125_000_000]


def test_a_missed_beacon_burns_the_revision_and_not_the_budget(loaded: Stores) -> None:
    """The chain forgets old blocks. The next run commits the next revision, with a beacon nobody
    knows yet."""
    commitments.plan_and_commit(loaded, [FIRST, SECOND])
    chain = loaded.registry.chain
    chain.wait_for_block(chain.block_number() + 300, 1.0)
    with pytest.raises(BeaconExpired, match="commit the next revision"):
        reports.draw_missing(loaded, [FIRST, SECOND])
    for day in (FIRST, SECOND):
        missed = load_release(loaded.catalogue, loaded.platform, day)
        assert missed is not None
        assert (missed.withheld_reason, missed.report_json) == ("its beacon was missed", None)
    released = publish(loaded, FIRST, SECOND)
    assert [release.revision for release in released] == [2, 2]
    assert spent_nano(loaded.catalogue, loaded.platform, FIRST) == 125_000_000


def test_reports_drawn_before_a_crash_are_released_by_whatever_run_comes_next(
    loaded: Stores,
) -> None:
    """Their budget is spent already; the next releases would overtake their commits for good."""
    commitments.plan_and_commit(loaded, [FIRST, SECOND])
    reports.draw_missing(loaded, [FIRST, SECOND])
    publish(loaded, THIRD)
    for day in (FIRST, SECOND):
        found = load_release(loaded.catalogue, loaded.platform, day)
        assert found is not None
        assert (found.revision, found.released) == (1, True)


def test_a_run_cut_short_while_drawing_loses_no_revision(loaded: Stores) -> None:
    """Some days are drawn and some are not: the same days again are one batch, as planned."""
    commitments.plan_and_commit(loaded, [FIRST, SECOND])
    reports.draw_missing(loaded, [FIRST])
    released = publish(loaded, *DAYS)
    assert [release.revision for release in released] == [1, 1, 1]
    assert chain_of(loaded) == [
        *(("commit", day, 1) for day in DAYS),
        *(("release", day, 1) for day in DAYS),
    ]


def test_a_record_sent_before_a_crash_is_found_again(loaded: Stores) -> None:
    """The chain has the record, the catalogue does not know it yet: nothing is sent twice."""
    commitments.plan_and_commit(loaded, [FIRST])
    reports.draw_missing(loaded, [FIRST])
    proofs.prove_missing(loaded, [FIRST])
    [pinned] = bundles.pin_missing(loaded, [FIRST])
    loaded.publisher.release(loaded.platform, [records.build_body(loaded, pinned)])
    chain = chain_of(loaded)
    store_tally(loaded, FIRST, viewers=600)
    publish(loaded, FIRST)
    assert chain_of(loaded) == [*chain, ("commit", FIRST, 2), ("release", FIRST, 2)]
