"""The prover's tools as tests use them, and a circuit that is proved in a blink.

Tools and points are kept in the user's cache folder, like pip's and npm's downloads.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from analytics_pipeline.chain.sandbox import run_code
from analytics_pipeline.core.poseidon2 import permute
from analytics_pipeline.proving.acir import Program, Witness
from analytics_pipeline.proving.acir_bytes import program_bytes, witness_bytes
from analytics_pipeline.proving.artifacts import ArtifactStore, ProvableCircuit
from analytics_pipeline.proving.prover import BbProver
from analytics_pipeline.proving.setup import DevelopmentSetup
from analytics_pipeline.proving.toolchain import Toolchain
from analytics_pipeline.proving.verifiers import EvmVerifier
from analytics_pipeline.settings import load_settings

CACHE = load_settings({}).cache
TOOLS = Toolchain(CACHE)
SETUP = DevelopmentSetup(CACHE)
STORE = ArtifactStore(CACHE, TOOLS, SETUP)
EVM = EvmVerifier(run_code, STORE.find)


@dataclass(frozen=True)
class Chain:
    """A circuit: the public result is a secret of 64 bits, permuted a number of times."""

    length: int

    @property
    def name(self) -> str:
        return f"test-chain-{self.length}"

    def program(self) -> Program:
        program = Program()
        (result,) = program.public(1)
        secret = program.column()
        program.range_check(secret, 64)
        zero = program.constant(0)
        state = [secret, zero, zero, zero]
        for _ in range(self.length):
            after = [program.column() for _ in range(4)]
            program.permute(state, after)
            state = after
        program.assert_zero(terms=[(1, state[0]), (-1, result)])
        return program

    @cache  # noqa: B019 (a handful of frozen instances)
    def circuit(self) -> ProvableCircuit:
        return STORE.prepare(self.name, program_bytes(self.program()))

    def result(self, secret: int) -> int:
        state = (secret, 0, 0, 0)
        for _ in range(self.length):
            state = permute(state)
        return state[0]

    def witness(self, secret: int, claimed: int | None = None) -> bytes:
        """Of a secret; with a result claimed that is another than it has, a false one."""
        program = self.program()
        witness = Witness(program)
        states = [(secret, 0, 0, 0)]
        for _ in range(self.length):
            states.append(permute(states[-1]))
        values = [states[-1][0] if claimed is None else claimed, secret, 0]
        values += [value for state in states[1:] for value in state]
        for column, value in zip(program.starts, values, strict=True):
            witness._values[column] = [value]
        return witness_bytes(witness)


TINY = Chain(1)


def secret_of(text: str) -> int:
    """A secret of 64 bits that appears nowhere by chance."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def prover(work: Path) -> BbProver:
    return BbProver(TOOLS, SETUP, EVM, work)
