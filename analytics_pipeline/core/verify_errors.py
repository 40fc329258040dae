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
    ├── CidUnusable              the recorded bundle CID names nothing that could be fetched
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
    ├── WindowExceeded           30 days with this one spend more than their cap together
    ├── PolicyChanged            the day's commits promise different policies
    ├── DayMissing               a day between the first and the last released one has no release
    ├── RevisionGap              a revision of the day is missing
    ├── ReleaseReplayed          a revision was committed or released twice
    ├── ReleaseBeforeCommit      a release has no commit before it, in an earlier block
    ├── CorrectionUnlinked       a correction does not name the release before it
    ├── CorrectionUnexplained    a later revision does not say why it was made
    ├── TooManyWithheld          more commits of the day were never released than accidents explain
    ├── ProofMalformed           proof.json is not what its format says
    ├── UnknownCircuit           a verification key belongs to no published circuit
    ├── WrongCircuit             a circuit proves something else than this release needs
    ├── SetupMisstated           a proof claims another set-up than its key was made with
    ├── DevelopmentSetup         a proof of a set-up that convinces nobody, where one must convince
    ├── VerifierMismatch         the registry's verifier accepts more than the published circuits
    ├── ShardMissing             there are fewer or more row shards than the circuit adds up
    ├── ShardRepeated            a row shard is counted twice
    ├── CatalogueMalformed       catalogue.json is not what its format says
    ├── CatalogueMismatch        catalogue.json is not the listing committed to
    ├── RowUnlisted              the report has rows of a video or creator that is not listed
    ├── SeedChanged              the day's commits name different seeds
    ├── SeedReused               another day has the same seed
    ├── SeedMismatch             the registry holds another seed for the day
    ├── BeaconBeforeCommit       the beacon could be known when the commit was made
    ├── WrongBeaconBlock         the beacon is that of another block than the registry's rule says
    ├── BeaconMismatch           the beacon is not its block's randomness
    ├── BeaconRepeated           the chain gives neighbouring blocks one randomness
    ├── BeaconTooSoon            the beacon's proposers could be known at the commit
    ├── FigureSumMismatch        the recorded figure sum is not that of the report
    ├── StatementMismatch        the proof is about something else than this release
    ├── ProofInvalid             the proof does not hold
    ├── ProofUnchecked           nothing here could check the proof, and that was demanded
    ├── ErasuresMalformed        erasures.json is not what its format says
    ├── ErasureChainBroken       an erasure receipt does not follow the one before it
    ├── ErasureUnreleased        a receipt is of a day that had no release then
    ├── ErasureMisstated         a receipt names another release than the day's newest
    ├── ErasedDayReleased        a day was released after its receipt
    ├── ErasureRepeated          a day was erased twice
    └── ErasureFromFuture        a receipt is dated after the release that publishes it

Belongs here: the names and what each means in plain words. Which check raises what: `core.verify`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from analytics_pipeline.core.errors import PipelineError


class CheckState(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    #: Of several things it is about, some were not at hand; `CheckResult.detail` says which.
    PARTLY = "checked in part"
    #: What it is about was left to somebody else; `CheckResult.detail` says to whom.
    TRUSTED = "trusted, not checked"
    FAILED = "failed"


@dataclass(frozen=True)
class Reservation:
    """What is no lie, and yet a reason to believe the figures less. ``name`` is for machines."""

    name: str
    text: str
    #: of what it is about, e.g. commits
    count: int = 1


@dataclass(frozen=True)
class CheckResult:
    """One line of the verification table."""

    number: int
    name: str
    state: CheckState
    detail: str
    reservations: tuple[Reservation, ...] = ()

    @property
    def passed(self) -> bool:
        """Checked here, and true. What was taken on trust has not passed."""
        return self.state is CheckState.PASSED


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


class CidUnusable(VerificationFailed):
    meaning = "Nobody can fetch what the operator put on record; nothing was published."


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


class WindowExceeded(VerificationFailed):
    meaning = "A viewer who came on each of these days was promised less exposure than this."


class PolicyChanged(VerificationFailed):
    meaning = "The promises made for this day were changed after the fact."


class DayMissing(VerificationFailed):
    meaning = "A day that is left out may be one that somebody did not like."


class RevisionGap(VerificationFailed):
    meaning = "A commit of this day is missing or out of order; something may be hidden."


class ReleaseReplayed(VerificationFailed):
    meaning = "One revision may be drawn and published once only."


class ReleaseBeforeCommit(VerificationFailed):
    meaning = "Inputs and rules must be fixed before figures are drawn."


class CorrectionUnlinked(VerificationFailed):
    meaning = "A correction must say which release it corrects."


class CorrectionUnexplained(VerificationFailed):
    meaning = "Whoever changes figures must say why."


class TooManyWithheld(VerificationFailed):
    meaning = "Who draws often and publishes once chooses the noise."


class ProofMalformed(VerificationFailed):
    meaning = "proof.json was altered or made by other software."


class UnknownCircuit(VerificationFailed):
    meaning = "Whoever chooses the verification key chooses what is proved."


class WrongCircuit(VerificationFailed):
    meaning = "The proof may hold, and yet says nothing about these figures under this policy."


class SetupMisstated(VerificationFailed):
    meaning = "A proof is passed off as more convincing than it is."


class DevelopmentSetup(VerificationFailed):
    meaning = "Development set-up: convinces nobody. Whoever knows its secret proves anything."


class VerifierMismatch(VerificationFailed):
    meaning = "What the registry accepts as a proof is not what the published circuits prove."


class ShardMissing(VerificationFailed):
    meaning = "The proofs do not cover the committed rows."


class ShardRepeated(VerificationFailed):
    meaning = "The same viewers would count twice."


class CatalogueMalformed(VerificationFailed):
    meaning = "catalogue.json was altered or made by other software."


class CatalogueMismatch(VerificationFailed):
    meaning = "Which videos have figures must be fixed before any figure is known."


class RowUnlisted(VerificationFailed):
    meaning = "No proof covers a figure of what the listing does not have."


class SeedChanged(VerificationFailed):
    meaning = "With a choice of seeds an operator could choose the noise."


class SeedReused(VerificationFailed):
    meaning = "Days that share a seed lose their privacy together when it leaks."


class SeedMismatch(VerificationFailed):
    meaning = "The noise was drawn from another seed than the one committed to in advance."


class BeaconBeforeCommit(VerificationFailed):
    meaning = "Who knows the beacon while choosing inputs or seed chooses the noise."


class WrongBeaconBlock(VerificationFailed):
    meaning = "With a choice of blocks an operator could choose the noise."


class BeaconMismatch(VerificationFailed):
    meaning = "The noise was drawn from a number somebody made up."


class BeaconRepeated(VerificationFailed):
    meaning = "On such a chain the beacon can be known before it is due; noise could be chosen."


class BeaconTooSoon(VerificationFailed):
    meaning = "Whoever makes these blocks could have chosen the noise together with the operator."


class FigureSumMismatch(VerificationFailed):
    meaning = "The registry accepted a proof of other figures than these."


class StatementMismatch(VerificationFailed):
    meaning = "The proof was made for another report, day, platform, registry, commit or beacon."


class ProofInvalid(VerificationFailed):
    meaning = "The figures do not follow from the committed contributions and the published noise."


class ProofUnchecked(VerificationFailed):
    meaning = "That says nothing about the proof; install the extra [pipeline] to check it."


class ErasuresMalformed(VerificationFailed):
    meaning = "erasures.json was altered or made by other software."


class ErasureChainBroken(VerificationFailed):
    meaning = "A receipt was altered, added, removed or moved."


class ErasureUnreleased(VerificationFailed):
    meaning = "Events may be destroyed only once what follows from them is published."


class ErasureMisstated(VerificationFailed):
    meaning = "The receipt is not about the events that the published figures come from."


class ErasedDayReleased(VerificationFailed):
    meaning = "Without its events a day cannot be released: they were not destroyed."


class ErasureRepeated(VerificationFailed):
    meaning = "What was destroyed cannot be destroyed again; one of the receipts is false."


class ErasureFromFuture(VerificationFailed):
    meaning = "It states what had not happened yet."
