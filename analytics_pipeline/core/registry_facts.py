"""What registry and chain say today about one release, beside the platform's head.

Belongs here: the values an online verification compares records with. Does not belong here: asking
for them (`published.sources`); offline there are none, and the checks say so.
"""

from dataclasses import dataclass
from typing import Final

#: Blocks from a commit to its beacon from which on the beacon's proposers are not yet known at the
#: commit: four epochs of 32 blocks and a little (EIP-4399, "Tips for application developers").
SAFE_BEACON_DELAY: Final = 132


@dataclass(frozen=True)
class RegistryFacts:
    """Read from the registry's storage and the chain's headers, not from the records."""

    #: blocks from a commit to its beacon; fixed when the registry was deployed
    beacon_delay: int
    #: randomness (prevrandao) in the header of the release's beacon block
    beacon: bytes
    #: the same of the blocks directly before and after it, as far as there are any
    beside_beacon: tuple[bytes, ...]
    #: of the release's day
    seed_commitment: bytes
    #: Keccak-256 of the runtime code of every contract that checks proofs for the registry; empty
    #: if it demands none
    verifier_codes: frozenset[bytes]
