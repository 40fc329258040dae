"""What a release may spend on whom: bounds, queries, noise, suppression. Defined here, once.

    Bounds   how much one viewer-day can contribute at most   (enforced in SQL, dbt's tally)
    Query    one noisy answer: a scope's metric(s) over all its keys, its ρ, sensitivity and σ
    Policy   bounds, queries, regions and the day's cap; its canonical bytes are published with
             every release and their SHA-256 (`policy_hash`) stands in the commit record

The unit of privacy is the **viewer-day**: two days' data are neighbours if one has everything the
other has, and one viewer-day more. A query is a whole vector (all videos, all creators, …), so one
ρ pays for all of its rows. Belongs here: constants and derivations. Does not belong here: drawing
noise (`release.noise`), converting ρ to ε (`core.accounting`).
"""

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from analytics_pipeline.core import canonical
from analytics_pipeline.core.accounting import DELTA, published_epsilon, sigma_thousandths
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.regions import REGIONS

FORMAT: Final = "viewership-policy/1"
RETENTION_BINS: Final = 20
#: A noised value below this many σ is suppressed (so is every negative one).
SUPPRESSION_SIGMAS: Final = 3

RHO_NANO_PER_RELEASE: Final = 125_000_000
#: Room for one correction.
RHO_NANO_PER_DAY: Final = 250_000_000

#: Nano-ρ of each query: 30 % uniques, 30 % watch time, 30 % retention, 5 % regions, 5 % actives.
DEFAULT_RHO_NANO: Final[Mapping[str, int]] = {
    "creator.viewers": 6_250_000,  # 5 %
    "creator.watch_seconds": 5_000_000,  # 4 %
    "platform.viewers": 3_750_000,  # 3 %
    "platform.views": 2_500_000,  # 2 %
    "platform.watch_seconds": 2_500_000,  # 2 %
    "region.viewers": 6_250_000,  # 5 %
    "video.furthest_bin": 37_500_000,  # 30 %
    "video.viewers": 31_250_000,  # 25 %
    "video.watch_seconds": 30_000_000,  # 24 %
}


@dataclass(frozen=True)
class Bounds:
    """The most one viewer-day contributes to a release (spec/kpis.md, "Contributions")."""

    videos_per_viewer_day: int = 10
    seconds_per_video: int = 900
    seconds_per_day: int = 3600


@dataclass(frozen=True)
class Query:
    """One Gaussian mechanism: the metrics of a scope that are answered together."""

    name: str
    scope: str
    metrics: tuple[str, ...]
    rho_nano: int
    sensitivity_squared: int

    @property
    def sigma_thousandths(self) -> int:
        """Noise scale of every row, in 1/1000 of its unit."""
        return sigma_thousandths(self.sensitivity_squared, self.rho_nano)

    @property
    def sigma(self) -> float:
        """Noise scale: Δ₂/√(2ρ) rounded up to 3 decimals; exactly the scale noise is drawn with."""
        return self.sigma_thousandths / 1000

    @property
    def error_95(self) -> float:
        """Half the width of the 95 % interval around a value: 1.96 σ, rounded up to 3 decimals."""
        return -(-self.sigma_thousandths * 1960 // 1000) / 1000

    @property
    def threshold(self) -> int:
        """Smallest value that is shown: 3 σ rounded up to an integer."""
        return -(-self.sigma_thousandths * SUPPRESSION_SIGMAS // 1000)


def sensitivities_squared(bounds: Bounds) -> dict[str, int]:
    """Δ₂² of each query: the largest squared change of its vector by one viewer-day.

    With L0 = videos_per_viewer_day, v = seconds_per_video, D = seconds_per_day:

    - `platform.viewers`, `region.viewers`: one cell changes by 1 (a viewer-day has one country): 1.
    - `video.viewers`: at most L0 cells by 1: L0. `creator.viewers`: no more creators than videos.
    - `video.furthest_bin`: a contribution stands in one bin of its video: L0 cells by 1.
    - `platform.views`: one cell by at most L0: L0².
    - `video.watch_seconds`: at most L0 cells by at most v each, D together. A sum of squares under
      these is largest with as many full cells as fit: k = min(L0, D div v) of them and, if k < L0,
      one with the rest r = D − k·v: k·v² + r². (Defaults: 4 · 900² = 1800².)
    - `creator.watch_seconds`, `platform.watch_seconds`: all may fall into one cell: min(D, L0·v)².
    """
    count, per_video, per_day = (
        bounds.videos_per_viewer_day,
        bounds.seconds_per_video,
        bounds.seconds_per_day,
    )
    full = min(count, per_day // per_video)
    rest = per_day - full * per_video if full < count else 0
    seconds = min(per_day, count * per_video)
    return {
        "creator.viewers": count,
        "creator.watch_seconds": seconds**2,
        "platform.viewers": 1,
        "platform.views": count**2,
        "platform.watch_seconds": seconds**2,
        "region.viewers": 1,
        "video.furthest_bin": count,
        "video.viewers": count,
        "video.watch_seconds": full * per_video**2 + rest**2,
    }


def furthest_bin_metric(position: int) -> str:
    """Metric name of a retention bin, 0-based: ``furthest_bin_00`` …"""
    return f"furthest_bin_{position:02d}"


@dataclass(frozen=True)
class Policy:
    """Everything that decides how a tally becomes a report."""

    bounds: Bounds
    queries: tuple[Query, ...]
    regions: tuple[str, ...]
    rho_nano_per_day: int

    @property
    def rho_nano_per_release(self) -> int:
        """Spend of one release: queries about the same viewer-days compose by addition."""
        return sum(query.rho_nano for query in self.queries)

    @functools.cached_property
    def by_row(self) -> dict[tuple[str, str], Query]:
        """(scope, metric) → its query."""
        return {(q.scope, metric): q for q in self.queries for metric in q.metrics}

    def metrics_of(self, scope: str) -> tuple[str, ...]:
        """All metrics of a scope, in report order."""
        return tuple(sorted(metric for s, metric in self.by_row if s == scope))

    def to_json(self) -> dict[str, Any]:
        """The published document. Derived values are in it for readers; parsing recomputes them."""
        return {
            "format": FORMAT,
            "unit_of_privacy": "viewer-day",
            "mechanism": "discrete Gaussian",
            "bounds": asdict(self.bounds),
            "retention_bins": RETENTION_BINS,
            "suppression_sigmas": SUPPRESSION_SIGMAS,
            "regions": list(self.regions),
            "queries": [_query_to_json(query) for query in self.queries],
            "rho_nano_per_release": self.rho_nano_per_release,
            "rho_nano_per_day": self.rho_nano_per_day,
            "delta": DELTA,
            "epsilon": {
                "per_release": published_epsilon(self.rho_nano_per_release),
                "per_day_at_most": published_epsilon(self.rho_nano_per_day),
                "per_30_days": published_epsilon(30 * self.rho_nano_per_release),
                "per_30_days_at_most": published_epsilon(30 * self.rho_nano_per_day),
            },
        }

    @functools.cached_property
    def canonical_bytes(self) -> bytes:
        """`policy.json` of a bundle."""
        return canonical.encode(self.to_json())

    @functools.cached_property
    def policy_hash(self) -> bytes:
        """SHA-256 of `canonical_bytes`: 32 bytes, as in the commit record."""
        return hashlib.sha256(self.canonical_bytes).digest()


def build_policy(
    bounds: Bounds = Bounds(),
    rho_nano: Mapping[str, int] = DEFAULT_RHO_NANO,
    rho_nano_per_day: int = RHO_NANO_PER_DAY,
    regions: tuple[str, ...] = REGIONS,
) -> Policy:
    """Put a policy together. Raises InvalidInput if a bound, share or cap makes no sense."""
    for field, value in asdict(bounds).items():
        _positive(f"bounds.{field}", value, 100_000)
    sensitivities = sensitivities_squared(bounds)
    if set(rho_nano) != set(sensitivities):
        raise InvalidInput("queries", f"must be exactly {', '.join(sorted(sensitivities))}")
    for name, share in rho_nano.items():
        _positive(f"queries.{name}.rho_nano", share, 10**12)
    _positive("rho_nano_per_day", rho_nano_per_day, 10**12)
    if list(regions) != sorted(set(regions)) or not all(_is_region(code) for code in regions):
        raise InvalidInput("regions", "must be ascending, distinct two-letter codes")
    queries = tuple(
        Query(name, name.split(".")[0], _metrics(name), rho_nano[name], squared)
        for name, squared in sorted(sensitivities.items())
    )
    policy = Policy(bounds, queries, regions, rho_nano_per_day)
    if policy.rho_nano_per_release > rho_nano_per_day:
        raise InvalidInput("rho_nano_per_day", "is less than one release spends")
    return policy


def parse_policy(data: bytes) -> Policy:
    """Parse `policy.json`; everything derived (sensitivity, σ, ε, …) must be what we derive.

    Raises:
        InvalidInput: naming the field, or saying that a derived value differs.
    """
    raw = canonical.parse(data, "policy")
    try:
        policy = build_policy(
            Bounds(**raw["bounds"]),
            {query["name"]: query["rho_nano"] for query in raw["queries"]},
            raw["rho_nano_per_day"],
            tuple(raw["regions"]),
        )
    except (KeyError, TypeError, AttributeError):
        raise InvalidInput("policy", f"lacks the fields of {FORMAT}") from None
    ours = policy.to_json()
    for field in sorted(set(ours) | (set(raw) if isinstance(raw, dict) else set())):
        if field not in raw or field not in ours or raw[field] != ours[field]:
            raise InvalidInput(f"policy.{field}", "is not what follows from bounds and shares")
    if policy.canonical_bytes != data:
        raise InvalidInput("policy", "is not what follows from its bounds and shares")
    return policy


def _metrics(name: str) -> tuple[str, ...]:
    metric = name.split(".")[1]
    if metric == "furthest_bin":
        return tuple(furthest_bin_metric(position) for position in range(RETENTION_BINS))
    return (metric,)


def _query_to_json(query: Query) -> dict[str, Any]:
    return {
        "name": query.name,
        "scope": query.scope,
        "metrics": list(query.metrics),
        "rho_nano": query.rho_nano,
        "sensitivity_squared": query.sensitivity_squared,
        "sigma": query.sigma,
        "error_95": query.error_95,
        "threshold": query.threshold,
    }


def _positive(field: str, value: object, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise InvalidInput(field, f"must be an integer in 1..{most}")


def _is_region(code: object) -> bool:
    return isinstance(code, str) and len(code) == 2 and code.isascii() and code.isupper()


DEFAULT_POLICY: Final = build_policy()
