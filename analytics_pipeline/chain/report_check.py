"""Comparing a whole report with its record, on chain: small ones, and any that is false.

Belongs here: arguments of the ReportChecker contract. It may be deployed by anyone, beside a
registry, at any time (`deploy.deploy_report_checker`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_account.signers.local import LocalAccount

from analytics_pipeline.chain.abi import checker_abi
from analytics_pipeline.chain.account import send_and_wait
from analytics_pipeline.chain.deploy import NOBODY
from analytics_pipeline.chain.encoding import commit_record_tuple, release_record_tuple
from analytics_pipeline.chain.interface import Call, CallReverted, Chain, Receipt
from analytics_pipeline.chain.refusals import refusal
from analytics_pipeline.core.chain_values import platform_id
from analytics_pipeline.core.errors import InvalidRecord
from analytics_pipeline.core.record import ChainEvidence, ReleaseRecord, pair_releases


@dataclass(frozen=True)
class ReportChecker:
    """Client of a deployed ReportChecker.

    Args:
        chain: where it is.
        address: of the contract.
    """

    chain: Chain
    address: str

    def matches(
        self, evidence: ChainEvidence, release: ReleaseRecord, leaves: Sequence[bytes]
    ) -> bool:
        """Whether the report with these leaves has the recorded figure sum.

        Args:
            evidence: all records of the platform, as of now.
            leaves: header and rows, each as canonical JSON (`core.report.Report.leaves`).
        Raises:
            RecordRefused: ``NotRecorded``, ``OtherReport``, ``OtherCommit``.
        """
        data = self.calldata("matches", evidence, release, leaves)
        try:
            answer = self.chain.call(Call(NOBODY, self.address, data))
        except CallReverted as error:
            raise refusal(error) from None
        return bool(checker_abi().result("matches", answer))

    def challenge(
        self,
        sender: LocalAccount,
        evidence: ChainEvidence,
        release: ReleaseRecord,
        leaves: Sequence[bytes],
    ) -> Receipt:
        """Put it on record that the report is false.

        Raises:
            RecordRefused: ``ReportMatches`` if it is not, and whatever `matches` raises.
        """
        data = self.calldata("challenge", evidence, release, leaves)
        try:
            return send_and_wait(self.chain, sender, self.address, data)
        except CallReverted as error:
            raise refusal(error) from None

    def calldata(
        self,
        function: str,
        evidence: ChainEvidence,
        release: ReleaseRecord,
        leaves: Sequence[bytes],
    ) -> bytes:
        """Calldata of ``matches`` or ``challenge``. Raises InvalidRecord: not a record of these."""
        arguments = (_recorded(evidence, release), list(leaves))
        return checker_abi().calldata(function, *arguments)


def _recorded(evidence: ChainEvidence, release: ReleaseRecord) -> tuple[Any, ...]:
    commit = next((c for c, r in pair_releases(evidence.records) if r == release), None)
    if commit is None:
        raise InvalidRecord("release", "is not among the platform's records")
    start, end = evidence.records.index(commit), evidence.records.index(release)
    tails = [record.preimage[32:] for record in evidence.records]
    return (
        platform_id(evidence.platform),
        commit.previous_head,
        commit_record_tuple(commit),
        tails[start + 1 : end],
        release_record_tuple(release),
        tails[end + 1 :],
    )
