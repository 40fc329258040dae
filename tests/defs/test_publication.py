"""From the tally to the record, without dbt: planned, committed, drawn and released once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.core.accounting import published_epsilon
from analytics_pipeline.core.errors import (
    BeaconExpired,
    BudgetOverspent,
    CommitWithheld,
    ContentUnavailable,
    InvalidInput,
    PolicyConflict,
    RecordRefused,
    ReleaseConflict,
    ReleaseError,
)
from analytics_pipeline.core.policy import build_policy
from analytics_pipeline.core.record import Commit, CommitRecord, ReleaseRecord
from analytics_pipeline.defs.proving import Proving
from analytics_pipeline.defs.steps import (
    budgets,
    bundles,
    commitments,
    day_commitments,
    events,
    inputs,
    proofs,
    records,
    reports,
)
from analytics_pipeline.defs.steps.statements import build_nonce
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.proving.circuits import published_shapes
from analytics_pipeline.release.noise import draw_report
from analytics_pipeline.storage.catalogue import (
    Release,
    Video,
    ensure_seeds,
    list_releases,
    list_seeds,
    load_release,
    load_seed,
    put_videos,
    spent_nano,
    store_release,
)
from analytics_pipeline.storage.catalogue.tables import seeds
from tests.defs.support import (
    DAYS,
    TODAY,
    VIDEOS,
    Deployment,
    build_sessions,
    leave_out_bb,
    record_release,
    store_tally,
)

FIRST, SECOND, THIRD = DAYS


@pytest.fixture
def loaded(deployment: Deployment, stores: Stores, monkeypatch: pytest.MonkeyPatch) -> Stores:
    """Three days whose events are loaded and whose tally is there."""
    leave_out_bb(stores, monkeypatch)
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
    assert day_commitments.find_problems(prepared) == []
    assert budgets.find_budget_problems(stores, prepared) == []
    plans = commitments.plan_and_commit(stores, days)
    assert commitments.find_problems(stores, plans) == []
    assert reports.find_problems(reports.draw_missing(stores, days)) == []
    proved = [item.release for item in proofs.prove_missing(stores, days)]
    assert proofs.find_problems(stores, proved) == []
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
    [problem] = budgets.find_budget_problems(loaded, inputs.load_inputs(loaded, [FIRST]))
    assert "Day: 0.25 of 0.25 spent, 0 left." in problem
    with pytest.raises(BudgetOverspent, match="A day's own budget never renews"):
        commitments.plan_and_commit(loaded, [FIRST])
    assert load_release(loaded.catalogue, loaded.platform, FIRST) == second


def test_the_last_check_shows_each_day_and_how_to_check_it(loaded: Stores) -> None:
    """A row a day: checks, rows, budget, and the command; a day that fails says where."""
    publish(loaded, FIRST)
    store_tally(loaded, FIRST, viewers=600)
    first, second = publish(loaded, *DAYS[:2])
    table = records.verify_all(loaded, [first, second]).table.splitlines()
    assert len(table) == 4
    assert f"| {FIRST} revision 2 | 16 of 16 | " in table[2]
    assert "| 0.25 of 0.25 | 3.55 | 0.375 of 5 | " in table[2]
    assert f"| `analytics-pipeline verify demo {SECOND}` |" in table[3]
    described = records.describe(loaded, first)
    assert (described["rho"], described["rho_of_the_day"]) == (0.125, "0.25 of 0.25")
    assert described["epsilon_of_the_day"] == 3.55
    assert described["rho_of_30_days"] == "0.375 of 5"
    assert described["epsilon_of_30_days"] == published_epsilon(375_000_000)
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


def test_a_policy_without_published_circuits_is_refused_before_anything(
    deployment: Deployment, loaded: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noise and bounds are built into the circuits: nobody could verify the proof of such a day."""
    monkeypatch.setattr(inputs, "POLICY", build_policy(rho_nano_per_day=500_000_000))
    loaded.__dict__["proving"] = Proving(deployment.settings, print)
    with pytest.raises(ReleaseError, match="is not published under the development set-up"):
        commitments.plan_and_commit(loaded, [THIRD])
    assert list_releases(loaded.catalogue, loaded.platform) == []
    assert chain_of(loaded) == []


def test_a_video_listed_later_changes_nothing(deployment: Deployment, loaded: Stores) -> None:
    """Rows of zeros are left out of the inputs' digest: old days are not released again. A release
    under way has the listing that was pinned when it was planned."""
    [before] = inputs.load_inputs(loaded, [FIRST])
    zeros = [("video", "video-new", metric, 0) for metric in before.policy.metrics_of("video")]
    after = replace(before, rows=(*before.rows, *zeros))
    assert after.digest == before.digest
    commitments.plan_and_commit(loaded, [FIRST])
    put_videos(loaded.catalogue, loaded.platform, [Video("video-new", "creator-9", "New", 1)])
    store_tally(
        loaded, FIRST, viewers=500, videos=[*VIDEOS, Video("video-new", "creator-9", "", 1)]
    )
    [released] = publish(loaded, FIRST)
    assert released.revision == 1
    keys = {row.key for row in reports.load_report(released).rows}
    assert "video-3" in keys
    assert not {"video-new", "creator-9"} & keys
    watched = replace(before, rows=(*before.rows, ("video", "video-new", "viewers", 1)))
    with pytest.raises(InvalidInput):
        watched.tally_of(inputs.load_listing(loaded))


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


def test_seeds_are_on_chain_before_their_days(loaded: Stores) -> None:
    """Those of the coming week too, each the one that the catalogue keeps, and never another."""
    commitments.plan_and_commit(loaded, [FIRST])
    week = [TODAY + timedelta(days=offset) for offset in range(8)]
    on_chain = {day: loaded.registry.seed_of(loaded.platform, day) for day in [FIRST, *week]}
    assert on_chain == ensure_seeds(
        loaded.catalogue, loaded.keyring, loaded.platform, [FIRST, *week]
    )
    assert loaded.registry.seed_of(loaded.platform, week[-1] + timedelta(days=1)) is None
    publish(loaded, *DAYS)
    after = {day: loaded.registry.seed_of(loaded.platform, day) for day in [FIRST, *week]}
    assert after == on_chain


def test_a_catalogue_that_forgot_a_seed_releases_nothing(loaded: Stores) -> None:
    """A day has one seed for ever: another one would let the operator choose the noise."""
    commitments.plan_and_commit(loaded, [FIRST])
    before = chain_of(loaded)
    with loaded.catalogue.write() as connection:
        connection.execute(seeds.delete())
    with pytest.raises(ReleaseConflict, match=f"{TODAY}: .* and the catalogue none"):
        commitments.plan_and_commit(loaded, [SECOND])
    assert chain_of(loaded) == before
    assert list_seeds(loaded.catalogue, loaded.platform, [FIRST, SECOND, TODAY]) == {}


def test_noise_follows_from_seed_and_beacon(loaded: Stores) -> None:
    """Whoever has seed and contributions draws the same report again; with another beacon it is
    another one."""
    commitments.plan_and_commit(loaded, [FIRST])
    [drawn] = reports.draw_missing(loaded, [FIRST])
    assert drawn.beacon_block is not None
    randomness = loaded.registry.randomness_of(drawn.beacon_block)
    assert randomness is not None
    assert drawn.beacon == "0x" + randomness.hex()
    [day_inputs] = inputs.load_inputs(loaded, [FIRST])
    report = reports.load_report(drawn)

    def draw(release: Release) -> bytes:
        return draw_report(
            day_inputs.tally,
            day_inputs.policy,
            report.header,
            day_inputs.listing,
            load_seed(loaded.catalogue, loaded.keyring, loaded.platform, FIRST),
            build_nonce(loaded, release),
        )

    assert draw(drawn) == drawn.report_json
    assert draw(replace(drawn, beacon="0x" + "11" * 32)) != drawn.report_json


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


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("country", "FR", "sum to the tally: region viewers"),
        ("furthest_bin", 2, "sum to the tally: video furthest_bin_02"),
        ("video_id", "video-1", "sum to the tally: creator watch_seconds"),
        ("seconds", 11, "sum to the tally: platform watch_seconds"),
        ("viewer", 2, "sum to the tally: platform viewers"),
        ("video_id", "video-9", "not in the listing"),
        ("seconds", 10**6, "not within the bound of a video"),
    ],
)
def test_contributions_that_are_not_the_tallys_are_told(
    loaded: Stores, column: str, value: object, rule: str
) -> None:
    """Their report could never be proved, and its budget would be gone. No value is shown."""
    [honest] = inputs.load_inputs(loaded, [FIRST])
    assert day_commitments.find_problems([honest]) == []
    first = pl.col("viewer") == 1
    frame = honest.contributions.with_columns(
        pl.when(first).then(pl.lit(value)).otherwise(pl.col(column)).cast(pl.Int64).alias(column)
        if isinstance(value, int)
        else pl.when(first).then(pl.lit(value)).otherwise(pl.col(column)).alias(column)
    )
    changed = replace(honest, contributions=frame)
    problems = day_commitments.find_problems([changed])
    if (column, value) == ("viewer", 2):  # the same viewer and video twice
        assert "not once for a viewer" in problems[0]
    else:
        assert any(rule in problem for problem in problems), problems
    assert not any(word in str(problems) for word in ("500", "5000", "499", "video-9"))
    assert changed.digest != honest.digest


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


def test_steps_say_what_to_materialise_first(stores: Stores) -> None:
    """A step run out of order changes nothing and names the one before it."""
    with pytest.raises(ContentUnavailable, match="materialise `events`"):
        inputs.load_inputs(stores, [FIRST])
    with pytest.raises(ReleaseError, match="materialise `commitment`"):
        reports.draw_missing(stores, [FIRST])
    with pytest.raises(ReleaseError, match="materialise `release`"):
        proofs.prove_missing(stores, [FIRST])
    with pytest.raises(ReleaseError, match="materialise `proof`"):
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
        (("creator", "creator-0", "viewers_zz"), 1, "viewers of all continents = viewers"),
        (("provider", "cdn", "viewers"), 1, "viewers of all providers = viewers"),
        (("provider", "ipfs", "startup_7"), 1, "viewers of all start-up bins = viewers"),
        (("provider", "ipfs", "rebuffer_0"), 499, "viewers of all rebuffer bins = viewers"),
        (("platform", "", "peak_viewers"), 501, "peak_viewers <= viewers"),
        (("platform", "", "first_of_month"), 501, "first_of_month <= viewers"),
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

    with pytest.raises(InvalidInput, match="at most 10 days"):
        load_segments(stores, [FIRST] * 11)
    million = published_shapes()["million"]
    day_commitments.require_one_batch([million] * 2)
    day_commitments.require_one_batch([published_shapes()["millions"]])
    with pytest.raises(InvalidInput, match=r"need 12 proofs .* at most 2 of them"):
        day_commitments.require_one_batch([million] * 3)
