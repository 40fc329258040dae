// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

import {Heads} from "./Heads.sol";
import {IProofVerifier} from "./IProofVerifier.sol";
import {IViewershipRegistry} from "./IViewershipRegistry.sol";
import {RowTree} from "./RowTree.sol";

/// @title Registry of viewership records
/// @notice See IViewershipRegistry. The owner (meant to be a multisig) opens platforms, names
/// publishers, adds proof verifiers and can pause; it cannot append, change or remove a record.
contract ViewershipRegistry is IViewershipRegistry, Ownable2Step, Pausable {
    uint256 private constant MIN_CID_BYTES = 4;
    uint256 private constant MAX_CID_BYTES = 64;
    /// @dev Largest integer of `chain.json` (RFC 8785): beyond it nobody could write the record down.
    uint64 private constant MAX_SPEND_NANO_RHO = 2 ** 53 - 1;

    /// @inheritdoc IViewershipRegistry
    uint256 public immutable deployedAt = block.number;

    mapping(bytes32 platformId => bytes32) private _heads;
    mapping(bytes32 platformId => mapping(address => bool)) private _publishers;
    address[] private _verifiers;

    constructor(address initialOwner) Ownable(initialOwner) {}

    modifier onlyPublisher(bytes32 platformId) {
        if (!_publishers[platformId][msg.sender]) revert NotPublisher(platformId, msg.sender);
        _;
    }

    // ---- roles -------------------------------------------------------------------------------

    /// @inheritdoc IViewershipRegistry
    function openPlatform(string calldata platform, address publisher) external onlyOwner {
        bytes32 platformId = keccak256(bytes(platform));
        if (_heads[platformId] != 0) revert PlatformExists(platformId);
        _heads[platformId] = Heads.genesis(platformId);
        emit PlatformOpened(platformId, platform);
        _setPublisher(platformId, publisher, true);
    }

    /// @inheritdoc IViewershipRegistry
    function grantPublisher(bytes32 platformId, address publisher) external {
        if (msg.sender != owner()) {
            // Otherwise a stolen key could go on naming others faster than the owner removes them.
            _requireNotPaused();
            if (!_publishers[platformId][msg.sender]) revert NotPublisher(platformId, msg.sender);
        }
        if (_heads[platformId] == 0) revert UnknownPlatform(platformId);
        _setPublisher(platformId, publisher, true);
    }

    /// @inheritdoc IViewershipRegistry
    function revokePublisher(bytes32 platformId, address publisher) external {
        if (msg.sender != publisher) _checkOwner();
        _setPublisher(platformId, publisher, false);
    }

    /// @inheritdoc IViewershipRegistry
    function addVerifier(address verifier) external onlyOwner {
        if (verifier.code.length == 0) revert NotAContract(verifier);
        for (uint256 i = 0; i < _verifiers.length; ++i) {
            if (_verifiers[i] == verifier) revert AlreadyAdded(verifier);
        }
        emit VerifierAdded(_verifiers.length, verifier);
        _verifiers.push(verifier);
    }

    /// Ownership cannot be given up: a slip would freeze the registry in whatever state it is.
    function renounceOwnership() public view override onlyOwner {
        revert OwnerRequired();
    }

    /// @inheritdoc IViewershipRegistry
    function pause() external onlyOwner {
        _pause();
    }

    /// @inheritdoc IViewershipRegistry
    function unpause() external onlyOwner {
        _unpause();
    }

    // ---- appending ---------------------------------------------------------------------------

    /// @inheritdoc IViewershipRegistry
    function commit(bytes32 platformId, bytes32 expectedHead, Commit[] calldata commits)
        external
        whenNotPaused
        onlyPublisher(platformId)
        returns (bytes32 head)
    {
        if (commits.length == 0) revert NothingToAppend();
        head = expectedHead;
        _requireHead(platformId, head);
        Placement memory here = _here();
        for (uint256 i = 0; i < commits.length; ++i) {
            Commit calldata c = commits[i];
            if (c.revision == 0) revert RevisionZero(c.day);
            if (uint256(c.day) * 1 days > block.timestamp) revert FutureDay(c.day);
            head = Heads.afterCommit(head, c, here);
            emit Committed(
                platformId,
                c.day,
                head,
                c.revision,
                c.manifestRoot,
                c.policyHash,
                here.blockNumber,
                here.blockTime,
                here.publisher
            );
        }
        _heads[platformId] = head;
    }

    /// @inheritdoc IViewershipRegistry
    function release(
        bytes32 platformId,
        bytes32 base,
        CommitRecord[] calldata committed,
        Release[] calldata releases,
        bytes[] calldata proofs
    ) external whenNotPaused onlyPublisher(platformId) returns (bytes32 head) {
        if (releases.length == 0) revert NothingToAppend();
        address verifier = _requiredVerifier(releases.length, proofs.length);
        head = base;
        for (uint256 i = 0; i < committed.length; ++i) {
            head = Heads.afterCommit(head, committed[i].body, committed[i].placement);
        }
        _requireHead(platformId, head);
        uint256 next = 0;
        for (uint256 i = 0; i < releases.length; ++i) {
            next = _find(committed, next, releases[i]);
            if (verifier != address(0)) {
                _requireProof(verifier, platformId, head, committed[next], releases[i], proofs[i]);
            }
            head = _appendRelease(platformId, head, releases[i]);
            ++next;
        }
        _heads[platformId] = head;
    }

    // ---- reading -----------------------------------------------------------------------------

    /// @inheritdoc IViewershipRegistry
    function headOf(bytes32 platformId) external view returns (bytes32) {
        return _heads[platformId];
    }

    /// @inheritdoc IViewershipRegistry
    function isPublisher(bytes32 platformId, address account) external view returns (bool) {
        return _publishers[platformId][account];
    }

    /// @inheritdoc IViewershipRegistry
    function verifierAt(uint256 index) external view returns (address) {
        return _verifiers[index];
    }

    /// @inheritdoc IViewershipRegistry
    function verifierCount() external view returns (uint256) {
        return _verifiers.length;
    }

    /// @inheritdoc IViewershipRegistry
    function verifyRow(bytes32 reportRoot, Row calldata row) public pure returns (bool) {
        return RowTree.verify(reportRoot, row.data, row.index, row.size, row.path);
    }

    /// @inheritdoc IViewershipRegistry
    function verifyRecordedRow(
        bytes32 platformId,
        bytes32 previousHead,
        ReleaseRecord calldata record,
        bytes[] calldata later,
        Row calldata row
    ) external view returns (bool) {
        bytes32 head = Heads.afterRelease(previousHead, record.body, record.placement);
        // A head's preimage starts with the head before it, so walking on from a made-up record
        // to the stored head would need a second preimage of keccak256.
        for (uint256 i = 0; i < later.length; ++i) {
            head = keccak256(abi.encodePacked(head, later[i]));
        }
        return head == _heads[platformId] && verifyRow(record.body.reportRoot, row);
    }

    // ---- internals ---------------------------------------------------------------------------

    function _setPublisher(bytes32 platformId, address publisher, bool allowed) private {
        _publishers[platformId][publisher] = allowed;
        emit PublisherSet(platformId, publisher, allowed);
    }

    function _requireHead(bytes32 platformId, bytes32 expected) private view {
        bytes32 actual = _heads[platformId];
        if (actual != expected) revert StaleHead(expected, actual);
    }

    /// @dev The newest verifier, or zero while there is none.
    function _requiredVerifier(uint256 releases, uint256 proofs) private view returns (address) {
        uint256 count = _verifiers.length;
        if (count == 0) {
            if (proofs != 0) revert ProofUnexpected();
            return address(0);
        }
        if (proofs != releases) revert ProofMissing();
        return _verifiers[count - 1];
    }

    /// @dev Index of the commit that `r` releases, at or after `from`.
    function _find(CommitRecord[] calldata committed, uint256 from, Release calldata r)
        private
        view
        returns (uint256)
    {
        for (uint256 i = from; i < committed.length; ++i) {
            Commit calldata c = committed[i].body;
            if (c.day == r.day && c.revision == r.revision) {
                if (committed[i].placement.blockNumber >= block.number) {
                    revert CommitTooRecent(r.day, r.revision);
                }
                return i;
            }
        }
        revert NotCommitted(r.day, r.revision);
    }

    function _requireProof(
        address verifier,
        bytes32 platformId,
        bytes32 head,
        CommitRecord calldata committed,
        Release calldata r,
        bytes calldata proof
    ) private view {
        if (!IProofVerifier(verifier).verifyRelease(platformId, head, committed, r, proof)) {
            revert ProofRejected(r.day, r.revision);
        }
    }

    function _appendRelease(bytes32 platformId, bytes32 previous, Release calldata r)
        private
        returns (bytes32 head)
    {
        _requireCid(r.reportCid);
        _requireCid(r.bundleCid);
        if (r.spendNanoRho > MAX_SPEND_NANO_RHO) revert SpendTooLarge(r.day, r.spendNanoRho);
        Placement memory here = _here();
        head = Heads.afterRelease(previous, r, here);
        emit Released(
            platformId,
            r.day,
            head,
            r.revision,
            r.reportRoot,
            r.reportCid,
            r.bundleCid,
            r.spendNanoRho,
            here.blockNumber,
            here.blockTime,
            here.publisher
        );
    }

    function _requireCid(bytes calldata cid) private pure {
        if (cid.length < MIN_CID_BYTES || cid.length > MAX_CID_BYTES || cid[0] != 0x01) {
            revert MalformedCid(cid);
        }
    }

    function _here() private view returns (Placement memory) {
        return Placement(uint64(block.number), uint64(block.timestamp), msg.sender);
    }
}
