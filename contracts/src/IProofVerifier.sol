// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IViewershipRegistry} from "./IViewershipRegistry.sol";

/// @title What a proof verifier answers
/// @notice The registry hands over everything a statement must bind: chain and registry are known
/// to the verifier (`block.chainid`, `msg.sender`), the rest is in the arguments.
interface IProofVerifier {
    /// @param platformId the platform
    /// @param previousHead head directly before the release; binds all records before it
    /// @param committed the commit that is released
    /// @param release what is published
    /// @param proof opaque to the registry; never used as an id (proofs are malleable)
    /// @return whether `proof` proves the release
    function verifyRelease(
        bytes32 platformId,
        bytes32 previousHead,
        IViewershipRegistry.CommitRecord calldata committed,
        IViewershipRegistry.Release calldata release,
        bytes calldata proof
    ) external view returns (bool);
}
