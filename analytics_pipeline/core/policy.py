"""What a release may spend on whom: bounds, queries, noise, suppression. Defined here, once.

    Bounds   how much one viewer-day can contribute at most   (`core.sensitivity`; dbt's tally)
    Query    one noisy answer: a scope's metric(s) over all its keys, its ρ, unit, sensitivity, σ
    Policy   bounds, queries, fixed keys (regions, providers), the caps of a day and of 30 days; its
             canonical bytes are published with every release, their SHA-256 (`policy_hash`) is in
             the commit record

The unit of privacy is the **viewer-day**: two days' data are neighbours if one has everything the
other has, and one viewer-day more. A query is a whole vector (all videos, all creators, …), so one
ρ pays for all of its rows. Noise comes in whole units of a query (1 viewer, 100 s, …) plus a
uniform dither that fills the gaps between them. Belongs here: constants and derivations. Does not
belong here: drawing noise (`core.sampler`), converting ρ to ε (`core.accounting`).
"""

import functools
import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from analytics_pipeline.core import canonical
from analytics_pipeline.core.accounting import DELTA, published_epsilon, sigma_thousandths
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.event import PROVIDERS
from analytics_pipeline.core.histograms import (
    FURTHEST_BIN_METRICS,
    REBUFFER_EDGES_PERMILLE,
    REBUFFER_METRICS,
    STARTUP_EDGES_MS,
    STARTUP_METRICS,
)
from analytics_pipeline.core.histograms import RETENTION_BINS as RETENTION_BINS
from analytics_pipeline.core.histograms import furthest_bin_metric as furthest_bin_metric
from analytics_pipeline.core.regions import CONTINENTS, REGIONS, continent_of
from analytics_pipeline.core.sensitivity import Bounds as Bounds  # part of a policy, and read here
from analytics_pipeline.core.sensitivity import sensitivities_squared

FORMAT: Final = "viewership-policy/3"
#: The rule by which noise follows from a seed and a nonce (spec/policy.md, "Noise").
NOISE_RULE: Final = "viewership-noise/1"
#: A noised value below this many σ is suppressed (so is every negative one).
SUPPRESSION_SIGMAS: Final = 3
#: Scales beyond this many units would need tables of over 20,001 entries: take a coarser unit.
MAX_SIGMA_UNITS: Final = 1000

RHO_NANO_PER_RELEASE: Final = 125_000_000
#: Room for one correction.
RHO_NANO_PER_DAY: Final = 250_000_000
#: Any 30 consecutive days together: 30 first releases, and room for 10 corrections.
RHO_NANO_PER_30_DAYS: Final = 5_000_000_000

#: Nano-ρ of each query: 28 % uniques, 27 % watch time, 27 % retention, 7 % audience by region, 5 %
#: quality by provider, 6 % the platform's own counts. `docs/privacy.md` says why.
DEFAULT_RHO_NANO: Final[Mapping[str, int]] = {
    "creator.continent": 3_750_000,
    "creator.viewers": 5_000_000,
    "creator.watch_seconds": 3_750_000,
    "platform.first_of_month": 1_250_000,
    "platform.first_of_week": 1_250_000,
    "platform.peak_viewers": 1_250_000,
    "platform.viewers": 2_500_000,
    "platform.views": 1_250_000,
    "platform.watch_seconds": 2_500_000,
    "provider.rebuffer": 2_500_000,
    "provider.startup": 2_500_000,
    "provider.viewers": 1_250_000,
    "region.viewers": 5_000_000,
    "video.furthest_bin": 33_750_000,
    "video.viewers": 30_000_000,
    "video.watch_seconds": 27_500_000,
}
#: Metrics of `creator.continent`, in order.
CONTINENT_METRICS: Final = tuple(f"viewers_{continent}" for continent in CONTINENTS)
#: Metrics of a query whose figures are not one number a key; of the others, the name's second part.
_VECTORS: Final[Mapping[str, tuple[str, ...]]] = {
    "creator.continent": CONTINENT_METRICS,
    "provider.rebuffer": REBUFFER_METRICS,
    "provider.startup": STARTUP_METRICS,
    "video.furthest_bin": FURTHEST_BIN_METRICS,
}
#: Storage providers in the order of their rows.
DEFAULT_PROVIDERS: Final = tuple(sorted(PROVIDERS))

DEFAULT_BOUNDS: Final = Bounds()
#: Units coarser than 1: in them every σ is small enough for a table inside a proof.
DEFAULT_UNITS: Final[Mapping[str, int]] = {
    **dict.fromkeys(DEFAULT_RHO_NANO, 1),
    "creator.watch_seconds": 300,
    "platform.views": 10,
    "platform.watch_seconds": 3600,
    "video.watch_seconds": 100,
}


@dataclass(frozen=True)
class Query:
    """One Gaussian mechanism: the metrics of a scope that are answered together."""

    name: str
    scope: str
    metrics: tuple[str, ...]
    rho_nano: int
    unit: int
    sensitivity_squared: int

    @property
    def sigma_thousandths(self) -> int:
        """Scale of the discrete Gaussian, in 1/1000 unit: Δ₂/√(2ρ) rounded up, never exact."""
        return sigma_thousandths(self.sensitivity_squared, self.rho_nano)

    @functools.cached_property
    def _sigma_value_thousandths(self) -> int:
        """⌈1000 √(unit²σ² + (unit² − 1)/12)⌉: a uniform dither adds its own variance."""
        twelvefold = 12 * (self.unit * self.sigma_thousandths) ** 2 + (self.unit**2 - 1) * 10**6
        root = math.isqrt(twelvefold // 12)
        return root if 12 * root**2 == twelvefold else root + 1

    @property
    def sigma(self) -> float:
        """Standard deviation of the noise, as values count, rounded up to 3 decimals."""
        return self._sigma_value_thousandths / 1000

    @property
    def error_95(self) -> float:
        """Half the width of the 95 % interval around a value: 1.96 σ, rounded up to 3 decimals."""
        return -(-self._sigma_value_thousandths * 1960 // 1000) / 1000

    @property
    def threshold(self) -> int:
        """Smallest value that is shown: 3 σ rounded up to an integer."""
        return -(-self._sigma_value_thousandths * SUPPRESSION_SIGMAS // 1000)


@dataclass(frozen=True)
class Policy:
    """Everything that decides how a tally becomes a report."""

    bounds: Bounds
    queries: tuple[Query, ...]
    regions: tuple[str, ...]
    rho_nano_per_day: int
    #: of every 30 consecutive UTC days (`core.budget`)
    rho_nano_per_30_days: int
    providers: tuple[str, ...] = DEFAULT_PROVIDERS

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
            "noise": NOISE_RULE,
            "bounds": asdict(self.bounds),
            "retention_bins": RETENTION_BINS,
            "suppression_sigmas": SUPPRESSION_SIGMAS,
            "histograms": {
                "rebuffer_edges_permille": list(REBUFFER_EDGES_PERMILLE),
                "startup_edges_ms": list(STARTUP_EDGES_MS),
            },
            "regions": list(self.regions),
            "continents": [continent_of(region) for region in self.regions],
            "providers": list(self.providers),
            "queries": [_query_to_json(query) for query in self.queries],
            "rho_nano_per_release": self.rho_nano_per_release,
            "rho_nano_per_day": self.rho_nano_per_day,
            "rho_nano_per_30_days": self.rho_nano_per_30_days,
            "delta": DELTA,
            "epsilon": {
                "per_release": published_epsilon(self.rho_nano_per_release),
                "per_day_at_most": published_epsilon(self.rho_nano_per_day),
                "per_30_days": published_epsilon(30 * self.rho_nano_per_release),
                "per_30_days_at_most": published_epsilon(
                    min(self.rho_nano_per_30_days, 30 * self.rho_nano_per_day)
                ),
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
    bounds: Bounds = DEFAULT_BOUNDS,
    rho_nano: Mapping[str, int] = DEFAULT_RHO_NANO,
    rho_nano_per_day: int = RHO_NANO_PER_DAY,
    regions: tuple[str, ...] = REGIONS,
    units: Mapping[str, int] = DEFAULT_UNITS,
    rho_nano_per_30_days: int = RHO_NANO_PER_30_DAYS,
    providers: tuple[str, ...] = DEFAULT_PROVIDERS,
) -> Policy:
    """Put a policy together. Raises InvalidInput if a bound, share, unit or cap makes no sense."""
    for field, value in asdict(bounds).items():
        _positive(f"bounds.{field}", value, 100_000)
    for name in sorted((rho_nano.keys() ^ DEFAULT_RHO_NANO) | (units.keys() ^ DEFAULT_RHO_NANO)):
        problem = "has no share or no unit" if name in DEFAULT_RHO_NANO else "is no query we know"
        raise InvalidInput(f"queries.{name}", problem)
    for name, share in rho_nano.items():
        _positive(f"queries.{name}.rho_nano", share, 10**12)
        _positive(f"queries.{name}.unit", units[name], 100_000)
    _positive("rho_nano_per_day", rho_nano_per_day, 10**12)
    _positive("rho_nano_per_30_days", rho_nano_per_30_days, 10**12)
    if list(regions) != sorted(set(regions)) or not all(_is_region(code) for code in regions):
        raise InvalidInput("regions", "must be ascending, distinct two-letter codes")
    if list(providers) != sorted(set(providers)) or not all(map(_is_provider, providers)):
        raise InvalidInput("providers", "must be ascending, distinct words of a to z")
    queries = tuple(
        Query(name, name.split(".")[0], _metrics(name), rho_nano[name], units[name], squared)
        for name, squared in sorted(sensitivities_squared(bounds, units).items())
    )
    for query in queries:
        if query.sigma_thousandths > 1000 * MAX_SIGMA_UNITS:
            problem = f"is too fine: σ would be more than {MAX_SIGMA_UNITS} units"
            raise InvalidInput(f"queries.{query.name}.unit", problem)
    policy = Policy(bounds, queries, regions, rho_nano_per_day, rho_nano_per_30_days, providers)
    if policy.rho_nano_per_release > rho_nano_per_day:
        raise InvalidInput("rho_nano_per_day", "is less than one release spends")
    if rho_nano_per_day > rho_nano_per_30_days:
        raise InvalidInput("rho_nano_per_30_days", "is less than one day may spend")
    return policy


@functools.lru_cache(maxsize=16)
def parse_policy(data: bytes) -> Policy:
    """Parse `policy.json`; everything derived (sensitivity, σ, ε, …) must be what we derive. Days
    share their policies, so it is derived once.

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
            {query["name"]: query["unit"] for query in raw["queries"]},
            raw["rho_nano_per_30_days"],
            tuple(raw["providers"]),
        )
    except (KeyError, TypeError, AttributeError):
        raise InvalidInput("policy", f"lacks the fields of {FORMAT}") from None
    ours = policy.to_json()
    for field in sorted(set(ours) | (set(raw) if isinstance(raw, dict) else set())):
        if field not in raw or field not in ours or raw[field] != ours[field]:
            raise InvalidInput(
                f"policy.{field}", "is not what follows from bounds, shares and units"
            )
    if policy.canonical_bytes != data:
        raise InvalidInput("policy", "is not what follows from its bounds, shares and units")
    return policy


def _metrics(name: str) -> tuple[str, ...]:
    return _VECTORS.get(name, (name.split(".")[1],))


def _query_to_json(query: Query) -> dict[str, Any]:
    return {
        "name": query.name,
        "scope": query.scope,
        "metrics": list(query.metrics),
        "rho_nano": query.rho_nano,
        "unit": query.unit,
        "sensitivity_squared": query.sensitivity_squared,
        "sigma_thousandths": query.sigma_thousandths,
        "sigma": query.sigma,
        "error_95": query.error_95,
        "threshold": query.threshold,
    }


def _positive(field: str, value: object, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise InvalidInput(field, f"must be an integer in 1..{most}")


def _is_region(code: object) -> bool:
    return isinstance(code, str) and len(code) == 2 and code.isascii() and code.isupper()


def _is_provider(name: object) -> bool:
    return isinstance(name, str) and name.isascii() and name.isalpha() and name.islower()


DEFAULT_POLICY: Final = build_policy()
