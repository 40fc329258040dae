// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Registry of viewership records
/// @notice Every platform has one hash chain of records. Only its head is stored; each record is
/// in an event, complete. A record is a commit (inputs and rules, before anything is drawn) or a
/// release (report, bundle, privacy budget spent). Records are appended, never replaced.
/// @dev Head arithmetic, with `platformId = keccak256(bytes(platform))`:
///   genesis = keccak256(abi.encode(block.chainid, address(this), platformId))
///   commit  = keccak256(abi.encode(head, uint8(1), day, revision, manifestRoot, policyHash,
///             blockNumber, blockTime, publisher))
///   release = keccak256(abi.encode(head, uint8(2), day, revision, reportRoot,
///             keccak256(reportCid), keccak256(bundleCid), spendNanoRho,
///             blockNumber, blockTime, publisher))
interface IViewershipRegistry {
    /// @notice What is committed before a report is drawn.
    /// @param day days since 1970-01-01 (UTC)
    /// @param revision 1 for the first release of the day; a correction takes the next number
    /// @param manifestRoot RFC 6962 root over the day's ordered segments
    /// @param policyHash SHA-256 of the canonical policy (bounds, noise, budget)
    struct Commit {
        uint32 day;
        uint32 revision;
        bytes32 manifestRoot;
        bytes32 policyHash;
    }

    /// @notice Where and by whom a record was appended.
    /// @param blockTime Unix time in seconds
    struct Placement {
        uint64 blockNumber;
        uint64 blockTime;
        address publisher;
    }

    /// @notice A commit as its event gave it.
    struct CommitRecord {
        Commit body;
        Placement placement;
    }

    /// @notice What is published for a commit.
    /// @param reportRoot RFC 6962 root over the report's header and rows
    /// @param reportCid binary CIDv1 of the report
    /// @param bundleCid binary CIDv1 of the folder that verifies the day
    /// @param spendNanoRho privacy budget spent, in 1e-9 rho (zCDP)
    struct Release {
        uint32 day;
        uint32 revision;
        bytes32 reportRoot;
        bytes reportCid;
        bytes bundleCid;
        uint64 spendNanoRho;
    }

    /// @notice A release as its event gave it.
    struct ReleaseRecord {
        Release body;
        Placement placement;
    }

    /// @notice A row of a report and its place in the report's tree (RFC 9162, section 2.1.3).
    /// @param data bytes of the leaf (canonical JSON)
    /// @param index position of the leaf; 0 is the report's header
    /// @param size number of leaves
    /// @param path inclusion path, from the leaf up
    struct Row {
        bytes data;
        uint256 index;
        uint256 size;
        bytes32[] path;
    }

    event Committed(
        bytes32 indexed platformId,
        uint32 indexed day,
        bytes32 indexed head,
        uint32 revision,
        bytes32 manifestRoot,
        bytes32 policyHash,
        uint64 blockNumber,
        uint64 blockTime,
        address publisher
    );
    event Released(
        bytes32 indexed platformId,
        uint32 indexed day,
        bytes32 indexed head,
        uint32 revision,
        bytes32 reportRoot,
        bytes reportCid,
        bytes bundleCid,
        uint64 spendNanoRho,
        uint64 blockNumber,
        uint64 blockTime,
        address publisher
    );
    event PlatformOpened(bytes32 indexed platformId, string platform);
    event PublisherSet(bytes32 indexed platformId, address indexed publisher, bool allowed);
    event VerifierAdded(uint256 indexed index, address verifier);

    /// @notice Somebody appended first: read the chain again.
    error StaleHead(bytes32 expected, bytes32 actual);
    error NotPublisher(bytes32 platformId, address account);
    error UnknownPlatform(bytes32 platformId);
    error PlatformExists(bytes32 platformId);
    /// @notice A call without records.
    error NothingToAppend();
    error FutureDay(uint32 day);
    error RevisionZero(uint32 day);
    /// @notice A release belongs in a later block than its commit.
    error CommitTooRecent(uint32 day, uint32 revision);
    /// @notice No commit of this day and revision among those directly before the release.
    error NotCommitted(uint32 day, uint32 revision);
    error MalformedCid(bytes cid);
    /// @notice Above 2**53 - 1 a spend has no place in `chain.json`.
    error SpendTooLarge(uint32 day, uint64 spendNanoRho);
    error ProofMissing();
    error ProofUnexpected();
    error ProofRejected(uint32 day, uint32 revision);
    error NotAContract(address account);
    error AlreadyAdded(address verifier);
    /// A registry without an owner could never be unpaused; ownership is handed over in two steps.
    error OwnerRequired();

    /// @notice Opens a platform and names its first publisher. Owner only.
    function openPlatform(string calldata platform, address publisher) external;

    /// @notice Lets `publisher` append. By the owner, or, unless paused, by a publisher of the
    /// platform (so that a key can be rotated without the owner).
    function grantPublisher(bytes32 platformId, address publisher) external;

    /// @notice Takes the role away. By the owner, or by the publisher itself.
    function revokePublisher(bytes32 platformId, address publisher) external;

    /// @notice Appends a proof verifier and makes it the one that counts. Owner only; a verifier
    /// is never removed, so proofs stay required from the first one on.
    function addVerifier(address verifier) external;

    /// @notice Appends commits.
    /// @param expectedHead the head the caller planned on; StaleHead if it is another by now
    /// @return head the new head
    function commit(bytes32 platformId, bytes32 expectedHead, Commit[] calldata commits)
        external
        returns (bytes32 head);

    /// @notice Appends releases of the commits at the end of the chain.
    /// @dev Releases keep the order of their commits; a commit left out is withheld for good.
    /// @param base head before the first of `committed`
    /// @param committed the last records of the chain, all commits, in order
    /// @param releases each of the day and revision of one of `committed`
    /// @param proofs one per release, or none as long as there is no verifier
    /// @return head the new head
    function release(
        bytes32 platformId,
        bytes32 base,
        CommitRecord[] calldata committed,
        Release[] calldata releases,
        bytes[] calldata proofs
    ) external returns (bytes32 head);

    /// @notice Head of a platform's chain; zero for a platform that was never opened.
    function headOf(bytes32 platformId) external view returns (bytes32);

    function isPublisher(bytes32 platformId, address account) external view returns (bool);

    /// @notice Block from which on events can exist.
    function deployedAt() external view returns (uint256);

    /// @notice Verifier at `index`; the last one counts.
    function verifierAt(uint256 index) external view returns (address);

    function verifierCount() external view returns (uint256);

    /// @notice Whether `row` is in the tree with this root (SHA-256, RFC 9162 section 2.1.3.2).
    function verifyRow(bytes32 reportRoot, Row calldata row) external pure returns (bool);

    /// @notice Whether `row` is in a report that this registry recorded.
    /// @param previousHead head before the release
    /// @param record the release, from its event
    /// @param later for each later record, what was hashed after the head: `abi.encode` of its
    /// fields from the kind on; empty if the release is the newest record
    function verifyRecordedRow(
        bytes32 platformId,
        bytes32 previousHead,
        ReleaseRecord calldata record,
        bytes[] calldata later,
        Row calldata row
    ) external view returns (bool);

    function pause() external;

    function unpause() external;
}
