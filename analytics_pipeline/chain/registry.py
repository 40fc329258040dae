"""Our contract on a chain: deploying it, its roles, and reading records as evidence.

Belongs here: everything about the registry but publishing (`publisher`). Reading trusts no node:
the events must hash, record by record, to the head that the contract holds.
"""

import time
from typing import Any, Final

import rlp  # type: ignore[import-untyped]
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_canonical_address, to_checksum_address
from eth_utils.crypto import keccak

from analytics_pipeline.chain.abi import registry_abi
from analytics_pipeline.chain.account import send_and_wait
from analytics_pipeline.chain.interface import Call, CallReverted, Chain, ChainUnreachable, Log
from analytics_pipeline.core.chain_values import cid_raw, cid_text, genesis_head, platform_id
from analytics_pipeline.core.day import day_from_number, day_number
from analytics_pipeline.core.errors import (
    ChainError,
    IntegrityError,
    InvalidInput,
    NotPublisher,
    PipelineError,
    RecordRefused,
    StaleHead,
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


def contract_address(deployer: str, nonce: int) -> str:
    """Address of the contract that an account creates with a given nonce."""
    return to_checksum_address(keccak(rlp.encode([to_canonical_address(deployer), nonce]))[12:])


def refusal(error: CallReverted) -> PipelineError:
    """The contract's custom error as ours."""
    name, arguments = registry_abi().error(error.data)
    detail = ", ".join(
        f"{key} 0x{value.hex()}" if isinstance(value, bytes) else f"{key} {value}"
        for key, value in arguments.items()
    )
    if name == "StaleHead":
        return StaleHead(f"somebody appended first: {detail}")
    if name == "NotPublisher":
        return NotPublisher(f"the account holds no publisher role here: {detail}")
    return RecordRefused(name, detail)


def deploy_registry(chain: Chain, owner: LocalAccount, *, nonce: int | None = None) -> "Registry":
    """Create a registry owned by `owner` (hand it to a multisig afterwards, in two steps).

    Args:
        nonce: the transaction number to use, which fixes the address; None: the next one.
    """
    nonce = chain.nonce(owner.address) if nonce is None else nonce
    creation = registry_abi().deployment(["address"], [owner.address])
    send_and_wait(chain, owner, None, creation, nonce=nonce)
    return Registry(chain, contract_address(owner.address, nonce))


class Registry:
    """Client of one deployed registry.

    Args:
        chain: where it is.
        address: EIP-55 checksummed.
    """

    def __init__(self, chain: Chain, address: str) -> None:
        self.chain = chain
        self.address = to_checksum_address(address)
        self._deployed_at = int(self._view("deployedAt"))
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

    def _read_once(self, platform: str) -> ChainEvidence | None:
        known, read_to = self._read.get(platform, ((), self._deployed_at - 1))
        tip = self.chain.block_number()
        records = list(known)
        head = records[-1].head if records else self._genesis(platform)
        logs: list[Log] = []
        if tip > read_to:
            logs = self.chain.logs(self.address, platform_id(platform), (read_to + 1, tip))
        for log in logs:
            record = _parse_log(log, head)
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
        bodies = [_commit_tuple(commit) for commit in commits]
        return registry_abi().calldata("commit", platform_id(platform), expected_head, bodies)

    def release_call(
        self,
        platform: str,
        committed: list[CommitRecord],
        releases: list[Release],
        proofs: list[bytes],
    ) -> bytes:
        """Calldata of ``release``; `committed` are the last records of the chain."""
        records = [
            (_commit_tuple(c), (c.block_number, c.block_time, c.publisher)) for c in committed
        ]
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
        placement = (release.block_number, release.block_time, release.publisher)
        return bool(
            self._view(
                "verifyRecordedRow",
                platform_id(evidence.platform),
                release.previous_head,
                (release_tuple(release), placement),
                later,
                row,
            )
        )


def _commit_tuple(commit: Commit) -> tuple[Any, ...]:
    return day_number(commit.day), commit.revision, commit.manifest_root, commit.policy_hash


def release_tuple(release: Release) -> tuple[Any, ...]:
    """The contract's ``Release`` struct."""
    return (
        day_number(release.day),
        release.revision,
        release.report_root,
        cid_raw(release.report_cid),
        cid_raw(release.bundle_cid),
        release.spend_nano_rho,
    )


def _parse_log(log: Log, previous_head: bytes) -> Record | None:
    """A record from its event; None for the registry's other events."""
    event = registry_abi().event(log)
    if event is None or event[0] not in ("Committed", "Released"):
        return None
    name, values = event
    try:
        placed = (
            previous_head,
            values["blockNumber"],
            values["blockTime"],
            to_checksum_address(values["publisher"]),
        )
        day, revision = day_from_number(values["day"]), values["revision"]
        if name == "Committed":
            body = Commit(day, revision, values["manifestRoot"], values["policyHash"])
            return CommitRecord(**vars(body), **_placement(placed))
        release = Release(
            day,
            revision,
            values["reportRoot"],
            cid_text(values["reportCid"]),
            cid_text(values["bundleCid"]),
            values["spendNanoRho"],
        )
        return ReleaseRecord(**vars(release), **_placement(placed))
    except (InvalidInput, OverflowError) as error:
        raise ChainError(f"a record in block {log.block_number} is malformed: {error}") from None


def _placement(placed: tuple[bytes, int, int, str]) -> dict[str, Any]:
    return dict(
        zip(("previous_head", "block_number", "block_time", "publisher"), placed, strict=True)
    )
