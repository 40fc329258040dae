"""`verify`: what a stranger runs. Needs the base install only."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from analytics_pipeline.core.errors import (
    EXPECTED,
    IntegrityError,
    InvalidContent,
    InvalidInput,
    InvalidRecord,
    describe_error,
)
from analytics_pipeline.core.verify_errors import VerificationFailed
from analytics_pipeline.published.proof_verifiers import VerifierChoice, open_verifier

if TYPE_CHECKING:  # slow to import: `--help` must not wait for them
    from analytics_pipeline.core.checks.proof import ProofTerms
    from analytics_pipeline.core.circuits import Circuits
    from analytics_pipeline.published.sources import Given

REFUTED: Final = 1
WRONG_INPUT: Final = 2
UNKNOWN: Final = 3

PLATFORM: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def verify(
    target: Annotated[
        str | None,
        typer.Argument(
            help="A bundle folder or CAR file, checked offline; or the name of a platform, with "
            "DAY or --all.",
        ),
    ] = None,
    day: Annotated[
        str | None,
        typer.Argument(
            help="UTC day, YYYY-MM-DD: which day of the platform or history; a folder of one day "
            "may be of no other.",
        ),
    ] = None,
    whole: Annotated[
        bool,
        typer.Option(
            "--all", help="Every released day and what must hold across them, instead of one day."
        ),
    ] = False,
    first: Annotated[
        str | None,
        typer.Option("--from", help="With --all: first day whose bundles are fetched."),
    ] = None,
    last: Annotated[
        str | None,
        typer.Option("--to", help="With --all: last day whose bundles are fetched."),
    ] = None,
    revision: Annotated[
        int | None,
        typer.Option(help="A revision that was corrected since; default: the newest.", min=1),
    ] = None,
    chain: Annotated[str | None, typer.Option(help="JSON-RPC URL of the chain.")] = None,
    registry: Annotated[str | None, typer.Option(help="Address of the registry.")] = None,
    ipfs: Annotated[
        str | None, typer.Option(help="RPC URL of the Kubo node to fetch bundles from.")
    ] = None,
    gateway: Annotated[
        list[str] | None,
        typer.Option(help="Trustless IPFS gateway to fetch bundles from; repeatable."),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            help="Also write what was fetched to this folder, or to one file if the name ends in "
            ".car, to verify it offline."
        ),
    ] = None,
    verifier: Annotated[
        VerifierChoice,
        typer.Option(help="What checks the proof: `bb`, an EVM of this process, the first there."),
    ] = VerifierChoice.AUTO,
    require_proof: Annotated[
        bool, typer.Option("--require-proof", help="Fail unless the proof is checked here.")
    ] = False,
    production: Annotated[
        bool,
        typer.Option(
            "--production",
            help="Fail on a development set-up, a beacon too soon after its commit, and a proof "
            "that is not checked here.",
        ),
    ] = False,
    circuits: Annotated[
        Path | None,
        typer.Option(help="Table of the circuits to believe, instead of the published ones."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Check a published day, or all days of a platform, from chain and IPFS alone.

    Nothing of the operator's is asked or trusted: records come from the registry, bundles by their
    CIDs. A folder or CAR file is checked offline; its head is left for you to compare with the
    registry's.

    Exit codes: 0 verified; 1 a check failed; 2 wrong input, such as a day that is not released;
    3 it could not be checked: chain or IPFS did not answer. Where nothing here can check the proof
    the table says whom you trust instead, and the code is still 0; 1 with --require-proof.

    A corrected day is verified as its newest revision says; `--revision` verifies an earlier one,
    `--all` every one.

        analytics-pipeline verify data/sample_day
        analytics-pipeline verify demo 2026-11-01 --chain https://… --registry 0x… --gateway https://…
        analytics-pipeline verify --all demo --save demo.car
    """
    span = [name for name, value in (("--from", first), ("--to", last)) if value is not None]
    try:
        _require_fitting(target, day, revision, span, whole=whole)
        is_archive = _is_archive(target, named=bool(day) or whole)
        given = _given(target, is_archive, chain, registry, ipfs, gateway or [])
        terms = _terms(verifier, circuits, require_proof=require_proof, production=production)
    except EXPECTED as error:
        _refuse(error, whole=whole, as_json=as_json)
        raise typer.Exit(WRONG_INPUT) from None
    if whole:
        from analytics_pipeline.cli.verify_all import verify_all

        verify_all(target, first, last, given, terms, save, as_json=as_json)
    else:
        from analytics_pipeline.cli.verify_day import verify_day

        verify_day(target or "", day, revision, given, terms, save, as_json=as_json)


def _refuse(error: BaseException, *, whole: bool, as_json: bool) -> None:
    from analytics_pipeline.cli.checks_table import print_refusal
    from analytics_pipeline.cli.history_json import print_history_json

    if whole and as_json:
        print_history_json(None, None, error)
    else:
        print_refusal(error, refuted=False, as_json=as_json)


def _given(
    target: str | None,
    is_archive: bool,
    chain: str | None,
    registry: str | None,
    ipfs: str | None,
    gateways: Sequence[str],
) -> "Given | None":
    """Where chain and content are; None for an archive, which needs no chain library: those take a
    second to import."""
    if not is_archive:
        from analytics_pipeline.published.sources import Given

        return Given(chain, registry, ipfs, gateways)
    if chain or registry or ipfs or gateways:
        raise InvalidInput(
            "target",
            f"{target!r} is a folder or file, which is checked offline; with --chain, --registry, "
            "--ipfs or --gateway name a platform and a day",
        )
    return None


def _is_archive(target: str | None, *, named: bool) -> bool:
    """A platform is meant, even where some folder has its name, unless that holds a chain.json.

    Args:
        named: the target may be a platform; otherwise its day is missing.
    """
    if target is None:
        return False
    path = Path(target)
    if named and PLATFORM.fullmatch(target):
        return path.is_file() or (path / "chain.json").is_file()
    return path.exists()


def _require_fitting(
    target: str | None, day: str | None, revision: int | None, span: list[str], *, whole: bool
) -> None:
    """Raises InvalidInput for options that the other form uses: they are refused, not ignored."""
    if whole and (day is not None or revision is not None):
        name = "day" if day is not None else "--revision"
        raise InvalidInput(name, "--all checks every day and revision; --from and --to limit it")
    if not whole and span:
        raise InvalidInput(span[0], "belongs to --all")
    if not whole and target is None:
        raise InvalidInput("target", "give a bundle folder, a CAR file, or a platform and a day")


def _terms(
    verifier: VerifierChoice, circuits: Path | None, *, require_proof: bool, production: bool
) -> "ProofTerms":
    from analytics_pipeline.core.checks.proof import ProofTerms

    return ProofTerms(
        verifier=open_verifier(verifier),
        circuits=load_circuits(circuits) if circuits else None,
        require_proof=require_proof,
        production=production,
    )


def load_circuits(path: Path) -> "Circuits":
    """The table of circuits in a file. Raises InvalidInput."""
    from analytics_pipeline.core.circuits import parse_circuits

    try:
        return parse_circuits(path.read_bytes())
    except (OSError, InvalidInput) as error:
        raise InvalidInput("--circuits", describe_error(error)) from None


def exit_code(error: BaseException, is_folder: bool) -> int:
    """What a failure means: a lie, wrong input, or that nothing could be checked. Of a folder or
    CAR every byte is at hand: a block that is not what its CID says is nobody's silence."""
    if isinstance(error, VerificationFailed | InvalidContent | InvalidRecord):
        return REFUTED
    if is_folder and isinstance(error, IntegrityError):
        return REFUTED
    return WRONG_INPUT if is_folder or isinstance(error, InvalidInput) else UNKNOWN
