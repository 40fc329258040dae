"""Records to publish, and the shortest way to call the contract directly."""

import hashlib
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount

from analytics_pipeline.chain.abi import ContractAbi, registry_abi
from analytics_pipeline.chain.account import send_and_wait
from analytics_pipeline.chain.interface import CallReverted
from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.chain.refusals import refusal
from analytics_pipeline.chain.registry import Registry
from analytics_pipeline.core.chain_values import cid_text
from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.core.record import Beacon, Commit, CommitRecord, Release, ReleaseRecord
from analytics_pipeline.core.statement import Place, Statement, challenge, nonce

PLATFORM = "demo"
FIRST_DAY = date(2026, 1, 1)


def digest(*parts: object) -> bytes:
    """32 bytes that depend on the parts."""
    return hashlib.sha256(repr(parts).encode()).digest()


def a_cid(*parts: object) -> str:
    """A CIDv1 (raw, SHA-256) that depends on the parts."""
    return cid_text(b"\x01\x55\x12\x20" + digest(*parts))


def element(*parts: object) -> bytes:
    """A field element that depends on the parts."""
    return (int.from_bytes(digest(*parts), "big") % MODULUS).to_bytes(32, "big")


def seed_commitment(day: date) -> bytes:
    """The commitment to a day's seed, the same for all its revisions."""
    return element("seed", day)


def seeds(*commits: Commit) -> dict[date, bytes]:
    """What must be on chain before these commits."""
    return {commit.day: commit.seed_commitment for commit in commits}


def a_commit(offset: int = 0, revision: int = 1, salt: object = 0) -> Commit:
    """A commit of the day `offset` days after the first."""
    day = FIRST_DAY + timedelta(days=offset)
    return Commit(
        day,
        revision,
        digest("manifest", offset, salt),
        digest("policy"),
        element("tally", offset, salt),
        element("catalogue", offset),
        seed_commitment(day),
    )


def a_release(offset: int = 0, revision: int = 1, salt: object = 0) -> Release:
    """The release of `a_commit`."""
    day = FIRST_DAY + timedelta(days=offset)
    return Release(
        day,
        revision,
        digest("report", offset, salt),
        a_cid("report", offset, salt),
        a_cid("bundle", offset, salt),
        125_000_000,
        element("figures", offset, salt),
    )


def commit_with_seeds(publisher: Publisher, *commits: Commit) -> list[CommitRecord]:
    """Commit, after the seeds of these days."""
    publisher.commit_seeds(PLATFORM, seeds(*commits))
    return publisher.commit(PLATFORM, commits)


def publish(
    publisher: Publisher, commits: list[Commit], releases: list[Release]
) -> list[ReleaseRecord]:
    """Seeds, commits, beacon and releases, in this order."""
    for record in commit_with_seeds(publisher, *commits):
        publisher.beacon_of(record)
    return publisher.release(PLATFORM, releases)


def transact(registry: Registry, sender: LocalAccount, data: bytes) -> None:
    """Send calldata to the registry; its custom errors come out as ours."""
    try:
        send_and_wait(registry.chain, sender, registry.address, data)
    except CallReverted as error:
        raise refusal(error) from None


def commit_data(registry: Registry, *commits: Commit, head: bytes | None = None) -> bytes:
    """Calldata of ``commit`` on the current head."""
    expected = registry.head(PLATFORM) if head is None else head
    return registry.commit_call(PLATFORM, expected, list(commits))


def raw_call(function: str, *arguments: Any) -> bytes:
    """Calldata of any function."""
    return registry_abi().calldata(function, *arguments)


def contract_for_tests(name: str) -> ContractAbi:
    """A contract of contracts/src/testing."""
    artifact = Path(__file__).parent / "artifacts" / f"{name}.json"
    return ContractAbi(json.loads(artifact.read_text()))


def statement_of(registry: Registry, commit: Commit, beacon: Beacon, release: Release) -> Statement:
    """What the proof of a release must state, by `core.statement`."""
    place = Place(registry.chain.chain_id, registry.address, PLATFORM)
    n = nonce(place, commit, *beacon)
    numbers = (release.figure_sum, commit.tally_root, commit.catalogue_root, commit.seed_commitment)
    total, *roots = (int.from_bytes(number, "big") for number in numbers)
    return Statement(challenge(n, release.report_root), total, n, *roots)


def statement_words(statement: Statement) -> tuple[bytes, ...]:
    """The contract's ``Statement`` struct, whose order is not that of the public inputs."""
    x, total, n, *roots = (number.to_bytes(32, "big") for number in statement.elements)
    return (n, x, total, *roots)
