"""The attack suite on few releases: promises hold, and every broken build is caught.

The full run of docs/attack.md is the slow one. Seeds are fixed, so nothing here depends on luck.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from analytics_pipeline.core.accounting import epsilon_of
from analytics_pipeline.core.policy import DEFAULT_POLICY, Bounds, Query
from analytics_pipeline.core.report import ReportHeader, parse_report
from analytics_pipeline.core.sampler import Seed, figure_names
from analytics_pipeline.core.tally import TallyRow
from analytics_pipeline.release.noise import draw_report
from benchmarks.attack.__main__ import markdown
from benchmarks.attack.audit import audit
from benchmarks.attack.days import LISTING, PLATFORM, TASKS, NoAttack, worst_day
from benchmarks.attack.game import RELEASE, figures_needed, find_change, worst_changes
from benchmarks.attack.noise import draw, elements, workers
from benchmarks.attack.tallies import Tallies, build_tallies

#: Seconds of an idle machine become minutes of a busy one.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
]
ROOT = Path(__file__).parents[2]
RUNS = 600
#: What so few runs must catch.
BUILDS = (
    "noise_halved",
    "clip_removed",
    "l0_ignored",
    "noise_redrawn",
    "noise_reused",
    "rows_where_watched",
)
MORE_BUILDS = ("clip_per_video_removed",)
by_name = pytest.mark.parametrize("query", DEFAULT_POLICY.queries, ids=lambda query: query.name)


@pytest.fixture(scope="module")
def tallies(tmp_path_factory: pytest.TempPathFactory) -> Tallies:
    return build_tallies(tmp_path_factory.mktemp("attack"), bytes(range(32)))


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with workers() as executor:
        yield executor


@pytest.fixture(scope="module")
def figures(pool: ProcessPoolExecutor, tallies: Tallies) -> dict[str, Any]:
    return audit(pool, DEFAULT_POLICY, tallies, RUNS, "tests")


@by_name
def test_a_viewer_day_changes_what_the_policy_says(query: Query, tallies: Tallies) -> None:
    """The worst day of each query comes near its sensitivity; no day exceeds it."""
    changes = {
        name: find_change(query, DEFAULT_POLICY, tallies.by_day["out"], tally)
        for name, tally in tallies.by_day.items()
    }

    assert changes["out"].units_squared == 0
    most = max(change.units_squared for change in changes.values())
    assert changes[worst_day(query.name)].units_squared == most
    assert 0.9 * query.sensitivity_squared < most <= query.sensitivity_squared


def test_a_query_without_an_attack_is_an_error(tallies: Tallies) -> None:
    """Nobody adds a metric without thinking of who attacks it."""
    more = replace(DEFAULT_POLICY.queries[0], name="video.shares")
    policy = replace(DEFAULT_POLICY, queries=(*DEFAULT_POLICY.queries, more))
    with pytest.raises(NoAttack, match=r"video\.shares"):
        worst_changes(policy, tallies.by_day)


def test_the_sql_in_memory_is_that_of_dbt(tallies: Tallies) -> None:
    """Under the policy's bounds both give the same tallies: a broken build differs in them alone;
    and bounds are what the models read."""
    assert tallies.rebuild(Bounds()) == tallies.by_day
    unbounded = tallies.rebuild(replace(Bounds(), videos_per_viewer_day=100_000))
    assert unbounded["out"] == tallies.by_day["out"]
    views = ("platform", "", "views")
    assert tallies.by_day["glutton"][views] - tallies.by_day["out"][views] == 10
    assert unbounded["glutton"][views] - unbounded["out"][views] == 97


def test_what_is_attacked_is_what_is_published(pool: ProcessPoolExecutor, tallies: Tallies) -> None:
    """A release's cells as the game sees them stand in its real report, or are hidden there."""
    out = tallies.by_day["out"]
    changes = worst_changes(DEFAULT_POLICY, tallies.by_day)
    figures = figures_needed([change for part in changes.values() for change in part])
    noise = draw(pool, DEFAULT_POLICY, figures, 2, "one")
    seed, salt, nonce = elements("one/1")
    rows = [TallyRow(*name, value) for name, value in out.items()]
    hash_, rho = DEFAULT_POLICY.policy_hash, DEFAULT_POLICY.rho_nano_per_release
    header = ReportHeader(PLATFORM, date(2026, 1, 1), 1, bytes(32), hash_, rho, len(rows))

    report = draw_report(rows, DEFAULT_POLICY, header, LISTING, Seed(seed, salt), nonce)

    published = {(r.scope, r.key, r.metric): r.value for r in parse_report(report).rows}
    shown = 0
    for query in DEFAULT_POLICY.queries:
        names = figure_names(query, DEFAULT_POLICY, LISTING)
        for name, drawn in zip(names, noise[query.name][1], strict=False):
            noised = out[name] + drawn
            assert published[name] == (noised if noised >= query.threshold else None)
            shown += published[name] is not None
    assert shown > 5


def test_promises_hold(figures: dict[str, Any]) -> None:
    """No metric's ε is proved wrong, nor the release's; and the attack does see something."""
    metrics = {row["metric"]: row for row in figures["metrics"]}

    assert list(metrics) == [*(query.name for query in DEFAULT_POLICY.queries), RELEASE]
    for query in DEFAULT_POLICY.queries:
        row = metrics[query.name]
        assert row["epsilon_stated"] == round(epsilon_of(query.rho_nano), 4)
        assert row["epsilon_lower_bound"] <= row["epsilon_stated"]
        assert row["epsilon_exact"] < row["epsilon_stated"]
        assert 0.9 < row["share_of_rho_used"] <= 1
    stated = metrics[RELEASE]["epsilon_stated"]
    assert stated == round(epsilon_of(DEFAULT_POLICY.rho_nano_per_release), 4)
    assert 0.25 * stated < metrics[RELEASE]["epsilon_lower_bound"] <= stated
    assert figures["published"]["epsilon_lower_bound"] <= stated


def test_rerunning_gives_nothing_to_average(figures: dict[str, Any]) -> None:
    """Thirty-two re-runs of a release are one report."""
    assert figures["reruns"] == {"runs": 32, "different_reports": 1}


def test_reconstruction_stays_within_what_rho_allows(figures: dict[str, Any]) -> None:
    """Who knows everything but one view learns little more of it than by guessing."""
    assert [row["task"] for row in figures["reconstruction"]] == list(TASKS)
    for row in figures["reconstruction"]:
        assert row["right_at_least"] <= row["right_at_most_by_rho"]
        assert row["right"] < row["guessing"] + 0.06


@pytest.mark.parametrize("build", BUILDS)
def test_broken_build_is_caught(build: str, figures: dict[str, Any]) -> None:
    """Its lower bound exceeds what the policy states."""
    [row] = [row for row in figures["broken_builds"] if row["build"] == build]
    assert row["caught"], row
    assert row["epsilon_lower_bound"] > row["epsilon_stated"]


def test_everything_that_is_broken_was_tested(figures: dict[str, Any]) -> None:
    """No build without a test."""
    builds = {row["build"] for row in figures["broken_builds"]}
    assert builds == {*BUILDS, *MORE_BUILDS}


def test_tables_name_every_finding(figures: dict[str, Any]) -> None:
    """What is printed has a line for each metric, task and build."""
    lines = markdown(figures).splitlines()
    for rows, name in (
        ("metrics", "metric"),
        ("broken_builds", "build"),
        ("reconstruction", "task"),
    ):
        for row in figures[rows]:
            assert sum(line.startswith(f"| {row[name]} |") for line in lines) >= 1


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_full_run(tmp_path: Path) -> None:
    """20,000 releases without her and with: the command of docs/attack.md, and its page."""
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.attack", "--json"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    figures = json.loads(result.stdout)
    assert figures["runs"] == 20_000
    assert [row["metric"] for row in figures["metrics"] if not row["holds"]] == []
    assert {row["build"] for row in figures["broken_builds"] if row["caught"]} == {
        *BUILDS,
        *MORE_BUILDS,
    }
    release = figures["metrics"][-1]
    assert release["epsilon_lower_bound"] > 0.7 * release["epsilon_stated"]
    documented = (ROOT / "docs" / "attack.md").read_text("utf-8")
    keys = set(figures) | {key for rows in figures.values() for key in _keys(rows)}
    assert {key for key in keys - set(figures["machine"]) if f"`{key}`" not in documented} == set()
    assert list(tmp_path.glob("benchmark-*")) == []


def _keys(rows: Any) -> set[str]:
    if isinstance(rows, dict):
        return set(rows)
    return {key for row in rows for key in row} if isinstance(rows, list) else set()
