"""Records to publish, and the shortest way to call the contract directly."""

import hashlib
from datetime import date, timedelta
from typing import Any

from eth_account.signers.local import LocalAccount

from analytics_pipeline.chain.abi import registry_abi
from analytics_pipeline.chain.account import send_and_wait
from analytics_pipeline.chain.interface import CallReverted
from analytics_pipeline.chain.registry import Registry, refusal
from analytics_pipeline.core.chain_values import cid_text
from analytics_pipeline.core.record import Commit, Release

PLATFORM = "demo"
FIRST_DAY = date(2026, 1, 1)


def digest(*parts: object) -> bytes:
    """32 bytes that depend on the parts."""
    return hashlib.sha256(repr(parts).encode()).digest()


def a_cid(*parts: object) -> str:
    """A CIDv1 (raw, SHA-256) that depends on the parts."""
    return cid_text(b"\x01\x55\x12\x20" + digest(*parts))


def a_commit(offset: int = 0, revision: int = 1, salt: object = 0) -> Commit:
    """A commit of the day `offset` days after the first."""
    day = FIRST_DAY + timedelta(days=offset)
    return Commit(day, revision, digest("manifest", offset, salt), digest("policy"))


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
    )


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
