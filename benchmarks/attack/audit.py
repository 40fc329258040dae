"""The audit as a whole: what is attacked, in which order, and whether it went well."""

from concurrent.futures import Executor
from datetime import date
from typing import Any, Final

from analytics_pipeline.core.accounting import DELTA
from analytics_pipeline.core.policy import Policy
from analytics_pipeline.core.report import ReportHeader
from analytics_pipeline.core.sampler import Seed
from analytics_pipeline.core.tally import TallyRow
from analytics_pipeline.release.noise import draw_report
from benchmarks.attack.bounds import lower_bound
from benchmarks.attack.builds import RERUNS, break_and_attack
from benchmarks.attack.days import LISTING, PLATFORM
from benchmarks.attack.game import (
    RELEASE,
    alpha_of,
    attack,
    describe,
    figures_needed,
    published_score,
    score_all,
    worst_changes,
)
from benchmarks.attack.noise import draw
from benchmarks.attack.reconstruction import find_views, reconstruct
from benchmarks.attack.tallies import Tallies, Tally
from benchmarks.machine import say

#: Of all bounds of `metrics` together; likewise of each broken build.
CONFIDENCE: Final = 0.99


def audit(
    pool: Executor, policy: Policy, tallies: Tallies, runs: int, label: str
) -> dict[str, Any]:
    """Attack everything. `passed` says whether all promises held and all broken builds were caught.

    Args:
        pool: to draw noise in.
        runs: releases without the viewer, and as many with her.
        label: of the seeds.
    """
    changes = worst_changes(policy, tallies.by_day)
    views = find_views(policy, tallies.by_day)
    touched = [c for part in changes.values() for c in part]
    touched += [c for task in views.values() for view in task for c in view]
    figures = figures_needed(touched)
    out, in_ = (draw(pool, policy, figures, runs, f"{label}/{world}") for world in ("out", "in"))
    say("guessing")
    findings = attack(policy, changes, out, in_, CONFIDENCE)
    metrics = describe(findings, changes, policy, CONFIDENCE)
    published = lower_bound(
        score_all(changes[RELEASE], out, False, published_score),
        score_all(changes[RELEASE], in_, True, published_score),
        DELTA,
        alpha_of(policy, CONFIDENCE),
    )
    tasks = reconstruct(policy, tallies.by_day, out, 1 - CONFIDENCE)
    say("breaking builds")
    builds = break_and_attack(pool, policy, tallies, (out, in_), CONFIDENCE, label)
    broken = [build.describe() for build in builds]
    reruns = len({_report(policy, tallies.by_day["out"]) for _ in range(RERUNS)})
    return {
        "runs": runs,
        "delta": DELTA,
        "confidence": CONFIDENCE,
        "metrics": metrics,
        "published": {
            "metric": RELEASE,
            "epsilon_stated": metrics[-1]["epsilon_stated"],
            "epsilon_lower_bound": round(published.epsilon, 4),
            "right_guesses": round(published.right / published.rounds, 4),
        },
        "reconstruction": tasks,
        "reruns": {"runs": RERUNS, "different_reports": reruns},
        "broken_builds": broken,
        "passed": not findings.exceeded
        and published.epsilon <= findings.epsilon_stated(RELEASE)
        and all(row["right_at_least"] <= row["right_at_most_by_rho"] for row in tasks)
        and reruns == 1
        and all(build["caught"] for build in broken),
    }


def _report(policy: Policy, tally: Tally) -> bytes:
    """A release as it is published, again and again the same: there is nothing to average."""
    rows = [TallyRow(*name, value) for name, value in sorted(tally.items())]
    header = ReportHeader(
        PLATFORM,
        date(2026, 1, 1),
        1,
        bytes(32),
        policy.policy_hash,
        policy.rho_nano_per_release,
        len(rows),
    )
    return draw_report(rows, policy, header, LISTING, Seed(31337, 271828), 1618033988749)
