// How a total changed against the days before: said only where it is more than the errors allow.
import type { Total } from "../api/types";
import { percent } from "./format";

export interface Change {
  /** to be followed by what is compared with */
  text: string;
  direction: "up" | "down" | "level";
}

/** Null where the two cannot be compared: one is not there, or a lower bound. */
export function describeChange(now: Total, before: Total): Change | null {
  if (!now || !before || now.missing_days || before.missing_days || before.value <= 0) return null;
  if (now.days !== before.days) return null;
  const difference = now.value - before.value;
  if (Math.abs(difference) <= Math.hypot(now.error_95, before.error_95)) {
    return { text: "within the error of", direction: "level" };
  }
  const share = percent(Math.abs(difference / before.value), 0);
  return difference > 0
    ? { text: `${share} more than`, direction: "up" }
    : { text: `${share} less than`, direction: "down" };
}
