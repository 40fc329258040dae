"""Documents that would be wrong without anybody noticing, were it not for these tests."""

import re
import subprocess
import sys
from pathlib import Path

from analytics_pipeline.core.chain_values import platform_id
from analytics_pipeline.core.record import build_evidence, parse_evidence
from benchmarks.chain import markdown, measure

ROOT = Path(__file__).parents[2]
SPEC = (ROOT / "spec" / "record.md").read_text(encoding="utf-8")


def test_the_worked_example_is_true() -> None:
    """spec/record.md: the file parses, and every hash and preimage shown is the real one."""
    example = re.search(r"```json\n(.*)\n```", SPEC)
    assert example is not None
    evidence = parse_evidence(example[1].encode())
    assert build_evidence(evidence) == example[1].encode()
    shown = re.findall(r"^(?:[a-z ]+  )?([0-9a-f]{64})", SPEC, flags=re.MULTILINE)
    expected = [platform_id(evidence.platform).hex(), evidence.genesis.hex()]
    for record in evidence.records:
        data = record.preimage
        expected += [data[i : i + 32].hex() for i in range(0, len(data), 32)]
        expected.append(record.head.hex())
    assert shown == expected


def test_the_gas_table_is_current() -> None:
    """docs/chain.md has every measured operation, within one per cent."""
    text = (ROOT / "docs" / "chain.md").read_text(encoding="utf-8")
    documented = _rows(text)
    measured = _rows(markdown(measure()))
    assert measured.keys() <= documented.keys()
    for operation, gas in measured.items():
        assert abs(documented[operation] - gas) <= gas / 100, operation


def _rows(text: str) -> dict[str, int]:
    rows = re.findall(r"^\| ([^|]+) \| ([\d,]+) \| [\d,]+ \|$", text, flags=re.MULTILINE)
    return {operation: int(gas.replace(",", "")) for operation, gas in rows}


def test_reading_needs_the_base_install_only() -> None:
    """Without the pipeline's packages the reading client imports, and the embedded chain says
    what is missing."""
    code = """
import sys
for name in ("sqlalchemy", "eth", "eth_tester", "coincurve", "dagster", "duckdb", "polars"):
    sys.modules[name] = None
from analytics_pipeline.chain.client import open_chain, open_registry
import analytics_pipeline.chain.rpc
from analytics_pipeline.core.errors import ChainError
try:
    open_chain("nowhere.sqlite")
except ChainError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert "[pipeline]" in done.stdout
