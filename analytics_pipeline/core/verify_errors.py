"""Every way verification can fail. One class per kind of lie.

    VerificationFailed
    ├── MissingFile              the folder lacks a file
    ├── UnexpectedFile           the folder has a file nothing vouches for
    ├── BundleInfoMalformed      bundle.json is not what its format says
    ├── ChainFileMalformed       chain.json is not what its format says
    ├── HistoryBroken            the records do not hash to the head they claim
    ├── HeadMismatch             the registry's head is another one
    ├── WrongPlatform            a document speaks of another platform than asked for
    ├── WrongDay                 a document speaks of another day than asked for
    ├── WrongRevision            a document speaks of another revision than asked for
    ├── RecordNotOnChain         there is no such record
    ├── Superseded               a later release of the day exists
    ├── BundleMismatch           the files are not those of the recorded bundle CID
    ├── ReportNotCanonical       report.json is not canonical JSON of its format
    ├── ReportMismatch           report.json does not have the recorded report CID
    ├── HeaderMismatch           the report's header contradicts its records
    ├── RootMismatch             the rows do not hash to the recorded report root
    ├── PolicyMismatch           policy.json is not the policy committed to
    ├── PolicyUnsound            policy.json claims a σ, sensitivity or ε that does not follow
    ├── RowInvalid               a row breaks its format
    ├── RowMissing               rows are missing, doubled, or not in order
    ├── NoiseMisstated           a row's σ or error is not its query's
    ├── SuppressedValueShown     a value below the threshold is shown
    ├── ManifestMalformed        manifest.json is not what its format says
    ├── ManifestMismatch         the segments do not hash to the committed manifest root
    ├── SpendMismatch            the recorded spend is not what the policy's queries cost
    ├── BudgetExceeded           the day's releases together spend more than its cap
    ├── PolicyChanged            the day's commits promise different policies
    ├── RevisionGap              a revision of the day is missing
    ├── ReleaseReplayed          a revision was committed or released twice
    ├── ReleaseBeforeCommit      a release has no commit before it, in an earlier block
    └── CorrectionUnlinked       a correction does not name the release before it

Belongs here: the names and what each means in plain words. Which check raises what: `core.verify`.
"""

from dataclasses import dataclass
from typing import ClassVar

from analytics_pipeline.core.errors import PipelineError


@dataclass(frozen=True)
class CheckResult:
    """One line of the verification table."""

    number: int
    name: str
    passed: bool
    detail: str


class VerificationFailed(PipelineError):
    """A check failed. Nothing that follows it was looked at.

    Args:
        expected: what an honest bundle would have here.
        found: what is here.

    ``number`` and ``results`` (all checks so far, the failing one last) are set by `core.verify`.
    """

    meaning: ClassVar[str] = "The bundle does not hold what it claims."

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}; found {found}. {self.meaning}")
        self.expected = expected
        self.found = found
        self.number = 0
        self.results: list[CheckResult] = []

    @property
    def name(self) -> str:
        """The kind of lie, e.g. ``RootMismatch``."""
        return type(self).__name__


class MissingFile(VerificationFailed):
    meaning = "Without it not everything can be checked."


class UnexpectedFile(VerificationFailed):
    meaning = "No record vouches for it; do not believe what it says."


class BundleInfoMalformed(VerificationFailed):
    meaning = "bundle.json was altered or made by other software."


class ChainFileMalformed(VerificationFailed):
    meaning = "chain.json was altered or made by other software."


class HistoryBroken(VerificationFailed):
    meaning = "A record in chain.json was altered, added, removed or moved."


class HeadMismatch(VerificationFailed):
    meaning = "chain.json is out of date or is not the history the registry holds."


class WrongPlatform(VerificationFailed):
    meaning = "These figures belong to somebody else."


class WrongDay(VerificationFailed):
    meaning = "These figures are those of another day."


class WrongRevision(VerificationFailed):
    meaning = "These figures are those of another release of the day."


class RecordNotOnChain(VerificationFailed):
    meaning = "The operator never published this release."


class Superseded(VerificationFailed):
    meaning = "The operator has corrected these figures since; ask for the newest bundle."


class BundleMismatch(VerificationFailed):
    meaning = "At least one file of the bundle is not the one that was published."


class ReportNotCanonical(VerificationFailed):
    meaning = "Bytes with more than one reading prove nothing."


class ReportMismatch(VerificationFailed):
    meaning = "The report is not the one that was published."


class HeaderMismatch(VerificationFailed):
    meaning = "The report says it was made from other inputs than those committed to."


class RootMismatch(VerificationFailed):
    meaning = "A row was altered, added, removed or moved after the root was recorded."


class PolicyMismatch(VerificationFailed):
    meaning = "The figures were drawn under other rules than those committed to."


class PolicyUnsound(VerificationFailed):
    meaning = "The policy promises more privacy than its noise gives."


class RowInvalid(VerificationFailed):
    meaning = "The figure cannot be read with certainty."


class RowMissing(VerificationFailed):
    meaning = "Which rows are shown must not depend on what they say."


class NoiseMisstated(VerificationFailed):
    meaning = "The figure claims another precision than it has."


class SuppressedValueShown(VerificationFailed):
    meaning = "The figure is mostly noise and had to be left out."


class ManifestMalformed(VerificationFailed):
    meaning = "manifest.json was altered or made by other software."


class ManifestMismatch(VerificationFailed):
    meaning = "The list of segments is not the one committed to before the release."


class SpendMismatch(VerificationFailed):
    meaning = "The privacy budget on record is not what these figures cost."


class BudgetExceeded(VerificationFailed):
    meaning = "The viewers of this day were promised less exposure than this."


class PolicyChanged(VerificationFailed):
    meaning = "The promises made for this day were changed after the fact."


class RevisionGap(VerificationFailed):
    meaning = "A commit of this day is missing or out of order; something may be hidden."


class ReleaseReplayed(VerificationFailed):
    meaning = "One revision may be drawn and published once only."


class ReleaseBeforeCommit(VerificationFailed):
    meaning = "Inputs and rules must be fixed before figures are drawn."


class CorrectionUnlinked(VerificationFailed):
    meaning = "A correction must say which release it corrects."
