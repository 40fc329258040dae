"""What checks a proof on this machine, with the verifier contracts that are published."""

import sys
from pathlib import Path

import pytest

from analytics_pipeline.core.circuits import MAIN, Circuit, published_circuits
from analytics_pipeline.core.errors import InvalidInput, ProofNotCheckable
from analytics_pipeline.core.proof_document import DEVELOPMENT
from analytics_pipeline.core.statement import STATEMENT_INPUTS
from analytics_pipeline.published.proof_verifiers import VerifierChoice, open_verifier
from tests.cli.test_verify import run

NO_PROOF = bytes(32)


@pytest.fixture(autouse=True)
def nothing_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which nothing was proved or installed yet."""
    monkeypatch.setenv("ANALYTICS_CACHE", str(tmp_path))
    monkeypatch.delenv("ANALYTICS_BB", raising=False)


@pytest.fixture
def circuit() -> Circuit:
    """The smallest published circuit."""
    found = [c for c in published_circuits().entries if c.role == MAIN and c.setup == DEVELOPMENT]
    return min(found, key=lambda entry: entry.rows)


def ask(choice: VerifierChoice, circuit: Circuit, key: bytes | None = None) -> bool:
    """Ask about a proof that is none."""
    verifier = open_verifier(choice)
    assert verifier is not None
    inputs = range(STATEMENT_INPUTS + 2 * circuit.shards)
    key = circuit.verification_key if key is None else key
    return verifier.verify(circuit.shape, key, circuit.setup, list(inputs), NO_PROOF)


@pytest.mark.parametrize("choice", [VerifierChoice.AUTO, VerifierChoice.EVM])
def test_what_is_no_proof_is_refused(choice: VerifierChoice, circuit: Circuit) -> None:
    """By the code that stands on chain, which comes with this program."""
    assert ask(choice, circuit) is False


def test_auto_says_who_had_the_say(circuit: Circuit) -> None:
    """bb is not installed here; the EVM is."""
    verifier = open_verifier(VerifierChoice.AUTO)
    assert verifier is not None
    verifier.verify(circuit.shape, circuit.verification_key, DEVELOPMENT, [1], NO_PROOF)
    assert verifier.name == "the verifier contract in a local EVM"


def test_keys_come_with_the_program(circuit: Circuit) -> None:
    """A key that is not ours is not asked for anywhere else."""
    with pytest.raises(ProofNotCheckable, match="is not installed here"):
        ask(VerifierChoice.EVM, circuit, bytes(32))


def test_nothing_installed(circuit: Circuit, monkeypatch: pytest.MonkeyPatch) -> None:
    """The base install: every reason is given, and insisting is wrong input."""
    monkeypatch.setitem(sys.modules, "eth.vm", None)
    for name in ("analytics_pipeline.chain.sandbox", "analytics_pipeline.chain.evm"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in [name for name in sys.modules if name.startswith("eth.vm.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ProofNotCheckable) as caught:
        ask(VerifierChoice.AUTO, circuit)
    assert "bb is not installed" in str(caught.value)
    assert "a local EVM needs the extra [pipeline]" in str(caught.value)
    with pytest.raises(InvalidInput, match="--verifier: evm: a local EVM needs"):
        open_verifier(VerifierChoice.EVM)


def test_a_bb_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever insists on bb hears what is wrong with it; nothing was checked."""
    monkeypatch.setenv("ANALYTICS_BB", "/nonexistent/bb")
    with pytest.raises(InvalidInput, match="--verifier: bb: "):
        open_verifier(VerifierChoice.BB)
    code, output = run("verify", ".", "--verifier", "bb")
    assert code == 2
    assert "InvalidInput: --verifier" in output


def test_none_is_none() -> None:
    assert open_verifier(VerifierChoice.NONE) is None
