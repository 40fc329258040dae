// The days that a page shows, and those before them.
import type { Query } from "../api/client";
import type { Context } from "../app";
import { dayNumber, dayOfNumber, daysBetween } from "./format";

/** The chosen days as the address has them, or the platform's last 30. */
export function chosenDays(context: Context): { first: string; last: string } {
  const { platform, query } = context;
  const last = query.get("to") ?? platform.last_day ?? "";
  const start = dayOfNumber(dayNumber(last) - 29);
  const earliest = platform.first_day && platform.first_day > start ? platform.first_day : start;
  return { first: query.get("from") ?? earliest, last };
}

/** As many days right before the chosen ones; null if the platform has not that many. */
export function daysBefore(context: Context): (Query & { from: string; to: string }) | null {
  const { first, last } = chosenDays(context);
  const length = daysBetween(first, last);
  const from = dayOfNumber(dayNumber(first) - length);
  if (!context.platform.first_day || from < context.platform.first_day) return null;
  return { from, to: dayOfNumber(dayNumber(first) - 1) };
}
