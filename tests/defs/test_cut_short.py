"""Runs cut at every boundary, and in any order with late events, re-runs and other processes:
stored releases stay as they are to the byte, each is paid for once, and no noise is seen twice."""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

import pytest

from analytics_pipeline.core.errors import (
    BudgetOverspent,
    ChainError,
    ReleaseConflict,
    ReleaseError,
)
from analytics_pipeline.core.verify_errors import CheckState
from analytics_pipeline.defs.steps import events
from analytics_pipeline.defs.steps.commitments import finish_drawn
from analytics_pipeline.defs.steps.inputs import POLICY, load_inputs
from analytics_pipeline.defs.steps.records import find_problems
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.settings import load_settings
from analytics_pipeline.storage.catalogue import list_releases, spent_nano
from tests.defs.releasing import Ledger, release_days
from tests.defs.support import DAYS, Deployment, build_sessions, leave_out_bb, store_tally
from tests.support.boundaries import Cut, cut_at, names_of, watched

SEED = int(os.environ.get("CUT_SEED", "7"))
#: What a run may end with beside other processes; running again goes on.
REFUSALS = (BudgetOverspent, ChainError, ReleaseConflict, ReleaseError)
DAY = DAYS[0]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a deployment with three loaded days, its chain set up, nothing planned."""
    deployment = Deployment.create(tmp_path_factory.mktemp("cut") / "home")
    for position, day in enumerate(DAYS):
        deployment.send(build_sessions(day, 3), tag=f"day{position}")
    deployment.seal()
    stores = deployment.stores()
    with pytest.MonkeyPatch.context() as patch:
        leave_out_bb(stores, patch)
        for day in DAYS:
            events.load_day(stores, day)
            store_tally(stores, day, viewers=2000)
        stores.registry.head(stores.platform)
    stores.close()
    return deployment.settings.home


@pytest.fixture
def home(ready: Path, tmp_path: Path) -> Path:
    """A copy, to be spoilt."""
    return Path(shutil.copytree(ready, tmp_path / "home"))


@contextmanager
def opened(home: Path) -> Iterator[Stores]:
    """The stores as another process would open them, without bb."""
    stores = Stores(load_settings({"ANALYTICS_HOME": str(home)}))
    with pytest.MonkeyPatch.context() as patch:
        leave_out_bb(stores, patch)
        try:
            yield stores
        finally:
            stores.close()


def boundaries_of(home: Path, days: Sequence[date]) -> list[str]:
    """The names of all boundaries of an undisturbed run, in order."""
    found: list[str] = []
    with opened(home) as stores, watched(stores, found.append):
        release_days(stores, days)
    return names_of(found)


def test_there_is_a_boundary_around_everything_that_is_kept_or_sent(home: Path) -> None:
    """Or the tests below would test less than they say."""
    found = boundaries_of(home, [DAY])
    for stored in ("commit_head", "beacon_block, beacon", "report_json", "proof_json"):
        assert {f"before storing {stored} 1", f"after storing {stored} 1"} <= set(found)
    for last in ("bundle_cid", "release_head"):
        assert {f"before storing {last} 1", f"after storing {last} 1"} <= set(found)
    assert {"after planning 1", "after pinning 1"} <= set(found)
    assert [name for name in found if "transaction" in name] == [
        f"transaction {step} {number}"
        for number in range(
            1, 6
        )  # seeds of the day and of the coming ones, commit, beacon, release
        for step in ("signed", "persisted", "sent")
    ]


def finish(home: Path) -> None:
    """Run again after a cut; what was drawn before is what is released."""
    ledger = Ledger()
    with opened(home) as stores:
        ledger.remember_inputs(stores, [DAY])
        ledger.look(stores)
        [released] = release_days(stores, [DAY])
        ledger.look(stores)
        assert (released.revision, released.released) == (1, True)
        assert len(list_releases(stores.catalogue, stores.platform)) == 1
        assert len(stores.registry.read_evidence(stores.platform).records) == 2
        assert find_problems(stores, [released]) == []
        assert release_days(stores, [DAY]) == [released]


@pytest.mark.parametrize("name", ["before storing commit_head 1", "before storing release_head 1"])
def test_a_run_cut_before_it_could_note_what_it_sent(home: Path, tmp_path: Path, name: str) -> None:
    """The chain knows it: the next run finds it there."""
    twin = shutil.copytree(home, tmp_path / "twin")
    number = boundaries_of(Path(twin), [DAY]).index(name)
    with opened(home) as stores, watched(stores, cut_at(number)), pytest.raises(Cut):
        release_days(stores, [DAY])
    finish(home)


def run_at_random(home: Path, seed: int, steps: int) -> str:
    """Late events, whole runs, cut runs and other processes in any order. Returns what was done."""
    rng = random.Random(seed)
    ledger, done = Ledger(), []
    with opened(home) as stores:
        ledger.remember_inputs(stores, DAYS)

    def late(days: Sequence[date]) -> None:
        with opened(home) as stores:
            for day in days:
                store_tally(stores, day, viewers=rng.randrange(1500, 3000))
            ledger.remember_inputs(stores, days)

    def run(days: Sequence[date]) -> None:
        with opened(home) as stores, suppress(*REFUSALS):
            release_days(stores, days)

    def cut(days: Sequence[date]) -> None:
        at = cut_at(rng.randrange(30))
        with opened(home) as stores, suppress(Cut, *REFUSALS), watched(stores, at):
            release_days(stores, days)

    def meet(days: Sequence[date]) -> None:
        """Another process, that does not take turns, runs in the middle of ours."""
        moment, others = rng.randrange(30), rng.sample(DAYS, rng.randrange(1, 3))
        passed: list[str] = []

        def at(name: str) -> None:
            passed.append(name)
            if len(passed) == moment and "signed" not in name and "persisted" not in name:
                run(others)

        with opened(home) as stores, suppress(*REFUSALS), watched(stores, at):
            release_days(stores, days)

    actions: list[Callable[[Sequence[date]], None]] = [late, run, cut, cut, meet]
    for _ in range(steps):
        action, days = rng.choice(actions), rng.sample(DAYS, rng.randrange(1, 4))
        done.append(f"{action.__name__} {[DAYS.index(day) for day in days]}")
        action(days)
        with opened(home) as stores:
            ledger.look(stores)
    settle(home, ledger)
    return ", ".join(done)


def settle(home: Path, ledger: Ledger) -> None:
    """At last every day is run by itself: what can be released is, and verifies, old revisions by
    their own bundles too."""
    with opened(home) as stores:
        finish_drawn(stores)
        for day in DAYS:
            for _ in range(2):  # a commit that was overtaken is found out by the first
                with suppress(*REFUSALS):
                    release_days(stores, [day])
        ledger.look(stores)
        releases = list_releases(stores.catalogue, stores.platform)
        newest = {release.day: release for release in releases if release.released}
        for found in load_inputs(stores, DAYS):
            left = POLICY.rho_nano_per_day - spent_nano(stores.catalogue, "demo", found.day)
            is_released = found.day in newest and newest[found.day].inputs_digest == found.digest
            assert is_released or left < POLICY.rho_nano_per_release, found.day
        assert find_problems(stores, list(newest.values())) == []
        for release in releases:
            if release.released:
                verify_revision(stores, release.day, release.revision)


def verify_revision(stores: Stores, day: date, revision: int) -> None:
    """As a stranger, from chain and IPFS, who asks for this revision."""
    from analytics_pipeline.core.checks.proof import ProofTerms
    from analytics_pipeline.core.verify import verify_bundle
    from analytics_pipeline.published.sources import PublicSources

    published = PublicSources(stores.registry, stores.content).load_day("demo", day, revision)
    results = verify_bundle(
        published.files,
        platform="demo",
        day=day,
        revision=revision,
        registry_head=published.registry_head,
        registry=published.registry,
        terms=ProofTerms(verifier=stores.proving.verifier, require_proof=True),
    )
    assert {result.state for result in results} == {CheckState.PASSED}


def test_any_order_of_runs_cuts_and_late_events(home: Path) -> None:
    """A few steps; the slow test takes many. CUT_SEED chooses others."""
    print(run_at_random(home, SEED, 6))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(4))
def test_many_orders_of_runs_cuts_and_late_events(home: Path, seed: int) -> None:
    print(run_at_random(home, 1000 * SEED + seed, 14))


#: A run in a process of its own that kills itself at a boundary.
VICTIM = """
import os, signal, sys
from pathlib import Path
from datetime import date
from tests.defs.test_cut_short import opened
from tests.defs.releasing import release_days
from tests.support.boundaries import watched
home, day, number = Path(sys.argv[1]), date.fromisoformat(sys.argv[2]), int(sys.argv[3])
passed = []
def at(name):
    passed.append(name)
    if len(passed) == number + 1:
        os.kill(os.getpid(), signal.SIGKILL)
with opened(home) as stores, watched(stores, at):
    release_days(stores, [day])
"""


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("quarter", range(4))
def test_kill_9_at_every_boundary(ready: Path, tmp_path: Path, quarter: int) -> None:
    """A real SIGKILL, a fresh deployment each; then one more run: one revision, one spend, the
    bytes that were drawn before, verified."""
    names = boundaries_of(Path(shutil.copytree(ready, tmp_path / "undisturbed")), [DAY])
    for number in range(len(names) * quarter // 4, len(names) * (quarter + 1) // 4):
        name = names[number]
        home = Path(shutil.copytree(ready, tmp_path / str(number)))
        command = [sys.executable, "-c", VICTIM, str(home), DAY.isoformat(), str(number)]
        victim = subprocess.run(command, capture_output=True, text=True, check=False)
        assert victim.returncode == -9, (name, victim.stderr[-2000:])
        finish(home)
        shutil.rmtree(home)
        print(f"killed at {name} and finished")
