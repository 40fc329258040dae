/**
 * The one thing this device may remember between pages: an entry of localStorage per project.
 *
 *     analytics-pipeline.<projectId>   {"last": "2026-11-22", "today": {…}}
 *
 * `last` is the last UTC day with a play; it names nobody. `today` exists in the privacy level `high`
 * only: the day's own counts (`aggregate`), dropped when their day is over. Where nothing may or can
 * be stored, a page remembers for itself, and `lasting` is false.
 */
import type { Counts } from "./aggregate.js";
import { type FirstDays } from "./day.js";
export declare class Memory {
    private lasting;
    private readonly name;
    private held;
    /** @param lasting whether anything may be stored; false as soon as the browser refuses. */
    constructor(projectId: string, lasting: boolean);
    /** Bits for the first play of `day` on this device, nothing for later ones. */
    firstPlay(day: string): FirstDays;
    /** Counts of `day`: those of this device's other pages, too, if they can be remembered. */
    counts(day: string): Counts | undefined;
    keep(counts: Counts): void;
    /** Reads, drops a day that is over, alters, and writes if that changed anything. */
    private change;
}
