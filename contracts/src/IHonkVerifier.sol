// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What `bb write_solidity_verifier` generates
interface IHonkVerifier {
    function verify(bytes calldata proof, bytes32[] calldata publicInputs)
        external
        view
        returns (bool);
}
