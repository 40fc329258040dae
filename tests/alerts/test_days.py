"""Days as the worker reads them: records of a real chain, bundles of a real content store."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from analytics_pipeline.alerts import days
from analytics_pipeline.alerts.days import PublishedDays
from analytics_pipeline.alerts.rounds import run_round
from analytics_pipeline.chain.client import open_publisher
from analytics_pipeline.chain.registry import Registry
from analytics_pipeline.core.alert_conditions import Drop, FailedVerification
from analytics_pipeline.core.record import ReleaseRecord
from analytics_pipeline.core.verify import verify_bundle
from analytics_pipeline.core.verify_errors import HeadMismatch
from analytics_pipeline.core.webhooks import Target
from analytics_pipeline.published.sources import PublicSources
from analytics_pipeline.storage.alerts import OPERATOR, AlertStore, add_rule
from analytics_pipeline.storage.ipfs import ContentStore, open_store
from tests.alerts.days import FEW, USUAL, day
from tests.support.chain_world import ChainWorld
from tests.support.world import PLATFORM, Lies

TOO_FEW_ROWS = Lies(rows=lambda rows: rows[:-1])


class SlowChain:
    """The embedded chain, as if it were behind JSON-RPC."""

    instant = False

    def __init__(self, chain: Any) -> None:
        self._chain = chain

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chain, name)


@dataclass
class Deployment:
    """A chain and a content store, and who publishes there."""

    world: ChainWorld
    content: ContentStore

    def release(
        self, number: int, scale: int, revision: int = 1, lies: Lies | None = None
    ) -> ReleaseRecord:
        """Publish a day; returns its record."""
        world = self.world
        world.scales[day(number), revision] = scale
        world.publish(day(number), revision, lies or Lies())
        self.content.add_directory(world.bundles[day(number), revision])
        record = world.records[-1]
        assert isinstance(record, ReleaseRecord)
        return record

    def days(self, confirmations: int = 1, *, remote: bool = False) -> PublishedDays:
        """What the worker reads."""
        registry = self.world.publisher.registry
        if remote:
            registry = Registry(SlowChain(registry.chain), registry.address)
        sources = PublicSources(registry, self.content)
        return PublishedDays(sources, PLATFORM, self.world.terms, confirmations)


@contextmanager
def deploying(home: Path) -> Iterator[Deployment]:
    with (
        closing(open_publisher(home / "chain.sqlite", PLATFORM, home / "outbox.sqlite")) as p,
        open_store(str(home / "ipfs")) as content,
    ):
        yield Deployment(ChainWorld(publisher=p), content)


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    with deploying(tmp_path) as deployed:
        yield deployed


def test_a_drop_on_a_real_chain(deployment: Deployment, store: AlertStore) -> None:
    """Read, verified, decided; and once decided, nothing is verified again."""
    since = datetime.now(UTC) - timedelta(minutes=1)
    target = Target("https://example.org/")
    add_rule(store, OPERATOR, Drop("platform", percent=30, days=2), target, since)
    add_rule(store, OPERATOR, FailedVerification(), target, since)
    for number, scale in enumerate((USUAL, USUAL, FEW)):
        deployment.release(number, scale)
    published = deployment.days()
    assert run_round(store, published, datetime.now(UTC)) == 1
    again = deployment.days()
    assert run_round(store, again, datetime.now(UTC)) == 0
    assert again._verified == {}
    deployment.release(2, USUAL, revision=2)
    assert run_round(store, again, datetime.now(UTC)) == 1
    kinds = [row["kind"] for row in store.query("SELECT kind FROM calls ORDER BY number")]
    assert kinds == ["raised", "withdrawn"]


def test_lies_silence_and_depth(deployment: Deployment) -> None:
    """A lie is named; what cannot be fetched is not; what is not deep enough is not looked at."""
    honest = deployment.release(0, USUAL)
    lie = deployment.release(1, USUAL, lies=TOO_FEW_ROWS)
    lost = deployment.release(2, USUAL)
    deployment.content.unpin(lost.bundle_cid)
    deployment.content.gc()  # type: ignore[attr-defined]
    published = deployment.days()
    history = published.load_history()
    assert set(history.releases) == history.released == {day(0), day(1), day(2)}
    checked = published.load_checked(honest)
    assert checked is not None
    assert checked.report is not None
    assert checked.report.header.day == day(0)
    failed = published.load_checked(lie)
    assert failed is not None
    assert failed.failure is not None
    assert (failed.failure.number, failed.failure.error) == (5, "RowMissing")
    assert published.load_checked(lost) is None
    deep = deployment.days(confirmations=3, remote=True).load_history()
    assert day(2) not in deep.releases
    assert day(2) in deep.released


def test_a_shallow_correction_hides_no_deep_release(deployment: Deployment) -> None:
    """Until it is as deep as it should be, the day is what was released before."""
    first = deployment.release(0, USUAL)
    correction = deployment.release(0, FEW, revision=2)
    tip = deployment.world.publisher.registry.read_to(PLATFORM)
    depth = tip - correction.block_number + 1
    history = deployment.days(confirmations=depth + 1, remote=True).load_history()
    assert history.releases == {day(0): first}
    history = deployment.days(confirmations=depth, remote=True).load_history()
    assert history.releases == {day(0): correction}


def test_silence_is_asked_again_in_the_next_round(deployment: Deployment) -> None:
    """Not within one, for several rules may want the day."""
    record = deployment.release(0, USUAL)
    deployment.content.unpin(record.bundle_cid)
    deployment.content.gc()  # type: ignore[attr-defined]
    published = deployment.days()
    published.load_history()
    assert published.load_checked(record) is None
    deployment.content.add_directory(deployment.world.bundles[day(0), 1])
    assert published.load_checked(record) is None
    published.load_history()
    assert published.load_checked(record) is not None


def test_a_failure_counts_if_it_is_seen_twice(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that answered wrongly once made nobody a liar."""
    record = deployment.release(0, USUAL)
    published = deployment.days()
    published.load_history()
    lies = [HeadMismatch("the registry's head", "another")]

    def verify(*arguments: Any, **values: Any) -> Any:
        if lies:
            raise lies.pop()
        return verify_bundle(*arguments, **values)

    monkeypatch.setattr(days, "verify_bundle", verify)
    assert published.load_checked(record) is None
    assert lies == []
    published.load_history()
    checked = published.load_checked(record)
    assert checked is not None
    assert checked.report is not None


def test_a_lagging_node_shows_no_day_missing(deployment: Deployment) -> None:
    """Over JSON-RPC the records are known up to the newest block's time; the embedded chain is
    never behind."""
    record = deployment.release(0, USUAL)
    before = datetime.now(UTC)
    remote = deployment.days(remote=True).load_history()
    assert remote.as_of == datetime.fromtimestamp(record.block_time, UTC)
    assert deployment.days().load_history().as_of >= before
