// Serves the page and the media, and is as bad a network as a viewer's script asks for.
//
// conditions: { delayMs, hold: [fractions of the file], rate: share of real time, fault }
//   delayMs  wait before the first byte of each answer
//   hold     bytes from this fraction on are withheld until `release(id)`, one hold after another
//   rate     bytes a second, as a share of the media's average bitrate
//   fault    "missing" (404), "corrupt" (key frames spoilt from 40 % on), "cut" (connection lost at 40 %)
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";

const CHUNK = 8 * 1024;
const FAULT_AT = 0.4;
/** Start code of a VP8 key frame (RFC 6386, section 9.1). */
const VP8_START = Buffer.from([0x9d, 0x01, 0x2a]);

export class MediaServer {
  constructor(script, page) {
    this.script = script;
    this.page = page;
    this.viewings = new Map();
    this.server = createServer((request, response) => {
      this.answer(request, response).catch(() => response.destroy());
    });
  }

  async listen() {
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${this.server.address().port}`;
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }

  add(id, media, conditions) {
    const bytes = Buffer.from(readFileSync(media.file));
    if (conditions.fault === "corrupt") {
      const from = Math.floor(bytes.length * FAULT_AT);
      for (let at = bytes.indexOf(VP8_START, from); at >= 0; at = bytes.indexOf(VP8_START, at)) {
        bytes.fill(0, at, at + VP8_START.length);
      }
    }
    const holds = (conditions.hold ?? []).map((share) => Math.floor(share * bytes.length));
    this.viewings.set(id, { bytes, conditions, holds, durationMs: media.durationMs, cut: false });
  }

  release(id) {
    this.viewings.get(id).holds.shift();
  }

  /** Whether bytes come again after a release (and are not held at the same place once more). */
  flowing(id) {
    const { bytes, conditions, holds } = this.viewings.get(id);
    const released = conditions.hold.length - holds.length - 1;
    return !holds.length || holds[0] > conditions.hold[released] * bytes.length;
  }

  async answer(request, response) {
    const [, kind, id] = request.url.split("/");
    if (kind === "analytics.js") return this.text(response, "text/javascript", this.script);
    const viewing = this.viewings.get(id);
    if (kind === "watch" && viewing) return this.text(response, "text/html", this.page(id));
    if (kind !== "media" || !viewing || viewing.conditions.fault === "missing") {
      response.writeHead(404).end();
      return;
    }
    await this.media(viewing, request, response);
  }

  text(response, type, body) {
    response.writeHead(200, { "Content-Type": `${type}; charset=utf-8` }).end(body);
  }

  async media(viewing, request, response) {
    const { bytes, conditions, durationMs } = viewing;
    await sleep(conditions.delayMs ?? 0);
    if (viewing.cut) return response.destroy();
    const first = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    response.writeHead(206, {
      "Content-Type": "video/webm",
      "Content-Length": bytes.length - first,
      "Content-Range": `bytes ${first}-${bytes.length - 1}/${bytes.length}`,
      "Accept-Ranges": "bytes",
      "Cache-Control": "no-store",
    });
    const pace = conditions.rate ? CHUNK / ((bytes.length / durationMs) * conditions.rate) : 0;
    const chunks = this.chunks(viewing, first, pace, response);
    await pipeline(Readable.from(chunks, { objectMode: false }), response);
  }

  async *chunks(viewing, first, pace, response) {
    const { bytes, holds, conditions } = viewing;
    for (let at = first; at < bytes.length; at += CHUNK) {
      const end = Math.min(at + CHUNK, bytes.length);
      while (holds.length && end > holds[0] && !response.destroyed) await sleep(50);
      if (conditions.fault === "cut" && end > bytes.length * FAULT_AT) {
        viewing.cut = true;
        throw new Error("cut");
      }
      if (pace) await sleep(pace);
      yield bytes.subarray(at, end);
    }
  }
}
