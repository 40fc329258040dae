"""One audit: verify the published day, fetch its segments, have it computed again elsewhere.

Everything public is put into a temporary folder (0700) that the computing process reads; it is gone
afterwards, whatever happened. Belongs here: step 0 and the I/O around steps 1 to 6. Does not belong
here: those steps (`analytics_pipeline.defs`, a process of its own).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from rich.progress import Progress, TaskID

from analytics_pipeline.cli import children
from analytics_pipeline.cli.checks_table import is_development_setup
from analytics_pipeline.cli.console import progress
from analytics_pipeline.core.audit import STEP_NAMES
from analytics_pipeline.core.audit_errors import NotAuditable
from analytics_pipeline.core.bundle import BUNDLE_DIRECTORY, parse_bundle_info
from analytics_pipeline.core.checks.proof import ProofTerms
from analytics_pipeline.core.circuits import Circuits
from analytics_pipeline.core.errors import (
    EventsExpired,
    InvalidInput,
    KeyUnavailable,
    PipelineError,
    ReleaseError,
)
from analytics_pipeline.core.manifest import parse_manifest
from analytics_pipeline.core.proof_document import DEVELOPMENT_NOTE
from analytics_pipeline.core.verify import verify_bundle
from analytics_pipeline.core.verify_errors import CheckResult, CheckState
from analytics_pipeline.published.folder import PublishedDay, load_folder, save_folder
from analytics_pipeline.published.proof_verifiers import VerifierChoice, open_verifier
from analytics_pipeline.published.sources import Given, open_content, open_given
from analytics_pipeline.storage.ipfs import ContentStore

#: what `python -m analytics_pipeline.defs audit FOLDER` looks for
_DAY_FOLDER: Final = "day"
_SEGMENTS_FOLDER: Final = "segments"


@dataclass(frozen=True)
class AuditQuestion:
    """What was asked on the command line."""

    platform: str
    day: date
    grant: Path | None
    folder: Path | None
    given: Given
    verifier: VerifierChoice
    circuits: Circuits | None
    require_proof: bool
    production: bool


@dataclass(frozen=True)
class Audited:
    """How an audit ended. ``failure``: name, number and message of the step that failed."""

    release: str
    results: list[CheckResult]
    failure: dict[str, Any] | None = field(default=None)


def run_audit(question: AuditQuestion) -> Audited:
    """Audit a release.

    Raises:
        VerificationFailed: step 0; its ``results`` are the checks of `verify`.
        InvalidInput: what was asked is not to be had: no such day, a grant of another.
        ContentUnavailable, ChainError, NotAuditable, …: it could not be computed.
    """
    with (
        TemporaryDirectory(prefix="analytics-audit-") as temporary,
        progress() as bars,
        _open_day(question) as (published, content),
    ):
        folder = Path(temporary)
        first = _verify(question, published)
        save_folder(published, folder / _DAY_FOLDER)
        _fetch_segments(published, content, folder / _SEGMENTS_FOLDER, bars)
        return _compute(question, _name(published), folder, first, bars)


@contextmanager
def _open_day(question: AuditQuestion) -> Iterator[tuple[PublishedDay, ContentStore]]:
    if question.folder is None:
        with open_given(question.given) as sources:
            yield sources.load_day(question.platform, question.day), sources.content
        return
    if question.given.chain or question.given.registry:
        raise InvalidInput("--folder", "is instead of --chain and --registry")
    with open_content(question.given) as content:
        yield load_folder(question.folder), content


def _verify(question: AuditQuestion, published: PublishedDay) -> CheckResult:
    """Step 0."""
    results = verify_bundle(
        published.files,
        platform=question.platform,
        day=question.day,
        registry_head=published.registry_head,
        registry=published.registry,
        terms=ProofTerms(
            verifier=open_verifier(question.verifier),
            circuits=question.circuits,
            require_proof=question.require_proof,
            production=question.production,
        ),
    )
    seen = [f"{sum(result.passed for result in results)} of {len(results)} checks passed"]
    seen += [f"{r.name} {r.state.value}" for r in results if r.state is CheckState.TRUSTED]
    seen += [f"but {each.text}" for result in results for each in result.reservations]
    if published.registry_head is None:
        seen.append("registry was not asked")
    if is_development_setup(results):
        seen.append(DEVELOPMENT_NOTE)
    return CheckResult(0, STEP_NAMES[0], CheckState.PASSED, "; ".join(seen))


def _fetch_segments(
    published: PublishedDay, content: ContentStore, folder: Path, bars: Progress
) -> None:
    manifest = parse_manifest(published.files[f"{BUNDLE_DIRECTORY}/manifest.json"])
    folder.mkdir()
    bar = bars.add_task("segments fetched", total=len(manifest.segments))
    for segment in manifest.segments:
        (folder / segment.cid).write_bytes(content.get(segment.cid))
        bars.advance(bar)


def _name(published: PublishedDay) -> str:
    info = parse_bundle_info(published.files[f"{BUNDLE_DIRECTORY}/bundle.json"])
    return f"{info.platform} {info.day} revision {info.revision}"


def _compute(
    question: AuditQuestion, name: str, folder: Path, first: CheckResult, bars: Progress
) -> Audited:
    """Steps 1 to 6."""
    of_stage: dict[str, TaskID] = {}

    def show(stage: str, done: int, total: int) -> None:
        if stage not in of_stage:
            of_stage[stage] = bars.add_task(stage)
        bars.update(of_stage[stage], completed=done, total=total)

    grant = ["--grant", str(question.grant.absolute())] if question.grant else []
    result = children.run(
        "defs",
        *("audit", str(folder), *grant),
        environ=os.environ,
        log=folder / "audit.log",
        on_progress=show,
    )
    if result["error"]:
        raise _error(**result["error"])
    checks = [CheckResult(**{**c, "state": CheckState(c["state"])}) for c in result["checks"]]
    return Audited(name, [first, *checks], result["failure"])


def _error(name: str, message: str, wrong_input: bool) -> PipelineError:
    """What the computing process could not do, as the error that it was there."""
    if wrong_input:
        field_name, _, problem = message.partition(": ")
        return InvalidInput(field_name, problem)
    known = {kind.__name__: kind for kind in (EventsExpired, KeyUnavailable, ReleaseError)}
    if name in known:
        return known[name](message)
    return NotAuditable(message if name == NotAuditable.__name__ else f"{name}: {message}")
