"""A page in headless Chromium talks to the real ingestion API, across origins."""

import json
import socket
from pathlib import Path

import pytest

from analytics_pipeline.core.batch import hpke_info, parse_payload
from tests.chain.node_tools import node_command
from tests.ingest.support import Api
from tests.sdk.support import install_sdk, run_in

pytestmark = [pytest.mark.browser, pytest.mark.node]

PAGE = """
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "playwright-core";

const [api, apiKey, port] = process.argv.slice(2);
const bundle = readFileSync("dist/analytics.js");
const server = createServer((request, response) => {
  if (request.url === "/analytics.js") return response.end(bundle);
  response.setHeader("Content-Type", "text/html");
  response.end(`<script src="/analytics.js"></script>`);
}).listen(Number(port), "127.0.0.1");
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
const page = await browser.newPage();
await page.goto(`http://127.0.0.1:${port}/`);
const stats = await page.evaluate(async ([api, apiKey]) => {
  const key = await (await fetch(`${api}/api/v1/keys`)).json();
  window.tracker = AnalyticsPipeline.init({
    projectId: key.project, apiKey, endpoint: api, keyId: key.key_id, publicKey: key.public_key,
  });
  tracker.trackPlayEvent("by-fetch");
  await tracker.flush();
  tracker.trackPlayEvent("by-beacon");
  await new Promise((next) => setTimeout(next, 300));
  return tracker.stats;
}, [api, apiKey]);
await page.goto("about:blank");
await sleep(1000);
console.log(JSON.stringify(stats));
await browser.close();
server.close();
"""


def test_fetch_and_beacon_reach_the_real_api(tmp_path: Path) -> None:
    """One batch by fetch, one by beacon while leaving; the keyring opens both."""
    sdk = install_sdk(tmp_path)
    (sdk / "page.mjs").write_text(PAGE)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    api = Api(tmp_path / "home").start()
    try:
        key = api.new_api_key(origins=[f"http://127.0.0.1:{port}"])
        url = f"http://127.0.0.1:{api.port}"
        stats = json.loads(run_in(sdk, *node_command(), "page.mjs", url, key, port))
        queued = api.queued()
    finally:
        api.stop()
    assert (stats["accepted"], stats["waiting"]) == (1, 1)
    videos = []
    for batch in queued:
        info = hpke_info(batch.project, batch.key_id, batch.batch_id)
        payload = api.keyring.open_batch(batch.key_id, info, batch.sealed)
        videos += [event["video_id"] for event in parse_payload(payload)]
    assert videos == ["by-fetch", "by-beacon"]
