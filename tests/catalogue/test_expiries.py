"""Erased days in the catalogue: note, receipts, and what a copy of the rows is worth."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from analytics_pipeline.core.erasure import GENESIS, Receipt
from analytics_pipeline.core.errors import EventsExpired, KeyUnavailable, NotReleasedYet
from analytics_pipeline.storage.catalogue import (
    Catalogue,
    build_next_erasures,
    complete_expiry,
    ensure_seeds,
    erased_days,
    expire_day,
    list_expiries,
    list_receipts,
    list_release_days,
    list_segments,
    mark_expired,
    mark_withheld,
    rewrap_data_keys,
    store_release,
)
from analytics_pipeline.storage.catalogue.tables import data_keys, seeds
from analytics_pipeline.storage.keyring import Keyring
from tests.catalogue.support import DAY, new_segment, plan, seal

NEXT = DAY + timedelta(days=1)
HEAD = "0x" + "00" * 32


def draft(day: date) -> Receipt:
    return Receipt(
        platform="demo",
        day=day,
        revision=1,
        manifest_root=bytes(32),
        segments=(),
        data_keys=1,
        erased_at=datetime(2025, 3, 1, tzinfo=UTC),
        reason="retention",
        previous=GENESIS,
    )


def release(catalogue: Catalogue, day: date, inputs: str = "aa") -> int:
    """Plan a day and note that it is released, with the receipts that wait."""
    revision = plan(catalogue, inputs, rho=1, day=day).revision
    erasures = build_next_erasures(catalogue, "demo").canonical_bytes
    store_release(
        catalogue,
        "demo",
        day,
        revision,
        erasures_json=erasures,
        commit_head=HEAD,
        release_head=HEAD,
    )
    return revision


def test_from_the_note_on_the_day_is_closed(catalogue: Catalogue) -> None:
    """Nobody plans it or seals events of it; the first note stays; other days go on."""
    seal(catalogue, new_segment(), new_segment())
    note = mark_expired(catalogue, "demo", DAY, "retention")
    assert (note.data_keys_destroyed, note.completed_at_ms) == (2, None)
    assert mark_expired(catalogue, "demo", DAY, "another reason") == note
    with pytest.raises(EventsExpired, match="retention"):
        plan(catalogue)
    before = list_segments(catalogue, "demo")
    with pytest.raises(EventsExpired, match="retention"):
        seal(catalogue, new_segment(NEXT), new_segment(DAY), batch="both")
    assert list_segments(catalogue, "demo") == before
    seal(catalogue, new_segment(NEXT), batch="both")
    assert erased_days(catalogue, [("demo", DAY), ("demo", NEXT), ("x", DAY)]) == {("demo", DAY)}


def test_a_planned_day_is_not_marked(catalogue: Catalogue) -> None:
    """A revision on its way keeps the day; released or withheld, it does not."""
    plan(catalogue)
    with pytest.raises(NotReleasedYet, match="revision 1"):
        mark_expired(catalogue, "demo", DAY, "retention")
    assert list_expiries(catalogue, "demo") == []
    store_release(catalogue, "demo", DAY, 1, commit_head=HEAD)
    mark_withheld(catalogue, "demo", DAY, 1, "overtaken")
    release(catalogue, NEXT)
    for day in (DAY, NEXT):
        assert mark_expired(catalogue, "demo", day, "retention")
    assert list_release_days(catalogue, "demo") == [DAY, NEXT]


def test_receipts_are_chained_and_written_once(catalogue: Catalogue) -> None:
    """Each names the one before; a second one of a day is the first again; the note is closed."""
    for day in (NEXT, DAY):
        mark_expired(catalogue, "demo", day, "retention")
    first = complete_expiry(catalogue, draft(NEXT))
    second = complete_expiry(catalogue, draft(DAY))
    assert (first.previous, second.previous) == (GENESIS, first.digest)
    assert complete_expiry(catalogue, replace(draft(NEXT), reason="again")) == first
    assert list_receipts(catalogue, "demo") == [first, second]
    assert list_receipts(catalogue, "other") == []
    assert all(note.completed_at_ms for note in list_expiries(catalogue, "demo"))


def test_a_release_publishes_what_none_has_published(catalogue: Catalogue) -> None:
    """Receipts wait for a record; what a withheld release was bundled with waits on."""
    days = [DAY + timedelta(days=number) for number in range(10)]
    assert build_next_erasures(catalogue, "demo").receipts == ()
    first = complete_expiry(catalogue, draft(days[0]))
    waiting = build_next_erasures(catalogue, "demo")
    assert (waiting.previous, waiting.receipts) == (GENESIS, (first,))
    plan(catalogue, rho=1, day=days[5])
    bundled = {"erasures_json": waiting.canonical_bytes, "commit_head": HEAD}
    store_release(catalogue, "demo", days[5], 1, **bundled)
    assert build_next_erasures(catalogue, "demo") == waiting
    mark_withheld(catalogue, "demo", days[5], 1, "overtaken")
    assert build_next_erasures(catalogue, "demo") == waiting
    release(catalogue, days[6])
    published = build_next_erasures(catalogue, "demo")
    assert (published.previous, published.receipts) == (first.digest, ())
    second = complete_expiry(catalogue, draft(days[1]))
    assert build_next_erasures(catalogue, "demo").receipts == (second,)


def test_a_copy_of_the_rows_is_worth_nothing(catalogue: Catalogue, tmp_path: Path) -> None:
    """Data keys and seed as a backup, or Postgres' dead rows, have them: with today's keys they
    unwrap until the retention key is destroyed, and never again; also after a rotation."""
    keyring = Keyring.create(tmp_path / "keys")
    key = bytes(range(32))
    for day in (DAY, NEXT):
        key_id, wrapped = keyring.wrap("demo", day, key)
        new = new_segment(day, wrapped=wrapped)
        segment = replace(new.segment, wrapping_key_id=key_id)
        seal(catalogue, replace(new, segment=segment))
    ensure_seeds(catalogue, keyring, "demo", [DAY, NEXT])
    with catalogue.read() as connection:
        backup = [
            (date.fromisoformat(row.day), row.wrapping_key_id, wrapped)
            for table, names in ((data_keys, ("wrapped",)), (seeds, ("wrapped_value",)))
            for row in connection.execute(select(table)).all()
            for wrapped in (getattr(row, name) for name in names)
        ]
    assert len(backup) == 4
    assert [keyring.unwrap("demo", *row) for row in backup].count(key) == 2
    mark_expired(catalogue, "demo", DAY, "retention")
    keyring.retention.destroy("demo", DAY)
    expire_day(catalogue, "demo", DAY, "retention")
    keyring.rotate()
    assert rewrap_data_keys(catalogue, keyring) == 2
    for row in backup:
        if row[0] == NEXT:
            assert keyring.unwrap("demo", *row)
            continue
        with pytest.raises(KeyUnavailable, match="destroyed"):
            keyring.unwrap("demo", *row)
    with pytest.raises(EventsExpired):
        ensure_seeds(catalogue, keyring, "demo", [DAY])


def test_a_receipt_is_stored_as_it_is_hashed(catalogue: Catalogue) -> None:
    """Canonical bytes in, the same receipt out."""
    receipt = complete_expiry(catalogue, draft(DAY))
    assert json.loads(receipt.canonical_bytes)["previous"] == "0x" + GENESIS.hex()
    assert list_receipts(catalogue, "demo")[0].digest == receipt.digest
