"""A destroyed day: nothing of one viewer is left, and what was released still verifies."""

import pytest

from analytics_pipeline.core.errors import EventsExpired
from analytics_pipeline.defs.steps import budgets, commitments, events, inputs
from analytics_pipeline.defs.steps.expiry import destroy_day
from analytics_pipeline.defs.steps.records import verify_release
from analytics_pipeline.defs.steps.segments import load_segments
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import load_release
from analytics_pipeline.storage.raw_day import raw_day_path
from analytics_pipeline.storage.warehouse import load_mart, open_warehouse
from tests.defs.publishing import publish
from tests.defs.support import DAYS, Deployment, build_sessions, leave_out_bb, store_tally

FIRST, SECOND, _ = DAYS


def test_a_destroyed_day_has_no_viewer_left(
    deployment: Deployment, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys, raw events and contributions are gone, the other day's are not; the tally stays and the
    record verifies. Doing it again is fine."""
    leave_out_bb(stores, monkeypatch)
    for day in (FIRST, SECOND):
        deployment.send(build_sessions(day, 3), tag=f"{day}")
    deployment.seal()
    for day in (FIRST, SECOND):
        events.load_day(stores, day)
        store_tally(stores, day, viewers=500)
    publish(stores, FIRST, SECOND)
    receipts = {destroy_day(stores, FIRST, "retention") for _ in range(2)}
    assert [receipt.data_keys for receipt in receipts] == [1]
    left = {}
    with open_warehouse(
        stores.settings.warehouse_path, stores.warehouse_key, read_only=True
    ) as warehouse:
        for day in (FIRST, SECOND):
            left[day] = load_mart(warehouse, "contributions", stores.platform, day).height
        assert load_mart(warehouse, "tally", stores.platform, FIRST).height > 0
    assert left == {FIRST: 0, SECOND: 500}
    raw_dir, platform = stores.settings.raw_dir, stores.platform
    assert not raw_day_path(raw_dir, platform, FIRST).exists()
    assert raw_day_path(raw_dir, platform, SECOND).exists()
    with pytest.raises(EventsExpired, match="retention"):
        load_segments(stores, [FIRST])
    with pytest.raises(EventsExpired, match="retention"):
        commitments.plan_and_commit(stores, [FIRST])
    release = load_release(stores.catalogue, platform, FIRST)
    assert release is not None
    assert verify_release(stores, release)
    assert budgets.find_budget_problems(stores, inputs.load_inputs(stores, [SECOND])) == []
