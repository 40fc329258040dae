"""Creating our contracts on a chain.

Belongs here: constructor arguments, and the addresses that follow. Asking the contracts afterwards
is in `registry`, `verifiers` and `report_check`; on a public chain all of this is done once, by the
registry's owner (docs/chain.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import rlp  # type: ignore[import-untyped]
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_canonical_address, to_checksum_address
from eth_utils.crypto import keccak

from analytics_pipeline.chain.abi import checker_abi, honk_abi, registry_abi
from analytics_pipeline.chain.account import send_and_wait
from analytics_pipeline.chain.interface import CallReverted, Chain, TransactionRejected
from analytics_pipeline.chain.refusals import refusal
from analytics_pipeline.chain.registry import Registry, RegistryRules
from analytics_pipeline.core.registry_facts import SAFE_BEACON_DELAY

_LOST_NONCES: Final = 5
NOBODY: Final = "0x" + "00" * 20
#: For the embedded chain and tests: no waiting, and proofs that convince nobody are welcome.
DEVELOPMENT_RULES: Final = RegistryRules(
    beacon_delay=1, verifier_delay_seconds=0, accepts_development_setup=True
)
#: For a public chain: a beacon out of its proposers' reach; a week to look at a new verifier.
PUBLIC_RULES: Final = RegistryRules(
    beacon_delay=SAFE_BEACON_DELAY,
    verifier_delay_seconds=7 * 86_400,
    accepts_development_setup=False,
)


@dataclass(frozen=True)
class HonkContracts:
    """What bb generated for our circuits, compiled and linked.

    Args:
        mains: creation code of the verifier of each main shape, in order of their numbers.
        row_shards: how many row shards each of those shapes takes.
        row_shard: creation code of the row shards' verifier; empty if no shape takes any.
        circuits: SHA-256 of the published description of all these circuits.
        development_setup: the trapdoor of their set-up is known.
    """

    mains: Sequence[bytes]
    row_shards: Sequence[int]
    row_shard: bytes
    circuits: bytes
    development_setup: bool


def contract_address(deployer: str, nonce: int) -> str:
    """Address of the contract that an account creates with a given nonce."""
    return to_checksum_address(keccak(rlp.encode([to_canonical_address(deployer), nonce]))[12:])


def deploy(chain: Chain, sender: LocalAccount, creation: bytes, *, nonce: int | None = None) -> str:
    """Create a contract and give its address.

    Args:
        nonce: the transaction number to use, which fixes the address; None: the next one.
    Raises:
        RecordRefused: the constructor refused.
    """
    for last in [*[False] * _LOST_NONCES, True]:
        used = chain.nonce(sender.address) if nonce is None else nonce
        try:
            send_and_wait(chain, sender, None, creation, nonce=used)
            break
        except CallReverted as error:
            raise refusal(error) from None
        except TransactionRejected as error:
            # Another transaction of the account was faster.
            if last or nonce is not None or not error.settled:
                raise
    return contract_address(sender.address, used)


def deploy_registry(
    chain: Chain, owner: LocalAccount, rules: RegistryRules, *, nonce: int | None = None
) -> Registry:
    """Create a registry owned by `owner` (hand it to a multisig afterwards, in two steps)."""
    types = ["address", "uint64", "uint64", "bool"]
    arguments = [
        owner.address,
        rules.beacon_delay,
        rules.verifier_delay_seconds,
        rules.accepts_development_setup,
    ]
    creation = registry_abi().deployment(types, arguments)
    return Registry(chain, deploy(chain, owner, creation, nonce=nonce))


def deploy_honk_verifier(chain: Chain, sender: LocalAccount, contracts: HonkContracts) -> str:
    """Create the generated verifiers and the one that speaks for them to a registry.

    Returns:
        Its address, for `Registry.add_verifier`.
    """
    mains = [deploy(chain, sender, creation) for creation in contracts.mains]
    row_shard = deploy(chain, sender, contracts.row_shard) if contracts.row_shard else NOBODY
    creation = honk_creation(
        mains,
        contracts.row_shards,
        row_shard,
        development_setup=contracts.development_setup,
        circuits=contracts.circuits,
    )
    return deploy(chain, sender, creation)


def honk_creation(
    mains: Sequence[str],
    row_shards: Sequence[int],
    row_shard: str,
    *,
    development_setup: bool,
    circuits: bytes,
) -> bytes:
    """Creation code of a HonkReleaseVerifier; see `HonkContracts`, with addresses for codes."""
    types = ["address[]", "uint8[]", "address", "bool", "bytes32"]
    arguments = [list(mains), list(row_shards), row_shard, development_setup, circuits]
    return honk_abi().deployment(types, arguments)


def deploy_report_checker(chain: Chain, sender: LocalAccount, registry: Registry) -> str:
    """Create the contract that compares whole reports with a registry's records."""
    creation = checker_abi().deployment(["address"], [registry.address])
    return deploy(chain, sender, creation)
