"""The raw layer: what goes in comes out, nothing of it is readable without the key."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from analytics_pipeline.core.day import MS_PER_DAY, day_start_ms
from analytics_pipeline.core.errors import ContentUnavailable, DecryptionFailed, InvalidInput
from analytics_pipeline.storage.event_columns import EVENT_COLUMNS
from analytics_pipeline.storage.raw_day import (
    expire_raw_day,
    load_raw_day,
    raw_day_path,
    write_raw_day,
)

DAY = date(2026, 1, 5)
KEY = bytes(range(32))


def events(count: int = 3) -> pl.DataFrame:
    start = day_start_ms(DAY)
    return pl.DataFrame(
        {
            "session_id": [f"session-{i:06}" for i in range(count)],
            "video_id": ["lecture"] * count,
            "type": ["play"] * count,
            "at_ms": [start + i for i in range(count)],
            "seq": list(range(count)),
            "position_ms": [None] * count,
            "duration_ms": [None] * count,
            "startup_ms": [400] * count,
            "delivered_bytes": [None] * count,
            "provider": ["ipfs"] * count,
            "error_code": [None] * count,
            "viewer": ["5a" * 16] * count,
            "country": ["DE"] * count,
            "received_at_ms": [start + i for i in range(count)],
            "first_of_week": [True] * count,
            "first_of_month": [None] * count,
            "watched_ms": [None] * count,
            "stalled_ms": [None] * count,
        },
        schema=EVENT_COLUMNS,
    )


@pytest.mark.parametrize("count", [0, 1, 50_000])
def test_round_trip(tmp_path: Path, count: int) -> None:
    """What was written is read, in the same order, also a day without events."""
    write_raw_day(tmp_path, "demo", DAY, events(count), KEY)
    assert load_raw_day(tmp_path, "demo", DAY, KEY).equals(events(count))


def test_file_has_no_plaintext(tmp_path: Path) -> None:
    """Neither values nor column names nor statistics stand in the file, and only we may read it."""
    path = write_raw_day(tmp_path, "demo", DAY, events(), KEY)
    content = path.read_bytes()
    for word in (b"session-", b"lecture", b"5a5a5a", b"session_id", b"viewer", KEY):
        assert word not in content
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["2026-01-05.parquet"]


def test_wrong_key_and_altered_files_are_noticed(tmp_path: Path) -> None:
    """A wrong key fails; so does a flipped byte, unless it lies where no value is read from."""
    path = write_raw_day(tmp_path, "demo", DAY, events(), KEY)
    with pytest.raises(DecryptionFailed):
        load_raw_day(tmp_path, "demo", DAY, bytes(32))
    content = path.read_bytes()
    noticed = 0
    for position in range(0, len(content), 29):
        flipped = bytes([content[position] ^ 1])
        path.write_bytes(content[:position] + flipped + content[position + 1 :])
        try:
            assert load_raw_day(tmp_path, "demo", DAY, KEY).equals(events())
        except DecryptionFailed:
            noticed += 1
    assert noticed > 0.6 * len(content) / 29  # the rest: page indexes, which nobody reads


def test_missing_day_is_an_error(tmp_path: Path) -> None:
    """A day that is not there is not a day without events; expiring says whether it was."""
    with pytest.raises(ContentUnavailable, match="2026-01-05"):
        load_raw_day(tmp_path, "demo", DAY, KEY)
    write_raw_day(tmp_path, "demo", DAY, events(), KEY)
    assert expire_raw_day(tmp_path, "demo", DAY)
    assert not expire_raw_day(tmp_path, "demo", DAY)


@pytest.mark.parametrize(
    ("frame", "field"),
    [
        (events().drop("viewer"), "frame.viewer"),
        (events().with_columns(address=pl.lit("203.0.113.9")), "frame.address"),
        (events().with_columns(pl.col("seq").cast(pl.Int64)), "frame.seq"),
        (events().with_columns(viewer=pl.lit(None, pl.String)), "frame.viewer"),
        (events().with_columns(pl.col("at_ms") + MS_PER_DAY), "frame.at_ms"),
        (events().with_columns(pl.col("at_ms") - 1), "frame.at_ms"),
    ],
)
def test_wrong_frames_are_refused(tmp_path: Path, frame: pl.DataFrame, field: str) -> None:
    """The offending column is named, and the file that was there stays."""
    write_raw_day(tmp_path, "demo", DAY, events(1), KEY)
    with pytest.raises(InvalidInput) as caught:
        write_raw_day(tmp_path, "demo", DAY, frame, KEY)
    assert caught.value.field == field
    assert load_raw_day(tmp_path, "demo", DAY, KEY).height == 1


@pytest.mark.parametrize("platform", ["", "..", "a/b", ".hidden", "a b"])
def test_platform_cannot_leave_the_folder(tmp_path: Path, platform: str) -> None:
    """A platform id names one folder below the raw layer and nothing else."""
    with pytest.raises(InvalidInput, match="platform"):
        raw_day_path(tmp_path, platform, DAY)
