/**
 * The wire form of an event; `analytics_pipeline/core/event.py` is the definition.
 * Belongs here: the shape and its limits. Does not belong here: when an event happens (`view`).
 */
import type { FirstDays } from "./day.js";
export type EventType = "load" | "play" | "pause" | "seek" | "heartbeat" | "rebuffer" | "complete" | "error";
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
/** Throws a TypeError that says which rule the page's own code broke. */
export declare function verifyVideo(videoId: string, provider: string): void;
/** Seconds of media as whole milliseconds, or undefined where there is no such number. */
export declare function mediaMs(seconds: number): number | undefined;
