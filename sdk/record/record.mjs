// Records player sessions: real Chromium plays real video over a real (bad) network with the built
// SDK; what arrives, opened, goes to data/recordings/sessions.jsonl. See the README there.
//
//   node record/record.mjs [--out FILE] [--parallel 10] [--only REGEXP] [--python python3]
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { MediaServer } from "./media_server.mjs";
import { SCRIPTS } from "./scripts.mjs";
import { view } from "./viewer.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const { values: options } = parseArgs({
  options: {
    out: { type: "string", default: join(here, "../../data/recordings/sessions.jsonl") },
    parallel: { type: "string", default: "10" },
    only: { type: "string", default: "" },
    python: { type: "string", default: "python3" },
    chromium: { type: "string", default: "/usr/bin/chromium" },
  },
});
const MEDIA_SECONDS = [31, 44, 58];
const BROWSER_FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-sync",
  "--autoplay-policy=no-user-gesture-required",
];

function makeMedia(folder, seconds) {
  const file = join(folder, `${seconds}s.webm`);
  const picture = `testsrc2=size=256x144:rate=12:duration=${seconds}`;
  const sound = `sine=frequency=330:beep_factor=3:duration=${seconds}`;
  execFileSync("ffmpeg", [
    ...["-loglevel", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound],
    ...["-c:v", "libvpx", "-b:v", "160k", "-deadline", "realtime", "-cpu-used", "8", "-g", "24"],
    ...["-c:a", "libopus", "-b:a", "32k", "-reserve_index_space", "20000", "-cues_to_front", "1"],
    ...["-shortest", "-y", file],
  ]);
  const probe = ["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", file];
  const durationMs = Math.round(Number(execFileSync("ffprobe", probe)) * 1000);
  return { file, durationMs };
}

async function startCapture() {
  const path = [join(here, "../.."), process.env.PYTHONPATH].filter(Boolean).join(":");
  const env = { ...process.env, PYTHONPATH: path };
  const capture = spawn(options.python, [join(here, "capture.py")], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: capture.stdout })) {
    return { capture, ...JSON.parse(line) };
  }
  throw new Error("capture.py did not start");
}

/** The page: one video, the script tag, nothing else. */
function pageWith(hello) {
  return (id) => `<!doctype html><title>${id}</title>
<video id="video" src="/media/${id}/video.webm" preload="auto" playsinline></video>
<script src="/analytics.js"></script>
<script>
  const tracker = AnalyticsPipeline.init({
    storage: false,
    projectId: "recording", apiKey: "", endpoint: "http://127.0.0.1:${hello.port}",
    keyId: "${hello.key_id}", publicKey: "${hello.public_key}",
  });
  tracker.attach(video, { videoId: "${id}", provider: "unknown" });
</script>`;
}

async function main() {
  const folder = mkdtempSync(join(tmpdir(), "recording-"));
  const media = MEDIA_SECONDS.map((seconds) => makeMedia(folder, seconds));
  const { capture, ...hello } = await startCapture();
  const server = new MediaServer(readFileSync(join(here, "../dist/analytics.js")), pageWith(hello));
  const origin = await server.listen();
  const browser = await chromium.launch({
    executablePath: options.chromium,
    args: BROWSER_FLAGS,
  });
  const viewers = SCRIPTS.flatMap((script, number) =>
    media.map((medium, m) => ({
      id: `${script.kind}-${String(number + 1).padStart(2, "0")}-${MEDIA_SECONDS[m]}s`,
      media: medium,
      ...script,
    })),
  ).filter((viewer) => new RegExp(options.only).test(viewer.id));
  const waiting = [...viewers].sort((a, b) => b.media.durationMs - a.media.durationMs);
  const arrived = async () => (await fetch(`http://127.0.0.1:${hello.port}/events`)).json();
  const count = async (id) => (await arrived())[id]?.length ?? 0;
  const failures = [];
  let done = 0;
  await Promise.all(
    Array.from({ length: Number(options.parallel) }, async () => {
      for (let viewer = waiting.shift(); viewer; viewer = waiting.shift()) {
        server.add(viewer.id, viewer.media, viewer.network);
        try {
          const context = await browser.newContext();
          await view(context, origin, viewer.id, viewer.media, viewer.steps, server, count);
        } catch (error) {
          failures.push(`${viewer.id}: ${error.message.split("\n")[0]}`);
        }
        process.stderr.write(`\r${++done} of ${viewers.length} sessions`);
      }
    }),
  );
  const events = await arrived();
  const lines = viewers.map((viewer) => ({
    recording_id: viewer.id,
    kind: viewer.kind,
    script: viewer.steps.join("; "),
    network: viewer.network,
    browser: `Chromium ${browser.version()}`,
    duration_ms: viewer.media.durationMs,
    events: events[viewer.id] ?? [],
  }));
  const text = lines.filter((line) => line.events.length).map((line) => JSON.stringify(line));
  writeFileSync(options.out, `${text.join("\n")}\n`);
  process.stderr.write(`\n${text.length} recordings in ${options.out}\n`);
  await browser.close();
  server.close();
  capture.kill();
  rmSync(folder, { recursive: true });
  for (const failure of failures) process.stderr.write(`failed: ${failure}\n`);
  if (failures.length || text.length < viewers.length) process.exitCode = 1;
}

await main();
