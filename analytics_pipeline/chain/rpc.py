"""Any EVM chain behind a JSON-RPC URL, with deadlines.

Belongs here: the `Chain` interface over web3's HTTP provider. Does not belong here: our contract.
The preflight runs on the ``pending`` block where the node offers one; a node that answers it with
the newest block only makes the publisher wait for one more block.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import requests
from web3 import HTTPProvider, Web3
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3Exception
from web3.types import TxParams

from analytics_pipeline.chain.headers import encode_header
from analytics_pipeline.chain.interface import (
    BlockNotReached,
    Call,
    CallReverted,
    ChainUnreachable,
    Fees,
    Log,
    Receipt,
    TransactionRejected,
)
from analytics_pipeline.core.errors import ChainError

T = TypeVar("T")

_DEFAULT_TIP_WEI: Final = 10**9
_FIRST_SPAN: Final = 10_000
_PAUSE_SECONDS: Final = 0.3
_BLOCK_PAUSE_SECONDS: Final = 1.0
# What nodes say of a transaction that they have, whose nonce is used or better paid, or whose
# fee is too low for now (the publisher raises it).
_SETTLED: Final = (
    "already known",
    "already imported",
    "known transaction",
    "nonce too low",
    "underpriced",
    "less than block base fee",
)


class RpcChain:
    """`Chain` over JSON-RPC.

    Args:
        url: HTTP(S) endpoint; it may carry a key, so it never appears in errors.
        timeout_seconds: deadline of one request.
    """

    instant = False

    def __init__(self, url: str, *, timeout_seconds: float = 20.0) -> None:
        self._session = requests.Session()
        provider = HTTPProvider(
            url,
            request_kwargs={"timeout": timeout_seconds},
            session=self._session,
            exception_retry_configuration=None,
        )
        self._provider = provider
        self._eth = Web3(provider).eth
        self._span = _FIRST_SPAN
        self.chain_id = int(self._ask("eth_chainId", lambda: self._eth.chain_id))

    def _ask(self, method: str, request: Callable[[], T]) -> T:
        """Run a read; once more after a broken connection or a busy node.

        Raises:
            CallReverted, ChainUnreachable, ChainError: see `interface`.
        """
        for last in (False, False, True):
            try:
                return request()
            except ContractLogicError as error:
                raise CallReverted(_revert_data(error)) from None
            except requests.ConnectionError as error:
                if last:
                    kind = type(error).__name__
                    raise ChainUnreachable(f"{method}: no connection ({kind})") from None
            except requests.RequestException as error:
                status = error.response.status_code if error.response is not None else 0
                if last or status not in (429, 502, 503):
                    what = f"HTTP {status}" if status else type(error).__name__
                    raise ChainError(f"{method}: {what}") from None
            except Web3Exception as error:
                raise ChainError(f"{method}: {_said(error)}") from None
            time.sleep(_PAUSE_SECONDS)
        raise ChainError(f"{method}: no answer")

    def block_number(self) -> int:
        return int(self._ask("eth_blockNumber", lambda: self._eth.block_number))

    def wait_for_block(self, number: int, stall_seconds: float) -> None:
        newest, grown_at = self.block_number(), time.monotonic()
        while newest < number:
            if time.monotonic() - grown_at > stall_seconds:
                raise BlockNotReached(
                    f"block {number}: the chain stands at {newest} since {stall_seconds:g} seconds"
                    " (a node that mines on demand needs a block time)"
                )
            time.sleep(_BLOCK_PAUSE_SECONDS)
            before, newest = newest, self.block_number()
            if newest > before:
                grown_at = time.monotonic()

    def block_header(self, number: int) -> bytes:
        # web3's own formatting drops fields and refuses some chains' extraData: read it raw.
        method: Any = "eth_getBlockByNumber"
        request = partial(self._provider.make_request, method, [hex(number), False])
        block = self._ask(method, request).get("result")
        if not isinstance(block, dict):
            raise ChainError(f"{method}: no block {number}")
        return encode_header(block)

    def call(self, call: Call, block_number: int | None = None) -> bytes:
        at: Any = "pending" if block_number is None else block_number
        return bytes(self._ask("eth_call", lambda: self._eth.call(_params(call), at)))

    def estimate_gas(self, call: Call) -> int:
        return int(
            self._ask("eth_estimateGas", lambda: self._eth.estimate_gas(_params(call), "pending"))
        )

    def code(self, address: str, block_number: int | None = None) -> bytes:
        to: Any = address
        at: Any = "latest" if block_number is None else block_number
        return bytes(self._ask("eth_getCode", lambda: self._eth.get_code(to, at)))

    def nonce(self, address: str) -> int:
        who: Any = address
        request: Callable[[], int] = partial(self._eth.get_transaction_count, who, "latest")
        return int(self._ask("eth_getTransactionCount", request))

    def fees(self) -> Fees:
        history = self._ask("eth_feeHistory", lambda: self._eth.fee_history(1, "latest"))
        try:
            tip = int(self._ask("eth_maxPriorityFeePerGas", lambda: self._eth.max_priority_fee))
        except ChainUnreachable:
            raise
        except ChainError:
            tip = _DEFAULT_TIP_WEI  # the method is optional for nodes
        tip = max(tip, 1)
        return Fees(max_fee=2 * int(history["baseFeePerGas"][-1]) + tip, tip=tip)

    def send(self, raw: bytes) -> None:
        # No retry here: the publisher rebroadcasts the same bytes from its outbox.
        try:
            self._eth.send_raw_transaction(raw)
        except requests.RequestException as error:
            raise TransactionRejected(type(error).__name__, settled=True) from None
        except Web3Exception as error:
            reason = _said(error)
            settled = any(words in reason.lower() for words in _SETTLED)
            raise TransactionRejected(reason, settled=settled) from None

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        wanted: Any = transaction_hash

        def request() -> Receipt | None:
            try:
                got = self._eth.get_transaction_receipt(wanted)
            except TransactionNotFound:
                return None
            return Receipt(int(got["blockNumber"]), got["status"] == 1, int(got["gasUsed"]))

        return self._ask("eth_getTransactionReceipt", request)

    def logs(self, address: str, topic1: bytes, blocks: Sequence[int]) -> list[Log]:
        """Providers limit the range by blocks (50 to 10,000) or by results: halve it on an error,
        double it on success."""
        first, last = blocks[0], blocks[-1]
        found: list[Log] = []
        while first <= last:
            until = min(first + self._span - 1, last)
            query: Any = {
                "address": address,
                "topics": [None, "0x" + topic1.hex()],
                "fromBlock": first,
                "toBlock": until,
            }
            try:
                raw = self._ask("eth_getLogs", partial(self._eth.get_logs, query))
            except ChainUnreachable:
                raise
            except ChainError:
                if until == first:
                    raise
                self._span = max(1, (until - first + 1) // 2)
                continue
            found += [
                Log(
                    int(log["blockNumber"]),
                    int(log["logIndex"]),
                    tuple(bytes(topic) for topic in log["topics"]),
                    bytes(log["data"]),
                )
                for log in raw
            ]
            first = until + 1
            self._span = min(_FIRST_SPAN, self._span * 2)
        return sorted(found, key=lambda log: (log.block_number, log.log_index))

    def close(self) -> None:
        self._session.close()


def _params(call: Call) -> TxParams:
    params: Any = {"from": call.sender, "data": "0x" + call.data.hex()}
    if call.to is not None:
        params["to"] = call.to
    return params  # type: ignore[no-any-return]


def _revert_data(error: ContractLogicError) -> bytes:
    data = error.data
    if isinstance(data, dict):  # some nodes wrap it
        data = data.get("data")
    if not isinstance(data, str) or not data.startswith("0x"):
        return b""
    return bytes.fromhex(data[2:])


def _said(error: Web3Exception) -> str:
    """The node's own words, short."""
    response = getattr(error, "rpc_response", None) or {}
    inner = response.get("error") or {}
    message = inner.get("message") if isinstance(inner, dict) else None
    return str(message or type(error).__name__)[:200]
