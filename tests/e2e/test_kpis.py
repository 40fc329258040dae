"""Every KPI of every mart equals an independent recomputation from the sessions that were sent."""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest

from analytics_pipeline.core.day import day_start_ms
from analytics_pipeline.core.event import PROVIDERS
from analytics_pipeline.core.policy import Bounds
from analytics_pipeline.core.regions import REGIONS, continent_of
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.warehouse import load_mart, open_warehouse
from tests.e2e.conftest import DAYS, Deployment
from tests.support import kpi_oracle, tally_oracle
from tests.support.view_oracle import DAY_MS

KEYS = {
    "platform_day": (),
    "video_day": ("video_id",),
    "creator_day": ("creator_id",),
    "storage_provider_day": ("provider",),
    "region_day": ("country",),
    "retention_day": ("video_id", "bin"),
    "concurrency_minute": ("minute",),
    "concurrency_day": (),
}


def load(deployment: Deployment, mart: str, day: date) -> pl.DataFrame:
    """A mart of a day from the encrypted warehouse."""
    key = Keyring(deployment.settings.keys_dir).storage_key("warehouse")
    with open_warehouse(deployment.settings.warehouse_path, key, read_only=True) as warehouse:
        return load_mart(warehouse, mart, "demo", day)


def days_of(deployment: Deployment) -> list[date]:
    """The days the sessions were spread over."""
    first = deployment.spec.first_day
    return [first.fromordinal(first.toordinal() + offset) for offset in range(DAYS)]


@pytest.mark.parametrize("mart", KEYS)
def test_mart_equals_recomputation(deployment: Deployment, mart: str) -> None:
    """Same rows, same integers, doubles to 1e-9, on every day."""
    for day in days_of(deployment):
        expected = kpi_oracle.marts(deployment.events, deployment.videos, day_start_ms(day))[mart]
        actual = load(deployment, mart, day).drop("platform", "day").to_dicts()
        assert by_key(actual, mart).keys() == by_key(expected, mart).keys()
        for key, row in by_key(expected, mart).items():
            assert_row(by_key(actual, mart)[key], row, f"{mart} {day} {key}")
        assert expected, f"{mart} has no row on {day}: nothing was compared"


def by_key(rows: list[dict[str, Any]], mart: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Rows by their key; a key twice is an error."""
    keyed = {tuple(row[column] for column in KEYS[mart]): row for row in rows}
    assert len(keyed) == len(rows)
    return keyed


def assert_row(actual: dict[str, Any], expected: dict[str, Any], where: str) -> None:
    """Column by column, so that a failure names the KPI."""
    assert actual.keys() == expected.keys(), where
    for column, value in expected.items():
        if isinstance(value, float):
            assert actual[column] == pytest.approx(value, rel=1e-9), f"{where} {column}"
        else:
            assert actual[column] == value, f"{where} {column}"


def test_tally_equals_recomputation(deployment: Deployment) -> None:
    """Bounded contributions, recomputed where no viewer reaches a bound that the secret decides."""
    bounds = Bounds()
    for day in days_of(deployment):
        expected = tally_oracle.tally(
            deployment.events,
            deployment.videos,
            day_start_ms(day),
            videos_per_viewer_day=bounds.videos_per_viewer_day,
            seconds_per_video=bounds.seconds_per_video,
            seconds_per_day=bounds.seconds_per_day,
            continent_of_country={country: continent_of(country) for country in REGIONS},
            providers=PROVIDERS,
        )
        rows = load(deployment, "tally", day).select("scope", "key", "metric", "value").iter_rows()
        actual = {(scope, key, metric): value for scope, key, metric, value in rows}
        assert actual == expected
        assert actual["platform", "", "viewers"] > 50


@pytest.mark.parametrize(
    ("metric", "period_of"),
    [
        ("first_of_week", lambda day: day.isocalendar()[:2]),
        ("first_of_month", lambda day: (day.year, day.month)),
    ],
)
def test_first_days_add_up_to_the_viewers_of_a_period(
    deployment: Deployment, metric: str, period_of: Callable[[date], object]
) -> None:
    """Though no pseudonym lives longer than a day: devices say when they are there first."""
    counted: Counter[object] = Counter()
    viewers: defaultdict[object, set[str]] = defaultdict(set)
    for day in days_of(deployment):
        tally = load(deployment, "tally", day).filter(pl.col("metric") == metric)
        counted[period_of(day)] += tally["value"].sum()
        start_ms = day_start_ms(day)
        viewers[period_of(day)] |= {
            event.viewer
            for event in deployment.events
            if event.type == "play" and start_ms <= event.at_ms < start_ms + DAY_MS
        }
    assert counted == {period: len(those) for period, those in viewers.items()}
    assert sum(counted.values()) > 100


def test_every_accepted_event_is_counted_once(deployment: Deployment) -> None:
    """Sent = accepted over HTTP = stored: nothing lost, nothing twice."""
    stored = sum(load(deployment, "platform_day", day)["events"][0] for day in days_of(deployment))
    inside = set(deployment.events)
    assert len(inside) == len(deployment.events)
    last = day_start_ms(days_of(deployment)[-1]) + DAY_MS
    assert stored == sum(event.at_ms < last for event in deployment.events)
