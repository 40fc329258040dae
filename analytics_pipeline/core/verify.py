"""Verification of one published day, as a numbered list of checks over bytes.

    0  files     the folder has exactly the documented files
    1  record    chain.json hashes from genesis to its head (and that is the registry's head, if it
                 is known); it holds a commit and a release of this (platform, day, revision)
    2  bundle    the files of bundle/ have the bundle CID of the release record
    3  report    report.json is canonical JSON and has the report CID of the record; its header
                 repeats platform, day, revision, manifest root and policy hash of the records
    4  root      header and rows hash to the report root of the record
    5  rows      policy.json is the policy committed to, its noise follows from its bounds; every
                 row is well-formed, in order, none is missing, each has its query's σ, and no value
                 below 3 σ is shown
    6  manifest  manifest.json hashes to the manifest root committed to before the release
    7  budget    the spend on record is the sum of the policy's queries; all releases of the day
                 together stay within the day's cap, under one policy; and all releases of every 30
                 days that contain it within theirs
    8  revisions the day's revisions have no gaps, none is released twice, each release follows its
                 commit in a later block, a correction names the bundle before it and a reason; few
                 commits before the last release were left without one
    9  circuit   every proof in proof.json is of a published circuit for the committed policy, made
                 with the set-up it states; there are as many row shards as the circuit adds up; the
                 registry, if it was asked, accepts proofs of such circuits and of no others
    10 catalogue catalogue.json hashes to the catalogue root committed to; the report's videos and
                 creators are exactly its
    11 seed      the day has one seed commitment, in all its revisions, and shares it with no day
                 that is released
    12 beacon    the beacon is of a block after the commit and before the release, always as many
                 blocks after; it is that block's randomness and of no block beside it, if the
                 chain was asked
    13 statement x and T follow from report and records, T is the recorded figure sum, and the
                 proofs' public inputs are exactly these numbers
    14 proof     the proofs hold, checked by a verifier of our own; without one the check is
                 *trusted, not checked*, and says whom it trusts
    15 erasures  erasures.json has whole, chained receipts of this platform; each is of a day that
                 was released before, names its newest release, and no day is erased twice

What is no lie, and yet a reason to believe less, is a reservation of its check's result. So are
commits after the day's last release: whoever has the publisher's key can append them, and nothing
that was released depends on them; checks 7, 8 and 11 judge them once one of them is released.

The code follows these numbers; each check's rules are in `core.checks`. I/O left out: reading the
folder, fetching the bundle, asking the registry, and the tool that checks a proof, which callers
hand in. The first failure ends it; docs/verify.md says what each check proves and what none can.
"""

import datetime
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from analytics_pipeline.core.bundle import BUNDLE_DIRECTORY, BUNDLE_FILES, CHAIN_FILE
from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.checks.budget import verify_budget
from analytics_pipeline.core.checks.commitments import (
    verify_beacon,
    verify_catalogue,
    verify_seed,
)
from analytics_pipeline.core.checks.documents import (
    verify_bundle_cid,
    verify_files,
    verify_manifest,
    verify_policy,
    verify_report_bytes,
    verify_root,
    verify_subject,
)
from analytics_pipeline.core.checks.erasures import verify_erasures
from analytics_pipeline.core.checks.history import (
    find_release,
    verify_history,
    verify_revisions,
)
from analytics_pipeline.core.checks.proof import (
    ProofTerms,
    verify_circuits,
    verify_proofs,
    verify_statement,
)
from analytics_pipeline.core.checks.rows import verify_rows
from analytics_pipeline.core.proof_document import DEVELOPMENT, DEVELOPMENT_NOTE
from analytics_pipeline.core.record import ChainEvidence
from analytics_pipeline.core.registry_facts import SAFE_BEACON_DELAY, RegistryFacts
from analytics_pipeline.core.verify_errors import (
    CheckResult,
    CheckState,
    Reservation,
    VerificationFailed,
)

CHECK_NAMES: Final = (
    "folder has exactly its files",
    "record on chain",
    "bundle CID",
    "report bytes and header",
    "report root",
    "every row",
    "manifest root",
    "budget spent",
    "revisions",
    "circuit and set-up",
    "catalogue",
    "seed",
    "beacon",
    "statement",
    "proof",
    "erasures",
)

#: The reservation that counts the day's commits without a release.
WITHHELD: Final = "CommitsWithheld"
#: The reservation that counts those after its last release.
LATER: Final = "CommitsLater"

#: Terms of somebody who has no tool to check a proof with.
STRANGER: Final = ProofTerms()


class _Table:
    """Collects results; a check that raises is added as failed and ends the verification."""

    def __init__(self) -> None:
        self.results: list[CheckResult] = []

    @contextmanager
    def check(self, number: int) -> Iterator["_Line"]:
        line = _Line()
        try:
            yield line
        except VerificationFailed as failure:
            self._add(number, CheckState.FAILED, f"{failure.name}: {failure}")
            failure.number, failure.results = number, self.results
            raise
        self._add(number, line.state, "; ".join(line.seen), *line.reservations)

    def _add(self, number: int, state: CheckState, detail: str, *but: Reservation) -> None:
        self.results.append(CheckResult(number, CHECK_NAMES[number], state, detail, but))


@dataclass
class _Line:
    """What a check has seen, and how it ends unless it raises."""

    seen: list[str] = field(default_factory=list)
    state: CheckState = CheckState.PASSED
    reservations: list[Reservation] = field(default_factory=list)

    def reserve(self, name: str, text: str, count: int = 1) -> None:
        self.reservations.append(Reservation(name, text, count))

    def append(self, text: str) -> None:
        self.seen.append(text)


def verify_bundle(
    files: Mapping[str, bytes],
    *,
    platform: str | None = None,
    day: datetime.date | None = None,
    revision: int | None = None,
    registry_head: bytes | None = None,
    registry: RegistryFacts | None = None,
    terms: ProofTerms = STRANGER,
    evidence: ChainEvidence | None = None,
) -> list[CheckResult]:
    """Check a bundle folder.

    Args:
        files: path in the folder (``chain.json``, ``bundle/report.json``, …) → bytes.
        platform, day: what was asked for; None: whatever the bundle is about.
        revision: None: the bundle must be the newest release of its day.
        registry_head: the platform's head as the registry states it now; None: offline, and
            chain.json is taken for the history it claims to be.
        registry: what registry and chain say besides; None: not asked.
        terms: what checks the proofs, and which are believed.
        evidence: what chain.json says, if the caller has had it from `verify_history` already;
            None: it is parsed here.
    Returns:
        one result per check, passed or (the proof) trusted.
    Raises:
        VerificationFailed: the subclass names the lie; ``results`` has the table so far.
    """
    table = _Table()
    with table.check(0) as detail:
        verify_files(files)
        detail.append(f"{len(files)} files")
    bundle = {name: files[f"{BUNDLE_DIRECTORY}/{name}"] for name in BUNDLE_FILES}
    with table.check(1) as detail:
        evidence = evidence or verify_history(files[CHAIN_FILE], registry_head)
        info = verify_subject(bundle["bundle.json"], evidence, platform, day, revision)
        newest = revision is None
        commit, release = find_release(evidence, info.day, info.revision, newest=newest)
        detail.append(f"{info.platform} {info.day} revision {info.revision}")
        detail.append(f"chain {evidence.chain_id}, registry {evidence.registry}")
        if evidence.is_development_chain:
            detail.append("a development chain: whoever holds its file can rewrite it")
            detail.reserve(
                "DevelopmentChain",
                "the chain is a development chain, by its own word at least: its history, and what "
                "it accepts as a proof, can be made up",
            )
        detail.append("head is the registry's" if registry_head else "registry was not asked")
    with table.check(2) as detail:
        verify_bundle_cid(bundle, release)
        detail.append(release.bundle_cid)
    with table.check(3) as detail:
        leaves = verify_report_bytes(bundle["report.json"], info, commit, release)
        detail.append(f"{len(bundle['report.json'])} bytes, {release.report_cid}")
    with table.check(4) as detail:
        verify_root(leaves, release)
        detail.append(f"{len(leaves)} leaves, {hash_text(release.report_root)}")
    with table.check(5) as detail:
        policy = verify_policy(bundle["policy.json"], commit)
        rows = verify_rows(leaves[1:], policy)
        suppressed = sum(row.suppressed for row in rows)
        detail.append(f"{len(rows)} rows, {suppressed} suppressed")
    with table.check(6) as detail:
        manifest = verify_manifest(bundle["manifest.json"], info, commit)
        detail.append(f"segments: {len(manifest.segments)}, {hash_text(manifest.root)}")
    with table.check(7) as detail:
        detail.append(verify_budget(evidence, policy, release))
    with table.check(8) as detail:
        unreleased = verify_revisions(evidence, info)
        withheld, later = unreleased.withheld, unreleased.later
        detail.append(f"revision {info.revision} follows {info.previous or 'nothing'}")
        if withheld:
            detail.append(f"committed without a release: {withheld}")
            detail.reserve(
                WITHHELD,
                f"{len(withheld)} of the day's commits have no release: their figures may have "
                "been drawn, seen and left out",
                len(withheld),
            )
        if later:
            detail.append(f"committed after the last release: {later}")
            detail.reserve(
                LATER,
                f"{len(later)} of the day's commits came after its last release: a correction is "
                "on its way, or was given up, or somebody else has the publisher's key",
                len(later),
            )
    with table.check(9) as detail:
        proofs, circuit = verify_circuits(bundle["proof.json"], evidence, commit, registry, terms)
        if proofs.setup == DEVELOPMENT:
            detail.append(DEVELOPMENT_NOTE)
        detail.append(f"{circuit.shape}, row shards: {len(proofs.shards)}")
        detail.append(f"{proofs.setup} set-up, key {hash_text(circuit.verification_key)}")
    with table.check(10) as detail:
        listing = verify_catalogue(bundle["catalogue.json"], rows, commit, circuit)
        detail.append(f"videos: {len(listing.video_ids)}, creators: {len(listing.creator_ids)}")
        detail.append(hash_text(commit.catalogue_root))
    with table.check(11) as detail:
        verify_seed(evidence, commit, registry)
        detail.append(f"of this day only, {hash_text(commit.seed_commitment)}")
    with table.check(12) as detail:
        delay = verify_beacon(evidence, commit, release, registry, production=terms.production)
        detail.append(f"block {release.beacon_block}, {delay} after the commit")
        detail.append("the chain's randomness" if registry else "the chain was not asked")
        if delay < SAFE_BEACON_DELAY and not evidence.is_development_chain:
            detail.reserve(
                "BeaconSoon",
                f"the beacon came {delay} blocks after the commit, not {SAFE_BEACON_DELAY}: "
                "whoever makes these blocks could have chosen it together with the operator",
            )
    with table.check(13) as detail:
        statement = verify_statement(proofs, evidence, commit, release, rows)
        detail.append(f"T {hash_text(release.figure_sum)} at x {statement.x:#066x}")
    with table.check(14) as detail:
        checked, by_whom = verify_proofs(proofs, registry, terms)
        detail.state = CheckState.PASSED if checked else CheckState.TRUSTED
        if proofs.setup == DEVELOPMENT:
            detail.append(DEVELOPMENT_NOTE)
        detail.append(by_whom)
    with table.check(15) as detail:
        erasures = verify_erasures(bundle["erasures.json"], evidence, release)
        days = ", ".join(receipt.day.isoformat() for receipt in erasures.receipts)
        detail.append(f"receipts: {days or 'none'}, head {hash_text(erasures.head)}")
    return table.results
