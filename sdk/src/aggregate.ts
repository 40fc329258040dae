/**
 * Privacy level `high`: the device counts for itself and sends sums of the day, one per video.
 *
 * A *summary* says how much of a video this device has played on this UTC day so far. It carries no
 * time but the day, and instead of a session a random number that this device draws for the day: by
 * it a later summary replaces an earlier one, and the bounds hold for the device and not for each
 * summary. The number goes when the day is over, and the next day has another.
 *
 * Counting follows `spec/kpis.md`, "From events to views". The bounds are those of
 * `analytics_pipeline/core/policy.py` (a test compares them); the operator's SQL applies them again,
 * because it trusts no device. Belongs here: counting. Does not belong here: storing (`memory`).
 */
import { randomId } from "./bytes.js";
import { type FirstDays, dayOf, dayStartMs, untilMidnight } from "./day.js";
import type { PlayerEvent, Provider } from "./event.js";
import type { Memory } from "./memory.js";

/** First come, first counted: which videos count must not depend on how long they were watched. */
export const VIDEOS_PER_DAY = 10;
export const MS_PER_VIDEO = 900_000;
export const MS_PER_DAY = 3_600_000;
/** Between two summaries of a video that goes on playing. */
export const SUMMARY_WAIT_MS = 60_000;
const SILENCE_MS = 60_000;
const WHOLE_DAY_MS = 86_400_000;

interface VideoCounts {
  watched_ms: number;
  stalled_ms: number;
  position_ms: number;
  startup_ms?: number;
  provider: Provider;
  bits: FirstDays;
}

/** A day of this device. Videos stand in the order in which they were first played. */
export interface Counts {
  day: string;
  group: string;
  videos: [videoId: string, counts: VideoCounts][];
}

/** This page's view of one video: its last event, and what is not counted yet. */
interface Seen {
  state: "idle" | "playing" | "stalled";
  at: number;
  position: number | undefined;
  played: boolean;
  counts: VideoCounts;
}

export class Aggregate {
  private day = "";
  private counts: Counts | undefined;
  private readonly seen = new Map<string, Seen>();
  private readonly changed = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly memory: Memory,
    private readonly send: (summary: PlayerEvent) => void,
    private readonly due: () => void,
  ) {
    this.turn();
  }

  /** Takes what a player did; only the day that this device is in counts. */
  record(event: PlayerEvent): void {
    this.turn();
    if (dayOf(event.at_ms) !== this.day) return;
    const { type, at_ms, video_id, provider, position_ms = 0 } = event;
    let seen = this.seen.get(video_id);
    if (!seen) {
      const counts = { watched_ms: 0, stalled_ms: 0, position_ms: 0, provider, bits: {} };
      seen = { state: "idle", at: at_ms, position: undefined, played: false, counts };
      this.seen.set(video_id, seen);
    }
    const { counts, position } = seen;
    const gap = Math.max(0, at_ms - seen.at);
    if (seen.state === "playing") {
      const known = type !== "seek" && event.position_ms !== undefined && position !== undefined;
      counts.watched_ms += Math.min(gap, Math.max(SILENCE_MS, known ? position_ms - position : 0));
    } else if (seen.state === "stalled") {
      counts.stalled_ms += gap;
    }
    if (type === "play" || type === "heartbeat") seen.state = "playing";
    else if (type === "rebuffer") seen.state = "stalled";
    else if (type !== "seek") seen.state = "idle";
    if (type !== "seek") counts.position_ms = Math.max(counts.position_ms, position_ms);
    if (type === "play" && event.startup_ms !== undefined) counts.startup_ms ??= event.startup_ms;
    seen.at = Math.max(seen.at, at_ms);
    seen.position = event.position_ms;
    seen.played ||= type === "play";
    if (seen.played) this.add(video_id, counts);
  }

  /** Hands over a summary of every video that changed since the last time. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!this.counts) return;
    const { day, group, videos } = this.counts;
    videos.forEach(([video_id, { bits, ...counts }], order) => {
      if (!this.changed.has(video_id)) return;
      this.send({
        type: "summary",
        session_id: group,
        video_id,
        at_ms: dayStartMs(day) + order, // no time: only which video came first
        seq: crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1, // tells summaries apart
        ...counts,
        ...bits,
      });
    });
    this.changed.clear();
  }

  /** Adds what this page counted to the day, within the bounds. */
  private add(videoId: string, page: VideoCounts): void {
    const all = this.memory.counts(this.day) ?? { day: this.day, group: randomId(), videos: [] };
    this.counts = all;
    let video = all.videos.find(([id]) => id === videoId)?.[1];
    if (!video) {
      if (all.videos.length >= VIDEOS_PER_DAY) return;
      const bits = this.memory.firstPlay(this.day);
      video = { ...page, watched_ms: 0, stalled_ms: 0, bits };
      all.videos.push([videoId, video]);
    }
    const watched = all.videos.reduce((sum, [, each]) => sum + each.watched_ms, 0);
    const room = Math.min(MS_PER_VIDEO - video.watched_ms, MS_PER_DAY - watched);
    video.watched_ms += Math.min(page.watched_ms, room);
    video.stalled_ms = Math.min(WHOLE_DAY_MS, video.stalled_ms + page.stalled_ms);
    video.position_ms = Math.max(video.position_ms, page.position_ms);
    if (page.startup_ms !== undefined) video.startup_ms ??= page.startup_ms;
    page.watched_ms = page.stalled_ms = 0;
    this.memory.keep(all);
    this.changed.add(videoId);
    this.timer ??= setTimeout(this.due, SUMMARY_WAIT_MS);
  }

  /** At the first sign of a new day: says the last of the old one, and forgets it. */
  private turn(): void {
    const today = dayOf(Date.now());
    if (today === this.day) return;
    this.flush();
    this.day = today;
    this.counts = undefined;
    this.seen.clear();
    this.memory.counts(today); // drops what is older
    setTimeout(() => this.turn(), untilMidnight(Date.now()));
  }
}
