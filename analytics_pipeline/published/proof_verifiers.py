"""Choosing what checks a proof here: Barretenberg's `bb`, or the verifier contract in a local EVM.

    auto    the first that can: bb if it is installed, else the EVM
    bb      bb, installed now if it is not; for the production set-up only
    evm     the code that stands on chain, run in this process; needs the extra [pipeline]
    none    nothing

Belongs here: which is there, in which order. Does not belong here: running them (`proving/`,
`chain.sandbox`), nor what their answer means (`core.checks.proof`). Both are imported only when
they are asked for: the base install has neither.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum

from analytics_pipeline.core.circuits import ProofVerifier
from analytics_pipeline.core.errors import InvalidInput, ProofNotCheckable, ToolUnavailable
from analytics_pipeline.settings import load_settings


class VerifierChoice(StrEnum):
    """What may check the proof."""

    AUTO = "auto"
    BB = "bb"
    EVM = "evm"
    NONE = "none"


def open_verifier(choice: VerifierChoice) -> ProofVerifier | None:
    """The verifier that was chosen; None if there is none to be had and none was insisted on.

    Raises:
        InvalidInput: the chosen one is not installed.
    """
    if choice is VerifierChoice.NONE:
        return None
    if choice is VerifierChoice.AUTO:
        return FirstThatCan([_open_installed_bb, _open_evm])
    try:
        return _open_bb() if choice is VerifierChoice.BB else _open_evm()
    except (ProofNotCheckable, ToolUnavailable) as error:
        raise InvalidInput("--verifier", f"{choice}: {error}") from None


class FirstThatCan:
    """Asks several verifiers in turn; the first that can check a proof has the say.

    ``name`` is that of whoever had the say last.
    """

    def __init__(self, openers: Sequence[Callable[[], ProofVerifier]]) -> None:
        self.name = "no verifier here"
        self._openers = openers

    def verify(
        self, shape: str, vk_hash: bytes, setup: str, public_inputs: Sequence[int], proof: bytes
    ) -> bool:
        """Whether the proof holds.

        Raises:
            ProofNotCheckable: none can; with the reason of each.
        """
        reasons = []
        for opened in self._openers:
            try:
                verifier = opened()
                answer = verifier.verify(shape, vk_hash, setup, public_inputs, proof)
            except ProofNotCheckable as error:
                reasons.append(str(error))
                continue
            self.name = verifier.name
            return answer
        raise ProofNotCheckable("; ".join(reasons))


def _open_installed_bb() -> ProofVerifier:
    return _open_bb(install=False)


def _open_bb(*, install: bool = True) -> ProofVerifier:
    from analytics_pipeline.proving.toolchain import Toolchain

    settings = load_settings()
    tools = Toolchain(settings.cache, settings.bb)
    if install:
        tools.bb  # noqa: B018  # now, where its failure is the option's
    elif not tools.has_bb:
        raise ProofNotCheckable("bb is not installed")
    # they bring a library of Ethereum's along, for which a verifier without bb need not wait
    from analytics_pipeline.proving.artifacts import artifact_finder
    from analytics_pipeline.proving.verifiers import BbVerifier

    return BbVerifier(tools, artifact_finder(settings.cache))


def _open_evm() -> ProofVerifier:
    try:
        from analytics_pipeline.chain.sandbox import run_code
        from analytics_pipeline.proving.artifacts import artifact_finder
        from analytics_pipeline.proving.verifiers import EvmVerifier
    except ModuleNotFoundError as error:
        raise ProofNotCheckable(
            f"a local EVM needs the extra [pipeline] (no module {error.name})"
        ) from None
    return EvmVerifier(run_code, artifact_finder(load_settings().cache))
