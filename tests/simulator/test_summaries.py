"""Devices that count for themselves come to what the definitions come to."""

from collections import defaultdict
from datetime import date

import msgspec

from analytics_pipeline.core.day import day_of_ms, day_start_ms
from analytics_pipeline.core.event import parse_event
from analytics_pipeline.simulator import (
    SimulationSpec,
    build_videos,
    simulate,
    simulate_summaries,
)
from tests.support.kpi_oracle import OracleEvent, OracleVideo, View, views_of

SPEC = SimulationSpec(first_day=date(2026, 11, 29), days=3, viewers_per_day=60, seed=5)
FIELDS = OracleEvent.__dataclass_fields__


def test_summaries_are_valid_and_name_nobody() -> None:
    """The sealer's parser takes each; times say the day and nothing of the hour; each device has
    another group on each day."""
    groups: dict[str, set[tuple[str, str, date]]] = defaultdict(set)
    for session in simulate_summaries(SPEC):
        for event in session.events:
            assert parse_event(msgspec.to_builtins(event)) == event
            day = day_of_ms(event.at_ms)
            assert 0 <= event.at_ms - day_start_ms(day) < 100
            viewer = session.viewer
            groups[event.session_id].add((viewer.address, viewer.user_agent, day))
    assert len(groups) > 100
    assert all(len(owners) == 1 for owners in groups.values())


def test_the_last_summary_is_what_the_definitions_say() -> None:
    """Per device, day and video: seconds watched and stalled, furthest position, first start-up
    time, provider and bits equal those of the played views, recomputed from spec/kpis.md."""
    videos = {v.video_id: OracleVideo(v.video_id, v.creator_id, 1) for v in build_videos(SPEC)}
    expected: dict[tuple[str, str, date, str], list[View]] = defaultdict(list)
    for session in simulate(SPEC):
        for day in sorted({day_of_ms(event.at_ms) for event in session.events}):
            viewer = (session.viewer.address, session.viewer.user_agent)
            inside = [event for event in session.events if day_of_ms(event.at_ms) == day]
            oracle_events = [
                OracleEvent(
                    **{name: getattr(event, name) for name in FIELDS if hasattr(event, name)},
                    viewer="-".join(viewer),
                    country="ZZ",
                )
                for event in inside
            ]
            for view in views_of(oracle_events, videos):
                if view.played:
                    expected[*viewer, day, view.video_id].append(view)
    actual = {}
    growing = 0
    for session in simulate_summaries(SPEC):
        for event in session.events:
            viewer = (session.viewer.address, session.viewer.user_agent)
            key = (*viewer, day_of_ms(event.at_ms), event.video_id)
            before = actual.get(key)
            assert before is None or (before.watched_ms or 0) <= (event.watched_ms or 0)
            growing += before is not None
            actual[key] = event
    assert actual.keys() == expected.keys()
    assert growing > 10
    for key, views in expected.items():
        event = actual[key]
        assert event.watched_ms == sum(view.watch_ms for view in views)
        assert event.stalled_ms == sum(view.stalled_ms for view in views)
        assert event.position_ms == max(view.furthest_ms for view in views)
        startups = [view.startup_ms for view in views if view.startup_ms is not None]
        assert event.startup_ms == (startups[0] if startups else None)
        assert event.provider == views[0].provider
