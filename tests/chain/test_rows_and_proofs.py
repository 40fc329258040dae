"""Rows proven by the contract, and releases that need a proof."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from analytics_pipeline.chain.abi import ContractAbi
from analytics_pipeline.chain.account import send_and_wait
from analytics_pipeline.chain.embedded import development_account
from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.chain.registry import Registry, contract_address
from analytics_pipeline.core.chain_values import platform_id
from analytics_pipeline.core.errors import RecordRefused
from analytics_pipeline.core.merkle import inclusion_proof, root
from tests.chain.support import PLATFORM, a_commit, a_release, digest

OWNER = development_account(0)
STRANGER = development_account(1)


def test_proofs_are_needed_from_the_first_verifier_on(
    registry: Registry, publisher: Publisher
) -> None:
    """Without a verifier a proof is refused; with one, each release needs a proof that binds it."""
    publisher.commit(PLATFORM, [a_commit()])
    with pytest.raises(RecordRefused, match="ProofUnexpected"):
        publisher.release(PLATFORM, [a_release()], [b"proof"])
    verifier = _deploy_verifier(registry)
    with pytest.raises(RecordRefused, match="OwnableUnauthorizedAccount"):
        registry.administer(STRANGER, "addVerifier", verifier)
    with pytest.raises(RecordRefused, match="NotAContract"):
        registry.administer(OWNER, "addVerifier", STRANGER.address)
    registry.administer(OWNER, "addVerifier", verifier)
    with pytest.raises(RecordRefused, match="AlreadyAdded"):
        registry.administer(OWNER, "addVerifier", verifier)
    with pytest.raises(RecordRefused, match="ProofMissing"):
        publisher.release(PLATFORM, [a_release()])
    with pytest.raises(RecordRefused, match="ProofRejected"):
        publisher.release(PLATFORM, [a_release()], [digest("another statement")])
    statement = encode(
        ["uint256", "address", "bytes32", "bytes32", "bytes32", "bytes32"],
        [
            registry.chain.chain_id,
            registry.address,
            platform_id(PLATFORM),
            registry.head(PLATFORM),
            a_commit().manifest_root,
            a_release().report_root,
        ],
    )
    (record,) = publisher.release(PLATFORM, [a_release()], [bytes(keccak(statement))])
    assert record.head == registry.head(PLATFORM)


def _deploy_verifier(registry: Registry) -> str:
    artifact = Path(__file__).parent / "artifacts" / "BindingVerifier.json"
    abi = ContractAbi(json.loads(artifact.read_text()))
    address = contract_address(OWNER.address, registry.chain.nonce(OWNER.address))
    send_and_wait(registry.chain, OWNER, None, abi.deployment([], []))
    return address


def test_row_inclusion_agrees_with_the_tree(registry: Registry) -> None:
    """Every leaf of trees of 1 to 9 leaves is proven; a wrong anything is not."""
    for size in range(1, 10):
        rows = [f"row {i}".encode() for i in range(size)]
        top = root(rows)
        for index, row in enumerate(rows):
            path = inclusion_proof(rows, index)
            assert registry.verify_row(top, row, index, size, path)
            assert not registry.verify_row(top, row + b"!", index, size, path)
            assert not registry.verify_row(top, row, index, size, [*path, bytes(32)])
            assert not registry.verify_row(digest("other"), row, index, size, path)
            assert not registry.verify_row(top, row, size, size, path)
            if path:
                assert not registry.verify_row(top, row, (index + 1) % size, size, path)
                assert not registry.verify_row(top, row, index, size, path[:-1])


def test_rows_of_recorded_reports(registry: Registry, publisher: Publisher) -> None:
    """A row is proven against a record, newest or old, and not against a made-up one."""
    rows = [b'{"header":1}', b'{"plays":7}', b'{"plays":8}']
    release = replace(a_release(0), report_root=root(rows))
    publisher.commit(PLATFORM, [a_commit(0)])
    (record,) = publisher.release(PLATFORM, [release])
    row = (rows[2], 2, 3, inclusion_proof(rows, 2))
    evidence = registry.read_evidence(PLATFORM)
    assert registry.verify_recorded_row(evidence, record, row)
    publisher.commit(PLATFORM, [a_commit(1), a_commit(2)])
    publisher.release(PLATFORM, [a_release(1)])
    later = registry.read_evidence(PLATFORM)
    assert registry.verify_recorded_row(later, record, row)
    assert not registry.verify_recorded_row(evidence, record, row)  # the head has moved on
    assert not registry.verify_recorded_row(later, record, (rows[1], *row[1:]))
    assert not registry.verify_recorded_row(later, later.records[4], row)  # another report
