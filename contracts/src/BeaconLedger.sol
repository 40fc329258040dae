// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BlockHeader} from "./BlockHeader.sol";
import {IBeaconLedger} from "./IBeaconLedger.sol";
import {Beacon} from "./Records.sol";

/// @title Randomness of past blocks
/// @notice See IBeaconLedger.
abstract contract BeaconLedger is IBeaconLedger {
    /// @inheritdoc IBeaconLedger
    uint64 public immutable beaconDelay;

    mapping(uint256 number => bytes32) private _randomness;

    constructor(uint64 delay) {
        if (delay == 0) revert BeaconDelayZero();
        beaconDelay = delay;
    }

    /// @inheritdoc IBeaconLedger
    function recordBeacon(bytes calldata header) external {
        (uint256 number, bytes32 randomness) = BlockHeader.parse(header);
        if (number >= block.number) revert BeaconNotYet(number);
        bytes32 expected = BlockHeader.hashOf(number);
        if (expected == 0) revert BeaconTooOld(number);
        bytes32 actual = keccak256(header);
        if (actual != expected) revert HeaderMismatch(number, expected, actual);
        if (randomness == 0) revert BeaconAbsent(number);
        if (_randomness[number] != 0) return;
        _randomness[number] = randomness;
        emit BeaconRecorded(number, randomness);
    }

    /// @inheritdoc IBeaconLedger
    function randomnessOf(uint256 number) external view returns (bytes32) {
        return _randomness[number];
    }

    /// @dev Beacon of a commit that was made in block `committedIn`.
    function _beaconOf(uint64 committedIn) internal view returns (Beacon memory beacon) {
        beacon.blockNumber = committedIn + beaconDelay;
        beacon.randomness = _randomness[beacon.blockNumber];
        if (beacon.randomness == 0) revert BeaconNotRecorded(beacon.blockNumber);
    }
}
