// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Seeds of coming days, committed to in advance
/// @notice The noise of a release follows from its day's seed, which the operator keeps secret, and
/// from a beacon, which nobody knows at the time of the commit. One seed serves all revisions of
/// its day: a correction cannot choose another.
interface ISeedLedger {
    event SeedsCommitted(
        bytes32 indexed platformId,
        uint32 indexed firstDay,
        bytes32[] commitments,
        address publisher
    );

    /// @notice The day's seed was never committed to (or to nothing: zero is no commitment).
    error SeedMissing(uint32 day);
    /// @notice A day has one seed, for ever.
    error SeedAlreadyCommitted(uint32 day);
    /// @notice The commit names another seed than the one of its day.
    error SeedMismatch(uint32 day, bytes32 expected, bytes32 actual);

    /// @notice Commits to the seeds of consecutive days. By a publisher of the platform.
    /// @param commitments the one of `firstDay`, of the day after it, …
    function commitSeeds(bytes32 platformId, uint32 firstDay, bytes32[] calldata commitments)
        external;

    /// @notice Commitment to a day's seed; zero if there is none yet.
    function seedOf(bytes32 platformId, uint32 day) external view returns (bytes32);
}
