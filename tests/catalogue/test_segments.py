"""Segments, data keys and counters: one transaction, exactly once."""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import inspect

from analytics_pipeline.core.errors import (
    EventsExpired,
    InvalidSettings,
    KeyUnavailable,
    StoreError,
)
from analytics_pipeline.storage.catalogue import (
    Catalogue,
    Counts,
    Video,
    already_sealed,
    day_state,
    drop_intent,
    expire_day,
    find_segment,
    forget_batches,
    has_cid,
    list_days,
    list_expiries,
    list_segments,
    list_videos,
    load_counts,
    open_catalogue,
    open_intents,
    put_videos,
    record_intents,
    remove_videos,
    require_events,
    rewrap_data_keys,
    wrapped_data_key,
)
from analytics_pipeline.storage.keyring import Keyring
from tests.catalogue.support import DAY, new_segment, plan, seal


def test_a_round_is_recorded_whole(catalogue: Catalogue):
    """Segment, data key, batch memory and counters appear together; the intent goes."""
    new = new_segment()
    record_intents(catalogue, [new.segment.cid, "bafkorphan"])
    (recorded,) = seal(catalogue, new, batch="batch-a")
    assert list_segments(catalogue, "demo", DAY) == [recorded]
    assert find_segment(catalogue, new.segment.segment_id) == recorded
    assert wrapped_data_key(catalogue, new.segment.segment_id)[1] == new.wrapped_data_key
    assert already_sealed(catalogue, "demo", ["batch-a", "batch-b"]) == {"batch-a"}
    assert already_sealed(catalogue, "other", ["batch-a"]) == set()
    assert open_intents(catalogue) == ["bafkorphan"]
    assert has_cid(catalogue, new.segment.cid)
    assert not has_cid(catalogue, "bafkorphan")
    drop_intent(catalogue, "bafkorphan")
    assert open_intents(catalogue) == []


def test_a_batch_is_sealed_once(catalogue: Catalogue):
    """A second round with the same batch is refused and leaves nothing behind."""
    seal(catalogue, new_segment(), batch="batch-a")
    before = (list_segments(catalogue, "demo"), load_counts(catalogue, "demo"))
    with pytest.raises(StoreError, match="recorded already"):
        seal(catalogue, new_segment(), batch="batch-a")
    assert (list_segments(catalogue, "demo"), load_counts(catalogue, "demo")) == before


def test_counters_add_up(catalogue: Catalogue):
    """received = accepted + duplicate + rejected, over rounds and reasons."""
    seal(catalogue, new_segment(accepted=10))
    seal(catalogue, new_segment(accepted=5))
    counts = load_counts(catalogue, "demo", DAY)[DAY]
    assert counts == Counts(15, 2, 0, Counter(bad_time=4))
    assert counts.received == 21
    assert load_counts(catalogue, "demo", date(2025, 1, 2)) == {}


def test_events_after_the_plan_are_late(catalogue: Catalogue):
    """Segments sealed once the day has a planned release count as late, in row and counters."""
    (early,) = seal(catalogue, new_segment(accepted=10))
    plan(catalogue)
    late, other_day = seal(catalogue, new_segment(accepted=3), new_segment(date(2025, 1, 2)))
    assert (early.counts["late"], late.counts["late"], other_day.counts["late"]) == (0, 3, 0)
    assert find_segment(catalogue, late.segment_id).counts["late"] == 3
    counts = load_counts(catalogue, "demo")
    assert (counts[DAY].accepted, counts[DAY].late) == (13, 3)
    assert counts[date(2025, 1, 2)].late == 0


def test_rewrapping_while_sealing(catalogue: Catalogue, tmp_path: Path):
    """Rotation moves every data key to the new wrapping key and leaves segment rows alone."""
    keyring = Keyring.create(tmp_path / "keys")
    keys = [bytes([number]) * 32 for number in range(7)]
    for key in keys[:5]:
        seal(catalogue, new_segment(wrapped=keyring.wrap("demo", DAY, key)[1]))
    _point_to(catalogue, keyring.active_wrapping_key_id)
    rows = list_segments(catalogue, "demo")
    keyring.rotate()
    assert rewrap_data_keys(catalogue, keyring) == 5
    assert rewrap_data_keys(catalogue, keyring) == 0
    assert list_segments(catalogue, "demo") == rows
    opened = {
        keyring.unwrap("demo", DAY, *wrapped_data_key(catalogue, row.segment_id)) for row in rows
    }
    assert opened == set(keys[:5])


def _point_to(catalogue: Catalogue, wrapping_key_id: str) -> None:
    """The support rows name a fixed wrapping key; name the keyring's."""
    from analytics_pipeline.storage.catalogue.tables import data_keys

    with catalogue.write() as connection:
        connection.execute(data_keys.update().values(wrapping_key_id=wrapping_key_id))


def test_expiry_destroys_the_keys(catalogue: Catalogue):
    """After expiry the data keys are gone, the segments are still listed, computing is refused."""
    new = new_segment()
    seal(catalogue, new, new_segment(date(2025, 1, 2)))
    require_events(catalogue, "demo", DAY)
    assert day_state(catalogue, "demo", DAY).computable
    expiry = expire_day(catalogue, "demo", DAY, "retention")
    assert expiry.data_keys_destroyed == 1
    assert expire_day(catalogue, "demo", DAY, "again") == expiry
    assert list_expiries(catalogue, "demo") == [expiry]
    with pytest.raises(KeyUnavailable, match="destroyed"):
        wrapped_data_key(catalogue, new.segment.segment_id)
    with pytest.raises(EventsExpired, match="retention"):
        require_events(catalogue, "demo", DAY)
    state = day_state(catalogue, "demo", DAY)
    assert (state.expired, state.missing_data_keys, state.segments) == (True, 1, 1)
    assert not state.computable
    assert day_state(catalogue, "demo", date(2025, 1, 2)).computable


def test_destroyed_keys_leave_the_file(tmp_path: Path):
    """SQLite: not a byte of a destroyed wrapped key stays in the database or its log."""
    catalogue = open_catalogue(f"sqlite:///{tmp_path / 'catalogue.sqlite'}")
    wrapped = bytes(range(100, 140))
    seal(catalogue, new_segment(wrapped=wrapped))
    expire_day(catalogue, "demo", DAY, "retention")
    for path in tmp_path.iterdir():
        assert wrapped not in path.read_bytes(), path.name


def test_days_are_listed_with_their_latest_segment(catalogue: Catalogue):
    """A sensor sees every day with segments and when it last grew."""
    seal(catalogue, new_segment(), new_segment(date(2024, 12, 31)))
    assert list_days(catalogue, "demo") == [
        (date(2024, 12, 31), 1_735_700_000_000),
        (DAY, 1_735_700_000_000),
    ]
    assert list_days(catalogue, "other") == []


def test_old_batches_are_forgotten(catalogue: Catalogue):
    """The memory of batches is cut at the time given."""
    seal(catalogue, new_segment(), batch="batch-a")
    assert forget_batches(catalogue, 1_735_700_000_000) == 0
    assert forget_batches(catalogue, 1_735_700_000_001) == 1


def test_videos_are_replaced_by_id(catalogue: Catalogue):
    """Putting a video again replaces what is known of it, per platform."""
    videos = [Video(f"v{number:04d}", "c1", "t", 1000) for number in range(2500)]
    assert put_videos(catalogue, "demo", videos) == 2500
    put_videos(catalogue, "demo", [Video("v0000", "c2", "ü", 2000)])
    listed = list_videos(catalogue, "demo")
    assert listed == [Video("v0000", "c2", "ü", 2000), *videos[1:]]
    assert remove_videos(catalogue, "demo", ["v0000", "nope"]) == 1
    assert len(list_videos(catalogue, "demo")) == 2499
    assert list_videos(catalogue, "other") == []


@pytest.mark.parametrize("url", ["mysql://x/y", "not a url://", "sqlite://", "sqlite:///:memory:"])
def test_wrong_urls_are_refused(url: str):
    """Only SQLite files and Postgres are catalogues."""
    with pytest.raises(InvalidSettings, match="catalogue_url"):
        open_catalogue(url)


def test_unreachable_server_hides_the_password():
    """The error names the server, not the password."""
    with pytest.raises(StoreError) as caught:
        open_catalogue("postgresql://u:hunter2@127.0.0.1:1/x")
    assert "127.0.0.1" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_another_layout_is_refused(catalogue: Catalogue, catalogue_url: str):
    """A catalogue of another version is not touched: no table of this one's appears in it."""
    from analytics_pipeline.storage.catalogue.tables import layout, seeds

    with catalogue.write() as connection:
        connection.execute(layout.update().values(version=1))
        seeds.drop(connection)
    with pytest.raises(StoreError, match="layout 1, this version works with 3: finish"):
        open_catalogue(catalogue_url)
    with catalogue.write() as connection:
        assert not inspect(connection).has_table("seeds")


def test_sole_holder(catalogue: Catalogue, catalogue_url: str):
    """On Postgres the second holder is told so, and the lock goes with its holder."""
    other = open_catalogue(catalogue_url)
    with catalogue.sole("sealer") as first, other.sole("sealer") as second:
        assert first
        assert second is catalogue.is_sqlite
    with other.sole("sealer") as third:
        assert third
