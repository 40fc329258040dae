"""Whether the proofs of a release are of published circuits, about this release, and hold.

Belongs here: checks 9, 13 and 14. Does not belong here: the numbers of the statement
(`core.statement`), the tools that check a proof (`core.circuits.ProofVerifier`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.circuits import (
    MAIN,
    SHARD,
    Circuit,
    Circuits,
    ProofVerifier,
    published_circuits,
)
from analytics_pipeline.core.errors import InvalidInput, ProofNotCheckable, StatementUndefined
from analytics_pipeline.core.field import to_bytes32
from analytics_pipeline.core.proof_document import (
    DEVELOPMENT,
    Proof,
    ProofDocument,
    parse_proof_document,
)
from analytics_pipeline.core.record import ChainEvidence, CommitRecord, ReleaseRecord
from analytics_pipeline.core.registry_facts import RegistryFacts
from analytics_pipeline.core.report import ReportRow
from analytics_pipeline.core.statement import (
    INPUTS_PER_SHARD,
    STATEMENT_INPUTS,
    Place,
    ShardInputs,
    Statement,
    build_statement,
    shard_inputs,
)
from analytics_pipeline.core.verify_errors import (
    DevelopmentSetup,
    FigureSumMismatch,
    ProofInvalid,
    ProofMalformed,
    ProofUnchecked,
    SetupMisstated,
    ShardMissing,
    ShardRepeated,
    StatementMismatch,
    UnknownCircuit,
    VerifierMismatch,
    WrongCircuit,
)

_MAIN_PROOF: Final = "main proof"
_ROW_SHARD: Final = "row shard"
_INPUT_NAMES: Final = {
    _MAIN_PROOF: ("x", "figure sum", "nonce", "tally root", "catalogue root", "seed commitment"),
    _ROW_SHARD: ("x", "catalogue root", "rows root", "commitment to the sum"),
}


@dataclass(frozen=True)
class ProofTerms:
    """On what terms a caller believes proofs.

    Args:
        verifier: checks proofs here; None: nothing can, and the table says whom it trusts instead.
        circuits: those believed; None: the ones published with this program.
        require_proof: a proof that cannot be checked here is a failure.
        production: so it is, and so are a development set-up and a beacon that comes too soon, on
            the development chain too.
    """

    verifier: ProofVerifier | None = None
    circuits: Circuits | None = None
    require_proof: bool = False
    production: bool = False

    @property
    def believed(self) -> Circuits:
        return self.circuits if self.circuits is not None else published_circuits()


def verify_circuits(
    document: bytes,
    evidence: ChainEvidence,
    commit: CommitRecord,
    registry: RegistryFacts | None,
    terms: ProofTerms,
) -> tuple[ProofDocument, Circuit]:
    """Check 9: every proof is of a published circuit for the committed policy; enough of them.

    Returns:
        proof.json parsed, and the main proof's circuit.
    Raises:
        ProofMalformed, UnknownCircuit, WrongCircuit, SetupMisstated, DevelopmentSetup,
        VerifierMismatch, ShardMissing.
    """
    try:
        proofs = parse_proof_document(document)
    except InvalidInput as error:
        raise ProofMalformed("a proof.json of the documented format", str(error)) from None
    main = _circuit_of(proofs.main, MAIN, commit, terms.believed)
    circuits = [main, *(_circuit_of(p, SHARD, commit, terms.believed) for p in proofs.shards)]
    for circuit in circuits[1:]:
        if circuit.shape != main.shard_shape:
            raise WrongCircuit(f"row shards of shape {main.shard_shape}", circuit.shape)
    for circuit in circuits:
        if circuit.setup != proofs.setup:
            raise SetupMisstated(f"a key of the {proofs.setup} set-up", f"one of {circuit.setup}")
    if proofs.setup == DEVELOPMENT and (terms.production or not evidence.is_development_chain):
        where = "as was demanded" if terms.production else f"on chain {evidence.chain_id}"
        raise DevelopmentSetup(f"a proof of the production set-up {where}", "a development set-up")
    if registry is not None and registry.verifier_codes:
        _verify_codes(registry.verifier_codes, circuits, terms.believed)
    if len(proofs.shards) != main.shards:
        raise ShardMissing(f"{main.shards} row shards", str(len(proofs.shards)))
    return proofs, main


def _verify_codes(codes: frozenset[bytes], circuits: Sequence[Circuit], believed: Circuits) -> None:
    """The contracts that the registry asks are those of the proofs' circuits, and none besides
    would accept another statement: the release may have come in through any of them."""
    policy_hash, setup = circuits[0].policy_hash, circuits[0].setup
    known = {circuit.verifier_code: circuit for circuit in believed.entries}
    for code in sorted(codes):
        circuit = known.get(code)
        if circuit is None or (circuit.policy_hash, circuit.setup) != (policy_hash, setup):
            of = (
                "no published circuit"
                if circuit is None
                else (
                    f"a circuit of policy {hash_text(circuit.policy_hash)}, {circuit.setup} set-up"
                )
            )
            raise VerifierMismatch(
                f"no verifiers at the registry but those of published circuits of policy "
                f"{hash_text(policy_hash)}, {setup} set-up",
                f"verifier code {hash_text(code)}, that of {of}",
            )
    for circuit in circuits:
        if circuit.verifier_code not in codes:
            raise VerifierMismatch(
                f"verifier code {hash_text(circuit.verifier_code)} at the registry",
                ", ".join(sorted(map(hash_text, codes))),
            )


def _circuit_of(proof: Proof, role: str, commit: CommitRecord, believed: Circuits) -> Circuit:
    circuit = believed.find(proof.verification_key)
    if circuit is None:
        raise UnknownCircuit(
            "the verification key of a published circuit", hash_text(proof.verification_key)
        )
    if (circuit.shape, circuit.role) != (proof.shape, role):
        raise WrongCircuit(
            f"a key of a {role} circuit of shape {proof.shape}",
            f"the key of a {circuit.role} circuit of shape {circuit.shape}",
        )
    if circuit.policy_hash != commit.policy_hash:
        raise WrongCircuit(
            f"a circuit for policy {hash_text(commit.policy_hash)}",
            f"one for policy {hash_text(circuit.policy_hash)}",
        )
    return circuit


def verify_statement(
    proofs: ProofDocument,
    evidence: ChainEvidence,
    commit: CommitRecord,
    release: ReleaseRecord,
    rows: Sequence[ReportRow],
) -> Statement:
    """Check 13: x and T follow from the report, and the proofs are about exactly these numbers.

    Raises:
        FigureSumMismatch, StatementMismatch, ShardRepeated.
    """
    place = Place(evidence.chain_id, evidence.registry, evidence.platform)
    try:
        statement = build_statement(
            place, commit, release.beacon_block, release.beacon, release.report_root, rows
        )
    except StatementUndefined as error:
        raise StatementMismatch("a report that can be proved", str(error)) from None
    found = proofs.main.public_inputs[:STATEMENT_INPUTS]
    # First what the proof is about: a changed record must not look like a changed figure.
    _require_inputs(_MAIN_PROOF, found, (statement.x, *found[1:2], *statement.elements[2:]))
    figure_sum = to_bytes32(statement.figure_sum)
    if figure_sum != release.figure_sum:
        raise FigureSumMismatch(
            f"figure sum {hash_text(figure_sum)}, the report's", hash_text(release.figure_sum)
        )
    _require_inputs(_MAIN_PROOF, found, statement.elements)
    stated = proofs.main.public_inputs[STATEMENT_INPUTS:]
    if len(stated) != INPUTS_PER_SHARD * len(proofs.shards):
        raise StatementMismatch(
            f"{INPUTS_PER_SHARD} public inputs of the main proof for each row shard",
            f"{len(stated)} for {len(proofs.shards)} shards",
        )
    roots = sorted(root for proof in proofs.shards for root in proof.public_inputs[2:3])
    for one, other in pairwise(roots):
        if one == other:
            raise ShardRepeated("every row shard once", f"rows root {one:#066x} twice")
    for number, proof in enumerate(proofs.shards):
        shard = ShardInputs(*stated[INPUTS_PER_SHARD * number :][:INPUTS_PER_SHARD])
        _require_inputs(_ROW_SHARD, proof.public_inputs, shard_inputs(statement, shard))
    return statement


def _require_inputs(label: str, found: Sequence[int], expected: Sequence[int]) -> None:
    if len(found) != len(expected):
        raise StatementMismatch(f"{len(expected)} public inputs of a {label}", str(len(found)))
    for position, (ours, theirs) in enumerate(zip(expected, found, strict=True)):
        if ours != theirs:
            name = _INPUT_NAMES[label][position]
            raise StatementMismatch(f"{name} {ours:#066x} in the {label}", f"{theirs:#066x}")


def verify_proofs(
    proofs: ProofDocument, registry: RegistryFacts | None, terms: ProofTerms
) -> tuple[bool, str]:
    """Check 14: the proofs hold, by a verifier of our own.

    Returns:
        whether it was checked here; and by what, or whom it is left to.
    Raises:
        ProofInvalid; ProofUnchecked if that was demanded.
    """
    verifier = terms.verifier
    if verifier is None:
        return _trusted(registry, terms, "no verifier is installed here")
    try:
        for number, proof in enumerate(proofs.proofs):
            label = f"{_ROW_SHARD} {number}" if number else _MAIN_PROOF
            if not verifier.verify(
                proof.shape,
                proof.verification_key,
                proofs.setup,
                proof.public_inputs,
                proof.proof,
            ):
                raise ProofInvalid(f"a {label} that holds for its public inputs", "one that fails")
    except ProofNotCheckable as error:
        return _trusted(registry, terms, f"{verifier.name}: {error}")
    return True, f"proofs: {len(proofs.proofs)}, checked by {verifier.name}"


def _trusted(registry: RegistryFacts | None, terms: ProofTerms, why: str) -> tuple[bool, str]:
    if terms.require_proof or terms.production:
        raise ProofUnchecked("a verifier that can check the proof here", why)
    if registry is None:
        whom = "whoever made this folder, for the registry was not asked"
    elif registry.verifier_codes:
        whom = "the registry, whose verifier contract accepted it"
    else:
        whom = "the operator alone, for the registry demands no proof"
    return False, f"left to {whom} ({why})"
