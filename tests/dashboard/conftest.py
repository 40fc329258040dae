"""One deployment that really ran, served by the read API, and one Chromium for all tests here."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from analytics_pipeline.cli.simulate import last_full_days
from analytics_pipeline.core.policy import Policy, parse_policy
from analytics_pipeline.core.report import Report
from analytics_pipeline.published.sources import open_sources
from analytics_pipeline.settings import load_settings
from tests.dashboard.support import CHROMIUM, Site, Visit, open_site, visiting

EVENTS = 30_000
DAYS = 2
SEED = 5

Visiting = Callable[..., AbstractContextManager[Visit]]


class Published:
    """What the deployment published, read from chain and IPFS: not by the API."""

    def __init__(self, environ: dict[str, str], days: list[date]) -> None:
        self.environ = environ
        self.days = days

    @cached_property
    def _files(self) -> dict[date, Any]:
        settings = load_settings(self.environ)
        with open_sources(settings) as sources:
            return {day: sources.load_day(settings.platform, day) for day in self.days}

    @cached_property
    def reports(self) -> list[Report]:
        """The report of each day, ascending."""
        return [self._files[day].report for day in self.days]

    @property
    def newest(self) -> Report:
        return self.reports[-1]

    @cached_property
    def policy(self) -> Policy:
        return parse_policy(self._files[self.days[-1]].files["bundle/policy.json"])

    def threshold(self, scope: str, metric: str) -> int:
        return self.policy.by_row[scope, metric].threshold

    @cached_property
    def names(self) -> dict[str, str]:
        """What stands for `{video}`, `{creator}` and `{day}` in addresses: a video with a curve."""
        rows = self.newest.rows
        shown = [row for row in rows if row.scope == "video" and row.value is not None]
        curves = [row.key for row in shown if row.metric.startswith("furthest_bin")]
        creators = [row for row in rows if row.scope == "creator" and row.value is not None]
        return {"video": curves[0], "creator": creators[0].key, "day": str(self.days[-1])}


@pytest.fixture(scope="session")
def days() -> list[date]:
    """The days that the demo is about."""
    return last_full_days(DAYS)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, days: list[date]) -> Path:
    """The main job: API, sealer, Dagster, chain and verification as real processes."""
    home = tmp_path_factory.mktemp("dashboard") / "home"
    size = ("--events", str(EVENTS), "--days", str(DAYS), "--seed", str(SEED))
    ran = subprocess.run(
        [sys.executable, "-m", "analytics_pipeline", "demo", "--home", str(home), *size],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return home


@pytest.fixture(scope="session")
def environ(home: Path) -> dict[str, str]:
    return {**os.environ, "ANALYTICS_HOME": str(home), "ANALYTICS_SERVE_RATE_LIMIT": "100000"}


@pytest.fixture(scope="session")
def published(environ: dict[str, str], days: list[date]) -> Published:
    return Published(environ, days)


@pytest.fixture(scope="package")
def site(environ: dict[str, str]) -> Iterator[Site]:
    """API and dashboard of the deployment."""
    with open_site(DAYS, environ) as site:
        yield site


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Closed before other tests: while it is open no other event loop can run in this process."""
    arguments = ["--no-sandbox", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def visiting_site(browser: Browser, site: Site) -> Visiting:
    """Opens a visitor of the deployment's site."""
    return lambda **options: visiting(browser, site, **options)


@pytest.fixture
def visit(visiting_site: Visiting) -> Iterator[Visit]:
    """A visitor at a desk, in the light."""
    with ExitStack() as stack:
        yield stack.enter_context(visiting_site(color_scheme="light"))
