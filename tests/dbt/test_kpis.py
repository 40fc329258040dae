"""The marts against answers worked out by hand, and against the independent recomputation."""

import hashlib
import hmac
import math
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pytest

from analytics_pipeline.core.day import day_start_ms
from analytics_pipeline.core.event import PROVIDERS
from analytics_pipeline.core.policy import Bounds
from analytics_pipeline.core.regions import REGIONS, continent_of
from analytics_pipeline.proving.day_rows import SCHEMA
from analytics_pipeline.storage.dbt_plugin import Plugin
from tests.dbt import hand_made, random_day
from tests.dbt.conftest import (
    BINGE_DAY,
    BINGE_SECONDS,
    BINGE_VIDEOS,
    LATER_DAY,
    RANDOM_DAY,
    SEED,
    Built,
)
from tests.dbt.deployment import PROJECT_DIR
from tests.support import kpi_oracle, tally_oracle
from tests.support.view_oracle import OracleEvent, OracleVideo

KEYS = ("video_id", "creator_id", "provider", "country", "minute", "bin")
BITS = {
    "at_peak": "peak_viewers",
    "first_of_month": "first_of_month",
    "first_of_week": "first_of_week",
}
EVERY_MART = sorted(hand_made.EXPECTED)


def by_key(rows: list[dict[str, Any]]) -> dict[tuple[Any, ...], dict[str, Any]]:
    found = {tuple(row[name] for name in KEYS if name in row): row for row in rows}
    assert len(found) == len(rows)
    return found


def assert_same(rows: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """Equal keys, columns and types; integers exactly, doubles to 1e-9."""
    actual, wanted = by_key(rows), by_key(expected)
    assert actual.keys() == wanted.keys()
    for key, row in wanted.items():
        assert actual[key].keys() == row.keys()
        for name, value in row.items():
            got = actual[key][name]
            assert type(got) is type(value), (key, name, got, value)
            if isinstance(value, float):
                assert math.isclose(got, value, rel_tol=1e-9, abs_tol=1e-9), (key, name)
            else:
                assert got == value, (key, name)


@pytest.mark.parametrize("mart", EVERY_MART)
def test_hand_made_day(built: Built, mart: str) -> None:
    """Every mart says of the hand-made day what the page says by hand."""
    assert_same(built.deployment.rows(mart, hand_made.DAY), hand_made.EXPECTED[mart])


def test_hand_made_tally(built: Built) -> None:
    """Every video, creator and region has its rows; all but the known ones are 0."""
    rows = built.deployment.rows("tally", hand_made.DAY)
    ours = {
        name for platform, *names, _ in hand_made.VIDEOS if platform == "demo" for name in names
    }
    ours |= {"", *PROVIDERS, *REGIONS}
    tally = {
        (row["scope"], row["key"], row["metric"]): row["value"]
        for row in rows
        if row["key"] in ours
    }
    assert len(tally) == hand_made.TALLY_ROWS
    assert {key: value for key, value in tally.items() if value} == hand_made.TALLY


@pytest.mark.parametrize("mart", EVERY_MART)
def test_random_day(built: Built, mart: str) -> None:
    """Events in any order give what the recomputation in plain Python gives."""
    assert_same(built.deployment.rows(mart, RANDOM_DAY), recomputed_marts()[mart])


def test_random_tally(built: Built) -> None:
    """The same for the bounded contributions."""
    events, videos = recomputation_inputs()
    bounds = Bounds()
    expected = tally_oracle.tally(
        events,
        videos,
        day_start_ms(RANDOM_DAY),
        videos_per_viewer_day=bounds.videos_per_viewer_day,
        seconds_per_video=bounds.seconds_per_video,
        seconds_per_day=bounds.seconds_per_day,
        continent_of_country={country: continent_of(country) for country in REGIONS},
        providers=PROVIDERS,
    )
    rows = built.deployment.rows("tally", RANDOM_DAY)
    assert {(row["scope"], row["key"], row["metric"]): row["value"] for row in rows} == expected
    assert any(row["value"] for row in rows)


@pytest.mark.parametrize("day", [BINGE_DAY, RANDOM_DAY, hand_made.DAY])
def test_contributions_sum_to_the_tally(built: Built, day: date) -> None:
    """Row by row, and a proof takes them as they are: viewers are 1, 2, … of this day."""
    frame = built.deployment.contributions(day)
    assert frame.select(SCHEMA.names()).schema == SCHEMA
    assert sorted(set(frame["viewer"])) == list(range(1, frame["viewer"].n_unique() + 1))
    catalogue = [*hand_made.VIDEOS, *random_day.VIDEOS]
    creator_of = {row[1]: row[2] for row in catalogue if row[0] == "demo"}
    sums: dict[tuple[str, str, str], int] = defaultdict(int)
    seen = set()
    for row in frame.iter_rows(named=True):
        creator, video_id = creator_of[row["video_id"]], row["video_id"]
        sums["platform", "", "views"] += 1
        sums["video", video_id, f"furthest_bin_{row['furthest_bin']:02d}"] += 1
        for scope, key in (("platform", ""), ("video", video_id), ("creator", creator)):
            sums[scope, key, "watch_seconds"] += row["seconds"]
        provider = ("provider", row["provider"])
        for name in (
            ("platform", "", "viewers"),
            *(("platform", "", metric) for column, metric in BITS.items() if row[column]),
            ("video", video_id, "viewers"),
            ("creator", creator, "viewers"),
            ("creator", creator, f"viewers_{row['continent']}"),
            (*provider, "viewers"),
            (*provider, f"startup_{row['startup_bin']}"),
            (*provider, f"rebuffer_{row['rebuffer_bin']}"),
            ("region", row["country"], "viewers"),
        ):
            sums[name] += (row["viewer"], *name) not in seen
            seen.add((row["viewer"], *name))
    rows = built.deployment.rows("tally", day)
    tally = {(row["scope"], row["key"], row["metric"]): row["value"] for row in rows}
    assert {key: value for key, value in tally.items() if value} == {
        key: value for key, value in sums.items() if value
    }
    assert sums["platform", "", "views"] == frame.height > 0


def recomputation_inputs() -> tuple[list[Any], dict[str, Any]]:
    fields = OracleEvent.__dataclass_fields__
    events = [
        OracleEvent(**{name: event[name] for name in fields})
        for event in random_day.random_events(RANDOM_DAY, SEED)
    ]
    catalogue = [*hand_made.VIDEOS, *random_day.VIDEOS]
    videos = {row[1]: OracleVideo(*row[1:]) for row in catalogue if row[0] == "demo"}
    return events, videos


def recomputed_marts() -> dict[str, list[dict[str, Any]]]:
    return kpi_oracle.marts(*recomputation_inputs(), day_start_ms(RANDOM_DAY))


def test_selection_is_hmac(tmp_path: Path) -> None:
    """The keyed order is HMAC-SHA-256, as Python's own library has it."""
    key = bytes(range(32))
    text = "2026-01-05|" + "ab" * 16 + "|Vidéo: 'one'"
    plugin = Plugin(
        name="dbt_plugin",
        plugin_config={
            "platform": "demo",
            "raw_dir": str(tmp_path),
            "raw_key": key.hex(),
            "retention_dir": str(tmp_path),
            "selection_key": key.hex(),
            "temp_dir": "",
        },
    )
    macros = jinja2.Template((PROJECT_DIR / "macros" / "arithmetic.sql").read_text()).module
    with duckdb.connect() as con:
        plugin.configure_cursor(con)
        (answer,) = con.execute(
            f"select {macros.selection_hash('$1')}",  # type: ignore[attr-defined]
            [text],
        ).fetchall()
    assert answer == (hmac.new(key, text.encode(), hashlib.sha256).hexdigest(),)


def test_the_secret_order_decides_what_a_binge_adds(built: Built) -> None:
    """Of 11 videos the 10 with the least HMAC count, the first of them until the day is full."""
    viewer = hand_made.SESSIONS["A"]["viewer"]

    def place(video_id: str) -> bytes:
        message = f"{BINGE_DAY}|{viewer}|{video_id}".encode()
        return hmac.digest(built.deployment.selection_key, message, "sha256")

    bounds, left = Bounds(), Bounds().seconds_per_day
    expected = {}
    for video_id in sorted(BINGE_VIDEOS, key=place)[: bounds.videos_per_viewer_day]:
        expected[video_id] = min(BINGE_SECONDS, bounds.seconds_per_video, left)
        left -= expected[video_id]
    rows = built.deployment.rows("tally", BINGE_DAY)
    videos: dict[str, dict[str, int]] = {"viewers": {}, "watch_seconds": {}}
    for row in rows:
        if row["scope"] == "video" and row["metric"] in videos:
            videos[row["metric"]][row["key"]] = row["value"]
    assert {key for key, value in videos["viewers"].items() if value} == set(expected)
    assert {key: videos["watch_seconds"][key] for key in expected} == expected
    assert sum(videos["watch_seconds"].values()) == bounds.seconds_per_day


def test_marts_divide_the_same_whole(built: Built) -> None:
    """All days of the run are in the marts, each once, and their plays agree."""
    for day in (BINGE_DAY, RANDOM_DAY, hand_made.DAY, LATER_DAY):
        plays: dict[str, int] = defaultdict(int)
        for mart in ("platform_day", "video_day", "creator_day", "region_day"):
            plays[mart] = sum(row["plays"] for row in built.deployment.rows(mart, day))
        assert len(set(plays.values())) == 1
        assert plays["platform_day"] > 0
    assert not built.deployment.rows("platform_day", LATER_DAY + timedelta(days=1))
