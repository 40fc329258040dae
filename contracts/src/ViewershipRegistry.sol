// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BeaconLedger} from "./BeaconLedger.sol";
import {Heads} from "./Heads.sol";
import {IViewershipRegistry} from "./IViewershipRegistry.sol";
import {Platforms} from "./Platforms.sol";
import {
    Beacon,
    Commit,
    CommitRecord,
    Placement,
    Release,
    ReleaseRecord,
    Row
} from "./Records.sol";
import {RowTree} from "./RowTree.sol";
import {SeedLedger} from "./SeedLedger.sol";
import {Statements} from "./Statements.sol";
import {VerifierList} from "./VerifierList.sol";

/// @title Registry of viewership records
/// @notice See IViewershipRegistry. Roles are in Platforms, seeds in SeedLedger, randomness in
/// BeaconLedger, proofs in VerifierList; here are the records.
contract ViewershipRegistry is IViewershipRegistry, SeedLedger, BeaconLedger, VerifierList {
    uint256 private constant MIN_CID_BYTES = 4;
    uint256 private constant MAX_CID_BYTES = 64;
    /// @dev Largest integer of `chain.json` (RFC 8785): beyond it nobody could write the record down.
    uint64 private constant MAX_SPEND_NANO_RHO = 2 ** 53 - 1;

    constructor(
        address initialOwner,
        uint64 beaconDelay_,
        uint64 verifierDelay_,
        bool acceptsDevelopmentSetup_
    )
        Platforms(initialOwner)
        BeaconLedger(beaconDelay_)
        VerifierList(verifierDelay_, acceptsDevelopmentSetup_)
    {}

    /// @inheritdoc IViewershipRegistry
    function commit(bytes32 platformId, bytes32 expectedHead, Commit[] calldata commits)
        external
        whenNotPaused
        onlyPublisher(platformId)
        returns (bytes32 head)
    {
        if (commits.length == 0) revert NothingToAppend();
        head = expectedHead;
        _requireHead(platformId, head);
        Placement memory here = _here();
        for (uint256 i = 0; i < commits.length; ++i) {
            Commit calldata c = commits[i];
            if (c.revision == 0) revert RevisionZero(c.day);
            if (uint256(c.day) * 1 days > block.timestamp) revert FutureDay(c.day);
            _requireSeed(platformId, c);
            head = Heads.afterCommit(head, c, here);
            emit Committed(platformId, c.day, head, CommitRecord(c, here));
        }
        _heads[platformId] = head;
    }

    /// @inheritdoc IViewershipRegistry
    function release(
        bytes32 platformId,
        bytes32 base,
        CommitRecord[] calldata committed,
        Release[] calldata releases,
        bytes[] calldata proofs
    ) external whenNotPaused onlyPublisher(platformId) returns (bytes32 head) {
        if (releases.length == 0) revert NothingToAppend();
        address verifier = _verifierFor(releases.length, proofs.length);
        head = base;
        for (uint256 i = 0; i < committed.length; ++i) {
            head = Heads.afterCommit(head, committed[i].body, committed[i].placement);
        }
        _requireHead(platformId, head);
        uint256 next = 0;
        for (uint256 i = 0; i < releases.length; ++i) {
            Release calldata r = releases[i];
            next = _find(committed, next, r);
            Beacon memory beacon = _beaconOf(committed[next].placement.blockNumber);
            if (verifier != address(0)) {
                _requireProof(
                    verifier,
                    Statements.statementOf(address(this), platformId, committed[next].body, beacon, r),
                    r,
                    proofs[i]
                );
            }
            head = _appendRelease(platformId, head, r, beacon);
            ++next;
        }
        _heads[platformId] = head;
    }

    /// @inheritdoc IViewershipRegistry
    function verifyRow(bytes32 reportRoot, Row calldata row) public view returns (bool) {
        return RowTree.verify(reportRoot, row.data, row.index, row.size, row.path);
    }

    /// @inheritdoc IViewershipRegistry
    function verifyRecordedRow(
        bytes32 platformId,
        bytes32 previousHead,
        ReleaseRecord calldata record,
        bytes[] calldata later,
        Row calldata row
    ) external view returns (bool) {
        bytes32 head =
            Heads.afterRelease(previousHead, record.body, record.beacon, record.placement);
        return Heads.walk(head, later) == _heads[platformId]
            && verifyRow(record.body.reportRoot, row);
    }

    function _requireHead(bytes32 platformId, bytes32 expected) private view {
        bytes32 actual = _heads[platformId];
        if (actual != expected) revert StaleHead(expected, actual);
    }

    /// @dev Index of the commit that `r` releases, at or after `from`.
    function _find(CommitRecord[] calldata committed, uint256 from, Release calldata r)
        private
        pure
        returns (uint256)
    {
        for (uint256 i = from; i < committed.length; ++i) {
            Commit calldata c = committed[i].body;
            if (c.day == r.day && c.revision == r.revision) return i;
        }
        revert NotCommitted(r.day, r.revision);
    }

    function _appendRelease(
        bytes32 platformId,
        bytes32 previous,
        Release calldata r,
        Beacon memory beacon
    ) private returns (bytes32 head) {
        _requireCid(r.reportCid);
        _requireCid(r.bundleCid);
        if (r.spendNanoRho > MAX_SPEND_NANO_RHO) revert SpendTooLarge(r.day, r.spendNanoRho);
        Placement memory here = _here();
        head = Heads.afterRelease(previous, r, beacon, here);
        emit Released(platformId, r.day, head, ReleaseRecord(r, beacon, here));
    }

    function _requireCid(bytes calldata cid) private pure {
        if (cid.length < MIN_CID_BYTES || cid.length > MAX_CID_BYTES || cid[0] != 0x01) {
            revert MalformedCid(cid);
        }
    }

    function _here() private view returns (Placement memory) {
        return Placement(uint64(block.number), uint64(block.timestamp), msg.sender);
    }
}
