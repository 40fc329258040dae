"""What becomes of verifying a release: in full when it is read, and again when records follow.

Belongs here: from files and records to a `Standing`, without I/O. Does not belong here: the checks
(`core.verify`, `core.checks`), fetching (`serve.refresh`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from analytics_pipeline.core.bundle import BUNDLE_DIRECTORY
from analytics_pipeline.core.checks.budget import verify_budget
from analytics_pipeline.core.checks.commitments import verify_beacon, verify_seed
from analytics_pipeline.core.checks.erasures import verify_erasures
from analytics_pipeline.core.checks.history import verify_revisions
from analytics_pipeline.core.checks.proof import ProofTerms
from analytics_pipeline.core.record import ChainEvidence, CommitRecord, ReleaseRecord
from analytics_pipeline.core.verify import LATER, WITHHELD, verify_bundle
from analytics_pipeline.core.verify_errors import CheckState, VerificationFailed
from analytics_pipeline.published.folder import PublishedDay
from analytics_pipeline.serve.released import (
    BundleFiles,
    Failure,
    Released,
    Standing,
    build_contents,
)
from analytics_pipeline.serve.table import Names

#: the reservation that a proof was believed, not checked
PROOF_TRUSTED: Final = "ProofTrusted"


def verify_published(
    published: PublishedDay,
    evidence: ChainEvidence,
    record: ReleaseRecord,
    terms: ProofTerms,
    known_names: Names | None = None,
) -> Released:
    """All checks of `core.verify`, on a release as it was fetched; a failure is a result."""
    prefix = f"{BUNDLE_DIRECTORY}/"
    bundle = {
        name.removeprefix(prefix): data
        for name, data in published.files.items()
        if name.startswith(prefix)
    }
    commit = commit_of(evidence, record)
    files = BundleFiles(bundle)
    try:
        results = verify_bundle(
            published.files,
            platform=evidence.platform,
            day=record.day,
            revision=record.revision,
            registry_head=published.registry_head,
            registry=published.registry,
            terms=terms,
        )
    except VerificationFailed as error:
        return Released(record, commit, failed(error), files)
    reservations = [each.name for result in results for each in result.reservations]
    if any(result.state is CheckState.TRUSTED for result in results):
        reservations.append(PROOF_TRUSTED)
    standing = Standing("verified", len(results), tuple(sorted(reservations)))
    contents = build_contents(bundle, published.registry, known_names)
    return Released(record, commit, standing, files, contents)


def verify_again(known: Released, evidence: ChainEvidence) -> Released:
    """The checks whose result later records can change, on a release that was verified before.

    Its files, its proof and its own records are what they were; what can come to light is another
    spend, seed, commit or release. A test holds this list against `core.verify`.
    """
    commit, contents, files, record = known.commit, known.contents, known.files, known.record
    assert commit and contents  # noqa: S101, PT018  # or it would not be verified
    assert files  # noqa: S101
    try:
        with _numbered(7):
            verify_budget(evidence, contents.policy, record)
        with _numbered(8):
            unreleased = verify_revisions(evidence, contents.info)
        with _numbered(11):
            verify_seed(evidence, commit, contents.facts)
        with _numbered(12):
            verify_beacon(evidence, commit, record, contents.facts, production=False)
        with _numbered(15):
            verify_erasures(files["erasures.json"], evidence, record)
    except VerificationFailed as error:
        return replace(known, standing=failed(error), contents=None)
    kept = [name for name in known.standing.reservations if name not in (WITHHELD, LATER)]
    kept += [WITHHELD] if unreleased.withheld else []
    kept += [LATER] if unreleased.later else []
    reservations = tuple(sorted(kept))
    return replace(known, standing=replace(known.standing, reservations=reservations))


def failed(error: VerificationFailed) -> Standing:
    """The standing of a release that does not verify."""
    reached = max(len(error.results), error.number + 1)
    return Standing("failed", reached, (), Failure(error.number, error.name, str(error)))


def unavailable(name: str, detail: str) -> Standing:
    """The standing of a release whose bundle could not be had."""
    return Standing("unavailable", 0, (), Failure(0, name, detail))


def commit_of(evidence: ChainEvidence, record: ReleaseRecord) -> CommitRecord | None:
    """The commit of a release; None if the chain has none."""
    name = (record.day, record.revision)
    commits = (each for each in evidence.records if isinstance(each, CommitRecord))
    return next((each for each in commits if (each.day, each.revision) == name), None)


@contextmanager
def _numbered(number: int) -> Iterator[None]:
    try:
        yield
    except VerificationFailed as error:
        error.number = number
        raise
