"""Every error this project raises on purpose.

    PipelineError
    ├── InvalidInput            a value from outside broke a rule; `.field` names it
    │   ├── InvalidEvent        one player event
    │   ├── InvalidBatch        one client upload (frame, header, payload)
    │   ├── InvalidSegment      a sealed segment (envelope, padding, schema)
    │   ├── InvalidContent      IPFS blocks or a CAR that break their format or a limit
    │   ├── InvalidRecord       records of the chain that break the format or their hash chain
    │   └── InvalidSettings     configuration
    ├── StoreError              a store could not do what was asked
    │   ├── ContentUnavailable  no source had the bytes in time
    │   ├── IntegrityError      a source answered with other bytes than asked for
    │   ├── QueueUnavailable    the durable queue cannot take a batch now (full, disk error)
    │   ├── KeyUnavailable      a key is unknown or was destroyed
    │   ├── DecryptionFailed    wrong key, or the ciphertext was altered
    │   ├── SealerRunning       another sealer works on the same stores
    │   ├── AlertsRunning       another alerts process works on the same rules
    │   ├── TooManyRules        an owner has as many alert rules as there may be
    │   └── EventsExpired       the day's raw events are gone; nothing can be recomputed
    ├── ProofNotCheckable       a verifier of proofs lacks the tool or the key it needs
    ├── UploadFailed            the ingestion API did not take a batch
    ├── ReleaseError
    │   ├── BudgetOverspent     the release would spend more privacy budget than is left
    │   ├── ReleaseConflict     something stored once was about to be stored differently
    │   │   └── LedgerTampered  the ledger of privacy budget is not what the chain says was spent
    │   ├── ClockMovedBack      the clock is behind what the ledger or the chain has seen
    │   ├── PolicyConflict      the day was planned under another policy; a day has one
    │   ├── ListingTooLarge     more videos or creators than a proof has slots for
    │   ├── DayTooLarge         no shape of a proof holds the day
    │   ├── NoiseOutOfRange     a noise word of a chance below 2⁻⁸⁰; the revision is burnt
    │   └── StatementUndefined  a metric has no code, or the challenge falls on a row's pole
    ├── ErasureRefused          a day's raw data may not be destroyed (yet); `.day` says which
    │   ├── NotReleasedYet      events of the day are in no release on chain
    │   ├── NotFinalYet         its release is not deep enough on chain
    │   ├── NotVerifiedYet      its release does not verify
    │   ├── StillAccepting      late events of the day are still accepted
    │   └── RetentionNotOver    fewer days have passed than ANALYTICS_RETENTION_DAYS
    ├── ProvingError
    │   ├── ToolUnavailable     a tool (bb, solc) cannot be installed, or is another version
    │   ├── SetupUnavailable    the points of the set-up are missing, too few or not those named
    │   ├── NotEnoughMemory     the proof needs more memory than this machine has left
    │   ├── ProverFailed        the prover ended without a proof
    │   └── ProofRejected       the proof just made does not hold for its statement
    ├── ChainError
    │   ├── StaleHead           somebody appended first
    │   ├── NotPublisher        the account may not publish for this platform
    │   ├── RecordRefused       the contract refused; `.name` is its error (FutureDay, ...)
    │   ├── CommitWithheld      another release overtook the commit; its revision is burnt
    │   ├── BeaconExpired       the commit's beacon was not recorded in time; likewise
    │   └── PublishFailed       the chain did not accept the record in time
    ├── VerificationFailed      a numbered check of `core.verify` failed; see there
    ├── AuditFailed             a numbered step of `core.audit` failed; see `core.audit_errors`
    └── NotAuditable            this version cannot compute a released day again; see there

Belongs here: classes and their fields, and the one way an error is printed. Messages are written
where the error is raised; they say what to do next and never carry a secret.
"""

from datetime import date


class PipelineError(Exception):
    """Base of all errors raised on purpose."""


class InvalidInput(PipelineError):
    """A value from outside broke a rule.

    Args:
        field: dotted path of the offending field, e.g. ``events[3].at``.
        problem: what is wrong with it, in words a caller can act on.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class InvalidEvent(InvalidInput):
    """A player event that cannot be counted. ``reason`` is the short name it is counted under."""

    def __init__(self, field: str, problem: str, reason: str) -> None:
        super().__init__(field, problem)
        self.reason = reason


class InvalidBatch(InvalidInput):
    """A client upload whose frame, header or payload breaks the format."""


class InvalidRecord(InvalidInput):
    """Records of the chain that break their format or do not hash to the head they claim."""


class InvalidContent(InvalidInput):
    """IPFS content that is what its CID names, and yet breaks the UnixFS profile or a limit."""


class InvalidSegment(InvalidInput):
    """A sealed segment whose envelope, padding or columns break the format."""


class InvalidSettings(InvalidInput):
    """A setting that is missing, malformed or contradicts another one."""


class StoreError(PipelineError):
    """A store could not do what was asked."""


class ContentUnavailable(StoreError):
    """No source had the content within the deadline."""


class IntegrityError(StoreError):
    """A source answered with bytes that do not match the name they were asked for by."""


class QueueUnavailable(StoreError):
    """The durable queue did not store a batch: full, busy or a disk error. Send it again later."""


class KeyUnavailable(StoreError):
    """A key is unknown here or was destroyed."""


class DecryptionFailed(StoreError):
    """Authentication failed: wrong key, or altered ciphertext or additional data."""


class SealerRunning(StoreError):
    """Another sealer works on the same stores; one is enough."""


class AlertsRunning(StoreError):
    """Another alerts process works on the same rules; one is enough."""


class TooManyRules(StoreError):
    """An owner, or everybody together, has as many alert rules as there may be."""


class EventsExpired(StoreError):
    """The day's raw events were destroyed, so nothing about it can be recomputed."""


class ProofNotCheckable(PipelineError):
    """A verifier of proofs lacks what it needs: its tool, or the verification key's bytes. It says
    nothing about the proof."""


class UploadFailed(PipelineError):
    """The ingestion API refused a batch for good, or could not be reached in several attempts."""


class ReleaseError(PipelineError):
    """A release could not be made."""


class BudgetOverspent(ReleaseError):
    """The release would spend more privacy budget than is left; nothing was reserved.

    Args:
        message: what is spent, what is left, for the day and for 30 days.
        renews_on: the first later day that has room for such a release; None: there will be none.
    """

    def __init__(self, message: str, renews_on: date | None = None) -> None:
        super().__init__(message)
        self.renews_on = renews_on


class ReleaseConflict(ReleaseError):
    """A value stored once was about to be replaced by a different one."""


class LedgerTampered(ReleaseConflict):
    """The catalogue's ledger of privacy budget and the records on chain disagree, or the ledger
    disagrees with itself: a spend or a release was forgotten, altered or made up."""


class ClockMovedBack(ReleaseError):
    """This machine's clock is behind a time that the ledger or the chain has seen already. A day
    could seem unfinished, or a spend could seem to come before another."""


class PolicyConflict(ReleaseError):
    """An earlier revision of the day was planned under another policy than the one in force. All
    revisions of a day must promise the same policy, or none of them would verify again."""


class DayTooLarge(ReleaseError):
    """No shape of a proof holds the day's rows and videos."""


class ListingTooLarge(ReleaseError):
    """The day's listing does not fit the slots of a proof's shape.

    Args:
        what: ``videos`` or ``creators``.
        count: how many the listing has.
        room: how many slots there are.
    """

    def __init__(self, what: str, count: int, room: int) -> None:
        super().__init__(
            f"{count} {what} are listed and there are {room} slots: choose a larger shape"
        )
        self.what = what
        self.count = count
        self.room = room


class CircuitNotTaken(ReleaseError):
    """The verifier that counts at the registry has no contract for the circuit of a proof."""


class NoiseOutOfRange(ReleaseError):
    """A noise word fell outside the range that figures are drawn from, by a chance below 2⁻⁸⁰ (or
    its inputs are not what they should be). Commit the next revision: its beacon draws anew."""


class StatementUndefined(ReleaseError):
    """A report about which nothing can be stated: one of its metrics has no code, or its challenge
    falls on the pole of a row, by a chance below 2⁻²³⁰."""


class ErasureRefused(PipelineError):
    """A day's raw data may not be destroyed, or not yet.

    Args:
        day: the day.
        problem: why not.
    """

    def __init__(self, day: date, problem: str) -> None:
        super().__init__(f"{day}: {problem}")
        self.day = day
        self.problem = problem


class NotReleasedYet(ErasureRefused):
    """Events of the day are in no release whose record is on chain."""


class NotFinalYet(ErasureRefused):
    """The day's newest release is not as deep on chain as a record must be."""


class NotVerifiedYet(ErasureRefused):
    """The day's newest release does not verify as a stranger would verify it."""


class StillAccepting(ErasureRefused):
    """Late events of the day are still accepted, and would need a correction."""


class RetentionNotOver(ErasureRefused):
    """Fewer days have passed since the day's record than raw data is kept for."""


class ProvingError(PipelineError):
    """A proof could not be made."""


class ToolUnavailable(ProvingError):
    """A tool that proving needs cannot be installed, or is not the version that is pinned."""


class SetupUnavailable(ProvingError):
    """The points of the set-up are missing, too few, or not those that were asked for. Nothing
    else ever takes their place: another set-up is another promise."""


class NotEnoughMemory(ProvingError):
    """The proof would need more memory than is left, and was not begun.

    Args:
        needed: bytes, predicted from the number of gates.
        available: bytes.
    """

    def __init__(self, needed: int, available: int) -> None:
        super().__init__(
            f"the proof needs about {needed / 2**30:.2f} GiB of memory and"
            f" {available / 2**30:.2f} GiB are available; free some, or prove in a smaller shape"
        )
        self.needed = needed
        self.available = available


class ProverFailed(ProvingError):
    """The prover ended without a proof: an error of its own, or it was killed."""


class ProofRejected(ProvingError):
    """A proof that was just made does not hold, or speaks of other public inputs: its witness does
    not satisfy the circuit. Nothing was published."""


class ChainError(PipelineError):
    """The registry or its chain refused or could not be reached."""


class StaleHead(ChainError):
    """Compare-and-append failed: somebody else appended first."""


class NotPublisher(ChainError):
    """The account holds no publisher role for this platform."""


class RecordRefused(ChainError):
    """The contract refused a call.

    Args:
        name: the contract's custom error, e.g. ``FutureDay`` (see contracts/src).
        detail: its arguments, in words.
    """

    def __init__(self, name: str, detail: str = "") -> None:
        super().__init__(f"the registry refused: {name}{f' ({detail})' if detail else ''}")
        self.name = name
        self.detail = detail


class CommitWithheld(ChainError):
    """A release needs its commit at the tip of the chain, and another release came in between.
    The commit stays visible and its revision number is burnt: commit the next revision."""


class BeaconExpired(ChainError):
    """The chain forgot the block of a commit's beacon before anybody recorded its randomness. The
    commit stays visible, withheld, and its revision number is burnt: commit the next revision.

    Args:
        day: of the commit.
        revision: of the commit.
        block_number: of the beacon.
    """

    def __init__(self, day: date, revision: int, block_number: int) -> None:
        super().__init__(
            f"{day} revision {revision}: the randomness of block {block_number} was not recorded"
            " while the chain knew it; commit the next revision"
        )
        self.day = day
        self.revision = revision
        self.block_number = block_number


class PublishFailed(ChainError):
    """The record was not accepted in time; publishing again resumes from the outbox."""


#: Errors that every command and process prints as one line instead of a traceback.
EXPECTED = (PipelineError, OSError, UnicodeDecodeError)


def describe_error(error: BaseException) -> str:
    """An expected error as one line, ``Name: message``, with the path if it has one."""
    message = str(error)
    if isinstance(error, OSError) and error.strerror:
        message = error.strerror
        if error.filename is not None:
            message = f"{error.filename}: {message}"
    elif isinstance(error, UnicodeDecodeError):
        message = f"not {error.encoding} text (byte {error.start})"
    return f"{type(error).__name__}: {message}"
