"""Releases: planned once, spent once, stored once; also under two planners at a time."""

import multiprocessing
from datetime import date, timedelta
from typing import Any

import pytest

from analytics_pipeline.core import canonical
from analytics_pipeline.core.errors import (
    BudgetOverspent,
    EventsExpired,
    InvalidInput,
    ReleaseConflict,
)
from analytics_pipeline.storage.catalogue import (
    Catalogue,
    expire_day,
    list_ledger,
    list_releases,
    list_spends,
    load_ledger,
    load_release,
    mark_withheld,
    open_catalogue,
    spent_nano,
    store_release,
)
from analytics_pipeline.storage.catalogue.tables import releases, spends
from tests.catalogue.support import CAP, DAY, RHO, plan


def publish(catalogue: Catalogue, revision: int) -> None:
    """Take a planned revision all the way."""
    store_release(catalogue, "demo", DAY, revision, manifest_json=b"{}", policy_json=b"{}")
    store_release(catalogue, "demo", DAY, revision, commit_head="0x01")
    store_release(catalogue, "demo", DAY, revision, beacon_block=7, beacon="0x03")
    store_release(catalogue, "demo", DAY, revision, report_json=b"report")
    store_release(catalogue, "demo", DAY, revision, proof_json=b"proof")
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
    with pytest.raises(BudgetOverspent, match=r"0\.25 of 0\.25 spent, 0 left.*never renews"):
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
    store_release(catalogue, "demo", DAY, 1, beacon_block=7, beacon="0x03")
    with pytest.raises(ReleaseConflict, match="beacon_block"):
        store_release(catalogue, "demo", DAY, 1, beacon_block=8)
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


@pytest.mark.parametrize("rho", [0, -RHO])
def test_a_release_that_spends_nothing_is_refused(catalogue: Catalogue, rho: int):
    """A negative spend would fill the ledger up again."""
    with pytest.raises(InvalidInput, match=r"caps\.per_release"):
        plan(catalogue, rho=rho)
    assert list_ledger(catalogue, "demo") == []


def test_thirty_days_together_have_a_budget(catalogue: Catalogue):
    """With room for 30 releases there is none for a correction, ever; a first release that does not
    fit names the next day that has room. Nothing is reserved."""
    for number in range(30):
        plan(catalogue, day=DAY + timedelta(days=number), month=30 * RHO)
    publish(catalogue, 1)
    before = list_spends(catalogue, "demo")
    with pytest.raises(BudgetOverspent, match=r"3\.75 of 3\.75 spent, 0 left") as caught:
        plan(catalogue, "bb", day=DAY, month=30 * RHO)
    assert caught.value.renews_on is None
    with pytest.raises(BudgetOverspent, match=r"3\.625 of 0\.25 spent, 0 left") as caught:
        plan(catalogue, day=DAY - timedelta(days=1), month=2 * RHO)
    assert caught.value.renews_on == DAY + timedelta(days=58)
    assert list_spends(catalogue, "demo") == before


def test_a_day_keeps_the_promise_of_its_neighbours_policy(catalogue: Catalogue):
    """A policy with a wider cap of 30 days does not overspend days whose policy promised less: the
    least counts, read from the policies that are stored."""
    narrow = canonical.encode(
        {"rho_nano_per_30_days": 2 * RHO, "rho_nano_per_day": CAP, "rho_nano_per_release": RHO}
    )
    plan(catalogue)
    store_release(catalogue, "demo", DAY, 1, manifest_json=b"{}", policy_json=narrow)
    plan(catalogue, day=DAY + timedelta(days=29))
    assert load_ledger(catalogue, "demo").promised == {DAY: 2 * RHO}
    with pytest.raises(BudgetOverspent, match=r"0\.25 of 0\.25 spent, 0 left for a first release"):
        plan(catalogue, day=DAY + timedelta(days=28))
    assert plan(catalogue, day=DAY + timedelta(days=30)).revision == 1


def test_what_nobody_can_have_written_is_a_problem_of_the_ledger(catalogue: Catalogue):
    """A spend for every revision that is live or was drawn, of what it planned; and no other."""
    plan(catalogue)
    plan(catalogue, day=DAY + timedelta(days=1))
    store_release(catalogue, "demo", DAY, 1, manifest_json=b"{}", commit_head="0x01")
    mark_withheld(catalogue, "demo", DAY, 1, "late data")
    assert [line.problem for line in list_ledger(catalogue, "demo")] == [None, None]
    assert [line.spent_nano for line in list_ledger(catalogue, "demo")] == [None, RHO]
    with catalogue.write() as connection:
        connection.execute(spends.update().values(rho_nano=RHO - 1))
    assert list_ledger(catalogue, "demo")[1].problem == (
        "spend rho 0.124999999 in the ledger, rho 0.125 planned"
    )
    with catalogue.write() as connection:
        connection.execute(releases.delete())
    assert [line.problem for line in list_ledger(catalogue, "demo")] == [
        "the ledger has a spend, the catalogue no such revision"
    ]


def _plan_in_process(url: str, wish: tuple[str, date, int], barrier: Any, results: Any) -> None:
    catalogue = open_catalogue(url)
    inputs, day, month = wish
    barrier.wait()
    try:
        results.put(plan(catalogue, inputs, day=day, month=month).revision)
    except (BudgetOverspent, ReleaseConflict) as error:
        results.put(type(error).__name__)


def _race(url: str, wishes: list[tuple[str, date, int]]) -> list[Any]:
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(len(wishes), timeout=60), context.Queue()
    processes = [
        context.Process(target=_plan_in_process, args=(url, wish, barrier, results), daemon=True)
        for wish in wishes
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
    assert _race(catalogue_url, [("aa", DAY, 40 * RHO)] * 4) == [1, 1, 1, 1]
    catalogue = open_catalogue(catalogue_url)
    assert [release.revision for release in list_releases(catalogue, "demo")] == [1]
    assert spent_nano(catalogue, "demo", DAY) == RHO


def test_racing_corrections_never_overspend(catalogue: Catalogue, catalogue_url: str):
    """Different inputs planned at once leave one revision and one spend, whoever wins."""
    outcomes = _race(catalogue_url, [(inputs, DAY, 40 * RHO) for inputs in ("aa", "bb", "cc")])
    assert outcomes == [1, 1, 1]
    assert len(list_releases(catalogue, "demo")) == 1
    assert spent_nano(catalogue, "demo", DAY) == RHO


def test_racing_days_never_overspend_their_30_days(catalogue: Catalogue, catalogue_url: str):
    """Five days planned at once, each by a process of its own, with room for three: three of them
    are planned, whichever, although no two planners want the same day."""
    days = [DAY + timedelta(days=number) for number in range(5)]
    outcomes = _race(catalogue_url, [("aa", day, 3 * RHO) for day in days])
    assert sorted(map(str, outcomes)) == ["1", "1", "1", "BudgetOverspent", "BudgetOverspent"]
    assert sum(spend.rho_nano for spend in list_spends(catalogue, "demo")) == 3 * RHO
