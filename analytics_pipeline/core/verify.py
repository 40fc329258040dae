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
                 together stay within the day's cap, under one policy
    8  revisions the day's revisions have no gaps, none is released twice, each release follows its
                 commit in a later block, a correction names the bundle before it

The code follows these numbers; each check's rules are in `core.checks`. I/O left out: reading the
folder, fetching the bundle, asking the registry for its head. The first failure ends it;
docs/verify.md says what each check proves and what none of them can.
"""

import datetime
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from analytics_pipeline.core.bundle import BUNDLE_DIRECTORY, BUNDLE_FILES, CHAIN_FILE
from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.checks.documents import (
    verify_bundle_cid,
    verify_files,
    verify_manifest,
    verify_policy,
    verify_report_bytes,
    verify_root,
    verify_subject,
)
from analytics_pipeline.core.checks.history import (
    find_release,
    verify_budget,
    verify_history,
    verify_revisions,
)
from analytics_pipeline.core.checks.rows import verify_rows
from analytics_pipeline.core.verify_errors import CheckResult, VerificationFailed

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
)


class _Table:
    """Collects results; a check that raises is added as failed and ends the verification."""

    def __init__(self) -> None:
        self.results: list[CheckResult] = []

    @contextmanager
    def check(self, number: int) -> Iterator[list[str]]:
        detail: list[str] = []
        name = CHECK_NAMES[number]
        try:
            yield detail
        except VerificationFailed as failure:
            self.results.append(CheckResult(number, name, False, f"{failure.name}: {failure}"))
            failure.number, failure.results = number, self.results
            raise
        self.results.append(CheckResult(number, name, True, "; ".join(detail)))


def verify_bundle(
    files: Mapping[str, bytes],
    *,
    platform: str | None = None,
    day: datetime.date | None = None,
    revision: int | None = None,
    registry_head: bytes | None = None,
) -> list[CheckResult]:
    """Check a bundle folder.

    Args:
        files: path in the folder (``chain.json``, ``bundle/report.json``, …) → bytes.
        platform, day: what was asked for; None: whatever the bundle is about.
        revision: None: the bundle must be the newest release of its day.
        registry_head: the platform's head as the registry states it now; None: offline, and
            chain.json is taken for the history it claims to be.
    Returns:
        one passed result per check.
    Raises:
        VerificationFailed: the subclass names the lie; ``results`` has the table so far.
    """
    table = _Table()
    with table.check(0) as detail:
        verify_files(files)
        detail.append(f"{len(files)} files")
    bundle = {name: files[f"{BUNDLE_DIRECTORY}/{name}"] for name in BUNDLE_FILES}
    with table.check(1) as detail:
        evidence = verify_history(files[CHAIN_FILE], registry_head)
        info = verify_subject(bundle["bundle.json"], evidence, platform, day, revision)
        newest = revision is None
        commit, release = find_release(evidence, info.day, info.revision, newest=newest)
        detail.append(f"{info.platform} {info.day} revision {info.revision}")
        detail.append(f"chain {evidence.chain_id}, registry {evidence.registry}")
        if evidence.is_development_chain:
            detail.append("a development chain: whoever holds its file can rewrite it")
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
        withheld = verify_revisions(evidence, info.day, info.revision, info.previous)
        detail.append(f"revision {info.revision} follows {info.previous or 'nothing'}")
        if withheld:
            detail.append(f"committed without a release: {withheld}")
    return table.results
