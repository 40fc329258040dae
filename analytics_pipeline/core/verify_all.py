"""Verification of a platform's whole history, as a numbered list of rules over bytes.

    0  files     a folder or CAR has exactly the documented files; from chain and IPFS, nothing else
                 is taken in
    1  records   chain.json hashes from genesis to its head (and that is the registry's head, if it
                 is known), of the platform asked for, in the order of blocks
    2  days      from the first released day to the last, every day is released
    3  revisions of every released day: no gaps, none committed or released twice, each release
                 follows its commit, few commits were left without a release
    4  seeds     every released day has one seed, and shares it with no other
    5  beacons   every beacon is of the one block that it may be of; a block has one, and its own
    6  policies  every day has one policy; of each there is a bundle that has it
    7  budget    every release spent what its policy's queries cost; every day, and every 30 days of
                 the whole history, stay within their policies' caps
    8  erasures  over all bundles in the order of their records, receipts form one chain from
                 genesis; no day was erased twice
    9  releases  every release of every day passes the checks of `core.verify`, by its own bundle,
                 as of its time: whoever was corrected since is held against the same records

Rules 1 to 5 need the records alone, and so do sums and spends of rule 7. The caps of rule 7, and
rules 6, 8 and 9, need bundles: what they say of those that are not at hand is *checked in part*.
A rule or a release that fails keeps none of the others from being checked, except rule 1: without
records there is nothing.

The code follows these numbers; rules are in `core.checks.across_days`. I/O left out: reading the
archive, asking the registry, fetching bundles (in whatever order; each is judged and forgotten),
and the tool that checks proofs.
"""

import datetime
import hashlib
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from analytics_pipeline.core.bundle import build_folder, parse_bundle_info
from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.checks.across_days import (
    PolicySpan,
    committed_days,
    find_gaps,
    policy_spans,
    released_days,
    verify_all_beacons,
    verify_all_budgets,
    verify_block_order,
    verify_history_files,
    verify_no_gap,
    verify_orders,
    verify_seeds,
)
from analytics_pipeline.core.checks.erasures import verify_receipts
from analytics_pipeline.core.checks.history import verify_history
from analytics_pipeline.core.checks.proof import ProofTerms
from analytics_pipeline.core.erasure import Erasures, parse_erasures
from analytics_pipeline.core.errors import InvalidInput, PipelineError
from analytics_pipeline.core.history import (
    ERASURES_BEHIND,
    History,
    ReleaseResult,
    ReleaseState,
    RuleTable,
    count_releases,
    days_committed,
    describe_policy,
)
from analytics_pipeline.core.policy import Policy, parse_policy
from analytics_pipeline.core.record import ChainEvidence, ReleaseRecord
from analytics_pipeline.core.registry_facts import RegistryFacts
from analytics_pipeline.core.verify import STRANGER, verify_bundle
from analytics_pipeline.core.verify_errors import VerificationFailed, WrongPlatform

RULE_NAMES: Final = (
    "history has exactly its files",
    "records on chain",
    "no day is missing",
    "revisions of every day",
    "seeds",
    "beacons",
    "policies",
    "budget of every 30 days",
    "erasure receipts",
    "every release",
)
#: So many results mean that check 2 has passed: the files are those on record.
_BEYOND_BUNDLE_CID: Final = 3
#: In how many bundles a policy is looked for that none of those asked for has shown.
_POLICY_ATTEMPTS: Final = 3


class HistoryVerification:
    """Judges a platform's releases one by one, and then what holds across them.

    Args:
        chain_file: `chain.json`.
        platform: whose history was asked for; None: whatever it is about.
        registry_head: the platform's head as the registry states it; None: offline.
        files: paths of an archive, by which rule 0 knows what does not belong; None: there is none.
        terms: what checks the proofs, and which are believed.
    Raises:
        ChainFileMalformed, HistoryBroken, HeadMismatch, WrongPlatform: there are no records that
            anything could be held against; ``number`` is 1.
        InvalidInput: no day is released yet.
    """

    def __init__(
        self,
        chain_file: bytes,
        *,
        platform: str | None = None,
        registry_head: bytes | None = None,
        files: frozenset[str] | None = None,
        terms: ProofTerms = STRANGER,
    ) -> None:
        self._chain_file = chain_file
        self._head = registry_head
        self._files = files
        self._terms = terms
        self._table = RuleTable(RULE_NAMES)
        with self._table.rule(1) as line:
            self.evidence = self._read_records(platform)
            line.append(f"{self.evidence.platform}, {len(self.evidence.records)} records")
            line.append(f"chain {self.evidence.chain_id}, registry {self.evidence.registry}")
            line.append("head is the registry's" if registry_head else "registry was not asked")
        for number, failure in self._table.failures:
            failure.number, failure.results = number, self._table.results
            raise failure
        self._releases = sorted(
            (release for records in self.evidence.by_day.values() for release in records.releases),
            key=lambda release: (release.day, release.revision),
        )
        if not self._releases:
            raise InvalidInput("platform", f"{self.evidence.platform} has no released day yet")
        self._found: dict[ReleaseRecord, ReleaseResult] = {}
        self._erasures: dict[ReleaseRecord, Erasures] = {}
        self._policies: dict[bytes, Policy] = {}
        self._shown: set[bytes] = set()  # hashes of policies that were in a bundle, sound or not

    def _read_records(self, platform: str | None) -> ChainEvidence:
        evidence = verify_history(self._chain_file, self._head)
        if platform is not None and evidence.platform != platform:
            raise WrongPlatform(f"records of {platform}", f"records of {evidence.platform}")
        verify_block_order(evidence)
        return evidence

    def wanted(
        self, first: datetime.date | None = None, last: datetime.date | None = None
    ) -> list[ReleaseRecord]:
        """The releases of the days asked for, in order of day and revision."""
        return [
            release
            for release in self._releases
            if (first is None or first <= release.day) and (last is None or release.day <= last)
        ]

    def wanted_for_policy(self) -> ReleaseRecord | None:
        """A release whose bundle would show a policy that no bundle has shown yet; None: there is
        none, or it was looked for in vain."""
        missed = Counter(
            commit.policy_hash
            for result in self._found.values()
            if result.state is ReleaseState.UNAVAILABLE
            for commit in self.evidence.by_day[result.release.day].commits[:1]
        )
        for release in reversed(self._releases):
            for commit in self.evidence.by_day[release.day].commits[:1]:
                vain = missed[commit.policy_hash] >= _POLICY_ATTEMPTS
                if (
                    commit.policy_hash not in self._shown
                    and not vain
                    and release not in self._found
                ):
                    return release
        return None

    def judge(
        self,
        release: ReleaseRecord,
        bundle: Mapping[str, bytes],
        facts: RegistryFacts | None = None,
    ) -> ReleaseResult:
        """Check one release by its bundle. Nothing of the bundle is kept but receipts and policy.

        Args:
            release: one of `wanted`.
            bundle: content by name.
            facts: what registry and chain say of it; None: not asked.
        """
        failure: VerificationFailed | None = None
        try:
            results = verify_bundle(
                build_folder(bundle, self._chain_file),
                platform=self.evidence.platform,
                day=release.day,
                revision=release.revision,
                registry_head=self._head,
                registry=facts,
                terms=self._terms,
                evidence=self.evidence,
            )
        except VerificationFailed as error:
            failure, results = error, error.results
        state = ReleaseState.FAILED if failure else ReleaseState.VERIFIED
        reason = ""
        if len(results) > _BEYOND_BUNDLE_CID:  # the bundle is the one on record, whatever it says
            reason = parse_bundle_info(bundle["bundle.json"]).reason
            self._remember(release, bundle)
        return self._note(ReleaseResult(release, state, tuple(results), failure, reason))

    def miss(self, release: ReleaseRecord, error: PipelineError) -> ReleaseResult:
        """A release whose bundle could not be had: because nobody has it, or (`VerificationFailed`,
        `InvalidContent`) because what is on record is none."""
        refuted = isinstance(error, VerificationFailed | InvalidInput)
        state = ReleaseState.FAILED if refuted else ReleaseState.UNAVAILABLE
        return self._note(ReleaseResult(release, state, error=error))

    def _note(self, result: ReleaseResult) -> ReleaseResult:
        self._found[result.release] = result
        return result

    def _remember(self, release: ReleaseRecord, bundle: Mapping[str, bytes]) -> None:
        """Keep what rules 6 to 8 need. What cannot be read, has failed its check by now."""
        with suppress(InvalidInput):
            self._erasures[release] = parse_erasures(bundle["erasures.json"])
        digest = hashlib.sha256(bundle["policy.json"]).digest()
        if digest not in self._shown:
            self._shown.add(digest)
            with suppress(InvalidInput):
                self._policies[digest] = parse_policy(bundle["policy.json"])

    def conclude(self) -> History:
        """Apply the rules to everything that was judged."""
        evidence, table = self.evidence, self._table
        releases = [
            self._found.get(release) or ReleaseResult(release, ReleaseState.SKIPPED)
            for release in self._releases
        ]
        committed, spans = committed_days(evidence), list[PolicySpan]()
        promised = {c.policy_hash for records in evidence.by_day.values() for c in records.commits}
        unknown = promised - self._policies.keys()
        with table.rule(0) as line:
            if self._files is not None:
                verify_history_files(evidence, self._files)
            line.append(
                "from chain and IPFS" if self._files is None else f"{len(self._files)} files"
            )
        with table.rule(2) as line:
            span = verify_no_gap(evidence)
            line.append(f"{span.days} days, {span.first} to {span.last}")
            if committed:
                line.reservations.append(days_committed(committed))
        with table.rule(3) as line:
            unreleased = verify_orders(evidence, line.failures)
            line.append(f"{len(releases)} releases of {len(released_days(evidence))} days")
            if withheld := sum(len(each.withheld) for each in unreleased.values()):
                line.append(f"commits without a release: {withheld}")
            if later := sum(len(each.later) for each in unreleased.values()):
                line.append(f"commits after their day's last release: {later}")
        with table.rule(4) as line:
            line.append(f"{verify_seeds(evidence)} seeds, each of one day")
        with table.rule(5) as line:
            line.append(f"blocks from commit to beacon: {verify_all_beacons(evidence)}")
        with table.rule(6) as line:
            spans = policy_spans(evidence)
            line.append("; ".join(describe_policy(each, self._policies) for each in spans))
            if unknown:
                line.left_out.append(f"in no bundle at hand: {len(unknown)}")
        with table.rule(7) as line:
            line.append(verify_all_budgets(evidence, self._policies, line.failures))
            if unknown:
                line.left_out.append("the caps of some days are not known")
        with table.rule(8) as line:
            receipts = verify_receipts(evidence, self._erasures)
            line.append(f"receipts: {receipts.count}, head {hash_text(receipts.head)}")
            if receipts.skipped:
                line.left_out.append(f"bundles not at hand: {receipts.skipped}")
            if receipts.is_behind:
                line.reservations.append(ERASURES_BEHIND)
        with table.rule(9) as line:
            count_releases(line, releases)
        return History(
            evidence=evidence,
            rules=tuple(sorted(table.results, key=lambda result: result.number)),
            failures=tuple(table.failures),
            releases=tuple(releases),
            policies=tuple((each, self._policies.get(each.policy_hash)) for each in spans),
            gaps=tuple(find_gaps(evidence)),
            committed=tuple(committed),
        )
