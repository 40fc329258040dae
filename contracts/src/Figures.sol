// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ReportRow, ReportRows} from "./ReportRow.sol";
import {Statements} from "./Statements.sol";

/// @title The figure sum of a report
/// @notice Sum of value / (x - pole) over the shown rows, as one fraction, so that nothing is
/// divided: spec/proof.md says what the sum is for, core/statement.py is its twin.
library Figures {
    uint256 private constant NAME_SHIFT = 16;
    uint256 private constant NAME_STEP = 64;
    bytes32 private constant BIN_PREFIX = "furthest_bin_";
    bytes16 private constant CONTINENTS = "afanaseunaocsazz";
    uint256 private constant CONTINENTS_COUNT = 8;
    uint256 private constant CONTINENTS_FROM = 56;

    /// @notice x is the pole of a row, by a chance below 2**-230: the sum is not defined.
    error ChallengeOnPole();

    /// @notice Whether the rows of a report (all leaves but the first) sum up to `figureSum`. False
    /// too if they are not well-formed rows in order of (scope, key, metric), each name once.
    function sumTo(bytes[] calldata leaves, uint256 x, bytes32 figureSum)
        internal
        pure
        returns (bool)
    {
        uint256 r = Statements.FIELD_ORDER;
        (uint256 numerator, uint256 denominator) = (0, 1);
        ReportRow memory before;
        uint256 name;
        for (uint256 i = 1; i < leaves.length; ++i) {
            (bool ok, ReportRow memory row) = ReportRows.parse(leaves[i]);
            if (!ok) return false;
            int256 order = _compareSubjects(before, row);
            if (order > 0 || (order == 0 && before.metric >= row.metric)) return false;
            if (order < 0) name = _nameOf(row);
            before = row;
            if (row.value == 0) continue;
            (bool known, uint256 code) = _codeOf(row.metric);
            if (!known) return false;
            uint256 factor = addmod(x, r - (name + code), r);
            // n/d + v/f = (n·f + v·d) / (d·f)
            numerator = addmod(mulmod(numerator, factor, r), mulmod(row.value, denominator, r), r);
            denominator = mulmod(denominator, factor, r);
        }
        if (denominator == 0) revert ChallengeOnPole();
        return uint256(figureSum) < r && numerator == mulmod(uint256(figureSum), denominator, r);
    }

    /// @dev Below, at or above zero as (scope, key) of `a` comes before, is or comes after that of
    /// `b`. The empty `before` of the first row comes before all, for a scope is never empty.
    function _compareSubjects(ReportRow memory a, ReportRow memory b)
        private
        pure
        returns (int256)
    {
        if (a.scope != b.scope) return a.scope < b.scope ? -1 : int256(1);
        for (uint256 i = 0; i < a.keyLength || i < b.keyLength; i += 32) {
            (bytes32 left, bytes32 right) = (_keyWord(a, i), _keyWord(b, i));
            if (left != right) return left < right ? -1 : int256(1);
        }
        return 0;
    }

    /// @dev 32 bytes of a key from `from` on, zeros after its end.
    function _keyWord(ReportRow memory row, uint256 from) private pure returns (bytes32 text) {
        if (from >= row.keyLength) return 0;
        uint256 left = row.keyLength - from;
        uint256 offset = row.keyOffset + from;
        assembly ("memory-safe") {
            text := calldataload(offset)
            if lt(left, 32) {
                let unused := shl(3, sub(32, left))
                text := shl(unused, shr(unused, text))
            }
        }
    }

    /// @dev The number that stands for a key: from Keccak-256 of `scope/key`, a multiple of 64.
    function _nameOf(ReportRow memory row) private pure returns (uint256) {
        (bytes32 scope, uint256 scopeLength) = (row.scope, row.scopeLength);
        (uint256 offset, uint256 length) = (row.keyOffset, row.keyLength);
        bytes32 hash;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, scope)
            mstore8(add(free, scopeLength), 0x2f)
            calldatacopy(add(add(free, scopeLength), 1), offset, length)
            hash := keccak256(free, add(add(scopeLength, 1), length))
        }
        return (uint256(hash) >> NAME_SHIFT) * NAME_STEP;
    }

    /// @dev Where a metric stands after its key's name; the most frequent ones first.
    function _codeOf(bytes32 metric) private pure returns (bool known, uint256 code) {
        if (bytes13(metric) == bytes13(BIN_PREFIX)) return _twoDigits(metric << 104);
        if (metric == "viewers") return (true, 32);
        if (metric == "watch_seconds") return (true, 34);
        if (bytes8(metric) == "viewers_") return _continent(metric << 64);
        if (bytes8(metric) == "startup_") return _oneDigit(metric << 64, 40);
        if (bytes9(metric) == "rebuffer_") return _oneDigit(metric << 72, 48);
        if (metric == "views") return (true, 33);
        if (metric == "peak_viewers") return (true, 35);
        if (metric == "first_of_week") return (true, 36);
        if (metric == "first_of_month") return (true, 37);
    }

    /// @dev `00` to `19`, then nothing.
    function _twoDigits(bytes32 text) private pure returns (bool, uint256) {
        (uint256 tens, uint256 ones) = (uint8(text[0]), uint8(text[1]));
        bool ok = tens >= 0x30 && tens <= 0x31 && ones >= 0x30 && ones <= 0x39 && text << 16 == 0;
        unchecked {
            return ok ? (true, 10 * (tens - 0x30) + ones - 0x30) : (false, 0);
        }
    }

    /// @dev `0` to `7`, then nothing: codes from `first` on.
    function _oneDigit(bytes32 text, uint256 first) private pure returns (bool, uint256) {
        uint256 digit = uint8(text[0]);
        bool ok = digit >= 0x30 && digit <= 0x37 && text << 8 == 0;
        unchecked {
            return ok ? (true, first + digit - 0x30) : (false, 0);
        }
    }

    /// @dev Two letters, then nothing.
    function _continent(bytes32 text) private pure returns (bool, uint256) {
        for (uint256 i = 0; i < CONTINENTS_COUNT; ++i) {
            if (text == bytes32(bytes2(CONTINENTS << (16 * i)))) return (true, CONTINENTS_FROM + i);
        }
        return (false, 0);
    }
}
