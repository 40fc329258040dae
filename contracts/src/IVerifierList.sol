// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Verifiers of proofs: a list that only grows
/// @notice The newest verifier whose time has come counts. Everybody sees a new one `verifierDelay`
/// seconds before it does, and it counts in later blocks only.
interface IVerifierList {
    event VerifierAdded(uint256 indexed index, address verifier, uint64 countsFrom);

    error NotAContract(address account);
    error AlreadyAdded(address verifier);
    /// @notice The verifier accepts proofs of a development set-up, which anybody could forge.
    error DevelopmentSetup(address verifier);
    /// @notice Where records are meant to convince, everybody must have time to look at a verifier.
    error NoVerifierDelay();
    error ProofMissing();
    error ProofUnexpected();
    error ProofRejected(uint32 day, uint32 revision);

    /// @notice Appends a verifier. Owner only; it is never removed, so proofs stay required from the
    /// first one on.
    function addVerifier(address verifier) external;

    /// @notice A verifier and the Unix time after which it counts.
    function verifierAt(uint256 index) external view returns (address verifier, uint64 countsFrom);

    function verifierCount() external view returns (uint256);

    /// @notice The verifier that counts now; zero while no proof is asked for.
    function currentVerifier() external view returns (address);

    /// @notice Seconds between adding a verifier and its counting.
    function verifierDelay() external view returns (uint64);

    /// @notice Whether this registry takes verifiers of a development set-up. False for any
    /// registry whose records are meant to convince.
    function acceptsDevelopmentSetup() external view returns (bool);
}
