"""docs/verify.md, "A number by hand": its commands, run as printed, against a served site."""

import re
import subprocess
from pathlib import Path

import pytest
from eth_utils.crypto import keccak

from analytics_pipeline.chain.abi import registry_abi
from analytics_pipeline.core.chain_values import platform_id
from tests.browser_verify.scenarios import RELEASED
from tests.support.world import DAYS, PLATFORM

PAGE = (Path(__file__).parents[2] / "docs" / "verify.md").read_text("utf-8")
BY_HAND = PAGE.split("<!-- by hand:")[1].split("<!-- end of by hand -->")[0]
COMMANDS = "\n".join(re.findall(r"```bash\n(.*?)```", BY_HAND, re.DOTALL))


def run_by_hand(url: str, folder: Path, change: str = "") -> dict[str, str]:
    """What the commands print, by the words before it.

    Args:
        change: a command between asking for the figure and looking at it.
    """
    given = f"API={url} RPC={url}/rpc DAY={DAYS[1]} WHICH='scope=region&key=DE&metric=viewers'\n"
    commands = COMMANDS.replace("\nROW=", f"\n{change}\nROW=", 1)
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", given + commands],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    lines = [re.split(r" {2,}| (?=\w{64})", line, maxsplit=1) for line in ran.stdout.splitlines()]
    return {line[0]: line[-1] for line in lines}


@pytest.mark.slow
def test_the_commands_verify_a_served_figure(upstream: str, tmp_path: Path) -> None:
    """Root, history and report agree, with curl, sha256sum and jq alone."""
    said = run_by_hand(upstream, tmp_path)
    assert re.fullmatch("[0-9a-f]{64}", said["root of the figure"])
    assert said["root of the figure"] == said["root on record"]
    assert said["head of registry"] == said["head of records"]
    assert said["report's CID"] == said["CID on record"]
    assert said["the row is in the report"]


@pytest.mark.slow
def test_the_commands_notice_another_value(upstream: str, tmp_path: Path) -> None:
    """A figure that the server altered leads to another root, and is in no report."""
    altered = "FIGURE=$(jq '.value += 1' <<< \"$FIGURE\")"
    said = run_by_hand(upstream, tmp_path, altered)
    assert said["root of the figure"] != said["root on record"]
    assert said["report's CID"] == said["CID on record"]
    assert "the row is in the report" not in said


def test_constants_are_what_they_are_called() -> None:
    """Platform id, event and function of the commands are the contract's."""
    assert f"PLATFORM_ID=0x{platform_id(PLATFORM).hex()}" in COMMANDS
    assert f"RELEASED=0x{RELEASED.hex()}" in COMMANDS
    selector = registry_abi().calldata("headOf", bytes(32))[:4]
    assert f"0x{selector.hex()}${{PLATFORM_ID:2}}" in COMMANDS


def test_signatures_for_cast_are_the_contracts() -> None:
    """Every function and event that a `cast` line names is in the ABI, with these very types."""
    functions = re.findall(r"cast call \$REGISTRY '([^']+)'", PAGE)
    events = re.findall(r"cast logs .*? '([^']+)'", PAGE)
    assert (len(functions), len(events)) == (2, 2)
    abi = registry_abi()
    for text in functions:
        signature = _inputs_of(text)
        name = signature.partition("(")[0]
        entry = abi._functions[name]
        assert keccak(signature.encode()) == entry.id
        assert text == signature + f"({','.join(entry.outputs)})"
    for text in events:
        signature = re.sub(r" indexed \w+| record", "", text).replace(", ", ",")
        assert keccak(signature.encode()) in abi._events


def _inputs_of(text: str) -> str:
    """A function's name and inputs: up to the bracket that closes the first one."""
    depth = 0
    for place, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == ")" and depth == 0:
            return text[: place + 1]
    raise AssertionError(text)
