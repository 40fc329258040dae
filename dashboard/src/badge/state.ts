// The states of a badge: each has a colour, a shape and a word; none is told by colour alone.
import { svg } from "../ui/dom";

export type BadgeState = "unverified" | "verifying" | "verified" | "failed" | "unavailable";

export const STATE_WORDS: Record<BadgeState, string> = {
  unverified: "Verify",
  verifying: "Verifying…",
  verified: "Verified",
  failed: "Failed",
  unavailable: "Not checked",
};

/** A seal, a clock, a tick, a cross, a question; on a grid of 16. */
const SHAPES: Record<BadgeState, string> = {
  unverified: "M8 1.5 L13.5 3.5 V8 C13.5 11 11 13.5 8 14.5 C5 13.5 2.5 11 2.5 8 V3.5 Z",
  verifying: "M8 2 A6 6 0 1 0 14 8 M8 4.5 V8 L10.5 9.5",
  verified: "M3 8.5 L6.5 12 L13 4.5",
  failed: "M4 4 L12 12 M12 4 L4 12",
  unavailable: "M5.5 6 A2.5 2.5 0 1 1 8 8.5 V10 M8 12.6 V12.7",
};

export const stateIcon = (state: BadgeState): SVGElement =>
  svg(
    "svg",
    { class: "badge-icon", viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: SHAPES[state] }),
  );
