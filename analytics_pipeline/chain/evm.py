"""The EVM of the embedded chain: py-evm's Cancun rules, random blocks, fast curve arithmetic.

Belongs here: what differs from py-evm's own chain, and the first block. Blocks carry randomness as
on a public chain, from this machine; who operates the chain could choose it, which is one more
reason why its records prove nothing to strangers.
"""

import os
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from eth import constants
from eth.abc import ComputationAPI
from eth.chains.base import MiningChain
from eth.consensus.applier import ConsensusApplier
from eth.consensus.noproof import NoProofConsensus
from eth.exceptions import VMError
from eth.vm.forks.cancun import CancunVM
from eth.vm.forks.cancun.computation import CancunComputation
from eth.vm.forks.cancun.state import CancunState
from eth.vm.forks.istanbul import constants as istanbul
from eth_utils.address import to_canonical_address

from analytics_pipeline.chain import bn254
from analytics_pipeline.core.record import DEVELOPMENT_CHAIN_ID

GAS_LIMIT: Final = 30_000_000
_BALANCE_WEI: Final = 10**30
_PAIR_BYTES: Final = 192


def _native(
    gas_of: Callable[[bytes], int], answer: Callable[[bytes], bytes]
) -> Callable[[ComputationAPI], ComputationAPI]:
    """A precompiled contract: charge, then compute. Its failure takes all gas, as the EIPs say."""

    def run(computation: ComputationAPI) -> ComputationAPI:
        data = bytes(computation.msg.data)
        computation.consume_gas(gas_of(data), reason="BN254 precompile")
        try:
            computation.output = answer(data)
        except bn254.NotAPoint:
            raise VMError("not a point of the curve") from None
        return computation

    return run


def _pairing_gas(data: bytes) -> int:
    if len(data) % _PAIR_BYTES:
        raise VMError("not a whole number of pairs")
    pairs = len(data) // _PAIR_BYTES
    return istanbul.GAS_ECPAIRING_BASE + istanbul.GAS_ECPAIRING_PER_POINT * pairs


def _pairing(data: bytes) -> bytes:
    return bn254.pairing(data).to_bytes(32, "big")


_NATIVE: Final = {
    (6).to_bytes(20, "big"): _native(lambda data: istanbul.GAS_ECADD, bn254.add),
    (7).to_bytes(20, "big"): _native(lambda data: istanbul.GAS_ECMUL, bn254.multiply),
    (8).to_bytes(20, "big"): _native(_pairing_gas, _pairing),
}
_PRECOMPILES: Final = {
    **CancunComputation._precompiles,
    **(_NATIVE if bn254.available() else {}),
}


class _Computation(CancunComputation):
    _precompiles = _PRECOMPILES


class _State(CancunState):
    computation_class = _Computation


class _VM(CancunVM):
    _state_class = _State


class DevelopmentChain(MiningChain):
    """A chain that anybody may mine, one block at a time."""

    chain_id = DEVELOPMENT_CHAIN_ID
    vm_configuration = ConsensusApplier(NoProofConsensus).amend_vm_configuration(((0, _VM),))

    def create_header_from_parent(self, parent_header: Any, **params: Any) -> Any:
        params["gas_limit"] = parent_header.gas_limit
        params["mix_hash"] = os.urandom(32)  # what a contract sees as the block's prevrandao
        return super().create_header_from_parent(parent_header, **params)


def create_genesis(store: Any, accounts: Sequence[str]) -> None:
    """Write block 0, in which `accounts` have more than they can spend."""
    DevelopmentChain.from_genesis(
        store,
        {
            "coinbase": bytes(20),
            "difficulty": constants.POST_MERGE_DIFFICULTY,
            "extra_data": b"",
            "gas_limit": GAS_LIMIT,
            "mix_hash": constants.POST_MERGE_MIX_HASH,
            "nonce": constants.POST_MERGE_NONCE,
            "timestamp": int(time.time()),
        },
        {
            to_canonical_address(account): {
                "balance": _BALANCE_WEI,
                "code": b"",
                "nonce": 0,
                "storage": {},
            }
            for account in accounts
        },
    )
