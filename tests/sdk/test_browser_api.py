"""A page in headless Chromium talks to the real ingestion API, across origins."""

import json
import os
import socket
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from analytics_pipeline.core.batch import hpke_info, parse_payload
from analytics_pipeline.core.day import MS_PER_DAY, day_of_ms, day_start_ms, utc_day
from analytics_pipeline.settings import load_settings
from analytics_pipeline.storage.catalogue import list_segments, open_catalogue
from analytics_pipeline.storage.ipfs import open_store
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.segments import load_segment
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
  const failed = document.createElement("video");
  failed.src = "/no-video"; // a page of HTML
  await new Promise((next) => failed.addEventListener("error", next));
  tracker.attach(failed, { videoId: "failed-before", provider: "ipfs" });
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
    """One batch by fetch, one by beacon while leaving; the keyring opens both. A player that had
    failed before anybody followed it is told of, too."""
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
    assert (stats["accepted"], stats["waiting"]) == (1, 3)
    told = []
    for batch in queued:
        info = hpke_info(batch.project, batch.key_id, batch.batch_id)
        payload = api.keyring.open_batch(batch.key_id, info, batch.sealed)
        told += [(event["video_id"], event["type"]) for event in parse_payload(payload)]
    assert told == [
        ("by-fetch", "play"),
        ("by-beacon", "play"),
        ("failed-before", "load"),
        ("failed-before", "error"),
    ]


TWO_DAYS = """
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "playwright-core";

const [api, apiKey, port, midnight] = process.argv.slice(2);
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
const device = await browser.newContext();
const kept = [];

/** A page of this device, opened `before` milliseconds before midnight; `plays` as [video, ms]. */
async function visit(before, plays, { flush, stay = 0 } = {}) {
  const page = await device.newPage();
  await page.clock.install({ time: Number(midnight) - before });
  await page.goto(`http://127.0.0.1:${port}/`);
  await page.evaluate(async ([api, apiKey]) => {
    const key = await (await fetch(`${api}/api/v1/keys`)).json();
    window.tracker = AnalyticsPipeline.init({
      projectId: key.project, apiKey, endpoint: api, keyId: key.key_id,
      publicKey: key.public_key, privacyLevel: "high",
    });
  }, [api, apiKey]);
  await sleep(300); // two envelopes are being prepared
  const play = async (video, ms) => {
    await page.evaluate((video) => tracker.trackPlayEvent(video), video);
    await page.clock.runFor(ms);
    await page.evaluate(([video, ms]) => tracker.trackPauseEvent(video, ms), [video, ms]);
  };
  for (const each of plays) await play(...each);
  if (stay) await page.clock.runFor(stay);
  if (stay) await play("v1", 5_000);
  if (flush) await page.evaluate(() => tracker.flush());
  const entry = () => Object.entries(localStorage);
  kept.push(await page.evaluate(entry));
  await page.goto("about:blank");
  await sleep(700);
  await page.close();
}
await visit(4 * 3_600_000, [["v1", 30_000], ["v2", 8_000]], { flush: true });
await visit(2 * 3_600_000, [["v1", 12_000]]); // by beacon
await visit(600_000, [["v2", 3_000]], { flush: true, stay: 700_000 }); // open over midnight
console.log(JSON.stringify(kept));
await browser.close();
server.close();
"""


def test_a_device_counts_two_days_for_itself(tmp_path: Path) -> None:
    """Three pages of one browser, the last open over midnight, through the real API and sealer:
    sums per day and video, another number for each day, nothing of the request."""
    sdk = install_sdk(tmp_path)
    (sdk / "page.mjs").write_text(TWO_DAYS)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    today = utc_day(datetime.now(UTC))
    api = Api(tmp_path / "home").start()
    try:
        key = api.new_api_key(origins=[f"http://127.0.0.1:{port}"], viewer_model="high")
        url = f"http://127.0.0.1:{api.port}"
        midnight = str(day_start_ms(today))
        output = run_in(sdk, *node_command(), "page.mjs", url, key, port, midnight)
        assert {(batch.viewer, batch.country) for batch in api.queued()} == {(None, "ZZ")}
    finally:
        api.stop()
    environ = {**os.environ, "ANALYTICS_HOME": str(api.home)}
    command = [sys.executable, "-m", "analytics_pipeline.sealer", "--once"]
    subprocess.run(command, env=environ, check=True, capture_output=True, timeout=120)
    settings = load_settings(environ)
    with closing(open_catalogue(settings.catalogue_location)) as catalogue:
        store = open_store(settings.ipfs_location)
        segments = list_segments(catalogue, "demo")
        keyring = Keyring(settings.keys_dir)
        events = pl.concat(load_segment(catalogue, store, keyring, each) for each in segments)
        assert not any(segment.counts["rejected"] for segment in segments)
        store.close()
    yesterday = today - timedelta(days=1)
    assert set(events["type"]) == {"summary"}
    sums = {}
    for event in events.sort("watched_ms").iter_rows(named=True):
        bits = (event["first_of_week"], event["first_of_month"])
        assert (bits == (None, None)) == (event["video_id"] == "v2")
        sums[day_of_ms(event["at_ms"]), event["video_id"]] = (event["watched_ms"], bits)
    new_week, new_month = today.weekday() == 0, today.day == 1
    assert sums == {
        (yesterday, "v1"): (42_000, (True, True)),
        (yesterday, "v2"): (11_000, (None, None)),
        (today, "v1"): (5_000, (new_week, new_month)),
    }
    days = events.group_by(pl.col("at_ms") // MS_PER_DAY).agg(
        pl.col("session_id").n_unique(), pl.col("viewer").n_unique()
    )
    assert days.height == 2
    assert days.drop("at_ms").rows() == [(1, 1), (1, 1)]
    assert events["session_id"].n_unique() == events["viewer"].n_unique() == 2
    first, second, last = json.loads(output)
    assert [name for name, _ in (*first, *second, *last)] == ["analytics-pipeline.demo"] * 3
    (old,) = set(events.filter(pl.col("at_ms") < day_start_ms(today))["session_id"])
    assert old in first[0][1]
    assert old in second[0][1]
    assert old not in last[0][1]
