"""Our contracts' ABIs: calldata, return values, events and custom errors by name.

Belongs here: the compiled artifacts and their encoding. Compiling is in `contracts/` (npm solc);
nothing here needs a compiler.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from analytics_pipeline.chain.interface import Log
from analytics_pipeline.core.errors import ChainError

UNKNOWN_ERROR: Final = "Unknown"


def _type_of(item: dict[str, Any]) -> str:
    """Canonical ABI type; tuples spelt out, e.g. ``(uint32,bytes32)[]``."""
    if not item["type"].startswith("tuple"):
        return str(item["type"])
    inner = ",".join(_type_of(part) for part in item["components"])
    return f"({inner}){item['type'].removeprefix('tuple')}"


@dataclass(frozen=True)
class _Entry:
    """A function, event or error: its name, id (hash of the signature) and items."""

    name: str
    id: bytes
    inputs: tuple[dict[str, Any], ...]
    outputs: tuple[str, ...]

    @property
    def input_types(self) -> list[str]:
        return [_type_of(item) for item in self.inputs]


def _entry(item: dict[str, Any]) -> _Entry:
    inputs = tuple(item.get("inputs", ()))
    signature = f"{item['name']}({','.join(_type_of(part) for part in inputs)})"
    outputs = tuple(_type_of(part) for part in item.get("outputs", ()))
    return _Entry(item["name"], bytes(keccak(signature.encode())), inputs, outputs)


class ContractAbi:
    """Encoding of one contract, from its artifact (see contracts/build.mjs)."""

    def __init__(self, artifact: dict[str, Any]) -> None:
        self.bytecode = bytes.fromhex(artifact["bytecode"][2:])
        entries: dict[str, list[_Entry]] = {"function": [], "event": [], "error": []}
        for item in artifact["abi"]:
            if item["type"] in entries:
                entries[item["type"]].append(_entry(item))
        self._functions = {entry.name: entry for entry in entries["function"]}
        self._events = {entry.id: entry for entry in entries["event"]}
        self._errors = {entry.id[:4]: entry for entry in entries["error"]}

    def deployment(self, types: list[str], arguments: list[Any]) -> bytes:
        """Creation code with constructor arguments."""
        return self.bytecode + encode(types, arguments)

    def calldata(self, function: str, *arguments: Any) -> bytes:
        entry = self._functions[function]
        return entry.id[:4] + encode(entry.input_types, arguments)

    def result(self, function: str, data: bytes) -> Any:
        """The return value, or the tuple of several. Raises ChainError, e.g. without a contract."""
        try:
            values = decode(self._functions[function].outputs, data)
        except DecodingError:
            raise ChainError(
                f"no answer to {function}(): is there a registry of this version at this address?"
            ) from None
        return values[0] if len(values) == 1 else values

    def event(self, log: Log) -> tuple[str, dict[str, Any]] | None:
        """Name and arguments of an event (indexed ones of static types only); None if unknown."""
        entry = self._events.get(log.topics[0]) if log.topics else None
        if entry is None:
            return None
        indexed = [item for item in entry.inputs if item["indexed"]]
        plain = [item for item in entry.inputs if not item["indexed"]]
        try:
            values = decode([_type_of(item) for item in plain], log.data)
            keys = [
                decode([_type_of(item)], topic)[0]
                for item, topic in zip(indexed, log.topics[1:], strict=True)
            ]
        except (DecodingError, ValueError):
            raise ChainError(f"event {entry.name} does not match the contract's ABI") from None
        names = [item["name"] for item in (*indexed, *plain)]
        return entry.name, dict(zip(names, (*keys, *values), strict=True))

    def error(self, data: bytes) -> tuple[str, dict[str, Any]]:
        """Name and arguments of a custom error; `UNKNOWN_ERROR` for anything else."""
        entry = self._errors.get(data[:4])
        if entry is None:
            return UNKNOWN_ERROR, {}
        try:
            values = decode(entry.input_types, data[4:])
        except DecodingError:
            return UNKNOWN_ERROR, {}
        names = [item["name"] for item in entry.inputs]
        return entry.name, dict(zip(names, values, strict=True))


@cache
def _abi(contract: str) -> ContractAbi:
    file = resources.files("analytics_pipeline.chain") / "artifacts" / f"{contract}.json"
    return ContractAbi(json.loads(file.read_text(encoding="utf-8")))


def registry_abi() -> ContractAbi:
    """The registry."""
    return _abi("ViewershipRegistry")


def honk_abi() -> ContractAbi:
    """The verifier of releases that asks generated verifiers."""
    return _abi("HonkReleaseVerifier")


def checker_abi() -> ContractAbi:
    """The contract that compares whole reports with the registry's records."""
    return _abi("ReportChecker")
