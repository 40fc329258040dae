// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

import {Heads} from "./Heads.sol";
import {IPlatforms} from "./IPlatforms.sol";

/// @title Platforms, their heads and their publishers
/// @notice The owner (meant to be a multisig) opens platforms, names publishers and can pause; it
/// cannot append, change or remove a record.
abstract contract Platforms is IPlatforms, Ownable2Step, Pausable {
    /// @inheritdoc IPlatforms
    uint256 public immutable deployedAt = block.number;

    mapping(bytes32 platformId => bytes32) internal _heads;
    mapping(bytes32 platformId => mapping(address => bool)) private _publishers;

    constructor(address initialOwner) Ownable(initialOwner) {}

    modifier onlyPublisher(bytes32 platformId) {
        _requirePublisher(platformId);
        _;
    }

    /// @inheritdoc IPlatforms
    function openPlatform(string calldata platform, address publisher) external onlyOwner {
        bytes32 platformId = keccak256(bytes(platform));
        if (_heads[platformId] != 0) revert PlatformExists(platformId);
        _heads[platformId] = Heads.genesis(platformId);
        emit PlatformOpened(platformId, platform);
        _setPublisher(platformId, publisher, true);
    }

    /// @inheritdoc IPlatforms
    function grantPublisher(bytes32 platformId, address publisher) external {
        if (msg.sender != owner()) {
            // Otherwise a stolen key could go on naming others faster than the owner removes them.
            _requireNotPaused();
            _requirePublisher(platformId);
        }
        if (_heads[platformId] == 0) revert UnknownPlatform(platformId);
        _setPublisher(platformId, publisher, true);
    }

    /// @inheritdoc IPlatforms
    function revokePublisher(bytes32 platformId, address publisher) external {
        if (msg.sender != publisher) _checkOwner();
        _setPublisher(platformId, publisher, false);
    }

    /// @notice Ownership cannot be given up: a slip would freeze the registry as it is.
    function renounceOwnership() public view override onlyOwner {
        revert OwnerRequired();
    }

    /// @inheritdoc IPlatforms
    function pause() external onlyOwner {
        _pause();
    }

    /// @inheritdoc IPlatforms
    function unpause() external onlyOwner {
        _unpause();
    }

    /// @inheritdoc IPlatforms
    function headOf(bytes32 platformId) external view returns (bytes32) {
        return _heads[platformId];
    }

    /// @inheritdoc IPlatforms
    function isPublisher(bytes32 platformId, address account) external view returns (bool) {
        return _publishers[platformId][account];
    }

    function _requirePublisher(bytes32 platformId) private view {
        if (!_publishers[platformId][msg.sender]) revert NotPublisher(platformId, msg.sender);
    }

    function _setPublisher(bytes32 platformId, address publisher, bool allowed) private {
        _publishers[platformId][publisher] = allowed;
        emit PublisherSet(platformId, publisher, allowed);
    }
}
