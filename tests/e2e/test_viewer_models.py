"""The same sessions in both viewer models: what is released comes to the same.

Real API, sealer and dbt for each model. What `high` does not know is left out: regions, continents
and who was present at the same time.
"""

import os
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from analytics_pipeline.core.day import MS_PER_DAY, day_of_ms, utc_day
from analytics_pipeline.core.viewer_model import ViewerModel
from analytics_pipeline.settings import load_settings
from analytics_pipeline.simulator import SimulationSpec, build_videos
from analytics_pipeline.storage.catalogue import list_segments, open_catalogue
from analytics_pipeline.storage.event_columns import keep_distinct
from analytics_pipeline.storage.ipfs import open_store
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.segments import load_segment
from tests.dbt.deployment import PLATFORM, Deployment
from tests.ingest.support import Api

Tally = dict[tuple[str, str, str], int]


def is_known_to_both(scope: str, metric: str) -> bool:
    """Whether devices that count for themselves can tell."""
    continent = scope == "creator" and metric.startswith("viewers_")
    return scope != "region" and metric != "peak_viewers" and not continent


@dataclass(frozen=True)
class Outcome:
    """What came of the sessions in one model."""

    #: all sealed events
    events: pl.DataFrame
    tallies: dict[date, Tally]


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def spec() -> SimulationSpec:
    """Two days; hardly any viewer comes twice on one of them."""
    first_day = utc_day(datetime.now(UTC)) - timedelta(days=3)
    return SimulationSpec(
        first_day=first_day,
        days=2,
        target_events=1_500,
        videos=12,
        creators=3,
        sessions_per_viewer=1,
        seed=3,
    )


@pytest.fixture(scope="module")
def outcomes(
    spec: SimulationSpec, tmp_path_factory: pytest.TempPathFactory
) -> dict[ViewerModel, Outcome]:
    return {
        "standard": run(spec, "standard", tmp_path_factory.mktemp("standard")),
        "high": run(spec, "high", tmp_path_factory.mktemp("high")),
    }


def run(spec: SimulationSpec, model: ViewerModel, home: Path) -> Outcome:
    """Simulator, API, sealer and dbt as processes; the sealed events and the tallies."""
    api = Api(home, ANALYTICS_TRUSTED_PROXIES="127.0.0.1").start()
    try:
        key = api.new_api_key(origins=[], viewer_model=model)
        simulate(spec, model, home, f"http://127.0.0.1:{api.port}", key)
    finally:
        api.stop()
    environ = {**os.environ, "ANALYTICS_HOME": str(home)}
    command = [sys.executable, "-m", "analytics_pipeline.sealer", "--once"]
    subprocess.run(command, env=environ, check=True, capture_output=True, timeout=120)
    settings = load_settings(environ)
    keyring = Keyring(settings.keys_dir)
    with closing(open_catalogue(settings.catalogue_location)) as catalogue:
        store = open_store(settings.ipfs_location)
        segments = list_segments(catalogue, PLATFORM)
        events = pl.concat(load_segment(catalogue, store, keyring, each) for each in segments)
        store.close()
    assert not any(segment.counts["rejected"] for segment in segments)
    deployment = Deployment(home / "dbt")
    deployment.home.mkdir()
    videos = build_videos(spec)
    deployment.write_videos(
        [(PLATFORM, video.video_id, video.creator_id, video.duration_ms) for video in videos]
    )
    days = [spec.first_day + timedelta(days=offset) for offset in range(spec.days)]
    for day in days:
        inside = events.filter(pl.col("at_ms") // MS_PER_DAY == (day - date(1970, 1, 1)).days)
        deployment.write_events(day, keep_distinct(inside).to_dicts())
    variables = f"{{start_day: {days[0]}, end_day: {days[-1]}}}"
    ran = deployment.dbt("run", "--select", "+tally", "--vars", variables)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    tallies = {
        day: {
            (row["scope"], row["key"], row["metric"]): row["value"]
            for row in deployment.rows("tally", day)
        }
        for day in days
    }
    return Outcome(events, tallies)


def simulate(spec: SimulationSpec, model: ViewerModel, home: Path, url: str, key: str) -> None:
    arguments = [
        *("--events", str(spec.target_events), "--days", str(spec.days)),
        *("--first-day", spec.first_day.isoformat(), "--seed", str(spec.seed)),
        *("--videos", str(spec.videos), "--creators", str(spec.creators)),
        *("--endpoint", url, "--videos-csv", str(home / "videos.csv"), "--privacy", model),
    ]
    subprocess.run(
        [sys.executable, "-m", "analytics_pipeline.simulator", *arguments],
        env={**os.environ, "ANALYTICS_API_KEY": key},
        check=True,
        capture_output=True,
        timeout=240,
    )


def test_both_models_come_to_the_same_tally(outcomes: dict[ViewerModel, Outcome]) -> None:
    """Viewers, watch seconds, furthest bins and creators' figures, on each day, row by row."""
    standard, high = outcomes["standard"], outcomes["high"]
    for day, tally in standard.tallies.items():
        shared = {key: value for key, value in tally.items() if is_known_to_both(key[0], key[2])}
        assert {key: high.tallies[day][key] for key in shared} == shared
        assert shared["platform", "", "viewers"] > 50
        assert shared["platform", "", "watch_seconds"] > 500


def test_both_models_have_the_same_first_days(outcomes: dict[ViewerModel, Outcome]) -> None:
    """Viewer-days that say they are the first of their week, or month: equally many on each day."""
    of_model = []
    for outcome in outcomes.values():
        viewer_days = outcome.events.group_by("viewer", day=pl.col("at_ms") // MS_PER_DAY).agg(
            pl.col("first_of_week", "first_of_month").any()
        )
        days = viewer_days.group_by("day").agg(pl.col("first_of_week", "first_of_month").sum())
        of_model.append(sorted(days.filter(pl.col("first_of_week") > 0).rows()))
    assert of_model[0] == of_model[1]
    assert all(weeks > 20 for _, weeks, _ in of_model[0])


def test_high_events_hold_nothing_of_requests_or_hours(
    outcomes: dict[ViewerModel, Outcome],
) -> None:
    """Only summaries, no country, times of day left out, later summaries replacing earlier ones; a
    viewer of one day is none of another."""
    events = outcomes["high"].events
    assert set(events["type"]) == {"summary"}
    assert set(events["country"]) == {"ZZ"}
    assert (events["at_ms"] % MS_PER_DAY).max() < 100
    assert events.height > events.select("session_id", "video_id").n_unique()
    days = events.with_columns(day=pl.col("at_ms") // MS_PER_DAY)
    assert days.group_by("viewer").agg(pl.col("day").n_unique())["day"].max() == 1
    assert {day_of_ms(day * MS_PER_DAY) for day in days["day"]} >= set(outcomes["high"].tallies)
