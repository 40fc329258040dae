"""The browser's counting and the simulator's are one: held against each other on the recordings."""

from pathlib import Path
from typing import Any

import pytest

from analytics_pipeline.simulator.shapes import default_recordings, load_shapes
from analytics_pipeline.simulator.summaries import count_view
from tests.sdk.support import install_sdk, run_in, run_node

#: one device per recording; its clock shows the time of the event that is told
COUNT = """
import { readFileSync } from "node:fs";
const { Aggregate, Memory } = await import(process.argv[1]);
const answers = [];
for (const line of readFileSync(process.argv[2], "utf8").trim().split("\\n")) {
  const { events } = JSON.parse(line);
  let now = events[0].at_ms;
  Date.now = () => now;
  const sent = [];
  const aggregate = new Aggregate(new Memory("demo", false), (each) => sent.push(each), () => {});
  for (const event of events) {
    now = event.at_ms;
    aggregate.record({ seq: 0, provider: "unknown", ...event });
  }
  aggregate.flush();
  answers.push(sent);
}
console.log(JSON.stringify(answers));
process.exit(0);
"""
TOTALS = ("watched_ms", "stalled_ms", "position_ms", "startup_ms", "provider")


@pytest.mark.node
def test_browser_and_simulator_count_alike(tmp_path: Path) -> None:
    """Every recording gives the same totals in TypeScript and in Python, or no summary in both."""
    sdk = install_sdk(tmp_path)
    entry = 'export * from "./src/aggregate.ts"; export * from "./src/memory.ts";'
    (sdk / "entry.ts").write_text(entry)
    esbuild = str(sdk / "node_modules" / "esbuild" / "bin" / "esbuild")
    run_in(sdk, esbuild, "entry.ts", "--bundle", "--format=esm", "--outfile=counting.mjs")
    bundle = (sdk / "counting.mjs").as_uri()
    of_browser = run_node(COUNT, bundle, str(default_recordings().resolve()))
    of_simulator: list[list[dict[str, Any]]] = []
    for shape in load_shapes():
        totals = count_view(shape.events)
        row = {name: getattr(totals, name) for name in TOTALS}
        of_simulator.append([row] if totals.played else [])
    assert [
        [{name: summary.get(name) for name in TOTALS} for summary in sent] for sent in of_browser
    ] == of_simulator
    assert sum(map(len, of_simulator)) > 70
