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
import { type EventFields, type EventType } from "./event.js";
export declare const HEARTBEAT_MS = 10000;
export declare class View {
    readonly media: HTMLMediaElement;
    private readonly emit;
    private state;
    private loaded;
    private started;
    private wishedAt;
    private bytesSeen;
    private lastPosition;
    private lastEventAt;
    private heartbeat;
    private readonly listeners;
    constructor(media: HTMLMediaElement, emit: (type: EventType, fields: EventFields) => void);
    /** Marks how far a playing view got, for a page that may not come back. */
    checkpoint(): void;
    detach(): void;
    private load;
    private onPlaying;
    private onWaiting;
    private onTimeUpdate;
    private onPause;
    private onSeeked;
    /** The element was given another resource, or none. No `pause` is fired for that. */
    private onEmptied;
    private onError;
    private finish;
    private enterPlaying;
    private startHeartbeat;
    private stopHeartbeat;
    private send;
    /** What the element shows now: position, length (on load and play), bytes since last time. */
    private readings;
}
