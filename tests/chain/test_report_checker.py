"""Whole reports compared with their records on chain: honest ones match, every lie is disproved."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from eth_utils.crypto import keccak

from analytics_pipeline.chain.abi import checker_abi
from analytics_pipeline.chain.deploy import deploy_report_checker
from analytics_pipeline.chain.embedded import development_account
from analytics_pipeline.chain.encoding import commit_record_tuple, release_record_tuple
from analytics_pipeline.chain.interface import Call, CallReverted
from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.chain.refusals import refusal
from analytics_pipeline.chain.registry import Registry
from analytics_pipeline.chain.report_check import ReportChecker
from analytics_pipeline.core.chain_values import platform_id
from analytics_pipeline.core.errors import InvalidRecord, RecordRefused
from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.core.merkle import root
from analytics_pipeline.core.policy import DEFAULT_POLICY
from analytics_pipeline.core.record import Commit, Record, Release, ReleaseRecord
from analytics_pipeline.core.report import ReportHeader, ReportRow, build_report, parse_leaves
from analytics_pipeline.core.statement import Place, challenge, figure_sum, nonce
from tests.chain.support import (
    FIRST_DAY,
    PLATFORM,
    a_commit,
    a_release,
    commit_with_seeds,
    publish,
)

OWNER = development_account(0)
STRANGER = development_account(1)
LONG_KEY = "Z" * 100


def row(scope: str, key: str, metric: str, value: int | None) -> ReportRow:
    return ReportRow(scope, key, metric, value, 1.414, 2.8)


#: most scopes and kinds of metric, shown and suppressed, keys that share a beginning, the extremes
ROWS = [
    row("creator", "ana", "viewers", 12),
    row("creator", "ana", "watch_seconds", None),
    row("platform", "", "viewers", 5_000),
    row("platform", "", "views", 2**53 - 1),
    row("region", "DE", "viewers", 1),
    row("region", "ZZ", "viewers", None),
    row("video", "Clip-1.a:b_c", "furthest_bin_00", 3),
    row("video", "Clip-1.a:b_c", "furthest_bin_19", 4),
    row("video", "Clip-1.a:b_c", "viewers", 70),
    row("video", LONG_KEY, "viewers", 8),
    row("video", LONG_KEY + "a", "viewers", 9),
    row("video", "clip", "viewers", None),
]


def leaves_of(rows: Iterable[ReportRow]) -> tuple[bytes, ...]:
    """Header and rows as they stand in a report's tree, whatever they say."""
    rows = list(rows)
    header = ReportHeader(PLATFORM, FIRST_DAY, 1, bytes(32), bytes(32), 125_000_000, len(rows))
    return parse_leaves(build_report(header, rows))


def released(
    publisher: Publisher,
    leaves: tuple[bytes, ...],
    proven: Iterable[ReportRow],
    offset: int = 0,
    revision: int = 1,
) -> ReleaseRecord:
    """A release of these leaves with the figure sum of rows that may be others."""
    (record,) = commit_with_seeds(publisher, a_commit(offset, revision))
    x = challenge_of(publisher.registry, record, publisher.beacon_of(record), root(leaves))
    total = figure_sum(proven, x).to_bytes(32, "big")
    release = replace(a_release(offset, revision), report_root=root(leaves), figure_sum=total)
    return publisher.release(PLATFORM, [release])[0]


def challenge_of(
    registry: Registry, commit: Commit, beacon: tuple[int, bytes], report_root: bytes
) -> int:
    place = Place(registry.chain.chain_id, registry.address, PLATFORM)
    return challenge(nonce(place, commit, *beacon), report_root)


@pytest.fixture
def checker(registry: Registry) -> ReportChecker:
    return ReportChecker(registry.chain, deploy_report_checker(registry.chain, OWNER, registry))


def test_an_honest_report_matches(
    registry: Registry, publisher: Publisher, checker: ReportChecker
) -> None:
    """As `core.statement` sums it up, newest record or not; nobody can disprove it."""
    leaves = leaves_of(ROWS)
    record = released(publisher, leaves, ROWS)
    assert checker.matches(registry.read_evidence(PLATFORM), record, leaves)
    publish(publisher, [a_commit(1), a_commit(2)], [a_release(2)])
    evidence = registry.read_evidence(PLATFORM)
    assert checker.matches(evidence, record, leaves)
    with pytest.raises(RecordRefused, match="ReportMatches"):
        checker.challenge(STRANGER, evidence, record, leaves)


def test_it_knows_every_metric_of_the_policy(
    registry: Registry, publisher: Publisher, checker: ReportChecker
) -> None:
    """Contract and `core.statement` give each the same code: no two agree by chance at x."""
    rows = [
        row(scope, "" if scope == "platform" else "key", metric, 1_000 + number)
        for number, (scope, metric) in enumerate(sorted(DEFAULT_POLICY.by_row))
    ]
    leaves = leaves_of(rows)
    record = released(publisher, leaves, rows)
    assert checker.matches(registry.read_evidence(PLATFORM), record, leaves)


def test_a_batch_is_checked_day_by_day(
    registry: Registry, publisher: Publisher, checker: ReportChecker
) -> None:
    """Commits and releases that stand between a commit and its release do not confuse it."""
    leaves = leaves_of(ROWS)
    commits = [a_commit(0), a_commit(1), a_commit(2)]
    records = commit_with_seeds(publisher, *commits)
    beacon = publisher.beacon_of(records[0])
    releases: list[Release] = []
    for offset in (0, 2):
        x = challenge_of(registry, commits[offset], beacon, root(leaves))
        total = figure_sum(ROWS, x).to_bytes(32, "big")
        releases.append(replace(a_release(offset), report_root=root(leaves), figure_sum=total))
    published = publisher.release(PLATFORM, releases)
    evidence = registry.read_evidence(PLATFORM)
    assert [checker.matches(evidence, record, leaves) for record in published] == [True, True]


def changed(place: int, **values: object) -> list[ReportRow]:
    return [replace(r, **values) if i == place else r for i, r in enumerate(ROWS)]


LIES = {
    "a figure one higher": changed(0, value=13),
    "a figure one lower": changed(8, value=69),
    "a suppressed figure shown": changed(1, value=900),
    "a shown figure suppressed": changed(4, value=None),
    "a row left out": ROWS[1:],
    "a row of one video told of another": changed(9, key=LONG_KEY[:-1] + "Y"),
    "two figures swapped": [
        *ROWS[:6],
        replace(ROWS[6], value=4),
        replace(ROWS[7], value=3),
        *ROWS[8:],
    ],
    "a row told twice": [*ROWS[:1], *ROWS],
    "a suppressed row told twice": [*ROWS[:2], *ROWS[1:]],
    "a figure split in two": [*changed(0, value=5)[:1], *changed(0, value=7)],
    "rows out of order": [ROWS[1], ROWS[0], *ROWS[2:]],
    "no rows at all": [],
}


@pytest.mark.parametrize("lie", LIES)
def test_a_false_report_is_disproved(
    registry: Registry, publisher: Publisher, checker: ReportChecker, lie: str
) -> None:
    """Anybody shows it, and the event says which release is false."""
    leaves = leaves_of(LIES[lie])
    record = released(publisher, leaves, ROWS)
    evidence = registry.read_evidence(PLATFORM)
    assert not checker.matches(evidence, record, leaves)
    receipt = checker.challenge(STRANGER, evidence, record, leaves)
    chain = registry.chain
    block = receipt.block_number
    topic = keccak(PLATFORM.encode())
    (log,) = chain.logs(checker.address, topic, (block, block))
    event = checker_abi().event(log)
    assert event is not None
    name, values = event
    assert name == "ReportDisproved"
    assert (values["revision"], values["head"]) == (1, record.head)


def malformed(leaf: str) -> tuple[bytes, ...]:
    return (leaves_of([])[0], leaf.encode())


_GOOD = '{"error_95":2.8,"key":"ana","metric":"viewers","scope":"creator","sigma":1.414,"value":12}'
MALFORMED = [
    _GOOD.replace("12", "012"),
    _GOOD.replace("12", "0"),
    _GOOD.replace("12", "-12"),
    _GOOD.replace("12", "12.0"),
    _GOOD.replace("12", "1e1"),
    _GOOD.replace("12", "9007199254740992"),
    _GOOD.replace("12", "12345678901234567"),
    _GOOD.replace("12", '"12"'),
    _GOOD.replace("12", ""),
    _GOOD.replace("12", "nul"),
    _GOOD.replace(":12", ": 12"),
    _GOOD.replace("ana", "a\\u006ea"),
    _GOOD.replace("ana", "ána"),
    _GOOD.replace("ana", 'a"a'),
    _GOOD.replace("ana", "a" * 129),
    _GOOD.replace("viewers", "likes"),
    _GOOD.replace("viewers", "viewers_"),
    _GOOD.replace("viewers", "furthest_bin_20"),
    _GOOD.replace("viewers", "furthest_bin_1"),
    _GOOD.replace("viewers", "furthest_bin_"),
    _GOOD.replace("viewers", "furthest_bin_000"),
    _GOOD.replace("viewers", "furthest_bin_0_"),
    _GOOD.replace("viewers", "startup_8"),
    _GOOD.replace("viewers", "startup_00"),
    _GOOD.replace("viewers", "startup_"),
    _GOOD.replace("viewers", "rebuffer_9"),
    _GOOD.replace("viewers", "rebuffer_0a"),
    _GOOD.replace("viewers", "viewers_xx"),
    _GOOD.replace("viewers", "viewers_a"),
    _GOOD.replace("viewers", "viewers_afa"),
    _GOOD.replace("viewers", "peak_viewers_"),
    _GOOD.replace("viewers", "first_of_year"),
    _GOOD.replace("viewers", ""),
    _GOOD.replace("creator", ""),
    _GOOD.replace("creator", "c" * 32),
    _GOOD.replace("sigma", "Sigma"),
    _GOOD.replace("1.414", ""),
    _GOOD.replace("1.414", '{"value":13}'),
    _GOOD.replace('"scope":"creator",', ""),
    _GOOD.replace("}", ',"value":13}'),
    _GOOD.replace("}", ""),
    _GOOD + " ",
    " " + _GOOD,
    "[]",
    "",
    "null}",
]


def test_the_row_that_the_malformed_ones_come_from_is_well_formed(
    registry: Registry, publisher: Publisher, checker: ReportChecker
) -> None:
    record = released(publisher, malformed(_GOOD), ROWS[:1])
    assert checker.matches(registry.read_evidence(PLATFORM), record, malformed(_GOOD))


@pytest.mark.parametrize("leaf", MALFORMED)
def test_a_row_with_two_readings_is_disproved(
    registry: Registry, publisher: Publisher, checker: ReportChecker, leaf: str
) -> None:
    """What is not a row in its one spelling is a false report, not a failing call: otherwise it
    could not be disproved."""
    record = released(publisher, malformed(leaf), ROWS[:1])
    assert not checker.matches(registry.read_evidence(PLATFORM), record, malformed(leaf))


def test_a_figure_sum_has_one_spelling(
    registry: Registry, publisher: Publisher, checker: ReportChecker
) -> None:
    """T and T + order are the same element; only one of them is T."""
    leaves = leaves_of(ROWS)
    (record,) = commit_with_seeds(publisher, a_commit())
    x = challenge_of(registry, record, publisher.beacon_of(record), root(leaves))
    total = (figure_sum(ROWS, x) + MODULUS).to_bytes(32, "big")
    release = replace(a_release(), report_root=root(leaves), figure_sum=total)
    (published,) = publisher.release(PLATFORM, [release])
    assert not checker.matches(registry.read_evidence(PLATFORM), published, leaves)


def test_only_recorded_reports_are_judged(
    registry: Registry, publisher: Publisher, checker: ReportChecker
) -> None:
    """Other leaves, a made-up release, an old history, another revision's commit: refused, so that
    nothing true can be disproved."""
    leaves = leaves_of(ROWS)
    first = released(publisher, leaves, ROWS)
    old = registry.read_evidence(PLATFORM)
    second = released(publisher, leaves, ROWS, revision=2)
    evidence = registry.read_evidence(PLATFORM)
    for wrong in (leaves[:-1], (*leaves, leaves[-1]), leaves_of(LIES["a figure one higher"]), ()):
        with pytest.raises(RecordRefused, match="OtherReport"):
            checker.matches(evidence, first, wrong)
    with pytest.raises(RecordRefused, match="NotRecorded"):
        checker.matches(old, first, leaves)
    for unknown in (second, replace(first, figure_sum=bytes(32))):
        with pytest.raises(InvalidRecord):
            checker.matches(old, unknown, leaves)


def test_the_contract_itself_refuses_what_is_not_recorded(
    registry: Registry, publisher: Publisher, checker: ReportChecker
) -> None:
    """A made-up release, a made-up commit, another revision's commit: none leads to the head or to
    the release, so nobody can make a true report look false."""
    leaves = leaves_of(ROWS)
    released(publisher, leaves, ROWS)
    released(publisher, leaves, ROWS, revision=2)
    records = registry.read_evidence(PLATFORM).records
    first, _, second, release = records
    tails = [record.preimage[32:] for record in records]

    def answer(commit: Record, between: list[bytes], release: Record) -> bool:
        recorded = (
            platform_id(PLATFORM),
            commit.previous_head,
            commit_record_tuple(commit),
            between,
            release_record_tuple(release),
            [],
        )
        data = checker_abi().calldata("matches", recorded, list(leaves))
        try:
            said = registry.chain.call(Call(STRANGER.address, checker.address, data))
        except CallReverted as error:
            raise refusal(error) from None
        return bool(checker_abi().result("matches", said))

    assert answer(second, [], release)
    with pytest.raises(RecordRefused, match="OtherCommit"):
        answer(first, tails[1:3], release)
    with pytest.raises(RecordRefused, match="NotRecorded"):
        answer(replace(second, tally_root=bytes(32)), [], release)
    with pytest.raises(RecordRefused, match="NotRecorded"):
        answer(second, [], replace(release, figure_sum=bytes(32)))
    with pytest.raises(RecordRefused, match="NotRecorded"):
        answer(second, [], replace(release, beacon=bytes(32)))
