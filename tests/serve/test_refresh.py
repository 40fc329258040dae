"""What the index makes of what chain and IPFS say, and of their silence."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from analytics_pipeline.chain.interface import ChainUnreachable
from analytics_pipeline.core.field import to_bytes32
from analytics_pipeline.core.record import ChainEvidence, CommitRecord, ReleaseRecord
from analytics_pipeline.published.folder import PublishedDay
from analytics_pipeline.serve.refresh import MOST_FAILURES, Refresher
from analytics_pipeline.serve.snapshot import Content, Snapshot
from tests.serve.support import NOW, Served, WorldSources, assert_problem, one_day, serve_world
from tests.support.world import DAYS, Lies, World, edit_json, honest_world


def served_world(home: Path, world: World) -> tuple[Served, WorldSources]:
    sources = WorldSources(world)
    return serve_world(sources, home), sources


def verification(served: Served, day: Any, revision: int = 1) -> dict[str, Any]:
    found: dict[str, Any] = served.json(f"/api/v1/days/{day}/revisions/{revision}")["verification"]
    return found


def test_a_new_day_appears_and_only_its_bundle_is_read(tmp_path: Path) -> None:
    """What was read before is neither fetched nor verified in full again."""
    world = one_day()
    served, sources = served_world(tmp_path, world)
    before = served.service.snapshot
    served.refresh()
    assert served.service.snapshot is before  # nothing new: answers stay kept
    world.publish(DAYS[1])
    served.refresh()
    assert sources.fetched == [(DAYS[0], 1), (DAYS[1], 1)]
    days = served.json("/api/v1/days")["data"]
    assert [day["day"] for day in days] == [str(DAYS[1]), str(DAYS[0])]
    assert {day["verification"]["state"] for day in days} == {"verified"}


def test_a_correction_becomes_the_answer_and_the_old_one_stays(tmp_path: Path) -> None:
    """Newest by default; every revision can be asked for."""
    world = one_day()
    served, _ = served_world(tmp_path, world)
    route = {"scope": "video", "key": "clip-0", "metric": "watch_seconds", "proofs": "none"}
    first = served.json("/api/v1/figures", **route)["data"]
    world.publish(DAYS[0], 2)
    served.refresh()
    newest = served.json("/api/v1/figures", **route)["data"]
    assert (first[0]["revision"], newest[0]["revision"]) == (1, 2)
    assert first[0]["value"] != newest[0]["value"]
    assert served.json("/api/v1/figures", **route, revision=1)["data"] == first
    day = served.json(f"/api/v1/days/{DAYS[0]}")
    assert (day["revision"], day["revisions"]) == (2, [1, 2])
    assert (
        day["previous_bundle"] == served.json(f"/api/v1/days/{DAYS[0]}/revisions/1")["bundle_cid"]
    )
    assert day["reason"] == "late events"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ChainUnreachable("http://user:secret@node"), "the chain does not answer as it should"),
        (
            sqlite3.OperationalError("/home/secret/chain.sqlite: disk I/O error"),
            "chain or IPFS cannot be opened; the operator's log says why",
        ),
    ],
)
def test_chain_down_serves_what_was_read_and_says_since_when(
    tmp_path: Path, error: Exception, says: str
) -> None:
    """And nobody learns the address of the operator's node, which may hold a password."""
    served, sources = served_world(tmp_path, honest_world())
    figures = served.json("/api/v1/figures")
    sources.chain_error = error
    served.clock[0] = NOW + timedelta(hours=1)
    served.refresh()
    served.clock[0] = NOW + timedelta(hours=2)
    served.refresh()
    platform = served.get("/api/v1/platform")
    assert platform.json()["stale"] == {
        "since": "2026-11-22T00:00:00Z",
        "error": type(error).__name__,
        "detail": says,
    }
    assert "secret" not in platform.text
    assert served.json("/api/v1/figures") == figures
    sources.chain_error = None
    sources.world.publish(DAYS[0], 2)
    served.refresh()
    assert served.json("/api/v1/platform")["stale"] is None
    assert served.json(f"/api/v1/days/{DAYS[0]}")["revision"] == 2
    assert sources.opened == 3  # a connection that failed is not used again


def test_a_bundle_nobody_has_is_listed_and_asked_for_again(tmp_path: Path) -> None:
    """The record is on chain; what it says cannot be shown yet."""
    sources = WorldSources(honest_world(), lost={(DAYS[2], 2)})
    served = serve_world(sources, tmp_path)
    day = served.json(f"/api/v1/days/{DAYS[2]}")
    assert day["verification"] == {
        "state": "unavailable",
        "checks": 0,
        "reservations": [],
        "error": {
            "number": 0,
            "name": "ContentUnavailable",
            "detail": "IPFS does not have every bundle now",
        },
    }
    unknown = ("reason", "rows", "suppressed_rows", "segments", "setup", "previous_bundle")
    assert [day[name] for name in unknown] == [None] * len(unknown)
    assert served.json("/api/v1/platform")["stale"] is None  # the records are those of now
    bundle = served.get(f"/api/v1/days/{DAYS[2]}/revisions/2/bundle/report.json")
    assert_problem(bundle, 503, kind="unavailable")
    assert bundle.headers["retry-after"]
    assert DAYS[2].isoformat() not in {f["day"] for f in served.json("/api/v1/figures")["data"]}
    before = served.service.snapshot
    served.clock[0] = NOW + timedelta(hours=1)
    served.refresh()
    assert served.service.snapshot.content is before.content  # still missing: nothing changed
    sources.chain_error = ChainUnreachable("node")
    served.clock[0] = NOW + timedelta(hours=2)
    served.refresh()
    stale = served.json("/api/v1/platform")["stale"]
    assert (stale["since"], stale["error"]) == ("2026-11-22T01:00:00Z", "ChainUnreachable")
    sources.chain_error = None
    sources.lost.clear()
    served.refresh()
    assert verification(served, DAYS[2], 2)["state"] == "verified"
    assert served.json("/api/v1/platform")["stale"] is None


def test_many_missing_bundles_do_not_keep_new_records_waiting(tmp_path: Path) -> None:
    """After a few the records are read again; the next round goes on with the others."""
    world = World()
    days = [DAYS[0] + timedelta(days=offset) for offset in range(5)]
    for day in days:
        world.publish(day)
    sources = WorldSources(world, lost={(day, 1) for day in days[-4:]})
    served = serve_world(sources, tmp_path)
    assert len(sources.fetched) == MOST_FAILURES
    served.refresh()
    assert (days[0], 1) in sources.fetched
    assert verification(served, days[0])["state"] == "verified"


@pytest.mark.parametrize(
    ("lies", "number", "name"),
    [
        (Lies(report_bytes=lambda d: d.replace(b'"value":', b'"value": ', 1)), 3, None),
        (Lies(rows=lambda rows: [replace(rows[0], value=10**6), *rows[1:]]), 13, None),
        (
            Lies(catalogue=lambda d: edit_json(d, lambda v: v["videos"].pop())),
            10,
            "CatalogueMismatch",
        ),
    ],
)
def test_a_lie_is_named_and_its_figures_are_not_served(
    tmp_path: Path, lies: Lies, number: int, name: str | None
) -> None:
    """Its files are, byte for byte: everybody can look at the lie."""
    world = one_day()
    world.publish(DAYS[1], 1, lies)
    served, _ = served_world(tmp_path, world)
    found = verification(served, DAYS[1])
    assert found["state"] == "failed"
    assert found["error"]["number"] == number
    assert name in (None, found["error"]["name"])
    assert {f["day"] for f in served.json("/api/v1/figures")["data"]} == {str(DAYS[0])}
    for route in ("/api/v1/platform/figures", "/api/v1/videos/clip-0"):
        assert [d["day"] for d in served.json(route)["days"]] == [str(DAYS[0])]
    report = served.get(f"/api/v1/days/{DAYS[1]}/revisions/1/bundle/report.json")
    assert report.content == world.bundles[DAYS[1], 1]["report.json"]
    proof = {"scope": "platform", "metric": "viewers"}
    assert_problem(served.get(f"/api/v1/days/{DAYS[1]}/revisions/1/proof", **proof), 404)


def test_a_failure_counts_if_it_is_seen_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that answered wrongly once discredits no day until the next record."""
    sources = WorldSources(one_day())
    honest, answers = sources.load_release, [0]

    def load(evidence: ChainEvidence, release: ReleaseRecord) -> PublishedDay:
        answers[0] += 1
        published = honest(evidence, release)
        return replace(published, registry_head=b"\x01" * 32) if answers[0] == 1 else published

    monkeypatch.setattr(sources, "load_release", load)
    served = serve_world(sources, tmp_path)
    assert answers == [2]
    assert verification(served, DAYS[0])["state"] == "verified"


def test_a_lying_correction_hides_the_day_rather_than_showing_the_old_figure(
    tmp_path: Path,
) -> None:
    """An older revision is no answer to what the day's figure is; by number it can be had."""
    world = one_day()
    world.publish(DAYS[0], 2, Lies(rows=lambda rows: [replace(rows[0], value=10**6), *rows[1:]]))
    served, _ = served_world(tmp_path, world)
    assert served.json("/api/v1/figures")["data"] == []
    assert served.json("/api/v1/figures", revision=1)["data"]
    assert served.json("/api/v1/platform")["latest"]["verification"]["state"] == "failed"


def other_seed(commit: CommitRecord) -> CommitRecord:
    return replace(commit, seed_commitment=b"\x01" * 32)


def seed_of_the_first_day(commit: CommitRecord) -> CommitRecord:
    return replace(commit, seed_commitment=to_bytes32(World().seed(DAYS[0]).commitment))


def spend(rho_nano: int) -> Callable[[ReleaseRecord], ReleaseRecord]:
    return lambda release: replace(release, spend_nano_rho=rho_nano)


@pytest.mark.parametrize(
    ("follow", "name"),
    [
        (lambda world: world.commit(DAYS[0], 2, Lies(commit=other_seed)), "SeedChanged"),
        (lambda world: world.publish(DAYS[1], 1, Lies(commit=seed_of_the_first_day)), "SeedReused"),
        (lambda world: world.publish(DAYS[0], 3), "RevisionGap"),
        (lambda world: world.publish(DAYS[0], 2, Lies(release=spend(1))), "SpendMismatch"),
        (lambda world: world.publish(DAYS[1], 1, Lies(release=spend(10**10))), "SpendMismatch"),
        (
            lambda world: world.publish(
                DAYS[1],
                1,
                Lies(commit=lambda c: replace(c, policy_hash=b"\x02" * 32), release=spend(10**10)),
            ),
            "WindowExceeded",
        ),
        (
            lambda world: [
                *(world.commit(DAYS[0], 2 + n) for n in range(11)),
                world.publish(DAYS[0], 13),
            ],
            "TooManyWithheld",
        ),
        (
            lambda world: world.publish(
                DAYS[1], 1, Lies(beacon=lambda b: (b[0] + 1, world.randomness(b[0] + 1)))
            ),
            "WrongBeaconBlock",
        ),
        (lambda world: world.publish(DAYS[1]), None),
        (lambda world: world.commit(DAYS[0], 2), None),
        (lambda world: world.commit(DAYS[0], 3), None),
        (lambda world: world.commit(DAYS[1], 1, Lies(commit=seed_of_the_first_day)), None),
        (lambda world: [world.commit(DAYS[0], 2 + n) for n in range(11)], None),
    ],
)
def test_later_records_are_judged_as_by_verifying_in_full(
    tmp_path: Path, follow: Callable[[World], object], name: str | None
) -> None:
    """They can discredit a day that verified, or make a reservation; its bundle is not read again.
    Whoever reads everything now comes to the same result."""
    world = one_day()
    served, sources = served_world(tmp_path / "one", world)
    follow(world)
    served.refresh()
    found = verification(served, DAYS[0])
    assert (found["error"] or {"name": None})["name"] == name
    assert sources.fetched.count((DAYS[0], 1)) == 1
    anew, _ = served_world(tmp_path / "other", world)
    assert found == verification(anew, DAYS[0])


def test_a_commit_without_a_release_is_a_reservation(tmp_path: Path) -> None:
    """It appears with the records, without the bundle being read again: as one that came later, and
    as one that was left out once another one is released."""
    world = one_day()
    served, sources = served_world(tmp_path, world)
    assert verification(served, DAYS[0])["reservations"] == ["BeaconSoon"]
    world.commit(DAYS[0], 2)
    served.refresh()
    assert verification(served, DAYS[0])["reservations"] == ["BeaconSoon", "CommitsLater"]
    assert len(sources.fetched) == 1
    world.publish(DAYS[0], 3)
    served.refresh()
    first = served.json(f"/api/v1/days/{DAYS[0]}/revisions/1")["verification"]
    assert first["reservations"] == ["BeaconSoon", "CommitsWithheld"]
    assert sources.fetched.count((DAYS[0], 1)) == 1


def test_a_proof_nobody_checked_is_a_reservation(sample: Served) -> None:
    """Verified, but for what was believed."""
    assert "ProofTrusted" in verification(sample, "2026-11-21")["reservations"]


def test_nothing_published_yet_is_an_empty_platform(tmp_path: Path) -> None:
    """Before the first record every list is empty, and nothing fails."""
    served, _ = served_world(tmp_path, World())
    platform = served.json("/api/v1/platform")
    assert (platform["days"], platform["latest"], platform["stale"]) == (0, None, None)
    for route in ("days", "figures", "videos", "creators", "regions", "records", "erasures"):
        assert served.json(f"/api/v1/{route}")["data"] == []
    assert served.json("/api/v1/platform/figures")["days"] == []
    assert served.json("/api/v1/budget")["thirty_days"] is None
    assert_problem(served.get("/api/v1/videos/clip-0/retention"), 404)


def test_a_day_without_listed_videos_has_the_other_figures(tmp_path: Path) -> None:
    """A platform may release before it lists anything."""
    world = World(videos=0)
    world.publish(DAYS[0])
    served, _ = served_world(tmp_path, world)
    assert verification(served, DAYS[0])["state"] == "verified"
    for route in ("videos", "creators"):
        assert served.json(f"/api/v1/{route}")["data"] == []
    for route in ("regions", "storage-providers", "figures"):
        assert served.json(f"/api/v1/{route}")["data"]


def test_progress_is_served_while_the_rest_is_being_read() -> None:
    """The newest day first; the others are listed as not read yet."""
    sources = WorldSources(honest_world())
    seen: list[Snapshot] = []
    refresher = Refresher("demo", sources.open, sources.world.terms, seen.append)
    refresher.refresh(Snapshot(Content("demo")))
    states = [
        {name: release.standing.state for name, release in snapshot.content.releases.items()}
        for snapshot in seen
    ]
    assert set(states[0].values()) == {"unavailable"}
    assert states[1][DAYS[2], 2] == "verified"
    assert set(states[1].values()) == {"verified", "unavailable"}
    assert set(states[-1].values()) == {"verified"}


def test_a_reading_that_is_told_to_stop_ends_with_the_release_at_hand() -> None:
    """A process that is to end does not wait for a whole history."""
    sources = WorldSources(honest_world())
    seen: list[Snapshot] = []

    def progress(snapshot: Snapshot) -> None:
        seen.append(snapshot)
        if len(seen) == 2:
            refresher.stop()

    refresher = Refresher("demo", sources.open, sources.world.terms, progress)
    after = refresher.refresh(Snapshot(Content("demo")))
    assert (len(sources.fetched), after.stale) == (1, None)
    states = [release.standing.state for release in after.content.releases.values()]
    assert states.count("verified") == 1
