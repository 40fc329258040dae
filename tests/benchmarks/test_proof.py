"""The benchmark of proving: its days keep the rules, its sums are right, it really proves."""

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from analytics_pipeline.core.policy import DEFAULT_POLICY
from analytics_pipeline.core.tally import build_tally
from analytics_pipeline.proving.day_rows import build_day_rows
from benchmarks.proof import ASSUMPTIONS, price
from benchmarks.proof_day import build_proof_day

ROOT = Path(__file__).parents[2]
EVENTS = 1_000


@pytest.mark.parametrize(
    ("events", "videos", "creators"), [(1, 60, 20), (10_000, 60, 20), (20_000, 250, 100)]
)
def test_days_keep_the_rules(events: int, videos: int, creators: int) -> None:
    """A prover accepts every day, and the release its tally; rows and listing are as stated."""
    day = build_proof_day(events)

    rows = build_day_rows(day.contributions, day.listing, DEFAULT_POLICY)
    tally = {row[:3]: row.value for row in build_tally(day.tally, DEFAULT_POLICY)}

    assert len(rows) == max(1, events * 22 // 100)
    assert (len(day.listing.video_ids), len(day.listing.creator_ids)) == (videos, creators)
    assert tally["platform", "", "views"] == len(rows)
    assert tally["platform", "", "viewers"] == rows.rows.first.sum()
    for video_id in day.listing.video_ids:
        bins = [tally["video", video_id, f"furthest_bin_{position:02d}"] for position in range(20)]
        assert sum(bins) == tally["video", video_id, "viewers"]


def test_days_are_like_real_ones_and_always_the_same() -> None:
    """Popularity has a heavy tail, viewers watch 4.6 videos, both bounds of seconds are reached."""
    day, again = build_proof_day(100_000), build_proof_day(100_000)

    assert day.contributions.equals(again.contributions)
    watched = day.contributions["video_id"].value_counts(sort=True)["count"]
    assert watched[0] > 20 * watched.median()
    viewers = day.contributions.group_by("viewer").agg(pl.len(), pl.col("seconds").sum())
    assert viewers["len"].mean() == pytest.approx(4.6, abs=0.1)
    assert (viewers["len"].min(), viewers["len"].max()) == (1, 10)
    assert viewers["seconds"].max() == DEFAULT_POLICY.bounds.seconds_per_day
    assert day.contributions["seconds"].max() == DEFAULT_POLICY.bounds.seconds_per_video


def test_prices_are_the_stated_ones() -> None:
    """Two million events, half an hour, four million gas: reckoned by hand."""
    assert ASSUMPTIONS["machine_usd_per_hour"] == 0.10
    assert price(2_000_000, 1800, 4_000_000) == {
        "machine": 2.5,  # 5 cents for 2 million
        "rollup": 8.5,  # and 4e6 · 1e-11 ETH = 12 cents
        "l1": 602.5,  # and 4e6 · 1e-9 ETH = 12 dollars
    }


@pytest.mark.network
def test_proof_benchmark_proves_and_publishes(tmp_path: Path) -> None:
    """A small day through the real prover and the real contracts; nothing is left behind."""
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.proof", "--events", str(EVENTS), "--json"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    figures = json.loads(result.stdout)
    assert figures.pop("machine")["cores"] == os.cpu_count()
    assert figures["events"] == EVENTS
    assert (figures["rows"], figures["proofs"]) == (220, 1)
    assert figures["proof_bytes"] == 2624 + 384 * 18  # a proof of up to 2^18 gates
    assert 900_000 < figures["gas"] < 1_200_000
    assert figures["release_fits_transaction"]
    assert 0.1 < figures["peak_gib"] < 2
    parts = ("commit_seconds", "report_seconds", "witness_seconds", "prove_seconds")
    assert sum(figures[part] for part in parts) == pytest.approx(figures["total_seconds"], abs=0.1)
    documented = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    assert {name for name in figures if f"`{name}`" not in documented} == set()
    assert list(tmp_path.glob("benchmark-*")) == []
