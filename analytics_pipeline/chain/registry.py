"""Our contract on a chain: its roles, rules and seeds, and reading records as evidence.

Belongs here: everything about a registry that exists; creating one is in `deploy`, publishing in
`publisher`. Reading trusts no node: the events must hash, record by record, to the head that the
contract holds.
"""

import time
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Final, NamedTuple

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from analytics_pipeline.chain.abi import registry_abi
from analytics_pipeline.chain.account import send_and_wait
from analytics_pipeline.chain.encoding import (
    commit_record_tuple,
    commit_tuple,
    record_of,
    release_record_tuple,
    release_tuple,
)
from analytics_pipeline.chain.interface import Call, CallReverted, Chain, ChainUnreachable, Log
from analytics_pipeline.chain.refusals import refusal
from analytics_pipeline.core.chain_values import genesis_head, platform_id
from analytics_pipeline.core.day import day_number
from analytics_pipeline.core.errors import (
    ChainError,
    IntegrityError,
)
from analytics_pipeline.core.record import (
    ChainEvidence,
    Commit,
    CommitRecord,
    Record,
    Release,
    ReleaseRecord,
)

_NOBODY: Final = "0x" + "00" * 20
_READ_ATTEMPTS: Final = 5
_READ_PAUSE_SECONDS: Final = 0.5


@dataclass(frozen=True)
class RegistryRules:
    """What a registry promises for ever; fixed when it is deployed.

    Args:
        beacon_delay: blocks from a commit to the block whose randomness draws its noise.
        verifier_delay_seconds: how long a new verifier is public before it counts.
        accepts_development_setup: whether proofs of a set-up with a known trapdoor are accepted.
    """

    beacon_delay: int
    verifier_delay_seconds: int
    accepts_development_setup: bool


class VerifierEntry(NamedTuple):
    """A verifier of the registry's list. ``counts_from`` is Unix time; ``code_hash`` is Keccak-256
    of its runtime code."""

    address: str
    counts_from: int
    code_hash: bytes


class Registry:
    """Client of one deployed registry.

    Args:
        chain: where it is.
        address: EIP-55 checksummed.
    """

    def __init__(self, chain: Chain, address: str) -> None:
        self.chain = chain
        self.address = to_checksum_address(address)
        self.deployed_at = int(self._view("deployedAt"))
        self._read: dict[str, tuple[tuple[Record, ...], int]] = {}

    def _view(self, function: str, *arguments: Any, block_number: int | None = None) -> Any:
        data = registry_abi().calldata(function, *arguments)
        answer = self.chain.call(Call(_NOBODY, self.address, data), block_number)
        return registry_abi().result(function, answer)

    # ---- roles -----------------------------------------------------------------------------------

    def head(self, platform: str, block_number: int | None = None) -> bytes:
        """The platform's head; 32 zero bytes if it was never opened."""
        return bytes(self._view("headOf", platform_id(platform), block_number=block_number))

    def is_publisher(self, platform: str, account: str) -> bool:
        return bool(self._view("isPublisher", platform_id(platform), account))

    def grant_publisher(self, platform: str, publisher: str, sender: LocalAccount) -> None:
        """Let `publisher` append; opens the platform first if need be (owner only).

        Raises:
            RecordRefused, NotPublisher: `sender` may not do that.
        """
        if self.head(platform) == bytes(32):
            self.administer(sender, "openPlatform", platform, publisher)
        else:
            self.administer(sender, "grantPublisher", platform_id(platform), publisher)

    def administer(self, sender: LocalAccount, function: str, *arguments: Any) -> None:
        """Call a function of the owner: pause, unpause, addVerifier, transferOwnership, …

        Raises:
            RecordRefused: with the contract's error as its name.
        """
        try:
            data = registry_abi().calldata(function, *arguments)
            send_and_wait(self.chain, sender, self.address, data)
        except CallReverted as error:
            raise refusal(error) from None

    # ---- rules, seeds, beacons -------------------------------------------------------------------

    @cached_property
    def rules(self) -> RegistryRules:
        """What this registry promises for ever."""
        return RegistryRules(
            int(self._view("beaconDelay")),
            int(self._view("verifierDelay")),
            bool(self._view("acceptsDevelopmentSetup")),
        )

    def seed_of(self, platform: str, day: date, block_number: int | None = None) -> bytes | None:
        """Commitment to a day's seed; None if there is none yet."""
        arguments = (platform_id(platform), day_number(day))
        seed = bytes(self._view("seedOf", *arguments, block_number=block_number))
        return seed if any(seed) else None

    def randomness_of(self, number: int, block_number: int | None = None) -> bytes | None:
        """Recorded randomness of block `number`; None if nobody recorded it."""
        randomness = bytes(self._view("randomnessOf", number, block_number=block_number))
        return randomness if any(randomness) else None

    def beacon_block(self, record: CommitRecord) -> int:
        """Number of the block whose randomness draws the noise of a commit."""
        return record.block_number + self.rules.beacon_delay

    def seeds_call(self, platform: str, first_day: date, commitments: list[bytes]) -> bytes:
        """Calldata of ``commitSeeds``; `commitments` are those of consecutive days."""
        arguments = (platform_id(platform), day_number(first_day), commitments)
        return registry_abi().calldata("commitSeeds", *arguments)

    def beacon_call(self, number: int) -> bytes:
        """Calldata of ``recordBeacon`` for a block that exists."""
        return registry_abi().calldata("recordBeacon", self.chain.block_header(number))

    # ---- verifiers -------------------------------------------------------------------------------

    def verifiers(self) -> list[VerifierEntry]:
        """Every verifier ever added, oldest first."""
        entries = []
        for index in range(self._view("verifierCount")):
            raw, counts_from = self._view("verifierAt", index)
            address = to_checksum_address(raw)
            code_hash = bytes(keccak(self.chain.code(address)))
            entries.append(VerifierEntry(address, counts_from, code_hash))
        return entries

    def current_verifier(self) -> str | None:
        """Address of the verifier that counts now; None while no proof is asked for."""
        address = to_checksum_address(self._view("currentVerifier"))
        return address if address != _NOBODY else None

    def add_verifier(self, sender: LocalAccount, address: str) -> None:
        """Append a verifier (owner only).

        Raises:
            RecordRefused: ``AlreadyAdded``, ``DevelopmentSetup``, ``NotAContract``, …
        """
        self.administer(sender, "addVerifier", address)

    # ---- records ---------------------------------------------------------------------------------

    def read_evidence(self, platform: str) -> ChainEvidence:
        """All records of a platform, checked against the contract's head at the same block.

        Only new blocks are read when asked again. After a reorganisation the heads disagree and
        everything is read anew.

        Raises:
            IntegrityError: the node's events do not lead to the contract's head.
            ChainError: the chain did not answer.
        """
        for attempt in range(_READ_ATTEMPTS):
            if attempt:
                self._read.pop(platform, None)
                time.sleep(_READ_PAUSE_SECONDS if not self.chain.instant else 0)
            try:
                evidence = self._read_once(platform)
            except ChainUnreachable:
                raise
            except ChainError:
                if attempt == _READ_ATTEMPTS - 1:
                    raise
                continue  # e.g. a balanced endpoint whose next node lags behind
            if evidence is not None:
                return evidence
        raise IntegrityError(
            f"records of {platform!r}: the chain's events do not lead to the contract's head"
        )

    def read_to(self, platform: str) -> int:
        """The block as of which `read_evidence` last answered."""
        return self._read.get(platform, ((), self.deployed_at - 1))[1]

    def _read_once(self, platform: str) -> ChainEvidence | None:
        known, read_to = self._read.get(platform, ((), self.deployed_at - 1))
        tip = self.chain.block_number()
        records = list(known)
        head = records[-1].head if records else self._genesis(platform)
        logs: list[Log] = []
        if tip > read_to:
            logs = self.chain.logs(self.address, platform_id(platform), (read_to + 1, tip))
        for log in logs:
            record = record_of(log, head)
            if record is None:
                continue
            head = record.head
            if log.topics[3] != head:
                return None
            records.append(record)
        actual = self.head(platform, tip)
        if actual != head and not (actual == bytes(32) and not records):
            return None
        evidence = ChainEvidence(self.chain.chain_id, self.address, platform, tuple(records))
        self._read[platform] = (evidence.records, max(tip, read_to))
        return evidence

    def _genesis(self, platform: str) -> bytes:
        return genesis_head(self.chain.chain_id, self.address, platform)

    def commit_call(self, platform: str, expected_head: bytes, commits: list[Commit]) -> bytes:
        """Calldata of ``commit``."""
        bodies = [commit_tuple(commit) for commit in commits]
        return registry_abi().calldata("commit", platform_id(platform), expected_head, bodies)

    def release_call(
        self,
        platform: str,
        committed: list[CommitRecord],
        releases: list[Release],
        proofs: list[bytes],
    ) -> bytes:
        """Calldata of ``release``; `committed` are the last records of the chain."""
        records = [commit_record_tuple(record) for record in committed]
        bodies = [release_tuple(release) for release in releases]
        base = committed[0].previous_head
        arguments = (platform_id(platform), base, records, bodies, proofs)
        return registry_abi().calldata("release", *arguments)

    def verify_row(
        self, report_root: bytes, row: bytes, index: int, size: int, path: list[bytes]
    ) -> bool:
        """Ask the contract whether a row is in a report (RFC 9162, section 2.1.3.2)."""
        return bool(self._view("verifyRow", report_root, (row, index, size, path)))

    def verify_recorded_row(
        self,
        evidence: ChainEvidence,
        release: ReleaseRecord,
        row: tuple[bytes, int, int, list[bytes]],
    ) -> bool:
        """Ask the contract whether (row, index, size, path) is in a report that it recorded."""
        position = evidence.records.index(release)
        later = [record.preimage[32:] for record in evidence.records[position + 1 :]]
        return bool(
            self._view(
                "verifyRecordedRow",
                platform_id(evidence.platform),
                release.previous_head,
                release_record_tuple(release),
                later,
                row,
            )
        )
