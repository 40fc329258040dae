"""kill -9 at every step of an erasure: begun again, it ends with nothing left and one receipt."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from analytics_pipeline.core.errors import EventsExpired
from analytics_pipeline.defs.steps import expiry, retention
from analytics_pipeline.defs.steps.records import verify_release
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import (
    list_expiries,
    list_receipts,
    load_release,
    require_events,
)
from tests.defs.support import DAYS, Deployment, leave_out_bb
from tests.defs.test_retention import assert_nothing_is_left, released  # noqa: F401

FIRST = DAYS[0]
LATER = datetime.now(UTC) + timedelta(days=40)
#: where each step is looked up, and its name
STEPS = [
    ("module", "mark_expired"),
    ("retention", "destroy"),
    ("module", "expire_day"),
    ("content", "unpin"),
    ("module", "expire_raw_day"),
    ("module", "forget_intake"),
    ("module", "destroy_contributions"),
    ("module", "complete_expiry"),
]
CHILD = """
import os, signal, sys
from datetime import UTC, datetime, timedelta
from analytics_pipeline.defs.steps import expiry, onchain_verifier, retention
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.settings import load_settings
from tests.defs.support import WithoutBb
home, where, name, when = sys.argv[1:]
Stores.proving = WithoutBb()
onchain_verifier.build_contracts = lambda _setup: None
stores = Stores(load_settings({"ANALYTICS_HOME": home}))
owner = {
    "module": expiry,
    "retention": type(stores.keyring.retention),
    "content": type(stores.content),
}[where]
original = getattr(owner, name)
def killed(*arguments, **options):
    if when == "after":
        original(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(owner, name, killed)
retention.erase_due(stores, datetime.now(UTC) + timedelta(days=40))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("where", "name"), STEPS)
def test_killed_at_every_step(
    where: str,
    name: str,
    released: Callable[..., Stores],  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before and after the step, on a copy each: the receipt exists only if everything is gone;
    from the note on the day is refused; the next run finishes it, and the release verifies."""
    home = released(FIRST).settings.home
    for when in ("before", "after"):
        copy = tmp_path / when
        shutil.copytree(home, copy)
        arguments = [str(copy), where, name, when]
        child = subprocess.run(
            [sys.executable, "-c", CHILD, *arguments], capture_output=True, text=True, check=False
        )
        assert child.returncode == -9, (name, when, child.stderr)
        check_and_finish(Deployment.create(copy).stores(), monkeypatch, name, when)


def check_and_finish(stores: Stores, monkeypatch: pytest.MonkeyPatch, name: str, when: str) -> None:
    leave_out_bb(stores, monkeypatch)
    catalogue, platform = stores.catalogue, stores.platform
    noted = (name, when) != ("mark_expired", "before")
    complete = (name, when) == ("complete_expiry", "after")
    assert bool(list_expiries(catalogue, platform)) is noted
    assert bool(list_receipts(catalogue, platform)) is complete
    if noted:
        with pytest.raises(EventsExpired):
            require_events(catalogue, platform, FIRST)
        assert expiry.sweep(stores) == []
    done = retention.erase_due(stores, LATER)
    assert len(done.receipts) == (0 if complete else 1)
    [receipt] = list_receipts(catalogue, platform)
    assert (receipt.day, receipt.data_keys, len(receipt.segments)) == (FIRST, 1, 1)
    assert_nothing_is_left(stores, FIRST)
    release = load_release(catalogue, platform, FIRST)
    assert release is not None
    assert verify_release(stores, release)
    stores.close()
