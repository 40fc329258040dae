"""The prover gives proofs that hold or a named error; secrets stay in memory; kills are safe."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from analytics_pipeline.core.errors import NotEnoughMemory, ProofRejected, ProverFailed
from analytics_pipeline.proving.artifacts import ProvableCircuit
from analytics_pipeline.proving.bb import proof_bytes_of
from analytics_pipeline.proving.memory import available_memory, predict_memory
from analytics_pipeline.proving.prover import Made
from tests.proving.tools import EVM, TINY, Chain, prover, secret_of

_SECRET = secret_of("prover")
#: Long enough (about a second) to be killed in the middle.
_LONG = Chain(400)

_PROVE_LONG = """
import sys
from pathlib import Path
from tests.proving.test_prover import _LONG, _SECRET
from tests.proving.tools import prover
circuit = _LONG.circuit()
def progress(elapsed, _expected):
    print(elapsed, flush=True)
prover(Path(sys.argv[1])).prove(
    circuit, lambda: _LONG.witness(_SECRET), (_LONG.result(_SECRET),), progress
)
"""


def _prove(work: Path) -> Made:
    return prover(work).prove(
        TINY.circuit(), lambda: TINY.witness(_SECRET), (TINY.result(_SECRET),)
    )


def _not_asked() -> bytes:
    raise AssertionError("the witness was asked for")


def test_a_proof_that_holds(tmp_path: Path) -> None:
    """For exactly its inputs; it is of the zero-knowledge kind, and says what it took."""
    made = _prove(tmp_path)
    artifact, proof = TINY.circuit().artifact, made.proof
    assert (proof.shape, proof.verification_key) == (artifact.name, artifact.key_hash)
    assert proof.public_inputs == (TINY.result(_SECRET),)
    assert len(proof.proof) == proof_bytes_of(artifact.verification_key)
    assert EVM.verify(*proof_arguments(made))
    assert made.gates == artifact.gates
    assert made.seconds > 0
    assert 10 * 2**20 < made.peak_bytes < predict_memory(made.gates)
    assert not made.resumed


def proof_arguments(made: Made) -> tuple[str, bytes, str, tuple[int, ...], bytes]:
    proof = made.proof
    return proof.shape, proof.verification_key, "development", proof.public_inputs, proof.proof


def test_a_finished_proof_is_found_again(tmp_path: Path) -> None:
    """Without the witness, byte for byte; another statement is another proof."""
    made = _prove(tmp_path)
    again = prover(tmp_path).prove(TINY.circuit(), _not_asked, made.proof.public_inputs)
    assert again == replace(made, resumed=True)
    with pytest.raises(AssertionError, match="asked for"):
        prover(tmp_path).prove(TINY.circuit(), _not_asked, (TINY.result(_SECRET + 1),))


@pytest.mark.parametrize("name", ["proof", "public_inputs", "measured.json"])
def test_a_finished_proof_that_was_altered_is_made_anew(tmp_path: Path, name: str) -> None:
    """It is verified before it is believed."""
    _prove(tmp_path)
    (file,) = tmp_path.rglob(name)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data if name != "measured.json" else b"{")
    made = _prove(tmp_path)
    assert not made.resumed
    assert EVM.verify(*proof_arguments(made))


@pytest.mark.parametrize(
    "secret", [secret_of("another"), 2**64], ids=["another secret", "out of range"]
)
def test_a_false_witness_gives_no_proof(tmp_path: Path, secret: int) -> None:
    """bb proves it without complaint; the check finds out. Nothing stays."""
    claimed = TINY.result(_SECRET) if secret < 2**64 else TINY.result(secret)
    with pytest.raises(ProofRejected, match="does not satisfy the circuit"):
        prover(tmp_path).prove(TINY.circuit(), lambda: TINY.witness(secret, claimed), (claimed,))
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".lock"]


def test_other_public_inputs_give_no_proof(tmp_path: Path) -> None:
    """A true proof of something else."""
    with pytest.raises(ProofRejected, match="other public inputs"):
        prover(tmp_path).prove(
            TINY.circuit(), lambda: TINY.witness(_SECRET), (TINY.result(_SECRET) + 1,)
        )


def test_a_witness_that_is_none_is_an_error_without_its_bytes(tmp_path: Path) -> None:
    """Whatever bb says about it is not repeated."""
    secret = b"very secret rows"
    with pytest.raises(ProverFailed, match=r"bb prove: (exit code|killed by)") as caught:
        prover(tmp_path).prove(TINY.circuit(), lambda: secret, (0,))
    assert "secret" not in str(caught.value)


def test_too_little_memory_is_said_before_anything_is_begun(tmp_path: Path) -> None:
    """Naming what it needs and what there is; the witness is not even made."""
    circuit = TINY.circuit()
    huge = ProvableCircuit(replace(circuit.artifact, gates=10**11), circuit.program, circuit.key)
    with pytest.raises(NotEnoughMemory) as caught:
        prover(tmp_path).prove(huge, _not_asked, (0,))
    assert caught.value.needed == predict_memory(10**11)
    available = available_memory()
    assert available is not None
    assert 0 < caught.value.available < 2 * available
    assert f"{caught.value.needed / 2**30:.2f} GiB" in str(caught.value)


def _children_of(work: Path) -> list[int]:
    """Running `bb`s with a file below this folder on their command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_bb = (folder / "comm").read_text() == "bb\n"
            if is_bb and os.fsencode(work) in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def _gone(work: Path) -> bool:
    for _ in range(100):
        if not _children_of(work):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes through /proc")
def test_the_witness_is_never_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor in bb's arguments or environment: it comes through a pipe. Core dumps are off."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    inputs: list[str] = []
    core_limits: list[list[str]] = []

    def progress(_elapsed: float, _expected: float) -> None:
        for process_id in _children_of(tmp_path):
            with suppress(OSError):  # it has just ended
                inputs.append(os.readlink(f"/proc/{process_id}/fd/0"))
                lines = Path(f"/proc/{process_id}/limits").read_text().splitlines()
                core_limits.extend(line.split()[4:6] for line in lines if "core file" in line)
        assert not list(temporary.iterdir())

    made = prover(tmp_path / "work").prove(
        _LONG.circuit(), lambda: _LONG.witness(_SECRET), (_LONG.result(_SECRET),), progress
    )
    assert not made.resumed
    assert inputs
    assert all(where.startswith("pipe:") for where in inputs)
    assert core_limits[-1] == ["0", "0"]
    files = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert [name for name in files if not name.endswith(".lock")] == [
        "measured.json",
        "proof",
        "public_inputs",
    ]


def test_progress_that_raises_ends_bb(tmp_path: Path) -> None:
    """Cancelling is raising; the half-made proof is gone."""

    def progress(elapsed: float, expected: float) -> None:
        assert expected > 0
        if elapsed > 0.1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prover(tmp_path).prove(
            _LONG.circuit(), lambda: _LONG.witness(_SECRET), (_LONG.result(_SECRET),), progress
        )
    assert _gone(tmp_path)
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".lock"]


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux")
def test_a_killed_prover_leaves_nothing_that_works_on(tmp_path: Path) -> None:
    """kill -9 takes bb along; the next run clears up, whatever it proves, and succeeds."""
    _LONG.circuit()
    run = subprocess.Popen(
        [sys.executable, "-c", _PROVE_LONG, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    while float(run.stdout.readline()) < 0.1:
        pass
    assert _children_of(tmp_path)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert _gone(tmp_path)
    assert list(tmp_path.glob("*.partial"))
    assert not _prove(tmp_path).resumed
    assert not list(tmp_path.glob("*.partial"))


def test_two_that_prove_the_same_make_one_proof(tmp_path: Path) -> None:
    """The second waits, and finds what the first made."""
    made: list[Made] = []
    threads = [threading.Thread(target=lambda: made.append(_prove(tmp_path))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.resumed for one in made) == [False, True]
    assert made[0].proof == made[1].proof
