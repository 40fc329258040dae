"""Which days the sensor asks for."""

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_pipeline.core.day import day_start_ms
from analytics_pipeline.defs.steps.due import DayNews, build_due_days, build_ranges

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


@given(st.sets(st.integers(0, 40)))
def test_ranges_hold_every_day_once_and_have_no_gaps(offsets: set[int]) -> None:
    """Neighbouring days run together, and only they."""
    news = [DayNews(DAY + timedelta(days=offset), 0, None) for offset in offsets]
    ranges = build_ranges(news)
    assert sorted(item.day for days in ranges for item in days) == sorted(n.day for n in news)
    for days in ranges:
        assert days[-1].day - days[0].day == timedelta(days=len(days) - 1)
    for before, after in itertools.pairwise(ranges):
        assert after[0].day - before[-1].day > timedelta(days=1)
