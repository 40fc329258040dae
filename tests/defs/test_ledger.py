"""The ledger held against chain, clock and policy, before anything is computed or planned.

On the embedded chain, with releases whose report nobody drew; the same lies told to a deployment
that really ran are in `tests/e2e/test_lies.py`.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest
from sqlalchemy import Table, text

from analytics_pipeline.core.budget import Caps
from analytics_pipeline.core.errors import (
    BudgetOverspent,
    ClockMovedBack,
    LedgerTampered,
    PolicyConflict,
)
from analytics_pipeline.core.listing import build_listing
from analytics_pipeline.core.manifest import build_manifest
from analytics_pipeline.core.policy import build_policy
from analytics_pipeline.core.sampler import figure_names
from analytics_pipeline.core.sensitivity import Bounds
from analytics_pipeline.defs.steps import budgets, commitments, inputs
from analytics_pipeline.defs.steps.chain_memory import (
    CLOCK_TOLERANCE_MS,
    require_clock,
    require_sound_ledger,
)
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import (
    list_ledger,
    list_spends,
    load_release,
    plan_release,
    spent_nano,
    store_release,
)
from analytics_pipeline.storage.catalogue.tables import releases, spends
from tests.defs.support import DAYS, leave_out_bb, record_release

FIRST, SECOND, THIRD = DAYS
RHO = inputs.POLICY.rho_nano_per_release


@pytest.fixture
def released(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> Stores:
    """Two days released, the second one corrected."""
    leave_out_bb(stores, monkeypatch)
    for day, revision in ((FIRST, 1), (SECOND, 1), (SECOND, 2)):
        record_release(stores, day, revision)
    require_sound_ledger(stores, DAYS)
    return stores


def sql(stores: Stores, statement: str, **parameters: object) -> None:
    with stores.catalogue.write() as connection:
        connection.execute(text(statement), parameters)


def change(table: Table, assignment: str) -> Callable[[Stores], None]:
    """Alter the second day's correction."""

    def alter(stores: Stores) -> None:
        where = f"day = '{SECOND}' AND revision = 2"
        sql(stores, f"UPDATE {table.name} SET {assignment} WHERE {where}")

    return alter


def forget(*tables: Table) -> Callable[[Stores], None]:
    def delete(stores: Stores) -> None:
        for table in tables:
            sql(stores, f"DELETE FROM {table.name} WHERE day = '{SECOND}' AND revision = 2")

    return delete


def both(assignment: str) -> Callable[[Stores], None]:
    def alter(stores: Stores) -> None:
        for table in (releases, spends):
            change(table, assignment)(stores)

    return alter


def other_policy(stores: Stores) -> None:
    """Another policy, and what it would spend, in all three places of the catalogue."""
    cheaper = {query.name: query.rho_nano // 2 for query in inputs.POLICY.queries}
    policy = build_policy(rho_nano=cheaper, units=units(scale=2))
    both(f"rho_nano = {policy.rho_nano_per_release}")(stores)
    statement = "UPDATE releases SET policy_json = :policy WHERE day = :day AND revision = 2"
    sql(stores, statement, policy=policy.canonical_bytes, day=SECOND.isoformat())


def units(scale: int) -> dict[str, int]:
    return {query.name: query.unit * scale for query in inputs.POLICY.queries}


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        (forget(spends), "spend nothing in the ledger, rho 0.125 planned"),
        (forget(releases), "the ledger has a spend, the catalogue no such revision"),
        (forget(releases, spends), "is on chain, but the catalogue does not know it"),
        (change(spends, "rho_nano = 1"), "spend rho 0.000000001 in the ledger, rho 0.125 planned"),
        (both("rho_nano = 1"), "rho 0.000000001 planned, its policy spends 0.125"),
        (both("rho_nano = -125000000"), "its policy spends 0.125"),
        (other_policy, "the catalogue has policy 0x.*, committed to on chain is 0x"),
        (change(releases, "report_json = NULL"), "the catalogue does not know it"),
        (change(releases, "withheld_reason = 'regret', report_json = NULL"), "nothing planned"),
        (change(releases, "bundle_cid = 'bafy'"), "another release than the chain"),
        (change(releases, "release_head = '0x00'"), "another release than the chain"),
        (change(spends, "revision = 3"), "revision 2: spend nothing in the ledger"),
    ],
)
def test_a_ledger_that_was_tampered_with_plans_nothing(
    released: Stores, lie: Callable[[Stores], None], words: str
) -> None:
    """Refused by name, for a run of any day, and the chain stays as it is."""
    lie(released)
    before = list_ledger(released.catalogue, released.platform)
    head = released.registry.head(released.platform)
    for day in (THIRD, SECOND):
        with pytest.raises(LedgerTampered, match=words):
            commitments.plan_and_commit(released, [day])
    assert list_ledger(released.catalogue, released.platform) == before
    assert released.registry.head(released.platform) == head


def test_a_release_that_the_chain_does_not_have_is_told(released: Stores) -> None:
    """As with another chain file, or another registry, in the place of the one published on."""
    key = (released.catalogue, released.platform, THIRD)
    plan_release(*key, inputs_digest="x", caps=Caps.of(inputs.POLICY), reason="test")
    require_sound_ledger(released, [])
    store_release(*key, 1, report_json=b"{}", bundle_cid="bafy", release_head="0x00")
    with pytest.raises(LedgerTampered, match=f"{THIRD} revision 1 is released .* no such record"):
        require_sound_ledger(released, [])


@pytest.mark.parametrize("seen", ["ledger", "chain"])
def test_a_clock_moved_back_plans_nothing(
    released: Stores, monkeypatch: pytest.MonkeyPatch, seen: str
) -> None:
    """Five minutes of honest drift are none; beyond, both times are said."""
    if seen == "ledger":
        sql(released, "UPDATE spends SET spent_at_ms = spent_at_ms + 60000")
    else:
        for table, column in (("releases", "planned_at_ms"), ("spends", "spent_at_ms")):
            sql(released, f"UPDATE {table} SET {column} = 1")
    now_ns = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now_ns - 240 * 10**9)
    require_sound_ledger(released, DAYS)
    monkeypatch.setattr(time, "time_ns", lambda: now_ns - 86_400 * 10**9)
    what = {"ledger": "revision planned", "chain": "block with a record"}[seen]
    clocks = r"clock says \d{4}-\d\d-\d\d .* UTC, and the newest " + what + r" is of \d{4}-"
    with pytest.raises(ClockMovedBack, match=clocks):
        commitments.plan_and_commit(released, [THIRD])
    assert load_release(released.catalogue, released.platform, THIRD) is None


def test_the_clock_is_judged_to_the_millisecond(released: Stores) -> None:
    """The newest of all lines counts, wherever it stands."""
    lines = list_ledger(released.catalogue, released.platform)
    newest = max(line.at_ms for line in lines) + 10**6
    lines[0] = replace(lines[0], at_ms=newest)
    require_clock(newest - CLOCK_TOLERANCE_MS, lines, [])
    with pytest.raises(ClockMovedBack):
        require_clock(newest - CLOCK_TOLERANCE_MS - 1, lines, [])
    require_clock(0, [], [])


@pytest.mark.parametrize(
    "policy",
    [
        build_policy(Bounds(5, 900, 3600)),
        build_policy(rho_nano_per_30_days=10**12),
        build_policy(rho_nano_per_day=500_000_000),
    ],
    ids=["bounds", "30 days", "day"],
)
def test_bounds_and_caps_do_not_change_within_a_day(
    released: Stores, monkeypatch: pytest.MonkeyPatch, policy: object
) -> None:
    """Refused before anything is computed; a day without a release may have the new policy."""
    monkeypatch.setattr(inputs, "POLICY", policy)
    with pytest.raises(PolicyConflict, match=f"{SECOND}: revision 1 was planned under policy"):
        require_sound_ledger(released, [THIRD, SECOND])
    require_sound_ledger(released, [THIRD])


def test_a_batch_that_does_not_fit_begins_none_of_its_days(
    released: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Days count together before any is reserved; what a half-way revision gives back counts."""
    caps = Caps(RHO, 2 * RHO, 4 * RHO)
    before = list_spends(released.catalogue, released.platform)
    wanted = [wish(THIRD), wish(THIRD + timedelta(days=1))]
    monkeypatch.setattr(budgets.Caps, "of", lambda _policy: caps)
    assert budgets.find_budget_problems(released, wanted[:1]) == []
    [problem] = budgets.find_budget_problems(released, wanted)
    assert problem.startswith(f"{THIRD + timedelta(days=1)}: a first release spends rho 0.125.")
    with pytest.raises(BudgetOverspent) as caught:
        budgets.require_budget(released, wanted)
    assert caught.value.renews_on is not None
    assert list_spends(released.catalogue, released.platform) == before
    plan_release(
        *(released.catalogue, released.platform, THIRD),
        inputs_digest="other",
        caps=caps,
        reason="test",
    )
    assert spent_nano(released.catalogue, released.platform, THIRD) == RHO
    assert budgets.find_budget_problems(released, wanted[:1]) == []


def wish(day: date) -> inputs.DayInputs:
    """A day whose inputs nobody has released yet."""
    policy, listing = inputs.POLICY, build_listing([])
    manifest, nothing = build_manifest("demo", day, []), pl.DataFrame()
    names = [name for query in policy.queries for name in figure_names(query, policy, listing)]
    rows = tuple((*name, 0) for name in names)
    return inputs.DayInputs(day, manifest, policy, rows, nothing, listing)
