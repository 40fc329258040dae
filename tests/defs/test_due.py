"""Which days the sensor asks for."""

import itertools
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_pipeline.core.budget import Caps
from analytics_pipeline.core.day import day_start_ms
from analytics_pipeline.core.policy import DEFAULT_POLICY
from analytics_pipeline.defs.day_range import MAX_DAYS, split_range
from analytics_pipeline.defs.steps.due import (
    GAPS_WITHIN,
    DayNews,
    build_due_days,
    build_gaps,
    build_ranges,
    load_news,
)
from analytics_pipeline.storage.catalogue import (
    mark_withheld,
    open_catalogue,
    plan_release,
    store_release,
)

DAY = date(2026, 6, 10)
SEALED = day_start_ms(DAY) + 86_400_000


def at(hours_after_the_day: float) -> datetime:
    midnight = datetime(2026, 6, 11, tzinfo=UTC)
    return midnight + timedelta(hours=hours_after_the_day)


@pytest.mark.parametrize(("hours", "due"), [(-1, False), (2.9, False), (3.1, True), (90, True)])
def test_an_unreleased_day_is_due_three_hours_after_it_ends(hours: float, due: bool) -> None:
    """The schedule has its turn at 02:00; the sensor comes after it."""
    news = [DayNews(DAY, SEALED, None)]
    assert bool(build_due_days(news, {}, at(hours))) is due


def test_late_segments_are_corrected_once_when_no_more_can_come() -> None:
    """Every correction spends budget, so it waits for the last event that can be accepted."""
    planned = SEALED + 2 * 3_600_000
    news = [DayNews(DAY, planned + 1, planned)]
    assert build_due_days(news, {}, at(8 * 24 - 1)) == []
    assert build_due_days(news, {}, at(8 * 24 + 1)) == news


def test_a_released_day_without_news_is_never_due() -> None:
    """All of its segments were sealed well before its release was planned."""
    news = [DayNews(DAY, SEALED, SEALED + 2 * 3_600_000)]
    assert build_due_days(news, {}, at(1000)) == []


def test_a_day_is_asked_for_once_per_newest_segment() -> None:
    """A run that fails is not started again every minute; a new segment asks again."""
    news = [DayNews(DAY, SEALED, None)]
    assert build_due_days(news, {DAY.isoformat(): SEALED}, at(5)) == []
    assert build_due_days(news, {DAY.isoformat(): SEALED - 1}, at(5)) == news


def test_a_day_without_events_between_released_ones_is_due_once() -> None:
    """The machine was off for a night: a stranger cannot tell such a day from a withheld one."""
    before, after = DAY - timedelta(days=1), DAY + timedelta(days=1)
    assert build_gaps([before, after]) == [DAY]
    news = [DayNews(DAY, 0, None)]
    assert build_due_days(news, {}, at(24)) == news
    assert build_due_days(news, {DAY.isoformat(): 0}, at(24)) == []


def test_gaps_are_found_in_the_catalogue(tmp_path: Path) -> None:
    """Released, empty, released: the day between is news, and not once it is released too."""
    catalogue = open_catalogue(str(tmp_path / "catalogue.sqlite"))
    stores: Any = SimpleNamespace(catalogue=catalogue, platform="demo")

    def release(day: date) -> None:
        key = (catalogue, "demo", day)
        plan_release(*key, inputs_digest="x", caps=Caps.of(DEFAULT_POLICY), reason="first release")
        policy = DEFAULT_POLICY.canonical_bytes
        store_release(*key, 1, policy_json=policy, release_head="0x01")

    assert load_news(stores) == []
    release(DAY - timedelta(days=1))
    release(DAY + timedelta(days=1))
    assert load_news(stores) == [DayNews(DAY, 0, None)]
    release(DAY)
    assert load_news(stores) == []
    key = (catalogue, "demo", DAY)
    plan_release(*key, inputs_digest="y", caps=Caps.of(DEFAULT_POLICY), reason="late events")
    policy = DEFAULT_POLICY.canonical_bytes
    store_release(*key, 2, policy_json=policy, commit_head="0x02")
    mark_withheld(*key, 2, "another release came in between")
    assert load_news(stores) == []  # its first revision is released as before
    catalogue.close()


@given(st.sets(st.integers(0, 90)))
def test_gaps_are_recent_and_between_released_days(offsets: set[int]) -> None:
    """A day of long ago that is published late does not fill years with empty days."""
    released = {DAY + timedelta(days=offset) for offset in offsets}
    gaps = build_gaps(released)
    assert gaps == sorted(set(gaps) - released)
    for day in gaps:
        assert min(released) < day < max(released)
        assert day >= max(released) - GAPS_WITHIN
    every = {DAY + timedelta(days=offset) for offset in range(91)}
    missing = {d for d in every - released if released and min(released) < d < max(released)}
    assert {d for d in missing if d >= max(released) - GAPS_WITHIN} == set(gaps)


@given(st.sets(st.integers(0, 40)))
def test_ranges_hold_every_day_once_and_have_no_gaps(offsets: set[int]) -> None:
    """Neighbouring days run together, and only they, up to as many as a run takes."""
    news = [DayNews(DAY + timedelta(days=offset), 0, None) for offset in offsets]
    ranges = build_ranges(news)
    assert sorted(item.day for days in ranges for item in days) == sorted(n.day for n in news)
    for days in ranges:
        assert len(days) <= MAX_DAYS
        assert days[-1].day - days[0].day == timedelta(days=len(days) - 1)
    for before, after in itertools.pairwise(ranges):
        apart = after[0].day - before[-1].day > timedelta(days=1)
        assert apart or len(before) == MAX_DAYS


@given(days=st.integers(1, 60))
def test_a_long_range_is_split_into_runs(days: int) -> None:
    """Every day in one run, in order, each run but the last full."""
    runs = split_range(DAY, DAY + timedelta(days=days - 1))
    lengths = [(last - first).days + 1 for first, last in runs]
    assert lengths[:-1] == [MAX_DAYS] * (len(runs) - 1)
    assert sum(lengths) == days
    assert 1 <= lengths[-1] <= MAX_DAYS
    assert [first for first, _ in runs[1:]] == [last + timedelta(days=1) for _, last in runs[:-1]]
