"""What registry and chain say about a release, for whoever verifies it.

Belongs here: asking; the values are `core.registry_facts`, and comparing them with the records is
`core.verify`'s. A verifier contract counts as what it claims to be only if its code is, to the
byte, what our published contract becomes with the arguments it names.
"""

from functools import cached_property

import rlp  # type: ignore[import-untyped]
from eth_utils.crypto import keccak

from analytics_pipeline.chain.deploy import NOBODY, honk_creation
from analytics_pipeline.chain.interface import Call, Chain, ChainUnreachable
from analytics_pipeline.chain.registry import Registry, VerifierEntry
from analytics_pipeline.chain.verifiers import HonkVerifier, read_honk_verifier
from analytics_pipeline.core.errors import ChainError
from analytics_pipeline.core.record import ReleaseRecord
from analytics_pipeline.core.registry_facts import RegistryFacts

_MIX_HASH = 13


def read_facts(registry: Registry, platform: str, release: ReleaseRecord) -> RegistryFacts:
    """Everything an online verification of the release compares. Raises ChainError."""
    return FactsReader(registry, platform).read(release)


class FactsReader:
    """The same for many releases: what they share is asked for once. Threads may use it together.

    Args:
        registry, platform: whose releases.
    """

    def __init__(self, registry: Registry, platform: str) -> None:
        self._registry = registry
        self._platform = platform
        self._randomness: dict[int, bytes] = {}
        self._codes: dict[int, frozenset[bytes]] = {}

    def read(self, release: ReleaseRecord) -> RegistryFacts:
        """Raises ChainError."""
        block = release.beacon_block
        return RegistryFacts(
            beacon_delay=self._registry.rules.beacon_delay,
            beacon=self._randomness_of(block),
            beside_beacon=tuple(
                self._randomness_of(beside)
                for beside in (block - 1, block + 1)
                if 0 <= beside <= self._newest_block
            ),
            seed_commitment=self._registry.seed_of(self._platform, release.day) or bytes(32),
            verifier_codes=self._verifier_codes(release.block_time),
        )

    @cached_property
    def _newest_block(self) -> int:
        return self._registry.chain.block_number()

    @cached_property
    def _verifiers(self) -> list[VerifierEntry]:
        return self._registry.verifiers()

    def _randomness_of(self, number: int) -> bytes:
        """prevrandao of a block, from its header and not from what the registry noted."""
        if number not in self._randomness:
            header = rlp.decode(self._registry.chain.block_header(number))
            self._randomness[number] = bytes(header[_MIX_HASH])
        return self._randomness[number]

    def _verifier_codes(self, at: int) -> frozenset[bytes]:
        """Code hashes of all generated verifiers that counted at a time; empty if none did."""
        # Not one added in the release's own block, which may have come after the release.
        counting = [entry for entry in self._verifiers if entry.counts_from < at]
        if not counting:
            return frozenset()
        if len(counting) not in self._codes:
            self._codes[len(counting)] = _codes_of(self._registry.chain, counting[-1])
        return self._codes[len(counting)]


def _codes_of(chain: Chain, newest: VerifierEntry) -> frozenset[bytes]:
    try:
        verifier = read_honk_verifier(chain, newest.address)
        if keccak(_expected_code(chain, verifier)) == newest.code_hash:
            return verifier.code_hashes
    except ChainUnreachable:
        raise
    except ChainError:
        pass  # a contract of another kind
    # It may answer our questions as it likes; what accepts proofs is its own code.
    return frozenset((newest.code_hash,))


def _expected_code(chain: Chain, verifier: HonkVerifier) -> bytes:
    """Runtime code that the published contract has if it is created like this one claims."""
    creation = honk_creation(
        [main.address for main in verifier.mains],
        [main.row_shards for main in verifier.mains],
        verifier.row_shard.address if verifier.row_shard else NOBODY,
        development_setup=verifier.development_setup,
        circuits=verifier.circuits,
    )
    return chain.call(Call(NOBODY, None, creation))
