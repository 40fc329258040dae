// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Figures} from "./Figures.sol";
import {Heads} from "./Heads.sol";
import {IViewershipRegistry} from "./IViewershipRegistry.sol";
import {Beacon, CommitRecord, ReleaseRecord} from "./Records.sol";
import {RowTree} from "./RowTree.sol";
import {Statements} from "./Statements.sol";

/// @title Does a published report say what was proven?
/// @notice A release carries a report root and a figure sum, and its proof speaks about the figure
/// sum only. That the report has this sum anybody can compute off chain; here the chain does, from
/// all rows of the report. A false report can so be shown to be false, by anyone and for ever.
/// @dev Holds no funds, no roles and no state.
contract ReportChecker {
    /// @notice A release and the way to the platform's head.
    /// @param base head before the commit
    /// @param committed the commit that was released
    /// @param between the records between commit and release, as in `later`
    /// @param released the release
    /// @param later for each later record, `abi.encode` of its fields from the kind on
    struct Recorded {
        bytes32 platformId;
        bytes32 base;
        CommitRecord committed;
        bytes[] between;
        ReleaseRecord released;
        bytes[] later;
    }

    /// @notice The registry whose records are checked.
    IViewershipRegistry public immutable registry;

    /// @notice The report of a release does not have the figure sum that was recorded (and, where
    /// the registry asks for proofs, proven).
    event ReportDisproved(
        bytes32 indexed platformId, uint32 indexed day, uint32 revision, bytes32 head
    );

    /// @notice The records given do not lead to the platform's head.
    error NotRecorded(bytes32 expected, bytes32 actual);
    /// @notice The commit given is not the one that was released.
    error OtherCommit();
    /// @notice The leaves given are not those of the recorded report.
    error OtherReport(bytes32 expected, bytes32 actual);
    /// @notice There is nothing to disprove.
    error ReportMatches();

    constructor(IViewershipRegistry registry_) {
        registry = registry_;
    }

    /// @notice Whether the report has the recorded figure sum.
    /// @param leaves header and rows of the report, each as canonical JSON, in order
    function matches(Recorded calldata recorded, bytes[] calldata leaves)
        external
        view
        returns (bool)
    {
        (bool same,) = _check(recorded, leaves);
        return same;
    }

    /// @notice Puts it on record that a report does not match. Reverts if it does.
    function challenge(Recorded calldata recorded, bytes[] calldata leaves) external {
        (bool same, bytes32 head) = _check(recorded, leaves);
        if (same) revert ReportMatches();
        emit ReportDisproved(
            recorded.platformId,
            recorded.released.body.day,
            recorded.released.body.revision,
            head
        );
    }

    /// @dev `head` is the platform's directly after the release.
    function _check(Recorded calldata recorded, bytes[] calldata leaves)
        private
        view
        returns (bool same, bytes32 head)
    {
        head = _headAfter(recorded);
        _requireCommit(recorded);
        ReleaseRecord calldata released = recorded.released;
        if (leaves.length == 0) revert OtherReport(released.body.reportRoot, 0);
        bytes32 root = RowTree.root(leaves);
        if (root != released.body.reportRoot) revert OtherReport(released.body.reportRoot, root);
        Beacon memory beacon = released.beacon;
        uint256 nonce = Statements.nonceOf(
            address(registry), recorded.platformId, recorded.committed.body, beacon
        );
        uint256 x = Statements.challengeOf(nonce, root);
        same = Figures.sumTo(leaves, x, released.body.figureSum);
    }

    function _headAfter(Recorded calldata recorded) private view returns (bytes32 head) {
        CommitRecord calldata committed = recorded.committed;
        ReleaseRecord calldata released = recorded.released;
        head = Heads.afterCommit(recorded.base, committed.body, committed.placement);
        head = Heads.walk(head, recorded.between);
        head = Heads.afterRelease(head, released.body, released.beacon, released.placement);
        bytes32 actual = Heads.walk(head, recorded.later);
        bytes32 expected = registry.headOf(recorded.platformId);
        if (actual != expected) revert NotRecorded(expected, actual);
    }

    /// @dev Day, revision and beacon tie a release to its commit, unless one revision was committed
    /// twice in a block, which a verifier of the history refuses anyway.
    function _requireCommit(Recorded calldata recorded) private view {
        CommitRecord calldata committed = recorded.committed;
        ReleaseRecord calldata released = recorded.released;
        bool same = committed.body.day == released.body.day
            && committed.body.revision == released.body.revision
            && committed.placement.blockNumber + registry.beaconDelay()
                == released.beacon.blockNumber;
        if (!same) revert OtherCommit();
    }
}
