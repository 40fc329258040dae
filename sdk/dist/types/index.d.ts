import { type EventType, type PlayerEvent, type Provider } from "./event.js";
import { type Options } from "./options.js";
import { type Stats } from "./sender.js";
export type { EventType, Options, PlayerEvent, Provider, Stats };
export interface Video {
    videoId: string;
    provider: Provider;
}
export declare class Tracker {
    private readonly sender;
    private readonly memory;
    private readonly aggregate;
    private readonly session;
    private readonly views;
    private readonly manual;
    private readonly log;
    private seq;
    private lastAt;
    constructor(options: Options);
    /** Counters of this page's events; all zero for a viewer who opted out. */
    get stats(): Stats;
    /**
     * Resolves when the first uploads are prepared, some milliseconds after `init`: sealing to the
     * platform's key takes asynchronous steps, which a page that is being left no longer gets. What a
     * viewer does who is gone before is lost.
     */
    get ready(): Promise<void>;
    /** Follows a media element until `detach`. Attaching it again begins a new view. */
    attach(media: HTMLMediaElement, video: Video): void;
    /** Stops following one media element, or all of them. */
    detach(media?: HTMLMediaElement): void;
    /**
     * For players without a media element: playback began.
     *
     * @param timestamp Unix time in milliseconds; now if left out.
     */
    trackPlayEvent(videoId: string, timestamp?: number): void;
    /**
     * For players without a media element: playback stopped.
     *
     * @param duration milliseconds played since the last `trackPlayEvent` of this video. The position
     *   in the media is unknown, so the sum of what was played stands for it.
     */
    trackPauseEvent(videoId: string, duration: number): void;
    /** Sends what waits, now. Resolves when it is answered, or a retry is due. Never rejects. */
    flush(): Promise<void>;
    private leave;
    private emit;
}
/** Starts a tracker for this page. Throws a TypeError naming the option that is wrong. */
export declare function init(options: Options): Tracker;
