"""Reading segments back: every way they can be wrong has its name."""

import dataclasses
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
from analytics_pipeline.sealer.rounds import run_round
from analytics_pipeline.storage.catalogue import Segment, expire_day
from analytics_pipeline.storage.catalogue.tables import data_keys
from analytics_pipeline.storage.event_columns import EVENT_COLUMNS
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.segments import (
    build_parquet,
    load_segment,
    parse_parquet,
)
from tests.seal.support import DAY, Deployment, make_event


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
    with pytest.raises(DecryptionFailed):
        load(deployment, dataclasses.replace(segment, **change))


def test_unknown_schema(deployment: Deployment, segment: Segment):
    """A schema this version does not know is refused before anything is opened."""
    with pytest.raises(InvalidSegment, match="viewership-events/9"):
        load(deployment, dataclasses.replace(segment, schema="viewership-events/9"))


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
    monkeypatch.setattr(deployment.stores.content, "get", lambda cid: content[:-1] + b"\0")
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
