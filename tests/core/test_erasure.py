"""Receipts and their chain, as documents; whether they fit the records is in tests/lies."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from analytics_pipeline.core import canonical
from analytics_pipeline.core.checks.erasures import ReceiptChain
from analytics_pipeline.core.erasure import (
    GENESIS,
    Erasures,
    Receipt,
    build_erasures,
    parse_erasures,
)
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.verify_errors import ErasureChainBroken, ErasureRepeated
from tests.support.world import DAYS, honest_world, small_manifest

DAY = date(2026, 3, 1)


def receipt(days: int = 0, previous: bytes = GENESIS, **changes: Any) -> Receipt:
    fields: dict[str, Any] = {
        "platform": "demo",
        "day": DAY + timedelta(days=days),
        "revision": 1,
        "manifest_root": bytes([days]) * 32,
        "segments": ("a", "b"),
        "data_keys": 2,
        "erased_at": datetime(2026, 5, 1, tzinfo=UTC),
        "reason": "retention",
        "previous": previous,
    }
    return Receipt(**(fields | changes))


def chain(number: int) -> list[Receipt]:
    made: list[Receipt] = []
    for days in range(number):
        made.append(receipt(days, made[-1].digest if made else GENESIS))
    return made


def test_documents_come_back_as_they_were() -> None:
    """Bytes and values, with receipts and without."""
    for number in (0, 1, 3):
        erasures = build_erasures("demo", GENESIS, chain(number))
        assert parse_erasures(erasures.canonical_bytes) == erasures
        assert erasures.broken_at is None
    assert build_erasures("demo", GENESIS).head == GENESIS


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("revision", 0),
        ("revision", True),
        ("revision", "1"),
        ("data_keys", -1),
        ("manifest_root", "0x12"),
        ("previous", None),
        ("erased_at", "2026-05-01T00:00:00+00:00"),
        ("erased_at", "2026-02-30T00:00:00Z"),
        ("erased_at", "２026-05-01T00:00:00Z"),
        ("day", "2026-5-1"),
        ("reason", ""),
        ("reason", "x" * 501),
        ("segments", ["b", "a"]),
        ("segments", ["a", "a"]),
        ("segments", ["a b"]),
        ("segments", [1]),
        ("segments", "ab"),
        ("format", "viewership-erasure/2"),
        ("platform", 1),
        ("more", 1),
    ],
)
def test_a_malformed_receipt_is_named(field: str, value: Any) -> None:
    """Whatever breaks a rule of the page is refused, with its field."""
    document = canonical.parse(build_erasures("demo", GENESIS, chain(1)).canonical_bytes)
    document["receipts"][0][field] = value
    with pytest.raises(InvalidInput) as caught:
        parse_erasures(canonical.encode(document))
    assert caught.value.field == f"receipts[0].{field}"


def test_only_whole_seconds_in_utc() -> None:
    """What cannot be written down cannot be made."""
    for moment in (
        datetime(2026, 5, 1, microsecond=1, tzinfo=UTC),
        datetime(2026, 5, 1),
        datetime(2026, 5, 1, tzinfo=timezone(timedelta(hours=1))),
    ):
        with pytest.raises(InvalidInput, match="erased_at"):
            receipt(erased_at=moment)


def test_a_break_is_found_where_it_is() -> None:
    """Altered, dropped, moved or added receipts; a head that is another one."""
    first, second, third = chain(3)
    whole = build_erasures("demo", GENESIS, [first, second, third])
    broken = {
        (replace(first, data_keys=1), second, third): "receipts[1].previous",
        (first, third): "receipts[1].previous",
        (second, first, third): "receipts[0].previous",
        (first, second, replace(third, reason="other")): "head",
        (first, second): "head",
    }
    for listed, place in broken.items():
        assert replace(whole, receipts=listed).broken_at == place


def test_a_history_has_no_gap_and_no_fork() -> None:
    """Bundles made side by side may repeat receipts; none may be skipped or told differently."""
    first, second, third = chain(3)

    def part(previous: bytes, *receipts: Receipt) -> Any:
        return build_erasures("demo", previous, receipts)

    empty = part(GENESIS)
    beside = [part(GENESIS, first, second), part(GENESIS, first), part(GENESIS, first, second)]
    end = part(second.digest, third)
    assert told(empty, *beside, end).head == third.digest
    assert told(empty, *beside, end).count == 3
    assert not told(empty, *beside, end).is_behind
    assert told(*beside, end, empty).is_behind
    fork = replace(second, reason="another story")
    again = receipt(0, second.digest)
    for documents, error in (
        ([empty, end], ErasureChainBroken),
        ([*beside, part(first.digest, fork)], ErasureChainBroken),
        ([*beside, part(second.digest, again)], ErasureRepeated),
        ([replace(beside[0], head=GENESIS)], ErasureChainBroken),
    ):
        with pytest.raises(error):
            told(*documents)


def test_a_history_with_a_bundle_missing() -> None:
    """What follows may begin anywhere then; a fork or a day erased twice is found all the same."""
    first, second, third = chain(3)
    start = build_erasures("demo", GENESIS, [first])
    end = build_erasures("demo", second.digest, [third])
    assert told(start, None, end).head == third.digest
    fork = replace(first, reason="another story")
    again = replace(third, day=first.day)
    for document, error in (
        (build_erasures("demo", GENESIS, [fork]), ErasureChainBroken),
        (build_erasures("demo", second.digest, [again]), ErasureRepeated),
    ):
        with pytest.raises(error):
            told(start, None, document)


def told(*documents: Erasures | None) -> ReceiptChain:
    """The receipts of bundles in this order; None: a bundle that is not at hand."""
    receipts = ReceiptChain()
    for number, document in enumerate(documents):
        if document is None:
            receipts.skip()
        else:
            receipts.add(document, f"bundle {number}")
    return receipts


def test_a_receipt_covers_its_manifest() -> None:
    """Held against the bundle of its day: same root, and every segment is named."""
    world = honest_world()
    [found] = parse_erasures(world.bundles[DAYS[1], 2]["erasures.json"]).receipts
    assert found.day == DAYS[0]
    assert found.covers(small_manifest(DAYS[0]))
    assert not found.covers(small_manifest(DAYS[1]))
    assert not replace(found, segments=found.segments[1:]).covers(small_manifest(DAYS[0]))
