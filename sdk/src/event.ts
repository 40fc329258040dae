/**
 * The wire form of an event; `analytics_pipeline/core/event.py` is the definition.
 * Belongs here: the shape and its limits. Does not belong here: when an event happens (`view`).
 */
import type { FirstDays } from "./day.js";

export type EventType =
  | "load"
  | "play"
  | "pause"
  | "seek"
  | "heartbeat"
  | "rebuffer"
  | "complete"
  | "error";

export type Provider = "ipfs" | "arweave" | "filecoin" | "cdn" | "unknown";

/** What a view knows when something happens. Times in milliseconds. */
export interface EventFields {
  position_ms?: number;
  duration_ms?: number;
  startup_ms?: number;
  delivered_bytes?: number;
  error_code?: string;
}

export interface PlayerEvent extends EventFields, FirstDays {
  type: EventType | "summary";
  /** `summary` only: played, and stalled, of this video on this UTC day so far. */
  watched_ms?: number;
  stalled_ms?: number;
  session_id: string;
  video_id: string;
  /** Unix time by this device's clock, in milliseconds. */
  at_ms: number;
  seq: number;
  provider: Provider;
}

const PROVIDERS: readonly string[] = ["ipfs", "arweave", "filecoin", "cdn", "unknown"];
const VIDEO_ID = /^[A-Za-z0-9._:-]{1,128}$/;
const MAX_MEDIA_MS = 7 * 86_400_000;

/** Throws a TypeError that says which rule the page's own code broke. */
export function verifyVideo(videoId: string, provider: string): void {
  if (!VIDEO_ID.test(videoId)) {
    throw new TypeError("videoId: 1 to 128 characters of A-Z a-z 0-9 . _ : -");
  }
  if (!PROVIDERS.includes(provider)) {
    throw new TypeError(`provider: one of ${PROVIDERS.join(", ")}`);
  }
}

/** Seconds of media as whole milliseconds, or undefined where there is no such number. */
export function mediaMs(seconds: number): number | undefined {
  const ms = Math.round(seconds * 1000);
  return ms >= 0 && ms <= MAX_MEDIA_MS ? ms : undefined;
}
