// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What a row of a report says, as far as a proof speaks about it. Texts are left-aligned;
/// a key is where it stands in calldata, for it may be long.
struct ReportRow {
    bytes32 scope;
    uint256 scopeLength;
    bytes32 metric;
    uint256 keyOffset;
    uint256 keyLength;
    uint256 value; // 0 if the row is suppressed: a value that is shown is positive
}

/// @title Reading a row of a report
/// @notice A row is canonical JSON (RFC 8785) with exactly these members, in this order:
/// `{"error_95":n,"key":"k","metric":"m","scope":"s","sigma":n,"value":v}`, v a positive integer
/// or null. No escapes, no white space, no second spelling of a text or value: two readers cannot
/// see different figures.
library ReportRows {
    uint256 private constant MAX_VALUE = 2 ** 53 - 1;
    uint256 private constant MAX_DIGITS = 16;
    uint256 private constant MAX_KEY = 128;
    uint256 private constant MAX_WORD = 31;
    /// @dev Bit c stands for the ASCII character c: `0-9` …
    uint256 private constant DIGITS = 0x03ff000000000000;
    /// @dev … `0-9 + - . e` …
    uint256 private constant NUMBER = 0x2000000000_03ff680000000000;
    /// @dev … `A-Z a-z 0-9 . _ : -` …
    uint256 private constant IDENTIFIER = 0x7fffffe87fffffe_07ff600000000000;
    /// @dev … and `a-z 0-9 _`.
    uint256 private constant NAME = 0x7fffffe80000000_03ff000000000000;

    /// @notice Reads a leaf; `ok` is false if it is not a row as described.
    function parse(bytes calldata leaf) internal pure returns (bool ok, ReportRow memory row) {
        uint256 next;
        uint256 end;
        assembly ("memory-safe") {
            next := leaf.offset
            end := add(leaf.offset, leaf.length)
        }
        uint256 length;
        unchecked { // offsets into calldata
            (ok, next) = _expect(next, '{"error_95":', 12);
            if (ok) (ok, length) = _scan(next, NUMBER, MAX_WORD, 1);
            if (ok) (ok, next) = _expect(next + length, ',"key":"', 8);
            if (ok) (ok, length) = _scan(next, IDENTIFIER, MAX_KEY, 0);
            (row.keyOffset, row.keyLength) = (next, length);
            if (ok) (ok, next) = _expect(next + length, '","metric":"', 12);
            if (ok) (ok, length) = _scan(next, NAME, MAX_WORD, 1);
            row.metric = _text(next, length);
            if (ok) (ok, next) = _expect(next + length, '","scope":"', 11);
            if (ok) (ok, length) = _scan(next, NAME, MAX_WORD, 1);
            (row.scope, row.scopeLength) = (_text(next, length), length);
            if (ok) (ok, next) = _expect(next + length, '","sigma":', 10);
            if (ok) (ok, length) = _scan(next, NUMBER, MAX_WORD, 1);
            if (ok) (ok, next) = _expect(next + length, ',"value":', 9);
            if (ok) (ok, row.value, next) = _value(next);
            ok = ok && next == end;
        }
    }

    /// @dev `null}` or a positive integer without leading zeros and `}`.
    function _value(uint256 from) private pure returns (bool ok, uint256 value, uint256 next) {
        if (_text(from, 5) == "null}") return (true, 0, from + 5);
        (ok, next) = _scan(from, DIGITS, MAX_DIGITS, 1);
        unchecked {
            next += from;
            for (uint256 i = from; i < next; ++i) {
                value = value * 10 + _char(i) - 0x30; // 17 digits at most
            }
            ok = ok && _char(from) != 0x30 && value <= MAX_VALUE && _char(next) == 0x7d;
            return (ok, value, next + 1);
        }
    }

    /// @dev Whether the `length` bytes at `from` are `text`, and what follows them.
    function _expect(uint256 from, bytes32 text, uint256 length)
        private
        pure
        returns (bool, uint256)
    {
        return (_text(from, length) == text, from + length);
    }

    /// @dev How many characters from `from` on are in `set`; false outside `least` to `most`. In
    /// assembly, because most of the gas of a report goes here.
    function _scan(uint256 from, uint256 set, uint256 most, uint256 least)
        private
        pure
        returns (bool, uint256 length)
    {
        assembly ("memory-safe") {
            let next := from
            for {} and(shr(byte(0, calldataload(next)), set), 1) {} { next := add(next, 1) }
            length := sub(next, from)
        }
        return (length >= least && length <= most, length);
    }

    /// @dev Beyond the end of calldata there are zeros, which are no character of anything here.
    function _char(uint256 offset) private pure returns (uint256 c) {
        assembly ("memory-safe") {
            c := byte(0, calldataload(offset))
        }
    }

    /// @dev The `length` bytes at `from`, at most 32, left-aligned.
    function _text(uint256 from, uint256 length) private pure returns (bytes32 text) {
        assembly ("memory-safe") {
            let unused := shl(3, sub(32, length))
            text := shl(unused, shr(unused, calldataload(from)))
        }
    }
}
