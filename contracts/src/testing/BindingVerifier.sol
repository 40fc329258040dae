// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IProofVerifier} from "../IProofVerifier.sol";
import {IViewershipRegistry} from "../IViewershipRegistry.sol";

/// @title A verifier for tests
/// @notice Accepts one statement: the proof must be the hash of everything it was handed.
contract BindingVerifier is IProofVerifier {
    /// @inheritdoc IProofVerifier
    function verifyRelease(
        bytes32 platformId,
        bytes32 previousHead,
        IViewershipRegistry.CommitRecord calldata committed,
        IViewershipRegistry.Release calldata release,
        bytes calldata proof
    ) external view returns (bool) {
        bytes32 statement = keccak256(
            abi.encode(
                block.chainid,
                msg.sender,
                platformId,
                previousHead,
                committed.body.manifestRoot,
                release.reportRoot
            )
        );
        return proof.length == 32 && bytes32(proof) == statement;
    }
}
