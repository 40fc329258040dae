"""Releases that need a proof: what it must state, and the list of contracts that check it."""

from dataclasses import replace

import pytest
from eth_utils.crypto import keccak

from analytics_pipeline.chain.deploy import (
    RegistryRules,
    deploy,
    deploy_registry,
)
from analytics_pipeline.chain.embedded import EmbeddedChain, development_account
from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.chain.registry import Registry
from analytics_pipeline.core.errors import RecordRefused
from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.core.statement import Place, Statement, challenge, nonce
from tests.chain.support import (
    PLATFORM,
    a_commit,
    a_release,
    commit_with_seeds,
    contract_for_tests,
    digest,
    publish,
    statement_of,
    statement_words,
)

OWNER = development_account(0)
STRANGER = development_account(1)


def binding_proof(statement: Statement) -> bytes:
    """The one proof that BindingVerifier accepts."""
    return bytes(keccak(b"".join(statement_words(statement))))


def binding_verifier(registry: Registry, *, development_setup: bool = True) -> str:
    creation = contract_for_tests("BindingVerifier").deployment(["bool"], [development_setup])
    return deploy(registry.chain, OWNER, creation)


def test_the_registry_computes_the_statement(registry: Registry, publisher: Publisher) -> None:
    """Nonce and challenge on chain are those of `core.statement`: BindingVerifier takes the hash of
    what the registry hands it, and no other proof."""
    registry.add_verifier(OWNER, binding_verifier(registry))
    for revision in (1, 2):
        commit, release = a_commit(0, revision), a_release(0, revision)
        (record,) = commit_with_seeds(publisher, commit)
        beacon = publisher.beacon_of(record)
        honest = statement_of(registry, commit, beacon, release)
        others = [
            replace(honest, **{name: (value + 1) % MODULUS}) for name, value in vars(honest).items()
        ]
        for wrong in (b"", digest("any"), *map(binding_proof, others)):
            with pytest.raises(RecordRefused, match="ProofRejected"):
                publisher.release(PLATFORM, [release], [wrong])
        publisher.release(PLATFORM, [release], [binding_proof(honest)])


def test_a_proof_is_of_one_place_and_one_report(registry: Registry, publisher: Publisher) -> None:
    """Another chain, registry, platform, day, revision, beacon or report: rejected."""
    registry.add_verifier(OWNER, binding_verifier(registry))
    commit, release = a_commit(), a_release()
    (record,) = commit_with_seeds(publisher, commit)
    beacon = publisher.beacon_of(record)
    here = Place(registry.chain.chain_id, registry.address, PLATFORM)
    honest = statement_of(registry, commit, beacon, release)

    def with_nonce(n: int) -> Statement:
        return replace(honest, nonce=n, x=challenge(n, release.report_root))

    lies = [
        with_nonce(nonce(place, other, block, randomness))
        for place, other, (block, randomness) in (
            (here._replace(chain_id=1), commit, beacon),
            (here._replace(registry=OWNER.address), commit, beacon),
            (here._replace(platform="other"), commit, beacon),
            (here, a_commit(1), beacon),
            (here, a_commit(0, revision=2), beacon),
            (here, replace(commit, policy_hash=digest("lax")), beacon),
            (here, commit, (beacon.block_number + 1, beacon.randomness)),
            (here, commit, (beacon.block_number, digest("chosen"))),
        )
    ]
    lies.append(replace(honest, x=challenge(honest.nonce, digest("another report"))))
    for lie in lies:
        with pytest.raises(RecordRefused, match="ProofRejected"):
            publisher.release(PLATFORM, [release], [binding_proof(lie)])
    publisher.release(PLATFORM, [release], [binding_proof(honest)])


def test_each_release_of_a_batch_has_its_proof(registry: Registry, publisher: Publisher) -> None:
    """Proofs go with their releases; one too few, or two swapped, and nothing is released."""
    registry.add_verifier(OWNER, binding_verifier(registry))
    commits, releases = [a_commit(0), a_commit(1)], [a_release(0), a_release(1)]
    beacon = publisher.beacon_of(commit_with_seeds(publisher, *commits)[0])
    proofs = [
        binding_proof(statement_of(registry, commit, beacon, release))
        for commit, release in zip(commits, releases, strict=True)
    ]
    with pytest.raises(RecordRefused, match="ProofRejected"):
        publisher.release(PLATFORM, releases, proofs[::-1])
    with pytest.raises(RecordRefused, match="ProofMissing"):
        publisher.release(PLATFORM, releases)
    publisher.release(PLATFORM, releases[::-1], proofs[::-1])


def test_verifiers_are_added_by_the_owner_and_stay(
    registry: Registry, publisher: Publisher
) -> None:
    """Without a verifier a proof is refused; the newest counts; none is added twice."""
    (record,) = commit_with_seeds(publisher, a_commit())
    publisher.beacon_of(record)
    with pytest.raises(RecordRefused, match="ProofUnexpected"):
        publisher.release(PLATFORM, [a_release()], [b"proof"])
    first, second = binding_verifier(registry), binding_verifier(registry)
    with pytest.raises(RecordRefused, match="OwnableUnauthorizedAccount"):
        registry.add_verifier(STRANGER, first)
    with pytest.raises(RecordRefused, match="NotAContract"):
        registry.add_verifier(OWNER, STRANGER.address)
    assert registry.current_verifier() is None
    for verifier in (first, second):
        registry.add_verifier(OWNER, verifier)
        assert registry.current_verifier() == verifier
    with pytest.raises(RecordRefused, match="AlreadyAdded"):
        registry.add_verifier(OWNER, first)
    code_hash = keccak(registry.chain.code(first))
    assert [(v.address, v.code_hash) for v in registry.verifiers()] == [
        (first, code_hash),
        (second, code_hash),
    ]


def test_a_verifier_counts_after_its_delay(chain: EmbeddedChain, publisher: Publisher) -> None:
    """Until then releases go on as before, for everybody to look at the new one."""
    rules = RegistryRules(1, verifier_delay_seconds=200, accepts_development_setup=True)
    registry = deploy_registry(chain, OWNER, rules)
    registry.grant_publisher(PLATFORM, OWNER.address, OWNER)
    publisher.registry = publisher._sender._registry = registry
    verifier = binding_verifier(registry)
    registry.add_verifier(OWNER, verifier)
    (entry,) = registry.verifiers()
    (release,) = publish(publisher, [a_commit(0)], [a_release(0)])
    assert 100 < entry.counts_from - release.block_time <= 200
    assert registry.current_verifier() is None
    chain.wait_for_block(chain.block_number() + 200, 0)  # a block is at least a second
    assert registry.current_verifier() == verifier
    with pytest.raises(RecordRefused, match="ProofMissing"):
        publish(publisher, [a_commit(1)], [a_release(1)])


def test_a_registry_may_refuse_a_development_setup(chain: EmbeddedChain) -> None:
    """Proofs that anybody could forge have no place where records are meant to convince."""
    rules = RegistryRules(1, 3_600, accepts_development_setup=False)
    registry = deploy_registry(chain, OWNER, rules)
    with pytest.raises(RecordRefused, match="DevelopmentSetup"):
        registry.add_verifier(OWNER, binding_verifier(registry))
    registry.add_verifier(OWNER, binding_verifier(registry, development_setup=False))
    assert len(registry.verifiers()) == 1
    with pytest.raises(RecordRefused, match="NoVerifierDelay"):
        deploy_registry(chain, OWNER, replace(rules, verifier_delay_seconds=0))
