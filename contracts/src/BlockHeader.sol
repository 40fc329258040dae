// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Reading a block's header
/// @notice RLP of a header since the merge: number is item 8, prevrandao (mixHash) item 13. Later
/// forks append items, which are not looked at.
library BlockHeader {
    uint256 private constant NUMBER = 8;
    uint256 private constant MIX_HASH = 13;
    /// @dev EIP-2935: keeps the hashes of the last 8,191 blocks; the same address on every chain.
    address private constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;

    /// @notice The bytes are not an RLP list with a header's first items.
    error HeaderMalformed();

    /// @notice Number and prevrandao that `header` claims.
    function parse(bytes calldata header) internal pure returns (uint256 number, bytes32 mixHash) {
        (uint256 next, uint256 length, bool list) = _item(header, 0);
        if (!list || next + length != header.length) revert HeaderMalformed();
        uint256 size;
        for (uint256 i = 0; i <= MIX_HASH; ++i) {
            (next, size, list) = _item(header, next);
            if (list) revert HeaderMalformed();
            if (i == NUMBER) {
                if (size > 8) revert HeaderMalformed();
                number = _uint(header, next, size);
            }
            if (i == MIX_HASH) {
                if (size != 32) revert HeaderMalformed();
                mixHash = bytes32(header[next:next + 32]);
            }
            next += size;
        }
    }

    /// @notice Hash of a block before this one; zero if this chain no longer knows it.
    function hashOf(uint256 number) internal view returns (bytes32 hash) {
        hash = blockhash(number); // the last 256 blocks
        if (hash != 0 || HISTORY.code.length == 0) return hash;
        (bool known, bytes memory answer) = HISTORY.staticcall(abi.encode(number));
        if (known && answer.length == 32) hash = bytes32(answer);
    }

    /// @dev Payload of the item that starts at `from`.
    function _item(bytes calldata data, uint256 from)
        private
        pure
        returns (uint256 start, uint256 length, bool list)
    {
        if (from >= data.length) revert HeaderMalformed();
        uint256 prefix = uint8(data[from]);
        if (prefix < 0x80) return (from, 1, false);
        list = prefix >= 0xc0;
        uint256 short = prefix - (list ? 0xc0 : 0x80);
        start = from + 1;
        if (short <= 55) {
            length = short;
        } else {
            uint256 width = short - 55;
            if (width > 4 || start + width > data.length) revert HeaderMalformed();
            length = _uint(data, start, width);
            start += width;
        }
        if (start + length > data.length) revert HeaderMalformed();
    }

    function _uint(bytes calldata data, uint256 from, uint256 size)
        private
        pure
        returns (uint256 n)
    {
        for (uint256 i = from; i < from + size; ++i) {
            n = (n << 8) | uint8(data[i]);
        }
    }
}
