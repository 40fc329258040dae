// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISeedLedger} from "./ISeedLedger.sol";
import {Platforms} from "./Platforms.sol";
import {Commit} from "./Records.sol";

/// @title Seeds of coming days
/// @notice See ISeedLedger.
abstract contract SeedLedger is Platforms, ISeedLedger {
    mapping(bytes32 platformId => mapping(uint32 day => bytes32)) private _seeds;

    /// @inheritdoc ISeedLedger
    function commitSeeds(bytes32 platformId, uint32 firstDay, bytes32[] calldata commitments)
        external
        whenNotPaused
        onlyPublisher(platformId)
    {
        for (uint256 i = 0; i < commitments.length; ++i) {
            uint32 day = firstDay + uint32(i);
            if (commitments[i] == 0) revert SeedMissing(day);
            if (_seeds[platformId][day] != 0) revert SeedAlreadyCommitted(day);
            _seeds[platformId][day] = commitments[i];
        }
        emit SeedsCommitted(platformId, firstDay, commitments, msg.sender);
    }

    /// @inheritdoc ISeedLedger
    function seedOf(bytes32 platformId, uint32 day) external view returns (bytes32) {
        return _seeds[platformId][day];
    }

    function _requireSeed(bytes32 platformId, Commit calldata c) internal view {
        bytes32 expected = _seeds[platformId][c.day];
        if (expected == 0) revert SeedMissing(c.day);
        if (expected != c.seedCommitment) {
            revert SeedMismatch(c.day, expected, c.seedCommitment);
        }
    }
}
