// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IHonkVerifier} from "../IHonkVerifier.sol";

/// @title In place of a generated verifier, for tests of the contract around it
/// @notice The only proof it accepts is the hash of its number and the public inputs. To others it
/// answers in each way a generated verifier may: an empty one makes it revert, one of a single byte
/// uses up its gas, the rest are false.
contract StandInHonk is IHonkVerifier {
    uint256 public immutable number;

    error ProofLengthWrong();

    constructor(uint256 number_) {
        number = number_;
    }

    /// @inheritdoc IHonkVerifier
    function verify(bytes calldata proof, bytes32[] calldata publicInputs)
        external
        view
        returns (bool)
    {
        if (proof.length == 0) revert ProofLengthWrong();
        if (proof.length == 1) {
            assembly ("memory-safe") {
                invalid()
            }
        }
        return proof.length == 32 && bytes32(proof) == keccak256(abi.encode(number, publicInputs));
    }
}
