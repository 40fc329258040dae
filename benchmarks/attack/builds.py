"""Releases broken on purpose: an attack that does not catch them would prove nothing by silence.

    noise_halved             tables of half the σ, drawn by the real sampler
    clip_removed             the models without the bounds of seconds
    clip_per_video_removed   without that of a video: the day's bound alone is not enough
    l0_ignored               without the bound of videos
    noise_redrawn            each re-run of a day draws anew; the attacker averages 32
    noise_reused             a correction under the seed and nonce of the release before it
    rows_where_watched       figures only of what anybody watched, as an exact tally says

What each is held against is what the sound policy states. Belongs here: the breaking.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from analytics_pipeline.core.accounting import DELTA
from analytics_pipeline.core.policy import Bounds, Policy
from benchmarks.attack.bounds import Scores, lower_bound
from benchmarks.attack.game import (
    RELEASE,
    Cells,
    Change,
    Findings,
    alpha_of,
    attack,
    release,
    rho_of,
    score,
    worst_changes,
)
from benchmarks.attack.noise import Noise, draw
from benchmarks.attack.tallies import Tallies

RERUNS: Final = 32
#: Runs with halved noise, as a share: other noise has to be drawn, and half of it is soon noticed.
_HALVED_RUNS: Final = 4
_FEW: Final = 1_000
_NO_BOUND: Final = 100_000


@dataclass(frozen=True)
class Build:
    """A broken build, and what the attack found."""

    name: str
    broken: str
    runs: int
    findings: Findings

    def describe(self) -> dict[str, Any]:
        """Its row: the worst metric, if one is caught; else the whole release."""
        exceeded = self.findings.exceeded
        worst = exceeded[0] if exceeded else RELEASE
        return {
            "build": self.name,
            "broken": self.broken,
            "caught": bool(exceeded),
            "metric": worst,
            "epsilon_stated": round(self.findings.epsilon_stated(worst), 4),
            "epsilon_lower_bound": round(self.findings.bounds[worst].epsilon, 4),
            "metrics_caught": exceeded,
            "runs": self.runs,
        }


def break_and_attack(
    pool: Executor,
    policy: Policy,
    tallies: Tallies,
    noise: tuple[Noise, Noise],
    confidence: float,
    label: str,
) -> Iterator[Build]:
    """Every broken build.

    Args:
        pool: to draw noise in.
        noise: of releases without and with the viewer, as the sound sampler draws it.
        label: seeds of the noise that has to be drawn beside it.
    """
    sound = worst_changes(policy, tallies.by_day)
    out, in_ = noise
    runs = len(out[policy.queries[0].name])

    halved = replace(
        policy, queries=tuple(replace(q, rho_nano=4 * q.rho_nano) for q in policy.queries)
    )
    figures = {name: drawn.shape[1] for name, drawn in out.items()}
    fewer = min(runs, max(_FEW, runs // _HALVED_RUNS))
    weak = [
        draw(pool, halved, figures, fewer, f"{label}/halved/{world}") for world in ("out", "in")
    ]
    findings = attack(policy, sound, weak[0], weak[1], confidence)
    yield Build("noise_halved", "σ of every table halved", fewer, findings)

    for name, broken, bounds in (
        (
            "clip_removed",
            "no bound of seconds, neither a video's nor the day's",
            replace(policy.bounds, seconds_per_video=_NO_BOUND, seconds_per_day=_NO_BOUND),
        ),
        (
            "clip_per_video_removed",
            "no bound of a video's seconds",
            replace(policy.bounds, seconds_per_video=_NO_BOUND),
        ),
        (
            "l0_ignored",
            "no bound of videos a viewer-day",
            replace(policy.bounds, videos_per_viewer_day=_NO_BOUND),
        ),
    ):
        yield Build(name, broken, runs, _attack_bounds(policy, tallies, bounds, noise, confidence))

    findings = attack(policy, sound, _averaged(out), _averaged(in_), confidence)
    broken = f"every re-run draws anew: the mean of {RERUNS}"
    yield Build("noise_redrawn", broken, runs // RERUNS, findings)
    findings = _attack_reuse(policy, sound, noise, confidence)
    yield Build("noise_reused", "a correction has the noise of the release before", runs, findings)
    findings = _attack_rows(policy, sound, runs, confidence)
    yield Build("rows_where_watched", "no row where the exact figure is 0", runs, findings)


def _attack_bounds(
    policy: Policy,
    tallies: Tallies,
    bounds: Bounds,
    noise: tuple[Noise, Noise],
    confidence: float,
) -> Findings:
    """The real models and noise, but for the bounds."""
    changes = worst_changes(policy, tallies.rebuild(bounds))
    return attack(policy, changes, *noise, confidence)


def _averaged(noise: Noise) -> Noise:
    """Means over consecutive releases: re-runs of a day, each under a seed and nonce of its own."""
    whole = {name: len(drawn) // RERUNS * RERUNS for name, drawn in noise.items()}
    return {
        name: drawn[: whole[name]].reshape(-1, RERUNS, drawn.shape[1]).mean(axis=1)
        for name, drawn in noise.items()
    }


def _attack_reuse(
    policy: Policy,
    changes: Mapping[str, Sequence[Change]],
    noise: tuple[Noise, Noise],
    confidence: float,
) -> Findings:
    """She is in the correction or not; it is held against the first release, two releases' ε."""

    def scores(parts: Sequence[Change], drawn: Noise, viewer_is_in: bool) -> Scores:
        total = np.zeros(len(drawn[parts[0].query.name]))
        for change in parts:
            first = release(change, drawn, False)
            second = release(change, drawn, viewer_is_in)
            total += score(change, change.base + second - first)
        return total

    alpha = alpha_of(policy, confidence)
    bounds = {
        name: lower_bound(
            scores(parts, noise[0], False), scores(parts, noise[1], True), DELTA, alpha
        )
        for name, parts in changes.items()
    }
    return Findings(rho_of(policy, releases=2), bounds)


def _attack_rows(
    policy: Policy, changes: Mapping[str, Sequence[Change]], runs: int, confidence: float
) -> Findings:
    """Does any row stand there that only she can have brought?"""

    def rows(change: Change, viewer_is_in: bool) -> Cells:
        exact = change.base + change.added if viewer_is_in else change.base
        return np.asarray(change.places[exact > 0], np.int64)

    def scores(parts: Sequence[Change], viewer_is_in: bool) -> Scores:
        new = any(np.setdiff1d(rows(c, viewer_is_in), rows(c, False)).size for c in parts)
        return np.full(runs, 1.0 if new else -1.0)

    alpha = alpha_of(policy, confidence)
    bounds = {
        name: lower_bound(scores(parts, False), scores(parts, True), DELTA, alpha)
        for name, parts in changes.items()
    }
    return Findings(rho_of(policy), bounds)
