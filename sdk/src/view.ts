/**
 * One attached media element: turns what browsers fire into player events.
 *
 *   idle ──play──▶ playing ──rebuffer──▶ stalled ──heartbeat──▶ playing
 *                  playing | stalled ──pause──▶ paused ──play──▶ playing
 *                  any ──complete | error──▶ ended ──play──▶ playing
 *
 * The states are those of `spec/kpis.md`. Belongs here: when something happened and what the
 * player showed then. Does not belong here: ids, clocks on the wire, sending.
 */
import { type EventFields, type EventType, mediaMs } from "./event.js";

export const HEARTBEAT_MS = 10_000;
const CHECKPOINT_GAP_MS = 1_000;
const MAX_STARTUP_MS = 3_600_000;
const ERROR_CODES = [
  "MEDIA_ERR_UNKNOWN",
  "MEDIA_ERR_ABORTED",
  "MEDIA_ERR_NETWORK",
  "MEDIA_ERR_DECODE",
  "MEDIA_ERR_SRC_NOT_SUPPORTED",
];

type State = "idle" | "playing" | "stalled" | "paused" | "ended";
type Counted = HTMLMediaElement & {
  webkitVideoDecodedByteCount?: number;
  webkitAudioDecodedByteCount?: number;
};

export class View {
  private state: State = "idle";
  private loaded = false;
  private started = false;
  private wishedAt: number | null = null;
  private bytesSeen = 0;
  private lastPosition = 0;
  private lastEventAt = -Infinity;
  private heartbeat: ReturnType<typeof setInterval> | undefined;
  private readonly listeners = new AbortController();

  constructor(
    readonly media: HTMLMediaElement,
    private readonly emit: (type: EventType, fields: EventFields) => void,
  ) {
    const on = (name: string, react: () => void, capture = false) =>
      media.addEventListener(name, react, { signal: this.listeners.signal, capture });
    on("loadedmetadata", () => this.load());
    on("play", () => (this.wishedAt = performance.now()));
    on("playing", () => this.onPlaying());
    on("waiting", () => this.onWaiting());
    on("timeupdate", () => this.onTimeUpdate());
    on("pause", () => this.onPause());
    on("seeking", () => this.stopHeartbeat());
    on("seeked", () => this.onSeeked());
    on("ended", () => this.finish("complete"));
    on("emptied", () => this.onEmptied());
    // Captured: a failing <source> child fires on itself, and such errors do not bubble.
    on("error", () => this.onError(), true);

    // Nothing will load before the viewer presses play: the view exists from now on.
    if (media.readyState >= 1 || media.preload === "none") this.load();
    if (!media.paused && media.readyState >= 3) this.onPlaying();
    this.onError(); // it may have failed before anybody listened
  }

  /** Marks how far a playing view got, for a page that may not come back. */
  checkpoint(): void {
    if (this.wishedAt !== null) this.load(); // gave up before anything came
    if (this.state !== "playing") return;
    if (performance.now() - this.lastEventAt >= CHECKPOINT_GAP_MS) this.send("heartbeat");
  }

  detach(): void {
    this.checkpoint();
    this.stopHeartbeat();
    this.listeners.abort();
  }

  private load(): void {
    if (this.loaded) return;
    this.loaded = true;
    this.send("load");
  }

  private onPlaying(): void {
    if (this.state === "playing") {
      this.startHeartbeat(); // after a seek
    } else if (this.state === "stalled") {
      this.enterPlaying("heartbeat");
    } else {
      const waited = this.wishedAt === null ? NaN : Math.round(performance.now() - this.wishedAt);
      const known = !this.started && waited >= 0 && waited <= MAX_STARTUP_MS;
      this.started = true;
      this.enterPlaying("play", known ? { startup_ms: waited } : {});
    }
    this.wishedAt = null;
  }

  private onWaiting(): void {
    const { seeking, paused, ended } = this.media;
    if (this.state !== "playing" || seeking || paused || ended) return;
    this.state = "stalled";
    this.stopHeartbeat();
    this.send("rebuffer");
  }

  private onTimeUpdate(): void {
    const { seeking, paused, readyState, currentTime } = this.media;
    // Some players go on without firing `playing`: a moving picture ends a stall, too.
    const moved = !seeking && !paused && readyState >= 3 && currentTime > this.lastPosition;
    if (this.state === "stalled" && moved) this.enterPlaying("heartbeat");
    this.lastPosition = currentTime;
  }

  private onPause(): void {
    this.wishedAt = null;
    // Browsers fire `pause` just before `ended`; `complete` says it all.
    if (this.media.ended || (this.state !== "playing" && this.state !== "stalled")) return;
    this.state = "paused";
    this.stopHeartbeat();
    this.send("pause");
  }

  private onSeeked(): void {
    this.lastPosition = this.media.currentTime;
    this.send("seek");
    if (this.state === "playing") this.startHeartbeat();
  }

  /** The element was given another resource, or none. No `pause` is fired for that. */
  private onEmptied(): void {
    if (this.state === "playing" || this.state === "stalled") {
      this.send("pause", { position_ms: mediaMs(this.lastPosition) ?? 0 });
    }
    this.stopHeartbeat();
    this.state = "idle";
    this.wishedAt = null;
    this.bytesSeen = 0;
    this.lastPosition = 0;
  }

  private onError(): void {
    const { error, networkState } = this.media;
    const noSourceLeft = networkState === 3;
    if (this.state === "ended" || (!error && !noSourceLeft)) return;
    const code = error?.code ?? 4;
    this.finish("error", { error_code: ERROR_CODES[code] ?? "MEDIA_ERR_UNKNOWN" });
  }

  private finish(type: "complete" | "error", fields: EventFields = {}): void {
    this.state = "ended";
    this.wishedAt = null;
    this.stopHeartbeat();
    this.send(type, fields);
  }

  private enterPlaying(type: "play" | "heartbeat", fields: EventFields = {}): void {
    this.state = "playing";
    this.send(type, fields);
    this.startHeartbeat();
  }

  private startHeartbeat(): void {
    this.stopHeartbeat();
    this.heartbeat = setInterval(() => this.send("heartbeat"), HEARTBEAT_MS);
  }

  private stopHeartbeat(): void {
    clearInterval(this.heartbeat);
  }

  private send(type: EventType, fields: EventFields = {}): void {
    if (type !== "load") this.load(); // every view starts with its `load`
    this.lastEventAt = performance.now();
    this.emit(type, { ...this.readings(type), ...fields });
  }

  /** What the element shows now: position, length (on load and play), bytes since last time. */
  private readings(type: EventType): EventFields {
    const media: Counted = this.media;
    const readings: EventFields = {};
    const position = mediaMs(media.currentTime);
    if (position !== undefined) readings.position_ms = position;
    const duration = mediaMs(media.duration);
    if (duration && (type === "load" || type === "play")) readings.duration_ms = duration;
    if (media.webkitVideoDecodedByteCount !== undefined) {
      const bytes = media.webkitVideoDecodedByteCount + (media.webkitAudioDecodedByteCount ?? 0);
      // A counter that went back was reset by a new resource.
      readings.delivered_bytes = bytes >= this.bytesSeen ? bytes - this.bytesSeen : bytes;
      this.bytesSeen = bytes;
    }
    return readings;
  }
}
