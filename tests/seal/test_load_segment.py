"""Reading segments back: every way they can be wrong has its name."""

import dataclasses
import io
from datetime import timedelta

import polars as pl
import pytest

from analytics_pipeline.core.errors import (
    ContentUnavailable,
    DecryptionFailed,
    IntegrityError,
    InvalidSegment,
    KeyUnavailable,
)
from analytics_pipeline.core.event import MAX_MEDIA_MS
from analytics_pipeline.sealer.rounds import run_round
from analytics_pipeline.storage import segments
from analytics_pipeline.storage.catalogue import Counts, Segment, expire_day, record_round
from analytics_pipeline.storage.catalogue.tables import data_keys
from analytics_pipeline.storage.event_columns import EVENT_COLUMNS, FIRST_EVENT_COLUMNS
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.segments import (
    build_parquet,
    load_segment,
    parse_parquet,
)
from tests.seal.support import DAY, NOON_MS, Deployment, make_event


@pytest.fixture
def segment(deployment: Deployment) -> Segment:
    """One sealed segment of 50 events."""
    deployment.put_events(*(make_event(number) for number in range(50)))
    return run_round(deployment.stores).segments[0]


def load(deployment: Deployment, segment: Segment) -> pl.DataFrame:
    stores = deployment.stores
    return load_segment(stores.catalogue, stores.content, stores.keyring, segment)


def test_columns_are_strict(deployment: Deployment, segment: Segment):
    """Names, order and types are those of the schema."""
    frame = load(deployment, segment)
    assert list(frame.schema.items()) == list(EVENT_COLUMNS.items())
    assert frame.height == 50


@pytest.mark.parametrize(
    "change",
    [
        {"platform": "other"},
        {"day": DAY + timedelta(days=1)},
        {"segment_id": None},
        {"wrapping_key_id": "wrap-000002-00000000"},
        {"batch_digest": "0x" + "00" * 32},
        {"key_commitment": "0x" + "00" * 32},
    ],
)
def test_a_segment_cannot_pass_for_another(deployment: Deployment, segment: Segment, change: dict):
    """Catalogue rows that say something else about the same content do not open it."""
    if "segment_id" in change:  # the second segment's row, pointed at the first one's content
        deployment.put_events(make_event(99))
        other = run_round(deployment.stores).segments[0]
        change = {"segment_id": other.segment_id}
    with pytest.raises((DecryptionFailed, KeyUnavailable)):
        load(deployment, dataclasses.replace(segment, **change))


def test_unknown_schema(deployment: Deployment, segment: Segment):
    """A schema this version does not know is refused before anything is opened."""
    with pytest.raises(InvalidSegment, match="viewership-events/9"):
        load(deployment, dataclasses.replace(segment, schema="viewership-events/9"))


def test_segments_of_the_first_schema(deployment: Deployment, monkeypatch: pytest.MonkeyPatch):
    """What an earlier version sealed still opens; columns it did not know are null. The same bytes
    under the present schema's name are refused."""
    old = "viewership-events/1"
    frame = pl.DataFrame(
        {name: [None] for name in FIRST_EVENT_COLUMNS}
        | {"session_id": ["session-1"], "video_id": ["x"], "provider": ["ipfs"]}
        | {"viewer": ["0" * 32], "country": ["DE"]}
        | {"type": ["play"], "at_ms": [NOON_MS], "seq": [0], "received_at_ms": [NOON_MS]},
        schema=FIRST_EVENT_COLUMNS,
    )
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    monkeypatch.setattr(segments, "SCHEMA_ID", old)
    monkeypatch.setattr(segments, "build_parquet", lambda frame: buffer.getvalue())
    stores = deployment.stores
    pending = segments.seal_frame(
        frame,
        stores.keyring,
        platform="demo",
        day=DAY,
        batch_ids=["b" * 16],
        counts=Counts(1),
        sealed_at_ms=NOON_MS,
    )
    monkeypatch.undo()
    segments.pin_segments(stores.catalogue, stores.content, [pending])
    (sealed,) = record_round(
        stores.catalogue,
        new_segments=[pending.new],
        batches={"demo": ["b" * 16]},
        counts={("demo", DAY): Counts(1)},
        sealed_at_ms=NOON_MS,
    )
    assert sealed.schema == old
    loaded = load(deployment, sealed)
    assert list(loaded.schema.items()) == list(EVENT_COLUMNS.items())
    assert loaded.select(FIRST_EVENT_COLUMNS.names()).equals(frame)
    added = EVENT_COLUMNS.keys() - FIRST_EVENT_COLUMNS.keys()
    assert added
    assert all(loaded[name].null_count() == 1 for name in added)
    with pytest.raises(InvalidSegment, match="viewership-events/2"):
        parse_parquet(buffer.getvalue(), DAY)


def test_swapped_content(deployment: Deployment, segment: Segment):
    """Another segment's content under this row does not open."""
    deployment.put_events(make_event(99))
    other = run_round(deployment.stores).segments[0]
    with pytest.raises(DecryptionFailed, match="commitment"):
        load(deployment, dataclasses.replace(segment, cid=other.cid))


def test_content_altered_at_rest(deployment: Deployment, segment: Segment):
    """A byte flipped in the block store is noticed on reading."""
    files = [p for p in (deployment.home / "ipfs").rglob("*") if p.is_file()]
    path = max(files, key=lambda file: file.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)
    with pytest.raises((IntegrityError, ContentUnavailable)):
        load(deployment, segment)


def test_store_that_lies(deployment: Deployment, segment: Segment, monkeypatch: pytest.MonkeyPatch):
    """Even a content store that does not verify cannot pass altered content off."""
    content = deployment.stores.content.get(segment.cid)
    altered = content[:-1] + bytes([content[-1] ^ 1])
    monkeypatch.setattr(deployment.stores.content, "get", lambda cid: altered)
    with pytest.raises(IntegrityError):
        load(deployment, segment)


def test_destroyed_data_key(deployment: Deployment, segment: Segment):
    """After expiry the content is noise."""
    expire_day(deployment.stores.catalogue, "demo", DAY, "retention")
    with pytest.raises(KeyUnavailable, match="destroyed"):
        load(deployment, segment)


def test_another_deployments_keyring(deployment: Deployment, segment: Segment, tmp_path):
    """Without the wrapping key nothing opens."""
    stranger = Keyring.create(tmp_path / "stranger")
    with pytest.raises(KeyUnavailable):
        load_segment(deployment.stores.catalogue, deployment.stores.content, stranger, segment)


def test_swapped_data_keys(deployment: Deployment, segment: Segment):
    """A row with another segment's data key unwraps, and then fails the key commitment."""
    deployment.put_events(make_event(99))
    other = run_round(deployment.stores).segments[0]
    with deployment.stores.catalogue.write() as connection:
        wrapped = connection.execute(
            data_keys.select().where(data_keys.c.segment_id == other.segment_id)
        ).one()
        connection.execute(data_keys.update().values(wrapped=wrapped.wrapped))
    with pytest.raises(DecryptionFailed, match="data key"):
        load(deployment, segment)
    assert load(deployment, other).height == 1


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("session_id", v) for v in ("short", "x" * 65, "session-1\n", "sitzung-ä")),
        *(("video_id", v) for v in ("", "x" * 129, "a b")),
        *(("type", v) for v in ("", "watched")),
        *(("seq", v) for v in (-1,)),
        *(("position_ms", v) for v in (-1, MAX_MEDIA_MS + 1, 2**62)),
        *(("duration_ms", v) for v in (-1, MAX_MEDIA_MS + 1)),
        *(("startup_ms", v) for v in (-1, 3_600_001)),
        *(("delivered_bytes", v) for v in (-1, 2**40 + 1)),
        *(("provider", v) for v in ("", "nobody")),
        *(("error_code", v) for v in ("", "lower", "X" * 65)),
        *(("viewer", v) for v in ("", "0" * 31, "G" * 32)),
        *(("country", v) for v in ("", "de", "DEU")),
        *(("received_at_ms", v) for v in (0, -(2**63), 2**63 - 1)),
    ],
)
def test_events_that_no_sealer_takes(
    deployment: Deployment, segment: Segment, column: str, value: object
):
    """One value of one event beyond the limits of `core.event`, authentic as the segment may be."""
    frame = load(deployment, segment)
    frame = frame.with_columns(startup_ms=None, error_code=None).cast(EVENT_COLUMNS)
    last = pl.int_range(pl.len()) == pl.len() - 1
    fit = {"startup_ms": "play", "error_code": "error"}
    if column in fit:
        frame = frame.with_columns(type=pl.lit(fit[column]))
    assert parse_parquet(build_parquet(frame), DAY).height == frame.height
    altered = pl.when(last).then(pl.lit(value, EVENT_COLUMNS[column])).otherwise(column)
    with pytest.raises(InvalidSegment, match=column):
        parse_parquet(build_parquet(frame.with_columns(altered.alias(column))), DAY)


@pytest.mark.parametrize(("column", "value"), [("startup_ms", 5), ("error_code", "MEDIA")])
def test_facts_of_other_types_of_events(
    deployment: Deployment, segment: Segment, column: str, value: object
):
    """A time to start up belongs to `play`, a code to `error`."""
    frame = load(deployment, segment)
    paused = frame.with_columns(
        pl.lit(value, EVENT_COLUMNS[column]).alias(column), type=pl.lit("pause")
    )
    with pytest.raises(InvalidSegment, match=column):
        parse_parquet(build_parquet(paused), DAY)


def test_wrong_content_is_refused(deployment: Deployment, segment: Segment):
    """Authentic bytes that are no Parquet, or hold other columns, nulls or another day's events,
    are refused by name."""
    frame = load(deployment, segment)
    for bad in (b"", b"PAR1", build_parquet(frame)[:-4], build_parquet(frame)[20:]):
        with pytest.raises(InvalidSegment):
            parse_parquet(bad, DAY)
    with pytest.raises(InvalidSegment, match="at_ms"):
        parse_parquet(build_parquet(frame), DAY + timedelta(days=1))
    for other in (
        frame.drop("seq"),
        frame.with_columns(pl.col("seq").cast(pl.Int64)),
        frame.with_columns(extra=1),
        frame.with_columns(viewer=pl.lit(None, pl.String)),
    ):
        with pytest.raises(InvalidSegment):
            build_parquet(other)
