"""spec/proof-circuit.md names every column of the circuit, and its numbers are right."""

import json
import re
import subprocess
import sys
from pathlib import Path

from analytics_pipeline.proving import artifacts
from tests.proving.circuit_world import SHARDED, main_circuit, names, shard_circuit

PAGE = (Path(__file__).parents[2] / "spec" / "proof-circuit.md").read_text("utf-8")
ARTIFACTS = Path(artifacts.__file__).with_suffix("") / "development"


def test_every_column_is_explained() -> None:
    """In the act of the part that makes it, under the name it has in the code."""
    acts = {
        part: text
        for text in re.split(r"\n(?=## )", PAGE)
        for part in re.findall(r"`(\w+)`", text.splitlines()[0])
    }
    for circuit in (main_circuit(SHARDED), shard_circuit(SHARDED)):
        for name in names(circuit).columns:
            method, label = name.split(" #")[0].split(": ")
            label = label.split(" (")[0]
            assert f"`{label}`" in acts[method.split(".")[0]], name


def test_every_constraint_has_its_rule() -> None:
    """Methods that do nothing but constrain are named where their rule is."""
    program = names(main_circuit(SHARDED))
    methods = {maker.split(".")[1] for maker in program.makers}
    for method in methods - {"__init__", "get", "_add_shards"}:
        assert f"`{method}`" in PAGE, method


def test_the_example_runs() -> None:
    program = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert program is not None
    done = subprocess.run(
        [sys.executable, "-c", program[1]], capture_output=True, text=True, check=True
    )
    assert done.stdout == "0\n"


def test_the_cost_of_published_shapes() -> None:
    """The formula of the page is within 5 % of what bb counted."""
    formula = re.search(
        r"([\d.]+)·rows \+ ([\d,]+)·videos \+ (\d+)·creators \+ (\d+)·regions \+ ([\d,]+)", PAGE
    )
    assert formula is not None
    row, video, creator, region, once = (float(part.replace(",", "")) for part in formula.groups())
    found = 0
    for path in ARTIFACTS.glob("rows*.json"):
        gates = json.loads(path.read_bytes())["gates"]
        sizes = dict(re.findall(r"(rows|videos|creators)(\d+)", path.stem))
        rows, videos, creators = (int(sizes[name]) for name in ("rows", "videos", "creators"))
        expected = row * rows + video * videos + creator * creators + region * 250 + once
        assert abs(expected / gates - 1) < 0.05, path.stem
        found += 1
    assert found >= 5
