"""From segments to a day's distinct events."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_pipeline.core.errors import ContentUnavailable, EventsExpired, IntegrityError
from analytics_pipeline.defs.steps import events as step
from analytics_pipeline.defs.steps import segments as segments_step
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import expire_day, list_segments
from analytics_pipeline.storage.event_columns import EVENT_COLUMNS
from analytics_pipeline.storage.raw_day import load_raw_day
from tests.defs.support import DAYS, Deployment, build_sessions

DAY = DAYS[0]


def frame(rows: list[tuple[str, int, int]]) -> pl.DataFrame:
    """Events of (session id, time, received at)."""
    return pl.DataFrame(
        [
            {
                "session_id": session,
                "video_id": "v",
                "type": "play",
                "at_ms": at_ms,
                "seq": 0,
                "provider": "ipfs",
                "viewer": "0" * 32,
                "country": "DE",
                "received_at_ms": received,
            }
            for session, at_ms, received in rows
        ],
        schema=EVENT_COLUMNS,
    )


ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.integers(0, 5)), max_size=8)


@given(st.lists(ROWS, max_size=4))
@settings(deadline=None)
def test_of_equal_events_the_first_received_is_kept(
    segments: list[list[tuple[str, int, int]]],
) -> None:
    """Distinct on (session, video, type, time, seq), whatever the order of the segments."""
    distinct = step.build_distinct([frame(rows) for rows in segments])
    found = {
        (row["session_id"], row["at_ms"]): row["received_at_ms"]
        for row in distinct.iter_rows(named=True)
    }
    expected: dict[tuple[str, int], int] = {}
    for session, at_ms, received in (row for rows in segments for row in rows):
        earliest = expected.get((session, at_ms), received)
        expected[session, at_ms] = min(earliest, received)
    assert found == expected
    assert distinct.height == len(expected)


def test_events_of_two_segments_are_counted_once(deployment: Deployment, stores: Stores) -> None:
    """The same session sent again in another batch and round is a duplicate, and accounted for."""
    sessions = build_sessions(DAY, 20)
    deployment.send(sessions, tag="first")
    deployment.seal()
    deployment.send(sessions[:5], tag="again")
    deployment.seal()
    intake = step.load_day(stores, DAY)
    again = sum(len(events) for _, events in sessions[:5])
    assert len(intake.segment_ids) == 2
    assert (intake.duplicates, intake.kept) == (again, sum(len(e) for _, e in sessions))
    assert step.find_problems(intake) == []
    assert step.load_intake(stores, DAY) == intake
    raw = load_raw_day(stores.settings.raw_dir, stores.platform, DAY, stores.raw_key(DAY))
    assert raw.height == intake.kept


@pytest.mark.parametrize(
    "change",
    [{"read": 11}, {"stored": 8}, {"accepted_before": 11}, {"accepted_after": 9}],
)
def test_a_lost_or_doubled_event_breaks_an_identity(change: dict[str, int]) -> None:
    """The check that stands between events and models names what does not hold."""
    whole = {"accepted": 10, "accepted_before": 10, "accepted_after": 10, "read": 10}
    counts = {**whole, "kept": 9, "stored": 9, "bytes_sealed": 1, "bytes_raw": 1}
    assert step.find_problems(step.Intake(segment_ids=("a",), **counts)) == []
    assert step.find_problems(step.Intake(segment_ids=("a",), **(counts | change))) != []


def test_an_expired_day_is_refused_before_anything_changes(
    deployment: Deployment, stores: Stores
) -> None:
    """Neither the raw file nor the intake of an expired day is touched."""
    deployment.send(build_sessions(DAY, 3))
    deployment.seal()
    step.load_day(stores, DAY)
    folder = stores.settings.raw_dir / stores.platform
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    expire_day(stores.catalogue, stores.platform, DAY, "retention")
    with pytest.raises(EventsExpired):
        segments_step.load_segments(stores, [DAY])
    with pytest.raises(EventsExpired):
        step.load_day(stores, DAY)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_missing_or_altered_segment_is_named(deployment: Deployment, stores: Stores) -> None:
    """The check before `events` says which content is gone; altered content never gets in."""
    deployment.send(build_sessions(DAY, 3))
    deployment.seal()
    [segment] = list_segments(stores.catalogue, stores.platform, DAY)
    assert segments_step.find_problems(stores, [segment]) == []
    blocks = list((stores.settings.home / "ipfs").rglob("*.data"))
    for path in blocks:
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises((IntegrityError, ContentUnavailable)):
        step.load_day(stores, DAY)
    for path in blocks:
        path.unlink()
    [problem] = segments_step.find_problems(stores, [segment])
    assert segment.cid in problem


def test_a_day_without_segments_is_a_day_without_events(stores: Stores) -> None:
    """Silence is released like any other day, so that the chain has no gap."""
    intake = step.load_day(stores, DAY)
    assert (intake.kept, intake.segment_ids) == (0, ())
    assert step.find_problems(intake) == []
