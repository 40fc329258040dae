"""Values as JSON-RPC writes them: ``0x41`` is a quantity, ``0x0041`` are data.

Belongs here: strict parsers (each names its parameter) and the forms of logs and blocks. Source:
ethereum/execution-apis. Does not belong here: the chain.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from eth_utils.address import to_checksum_address

from analytics_pipeline.chain.interface import Call, Log
from analytics_pipeline.serve.rpc.errors import InvalidParams

NOBODY: Final = "0x" + "00" * 20
_QUANTITY: Final = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]{0,15})")
_DATA: Final = re.compile(r"0x([0-9a-fA-F]{2})*")
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_HASH: Final = re.compile(r"0x[0-9a-fA-F]{64}")
_MAX_TOPICS: Final = 4
_MAX_ALTERNATIVES: Final = 100

#: What each place of the topics may be; None: anything.
Topics = tuple[frozenset[bytes] | None, ...]


@dataclass(frozen=True)
class LogQuery:
    """A filter of `eth_getLogs`, whose ends are still as they were given."""

    address: str
    topics: Topics
    first: Any
    last: Any

    def matches(self, log: Log) -> bool:
        if len(log.topics) < len(self.topics):
            return False
        pairs = zip(self.topics, log.topics, strict=False)
        return all(wanted is None or topic in wanted for wanted, topic in pairs)


def parse_quantity(value: Any, name: str) -> int:
    """A number below 2⁶⁴, without leading zeros."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise InvalidParams(f"{name}: must be a quantity such as 0x1b")
    return int(value, 16)


def parse_data(value: Any, name: str) -> bytes:
    if not isinstance(value, str) or not _DATA.fullmatch(value):
        raise InvalidParams(f"{name}: must be data, 0x and two hex digits a byte")
    return bytes.fromhex(value[2:])


def parse_address(value: Any, name: str) -> str:
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise InvalidParams(f"{name}: must be an address, 0x and 40 hex digits")
    return to_checksum_address(value)


def parse_block(value: Any, newest: int) -> int | None:
    """Number of the block a tag, a quantity or an object of EIP-1898 names; None: pending.

    Args:
        newest: number of the newest block, which is final here too.
    """
    if isinstance(value, dict) and value.keys() == {"blockNumber"}:
        value = value["blockNumber"]
    if value == "pending":
        return None
    if value in ("latest", "safe", "finalized"):
        return newest
    if value == "earliest":
        return 0
    if isinstance(value, dict) or (isinstance(value, str) and _HASH.fullmatch(value)):
        raise InvalidParams("block: name blocks by their numbers here, not by their hashes")
    return parse_quantity(value, "block")


def parse_call(value: Any) -> tuple[Call, int | None]:
    """The call of `eth_call`, and the gas it asks for. Fees are ignored: nobody pays."""
    if not isinstance(value, dict):
        raise InvalidParams("call: must be an object")
    if value.get("value") not in (None, "0x0"):
        raise InvalidParams("call.value: calls carry no ether here")
    to = value.get("to")
    sender = value.get("from")
    data, same = value.get("input"), value.get("data")
    if data is not None and same is not None and data != same:
        raise InvalidParams("call: input and data differ")
    given = next((each for each in (data, same) if each is not None), "0x")
    gas = value.get("gas")
    return (
        Call(
            NOBODY if sender is None else parse_address(sender, "call.from"),
            None if to is None else parse_address(to, "call.to"),
            parse_data(given, "call.input"),
        ),
        None if gas is None else parse_quantity(gas, "call.gas"),
    )


def parse_log_query(value: Any) -> LogQuery:
    if not isinstance(value, dict):
        raise InvalidParams("filter: must be an object")
    if "blockHash" in value:
        raise InvalidParams("filter.blockHash: give fromBlock and toBlock instead")
    address = value.get("address")
    if isinstance(address, list) and len(address) == 1:
        address = address[0]
    topics = value.get("topics")
    topics = [] if topics is None else topics
    if not isinstance(topics, list) or len(topics) > _MAX_TOPICS:
        raise InvalidParams(f"filter.topics: must be a list of at most {_MAX_TOPICS}")
    return LogQuery(
        parse_address(address, "filter.address (of one contract)"),
        tuple(_parse_topic(topic, f"filter.topics[{i}]") for i, topic in enumerate(topics)),
        _or_latest(value.get("fromBlock")),
        _or_latest(value.get("toBlock")),
    )


def _or_latest(value: Any) -> Any:
    return "latest" if value is None else value


def _parse_topic(value: Any, name: str) -> frozenset[bytes] | None:
    if value is None or value == []:
        return None
    choices = value if isinstance(value, list) else [value]
    if len(choices) > _MAX_ALTERNATIVES:
        raise InvalidParams(f"{name}: at most {_MAX_ALTERNATIVES} alternatives")
    for choice in choices:
        if not isinstance(choice, str) or not _HASH.fullmatch(choice):
            raise InvalidParams(f"{name}: must be null, 32 bytes, or a list of them")
    return frozenset(bytes.fromhex(choice[2:]) for choice in choices)


def data_text(value: bytes) -> str:
    return "0x" + value.hex()


def log_json(log: Log, address: str, block_hash: bytes, transaction: bytes) -> dict[str, Any]:
    """A log as `eth_getLogs` gives it. A block of this chain has one transaction at most."""
    return {
        "address": address.lower(),
        "topics": [data_text(topic) for topic in log.topics],
        "data": data_text(log.data),
        "blockNumber": hex(log.block_number),
        "blockHash": data_text(block_hash),
        "transactionHash": data_text(transaction),
        "transactionIndex": "0x0",
        "logIndex": hex(log.log_index),
        "removed": False,
    }


def block_json(header: dict[str, str], transactions: list[bytes], size: int) -> dict[str, Any]:
    """A block as `eth_getBlockByNumber` gives it, its transactions by their hashes."""
    return {
        **header,
        "size": hex(size),
        "transactions": [data_text(each) for each in transactions],
        "uncles": [],
        "withdrawals": [],
    }
