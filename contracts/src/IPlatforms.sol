// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Platforms and who may publish for them
interface IPlatforms {
    event PlatformOpened(bytes32 indexed platformId, string platform);
    event PublisherSet(bytes32 indexed platformId, address indexed publisher, bool allowed);

    error NotPublisher(bytes32 platformId, address account);
    error UnknownPlatform(bytes32 platformId);
    error PlatformExists(bytes32 platformId);
    /// @notice A registry without an owner could never be unpaused; ownership is handed over in two
    /// steps.
    error OwnerRequired();

    /// @notice Opens a platform and names its first publisher. Owner only.
    function openPlatform(string calldata platform, address publisher) external;

    /// @notice Lets `publisher` append. By the owner, or, unless paused, by a publisher of the
    /// platform (so that a key can be rotated without the owner).
    function grantPublisher(bytes32 platformId, address publisher) external;

    /// @notice Takes the role away. By the owner, or by the publisher itself.
    function revokePublisher(bytes32 platformId, address publisher) external;

    function pause() external;

    function unpause() external;

    /// @notice Head of a platform's chain; zero for a platform that was never opened.
    function headOf(bytes32 platformId) external view returns (bytes32);

    function isPublisher(bytes32 platformId, address account) external view returns (bool);

    /// @notice Block from which on events can exist.
    function deployedAt() external view returns (uint256);
}
