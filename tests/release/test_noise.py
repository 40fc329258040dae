"""A report is exact + drawn noise, suppressed where it is small, and nothing else decides it."""

import decimal
import hashlib
import math
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from statistics import fmean, pstdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_pipeline.core.accounting import NANO, published_epsilon
from analytics_pipeline.core.errors import InvalidInput, ReleaseError
from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.core.listing import ListedVideo, Listing, build_listing
from analytics_pipeline.core.policy import DEFAULT_POLICY, Query
from analytics_pipeline.core.report import MAX_VALUE, Report, ReportHeader, parse_report
from analytics_pipeline.core.sampler import Seed, draw_noise
from analytics_pipeline.core.tally import MAX_TALLY_VALUE, TallyRow
from analytics_pipeline.release import noise
from analytics_pipeline.release.noise import check_spend, draw_report, library_rho
from tests.support.world import SMALL_POLICY, small_tally

SEED = Seed(31337, 271828)
NONCE = 1618033988749


def header_of(tally: Sequence[TallyRow]) -> ReportHeader:
    return ReportHeader(
        "demo",
        date(2026, 3, 1),
        1,
        bytes(32),
        SMALL_POLICY.policy_hash,
        SMALL_POLICY.rho_nano_per_release,
        len(tally),
    )


def listing_of(tally: Sequence[TallyRow]) -> Listing:
    videos = {row.key for row in tally if row.scope == "video"}
    return build_listing(ListedVideo("ana", video) for video in videos)


def tally_of(value: int, videos: int = 2) -> list[TallyRow]:
    return [row._replace(value=value) for row in small_tally(SMALL_POLICY, videos)]


def drawn(tally: Sequence[TallyRow], seed: Seed = SEED, nonce: int = NONCE) -> bytes:
    return draw_report(tally, SMALL_POLICY, header_of(tally), listing_of(tally), seed, nonce)


def report_of(tally: Sequence[TallyRow], seed: Seed = SEED, nonce: int = NONCE) -> Report:
    return parse_report(drawn(tally, seed, nonce))


def test_the_library_spends_no_more_than_we_publish() -> None:
    """OpenDP's privacy map at each query's sensitivity and σ: at most its ρ, and not much less."""
    for query in DEFAULT_POLICY.queries:
        assert 0.999 * query.rho_nano < library_rho(query) * NANO <= query.rho_nano


def test_the_published_epsilon_covers_what_the_library_says() -> None:
    """The ε in policy.json is at least the one of the library's summed ρ (cf. opendp#2945)."""
    total = math.ceil(sum(library_rho(query) for query in DEFAULT_POLICY.queries) * NANO)
    published = DEFAULT_POLICY.to_json()["epsilon"]["per_release"]
    assert published_epsilon(total) <= published


def test_a_query_that_would_spend_more_is_not_drawn() -> None:
    """A mechanism whose map exceeds the policy's ρ raises before anything is drawn."""

    class Understated(Query):
        @property
        def sigma_thousandths(self) -> int:
            return super().sigma_thousandths // 2

    for query in DEFAULT_POLICY.queries:
        check_spend(query)
        with pytest.raises(ReleaseError, match="more than its policy says"):
            check_spend(Understated(**asdict(query)))


def test_noise_has_the_stated_spread() -> None:
    """Over many cells: mean 0, deviation σ, one in twenty beyond the 95 % error (6.5 σ slack)."""
    exact = 10**6
    tally = tally_of(exact, videos=400)
    report = report_of(tally)
    for query in SMALL_POLICY.queries:
        noises = [
            row.value - exact
            for row in report.rows
            if row.value is not None
            and (row.scope, row.metric) in {(query.scope, metric) for metric in query.metrics}
        ]
        if query.scope != "video":
            assert all(abs(noise) < 7 * query.sigma for noise in noises)
            continue
        count = len(noises)
        assert count in (400, 8000)
        assert abs(fmean(noises)) < 6.5 * query.sigma / math.sqrt(count)
        assert abs(pstdev(noises) / query.sigma - 1) < 6.5 / math.sqrt(2 * count)
        outside = sum(abs(noise) > query.error_95 for noise in noises) / count
        assert abs(outside - 0.05) < 6.5 * math.sqrt(0.05 * 0.95 / count) + 0.01


def test_values_are_exact_plus_drawn_noise() -> None:
    """Row by row; below its threshold a value is null, from it on it is shown."""
    tally = small_tally(SMALL_POLICY, videos=30)
    noise = draw_noise(SEED, NONCE, SMALL_POLICY, listing_of(tally))
    suppressed = 0
    for row, exact in zip(report_of(tally).rows, tally, strict=True):
        noised = exact.value + noise[row.name]
        threshold = SMALL_POLICY.by_row[row.scope, row.metric].threshold
        assert row.value == (noised if noised >= threshold else None)
        suppressed += row.value is None
    assert 300 < suppressed < 360  # half of 22 · 30 video cells are 0


@settings(max_examples=20)
@given(st.integers(0, MODULUS - 1), st.integers(0, MODULUS - 1), st.randoms())
def test_a_report_depends_on_its_arguments_alone(
    value: int, nonce: int, shuffler: random.Random
) -> None:
    """The order of the tally, other randomness and arithmetic settings change nothing."""
    tally = tally_of(10**6)
    ours = drawn(tally, Seed(value, 1), nonce)
    shuffler.shuffle(tally)
    random.seed(value)
    with decimal.localcontext(decimal.Context(prec=5)):
        assert drawn(tally, Seed(value, 2), nonce) == ours


def test_another_process_draws_the_same_report() -> None:
    """Byte by byte, with another hash seed."""
    program = (
        "from tests.release.test_noise import drawn, hashlib, tally_of\n"
        "print(hashlib.sha256(drawn(tally_of(10**6))).hexdigest())"
    )
    for hash_seed in ("1", "2"):
        printed = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
        assert printed.stdout.strip() == hashlib.sha256(drawn(tally_of(10**6))).hexdigest()


def test_another_nonce_or_seed_is_other_noise() -> None:
    """No two cells of a report, and no cell of two reports, share their noise but by chance."""
    tally = tally_of(10**9, videos=20)
    ours = [row.value for row in report_of(tally).rows]
    for other in (
        report_of(tally, nonce=NONCE + 1),
        report_of(tally, seed=replace(SEED, value=SEED.value + 1)),
    ):
        theirs = [row.value for row in other.rows]
        assert sum(a == b for a, b in zip(ours, theirs, strict=True)) < len(ours) // 10
    watch = [row.value for row in report_of(tally).rows if row.metric == "watch_seconds"]
    assert len(set(watch)) > len(watch) * 0.9


def test_empty_days_are_suppressed() -> None:
    """Of zeros almost nothing is shown; what is shown is at its threshold or above."""
    tally = tally_of(0, videos=50)
    report = report_of(tally)
    shown = [row for row in report.rows if row.value is not None]
    assert len(shown) < 25  # 1106 cells at 0.13 %: 1.5 expected
    for row in shown:
        assert row.value is not None
        assert row.value >= SMALL_POLICY.by_row[row.scope, row.metric].threshold


def test_report_rows_are_complete_and_in_order() -> None:
    """The report has the tally's rows, sorted, whatever order they came in."""
    tally = tally_of(5)
    report = report_of(tally[::-1])
    assert [row.name for row in report.rows] == [row[:3] for row in tally]
    assert {row.sigma for row in report.rows} == {query.sigma for query in SMALL_POLICY.queries}


def test_a_catalogue_without_videos_is_released() -> None:
    """No video, no creator: the platform, its storage providers and its regions remain."""
    tally = [row for row in tally_of(10**6) if row.scope in ("platform", "provider", "region")]
    report = report_of(tally)
    assert len(report.rows) == 6 + 2 * 17 + 3


def test_the_largest_values_do_not_overflow() -> None:
    """At the tally's limit the noised value stays an exact JSON integer."""
    tally = tally_of(MAX_TALLY_VALUE)
    report = report_of(tally)
    assert all(row.value is not None and row.value <= MAX_VALUE for row in report.rows)


@pytest.mark.parametrize(
    ("field", "value"),
    [("policy_hash", bytes(32)), ("spend_nano_rho", 1), ("row_count", 1)],
)
def test_a_header_of_other_inputs_is_refused(field: str, value: object) -> None:
    """The header must state the policy, the spend and the rows that are drawn."""
    tally = tally_of(5)
    header = ReportHeader(**{**vars(header_of(tally)), field: value})
    with pytest.raises(InvalidInput, match=f"header.{field}"):
        draw_report(tally, SMALL_POLICY, header, listing_of(tally), SEED, NONCE)


def test_an_incomplete_tally_is_refused() -> None:
    """Nothing is drawn for a tally that lacks a row."""
    tally = tally_of(5)[1:]
    with pytest.raises(InvalidInput, match="rows"):
        drawn(tally)


@pytest.mark.parametrize(
    ("videos", "problem"),
    [
        ([("ana", "clip-0")], "videos, differs in 'clip-1'"),
        ([("ana", "clip-0"), ("ana", "clip-1"), ("ana", "clip-2")], "videos, .* 'clip-2'"),
        ([("ana", "clip-0"), ("bo", "clip-1")], "creators, .* 'bo'"),
    ],
)
def test_a_listing_of_other_videos_is_refused(videos: list[tuple[str, str]], problem: str) -> None:
    """The tally has the listing's videos and creators: a slot too many would shift the noise."""
    tally = tally_of(5)
    listing = build_listing(ListedVideo(*video) for video in videos)
    with pytest.raises(InvalidInput, match=problem):
        draw_report(tally, SMALL_POLICY, header_of(tally), listing, SEED, NONCE)


def test_there_is_no_other_randomness() -> None:
    """The module uses no generator of Python's (and a second run would show OpenDP's)."""
    assert not {"random", "secrets", "numpy", "np"} & set(vars(noise))
