"""Lies about proof, listing, seed and beacon."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from analytics_pipeline.core.circuits import Circuits, ProofVerifier
from analytics_pipeline.core.errors import ProofNotCheckable
from analytics_pipeline.core.field import MODULUS, to_bytes32
from analytics_pipeline.core.policy import DEFAULT_RHO_NANO, build_policy
from analytics_pipeline.core.proof_document import DEVELOPMENT, IGNITION, ProofDocument
from analytics_pipeline.core.record import (
    DEVELOPMENT_CHAIN_ID,
    CommitRecord,
    Record,
    ReleaseRecord,
)
from analytics_pipeline.core.report import ReportRow
from analytics_pipeline.core.statement import figure_sum
from tests.lies.cases import FIRST, SECOND, Case, row_changed
from tests.support.stand_in_proofs import digest, stand_in_circuits
from tests.support.world import SMALL_POLICY, Lies, World

OTHER_POLICY = build_policy(
    rho_nano=dict.fromkeys(DEFAULT_RHO_NANO, 13_888_888), regions=SMALL_POLICY.regions
)


def circuits_of_all() -> Circuits:
    """Circuits for the small policy and for another one, all of them published."""
    policies = (SMALL_POLICY, OTHER_POLICY)
    return Circuits(tuple(c for p in policies for c in stand_in_circuits(p).entries))


def asked_online(world: World, day: date, revision: int = 1, **facts: Any) -> Case:
    """The folder, verified with a registry at hand. ``facts`` are what it says differently."""
    registry = replace(world.facts(day, revision), **facts)
    return Case(world.folder(day, revision), {"registry": registry, "registry_head": world.head})


def online(**lies: Any) -> Callable[[], Case]:
    """The operator tells the lie; chain and registry are asked and say the truth."""

    def tell() -> Case:
        world = World()
        world.publish(SECOND, lies=Lies(**lies))
        return asked_online(world, SECOND)

    return tell


def sharded(change: Callable[[ProofDocument], ProofDocument]) -> Callable[[], Case]:
    """The same day in three proofs, with something done to them."""

    def tell() -> Case:
        world = World(shards=2)
        world.publish(SECOND, lies=Lies(proof=change))
        return Case(world.folder(SECOND, 1))

    return tell


# ---- circuits ------------------------------------------------------------------------------------


def main_proof(**fields: Any) -> Callable[[ProofDocument], ProofDocument]:
    return lambda document: replace(document, main=replace(document.main, **fields))


def key_of(shape: str, setup: str = IGNITION) -> bytes:
    """A verification key of the small policy's circuits."""
    return next(
        circuit.verification_key
        for circuit in stand_in_circuits(SMALL_POLICY).entries
        if circuit.shape.startswith(shape) and circuit.setup == setup
    )


def circuit_of_other_noise() -> Case:
    """The committed policy promises its noise; the proof is of a circuit that draws another."""
    world = World()
    world.circuits = stand_in_circuits(OTHER_POLICY)
    world.publish(FIRST)
    return Case(world.folder(FIRST, 1), {"terms": replace(world.terms, circuits=circuits_of_all())})


def development_on_a_public_chain() -> Case:
    world = World(setup=DEVELOPMENT)
    world.publish(FIRST)
    return Case(world.folder(FIRST, 1))


def development_where_it_must_convince() -> Case:
    world = World(chain_id=DEVELOPMENT_CHAIN_ID, setup=DEVELOPMENT)
    world.publish(FIRST)
    return Case(world.folder(FIRST, 1), {"terms": replace(world.terms, production=True)})


def verifier_of_another_circuit() -> Case:
    world = World()
    world.publish(FIRST)
    return asked_online(world, FIRST, verifier_codes=frozenset([digest("accepts everything")]))


def verifier_that_takes_anything_besides() -> Case:
    """The genuine contract is there; so is one that says yes, and the release went through it."""
    world = World()
    world.publish(FIRST)
    codes = world.facts(FIRST, 1).verifier_codes
    return asked_online(world, FIRST, verifier_codes=codes | {digest("says yes")})


def verifier_of_other_noise_besides() -> Case:
    """A circuit that is published too, for a policy of less noise, was asked for this release."""
    world = World()
    world.publish(FIRST)
    believed = circuits_of_all()
    codes = frozenset(c.verifier_code for c in believed.entries if c.setup == world.setup)
    case = asked_online(world, FIRST, verifier_codes=codes)
    terms = replace(world.terms, circuits=believed)
    return replace(case, question={**case.question, "terms": terms})


def verifier_of_a_development_setup(*, besides: bool) -> Callable[[], Case]:
    """The registry was told that its verifier is of the production set-up. Its code is not.

    Args:
        besides: the contract of the production set-up is there too.
    """

    def tell() -> Case:
        world = World()
        world.publish(FIRST)
        setups = (DEVELOPMENT, IGNITION) if besides else (DEVELOPMENT,)
        circuits = [c for c in world.circuits.entries if c.setup in setups]
        codes = frozenset(circuit.verifier_code for circuit in circuits)
        return asked_online(world, FIRST, verifier_codes=codes)

    return tell


# ---- listing -------------------------------------------------------------------------------------


def keys_dropped(scope: str, key: str) -> Callable[[list[ReportRow]], list[ReportRow]]:
    return lambda rows: [row for row in rows if (row.scope, row.key) != (scope, key)]


def key_added(scope: str, like: str, key: str) -> Callable[[list[ReportRow]], list[ReportRow]]:
    def add(rows: list[ReportRow]) -> list[ReportRow]:
        copies = [replace(row, key=key) for row in rows if (row.scope, row.key) == (scope, like)]
        return sorted([*rows, *copies], key=lambda row: row.name)

    return add


# ---- seed and beacon -----------------------------------------------------------------------------


def seed_of_a_correction() -> Case:
    world = World()
    world.publish(FIRST)
    other = to_bytes32(7)
    lies = Lies(commit=lambda record: replace(record, seed_commitment=other))
    world.publish(FIRST, 2, lies)
    return Case(world.folder(FIRST, 2))


def seed_of_the_day_before() -> Case:
    world = World()
    world.publish(FIRST)
    other = to_bytes32(world.seed(FIRST).commitment)
    world.publish(SECOND, lies=Lies(commit=lambda record: replace(record, seed_commitment=other)))
    return Case(world.folder(SECOND, 1))


def beacon_moved(blocks: int) -> Callable[[Any], Any]:
    """Noise is drawn from the beacon of a block so many later."""
    return lambda found: (found[0] + blocks, digest("beacon", found[0] + blocks))


def first_day_put_beside(beacon_block_too: bool) -> Callable[[list[Record]], list[Record]]:
    """The first day takes the newest release's beacon, or shares its blocks and has another one."""

    def change(records: list[Record]) -> list[Record]:
        commit, release = records[-2:]
        assert isinstance(commit, CommitRecord)
        assert isinstance(release, ReleaseRecord)
        first_commit, first_release = records[:2]
        assert isinstance(first_release, ReleaseRecord)
        if beacon_block_too:
            first_commit = replace(first_commit, block_number=commit.block_number)
            first_release = replace(
                first_release,
                beacon_block=release.beacon_block,
                block_number=release.block_number,
            )
        else:
            first_release = replace(first_release, beacon=release.beacon)
        return [first_commit, first_release, *records[2:]]

    return change


def randomness_of_an_outer_chain(before: bool) -> Callable[[], Case]:
    """Neighbouring blocks have one randomness: that of an outer chain's block."""

    def tell() -> Case:
        world = World()
        world.publish(FIRST)
        facts = world.facts(FIRST, 1)
        others = facts.beside_beacon
        beside = (facts.beacon, *others[1:]) if before else (*others[:1], facts.beacon)
        return asked_online(world, FIRST, beside_beacon=beside)

    return tell


def production_demanded(**world: Any) -> Callable[[], Case]:
    """An honest day, and somebody who demands what holds in production, without a verifier."""

    def tell() -> Case:
        published = World(**world)
        published.publish(FIRST)
        terms = replace(published.terms, verifier=None, production=True)
        return Case(published.folder(FIRST, 1), {"terms": terms})

    return tell


# ---- statement and proof -------------------------------------------------------------------------


def figure_changed(*, recorded: bool, stated: bool) -> Callable[[], Case]:
    """A figure is changed after the draw.

    Args:
        recorded: the figure sum on record is made to match.
        stated: so are the proof's public inputs; the proof cannot be.
    """

    def tell() -> Case:
        shown: list[ReportRow] = []
        claimed: list[int] = []

        def change(rows: list[ReportRow]) -> list[ReportRow]:
            shown[:] = row_changed(3, value=999_999)(rows)
            return shown

        def state(document: ProofDocument) -> ProofDocument:
            x, _, *rest = document.main.public_inputs
            claimed.append(figure_sum(shown, x))
            inputs = (x, *claimed, *rest)
            return main_proof(public_inputs=inputs)(document) if stated else document

        def record(release: ReleaseRecord) -> ReleaseRecord:
            return replace(release, figure_sum=to_bytes32(*claimed)) if recorded else release

        world = World()
        world.publish(FIRST, lies=Lies(rows=change, proof=state, release=record))
        return Case(world.folder(FIRST, 1))

    return tell


def proof_of(day: date, revision: int = 1, **place: Any) -> Callable[[], Case]:
    """Another release's proof is published with the first day's."""

    def tell() -> Case:
        elsewhere = World(**place)
        for number in range(1, revision + 1):
            elsewhere.publish(day, number)
        proof = elsewhere.bundles[day, revision]["proof.json"]
        world = World()
        world.publish(FIRST, lies=Lies(proof_bytes=lambda _: proof))
        return Case(world.folder(FIRST, 1))

    return tell


def swapped(inputs: Sequence[int]) -> tuple[int, ...]:
    x, total, *rest = inputs
    return (total, x, *rest)


def plus_modulus(element: bytes) -> bytes:
    """Another spelling of the same field element."""
    return (int.from_bytes(element, "big") + MODULUS).to_bytes(32, "big")


def tally_replaced(records: list[Record]) -> list[Record]:
    """The newest release's commit names other contributions."""
    *rest, commit, release = records
    assert isinstance(commit, CommitRecord)
    return [*rest, replace(commit, tally_root=to_bytes32(7)), release]


def other_challenge(document: ProofDocument) -> ProofDocument:
    """The last row shard proves its sum at another point."""
    *others, last = document.shards
    moved = replace(last, public_inputs=(5, *last.public_inputs[1:]))
    return replace(document, shards=(*others, moved))


class NothingInstalled:
    """A verifier that lacks its tool."""

    name = "bb"

    def verify(self, *_: object) -> bool:
        raise ProofNotCheckable("no such program")


def unchecked(verifier: ProofVerifier | None) -> Callable[[], Case]:
    """An honest day, and somebody who insists on a checked proof without the means."""

    def tell() -> Case:
        world = World()
        world.publish(FIRST)
        terms = replace(world.terms, verifier=verifier, require_proof=True)
        return Case(world.folder(FIRST, 1), {"terms": terms})

    return tell
