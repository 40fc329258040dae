"""SQL that clips and code that draws noise cannot drift apart.

The models, as dbt compiled them, sum a day with and without one viewer-day. Whatever that viewer
did, no query's vector changes by more than the Δ₂² its noise is scaled to (in units, rounded up:
spec/policy.md, rule 5); and the worst viewer-days change it by exactly that.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics_pipeline.core.day import day_start_ms
from analytics_pipeline.core.policy import (
    DEFAULT_POLICY,
    DEFAULT_UNITS,
    Bounds,
    Policy,
    build_policy,
)
from analytics_pipeline.defs.steps import inputs
from analytics_pipeline.storage.dbt_plugin import policy_tables
from tests.dbt.compiled import Compiled, Sql, Tally, compile_models, open_sql

DAY = date(2026, 1, 5)
MINUTE, HOUR = 60_000, 3_600_000
#: Twelve videos of half an hour by twelve creators, and twelve by one more.
VIDEOS = [(f"v{i:02}", f"c{i:02}", 30 * MINUTE) for i in range(12)]
VIDEOS += [(f"w{i:02}", "one", 30 * MINUTE) for i in range(12)]
#: So small that random days reach every bound.
SMALL_POLICY = build_policy(
    Bounds(3, 40, 70),
    regions=("DE", "FR", "US", "ZZ"),
    units={
        **DEFAULT_UNITS,
        "creator.watch_seconds": 9,
        "platform.views": 2,
        "platform.watch_seconds": 30,
        "video.watch_seconds": 7,
    },
)
Event = dict[str, Any]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    return compile_models(tmp_path_factory.mktemp("compiled"), DAY)


@pytest.fixture(scope="module", params=[DEFAULT_POLICY, SMALL_POLICY], ids=["default", "small"])
def world(compiled: Compiled, request: pytest.FixtureRequest) -> Iterator[tuple[Policy, Sql]]:
    with open_sql(compiled, request.param, VIDEOS) as sql:
        yield request.param, sql


def viewing(
    viewer: int,
    video: str,
    seconds: int,
    *,
    start_ms: int = 0,
    stalled_ms: int = 0,
    country: str = "DE",
    provider: str = "ipfs",
    startup_ms: int | None = None,
    first: bool = False,
    reached_ms: int = 0,
) -> list[Event]:
    """A view: play, perhaps a stall, pause; a heartbeat each minute, so that all of it counts."""
    common = {
        "session_id": f"session-{viewer}-{video}-{start_ms}",
        "video_id": video,
        "viewer": f"{viewer:032x}",
        "country": country,
        "provider": provider,
        "received_at_ms": 0,
    }
    at = [("play", 0), *(("heartbeat", s * 1000) for s in range(60, seconds, 60))]
    at.append(("rebuffer" if stalled_ms else "pause", seconds * 1000))
    if stalled_ms:
        at.append(("pause", seconds * 1000 + stalled_ms))
    events = [
        {"type": kind, "at_ms": day_start_ms(DAY) + start_ms + after, "seq": number}
        for number, (kind, after) in enumerate(at)
    ]
    events[0] |= {"startup_ms": startup_ms, "first_of_week": first, "first_of_month": first}
    events[-1] |= {"position_ms": reached_ms}
    return [common | event for event in events]


views = st.builds(
    dict,
    video=st.sampled_from([video for video, _, _ in VIDEOS] + ["unlisted"]),
    seconds=st.sampled_from([0, 1, 8, 39, 41, 200, 899, 901, 1500]),
    start_ms=st.integers(0, 4 * HOUR),
    stalled_ms=st.sampled_from([0, 0, 1, 5000, 299_999, 300_001]),
    country=st.sampled_from(["DE", "FR", "US", "XX"]),
    provider=st.sampled_from(DEFAULT_POLICY.providers),
    startup_ms=st.sampled_from([None, 0, 249, 250, 9000]),
    first=st.booleans(),
    reached_ms=st.integers(0, 40 * MINUTE),
)
days = st.lists(st.lists(views, min_size=1, max_size=14), min_size=1, max_size=3)


def moved(before: Tally, after: Tally, policy: Policy) -> Counter[str]:
    """Σ ⌈|change| / unit⌉² of each query."""
    assert before.keys() == after.keys()
    squares: Counter[str] = Counter()
    for (scope, key, metric), value in after.items():
        query = policy.by_row[scope, metric]
        change = abs(value - before[scope, key, metric])
        squares[query.name] += (-(-change // query.unit)) ** 2
    return squares


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(days)
def test_no_viewer_day_moves_a_query_further_than_its_noise_hides(
    world: tuple[Policy, Sql], viewers: list[list[dict[str, Any]]]
) -> None:
    """Any few viewers, any views; one of the viewers taken away. Keys stay, whatever the day."""
    policy, sql = world
    events = [
        [event for view in views for event in viewing(number, **view)]
        for number, views in enumerate(viewers)
    ]
    whole = sql.tally([event for own in events for event in own])
    without = sql.tally([event for own in events[1:] for event in own])
    squares = moved(without, whole, policy)
    for query in policy.queries:
        assert squares[query.name] <= query.sensitivity_squared, query.name


def worst_viewer_days() -> list[list[Event]]:
    """Two of the default bounds. Ten creators' videos: four of 801 s, one of 301, five of 1, and so
    9, 9, 9, 9, 4, 1, 1, 1, 1, 1 units of 100. And eleven units of 300 and a second of one creator,
    in four videos, and a second of each of six others."""
    spread = [801] * 4 + [301] + [1] * 5
    heaped = [("w00", 900), ("w01", 900), ("w02", 900), ("w03", 601)]
    heaped += [(f"v{i:02}", 1) for i in range(6)]
    return [
        [
            event
            for number, (video, seconds) in enumerate(watched)
            for event in viewing(7, video, seconds, start_ms=number * HOUR, first=True)
        ]
        for watched in ([(f"v{i:02}", s) for i, s in enumerate(spread)], heaped)
    ]


def test_the_worst_viewer_days_reach_the_stated_sensitivity(compiled: Compiled) -> None:
    """Δ₂² is not only safe but exact, for every query of the default policy."""
    reached: Counter[str] = Counter()
    with open_sql(compiled, DEFAULT_POLICY, VIDEOS) as sql:
        others = viewing(1, "v00", 300) + viewing(2, "w00", 300, start_ms=10_000)
        before = sql.tally(others)
        for own in worst_viewer_days():
            reached |= moved(before, sql.tally([*others, *own]), DEFAULT_POLICY)
    assert reached == {q.name: q.sensitivity_squared for q in DEFAULT_POLICY.queries}


def binge(videos: Sequence[str], seconds: int) -> list[Event]:
    """One viewer, many long views one after the other."""
    return [
        event
        for number, video in enumerate(videos)
        for event in viewing(7, video, seconds, start_ms=number * HOUR)
    ]


@pytest.mark.parametrize(
    ("clip", "without", "exceeded"),
    [
        ("video_rank <= videos_per_viewer_day", "true", "video.viewers"),
        ("least(bounds.seconds_per_video, ", "least(1000000, ", "video.watch_seconds"),
        ("greatest(seconds_per_day - seconds_before, 0)", "1000000", "platform.watch_seconds"),
        # every played view for the first one
        ("started_at_ms, session_id, video_id\n    ) = 1", "day\n    ) > 0", "region.viewers"),
    ],
)
def test_sql_that_forgets_a_bound_is_caught(
    compiled: Compiled, clip: str, without: str, exceeded: str
) -> None:
    """The comparison above fails as soon as one clip is taken out of the SQL."""
    with open_sql(compiled.edited(clip, without), DEFAULT_POLICY, VIDEOS) as sql:
        own = binge([video for video, _, _ in VIDEOS], 1500)
        squares = moved(sql.tally([]), sql.tally(own), DEFAULT_POLICY)
    by_name = {query.name: query for query in DEFAULT_POLICY.queries}
    assert squares[exceeded] > by_name[exceeded].sensitivity_squared


@pytest.mark.parametrize("bounds", [Bounds(), Bounds(2, 30, 50), Bounds(5, 700, 900)])
def test_sql_takes_its_bounds_from_the_policy(compiled: Compiled, bounds: Bounds) -> None:
    """Other bounds, another tally; its keys and metrics are the policy's as well."""
    policy = build_policy(bounds, regions=("DE", "ZZ"), providers=("cdn", "ipfs"))
    with open_sql(compiled, policy, VIDEOS) as sql:
        tally = sql.tally(binge([video for video, _, _ in VIDEOS], 1500))
    count = bounds.videos_per_viewer_day
    seconds = min(count * bounds.seconds_per_video, bounds.seconds_per_day)
    assert tally["platform", "", "views"] == count
    assert tally["platform", "", "watch_seconds"] == seconds
    watched = [v for (s, _, m), v in tally.items() if (s, m) == ("video", "watch_seconds")]
    assert max(watched) == bounds.seconds_per_video
    assert {key for scope, key, _ in tally if scope == "region"} == {"DE", "ZZ"}
    assert {key for scope, key, _ in tally if scope == "provider"} == {"cdn", "ipfs"}
    assert {(scope, metric) for scope, _, metric in tally} == policy.by_row.keys()


def test_dbt_and_the_release_have_one_policy() -> None:
    """What the plugin lays before dbt is the policy that the release draws under."""
    assert inputs.POLICY is DEFAULT_POLICY
    ours: Mapping[str, Any] = policy_tables(inputs.POLICY)
    for name, table in policy_tables().items():
        assert table.equals(ours[name])
    [bounds] = policy_tables()["bounds"].to_dicts()
    assert bounds["videos_per_viewer_day"] == DEFAULT_POLICY.bounds.videos_per_viewer_day
    assert bounds["seconds_per_video"] == DEFAULT_POLICY.bounds.seconds_per_video
    assert bounds["seconds_per_day"] == DEFAULT_POLICY.bounds.seconds_per_day
