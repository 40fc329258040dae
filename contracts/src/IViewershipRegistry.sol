// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IBeaconLedger} from "./IBeaconLedger.sol";
import {IPlatforms} from "./IPlatforms.sol";
import {ISeedLedger} from "./ISeedLedger.sol";
import {IVerifierList} from "./IVerifierList.sol";
import {Commit, CommitRecord, Release, ReleaseRecord, Row} from "./Records.sol";

/// @title Registry of viewership records
/// @notice Every platform has one hash chain of records. Only its head is stored; each record is
/// in an event, complete. A record is a commit (inputs, rules and seed, before anything is drawn)
/// or a release (report, bundle, budget spent, and the beacon its noise came from). Records are
/// appended, never replaced. Heads has the arithmetic.
interface IViewershipRegistry is IPlatforms, ISeedLedger, IBeaconLedger, IVerifierList {
    event Committed(
        bytes32 indexed platformId, uint32 indexed day, bytes32 indexed head, CommitRecord record
    );
    event Released(
        bytes32 indexed platformId, uint32 indexed day, bytes32 indexed head, ReleaseRecord record
    );

    /// @notice Somebody appended first: read the chain again.
    error StaleHead(bytes32 expected, bytes32 actual);
    /// @notice A call without records.
    error NothingToAppend();
    error FutureDay(uint32 day);
    error RevisionZero(uint32 day);
    /// @notice No commit of this day and revision among those directly before the release.
    error NotCommitted(uint32 day, uint32 revision);
    error MalformedCid(bytes cid);
    /// @notice Above 2**53 - 1 a spend has no place in `chain.json`.
    error SpendTooLarge(uint32 day, uint64 spendNanoRho);

    /// @notice Appends commits. Each names its day's seed (see ISeedLedger).
    /// @param expectedHead the head the caller planned on; StaleHead if it is another by now
    /// @return head the new head
    function commit(bytes32 platformId, bytes32 expectedHead, Commit[] calldata commits)
        external
        returns (bytes32 head);

    /// @notice Appends releases of the commits at the end of the chain.
    /// @dev Releases keep the order of their commits; a commit left out is withheld for good. The
    /// beacon of each commit must be recorded, so a release is always in a later block.
    /// @param base head before the first of `committed`
    /// @param committed the last records of the chain, all commits, in order
    /// @param releases each of the day and revision of one of `committed`
    /// @param proofs one per release, or none as long as no verifier counts
    /// @return head the new head
    function release(
        bytes32 platformId,
        bytes32 base,
        CommitRecord[] calldata committed,
        Release[] calldata releases,
        bytes[] calldata proofs
    ) external returns (bytes32 head);

    /// @notice Whether `row` is in the tree with this root (SHA-256, RFC 9162 section 2.1.3.2).
    function verifyRow(bytes32 reportRoot, Row calldata row) external view returns (bool);

    /// @notice Whether `row` is in a report that this registry recorded.
    /// @param previousHead head before the release
    /// @param record the release, from its event
    /// @param later for each later record, what was hashed after the head: `abi.encode` of its
    /// fields from the kind on; empty if the release is the newest record
    function verifyRecordedRow(
        bytes32 platformId,
        bytes32 previousHead,
        ReleaseRecord calldata record,
        bytes[] calldata later,
        Row calldata row
    ) external view returns (bool);
}
