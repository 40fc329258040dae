"""A commit and a release: what the publisher chooses, and the record the chain makes of it.

Belongs here: the fields, their limits, and each record's step of the hash chain. The chain of
records and `chain.json` are in `core.record`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

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
from analytics_pipeline.core.keccak import keccak256

_COMMIT_KIND: Final = 1
_RELEASE_KIND: Final = 2
_COMMITTED: Final = (
    *("manifest_root", "policy_hash"),
    *("tally_root", "catalogue_root", "seed_commitment"),
)


class Beacon(NamedTuple):
    """Randomness that nobody knew when a commit was made.

    ``block_number`` is a fixed number of blocks after the commit's; ``randomness`` is that block's
    (prevrandao, ``mixHash`` in its header).
    """

    block_number: int
    randomness: bytes


@dataclass(frozen=True)
class Commit:
    """What is committed before anything is drawn: the inputs and the rules of one release.

    ``seed_commitment`` is the one published for the day in advance; together with a beacon that
    nobody knows yet it settles the noise.
    """

    day: date
    revision: int
    manifest_root: bytes
    policy_hash: bytes
    tally_root: bytes
    catalogue_root: bytes
    seed_commitment: bytes

    def __post_init__(self) -> None:
        check_day("day", self.day)
        check_uint("revision", self.revision, 1, 2**32 - 1)
        for name in _COMMITTED:
            check_hash(name, getattr(self, name))


@dataclass(frozen=True)
class Release:
    """What is published for a commit: the report, the bundle, and the privacy budget spent.

    ``figure_sum`` holds all figures of the report in one field element (`core.statement`).
    """

    day: date
    revision: int
    report_root: bytes
    report_cid: str
    bundle_cid: str
    spend_nano_rho: int
    figure_sum: bytes

    def __post_init__(self) -> None:
        check_day("day", self.day)
        check_uint("revision", self.revision, 1, 2**32 - 1)
        check_hash("report_root", self.report_root)
        cid_raw(self.report_cid, "report_cid")
        cid_raw(self.bundle_cid, "bundle_cid")
        check_uint("spend_nano_rho", self.spend_nano_rho, 0, MAX_SAFE_INTEGER)
        check_hash("figure_sum", self.figure_sum)


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
        return keccak256(self.preimage)

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
        return Commit(
            self.day,
            self.revision,
            self.manifest_root,
            self.policy_hash,
            self.tally_root,
            self.catalogue_root,
            self.seed_commitment,
        )

    @property
    def preimage(self) -> bytes:
        """What is hashed into the head after this record, the head before it first."""
        return b"".join(
            (
                self.previous_head,
                word(_COMMIT_KIND),
                word(day_number(self.day)),
                word(self.revision),
                *(getattr(self, name) for name in _COMMITTED),
                self._placement_words(),
            )
        )


@dataclass(frozen=True)
class ReleaseRecord(_OnChain, Release):
    """A release as the chain has it, with the beacon its noise came from (see `Beacon`)."""

    beacon_block: int
    beacon: bytes

    def __post_init__(self) -> None:
        super().__post_init__()
        check_uint("beacon_block", self.beacon_block, 0, MAX_SAFE_INTEGER)
        check_hash("beacon", self.beacon)
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
            self.figure_sum,
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
                keccak256(cid_raw(self.report_cid)),
                keccak256(cid_raw(self.bundle_cid)),
                word(self.spend_nano_rho),
                self.figure_sum,
                word(self.beacon_block),
                self.beacon,
                self._placement_words(),
            )
        )


Record = CommitRecord | ReleaseRecord
