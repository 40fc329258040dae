"""`verify` of one day: from chain and IPFS, or from a folder or CAR.

Belongs here: loading it, verifying it, saying so. Does not belong here: the arguments
(`cli.verify`), a whole history (`cli.verify_all`).
"""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from analytics_pipeline.cli.checks_table import (
    print_json,
    print_refusal,
    print_verdict,
    results_table,
)
from analytics_pipeline.cli.console import explain, out, printable
from analytics_pipeline.cli.revisions import revision_of
from analytics_pipeline.cli.verify import PLATFORM, REFUTED, WRONG_INPUT, exit_code
from analytics_pipeline.core.checks.proof import ProofTerms
from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import EXPECTED, InvalidInput
from analytics_pipeline.core.verify import verify_bundle
from analytics_pipeline.published.folder import PublishedDay, load_folder, save_folder

if TYPE_CHECKING:  # a folder needs no chain library, which takes a second to import
    from analytics_pipeline.published.sources import Given

_OFFLINE = (
    "Offline: everything hangs together, but the registry was not asked whether this history is "
    "its own. For that, verify by platform and day with --chain and --registry."
)


def verify_day(
    target: str,
    day_text: str | None,
    revision: int | None,
    given: "Given | None",
    terms: ProofTerms,
    save: Path | None,
    *,
    as_json: bool,
) -> None:
    """Verify one day and say what came out.

    Args:
        target: platform, folder or CAR.
        given: where chain and content are; None: the target is an archive.
    """
    try:
        day = parse_day(day_text) if day_text else None
        if given is None:
            published = load_folder(Path(target), day, revision)
        else:
            published = _fetch(target, day, revision, given)
        results = verify_bundle(
            published.files,
            platform=None if given is None else target,
            day=day,
            revision=revision,
            registry_head=published.registry_head,
            registry=published.registry,
            terms=terms,
        )
    except EXPECTED as error:
        code = exit_code(error, given is None)
        print_refusal(error, refuted=code == REFUTED, as_json=as_json)
        raise typer.Exit(code) from None
    if as_json:
        print_json(True, results, published)
    else:
        out.print(results_table(results))
        print_verdict(results)
        out.print(printable(revision_of(published).words), soft_wrap=True)
        if given is None:
            out.print(_OFFLINE)
        else:
            out.print(f"Records: {printable(published.records_from)}", soft_wrap=True)
            out.print(f"Bundle:  {printable(published.bundle_from)}", soft_wrap=True)
    if save:
        try:
            save_folder(published, save)
        except InvalidInput as error:
            explain(error)
            raise typer.Exit(WRONG_INPUT) from None


def _fetch(platform: str, day: date | None, revision: int | None, given: "Given") -> PublishedDay:
    if not PLATFORM.fullmatch(platform):
        raise InvalidInput("target", f"no such folder, and no platform is named so: {platform!r}")
    if day is None:
        raise InvalidInput(
            "target", f"no such folder: {platform!r}; to check a platform, also give the day"
        )
    from analytics_pipeline.published.sources import open_given

    with open_given(given) as sources:
        return sources.load_day(platform, day, revision)
