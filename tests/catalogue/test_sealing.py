"""The sealer on both kinds of catalogue."""

from dataclasses import replace
from pathlib import Path

from sqlalchemy import text

from analytics_pipeline.core.errors import StoreError
from analytics_pipeline.sealer.rounds import run_round
from analytics_pipeline.storage.catalogue import (
    Catalogue,
    Counts,
    expire_day,
    list_segments,
    load_counts,
    rewrap_data_keys,
)
from tests.seal.support import DAY, Deployment, make_event


def deploy(home: Path, catalogue: Catalogue) -> Deployment:
    """A deployment on the given catalogue."""
    made = Deployment.create(home)
    made.stores.catalogue.close()
    return Deployment(home, replace(made.stores, catalogue=catalogue))


def test_seal_rotate_expire(catalogue: Catalogue, tmp_path: Path):
    """A day's life: sealed over two rounds, read, re-wrapped, read again, destroyed."""
    deployment = deploy(tmp_path / "home", catalogue)
    deployment.put_events(*(make_event(n) for n in range(40)), make_event(3), {"type": "x"})
    run_round(deployment.stores)
    deployment.put_events(*(make_event(n) for n in range(100, 140)))
    run_round(deployment.stores)
    assert deployment.load().height == 80
    counts = load_counts(catalogue, "demo", DAY)[DAY]
    assert (counts.accepted, counts.duplicate, counts.received) == (80, 1, 82)
    deployment.stores.keyring.rotate()
    assert rewrap_data_keys(catalogue, deployment.stores.keyring) == 2
    assert deployment.load().height == 80
    assert expire_day(catalogue, "demo", DAY, "retention").data_keys_destroyed == 2
    deployment.close()


def test_catalogue_that_fails_loses_nothing(catalogue: Catalogue, tmp_path: Path):
    """If the round's transaction fails, its batches stay queued and the next round seals them."""
    deployment = deploy(tmp_path / "home", catalogue)
    deployment.put_events(*(make_event(n) for n in range(10)))
    with catalogue.write() as connection:
        connection.execute(text("ALTER TABLE counters RENAME TO counters_away"))
    failed = None
    try:
        run_round(deployment.stores)
    except StoreError as error:
        failed = error
    with catalogue.write() as connection:
        connection.execute(text("ALTER TABLE counters_away RENAME TO counters"))
    assert failed is not None
    assert "session" not in str(failed)
    assert list_segments(catalogue, "demo") == []
    assert run_round(deployment.stores).counts == Counts(accepted=10)
    assert deployment.load().height == 10
    deployment.close()
