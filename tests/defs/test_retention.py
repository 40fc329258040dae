"""When a day may be erased, by name; and receipts on their way to the next release."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from analytics_pipeline.core.budget import Caps
from analytics_pipeline.core.checks.erasures import ReceiptChain
from analytics_pipeline.core.erasure import parse_erasures
from analytics_pipeline.core.errors import (
    ErasureRefused,
    EventsExpired,
    InvalidInput,
    NotFinalYet,
    NotReleasedYet,
    NotVerifiedYet,
    ReleaseConflict,
    RetentionNotOver,
    StillAccepting,
    StoreError,
)
from analytics_pipeline.core.policy import DEFAULT_POLICY
from analytics_pipeline.core.verify_errors import CheckState
from analytics_pipeline.defs.audit_grant import make_grant
from analytics_pipeline.defs.steps import bundles, commitments, events, expiry, records, retention
from analytics_pipeline.defs.steps.seeds import commit_seeds
from analytics_pipeline.defs.steps.state import present
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import (
    list_expiries,
    list_receipts,
    list_releases,
    list_segments,
    load_release,
    plan_release,
    store_release,
)
from analytics_pipeline.storage.catalogue.tables import releases, spends
from analytics_pipeline.storage.raw_day import raw_day_path
from analytics_pipeline.storage.warehouse import list_contribution_days
from tests.defs.publishing import publish
from tests.defs.support import DAYS, Deployment, build_sessions, leave_out_bb, store_tally

FIRST, SECOND, THIRD = DAYS
NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=40)


@pytest.fixture
def released(
    deployment: Deployment, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Stores]:
    """Days with events, released."""
    leave_out_bb(stores, monkeypatch)

    def release(*days: date) -> Stores:
        for day in days:
            deployment.send(build_sessions(day, 3), tag=f"{day}")
        deployment.seal()
        for day in days:
            events.load_day(stores, day)
            store_tally(stores, day, viewers=500)
        publish(stores, *days)
        return stores

    return release


def test_each_rule_has_its_name(
    deployment: Deployment, released: Callable[..., Stores], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before the record, not before it is deep, not while events are accepted, not before the
    time is over, not if it does not verify. Nothing was destroyed by any refusal."""
    stores = released(FIRST)

    def refused(error: type[ErasureRefused], now: datetime, words: str) -> None:
        with pytest.raises(error, match=words):
            retention.require_erasable(stores, FIRST, now)

    with pytest.raises(NotReleasedYet, match=f"{SECOND}: it is in no release"):
        retention.require_erasable(stores, SECOND, LATER)
    monkeypatch.setattr(type(stores.publisher), "is_deep", lambda *_: False)
    refused(NotFinalYet, LATER, "1 blocks deep")
    monkeypatch.undo()
    end = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC) + timedelta(days=9)
    refused(StillAccepting, end - timedelta(seconds=1), f"until {end.date()}")
    refused(RetentionNotOver, end, "30 days after its record")
    never = Stores(replace(stores.settings, retention_days=0))
    with pytest.raises(RetentionNotOver, match="ANALYTICS_RETENTION_DAYS=0"):
        retention.require_erasable(never, FIRST, LATER)
    never.close()
    assert retention.require_erasable(stores, FIRST, end, reasoned=True)
    stores.content.unpin(present_cid(stores, FIRST))
    stores.content.gc()  # type: ignore[attr-defined]
    with pytest.raises((NotVerifiedYet, StoreError)):
        retention.erase_day(stores, FIRST, LATER, "a request")
    events.load_day(stores, FIRST)
    assert list_expiries(stores.catalogue, stores.platform) == []


def present_cid(stores: Stores, day: date) -> str:
    found = load_release(stores.catalogue, stores.platform, day)
    assert found is not None
    return str(found.bundle_cid)


def test_a_release_that_does_not_verify_is_no_release(
    released: Callable[..., Stores], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verification runs at the moment of erasure, against chain and IPFS."""
    stores = released(FIRST)
    wrong = {**stores.content.get_directory(present_cid(stores, FIRST)), "report.json": b"{}"}
    monkeypatch.setattr(stores.content, "get_directory", lambda _cid: wrong)
    with pytest.raises(NotVerifiedYet, match="check 2 BundleMismatch"):
        retention.erase_day(stores, FIRST, LATER, "a request")
    done = retention.erase_due(stores, LATER)
    assert [type(error) for error in done.refused] == [NotVerifiedYet]
    assert done.receipts == []
    assert list_expiries(stores.catalogue, stores.platform) == []


def test_late_events_wait_for_their_correction(
    deployment: Deployment, released: Callable[..., Stores]
) -> None:
    """Segments in no release keep the day; an operator with a reason may let them go once there is
    no budget left to release them, and the receipt names them too."""
    stores = released(FIRST)
    deployment.send(build_sessions(FIRST, 2, seed=7), tag="late")
    deployment.seal()
    [found] = retention.list_retention(stores, LATER)
    assert isinstance(found.refused, NotReleasedYet)
    assert "1 segments came after" in str(found.refused)
    assert found.is_overdue
    assert retention.erase_due(stores, LATER).receipts == []
    with pytest.raises(NotReleasedYet, match="if its budget is spent"):
        retention.erase_day(stores, FIRST, LATER, "budget left")
    events.load_day(stores, FIRST)
    store_tally(stores, FIRST, viewers=600)
    publish(stores, FIRST)
    deployment.send(build_sessions(FIRST, 2, seed=8), tag="later")
    deployment.seal()
    with pytest.raises(InvalidInput, match="reason"):
        retention.erase_day(stores, FIRST, LATER, "")
    assert list_expiries(stores.catalogue, stores.platform) == []
    receipt = retention.erase_day(stores, FIRST, LATER, "budget spent")
    assert (receipt.data_keys, len(receipt.segments)) == (3, 3)
    assert retention.erase_day(stores, FIRST, LATER, "again") == receipt


def test_a_revision_on_its_way_keeps_the_day(released: Callable[..., Stores]) -> None:
    """Neither by rule nor under our feet: planning and erasing take turns."""
    stores = released(FIRST)
    plan_release(
        *(stores.catalogue, stores.platform, FIRST),
        inputs_digest="ff",
        caps=Caps.of(DEFAULT_POLICY),
        reason="late events",
    )
    with pytest.raises(NotReleasedYet, match="revision 2 is on its way"):
        retention.require_erasable(stores, FIRST, LATER)
    with pytest.raises(NotReleasedYet, match="revision 2 is on its way"):
        expiry.destroy_day(stores, FIRST, "retention")
    assert list_expiries(stores.catalogue, stores.platform) == []


def test_due_days_are_erased_and_everything_else_stays(
    deployment: Deployment, released: Callable[..., Stores]
) -> None:
    """Of three days the released ones go; nothing of one viewer is left and everybody refuses; what
    was published verifies, and the next release publishes the receipts."""
    stores = released(FIRST, SECOND)
    states = retention.list_retention(stores, NOW)
    assert [type(state.refused) for state in states] == [StillAccepting] * 2
    assert all(state.due_at is not None and not state.is_overdue for state in states)
    done = retention.erase_due(stores, LATER)
    assert [receipt.day for receipt in done.receipts] == [FIRST, SECOND]
    assert done.refused == []
    assert retention.list_retention(stores, LATER) == []
    assert retention.erase_due(stores, LATER) == retention.Erased()
    assert list_receipts(stores.catalogue, stores.platform) == done.receipts
    for day in (FIRST, SECOND):
        assert_nothing_is_left(stores, day)
    deployment.send(build_sessions(THIRD, 3), tag="third")
    deployment.seal()
    events.load_day(stores, THIRD)
    store_tally(stores, THIRD, viewers=500)
    publish(stores, THIRD)
    every = [*list_releases(stores.catalogue, stores.platform)]
    documents = [parse_erasures(present(release.erasures_json)) for release in every]
    assert [len(document.receipts) for document in documents] == [0, 0, 2]
    receipts = ReceiptChain()
    for document in documents:
        receipts.add(document, "a release")
    assert (receipts.head, receipts.count) == (done.receipts[-1].digest, 2)
    for release in every:
        results = records.verify_release(stores, release)
        assert all(result.state is CheckState.PASSED for result in results)
    assert f"receipts: {FIRST}, {SECOND}" in results[15].detail
    assert "| 1 | 1 |" in retention.describe(done.receipts)


def assert_nothing_is_left(stores: Stores, day: date) -> None:
    """No key, no pin, no file, no row; and every way to the day says why."""
    assert day not in stores.keyring.retention.days(stores.platform)
    for segment in list_segments(stores.catalogue, stores.platform, day):
        assert not stores.content.is_pinned(segment.cid)
    path = raw_day_path(stores.settings.raw_dir, stores.platform, day)
    assert list(path.parent.glob(f"*{day}*")) == []
    rows = list_contribution_days(
        stores.settings.warehouse_path, stores.warehouse_key, stores.platform
    )
    assert day not in rows
    for refuse in (
        lambda: events.load_day(stores, day),
        lambda: make_grant(stores, day),
        lambda: commit_seeds(stores, [day]),
        lambda: commitments.plan_and_commit(stores, [day]),
    ):
        with pytest.raises(EventsExpired, match="retention time of 30 days"):
            refuse()


def test_events_of_an_erased_day_are_not_sealed(
    deployment: Deployment, released: Callable[..., Stores]
) -> None:
    """A batch that waited too long does not make the day readable again; it is counted."""
    stores = released(FIRST)
    retention.erase_due(stores, LATER)
    late = build_sessions(FIRST, 2, seed=3)
    deployment.send([*late, *build_sessions(SECOND, 2)], tag="late")
    result = deployment.seal()
    assert result.counts.rejected["day_erased"] == sum(len(of_one) for _, of_one in late)
    assert [segment.day for segment in result.segments] == [SECOND]
    assert stores.keyring.retention.days(stores.platform).count(FIRST) == 0


def test_what_a_run_brings_back_is_swept_up(released: Callable[..., Stores]) -> None:
    """A run that was under way writes rows, a raw file or a key after the erasure: the next time
    they go, and no second receipt is made."""
    stores = released(FIRST)
    retention.erase_due(stores, LATER)
    stores.keyring.retention.ensure(stores.platform, FIRST)
    store_tally(stores, FIRST, viewers=10)
    raw_day_path(stores.settings.raw_dir, stores.platform, FIRST).write_bytes(b"left over")
    assert retention.erase_due(stores, LATER) == retention.Erased(swept=[FIRST])
    assert_nothing_is_left(stores, FIRST)
    assert len(list_receipts(stores.catalogue, stores.platform)) == 1


def test_a_catalogue_that_forgot_a_release_tells_no_receipts(
    released: Callable[..., Stores],
) -> None:
    """Restored from an old copy it does not know which receipts were published since."""
    stores = released(FIRST)
    retention.erase_due(stores, LATER)
    with stores.catalogue.write() as connection:
        for table in (releases, spends):
            connection.execute(table.delete().where(table.c.day == FIRST.isoformat()))
    store_tally(stores, SECOND, viewers=500)
    events.load_day(stores, SECOND)
    with pytest.raises(ReleaseConflict, match="the catalogue does not know it"):
        publish(stores, SECOND)


def test_a_bundle_keeps_its_receipts(released: Callable[..., Stores]) -> None:
    """Bundled, then another day is erased: pinning again gives the same bytes."""
    stores = released(FIRST)
    retention.erase_due(stores, LATER)
    catalogue, platform = stores.catalogue, stores.platform
    store_tally(stores, SECOND, viewers=500)
    events.load_day(stores, SECOND)
    publish(stores, SECOND)
    [one] = bundles.pin_missing(stores, [SECOND])
    assert len(parse_erasures(present(one.erasures_json)).receipts) == 1
    retention.erase_due(stores, LATER)
    [again] = bundles.pin_missing(stores, [SECOND])
    assert again == one
    with pytest.raises(ReleaseConflict, match="erasures_json"):
        store_release(catalogue, platform, SECOND, 1, erasures_json=b"other")
