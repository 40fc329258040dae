// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IHonkVerifier} from "./IHonkVerifier.sol";
import {IProofVerifier} from "./IProofVerifier.sol";
import {Statement} from "./Records.sol";
import {Statements} from "./Statements.sol";

/// @title UltraHonk proofs of releases
/// @notice Holds one generated verifier per main shape (size of circuit), and one for row shards,
/// which carry the rows that the main proof has no room for.
/// `proof = abi.encode(uint8 shape, bytes mainProof, bytes32[] shardInputs, bytes[] shardProofs)`,
/// `shardInputs` having a shard's rows root and sum commitment one after the other.
/// @dev Nothing here can change after deployment.
contract HonkReleaseVerifier is IProofVerifier {
    /// @dev Each generated verifier gets exactly this much, so that its answer depends on the proof
    /// and never on what the caller had left. They use about half of it; a bad proof may use it up.
    uint256 private constant VERIFIER_GAS = 2_000_000;
    uint256 private constant STATEMENT_INPUTS = 6;
    uint256 private constant INPUTS_PER_SHARD = 2;

    struct Shape {
        IHonkVerifier verifier;
        uint8 rowShards;
    }

    /// @inheritdoc IProofVerifier
    bool public immutable isDevelopmentSetup;
    /// @notice SHA-256 of the published description of the circuits.
    bytes32 public immutable circuits;
    /// @notice Verifier of row shards; zero if no shape takes any.
    IHonkVerifier public immutable rowShardVerifier;

    Shape[] private _shapes;

    error NotAContract(address account);
    /// @notice As many numbers of row shards as main verifiers, at least one of each, and a
    /// verifier of row shards exactly if there are any.
    error MalformedShapes();
    error NotEnoughGas(uint256 needed);

    constructor(
        address[] memory mainVerifiers,
        uint8[] memory rowShards,
        address rowShardVerifier_,
        bool developmentSetup,
        bytes32 circuits_
    ) {
        if (mainVerifiers.length == 0 || mainVerifiers.length != rowShards.length) {
            revert MalformedShapes();
        }
        bool sharded = false;
        for (uint256 i = 0; i < mainVerifiers.length; ++i) {
            _requireContract(mainVerifiers[i]);
            _shapes.push(Shape(IHonkVerifier(mainVerifiers[i]), rowShards[i]));
            sharded = sharded || rowShards[i] != 0;
        }
        if (sharded != (rowShardVerifier_ != address(0))) revert MalformedShapes();
        if (sharded) _requireContract(rowShardVerifier_);
        rowShardVerifier = IHonkVerifier(rowShardVerifier_);
        isDevelopmentSetup = developmentSetup;
        circuits = circuits_;
    }

    /// @inheritdoc IProofVerifier
    function verifyRelease(Statement calldata statement, bytes calldata proof)
        external
        view
        returns (bool)
    {
        (uint8 number, bytes memory main, bytes32[] memory shardInputs, bytes[] memory shards) =
            abi.decode(proof, (uint8, bytes, bytes32[], bytes[]));
        if (number >= _shapes.length) return false;
        Shape memory shape = _shapes[number];
        if (shards.length != shape.rowShards) return false;
        if (shardInputs.length != INPUTS_PER_SHARD * shards.length) return false;
        bytes32[] memory inputs = _mainInputs(statement, shardInputs);
        if (!_areElements(inputs) || !_proves(shape.verifier, main, inputs)) return false;
        for (uint256 i = 0; i < shards.length; ++i) {
            inputs = new bytes32[](2 + INPUTS_PER_SHARD);
            inputs[0] = statement.x;
            inputs[1] = statement.catalogueRoot;
            inputs[2] = shardInputs[INPUTS_PER_SHARD * i];
            inputs[3] = shardInputs[INPUTS_PER_SHARD * i + 1];
            if (!_proves(rowShardVerifier, shards[i], inputs)) return false;
        }
        return true;
    }

    /// @notice Number of main shapes.
    function shapeCount() external view returns (uint256) {
        return _shapes.length;
    }

    /// @notice A main shape's verifier, and how many row shards it takes.
    function shapeAt(uint256 number) external view returns (address verifier, uint8 rowShards) {
        Shape storage shape = _shapes[number];
        return (address(shape.verifier), shape.rowShards);
    }

    /// @dev Public inputs of the main circuit, in its order.
    function _mainInputs(Statement calldata s, bytes32[] memory shardInputs)
        private
        pure
        returns (bytes32[] memory inputs)
    {
        inputs = new bytes32[](STATEMENT_INPUTS + shardInputs.length);
        inputs[0] = s.x;
        inputs[1] = s.figureSum;
        inputs[2] = s.nonce;
        inputs[3] = s.tallyRoot;
        inputs[4] = s.catalogueRoot;
        inputs[5] = s.seedCommitment;
        for (uint256 i = 0; i < shardInputs.length; ++i) {
            inputs[STATEMENT_INPUTS + i] = shardInputs[i];
        }
    }

    /// @dev A generated verifier reduces its inputs, so n and n + order would both pass.
    function _areElements(bytes32[] memory inputs) private pure returns (bool) {
        for (uint256 i = 0; i < inputs.length; ++i) {
            if (uint256(inputs[i]) >= Statements.FIELD_ORDER) return false;
        }
        return true;
    }

    /// @dev A generated verifier reverts on some bad proofs and says false to others.
    function _proves(IHonkVerifier verifier, bytes memory proof, bytes32[] memory inputs)
        private
        view
        returns (bool)
    {
        // A call passes on at most 63/64 of what is left (EIP-150).
        uint256 needed = VERIFIER_GAS + VERIFIER_GAS / 63 + 50_000;
        if (gasleft() < needed) revert NotEnoughGas(needed);
        try verifier.verify{gas: VERIFIER_GAS}(proof, inputs) returns (bool proven) {
            return proven;
        } catch {
            return false;
        }
    }

    function _requireContract(address account) private view {
        if (account.code.length == 0) revert NotAContract(account);
    }
}
