// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Randomness of past blocks
/// @notice A block's randomness (prevrandao) is in its header. Anyone may hand the header in while
/// the chain still knows the block's hash: 256 blocks, or 8,191 with EIP-2935.
interface IBeaconLedger {
    event BeaconRecorded(uint256 indexed number, bytes32 randomness);

    /// @notice The block is not older than this one.
    error BeaconNotYet(uint256 number);
    /// @notice The chain no longer knows the block's hash.
    error BeaconTooOld(uint256 number);
    /// @notice The header is not that of its block.
    error HeaderMismatch(uint256 number, bytes32 expected, bytes32 actual);
    /// @notice The chain has no randomness in its headers.
    error BeaconAbsent(uint256 number);
    /// @notice Nobody handed the header in yet.
    error BeaconNotRecorded(uint256 number);
    error BeaconDelayZero();

    /// @notice Stores the randomness of a block. Harmless if it is stored already.
    /// @param header RLP of the block's header
    function recordBeacon(bytes calldata header) external;

    /// @notice Randomness of a block; zero if it is not recorded.
    function randomnessOf(uint256 number) external view returns (bytes32);

    /// @notice How many blocks after a commit its beacon is.
    function beaconDelay() external view returns (uint64);
}
