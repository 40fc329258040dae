// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IViewershipRegistry} from "./IViewershipRegistry.sol";

/// @title Head arithmetic
/// @notice The hash chain over a platform's records; see IViewershipRegistry for the formulas.
library Heads {
    uint8 private constant KIND_COMMIT = 1;
    uint8 private constant KIND_RELEASE = 2;

    /// @notice Head of a platform without records; binds chain, registry and platform.
    function genesis(bytes32 platformId) internal view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), platformId));
    }

    /// @notice Head after a commit.
    function afterCommit(
        bytes32 previous,
        IViewershipRegistry.Commit calldata c,
        IViewershipRegistry.Placement memory p
    ) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                previous,
                KIND_COMMIT,
                c.day,
                c.revision,
                c.manifestRoot,
                c.policyHash,
                p.blockNumber,
                p.blockTime,
                p.publisher
            )
        );
    }

    /// @notice Head after a release.
    function afterRelease(
        bytes32 previous,
        IViewershipRegistry.Release calldata r,
        IViewershipRegistry.Placement memory p
    ) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                previous,
                KIND_RELEASE,
                r.day,
                r.revision,
                r.reportRoot,
                keccak256(r.reportCid),
                keccak256(r.bundleCid),
                r.spendNanoRho,
                p.blockNumber,
                p.blockTime,
                p.publisher
            )
        );
    }
}
