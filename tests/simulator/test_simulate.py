"""The simulation keeps recorded shapes, hits its numbers, and repeats itself for a seed."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_pipeline.core.day import day_of_ms, day_start_ms
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.event import Event, parse_event
from analytics_pipeline.simulator import (
    SimulatedSession,
    SimulationSpec,
    build_videos,
    load_shapes,
    simulate,
    simulate_frame,
)

DAY = date(2026, 11, 19)
SHAPES = load_shapes()
BY_ID = {shape.recording_id: shape for shape in SHAPES}


def make_spec(**changes: Any) -> SimulationSpec:
    return SimulationSpec(**{"first_day": DAY, "target_events": 2_000, "shapes": SHAPES, **changes})


def bare(event: Event) -> Event:
    """The event without what the simulator assigns."""
    assigned = {"session_id": "x" * 8, "video_id": "v", "at_ms": 0, "provider": "cdn"}
    first_days = {"first_of_week": None, "first_of_month": None}
    return msgspec.structs.replace(event, **assigned, **first_days)


def check_session(session: SimulatedSession) -> None:
    """Everything but ids, provider, starting time and first days is as recorded."""
    shape = BY_ID[session.recording_id]
    start = session.events[0].at_ms
    assert tuple(event.at_ms - start for event in session.events) == shape.offsets_ms
    assert [bare(event) for event in session.events] == [bare(event) for event in shape.events]
    assert {event.session_id for event in session.events} == {session.session_id}
    assert len({(event.video_id, event.provider) for event in session.events}) == 1


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    events=st.integers(1, 400),
    days=st.integers(1, 4),
    videos=st.integers(1, 9),
)
def test_exact_number_of_recorded_events(seed: int, events: int, days: int, videos: int) -> None:
    """For any seed: exactly the events asked for, each a recorded one, each on a day asked for."""
    spec = make_spec(seed=seed, target_events=events, days=days, videos=videos, creators=1)
    sessions = list(simulate(spec))
    assert sum(len(session.events) for session in sessions) == events
    assert len({session.session_id for session in sessions}) == len(sessions)
    last = DAY + timedelta(days=days - 1)
    for session in sessions:
        check_session(session)
        assert all(DAY <= day_of_ms(event.at_ms) <= last for event in session.events)


def test_same_seed_same_sessions() -> None:
    """A spec always gives the same sessions; another seed gives others."""
    assert list(simulate(make_spec())) == list(simulate(make_spec()))
    assert list(simulate(make_spec())) != list(simulate(make_spec(seed=2)))


def test_events_pass_the_parser() -> None:
    """What is simulated is what the sealer accepts."""
    for session in simulate(make_spec(target_events=600)):
        for event in session.events:
            assert parse_event(msgspec.to_builtins(event)) == event


def test_a_device_says_once_a_day_whether_it_is_its_first() -> None:
    """Of a viewer's plays on a day the first speaks; each week and month is said once."""
    spec = make_spec(first_day=date(2026, 11, 28), days=6, target_events=None, viewers_per_day=20)
    said: dict[Any, list[tuple[date, bool | None, bool | None]]] = {}
    for session in simulate(spec):
        for event in session.events:
            if event.type == "play":
                bits = (event.first_of_week, event.first_of_month)
                said.setdefault(session.viewer, []).append((day_of_ms(event.at_ms), *bits))
            else:
                assert event.first_of_week is event.first_of_month is None
    assert any(len({day for day, *_ in plays}) > 2 for plays in said.values())
    for plays in said.values():
        days = {day for day, *_ in plays}
        speaking = [play for play in plays if play[1] is not None]
        assert [day for day, *_ in speaking] == sorted(days)
        weeks = {day.isocalendar()[:2] for day in days}
        assert sum(bool(week) for _, week, _ in speaking) == len(weeks)
        assert sum(bool(month) for *_, month in speaking) == len({day.month for day in days})


def test_media_length_is_the_catalogues() -> None:
    """A video is only played with recordings of media of its own length."""
    spec = make_spec()
    videos = {video.video_id: video for video in build_videos(spec)}
    assert len(videos) == spec.videos
    assert len({video.creator_id for video in videos.values()}) == spec.creators
    for session in simulate(spec):
        video = videos[session.events[0].video_id]
        assert BY_ID[session.recording_id].duration_ms == video.duration_ms


def test_viewers_a_day_and_those_who_return() -> None:
    """Each day has exactly the viewers asked for; some have several sessions, some come again."""
    days: dict[date, Counter[int]] = {}
    for session in simulate(make_spec(target_events=None, viewers_per_day=150)):
        start = day_of_ms(session.events[0].at_ms)
        days.setdefault(start, Counter())[session.viewer.number] += 1
    assert [len(viewers) for viewers in days.values()] == [150, 150, 150]
    first, second, third = days.values()
    assert max(first.values()) > 1
    assert 40 < len(first.keys() & second.keys()) < 110
    assert third.keys() - first.keys() - second.keys()


def test_proportions() -> None:
    """Popular videos, all providers and the evening stand out; errors are rare."""
    sessions = list(simulate(make_spec(target_events=20_000)))
    videos = Counter(session.events[0].video_id for session in sessions)
    assert videos.most_common(1)[0][0] == "video-0000"
    assert videos["video-0000"] > 5 * videos["video-0023"] > 0
    providers = Counter(session.events[0].provider for session in sessions)
    assert set(providers) == {"ipfs", "arweave", "filecoin", "cdn"}
    kinds = Counter(BY_ID[session.recording_id].kind for session in sessions)
    assert kinds["full"] > 5 * kinds["error"] > 0
    assert len({session.viewer.country for session in sessions}) == 12
    hours = Counter(
        (session.events[0].at_ms - day_start_ms(DAY)) // 3_600_000 % 24
        for session in sessions
        if session.viewer.country == "GB"
    )
    evening = sum(hours[hour] for hour in (18, 19, 20, 21))
    assert evening > 4 * sum(hours[hour] for hour in (2, 3, 4, 5))


def test_frame_has_the_same_events() -> None:
    """The fast path gives, row for row, the events of `simulate`."""
    spec = make_spec()
    frame = simulate_frame(spec)
    rows = frame.drop("viewer", "country", "received_at_ms").to_dicts()
    events = [event for session in simulate(spec) for event in session.events]
    assert rows == [msgspec.structs.asdict(event) for event in events]
    countries = [s.viewer.country for s in simulate(spec) for _ in s.events]
    assert frame["country"].to_list() == countries
    assert frame["viewer"].str.len_chars().unique().to_list() == [32]
    assert (frame["received_at_ms"] > frame["at_ms"]).all()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"target_events": None}, "viewers_per_day"),
        ({"viewers_per_day": 5}, "viewers_per_day"),
        ({"days": 0}, "days"),
        ({"target_events": 0}, "target_events"),
        ({"creators": 25}, "creators"),
        ({"sessions_per_viewer": 0.5}, "sessions_per_viewer"),
        ({"returning_share": 0}, "returning_share"),
        ({"shapes": ()}, "shapes"),
    ],
)
def test_wrong_parameters_are_named(changes: dict[str, Any], field: str) -> None:
    """A spec that cannot be simulated says which parameter is wrong."""
    with pytest.raises(InvalidInput) as caught:
        make_spec(**changes)
    assert caught.value.field == field
