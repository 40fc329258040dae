"""A commit and a release: what the publisher chooses, and the record the chain makes of it.

Belongs here: the fields, their limits, and each record's step of the hash chain. The chain of
records and `chain.json` are in `core.record`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date
from typing import Final

from eth_utils.crypto import keccak

from analytics_pipeline.core.chain_values import (
    MAX_SAFE_INTEGER,
    address_word,
    check_address,
    check_day,
    check_hash,
    check_uint,
    cid_raw,
    word,
)
from analytics_pipeline.core.day import day_number

_COMMIT_KIND: Final = 1
_RELEASE_KIND: Final = 2


@dataclass(frozen=True)
class Commit:
    """What is committed before anything is drawn: the inputs and the rules of one release."""

    day: date
    revision: int
    manifest_root: bytes
    policy_hash: bytes

    def __post_init__(self) -> None:
        check_day("day", self.day)
        check_uint("revision", self.revision, 1, 2**32 - 1)
        check_hash("manifest_root", self.manifest_root)
        check_hash("policy_hash", self.policy_hash)


@dataclass(frozen=True)
class Release:
    """What is published for a commit: the report, the bundle, and the privacy budget spent."""

    day: date
    revision: int
    report_root: bytes
    report_cid: str
    bundle_cid: str
    spend_nano_rho: int

    def __post_init__(self) -> None:
        check_day("day", self.day)
        check_uint("revision", self.revision, 1, 2**32 - 1)
        check_hash("report_root", self.report_root)
        cid_raw(self.report_cid, "report_cid")
        cid_raw(self.bundle_cid, "bundle_cid")
        check_uint("spend_nano_rho", self.spend_nano_rho, 0, MAX_SAFE_INTEGER)


@dataclass(frozen=True)
class _OnChain(ABC):
    """What the contract adds to a record. ``block_time`` is Unix time in seconds."""

    previous_head: bytes
    block_number: int
    block_time: int
    publisher: str

    @property
    @abstractmethod
    def preimage(self) -> bytes:
        """What is hashed into the head after this record, the head before it first."""

    @property
    def head(self) -> bytes:
        """The platform's head after this record."""
        return bytes(keccak(self.preimage))

    def _check_placement(self) -> None:
        check_hash("previous_head", self.previous_head)
        check_uint("block_number", self.block_number, 0, MAX_SAFE_INTEGER)
        check_uint("block_time", self.block_time, 0, MAX_SAFE_INTEGER)
        check_address("publisher", self.publisher)

    def _placement_words(self) -> bytes:
        return word(self.block_number) + word(self.block_time) + address_word(self.publisher)


@dataclass(frozen=True)
class CommitRecord(_OnChain, Commit):
    """A commit as the chain has it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_placement()

    @property
    def body(self) -> Commit:
        """The fields the publisher chose."""
        return Commit(self.day, self.revision, self.manifest_root, self.policy_hash)

    @property
    def preimage(self) -> bytes:
        """What is hashed into the head after this record, the head before it first."""
        return b"".join(
            (
                self.previous_head,
                word(_COMMIT_KIND),
                word(day_number(self.day)),
                word(self.revision),
                self.manifest_root,
                self.policy_hash,
                self._placement_words(),
            )
        )


@dataclass(frozen=True)
class ReleaseRecord(_OnChain, Release):
    """A release as the chain has it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_placement()

    @property
    def body(self) -> Release:
        """The fields the publisher chose."""
        return Release(
            self.day,
            self.revision,
            self.report_root,
            self.report_cid,
            self.bundle_cid,
            self.spend_nano_rho,
        )

    @property
    def preimage(self) -> bytes:
        """What is hashed into the head after this record, the head before it first."""
        return b"".join(
            (
                self.previous_head,
                word(_RELEASE_KIND),
                word(day_number(self.day)),
                word(self.revision),
                self.report_root,
                bytes(keccak(cid_raw(self.report_cid))),
                bytes(keccak(cid_raw(self.bundle_cid))),
                word(self.spend_nano_rho),
                self._placement_words(),
            )
        )


Record = CommitRecord | ReleaseRecord
