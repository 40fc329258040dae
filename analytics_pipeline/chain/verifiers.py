"""Which contracts check the proofs of a registry, and what they were made from.

A verifier of ours holds bb's generated ones; their code follows from the published circuits, so its
hash can be compared with one built from those circuits. Belongs here: asking, and adding a verifier
that is not there yet. Creating contracts is in `deploy`.
"""

from dataclasses import dataclass
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from analytics_pipeline.chain.abi import honk_abi
from analytics_pipeline.chain.deploy import NOBODY, HonkContracts, deploy_honk_verifier
from analytics_pipeline.chain.interface import Call, Chain
from analytics_pipeline.chain.registry import Registry


@dataclass(frozen=True)
class GeneratedVerifier:
    """A contract that bb generated. ``code_hash`` is Keccak-256 of its runtime code."""

    address: str
    code_hash: bytes
    row_shards: int


@dataclass(frozen=True)
class HonkVerifier:
    """A deployed HonkReleaseVerifier and the contracts it asks.

    ``mains`` are in order of the shapes' numbers; ``row_shard`` is None if no shape takes any;
    ``circuits`` is the SHA-256 of the circuits' description.
    """

    address: str
    mains: tuple[GeneratedVerifier, ...]
    row_shard: GeneratedVerifier | None
    circuits: bytes
    development_setup: bool

    @property
    def code_hashes(self) -> frozenset[bytes]:
        """Hashes of the generated contracts' runtime codes."""
        shard = (self.row_shard,) if self.row_shard else ()
        return frozenset(each.code_hash for each in (*self.mains, *shard))


def read_honk_verifier(chain: Chain, address: str) -> HonkVerifier:
    """Ask a deployed HonkReleaseVerifier what it is made of. Raises ChainError if it is none."""

    def ask(function: str, *arguments: Any) -> Any:
        data = chain.call(Call(NOBODY, address, honk_abi().calldata(function, *arguments)))
        return honk_abi().result(function, data)

    def generated(contract: str, row_shards: int) -> GeneratedVerifier:
        where = to_checksum_address(contract)
        return GeneratedVerifier(where, bytes(keccak(chain.code(where))), row_shards)

    row_shard = ask("rowShardVerifier")
    return HonkVerifier(
        address,
        tuple(generated(*ask("shapeAt", number)) for number in range(ask("shapeCount"))),
        generated(row_shard, 0) if row_shard != NOBODY else None,
        bytes(ask("circuits")),
        bool(ask("isDevelopmentSetup")),
    )


def ensure_honk_verifier(
    registry: Registry, owner: LocalAccount, contracts: HonkContracts
) -> HonkVerifier:
    """The newest verifier of the registry, after adding one if that is for other circuits.

    Raises:
        RecordRefused: e.g. ``DevelopmentSetup`` on a registry that does not take such proofs.
    """
    added = registry.verifiers()
    if added:
        newest = read_honk_verifier(registry.chain, added[-1].address)
        if newest.circuits == contracts.circuits:
            return newest
    address = deploy_honk_verifier(registry.chain, owner, contracts)
    registry.add_verifier(owner, address)
    return read_honk_verifier(registry.chain, address)
