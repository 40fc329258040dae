export declare function dayOf(ms: number): string;
export declare function dayStartMs(day: string): number;
/** Milliseconds from `ms` to a second after the next midnight: timers may be early. */
export declare function untilMidnight(ms: number): number;
/** The Monday on or before `day` (ISO 8601 weeks). */
export declare function mondayOf(day: string): string;
export interface FirstDays {
    first_of_week?: boolean;
    first_of_month?: boolean;
}
/** What a first play on `day` says, if the last day with one was `last` (undefined: never). */
export declare function firstDays(day: string, last: string | undefined): FirstDays;
