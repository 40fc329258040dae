"""Errors of the endpoint, by the numbers of JSON-RPC 2.0 (section 5.1) and EIP-1474.

RpcError                      code      means
├── ParseError              -32700      the body is no JSON
├── InvalidRequest          -32600      JSON, but no request
├── MethodNotFound          -32601      no such method
├── MethodNotSupported      -32004      a method of Ethereum nodes that this endpoint lacks
├── InvalidParams           -32602      a parameter is malformed or not offered here
├── ResourceNotFound        -32001      no such block
├── LimitExceeded           -32005      too large a range, answer, batch or call
├── InternalError           -32603      a fault of this server
├── CallFailed              -32000      the EVM stopped: out of gas, invalid code
└── ExecutionReverted            3      the contract refused; `data` is its error
"""

from typing import ClassVar


class RpcError(Exception):
    """Ends one request with an error object. ``data`` is left out where it is None."""

    code: ClassVar[int]

    def __init__(self, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.data = data

    def to_json(self) -> dict[str, object]:
        error: dict[str, object] = {"code": self.code, "message": self.message}
        return error if self.data is None else error | {"data": self.data}


class ParseError(RpcError):
    code = -32700


class InvalidRequest(RpcError):
    code = -32600


class MethodNotFound(RpcError):
    code = -32601


class MethodNotSupported(RpcError):
    code = -32004


class InvalidParams(RpcError):
    code = -32602


class ResourceNotFound(RpcError):
    code = -32001


class LimitExceeded(RpcError):
    code = -32005


class InternalError(RpcError):
    code = -32603


class CallFailed(RpcError):
    code = -32000


class ExecutionReverted(RpcError):
    code = 3
