"""From the tally to the record, without dbt: planned, committed, drawn and released once."""

from dataclasses import replace
from datetime import timedelta

import pytest

from analytics_pipeline.core.accounting import published_epsilon
from analytics_pipeline.core.errors import (
    BudgetOverspent,
    ContentUnavailable,
    InvalidInput,
    PolicyConflict,
    ReleaseConflict,
    ReleaseError,
)
from analytics_pipeline.core.policy import build_policy
from analytics_pipeline.defs.proving import Proving
from analytics_pipeline.defs.steps import (
    budgets,
    bundles,
    commitments,
    day_commitments,
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
)
from analytics_pipeline.storage.catalogue.tables import seeds
from tests.defs.publishing import chain_of, publish
from tests.defs.support import (
    DAYS,
    TODAY,
    VIDEOS,
    Deployment,
    store_tally,
)

FIRST, SECOND, THIRD = DAYS


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
