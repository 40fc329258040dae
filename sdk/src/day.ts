/**
 * UTC days as `YYYY-MM-DD` (they compare as text). Belongs here: the calendar. Does not belong here:
 * what is remembered of a day (`memory`).
 */
const DAY_MS = 86_400_000;

export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

export function dayStartMs(day: string): number {
  return Date.parse(day);
}

/** Milliseconds from `ms` to a second after the next midnight: timers may be early. */
export function untilMidnight(ms: number): number {
  return DAY_MS - (ms % DAY_MS) + 1_000;
}

/** The Monday on or before `day` (ISO 8601 weeks). */
export function mondayOf(day: string): string {
  const start = dayStartMs(day);
  return dayOf(start - ((new Date(start).getUTCDay() + 6) % 7) * DAY_MS);
}

export interface FirstDays {
  first_of_week?: boolean;
  first_of_month?: boolean;
}

/** What a first play on `day` says, if the last day with one was `last` (undefined: never). */
export function firstDays(day: string, last: string | undefined): FirstDays {
  // Said already; or the clock had been ahead, and nothing is known.
  if (last !== undefined && last >= day) return {};
  const since = last ?? "";
  return { first_of_week: since < mondayOf(day), first_of_month: since < `${day.slice(0, 8)}01` };
}
