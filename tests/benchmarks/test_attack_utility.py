"""The utility table: its days keep the bounds, its errors are those of the real sampler."""

import numpy as np
import pytest

from analytics_pipeline.core.policy import DEFAULT_POLICY, RETENTION_BINS
from analytics_pipeline.core.sampler import Seed, draw_vector
from benchmarks.attack.utility import BUCKETS, VIDEOS, Day, add_noise, build_day, hide, measure_day


def test_days_keep_the_bounds_and_follow_popularity() -> None:
    """No more views or seconds than viewers can have; the first videos are watched the most."""
    bounds = DEFAULT_POLICY.bounds
    figures = build_day(2_000, DEFAULT_POLICY, 1).figures
    viewers, seconds = figures["video.viewers"], figures["video.watch_seconds"]
    bins = figures["video.furthest_bin"].reshape(VIDEOS, RETENTION_BINS)

    assert 2_000 * 3 < viewers.sum() <= 2_000 * bounds.videos_per_viewer_day
    assert seconds.sum() <= 2_000 * bounds.seconds_per_day
    assert (seconds <= viewers * bounds.seconds_per_video).all()
    assert (bins.sum(axis=1) == viewers).all()
    assert viewers[:10].mean() > 5 * viewers[10:100].mean() > 25 * viewers[1000:].mean()


def test_noise_is_the_samplers_and_small_figures_are_hidden() -> None:
    """The first cells under the queries' own numbers; what is below the threshold is not shown."""
    figures = build_day(2_000, DEFAULT_POLICY, 1).figures
    day = Day({name: figures[name] for name in ("video.viewers", "video.watch_seconds")})
    noised = add_noise(day, DEFAULT_POLICY, Seed(5, 0), 7)
    shown = hide(noised, DEFAULT_POLICY)

    for number, query in enumerate(DEFAULT_POLICY.queries):
        if query.name in day.figures:
            drawn = draw_vector(Seed(5, 0), 7, number, query, 20)
            assert (noised[query.name] - day.figures[query.name])[:20].tolist() == drawn
            visible = ~np.isnan(shown[query.name])
            assert (visible == (noised[query.name] >= query.threshold)).all()
    assert set(noised) == set(day.figures)


def test_errors_are_as_large_as_the_noise_says() -> None:
    """The median error of the most popular videos is 0.67 σ, and shrinks as viewers grow."""
    [query] = [query for query in DEFAULT_POLICY.queries if query.name == "video.viewers"]
    medians = []
    for viewers in (2_000, 20_000):
        day = measure_day(viewers, DEFAULT_POLICY, "tests", 1)
        assert {bucket: len(day[bucket]["uniques"]) for bucket in BUCKETS} == {
            bucket: end - first for bucket, (first, end) in BUCKETS.items()
        }
        top, following = day["top 10"], day["10–100"]
        medians.append(float(np.median(top["uniques_error"])))
        expected = 0.67 * query.sigma / top["uniques"].mean()
        assert expected / 3 < medians[-1] < 3 * expected
        assert top["uniques_hidden"].mean() < following["uniques_hidden"].mean() + 0.1
    assert medians[1] == pytest.approx(medians[0] / 10, rel=2)
