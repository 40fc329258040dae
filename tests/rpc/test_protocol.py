"""JSON-RPC 2.0 by the letter: requests, batches, notifications, errors."""

import json
from typing import Any

import pytest

from analytics_pipeline.serve.rpc import errors
from analytics_pipeline.serve.rpc.errors import LimitExceeded, RpcError
from analytics_pipeline.serve.rpc.protocol import MAX_ANSWER_BYTES, MAX_BATCH, answer


def echo(method: str, params: list[Any]) -> Any:
    """Runs three methods."""
    if method == "echo":
        return params
    if method == "long":
        return "x" * (MAX_ANSWER_BYTES // 2)
    if method == "bug":
        raise ZeroDivisionError("secret")
    raise LimitExceeded("too much", "0x01")


def ask(body: bytes | str | list[Any] | dict[str, Any]) -> Any:
    if isinstance(body, list | dict):
        body = json.dumps(body)
    given = answer(body.encode() if isinstance(body, str) else body, echo)
    return json.loads(given) if given else None


def request(identity: Any = 1, method: str = "echo", **more: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identity, "method": method, **more}


def test_a_request_is_answered_under_its_id() -> None:
    """Strings, numbers and null are ids; parameters may be left out."""
    for identity in (1, "a", 0, -1.5, None):
        assert ask(request(identity)) == {"jsonrpc": "2.0", "id": identity, "result": []}
    assert ask(request(params=[1, {"a": None}]))["result"] == [1, {"a": None}]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b"\xff", -32700),
        (b"[" * 100_000, -32700),
        (b"[]", -32600),
        (b"1", -32600),
        (b"null", -32600),
        (json.dumps({"id": 1, "method": "echo"}).encode(), -32600),
        (json.dumps(request() | {"jsonrpc": "1.0"}).encode(), -32600),
        (json.dumps(request(method=5)).encode(), -32600),  # type: ignore[arg-type]
        (json.dumps(request(identity={})).encode(), -32600),
        (json.dumps(request(identity=True)).encode(), -32600),
        (json.dumps(request(params={"a": 1})).encode(), -32602),
        (json.dumps([request()] * (MAX_BATCH + 1)).encode(), -32005),
    ],
)
def test_what_is_no_request_gets_an_error(body: bytes, code: int) -> None:
    """One error object, under the request's id where it has one."""
    given = ask(body)
    assert given["error"]["code"] == code
    assert given["jsonrpc"] == "2.0"
    assert "result" not in given
    assert given["id"] in (None, 1)


def test_errors_carry_data_and_no_secret() -> None:
    """A method's own error goes out as it is; a fault of ours says nothing but that."""
    assert ask(request(method="fails"))["error"] == {
        "code": -32005,
        "message": "too much",
        "data": "0x01",
    }
    assert ask(request(method="bug"))["error"] == {
        "code": -32603,
        "message": "an unexpected error",
    }


def test_a_batch_is_answered_in_order_without_its_notifications() -> None:
    """Each member by itself, wrong ones too; notifications never."""
    notification = {"jsonrpc": "2.0", "method": "echo"}
    given = ask([request(1), notification, 5, request(2, "fails")])
    assert [each["id"] for each in given] == [1, None, 2]
    assert [each.get("error", {}).get("code") for each in given] == [None, -32600, -32005]
    assert ask(notification) is None
    assert ask([notification, notification]) is None


def test_a_batch_cannot_ask_for_endless_answers() -> None:
    """Beyond the limit the members get an error each, and cost nothing."""
    given = ask([request(n, "long") for n in range(5)])
    assert [each.get("error", {}).get("code") for each in given] == [None, None, *[-32005] * 3]


def test_the_tree_of_errors_is_the_drawn_one() -> None:
    """Names and numbers in the module's drawing are the classes'."""
    assert errors.__doc__ is not None
    drawn = {
        line.split("── ")[1].split()[0]: int(line.split("── ")[1].split()[1])
        for line in errors.__doc__.splitlines()
        if "── " in line
    }
    assert drawn == {cls.__name__: cls.code for cls in RpcError.__subclasses__()}
