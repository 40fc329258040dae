// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

// What the registry records. Every field of a record is hashed into its platform's head, in this
// order (see Heads), so no record can be left out, added, moved or altered unseen.

/// @notice What is committed before anything is drawn.
/// @param day days since 1970-01-01 (UTC)
/// @param revision 1 for the first release of the day; a correction takes the next number
/// @param manifestRoot RFC 6962 root over the day's ordered segments
/// @param policyHash SHA-256 of the canonical policy (bounds, noise, budget)
/// @param tallyRoot Poseidon2 commitment to the contributions, salted
/// @param catalogueRoot Poseidon2 root of the day's public videos and creators
/// @param seedCommitment the day's entry of SeedLedger
struct Commit {
    uint32 day;
    uint32 revision;
    bytes32 manifestRoot;
    bytes32 policyHash;
    bytes32 tallyRoot;
    bytes32 catalogueRoot;
    bytes32 seedCommitment;
}

/// @notice What is published for a commit.
/// @param reportRoot RFC 6962 root over the report's header and rows
/// @param reportCid binary CIDv1 of the report
/// @param bundleCid binary CIDv1 of the folder that verifies the day
/// @param spendNanoRho privacy budget spent, in 1e-9 rho (zCDP)
/// @param figureSum all figures of the report in one field element (see Statements)
struct Release {
    uint32 day;
    uint32 revision;
    bytes32 reportRoot;
    bytes reportCid;
    bytes bundleCid;
    uint64 spendNanoRho;
    bytes32 figureSum;
}

/// @notice Randomness that nobody knew when the commit was made.
/// @param blockNumber the commit's block and `beaconDelay` more
/// @param randomness prevrandao of that block
struct Beacon {
    uint64 blockNumber;
    bytes32 randomness;
}

/// @notice Where and by whom a record was appended.
/// @param blockTime Unix time in seconds
struct Placement {
    uint64 blockNumber;
    uint64 blockTime;
    address publisher;
}

/// @notice A commit as its event gave it.
struct CommitRecord {
    Commit body;
    Placement placement;
}

/// @notice A release as its event gave it.
struct ReleaseRecord {
    Release body;
    Beacon beacon;
    Placement placement;
}

/// @notice A row of a report and its place in the report's tree (RFC 9162, section 2.1.3).
/// @param data bytes of the leaf (canonical JSON)
/// @param index position of the leaf; 0 is the report's header
/// @param size number of leaves
/// @param path inclusion path, from the leaf up
struct Row {
    bytes data;
    uint256 index;
    uint256 size;
    bytes32[] path;
}

/// @notice What a proof speaks about: numbers of the BN254 scalar field, public inputs of the main
/// circuit. The registry computes the first two; see Statements.
/// @param nonce what makes the noise of this release its own
/// @param x the point at which all figures are compared at once
/// @param figureSum sum of value / (x - pole) over the report's shown rows
struct Statement {
    bytes32 nonce;
    bytes32 x;
    bytes32 figureSum;
    bytes32 tallyRoot;
    bytes32 catalogueRoot;
    bytes32 seedCommitment;
}
