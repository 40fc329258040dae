// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IProofVerifier} from "../IProofVerifier.sol";
import {Statement} from "../Records.sol";

/// @title A verifier for tests
/// @notice The only proof it accepts of a statement is the statement's hash.
contract BindingVerifier is IProofVerifier {
    /// @inheritdoc IProofVerifier
    bool public immutable isDevelopmentSetup;

    constructor(bool developmentSetup) {
        isDevelopmentSetup = developmentSetup;
    }

    /// @inheritdoc IProofVerifier
    function verifyRelease(Statement calldata statement, bytes calldata proof)
        external
        pure
        returns (bool)
    {
        return proof.length == 32 && bytes32(proof) == keccak256(abi.encode(statement));
    }
}
