"""The shapes of the API's answers. `/openapi.json` has them as JSON schemas.

Belongs here: types, with the names that `docs/api.md` explains. Units stand in names; a null figure
is suppressed, a null estimate lacks an ingredient. Does not belong here: computing (`serve.views`).
"""

from datetime import date, datetime
from typing import Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from analytics_pipeline.core.derived import Estimate, RetentionCurve, Total
from analytics_pipeline.core.quantiles import QuantileRange, Share

T = TypeVar("T")
ScopeName = Literal["platform", "video", "creator", "region", "provider"]
Unit = Literal["viewers", "views", "seconds"]


class PageInfo(Struct, frozen=True):
    """``next`` is the cursor of the next page, null on the last one."""

    limit: int
    next: str | None


class Page(Struct, Generic[T], frozen=True):
    """One page of a list; each list has a type of its own, for `/openapi.json` names it."""

    data: list[T]
    page: PageInfo


class Proof(Struct, frozen=True):
    """Where a figure stands in its report's Merkle tree (RFC 6962); ``siblings`` lead from leaf to
    root, and are left out with ``?proofs=link``."""

    href: str
    report_root: str
    leaf_index: int
    tree_size: int
    siblings: list[str] | UnsetType = UNSET


class Figure(Struct, frozen=True):
    """One published figure: ``value`` ± ``error_95`` in 95 of 100 cases; null if suppressed, being
    below ``threshold``. ρ, ε and δ are those of the query that drew it."""

    day: date
    revision: int
    scope: ScopeName
    key: str
    metric: str
    unit: Unit
    value: int | None
    suppressed: bool
    threshold: int
    error_95: float
    sigma: float
    rho: float
    epsilon: float
    delta: float
    proof: Proof | UnsetType = UNSET


class Failure(Struct, frozen=True):
    """``number`` is that of the check in docs/verify.md."""

    number: int
    name: str
    detail: str


class Verification(Struct, frozen=True):
    """What came of verifying a release here; do not believe it, verify."""

    state: Literal["verified", "failed", "unavailable"]
    checks: int
    reservations: list[str]
    error: Failure | None


class Day(Struct, frozen=True):
    """One release of a day. What stands in the bundle is null while that cannot be had."""

    day: date
    revision: int
    revisions: list[int]
    reason: str | None
    previous_bundle: str | None
    report_cid: str
    bundle_cid: str
    report_root: str
    block_number: int
    block_time: int
    publisher: str
    rho: float
    epsilon: float
    delta: float
    rho_of_the_day: float
    epsilon_of_the_day: float
    rows: int | None
    suppressed_rows: int | None
    segments: int | None
    setup: Literal["development", "ignition"] | None
    verification: Verification


class RowProof(Struct, frozen=True):
    """``leaf`` is the row as canonical JSON: hash its UTF-8 bytes."""

    leaf: str
    leaf_index: int
    tree_size: int
    siblings: list[str]
    report_root: str
    report_cid: str
    bundle_cid: str
    block_number: int


class PolicyQuery(Struct, frozen=True):
    """One noisy answer: all keys' figures of these metrics."""

    scope: ScopeName
    metrics: list[str]
    unit: int
    threshold: int
    error_95: float
    sigma: float
    rho: float
    epsilon: float


class PolicySummary(Struct, frozen=True):
    """What the newest verified day promised its viewers."""

    unit_of_privacy: str
    bounds: dict[str, int]
    suppression_sigmas: int
    regions: int
    providers: list[str]
    queries: list[PolicyQuery]


class Stale(Struct, frozen=True):
    """Chain or IPFS does not answer; everything is as of ``since``."""

    since: datetime
    error: str
    detail: str


class Platform(Struct, frozen=True):
    """What this API serves, and where to check it."""

    platform: str
    chain_id: int | None
    registry: str | None
    development: bool
    access: Literal["open", "keys"]
    first_day: date | None
    last_day: date | None
    days: int
    latest: Day | None
    block_number: int | None
    head: str | None
    stale: Stale | None
    rpc_urls: list[str]
    gateways: list[str]
    policy: PolicySummary | None
    continents: dict[str, str]


class PlatformDay(Struct, frozen=True):
    day: date
    revision: int
    figures: dict[str, Figure]
    average_watch_seconds: Estimate | None


class PlatformTotals(Struct, frozen=True):
    """Sums over days: a viewer of two days counts twice."""

    viewers: Total | None
    views: Total | None
    watch_seconds: Total | None
    average_watch_seconds: Estimate | None


class WeekViewers(Struct, frozen=True):
    """Viewers of an ISO week, each once; ``viewers.days`` says how many days are released."""

    week: str
    first_day: date
    last_day: date
    viewers: Total | None


class MonthViewers(Struct, frozen=True):
    """Viewers of a month, each once; ``viewers.days`` says how many days are released."""

    month: str
    first_day: date
    last_day: date
    viewers: Total | None


class PlatformFigures(Struct, frozen=True):
    days: list[PlatformDay]
    totals: PlatformTotals
    weekly_viewers: list[WeekViewers]
    monthly_viewers: list[MonthViewers]


class VideoItem(Struct, frozen=True):
    """One video over the days asked for; ``days_shown`` are those that show its viewers."""

    video_id: str
    creator_id: str
    viewers: Total | None
    watch_seconds: Total | None
    average_watch_seconds: Estimate | None
    completion: Estimate | None
    days_shown: int


class VideoDay(Struct, frozen=True):
    day: date
    revision: int
    figures: dict[str, Figure]
    average_watch_seconds: Estimate | None
    completion: Estimate | None


class VideoTotals(Struct, frozen=True):
    viewers: Total | None
    watch_seconds: Total | None
    average_watch_seconds: Estimate | None
    completion: Estimate | None


class Video(Struct, frozen=True):
    video_id: str
    creator_id: str
    days: list[VideoDay]
    totals: VideoTotals


class Retention(Struct, frozen=True):
    """How far a video's viewers came, in twentieths; ``curve`` is null if no bin is shown."""

    day: date
    revision: int
    bins: list[Figure]
    curve: RetentionCurve | None


class CreatorItem(Struct, frozen=True):
    """One creator over the days asked for; ``videos`` are those listed on the last of them."""

    creator_id: str
    videos: int
    viewers: Total | None
    watch_seconds: Total | None
    average_watch_seconds: Estimate | None
    days_shown: int


class CreatorDay(Struct, frozen=True):
    day: date
    revision: int
    figures: dict[str, Figure]
    average_watch_seconds: Estimate | None
    audience: dict[str, Figure]


class CreatorTotals(Struct, frozen=True):
    viewers: Total | None
    watch_seconds: Total | None
    average_watch_seconds: Estimate | None
    audience: dict[str, Total | None]


class Creator(Struct, frozen=True):
    creator_id: str
    days: list[CreatorDay]
    totals: CreatorTotals
    videos: list[VideoItem]


class RegionItem(Struct, frozen=True):
    region: str
    continent: str
    viewers: Total | None
    days_shown: int


class Quantiles(Struct, frozen=True):
    """Ranges that hold the quantile in 95 of 100 cases."""

    p50: QuantileRange | None
    p75: QuantileRange | None
    p95: QuantileRange | None


class ProviderDay(Struct, frozen=True):
    """Histograms of a storage provider's viewer-days, and what follows from them. Keys of the
    shares are edges."""

    day: date
    revision: int
    viewers: Figure
    startup: list[Figure]
    rebuffer: list[Figure]
    startup_ms: Quantiles
    rebuffer_permille: Quantiles
    startup_below_ms: dict[str, Share | None]
    rebuffer_below_permille: dict[str, Share | None]


class ProviderItem(Struct, frozen=True):
    provider: str
    viewers: Total | None
    days_shown: int
    latest: ProviderDay | None


class ProviderTotals(Struct, frozen=True):
    viewers: Total | None


class Provider(Struct, frozen=True):
    provider: str
    startup_edges_ms: list[int]
    rebuffer_edges_permille: list[int]
    days: list[ProviderDay]
    totals: ProviderTotals


class Health(Struct, frozen=True):
    """``days`` are released and known here."""

    status: Literal["ok"]
    days: int


class ProblemType(Struct, frozen=True):
    title: str
    status: int
    advice: str


class FigurePage(Page[Figure], frozen=True):
    """One page of figures."""


class DayPage(Page[Day], frozen=True):
    """One page of days."""


class VideoPage(Page[VideoItem], frozen=True):
    """One page of videos."""


class CreatorPage(Page[CreatorItem], frozen=True):
    """One page of creators."""


class RegionPage(Page[RegionItem], frozen=True):
    """One page of regions."""


class ProviderPage(Page[ProviderItem], frozen=True):
    """One page of storage providers."""


def encode(document: object) -> bytes:
    """JSON bytes of an answer."""
    return msgspec.json.encode(document)
