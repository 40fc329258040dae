// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IProofVerifier} from "./IProofVerifier.sol";
import {IVerifierList} from "./IVerifierList.sol";
import {Platforms} from "./Platforms.sol";
import {Release, Statement} from "./Records.sol";

/// @title Verifiers of proofs
/// @notice See IVerifierList.
abstract contract VerifierList is Platforms, IVerifierList {
    struct Entry {
        address verifier;
        uint64 countsFrom;
    }

    /// @inheritdoc IVerifierList
    uint64 public immutable verifierDelay;
    /// @inheritdoc IVerifierList
    bool public immutable acceptsDevelopmentSetup;

    Entry[] private _verifiers;

    constructor(uint64 delay, bool developmentSetup) {
        if (delay == 0 && !developmentSetup) revert NoVerifierDelay();
        verifierDelay = delay;
        acceptsDevelopmentSetup = developmentSetup;
    }

    /// @inheritdoc IVerifierList
    function addVerifier(address verifier) external onlyOwner {
        if (verifier.code.length == 0) revert NotAContract(verifier);
        if (!acceptsDevelopmentSetup && IProofVerifier(verifier).isDevelopmentSetup()) {
            revert DevelopmentSetup(verifier);
        }
        for (uint256 i = 0; i < _verifiers.length; ++i) {
            if (_verifiers[i].verifier == verifier) revert AlreadyAdded(verifier);
        }
        uint64 countsFrom = uint64(block.timestamp) + verifierDelay;
        emit VerifierAdded(_verifiers.length, verifier, countsFrom);
        _verifiers.push(Entry(verifier, countsFrom));
    }

    /// @inheritdoc IVerifierList
    function verifierAt(uint256 index) external view returns (address, uint64) {
        Entry storage entry = _verifiers[index];
        return (entry.verifier, entry.countsFrom);
    }

    /// @inheritdoc IVerifierList
    function verifierCount() external view returns (uint256) {
        return _verifiers.length;
    }

    /// @inheritdoc IVerifierList
    function currentVerifier() public view returns (address) {
        for (uint256 i = _verifiers.length; i > 0; --i) {
            Entry storage entry = _verifiers[i - 1];
            // Not in the block it was added in: nobody could tell afterwards which came first there.
            if (entry.countsFrom < block.timestamp) return entry.verifier;
        }
        return address(0);
    }

    /// @dev The verifier to ask; zero if there is none, and then there must be no proofs.
    function _verifierFor(uint256 releases, uint256 proofs) internal view returns (address verifier) {
        verifier = currentVerifier();
        if (verifier == address(0)) {
            if (proofs != 0) revert ProofUnexpected();
        } else if (proofs != releases) {
            revert ProofMissing();
        }
    }

    /// @dev A verifier's own error is passed on; one without a name counts as a rejection.
    function _requireProof(
        address verifier,
        Statement memory statement,
        Release calldata r,
        bytes calldata proof
    ) internal view {
        try IProofVerifier(verifier).verifyRelease(statement, proof) returns (bool proven) {
            if (proven) return;
        } catch (bytes memory reason) {
            assembly ("memory-safe") {
                if mload(reason) { revert(add(reason, 0x20), mload(reason)) }
            }
        }
        revert ProofRejected(r.day, r.revision);
    }
}
