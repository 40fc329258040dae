"""Running a contract's code by itself: no chain, no account, nothing remembered.

For checking a proof with the verifier contract that was generated for its circuit, without trusting
anybody's chain. Belongs here: the empty world that the code runs in.
"""

from typing import Final

from eth.db.atomic import AtomicDB
from eth.exceptions import VMError
from eth_utils.address import to_canonical_address

from analytics_pipeline.chain.evm import GAS_LIMIT, DevelopmentChain, create_genesis

_NOBODY: Final = to_canonical_address("0x" + "00" * 20)
_PLACE: Final = to_canonical_address("0x" + "77" * 20)


def run_code(code: bytes, data: bytes) -> bytes | None:
    """What a contract with this runtime code answers to a call; None if it reverts."""
    database = AtomicDB()
    create_genesis(database, [])
    machine = DevelopmentChain(database).get_vm()
    try:
        computation = machine.execute_bytecode(
            origin=_NOBODY,
            gas_price=0,
            gas=GAS_LIMIT,
            to=_PLACE,
            sender=_NOBODY,
            value=0,
            data=data,
            code=code,
        )
    except VMError:
        return None
    return bytes(computation.output) if computation.is_success else None
