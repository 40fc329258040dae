// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Inclusion in a report's tree
/// @notice RFC 6962 / RFC 9162 Merkle tree: SHA-256, leaves prefixed 0x00, nodes 0x01.
library RowTree {
    /// @notice RFC 9162 section 2.1.3.2, step by step.
    function verify(
        bytes32 root,
        bytes calldata data,
        uint256 index,
        uint256 size,
        bytes32[] calldata path
    ) internal pure returns (bool) {
        if (index >= size) return false; // 1
        uint256 fn = index; // 2
        uint256 sn = size - 1;
        bytes32 r = sha256(abi.encodePacked(bytes1(0x00), data)); // 3
        for (uint256 i = 0; i < path.length; ++i) {
            if (sn == 0) return false; // 4a
            if (fn & 1 == 1 || fn == sn) {
                r = sha256(abi.encodePacked(bytes1(0x01), path[i], r)); // 4b, left sibling
                while (fn & 1 == 0 && fn != 0) {
                    fn >>= 1;
                    sn >>= 1;
                }
            } else {
                r = sha256(abi.encodePacked(bytes1(0x01), r, path[i])); // 4b, right sibling
            }
            fn >>= 1; // 4c
            sn >>= 1;
        }
        return sn == 0 && r == root; // 5
    }
}
