// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Beacon, Commit, Placement, Release} from "./Records.sol";

/// @title Head arithmetic
/// @notice The hash chain over a platform's records; spec/record.md has a worked example.
/// @dev With `platformId = keccak256(bytes(platform))`:
///   genesis = keccak256(abi.encode(block.chainid, registry, platformId))
///   commit  = keccak256(abi.encode(head, uint8(1), Commit, Placement))
///   release = keccak256(abi.encode(head, uint8(2), Release, Beacon, Placement)),
///             the two CIDs as their keccak256
/// All fields are of static types, so `abi.encode` is their concatenation in words.
library Heads {
    uint8 private constant KIND_COMMIT = 1;
    uint8 private constant KIND_RELEASE = 2;

    /// @notice Head of a platform without records; binds chain, registry and platform.
    function genesis(bytes32 platformId) internal view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), platformId));
    }

    /// @notice Head after a commit.
    function afterCommit(bytes32 previous, Commit calldata c, Placement memory p)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(previous, KIND_COMMIT, c, p));
    }

    /// @notice Head after a release.
    function afterRelease(
        bytes32 previous,
        Release calldata r,
        Beacon memory b,
        Placement memory p
    ) internal pure returns (bytes32) {
        bytes32 reportCid = keccak256(r.reportCid);
        bytes32 bundleCid = keccak256(r.bundleCid);
        return keccak256(
            bytes.concat(
                abi.encode(previous, KIND_RELEASE, r.day, r.revision, r.reportRoot),
                abi.encode(reportCid, bundleCid, r.spendNanoRho, r.figureSum, b, p)
            )
        );
    }

    /// @notice Head after all of `later`, each `abi.encode` of a record's fields from the kind on.
    /// @dev A head's preimage starts with the head before it, so walking on from a made-up record
    /// to a stored head would need a second preimage of keccak256.
    function walk(bytes32 head, bytes[] calldata later) internal pure returns (bytes32) {
        for (uint256 i = 0; i < later.length; ++i) {
            head = keccak256(abi.encodePacked(head, later[i]));
        }
        return head;
    }
}
