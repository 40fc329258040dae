"""What may be asked of the embedded chain. Every method reads; there is none that writes.

Belongs here: the table of methods, and the limits of a single one. Calls run on this machine, a
second per million gas and more, so no stranger's code is run: only contracts that stand on the
chain, and the published verifier's constructor, which `verify` asks for what its code would be.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from eth_utils.crypto import keccak

from analytics_pipeline.chain.abi import honk_abi
from analytics_pipeline.chain.embedded import EmbeddedChain
from analytics_pipeline.chain.headers import decode_header
from analytics_pipeline.chain.interface import Call, CallReverted
from analytics_pipeline.core.errors import ChainError
from analytics_pipeline.serve.rpc.errors import (
    CallFailed,
    ExecutionReverted,
    InvalidParams,
    LimitExceeded,
    MethodNotFound,
    MethodNotSupported,
    ResourceNotFound,
)
from analytics_pipeline.serve.rpc.values import (
    block_json,
    data_text,
    log_json,
    parse_address,
    parse_block,
    parse_call,
    parse_log_query,
)

#: Gas of one call; more than any view function of the published contracts needs in practice.
MAX_CALL_GAS: Final = 10_000_000
#: Of all calls of a batch; the one that goes beyond it is the last.
MAX_BATCH_GAS: Final = 20_000_000
MAX_LOG_BLOCKS: Final = 10_000
MAX_LOGS: Final = 2_000
#: Addresses up to here are precompiled contracts, whose code is the EVM's own.
_LAST_PRECOMPILE: Final = 0xFFFF
_ETHEREUM: Final = ("eth_", "net_", "web3_", "debug_", "trace_", "txpool_", "admin_", "personal_")


class Methods:
    """The methods over one chain, for one request or batch."""

    def __init__(self, chain: EmbeddedChain) -> None:
        self._chain = chain
        self._gas_left = MAX_BATCH_GAS

    def run(self, method: str, params: list[Any]) -> Any:
        """The result of one method. Raises RpcError."""
        found = METHODS.get(method)
        if found is None:
            if method.startswith(_ETHEREUM):
                offered = ", ".join(METHODS)
                raise MethodNotSupported(f"this endpoint only reads; it offers {offered}")
            raise MethodNotFound("no such method")
        least, most, function = found
        if not least <= len(params) <= most:
            count = str(most) if least == most else f"{least} to {most}"
            raise InvalidParams(f"{method} takes {count} parameters, not {len(params)}")
        return function(self, *params)

    def _chain_id(self) -> str:
        return hex(self._chain.chain_id)

    def _version(self) -> str:
        return str(self._chain.chain_id)

    def _block_number(self) -> str:
        return hex(self._chain.block_number())

    def _block(self, block: Any, full: Any = False) -> dict[str, Any] | None:
        if full is not False:
            raise InvalidParams("transactions are given by their hashes only: ask with false")
        newest = self._chain.block_number()
        number = parse_block(block, newest)
        number = newest if number is None else number  # nothing is ever pending
        if number > newest:
            return None
        return block_json(
            decode_header(self._chain.block_header(number)),
            list(self._chain.transactions((number, number)).values()),
            self._chain.block_size(number),
        )

    def _call(self, call: Any, block: Any = "latest") -> str:
        parsed, asked = parse_call(call)
        at = self._existing(block)
        if not self._may_run(parsed, at):
            return "0x"
        if self._gas_left <= 0:
            raise LimitExceeded(f"the calls of this batch used {MAX_BATCH_GAS} gas; ask for less")
        gas = MAX_CALL_GAS if asked is None else min(asked, MAX_CALL_GAS)
        try:
            outcome = self._chain.run(parsed, at, gas=gas)
            self._gas_left -= outcome.gas_used
            return data_text(outcome.output())
        except CallReverted as error:
            raise ExecutionReverted("execution reverted", data_text(error.data)) from None
        except ChainError as error:
            raise CallFailed(f"{error} (at most {MAX_CALL_GAS} gas)") from None

    def _may_run(self, call: Call, at: int | None) -> bool:
        """Whether there is code to run. Raises InvalidParams for code that is not run here."""
        if call.to is None:
            if call.data.startswith(honk_abi().bytecode):
                return True
            raise InvalidParams("call: of creation code only the published verifier's is run here")
        if int(call.to, 16) <= _LAST_PRECOMPILE:
            raise InvalidParams("call.to: precompiled contracts are not called here")
        return bool(self._chain.code(call.to, at))

    def _code(self, address: Any, block: Any = "latest") -> str:
        parsed = parse_address(address, "address")
        return data_text(self._chain.code(parsed, self._existing(block)))

    def _existing(self, block: Any) -> int | None:
        """Number of a block that there is; None: the next one."""
        newest = self._chain.block_number()
        number = parse_block(block, newest)
        if number is not None and number > newest:
            raise ResourceNotFound(f"no block {number}: the newest is {newest}")
        return number

    def _logs(self, query: Any) -> list[dict[str, Any]]:
        parsed = parse_log_query(query)
        newest = self._chain.block_number()
        ends = [parse_block(end, newest) for end in (parsed.first, parsed.last)]
        first, last = (newest if end is None else min(end, newest + 1) for end in ends)
        last = min(last, newest)
        if last - first >= MAX_LOG_BLOCKS:
            raise LimitExceeded(f"filter: at most {MAX_LOG_BLOCKS} blocks at once")
        second = parsed.topics[1] if len(parsed.topics) > 1 else None
        of_topic = next(iter(second)) if second is not None and len(second) == 1 else None
        logs = self._chain.logs(parsed.address, of_topic, (first, last), MAX_LOGS + 1)
        if len(logs) > MAX_LOGS:
            raise LimitExceeded(f"filter: more than {MAX_LOGS} events; ask for fewer blocks")
        found = [log for log in logs if parsed.matches(log)]
        sent = self._chain.transactions((first, last)) if found else {}
        hashes = {
            number: keccak(self._chain.block_header(number))
            for number in {log.block_number for log in found}
        }
        return [
            log_json(log, parsed.address, hashes[log.block_number], sent[log.block_number])
            for log in found
        ]


#: By name: the least and most parameters, and the function.
METHODS: Final[Mapping[str, tuple[int, int, Callable[..., Any]]]] = {
    "eth_chainId": (0, 0, Methods._chain_id),
    "net_version": (0, 0, Methods._version),
    "eth_blockNumber": (0, 0, Methods._block_number),
    "eth_getBlockByNumber": (1, 2, Methods._block),
    "eth_call": (1, 2, Methods._call),
    "eth_getCode": (1, 2, Methods._code),
    "eth_getLogs": (1, 1, Methods._logs),
}
