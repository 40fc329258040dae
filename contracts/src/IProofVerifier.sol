// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Statement} from "./Records.sol";

/// @title What a proof verifier answers
/// @notice The statement binds chain, registry, platform, day, revision, commit, beacon and report
/// (see Statements), so a verifier needs to know none of them and may serve several registries.
interface IProofVerifier {
    /// @param statement computed by the registry, but for the fields that its records carry
    /// @param proof opaque to the registry; never used as an id (proofs are malleable)
    /// @return whether `proof` proves the statement
    function verifyRelease(Statement calldata statement, bytes calldata proof)
        external
        view
        returns (bool);

    /// @notice Whether the trapdoor of its set-up is known, so that its proofs convince nobody.
    function isDevelopmentSetup() external view returns (bool);
}
