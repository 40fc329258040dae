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
    │   └── EventsExpired       the day's raw events are gone; nothing can be recomputed
    ├── UploadFailed            the ingestion API did not take a batch
    ├── ReleaseError
    │   ├── BudgetOverspent     the release would spend more privacy budget than is left
    │   ├── ReleaseConflict     something stored once was about to be stored differently
    │   └── PolicyConflict      the day was planned under another policy; a day has one
    ├── ChainError
    │   ├── StaleHead           somebody appended first
    │   ├── NotPublisher        the account may not publish for this platform
    │   ├── RecordRefused       the contract refused; `.name` is its error (FutureDay, ...)
    │   ├── CommitWithheld      another release overtook the commit; its revision is burnt
    │   └── PublishFailed       the chain did not accept the record in time
    └── VerificationFailed      a numbered check of `core.verify` failed; see there

Belongs here: classes and their fields, and the one way an error is printed. Messages are written
where the error is raised; they say what to do next and never carry a secret.
"""


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


class EventsExpired(StoreError):
    """The day's raw events were destroyed, so nothing about it can be recomputed."""


class UploadFailed(PipelineError):
    """The ingestion API refused a batch for good, or could not be reached in several attempts."""


class ReleaseError(PipelineError):
    """A release could not be made."""


class BudgetOverspent(ReleaseError):
    """The release would spend more privacy budget than is left."""


class ReleaseConflict(ReleaseError):
    """A value stored once was about to be replaced by a different one."""


class PolicyConflict(ReleaseError):
    """An earlier revision of the day was planned under another policy than the one in force. All
    revisions of a day must promise the same policy, or none of them would verify again."""


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
