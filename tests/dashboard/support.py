"""The dashboard in a real browser: a served site, pages that must not complain, expected texts."""

import math
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page

from analytics_pipeline.core.report import Report, ReportRow

CHROMIUM = "/usr/bin/chromium"
REPOSITORY = Path(__file__).parents[2]
STATIC = REPOSITORY / "analytics_pipeline" / "serve" / "static"
#: 1440, 834 and 390 pixels wide, and the narrowest that must work
SIZES = ((1440, 900), (834, 1112), (390, 844), (360, 640))
#: Every page, below an address; `{…}` is filled in with what the deployment has.
PAGES = {
    "overview": "/",
    "videos": "/videos",
    "video": "/videos/{video}",
    "creators": "/creators",
    "creator": "/creators/{creator}",
    "regions": "/regions",
    "storage": "/storage",
    "provider": "/storage/ipfs",
    "privacy": "/privacy",
    "operations": "/operations",
    "day": "/days/{day}",
    "verify": "/verify",
}
READY = "main:not([aria-busy]) h1"


def free_port() -> int:
    """A port that nothing listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@dataclass
class Site:
    """A process that serves API and dashboard."""

    command: list[str]
    environ: Mapping[str, str]
    #: sent with every request, where the site asks for one
    key: str = ""
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **query: Any) -> httpx.Response:
        """One request to the API."""
        headers = {"authorization": f"Bearer {self.key}"} if self.key else {}
        return httpx.get(self.url + path, params=query or None, headers=headers, timeout=30)

    def start(self, days: int) -> None:
        """Start, and wait until so many days are read and verified."""
        environ = {**self.environ, "ANALYTICS_SERVE_PORT": str(self.port)}
        self.process = subprocess.Popen(self.command, env=environ, stderr=subprocess.PIPE)
        until = time.monotonic() + 120
        while not self._has(days):
            assert self.process.poll() is None, self.process.stderr and self.process.stderr.read()
            assert time.monotonic() < until, "the API does not come up"
            time.sleep(0.2)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.communicate(timeout=30)
            self.process = None

    def _has(self, days: int) -> bool:
        try:
            listed = self.get("/api/v1/days").json()["data"]
        except httpx.TransportError:
            return False
        return len(listed) == days and all(
            day["verification"]["state"] == "verified" for day in listed
        )


@contextmanager
def open_site(
    days: int, environ: Mapping[str, str], *command: str, key: str = ""
) -> Iterator[Site]:
    """`analytics_pipeline.serve`, or another module, until the test is over."""
    module = command or ("analytics_pipeline.serve",)
    site = Site([sys.executable, "-m", *module], environ, key)
    try:
        site.start(days)
        yield site
    finally:
        site.stop()


@dataclass
class Visit:
    """A page of the dashboard, and everything that it complained about."""

    page: Page
    site: Site
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: str) -> Page:
        """Load an address and wait until it shows its page."""
        self.page.goto(self.site.url + path)
        self.page.wait_for_selector(READY)
        return self.page

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


@contextmanager
def visiting(
    browser: Browser, site: Site, *, quiet: bool = True, **options: Any
) -> Iterator[Visit]:
    """A visitor with a browser of her own.

    Args:
        quiet: whether anything on the console fails the test.
        options: of the browser's context: viewport, colour scheme, locale.
    """
    settings = {"locale": "en-US", "timezone_id": "UTC", "viewport": _size(SIZES[0]), **options}
    context = browser.new_context(**settings)
    context.set_default_timeout(20_000)
    try:
        visit = Visit(context.new_page(), site)
        yield visit
        assert not quiet or visit.complaints == []
    finally:
        context.close()


def _size(size: tuple[int, int]) -> dict[str, int]:
    return {"width": size[0], "height": size[1]}


def viewport(size: tuple[int, int]) -> dict[str, Any]:
    """The context option for a size of `SIZES`."""
    return {"viewport": _size(size)}


# ---- what figures read like ----------------------------------------------------------------------


def counted(value: float, error: float) -> str:
    """A count with its error, as en-US has it: the error is rounded up."""
    return f"{value:,.0f} ± {math.ceil(error - 1e-9):,}"


def shown(row: ReportRow, threshold: int) -> str:
    """A published count, or that it was too few to show."""
    if row.value is None:
        return f"too few to show (< {threshold:,})"
    return counted(row.value, row.error_95)


def in_hours(value: int, error: float) -> str:
    """Seconds of watch time from an hour on, as en-US has them."""
    digits = 1 if error / 3600 < 10 else 0
    scale = 10**digits
    up = math.ceil(error / 3600 * scale - 1e-9) / scale
    return f"{value / 3600:,.{digits}f} hr ± {up:,.{digits}f}"


def lasted(value: float, error: float) -> str:
    """An average time: minutes and seconds from a minute on."""
    if value >= 60:
        up = math.ceil(error - 1e-9)
        whole = math.floor(value + 0.5)
        return f"{whole // 60}:{whole % 60:02} ± {up // 60}:{up % 60:02}"
    digits = 1 if error < 10 else 0
    up_rounded = math.ceil(error * 10**digits - 1e-9) / 10**digits
    return f"{value:.{digits}f} sec ± {up_rounded:.{digits}f}"


def row_of(report: Report, scope: str, key: str, metric: str) -> ReportRow:
    return report.by_name[scope, key, metric]


def long_day(day: date) -> str:
    return f"{day:%A, %B} {day.day}, {day.year}"


def words(locator: Locator) -> str:
    """Text as a reader sees it, white space evened."""
    return " ".join(locator.inner_text().split())
