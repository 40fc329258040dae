"""Releases: planned once, spent once, stored once; also under two planners at a time."""

import multiprocessing
from typing import Any

import pytest

from analytics_pipeline.core.errors import BudgetOverspent, EventsExpired, ReleaseConflict
from analytics_pipeline.storage.catalogue import (
    Catalogue,
    expire_day,
    list_releases,
    list_spends,
    load_release,
    mark_withheld,
    open_catalogue,
    spent_nano,
    store_release,
)
from tests.catalogue.support import CAP, DAY, RHO, plan


def publish(catalogue: Catalogue, revision: int) -> None:
    """Take a planned revision all the way."""
    store_release(catalogue, "demo", DAY, revision, manifest_json=b"{}", policy_json=b"{}")
    store_release(catalogue, "demo", DAY, revision, commit_head="0x01")
    store_release(catalogue, "demo", DAY, revision, report_json=b"report")
    store_release(catalogue, "demo", DAY, revision, bundle_cid="bafy", release_head="0x02")


def test_unchanged_inputs_spend_nothing(catalogue: Catalogue):
    """Planning the same inputs again gives the same row, before and after publication."""
    first = plan(catalogue)
    assert plan(catalogue) == first
    publish(catalogue, 1)
    again = plan(catalogue)
    assert (again.revision, again.report_json, again.released) == (1, b"report", True)
    assert spent_nano(catalogue, "demo", DAY) == RHO


def test_a_correction_is_the_next_revision(catalogue: Catalogue):
    """Changed inputs after publication make revision 2, and both spends stand in the ledger."""
    plan(catalogue)
    publish(catalogue, 1)
    assert plan(catalogue, "bb").revision == 2
    assert [spend.revision for spend in list_spends(catalogue, "demo", DAY)] == [1, 2]
    assert spent_nano(catalogue, "demo", DAY) == 2 * RHO
    assert load_release(catalogue, "demo", DAY).revision == 2
    assert load_release(catalogue, "demo", DAY, 1).released


def test_overspending_reserves_nothing(catalogue: Catalogue):
    """A third release would exceed the day's cap: named error, ledger unchanged."""
    for revision, inputs in enumerate(("aa", "bb"), start=1):
        plan(catalogue, inputs)
        publish(catalogue, revision)
    with pytest.raises(BudgetOverspent, match="250000000 of 250000000"):
        plan(catalogue, "cc", rho=1)
    assert len(list_releases(catalogue, "demo", DAY)) == 2
    assert spent_nano(catalogue, "demo", DAY) == CAP


def test_a_plan_nobody_used_is_planned_anew(catalogue: Catalogue):
    """Inputs that change before anything was stored keep the number and the budget."""
    plan(catalogue)
    second = plan(catalogue, "bb", rho=RHO // 2)
    assert (second.revision, second.inputs_digest) == (1, "bb")
    assert spent_nano(catalogue, "demo", DAY) == RHO // 2


def test_half_published_revision_blocks_other_inputs(catalogue: Catalogue):
    """Once a manifest left the catalogue, other inputs must wait for its end."""
    plan(catalogue)
    store_release(catalogue, "demo", DAY, 1, manifest_json=b"{}")
    with pytest.raises(ReleaseConflict, match="finish it"):
        plan(catalogue, "bb")
    assert plan(catalogue).revision == 1


def test_columns_are_set_once(catalogue: Catalogue):
    """The same bytes again are fine; other bytes are a conflict and change nothing, not even the
    columns given beside them."""
    plan(catalogue)
    store_release(catalogue, "demo", DAY, 1, report_json=b"one")
    assert store_release(catalogue, "demo", DAY, 1, report_json=b"one").report_json == b"one"
    with pytest.raises(ReleaseConflict, match="report_json"):
        store_release(catalogue, "demo", DAY, 1, report_json=b"two", bundle_cid="bafy")
    stored = load_release(catalogue, "demo", DAY)
    assert (stored.report_json, stored.bundle_cid) == (b"one", None)
    with pytest.raises(ReleaseConflict, match="no revision 7"):
        store_release(catalogue, "demo", DAY, 7, report_json=b"one")
    with pytest.raises(ValueError, match="rho_nano"):
        store_release(catalogue, "demo", DAY, 1, rho_nano="1")


def test_withheld_before_the_draw_gives_the_spend_back(catalogue: Catalogue):
    """A committed revision whose noise was never drawn burns its number, not its budget."""
    plan(catalogue)
    with pytest.raises(ReleaseConflict, match="no recorded commit"):
        mark_withheld(catalogue, "demo", DAY, 1, "late data")
    store_release(catalogue, "demo", DAY, 1, manifest_json=b"{}", commit_head="0x01")
    assert not mark_withheld(catalogue, "demo", DAY, 1, "late data").live
    assert mark_withheld(catalogue, "demo", DAY, 1, "again").withheld_reason == "late data"
    assert spent_nano(catalogue, "demo", DAY) == 0
    assert plan(catalogue).revision == 2
    with pytest.raises(ReleaseConflict, match="withheld"):
        store_release(catalogue, "demo", DAY, 1, report_json=b"late")


def test_withheld_after_the_draw_stays_spent(catalogue: Catalogue):
    """Drawn noise may have been seen: its spend is never given back."""
    plan(catalogue)
    store_release(
        catalogue, "demo", DAY, 1, manifest_json=b"{}", commit_head="0x01", report_json=b"r"
    )
    mark_withheld(catalogue, "demo", DAY, 1, "chain unreachable")
    assert spent_nano(catalogue, "demo", DAY) == RHO


def test_released_cannot_be_withheld(catalogue: Catalogue):
    """What is on the chain stays."""
    plan(catalogue)
    publish(catalogue, 1)
    with pytest.raises(ReleaseConflict, match="cannot be withheld"):
        mark_withheld(catalogue, "demo", DAY, 1, "regret")


def test_expired_day_is_not_planned(catalogue: Catalogue):
    """New inputs of an expired day are refused; its published release is still found."""
    plan(catalogue)
    publish(catalogue, 1)
    expire_day(catalogue, "demo", DAY, "retention")
    assert plan(catalogue).released
    with pytest.raises(EventsExpired, match="retention"):
        plan(catalogue, "bb")


def _plan_in_process(url: str, inputs: str, barrier: Any, results: Any) -> None:
    catalogue = open_catalogue(url)
    barrier.wait()
    try:
        results.put(plan(catalogue, inputs).revision)
    except (BudgetOverspent, ReleaseConflict) as error:
        results.put(type(error).__name__)


def _race(url: str, inputs: list[str]) -> list[Any]:
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(len(inputs), timeout=60), context.Queue()
    processes = [
        context.Process(target=_plan_in_process, args=(url, digest, barrier, results), daemon=True)
        for digest in inputs
    ]
    for process in processes:
        process.start()
    outcomes = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    return outcomes


def test_two_processes_plan_the_same_row(catalogue_url: str):
    """Processes that plan the same day at once, on a catalogue none has created yet, get one row
    and spend once."""
    assert _race(catalogue_url, ["aa"] * 4) == [1, 1, 1, 1]
    catalogue = open_catalogue(catalogue_url)
    assert [release.revision for release in list_releases(catalogue, "demo")] == [1]
    assert spent_nano(catalogue, "demo", DAY) == RHO


def test_racing_corrections_never_overspend(catalogue: Catalogue, catalogue_url: str):
    """Different inputs planned at once leave one revision and one spend, whoever wins."""
    outcomes = _race(catalogue_url, ["aa", "bb", "cc"])
    assert outcomes == [1, 1, 1]
    assert len(list_releases(catalogue, "demo")) == 1
    assert spent_nano(catalogue, "demo", DAY) == RHO
