// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Beacon, Commit, Release, Statement} from "./Records.sol";

/// @title From a release to the numbers its proof speaks about
/// @notice The nonce binds a proof to one chain, registry, platform, day, revision, commit and
/// beacon; x binds it to one report. spec/proof.md says why, core/statement.py is its twin.
library Statements {
    /// @notice Order of the BN254 scalar field.
    uint256 internal constant FIELD_ORDER =
        21888242871839275222246405745257275088548364400416034343698204186575808495617;
    bytes32 private constant LABEL = keccak256("viewership-noise/1");

    /// @notice What makes the noise of a release its own. Known only with the beacon.
    function nonceOf(address registry, bytes32 platformId, Commit calldata c, Beacon memory b)
        internal
        view
        returns (uint256)
    {
        return uint256(keccak256(abi.encode(LABEL, block.chainid, registry, platformId, c, b)))
            % FIELD_ORDER;
    }

    /// @notice Where the figures are compared. A hash of the report: nobody can pick a report that
    /// agrees with another at this point.
    function challengeOf(uint256 nonce, bytes32 reportRoot) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(nonce, reportRoot))) % FIELD_ORDER;
    }

    /// @notice Everything a proof of the release must state.
    function statementOf(
        address registry,
        bytes32 platformId,
        Commit calldata c,
        Beacon memory b,
        Release calldata r
    ) internal view returns (Statement memory) {
        uint256 nonce = nonceOf(registry, platformId, c, b);
        return Statement({
            nonce: bytes32(nonce),
            x: bytes32(challengeOf(nonce, r.reportRoot)),
            figureSum: r.figureSum,
            tallyRoot: c.tallyRoot,
            catalogueRoot: c.catalogueRoot,
            seedCommitment: c.seedCommitment
        });
    }
}
