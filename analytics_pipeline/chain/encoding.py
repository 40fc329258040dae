"""Records as the contract's structs, and back from its events.

Belongs here: field order and types. Hashing the same fields is in `core.chain_record`; calldata and
event decoding by name in `abi`.
"""

from typing import Any, Final

from eth_utils.address import to_checksum_address

from analytics_pipeline.chain.abi import registry_abi
from analytics_pipeline.chain.interface import Log
from analytics_pipeline.core.chain_values import cid_raw, cid_text
from analytics_pipeline.core.day import day_from_number, day_number
from analytics_pipeline.core.errors import ChainError, InvalidInput
from analytics_pipeline.core.record import Commit, CommitRecord, Record, Release, ReleaseRecord

_RECORDS: Final = ("Committed", "Released")


def commit_tuple(commit: Commit) -> tuple[Any, ...]:
    """The contract's ``Commit`` struct."""
    return (
        day_number(commit.day),
        commit.revision,
        commit.manifest_root,
        commit.policy_hash,
        commit.tally_root,
        commit.catalogue_root,
        commit.seed_commitment,
    )


def release_tuple(release: Release) -> tuple[Any, ...]:
    """The contract's ``Release`` struct."""
    return (
        day_number(release.day),
        release.revision,
        release.report_root,
        cid_raw(release.report_cid),
        cid_raw(release.bundle_cid),
        release.spend_nano_rho,
        release.figure_sum,
    )


def commit_record_tuple(record: CommitRecord) -> tuple[Any, ...]:
    """The contract's ``CommitRecord`` struct."""
    return commit_tuple(record), _placement_tuple(record)


def release_record_tuple(record: ReleaseRecord) -> tuple[Any, ...]:
    """The contract's ``ReleaseRecord`` struct."""
    beacon = (record.beacon_block, record.beacon)
    return release_tuple(record), beacon, _placement_tuple(record)


def _placement_tuple(record: Record) -> tuple[int, int, str]:
    return record.block_number, record.block_time, record.publisher


def record_of(log: Log, previous_head: bytes) -> Record | None:
    """A record from its event; None for the registry's other events.

    Raises:
        ChainError: the event does not hold a record.
    """
    event = registry_abi().event(log)
    if event is None or event[0] not in _RECORDS:
        return None
    name, values = event
    try:
        if name == "Committed":
            (day, revision, *hashes), placement = values["record"]
            body = Commit(day_from_number(day), revision, *hashes)
            return CommitRecord(**vars(body), **_placed(previous_head, placement))
        (day, revision, root, report, bundle, spend, total), beacon, placement = values["record"]
        return ReleaseRecord(
            day=day_from_number(day),
            revision=revision,
            report_root=root,
            report_cid=cid_text(report),
            bundle_cid=cid_text(bundle),
            spend_nano_rho=spend,
            figure_sum=total,
            beacon_block=beacon[0],
            beacon=beacon[1],
            **_placed(previous_head, placement),
        )
    except (InvalidInput, OverflowError) as error:
        raise ChainError(f"a record in block {log.block_number} is malformed: {error}") from None


def _placed(previous_head: bytes, placement: tuple[int, int, str]) -> dict[str, Any]:
    block_number, block_time, publisher = placement
    return {
        "previous_head": previous_head,
        "block_number": block_number,
        "block_time": block_time,
        "publisher": to_checksum_address(publisher),
    }
