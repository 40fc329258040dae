"""The read API over worlds of published days, without sockets: real routes, real verification.

`WorldSources` is chain and IPFS of a `World`: it can lie, fall silent and go on publishing.
`folder_sources` is the sample day, whose proof is real.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx

from analytics_pipeline.core.checks.proof import ProofTerms
from analytics_pipeline.core.errors import ContentUnavailable
from analytics_pipeline.core.record import ChainEvidence, ReleaseRecord, parse_evidence
from analytics_pipeline.published.folder import PublishedDay, load_folder
from analytics_pipeline.published.sources import PublicSources
from analytics_pipeline.serve.access import Access, AccessMode
from analytics_pipeline.serve.app import build_app
from analytics_pipeline.serve.refresh import Refresher
from analytics_pipeline.serve.service import ReadService
from analytics_pipeline.serve.snapshot import Content, Snapshot
from analytics_pipeline.storage.read_keys import create_read_key
from tests.support.world import DAYS, World

SAMPLE_DAY = Path(__file__).parents[2] / "data" / "sample_day"
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@dataclass
class WorldSources:
    """What a stranger reads of a world."""

    world: World
    #: days and revisions whose bundle no IPFS node has
    lost: set[tuple[date, int]] = field(default_factory=set)
    chain_error: Exception | None = None
    #: how often a bundle was fetched
    fetched: list[tuple[date, int]] = field(default_factory=list)
    opened: int = 0

    @property
    def registry(self) -> Any:
        return SimpleNamespace(
            read_evidence=lambda platform: self._evidence(),
            read_to=lambda platform: self.world.block,
        )

    def load_release(self, evidence: ChainEvidence, release: ReleaseRecord) -> PublishedDay:
        name = (release.day, release.revision)
        self.fetched.append(name)
        if name in self.lost:
            raise ContentUnavailable(f"node http://user:secret@node: no {release.bundle_cid}")
        facts = self.world.facts(*name)
        return PublishedDay(self.world.folder(*name), self.world.head, registry=facts)

    @contextmanager
    def open(self) -> Iterator[PublicSources]:
        self.opened += 1
        yield cast(PublicSources, self)

    def _evidence(self) -> ChainEvidence:
        if self.chain_error is not None:
            raise self.chain_error
        return ChainEvidence(*self.world.place, tuple(self.world.records))


def folder_sources(folder: Path) -> PublicSources:
    """A bundle folder as chain and IPFS: other days' bundles are nowhere."""
    published = load_folder(folder)
    evidence = parse_evidence(published.files["chain.json"])
    report = published.report.header

    def load_release(_: ChainEvidence, release: ReleaseRecord) -> PublishedDay:
        if (release.day, release.revision) != (report.day, report.revision):
            raise ContentUnavailable("not in this folder")
        return published

    registry = SimpleNamespace(
        read_evidence=lambda platform: evidence,
        read_to=lambda platform: evidence.records[-1].block_number,
    )
    return cast(PublicSources, SimpleNamespace(registry=registry, load_release=load_release))


@cache
def _one_day() -> World:
    world = World()
    world.publish(DAYS[0])
    return world


def one_day() -> World:
    """A world that has published its first day; a copy, to go on with."""
    base = _one_day()
    return replace(base, records=[*base.records], bundles={**base.bundles})


@dataclass
class Served:
    """A read API and its client; `refresh` is what the process does every few seconds."""

    service: ReadService
    refresher: Refresher
    keys_path: Path
    #: the one time there is, for what says since when
    clock: list[datetime]
    app: Any = field(init=False)
    #: monotonic; requests come a minute apart, unless a test stops the clock
    now_seconds: float = 0.0
    seconds_between: float = 60.0

    def __post_init__(self) -> None:
        self.app = build_app(self.service, lambda: self.now_seconds)

    def refresh(self) -> None:
        self.service.replace_snapshot(self.refresher.refresh(self.service.snapshot))

    def request(
        self, method: str, path: str, headers: dict[str, str] | None = None, **params: Any
    ) -> httpx.Response:
        """One request, through all of ASGI."""

        self.now_seconds += self.seconds_between

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
                sent = {"accept-encoding": "identity", **(headers or {})}
                return await client.request(method, path, params=params or None, headers=sent)

        return asyncio.run(send())

    def get(self, path: str, secret: str | None = None, **params: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {secret}"} if secret else {}
        return self.request("GET", path, headers, **params)

    def json(self, path: str, secret: str | None = None, **params: Any) -> Any:
        """The document of a route, which must answer 200."""
        response = self.get(path, secret, **params)
        assert response.status_code == 200, response.text
        return response.json()

    def new_key(self, grant: str) -> str:
        return create_read_key(self.keys_path, "test", grant, NOW)

    def pages(self, path: str, **params: Any) -> Iterator[list[Any]]:
        """Every page of a list, following cursors."""
        while True:
            document = self.json(path, **params)
            yield document["data"]
            if document["page"]["next"] is None:
                return
            params["cursor"] = document["page"]["next"]


def serve_sources(
    open_sources: Callable[[], Any],
    terms: ProofTerms,
    home: Path,
    *,
    platform: str = "demo",
    mode: AccessMode = "open",
    rate: int = 1_000_000,
    static_dir: Path | None = None,
    snapshot: Snapshot | None = None,
) -> Served:
    """A read API that has read these sources once, or begins with `snapshot`."""
    clock = [NOW]
    keys_path = home / "keys" / "read_keys.json"
    service = ReadService(
        snapshot or Snapshot(Content(platform)),
        Access(keys_path, mode, rate),
        str(home / "catalogue.sqlite"),
        static_dir=static_dir or home / "static",
    )
    refresher = Refresher(platform, open_sources, terms, service.replace_snapshot, lambda: clock[0])
    served = Served(service, refresher, keys_path, clock)
    if snapshot is None:
        served.refresh()
    return served


def serve_world(sources: WorldSources, home: Path, **options: Any) -> Served:
    """A read API over a world whose proofs are believed."""
    return serve_sources(sources.open, sources.world.terms, home, **options)


@cache
def _sample_snapshot() -> Snapshot:
    """Read once for all tests: a snapshot never changes."""
    sources = folder_sources(SAMPLE_DAY)
    refresher = Refresher("demo", lambda: nullcontext(sources), ProofTerms(), clock=lambda: NOW)
    return refresher.refresh(Snapshot(Content("demo")))


def serve_sample(home: Path, **options: Any) -> Served:
    """A read API over the sample day, by somebody who cannot check proofs."""

    def unopened() -> Any:
        raise AssertionError("the sample day was read already")

    return serve_sources(unopened, ProofTerms(), home, snapshot=_sample_snapshot(), **options)


def assert_problem(
    response: httpx.Response, status: int, field: str | None = None, kind: str | None = None
) -> None:
    """The response is an RFC 9457 document of that status, naming that field."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    document = response.json()
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    assert document["type"].startswith("/problems/")
    assert document.get("field") == field, document
    assert kind is None or document["type"] == f"/problems/{kind}"
