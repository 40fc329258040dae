"""From the tally to the record, without dbt: planned, committed, drawn and released once."""

from dataclasses import replace
from datetime import date

import pytest

from analytics_pipeline.core.errors import (
    BudgetOverspent,
    CommitWithheld,
    ContentUnavailable,
    InvalidInput,
    PolicyConflict,
    ReleaseConflict,
    ReleaseError,
)
from analytics_pipeline.core.policy import build_policy
from analytics_pipeline.core.record import Commit, CommitRecord, ReleaseRecord
from analytics_pipeline.defs.steps import bundles, commitments, events, inputs, records, reports
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import (
    Release,
    list_releases,
    load_release,
    spent_nano,
)
from tests.defs.support import DAYS, Deployment, build_sessions, store_tally

FIRST, SECOND, THIRD = DAYS


@pytest.fixture
def loaded(deployment: Deployment, stores: Stores) -> Stores:
    """Three days whose events are loaded and whose tally is there."""
    for position, day in enumerate(DAYS):
        deployment.send(build_sessions(day, 3), tag=f"day{position}")
    deployment.seal()
    for day in DAYS:
        events.load_day(stores, day)
        store_tally(stores, day, viewers=500)
    return stores


def publish(stores: Stores, *days: date) -> list[Release]:
    """Everything after dbt, with its checks."""
    prepared = inputs.load_inputs(stores, days)
    assert inputs.find_tally_problems(prepared) == []
    assert inputs.find_budget_problems(stores, prepared) == []
    plans = commitments.plan_and_commit(stores, days)
    assert commitments.find_problems(stores, plans) == []
    assert reports.find_problems(reports.draw_missing(stores, days)) == []
    assert bundles.find_problems(stores, bundles.pin_missing(stores, days)) == []
    released = records.publish_missing(stores, days)
    assert records.find_problems(stores, released) == []
    return released


def chain_of(stores: Stores) -> list[tuple[str, date, int]]:
    kinds = {CommitRecord: "commit", ReleaseRecord: "release"}
    found = stores.registry.read_evidence(stores.platform).records
    return [(kinds[type(record)], record.day, record.revision) for record in found]


def test_a_range_is_one_batch_of_commits_and_one_of_releases(loaded: Stores) -> None:
    """Three days cost two transactions, and the releases directly follow the commits."""
    publish(loaded, *DAYS)
    assert chain_of(loaded) == [
        *(("commit", day, 1) for day in DAYS),
        *(("release", day, 1) for day in DAYS),
    ]
    found = loaded.registry.read_evidence(loaded.platform).records
    assert len({record.block_number for record in found}) == 2


def test_unchanged_inputs_publish_nothing_and_draw_nothing(loaded: Stores) -> None:
    """Materialising again returns the stored release: same noise, same budget, same chain."""
    before, chain = publish(loaded, *DAYS), chain_of(loaded)
    assert publish(loaded, *DAYS) == before
    assert chain_of(loaded) == chain
    assert spent_nano(loaded.catalogue, loaded.platform, FIRST) == 125_000_000


def test_changed_inputs_are_the_next_revision_until_the_budget_is_spent(loaded: Stores) -> None:
    """A correction links the bundle it corrects; a third release of the day is refused."""
    [first] = publish(loaded, FIRST)
    store_tally(loaded, FIRST, viewers=600)
    [second] = publish(loaded, FIRST)
    assert (second.revision, second.reason) == (2, "the same events, computed again")
    info = loaded.content.get_directory(second.bundle_cid or "")["bundle.json"]
    assert (first.bundle_cid or "?").encode() in info
    store_tally(loaded, FIRST, viewers=700)
    [problem] = inputs.find_budget_problems(loaded, inputs.load_inputs(loaded, [FIRST]))
    assert "rho 0 is left of 0.25, a release spends 0.125" in problem
    with pytest.raises(BudgetOverspent):
        commitments.plan_and_commit(loaded, [FIRST])
    assert load_release(loaded.catalogue, loaded.platform, FIRST) == second


def test_the_last_check_shows_each_day_and_how_to_check_it(loaded: Stores) -> None:
    """A row a day: checks, rows, budget, and the command; a day that fails says where."""
    publish(loaded, FIRST)
    store_tally(loaded, FIRST, viewers=600)
    first, second = publish(loaded, *DAYS[:2])
    table = records.verify_all(loaded, [first, second]).table.splitlines()
    assert len(table) == 4
    assert f"| {FIRST} revision 2 | 9 of 9 | " in table[2]
    assert "| 0.25 of 0.25 | 3.55 |" in table[2]
    assert f"| `analytics-pipeline verify demo {SECOND}` |" in table[3]
    described = records.describe(loaded, first)
    assert (described["rho"], described["rho_of_the_day"]) == (0.125, "0.25 of 0.25")
    other = replace(second, day=FIRST)  # revision 1, which the second release superseded
    failed = records.verify_all(loaded, [other])
    assert "| failed at 1 |" in failed.table
    assert failed.problems[0].startswith(f"{FIRST}: check 1 Superseded")


@pytest.mark.parametrize("ended", ["withheld", "released"])
def test_a_day_keeps_the_policy_it_was_planned_under(
    loaded: Stores, monkeypatch: pytest.MonkeyPatch, ended: str
) -> None:
    """A verifier demands one policy of all commits of a day, withheld ones too. Under another
    policy the day is refused before anything is planned; other days are released."""
    commitments.plan_and_commit(loaded, [FIRST])
    if ended == "released":
        publish(loaded, FIRST)
    else:
        publish(loaded, SECOND)
        store_tally(loaded, FIRST, viewers=600)
        commitments.settle(loaded, *inputs.load_inputs(loaded, [FIRST]))
    before, chain = list_releases(loaded.catalogue, loaded.platform), chain_of(loaded)
    monkeypatch.setattr(inputs, "POLICY", build_policy(rho_nano_per_day=500_000_000))
    for step in (inputs.load_inputs, commitments.plan_and_commit):
        with pytest.raises(PolicyConflict, match=f"{FIRST}: revision 1 was planned under policy"):
            step(loaded, [THIRD, FIRST])
    assert list_releases(loaded.catalogue, loaded.platform) == before
    assert chain_of(loaded) == chain
    publish(loaded, THIRD)


def test_a_video_listed_later_changes_nothing(deployment: Deployment, loaded: Stores) -> None:
    """Rows of zeros are left out of the inputs' digest: old days are not released again."""
    [before] = inputs.load_inputs(loaded, [FIRST])
    zeros = [("video", "video-new", metric, 0) for metric in before.policy.metrics_of("video")]
    after = replace(before, rows=(*before.rows, *zeros))
    assert after.digest == before.digest


@pytest.mark.parametrize("step", ["commit", "draw", "bundle"])
def test_a_run_cut_short_is_taken_up_where_it_stopped(loaded: Stores, step: str) -> None:
    """After a crash the next run finds the commit and the report, and finishes them."""
    commitments.plan_and_commit(loaded, [FIRST])
    report = None
    if step in ("draw", "bundle"):
        [drawn] = reports.draw_missing(loaded, [FIRST])
        report = drawn.report_json
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


def test_a_report_overtaken_before_its_record_fails_and_the_next_run_recovers(
    loaded: Stores,
) -> None:
    """Noise that was drawn stays paid for, although nobody saw it."""
    commitments.plan_and_commit(loaded, [FIRST])
    reports.draw_missing(loaded, [FIRST])
    [pinned] = bundles.pin_missing(loaded, [FIRST])
    body = replace(records.build_body(pinned), day=SECOND)
    loaded.publisher.commit(loaded.platform, [Commit(SECOND, 1, bytes(32), bytes(32))])
    loaded.publisher.release(loaded.platform, [body])  # another process, at the same time
    with pytest.raises(CommitWithheld):
        records.publish_missing(loaded, [FIRST])
    [released] = publish(loaded, FIRST)
    assert released.revision == 2
    assert spent_nano(loaded.catalogue, loaded.platform, FIRST) == 250_000_000


def test_inputs_that_change_half_way_are_settled_first(loaded: Stores) -> None:
    """A drawn report is released before its correction is planned; an undrawn one is withheld."""
    commitments.plan_and_commit(loaded, [FIRST, SECOND])
    reports.draw_missing(loaded, [FIRST])
    store_tally(loaded, FIRST, viewers=600)
    store_tally(loaded, SECOND, viewers=600)
    with pytest.raises(ReleaseConflict, match="changed after"):
        reports.draw_missing(loaded, [SECOND])
    publish(loaded, FIRST, SECOND)
    first = load_release(loaded.catalogue, loaded.platform, FIRST, 1)
    second = load_release(loaded.catalogue, loaded.platform, SECOND, 1)
    assert first is not None
    assert first.released
    assert second is not None
    assert second.withheld_reason == "its inputs changed"


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


def test_a_record_sent_before_a_crash_is_found_again(loaded: Stores) -> None:
    """The chain has the record, the catalogue does not know it yet: nothing is sent twice."""
    commitments.plan_and_commit(loaded, [FIRST])
    reports.draw_missing(loaded, [FIRST])
    [pinned] = bundles.pin_missing(loaded, [FIRST])
    loaded.publisher.release(loaded.platform, [records.build_body(pinned)])
    chain = chain_of(loaded)
    store_tally(loaded, FIRST, viewers=600)
    publish(loaded, FIRST)
    assert chain_of(loaded) == [*chain, ("commit", FIRST, 2), ("release", FIRST, 2)]


def test_steps_say_what_to_materialise_first(stores: Stores) -> None:
    """A step run out of order changes nothing and names the one before it."""
    with pytest.raises(ContentUnavailable, match="materialise `events`"):
        inputs.load_inputs(stores, [FIRST])
    with pytest.raises(ReleaseError, match="materialise `commitment`"):
        reports.draw_missing(stores, [FIRST])
    with pytest.raises(ReleaseError, match="materialise `release`"):
        bundles.pin_missing(stores, [FIRST])
    with pytest.raises(ReleaseError, match="materialise `bundle`"):
        records.publish_missing(stores, [FIRST])


@pytest.mark.parametrize(
    ("row", "value", "rule"),
    [
        (("platform", "", "viewers"), 501, "viewers of all regions = viewers"),
        (("platform", "", "views"), 6000, "views <= viewers x videos a viewer-day"),
        (("platform", "", "watch_seconds"), 10**7, "watch seconds <= viewers x seconds"),
        (
            ("video", "video-0", "watch_seconds"),
            10**6,
            "watch seconds <= viewers x seconds a video",
        ),
        (("video", "video-0", "furthest_bin_01"), 499, "viewers of all bins = viewers"),
        (("video", "video-1", "viewers"), 1, "viewers of all videos = views"),
        (("creator", "creator-1", "watch_seconds"), 1, "watch seconds of all creators"),
        (("region", "US", "viewers"), -1, "must be an integer"),
    ],
)
def test_a_tally_outside_its_bounds_is_told(
    loaded: Stores, row: tuple[str, str, str], value: int, rule: str
) -> None:
    """Noise scaled to the bounds would not protect it, so it must not come to a release."""
    [honest] = inputs.load_inputs(loaded, [FIRST])
    rows = tuple((*old[:3], value) if old[:3] == row else old for old in honest.rows)
    problems = inputs.find_tally_problems([replace(honest, rows=rows)])
    assert any(rule in problem for problem in problems), problems
    assert not any("6000" in problem or "501" in problem for problem in problems)


def test_a_tally_must_have_the_public_keys(loaded: Stores) -> None:
    """Keys that depend on the data would tell what was watched."""
    [honest] = inputs.load_inputs(loaded, [FIRST])
    fewer = tuple(row for row in honest.rows if row[1] != "video-3")
    [problem] = inputs.find_tally_problems([replace(honest, rows=fewer)])
    assert "public video list" in problem


def test_more_days_than_one_transaction_takes_are_refused(stores: Stores) -> None:
    """The rest of a split batch would overtake itself."""
    from analytics_pipeline.defs.steps.segments import load_segments

    with pytest.raises(InvalidInput, match="at most 100 days"):
        load_segments(stores, [FIRST] * 101)
