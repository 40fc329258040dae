/**
 * The public face: `init(options)` gives a tracker; `tracker.attach(video, …)` does the rest.
 *
 * Nothing that names a viewer is read or written: no cookie, address, wallet or account. A session id
 * is 128 random bits in memory; what may outlive the page stands in `memory`.
 */
import { Aggregate } from "./aggregate.js";
import { randomId } from "./bytes.js";
import { dayOf } from "./day.js";
import {
  type EventFields,
  type EventType,
  type PlayerEvent,
  type Provider,
  verifyVideo,
} from "./event.js";
import { Memory } from "./memory.js";
import { type Options, parseOptions, viewerOptedOut } from "./options.js";
import { Sender, type Stats } from "./sender.js";
import { View } from "./view.js";

export type { EventType, Options, PlayerEvent, Provider, Stats };

export interface Video {
  videoId: string;
  provider: Provider;
}

/** A play reported by hand: when it began, and how much had been played before. */
interface ManualPlay {
  at: number;
  playedMs: number;
}

export class Tracker {
  private readonly sender: Sender | null;
  private readonly memory: Memory;
  private readonly aggregate: Aggregate | null;
  private readonly session = randomId();
  private readonly views = new Map<HTMLMediaElement, View>();
  private readonly manual = new Map<string, ManualPlay>();
  private readonly log: (message: string) => void;
  private seq = 0;
  private lastAt = 0;

  constructor(options: Options) {
    const config = parseOptions(options);
    this.log = config.debug ? (message) => console.debug(`[analytics] ${message}`) : () => {};
    const optedOut = viewerOptedOut();
    const silent = config.respectPrivacySignals && optedOut;
    if (silent) this.log("this viewer opted out (GPC or DNT): nothing is recorded");
    const sender = silent ? null : new Sender(config, this.log);
    this.sender = sender;
    this.memory = new Memory(config.projectId, config.storage && !optedOut);
    this.aggregate =
      sender && config.high
        ? new Aggregate(
            this.memory,
            (summary) => sender.push(summary),
            () => void this.flush(),
          )
        : null;
    if (silent || typeof document === "undefined") return;
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") this.leave();
    });
    addEventListener("pagehide", () => this.leave());
  }

  /** Counters of this page's events; all zero for a viewer who opted out. */
  get stats(): Stats {
    return (
      this.sender?.stats ?? {
        waiting: 0,
        accepted: 0,
        beaconed: 0,
        refused: 0,
        dropped: 0,
        retries: 0,
      }
    );
  }

  /**
   * Resolves when the first uploads are prepared, some milliseconds after `init`: sealing to the
   * platform's key takes asynchronous steps, which a page that is being left no longer gets. What a
   * viewer does who is gone before is lost.
   */
  get ready(): Promise<void> {
    return this.sender?.ready ?? Promise.resolve();
  }

  /** Follows a media element until `detach`. Attaching it again begins a new view. */
  attach(media: HTMLMediaElement, video: Video): void {
    verifyVideo(video.videoId, video.provider);
    this.detach(media);
    if (!this.sender) return;
    const emit = (type: EventType, fields: EventFields) =>
      this.emit(type, video.videoId, video.provider, fields);
    this.views.set(media, new View(media, emit));
  }

  /** Stops following one media element, or all of them. */
  detach(media?: HTMLMediaElement): void {
    for (const [element, view] of this.views) {
      if (media && element !== media) continue;
      view.detach();
      this.views.delete(element);
    }
  }

  /**
   * For players without a media element: playback began.
   *
   * @param timestamp Unix time in milliseconds; now if left out.
   */
  trackPlayEvent(videoId: string, timestamp: number = Date.now()): void {
    verifyVideo(videoId, "unknown");
    const at = Math.round(timestamp);
    if (!(at > 0)) throw new TypeError("timestamp: Unix time in milliseconds");
    const playedMs = this.manual.get(videoId)?.playedMs ?? 0;
    this.manual.set(videoId, { at, playedMs });
    this.emit("play", videoId, "unknown", { position_ms: playedMs }, at);
  }

  /**
   * For players without a media element: playback stopped.
   *
   * @param duration milliseconds played since the last `trackPlayEvent` of this video. The position
   *   in the media is unknown, so the sum of what was played stands for it.
   */
  trackPauseEvent(videoId: string, duration: number): void {
    verifyVideo(videoId, "unknown");
    const played = Math.round(duration);
    if (!(played >= 0)) throw new TypeError("duration: milliseconds played");
    const play = this.manual.get(videoId) ?? { at: Date.now() - played, playedMs: 0 };
    const playedMs = play.playedMs + played;
    const at = play.at + played;
    this.manual.set(videoId, { at, playedMs });
    this.emit("pause", videoId, "unknown", { position_ms: playedMs }, at);
  }

  /** Sends what waits, now. Resolves when it is answered, or a retry is due. Never rejects. */
  async flush(): Promise<void> {
    this.aggregate?.flush();
    await this.sender?.flush();
  }

  private leave(): void {
    for (const view of this.views.values()) view.checkpoint();
    this.aggregate?.flush();
    this.sender?.leave();
  }

  private emit(
    type: EventType,
    video_id: string,
    provider: Provider,
    fields: EventFields,
    at?: number,
  ): void {
    // Events of a session never go back in time, even if the device's clock does.
    if (at === undefined) at = this.lastAt = Math.max(this.lastAt, Date.now());
    const seq = this.seq++;
    const session_id = this.session;
    const event = { type, session_id, video_id, at_ms: at, seq, ...fields, provider };
    this.log(`${type} ${video_id} at ${fields.position_ms ?? "?"} ms`);
    if (this.aggregate) return this.aggregate.record(event);
    const day = dayOf(at);
    const today = type === "play" && day === dayOf(Date.now());
    this.sender?.push(today ? { ...event, ...this.memory.firstPlay(day) } : event);
  }
}

/** Starts a tracker for this page. Throws a TypeError naming the option that is wrong. */
export function init(options: Options): Tracker {
  return new Tracker(options);
}
