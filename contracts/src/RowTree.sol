// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title A report's tree
/// @notice RFC 6962 / RFC 9162 Merkle tree: SHA-256, leaves prefixed 0x00, nodes 0x01.
library RowTree {
    /// @notice Whether a leaf is in the tree: RFC 9162 section 2.1.3.2, step by step.
    function verify(
        bytes32 top,
        bytes calldata data,
        uint256 index,
        uint256 size,
        bytes32[] calldata path
    ) internal view returns (bool) {
        if (index >= size) return false; // 1
        uint256 fn = index; // 2
        uint256 sn = size - 1;
        bytes32 r = _leaf(data); // 3
        for (uint256 i = 0; i < path.length; ++i) {
            if (sn == 0) return false; // 4a
            if (fn & 1 == 1 || fn == sn) {
                r = _node(path[i], r); // 4b, left sibling
                while (fn & 1 == 0 && fn != 0) {
                    fn >>= 1;
                    sn >>= 1;
                }
            } else {
                r = _node(r, path[i]); // 4b, right sibling
            }
            fn >>= 1; // 4c
            sn >>= 1;
        }
        return sn == 0 && r == top; // 5
    }

    /// @notice Root of all leaves (at least one), level by level; a node without a sibling moves up
    /// as it is.
    function root(bytes[] calldata leaves) internal view returns (bytes32) {
        uint256 size = leaves.length;
        bytes32[] memory level = new bytes32[](size);
        for (uint256 i = 0; i < size; ++i) {
            level[i] = _leaf(leaves[i]);
        }
        for (; size > 1; size = (size + 1) / 2) {
            for (uint256 i = 0; i < size / 2; ++i) {
                level[i] = _node(level[2 * i], level[2 * i + 1]);
            }
            if (size & 1 == 1) level[size / 2] = level[size - 1];
        }
        return level[0];
    }

    /// @dev SHA-256 of 0x00 and the data. Written in place: `sha256(abi.encodePacked(…))` would
    /// leave a copy of every leaf in memory.
    function _leaf(bytes calldata data) private view returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, 0)
            calldatacopy(add(free, 1), data.offset, data.length)
            if iszero(staticcall(gas(), 2, free, add(data.length, 1), 0, 0x20)) { revert(0, 0) }
            hash := mload(0)
        }
    }

    /// @dev SHA-256 of 0x01 and the two nodes.
    function _node(bytes32 left, bytes32 right) private view returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, 1)
            mstore(add(free, 0x01), left)
            mstore(add(free, 0x21), right)
            if iszero(staticcall(gas(), 2, free, 0x41, 0, 0x20)) { revert(0, 0) }
            hash := mload(0)
        }
    }
}
