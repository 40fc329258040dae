/**
 * Queue, batches, retries, and the way out of a closing page.
 *
 * - A batch is sent when 20 events wait, or 10 s after the first of them.
 * - One batch is under way at a time. It is retried with the same id and the same bytes (no answer,
 *   429, 5xx) after a jittered, doubling pause, so the API can tell a repetition. Any other refusal
 *   drops the batch: sending it again could not help.
 * - At most 500 events wait. Then the oldest waiting heartbeat is dropped, or, if there is none, the
 *   new event. All of this is counted in `stats`.
 * - On exit, waiting events leave by `sendBeacon` in envelopes prepared beforehand. Nobody learns
 *   whether a beacon arrived.
 */
import { type Envelope, prepareEnvelope } from "./batch.js";
import type { Bytes } from "./bytes.js";
import type { PlayerEvent } from "./event.js";
import type { Config } from "./options.js";

export const BATCH_EVENTS = 20;
export const BATCH_WAIT_MS = 10_000;
export const MAX_WAITING = 500;
/** Beacons share 64 KiB; 100 events are about 25 KiB. */
const BEACON_EVENTS = 100;
const SPARE_ENVELOPES = 2;
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;

export interface Stats {
  /** Events waiting or under way. */
  waiting: number;
  /** Events the API accepted. */
  accepted: number;
  /** Events handed to the browser while the page was closing; nobody learns if they arrived. */
  beaconed: number;
  /** Events of batches the API refused for good. */
  refused: number;
  /** Events dropped because too many were waiting. */
  dropped: number;
  /** Repeated uploads. */
  retries: number;
}

interface Upload {
  body: Bytes;
  events: number;
  attempts: number;
}

export class Sender {
  private readonly waiting: PlayerEvent[] = [];
  private readonly spare: Envelope[] = [];
  private upload: Upload | null = null;
  private posting = false;
  private running: Promise<void> | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private retryDue = false;
  /** Resolves when a page that is left from now on can still send what it has. */
  readonly ready: Promise<void>;
  private readonly counted = { accepted: 0, beaconed: 0, refused: 0, dropped: 0, retries: 0 };

  constructor(
    private readonly config: Config,
    private readonly log: (message: string) => void,
  ) {
    this.ready = this.prepareSpares();
  }

  get stats(): Stats {
    return { waiting: this.waiting.length + (this.upload?.events ?? 0), ...this.counted };
  }

  push(event: PlayerEvent): void {
    if (event.type === "summary") {
      const { session_id, video_id } = event;
      const older = this.waiting.findIndex(
        (waiting) => waiting.session_id === session_id && waiting.video_id === video_id,
      );
      if (older >= 0) this.waiting.splice(older, 1); // the new one says it all
    }
    if (this.waiting.length >= MAX_WAITING) {
      this.counted.dropped += 1;
      const oldest = this.waiting.findIndex((waiting) => waiting.type === "heartbeat");
      if (oldest < 0) return;
      this.waiting.splice(oldest, 1);
    }
    this.waiting.push(event);
    if (this.retryDue) return; // the pending retry goes on with the queue
    if (this.waiting.length >= BATCH_EVENTS) void this.flush();
    else this.timer ??= setTimeout(() => void this.flush(), BATCH_WAIT_MS);
  }

  /** Sends what waits, now. Resolves when all is answered or a batch has to be tried again. */
  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.running ??= this.drain().finally(() => (this.running = null));
    return this.running;
  }

  /** Synchronous: hands everything that waits to `sendBeacon`. */
  leave(): void {
    // A batch between two attempts goes as it is; the API knows its id if it arrives twice.
    if (this.upload && !this.posting) this.beacon(this.upload.body);
    while (this.waiting.length) {
      const envelope = this.spare.shift();
      if (!envelope) break;
      const events = this.waiting.splice(0, BEACON_EVENTS);
      if (!this.beacon(envelope.fill(events))) {
        this.waiting.unshift(...events);
        break;
      }
      this.counted.beaconed += events.length;
    }
    void this.prepareSpares();
  }

  private async drain(): Promise<void> {
    while (this.upload || this.waiting.length) {
      if (!this.upload) {
        const envelope = this.spare.shift() ?? (await this.prepared());
        if (!envelope) return;
        const events = this.waiting.splice(0, BATCH_EVENTS);
        if (!events.length) {
          this.spare.push(envelope); // the page was left while the envelope was being made
          return;
        }
        this.upload = { body: envelope.fill(events), events: events.length, attempts: 0 };
        void this.prepareSpares();
      }
      if (!(await this.attempt(this.upload))) return;
    }
  }

  /** One try. True if the batch is settled, false if it waits for another try. */
  private async attempt(upload: Upload): Promise<boolean> {
    this.posting = true;
    const status = await this.post(upload.body);
    this.posting = false;
    this.retryDue = false;
    if (status >= 200 && status < 300) {
      this.counted.accepted += upload.events;
    } else if (status === 0 || status === 429 || status >= 500) {
      const pause = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** upload.attempts);
      const jittered = pause * (0.5 + Math.random() / 2);
      upload.attempts += 1;
      this.counted.retries += 1;
      this.retryDue = true;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => void this.flush(), jittered);
      this.log(`upload got ${status || "no answer"}; next try in ${Math.round(jittered)} ms`);
      return false;
    } else {
      this.counted.refused += upload.events;
      this.log(`upload refused with ${status}; ${upload.events} events given up`);
    }
    this.upload = null;
    return true;
  }

  /** The HTTP status, or 0 if there was no answer. */
  private async post(body: Bytes): Promise<number> {
    try {
      const response = await fetch(this.config.url, {
        method: "POST",
        body,
        headers: { "Content-Type": "text/plain" }, // anything else would need a preflight
        credentials: "omit",
        referrerPolicy: "no-referrer",
        keepalive: true,
      });
      return response.status;
    } catch {
      return 0;
    }
  }

  private beacon(body: Bytes): boolean {
    const blob = new Blob([body], { type: "text/plain" });
    return globalThis.navigator?.sendBeacon?.(this.config.url, blob) ?? false;
  }

  private async prepareSpares(): Promise<void> {
    while (this.spare.length < SPARE_ENVELOPES) {
      const envelope = await this.prepared();
      if (!envelope) return;
      this.spare.push(envelope);
    }
  }

  /** A new envelope, or null where the browser has no X25519 (or the page is not secure). */
  private async prepared(): Promise<Envelope | null> {
    try {
      return await prepareEnvelope(this.config);
    } catch {
      this.log("this browser cannot seal events (X25519 in WebCrypto, https); nothing is sent");
      return null;
    }
  }
}
