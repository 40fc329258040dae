"""The methods over a real embedded chain: right answers, and refusals with their numbers."""

import json
from typing import Any

import pytest
from eth_utils.crypto import keccak

from analytics_pipeline.chain.abi import honk_abi, registry_abi
from analytics_pipeline.chain.deploy import NOBODY, honk_creation
from analytics_pipeline.chain.embedded import EmbeddedChain, development_account
from analytics_pipeline.chain.headers import encode_header
from analytics_pipeline.core.chain_values import platform_id
from analytics_pipeline.core.record import DEVELOPMENT_CHAIN_ID
from analytics_pipeline.serve.rpc import methods as limits
from analytics_pipeline.serve.rpc.errors import ExecutionReverted, RpcError
from analytics_pipeline.serve.rpc.methods import Methods
from analytics_pipeline.serve.rpc.protocol import answer
from tests.rpc.conftest import Deployment
from tests.support.world import PLATFORM

TOPIC = "0x" + platform_id(PLATFORM).hex()


def ask(methods: Methods, method: str, *params: Any) -> Any:
    return methods.run(method, list(params))


def head_call(deployment: Deployment) -> dict[str, str]:
    data = registry_abi().calldata("headOf", platform_id(PLATFORM))
    return {"to": deployment.world.registry, "data": "0x" + data.hex()}


def test_chain_and_block_number(methods: Methods, chain: EmbeddedChain) -> None:
    assert int(ask(methods, "eth_chainId"), 16) == DEVELOPMENT_CHAIN_ID
    assert ask(methods, "net_version") == str(DEVELOPMENT_CHAIN_ID)
    assert int(ask(methods, "eth_blockNumber"), 16) == chain.block_number()


def test_a_block_hashes_to_its_hash(methods: Methods, chain: EmbeddedChain) -> None:
    """A strict client computes each block's hash from the fields, which are all there."""
    newest = chain.block_number()
    previous = None
    for number in range(newest + 1):
        block = ask(methods, "eth_getBlockByNumber", hex(number), False)
        assert encode_header(block) == chain.block_header(number)
        assert block["parentHash"] == (previous or block["parentHash"])
        assert len(block["transactions"]) == len(chain.transactions((number, number)))
        assert int(block["size"], 16) > 500
        previous = block["hash"]
    for tag in ("latest", "safe", "finalized", "pending"):
        assert ask(methods, "eth_getBlockByNumber", tag, False)["hash"] == previous
    assert ask(methods, "eth_getBlockByNumber", "earliest")["number"] == "0x0"
    assert ask(methods, "eth_getBlockByNumber", hex(newest + 1), False) is None


def test_transactions_of_a_block_have_receipts(methods: Methods, chain: EmbeddedChain) -> None:
    """The hashes are those the chain knows the transactions by."""
    sent = chain.transactions((0, chain.block_number()))
    assert sent
    for number, transaction in sent.items():
        (shown,) = ask(methods, "eth_getBlockByNumber", hex(number), False)["transactions"]
        assert bytes.fromhex(shown[2:]) == transaction
        receipt = chain.receipt(transaction)
        assert receipt is not None
        assert receipt.block_number == number


def test_a_call_answers_as_of_its_block(
    methods: Methods, deployment: Deployment, chain: EmbeddedChain
) -> None:
    """The head now, as of each record's block, and before the platform was opened."""
    call = head_call(deployment)
    assert ask(methods, "eth_call", call) == "0x" + deployment.world.head.hex()
    for tag in ("latest", "pending", "safe", {"blockNumber": hex(chain.block_number())}):
        assert ask(methods, "eth_call", call, tag) == "0x" + deployment.world.head.hex()
    for record in deployment.world.records:
        then = ask(methods, "eth_call", call, hex(record.block_number))
        assert then == "0x" + record.head.hex()
    assert ask(methods, "eth_call", call, "earliest") == "0x"
    both = call | {"input": call["data"], "from": NOBODY, "gas": "0x100000", "value": "0x0"}
    assert ask(methods, "eth_call", both) == "0x" + deployment.world.head.hex()


def test_code_is_that_of_the_block(
    methods: Methods, deployment: Deployment, chain: EmbeddedChain
) -> None:
    code = ask(methods, "eth_getCode", deployment.world.registry, "latest")
    assert bytes.fromhex(code[2:]) == chain.code(deployment.world.registry)
    assert len(code) > 1000
    assert ask(methods, "eth_getCode", deployment.world.registry, "0x0") == "0x"
    assert ask(methods, "eth_getCode", development_account().address) == "0x"


def test_a_refusal_carries_the_contracts_error(methods: Methods, deployment: Deployment) -> None:
    """A revert has code 3 and the ABI's error, as nodes answer it."""
    data = registry_abi().calldata("pause")
    with pytest.raises(ExecutionReverted) as caught:
        ask(methods, "eth_call", {"to": deployment.world.registry, "input": "0x" + data.hex()})
    assert caught.value.code == 3
    assert caught.value.data is not None
    name, _ = registry_abi().error(bytes.fromhex(caught.value.data[2:]))
    assert name == "OwnableUnauthorizedAccount"


def test_the_published_verifiers_constructor_may_run(methods: Methods) -> None:
    """What `verify` asks for: the code a verifier with these arguments would have."""
    creation = honk_creation([], [], NOBODY, development_setup=True, circuits=bytes(32))
    assert creation.startswith(honk_abi().bytecode)
    with pytest.raises(ExecutionReverted):  # a verifier of no shape is none
        ask(methods, "eth_call", {"data": "0x" + creation.hex()})


def logs(methods: Methods, deployment: Deployment, **query: Any) -> list[dict[str, Any]]:
    whole = {"address": deployment.world.registry, "fromBlock": "earliest", "toBlock": "latest"}
    found = ask(methods, "eth_getLogs", whole | query)
    assert isinstance(found, list)
    return found


def test_logs_are_the_records(
    methods: Methods, deployment: Deployment, chain: EmbeddedChain
) -> None:
    """Every record has its event, in order, with the head after it as fourth topic."""
    names = [
        "0x" + keccak(entry.encode()).hex()
        for entry in (
            "Committed(bytes32,uint32,bytes32,((uint32,uint32,bytes32,bytes32,bytes32,bytes32,"
            "bytes32),(uint64,uint64,address)))",
            "Released(bytes32,uint32,bytes32,((uint32,uint32,bytes32,bytes,bytes,uint64,bytes32),"
            "(uint64,bytes32),(uint64,uint64,address)))",
        )
    ]
    found = logs(methods, deployment, topics=[names, TOPIC])
    records = deployment.world.records
    assert [log["topics"][3] for log in found] == ["0x" + each.head.hex() for each in records]
    assert [int(log["blockNumber"], 16) for log in found] == [r.block_number for r in records]
    for log in found:
        block = ask(methods, "eth_getBlockByNumber", log["blockNumber"], False)
        assert log["blockHash"] == block["hash"]
        assert block["transactions"] == [log["transactionHash"]]
        assert (log["removed"], log["transactionIndex"]) == (False, "0x0")
        assert log["address"] == deployment.world.registry.lower()


def test_log_filters(methods: Methods, deployment: Deployment, chain: EmbeddedChain) -> None:
    """By any place of the topics, by alternatives, by blocks."""
    everything = logs(methods, deployment)
    assert len(everything) > len(logs(methods, deployment, topics=[None, TOPIC]))
    assert logs(methods, deployment, topics=[None, [TOPIC, "0x" + "11" * 32]]) == logs(
        methods, deployment, topics=[[], TOPIC]
    )
    assert logs(methods, deployment, topics=[None, "0x" + "11" * 32]) == []
    assert logs(methods, deployment, topics=[None, None, None, None])
    assert logs(methods, deployment, address=[deployment.world.registry]) == everything
    assert logs(methods, deployment, address=development_account().address) == []
    block = everything[-1]["blockNumber"]
    assert logs(methods, deployment, fromBlock=block, toBlock=block)[-1] == everything[-1]
    beyond = hex(chain.block_number() + 10)
    assert logs(methods, deployment, fromBlock=beyond, toBlock=beyond) == []
    assert logs(methods, deployment, toBlock=beyond) == everything


def test_log_limits(
    methods: Methods, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too many blocks or events: -32005, which clients answer by asking for fewer blocks."""
    monkeypatch.setattr(limits, "MAX_LOGS", 3)
    with pytest.raises(RpcError) as caught:
        logs(methods, deployment)
    assert caught.value.code == -32005
    monkeypatch.setattr(limits, "MAX_LOG_BLOCKS", 3)
    with pytest.raises(RpcError) as caught:
        logs(methods, deployment)
    assert caught.value.code == -32005
    assert len(logs(methods, deployment, fromBlock="latest")) <= 3


WHOLE = {"fromBlock": "0x0", "toBlock": "latest"}


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("eth_sendRawTransaction", ["0x00"], -32004),
        ("eth_sendTransaction", [{}], -32004),
        ("eth_sign", [], -32004),
        ("eth_subscribe", ["logs"], -32004),
        ("evm_mine", [], -32601),
        ("anvil_setBalance", [], -32601),
        ("", [], -32601),
        ("eth_chainId", [1], -32602),
        ("eth_getBlockByNumber", [], -32602),
        ("eth_getBlockByNumber", ["0x0", True], -32602),
        ("eth_getBlockByNumber", ["0x00", False], -32602),
        ("eth_getBlockByNumber", [1, False], -32602),
        ("eth_getBlockByNumber", ["0x" + "11" * 32, False], -32602),
        ("eth_getBlockByNumber", ["newest", False], -32602),
        ("eth_call", [{"to": NOBODY}, "0xfffff"], -32001),
        ("eth_getCode", [NOBODY, "0xfffff"], -32001),
        ("eth_getCode", ["0x00"], -32602),
        ("eth_call", [{"to": "0x" + "00" * 19 + "05", "data": "0x"}], -32602),
        ("eth_call", [{"data": "0x5b600056"}], -32602),
        ("eth_call", [{}], -32602),
        ("eth_call", ["0x"], -32602),
        ("eth_call", [{"to": NOBODY, "data": "0x0"}], -32602),
        ("eth_call", [{"to": NOBODY, "value": "0x1"}], -32602),
        ("eth_call", [{"to": NOBODY, "data": "0x01", "input": "0x02"}], -32602),
        ("eth_call", [{"to": NOBODY}, {"blockHash": "0x" + "11" * 32}], -32602),
        ("eth_call", [{"to": NOBODY}, "latest", {}], -32602),
        ("eth_getLogs", [{}], -32602),
        ("eth_getLogs", [{"address": NOBODY, "topics": "0x"}], -32602),
        ("eth_getLogs", [{"address": NOBODY, "topics": ["0x12"]}], -32602),
        ("eth_getLogs", [{"address": NOBODY, "topics": [None] * 5}], -32602),
        ("eth_getLogs", [{"address": NOBODY, "topics": [[NOBODY] * 101]}], -32602),
        ("eth_getLogs", [{"address": [NOBODY, NOBODY]}], -32602),
        ("eth_getLogs", [{"address": NOBODY, "blockHash": "0x" + "11" * 32}], -32602),
        ("eth_getLogs", [{"address": NOBODY, "fromBlock": -1}], -32602),
        ("eth_getLogs", [{"address": NOBODY}, 1], -32602),
    ],
)
def test_refusals(methods: Methods, method: str, params: list[Any], code: int) -> None:
    """Each has its number, and words for whoever reads them."""
    with pytest.raises(RpcError) as caught:
        methods.run(method, params)
    assert caught.value.code == code
    assert caught.value.message


def test_a_call_cannot_run_for_ever(
    deployment: Deployment, methods: Methods, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call gets so much gas and no more, whatever it asks for."""
    call = head_call(deployment)
    for gas in ("0x0", "0x5500"):  # less than it takes to begin, and to end
        with pytest.raises(RpcError) as caught:
            ask(methods, "eth_call", call | {"gas": gas})
        assert caught.value.code == -32000
    greedy = call | {"gas": "0xffffffffffffffff"}
    assert ask(methods, "eth_call", greedy) == "0x" + deployment.world.head.hex()
    monkeypatch.setattr(limits, "MAX_CALL_GAS", 0x5500)
    with pytest.raises(RpcError, match="at most 21760 gas"):
        ask(methods, "eth_call", greedy)


def test_the_calls_of_a_batch_cannot_run_for_ever(
    deployment: Deployment, chain: EmbeddedChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Together they get so much gas, what failed included; the rest of the batch is answered."""
    call = {"method": "eth_call", "params": [head_call(deployment)]}
    failing = {"method": "eth_call", "params": [head_call(deployment) | {"gas": "0x5500"}]}
    number = {"method": "eth_blockNumber", "params": []}

    def answers_to(*requests: dict[str, Any]) -> list[dict[str, Any]]:
        batch = [{"jsonrpc": "2.0", "id": 1, **request} for request in requests]
        found: list[dict[str, Any]] = json.loads(
            answer(json.dumps(batch).encode(), Methods(chain).run)
        )
        return found

    assert all("result" in each for each in answers_to(call, call, number))
    for first in (call, failing):
        monkeypatch.setattr(limits, "MAX_BATCH_GAS", 0x5500)
        _, refused, other = answers_to(first, call, number)
        assert refused["error"]["code"] == -32005
        assert "21760 gas" in refused["error"]["message"]
        assert "result" in other


def test_nothing_is_left_behind(methods: Methods, chain: EmbeddedChain) -> None:
    """No method of the table writes: asking all of them leaves block and nonce as they were."""
    account = development_account().address
    before = chain.block_number(), chain.nonce(account)
    for name in limits.METHODS:
        for params in ([], ["latest"], [account], [{"address": account}]):
            try:
                methods.run(name, params)
            except RpcError:
                continue
    assert (chain.block_number(), chain.nonce(account)) == before
