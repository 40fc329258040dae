import { type FirstDays } from "./day.js";
import type { PlayerEvent, Provider } from "./event.js";
import type { Memory } from "./memory.js";
/** First come, first counted: which videos count must not depend on how long they were watched. */
export declare const VIDEOS_PER_DAY = 10;
export declare const MS_PER_VIDEO = 900000;
export declare const MS_PER_DAY = 3600000;
/** Between two summaries of a video that goes on playing. */
export declare const SUMMARY_WAIT_MS = 60000;
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
export declare class Aggregate {
    private readonly memory;
    private readonly send;
    private readonly due;
    private day;
    private counts;
    private readonly seen;
    private readonly changed;
    private timer;
    constructor(memory: Memory, send: (summary: PlayerEvent) => void, due: () => void);
    /** Takes what a player did; only the day that this device is in counts. */
    record(event: PlayerEvent): void;
    /** Hands over a summary of every video that changed since the last time. */
    flush(): void;
    /** Adds what this page counted to the day, within the bounds. */
    private add;
    /** At the first sign of a new day: says the last of the old one, and forgets it. */
    private turn;
}
export {};
